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
    part = day.size // 4
    for m in range(part):
        a += day[m]
        b += day[part + m]
        c += day[2 * part + m]
        d += day[3 * part + m]
    whole, count = (a + b) + (c + d), float(day.size)
    if np.isnan(whole):
        whole = count = 0.0
        for m in range(day.size):
            whole += day[m] if day[m] == day[m] else 0.0
            count += 1.0 if day[m] == day[m] else 0.0
    return whole / count if count > 0 else 0.0


@compiled("void(f8[::1], i8, f8[::1], f8[::1])")
def lay_one(day: Array, lane: int, tile: Array, pivot: Array) -> None:
    """Lay one day into one lane. See `lay`."""
    pivot[lane] = mean_of(day)
    for m in range(day.size):
        tile[LANES * m + lane] = day[m] - pivot[lane]


@compiled("void(f8[:, ::1], i8, f8[::1], f8[::1])")
def lay(level: Array, first: int, tile: Array, pivot: Array) -> None:
    """Lay up to sixteen days from `first` on side by side, each about its own mean.

    Parameters
    ----------
    level : array, shape (days, minutes)
    tile : array, shape (minutes * 16,)
        Out: minute m of lane k is `tile[16 * m + k]`; NaN where unknown. The last
        day stands in lanes without one.
    pivot : array, shape (16,)
        Out: the mean of each day's known minutes; 0 without any.
    """
    last = level.shape[0] - 1
    if first + LANES > last + 1:
        for k in range(LANES):
            lay_one(level[min(first + k, last)], k, tile, pivot)
        return
    days = level[first : first + LANES]
    for k in range(LANES):
        pivot[k] = mean_of(days[k])
    for m in range(level.shape[1]):
        at = tile[LANES * m : LANES * (m + 1)]
        for k in range(LANES):
            at[k] = days[k, m] - pivot[k]


@compiled("UniTuple(f8[:, ::1], 2)(f8[:, ::1])")
def tens(level: Array) -> tuple[Array, Array]:
    """Return the sum and the number of the known minutes of each ten, shapes (days, 144)."""
    days, bins = level.shape[0], level.shape[1] // 10
    total, seen = np.zeros((days, bins)), np.zeros((days, bins))
    for d in range(days):
        day = level[d]
        for b in range(bins):
            i = 10 * b
            half = (day[i] + day[i + 1]) + (day[i + 2] + day[i + 3])
            rest = (day[i + 4] + day[i + 5]) + (day[i + 6] + day[i + 7])
            total[d, b] = (half + rest) + (day[i + 8] + day[i + 9])
            seen[d, b] = 10.0
        for b in range(bins):
            if total[d, b] == total[d, b]:
                continue
            total[d, b] = seen[d, b] = 0.0
            for i in range(10 * b, 10 * b + 10):
                if day[i] == day[i]:
                    total[d, b] += day[i]
                    seen[d, b] += 1.0
    return total, seen


@compiled("f8[:, ::1](f8[:, ::1], i8[:, ::1])")
def average_day(level: Array, rows: Ints) -> Array:
    """Return each window's mean of every minute of the clock; NaN where it was never known."""
    windows, width = rows.shape[0], level.shape[1]
    found = np.empty((windows, width))
    total, seen = np.empty(width), np.empty(width)
    for w in range(windows):
        total[:] = 0.0
        seen[:] = 0.0
        for place in range(rows.shape[1]):
            day = level[rows[w, place]]
            for m in range(width):
                known = day[m] == day[m]
                total[m] += day[m] if known else 0.0
                seen[m] += 1.0 if known else 0.0
        for m in range(width):
            found[w, m] = total[m] / seen[m] if seen[m] > 0 else np.nan
    return found


@compiled("f8[:, ::1](f8[:, ::1], i8, b1)")
def extreme_stretch(profile: Array, width: int, lowest: bool) -> Array:
    """Return [mean level, first bin] of the least or most active `width` bins in a row.

    Around midnight too; of stretches that are equal to rounding the earliest. NaN where a bin of
    the profile is unknown. Shape (windows, 2).
    """
    windows, bins = profile.shape
    found = np.full((windows, 2), np.nan)
    summed, sums = np.zeros(bins + width + 1), np.empty(bins)
    sign = -1.0 if lowest else 1.0
    for w in range(windows):
        running = 0.0
        for b in range(bins):
            running += profile[w, b]
            summed[b + 1] = running
        if np.isnan(running):
            continue
        for b in range(width):
            summed[bins + 1 + b] = running + summed[b + 1]
        low, high = np.inf, -np.inf
        for b in range(bins):
            sums[b] = summed[b + width] - summed[b]
        for b in range(bins):
            low = min(low, sums[b])
            high = max(high, sums[b])
        edge = sign * (low if lowest else high) - EQUAL_SHARE * max(abs(low), abs(high))
        at = 0
        while sign * sums[at] < edge:
            at += 1
        found[w, 0] = max(sums[at] / width, 0.0)
        found[w, 1] = at
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
