"""What each day tells of itself, once for all windows that it lies in, and each window in passing.

Days are fetched once: a window is looked at when its last day has been told, while its days are
still at hand.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels import fractal
from euthymia.kernels import rest_activity_resolutions as resolutions
from euthymia.kernels.fractal import tell_fluctuations
from euthymia.kernels.jit import compiled
from euthymia.kernels.rest_activity_minutes import average_of, hours_of
from euthymia.kernels.rest_activity_resolutions import tell_bins
from euthymia.kernels.rest_activity_transitions import rates_of_window, tell_states, words_of

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_BINS: Final = resolutions.WORK
_BOXES: Final = fractal.WORK


class Told(NamedTuple):
    """What days and windows tell.

    Of each day the sum and number of known minutes of each ten, bins, mean, fluctuations, level
    of each hour, and the sum and number of all known minutes; of each window its average day and
    its (kRA, kAR).
    """

    total: Array
    seen: Array
    bins: Array
    middle: Array
    fluctuation: Array
    hourly: Array
    whole: Array
    profile: Array
    rates: Array


@compiled(
    "void(f8[:, ::1], i8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, :, ::1], f8[::1], f8[:, :, ::1],"
    " f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1])"
)
def tell(
    level: Array, rows: Ints, total: Array, seen: Array, bins: Array, middle: Array,
    fluctuation: Array, hourly: Array, whole: Array, profile: Array, rates: Array,
) -> None:  # fmt: skip
    """Go through the days, and after each through the windows that end in it."""
    days, width = level.shape
    minutes, done = rows.shape[1] * width, 0
    work = np.empty(max(_BINS, _BOXES))
    runs, space = np.zeros((2, minutes + 2), np.int64), np.empty((4, minutes + 2))
    words, eights = np.empty((3, words_of(minutes)), np.uint64), np.empty(width // 8, np.uint64)
    bits, what = words.view(np.uint8), eights.view(np.uint8)
    active = np.empty((days, width // 8), np.uint8)
    known = np.empty((days, width // 8), np.uint8)
    for d in range(days):
        middle[d] = tell_bins(level[d], work, total[d], seen[d], bins[d])
        hours_of(total[d], seen[d], hourly[d], whole[d])
        full = whole[d, 1] == width
        tell_fluctuations(work, seen[d], full, fluctuation[d])
        tell_states(level[d], full, what, eights, active[d], known[d])
        while done < rows.shape[0] and (d == days - 1 or rows[done].max() <= d):
            average_of(level, rows[done], profile[done])
            rates_of_window(active, known, rows[done], bits, words, runs, space, rates[done])
            done += 1


def room_for(days: int, width: int, windows: int) -> Told:
    """Return room for what so many days of so many minutes tell, and so many windows."""
    return Told(
        total=np.empty((days, width // 10)),
        seen=np.empty((days, width // 10)),
        bins=np.empty((days, len(resolutions.RESOLUTIONS), 4)),
        middle=np.empty(days),
        fluctuation=np.empty((days, len(fractal.SCALES), 2)),
        hourly=np.empty((days, 24)),
        whole=np.empty((days, 2)),
        profile=np.empty((windows, width)),
        rates=np.empty((windows, 2)),
    )


def told_of(level: Array, rows: Ints, room: Told | None = None) -> Told:
    """Return what days of minutes tell, and windows of such days (`rows`, a window a row).

    `room` is written over; by default it is new.
    """
    days, width, windows = *level.shape, rows.shape[0]
    held = room or room_for(days, width, windows)
    of_windows = {"profile", "rates"}
    told = Told(*(a[: windows if n in of_windows else days] for n, a in held._asdict().items()))
    tell(level, rows, *told)
    return told
