"""Stretches of time that may overlap: how much of a window they cover together."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def union(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Join stretches [start, end) that overlap or touch; those without length are dropped.

    Returns
    -------
    start, end : int arrays
        Sorted, apart from each other.
    """
    some = end > start
    start, end = start[some], end[some]
    if start.size == 0:
        return start, end
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    fresh = np.append(True, start[1:] > end[:-1])
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], start.size) - 1
    return start[first], end[last]


def covered(start: Ints, end: Ints, low: int, high: int) -> int:
    """Return for how long stretches that lie apart cover [low, high)."""
    return int(np.maximum(np.minimum(end, high) - np.maximum(start, low), 0).sum())
