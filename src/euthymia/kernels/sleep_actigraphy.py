"""The main sleep of each date from activity counts: blocks of sleep, the longest of them."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.sleep_wake import TWO_SECONDS_A_MINUTE, cole_kripke, sadeh, webster

Times = NDArray[np.int64]
Array = NDArray[np.float64]
States = NDArray[np.uint8]

BLOCK_MIN: Final = 30  # a shorter block of sleep is no part of a sleep period ...
APART_MIN: Final = 60  # ... and blocks less than an hour apart are one (van Hees et al. 2018)
LEAST_MAIN_MIN: Final = 120
REST_MIN: Final = 5  # of every five minutes before onset one may move: still the time in bed
ZERO_RUN_MIN: Final = 180  # zeros without a break for longer: the device was not worn

_FIELDS = ("asleep_min", "awakenings", "sadeh_min", "known_min")
FIELDS: Final = {name: place for place, name in enumerate(_FIELDS)}


@compiled("void(i8[::1], f8[::1], f8[::1], i8[::1], f8[::1])")
def per_minute(place: Times, counts: Array, minutes: Array, room: Times, out: Array) -> None:
    """Add samples up to counts a minute.

    Parameters
    ----------
    place : int64 array, shape (n,)
        The minute each sample begins in.
    counts, minutes : float64 arrays, shape (n,)
        Counts of the sample, and how many minutes it stands for: one that stands for several is
        shared out over as many.
    room : int64 array, shape (n,)
        Before which minute it must end (the end of its local day).
    out : float64 array, shape (m,)
        Filled: counts a minute, NaN where less than half of it is known.
    """
    seen = np.zeros(out.size)
    for k in range(out.size):
        out[k] = 0.0
    for i in range(place.size):
        pieces = max(math.floor(minutes[i] + 0.5), 1)
        for at in range(place[i], min(place[i] + pieces, room[i])):
            if 0 <= at < out.size:
                out[at] += counts[i] / pieces
                seen[at] += minutes[i] / pieces
    for k in range(out.size):
        out[k] = out[k] / seen[k] if seen[k] >= 0.5 else math.nan


@compiled("void(f8[::1])")
def drop_unworn(counts: Array) -> None:
    """Set runs of three hours or more of zeros to NaN, in place."""
    k = 0
    while k < counts.size:
        end = k
        while end < counts.size and counts[end] == 0.0:
            end += 1
        if end - k >= ZERO_RUN_MIN:
            for at in range(k, end):
                counts[at] = math.nan
        k = max(end, k + 1)


@compiled("i8(u1[::1], i8[:, ::1])")
def periods(state: States, found: Times) -> int:
    """Write begin and end of each sleep period, in minutes, and return how many there are.

    Blocks asleep (1) of half an hour or more; blocks less than an hour apart are one period.
    """
    count = 0
    k = 0
    while k < state.size:
        end = k
        while end < state.size and state[end] == 1:
            end += 1
        if end - k >= BLOCK_MIN:
            if count > 0 and k - found[count - 1, 1] < APART_MIN:
                found[count - 1, 1] = end
            else:
                found[count, 0], found[count, 1] = k, end
                count += 1
        k = max(end, k + 1)
    return count


@compiled("void(u1[::1], u1[::1], i8, i8, f8[::1])")
def describe(state: States, other: States, first: int, last: int, out: Array) -> None:
    """Describe the sleep in minutes [first, last) by column of `FIELDS`."""
    asleep = by_other = woken = known = 0
    for k in range(first, last):
        asleep += state[k] == 1
        by_other += other[k] == 1
        known += state[k] != 2
        woken += k > first and state[k] != 1 and state[k - 1] == 1
    out[0], out[1], out[2], out[3] = asleep, woken, by_other, known


@compiled("i8(u1[::1], i8, i8, i8, i8, i8[:, ::1], i8)")
def awake_runs(
    state: States, first: int, last: int, low: int, night: int, woken: Times, many: int
) -> int:
    """Add the stretches awake (0) in minutes [first, last) of a sleep; return how many there are.

    Each is written as night, begin and end [minutes, `low` added].
    """
    begin = first
    for k in range(first, last + 1):
        if k < last and state[k] == 0:
            continue
        if k > begin:
            woken[many, 0], woken[many, 1], woken[many, 2] = night, low + begin, low + k
            many += 1
        begin = k + 1
    return many


@compiled("i8(f8[::1], i8)")
def lay_down(counts: Array, onset: int) -> int:
    """Return the minute from which on there was little movement before the onset of sleep.

    Going back from the onset, as long as at most one minute of every five has more than the
    counts that Cole and Kripke take for waking in a minute by itself (1000 / 230 two-second
    counts of 1, 130 a minute).
    """
    limit = 1000.0 / 230.0 * TWO_SECONDS_A_MINUTE
    begin = onset
    while begin > 0:
        moved = 0
        for back in range(1, REST_MIN + 1):
            at = begin - back
            if at < 0 or math.isnan(counts[at]) or counts[at] >= limit:
                moved += 1
        if moved > 1:
            break
        begin -= 1
    return begin


@compiled("f8(f8[::1], i8)")
def _worn(counts: Array, first: int) -> float:
    """Return the share of minutes from `first` on that are known."""
    known = 0
    for k in range(first, counts.size):
        known += not math.isnan(counts[k])
    return known / max(counts.size - first, 1)


@compiled(
    "UniTuple(i8, 2)(f8[::1], i8[::1], i8[::1], i8[::1], i8[:, ::1], f8[:, ::1], f8[::1],"
    " i8[:, ::1], i8[:, ::1])"
)
def nights(
    counts: Array,
    day: Times,
    low: Times,
    close: Times,
    bounds: Times,
    out: Array,
    share: Array,
    naps: Times,
    woken: Times,
) -> tuple[int, int]:
    """Find the main sleep and the naps that end on each of some dates, from counts a minute.

    Minutes are scored by Cole and Kripke, rescored by Webster. The one of the sleep `periods` that
    end on the date with most minutes asleep, two hours at least, is the main sleep. Every night
    is scored from the two days that end with the date alone.

    Parameters
    ----------
    counts : float64 array, shape (m,)
        Counts of each minute since some instant.
    day, low, close : int64 arrays, shape (nights,)
        Local days, sorted; the first minute of the day before each, and the first after it.
    bounds : int64 array, shape (nights, 4), -1
        Filled: in bed, onset, offset, up [minutes].
    out : float64 array, shape (nights, len(FIELDS)), NaN
        Filled for nights with a main sleep.
    share : float64 array, shape (nights,)
        Filled: share of the last 36 hours of the two days in which the device was worn.
    naps : int64 array, shape (many, 4)
        Filled: night, onset, offset, minutes asleep. Returned: how many, and how many of these:
    woken : int64 array, shape (720 nights, 3)
        Filled: night, begin and end of each stretch awake in a sleep.
    """
    many = breaks = 0
    for night in range(day.size):
        own = counts[low[night] : close[night]].copy()
        drop_unworn(own)
        share[night] = _worn(own, own.size // 4)
        scored, state = np.empty(own.size, np.uint8), np.empty(own.size, np.uint8)
        other = np.empty(own.size, np.uint8)
        cole_kripke(own, TWO_SECONDS_A_MINUTE, scored)
        webster(scored, state)
        sadeh(own, 0.0, other)
        found = np.empty((own.size // BLOCK_MIN + 1, 2), np.int64)
        count = periods(state, found)
        best, main = 0.0, -1
        said = np.empty(4)
        for p in range(count):
            if found[p, 1] <= own.size // 2 or found[p, 1] >= own.size:
                continue
            describe(state, other, found[p, 0], found[p, 1], said)
            if said[0] > best and said[0] >= LEAST_MAIN_MIN:
                best, main = said[0], p
                out[night] = said
        if main < 0:
            continue
        onset, offset = found[main, 0], found[main, 1]
        bounds[night, 0] = low[night] + lay_down(own, onset)
        bounds[night, 1], bounds[night, 2:] = low[night] + onset, low[night] + offset
        breaks = awake_runs(state, onset, offset, low[night], night, woken, breaks)
        for p in range(count):
            if p != main and own.size // 2 < found[p, 1] < own.size:
                onset, offset = found[p, 0], found[p, 1]
                describe(state, other, onset, offset, said)
                naps[many, 0], naps[many, 3] = night, int(said[0])
                naps[many, 1], naps[many, 2] = low[night] + onset, low[night] + offset
                many += 1
                breaks = awake_runs(state, onset, offset, low[night], night, woken, breaks)
    return many, breaks
