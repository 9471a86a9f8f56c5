"""When a phone recorded nothing: told from its location, where that comes by itself.

A phone that is not used and one that is not recorded say the same of their screen: nothing. But
most recorders ask for a fix every few minutes, day and night. Time without one is one of three:

* there are fixes a quarter of an hour apart or less: the phone was recorded;
* there are none, and the phone was used in that time: location is then not asked for, or not to be
  had. This tells nothing. Nor does it where most such times end as somebody takes the phone up: it
  was off or dozing until then;
* there are none, and they mostly come back by themselves, the phone not in use: nothing was
  recorded.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.screen import MINUTE_US, first_at

Times = NDArray[np.int64]
Ints = NDArray[np.int64]

GAP_US: Final = 15 * MINUTE_US  # fixes farther apart leave a gap: 1 minute on, 10 off, and some
BLIND_US: Final = 30 * MINUTE_US  # a shorter gap says nothing
AWAKE_US: Final = 3 * MINUTE_US // 2  # a dozing phone wakes up for so long to send what it has
TAKEN_UP_US: Final = 2 * MINUTE_US  # used so soon after a gap: it was the taking up that ended it
NOT_LOCATED: Final = -1  # the number of gaps where nothing is known of the location
# columns of a gap: from, to [us], 1 if nothing was recorded in it
G_FROM, G_TO, G_BLIND = 0, 1, 2


@compiled("i8(i8[:, ::1], i8, i8, i8)")
def _put(gap: Ints, n: int, start_us: int, end_us: int) -> int:
    """Add a gap; one that begins just after the last goes on with it."""
    if end_us - start_us <= GAP_US:
        return n
    if n > 0 and start_us - gap[n - 1, G_TO] < AWAKE_US:
        gap[n - 1, G_TO] = end_us
        return n
    gap[n, G_FROM], gap[n, G_TO], gap[n, G_BLIND] = start_us, end_us, 0
    return n + 1


@compiled("void(i8[:, ::1], i8, i8[:, ::1], i8)")
def _mark(used: Ints, many: int, gap: Ints, n: int) -> None:
    """Tell the gaps in which nothing was recorded from those of a phone that nobody took up."""
    ended, silent, k = 0, 0, 0
    for g in range(n):
        gap[g, G_BLIND] = 0
        if gap[g, G_TO] - gap[g, G_FROM] <= BLIND_US:
            continue
        while k < many and used[k, 1] <= gap[g, G_FROM] + GAP_US:
            k += 1
        if k < many and used[k, 0] <= gap[g, G_TO] - GAP_US:
            continue
        gap[g, G_BLIND] = 1
        silent += 1
        if k < many and used[k, 0] <= gap[g, G_TO] + TAKEN_UP_US:
            gap[g, G_BLIND] = 2
            ended += 1
    for g in range(n):
        if gap[g, G_BLIND] == 2:
            gap[g, G_BLIND] = int(2 * ended <= silent)


@compiled("i8(i8[::1], i8[:, ::1], i8, i8, i8[:, ::1], i8, i8[:, ::1])")
def gaps_between(
    fix_us: Times, long_gap: Ints, low_us: int, end_us: int, used: Ints, many: int, gap: Ints
) -> int:
    """List the gaps of a stretch of time; return how many there are, `NOT_LOCATED` without fixes.

    Parameters
    ----------
    fix_us : int64 array, shape (n,)
        Instants of fixes, sorted.
    long_gap : int64 array, shape (m, 2)
        The pairs of neighbours among them that are more than a quarter of an hour apart.
    used : int64 array, shape (many, 2) or wider
        Begin and end of each use of the phone.
    gap : int64 array, shape (m + 2, 3), filled
        From, to (cut to the stretch), and 1 if nothing was recorded in it.
    """
    if fix_us.size == 0:
        return NOT_LOCATED
    first, last = first_at(fix_us, low_us), first_at(fix_us, end_us) - 1
    if last < first:
        return _put(gap, 0, low_us, end_us)
    n = _put(gap, 0, low_us, fix_us[first])
    low, high = 0, long_gap.shape[0]
    while low < high:
        middle = (low + high) // 2
        if long_gap[middle, 0] < fix_us[first]:
            low = middle + 1
        else:
            high = middle
    while low < long_gap.shape[0] and long_gap[low, 1] <= fix_us[last]:
        n = _put(gap, n, long_gap[low, 0], long_gap[low, 1])
        low += 1
    n = _put(gap, n, fix_us[last], end_us)
    _mark(used, many, gap, n)
    return n


@compiled("i8(i8[:, ::1], i8, i8, i8, b1)")
def within(gap: Ints, n: int, start_us: int, end_us: int, blind: bool) -> int:
    """Return how much of a stretch lies in gaps [us], or only in those that recorded nothing."""
    total = 0
    for g in range(n):
        if gap[g, G_BLIND] == 1 or not blind:
            total += max(min(gap[g, G_TO], end_us) - max(gap[g, G_FROM], start_us), 0)
    return total


@compiled("UniTuple(i8, 2)(i8[:, ::1], i8, i8, i8)")
def hidden(gap: Ints, n: int, start_us: int, end_us: int) -> tuple[int, int]:
    """Return until when use after the start of a silence, from when before its end, is not seen.

    The start itself, and the end, where recording went on for a quarter of an hour from (to) there.
    """
    late, early = start_us, end_us
    for g in range(n):
        if gap[g, G_BLIND] == 1 and gap[g, G_TO] > late and gap[g, G_FROM] - late <= GAP_US:
            late = min(gap[g, G_TO], end_us)
    for back in range(n):
        g = n - 1 - back
        if gap[g, G_BLIND] == 1 and gap[g, G_FROM] < early and early - gap[g, G_TO] <= GAP_US:
            early = max(gap[g, G_FROM], start_us)
    return late, early
