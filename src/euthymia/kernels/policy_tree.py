"""The best decision tree of depth one or two over given scores, found exactly.

A treatment rule that a person can read: at most three questions. All trees over the given cuts are
compared, none is skipped (Zhou, Athey & Wager 2023, doi:10.1287/opre.2022.2271); sums for all
cuts of all pairs of columns are formed in one pass over the rows.
"""

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_SPLIT = -1
FIELDS = 10
"""root column, root bin, left column, left bin, right column, right bin, four leaves' arms."""


@compiled("f8(f8[:,:,::1], f8[::1], i8[::1], i8, i8[::1])")
def _best_child(sums: Floats, total: Floats, bins: Ints, min_leaf: int, found: Ints) -> float:
    """Return the value of the best stump over these sums; `found` gets column, bin, two arms.

    `sums` is [columns, bins, arms + 1], the last of which counts rows.
    """
    arms = total.size - 1
    only = 0
    for a in range(1, arms):
        if total[a] > total[only]:
            only = a
    best = float(total[only])
    found[0], found[1], found[2], found[3] = NO_SPLIT, NO_SPLIT, only, only
    left = np.zeros(arms + 1)
    for k in range(sums.shape[0]):
        left[:] = 0.0
        for b in range(bins[k] - 1):
            for a in range(arms + 1):
                left[a] += sums[k, b, a]
            if left[arms] < min_leaf or total[arms] - left[arms] < min_leaf:
                continue
            below, above = 0, 0
            for a in range(1, arms):
                if left[a] > left[below]:
                    below = a
                if total[a] - left[a] > total[above] - left[above]:
                    above = a
            value = left[below] + total[above] - left[above]
            if value > best + 1e-12:
                best = float(value)
                found[0], found[1], found[2], found[3] = k, b, below, above
    return best


@compiled("void(i8[:,::1], f8[:,::1], f8[:,:,::1], f8[::1])")
def _sum_once(binned: Ints, scores: Floats, once: Floats, total: Floats) -> None:
    """Add each row's scores, and one, to its bin of every column and to the total."""
    arms = scores.shape[1]
    for i in range(binned.shape[0]):
        for a in range(arms):
            total[a] += scores[i, a]
        total[arms] += 1.0
        for k in range(binned.shape[1]):
            for a in range(arms):
                once[k, binned[i, k], a] += scores[i, a]
            once[k, binned[i, k], arms] += 1.0


@compiled("void(i8[:,::1], f8[:,::1], i8, f8[:,:,:,::1])")
def _sum_pairs(binned: Ints, scores: Floats, root: int, pairs: Floats) -> None:
    """Add each row's scores, and one, to its bins of the root column and every other."""
    arms = scores.shape[1]
    pairs[:] = 0.0
    for i in range(binned.shape[0]):
        for k in range(binned.shape[1]):
            cell = pairs[binned[i, root], k, binned[i, k]]
            for a in range(arms):
                cell[a] += scores[i, a]
            cell[arms] += 1.0


@compiled("f8(i8[:,::1], i8[::1], f8[:,::1], i8, i8, i8[::1])")
def best_tree(
    binned: Ints, bins: Ints, scores: Floats, depth: int, min_leaf: int, tree: Ints
) -> float:
    """Fill `tree` with the best tree and return the sum of scores it collects.

    Parameters
    ----------
    binned : shape [n, columns]
        The bin of each value; a row goes left where its bin is at most the split's.
    bins : shape [columns]
        How many bins each column has.
    scores : shape [n, arms]
        What each row gains under each arm.
    depth : 1 or 2
    min_leaf : int
        Rows that each leaf must hold.
    tree : shape [FIELDS]
        See `FIELDS`; `NO_SPLIT` as a column stands for a leaf.
    """
    columns, arms, widest = binned.shape[1], scores.shape[1], bins.max()
    once, total = np.zeros((columns, widest, arms + 1)), np.zeros(arms + 1)
    _sum_once(binned, scores, once, total)
    low, high = np.empty(4, np.int64), np.empty(4, np.int64)
    best = _best_child(once, total, bins, min_leaf, low)
    tree[:] = NO_SPLIT
    tree[0], tree[1] = low[0], low[1]
    tree[6], tree[7], tree[8], tree[9] = low[2], low[2], low[3], low[3]
    if depth < 2:
        return float(best)
    inside, under = np.zeros(once.shape), np.zeros(arms + 1)
    pairs = np.zeros((widest, columns, widest, arms + 1))
    for j in range(columns):
        _sum_pairs(binned, scores, j, pairs)
        inside[:] = 0.0
        under[:] = 0.0
        for c in range(bins[j] - 1):
            inside += pairs[c]
            under += once[j, c]
            if under[arms] < min_leaf or total[arms] - under[arms] < min_leaf:
                continue
            value = _best_child(inside, under, bins, min_leaf, low)
            value += _best_child(once - inside, total - under, bins, min_leaf, high)
            if value > best + 1e-9:
                best = float(value)
                tree[0], tree[1] = j, c
                tree[2], tree[3], tree[4], tree[5] = low[0], low[1], high[0], high[1]
                tree[6], tree[7], tree[8], tree[9] = low[2], low[3], high[2], high[3]
    return float(best)
