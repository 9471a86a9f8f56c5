"""Figures of time and of groups against other implementations, computed once with them.

scikit-survival 0.28.0, lifelines 0.30.3 and fairlearn 0.15.0 with scikit-learn 1.9.1, on the data
made here; the call stands beside each number.
"""

import numpy as np
import pytest
from sklearn.metrics import precision_score, recall_score

from euthymia.evaluation import timed, workload
from euthymia.evaluation.discrimination import auc
from euthymia.evaluation.fairness import equalised_odds_gap

HORIZONS = np.array([3.0, 6.0, 12.0])


def _data(ties):
    rng = np.random.default_rng(7)
    x = rng.normal(size=150)
    t, c = rng.exponential(10 * np.exp(-0.8 * x)), rng.exponential(14, 150)
    time, event = np.minimum(t, c), (t <= c).astype(float)
    risk = np.round(x + rng.normal(size=150), 1 if ties else 6)
    p = 1 / (1 + np.exp(-(risk[:, None] - 1 + np.array([0, 0.7, 1.2])[None])))
    return (np.ceil(time) if ties else time), event, risk, p, np.ones((1, 150))


@pytest.mark.parametrize(
    ("ties", "theirs"), [(False, 0.596785765533075), (True, 0.6003097802035698)]
)
def test_harrell_c_equals_lifelines(ties, theirs):
    """lifelines.utils.concordance_index(time, -risk, event)."""
    time, event, risk, _, once = _data(ties)
    assert timed.harrell_c(time, event, risk, once)[0] == pytest.approx(theirs, abs=1e-12)


def test_figures_under_censoring_equal_scikit_survival():
    """sksurv.metrics, y twice as train and test, times without ties."""
    time, event, risk, p, once = _data(ties=False)
    # concordance_index_ipcw(y, y, risk), and with tau=12
    assert timed.uno_c(time, event, risk, once)[0] == pytest.approx(0.5990500566034704)
    assert timed.uno_c(time, event, risk, once, 12.0)[0] == pytest.approx(0.5954158128261204)
    # cumulative_dynamic_auc(y, y, risk, HORIZONS)
    areas = [timed.time_dependent_auc(time, event, risk, once, h)[0] for h in HORIZONS]
    assert areas == pytest.approx([0.60347252, 0.65597241, 0.60701159], abs=1e-8)
    # brier_score(y, y, 1 - p, HORIZONS), integrated_brier_score
    errors = [timed.brier_at(time, event, p[:, i], once, h)[0] for i, h in enumerate(HORIZONS)]
    assert errors == pytest.approx([0.20894502, 0.23717488, 0.26978166], abs=1e-8)
    whole = timed.integrated_brier(time, event, p, once, HORIZONS)[0]
    assert whole == pytest.approx(0.24333883128066316)


@pytest.mark.parametrize(
    ("ties", "theirs"),
    [(False, [0.70137388, 0.57134719, 0.3682404]), (True, [0.70872155, 0.58138466, 0.38016932])],
)
def test_kaplan_meier_equals_lifelines(ties, theirs):
    """KaplanMeierFitter().fit(time, event).survival_function_at_times(HORIZONS)."""
    time, event, _, _, once = _data(ties)
    ours = timed.kaplan_meier(time, event, once, HORIZONS)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


@pytest.mark.parametrize("ties", [False, True])
def test_the_followed_stand_in_for_all(ties):
    """Weighted events are the Kaplan-Meier risk exactly (Satten & Datta 2001), with ties too."""
    time, event, _, _, _ = _data(ties)
    weights = np.random.default_rng(1).integers(0, 4, (6, 150)).astype(float)
    for h in HORIZONS:
        counted = timed.censoring_weights(time, event, float(h), weights)
        risk = (counted * timed.by_horizon(time, event, float(h))).sum(axis=1)
        curve = timed.kaplan_meier(time, event, weights, np.array([h]))[:, 0]
        np.testing.assert_allclose(risk / weights.sum(axis=1), 1 - curve, atol=1e-9)
        np.testing.assert_allclose(counted.sum(axis=1), weights.sum(axis=1), atol=1e-9)


def test_without_censoring_time_makes_no_difference():
    time, _, risk, p, once = _data(ties=False)
    seen = np.ones(150)
    y = (time <= 6).astype(float)
    assert timed.time_dependent_auc(time, seen, risk, once, 6.0) == pytest.approx(
        auc(y, risk, once)
    )
    assert timed.uno_c(time, seen, risk, once) == pytest.approx(
        timed.harrell_c(time, seen, risk, once)
    )
    assert timed.brier_at(time, seen, p[:, 1], once, 6.0)[0] == pytest.approx(
        np.mean((p[:, 1] - y) ** 2)
    )


def _groups():
    rng = np.random.default_rng(11)
    group, p = rng.integers(0, 3, 300), np.round(rng.uniform(size=300), 3)
    y = (rng.uniform(size=300) < p * (0.6 + 0.2 * group)).astype(float)
    return y, (p >= 0.4).astype(float), group


def test_equalised_odds_and_rates_equal_fairlearn():
    """equalized_odds_difference(y, acted, sensitive_features=group); MetricFrame(fnr, ppv)."""
    y, acted, group = _groups()
    once = np.ones((1, 300))
    assert equalised_odds_gap(y, acted, once, group)[0] == pytest.approx(0.11691072272083136)
    theirs = [
        [0.30303030303030304, 0.36507936507936506],
        [0.2, 0.509090909090909],
        [0.2, 0.5901639344262295],
    ]
    for g, (fnr, share) in enumerate(theirs):
        inside = (group == g)[None].astype(float)
        assert workload.false_negative_rate(y, acted, inside)[0] == pytest.approx(fnr)
        assert workload.ppv(y, acted, inside)[0] == pytest.approx(share)


def test_shares_equal_scikit_learn_under_weights():
    y, acted, _ = _groups()
    weights = np.random.default_rng(2).integers(0, 4, (4, 300)).astype(float)
    for ours, theirs in ((workload.ppv, precision_score), (workload.sensitivity, recall_score)):
        expected = [theirs(y, acted, sample_weight=w) for w in weights]
        np.testing.assert_allclose(ours(y, acted, weights), expected)
