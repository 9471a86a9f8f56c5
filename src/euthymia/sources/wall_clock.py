"""Times of a clock on the wall (or the wrist) as instants.

A device that writes local times without their offset leaves two questions at the days on which
daylight saving begins and ends. The recording itself answers whether its clock was moved:

* It shows a time in the hour that spring skips, or it runs on through the hour that autumn repeats
  without stepping back: the clock was not moved. Every time of the file is then read with the
  offset that was in force at its first row.
* It steps back in the repeated hour (or, where it has one row an hour, stands still): the clock
  was moved. Times before the step are the first
  pass, times after it the second.
* It is silent at those hours: nothing contradicts a moved clock, and the zone's rules are applied.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import DAY_US, SECOND_US, Timeline

Micros = NDArray[np.int64]
Marks = NDArray[np.bool_]


def to_instants(wall_us: Micros, zone: str) -> Micros:
    """Return the UTC microseconds of a recording's wall-clock microseconds, in file order.

    Parameters
    ----------
    wall_us : ndarray of int64
        The wall clock, as if it were UTC.
    zone : str
        An IANA time zone.

    Raises
    ------
    zoneinfo.ZoneInfoNotFoundError
        If there is no such zone.
    """
    offset_us = _offsets(Timeline(((0, zone),)))
    if wall_us.size == 0:
        return wall_us
    before = offset_us(wall_us - DAY_US)  # no zone changes twice within two days
    after = offset_us(wall_us + DAY_US)
    first, second = wall_us - before, wall_us - after
    near = before != after  # within a day of a change
    if not near.any():
        return first
    first_fits, second_fits = np.ones((2, wall_us.size), np.bool_)
    first_fits[near] = offset_us(first[near]) == before[near]
    second_fits[near] = offset_us(second[near]) == after[near]
    twice = first_fits & second_fits & near
    skipped = ~first_fits & ~second_fits
    back = _steps_back(wall_us, before - after)
    if skipped.any() or _runs_through(wall_us, twice, back, before - after):
        fixed = before[0] if first_fits[0] else after[0]
        return np.asarray(wall_us - fixed)
    use_second = ~first_fits | (twice & _second_pass(twice, back))
    return np.where(use_second, second, first)


def _offsets(timeline: Timeline) -> Callable[[Micros], Micros]:
    return lambda time_us: timeline.offset_s(time_us) * SECOND_US


def _steps_back(wall_us: Micros, shift_us: Micros) -> Marks:
    """Mark the rows before which the clock went back."""
    steps = np.diff(wall_us, prepend=wall_us[0] - 1)
    ahead = steps[1:][steps[1:] > 0]
    usual = float(np.median(ahead)) if ahead.size else 0.0
    still = (steps == 0) & (usual >= shift_us) & (shift_us > 0)
    return np.asarray((steps < 0) | still)


def _second_pass(twice: Marks, back: Marks) -> Marks:
    """Mark the repeated times that come after a step back within the same repeated hour."""
    late = np.zeros(twice.size, np.bool_)
    for start, end in _runs(twice):
        steps = np.flatnonzero(back[start + 1 : end])
        if steps.size:
            late[start + int(steps[0]) + 1 : end] = True
    return late


def _runs_through(wall_us: Micros, twice: Marks, back: Marks, shift_us: Micros) -> bool:
    """Tell whether the clock runs on out of a repeated hour as if nothing had happened."""
    for start, end in _runs(twice):
        stepped = bool(back[start + 1 : end].any())
        into = start > 0 and wall_us[start] - wall_us[start - 1] < shift_us[start]
        onward = end < wall_us.size and 0 <= wall_us[end] - wall_us[end - 1] < shift_us[start]
        if into and onward and not stepped:
            return True
    return False


def _runs(marked: Marks) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(np.int8)))
    return [(int(edges[i]), int(edges[i + 1])) for i in range(0, edges.size, 2)]
