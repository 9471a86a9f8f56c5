"""What each day tells of itself, once for all windows that it lies in, and each window in passing.

Days are fetched once: a window is looked at when its last day has been told, while its days are
still at hand.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels import fractal
from euthymia.kernels.fractal import ROW, fluctuations_side_by_side, smallest_boxes
from euthymia.kernels.jit import compiled
from euthymia.kernels.rest_activity_minutes import (
    LANES,
    average_of,
    count_tens,
    hours_of,
    lay,
    round_means,
)
from euthymia.kernels.rest_activity_resolutions import (
    MADE_OF,
    RESOLUTIONS,
    about_the_mean,
    bins_side_by_side,
    fold_minutes,
    where_in_work,
    work_of,
)
from euthymia.kernels.rest_activity_transitions import rates_of_window

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

PART: Final = 240  # minutes of sixteen days that the nearest cache holds
_WIDTHS = np.array(RESOLUTIONS, np.int64), np.array(MADE_OF, np.int64)
_SCALES = np.array(fractal.SCALES, np.int64), np.array(fractal.MADE_OF, np.int64)


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
    "void(f8[:, ::1], i8, i8[::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[::1], f8[:, ::1],"
    " f8[:, ::1], f8[:, ::1], f8[:, :, ::1], f8[::1], f8[:, :, ::1])"
)
def tell_days(
    level: Array, first: int, widths: Ints, made_of: Ints, scales: Ints, scale_made_of: Ints,
    tile: Array, work: Array, kept: Array, total: Array, seen: Array, bins: Array, middle: Array,
    fluctuation: Array,
) -> None:  # fmt: skip
    """Tell up to sixteen days from `first` on."""
    width, last, pivot = level.shape[1], min(first + LANES, level.shape[0]), np.empty(LANES)
    since, until = where_in_work(widths, 10, width)
    tens = work[since:until]
    round_means(level, first, pivot)
    for m in range(0, width, PART):
        lay(level, first, pivot, m, m + PART, tile)
        fold_minutes(tile, m, m + PART, widths, made_of, work)
        part = tile[LANES * m : LANES * (m + PART)]
        smallest_boxes(part, PART // 10, kept[0, ROW * (m // 10) :])
    bins_side_by_side(tile, widths, made_of, work, bins[first:last])
    fluctuations_side_by_side(width, scales, scale_made_of, kept, fluctuation[first:last])
    for d in range(first, last):
        k = d - first
        for b in range(width // 10):
            total[d, b] = tens[LANES * b + k] + 10.0 * pivot[k]
        count_tens(level[d], total[d], seen[d])
        middle[d] = pivot[k]
    about_the_mean(tens, widths, bins[first:last], middle[first:last])


@compiled(
    "void(f8[:, ::1], i8[:, ::1], i8[::1], i8[::1], i8[::1], i8[::1], f8[:, ::1], f8[:, ::1],"
    " f8[:, :, ::1], f8[::1], f8[:, :, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1])"
)
def tell(
    level: Array, rows: Ints, widths: Ints, made_of: Ints, scales: Ints, scale_made_of: Ints,
    total: Array, seen: Array, bins: Array, middle: Array, fluctuation: Array, hourly: Array,
    whole: Array, profile: Array, rates: Array,
) -> None:  # fmt: skip
    """Go through sixteen days at a time, and after each through the windows that end in them."""
    days, width = level.shape
    tile, work = np.empty(LANES * width), np.empty(work_of(widths, width))
    kept = np.empty((scales.size, ROW * (width // 10)))
    most, done = rows.shape[1] * width + 2, 0
    runs, space = np.zeros((2, most), np.int64), np.empty((4, most))
    at, what, known = np.empty(most, np.int64), np.empty(most, np.int8), np.empty(width)
    for first in range(0, days, LANES):
        tell_days(
            level, first, widths, made_of, scales, scale_made_of, tile, work, kept, total, seen,
            bins, middle, fluctuation,
        )  # fmt: skip
        past = first + LANES >= days
        while done < rows.shape[0] and (past or rows[done].max() < first + LANES):
            average_of(level, rows[done], known, profile[done])
            rates_of_window(level, rows[done], runs, at, what, space, rates[done])
            done += 1
    hours_of(total, seen, hourly, whole)


def told_of(level: Array, rows: Ints) -> Told:
    """Return what days of minutes tell, and windows of such days (`rows`, a window a row)."""
    days, width, windows = *level.shape, rows.shape[0]
    told = Told(
        total=np.empty((days, width // 10)),
        seen=np.empty((days, width // 10)),
        bins=np.empty((days, _WIDTHS[0].size, 4)),
        middle=np.empty(days),
        fluctuation=np.empty((days, _SCALES[0].size, 2)),
        hourly=np.empty((days, 24)),
        whole=np.empty((days, 2)),
        profile=np.empty((windows, width)),
        rates=np.empty((windows, 2)),
    )
    tell(level, rows, *_WIDTHS, *_SCALES, *told)
    return told
