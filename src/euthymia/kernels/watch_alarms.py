"""From a score to episodes: one persistent shift is one open episode, not an alarm a fortnight."""

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@compiled("void(f8[::1], f8, i8, f8[::1])")
def episodes(level: Array, release: float, dwell: int, out: Array) -> None:
    """Mark the days of episodes with the place of the day on which theirs opened; NaN elsewhere.

    An episode opens on the first day whose level is 1 or more and closes with the last of `dwell`
    days in a row under `release` (that day is still part of it). A day whose level is NaN neither
    opens nor closes one.

    Parameters
    ----------
    level : array, shape (days,)
        The score as a multiple of its line.
    """
    opened, quiet = -1, 0
    for t in range(level.size):
        if opened < 0 and level[t] >= 1.0:
            opened, quiet = t, 0
        out[t] = opened if opened >= 0 else np.nan
        if opened >= 0:
            if level[t] < release:
                quiet += 1
                if quiet >= dwell:
                    opened = -1
            elif not np.isnan(level[t]):
                quiet = 0


@compiled("i8(f8[::1], f8[::1], b1[::1], i8[::1], f8, f8, f8, i8)")
def openings(
    composite: Array,
    mewma: Array,
    counts: Mask,
    starts: Ints,
    composite_line: float,
    mewma_line: float,
    release: float,
    dwell: int,
) -> int:
    """Return how many episodes of many people open on the days that count.

    People's days stand one after the other; `starts` holds the places of their first days, and the
    number of all days at the end. See `episodes`.
    """
    found = 0
    for person in range(starts.size - 1):
        opened, quiet = False, 0
        for t in range(starts[person], starts[person + 1]):
            level = max(composite[t] / composite_line, mewma[t] / mewma_line)
            if not opened and level >= 1.0:
                opened, quiet = True, 0
                found += counts[t]
            elif opened and level < release:
                quiet += 1
                opened = quiet < dwell
            elif opened:
                quiet = 0
    return found
