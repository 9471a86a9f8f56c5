"""Statistics against scikit-learn and published worked examples."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as reference_log_loss

from euthymia.evaluation import calibration, discrimination, meta, net_benefit
from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.logistic import fit_logistic, logit


def _example(seed, n=200, levels=None):
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.02, 0.98, n) if levels is None else rng.integers(1, levels, n) / levels
    y = (rng.uniform(size=n) < p).astype(float)
    weights = rng.integers(0, 4, (5, n)).astype(float)
    return y, p, weights


@pytest.mark.parametrize("levels", [None, 6])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (discrimination.auc, roc_auc_score),
        (discrimination.auprc, average_precision_score),
        (discrimination.brier, brier_score_loss),
        (discrimination.log_loss, reference_log_loss),
    ],
)
def test_discrimination_equals_scikit_learn(ours, theirs, seed, levels):
    y, p, weights = _example(seed, levels=levels)
    expected = [theirs(y, p, sample_weight=w) for w in weights]
    np.testing.assert_allclose(ours(y, p, weights), expected, rtol=1e-10)


def test_auc_of_hanley_and_mcneil_1982():
    """Table 1 of doi:10.1148/radiology.143.1.7063747: CT images rated 1 to 5, area 0.893."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    ratings = np.arange(1.0, 6.0)
    score = np.concatenate([np.repeat(ratings, normal), np.repeat(ratings, abnormal)])
    y = np.r_[np.zeros(58), np.ones(51)]
    assert discrimination.auc(y, score, np.ones((1, 109)))[0] == pytest.approx(0.893, abs=5e-4)


@pytest.mark.parametrize("ridge", [0.3, 1.0, 30.0])
def test_ridge_logistic_equals_scikit_learn(ridge):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(150, 12))
    y = (rng.uniform(size=150) < 1 / (1 + np.exp(-x[:, 0] + x[:, 1]))).astype(float)
    weights = rng.integers(0, 3, (4, 150)).astype(float)
    ours = fit_logistic(x, y, weights, ridge=ridge)
    for fit, w in zip(ours, weights, strict=True):
        model = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=5000).fit(x, y, sample_weight=w)
        np.testing.assert_allclose(fit, np.r_[model.intercept_, model.coef_[0]], atol=2e-5)


def test_recalibration_equals_scikit_learn():
    y, p, weights = _example(8)
    for fit, w in zip(calibration.recalibrate(y, p**2, weights), weights, strict=True):
        model = LogisticRegression(C=1e9, tol=1e-10, max_iter=5000)
        model.fit(logit(p**2)[:, None], y, sample_weight=w)
        np.testing.assert_allclose(fit, np.r_[model.intercept_, model.coef_[0]], atol=1e-4)


def test_calibration_in_the_large_makes_the_means_meet():
    y, p, weights = _example(2)
    shift = calibration.calibration_in_the_large(y, p / 2, weights)
    for a, w in zip(shift, weights, strict=True):
        moved = 1 / (1 + np.exp(-(logit(p / 2) + a)))
        assert (w * moved).sum() == pytest.approx((w * y).sum(), rel=1e-7)


def test_net_benefit_by_hand():
    """Of 1000 people, 60 true and 240 false positives at 10 %: 0.06 - 0.24 / 9."""
    y = np.r_[np.ones(100), np.zeros(900)]
    p = np.r_[np.full(60, 0.5), np.full(40, 0.01), np.full(240, 0.5), np.full(660, 0.01)]
    once = np.ones((1, 1000))
    assert net_benefit.net_benefit(y, p, once, 0.1)[0] == pytest.approx(0.06 - 0.24 / 9)
    assert net_benefit.net_benefit_all(y, once, 0.1)[0] == pytest.approx(0.1 - 0.9 / 9)
    assert net_benefit.gain_at(0.1)(y, p, once)[0] == pytest.approx(0.06 - 0.24 / 9)


def test_pooled_auc_of_equal_sites_is_theirs_and_of_one_site_is_nothing():
    site = Estimate(0.75, 0.65, 0.83, 0.5)
    pooled = meta.pool_auc([site, site, site])
    assert pooled is not None
    assert pooled.mean.estimate == pytest.approx(0.75)
    assert pooled.tau2 == 0
    assert meta.pool_auc([site]) is None


def test_pooled_auc_by_hand():
    """Two sites, standard error 0.2 on the log-odds scale, effects 0.5 and 1.5.

    Q = 2 * (0.5 / 0.2)^2 = 12.5; tau2 = (12.5 - 1) / (50 - 25) = 0.46.
    """
    z = 1.959963984540054

    def site(effect):
        back = [1 / (1 + np.exp(-e)) for e in (effect, effect - z * 0.2, effect + z * 0.2)]
        return Estimate(*back, 0.5)

    pooled = meta.pool_auc([site(0.5), site(1.5)])
    assert pooled is not None
    assert pooled.tau2 == pytest.approx(0.46)
    assert pooled.mean.estimate == pytest.approx(1 / (1 + np.exp(-1.0)))
