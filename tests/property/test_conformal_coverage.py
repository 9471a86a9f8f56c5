"""Conformal sets: the cut-offs are the p-values, and each class is covered as promised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.evaluation.conformal import coverage, cross_sets, cutoffs, mondrian_p_values


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(2, 60),
    clusters=st.integers(1, 40),
    level=st.sampled_from([0.5, 0.8, 0.9, 0.95]),
)
@settings(max_examples=60, deadline=None)
def test_cutoffs_are_the_sets_of_the_p_values(seed, n, clusters, level):
    rng = np.random.default_rng(seed)
    y, p = (rng.random(n) < 0.5).astype(float), np.round(rng.random(n), 1)
    cluster = rng.integers(0, clusters, n)
    new = np.r_[np.linspace(0, 1, 21), p]
    cut = cutoffs(y, p, cluster, level=level)
    wanted = mondrian_p_values(y, p, cluster, new) > 1 - level + 1e-12
    for k in (0, 1):
        if not np.any(y == k):
            wanted[:, k] = True
    assert np.array_equal(cut.sets(new), wanted)


def _shifted(rng, clusters, rows):
    """Rows of one cluster share a shift, so they are far from independent."""
    y = rng.integers(0, 2, (clusters, rows)).astype(float)
    shift = rng.normal(0, 1.5, (clusters, 1))
    z = 2 * (2 * y - 1) + shift + rng.normal(0, 0.3, y.shape)
    cluster = np.repeat(np.arange(clusters), rows)
    return y.ravel(), (1 / (1 + np.exp(-z))).ravel(), cluster


@pytest.mark.parametrize(("clusters", "rows"), [(40, 1), (25, 12)])
def test_each_class_of_new_clusters_is_covered(clusters, rows):
    rng = np.random.default_rng(11)
    covered = np.zeros((400, 2))
    for trial in range(400):
        y, p, cluster = _shifted(rng, clusters, rows)
        new_y, new_p, _ = _shifted(rng, 20, rows)
        sets = cutoffs(y, p, cluster).sets(new_p)
        covered[trial] = [sets[new_y == k, k].mean() for k in (0, 1)]
    mean, error = covered.mean(axis=0), covered.std(axis=0) / 20
    assert np.all(mean > 0.9 - 3 * error)
    assert np.all(mean < 0.9 + 1.5 / clusters + 3 * error + 0.02)


def test_rows_that_ignore_their_clusters_would_promise_too_much():
    """With few clusters of many rows a row is no independent witness; the clustered sets know."""
    rng = np.random.default_rng(5)
    narrow, wide = [], []
    for _ in range(300):
        y, p, cluster = _shifted(rng, 6, 40)
        new_y, new_p, _ = _shifted(rng, 20, 5)
        for kept, groups in ((narrow, np.arange(y.size)), (wide, cluster)):
            sets = cutoffs(y, p, groups).sets(new_p)
            kept.append([sets[new_y == k, k].mean() for k in (0, 1)])
    assert np.mean(narrow) < 0.89
    assert np.mean(wide) > 0.9


def test_too_few_of_a_class_and_nothing_is_ruled_out():
    y = np.r_[np.ones(8), np.zeros(9)]
    p = np.linspace(0.05, 0.95, 17)
    cut = cutoffs(y, p, np.arange(17))
    assert cut.positive_from == float("-inf")
    assert np.isfinite(cut.negative_to)
    assert cut.clusters == (9, 8)
    with pytest.raises(ValueError, match="between 0 and 1"):
        cutoffs(y, p, np.arange(17), level=1.0)


def test_a_cluster_is_never_its_own_calibration():
    rng = np.random.default_rng(2)
    y, p, cluster = _shifted(rng, 12, 4)
    fold = rng.integers(0, 3, y.size)
    sets = cross_sets(y, p, cluster, fold)
    changed = p.copy()
    place = 7
    # the row's own cluster in other folds moves nothing of its set
    changed[(cluster == cluster[place]) & (fold != fold[place])] = 0.5
    assert np.array_equal(cross_sets(y, changed, cluster, fold)[place], sets[place])


def test_the_coverage_check_counts():
    y = np.array([1, 1, 1, 1, 0, 0, 0, 0.0])
    sets = np.array([[0, 1], [1, 1], [1, 0], [0, 1], [1, 0], [1, 0], [0, 0], [1, 1]], bool)
    found = coverage(y, sets, np.arange(8), seed=1)
    assert found.with_event.estimate == 0.75
    assert found.without_event.estimate == 0.75
    assert found.definite.estimate == pytest.approx(5 / 8)
    assert (found.both, found.neither) == (0.25, 0.125)
    assert found.right.estimate == pytest.approx(4 / 5)
    # six of eight is neither: an interval that holds 90 % and 50 % shows nothing
    assert found.verdict.startswith("not shown to cover the promised 90%: 75% (")
    assert "of those with the outcome and 75% (" in found.verdict
    held = np.tile(np.array([[0, 1], [1, 0]], bool), (200, 1))
    held[:8] = ~held[:8]
    good = coverage(np.tile([1.0, 0.0], 200), held, np.arange(400), seed=1)
    assert good.verdict.startswith("covers what it promises")
    wrong = coverage(np.tile(1 - y, 50), np.tile(sets, (50, 1)), np.arange(400), seed=1)
    assert "covers too few of those with and without" in wrong.verdict
