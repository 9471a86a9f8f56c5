"""Activity counts on the wall clock: one row a local day, one column a minute.

Daylight saving: where an hour of the wall clock happens twice, both passes share their columns
and are averaged; where it does not happen, its columns stay unknown.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns
from euthymia.features.windows import wall_clock
from euthymia.ground.clock import Timeline
from euthymia.kernels.non_wear import zero_runs

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTE_US: Final = 60_000_000
MINUTES: Final = 1440
HALF: Final = 0.5  # a minute, hour or ten minutes counts as seen when half of it was


@dataclass(frozen=True, slots=True)
class Grid:
    """`filled`: mean counts a minute, 0 where not `known`. `worn`: recorded worn minutes."""

    days: Ints
    filled: Array
    known: NDArray[np.bool_]
    worn: Array

    @property
    def level(self) -> Array:
        """Mean counts a minute; NaN where the device was not worn."""
        return np.where(self.known, self.filled, np.nan)

    def binned(self, minutes: int) -> Array:
        """Return the mean level of bins of so many minutes; NaN where less than half was worn."""
        shape = self.days.size, MINUTES // minutes, minutes
        seen = self.known.reshape(shape).sum(axis=2, dtype=np.float64)
        total = self.filled.reshape(shape).sum(axis=2)
        return np.asarray(total / np.where(seen < HALF * minutes, np.nan, seen), np.float64)


def _per_minute(minute: Ints, counts: Array, minutes: Array) -> tuple[Ints, Array, Array]:
    """Share epochs longer than a minute out over the minutes of the local day they begin in."""
    if minutes.size == 0 or minutes.max() < 1.5:
        return minute, counts, minutes
    pieces = np.maximum(np.rint(minutes), 1).astype(np.int64)
    begin = np.cumsum(pieces) - pieces
    nth = np.arange(int(pieces.sum())) - np.repeat(begin, pieces)
    first = np.repeat(minute, pieces)
    same = (first + nth) // MINUTES == first // MINUTES
    shared = np.repeat(counts / pieces, pieces), np.repeat(minutes / pieces, pieces)
    return (first + nth)[same], shared[0][same], shared[1][same]


def _place(minute: Ints, days: Ints) -> tuple[Ints, NDArray[np.bool_] | None]:
    """Return where each minute since 1970 goes in the grid, and which ones do (None: all)."""
    base = minute - int(days[0]) * MINUTES
    span = int(days[-1] - days[0]) + 1
    if span == days.size and base.size and base.min() >= 0 and base.max() < span * MINUTES:
        return base, None
    held = (base >= 0) & (base < span * MINUTES)
    row = np.searchsorted(days, days[0] + base // MINUTES)
    row = np.minimum(row, days.size - 1)
    held &= days[row] == days[0] + base // MINUTES
    return row * MINUTES + base % MINUTES, held


def activity_grid(stream: Columns, timeline: Timeline, days: Ints) -> Grid:
    """Lay `activity_counts` samples out on the wall clock of some local days.

    Parameters
    ----------
    stream : Columns
        time, counts [{counts}] per epoch, epoch [s].
    timeline : Timeline
        The person's zones.
    days : int array, shape (k,)
        Local day numbers, at least one, sorted, each once.

    Returns
    -------
    Grid
        Arrays of shape (k, 1440). Time not worn (`kernels.non_wear`, judged within each local
        day) is not `known`, and 0 in `filled` and `worn`.
    """
    minute = wall_clock(timeline, stream["time"].astype(np.int64, copy=False)) // MINUTE_US
    counts = stream["counts"].astype(np.float64)
    minutes = stream["epoch"].astype(np.float64) / 60.0
    minute, counts, minutes = _per_minute(minute, counts, minutes)
    place, held = _place(minute, days)
    if held is not None:
        place, counts, minutes = place[held], counts[held], minutes[held]
    size = days.size * MINUTES
    seen = np.bincount(place, weights=minutes, minlength=size).reshape(days.size, MINUTES)
    total = np.bincount(place, weights=counts, minlength=size).reshape(days.size, MINUTES)
    recorded = seen >= HALF
    known = recorded & ~zero_runs(recorded & (total == 0))
    filled = np.divide(total, seen, out=np.zeros(total.shape), where=known)
    return Grid(days, filled, known, np.where(known, seen, 0.0))
