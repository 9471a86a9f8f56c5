"""What rest-activity measures need of every minute: bins, the average day, its extreme hours.

Windows are rows of a table of days: window i takes the days `rows[i]`, which follow each other.
So windows that overlap share their days, and nothing is copied. Unknown minutes are NaN.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTES: Final = 1440
LANES: Final = 16
"""Days side by side: what is done to one is done to all of them at once."""
EQUAL_SHARE: Final = 1e-9  # sums this close, relative to the largest, are called equal


@compiled("f8(f8[::1])")
def mean_of(day: Array) -> float:
    """Return the mean of a day's known minutes; 0 without any."""
    a = b = c = d = 0.0
    for m in range(0, day.size // 4 * 4, 4):
        a += day[m]
        b += day[m + 1]
        c += day[m + 2]
        d += day[m + 3]
    for m in range(day.size // 4 * 4, day.size):
        a += day[m]
    whole, count = (a + b) + (c + d), float(day.size)
    if np.isnan(whole):
        whole = count = 0.0
        for m in range(day.size):
            whole += day[m] if day[m] == day[m] else 0.0
            count += 1.0 if day[m] == day[m] else 0.0
    return whole / count if count > 0 else 0.0


@compiled("f8(f8[::1])")
def round_mean(day: Array) -> float:
    """Return the mean of a day's known minutes to eight binary digits; 0 without any.

    Few digits, so that whole counts less this number, and all sums of them, are without error.

    References
    ----------
    Dekker 1971, doi:10.1007/BF01397083.
    """
    mean = mean_of(day)
    far = mean * 35184372088833.0  # 2 ** 45 + 1
    return far - (far - mean)


@compiled("void(f8[:, ::1], i8, f8[::1])")
def round_means(level: Array, first: int, pivot: Array) -> None:
    """Put what `round_mean` says of up to sixteen days from `first` on into `pivot`.

    The last day stands in lanes without one.
    """
    for k in range(LANES):
        pivot[k] = round_mean(level[min(first + k, level.shape[0] - 1)])


@compiled("void(f8[:, ::1], i8, f8[::1], i8, i8, f8[::1])")
def lay(level: Array, first: int, pivot: Array, since: int, until: int, tile: Array) -> None:
    """Lay some minutes of up to sixteen days from `first` on side by side, less `pivot`.

    Parameters
    ----------
    level : array, shape (days, minutes)
    pivot : array, shape (16,)
        What `round_means` gives.
    since, until : int
        Which minutes.
    tile : array, shape (minutes * 16,)
        Out: minute m of lane k is `tile[16 * m + k]`; NaN where unknown. The last
        day stands in lanes without one.
    """
    last = level.shape[0] - 1
    if first + LANES > last + 1:
        for k in range(LANES):
            day = level[min(first + k, last)]
            for m in range(since, until):
                tile[LANES * m + k] = day[m] - pivot[k]
        return
    days = level[first : first + LANES]
    for m in range(since, until):
        at = LANES * m
        for k in range(LANES):
            tile[at + k] = days[k, m] - pivot[k]


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


@compiled("void(f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1])")
def hours_of(total: Array, seen: Array, hourly: Array, whole: Array) -> None:
    """Put the level of each hour of each day into `hourly`, from its tens.

    NaN where less than half of it was seen. `whole` is then each day's sum and number of known
    minutes.
    """
    for d in range(total.shape[0]):
        whole[d, 0] = whole[d, 1] = 0.0
        for h in range(24):
            level = known = 0.0
            for b in range(6 * h, 6 * h + 6):
                level += total[d, b]
                known += seen[d, b]
            hourly[d, h] = level / known if known >= 30.0 else np.nan
            whole[d, 0] += level
            whole[d, 1] += known


@compiled("void(f8[:, ::1], i8[::1], f8[::1], f8[::1])")
def average_of(level: Array, days: Ints, seen: Array, found: Array) -> None:
    """Put the mean of every minute of the clock over some days into `found`; NaN if never known.

    `seen` is work space.
    """
    width, many, unknown = level.shape[1], days.size, 0
    found[:] = 0.0
    for place in range(many):
        day = level[days[place]]
        for m in range(width):
            found[m] += day[m]
    for m in range(width):
        unknown += 1 if found[m] != found[m] else 0
    if unknown == 0:
        for m in range(width):
            found[m] /= many
        return
    found[:] = 0.0
    seen[:] = 0.0
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
    found, seen = np.empty((rows.shape[0], level.shape[1])), np.empty(level.shape[1])
    for w in range(rows.shape[0]):
        average_of(level, rows[w], seen, found[w])
    return found


@compiled("void(f8[::1], i8, f8, f8[::1])")
def extreme_of(summed: Array, width: int, sign: float, found: Array) -> None:
    """Put the level and the first bin of the extreme stretch into `found`. See `extreme_stretch`.

    `summed` are the running sums, from 0 on, of all bins and the first `width` once more.
    """
    bins = summed.size - width - 1
    low, high = np.inf, -np.inf
    for b in range(bins):
        total = summed[b + width] - summed[b]
        low = min(low, total)
        high = max(high, total)
    edge = sign * (low if sign < 0.0 else high) - EQUAL_SHARE * max(abs(low), abs(high))
    at = 0
    while sign * (summed[at + width] - summed[at]) < edge:
        at += 1
    found[0], found[1] = max((summed[at + width] - summed[at]) / width, 0.0), at


@compiled("f8[:, ::1](f8[:, ::1], i8, i8)")
def extreme_stretches(profile: Array, low: int, high: int) -> Array:
    """Return [mean level, first bin] of the least active `low` and the most active `high` bins.

    In a row, around midnight too; of stretches that are equal to rounding the earliest. NaN where
    a bin of the profile is unknown. `low` is no more than `high`. Shape (windows, 4).
    """
    windows, bins = profile.shape
    found = np.full((windows, 4), np.nan)
    summed = np.zeros(bins + high + 1)
    for w in range(windows):
        running = 0.0
        for b in range(bins):
            running += profile[w, b]
            summed[b + 1] = running
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
