"""The best decision trees of depth one and two over given scores, found exactly.

A treatment rule that a person can read: at most three questions. All trees over the given cuts are
compared, none is skipped (Zhou, Athey & Wager 2023, doi:10.1287/opre.2022.2271); sums for all
cuts of all pairs of columns are formed in one pass over the rows. Many sets of scores over the
same rows are done in one call: what only counts rows is formed once.
"""

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_SPLIT = -1
FIELDS = 10
"""root column, root bin, left column, left bin, right column, right bin, four leaves' arms."""


@compiled("f8(f8[:,:,::1], i8[:,::1], f8[::1], i8, i8[::1], i8, i8[::1])")
def _best_child(
    sums: Floats, counts: Ints, total: Floats, rows: int, bins: Ints, min_leaf: int, found: Ints
) -> float:
    """Return the value of the best stump over these sums; `found` gets column, bin, two arms.

    `sums` is [columns, bins, arms - 1], of scores against the first arm; `counts` the rows.
    """
    others = total.size
    best, only = 0.0, 0
    for a in range(others):
        if total[a] > best:
            best, only = total[a], a + 1
    found[0], found[1], found[2], found[3] = NO_SPLIT, NO_SPLIT, only, only
    left = np.zeros(others)
    for k in range(sums.shape[0]):
        left[:] = 0.0
        inside = 0
        for b in range(bins[k] - 1):
            inside += counts[k, b]
            below, above, low, high = 0, 0, 0.0, 0.0
            for a in range(others):
                left[a] += sums[k, b, a]
                if left[a] > low:
                    low, below = left[a], a + 1
                if total[a] - left[a] > high:
                    high, above = total[a] - left[a], a + 1
            if inside < min_leaf or rows - inside < min_leaf:
                continue
            if low + high > best + 1e-9:
                best = low + high
                found[0], found[1], found[2], found[3] = k, b, below, above
    return float(best)


@compiled("void(i8[:,::1], i8[:,:,:,::1])")
def count_pairs(binned: Ints, counts: Ints) -> None:
    """Add up how many rows lie in each pair of bins of each two columns, into `counts`."""
    for i in range(binned.shape[0]):
        for j in range(binned.shape[1]):
            for k in range(binned.shape[1]):
                counts[j, binned[i, j], k, binned[i, k]] += 1


@compiled("void(i8[:,::1], i8[::1], f8[:,::1], i8, f8[:,:,:,::1])")
def _sum_pairs(binned: Ints, columns: Ints, scores: Floats, root: int, pairs: Floats) -> None:
    """Add each row's scores to its bins of the root column and of every other."""
    pairs[:] = 0.0
    for i in range(binned.shape[0]):
        at = binned[i, root]
        for k in range(columns.size):
            b = binned[i, columns[k]]
            for a in range(scores.shape[1]):
                pairs[at, k, b, a] += scores[i, a]


@compiled("void(i8[:,:,:,::1], i8, i8, i8[::1], i8[:,::1])")
def _add_counts(counts: Ints, root: int, b: int, columns: Ints, held: Ints) -> None:
    """Add how many rows of a bin of the root column lie in each bin of the others."""
    for k in range(columns.size):
        for c in range(held.shape[1]):
            held[k, c] += counts[root, b, columns[k], c]


@compiled("void(i8[::1], i8, i8, i8[::1], i8[::1])")
def _plant(tree: Ints, root: int, cut: int, low: Ints, high: Ints) -> None:
    """Write down a tree: its root, and the stumps below and above it."""
    tree[0], tree[1] = root, cut
    tree[2], tree[3], tree[4], tree[5] = low[0], low[1], high[0], high[1]
    tree[6], tree[7], tree[8], tree[9] = low[2], low[3], high[2], high[3]


@compiled("void(i8[::1], i8[::1])")
def _plant_stump(tree: Ints, found: Ints) -> None:
    """Write down a tree of one question."""
    tree[:] = NO_SPLIT
    tree[0], tree[1] = found[0], found[1]
    tree[6], tree[7], tree[8], tree[9] = found[2], found[2], found[3], found[3]


@compiled("f8(i8[:,::1], i8[::1], i8[:,:,:,::1], i8[::1], f8[:,::1], i8, i8[:,::1])")
def best_trees(
    binned: Ints,
    bins: Ints,
    counts: Ints,
    columns: Ints,
    scores: Floats,
    min_leaf: int,
    trees: Ints,
) -> float:
    """Fill `trees` with the best tree of depth one and of depth two; return the latter's value.

    Parameters
    ----------
    binned : shape [n, all columns]
        The bin of each value; a row goes left where its bin is at most the split's.
    bins : shape [all columns]
        How many bins each column has.
    counts : shape [all columns, bins, all columns, bins]
        From `count_pairs`.
    columns : shape [columns]
        The columns that may be asked about; splits name places in this list.
    scores : shape [n, arms - 1]
        What each row gains under each arm but the first, against the first.
    min_leaf : int
        Rows that each leaf must hold.
    trees : shape [2, FIELDS]
        See `FIELDS`; `NO_SPLIT` as a column stands for a leaf.
    """
    n, others, width, widest = binned.shape[0], scores.shape[1], columns.size, bins.max()
    own = bins[columns]
    pairs = np.zeros((widest, width, widest, others))
    low, high = np.empty(4, np.int64), np.empty(4, np.int64)
    total = np.zeros(others)
    for i in range(n):
        total += scores[i]
    best = -1.0
    for j in range(width):
        _sum_pairs(binned, columns, scores, columns[j], pairs)
        once, held = np.zeros(pairs.shape[1:]), np.zeros((width, widest), np.int64)
        for b in range(own[j]):
            once += pairs[b]
            _add_counts(counts, columns[j], b, columns, held)
        if j == 0:
            best = _best_child(once, held, total, n, own, min_leaf, low)
            _plant_stump(trees[0], low)
            _plant_stump(trees[1], low)
        inside, inside_held = np.zeros(once.shape), np.zeros(held.shape, np.int64)
        under, rows = np.zeros(others), 0
        for c in range(own[j] - 1):
            inside += pairs[c]
            _add_counts(counts, columns[j], c, columns, inside_held)
            under += once[j, c]
            rows += held[j, c]
            if rows < min_leaf or n - rows < min_leaf:
                continue
            value = _best_child(inside, inside_held, under, rows, own, min_leaf, low)
            value += _best_child(
                once - inside, held - inside_held, total - under, n - rows, own, min_leaf, high
            )
            if value > best + 1e-9:
                best = value
                _plant(trees[1], j, c, low, high)
    return float(best)
