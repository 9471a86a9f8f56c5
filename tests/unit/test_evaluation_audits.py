"""Intervals, groups and the confound audit on data whose truth is known."""

import numpy as np
import pytest

from euthymia.evaluation import calibration, confounds, discrimination, resample
from euthymia.evaluation.chance import chance_levels
from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.fairness import fairness_tables
from euthymia.evaluation.net_benefit import decision_curve, gain_at, net_benefit, net_benefit_all
from euthymia.evaluation.splits import person_folds


def _people(seed, people=80, rows=6, signal=1.5):
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), rows)
    trait = rng.normal(size=people)
    z = signal * trait[person] - 0.5
    y = (rng.uniform(size=person.size) < 1 / (1 + np.exp(-z))).astype(float)
    return y, 1 / (1 + np.exp(-z)), person


def test_a_perfect_model_is_calibrated_within_its_intervals():
    y, p, person = _people(1)
    found = resample.estimates(
        {
            "large": calibration.calibration_in_the_large,
            "slope": calibration.calibration_slope,
            "auc": discrimination.auc,
        },
        y,
        p,
        person,
        seed=1,
        chance={"auc": 0.5},
    )
    assert found["large"].low < 0 < found["large"].high
    assert found["slope"].low < 1 < found["slope"].high
    assert found["auc"].low < found["auc"].estimate < found["auc"].high
    assert found["auc"].chance == 0.5
    assert found["slope"].chance is None


@pytest.mark.parametrize("threshold", [0.1, 0.5])
def test_chance_is_what_predicting_the_prevalence_scores(threshold):
    y, _, _ = _people(9)
    flat, once = np.full(y.size, y.mean()), np.ones((1, y.size))
    metrics = {
        "auc": discrimination.auc,
        "auprc": discrimination.auprc,
        "brier": discrimination.brier,
        "log_loss": discrimination.log_loss,
        "net_benefit_gain": gain_at(threshold),
    }
    levels = chance_levels(y, threshold)
    for name, metric in metrics.items():
        assert levels[name] == pytest.approx(metric(y, flat, once)[0]), name
    assert levels["net_benefit"] == max(0, net_benefit_all(y, once, threshold)[0])
    assert set(chance_levels(y)) == set(levels) - {"net_benefit", "net_benefit_gain"}


def test_estimates_are_the_same_with_the_same_seed():
    y, p, person = _people(2, people=30)
    runs = [
        resample.estimates({"auc": discrimination.auc}, y, p, person, seed=s) for s in (5, 5, 6)
    ]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.slow
def test_person_bootstrap_covers_the_truth_and_row_bootstrap_does_not():
    truth, covered, naive, runs = 0.5, 0, 0, 150
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        person = np.repeat(np.arange(40), 8)
        y = (rng.uniform(size=40) < 0.5).astype(float)[person]
        p = rng.uniform(size=40)[person]  # no signal, but each person's rows agree
        by_person = resample.estimates(
            {"a": discrimination.auc}, y, p, person, seed=1, replicates=300
        )["a"]
        by_row = resample.estimates(
            {"a": discrimination.auc},
            y,
            p,
            np.arange(y.size),
            seed=1,
            replicates=300,
        )["a"]
        covered += by_person.low <= truth <= by_person.high
        naive += by_row.low <= truth <= by_row.high
    assert covered / runs > 0.88
    assert naive / runs < 0.65


def test_an_interval_from_too_few_usable_replicates_is_not_given():
    drawn = np.r_[np.full(60, np.nan), np.linspace(0.4, 0.6, 40)]
    assert np.isnan(resample.bca_interval(0.5, drawn, np.array([0.5, 0.5]))).all()


def test_the_interval_of_a_distance_holds_its_estimate():
    rng = np.random.default_rng(5)
    p = rng.uniform(0.2, 0.8, 400)
    y = (rng.uniform(size=400) < p).astype(float)
    metrics = {"ici": calibration.integrated_calibration_index, "e90": calibration.e90}
    for seed in range(3):
        found = resample.estimates(metrics, y, p, np.arange(400), seed=seed, replicates=200)
        for name, one in found.items():
            assert one.low <= one.estimate <= one.high, name


def test_distances_found_together_are_those_found_alone():
    rng = np.random.default_rng(6)
    p = rng.uniform(0.1, 0.9, 150)
    y = (rng.uniform(size=150) < p).astype(float)
    alone = {
        "ici": calibration.integrated_calibration_index,
        "e50": calibration.e50,
        "e90": calibration.e90,
    }
    asked = {"y": y, "p": p, "person": np.arange(150), "seed": 1, "replicates": 60}
    one = resample.estimates(alone, **asked)
    same = resample.estimates({}, **asked, together={calibration.DISTANCES: calibration.distances})
    assert same == one


def test_overconfident_predictions_show_a_slope_below_one_and_a_larger_ici():
    y, p, _ = _people(3, people=300)
    once = np.ones((1, y.size))
    extreme = 1 / (1 + np.exp(-3 * np.log(p / (1 - p))))
    assert calibration.calibration_slope(y, extreme, once)[0] == pytest.approx(1 / 3, abs=0.08)
    ours = calibration.integrated_calibration_index(y, p, once)[0]
    worse = calibration.integrated_calibration_index(y, extreme, once)[0]
    assert ours < 0.03
    assert worse > 0.08
    assert calibration.expected_calibration_error(y, extreme, once)[0] > 0.08


def test_calibration_curve_covers_all_rows():
    y, p, person = _people(4)
    weights = resample.bootstrap_weights(person, 200, np.random.default_rng(1))
    curve = calibration.calibration_curve(y, p, weights)
    assert sum(point.rows for point in curve) == y.size
    assert all(point.low <= point.observed <= point.high for point in curve)


def test_decision_curve_of_a_useless_model_is_one_of_the_trivial_ones():
    y, _, person = _people(5)
    weights = resample.bootstrap_weights(person, 50, np.random.default_rng(1))
    flat = np.full(y.size, y.mean())
    for point in decision_curve(y, flat, weights, np.linspace(0.05, 0.9, 9)):
        assert point.model in (0.0, pytest.approx(point.everybody))
    with pytest.raises(ValueError, match="between 0 and 1"):
        net_benefit(y, flat, weights, 1.0)


def test_folds_need_enough_people():
    with pytest.raises(ValueError, match="as many people as folds"):
        person_folds(np.array([0.0, 1.0]), np.array([1, 2]), folds=3, repeats=1, seed=1)


# -- groups ------------------------------------------------------------------------------------
def test_small_groups_are_hidden_and_cannot_be_found_by_subtraction():
    y, p, person = _people(6, people=60)
    who = np.where(person < 5, "a", np.where(person < 25, "b", "c"))
    (found,) = fairness_tables({"kind": who}, y, p, person, threshold=0.5, seed=1)
    table = {row.group: row for row in found.groups}
    assert table["a"].people is None
    assert table["a"].figures == {}
    assert table["b"].people is None  # the next smallest
    assert table["c"].people == 35
    assert table["c"].figures["auc"] is not None
    assert found.gap is None


def test_few_people_with_the_event_are_not_counted_out():
    y, p, person = _people(7, people=40, rows=1)
    y = np.zeros(40)
    y[:4] = 1
    kind = np.full(40, "all")
    (found,) = fairness_tables({"kind": kind}, y, p, person, threshold=0.5, seed=1)
    (row,) = found.groups
    assert row.people == 40
    assert row.having is None
    assert row.figures["false_negative_rate"] is None
    assert row.figures["auc"] is not None
    assert "fewer than 10" in row.note


def test_a_hidden_number_is_not_given_away_by_another_figure():
    y, p, person = _people(8, people=90, rows=1)
    who = np.repeat(["a", "b", "c"], [40, 30, 20])
    y = (np.arange(90) % 2).astype(float)
    y[70:] = 0
    y[70:76] = 1  # six of c: hidden, and so is b's number, which all others would give away
    (found,) = fairness_tables({"kind": who}, y, p, person, threshold=0.3, seed=1)
    a, b, c = found.groups
    assert (a.having, b.having, c.having) == (20, None, None)
    assert b.note
    assert a.figures["ppv"].chance == pytest.approx(0.5)
    assert b.figures["ppv"].chance is None
    shares = [e for row in (b, c) for e in row.figures.values() if e is not None]
    assert all(round(v, 2) == v for e in shares for v in (e.estimate, e.low, e.high))
    y[70:] = 1
    y[70:76] = 0  # few are free of the event: their number is people less those who have it
    (found,) = fairness_tables({"kind": who}, y, p, person, threshold=0.3, seed=1)
    assert found.groups[2].having is None


# -- confounds ---------------------------------------------------------------------------------
def _season(seed, people=60):
    rng = np.random.default_rng(seed)
    y = (np.arange(people) % 2).astype(float)
    month = np.where(y == 1, rng.integers(4, 10, people), rng.integers(1, 5, people))
    noise = np.array(["mon", "tue", "wed", "thu", "fri"])[rng.integers(0, 5, people)]
    return y, month.astype(str), noise, rng.normal(size=people)


def test_a_planted_confounder_is_named_and_the_result_refused():
    y, month, weekday, number = _season(1)
    rows = confounds.confound_audit(
        {"start month": month, "weekday": weekday, "noise": number}, y, np.arange(60), seed=1
    )
    assert rows[0].variable == "start month"
    assert rows[0].auc.estimate > 0.9
    verdict, why = confounds.confound_verdict(Estimate(0.86, 0.75, 0.94, 0.5), rows)
    assert verdict == "confounded: not evidence"
    assert "start month" in why
    assert "weekday" not in why


def test_noise_is_not_oriented_in_its_favour():
    """In-sample orientation of 60 people's noise averages about 0.56; held-out it does not."""
    found = []
    for seed in range(12):
        y, _, weekday, number = _season(seed)
        rows = confounds.confound_audit({"w": weekday, "n": number}, y, np.arange(60), seed=seed)
        found += [row.auc.estimate for row in rows]
        assert all(abs(row.auc.chance - 0.5) < 0.05 for row in rows)
    assert np.mean(found) < 0.53


@pytest.mark.slow
def test_few_noise_variables_pass_for_predictors():
    """Eight of them, 25 times: at a family-wise level of 0.05 one or two are to be expected."""
    passed = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        y = (rng.uniform(size=50) < 0.4).astype(float)
        made = {f"n{i}": rng.normal(size=50) for i in range(4)}
        made |= {f"c{i}": rng.integers(0, 5, 50).astype(str) for i in range(4)}
        rows = confounds.confound_audit(made, y, np.arange(50), seed=seed)
        passed += any(row.p_value <= confounds.LEVEL for row in rows)
    assert passed <= 4


def test_a_site_that_differs_does_not_explain_a_model_that_works_within_sites():
    rng = np.random.default_rng(4)
    site = rng.integers(0, 3, 150)
    trait = rng.normal(size=150)
    y = (rng.uniform(size=150) < 1 / (1 + np.exp(-(2.5 * trait + 2.0 * (site - 1))))).astype(float)
    person = np.arange(150)
    honest = confounds.ModelScores(person, trait, np.zeros(150, np.int64))
    sham = confounds.ModelScores(person, site + 0.01 * rng.normal(size=150), honest.strata)
    said = {}
    for name, model in (("honest", honest), ("sham", sham)):
        (row,) = confounds.confound_audit(
            {"site": site.astype(str)}, y, person, seed=1, model=model
        )
        auc = resample.estimates(
            {"auc": discrimination.auc}, y, model.p, person, seed=1, chance={"auc": 0.5}
        )["auc"]
        said[name] = confounds.confound_verdict(auc, (row,))[0]
        assert row.p_value <= confounds.LEVEL
    assert said == {"honest": "not explained by metadata", "sham": "confounded: not evidence"}


def test_a_variable_that_outdoes_the_model_stops_it_although_the_model_predicts_within_it():
    model, within = Estimate(0.70, 0.66, 0.74, 0.5), Estimate(0.65, 0.6, 0.7, 0.5)
    said = {}
    for low in (0.70, 0.74):
        row = confounds.ConfoundRow("date", Estimate(0.8, low, 0.9, 0.5), 0.005, within, "")
        assert row.rivals(model)
        assert not row.explains(model)
        said[low] = confounds.confound_verdict(model, (row,))
    assert said[0.70][0] == "not explained by metadata"
    assert said[0.74][0] == "confounded: not evidence"
    assert "better than the model" in said[0.74][1]


def test_a_variable_that_cannot_be_asked_says_why():
    y = np.tile([0.0, 1.0], 20)
    rows = confounds.confound_audit(
        {"site": np.full(40, "one"), "name": np.arange(40).astype(str), "len": np.full(40, 3.0)},
        y,
        np.arange(40),
        seed=1,
    )
    assert {row.variable: row.how for row in rows} == {
        "site": "the same for everybody",
        "name": "almost every person has a value of their own",
        "len": "the same for everybody",
    }


def test_a_model_no_better_than_chance_is_not_evidence():
    verdict, _ = confounds.confound_verdict(Estimate(0.55, 0.45, 0.65, 0.5), ())
    assert verdict == "no better than chance: not evidence"
    model = Estimate(0.75, 0.65, 0.85, 0.5)
    verdict, why = confounds.confound_verdict(model, (), shuffled_p=0.1)
    assert verdict == "no better than chance: not evidence"
    assert "labels dealt anew" in why


def test_nothing_asked_is_not_the_same_as_nothing_found():
    model = Estimate(0.75, 0.65, 0.85, 0.5)
    verdict, why = confounds.confound_verdict(model, ())
    assert verdict == "no metadata to ask"
    assert "open" in why
    verdict, why = confounds.confound_verdict(model, (), silent=7)
    assert verdict == "not explained by metadata"
    assert "None of the 7 signs" in why
