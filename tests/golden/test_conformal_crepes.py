"""Class-conditional conformal p-values and sets are those of crepes on the same folds.

Computed once with crepes 0.9.1 (BSD-3), a fold at a time, on the rows of the other folds:
``ConformalClassifier().fit(scores of one class).predict_p(scores, smoothing=False)``, the same as
``fit(scores, bins=y)`` with ``predict_p(..., bins=that class)``.
"""

import numpy as np

from euthymia.evaluation.conformal import cross_sets, mondrian_p_values

FIRST = [
    [0.590361445783, 0.045454545455],
    [0.930555555556, 0.021276595745],
    [0.78313253012, 0.022727272727],
    [0.012048192771, 0.977272727273],
    [0.101265822785, 0.288461538462],
    [0.835443037975, 0.020833333333],
    [0.012658227848, 0.604166666667],
    [0.063291139241, 0.365384615385],
    [0.944444444444, 0.021276595745],
    [0.625, 0.021276595745],
    [0.113924050633, 0.25],
    [0.594936708861, 0.041666666667],
]


def test_p_values_and_sets_are_those_of_crepes():
    rng = np.random.default_rng(7)
    n = 157
    y = (rng.random(n) < 0.4).astype(float)
    p = np.round(1 / (1 + np.exp(-(1.2 * (2 * y - 1) + 1.5 * rng.normal(size=n)))), 2)
    fold = rng.integers(0, 5, n)
    who = np.arange(n)
    found = np.empty((n, 2))
    for part in range(5):
        rest = fold != part
        found[~rest] = mondrian_p_values(y[rest], p[rest], who[rest], p[~rest])
    np.testing.assert_allclose(found[:12], FIRST, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=0), [57.41947017067113, 41.6123940428982])
    weighted = found.T @ np.arange(n)
    np.testing.assert_allclose(weighted, [4393.768827900785, 3242.960644793843])
    sets = cross_sets(y, p, who, fold)
    assert np.array_equal(sets, found > 0.1 + 1e-12)
    assert (sets.sum(axis=1) == 1).sum() == 104
    assert (sets.sum(axis=1) == 2).sum() == 53
    assert [int(sets[y == k, k].sum()) for k in (0, 1)] == [91, 54]
    assert not np.isclose(found, 0.1).any()  # no tie at the level
