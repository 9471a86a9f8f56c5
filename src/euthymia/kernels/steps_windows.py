"""Steps of many windows, minute by minute."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.intensity import runs_below
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTE_US: Final = 60_000_000
LONGEST_S: Final = 90.0  # records of longer periods say nothing of single minutes
ACTIVE: Final = 10.0  # steps a minute: RAPIDS' threshold of an active bout
BRISK: Final = 100.0
NUMBERS: Final = 14


@compiled("UniTuple(f8, 3)(i8[::1])")
def runs(lengths: Ints) -> tuple[float, float, float]:
    """Return the number, mean and greatest of runs; `lengths[n]` of them last n minutes."""
    count = whole = longest = 0.0
    for n in range(1, lengths.size):
        if lengths[n] > 0:
            count += lengths[n]
            whole += float(lengths[n]) * n
            longest = float(n)
    return count, whole / count if count > 0 else np.nan, longest if count > 0 else np.nan


@compiled("void(f8[::1], f8[::1])")
def of_minutes(minutes: Array, found: Array) -> None:
    """Describe steps minute by minute; NaN where not recorded. See `steps_of_windows`."""
    known = stepping = total = brisk = active = 0.0
    top = np.zeros(30)
    for i in range(minutes.size):
        if np.isnan(minutes[i]):
            continue
        known += 1.0
        stepping += 1.0 if minutes[i] > 0 else 0.0
        total += minutes[i]
        brisk += 1.0 if minutes[i] >= BRISK else 0.0
        active += 1.0 if minutes[i] >= ACTIVE else 0.0
        if minutes[i] > top[0]:  # the least of the best thirty
            k = 0
            while k + 1 < 30 and top[k + 1] < minutes[i]:
                top[k] = top[k + 1]
                k += 1
            top[k] = minutes[i]
    if known == 0.0:
        return
    found[2], found[3], found[4] = stepping, brisk, top[29]
    best = 0.0
    for k in range(30):
        best += top[k] / 30.0
    found[5] = best
    found[6] = total / stepping if stepping > 0 else np.nan
    lengths, turned = np.empty(minutes.size + 1, np.int64), np.empty(minutes.size)
    runs_below(minutes, ACTIVE, lengths)
    found[7], found[8], found[9] = runs(lengths)
    for i in range(minutes.size):
        turned[i] = -minutes[i]
    runs_below(turned, 0.5 - ACTIVE, lengths)
    found[10], found[11], found[12] = runs(lengths)
    found[13] = known - active


@compiled("f8[:, ::1](i8[::1], f8[::1], f8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8)")
def steps_of_windows(
    time_us: Ints,
    steps: Array,
    period_s: Array,
    row: Ints,
    start_us: Ints,
    end_us: Ints,
    first: Ints,
    until: Ints,
    rows: int,
) -> Array:
    """Describe recorded steps in each window, shape (rows, `NUMBERS`).

    0 steps; 1 recorded minutes; 2 minutes with a step; 3 minutes of 100 or more; the 4 highest
    and 5 mean of the 30 highest steps a minute; 6 mean steps of a minute with any; number, mean
    and longest of 7-9 runs of minutes below 10 steps and 10-12 of the others; 13 minutes below 10.
    A record counts where it begins, but one of more than 90 s of which less than half lies in the
    stretch (a day's sum in a night) says nothing of it. 2 to 13 are NaN where no record is of 90 s
    or less.
    Stretch i of time, [start_us[i], end_us[i]), holds the records first[i] to until[i].
    """
    found = np.full((rows, NUMBERS), np.nan)
    i = 0
    while i < row.size:
        last, cells = i, 0
        while last < row.size and row[last] == row[i]:
            cells += (end_us[last] - start_us[last] + MINUTE_US - 1) // MINUTE_US + 1
            last += 1
        minutes, at, total, seen, records = np.full(cells, np.nan), 0, 0.0, 0.0, 0
        for k in range(i, last):
            for n in range(first[k], until[k]):
                inside = min(period_s[n] * 1e6, float(end_us[k] - time_us[n]))
                if period_s[n] > LONGEST_S and 2.0 * inside < period_s[n] * 1e6:
                    continue
                total += steps[n]
                records += 1
                seen += inside / MINUTE_US
                if period_s[n] <= LONGEST_S:
                    cell = at + (time_us[n] - start_us[k]) // MINUTE_US
                    before = minutes[cell]
                    minutes[cell] = steps[n] + (0.0 if np.isnan(before) else before)
            at += (end_us[k] - start_us[k] + MINUTE_US - 1) // MINUTE_US + 1
        if records > 0:
            found[row[i], 0], found[row[i], 1] = total, seen
            of_minutes(minutes, found[row[i]])
        i = last
    return found
