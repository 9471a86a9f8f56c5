"""After training: roll-back, shadow, champion and challenger, change plans, self-audits."""

import dataclasses
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

import estimator_cases as cases
import models_data
from euthymia.evaluation.confounds import NOTHING_ASKED
from euthymia.ground.clock import DAY_US
from euthymia.ground.errors import EuthymiaError, MissingError, SchemaError
from euthymia.models import challenge, change_plan
from euthymia.models.registry import Registry
from euthymia.models.self_audit import PEOPLE, PROBAST, TRIPOD, UNKNOWN, self_audit, summary
from euthymia.models.serve import Served
from euthymia.models.wording import abstains
from euthymia.security.keys import Keyring

PLAN = """
task = "actigraphy-depression"
version = 1
purpose = "Follow the clinic's patients as they change."
approved_by = "the model board"
approved_on = 2026-01-10
review_by = 2027-01-10
if_not_met = "The model in use stays in use."
monitoring = "Calibration and alerts a month; roll back where the slope leaves 0.7 to 1.3."

[allowed]
data = true

[protocol]
least_people = 100
auc_low = 0.55
auc_loss = 0.02
slope = [0.8, 1.25]
external = false
"""
NOW = datetime(2026, 6, 1, tzinfo=UTC)
ADOPTED = datetime(1969, 1, 1, tzinfo=UTC)  # before the bundle of `cases` was trained


@pytest.fixture(scope="module")
def bundle():
    return cases.bundle("logistic")


def _with(bundle, **card):
    return msgspec.structs.replace(bundle, card={**bundle.card, **card})


def _plan(text=PLAN, **changed):
    plan = change_plan.read_plan(text.encode(), where="plan.toml")
    return msgspec.structs.replace(plan, **changed) if changed else plan


def _figure(estimate, low=None):
    return {"estimate": estimate, "low": low, "high": None, "chance": None}


# -- the plan ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 0", "version counts from 1"),
        ("version = 1", "", "missing required field `version`"),
        ("data = true", "data = true\nweights = true", "unknown field `weights`"),
        ("auc_low = 0.55", "auc_low = 'high'", r"protocol\.auc_low"),
        ("auc_low = 0.55", "auc_low = 0.3", "between 0.5 and 1"),
        ("slope = [0.8, 1.25]", "slope = [1.1, 1.25]", "a range around 1"),
        ("review_by = 2027-01-10", "review_by = 2025-01-10", "review_by lies after"),
        ('approved_by = "the model board"', 'approved_by = " "', "approved_by is empty"),
        ("[protocol]", "[protocol", "not TOML"),
    ],
)
def test_a_plan_that_is_not_one_is_refused_with_the_place(old, new, says):
    assert old in PLAN
    with pytest.raises(SchemaError, match=says) as error:
        _plan(PLAN.replace(old, new))
    assert str(error.value).startswith("plan.toml: ")


def test_a_candidate_within_the_plan_has_no_violation(bundle):
    good = _with(bundle, metrics={"auc": _figure(0.8, 0.7), "calibration_slope": _figure(1.0)})
    newer = msgspec.structs.replace(good, trained_on="f" * 64, version=2)
    assert change_plan.changes(newer, good) == ("data",)
    assert change_plan.violations(_plan(), newer, good, adopted_at=ADOPTED, now=NOW) == ()


def test_everything_outside_the_plan_is_named(bundle):
    held = _with(bundle, metrics={"auc": _figure(0.9), "calibration_slope": _figure(1.0)})
    held = msgspec.structs.replace(held, synthetic=False)
    other = _with(
        bundle,
        metrics={"auc": _figure(0.6, 0.52), "calibration_slope": _figure(0.5)},
        people=20,
        outcome="something else",
    )
    other = msgspec.structs.replace(
        other, estimator="lightgbm", threshold=0.7, schema_digest="0" * 64, evidence="not evidence"
    )
    late = datetime(2030, 1, 1, tzinfo=UTC)
    found = change_plan.violations(_plan(), other, held, adopted_at=late, now=late)
    for words in (
        "not predetermined",
        "reviewed by 2027-01-10",
        "a change of features",
        "a change of estimator",
        "a change of threshold",
        "a change of population",
        "synthetic",
        "20 people",
        "lower end of its AUC",
        "slope is not within",
        "its audits say",
        "more than 0.02 below",
    ):
        assert any(words in line for line in found), words


def test_a_figure_that_is_not_there_meets_no_rule(bundle):
    none = _with(bundle, metrics={})
    found = change_plan.violations(_plan(), none, None, adopted_at=ADOPTED, now=NOW)
    assert any("AUC" in line for line in found)
    assert any("slope" in line for line in found)
    assert change_plan.violations(_plan(task="another"), none, None, adopted_at=ADOPTED, now=NOW)[
        0
    ] == ("the plan is for another")


# -- the registry --------------------------------------------------------------------------------
@pytest.fixture
def registry(tmp_path, bundle):
    made = Registry(tmp_path / "models", Keyring.create(tmp_path / "keys"))
    for _ in range(3):
        made.add_bundle(bundle)
    return made


NAME = "actigraphy-depression"


def _states(registry):
    return [m.state for m in registry.list()]


def test_rolling_back_goes_back_one_release_after_the_other(registry):
    for version in (1, 2, 3):
        registry.release(f"{NAME}@{version}")
    assert registry.rollback(NAME, because="worse").version == 2
    assert _states(registry) == ["superseded", "released", "superseded"]
    assert registry.rollback(NAME, because="worse still").version == 1
    with pytest.raises(MissingError, match="none to go back"):
        registry.rollback(NAME, because="again")
    registry.release(f"{NAME}@3")
    assert registry.rollback(NAME, because="no").version == 1
    assert [e.action for e in registry.history()][-2:] == ["release", "rollback"]
    assert registry.history()[-1].because == "no"
    assert registry.verify() == []


def test_rolling_back_needs_a_reason_and_something_released(registry):
    with pytest.raises(MissingError, match="released"):
        registry.rollback(NAME, because="x")
    registry.release(f"{NAME}@1")
    with pytest.raises(EuthymiaError, match="without a reason"):
        registry.rollback(NAME, because=" ")


def test_one_model_is_in_the_shadow_and_never_the_one_in_use(registry):
    registry.release(f"{NAME}@1")
    assert registry.shadow_of(NAME) is None
    registry.shadow(f"{NAME}@2")
    assert registry.shadow(f"{NAME}@3").state == "shadow"
    assert _states(registry) == ["released", "candidate", "shadow"]
    assert registry.shadow_of(NAME).version == 3
    assert registry.load_released(NAME)[0].version == 1
    with pytest.raises(EuthymiaError, match="is in use"):
        registry.shadow(f"{NAME}@1")
    registry.release(f"{NAME}@3")
    assert registry.shadow_of(NAME) is None
    assert registry.verify() == []


# -- champion and challenger -----------------------------------------------------------------------
@pytest.fixture(scope="module")
def later():
    """Rows after training, whose outcome follows the first two features as in `cases`."""
    model = cases.estimator("logistic")
    rows = cases.sample(model, seed=77, people=300, rows=1)
    frame = models_data.frame(people=300, rows=1)
    return dataclasses.replace(
        frame, x=rows.x, y=rows.y, at=np.full(300, DAY_US), person=rows.person
    )


def _noise(bundle):
    """Return the same model with its coefficients turned around: worse than chance."""
    fitted = cases.fitted("logistic")
    turned = dataclasses.replace(
        fitted, coefficients=-fitted.coefficients, heads=-fitted.heads, intercept=fitted.intercept
    )
    return msgspec.structs.replace(
        bundle, onnx=turned.to_onnx(cases.FEATURES), columns=turned.columns(), version=2
    )


def test_a_worse_challenger_is_called_so_and_the_same_is_not_shown_to_differ(bundle, later):
    live = Served(bundle, "a" * 64)
    same = challenge.compare(live, Served(bundle, "b" * 64), later, seed=1)
    assert same.verdict == "not shown to differ"
    assert same.agree == 1.0
    assert same.apart == (0.0, 0.0)
    worse = challenge.compare(live, Served(_noise(bundle), "b" * 64), later, seed=1)
    assert worse.verdict == "the challenger is worse"
    assert worse.figures[0].ahead.high < 0
    better = challenge.compare(Served(_noise(bundle), "b" * 64), live, later, seed=1)
    assert better.verdict.startswith("the challenger is better")
    page = challenge.render(better, title="<b>", made_at="2026", history=["a <run>"])
    assert "SIMULATED DATA" in page
    assert "<run>" not in page
    assert "<b>" not in page
    assert challenge.plain_comparison(better)["challenger"]["model"].endswith("@1")
    assert "Not externally tested" not in page


def test_the_page_says_which_of_them_was_never_tested_elsewhere(bundle, later):
    verdicts = {"sites": "not externally tested: fewer than two sites could be left out"}
    card = {**bundle.card, "verdicts": verdicts}
    alone = msgspec.structs.replace(bundle, card=card, version=2)
    found = challenge.compare(Served(bundle, "a" * 64), Served(alone, "b" * 64), later, seed=1)
    assert found.untested == (f"{bundle.name}@2",)
    assert "@2: Not externally tested" in challenge.render(found, title="t", made_at="2026")


def test_with_too_little_that_neither_saw_nothing_is_claimed(bundle, later):
    live = Served(bundle, "a" * 64)
    few = later.rows(np.arange(8))
    found = challenge.compare(live, live, few, seed=1)
    assert found.verdict == "too early to say"
    assert found.figures == ()
    assert challenge.plain_comparison(found)["people"] is None  # a small cell
    nothing = challenge.compare(live, live, later.rows(np.arange(0)), seed=1)
    assert nothing.rows == 0
    assert "too early to say" in challenge.render(nothing, title="t", made_at="2026")


def test_only_dates_whose_outcome_was_open_at_training_count(later):
    at = np.arange(300) * DAY_US
    frame = dataclasses.replace(later, at=at)
    kept = challenge.unseen(frame, 30, [100 * DAY_US, 200 * DAY_US])
    assert kept.at.min() == 171 * DAY_US


# -- self-audits -----------------------------------------------------------------------------------
def test_of_a_table_nobody_claims_what_was_not_declared_or_asked(bundle):
    """What was never asked is no information, and never a yes."""
    card = bundle.card | {
        "declared": False,
        "index_dates_seen": [],
        "lookback_days": 0,
        "horizon_days": 0,
        "verdicts": {"confounds": NOTHING_ASKED, "columns": "nothing found in the columns"},
    }
    by = {(i.checklist, i.number): i for i in self_audit(card)}
    assert by["PROBAST+AI", "1.2"].status == UNKNOWN
    assert by["PROBAST+AI", "2.1"].status == UNKNOWN
    assert by["TRIPOD+AI", "5b"].status == PEOPLE
    assert by["TRIPOD+AI", "20c"].status == "not run"  # no site could be left out
    assert "slope" in by["TRIPOD+AI", "12f"].evidence
    plain = {i.number: i.evidence for i in self_audit(card) if i.checklist == "TRIPOD+AI"}
    assert "At a time that the table fixes" in plain["8a"]
    assert abstains(0.0, float("inf")).startswith("Where more than a tenth")


def test_every_item_is_answered_from_what_was_run(bundle):
    items = bundle.card["self_audit"]
    assert len(items) == len(TRIPOD) + len(PROBAST)
    assert all(item["status"] and item["evidence"] for item in items)
    by = {(i["checklist"], i["number"]): i for i in items}
    assert f"{len(bundle.people)} people" in by["TRIPOD+AI", "21"]["evidence"]
    assert by["TRIPOD+AI", "17"]["status"] == PEOPLE
    assert by["TRIPOD+AI", "12d"]["status"] == "not run"  # the bundle of `cases` had no such audit
    assert by["PROBAST+AI", "1.1"]["status"] == "no"  # simulated
    assert by["PROBAST+AI", "4.8"]["status"] == "no"
    told = summary(items)
    assert told.startswith("TRIPOD+AI: ")
    assert "PROBAST+AI: " in told
