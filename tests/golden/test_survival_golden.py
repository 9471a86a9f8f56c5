"""Times to an event against lifelines 0.30.3 and scikit-learn.

The lifelines numbers were computed once, with

    CoxPHFitter(baseline_estimation_method="breslow").fit(..., fit_options={"precision": 1e-12})
    CoxPHFitter(penalizer=0.1), CoxPHFitter().fit(..., weights_col="w", robust=True)
    AalenJohansenFitter(calculate_variance=False).fit(time + row / 1000, cause, 1)
    KaplanMeierFitter().fit(time, cause > 0), utils.concordance_index(time, -score, cause == 1)

on the rows of `_rows`. lifelines penalises columns divided by their standard deviation, and its
penalty is per row; its baseline is that of the mean row.
"""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from euthymia.evaluation.cox import breslow, fit_cox, partial_loss
from euthymia.evaluation.discrete_hazard import fit_hazard, periods_of
from euthymia.evaluation.survival import censoring_weights, concordance, incidence

AT = np.array([10.0, 20.0, 40.0])


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(20261122)
    x = rng.normal(size=(80, 3))
    t = np.ceil(rng.exponential(40 * np.exp(-0.8 * x[:, 0] + 0.4 * x[:, 1])))
    c, o = np.ceil(rng.uniform(5, 90, 80)), np.ceil(rng.exponential(90, 80))
    time = np.minimum(np.minimum(t, c), o)
    cause = np.where((t <= c) & (t <= o), 1, np.where(o <= c, 2, 0))
    weights = rng.integers(1, 4, 80).astype(float)
    assert (time.sum(), cause.sum()) == (1287, 80)  # the rows that lifelines saw
    return x, time, cause, weights


def test_cox_with_ties_equals_lifelines(rows):
    x, time, cause, _ = rows
    once = np.ones(80)
    beta = fit_cox(x, time, cause == 1, once)
    np.testing.assert_allclose(beta, [0.776949862809, -0.202138729033, 0.204588490596], atol=1e-8)
    assert partial_loss(time, cause == 1, x @ beta) == pytest.approx(161.3754758076914, abs=1e-9)
    centred = (x - x.mean(axis=0)) @ beta
    reached = breslow(time, cause == 1, centred, once, np.array([37.0]))
    assert reached[0] == pytest.approx(1.400058, abs=1e-6)


def test_penalised_and_weighted_cox_equal_lifelines(rows):
    x, time, cause, weights = rows
    spread = x.std(axis=0, ddof=1)
    penalised = fit_cox(x / spread, time, cause == 1, np.ones(80), ridge=0.1 * 80) / spread
    theirs = [0.6108552375, -0.172322029331, 0.14752501595]
    np.testing.assert_allclose(penalised, theirs, atol=1e-8)
    weighted = fit_cox(x, time, cause == 1, weights)
    theirs = [0.783657462789, -0.197437586809, 0.153262893081]
    np.testing.assert_allclose(weighted, theirs, atol=1e-8)


def test_incidence_equals_aalen_johansen_and_kaplan_meier_of_lifelines(rows):
    _, time, cause, weights = rows
    apart = time + np.arange(80) / 1000
    theirs = [0.2637361548392944, 0.4690145332693916, 0.6348945147150526]
    np.testing.assert_allclose(incidence(apart, cause, AT), theirs, atol=1e-12)
    anything = incidence(time, (cause > 0).astype(int), AT)
    theirs = [0.5967371323529412, 0.34981142241379326, 0.14991918103448285]
    np.testing.assert_allclose(1 - anything, theirs, atol=1e-12)
    twice = np.repeat(np.arange(80), weights.astype(int))
    np.testing.assert_allclose(
        incidence(time, cause, AT, weights), incidence(time[twice], cause[twice], AT), atol=1e-12
    )


def test_concordance_equals_lifelines(rows):
    x, time, cause, _ = rows
    score = x @ np.array([0.8, -0.4, 0.0])
    only = (cause == 1).astype(int)
    found = concordance(time, only, score, np.ones((1, 80)), np.zeros(80, int))
    assert found[0] == pytest.approx(0.685129740518962, abs=1e-12)


def test_weights_give_back_those_who_were_lost(rows):
    """The weighted share with the event is the incidence, where only censoring took people away."""
    _, time, cause, _ = rows
    for horizon in (10.5, 20.5, 40.5):
        weights = censoring_weights(time, cause, horizon)
        came = (cause == 1) & (time <= horizon)
        assert weights[came].sum() / 80 == pytest.approx(
            incidence(time, cause, np.array([horizon]))[0], abs=1e-9
        )
        assert np.all(weights[(cause == 0) & (time < horizon)] == 0)


def test_the_discrete_hazard_equals_a_logistic_regression_on_person_periods(rows):
    x, time, cause, weights = rows
    ends = np.array([5.0, 10.0, 20.0, 40.0])
    happened, over = (cause == 1).astype(float), (cause > 0).astype(float)
    risk, event = periods_of(time, happened, over, ends)
    beta = fit_hazard(x, risk, event, weights, ridge=2.0)
    who, period = np.nonzero(risk)
    # the intercepts next to free, as ours: their columns are scaled up before the penalty
    large = np.sqrt(2.0 / 1e-3)
    design = np.hstack([large * np.eye(4)[period], x[who]])
    theirs = LogisticRegression(C=0.5, fit_intercept=False, tol=1e-12, max_iter=20000).fit(
        design, event[who, period], sample_weight=weights[who]
    )
    np.testing.assert_allclose(beta[4:], theirs.coef_[0][4:], atol=2e-4)
    np.testing.assert_allclose(beta[:4], theirs.coef_[0][:4] * large, atol=2e-3)
