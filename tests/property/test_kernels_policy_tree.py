"""The exact policy tree against the obvious one: every tree over every cut, one at a time."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels.policy_tree import FIELDS, NO_SPLIT, best_trees, count_pairs


def _leaf(scores, rows):
    return max(scores[rows].sum(axis=0)) if rows.any() else 0.0


def _stump(binned, bins, scores, rows, least):
    best = _leaf(scores, rows)
    for k in range(binned.shape[1]):
        for cut in range(bins[k] - 1):
            left = rows & (binned[:, k] <= cut)
            right = rows & ~left & rows
            if left.sum() >= least and right.sum() >= least:
                best = max(best, _leaf(scores, left) + _leaf(scores, right))
    return best


def _slow(binned, bins, scores, depth, least):
    rows = np.ones(len(binned), bool)
    best = _stump(binned, bins, scores, rows, least)
    if depth == 2:
        for j in range(binned.shape[1]):
            for cut in range(bins[j] - 1):
                left = binned[:, j] <= cut
                if left.sum() >= least and (~left).sum() >= least:
                    best = max(
                        best,
                        _stump(binned, bins, scores, left, least)
                        + _stump(binned, bins, scores, ~left, least),
                    )
    return best


def _collected(tree, binned, scores):
    total = 0.0
    for row, score in zip(binned, scores, strict=True):
        leaf = 6
        if tree[0] != NO_SPLIT:
            side = 2 if row[tree[0]] <= tree[1] else 4
            leaf = 6 if side == 2 else 8
            if tree[side] != NO_SPLIT and row[tree[side]] > tree[side + 1]:
                leaf += 1
        total += score[tree[leaf]]
    return total


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(4, 40),
    columns=st.integers(1, 4),
    arms=st.integers(2, 4),
    least=st.integers(1, 6),
)
def test_no_tree_collects_more(seed, n, columns, arms, least):
    rng = np.random.default_rng(seed)
    bins = rng.integers(1, 5, columns)
    binned = np.ascontiguousarray(np.stack([rng.integers(0, b, n) for b in bins], axis=1))
    scores = rng.standard_normal((n, arms))
    trees = np.zeros((2, FIELDS), np.int64)
    counts = np.zeros((columns, bins.max(), columns, bins.max()), np.int64)
    count_pairs(binned, counts)
    against_first = np.ascontiguousarray(scores[:, 1:] - scores[:, :1])
    asked = np.arange(columns)
    value = best_trees(binned, bins, counts, asked, against_first, least, trees)
    base = scores[:, 0].sum()
    for depth, tree in enumerate(trees, 1):
        slow = _slow(binned, bins, scores, depth, least)
        assert np.isclose(_collected(tree, binned, scores), slow)
    assert np.isclose(value + base, slow)
