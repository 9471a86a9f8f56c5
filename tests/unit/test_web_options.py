"""Treatment options: a course that goes well or not, evidence and a certificate from a folder."""

import json
from pathlib import Path

import pytest

import models_data
from euthymia.app.web.going import NO_MODEL, going
from euthymia.app.web.options import Wanted, kept, options_of, wanted_of
from euthymia.ground import codes
from euthymia.ground.clock import DAY_US
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.models.contract import SubjectData
from models_data import DAY0

EVIDENCE = """study,treatment,outcome,events,n,condition
a,placebo,response,30,100,depression
a,one,response,48,100,depression
b,placebo,response,28,90,depression
b,two,response,40,90,depression
"""


def told(*scores: tuple[float, float], day: float):
    """Return what is said on a day of a course that began on day 2, with PHQ-9 scores."""
    rows = [((DAY0 + 2) * DAY_US, "RxNorm/36437", None, "sertraline 50 MG")]
    rows += [(int((DAY0 + at) * DAY_US), codes.PHQ9_TOTAL, score, None) for at, score in scores]
    now = int((DAY0 + day) * DAY_US)
    data = SubjectData("p-x", models_data.observations(sorted(rows)), {}, {}, now)
    return going(data, None, (), now, may_ask=True)


@pytest.mark.parametrize(
    ("scores", "day", "rule"),
    [
        ([(0, 16.0), (15, 15.0)], 17, "Less than 20 % better after two weeks: the rule says to"),
        ([(0, 16.0), (15, 12.0)], 17, "At least 20 % better: the rule says to go on"),
        ([(0, 16.0), (8, 15.0)], 9, "Less than 20 % better so far; the rule is asked after two"),
        ([(0, 16.0)], 17, "The rule needs a PHQ-9 since the start"),
    ],
)
def test_the_rule_goes_by_the_scores_since_the_drug_was_begun(scores, day, rule) -> None:
    found = told(*scores, day=day)
    assert found.rule.startswith(rule)
    assert found.model == NO_MODEL
    assert "PHQ-9 16 before it" in found.course


def test_where_no_course_is_in_its_first_weeks_it_says_so() -> None:
    assert "no antidepressant was begun" in told((0, 16.0), (40, 9.0), day=60).course
    assert "not in an episode" in told((0, 5.0), day=10).course
    assert told((0, 5.0), day=10).rule == ""


def test_a_role_that_may_not_ask_sees_the_rule_and_no_estimate() -> None:
    rows = [(DAY0 * DAY_US, codes.PHQ9_TOTAL, 16.0, None)]
    rows += [((DAY0 + 2) * DAY_US, "RxNorm/36437", None, "sertraline 50 MG")]
    now = (DAY0 + 10) * DAY_US
    data = SubjectData("p-x", models_data.observations(rows), {}, {}, now)
    assert "not part of your role" in going(data, None, (), now, may_ask=False).model


def test_the_certificate_lies_beside_the_evidence(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text(EVIDENCE, encoding="utf-8")
    assert (
        "No rule that chooses by person"
        in options_of(tmp_path, str(tmp_path), Wanted()).rule.headline
    )
    gain = {"estimate": 0.1, "low": -0.2, "high": 0.4}
    checks = {"conditions": [{"name": "honest gain", "met": False, "said": "too small"}]}
    printed = {"certified": False, "honest_gain": gain, "best_arm": "one", "why": "no gain"}
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps(printed | {"detail": checks}), encoding="utf-8")
    rule = options_of(tmp_path, str(tmp_path), Wanted()).rule
    assert rule.headline.startswith("Choosing by person was refused: one")
    assert rule.checks == (("honest gain", False, "too small"),)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(SchemaError, match="certify --json"):
        options_of(tmp_path, str(tmp_path), Wanted(avoid=("itching",)))


def test_wishes_that_the_evidence_does_not_know_are_refused(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text(EVIDENCE, encoding="utf-8")
    with pytest.raises(SchemaError, match="no evidence names"):
        options_of(tmp_path, str(tmp_path), Wanted(ruled_out=("nothing",)))
    with pytest.raises(SchemaError, match="a weight is a number"):
        options_of(tmp_path, str(tmp_path), wanted_of({"avoid": "itching=1..2"}))
    with pytest.raises(MissingError):
        options_of(tmp_path / "home", None, Wanted())
    assert kept(Wanted(avoid=("a=2", "b"), prefer=("one",)).text()) == Wanted(
        ("a=2", "b"), ("one",)
    )
