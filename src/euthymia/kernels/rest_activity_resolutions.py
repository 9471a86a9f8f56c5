"""Interdaily stability and intradaily variability over many bin widths at once (ISm, IVm)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

RESOLUTIONS: Final = (
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    9,
    10,
    12,
    15,
    16,
    18,
    20,
    24,
    30,
    32,
    36,
    40,
    45,
    48,
    60,
)
"""Minutes: every divisor of a day up to an hour."""

MADE_OF: Final = (0, 0, 0, 1, 0, 2, 3, 2, 4, 5, 4, 6, 7, 8, 9, 10, 11, 12, 13, 10, 14, 15)
"""The place in `RESOLUTIONS` of the bins of which those of a resolution are made."""

_TINY: Final = 1e-12


@compiled("void(f8[::1], i8, i8, f8[::1])")
def fold(fine: Array, count: int, parts: int, coarse: Array) -> None:
    """Put the sums of 2, 3 or 5 (`parts`) fine bins in a row into each of `count` coarse ones."""
    if parts == 2:
        for i in range(count):
            coarse[i] = fine[2 * i] + fine[2 * i + 1]
    elif parts == 3:
        for i in range(count):
            coarse[i] = fine[3 * i] + fine[3 * i + 1] + fine[3 * i + 2]
    else:
        for i in range(count):
            k = 5 * i
            coarse[i] = fine[k] + fine[k + 1] + fine[k + 2] + fine[k + 3] + fine[k + 4]


@compiled("void(f8[::1], i8, i8, f8[::1], f8[::1], f8[::1])")
def add_whole(bins: Array, days: int, width: int, level: Array, square: Array, step: Array) -> None:
    """Add up levels, squares and squared steps by the clock, all bins known.

    Each clock time has a running sum of its own: that fixes the order in which numbers are added,
    and lets the machine add many at once.
    """
    for d in range(days):
        day = bins[d * width : (d + 1) * width]
        for b in range(width):
            level[b] += day[b]
        for b in range(width):
            square[b] += day[b] * day[b]
        after = bins[d * width + 1 : (d + 1) * width]
        for b in range(width - 1):
            step[b] += (after[b] - day[b]) * (after[b] - day[b])
    for d in range(1, days):
        last = bins[d * width] - bins[d * width - 1]
        step[width - 1] += last * last


@compiled("void(f8[::1], f8[::1], i8, i8, f8[:, ::1])")
def add_known(bins: Array, known: Array, days: int, width: int, sums: Array) -> None:
    """Do as `add_whole` where bins may be unknown: `known` is 1 or 0, and `bins` 0 there.

    Rows of `sums`: 0 level, 1 squares, 2 squared steps, 3 bins, 4 steps.
    """
    level, square, step, count, pairs = sums[0], sums[1], sums[2], sums[3], sums[4]
    for d in range(days):
        day, seen = bins[d * width : (d + 1) * width], known[d * width : (d + 1) * width]
        for b in range(width):
            level[b] += day[b]
        for b in range(width):
            square[b] += day[b] * day[b]
        for b in range(width):
            count[b] += seen[b]
        end = width if d < days - 1 else width - 1
        after = bins[d * width + 1 : d * width + 1 + end]
        then = known[d * width + 1 : d * width + 1 + end]
        for b in range(end):
            pairs[b] += seen[b] * then[b]
        for b in range(end):
            change = (after[b] - day[b]) * (seen[b] * then[b])
            step[b] += change * change


@compiled("UniTuple(f8, 2)(f8[:, ::1], i8, f8)")
def stability_and_variability(sums: Array, width: int, at: float) -> tuple[float, float]:
    """Return (IS, IV) from sums by the clock of levels that were taken relative to `at`."""
    whole = squares = steps = count = pairs = between = 0.0
    for b in range(width):
        whole += sums[0, b]
        squares += sums[1, b]
        steps += sums[2, b]
        count += sums[3, b]
        pairs += sums[4, b]
        between += sums[0, b] * sums[0, b] / max(sums[3, b], 1.0)
    if count < 2.0:
        return np.nan, np.nan
    mean = whole / count
    spread = squares - whole * mean
    if spread <= _TINY * max(count * (at + mean) ** 2, _TINY):
        return np.nan, np.nan
    stability = min(max((between - whole * mean) / spread, 0.0), 1.0)
    return stability, steps * count / (pairs * spread) if pairs > 0 else np.nan


@compiled("UniTuple(f8, 2)(f8[:, ::1], i8[::1], f8[::1], f8[::1])")
def gather(level: Array, days: Ints, total: Array, seen: Array) -> tuple[float, float]:
    """Lay a window's minutes out less their mean; return (mean, number of known minutes).

    Unknown minutes are 0 in both arrays; where all are known `seen` is left as it was.
    """
    width = level.shape[1]
    column, number = np.zeros(width), np.zeros(width)
    for place in range(days.size):
        day = level[days[place]]
        for m in range(width):
            known = day[m] == day[m]
            column[m] += day[m] if known else 0.0
            number[m] += 1.0 if known else 0.0
    whole = count = 0.0
    for m in range(width):
        whole += column[m]
        count += number[m]
    mean = whole / count if count > 0 else 0.0
    complete = count == days.size * width
    for place in range(days.size):
        day, base = level[days[place]], place * width
        if complete:
            for m in range(width):
                total[base + m] = day[m] - mean
            continue
        for m in range(width):
            known = day[m] == day[m]
            total[base + m] = day[m] - mean if known else 0.0
            seen[base + m] = 1.0 if known else 0.0
    return mean, count


@compiled("f8[:, :, ::1](f8[:, ::1], i8[:, ::1], i8[::1], i8[::1])")
def at_resolutions(level: Array, rows: Ints, widths: Ints, made_of: Ints) -> Array:
    """Return (IS, IV) of each window at each bin width, shape (windows, widths, 2).

    A bin is known where half of its minutes are. With all known, IS and IV are those of Witting
    et al. with sums over n in numerator and denominator; with some missing, as
    `rest_activity.interdaily_stability` and `intradaily_variability` say. NaN when and only when
    fewer than two bins are known, all are equal, or (IV) no two follow each other.

    Parameters
    ----------
    level : array, shape (days, 1440)
        Activity of each minute; NaN where unknown.
    rows : int array, shape (windows, days in a window)
        The days of each window, which follow each other.
    widths, made_of : int arrays
        `RESOLUTIONS` and `MADE_OF`.

    References
    ----------
    Goncalves et al. 2014, doi:10.1016/j.slsci.2014.09.013.
    """
    windows, days, width = rows.shape[0], rows.shape[1], level.shape[1]
    found = np.full((windows, widths.size, 2), np.nan)
    start, size = np.zeros(widths.size, np.int64), 0  # where bins begin
    for place in range(widths.size):
        start[place] = size
        size += days * width // widths[place]
    total, seen = np.empty(size), np.empty(size)
    bins, known, sums = np.empty(days * width), np.empty(days * width), np.empty((5, width))
    for w in range(windows):
        mean, count = gather(level, rows[w], total, seen)
        if count < 1:
            continue
        for place in range(widths.size):
            r, here = widths[place], width // widths[place]
            first, last = start[place], start[place] + days * here
            parts, since = r // widths[made_of[place]], start[made_of[place]]
            for k in range(5):
                for b in range(here):
                    sums[k, b] = 0.0
            if parts > 1:
                fold(total[since:], days * here, parts, total[first:last])
            if count == days * width:
                add_whole(total[first:last], days, here, sums[0], sums[1], sums[2])
                for b in range(here):
                    sums[3, b] = sums[4, b] = days
                sums[4, here - 1] = days - 1
                pair = stability_and_variability(sums, here, mean * r)
            else:
                if parts > 1:
                    fold(seen[since:], days * here, parts, seen[first:last])
                for i in range(days * here):
                    good = 2.0 * seen[first + i] >= r
                    bins[i] = total[first + i] / seen[first + i] if good else 0.0
                    known[i] = 1.0 if good else 0.0
                add_known(bins, known, days, here, sums)
                pair = stability_and_variability(sums, here, mean)
            found[w, place, 0], found[w, place, 1] = pair
    return found
