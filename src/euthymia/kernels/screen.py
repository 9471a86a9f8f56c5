"""Phone use, and a proxy of sleep, from the screen going on and off.

It is a proxy: it says when the phone rested, which for most people is close to when they did.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Mask = NDArray[np.bool_]

OFF, ON, LOCKED, UNLOCKED = 0, 1, 2, 3
MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US
LOST_OFF_US: Final = 2 * HOUR_US  # on for longer without any event: its end was not recorded
CHECK_US: Final = 5 * MINUTE_US  # a look at the clock, not the end of the night
APART_US: Final = HOUR_US  # a check inside the night has this much rest on each side of it


class Episodes(NamedTuple):
    """Stretches of screen use: begin and end in microseconds, in order, not touching."""

    start_us: Times
    end_us: Times


class Rest(NamedTuple):
    """The phone's longest rest of a night, and how many short checks it was joined over."""

    start_us: int
    end_us: int
    checks: int


def episodes(time_us: Times, state: NDArray[np.integer]) -> Episodes:
    """Join screen events into stretches of use.

    Use begins with "on" or "unlocked" while the screen is off, and ends with the next "off" or
    "locked". If more than two hours pass inside it without any event, or the recording ends, its
    end was lost: it then ends with the last event seen.

    Parameters
    ----------
    time_us : int array, shape (n,)
        When, sorted.
    state : int array, shape (n,)
        0 off, 1 on, 2 locked, 3 unlocked.

    Returns
    -------
    Episodes
        Arrays of equal length.
    """
    lit = (state == ON) | (state == UNLOCKED)
    lost = np.zeros(lit.size, bool)
    lost[1:] = np.diff(time_us) > LOST_OFF_US
    before = np.zeros(lit.size, bool)
    before[1:] = lit[:-1] & ~lost[1:]
    starts = np.flatnonzero(lit & ~before)
    ends_after = np.ones(lit.size, bool)  # nothing follows that continues the use
    ends_after[:-1] = ~lit[1:] | lost[1:]
    lasts = np.flatnonzero(lit & ends_after)
    closed = np.zeros(lit.size, bool)
    closed[:-1] = ~lit[1:] & ~lost[1:]
    ends = np.where(closed[lasts], lasts + 1, lasts)
    return Episodes(time_us[starts], time_us[ends])


def longest_rest(used: Episodes, inside: Mask, night: Mask) -> Rest:
    """Find the longest time the screen stayed off between two uses of a night.

    It is then drawn out, on both sides, over checks: uses of less than five minutes in the depth
    of the night, as long as the rest beyond the check is at least an hour.

    Parameters
    ----------
    used : Episodes
        n uses in order.
    inside : bool array, shape (n,)
        Which uses begin in the window that is searched.
    night : bool array, shape (n,)
        Which uses begin at an hour at which a short use can be a check in the night.

    Returns
    -------
    Rest
        ``Rest(0, 0, 0)`` when and only when fewer than two uses begin in the window.
    """
    starts, ends = used.start_us[inside], used.end_us[inside]
    if starts.size < 2:
        return Rest(0, 0, 0)
    rests = starts[1:] - ends[:-1]  # rests[i] lies between use i and use i + 1
    first = last = int(np.argmax(rests))
    check = night[inside] & (ends - starts < CHECK_US)
    while first > 0 and check[first] and rests[first - 1] >= APART_US:
        first -= 1
    while last < rests.size - 1 and check[last + 1] and rests[last + 1] >= APART_US:
        last += 1
    return Rest(int(ends[first]), int(starts[last + 1]), last - first)


def time_on(used: Episodes, edges_us: Times) -> NDArray[np.float64]:
    """Return the time the screen was on [us] between each two successive edges.

    Parameters
    ----------
    used : Episodes
        Uses in order, not overlapping.
    edges_us : int array, shape (k + 1,)
        Sorted bounds.

    Returns
    -------
    array, shape (k,)
        Zero where nothing was used.
    """
    if used.start_us.size == 0:
        return np.zeros(max(edges_us.size - 1, 0))
    lengths = np.concatenate([[0], np.cumsum(used.end_us - used.start_us)])
    place = np.searchsorted(used.start_us, edges_us, side="right")
    whole = lengths[np.maximum(place - 1, 0)]
    last = np.maximum(place - 1, 0)
    part = np.clip(edges_us - used.start_us[last], 0, (used.end_us - used.start_us)[last])
    return np.diff(whole + np.where(place > 0, part, 0)).astype(np.float64)
