"""What must hold of the statistics whatever the numbers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.evaluation import discrimination
from euthymia.evaluation.calibration import equal_count_bins
from euthymia.evaluation.logistic import fit_logistic
from euthymia.evaluation.resample import bootstrap_weights, jackknife_weights, permuted_labels
from euthymia.evaluation.splits import leave_site_out, person_folds

seeds = st.integers(0, 2**32 - 1)


def _slow_auc(y, score, w):
    total = right = 0.0
    for i in np.flatnonzero(y == 1):
        for j in np.flatnonzero(y == 0):
            total += w[i] * w[j]
            right += w[i] * w[j] * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
    return right / total if total else np.nan


@settings(max_examples=40, deadline=None)
@given(seeds, st.integers(2, 30), st.integers(2, 8))
def test_auc_equals_counting_all_pairs(seed, n, levels):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n).astype(float)
    score = rng.integers(0, levels, n).astype(float)
    weights = rng.integers(0, 3, (3, n)).astype(float)
    slow = [_slow_auc(y, score, w) for w in weights]
    np.testing.assert_allclose(discrimination.auc(y, score, weights), slow)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_auc_within_one_stratum_is_auc_and_is_blind_to_shifts_between_strata(seed):
    rng = np.random.default_rng(seed)
    y, score = rng.integers(0, 2, 40).astype(float), rng.normal(size=40)
    once, strata = np.ones((1, 40)), rng.integers(0, 4, 40)
    whole = discrimination.auc_within(y, score, once, np.zeros(40, np.int64))
    np.testing.assert_allclose(whole, discrimination.auc(y, score, once))
    moved = score + 100.0 * strata
    np.testing.assert_allclose(
        discrimination.auc_within(y, moved, once, strata),
        discrimination.auc_within(y, score, once, strata),
    )


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(2, 6))
def test_the_area_under_the_mean_curve_of_strata_is_the_auc_within_them(seed, levels):
    rng = np.random.default_rng(seed)
    y, score = rng.integers(0, 2, 30).astype(float), rng.integers(0, levels, 30).astype(float)
    weights, strata = rng.integers(0, 3, (3, 30)).astype(float), rng.integers(0, 4, 30)
    at = np.linspace(0, 1, 20_001)
    drawn = discrimination.roc_curve_within(y, score + 10.0 * strata, weights, strata, at)
    area = np.trapezoid(drawn, at, axis=1)
    found = discrimination.auc_within(y, score, weights, strata)
    np.testing.assert_allclose(area, found, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(12, 60), st.integers(2, 5))
def test_no_person_is_on_both_sides_of_a_split(seed, people, folds):
    rng = np.random.default_rng(seed)
    person = rng.integers(0, people, 200)
    y = rng.integers(0, 2, 200).astype(float)
    site = np.array(["a", "b", "c"])[person % 3]
    folded = person_folds(y, person, folds=folds, repeats=2, seed=seed)
    for split in [*folded, *leave_site_out(y, person, site)]:
        assert not set(person[split.train]) & set(person[split.test])
    for repeat in range(2):
        tested = np.concatenate([s.test for s in folded[repeat * folds : (repeat + 1) * folds]])
        assert sorted(tested) == list(range(200))


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_resampling_keeps_people_whole(seed):
    rng = np.random.default_rng(seed)
    person = rng.integers(0, 9, 50)
    y = rng.integers(0, 2, 50).astype(float)
    for weights in (bootstrap_weights(person, 5, rng), jackknife_weights(person)):
        for who in np.unique(person):
            assert (np.ptp(weights[:, person == who], axis=1) == 0).all()
    dealt = permuted_labels(y, person, 5, rng)
    assert (dealt.sum(axis=1) == y.sum()).all()


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.01, 100))
def test_newton_stops_where_the_gradient_is_zero(seed, ridge):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(60, 10)) * 3, rng.integers(0, 2, 60).astype(float)
    y[:2] = (0, 1)
    weights = np.ones((2, 60))
    beta = fit_logistic(x, y, weights, ridge=ridge)[0]
    mu = 1 / (1 + np.exp(-(beta[0] + x @ beta[1:])))
    gradient = np.r_[(mu - y).sum(), x.T @ (mu - y) + ridge * beta[1:]]
    assert np.abs(gradient).max() < 1e-4


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 40), st.integers(2, 12))
def test_equal_predictions_share_a_bin(seed, n, bins):
    p = np.random.default_rng(seed).integers(0, 6, n) / 6
    member = equal_count_bins(p, bins)
    assert member.max() < bins
    for value in np.unique(p):
        assert np.unique(member[p == value]).size == 1
