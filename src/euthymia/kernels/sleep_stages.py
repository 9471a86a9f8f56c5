"""The main sleep of each date and its stages, from what a wearable or another scorer said."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.screen import first_at

Times = NDArray[np.int64]
Array = NDArray[np.float64]

AWAKE, LIGHT, DEEP, REM, ASLEEP, IN_BED, RESTLESS = 0, 1, 2, 3, 4, 5, 6
EPOCH_US: Final = 30_000_000  # of sleep scoring
JOIN_EPOCHS: Final = 120  # segments less than an hour apart are one sleep
LEAST_MAIN: Final = 120  # epochs asleep: an hour, below which no sleep is the main one
LEAST_NAP: Final = 20  # ten minutes
NOTHING: Final = 7

_FIELDS = (
    "asleep_min",
    "awakenings",
    "light_min",
    "deep_min",
    "rem_min",
    "rem_latency_min",
    "told",
)
FIELDS: Final = {name: place for place, name in enumerate(_FIELDS)}


@compiled("void(i8[::1], i8[::1], i8[::1], i8[::1], i8, i8, i8, i8, u1[::1])")
def lay_out(
    time_us: Times,
    end_us: Times,
    stage: Times,
    local_day: Times,
    first_day: int,
    last_day: int,
    low_us: int,
    high_us: int,
    grid: NDArray[np.uint8],
) -> None:
    """Lay segments out over epochs of 30 s from `low_us` on; 7 where there is none.

    Where segments overlap, awake (and restless) wins over a stage, a stage over asleep, and asleep
    over in bed: short awakenings are told as segments over a longer stage, stages as segments over
    the time in bed.
    """
    rank = np.array([6, 4, 4, 4, 3, 2, 5, 0])
    for k in range(grid.size):
        grid[k] = NOTHING
    for i in range(first_at(time_us, low_us), first_at(time_us, high_us)):
        if local_day[i] < first_day or local_day[i] > last_day:
            continue
        begin = (time_us[i] - low_us + EPOCH_US // 2) // EPOCH_US
        stop = min((end_us[i] - low_us + EPOCH_US // 2) // EPOCH_US, grid.size)
        for k in range(begin, stop):
            if rank[stage[i]] > rank[grid[k]]:
                grid[k] = stage[i]


@compiled("b1(u1)")
def is_asleep(stage: int) -> bool:
    """Tell whether a stage is sleep: light, deep, REM, or asleep without a stage."""
    return LIGHT <= stage <= ASLEEP


@compiled("void(u1[::1], i8, i8, i8[::1], f8[::1])")
def describe(grid: NDArray[np.uint8], first: int, last: int, bounds: Times, out: Array) -> None:
    """Describe the sleep in epochs [first, last): in bed, onset, offset, up [epochs], and `FIELDS`.

    `out[0]` is 0, and the rest means nothing, if nothing in it is sleep.
    """
    for place in range(1, 6):
        out[place] = math.nan
    onset, offset, told = -1, -1, 0
    counts = np.zeros(8, np.int64)
    rem = -1
    for k in range(first, last):
        told += grid[k] != NOTHING
        if is_asleep(grid[k]):
            if onset < 0:
                onset = k
            offset = k + 1
            counts[grid[k]] += 1
            if grid[k] == REM and rem < 0:
                rem = k
    bounds[0], bounds[1], bounds[2], bounds[3] = first, onset, offset, last
    asleep = counts[LIGHT] + counts[DEEP] + counts[REM] + counts[ASLEEP]
    out[0] = asleep / 2
    out[6] = told / (last - first)
    if asleep == 0:
        return
    out[1] = 0
    for k in range(onset + 1, offset):
        if not is_asleep(grid[k]) and is_asleep(grid[k - 1]):
            out[1] += 1
    if counts[LIGHT] + counts[DEEP] + counts[REM] > 0:
        out[2], out[3], out[4] = counts[LIGHT] / 2, counts[DEEP] / 2, counts[REM] / 2
        if rem >= 0:
            out[5] = (rem - onset) / 2


@compiled("i8(u1[::1], i8)")
def stops(grid: NDArray[np.uint8], first: int) -> int:
    """Return the end of the sleep that begins at an epoch: an hour without a segment follows."""
    last, quiet = first + 1, 0
    for k in range(first + 1, grid.size):
        quiet = quiet + 1 if grid[k] == NOTHING else 0
        if quiet >= JOIN_EPOCHS:
            break
        if quiet == 0:
            last = k + 1
    return last


@compiled("i8(u1[::1], i8, i8, i8, i8, i8[:, ::1], i8)")
def awake_runs(
    grid: NDArray[np.uint8],
    low_us: int,
    onset_us: int,
    offset_us: int,
    day: int,
    woken: Times,
    many: int,
) -> int:
    """Add the stretches not asleep between onset and offset of a sleep; return how many there are.

    Each is written as day, begin and end [us].
    """
    first, last = (onset_us - low_us) // EPOCH_US, (offset_us - low_us) // EPOCH_US
    begin = first
    for k in range(first, last + 1):
        if k < last and not is_asleep(grid[k]):
            continue
        if k > begin:
            woken[many, 0] = day
            woken[many, 1], woken[many, 2] = low_us + begin * EPOCH_US, low_us + k * EPOCH_US
            many += 1
        begin = k + 1
    return many


@compiled("i8(u1[::1], i8, i8[::1], i8[:, ::1], i8, i8[:, ::1], i8)")
def all_awake(
    grid: NDArray[np.uint8],
    low_us: int,
    main: Times,
    naps: Times,
    day: int,
    woken: Times,
    many: int,
) -> int:
    """Add the stretches awake in a main sleep (`bounds`, zeros without) and in the date's naps."""
    if main[2] > 0:
        many = awake_runs(grid, low_us, main[1], main[2], day, woken, many)
    for k in range(naps.shape[0]):
        many = awake_runs(grid, low_us, naps[k, 1], naps[k, 2], day, woken, many)
    return many


@compiled(
    "UniTuple(i8, 2)(i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1],"
    " i8[:, ::1], f8[:, ::1], i8[:, ::1], i8[:, ::1])"
)
def nights(
    time_us: Times,
    end_us: Times,
    stage: Times,
    local_day: Times,
    day: Times,
    low_us: Times,
    midnight_us: Times,
    close_us: Times,
    bounds: Times,
    out: Array,
    naps: Times,
    woken: Times,
) -> tuple[int, int]:
    """Find the main sleep and the naps that end on each of some dates.

    Segments less than an hour apart are one sleep. The main one is that with most time asleep, an
    hour at least; others of ten minutes or more are naps. A sleep still going on at the end of the
    date belongs to the next.

    Parameters
    ----------
    time_us, end_us, stage, local_day : int64 arrays, shape (n,)
        Segments in order of their begin.
    day, low_us, midnight_us, close_us : int64 arrays, shape (nights,)
        Local days, sorted; the begin of the day before, the begin and the end of the day.
    bounds : int64 array, shape (nights, 4), zeros
        Filled: in bed, onset, offset, up [us].
    out : float64 array, shape (nights, len(FIELDS)), NaN
        Filled for nights with a main sleep.
    naps : int64 array, shape (n + 1, 4)
        Filled: day, onset and offset [us], minutes asleep.
    woken : int64 array, shape (3000 nights, 3)
        Filled: day, begin and end [us] of each stretch awake in a sleep.
        Returned: how many naps there are, and how many of these.
    """
    many = breaks = 0
    own, said = np.zeros(4, np.int64), np.full(7, math.nan)
    for night in range(day.size):
        low, high = low_us[night], close_us[night]
        grid = np.empty(int((high - low) // EPOCH_US) + 1, np.uint8)
        lay_out(time_us, end_us, stage, local_day, day[night] - 1, day[night], low, high, grid)
        began = many
        best = 0.0
        k = 0
        while k < grid.size:
            if grid[k] == NOTHING:
                k += 1
                continue
            last = stops(grid, k)
            ended = low + last * EPOCH_US
            describe(grid, k, last, own, said)
            k = last
            if said[0] * 2 < LEAST_NAP or not midnight_us[night] <= ended < high:
                continue
            main = said[0] > best and said[0] * 2 >= LEAST_MAIN
            if not main or best > 0:  # this one, or the one held for the main sleep so far
                naps[many, 0], naps[many, 3] = day[night], int(best if main else said[0])
                for p in (1, 2):
                    naps[many, p] = bounds[night, p] if main else low + own[p] * EPOCH_US
                many += 1
            if main:
                best = said[0]
                bounds[night] = low + own * EPOCH_US
                out[night] = said
        many = many if best > 0 else began  # without a main sleep, naps may be half of one
        breaks = all_awake(grid, low, bounds[night], naps[began:many], day[night], woken, breaks)
    return many, breaks
