"""Fitbit's Web API: its answers in JSON files, or in the `fitbit_data` column of RAPIDS' tables.

An answer holds days of heart rate (`activities-heart`, `activities-heart-intraday`), of steps
(`activities-steps`, `activities-steps-intraday`), sleeps (`sleep`), or what `fitbit_vitals` reads.
Its times are the clock on the person's wall. Zones, calories and sums of a day are counted, not
kept.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.ground.errors import SourceError
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import person_of
from euthymia.sources.fitbit_sleep import RESTING, sleep_of
from euthymia.sources.fitbit_vitals import NAMES, is_vitals, vitals_of
from euthymia.sources.gather import Gather, reading
from euthymia.sources.json_stream import begins_json, elements
from euthymia.sources.json_tree import (
    Node,
    ShapeError,
    decode,
    node,
    nodes,
    number,
    text,
    whole_node,
)
from euthymia.sources.table import Layout, fits, read_table
from euthymia.sources.wall_clock import to_instants

NAME: Final = "fitbit_api"
_HEART, _STEPS, _SLEEP = "activities-heart", "activities-steps", "sleep"
_INTRADAY: Final = "-intraday"
_STREAMS: Final = {_HEART: ("heart_rate", "rate"), _STEPS: ("steps", "steps")}
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600}
_DAY_S: Final = 86_400
_MOST: Final = 100_000
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)", re.ASCII)
_SUMS: Final = "a sum or a zone of a day: its minutes are what is kept"
_LAYOUT: Final = Layout(
    (Column("who", ("device_id",), Kind.TEXT), Column("answer", ("fitbit_data",), Kind.TEXT))
)


_Take = Callable[[Node, Gather, Opened], None]


def _recognise(path: PurePath, head: bytes) -> float:
    if fits(_LAYOUT, head):
        return 0.9
    if path.suffix.lower() != ".json" or not begins_json(head):
        return 0.0
    days = b'"activities-heart' in head or b'"activities-steps' in head or is_vitals(head)
    slept = b'"dateOfSleep"' in head and b'"sleep"' in head
    return 0.92 if days or slept else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, person_of(opened))
    steps = _table if fits(_LAYOUT, opened.blob.head()) else _file
    yield from reading(gather, lambda: steps(opened, gather))


def _file(opened: Opened, gather: Gather) -> Iterator[None]:
    """Take in a file of one answer, or of a list of them."""
    whole: Node = {}  # of one answer its lists come apart
    for element in elements(opened.blob):
        if element.key is None:
            _kept(element.value, gather, opened, element.place)
        elif element.key == _SLEEP or element.key in NAMES:
            _kept({element.key: [element.value]}, gather, opened, element.place)
        elif element.key in {_HEART, _STEPS, "minutes"}:
            whole.setdefault(element.key, []).append(element.value)
        else:
            whole[element.key] = element.value
        yield
    if whole:
        _kept(whole, gather, opened, "")


def _table(opened: Opened, gather: Gather) -> Iterator[None]:
    """Take in a table of answers of many people."""
    for found in read_table(opened, _LAYOUT):
        if isinstance(found, Reject):
            gather.refuse(found.reason, "", found.rows)
            continue
        names = found.columns["who"].to_pylist()
        answers = found.columns["answer"].to_pylist()
        for row, who, answer in zip(found.rows.tolist(), names, answers, strict=True):
            gather.who = opened.context.subject or who  # what is kept is given its person at once
            try:
                value = decode(answer.encode())
            except SourceError:
                gather.refuse("fitbit_data is not JSON", f"row {row}")
            else:
                _kept(value, gather, opened, f"row {row}")
            yield


def _kept(value: object, gather: Gather, opened: Opened, place: str) -> None:
    """Take in one answer; a part of it that cannot be read is refused, the others are kept."""
    before = gather.rows
    try:
        answer = whole_node(value)
        parts: list[tuple[_Take, Node]] = [(_resting, day) for day in nodes(answer, _HEART)]
        parts += [(sleep_of, sleep) for sleep in nodes(answer, _SLEEP)]
        parts += vitals_of(answer)
        parts += [(_minutes, answer)] * any(name + _INTRADAY in answer for name in _STREAMS)
    except ShapeError as problem:
        gather.refuse(str(problem), place)
        return
    refused = False
    for take, part in parts:
        try:
            take(part, gather, opened)
        except ShapeError as problem:
            gather.refuse(str(problem), place)
            refused = True
    left = all(take not in {_resting, sleep_of, _minutes} for take, _ in parts) and parts
    if gather.rows == before and not refused and not left:
        gather.leave(_SUMS)


def _resting(day: Node, gather: Gather, opened: Opened) -> None:
    """Keep the resting heart rate of a day, where there is one."""
    value = day.get("value")  # in answers by the time of day it is a mean, as text
    rate = number(value, "restingHeartRate") if isinstance(value, dict) else None
    if rate:
        at = to_instants(
            np.array([_midnight(day)], np.int64), opened.context.zone_for(gather.subject)
        )
        gather.fact(RESTING, int(at[0]), rate, "/min")


def _minutes(answer: Node, gather: Gather, opened: Opened) -> None:
    """Keep a day's heart rates and steps; their date stands beside them."""
    for name, (stream, field) in _STREAMS.items():
        found = node(answer, name + _INTRADAY)
        if found is None:
            continue
        days = nodes(answer, name)
        if len(days) != 1:
            raise ShapeError(f"{name}{_INTRADAY} needs one day of {name}, which has its date")
        rows = nodes(found, "dataset")
        if not rows:
            continue
        start = _midnight(days[0])
        wall = np.array([start + _second(row) * SECOND_US for row in rows], np.int64)
        values = np.array([_count(row) for row in rows])
        also = {}
        if stream == "steps":
            values = values.astype(np.int32)
            also["period"] = np.full(len(rows), _period(found), np.float32)
        zone = opened.context.zone_for(gather.subject)
        at = to_instants(wall, zone, follows=True)
        gather.stretch(stream, at, **{field: values}, **also)


def _midnight(day: Node) -> int:
    """Return the beginning of a day on the wall [us]."""
    try:
        return to_micros(
            datetime.strptime(text(day, "dateTime") or "", "%Y-%m-%d").replace(tzinfo=UTC)
        )
    except ValueError:
        raise ShapeError("dateTime is not YYYY-MM-DD") from None


def _second(row: Node) -> int:
    found = _CLOCK.fullmatch(text(row, "time") or "")
    if not found:
        raise ShapeError("time is not hh:mm:ss")
    hour, minute, second = map(int, found.groups())
    return hour * 3600 + minute * 60 + second


def _count(row: Node) -> float:
    value = number(row, "value")
    if value is None or not 0 <= value <= _MOST:
        raise ShapeError("value is not a heart rate or a number of steps")
    return value


def _period(found: Node) -> float:
    """Return how many seconds a sum of steps is over."""
    kind, every = text(found, "datasetType") or "minute", number(found, "datasetInterval") or 1
    if kind not in _SECONDS or not 1 <= every <= _DAY_S:
        raise ShapeError("datasetType is not second, minute or hour")
    return every * _SECONDS[kind]


def _example(folder: Path) -> None:
    home = folder / "anna"
    home.mkdir()
    (home / "heart.json").write_text(
        '{"activities-heart": [{"dateTime": "2020-10-07", "value": {"restingHeartRate": 72}}],'
        ' "activities-heart-intraday": {"dataset": [{"time": "00:00:00", "value": 68},'
        ' {"time": "00:01:00", "value": 67}], "datasetInterval": 1, "datasetType": "minute"}}\n',
        encoding="utf-8",
    )
    steps = (
        '{""activities-steps"": [{""dateTime"": ""2020-10-07"", ""value"": ""5""}],'
        ' ""activities-steps-intraday"": {""dataset"": [{""time"": ""09:00:00"", ""value"": 5}],'
        ' ""datasetInterval"": 1, ""datasetType"": ""minute""}}'
    )
    (folder / "fitbit_steps.csv").write_text(
        f'device_id,fitbit_data\na748ee1a,"{steps}"\n', encoding="utf-8"
    )


SOURCE = Source(
    name=NAME,
    title="Fitbit's Web API",
    formats=(
        "<id>/**/*.json of the Web API: heart rate, steps, sleep, RMSSD, SpO2, ECG",
        "RAPIDS' *.csv with device_id, fitbit_data",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
    headers=(("fitbit_data",),),
)
