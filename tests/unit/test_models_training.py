"""Training and its audits on data whose truth is known."""

import dataclasses
import re
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import models_data
from euthymia.app.training import beside_words
from euthymia.evaluation.estimate import Estimate
from euthymia.ground.errors import SchemaError
from euthymia.models import validate
from euthymia.models.audits.run import audit
from euthymia.models.bundle import make_bundle
from euthymia.models.estimators import linear, logistic
from euthymia.models.estimators.contract import Choice, Sample
from euthymia.models.report import _roc
from euthymia.models.tasks import tasks
from euthymia.models.train import copies_as_one, refuse_too_few, train

NOW = 1_764_000_000_000_000


_ELSEWHERE = "At sites it had not seen the model is not shown to be better than chance"


def _train(frame, **changed):
    options = {"seed": 1, "synthetic": False, "now": NOW} | changed
    return train(tasks()[frame.task], frame, **options)


@pytest.fixture(scope="module")
def planted():
    return _train(models_data.frame())


def test_a_planted_signal_is_found_and_calibrated(planted):
    assert planted.metrics["auc"].low > 0.65
    assert planted.metrics["auc"].chance == 0.5
    assert planted.metrics["calibration_slope"].low < 1 < planted.metrics["calibration_slope"].high
    assert planted.metrics["net_benefit_gain"].low > 0
    assert planted.audits["confounds"]["verdict"] == "not explained by metadata"
    assert planted.audits["shuffled labels"]["shuffled_mean"] == pytest.approx(0.5, abs=0.06)


NO_CHANCE = {"calibration_in_the_large", "calibration_slope", "ici", "e50", "e90", "ece"}


def test_every_metric_has_an_interval_and_a_chance_level_where_that_means_something(planted):
    assert {"auc", "auprc", "brier", "log_loss", "ici", "ece", "net_benefit"} <= set(
        planted.metrics
    )
    for name, found in planted.metrics.items():
        assert found.low <= found.high, name
        assert (found.chance is None) == (name in NO_CHANCE), name
    names = list(planted.metrics)  # what is about calibration stands together
    assert names[names.index("calibration_slope") + 1 :][:3] == ["ici", "e50", "e90"]
    rate = planted.frame.y.mean()
    assert planted.metrics["auc_new_site"].chance == planted.metrics["auc"].chance
    assert planted.metrics["auprc"].chance == pytest.approx(rate)
    assert planted.metrics["brier"].chance == pytest.approx(rate * (1 - rate))


def test_training_is_the_same_with_the_same_seed(planted):
    again = _train(models_data.frame())
    assert again.metrics == planted.metrics
    assert again.report_html == planted.report_html
    np.testing.assert_array_equal(again.fitted.heads, planted.fitted.heads)


def test_nothing_is_found_in_noise():
    found = _train(models_data.frame(signal=0.0, seed=3))
    assert found.metrics["auc"].low < 0.5 < found.metrics["auc"].high
    assert found.audits["confounds"]["verdict"] == "no better than chance: not evidence"
    assert found.audits["sites"]["verdict"].startswith("not shown to be better than chance at")
    assert _ELSEWHERE in found.report_html[: found.report_html.index("What was asked")]


def test_a_planted_date_makes_the_verdict_and_opens_the_report_in_the_words_of_the_audit():
    frame = models_data.frame(rows=1, people=120, seed=5)
    season = np.where(frame.y == 1, "summer", "winter")
    found = _train(dataclasses.replace(frame, metadata={**frame.metadata, "season": season}))
    assert found.audits["confounds"]["verdict"] == "confounded: not evidence"
    (said,) = found.audits["confounds"]["findings"]
    day = np.where(frame.y == 1, 182, 0) + 19_000
    table = {"ill": frame.y, "when": day.astype("datetime64[D]"), "x": frame.x[:, 0]}
    told = next(f for f in audit(table, outcome="ill").findings if "when" in f.columns)
    assert (said["weight"], told.weight) == ("stop", "stop")
    words = [
        re.search(
            r" alone tells the outcome with an AUC of 1.00 .* more than all measure"
            r"ments together",
            w,
        )
        for w in (said["words"], told.words)
    ]
    assert all(words)
    head = found.report_html[: found.report_html.index("What was asked")]
    assert "season (1.00)" in head
    assert "not evidence" in head


def test_a_model_that_a_single_score_equals_says_so_first_of_all():
    """The only signal is in one feature: the model can do no better than that feature alone."""
    frame = models_data.frame(signal=0.0, seed=5, task=models_data.RELAPSE)
    rng = np.random.default_rng(1)
    x, last = frame.x.copy(), frame.names.index("phq9.last")
    x[:, last] = np.clip(np.round(4 + 5 * frame.y + 2 * rng.normal(size=frame.y.size)), 0, 27)
    found = _train(dataclasses.replace(frame, x=x))
    assert found.fitted.choice.features == "clinical only"
    bundle = make_bundle(found, 1)  # it was judged on people with data, so it abstains without
    assert bundle.min_coverage == tasks()[models_data.RELAPSE].min_coverage > 0
    assert "less than 30% of the days" in bundle.card["abstains"]
    said = "not shown to beat last PHQ-9 alone"
    assert found.audits["baselines"]["verdict"] == said
    assert said in found.report_html[: found.report_html.index("What was asked")]
    assert said in bundle.card["evidence"]
    words = beside_words({"audits": found.audits, "baselines": found.audits["baselines"]["rows"]})
    assert words[0].startswith("best trivial model, last PHQ-9 alone: AUC 0.9")
    assert words[1] == f"audit baselines: {said}"


def test_splitting_rows_flatters_and_the_report_says_by_how_much():
    """Each person's label is constant and their features alike: rows of one person leak."""
    rng = np.random.default_rng(1)
    person = np.repeat(np.arange(50), 10)
    x = rng.normal(size=(500, 60)) + 3 * rng.normal(size=(50, 60))[person]
    label = (person % 2).astype(float)
    sample = Sample(x, label, person.astype(str))
    choice = Choice("all", {"penalty": 3.0}, ())
    found = validate.leakage(logistic.MODEL, sample, np.arange(60), choice, seed=1)
    assert found.by_row > 0.9
    assert found.by_person < 0.7


def test_copies_of_people_are_never_on_both_sides_of_a_split():
    frame = models_data.frame(people=60, rows=1, clumped=0.0)
    again = frame.rows(np.arange(10))
    twice = dataclasses.replace(
        frame,
        x=np.vstack([frame.x, again.x]),
        y=np.r_[frame.y, again.y],
        person=np.r_[frame.person, np.char.add("q", again.person)],
    )
    alike, pairs = copies_as_one(twice, 1)
    assert pairs == 10
    assert alike.person[60:].tolist() == frame.person[:10].tolist()
    sample = Sample(alike.x, alike.y, alike.person)
    for split in validate.outer_splits(sample, 1):
        inside = np.isin(np.arange(60, 70), split.test)
        np.testing.assert_array_equal(inside, np.isin(np.arange(10), split.test))


def test_sites_are_left_out_in_turn_and_one_site_is_not_an_external_test(planted):
    assert len(planted.audits["sites"]["sites"]) == 3
    assert "auc_new_site" in planted.metrics
    assert planted.audits["sites"]["verdict"].startswith("AUC ")
    assert _ELSEWHERE not in planted.report_html
    single = _train(models_data.frame(sites=1, people=40, rows=4))
    assert "not externally tested" in single.audits["sites"]["verdict"]
    assert "Not externally tested" in single.report_html


@pytest.mark.parametrize(("people", "events"), [(20, 10), (60, 9)])
def test_too_few_people_are_refused_with_the_rule(people, events):
    frame = models_data.frame(people=people, rows=1)
    label = (np.arange(people) < events).astype(float)
    with pytest.raises(SchemaError, match="at least 30, of whom 10 with and 10 without"):
        refuse_too_few(dataclasses.replace(frame, y=label))


def test_a_frame_of_another_task_is_refused():
    with pytest.raises(SchemaError, match="not those of relapse"):
        train(tasks()[models_data.RELAPSE], models_data.frame(), seed=1, synthetic=False, now=NOW)


def test_progress_ends_at_its_total():
    seen = []
    _train(models_data.frame(people=40, rows=3), progress=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] <= seen[-1][1]


# -- the report --------------------------------------------------------------------------------
def test_the_roc_plot_is_of_the_auc_that_is_reported():
    """A fold whose model predicts higher for everybody does not bend the curve."""
    rng = np.random.default_rng(1)
    y, strata = rng.integers(0, 2, 200).astype(float), np.arange(200) % 2
    p = 0.2 * y + 0.2 * rng.uniform(size=200)
    asked = SimpleNamespace(
        weights=np.ones((2, 200)),
        metrics={"auc": Estimate(0.9, 0.8, 1.0, 0.5)},
        task=SimpleNamespace(threshold=0.0),
    )
    drawn = []
    for shift in (0.0, 0.5):
        asked.held_out = SimpleNamespace(y=y, p=p + shift * strata, strata=strata)
        drawn.append(_roc(asked))
    assert drawn[0] == drawn[1]


def test_the_report_refers_to_nothing_outside_and_runs_nothing(planted):
    assert not re.search(r"https?://|<script|<link|<img|@import|url\(|src=", planted.report_html)
    assert planted.report_html.count("<svg") >= 5
    assert "SIMULATED" not in planted.report_html


def test_simulated_data_are_marked_everywhere():
    found = _train(models_data.frame(people=40, rows=3), synthetic=True)
    assert "SIMULATED DATA" in found.report_html
    assert "The data come from a simulator" in found.report_html


def test_what_comes_from_the_data_is_escaped():
    frame = models_data.frame(people=60, rows=2)
    hostile = np.where(frame.groups["sex"] == "male", "<script>alert(1)</script>", "x&y")
    frame = dataclasses.replace(
        frame, site=hostile, groups={"<b>": hostile}, metadata={"<i>": hostile}
    )
    report = _train(frame).report_html
    assert "<script" not in report
    assert "<b>" not in report
    assert "<i>" not in report
    assert "&lt;script&gt;" in report


# -- the estimator -----------------------------------------------------------------------------
def test_the_fit_equals_scikit_learn_on_the_same_columns():
    frame = models_data.frame()
    sample = Sample(frame.x, frame.y, frame.person)
    prepared, beta = logistic.plain_fit(sample, np.arange(frame.x.shape[1]), 30.0)
    z = prepared.apply(frame.x)
    reference = LogisticRegression(C=1 / 30.0, tol=1e-10, max_iter=5000).fit(z, frame.y)
    np.testing.assert_allclose(beta[1:], reference.coef_[0], atol=1e-4)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(axis=0), 1, atol=1e-9)


def test_preparation_leaves_out_what_is_unknown_or_constant_and_shares_indicators():
    x = np.column_stack(
        [np.arange(100.0), np.full(100, 7.0), np.full(100, np.nan), np.arange(100.0)]
    )
    x[:30, 0] = np.nan
    x[:30, 3] = np.nan
    prepared = linear.prepare(x, np.arange(4))
    assert prepared.columns.tolist() == [0, 3]
    assert prepared.indicators.tolist() == [0]
    assert prepared.fill.tolist() == [64.5, 64.5]


def test_percentiles_equal_numpy():
    x = np.random.default_rng(1).normal(size=(57, 9))
    x[np.random.default_rng(2).uniform(size=x.shape) < 0.3] = np.nan
    expected = np.nanpercentile(x, (50.0, 1.0, 99.0), axis=0)
    np.testing.assert_allclose(linear._percentiles(x, (50.0, 1.0, 99.0)), expected)


def test_intervals_hold_the_probability_and_narrow_with_more_people():
    widths = []
    for people in (40, 160):
        frame = models_data.frame(people=people, rows=4, seed=9)
        columns = [("all", np.arange(frame.x.shape[1]))]
        fitted = logistic.fit(Sample(frame.x, frame.y, frame.person), columns, seed=1)
        p, low, high = fitted.predict_interval(frame.x)
        assert (low <= p).all()
        assert (p <= high).all()
        widths.append((high - low).mean())
    assert widths[1] < widths[0]
