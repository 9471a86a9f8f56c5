"""The files of Google Fit within a Takeout; see `google_takeout` for the rules."""

import csv
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import PurePath
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.ground.errors import SourceError
from euthymia.sources.blob import MiB
from euthymia.sources.contract import Opened, Part
from euthymia.sources.gather import Gather
from euthymia.sources.json_stream import begins_json, elements
from euthymia.sources.json_tree import Node, ShapeError, node, nodes, number, whole_node
from euthymia.sources.overlap import counted_once

MAX_TABLE: Final = 8 * MiB  # a day has 96 rows
_FOLDERS: Final = frozenset({"fit", "google fit"})
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_CLOCK: Final = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?([+-]\d\d:\d\d|Z)")
_STAGES: Final = {1: 0, 2: 4, 3: 0, 4: 1, 5: 2, 6: 3}
"""Google's sleep segments: 1 awake, 2 asleep, 3 out of bed, 4 light, 5 deep, 6 REM."""
_OTHERS: Final = (
    "the same steps stand in a merged or finer record of Google Fit; they are counted once"
)


def fit_folder(path: PurePath) -> str | None:
    """Return the folder `Fit` that a file lies in: its files are one reading."""
    if path.suffix.lower() not in {".json", ".csv"}:
        return None
    for i, name in enumerate(path.parts[:-1]):
        if name.lower() in _FOLDERS:
            return "/".join(path.parts[: i + 1])
    return None


def is_fit(path: PurePath, head: bytes) -> bool:
    """Tell whether a file is one of Google Fit's."""
    if path.suffix.lower() == ".csv":
        first = head[:4096].split(b"\n", 1)[0]
        return b"Move Minutes count" in first or (b"Step count" in first and b"Start time" in first)
    return begins_json(head) and (b'"Data Points"' in head or b'"fitnessActivity"' in head)


@dataclass
class _Steps:
    """Steps of all files, to be counted once."""

    start: "array[int]" = field(default_factory=lambda: array("q"))
    end: "array[int]" = field(default_factory=lambda: array("q"))
    value: "array[int]" = field(default_factory=lambda: array("i"))
    rank: "array[int]" = field(default_factory=lambda: array("i"))

    def add(self, start: int, end: int, value: int, rank: int) -> None:
        self.start.append(start)
        self.end.append(end)
        self.value.append(value)
        self.rank.append(rank)


def _rank(name: str) -> int:
    """Return how a file of steps is preferred: merged by Google, then a device's, then a table."""
    if "estimated_steps" in name:
        return 0
    if "merge_step" in name:
        return 1
    return 2 if name.startswith("derived") else 3


def read_fit(opened: Opened, gather: Gather) -> Iterator[None]:
    """Read all files of one folder; one that cannot be read does not take the others with it."""
    steps = _Steps()
    for part in opened.parts:
        try:
            if part.path.suffix.lower() == ".csv":
                _table(part, gather, steps)
            else:
                for _ in _points(part, gather, steps):
                    yield
        except SourceError as problem:
            gather.refuse(str(problem), _label(part, opened))
        yield
    start, end = np.array(steps.start, np.int64), np.array(steps.end, np.int64)
    keep = counted_once(start, end, np.array(steps.rank, np.int64))
    gather.column(
        "steps",
        start[keep],
        steps=np.array(steps.value, np.int32)[keep],
        period=((end - start)[keep] / SECOND_US).astype(np.float32),
    )
    if not keep.all():
        gather.leave(_OTHERS, int(np.count_nonzero(~keep)))


def _label(part: Part, opened: Opened) -> str:
    return part.path.name if len(opened.parts) > 1 else "the file"


def _points(part: Part, gather: Gather, steps: _Steps) -> Iterator[None]:
    for element in elements(part.blob):
        if element.key != "Data Points":
            if element.key == "Data Source":
                continue  # a title
            gather.leave("Google Fit's own descriptions and sessions: not kept")
            continue
        try:
            _point(whole_node(element.value), part.path.name.lower(), gather, steps)
        except ShapeError as problem:
            gather.refuse(str(problem), element.place)
        yield


def _nanos(entry: Node, name: str) -> int:
    raw = entry.get(name)
    if isinstance(raw, str) and raw.isdecimal() and raw.isascii() and len(raw) <= 19:
        raw = int(raw)
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw < 2**62:
        raise ShapeError(f"{name} is not a time in nanoseconds")
    return raw // 1000


def _point(entry: Node, name: str, gather: Gather, steps: _Steps) -> None:
    kind = entry.get("dataTypeName")
    kind = kind if isinstance(kind, str) else name
    wanted = next((word for word in _WANTED if word in kind), None)
    if wanted is None:
        gather.leave("a kind of Google Fit's data that has no stream here: not kept")
        return
    start = _nanos(entry, "startTimeNanos")
    end = _nanos(entry, "endTimeNanos") if "endTimeNanos" in entry else start
    values = [node(value, "value") or {} for value in nodes(entry, "fitValue")]
    value = values[0] if values else {}
    found = number(value, "fpVal")
    found = number(value, "intVal") if found is None else found
    if found is None or not 0 <= end - start <= 172_800 * SECOND_US:
        raise ShapeError("it has no value, or it ends before it starts or two days later")
    if wanted == "step_count.delta":
        if not 0 <= found <= 100_000:
            raise ShapeError("its steps are not from 0 to 100000")
        steps.add(start, end, round(found), _rank(name))
    elif wanted == "heart_rate.bpm":
        gather.sample("heart_rate", end, found)
    elif int(found) in _STAGES:
        gather.sample("sleep_stages", start, _STAGES[int(found)], (end - start) / SECOND_US, None)
    else:
        raise ShapeError("its sleep stage is not from 1 to 6")


_WANTED: Final = ("step_count.delta", "heart_rate.bpm", "sleep.segment")


def _table(part: Part, gather: Gather, steps: _Steps) -> None:
    """Read the quarters of an hour of one day; the table of all days repeats them."""
    text = part.blob.whole(MAX_TABLE).decode("utf-8-sig", "replace")
    lines = list(csv.reader(text.splitlines()))
    header = lines[0] if lines else []
    day = _DAY.fullmatch(part.path.stem)
    if not day or "Start time" not in header or "Step count" not in header:
        rows = max(len(lines) - 1, 1)
        gather.leave("a table of days repeats what its parts say: not kept", rows)
        return
    on = _date(part.path.stem)
    places = [header.index(name) for name in ("Start time", "End time", "Step count")]
    for line, cells in enumerate(lines[1:], 2):
        if not cells:
            continue
        try:
            _quarter(cells, places, on, gather, steps)
        except (ValueError, IndexError, OverflowError):
            gather.refuse(
                "a row's times or steps are not what they must be", f"{part.path.name} line {line}"
            )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise SourceError("the file's name is no date of the calendar") from problem


def _quarter(cells: list[str], places: list[int], on: date, gather: Gather, steps: _Steps) -> None:
    start_text, end_text, count = (cells[place].strip() for place in places)
    if not count:
        gather.leave("a quarter of an hour without steps: nothing to keep")
        return
    start, end = _at(on, start_text), _at(on, end_text)
    if end <= start:
        end = _at(on + timedelta(days=1), end_text)
    if not 0 < end - start <= 3 * 3600 * SECOND_US:
        raise ValueError
    steps.add(start, end, int(count), 4)


def _at(on: date, clock: str) -> int:
    found = _CLOCK.fullmatch(clock)
    if not found:
        raise ValueError
    hour, minute, second, zone = found.groups()
    text = f"{on.isoformat()}T{hour}:{minute}:{second}{zone}"
    return to_micros(datetime.fromisoformat(text).astimezone(UTC))
