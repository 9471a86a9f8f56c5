"""Oura: the CSV of a member's data export (`;` between cells), and JSON of the export or the API.

A sleep brings its stages (every 30 s where they are given, else every 5 min: `1` deep, `2` light,
`3` REM, `4` awake), its heart rate and its heart-rate variability (RMSSD of five minutes, as the
ring computed it). Heart rate, skin temperature and the steps of a day have files of their own.
Scores, contributors and what the ring inferred from them are counted, not kept.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.codes import OWN
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.cells import BadCellError
from euthymia.sources.cells import number as decimal
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import person_of
from euthymia.sources.gather import Gather, reading
from euthymia.sources.json_stream import begins_json, elements, no_constant
from euthymia.sources.json_tree import Node, ShapeError, instant, node, number, text, whole_node
from euthymia.sources.lines import BOM, Gap, blocks

NAME: Final = "oura"
SYSTEM: Final = device_id(NAME, "").system
RMSSD: Final = OWN + "oura.hrv-rmssd"
"""RMSSD of five minutes of sleep [ms], as the device computed it."""
DAY_S: Final = 86400.0
_STAGES: Final = {"1": 2, "2": 1, "3": 3, "4": 0}
_CSV: Final = {
    "sleep": ("bedtime_start", "sleep_phase_5_min"),
    "heart_rate": ("timestamp", "bpm"),
    "temperature": ("timestamp", "skin_temp"),
    "activity": ("day", "steps", "timestamp"),
}
_MARKS: Final = (
    b'"sleep_phase_5_min"',
    b'"hypnogram_5min"',
    b'"bedtime_start"',
    b'"ring_battery"',
    b'"class_5_min"',
)
_LEFT: Final = "Oura's scores, goals and descriptions are no measurements: not kept"
_REVOKED: Final = frozenset({"deleted", "rest"})
"""Types of sleep in Oura's API: deleted by the person, or falsely detected and rejected."""
_ONE: Final = {"bedtime_start", "bpm", "skin_temp", "steps"}
"""What a document that is one record has at its top."""
_LISTS: Final = {"hr_5min", "rmssd_5min"}
MOST: Final = 100_000
_COUNTED: Final = {"sleep", "heartrate", "heart_rate", "data", "activity", "daily_activity"}


def _header(head: bytes) -> list[str]:
    line = head.removeprefix(BOM).split(b"\n", 1)[0][:65536].decode("utf-8", "replace")
    return [cell.strip().strip('"') for cell in line.strip().split(";")]


def _table(head: bytes) -> str | None:
    header = set(_header(head))
    return next((kind for kind, wanted in _CSV.items() if header.issuperset(wanted)), None)


def _recognise(path: PurePath, head: bytes) -> float:
    if _table(head):
        return 0.9
    if not begins_json(head):
        return 0.0
    beats = b'"bpm"' in head and b'"source"' in head and b'"timestamp"' in head
    named = "oura" in path.stem.lower() and (b'"sleep"' in head or b'"data"' in head)
    return 0.9 if any(mark in head for mark in _MARKS) else 0.85 if beats or named else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, person_of(opened))
    kind = _table(opened.blob.head())
    if kind:
        yield from reading(gather, lambda: _rows(opened, kind, gather))
    else:
        yield from reading(gather, lambda: _json(opened, gather))


def _json(opened: Opened, gather: Gather) -> Iterator[None]:
    """Take in lists of records, or a document that is one record (its members then come apart)."""
    one: Node = {}
    for element in elements(opened.blob):
        entry = element.value
        part = not isinstance(entry, dict) or "items" in entry
        if part and element.key is not None and element.key not in _COUNTED - {"heart_rate"}:
            if element.key not in _LISTS:
                one[element.key] = entry
            elif element.number <= MOST:
                one.setdefault(element.key, []).append(entry)
            continue
        _taken(entry, gather, element.place)
        yield
    if _ONE & one.keys():
        _taken(one, gather, "")
        yield


def _taken(entry: object, gather: Gather, place: str) -> None:
    try:
        _entry(whole_node(entry), gather)
    except ShapeError as problem:
        gather.refuse(str(problem), place)


def _entry(entry: Node, gather: Gather) -> None:
    if "bedtime_start" in entry and (_phases(entry) or "heart_rate" in entry):
        _sleep(entry, gather)
    elif "bpm" in entry:
        _heart_rate(entry, gather)
    elif "skin_temp" in entry:
        _temperature(entry, gather)
    elif "steps" in entry and ("timestamp" in entry or "day_start" in entry):
        _activity(entry, gather)
    else:
        gather.leave(_LEFT)


def _phases(entry: Node) -> tuple[str, float] | None:
    for name, step in (
        ("sleep_phase_30_sec", 30.0),
        ("sleep_phase_5_min", 300.0),
        ("hypnogram_5min", 300.0),
    ):
        found = text(entry, name)
        if found:
            if set(found) - set(_STAGES) or len(found) > 20_000:
                raise ShapeError(f"{name} is not a row of the digits 1 to 4")
            return found, step
    return None


def _sleep(entry: Node, gather: Gather) -> None:
    if text(entry, "type") in _REVOKED:
        gather.leave("a sleep that the person deleted, or said was none: not kept")
        return
    start = instant(_offset(text(entry, "bedtime_start")), "bedtime_start")
    phases = _phases(entry)
    series = [_series(entry, name, start) for name in ("heart_rate", "hrv")]
    old = [_old_series(entry, name, start) for name in ("hr_5min", "rmssd_5min")]
    if phases:
        stage, step = np.array([_STAGES[letter] for letter in phases[0]], np.int8), phases[1]
        change = np.flatnonzero(np.concatenate(([True], stage[1:] != stage[:-1])))
        length = np.diff(np.append(change, stage.size)) * step
        time_us = start + np.rint(change * step * SECOND_US).astype(np.int64)
        gather.stretch(
            "sleep_stages", time_us, stage=stage[change], duration=length.astype(np.float32)
        )
    for time_us, value in (series[0], old[0]):
        if time_us.size:
            gather.stretch("heart_rate", time_us, rate=value)
    for time_us, value in (series[1], old[1]):
        for at, rmssd in zip(time_us.tolist(), value.tolist(), strict=True):
            gather.fact(RMSSD, at, rmssd, "ms")


_Series = tuple[NDArray[np.int64], NDArray[np.float64]]


def _series(entry: Node, name: str, start: int) -> _Series:
    """Return a series `{interval, items, timestamp}`; a null, 0 or -1 is a moment without one."""
    found = node(entry, name) or {}
    step = number(found, "interval") or 300.0
    at = text(found, "timestamp")
    begin = instant(_offset(at), f"{name}.timestamp") if at else start
    return _even(found.get("items"), name, begin, step)


def _old_series(entry: Node, name: str, start: int) -> _Series:
    """Return a series of the API's first version."""
    return _even(entry.get(name), name, start, 300.0)


def _even(items: Any, name: str, start: int, step: float) -> _Series:  # noqa: ANN401  (JSON)
    if items is None:
        items = []
    if not isinstance(items, list) or not 0 < step <= 86400 or len(items) > MOST:
        raise ShapeError(f"{name} is not a list of values at an even interval")
    known = [number({"item": value}, "item") for value in items]
    there = [(i, value) for i, value in enumerate(known) if value is not None and value > 0]
    place = np.array([i for i, _ in there], np.int64)
    values = np.array([value for _, value in there], np.float64)
    return start + np.rint(place * step * SECOND_US).astype(np.int64), values


def _offset(value: str | None) -> str:
    """Return a time whose offset may lack its colon, as RFC 3339 has it."""
    value = (value or "").replace(" ", "T", 1)
    return f"{value[:-2]}:{value[-2:]}" if value[-5:-4] in {"+", "-"} else value


def _heart_rate(entry: Node, gather: Gather) -> None:
    rate = number(entry, "bpm")
    if rate is None:
        raise ShapeError("bpm is missing")
    at = instant(_offset(text(entry, "timestamp")), "timestamp")
    gather.sample("heart_rate", at, rate)


def _temperature(entry: Node, gather: Gather) -> None:
    value = number(entry, "skin_temp")
    if value is None:
        gather.leave("a moment without a temperature: nothing to keep")
        return
    gather.sample(
        "skin_temperature", instant(_offset(text(entry, "timestamp")), "timestamp"), value
    )


def _activity(entry: Node, gather: Gather) -> None:
    count = number(entry, "steps")
    at = instant(_offset(text(entry, "timestamp") or text(entry, "day_start")), "timestamp")
    if count is None or not 0 <= count <= 100_000:
        raise ShapeError("steps is not a number of steps")
    gather.sample("steps", at, round(count), DAY_S)


# -- tables ----------------------------------------------------------------------------------------

_Reader = Callable[[Node, Gather], None]
_READERS: Final[dict[str, _Reader]] = {
    "sleep": _sleep,
    "heart_rate": _heart_rate,
    "temperature": _temperature,
    "activity": _activity,
}


def _rows(opened: Opened, kind: str, gather: Gather) -> Iterator[None]:
    header = _header(opened.blob.head())
    for found in blocks(opened.blob):
        if isinstance(found, Gap):
            gather.refuse(found.reason, "")
            continue
        lines = found.data.decode("utf-8", "replace").splitlines()
        skip = 1 if found.line == opened.blob.first_line else 0
        for line, raw in enumerate(lines[skip:], found.line + skip):
            if not raw.strip():
                continue
            try:
                _READERS[kind](_cells(raw, header), gather)
            except (ShapeError, SourceError) as problem:
                gather.refuse(str(problem), f"line {line}")
            yield


def _cells(raw: str, header: list[str]) -> Node:
    """Return one row by its columns: numbers and JSON decoded, empty cells left out."""
    try:
        cells = next(csv.reader(io.StringIO(raw), delimiter=";"))
    except (csv.Error, StopIteration):
        cells = []
    if len(cells) != len(header):
        raise ShapeError(f"it has not the {len(header)} cells of the line of names")
    return {name: _cell(name, cell) for name, cell in zip(header, cells, strict=True) if cell}


def _cell(name: str, cell: str) -> object:
    if name in _NUMBERS:
        try:
            return decimal(cell.strip())
        except BadCellError:
            raise ShapeError(f"{name} is not a number") from None
    if name in {"heart_rate", "hrv"}:
        try:
            return whole_node(json.loads(cell, parse_constant=no_constant))
        except (ValueError, RecursionError):
            raise ShapeError(f"{name} is not JSON") from None
    return cell


_NUMBERS: Final = frozenset({"bpm", "skin_temp", "steps"})


def _example(folder: Path) -> None:
    home = folder / "anna" / "App Data"
    home.mkdir(parents=True)
    series = '{""interval"": 300.0, ""items"": [null, 55.0, 54.0], ""timestamp"": ""%s""}'
    start = "2024-04-30T23:10:00.000+02:00"
    (home / "sleepmodel.csv").write_text(
        "id;bedtime_start;heart_rate;hrv;sleep_phase_5_min;type\n"
        f'a1;{start};"{series % start}";"{series % start}";42213;long_sleep\n',
        encoding="utf-8",
    )
    (home / "heartrate.csv").write_text(
        "timestamp;bpm;source\n2024-05-01T06:00:00.000Z;61;awake\n", encoding="utf-8"
    )
    (home / "sleep.json").write_text(
        '{"data": [{"bedtime_start": "2024-04-30T23:10:00+02:00", "sleep_phase_5_min": "4421"}]}',
        encoding="utf-8",
    )


SOURCE = Source(
    name=NAME,
    title="Oura ring",
    formats=(
        "<id>/App Data/{sleepmodel,heartrate,temperature,dailyactivity}.csv",
        "<id>/*.json of the export or the API",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
