"""Which stream was recorded on which day, and where nothing was: why, as far as that is known."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa

from euthymia.care.pauses import NOTHING, Noted, concerns, pauses
from euthymia.care.words import count_words
from euthymia.ground.clock import Timeline
from euthymia.ground.schemas import STREAMS

QUALITY: Final = "data_quality"
HOURS: Final = "_data_h"
MOST_OF_A_DAY_H: Final = 12.0
SOME_H: Final = 4.0
HELD: Final = float("nan")
"""The hours of a raw signal (a pulse wave, an ECG, an EEG): that there is one on the day is known
without reading millions of samples, how many hours it fills is not."""
NO_SIGNAL: Final = frozenset({"event_marks", "recording_state"})  # kept, but no recording

REASONS: Final = {
    "consent": "no consent",
    "not_worn": "not worn",
    "off": "off",
    "permission": "permission missing",
    "low_power": "low power",
    "paused": "paused",
    "charging": "on charge",
    "unknown": "reason not known",
}
"""Why a cell is empty, the surest first."""
WITHDRAWN: Final = "consent withdrawn"


@dataclass(frozen=True, slots=True)
class Cell:
    """One stream on one day: the hours that hold data, or why there is none (a key of REASONS).

    Hours of a raw signal are not known: `HELD`.
    """

    day: int
    hours: float
    why: str = ""

    @property
    def level(self) -> str:
        """None, little, some or much, by the hours of the day that hold a sample, or held."""
        if math.isnan(self.hours):
            return "held"
        if self.hours <= 0:
            return "none"
        if self.hours < SOME_H:
            return "little"
        return "much" if self.hours >= MOST_OF_A_DAY_H else "some"


@dataclass(frozen=True, slots=True)
class StreamCoverage:
    """One stream over the days shown, and the same in words."""

    stream: str
    title: str
    cells: tuple[Cell, ...]
    words: str


def coverage_map(
    features: Mapping[str, pa.Table],
    first: int,
    last: int,
    *,
    not_worn: set[int],
    consented: Callable[[int], bool],
    phone: frozenset[str],
    held: Mapping[str, Collection[int]],
    noted: Noted = NOTHING,
    zones: Timeline | None = None,
) -> tuple[StreamCoverage, ...]:
    """Return a row a stream that has data on any of the local days [first, last].

    And one a stream that was withdrawn, which says so and nothing of what was recorded before.

    A note of a recording app is why a day is empty where it is about the stream, or the whole of
    its device, and holds for most of the day.

    Parameters
    ----------
    features : {family: rows}
        Of one person; `data_quality` is looked at.
    first, last : int
        Local day numbers.
    not_worn : set of int
        Days on which a device was carried but not worn.
    consented : callable
        Whether a consent to monitoring was in force on a day. Where recordings began before the
        first consent that covers them, its absence until then is not why a day is empty.
    phone : frozenset of str
        The streams of the phone: "not worn" says nothing about them.
    held : {stream: UTC day numbers}
        On which days the store has samples. Of streams that `data_quality` does not look at these
        are the days with data.
    noted : Noted, optional
        What recording apps noted of themselves, and what was withdrawn.
    zones : Timeline, optional
        The person's; UTC unless told.
    """
    hours = _recorded(features.get(QUALITY))
    days = range(first, last + 1)
    for stream in sorted(held.keys() - hours.keys() - NO_SIGNAL):
        hours[stream] = dict.fromkeys(held[stream], HELD)
    agreed = _agreed(hours, days, cache(consented))

    def has_data(thing: str, day: int) -> bool:
        return any(concerns(thing, s, phone) and _has_data(hours[s], day) for s in hours)

    told = pauses(noted.states, zones or Timeline(), last, cache(has_data))
    found = []
    for stream, by_day in hours.items():
        if stream not in STREAMS or not any(_has_data(by_day, day) for day in days):
            continue
        worn = not_worn if stream not in phone else set()
        causes = [told[thing] for thing in told if concerns(thing, stream, phone)]
        cells = tuple(
            Cell(day, by_day.get(day, 0.0), _why(day, by_day, causes, worn, agreed)) for day in days
        )
        found.append(StreamCoverage(stream, STREAMS[stream].title, cells, _words(cells)))
    kept = tuple(Cell(day, 0.0, "consent") for day in days)
    gone = sorted(noted.withdrawn - {row.stream for row in found} - NO_SIGNAL)
    return (*found, *(StreamCoverage(s, STREAMS[s].title, kept, WITHDRAWN) for s in gone))


def _recorded(table: pa.Table | None) -> dict[str, dict[int, float]]:
    """Return {stream: {day: hours with data}}."""
    if table is None:
        return {}
    days = table["date"].cast(pa.int32()).to_pylist()
    found = {}
    for name in table.column_names:
        if name.endswith(HOURS):
            values = np.asarray(table[name].to_numpy(), np.float64)
            known = {d: float(v) for d, v in zip(days, values, strict=True) if not np.isnan(v)}
            found[name.removesuffix(HOURS)] = known
    return found


def _why(
    day: int,
    hours: Mapping[int, float],
    causes: Collection[Mapping[int, Mapping[str, float]]],
    worn: set[int],
    consented: Callable[[int], bool],
) -> str:
    if _has_data(hours, day):
        return ""
    if not consented(day):
        return "consent"
    if day in worn:
        return "not_worn"
    told = dict.fromkeys(REASONS, 0.0)
    for by_day in causes:
        for reason, paused in by_day.get(day, {}).items():
            told[reason if reason in REASONS else "unknown"] += paused
    likely = max(told, key=lambda reason: told[reason])
    return likely if told[likely] >= MOST_OF_A_DAY_H else "unknown"


def _agreed(
    hours: Mapping[str, Mapping[int, float]], days: range, consented: Callable[[int], bool]
) -> Callable[[int], bool]:
    """Return whether a consent covers a day: one that was given then, or after what it covers."""
    began = min((d for by_day in hours.values() for d in by_day if _has_data(by_day, d)), default=0)
    given = next((day for day in days if consented(day)), days.stop)
    return lambda day: consented(day) or began <= day < given


def _has_data(hours: Mapping[int, float], day: int) -> bool:
    return not hours.get(day, 0.0) <= 0  # HELD is not, either


def _words(cells: tuple[Cell, ...]) -> str:
    """Say how many days have data, and why the others have not."""
    held = sum(cell.level != "none" for cell in cells)
    words = f"{held} of {count_words(len(cells), 'day')}"
    missing = [
        f"{count_words(n, 'day')} {text}"
        for why, text in REASONS.items()
        if (n := sum(cell.why == why for cell in cells))
    ]
    return f"{words}; without data: {', '.join(missing)}" if missing else words
