"""Interdaily stability and intradaily variability over many bin widths at once (ISm, IVm)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.rest_activity_minutes import LANES, average_day, lay, round_means

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


@compiled("void(f8[::1], i8, i8, f8[::1])")
def fold_lanes(fine: Array, count: int, parts: int, coarse: Array) -> None:
    """Do as `fold` for sixteen days side by side."""
    if parts == 2:
        for i in range(count):
            x, out = 2 * LANES * i, LANES * i
            for k in range(LANES):
                coarse[out + k] = fine[x + k] + fine[x + LANES + k]
        return
    for i in range(count):
        x, out = LANES * parts * i, LANES * i
        for k in range(LANES):
            both = fine[x + k] + fine[x + LANES + k]
            coarse[out + k] = both + fine[x + 2 * LANES + k]
        for j in range(3, parts):
            for k in range(LANES):
                coarse[out + k] += fine[x + LANES * j + k]


@compiled("void(f8[::1], i8, f8[::1])")
def squares_and_steps(bins: Array, count: int, out: Array) -> None:
    """Sum the squares of each lane's bins (from 0 on) and of the steps between them (16 on).

    Four bins at a time; then come the first (32 on) and the last bin (48 on) of each lane.
    """
    sums, whole = out[: 2 * LANES], (count - 1) // 4 * 4
    sums[:] = 0.0
    for b in range(0, whole, 4):
        x = bins[LANES * b : LANES * (b + 5)]
        for k in range(LANES):
            a, c, d = x[k], x[LANES + k], x[2 * LANES + k]
            e, f = x[3 * LANES + k], x[4 * LANES + k]
            sums[k] += (a * a + c * c) + (d * d + e * e)
            up = (c - a) * (c - a) + (d - c) * (d - c)
            sums[LANES + k] += up + ((e - d) * (e - d) + (f - e) * (f - e))
    for b in range(whole, count):
        x, after = bins[LANES * b : LANES * (b + 1)], min(b + 1, count - 1)
        y = bins[LANES * after : LANES * (after + 1)]
        for k in range(LANES):
            sums[k] += x[k] * x[k]
            sums[LANES + k] += (y[k] - x[k]) * (y[k] - x[k])
    for k in range(LANES):
        out[2 * LANES + k] = bins[k]
        out[3 * LANES + k] = bins[LANES * (count - 1) + k]


@compiled("void(f8[::1], i8, i8, i8[::1], i8[::1], f8[::1])")
def fold_minutes(
    tile: Array, since: int, until: int, widths: Ints, made_of: Ints, work: Array
) -> None:
    """Make those bins of some minutes of the laid-out days that are made of minutes.

    `since` and `until` are multiples of their widths.
    """
    start, part = 0, tile[LANES * since : LANES * until]
    for place in range(1, widths.size):
        if made_of[place] == 0:
            first = start + LANES * (since // widths[place])
            fold_lanes(part, (until - since) // widths[place], widths[place], work[first:])
        start += tile.size // widths[place]


@compiled("void(f8[::1], i8[::1], i8[::1], f8[::1], f8[:, :, ::1])")
def bins_side_by_side(tile: Array, widths: Ints, made_of: Ints, work: Array, found: Array) -> None:
    """Put what each laid-out day tells of its bins into `found`.

    Parameters
    ----------
    tile : array
        What `lay` made.
    widths, made_of : int arrays
        `RESOLUTIONS` and `MADE_OF`.
    work : array
        Work space: 16 numbers a bin of every width, and 64. `fold_minutes` was here.
    found : array, shape (up to 16 days, widths, 4)
        Out: the sum of the squares of the bins' sums about what `lay` took away, that of the
        steps between them, the first and the last. NaN where a minute is unknown.
    """
    start, size, sums = np.zeros(widths.size, np.int64), 0, work[work.size - 4 * LANES :]
    for place in range(widths.size):
        count = tile.size // widths[place]
        start[place] = size
        bins = work[size : size + count]
        if place == 0:
            bins = tile
        else:
            source = made_of[place]
            fine, parts = work[start[source] :], widths[place] // widths[source]
            if source > 0:
                fold_lanes(fine, count // LANES, parts, bins)
            size += count
        squares_and_steps(bins, count // LANES, sums)
        for k in range(found.shape[0]):
            for i in range(4):
                found[k, place, i] = sums[LANES * i + k]


@compiled("void(f8[::1], i8[::1], f8[:, :, ::1], f8[::1])")
def about_the_mean(tens: Array, widths: Ints, found: Array, middle: Array) -> None:
    """Turn what `bins_side_by_side` found from about `lay`'s round means to about the means.

    `tens` are the sums of ten minutes that it made; `middle` is turned from the round means.
    """
    minutes = 10.0 * (tens.size // LANES)
    for k in range(found.shape[0]):
        total = 0.0
        for b in range(k, tens.size, LANES):
            total += tens[b]
        middle[k] += total / minutes
        for place in range(widths.size):
            bins = minutes / widths[place]
            found[k, place, 0] = max(found[k, place, 0] - total * total / bins, 0.0)
            found[k, place, 2] -= total / bins
            found[k, place, 3] -= total / bins


@compiled("UniTuple(i8, 2)(i8[::1], i8, i8)")
def where_in_work(widths: Ints, width: int, size: int) -> tuple[int, int]:
    """Return from where to where in `work` the bins of `width` minutes of days of `size` are."""
    first = 0
    for place in range(1, widths.size):
        last = first + LANES * (size // widths[place])
        if widths[place] == width:
            return first, last
        first = last
    return first, first


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


@compiled("void(f8[:, :, ::1], f8[::1], i8[::1], f8[::1], i8[::1], i8[::1], f8[::1], f8[:, ::1])")
def of_whole_days(
    told: Array, middle: Array, days: Ints, profile: Array, widths: Ints, made_of: Ints,
    work: Array, found: Array,
) -> None:  # fmt: skip
    """Put (IS, IV) of a window without unknown minutes into `found`, from what its days tell.

    Bins are taken about the window's mean: from a day's mean to the window's it is a constant.
    """
    width, many, mean, apart = profile.size, days.size, 0.0, 0.0
    for place in range(many):
        mean += middle[days[place]] / many
    for place in range(many):
        apart += (middle[days[place]] - mean) ** 2
    for m in range(width):
        work[m] = many * (profile[m] - mean)
    start, size = np.zeros(widths.size, np.int64), width
    for place in range(widths.size):
        r = widths[place]
        here, source = width // r, made_of[place]
        column = work[:width]
        if place > 0:
            start[place], column = size, work[size : size + here]
            fold(work[start[source] :], here, r // widths[source], column)
            size += here
        whole = between = steps = 0.0
        for b in range(here):
            whole += column[b]
            between += column[b] * column[b]
        squares = here * r * r * apart
        for nth in range(many):
            squares += told[days[nth], place, 0]
            steps += told[days[nth], place, 1]
        for nth in range(1, many):
            over = told[days[nth], place, 2] - told[days[nth - 1], place, 3]
            steps += (over + r * (middle[days[nth]] - middle[days[nth - 1]])) ** 2
        count = float(many * here)
        spread, centre = squares - whole * whole / count, whole * whole / count
        if count < 2.0 or spread <= _TINY * max(count * (r * mean) ** 2, _TINY):
            continue
        found[place, 0] = min(max((between / many - centre) / spread, 0.0), 1.0)
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


@compiled(
    "f8[:, :, ::1](f8[:, ::1], i8[:, ::1], f8[:, ::1], f8[:, :, ::1], f8[::1], i8[::1], i8[::1])"
)
def of_windows(
    level: Array, rows: Ints, profile: Array, told: Array, middle: Array, widths: Ints,
    made_of: Ints,
) -> Array:  # fmt: skip
    """Return what `at_resolutions` does.

    Parameters
    ----------
    profile : array, shape (windows, 1440)
        What `average_day` gives.
    told, middle : arrays, shapes (days, widths, 4), (days,)
        What `bins_side_by_side` tells of each day, and its mean.
    """
    windows, days, width = rows.shape[0], rows.shape[1], level.shape[1]
    found = np.full((windows, widths.size, 2), np.nan)
    size = 0
    for place in range(widths.size):
        size += width // widths[place]
    work, large = np.empty(size), np.empty(0)
    for w in range(windows):
        known = 0.0
        for place in range(days):
            known += told[rows[w, place], 0, 0]
        if not np.isnan(known):
            of_whole_days(told, middle, rows[w], profile[w], widths, made_of, work, found[w])
            continue
        if large.size == 0:
            large = np.zeros(2 * days * size)
        large[days * size : days * size + days * width] = 0.0
        of_part_days(level, rows[w], widths, made_of, large, found[w])
    return found


@compiled("i8(i8[::1], i8)")
def work_of(widths: Ints, width: int) -> int:
    """Return how much work space `bins_side_by_side` needs for days of `width` minutes."""
    size = 4 * LANES
    for place in range(1, widths.size):
        size += LANES * (width // widths[place])
    return size


@compiled("Tuple((f8[:, :, ::1], f8[::1]))(f8[:, ::1], i8[::1], i8[::1])")
def bins_of_days(level: Array, widths: Ints, made_of: Ints) -> tuple[Array, Array]:
    """Return what `bins_side_by_side` tells of each day, and its mean."""
    days, width = level.shape
    told, middle = np.empty((days, widths.size, 4)), np.empty(days + LANES)
    work, tile = np.empty(work_of(widths, width)), np.empty(LANES * width)
    since, until = where_in_work(widths, 10, width)
    tens = work[since:until]
    for first in range(0, days, LANES):
        round_means(level, first, middle[first : first + LANES])
        lay(level, first, middle[first : first + LANES], 0, width, tile)
        fold_minutes(tile, 0, width, widths, made_of, work)
        bins_side_by_side(tile, widths, made_of, work, told[first : first + LANES])
        about_the_mean(tens, widths, told[first : first + LANES], middle[first : first + LANES])
    return told, middle[:days]


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
    told, middle = bins_of_days(level, widths, made_of)
    return of_windows(level, rows, average_day(level, rows), told, middle, widths, made_of)
