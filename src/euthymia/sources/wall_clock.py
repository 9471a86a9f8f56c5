"""Times as devices write them, as instants: the one place where a clock is judged.

**Without a zone.** A device that writes local times without their offset leaves two questions at
the days on which daylight saving begins and ends. The recording's own order answers whether its
clock was moved:

* It shows a time in the hour that spring skips, or it runs on through the hour that autumn repeats
  without stepping back: the clock was not moved. Every time of that stretch is then read with the
  offset that was in force at its first row.
* It steps back in the repeated hour (or, where it has one row an hour, stands still): the clock
  was moved. Times before the step are the first pass, times after it the second.
* It runs into the repeated hour and falls silent: the first pass. It begins there and runs on out
  of it: the second.
* It is silent on both sides: nothing tells which pass it was. `resolve` marks these rows, and a
  reader refuses them.

A tracker's clock follows the phone that it is read out by (`follows`): it was moved, also where its
maker shows the repeated hour once. That is then the first pass.

A file in descending order is turned round; one put together from several uploads is judged stretch
by stretch (a stretch ends where the time goes back outside a repeated hour).

**With a zone, or in seconds since 1970**, a time is taken as it is written. A clock that was set to
the beginning of its calendar (an empty battery, a factory reset) shows in single rows that lie
more than a year from all the others of that person: `clock_was_off` marks them, and they are
refused. A clock set back or forward by less is not seen: both readings are kept as written, and
sorted where they are used.

**The same rows twice** (an upload repeated, files that overlap) are found where they are stored:
equal rows of a person and stream are one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import DAY_US, SECOND_US, Timeline

Piece = TypeVar("Piece")
Micros = NDArray[np.int64]
Marks = NDArray[np.bool_]

DOUBTFUL: Final = (
    "the clock showed this time twice (daylight saving ended), and no row before or after it tells "
    "which one it is; export the data with their offset from UTC"
)
CLOCK_OFF: Final = (
    "the time is more than a year from everything else of this person in the file: the device's "
    "clock was not set"
)
FAR_US: Final = 366 * DAY_US
MANY: Final = 100  # a few rows do not tell which of two times is the wrong one
FIRM: Final = 30  # rows; in a file of many pieces a shorter one may run on by chance
STRETCHES: Final = 2_000  # a file in more pieces has no order that tells anything


@dataclass(frozen=True, slots=True)
class Resolved:
    """Instants [us], in file order, and which of them could as well be an hour later."""

    time_us: Micros
    doubtful: Marks


def to_instants(wall_us: Micros, zone: str, *, follows: bool = False) -> Micros:
    """Return the UTC microseconds of a recording's wall-clock microseconds, in file order.

    A time that may be either of two is taken for the first; `resolve` says which those are.

    Parameters
    ----------
    wall_us : ndarray of int64
        The wall clock, as if it were UTC.
    zone : str
        An IANA time zone.
    follows : bool
        The clock follows a phone's: it was moved, whatever its order says.

    Raises
    ------
    zoneinfo.ZoneInfoNotFoundError
        If there is no such zone.
    """
    return resolve(wall_us, zone, follows=follows).time_us


def resolve(wall_us: Micros, zone: str, *, follows: bool = False) -> Resolved:
    """Return instants like `to_instants`, and what cannot be told of them."""
    offset_us = _offsets(Timeline(((0, zone),)))
    nothing = np.zeros(wall_us.size, np.bool_)
    if wall_us.size == 0:
        return Resolved(wall_us, nothing)
    if _descending(wall_us):
        turned = resolve(wall_us[::-1], zone, follows=follows)
        return Resolved(turned.time_us[::-1].copy(), turned.doubtful[::-1].copy())
    before = offset_us(wall_us - DAY_US)  # no zone changes twice within two days
    after = offset_us(wall_us + DAY_US)
    first, second = wall_us - before, wall_us - after
    near = before != after  # within a day of a change
    if not near.any():
        return Resolved(first, nothing)
    first_fits, second_fits = np.ones((2, wall_us.size), np.bool_)
    first_fits[near] = offset_us(first[near]) == before[near]
    second_fits[near] = offset_us(second[near]) == after[near]
    clock = _Clock(wall_us, before, after, first_fits, second_fits)
    twice = clock.twice
    edges = _stretches(wall_us, twice)
    if len(edges) > STRETCHES:
        return Resolved(np.where(first_fits, first, second), twice | ~(first_fits | second_fits))
    time_us, doubtful = np.where(first_fits, first, second), nothing
    for start, end in pairwise(edges):
        if near[start:end].any():
            firm = len(edges) == 2 or end - start >= FIRM
            part = clock.part(start, end)
            found = part.judged(firm=firm, follows=follows)
            time_us[start:end], doubtful[start:end] = found
    return Resolved(time_us, doubtful)


@dataclass(slots=True)
class InPieces(Generic[Piece]):
    """The clock of a recording too long to be held, judged as if it were read whole.

    Pieces are held back only within a day of a change of the zone's clocks. Where the device's
    clock was not moved there, the offset from before holds on.
    """

    zone: str
    _held: list[tuple[Micros, Piece]] = field(default_factory=list)
    _fixed_us: int | None = None

    def take(self, wall_us: Micros, piece: Piece) -> Iterator[tuple[Micros, Piece]]:
        """Take the next times of the wall clock; yield the instants of what is known by now."""
        if self._fixed_us is not None:
            yield wall_us - self._fixed_us, piece
            return
        self._held.append((wall_us, piece))
        if wall_us.size and not self._changes_near(wall_us[-1:]):
            yield from self.rest()

    def rest(self) -> Iterator[tuple[Micros, Piece]]:
        """Yield the instants of what was held back."""
        held, self._held = self._held, []
        if not held:
            return
        whole = np.concatenate([wall for wall, _ in held])
        time_us = to_instants(whole, self.zone)
        if whole.size and to_instants(whole[-1:], self.zone)[0] != time_us[-1]:
            self._fixed_us = int(whole[-1] - time_us[-1])
        start = 0
        for wall, piece in held:
            yield time_us[start : start + wall.size], piece
            start += wall.size

    def _changes_near(self, wall_us: Micros) -> bool:
        offset_us = _offsets(Timeline(((0, self.zone),)))
        return bool((offset_us(wall_us - DAY_US) != offset_us(wall_us + DAY_US)).any())


def clock_was_off(time_us: Micros) -> Marks:
    """Mark the rows of one person that a clock wrote which was not set.

    They are at most one row in a hundred, and more than a year from all the others.
    """
    off = np.zeros(time_us.size, np.bool_)
    if time_us.size < MANY or int(time_us.max()) - int(time_us.min()) <= FAR_US:
        return off
    order = np.argsort(time_us, kind="stable")
    edges = np.flatnonzero(np.diff(time_us[order]) > FAR_US) + 1
    for group in np.split(order, edges):
        if len(group) * 100 <= time_us.size:
            off[group] = True
    return off


@dataclass(frozen=True, slots=True)
class _Clock:
    """A stretch of a recording, with what the zone's rules say of each time of it."""

    wall_us: Micros
    before: Micros
    after: Micros
    first_fits: Marks
    second_fits: Marks

    @property
    def twice(self) -> Marks:
        """The times that the zone's clocks showed twice."""
        return self.first_fits & self.second_fits & (self.before > self.after)

    def part(self, start: int, end: int) -> "_Clock":
        """Return some rows."""
        rows = slice(start, end)
        times = (self.wall_us[rows], self.before[rows], self.after[rows])
        return _Clock(*times, self.first_fits[rows], self.second_fits[rows])

    def judged(self, *, firm: bool, follows: bool) -> tuple[Micros, Marks]:
        """Return the instants of the stretch, and which are doubtful.

        `firm`: that it runs on through the repeated hour is no chance. `follows`: nor that the
        clock was not moved.
        """
        shift, twice = self.before - self.after, self.twice
        back = _steps_back(self.wall_us, shift)
        skipped = ~self.first_fits & ~self.second_fits
        late, doubtful = np.zeros((2, twice.size), np.bool_)
        unmoved = bool(skipped.any()) and not follows
        for start, end in _runs(twice):
            steps = np.flatnonzero(back[start + 1 : end])
            into = start > 0 and self.wall_us[start] - self.wall_us[start - 1] < shift[start]
            gap = self.wall_us[end] - self.wall_us[end - 1] if end < twice.size else shift[start]
            onward = bool(0 <= gap < shift[start])
            if steps.size:
                late[start + int(steps[0]) + 1 : end] = True
            elif into and onward and follows:
                pass  # the hour is shown once: the first pass
            elif into and onward and firm:
                unmoved = True
            elif onward and not into:
                late[start:end] = True
            else:
                doubtful[start:end] = onward or not into
        if unmoved:
            changed = self.second_fits[0] and not self.first_fits[0]
            fixed = self.after[0] if changed else self.before[0]
            return self.wall_us - fixed, np.zeros(twice.size, np.bool_)
        second = (~self.first_fits & self.second_fits) | (twice & late)
        return self.wall_us - np.where(second, self.after, self.before), doubtful


def _offsets(timeline: Timeline) -> Callable[[Micros], Micros]:
    return lambda time_us: timeline.offset_s(time_us) * SECOND_US


def _descending(wall_us: Micros) -> bool:
    steps = np.diff(wall_us)
    return bool((steps < 0).sum() > (steps > 0).sum())


def _stretches(wall_us: Micros, twice: Marks) -> list[int]:
    """Return where stretches begin, and the end: the time goes back, not in a repeated hour."""
    breaks = np.diff(wall_us) < 0
    breaks &= ~(twice[1:] & twice[:-1])
    return [0, *(np.flatnonzero(breaks) + 1).tolist(), wall_us.size]


def _steps_back(wall_us: Micros, shift_us: Micros) -> Marks:
    """Mark the rows before which the clock went back."""
    steps = np.diff(wall_us, prepend=wall_us[0] - 1)
    ahead = steps[1:][steps[1:] > 0]
    usual = float(np.median(ahead)) if ahead.size else 0.0
    still = (steps == 0) & (usual >= shift_us) & (shift_us > 0)
    return np.asarray((steps < 0) | still)


def _runs(marked: Marks) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marked, [False])).astype(np.int8)))
    return [(int(edges[i]), int(edges[i + 1])) for i in range(0, edges.size, 2)]
