"""Several devices that count the same steps: which of their records to keep."""

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.int64]


def counted_once(start_us: Micros, end_us: Micros, rank: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the records to keep so that no time is counted by two devices.

    A record is dropped if more than half of its time is covered by records of a better (lower)
    rank. Records of one rank never compete: a device may hand in its day in any order.

    Parameters
    ----------
    start_us, end_us : ndarray of int64
        The half-open interval of each record [us]; a record without length counts as one second.
    rank : ndarray of int64
        The device's place in the order of preference, 0 first.
    """
    keep = np.ones(start_us.size, np.bool_)
    end_us = np.maximum(end_us, start_us + 1_000_000)
    begins, ends = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for place in np.unique(rank):
        mine = np.flatnonzero(rank == place)
        if begins.size:
            low, high = start_us[mine], end_us[mine]
            covered = _covered(begins, ends, high) - _covered(begins, ends, low)
            keep[mine] = covered * 2 <= high - low
        mine = mine[keep[mine]]
        begins, ends = _union(
            np.concatenate([begins, start_us[mine]]), np.concatenate([ends, end_us[mine]])
        )
    return keep


def _union(start_us: Micros, end_us: Micros) -> tuple[Micros, Micros]:
    """Return disjoint intervals in order that cover the same time."""
    order = np.argsort(start_us, kind="stable")
    start_us, end_us = start_us[order], np.maximum.accumulate(end_us[order])
    if not start_us.size:
        return start_us, end_us
    first = np.concatenate(([True], start_us[1:] > end_us[:-1]))
    last = np.concatenate((first[1:], [True]))
    return start_us[first], end_us[last]


def _covered(begins: Micros, ends: Micros, at_us: Micros) -> Micros:
    """Return how much time before each instant the disjoint intervals cover [us]."""
    before = np.concatenate(([0], np.cumsum(ends - begins)))
    place = np.searchsorted(begins, at_us, side="right")
    inside = np.minimum(at_us, ends[np.maximum(place - 1, 0)]) - begins[np.maximum(place - 1, 0)]
    return np.where(place > 0, before[np.maximum(place - 1, 0)] + inside, 0)
