"""How samples lie in stretches of time: whether there is one, how close they follow."""

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@compiled("void(i8[::1], i8[::1], i8[::1], b1[::1])")
def any_between(time: Ints, start: Ints, end: Ints, found: Mask) -> None:
    """Tell for each stretch [start, end) whether an instant of `time` lies in it.

    `time` is sorted. Stretches may be in any order; those that go on in time cost least: the
    search goes on from the one before, in steps that double.
    """
    at, n = 0, time.size
    for i in range(start.size):
        low, step = (at, 1) if i == 0 or start[i] >= start[i - 1] else (0, 1)
        while low + step <= n and time[low + step - 1] < start[i]:
            low += step
            step *= 2
        high = min(low + step - 1, n)
        while low < high:
            middle = (low + high) // 2
            if time[middle] < start[i]:
                low = middle + 1
            else:
                high = middle
        at = low
        found[i] = at < n and time[at] < end[i]


@compiled("void(i8[::1], i8[::1], i8[::1], i8, i8, i8[::1])")
def close_between(
    time: Ints, low: Ints, high: Ints, silent_us: int, least_us: int, found: Ints
) -> None:
    """Sum for each range of instants [low, high) the steps between them.

    One of more than `silent_us` counts for `least_us`; a range of none or one has no step.
    """
    for i in range(low.size):
        total = 0
        own = time[low[i] : max(high[i], low[i])]
        later = own[1:]
        for k in range(own.size - 1):
            step = later[k] - own[k]
            total += step if step <= silent_us else least_us
        found[i] = total


@compiled("void(i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1])")
def covered_by(
    start: Ints, end: Ints, first: Ints, stop: Ints, low: Ints, high: Ints, found: Ints
) -> None:
    """Return how much of each [low, high) the stretches number `first` to `stop` cover together.

    `start` is sorted; the stretches [start, end) may overlap.
    """
    for i in range(low.size):
        total, reach = 0, low[i]
        for k in range(first[i], stop[i]):
            until = min(end[k], high[i])
            total += max(until - max(start[k], reach), 0)
            reach = max(reach, until)
        found[i] = total
