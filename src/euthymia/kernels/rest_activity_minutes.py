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
EQUAL_SHARE: Final = 1e-9  # sums this close, relative to the largest, are called equal


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
