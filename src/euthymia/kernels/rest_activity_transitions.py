"""How long rest and activity last before they turn into the other: kRA and kAR."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.bits import drop_cut, pack, runs_of_bits
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

SPAN: Final = 0.3  # of the LOWESS curve: Lim et al. 2011


@compiled("void(f8[::1], b1, u1[::1], u8[::1], u1[::1], u1[::1])")
def tell_states(
    day: Array, full: bool, what: Bytes, eights: Words, active: Bytes, known: Bytes
) -> None:
    """Put each minute's state into a bit of `active` (something counted) and one of `known`.

    `full` says that all are known. `what`, one number a minute, is work space, and so is `eights`,
    the same eight at a time.
    """
    for m in range(day.size):
        what[m] = 1 if day[m] > 0.0 else 0
    pack(eights, active)
    if full:
        known[:] = 255
        return
    for m in range(day.size):
        what[m] = 1 if day[m] == day[m] else 0
    pack(eights, known)


@compiled("void(u1[:, ::1], u1[:, ::1], i8[::1], u1[:, ::1])")
def gather_states(active: Bytes, known: Bytes, days: Ints, bits: Bytes) -> None:
    """Put a window's minutes one after the other: row 0 at rest, row 1 active, row 2 known."""
    width, rest, moved, seen = active.shape[1], bits[0], bits[1], bits[2]
    for i in range(days.size * width, seen.size):
        rest[i] = moved[i] = seen[i] = 0
    for place in range(days.size):
        base = place * width
        some, here = active[days[place]], known[days[place]]
        for i in range(width):
            moved[base + i] = some[i]
            seen[base + i] = here[i]
            rest[base + i] = here[i] ^ some[i]


@compiled("i8(u8[:, ::1], i8[:, ::1])")
def count_runs(words: Words, runs: Ints) -> int:
    """Count the runs of rest (row 0: nothing counted) and activity (row 1) by their length.

    A run lies between two turns from the one to the other: one that the recording or unknown time
    cuts is left out.

    Parameters
    ----------
    words : uint64 array, shape (3, words)
        What `gather_states` makes, 64 minutes a word; used up.
    runs : int array of zeros, shape (2, minutes + 1)
        Filled: `runs[k, n]` runs last n minutes; `runs[k, 0]` is how many there are.

    Returns
    -------
    int
        The length of the longest run.
    """
    drop_cut(words)
    return max(runs_of_bits(words[0], runs[0]), runs_of_bits(words[1], runs[1]))


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


@compiled(
    "void(u1[:, ::1], u1[:, ::1], i8[::1], u1[:, ::1], u8[:, ::1], i8[:, ::1], f8[:, ::1], f8[::1])"
)
def rates_of_window(
    active: Bytes, known: Bytes, days: Ints, bits: Bytes, words: Words, runs: Ints, work: Array,
    found: Array,
) -> None:  # fmt: skip
    """Put a window's kRA and kAR into `found`.

    `bits`, `words` (the same, 64 minutes each), `runs` (all 0) and `work` are work space.
    """
    length, chance, weight, curve = work[0], work[1], work[2], work[3]
    gather_states(active, known, days, bits)
    longest = count_runs(words, runs)
    for state in range(2):
        count = turning(runs[state], length, chance, weight)
        lowess(length, chance, count, SPAN, curve)
        found[state] = in_steady_part(length, chance, weight, curve, count)
        for n in range(longest + 1):
            runs[state, n] = 0


@compiled("i8(i8)")
def words_of(minutes: int) -> int:
    """Return how many words hold the states of so many minutes."""
    return (minutes + 63) // 64


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
    days, width = level.shape
    minutes = rows.shape[1] * width
    runs, work = np.zeros((2, minutes + 2), np.int64), np.empty((4, minutes + 2))
    words, eights = np.empty((3, words_of(minutes)), np.uint64), np.empty(width // 8, np.uint64)
    bits, what = words.view(np.uint8), eights.view(np.uint8)
    active = np.empty((days, width // 8), np.uint8)
    known = np.empty((days, width // 8), np.uint8)
    for d in range(days):
        tell_states(level[d], False, what, eights, active[d], known[d])
    for w in range(rows.shape[0]):
        rates_of_window(active, known, rows[w], bits, words, runs, work, found[w])
    return found
