"""What rest-activity measures need of every minute: bins, the average day, its extreme hours.

Windows are rows of a table of days: window i takes the days `rows[i]`, which follow each other.
So windows that overlap share their days, and nothing is copied. Unknown minutes are NaN.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.four import (
    LANES,
    NOTHING,
    apart,
    four,
    four_times,
    higher,
    lower,
    minus,
    plus,
    put,
)
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTES: Final = 1440
EQUAL_SHARE: Final = 1e-9  # sums this close, relative to the largest, are called equal


def _thirds_of(count: int, rows: int) -> list[list[int]]:
    """Return where the items of each third of a day begin, laid out in quarters of `count`."""
    third = 4 * count // 3
    places = [[part * third + i for part in range(3)] for i in range(third)]
    return [[LANES * rows * (at % count) + at // count for at in row] for row in places]


_THIRDS: Final = np.array(_thirds_of(45, 1) + _thirds_of(15, 1) + _thirds_of(9, 5), np.int64)
BINS_OF_8: Final = (0, 60)
BINS_OF_24: Final = (60, 20)
BOXES_OF_40: Final = (80, 12)
"""The first row of `_THIRDS`, and how many there are: of what `to_thirds` can be asked to lay."""


@compiled("f8(f8[::1], f8[::1])", lanes=True)
def mean_of(day: Array, space: Array) -> float:
    """Return the mean of a day's known minutes; 0 without any. `space` is for four numbers."""
    a, b, c, d = NOTHING, NOTHING, NOTHING, NOTHING
    for m in range(0, day.size // 16 * 16, 16):
        a = plus(a, four(day, m))
        b = plus(b, four(day, m + 4))
        c = plus(c, four(day, m + 8))
        d = plus(d, four(day, m + 12))
    put(space, 0, plus(plus(a, b), plus(c, d)))
    whole, count = (space[0] + space[1]) + (space[2] + space[3]), float(day.size)
    for m in range(day.size // 16 * 16, day.size):
        whole += day[m]
    if np.isnan(whole):
        whole = count = 0.0
        for m in range(day.size):
            whole += day[m] if day[m] == day[m] else 0.0
            count += 1.0 if day[m] == day[m] else 0.0
    return whole / count if count > 0 else 0.0


@compiled("f8(f8[::1], f8[::1])")
def round_mean(day: Array, space: Array) -> float:
    """Return the mean of a day's known minutes to eight binary digits; 0 without any.

    Few digits, so that whole counts less this number, and all sums of them, are without error.
    `space` is for four numbers.

    References
    ----------
    Dekker 1971, doi:10.1007/BF01397083.
    """
    mean = mean_of(day, space)
    far = mean * 35184372088833.0  # 2 ** 45 + 1
    return far - (far - mean)


@compiled("void(f8[::1], f8, f8[::1])", lanes=True)
def lay(day: Array, pivot: float, tile: Array) -> None:
    """Lay the quarters of a day side by side, less `pivot`.

    Minute m of quarter k is `tile[4 * m + k]`; NaN where unknown.
    """
    for m in range(MINUTES // 4):
        a, b = day[m] - pivot, day[m + MINUTES // 4] - pivot
        c, d = day[m + MINUTES // 2] - pivot, day[m + MINUTES * 3 // 4] - pivot
        put(tile, LANES * m, (a, b, c, d))


@compiled("void(f8[::1], i8, i8, i8, i8, i8)", lanes=True)
def to_thirds(work: Array, since: int, rows: int, first: int, third: int, to: int) -> None:
    """Lay the thirds of a day side by side, of what lies in quarters; 0 beside them.

    Parameters
    ----------
    work : array
        From `since` on the quarters: items of `rows` times four numbers. From `to` on, out, the
        thirds.
    first, third : int
        `BINS_OF_8`, `BINS_OF_24` or `BOXES_OF_40`.
    """
    for i in range(third):
        a, b, c = (
            since + _THIRDS[first + i, 0],
            since + _THIRDS[first + i, 1],
            _THIRDS[first + i, 2],
        )
        for row in range(0, LANES * rows, LANES):
            three = work[a + row], work[b + row], work[since + c + row], 0.0
            put(work, to + LANES * rows * i + row, three)


@compiled("void(f8[::1], f8[::1], f8[::1])")
def count_tens(day: Array, total: Array, seen: Array) -> None:
    """Count the known minutes of each ten, and sum up anew where one is unknown (`total` NaN)."""
    for b in range(total.size):
        seen[b] = 10.0
        if total[b] == total[b]:
            continue
        total[b] = seen[b] = 0.0
        for i in range(10 * b, 10 * b + 10):
            if day[i] == day[i]:
                total[b] += day[i]
                seen[b] += 1.0


@compiled("void(f8[::1], f8[::1], f8[::1], f8[::1])")
def hours_of(total: Array, seen: Array, hourly: Array, whole: Array) -> None:
    """Put the level of each hour of a day into `hourly`, from its tens.

    NaN where less than half of it was seen. `whole` is then the day's sum and number of known
    minutes.
    """
    whole[0] = whole[1] = 0.0
    for h in range(24):
        t, s = total[6 * h : 6 * h + 6], seen[6 * h : 6 * h + 6]
        level = (t[0] + t[1]) + (t[2] + t[3]) + (t[4] + t[5])
        known = (s[0] + s[1]) + (s[2] + s[3]) + (s[4] + s[5])
        hourly[h] = level / known if known >= 30.0 else np.nan
        whole[0] += level
        whole[1] += known


@compiled("void(f8[::1], i8[::1], f8[::1])", lanes=True)
def sum_of_days(level: Array, starts: Ints, found: Array) -> None:
    """Put the sum of every minute over the days that start there into `found`, day after day.

    Eight minutes at a time, whose number divides a day's.
    """
    for m in range(0, found.size, 8):
        one, two = NOTHING, NOTHING
        for place in range(starts.size):
            at = starts[place] + m
            one, two = plus(one, four(level, at)), plus(two, four(level, at + 4))
        put(found, m, one)
        put(found, m + 4, two)


@compiled("void(f8[:, ::1], i8[::1], f8[::1])")
def average_of(level: Array, days: Ints, found: Array) -> None:
    """Put the mean of every minute of the clock over some days into `found`; NaN if never known."""
    width, many, unknown = level.shape[1], days.size, 0
    sum_of_days(level.ravel(), days * width, found)
    for m in range(width):
        unknown += 1 if found[m] != found[m] else 0
    if unknown == 0:
        for m in range(width):
            found[m] /= many
        return
    seen = np.zeros(width)
    found[:] = 0.0
    for place in range(many):
        day = level[days[place]]
        for m in range(width):
            known = day[m] == day[m]
            found[m] += day[m] if known else 0.0
            seen[m] += 1.0 if known else 0.0
    for m in range(width):
        found[m] = found[m] / seen[m] if seen[m] > 0 else np.nan


@compiled("f8[:, ::1](f8[:, ::1], i8[:, ::1])")
def average_day(level: Array, rows: Ints) -> Array:
    """Return each window's mean of every minute of the clock; NaN where it was never known."""
    found = np.empty((rows.shape[0], level.shape[1]))
    for w in range(rows.shape[0]):
        average_of(level, rows[w], found[w])
    return found


@compiled("f8(f8[::1], f8[::1])", lanes=True)
def running_sums(values: Array, summed: Array) -> float:
    """Put the sums of the first 1, 2, 3 ... values into `summed`; return that of all.

    The number of values is a multiple of four: each quarter is summed up beside the others.
    """
    quarter, running = values.size // LANES, NOTHING
    for i in range(quarter):
        running = plus(running, apart(values, i, quarter))
        summed[i], summed[quarter + i] = running[0], running[1]
        summed[2 * quarter + i], summed[3 * quarter + i] = running[2], running[3]
    before = 0.0
    for part in range(LANES):
        for i in range(part * quarter, (part + 1) * quarter):
            summed[i] += before
        before = summed[(part + 1) * quarter - 1]
    return before


@compiled("void(f8[::1], i8, f8, f8[::1])", lanes=True)
def extreme_of(summed: Array, width: int, sign: float, found: Array) -> None:
    """Put the level and the first bin of the extreme stretch into `found`. See `extreme_stretch`.

    `summed` are the running sums, from 0 on, of all bins and the first `width` once more.
    """
    bins = summed.size - width - 1
    lowest, highest = four_times(np.inf), four_times(-np.inf)
    for b in range(0, bins, LANES):
        total = minus(four(summed, b + width), four(summed, b))
        lowest, highest = lower(total, lowest), higher(total, highest)
    low = min(lowest[0], lowest[1], lowest[2], lowest[3])
    high = max(highest[0], highest[1], highest[2], highest[3])
    edge = sign * (low if sign < 0.0 else high) - EQUAL_SHARE * max(abs(low), abs(high))
    at = 0
    while sign * (summed[at + width] - summed[at]) < edge:
        at += 1
    found[0], found[1] = max((summed[at + width] - summed[at]) / width, 0.0), at


@compiled("f8[:, ::1](f8[:, ::1], i8, i8)")
def extreme_stretches(profile: Array, low: int, high: int) -> Array:
    """Return [mean level, first bin] of the least active `low` and the most active `high` bins.

    In a row, around midnight too; of stretches that are equal to rounding the earliest. NaN where
    a bin of the profile is unknown. `low` is no more than `high`; bins are a multiple of four.
    Shape (windows, 4).
    """
    windows, bins = profile.shape
    found = np.full((windows, 4), np.nan)
    summed = np.zeros(bins + high + 1)
    for w in range(windows):
        running = running_sums(profile[w], summed[1:])
        if np.isnan(running):
            continue
        for b in range(high):
            summed[bins + 1 + b] = running + summed[b + 1]
        extreme_of(summed[: bins + low + 1], low, -1.0, found[w, :2])
        extreme_of(summed, high, 1.0, found[w, 2:])
    return found


@compiled("f8[::1](f8[:, ::1], f8[:, ::1], i8[:, ::1], f8[::1])")
def rest_regularity(total: Array, seen: Array, rows: Ints, threshold: Array) -> Array:
    """Return each window's sleep regularity index of ten minutes at rest, as `sleep_regularity`.

    Parameters
    ----------
    total, seen : arrays, shape (days, 144)
        What `tens` gives; ten minutes count as known when half of them were.
    rows : int array, shape (windows, days in a window)
        The days of each window, which follow each other.
    threshold : array, shape (windows,)
        The level below which ten minutes are at rest; NaN where it is not known.
    """
    windows, bins = rows.shape[0], total.shape[1]
    found = np.full(windows, np.nan)
    for w in range(windows):
        limit, pairs, same = threshold[w], 0, 0
        if np.isnan(limit):
            continue
        for place in range(1, rows.shape[1]):
            one, two = total[rows[w, place - 1]], total[rows[w, place]]
            one_seen, two_seen = seen[rows[w, place - 1]], seen[rows[w, place]]
            for b in range(bins):
                known = 1 if min(one_seen[b], two_seen[b]) >= 5.0 else 0
                alike = 1 if (one[b] / one_seen[b] < limit) == (two[b] / two_seen[b] < limit) else 0
                pairs += known
                same += known * alike
        if pairs > 0:
            found[w] = -100 + 200 * same / pairs
    return found
