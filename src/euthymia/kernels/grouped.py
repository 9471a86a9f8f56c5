"""Numbers of groups: samples with the row each belongs to in, one number a row out.

`group` is always sorted, in 0 .. rows - 1; the samples of one group stand next to each other. One
pass over all rows at once instead of a loop over days.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]


def expand(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Return the indices of ranges [low, high) laid end to end, and the range of each.

    Parameters
    ----------
    low, high : int arrays, shape (k,)
        Ranges, with ``low <= high``. They may overlap.

    Returns
    -------
    index, which : int arrays of equal length
        ``which`` is sorted.
    """
    length = high - low
    which = np.repeat(np.arange(low.size), length)
    before = np.cumsum(length) - length
    return np.arange(which.size) - np.repeat(before - low, length), which


def count(group: Ints, rows: int) -> Array:
    """Return how many samples each row has."""
    return np.bincount(group, minlength=rows).astype(np.float64)


def total(group: Ints, value: Array, rows: int) -> Array:
    """Return the sum of each row; 0 when and only when it has no sample or they cancel."""
    return np.bincount(group, weights=value, minlength=rows).astype(np.float64)


def mean(group: Ints, value: Array, rows: int) -> Array:
    """Return the mean of each row; NaN when and only when it has no sample."""
    return total(group, value, rows) / count(group, rows)


def spread(group: Ints, value: Array, rows: int) -> Array:
    """Return the sample standard deviation (n - 1) of each row; NaN with fewer than two samples."""
    n = count(group, rows)
    away = value - mean(group, value, rows)[group]
    return np.where(n > 1, np.sqrt(total(group, away * away, rows) / (n - 1)), np.nan)


def _edges(group: Ints, rows: int) -> Ints:
    return np.searchsorted(group, np.arange(rows + 1))


def lowest(group: Ints, value: Array, rows: int) -> Array:
    """Return the least value of each row; NaN when and only when it has no sample."""
    found = np.full(rows, np.nan)
    np.fmin.at(found, group, value)
    return found


def highest(group: Ints, value: Array, rows: int) -> Array:
    """Return the greatest value of each row; NaN when and only when it has no sample."""
    found = np.full(rows, np.nan)
    np.fmax.at(found, group, value)
    return found


def quantiles(group: Ints, value: Array, rows: int, shares: tuple[float, ...]) -> Array:
    """Return quantiles of each row, shape (rows, len(shares)); NaN when it has no sample.

    Between two order statistics on a straight line (Hyndman and Fan's type 7, NumPy's default).
    """
    found = np.full((rows, len(shares)), np.nan)
    edges = _edges(group, rows).tolist()
    for row in range(rows):
        low, high = edges[row], edges[row + 1]
        if low == high:
            continue
        ordered = np.sort(value[low:high])
        for column, share in enumerate(shares):
            place = share * (ordered.size - 1)
            left = int(place)
            right = min(left + 1, ordered.size - 1)
            # a + (b - a) * 0 is a also where b is far off: nothing is made up at the edges
            found[row, column] = ordered[left] + (ordered[right] - ordered[left]) * (place - left)
    return found


def shares(group: Ints, label: Ints) -> tuple[Ints, Ints, Array]:
    """Return how often each label occurs in each row: (row, label, count), sorted by row, label.

    Parameters
    ----------
    group, label : int arrays, shape (n,)
        Labels are not negative.
    """
    base = int(label.max(initial=0)) + 1
    pair, n = np.unique(group * base + label, return_counts=True)
    return pair // base, pair % base, n.astype(np.float64)


def distinct(group: Ints, label: Ints, rows: int) -> Array:
    """Return how many different labels each row has."""
    return count(shares(group, label)[0], rows)


def top_share(group: Ints, label: Ints, rows: int) -> Array:
    """Return the share of a row's samples with its most frequent label; NaN without a sample."""
    row, _, n = shares(group, label)
    return highest(row, n, rows) / count(group, rows)


def entropy(group: Ints, label: Ints, rows: int) -> Array:
    """Return the Shannon entropy of the labels of each row [nat]; NaN without a sample.

    Never negative, at most the logarithm of the number of labels.
    """
    row, _, n = shares(group, label)
    order = np.lexsort((n, row))  # whatever the labels are called, the same sum
    row, n = row[order], n[order]
    p = n / count(group, rows)[row]
    found = np.maximum(total(row, -p * np.log(p), rows), 0.0)
    return np.where(count(group, rows) > 0, found, np.nan)


def evenness(group: Ints, label: Ints, rows: int) -> Array:
    """Return the entropy over its largest value, ln n of n labels; NaN with fewer than two."""
    n = distinct(group, label, rows)
    most = np.log(np.where(n > 1, n, np.nan))
    return np.minimum(entropy(group, label, rows) / most, 1.0)


def circular(group: Ints, angle: Array, rows: int) -> tuple[Array, Array]:
    """Return mean direction [rad, 0 to 2 pi) and resultant length (0 to 1) of each row.

    Length NaN without a sample; direction NaN without one, or where they balance (length below
    1e-9).
    """
    n = count(group, rows)
    x = total(group, np.cos(angle), rows) / n
    y = total(group, np.sin(angle), rows) / n
    length = np.minimum(np.hypot(x, y), 1.0)
    turned = np.mod(np.arctan2(y, x), 2 * np.pi)
    turned = np.where(turned >= 2 * np.pi, 0.0, turned)
    return np.where(length > 1e-9, turned, np.nan), length
