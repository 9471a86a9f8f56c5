"""How long rest and activity last before they turn into the other: kRA and kAR."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.int8]

SPAN: Final = 0.3  # of the LOWESS curve: Lim et al. 2011


@compiled("i8(f8[:, ::1], i8[::1], i8[::1], i1[::1])")
def turns_of_known(level: Array, days: Ints, at: Ints, what: Bytes) -> int:
    """Put the minutes at which rest and activity turn into the other into `at`; return how many.

    Minutes are counted from the first on; at[0] is -1 where the first is at rest, else 0, and is
    not counted. -1 is returned where a minute is unknown. `what` is work space.
    """
    turns, base, unknown, width = 1, 0, 0, level.shape[1]
    before = 1 if level[days[0], 0] > 0.0 else 0
    at[0] = before - 1
    for place in range(days.size):
        day = level[days[place]]
        for m in range(width):
            unknown += 1 if day[m] != day[m] else 0
        if unknown > 0:
            return -1
        for m in range(width):
            what[m + 1] = 1 if day[m] > 0.0 else 0
        what[0] = before
        before = int(what[width])
        for m in range(width):  # without a branch: turns cannot be foreseen
            at[turns] = base + m
            turns += what[m + 1] ^ what[m]
        base += width
    return turns - 1


@compiled("i8(i8[::1], i8, i8[:, ::1])")
def runs_between(at: Ints, turns: int, runs: Ints) -> int:
    """Count the runs between turns found by `turns_of_known` by their length; as `count_runs`."""
    longest, state = 0, 1 if at[0] < 0 else 0
    first, second = runs[state], runs[1 - state]
    for k in range(1, turns - 1, 2):
        one, two = at[k + 1] - at[k], at[k + 2] - at[k + 1]
        first[one] += 1
        second[two] += 1
        longest = max(longest, one, two)
    if turns > 1 and turns % 2 == 0:
        one = at[turns] - at[turns - 1]
        first[one] += 1
        longest = max(longest, one)
    first[0] += turns // 2
    second[0] += max(turns - 1, 0) // 2
    return longest


@compiled("i8(f8[:, ::1], i8[::1], i8[:, ::1], i8[::1], i1[::1])")
def count_runs(level: Array, days: Ints, runs: Ints, at: Ints, what: Bytes) -> int:
    """Count the runs of rest (row 0: nothing counted) and activity (row 1) by their length.

    A run lies between two turns from the one to the other: one that the recording or unknown time
    cuts is left out.

    Parameters
    ----------
    level : array, shape (days, minutes)
        NaN where unknown.
    days : int array
        The days to take, which follow each other.
    runs : int array of zeros, shape (2, minutes + 1)
        Filled: `runs[k, n]` runs last n minutes; `runs[k, 0]` is how many there are.
    at, what : int64 and int8 arrays, with room for two more than all minutes
        Work space.

    Returns
    -------
    int
        The length of the longest run.
    """
    width, size = level.shape[1], days.size * level.shape[1]
    turns = turns_of_known(level, days, at, what)
    if turns >= 0:
        return runs_between(at, turns, runs)
    for place in range(days.size):
        day, states = level[days[place]], what[place * width : (place + 1) * width]
        for m in range(width):
            states[m] = (1 if day[m] > 0.0 else 0) if day[m] == day[m] else 2
    longest = turns = 0
    for i in range(1, size):  # without a branch: turns cannot be foreseen
        at[turns] = i
        turns += 1 if what[i] != what[i - 1] else 0
    for k in range(1, turns):
        state, length = what[at[k - 1]], at[k] - at[k - 1]
        if state < 2 and what[at[k - 1] - 1] < 2 and what[at[k]] < 2:
            runs[state, length] += 1
            runs[state, 0] += 1
            longest = max(longest, length)
    return longest


@compiled("i8(i8[::1], f8[::1], f8[::1], f8[::1])")
def turning(runs: Ints, length: Array, chance: Array, weight: Array) -> int:
    """Return the chance to turn at each length of run that was seen, and how many there are.

    Of the n(t) runs that last t or longer, those that end after t over n(t); where no run has a
    length up to the next one seen, the chance is shared out over them. The longest run, after
    which none is left, says nothing. The weight is the square root of n(t).
    """
    left, seen, before, t = runs[0], 0, 0, 0
    while left > 0:
        t += 1
        if runs[t] == 0:
            continue
        if seen > 0:
            chance[seen - 1] /= t - before
        length[seen], chance[seen], weight[seen] = t, runs[t] / left, np.sqrt(left)
        left -= runs[t]
        before = t
        seen += 1
    return max(seen - 1, 0)


@compiled("void(f8[::1], f8[::1], i8, f8, f8[::1])")
def lowess(x: Array, y: Array, count: int, span: float, curve: Array) -> None:
    """Smooth y over increasing x by local lines with tricube weights, without reweighting.

    References
    ----------
    Cleveland 1979, doi:10.1080/01621459.1979.10481038.
    """
    near = min(max(int(span * count + 1e-10), 2), count)
    low = 0
    for i in range(count):
        while low + near < count and x[i] - x[low] > x[low + near] - x[i]:
            low += 1
        reach = max(x[i] - x[low], x[low + near - 1] - x[i])
        s = sx = sy = sxx = sxy = 0.0
        for k in range(low, low + near):
            far = abs(x[k] - x[i])
            if far > 0.999 * reach:
                continue
            share = far / reach if far > 0.001 * reach else 0.0
            cube = 1.0 - share * share * share
            w = cube * cube * cube
            s += w
            sx += w * (x[k] - x[i])
            sy += w * y[k]
            sxx += w * (x[k] - x[i]) ** 2
            sxy += w * (x[k] - x[i]) * y[k]
        if s <= 0.0:
            curve[i] = y[i]
            continue
        spread = sxx - sx * sx / s
        slope = (sxy - sx * sy / s) / spread if spread > 1e-12 * (reach * reach) else 0.0
        curve[i] = sy / s - slope * sx / s


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[::1], i8)")
def in_steady_part(x: Array, y: Array, weight: Array, curve: Array, count: int) -> float:
    """Return the weighted mean of y over the longest stretch of x in which the curve is steady.

    Steady: from its lowest to its highest it differs by no more than one standard deviation of y.
    """
    if count < 2:
        return float(y[0]) if count == 1 else np.nan
    mean = y[:count].sum() / count
    spread = np.sqrt(((y[:count] - mean) ** 2).sum() / (count - 1))
    longest, best_from, best_to = -1.0, 0, 0
    for i in range(count):
        if x[count - 1] - x[i] <= longest:
            break
        low = high = curve[i]
        last = i
        for k in range(i + 1, count):
            low, high = min(low, curve[k]), max(high, curve[k])
            if high - low > spread:
                break
            last = k
        if x[last] - x[i] > longest:
            longest, best_from, best_to = x[last] - x[i], i, last
    total = share = 0.0
    for k in range(best_from, best_to + 1):
        total += weight[k] * y[k]
        share += weight[k]
    return float(total / share)


@compiled("void(f8[:, ::1], i8[::1], i8[:, ::1], i8[::1], i1[::1], f8[:, ::1], f8[::1])")
def rates_of_window(
    level: Array, days: Ints, runs: Ints, at: Ints, what: Bytes, work: Array, found: Array
) -> None:
    """Put a window's kRA and kAR into `found`; `runs`, all 0, `at`, `what` and `work` are space."""
    length, chance, weight, curve = work[0], work[1], work[2], work[3]
    longest = count_runs(level, days, runs, at, what)
    for state in range(2):
        count = turning(runs[state], length, chance, weight)
        lowess(length, chance, count, SPAN, curve)
        found[state] = in_steady_part(length, chance, weight, curve, count)
        for n in range(longest + 1):
            runs[state, n] = 0


@compiled("f8[:, ::1](f8[:, ::1], i8[:, ::1])")
def transition_rates(level: Array, rows: Ints) -> Array:
    """Return [kRA, kAR]: the chance a minute to leave lasting rest, and lasting activity.

    Parameters
    ----------
    level : array, shape (days, 1440)
        Counts of each minute, 0 at rest; NaN where unknown.
    rows : int array, shape (windows, days in a window)
        The days of each window, which follow each other.

    Returns
    -------
    array, shape (windows, 2)
        [/min], 0 to 1. NaN when and only when no two lengths of uncut runs were seen.

    Notes
    -----
    The paper has epochs of 15 s, so its values are smaller than these. The chance is averaged
    where the LOWESS curve itself varies by no more than one standard deviation, as the paper
    says; pyActigraphy 1.2 takes the stretch in which the points lie within one of the curve.

    References
    ----------
    Lim et al. 2011, doi:10.5665/sleep.1400.
    """
    found = np.full((rows.shape[0], 2), np.nan)
    most = rows.shape[1] * level.shape[1] + 2
    runs, work = np.zeros((2, most), np.int64), np.empty((4, most))
    at, what = np.empty(most, np.int64), np.empty(most, np.int8)
    for w in range(rows.shape[0]):
        rates_of_window(level, rows[w], runs, at, what, work, found[w])
    return found
