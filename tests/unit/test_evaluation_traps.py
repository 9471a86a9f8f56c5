"""Ways to fool oneself, each shown, and shown not to work here."""

import numpy as np
import pytest

from euthymia.evaluation import calibration, judge, timed, workload
from euthymia.evaluation.discrimination import auc, auc_within
from euthymia.evaluation.drifts import drift, stability_index
from euthymia.evaluation.fairness import fairness_tables
from euthymia.evaluation.logistic import fit_logistic, sigmoid
from euthymia.evaluation.net_benefit import decision_curve, gain_over_rule, net_benefit
from euthymia.evaluation.optimism import optimism_corrected
from euthymia.evaluation.resample import bootstrap_weights


def _ones(y):
    return np.ones((1, y.size))


# -- pooled out-of-fold AUC ----------------------------------------------------------------------
def test_pooling_predictions_of_left_out_groups_is_biased_below_chance():
    """No signal at all: predicting the mean of the others ranks each left-out group backwards."""
    pooled, within = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        group = np.repeat(np.arange(12), 8)
        y = rng.integers(0, 2, 96).astype(float)
        p = np.array([y[group != g].mean() for g in group])
        p = p + 1e-9 * rng.normal(size=96)  # a model without signal is not constant inside a group
        pooled.append(auc(y, p, _ones(y))[0])
        within.append(auc_within(y, p, _ones(y), group)[0])
    assert np.mean(pooled) < 0.35
    assert np.mean(within) == pytest.approx(0.5, abs=0.03)


# -- in-sample optimism --------------------------------------------------------------------------
def _fit(x, y, person, new):
    beta = fit_logistic(x, y, _ones(y), ridge=0.1, tolerance=1e-7)[0]
    return sigmoid(beta[0] + new @ beta[1:])


def test_most_of_an_apparent_auc_on_noise_is_taken_back():
    corrected, apparent = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x, y = rng.normal(size=(200, 6)), rng.integers(0, 2, 200).astype(float)
        found = optimism_corrected(_fit, auc, x, y, np.arange(200), seed=seed, replicates=20)
        corrected.append(found.corrected)
        apparent.append(found.apparent)
    assert np.mean(apparent) > 0.57
    assert np.mean(corrected) - 0.5 < 0.5 * (np.mean(apparent) - 0.5)


def test_optimism_draws_people_and_not_rows():
    """Rows of one person repeat: drawing rows would leave each person on both sides."""
    seen = []

    def fit(x, y, person, new):
        seen.append(np.unique(person).size)
        return _fit(x, y, person, new)

    rng = np.random.default_rng(1)
    who = np.repeat(np.arange(20), 5)
    y = rng.integers(0, 2, 20)[who].astype(float)
    x = rng.normal(size=(20, 3))[who]
    optimism_corrected(fit, auc, x, y, who, seed=1, replicates=5)
    assert seen == [20] * 6


# -- synthetic copies ----------------------------------------------------------------------------
def test_copies_of_people_make_intervals_too_narrow_unless_they_are_one_person():
    """Four copies with a little noise of each of 30 people look like 150 people."""
    rng = np.random.default_rng(4)
    person = np.tile(np.arange(30), 5)
    y, p = rng.integers(0, 2, 30)[person].astype(float), rng.uniform(size=30)[person]
    p = p + 0.001 * rng.normal(size=150)
    honest = auc(y, p, bootstrap_weights(person, 300, rng)).std()
    fooled = auc(y, p, bootstrap_weights(np.arange(150), 300, rng)).std()
    assert honest > 1.8 * fooled


# -- calibration ---------------------------------------------------------------------------------
def test_calibration_error_quantiles_are_those_of_the_distances():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.05, 0.95, 400)
    y = (rng.uniform(size=400) < p**2).astype(float)
    distance = np.abs(calibration.smoothed(y, p, _ones(y))[0] - p)
    assert calibration.e50(y, p, _ones(y))[0] == pytest.approx(
        np.quantile(distance, 0.5, method="inverted_cdf")
    )
    assert calibration.e90(y, p, _ones(y))[0] == pytest.approx(
        np.quantile(distance, 0.9, method="inverted_cdf")
    )
    ici = calibration.integrated_calibration_index(y, p, _ones(y))[0]
    assert ici == pytest.approx(distance.mean())
    with pytest.raises(ValueError, match="share"):
        calibration.calibration_error_quantile(0.0)


# -- net benefit of a guideline ------------------------------------------------------------------
def test_net_benefit_is_compared_with_the_guideline_rule():
    rng = np.random.default_rng(2)
    p = rng.uniform(size=600)
    y = (rng.uniform(size=600) < p).astype(float)
    rule = (p + 0.3 * rng.normal(size=600) > 0.5).astype(float)  # sees the same, less well
    weights = bootstrap_weights(np.arange(600), 200, rng)
    (point,) = decision_curve(y, p, weights, np.array([0.5]), rule)
    assert point.rule == pytest.approx((rule * y).sum() / 600 - (rule * (1 - y)).sum() / 600)
    assert point.model > point.rule
    assert point.ahead[1] > 0
    assert gain_over_rule(rule, 0.5)(y, p, _ones(y))[0] == pytest.approx(point.model - point.rule)
    assert net_benefit(y, rule, _ones(y), 0.5)[0] == pytest.approx(point.rule)


def test_judge_says_everything_with_intervals_and_chance():
    rng = np.random.default_rng(2)
    p = rng.uniform(0.02, 0.98, 200)
    y = (rng.uniform(size=200) < p).astype(int)
    found = judge(
        y.tolist(), p, threshold=0.5, rule=p > 0.7, workload=5, period=np.arange(200) // 20,
        replicates=100,
    )  # fmt: skip
    assert {"auc", "auprc", "ici", "e90", "ppv", "net_benefit_over_rule", "ppv_at_workload"} <= set(
        found
    )
    assert all(e.low <= e.estimate <= e.high for e in found.values())
    assert found["ppv"].chance == pytest.approx(y.mean())
    for wrong, says in (
        ({"p": p * 2}, "probabilities"),
        ({"y": y + 1}, "0 and 1"),
        ({"p": p[:-1]}, "one length"),
        ({"rule": p > 0.7}, "threshold"),
    ):
        with pytest.raises(ValueError, match=says):
            judge(**({"y": y, "p": p} | wrong))


# -- workload and lead time ----------------------------------------------------------------------
def test_the_k_most_at_risk_of_each_week():
    p = np.array([0.1, 0.9, 0.5, 0.5, 0.2, 0.3])
    week = np.array([1, 1, 1, 2, 2, 2])
    assert workload.most_at_risk(p, 2, week).tolist() == [0, 1, 1, 1, 0, 1]
    y = np.array([0.0, 1, 0, 1, 0, 0])
    found = workload.workload_figures(y, p, np.arange(6), k=2, period=week, seed=1)
    assert found["ppv"].estimate == 0.5
    assert found["number_needed_to_evaluate"].estimate == 2.0
    assert found["sensitivity"].estimate == 1.0
    assert found["ppv"].chance == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="at least one"):
        workload.most_at_risk(p, 0)


def test_lead_time_is_from_the_first_warning_in_the_window():
    at = np.array([0.0, 5, 10, 0, 5, 10])
    person = np.array(["a", "a", "a", "b", "b", "b"])
    acted = np.array([1.0, 1, 0, 0, 0, 1])
    found = workload.lead_time(
        at, acted, person, np.array([12.0, 12.0]), np.array(["a", "b"]), window=10.0, seed=1
    )
    assert found.events == 2
    assert found.warned.estimate == 1.0
    assert found.median.estimate == pytest.approx((7 + 2) / 2)  # 12 - 5; 0 lies before the window
    late = workload.lead_time(
        at, acted, person, np.array([10.0]), np.array(["b"]), window=10.0, seed=1
    )
    assert late.warned.estimate == 0.0  # a warning at the event is none
    assert np.isnan(late.median.estimate)


# -- time ----------------------------------------------------------------------------------------
def test_censoring_that_depends_on_risk_does_not_bend_unos_c_as_it_does_harrells():
    rng = np.random.default_rng(3)
    x = rng.normal(size=4000)
    time = rng.exponential(np.exp(-x))
    whole = timed.harrell_c(time, np.ones(4000), x, np.ones((1, 4000)))[0]
    end = rng.uniform(0, 1.2, 4000)
    seen, event = np.minimum(time, end), (time <= end).astype(float)
    once = np.ones((1, 4000))
    upto = timed.uno_c(time, np.ones(4000), x, once, 1.0)[0]
    assert abs(timed.uno_c(seen, event, x, once, 1.0)[0] - upto) < 0.012
    assert timed.harrell_c(seen, event, x, once)[0] > whole + 0.005


def test_survival_figures_have_intervals_and_chance():
    rng = np.random.default_rng(5)
    x = rng.normal(size=120)
    time, event = rng.exponential(np.exp(-x)), (rng.uniform(size=120) < 0.7).astype(float)
    p = sigmoid(np.column_stack([x - 1, x]))
    found = timed.survival_figures(
        time, event, x, np.arange(120), seed=1, horizons=np.array([0.5, 1.5]), p=p, replicates=100
    )
    assert set(found) == {
        "harrell_c", "uno_c", "auc_at_0.5", "auc_at_1.5", "brier_at_0.5", "brier_at_1.5"
    }  # fmt: skip
    assert all(e.low <= e.estimate <= e.high for e in found.values())
    assert found["harrell_c"].chance == 0.5
    assert 0.1 < found["brier_at_1.5"].chance <= 0.3
    with pytest.raises(ValueError, match="not below 0"):
        timed.harrell_c(-time, event, x, np.ones((1, 120)))


# -- groups --------------------------------------------------------------------------------------
def test_a_model_that_misses_one_group_is_seen_and_its_mitigation_priced():
    rng = np.random.default_rng(6)
    group = np.array(["a", "b"])[rng.integers(0, 2, 600)]
    risk = rng.uniform(size=600)
    y = (rng.uniform(size=600) < risk).astype(float)
    p = np.where(group == "b", 0.4 * risk, risk)  # half of b's risk is not seen
    (table,) = fairness_tables({"g": group}, y, p, np.arange(600), threshold=0.5, seed=1)
    figures = {row.group: row.figures for row in table.groups}
    assert figures["b"]["false_negative_rate"].estimate > 0.9
    assert figures["b"]["calibration_in_the_large"].low > 0
    assert table.gap.low > 0.4 > table.gap.chance
    assert table.mitigation.gap_after.estimate < 0.5 * table.gap.estimate
    assert table.mitigation.thresholds["b"] < 0.35
    assert table.mitigation.cost.estimate < 0  # here it even helps: b was not calibrated


def test_groups_that_do_not_differ_have_a_gap_like_chance_and_small_ones_show_nothing():
    rng = np.random.default_rng(8)
    group = np.where(np.arange(400) < 6, "few", np.where(np.arange(400) % 2, "a", "b"))
    p = rng.uniform(size=400)
    y = (rng.uniform(size=400) < p).astype(float)
    group = np.where(group == "a", np.where(np.arange(400) < 60, "c", "a"), group)
    (table,) = fairness_tables({"g": group}, y, p, np.arange(400), threshold=0.5, seed=1)
    shown = {row.group: row.people for row in table.groups}
    assert shown["few"] is None
    assert shown["c"] is None  # the next smallest, lest the few be had by subtraction
    assert table.gap.estimate < 3 * table.gap.chance + 0.05


def test_a_hidden_number_with_the_event_is_not_to_be_had_by_subtraction():
    rng = np.random.default_rng(3)
    group = np.repeat(["a", "b", "c"], [80, 60, 20])
    y = np.zeros(160)
    y[:30], y[80:100], y[140:145] = 1, 1, 1
    (table,) = fairness_tables(
        {"g": group}, y, rng.uniform(size=160), np.arange(160), threshold=0.5, seed=1
    )
    assert {row.group: row.having for row in table.groups} == {"a": 30, "b": None, "c": None}
    assert {row.group: row.people for row in table.groups} == {"a": 80, "b": 60, "c": 20}


# -- drift ---------------------------------------------------------------------------------------
def test_stability_index_of_a_worked_example():
    """Shares 0.5/0.5 to 0.8/0.2: (0.3 ln 1.6) + (-0.3 ln 0.4)."""
    assert stability_index(np.array([50.0, 50]), np.array([80.0, 20])) == pytest.approx(
        0.3 * np.log(1.6) - 0.3 * np.log(0.4)
    )


def test_drift_is_seen_where_it_is_and_only_there():
    rng = np.random.default_rng(9)
    later = np.arange(400) >= 200
    x = rng.normal(size=(400, 3))
    x[later, 1] += 1.0
    y = (rng.uniform(size=400) < sigmoid(x[:, 0] - 1.5 * later)).astype(float)
    found = drift(x, y, later, np.arange(400), ("a", "b", "c"), seed=1)
    assert {d.column for d in found.inputs if d.size != "little"} == {"b"}
    assert found.told_apart.low > 0.6
    assert found.told_apart_p <= 0.05
    assert found.prevalence_change.high < 0
    assert found.model["calibration_in_the_large"].high < 0  # predicts too high now
    same = drift(x[:, [0, 2]], y, rng.uniform(size=400) < 0.5, np.arange(400), ("a", "c"), seed=1)
    assert all(d.size == "little" for d in same.inputs)
    assert same.told_apart.low < 0.55
