"""What every form of Fitbit's data has in common: its name, its stages, and how a sleep is told.

`wake` and `awake` are stage 0, `light` 1, `deep` 2, `rem` 3, `asleep` 4, `restless` 6. The short
wakes (`shortData`) are cut into the stages that they interrupt.
"""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.ground.codes import LOINC
from euthymia.sources.contract import Opened
from euthymia.sources.gather import Gather
from euthymia.sources.json_tree import Node, ShapeError, node, nodes, number, text
from euthymia.sources.wall_clock import to_instants

NAME: Final = "fitbit"
RESTING: Final = LOINC + "40443-4"  # resting heart rate
STAGES: Final = {
    "wake": 0,
    "awake": 0,
    "light": 1,
    "deep": 2,
    "rem": 3,
    "asleep": 4,
    "restless": 6,
}
_WALL: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)
_LONGEST_S: Final = 172_800
_MINUTES: Final = {"1": "asleep", "2": "restless", "3": "awake"}
"""What a minute is called in the first version of the Web API."""


def sleep_of(entry: Node, gather: Gather, opened: Opened) -> None:
    """Take in one sleep: its levels, interrupted by its short wakes."""
    levels = node(entry, "levels") or {"data": _minutes(entry)}
    stretches = [_stretch(level) for level in nodes(levels, "data")]
    short = [_stretch(level) for level in nodes(levels, "shortData")]
    if not stretches:
        raise ShapeError("a sleep has no levels")
    zone = opened.context.zone_for(gather.subject)
    at = _instants(stretches, zone)
    time_us, stage, length = _interrupted(at, _within(stretches, at, short, zone))
    if not time_us.size:
        raise ShapeError("a sleep has no level that is known")
    session = number(entry, "logId")
    label = f"{session:.0f}" if session is not None else None
    gather.stretch(
        "sleep_stages",
        time_us,
        stage=stage,
        duration=length,
        session=pa.repeat(pa.scalar(label, pa.string()), len(time_us)),
    )


def _minutes(entry: Node) -> list[Node]:
    """Return a sleep that is told minute by minute (`minuteData`) as levels."""
    found = [_MINUTES.get(text(minute, "value") or "") for minute in nodes(entry, "minuteData")]
    at = text(entry, "startTime") or ""
    if not found or not _WALL.fullmatch(at):
        return []
    try:
        start = datetime.fromisoformat(at)
    except ValueError:
        raise ShapeError("startTime is no date of the calendar") from None
    return [
        {
            "dateTime": (start + timedelta(minutes=minute)).isoformat(),
            "level": level,
            "seconds": 60,
        }
        for minute, level in enumerate(found)
    ]


_Level = tuple[int, int, int]
"""When it starts [us], how long it lasts [us], its stage; -1 where that is not known."""


def _stretch(level: Node) -> _Level:
    """Return a level; it starts by the clock on the wall."""
    at = text(level, "dateTime") or ""
    seconds = number(level, "seconds")
    if not _WALL.fullmatch(at) or seconds is None or not 0 <= seconds <= _LONGEST_S:
        raise ShapeError("a level has no local dateTime, or no seconds from 0 to two days")
    try:
        start = to_micros(datetime.fromisoformat(at).replace(tzinfo=UTC))
    except ValueError:
        raise ShapeError("a level's dateTime is no date of the calendar") from None
    return start, round(seconds * SECOND_US), STAGES.get(text(level, "level") or "", -1)


def _instants(levels: list[_Level], zone: str) -> list[_Level]:
    """Return levels by their instants.

    A level that begins where the one before it ended went on without a break, whatever the zone
    did: a sleep's times mostly keep to the offset in force at its beginning. Where the clock was
    moved within it, there is a step.
    """
    given = to_instants(np.array([start for start, _, _ in levels], np.int64), zone)
    at: list[int] = given.tolist()
    for k, (before, level) in enumerate(pairwise(levels), 1):
        if level[0] == before[0] + before[1]:
            at[k] = at[k - 1] + before[1]
    return [(start, *level[1:]) for start, level in zip(at, levels, strict=True)]


def _within(levels: list[_Level], at: list[_Level], short: list[_Level], zone: str) -> list[_Level]:
    """Return short wakes by their instants: those of the levels that they interrupt."""
    after = [start for start, _, _ in levels[1:]] + [levels[-1][0]]
    until = [
        min(start + length, then) if then > start else start + length
        for (start, length, _), then in zip(levels, after, strict=True)
    ]
    found, last = [], 0
    for wake, alone in zip(short, _instants(short, zone), strict=True):
        places = [
            *range(last, len(levels)),
            *range(last),
        ]  # of the repeated hour the next that fits
        fits = [k for k in places if levels[k][0] <= wake[0] < until[k]]
        last = fits[0] if fits else last
        start = at[last][0] + wake[0] - levels[last][0] if fits else alone[0]
        found.append((start, *wake[1:]))
    return found


def _interrupted(
    levels: list[_Level], short: list[_Level]
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float32]]:
    """Return start [us], stage and length [s]; a short wake takes its time from what it is in."""
    every = [(start, start + length, which) for start, length, which in (*levels, *short)]
    edges = np.unique(np.array([t for s in every for t in s[:2]], np.int64))
    stage = np.full(edges.size, -1, np.int8)
    for start, end, which in (*sorted(every[: len(levels)]), *sorted(every[len(levels) :])):
        if which >= 0:
            stage[np.searchsorted(edges, start) : np.searchsorted(edges, end)] = which
    change = np.concatenate(([True], stage[1:] != stage[:-1]))
    begin, level = edges[change], stage[change]
    length = np.diff(np.concatenate((begin, edges[-1:])))
    kept = (level >= 0) & (length > 0)
    return begin[kept], level[kept], (length[kept] / SECOND_US).astype(np.float32)
