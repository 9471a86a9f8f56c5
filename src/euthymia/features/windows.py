"""Local days as stretches of UTC: daylight saving, travel and the date line included.

A local day is the set of instants whose wall clock shows that date: 23, 24 or 25 hours long, in
two parts where somebody flew west over midnight, empty where the date line skipped it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Windows
from euthymia.ground.clock import DAY_US, Timeline

Ints = NDArray[np.int64]
_FAR: int = 2**62
_MARGIN_US = 2 * DAY_US  # no offset from UTC is larger


@dataclass(frozen=True, slots=True)
class Offsets:
    """Stretches [start, end) of UTC in microseconds over which the offset [us] is constant."""

    start: Ints
    end: Ints
    offset: Ints

    @classmethod
    def around(cls, timeline: Timeline, low_us: int, high_us: int) -> "Offsets":
        """Return the stretches that cover [low, high); the outer ones reach on without end."""
        start, offset = timeline.steps(low_us, high_us)
        same = np.concatenate([[False], offset[1:] == offset[:-1]])
        start, offset = start[~same], offset[~same]
        end = np.append(start[1:], _FAR)
        return cls(np.concatenate([[-_FAR], start[1:]]), end, offset)


def offsets_around(timeline: Timeline, days: Ints, lookback_days: int) -> Offsets:
    """Return the stretches of constant offset around the windows of these local days."""
    low = (int(days.min()) - lookback_days) * DAY_US - _MARGIN_US
    return Offsets.around(timeline, low, (int(days.max()) + 1) * DAY_US + _MARGIN_US)


def first_at_or_after(offsets: Offsets, wall_us: Ints) -> Ints:
    """Return the first instant whose wall clock shows `wall_us` or later, for each."""
    wall = wall_us[:, None]
    found = np.maximum(offsets.start, wall - offsets.offset)
    return np.asarray(np.where(found < offsets.end, found, _FAR).min(axis=1), np.int64)


def last_before(offsets: Offsets, wall_us: Ints) -> Ints:
    """Return the end of the last instants whose wall clock shows less than `wall_us`, for each."""
    wall = wall_us[:, None]
    found = np.minimum(offsets.end, wall - offsets.offset)
    return np.asarray(np.where(found > offsets.start, found, -_FAR).max(axis=1), np.int64)


def length_us(offsets: Offsets, wall_from_us: Ints, wall_to_us: Ints) -> Ints:
    """Return for how long the wall clock shows a time in [from, to), for each."""
    low = np.maximum(offsets.start, wall_from_us[:, None] - offsets.offset)
    high = np.minimum(offsets.end, wall_to_us[:, None] - offsets.offset)
    return np.asarray(np.maximum(high - low, 0).sum(axis=1), np.int64)


def bounds_us(timeline: Timeline, days: Ints, lookback_days: int) -> tuple[Ints, Ints]:
    """Return the stretch of UTC that holds local days `d - lookback_days + 1` to `d`, for each d.

    Every instant of those local days lies in [start, end). Where somebody flew west over
    midnight, so do a few instants of the day before or after.
    """
    if days.size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    offsets = offsets_around(timeline, days, lookback_days)
    start = first_at_or_after(offsets, (days - lookback_days + 1) * DAY_US)
    return start, np.maximum(last_before(offsets, (days + 1) * DAY_US), start)


def windows_of(offsets: Offsets, day: Ints, row: Ints, wall_from: Ints, wall_to: Ints) -> Windows:
    """Return the windows in which the wall clock shows a time in [from, to) [us].

    Parameters
    ----------
    offsets : Offsets
        Around all of them.
    day : int array, shape (n,)
        The local day each row of the result is filed under.
    row, wall_from, wall_to : int arrays, shape (k,)
        Stretches of the wall clock and the row each belongs to, in any order; those of one row
        do not overlap.
    """
    low = np.maximum(offsets.start, wall_from[:, None] - offsets.offset)
    high = np.minimum(offsets.end, wall_to[:, None] - offsets.offset)
    which, part = np.nonzero(low < high)
    start, end, own = low[which, part], high[which, part], row[which]
    order = np.lexsort((start, own))
    start, end, own = start[order], end[order], own[order]
    # stretches that touch are one, as where the clock was put back or hours follow each other
    fresh = np.append(True, (own[1:] != own[:-1]) | (start[1:] > end[:-1]))[: own.size]
    first = np.flatnonzero(fresh)
    last = np.append(first[1:], own.size)[: first.size] - 1
    return Windows(day, own[first], start[first], end[last])


def day_windows(timeline: Timeline, days: Ints) -> Windows:
    """Return each local day as a window: 23, 24 or 25 hours, in parts where it came in parts."""
    none = np.zeros(0, np.int64)
    if days.size == 0:
        return Windows(none, none, none, none)
    midnight = days * DAY_US
    offsets = offsets_around(timeline, days, 1)
    return windows_of(offsets, days, np.arange(days.size), midnight, midnight + DAY_US)


def wall_clock(timeline: Timeline, time_us: Ints) -> Ints:
    """Return `Timeline.local_us` of instants that are in order of time: ten times faster."""
    if time_us.size == 0:
        return time_us
    starts, offsets = timeline.steps(int(time_us[0]), int(time_us[-1]) + 1)
    edges = np.append(np.searchsorted(time_us, starts[1:]), time_us.size)
    return time_us + np.repeat(offsets, np.diff(edges, prepend=0))
