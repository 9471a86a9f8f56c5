"""Interdaily stability and intradaily variability over many bin widths at once (ISm, IVm)."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.four import LANES, NOTHING, four, minus, plus, put, times, times_plus
from euthymia.kernels.jit import compiled
from euthymia.kernels.rest_activity_minutes import (
    BINS_OF_8,
    BINS_OF_24,
    MINUTES,
    average_day,
    count_tens,
    lay,
    round_mean,
    to_thirds,
)

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
_ASK: Final = {8: BINS_OF_8, 24: BINS_OF_24}


class _Layout(NamedTuple):
    """How the bins of a width lie side by side: in quarters of a day, or thirds.

    In quarters where no bin crosses from one to the next, else in thirds.
    """

    place: int  # of the width
    lanes: int  # 4 or 3
    many: int  # bins of a lane
    begin: int  # where they lie in the work space
    fine: int  # where the bins lie of which they are made
    parts: int  # of how many
    first: int  # what `to_thirds` is asked before: a row and a number, 0 where nothing
    third: int

    @property
    def end(self) -> int:
        return self.begin + LANES * self.many


_ORDER: Final = (1, 2, 4, 8, 16, 32, 3, 6, 12, 24, 48, 9, 18, 36, 5, 10, 20, 40, 15, 30, 60, 45)
"""Widths in the order of work. What is made of two, three and five minutes takes the same space,
one after the other: so all of it stays in the nearest cache."""


def _layouts() -> list[_Layout]:
    found: dict[int, _Layout] = {}
    begin = 0
    for width in _ORDER:
        place = RESOLUTIONS.index(width)
        fine = RESOLUTIONS[MADE_OF[place]]
        lanes = 4 if MINUTES // 4 % width == 0 else 3
        begin = MINUTES if fine == 1 < width else begin
        source = found[fine] if width > 1 else _Layout(0, 4, 0, 0, 0, 1, 0, 0)
        ask = _ASK[fine] if lanes < source.lanes else (0, 0)
        count = MINUTES // (lanes * width)
        found[width] = _Layout(place, lanes, count, begin, source.begin, width // fine, *ask)
        begin = found[width].end
    return list(found.values())


_LAYOUTS: Final = np.array(_layouts(), np.int64)
_WIDTHS: Final = np.array(RESOLUTIONS, np.int64)
WIDTHS: Final = np.array([RESOLUTIONS, MADE_OF], np.int64)
_TENS: Final = _layouts()[_ORDER.index(10)].begin
_SPARE: Final = max(layout.end for layout in _layouts())
_SUMS: Final = _SPARE + LANES * max(BINS_OF_8[1], BINS_OF_24[1])
WORK: Final = _SUMS + 16
"""How many numbers of work space the bins of a day need."""


@compiled("void(f8[::1], i8, i8, i8, i8)", lanes=True)
def fold_lanes(work: Array, fine: int, count: int, parts: int, coarse: int) -> None:
    """Put the sums of 2, 3 or 5 (`parts`) bins in a row of each lane from `coarse` on."""
    if parts == 2:
        for i in range(count):
            x = fine + 8 * i
            put(work, coarse + 4 * i, plus(four(work, x), four(work, x + 4)))
    elif parts == 3:
        for i in range(count):
            x = fine + 12 * i
            both = plus(four(work, x), four(work, x + 4))
            put(work, coarse + 4 * i, plus(both, four(work, x + 8)))
    else:
        for i in range(count):
            x = fine + 20 * i
            both = plus(four(work, x), four(work, x + 4))
            other = plus(four(work, x + 8), four(work, x + 12))
            put(work, coarse + 4 * i, plus(plus(both, other), four(work, x + 16)))


@compiled("void(f8[::1], i8, i8)", lanes=True)
def squares_and_steps(work: Array, at: int, count: int) -> None:
    """Put [squares of the bins, of the steps between them, first bin, last bin] of each lane."""
    first = before = four(work, at)
    squares, steps, squares_too, steps_too = times(first, first), NOTHING, NOTHING, NOTHING
    for b in range(1, count - 1, 2):
        one, two = four(work, at + LANES * b), four(work, at + LANES * b + LANES)
        up, on = minus(one, before), minus(two, one)
        squares, squares_too = times_plus(one, one, squares), times_plus(two, two, squares_too)
        steps, steps_too = times_plus(up, up, steps), times_plus(on, on, steps_too)
        before = two
    if count % 2 == 0:
        one = four(work, at + LANES * (count - 1))
        up = minus(one, before)
        squares, steps, before = times_plus(one, one, squares), times_plus(up, up, steps), one
    put(work, _SUMS, plus(squares, squares_too))
    put(work, _SUMS + 4, plus(steps, steps_too))
    put(work, _SUMS + 8, first)
    put(work, _SUMS + 12, before)


@compiled("void(f8[::1], i8, f8[:, ::1], i8)")
def of_lanes(work: Array, lanes: int, found: Array, place: int) -> None:
    """Put what `squares_and_steps` says of all lanes, one after the other, into `found`."""
    s, first, last = _SUMS, _SUMS + 8, _SUMS + 12
    steps = (work[s + 4] + work[s + 5]) + (work[s + 6] + work[s + 7])
    steps += (work[first + 1] - work[last]) ** 2 + (work[first + 2] - work[last + 1]) ** 2
    if lanes == 4:
        steps += (work[first + 3] - work[last + 2]) ** 2
    found[place, 0] = (work[s] + work[s + 1]) + (work[s + 2] + work[s + 3])
    found[place, 1] = steps
    found[place, 2], found[place, 3] = work[first], work[last + lanes - 1]


@compiled("void(f8[::1], f8[:, ::1])", lanes=True)
def bins_of_day(work: Array, found: Array) -> None:
    """Put what a day that was laid out tells of its bins into `found`.

    Parameters
    ----------
    work : array, shape (WORK,)
        What `lay` made, and work space after it; the sums of ten minutes are left in it, for
        `tens_of`.
    found : array, shape (widths, 4)
        Out: the sum of the squares of the bins' sums about what `lay` took away, that of the
        steps between them, the first and the last. NaN where a minute is unknown.
    """
    for nth in range(_LAYOUTS.shape[0]):
        place, lanes, count = _LAYOUTS[nth, 0], _LAYOUTS[nth, 1], _LAYOUTS[nth, 2]
        begin, fine, third = _LAYOUTS[nth, 3], _LAYOUTS[nth, 4], _LAYOUTS[nth, 7]
        if third > 0:
            to_thirds(work, fine, 1, _LAYOUTS[nth, 6], third, _SPARE)
            fine = _SPARE
        if place > 0:
            fold_lanes(work, fine, count, _LAYOUTS[nth, 5], begin)
        squares_and_steps(work, begin, count)
        of_lanes(work, lanes, found, place)


@compiled("f8(f8[::1], f8[::1], f8, f8[::1], f8[::1])")
def tens_of(day: Array, work: Array, pivot: float, total: Array, seen: Array) -> float:
    """Put the sum and the number of known minutes of each ten into `total` and `seen`.

    `work` is what `bins_of_day` left. Returns the sum of all minutes less `pivot`; NaN where one
    is unknown.
    """
    quarter, away = total.size // LANES, 0.0
    for k in range(LANES):
        for b in range(quarter):
            total[k * quarter + b] = work[_TENS + LANES * b + k]
    for b in range(0, total.size, 4):
        away += (total[b] + total[b + 1]) + (total[b + 2] + total[b + 3])
    for b in range(total.size):
        total[b] += 10.0 * pivot
        seen[b] = 10.0
    if np.isnan(away):
        count_tens(day, total, seen)
    return away


@compiled("void(f8, f8[:, ::1])")
def about_the_mean(away: float, found: Array) -> None:
    """Turn what `bins_of_day` found from about the pivot to about the mean.

    `away` is the sum of all minutes less the pivot.
    """
    for place in range(_WIDTHS.size):
        bins = MINUTES / _WIDTHS[place]
        found[place, 0] = max(found[place, 0] - away * away / bins, 0.0)
        found[place, 2] -= away / bins
        found[place, 3] -= away / bins


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[::1], f8[:, ::1])")
def tell_bins(day: Array, work: Array, total: Array, seen: Array, found: Array) -> float:
    """Put what a day tells of its bins, about its mean, into `found`; return that mean.

    `work` is work space, where the day is then laid out less its `round_mean`; for `total` and
    `seen` see `tens_of`.
    """
    pivot = round_mean(day, work)
    lay(day, pivot, work)
    bins_of_day(work, found)
    away = tens_of(day, work, pivot, total, seen)
    about_the_mean(away, found)
    return pivot + away / MINUTES


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


@compiled("void(f8[:, :, ::1], f8[::1], i8[::1], f8[:, ::1], f8[:, ::1])")
def of_whole_days(told: Array, middle: Array, days: Ints, average: Array, found: Array) -> None:
    """Put (IS, IV) of a window without unknown minutes into `found`, from what its days tell.

    `average` is what its average day tells. Bins are taken about the window's mean: from a day's
    mean to the window's it is a constant.
    """
    many, mean, apart = days.size, 0.0, 0.0
    for place in range(many):
        mean += middle[days[place]] / many
    for place in range(many):
        apart += (middle[days[place]] - mean) ** 2
    for place in range(_WIDTHS.size):
        r = _WIDTHS[place]
        bins = MINUTES // r
        spread, steps, count = bins * r * r * apart, 0.0, float(many * bins)
        for nth in range(many):
            spread += told[days[nth], place, 0]
            steps += told[days[nth], place, 1]
        for nth in range(1, many):
            over = told[days[nth], place, 2] - told[days[nth - 1], place, 3]
            steps += (over + r * (middle[days[nth]] - middle[days[nth - 1]])) ** 2
        if count < 2.0 or spread <= _TINY * max(count * (r * mean) ** 2, _TINY):
            continue
        found[place, 0] = min(max(many * average[place, 0] / spread, 0.0), 1.0)
        found[place, 1] = steps * count / ((count - 1.0) * spread)


@compiled("void(f8[:, ::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[:, ::1])")
def of_part_days(
    level: Array, days: Ints, widths: Ints, made_of: Ints, work: Array, found: Array
) -> None:
    """Put (IS, IV) of a window in which minutes are unknown into `found`.

    `work` has room for the window's minutes twice for each width, and twice more.
    """
    width, many = level.shape[1], days.size
    size, part = many * width, work.size // 2
    total, seen = work[:part], work[part:]
    bins, known, sums = np.empty(size), np.empty(size), np.empty((5, width))
    mean, count = gather(level, days, total, seen)
    if count < 1:
        return
    start, last = np.zeros(widths.size, np.int64), 0
    for place in range(widths.size):
        r, here = widths[place], width // widths[place]
        first, last = last, last + many * here
        start[place] = first
        since, parts = start[made_of[place]], r // widths[made_of[place]]
        if parts > 1:
            fold(total[since:], many * here, parts, total[first:last])
            fold(seen[since:], many * here, parts, seen[first:last])
        for k in range(5):
            for b in range(here):
                sums[k, b] = 0.0
        for i in range(many * here):
            good = 2.0 * seen[first + i] >= r
            bins[i] = total[first + i] / seen[first + i] if good else 0.0
            known[i] = 1.0 if good else 0.0
        add_known(bins, known, many, here, sums)
        found[place, 0], found[place, 1] = stability_and_variability(sums, here, mean)


@compiled("f8[:, :, ::1](f8[:, ::1], i8[:, ::1], f8[:, ::1], f8[:, :, ::1], f8[::1], i8[:, ::1])")
def of_windows(
    level: Array, rows: Ints, profile: Array, told: Array, middle: Array, widths: Ints
) -> Array:
    """Return what `at_resolutions` does.

    Parameters
    ----------
    profile : array, shape (windows, 1440)
        What `average_day` gives.
    told, middle : arrays, shapes (days, widths, 4), (days,)
        What `tell_bins` tells of each day, and its mean.
    widths : int array, shape (2, widths)
        `RESOLUTIONS` and `MADE_OF`.
    """
    windows, days, width = rows.shape[0], rows.shape[1], level.shape[1]
    found = np.full((windows, widths.shape[1], 2), np.nan)
    average, work = np.empty((widths.shape[1], 4)), np.empty(WORK)
    total, seen, large = np.empty(width // 10), np.empty(width // 10), np.empty(0)
    size = 0
    for place in range(widths.shape[1]):
        size += days * (width // widths[0, place])
    for w in range(windows):
        known = 0.0
        for place in range(days):
            known += told[rows[w, place], 0, 0]
        if not np.isnan(known):
            tell_bins(profile[w], work, total, seen, average)
            of_whole_days(told, middle, rows[w], average, found[w])
            continue
        if large.size == 0:
            large = np.zeros(2 * size)
        large[size : size + days * width] = 0.0
        of_part_days(level, rows[w], widths[0], widths[1], large, found[w])
    return found


@compiled("Tuple((f8[:, :, ::1], f8[::1]))(f8[:, ::1])")
def bins_of_days(level: Array) -> tuple[Array, Array]:
    """Return what `tell_bins` tells of each day, and its mean."""
    days, width = level.shape
    told, middle = np.empty((days, _WIDTHS.size, 4)), np.empty(days)
    total, seen, work = np.empty(width // 10), np.empty(width // 10), np.empty(WORK)
    for d in range(days):
        middle[d] = tell_bins(level[d], work, total, seen, told[d])
    return told, middle


def at_resolutions(level: Array, rows: Ints) -> Array:
    """Return (IS, IV) of each window at each of `RESOLUTIONS`, shape (windows, widths, 2).

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

    References
    ----------
    Goncalves et al. 2014, doi:10.1016/j.slsci.2014.09.013.
    """
    told, middle = bins_of_days(level)
    return of_windows(level, rows, average_day(level, rows), told, middle, WIDTHS)
