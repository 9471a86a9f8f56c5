"""Breaths of a breathing signal, and how much the heart quickens and slows with each."""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.hrv_time import quantile, sort
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

STEP_US: Final = 100_000  # breaths are looked for ten times a second
GAP_US: Final = 1_000_000  # a longer gap ends a stretch of signal
BASE_STEPS: Final = 201  # 20 s: what drifts more slowly is no breath
SMOOTH_STEPS: Final = 5
SHORTEST_US: Final = 1_500_000  # 40 breaths a minute
LONGEST_US: Final = 20_000_000
SHALLOW: Final = 0.3  # of the median depth: less is no breath
LAG_US: Final = 750_000  # the heart answers late: Grossman et al. 1990


@compiled("void(f8[::1], i8, f8[::1])")
def _smooth(x: Array, steps: int, out: Array) -> None:
    """Set `out` to the centred moving mean; towards the ends of as many as are on both sides."""
    n, sums = x.size, np.zeros(x.size + 1)
    for i in range(n):
        sums[i + 1] = sums[i] + x[i]
    for i in range(n):
        reach = min(i, n - 1 - i, steps // 2)
        out[i] = (sums[i + reach + 1] - sums[i - reach]) / (2 * reach + 1)


@compiled("void(i8[::1], f8[::1], f8[::1])")
def _even(time_us: Ints, value: Array, x: Array) -> None:
    """Set `x` to the signal ten times a second: means, and lines between."""
    first, i, last = time_us[0] // STEP_US, 0, 0
    while i < value.size:
        place, total, held = time_us[i] // STEP_US - first, 0.0, 0
        while i < value.size and time_us[i] // STEP_US - first == place:
            total += value[i]
            held += 1
            i += 1
        x[place] = total / held
        slope = (x[place] - x[last]) / (place - last) if place > last else 0.0
        for k in range(last + 1, place):
            x[k] = x[last] + slope * (k - last)
        last = place


@compiled("i8(f8[::1], i8[::1])")
def _extremes(x: Array, at: Ints) -> int:
    """Set `at` to where the signal is farthest from zero between two crossings; return how many."""
    found, inside, top = 0, False, 0
    for i in range(1, x.size):
        if (x[i] > 0) != (x[i - 1] > 0):
            at[found] = top
            found += inside
            inside, top = True, i
        elif abs(x[i]) > abs(x[top]):
            top = i
    return found


@compiled("i8(f8[::1], i8[::1], f8)")
def _deep(x: Array, at: Ints, least: float) -> int:
    """Keep the turns without humps on the way that are less than `least` deep; return how many."""
    kept = 1
    for here in at[1:]:
        away = x[here] - x[at[kept - 1]]
        if kept > 1 and away * (x[at[kept - 1]] - x[at[kept - 2]]) > 0:
            at[kept - 1] = here  # the leg before goes on
        elif abs(away) >= least:
            at[kept] = here
            kept += 1
    return kept


@compiled("i8(f8[::1], i8[::1])")
def _turns(x: Array, at: Ints) -> int:
    """Set `at` to where the signal turns deep enough; return how many turns there are."""
    found = _extremes(x, at)
    if found < 2:
        return found
    depth = np.empty(found - 1)
    for i in range(found - 1):
        depth[i] = abs(x[at[i + 1]] - x[at[i]])
    sort(depth)
    return _deep(x, at[:found], SHALLOW * quantile(depth, 0.5))


@compiled("i8(i8[::1], f8[::1], i8[:, ::1])")
def _of_piece(time_us: Ints, value: Array, out: NDArray[np.int64]) -> int:
    """Write the breaths of a signal without gaps; return how many there are."""
    first = time_us[0] // STEP_US
    size = time_us[time_us.size - 1] // STEP_US - first + 1
    x, base, at = np.empty(size), np.empty(size), np.empty(size, np.int64)
    _even(time_us, value, base)
    _smooth(base, SMOOTH_STEPS, x)
    _smooth(x, BASE_STEPS, base)
    low, high, largest = np.inf, -np.inf, 1.0
    for i in range(size):
        x[i] -= base[i]
        low, high = min(low, x[i]), max(high, x[i])
    for i in range(value.size):
        largest = max(largest, abs(value[i]))
    if not 1e-9 * largest < high - low < np.inf:
        return 0
    turns, found = _turns(x, at), 0
    for i in range(turns > 1 and x[at[0]] > x[at[1]], turns - 2, 2):
        long = (at[i + 2] - at[i]) * STEP_US
        if SHORTEST_US <= long <= LONGEST_US:
            for k in range(3):
                out[found, k] = (first + at[i + k]) * STEP_US + STEP_US // 2
            found += 1
    return found


def breaths(time_us: Ints, value: Array) -> Ints:
    """Return the breaths of a signal that rises with inhaling.

    Samples are averaged ten times a second, smoothed over half a second, and what drifts over 20 s
    is taken out. A breath goes from trough to peak to trough, each the extreme between two
    crossings of zero; humps of less than 0.3 of the median depth are no breaths (Khodadad et al.
    2018, doi:10.1088/1361-6579/aad7e6).

    Parameters
    ----------
    time_us : int array, shape (n,)
        In order.
    value : array, shape (n,)

    Returns
    -------
    int array, shape (breaths, 3)
        Trough, peak and next trough [us]; each breath lasts 1.5 to 20 s. Over a gap of more than a
        second there is none.
    """
    known = np.isfinite(value)
    time: Ints = np.ascontiguousarray(time_us[known])
    signal: Array = np.ascontiguousarray(value[known])
    cuts = np.flatnonzero(np.diff(time) > GAP_US) + 1
    found = [np.zeros((0, 3), np.int64)]
    for low, high in pairwise([0, *cuts.tolist(), time.size]):
        if high - low < 2 or time[high - 1] - time[low] < LONGEST_US:
            continue
        most = int(time[high - 1] - time[low]) // SHORTEST_US + 2
        rows = np.empty((most, 3), np.int64)
        count = _of_piece(time[low:high], signal[low:high], rows)
        found.append(rows[:count])
    return np.concatenate(found)


@compiled("void(i8[::1], i8[::1], i8, i8, i8[::1])")
def _reach(begin_us: Ints, end_us: Ints, low_us: int, high_us: int, span: Ints) -> None:
    """Move `span` on to the intervals that begin at `low_us` or later and end before `high_us`."""
    while span[0] < begin_us.size and begin_us[span[0]] < low_us:
        span[0] += 1
    while span[1] < end_us.size and end_us[span[1]] < high_us:
        span[1] += 1


@compiled("void(i8[::1], i8[::1], i8[:, ::1], f8[::1])")
def _swings(begin_us: Ints, end_us: Ints, breath_us: Ints, out: Array) -> None:
    """Set `out` to what `peak_to_valley` says of each breath."""
    inhaled, exhaled = np.zeros(2, np.int64), np.zeros(2, np.int64)  # from which beat to which
    for i in range(out.size):
        trough, peak, after = breath_us[i]
        _reach(begin_us, end_us, trough, peak + LAG_US, inhaled)
        _reach(begin_us, end_us, peak, after + LAG_US, exhaled)
        shortest, longest = np.inf, -np.inf
        for k in range(inhaled[0], inhaled[1]):
            shortest = min(shortest, (end_us[k] - begin_us[k]) / 1000)
        for k in range(exhaled[0], exhaled[1]):
            longest = max(longest, (end_us[k] - begin_us[k]) / 1000)
        found = np.isfinite(longest - shortest)
        out[i] = max(longest - shortest, 0.0) if found else np.nan


def peak_to_valley(begin_us: Ints, end_us: Ints, breath_us: Ints) -> Array:
    """Return each breath's respiratory sinus arrhythmia [ms]: peak to valley.

    The longest beat interval of breathing out less the shortest of breathing in, each allowed to
    end 0.75 s later; 0 where that is negative.

    Parameters
    ----------
    begin_us, end_us : int arrays, shape (n,)
        Beat intervals, in order.
    breath_us : int array, shape (breaths, 3)
        As `breaths` returns them, in order.

    Returns
    -------
    array, shape (breaths,)
        NaN when and only when a phase holds no whole interval.

    References
    ----------
    Grossman, van Beek & Wientjes 1990, doi:10.1111/j.1469-8986.1990.tb03198.x.
    """
    found = np.empty(breath_us.shape[0])
    _swings(begin_us, end_us, np.ascontiguousarray(breath_us), found)
    return found
