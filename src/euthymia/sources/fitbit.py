"""Fitbit: the JSON and CSV of an account export, or of `Takeout/Fitbit`.

Times come in three kinds, each read as what it is:

* `05/01/24 04:00:08` (heart rate, steps) is UTC without saying so: the day's file of a person in
  New York starts at 04:00.
* `2024-04-30T23:11:30.000` (sleep, heart-rate variability) is the clock on the person's wall. So is
  the date of a resting heart rate, written like the first kind.
* `2024-05-01T04:00:08Z` (newer CSV) says what it is.

Where the days' files were joined into one and their times written anew (`heart_rate.json` with
`2019-11-01 00:00:07`, as in PMData), all times are the wall's.

Sleep: `wake` and `awake` are stage 0, `light` 1, `deep` 2, `rem` 3, `asleep` 4, `restless` 6. The
short wakes (`shortData`) are cut into the stages that they interrupt. A sleep logged by hand is
kept like any other. Sums and scores of a day that say nothing new are counted, not kept.
"""

import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import person_of
from euthymia.sources.fitbit_sleep import NAME, RESTING, sleep_of
from euthymia.sources.fitbit_tables import is_table, read_tables, table_headers
from euthymia.sources.gather import Gather, reading
from euthymia.sources.json_stream import begins_json, elements
from euthymia.sources.json_tree import Node, ShapeError, node, number, text, whole_node
from euthymia.sources.wall_clock import to_instants

SYSTEM: Final = device_id(NAME, "").system
_FILE: Final = re.compile(
    r"(heart_rate|steps|sleep|resting_heart_rate)(-\d{4}-\d\d-\d\d([ _(-].{0,60})?)?", re.IGNORECASE
)
_UTC: Final = re.compile(r"(\d\d/\d\d/\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_ANEW: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_ENTRIES: Final = re.compile(
    rb'(\xef\xbb\xbf)?\s*\[\s*\{\s*"(dateTime|logId|dateOfSleep|value)"\s*:'
)
_PULSE: Final = re.compile(
    rb"(\xef\xbb\xbf)?\s*\[\s*\{\s*"
    rb'"dateTime"\s*:\s*"\d\d/\d\d/\d\d \d\d:\d\d:\d\d"\s*,\s*"value"\s*:\s*\{\s*"bpm"'
)
_DEFAULT_BPM: Final = 70  # with a confidence of 0: what stands there until a pulse is found


@lru_cache(maxsize=64)
def _day_us(day: str) -> int:
    return to_micros(datetime.strptime(day, "%m/%d/%y").replace(tzinfo=UTC))


def _utc(entry: Node) -> int:
    found = _UTC.fullmatch(text(entry, "dateTime") or "")
    if not found:
        raise ShapeError("dateTime is not MM/DD/YY hh:mm:ss")
    day, hour, minute, second = found.groups()
    try:
        start = _day_us(day)
    except ValueError:
        raise ShapeError("dateTime is no date of the calendar") from None
    return start + (int(hour) * 3600 + int(minute) * 60 + int(second)) * SECOND_US


@dataclass(slots=True)
class _Walls:
    """Samples of a file by the clock on the wall, in its order: it tells which hour comes twice."""

    at: "array[int]" = field(default_factory=lambda: array("q"))
    value: "array[float]" = field(default_factory=lambda: array("d"))

    def hand_over(self, kind: str, gather: Gather, zone: str) -> None:
        at, value = to_instants(np.array(self.at, np.int64), zone), np.array(self.value)
        if kind == "steps":
            gather.column("steps", at, steps=value.astype(np.int32), period=_minutes(at.size))
        else:
            gather.column("heart_rate", at, rate=value.astype(np.float32))


def _minutes(count: int) -> NDArray[np.float32]:
    return np.full(count, 60.0, np.float32)


def _on_wall(entry: Node) -> int | None:
    """Return the wall's time [us] of an entry that was written anew; None: it is none."""
    at = text(entry, "dateTime") or ""
    if not _ANEW.fullmatch(at):
        return None
    try:
        return to_micros(datetime.fromisoformat(at).replace(tzinfo=UTC))
    except ValueError:
        raise ShapeError("dateTime is no date of the calendar") from None


def _kind(path: PurePath, head: bytes) -> str | None:
    """Tell what a file holds: by its name; a heart rate also by its content alone."""
    if path.suffix.lower() != ".json":
        return None
    found = _FILE.fullmatch(path.stem)
    return found.group(1).lower() if found else "heart_rate" if _PULSE.match(head) else None


def _recognise(path: PurePath, head: bytes) -> float:
    if is_table(head):
        return 0.9
    known = _kind(path, head) is not None and begins_json(head)
    if "-" not in path.stem:  # others of that name are answers of the Web API
        known = known and _ENTRIES.match(head) is not None
    timed = b'"dateTime"' in head or b'"dateOfSleep"' in head or head.split() == [b"[]"]
    return 0.95 if known and timed else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    if is_table(opened.blob.head()):
        yield from read_tables(opened, NAME, person_of(opened))
        return
    gather = Gather(NAME, person_of(opened))
    kind, walls = _kind(opened.path, opened.blob.head()) or "", _Walls()
    reader = _READERS.get(kind) or partial(_sampled, kind, walls)

    def steps() -> Iterator[None]:
        try:
            for element in elements(opened.blob):
                try:
                    reader(whole_node(element.value), gather, opened)
                except ShapeError as problem:
                    gather.refuse(str(problem), element.place)
                yield
        finally:  # also where the file breaks off
            walls.hand_over(kind, gather, opened.context.zone_for(gather.subject))

    yield from reading(gather, steps)


def _sampled(kind: str, walls: _Walls, entry: Node, gather: Gather, _opened: Opened) -> None:
    found = _count(entry) if kind == "steps" else _rate(entry, gather)
    if found is None:
        return
    wall = _on_wall(entry)
    if wall is not None:
        walls.at.append(wall)
        walls.value.append(found)
    elif kind == "steps":
        gather.sample("steps", _utc(entry), int(found), 60.0)
    else:
        gather.sample("heart_rate", _utc(entry), found)


def _rate(entry: Node, gather: Gather) -> float | None:
    value = node(entry, "value") or {}
    rate = number(value, "bpm")
    if rate is None:
        raise ShapeError("it has no bpm")
    if rate == _DEFAULT_BPM and number(value, "confidence") == 0:
        gather.leave("a heart rate that the device gives before it has measured one: not kept")
        return None
    return rate


def _count(entry: Node) -> float:
    raw = text(entry, "value") or ""
    if not (raw.isdecimal() and raw.isascii() and len(raw) < 6):
        raise ShapeError("value is not a number of steps")
    return float(raw)


def _resting(entry: Node, gather: Gather, opened: Opened) -> None:
    rate = number(node(entry, "value") or {}, "value")
    if not rate:
        gather.leave("a day without a resting heart rate (Fitbit writes 0): nothing to keep")
        return
    # 00:00:00 here is the begin of a day on the wall: in UTC it would be the day before in America
    wall = _on_wall(entry)
    midnight = np.array([_utc(entry) if wall is None else wall], np.int64)
    [at] = to_instants(midnight, opened.context.zone_for(gather.subject)).tolist()
    gather.fact(RESTING, at, rate, "/min")


_READERS: Final[dict[str, Callable[[Node, Gather, Opened], None]]] = {
    "resting_heart_rate": _resting,
    "sleep": sleep_of,
}


def _example(folder: Path) -> None:
    home = folder / "anna" / "Fitbit" / "Global Export Data"
    home.mkdir(parents=True)
    levels: list[dict[str, Any]] = [
        {"dateTime": "2024-04-30T23:10:00.000", "level": "light", "seconds": 1800},
        {"dateTime": "2024-04-30T23:40:00.000", "level": "deep", "seconds": 2400},
    ]
    short = '{"dateTime": "2024-04-30T23:20:00.000", "level": "wake", "seconds": 60}'
    data = ", ".join(str(level).replace("'", '"') for level in levels)
    texts = {
        "heart_rate-2024-05-01.json": "".join(
            f'{"," if i else "["} {{"dateTime": "05/01/24 04:00:{i:02d}",'
            f' "value": {{"bpm": {60 + i}, "confidence": 3}}}}\n'
            for i in range(5)
        )
        + "]\n",
        "steps-2024-05-01.json": '[{"dateTime": "05/01/24 04:00:00", "value": "17"}]\n',
        "sleep-2024-04-30.json": (
            '[{"logId": 27, "dateOfSleep": "2024-05-01", "type": "stages", "levels":'
            f' {{"data": [{data}], "shortData": [{short}]}}}}]\n'
        ),
    }
    for name, content in texts.items():
        (home / name).write_text(content, encoding="utf-8")


SOURCE = Source(
    name=NAME,
    title="Fitbit",
    formats=(
        "<id>/**/{heart_rate,steps,sleep,resting_heart_rate}[-YYYY-MM-DD].json",
        "<id>/**/*.csv of heart rate, steps, oxygen saturation, sleep stages, HRV details",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
    headers=table_headers(),
)
