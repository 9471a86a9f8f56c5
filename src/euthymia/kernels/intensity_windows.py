"""Activity of many windows: each a row of one or more stretches of time."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.intensity import (
    EPOCH_US,
    GRADIENT_BIN_MG,
    GRADIENT_BINS,
    bout_lengths,
    bouts_of,
    epochs,
    gradient,
    runs_below,
)
from euthymia.kernels.jit import compiled
from euthymia.kernels.non_wear import choi, still_runs, troiano

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

MINUTE_US: Final = 60_000_000
COUNTS: Final = 18
ACCELERATION: Final = 11


@compiled("void(i8[::1], f4[::1], f4[::1], i8, i8, f8[::1])")
def lay_out(
    time_us: Ints, counts: Floats, epoch_s: Floats, start_us: int, end_us: int, minutes: Array
) -> None:
    """Turn samples into counts of each minute since `start_us`; NaN where less than half is known.

    An epoch of more than a minute and a half is shared out over the minutes from its begin on, as
    far as the stretch reaches.
    """
    seen = np.zeros(minutes.size)
    minutes[:] = 0.0
    for i in range(time_us.size):
        length = float(epoch_s[i]) / 60.0
        pieces = max(int(np.rint(length)), 1) if length >= 1.5 else 1
        first = (time_us[i] - start_us) // MINUTE_US
        for k in range(first, min(first + pieces, minutes.size)):
            minutes[k] += float(counts[i]) / pieces
            seen[k] += length / pieces
    for k in range(minutes.size):
        part = min(end_us - start_us - k * MINUTE_US, MINUTE_US) / MINUTE_US
        minutes[k] = minutes[k] / seen[k] if seen[k] >= 0.5 * part and seen[k] > 0 else np.nan


@compiled("void(f8[::1], i8, f8[::1], f8[::1])")
def of_counts(minutes: Array, still_min: int, cuts: Array, found: Array) -> None:
    """Describe one row of minutes, whose stretches are set apart by an unknown minute.

    `cuts`: below which a minute is sedentary; from which on it is of moderate, of vigorous, and by
    the other cut point of moderate intensity.
    """
    recorded = wear_choi = wear_troiano = 0.0
    choi_off, troiano_off = choi(minutes), troiano(minutes)
    off = still_runs(minutes, still_min)
    level = np.empty(minutes.size)
    known = total = sedentary = moderate = vigorous = other = 0.0
    for i in range(minutes.size):
        level[i] = minutes[i]
        if np.isnan(minutes[i]):
            continue
        recorded += 1.0
        wear_choi += 0.0 if choi_off[i] else 1.0
        wear_troiano += 0.0 if troiano_off[i] else 1.0
        if off[i]:
            level[i] = np.nan
            continue
        known += 1.0
        total += minutes[i]
        sedentary += 1.0 if minutes[i] < cuts[0] else 0.0
        moderate += 1.0 if minutes[i] >= cuts[1] else 0.0
        vigorous += 1.0 if minutes[i] >= cuts[2] else 0.0
        other += 1.0 if minutes[i] >= cuts[3] else 0.0
    if recorded == 0.0:
        return
    found[0], found[1], found[2] = known, wear_choi, wear_troiano
    if known == 0.0:
        return
    runs = np.empty(minutes.size + 1, np.int64)
    runs_below(level, cuts[0], runs)
    found[3], found[4] = total / known, sedentary
    found[5], found[6], found[7], found[8] = known - sedentary - moderate, moderate, vigorous, other
    found[9], found[10] = bouts_of(level, cuts[1])
    bout_lengths(runs, found[11:17])
    found[17] = 60.0 * found[11] / sedentary if sedentary > 0 else np.nan


@compiled(
    "f8[:, ::1](i8[::1], f4[::1], f4[::1],"
    " i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8, i8, f8[::1])"
)
def counts_of_windows(
    time_us: Ints,
    counts: Floats,
    epoch_s: Floats,
    row: Ints,
    start_us: Ints,
    end_us: Ints,
    first: Ints,
    until: Ints,
    rows: int,
    still_min: int,
    cuts: Array,
) -> Array:
    """Describe activity counts in each window, shape (rows, `COUNTS`); see `of_counts`.

    Stretch i of time, [start_us[i], end_us[i]), holds the samples first[i] to until[i].
    NaN where nothing was recorded, and but for wear time where nothing was worn.
    """
    found = np.full((rows, COUNTS), np.nan)
    i = 0
    while i < row.size:
        last, cells = i, 0
        while last < row.size and row[last] == row[i]:
            cells += (end_us[last] - start_us[last] + MINUTE_US - 1) // MINUTE_US + 1
            last += 1
        minutes, at = np.full(cells, np.nan), 0
        for k in range(i, last):
            low, high = first[k], until[k]
            size = (end_us[k] - start_us[k] + MINUTE_US - 1) // MINUTE_US
            if high > low:
                part = minutes[at : at + size]
                lay_out(
                    time_us[low:high],
                    counts[low:high],
                    epoch_s[low:high],
                    start_us[k],
                    end_us[k],
                    part,
                )
            at += size + 1
        of_counts(minutes, still_min, cuts, found[row[i]])
        i = last
    return found


@compiled("void(f8[::1], f8[::1], f8[::1], f8[::1])")
def of_acceleration(enmo: Array, mad: Array, cuts: Array, found: Array) -> None:
    """Describe one row of 5 s epochs.

    `cuts` in mg: ENMO below which an epoch is sedentary, from which on it is of moderate and of
    vigorous intensity; MAD from which on it is of moderate intensity.
    """
    share = EPOCH_US / MINUTE_US
    bins = np.zeros(GRADIENT_BINS)
    known = sum_enmo = sum_mad = sedentary = moderate = vigorous = other = 0.0
    for i in range(enmo.size):
        if np.isnan(enmo[i]):
            continue
        known += 1.0
        sum_enmo += enmo[i]
        sum_mad += mad[i]
        sedentary += share if enmo[i] < cuts[0] else 0.0
        moderate += share if enmo[i] >= cuts[1] else 0.0
        vigorous += share if enmo[i] >= cuts[2] else 0.0
        other += share if mad[i] >= cuts[3] else 0.0
        if enmo[i] < GRADIENT_BINS * GRADIENT_BIN_MG:
            bins[int(enmo[i] / GRADIENT_BIN_MG)] += share
    if known == 0.0:
        return
    found[0], found[1], found[2] = known * share, sum_enmo / known, sum_mad / known
    found[3], found[4] = sedentary, max(known * share - sedentary - moderate, 0.0)
    found[5], found[6], found[7] = moderate, vigorous, other
    found[8], found[9], found[10] = gradient(bins)


@compiled(
    "f8[:, ::1](i8[::1], f4[::1], f4[::1], f4[::1],"
    " i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8, f8[::1])"
)
def acceleration_of_windows(
    time_us: Ints,
    x: Floats,
    y: Floats,
    z: Floats,
    row: Ints,
    start_us: Ints,
    end_us: Ints,
    first: Ints,
    until: Ints,
    rows: int,
    cuts: Array,
) -> Array:
    """Describe raw acceleration in each window, shape (rows, `ACCELERATION`).

    Stretch i of time, [start_us[i], end_us[i]), holds the samples first[i] to until[i].
    NaN where no epoch is known; see `of_acceleration`.
    """
    found = np.full((rows, ACCELERATION), np.nan)
    i = 0
    while i < row.size:
        last, cells = i, 0
        while last < row.size and row[last] == row[i]:
            cells += (end_us[last] - start_us[last] + EPOCH_US - 1) // EPOCH_US
            last += 1
        enmo, mad, at = np.full(cells, np.nan), np.full(cells, np.nan), 0
        for k in range(i, last):
            low, high = first[k], until[k]
            size = (end_us[k] - start_us[k] + EPOCH_US - 1) // EPOCH_US
            if high > low:
                one, two = enmo[at : at + size], mad[at : at + size]
                t, a, b, c = time_us[low:high], x[low:high], y[low:high], z[low:high]
                epochs(t, a, b, c, start_us[k], one, two)
            at += size
        of_acceleration(enmo, mad, cuts, found[row[i]])
        i = last
    return found
