"""Sleep from raw acceleration at the wrist, by the angle of the arm (van Hees et al.)."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.screen import median_of_sorted, sort_first

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

EPOCH_S: Final = 5
EPOCH_US: Final = EPOCH_S * 1_000_000
LEAST_SAMPLES: Final = 5  # in an epoch, below which its angle is not known
STILL_DEGREES: Final = 5.0  # van Hees et al. 2015: the arm does not turn by more ...
STILL_EPOCHS: Final = 60  # ... for five minutes: asleep
ROLLING: Final = 60  # epochs of the rolling median: five minutes
LEAST_CUT, MOST_CUT = 0.13, 0.50  # degrees: bounds of the person's own threshold
TIMES_CUT: Final = 15.0  # times the 10th percentile
BLOCK_EPOCHS: Final = 360  # half an hour: a shorter block is no part of a sleep period
APART_EPOCHS: Final = 720  # blocks less than an hour apart are one
QUARTER_EPOCHS: Final = 180
STILL_QUARTERS: Final = 8  # two hours; the paper's one is not rare in sleep
LEAST_STILL: Final = 0.5  # of the half hour before and after, if it is a sleeper who lies so still
UNWORN_G: Final = 0.013  # standard deviation over them, of two axes of three
MOST_UNKNOWN: Final = 0.5  # of the half hour before and after a sleep
LEAST_KNOWN: Final = 1 / 3  # of the epochs of a window: twelve hours, a night's wear

EPOCHS_A_MINUTE: Final = 60 // EPOCH_S
PACKED: Final = 48  # minutes in one number: a float64 holds whole numbers of 53 bits

_FIELDS = ("in_bed", "onset", "offset", "up", "asleep", "awakenings")
FIELDS: Final = {name: place for place, name in enumerate(_FIELDS)}
"""The columns of what `night` writes: epochs, but for the number of awakenings."""


@compiled("void(i8[::1], f4[::1], f4[::1], f4[::1], i8, f8[::1], f8[:, :, ::1])")
def angles(
    time_us: Ints, x: Floats, y: Floats, z: Floats, start_us: int, out: Array, moments: Array
) -> None:
    """Write the angle of the arm in each epoch of five seconds, and moments of each axis.

    Parameters
    ----------
    time_us : int64 array, shape (n,)
        Sorted.
    x, y, z : float32 arrays, shape (n,)
        Acceleration [g].
    start_us : int
        The begin of the first epoch.
    out : float64 array, shape (epochs,)
        Filled: the angle of the z axis to the horizontal plane, of the epoch's mean acceleration
        [degrees] (the paper takes rolling medians of five seconds); NaN with fewer than 5 samples.
    moments : float64 array, shape (quarters of an hour, 3, 3), zeros
        Filled: number, sum and sum of squares of the samples of each axis.

    References
    ----------
    van Hees et al. 2015, doi:10.1371/journal.pone.0142533.
    """
    for k in range(out.size):
        out[k] = math.nan
    i = 0
    while i < time_us.size:
        epoch = (time_us[i] - start_us) // EPOCH_US
        if epoch < 0 or epoch >= out.size:
            i += 1
            continue
        a = b = c = 0.0
        count = 0
        own = moments[epoch // QUARTER_EPOCHS]
        close = start_us + (epoch + 1) * EPOCH_US
        while i < time_us.size and time_us[i] < close:
            one, two, three = float(x[i]), float(y[i]), float(z[i])
            a, b, c = a + one, b + two, c + three
            own[0, 2] += one * one
            own[1, 2] += two * two
            own[2, 2] += three * three
            count += 1
            i += 1
        own[0, 1] += a
        own[1, 1] += b
        own[2, 1] += c
        for axis in range(3):
            own[axis, 0] += count
        if count >= LEAST_SAMPLES:
            out[epoch] = math.atan2(c, math.sqrt(a * a + b * b)) * (180.0 / math.pi)


@compiled("b1[::1](f8[::1])")
def still_arm(angle: Array) -> Mask:
    """Mark five minutes or more without a change of the angle by more than 5 degrees: asleep."""
    n = angle.size
    asleep = np.zeros(n, np.bool_)
    begin = 0
    for k in range(1, n + 1):
        if k < n and abs(angle[k] - angle[k - 1]) <= STILL_DEGREES:
            continue
        if k - begin >= STILL_EPOCHS:
            for at in range(begin, k):
                asleep[at] = True
        begin = k
    return asleep


@compiled("f8(b1[::1], i8, i8)")
def _share(marked: Mask, low: int, high: int) -> float:
    """Return the share of marked epochs in [low, high), as far as there are any."""
    low, high = max(low, 0), min(high, marked.size)
    count = 0
    for k in range(low, high):
        count += marked[k]
    return count / max(high - low, 1)


@compiled("b1[::1](f8[:, :, ::1])")
def without_motion(moments: Array) -> Mask:
    """Mark quarters of an hour in two hours over which two axes of three vary by less than 13 mg.

    The paper takes one hour, for which asleep people lie still as well.

    References
    ----------
    van Hees et al. 2011, doi:10.1371/journal.pone.0022922.
    """
    marked = np.zeros(moments.shape[0], np.bool_)
    for first in range(moments.shape[0] - STILL_QUARTERS + 1):
        still, known = 0, True
        for axis in range(3):
            count = total = squares = 0.0
            for quarter in range(first, first + STILL_QUARTERS):
                known = known and moments[quarter, axis, 0] > 0
                count += moments[quarter, axis, 0]
                total += moments[quarter, axis, 1]
                squares += moments[quarter, axis, 2]
            if count > 1:
                spread = (squares - total * total / count) / (count - 1)
                still += spread < UNWORN_G * UNWORN_G
        if known and still >= 2:
            marked[first : first + STILL_QUARTERS] = True
    return marked


@compiled("void(f8[:, :, ::1], f8[::1])")
def drop_unworn(moments: Array, angle: Array) -> None:
    """Set the angle to NaN where the device was not worn, in place.

    Not worn is a stretch without motion, as of a phone on a table, or a watch, that somebody awake
    put down or took up: unless the half hour before and the half hour after it are both spent
    mostly lying still (`still_arm`). Within the night of a sleeper they are: they lie still for
    two hours and longer, turn over, and lie still again.
    """
    marked = without_motion(moments)
    asleep = still_arm(angle)
    quarter = 0
    while quarter < marked.size:
        stop = quarter
        while stop < marked.size and marked[stop]:
            stop += 1
        low, high = quarter * QUARTER_EPOCHS, min(stop * QUARTER_EPOCHS, angle.size)
        if stop > quarter:
            before = _share(asleep, low - BLOCK_EPOCHS, low)
            if min(before, _share(asleep, high, high + BLOCK_EPOCHS)) < LEAST_STILL:
                angle[low:high] = math.nan
        quarter = max(stop, quarter + 1)


@compiled("i8(f8[::1], i8, f8)")
def put_in(part: Array, count: int, value: float) -> int:
    """Put a number in its place among the first `count`, sorted; return how many there are then.

    NaN is left out.
    """
    if math.isnan(value):
        return count
    at = count
    while at > 0 and part[at - 1] > value:
        part[at] = part[at - 1]
        at -= 1
    part[at] = value
    return count + 1


@compiled("i8(f8[::1], i8, f8)")
def take_out(part: Array, count: int, value: float) -> int:
    """Take a number that is there out of the first `count`, sorted; return how many are left.

    NaN is never there.
    """
    if math.isnan(value):
        return count
    at = 0
    while part[at] < value:
        at += 1
    for k in range(at, count - 1):
        part[k] = part[k + 1]
    return count - 1


@compiled("b1[::1](f8[::1])")
def at_rest(angle: Array) -> Mask:
    """Mark epochs of little change of posture.

    The median, over five minutes, of the change of the angle from epoch to epoch is below 15
    times its 10th percentile, a threshold kept between 0.13 and 0.50 degrees. Not so marked are
    epochs around which less than half of the five minutes is known.
    """
    n = angle.size
    rolled, known = np.full(n, math.nan), np.empty(n)
    part, count = np.empty(ROLLING + 1), 0
    marked = np.zeros(n, np.bool_)
    many = 0
    for k in range(1 - ROLLING // 2, n):
        enters, leaves = k + ROLLING // 2 - 1, k - ROLLING // 2 - 1
        if 1 <= enters < n:
            count = put_in(part, count, abs(angle[enters] - angle[enters - 1]))
        if leaves >= 1:
            count = take_out(part, count, abs(angle[leaves] - angle[leaves - 1]))
        if k >= 0 and 2 * count >= ROLLING and not math.isnan(angle[k]):
            rolled[k] = known[many] = median_of_sorted(part, count)
            many += 1
    if many > 0:
        sort_first(known, many)
        cut = min(max(TIMES_CUT * known[(many - 1) // 10], LEAST_CUT), MOST_CUT)
        for k in range(n):
            marked[k] = rolled[k] < cut
    return marked


@compiled("f8(f8[::1], i8, i8)")
def _unknown(angle: Array, low: int, high: int) -> float:
    """Return the share of epochs in [low, high) without an angle; 0 outside of the recording."""
    low, high = max(low, 0), min(high, angle.size)
    count = 0
    for k in range(low, high):
        count += math.isnan(angle[k])
    return count / max(high - low, 1)


@compiled("f8(f8[::1], i8, f8[::1])")
def night(angle: Array, midnight: int, out: Array) -> float:
    """Describe the sleep period that ends after midnight, and return the share that is known.

    Blocks at rest of half an hour or more, joined where less than an hour apart; the longest that
    ends after `midnight` and before the last epoch. Within it sleep is what `still_arm` marks.

    Parameters
    ----------
    angle : float64 array, shape (epochs,)
        From the noon before the date to its end; NaN where not worn.
    midnight : int
        The epoch at which the date begins.
    out : float64 array, shape (len(FIELDS),), NaN
        Filled, unless there is no such period with sleep in it, less than a third is known, or
        the device was mostly not worn (or not recorded) in the half hour before the period or
        after it: the sleep may have begun or ended there.

    References
    ----------
    van Hees et al. 2018, doi:10.1038/s41598-018-31266-z (the period); van Hees et al. 2015,
    doi:10.1371/journal.pone.0142533 (sleep in it).
    """
    n = angle.size
    known = 0
    for at in range(n):
        known += not math.isnan(angle[at])
    share = known / max(n, 1)
    rest = at_rest(angle)
    first = last = begin = end = -1
    k = 0
    while k <= n:
        stop = k
        while stop < n and rest[stop]:
            stop += 1
        long = stop - k >= BLOCK_EPOCHS
        if long and begin >= 0 and k - end < APART_EPOCHS:
            end = stop
        elif long or k == n:
            if begin >= 0 and midnight < end < n and end - begin > last - first:
                first, last = begin, end
            begin, end = k, stop
        k = max(stop, k + 1)
    if first < 0 or share < LEAST_KNOWN:
        return share
    before = _unknown(angle, first - BLOCK_EPOCHS, first)
    if max(before, _unknown(angle, last, last + BLOCK_EPOCHS)) > MOST_UNKNOWN:
        return share
    asleep = still_arm(angle)
    total = breaks = 0
    onset = offset = -1
    for at in range(first, last):
        if asleep[at]:
            onset = at if onset < 0 else onset
            breaks += offset >= 0 and at > offset
            offset = at + 1
            total += 1
    if total > 0:
        out[0], out[1], out[2], out[3] = first, onset, offset, last
        out[4], out[5] = total, breaks
    return share


@compiled("void(f8[::1], i8, i8, f8[::1])")
def pack_awake(angle: Array, first: int, last: int, out: Array) -> None:
    """Write which minutes of a sleep are awake: half or more of their epochs (`still_arm`).

    Parameters
    ----------
    angle : float64 array, shape (epochs,)
        Of which each twelve, from the first on, are a minute.
    first, last : int
        The sleep's first epoch asleep, and the one after its last.
    out : float64 array, shape (numbers,), zeros
        Filled: bit i of number k is set for minute 48 k + i, counted from the one of `first`, if
        it is awake. What is later than the last number holds is left out.
    """
    asleep = still_arm(angle)
    begin = first // EPOCHS_A_MINUTE
    for minute in range(begin, (last + EPOCHS_A_MINUTE - 1) // EPOCHS_A_MINUTE):
        awake = 0
        for at in range(minute * EPOCHS_A_MINUTE, (minute + 1) * EPOCHS_A_MINUTE):
            awake += first <= at < last and not asleep[at]
        number, bit = divmod(minute - begin, PACKED)
        if 2 * awake >= EPOCHS_A_MINUTE and number < out.size:
            out[number] += 2.0**bit
