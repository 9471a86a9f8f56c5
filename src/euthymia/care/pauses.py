"""Why streams say nothing: the notes that a recording app keeps of itself, by stream and day."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from euthymia.ground.clock import DAY_US, Micros, Timeline

PHONE: Final = "phone"
WRISTBAND: Final = "wristband"
"""Notes of a whole device: each is about every stream of it."""
HOUR_US: Final = DAY_US // 24
NOTED_DAYS: Final = 14  # what was noted longer ago says nothing of a day

Hours = dict[str, dict[int, dict[str, float]]]
"""What is noted -> local day -> reason -> hours of the day."""


@dataclass(frozen=True, slots=True)
class Noted:
    """Why there may be no data.

    `states`: samples of the stream `recording_state`, in order of time. `withdrawn`: streams that
    are stored, and that the person's consent does not cover any more.
    """

    states: pa.Table | None = None
    withdrawn: frozenset[str] = frozenset()


NOTHING: Final = Noted()


def concerns(noted: str, stream: str, phone: frozenset[str]) -> bool:
    """Tell whether a note is about a stream: its own, or one of its whole device."""
    if noted == PHONE:
        return stream in phone
    return stream not in phone if noted == WRISTBAND else noted == stream


def pauses(
    states: pa.Table | None, zones: Timeline, last: int, has_data: Callable[[str, int], bool]
) -> Hours:
    """Return for how many hours of each local day what is noted was not recorded, by reason.

    A pause lasts from its note to the next note of the same thing, to the first later day on
    which there is data of it (many apps note that they stop, and not that they go on), and for a
    fortnight at most.

    Parameters
    ----------
    states : pyarrow.Table or None
        Samples of the stream `recording_state`, in order of time.
    zones : Timeline
        The person's.
    last : int
        The last local day that is asked for.
    has_data : callable
        Whether there is data of what is noted on a local day.
    """
    if states is None or states.num_rows == 0:
        return {}
    time = states["time"].cast("int64").to_numpy()
    noted, why = (np.array(states[name].to_pylist(), object) for name in ("stream", "reason"))
    on, day = states["on"].to_numpy(), zones.local_day(time)
    first = int(day.min())
    edges = zones.starts_of_days(np.arange(first, max(last, first) + 2)).tolist()
    found: Hours = {}
    for name in sorted(set(noted.tolist())):
        own = np.flatnonzero(noted == name)
        again = (on[own][1:] == on[own][:-1]) & (why[own][1:] == why[own][:-1])
        again &= day[own][1:] == day[own][:-1]  # a note a minute, say: what it says anew is enough
        own = own[np.append(True, ~again)]
        until = np.append(time[own][1:], edges[-1])
        by_day = found.setdefault(name, {})
        for at, end in zip(own[on[own] == 0].tolist(), until[on[own] == 0].tolist(), strict=True):
            reason = why[at] or "unknown"
            for each, hours in _days(int(time[at]), end, edges, first):
                if each >= day[at] + NOTED_DAYS or (each > day[at] and has_data(name, each)):
                    break
                reasons = by_day.setdefault(each, {})
                reasons[reason] = reasons.get(reason, 0.0) + hours
    return found


def _days(start: Micros, end: Micros, edges: list[int], first: int) -> Iterator[tuple[int, float]]:
    """Yield the days that a stretch of time lies in, with its hours in each.

    `edges`: where the days from `first` on begin, and where the last of them ends.
    """
    place = max(bisect_right(edges, start) - 1, 0)
    while place < len(edges) - 1 and edges[place] < end:
        hours = (min(end, edges[place + 1]) - max(start, edges[place])) / HOUR_US
        if hours > 0:
            yield first + place, hours
        place += 1
