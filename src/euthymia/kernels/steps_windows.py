"""Steps of many windows, minute by minute."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.intensity import runs_below
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

MINUTE_US: Final = 60_000_000
LONGEST_S: Final = 90.0  # records of longer periods say nothing of single minutes
ACTIVE: Final = 10.0  # steps a minute: RAPIDS' threshold of an active bout
BRISK: Final = 100.0
TOUCH_S: Final = 1.0  # records that overlap by less follow each other: clocks are rounded
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


@compiled("void(i8[::1], f8[::1], i8, b1[::1])")
def mostly_inside(time_us: Ints, period_s: Array, end_us: int, inside: Mask) -> None:
    """Set which records count here: all but those of more than 90 s that lie mostly beyond."""
    for n in range(time_us.size):
        left = float(end_us - time_us[n])
        inside[n] = not (period_s[n] > LONGEST_S and 2.0 * left < period_s[n] * 1e6)


@compiled("void(i8[::1], f8[::1], f8[::1], b1[::1], b1, f8[::1], f8[::1])")
def once(
    time_us: Ints,
    steps: Array,
    period_s: Array,
    inside: Mask,
    long: bool,
    own: Array,
    fresh_s: Array,
) -> None:
    """Set what each record adds: its steps, and how long nothing before it had counted [s].

    Of the records of one kind: of 90 s or less, or longer; 0 for those that are not `inside`.
    Where two of them are of the same time (a telephone's and a band's), it counts once: at the
    higher of their rates.
    """
    until, rate = -math.inf, 0.0
    for n in range(time_us.size):
        if (period_s[n] > LONGEST_S) != long:
            continue
        own[n], fresh_s[n] = (steps[n], period_s[n]) if inside[n] else (0.0, 0.0)
        if not (inside[n] and period_s[n] > 0.0):
            continue
        end, mine = time_us[n] + period_s[n] * 1e6, steps[n] / period_s[n]
        both = (min(end, until) - time_us[n]) / 1e6
        if both > TOUCH_S:
            fresh_s[n] = period_s[n] - both
            own[n] = max(mine - rate, 0.0) * both + mine * fresh_s[n]
            mine = max(mine, rate) if end == until else mine
        if end >= until:
            until, rate = end, mine


@compiled("void(i8[::1], f8[::1], f8[::1], f8[::1])")
def less_finer(time_us: Ints, period_s: Array, own: Array, fresh_s: Array) -> None:
    """Take from what a longer record adds what the minutes within it have counted already."""
    for n in range(time_us.size):
        if not period_s[n] > LONGEST_S:
            continue
        end, k = time_us[n] + period_s[n] * 1e6, n
        while k > 0 and time_us[k - 1] == time_us[n]:
            k -= 1
        while k < time_us.size and time_us[k] < end:
            if period_s[k] <= LONGEST_S:
                own[n] -= own[k]
                fresh_s[n] -= fresh_s[k]
            k += 1
        own[n], fresh_s[n] = max(own[n], 0.0), max(fresh_s[n], 0.0)


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
    stretch (a day's sum in a night) says nothing of it. Each time counts once (`once`,
    `less_finer`). 2 to 13 are NaN where no record is of 90 s or less.
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
            here = slice(first[k], until[k])
            time, period = time_us[here], period_s[here]
            own, fresh = np.empty(time.size), np.empty(time.size)
            inside = np.empty(time.size, np.bool_)
            mostly_inside(time, period, end_us[k], inside)
            for long in (False, True):
                once(time, steps[here], period, inside, long, own, fresh)
            less_finer(time, period, own, fresh)
            for n in range(time.size):
                if not inside[n]:
                    continue
                total += own[n]
                records += 1
                seen += min(fresh[n] * 1e6, float(end_us[k] - time[n])) / MINUTE_US
                if period[n] <= LONGEST_S:
                    told = np.int64((period[n] - fresh[n]) * 1e6) if fresh[n] > 0.0 else 0
                    cell = at + (min(time[n] + told, end_us[k] - 1) - start_us[k]) // MINUTE_US
                    before = minutes[cell]
                    minutes[cell] = own[n] + (0.0 if np.isnan(before) else before)
            at += (end_us[k] - start_us[k] + MINUTE_US - 1) // MINUTE_US + 1
        if records > 0:
            found[row[i], 0], found[row[i], 1] = total, seen
            of_minutes(minutes, found[row[i]])
        i = last
    return found
