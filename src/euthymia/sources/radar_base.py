"""RADAR-base: hourly files of a topic, as CSV with flattened names or as Avro containers.

`<project>/<user>/<topic>/YYYYMMDD_HH00.csv.gz` or `<topic>/<user>/YYYYMMDD_HH00.csv.gz`: the
columns are `key.userId`, `key.sourceId`, `value.time` [s] and those of the topic.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np

from euthymia.ground.errors import SourceError
from euthymia.ground.records import Item, Reject
from euthymia.sources.avro import MAGIC, Broken, records, schema_of
from euthymia.sources.avro_example import write_avro
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Part, Source
from euthymia.sources.radar_questionnaires import (
    answer_places,
    csv_answers,
    is_questionnaire,
    record_answers,
)
from euthymia.sources.radar_topics import TOPICS, Topic, names_topic, topic_named
from euthymia.sources.recorded import Recorded
from euthymia.sources.table import Layout, header_of, read_table, rows_of
from euthymia.sources.typed_cells import read_rows

_USER: Final = Column("who", ("key.userId",), Kind.TEXT)
_HOURLY: Final = re.compile(r"\d{8}(_\d{2,4}){0,2}\.(csv|avro)", re.IGNORECASE)
BATCH: Final = 20_000
_NO_STREAM: Final = "nothing is kept of this topic"


def _topic_of(path: PurePath) -> Topic | None:
    return next((t for t in map(topic_named, reversed(path.parent.parts)) if t), None)


def _value_record(schema: object) -> str:
    """Return the name of the record that a container's values are of."""
    try:
        fields = {f["name"]: f["type"] for f in schema["fields"]}  # type: ignore[index]
        value = fields.get("value", schema)
        return str(value["name"]).rpartition(".")[2]
    except (KeyError, TypeError, AttributeError):
        return ""


def _recognise(path: PurePath, head: bytes) -> float:
    if head.startswith(MAGIC):
        return 0.9 if b'"userId"' in head or topic_named(_value_record(schema_of(head))) else 0.1
    header = header_of(head)
    known = "key.userId" in header and any(name.startswith("value.") for name in header)
    return 0.9 if known and path.suffix.lower() == ".csv" else 0.0


def _group(path: PurePath) -> str | None:
    return f"{path.parent}/{path.suffix.lower()}" if _HOURLY.fullmatch(path.name) else None


def _read(opened: Opened) -> Iterator[Item]:
    heads = [part.blob.head() for part in opened.parts]
    if any(head.startswith(MAGIC) for head in heads):
        yield from _read_avro(opened)
        return
    header = next((h for h in map(header_of, heads) if "key.userId" in h), ())
    topic = _topic_of(opened.path)
    if topic is None and not any(map(names_topic, opened.path.parent.parts)):
        topic = _by_columns(header)
    if answer_places(header):
        yield from csv_answers(opened)
    elif topic is None:
        yield Reject(1, _NO_STREAM, rows_of(opened))
    else:
        yield from _read_csv(opened, topic)


def _by_columns(header: Sequence[str]) -> Topic | None:
    """Return the only topic whose columns are all there; x, y and z alone say nothing."""
    names = {name.removeprefix("value.") for name in header}
    fitting = [
        topic
        for topic in TOPICS
        if topic.columns
        and all(c.aliases[0] in names for c in (topic.time, *topic.columns) if c.required)
    ]
    streams = {topic.stream for topic in fitting}
    return max(fitting, key=lambda t: len(t.columns)) if len(streams) == 1 else None


def _flat(column: Column) -> Column:
    return replace(column, aliases=tuple(f"value.{alias}" for alias in column.aliases))


def _read_csv(opened: Opened, topic: Topic) -> Iterator[Item]:
    columns = (_USER, _flat(topic.time), *map(_flat, topic.columns))
    for found in read_table(opened, Layout(columns)):
        if isinstance(found, Reject):
            yield found
        else:
            who = opened.context.subject or found.columns["who"]
            yield from topic.items(found, who, opened.context)


# -- Avro ------------------------------------------------------------------------------------------


def _read_avro(opened: Opened) -> Iterator[Item]:
    row = 1
    for part in opened.parts:
        for item in _part(part, opened, row):
            yield item
            row = max(row, _after(item))


def _after(item: Item) -> int:
    if isinstance(item, Reject):
        return item.row + item.rows
    table = getattr(item, "table", None)
    return 0 if table is None else int(np.max(table.column("row").to_numpy())) + 1


def _part(part: Part, opened: Opened, row: int) -> Iterator[Item]:
    name = _value_record(schema_of(part.blob.head(1 << 20)))
    topic = topic_named(name) or _topic_of(part.path)
    try:
        if is_questionnaire(name):
            yield from _questionnaires(part, opened, row)
        elif topic is None:
            count = sum(r.rows if isinstance(r, Broken) else 1 for r in records(part.blob))
            yield Reject(row, _NO_STREAM, max(count, 1))
        else:
            yield from _topic_records(part, opened, topic, row)
    except _PartError as problem:
        yield Reject(problem.row, f"{part.path.name}: {problem}")
    except SourceError as problem:
        yield Reject(row, f"{part.path.name}: {problem}")


class _PartError(Exception):
    def __init__(self, row: int, problem: SourceError) -> None:
        super().__init__(str(problem))
        self.row = row


def _batches(part: Part, row: int) -> Iterator[tuple[int, list[Mapping[str, Any]], Broken | None]]:
    """Yield records in batches, each with the number of its first, and what follows it."""
    batch: list[Mapping[str, Any]] = []
    try:
        for record in records(part.blob):
            broken = record if isinstance(record, Broken) else None
            if broken is None:
                batch.append(record if isinstance(record, dict) else {})
            if broken is not None or len(batch) >= BATCH:
                yield row, batch, broken
                row += len(batch) + (broken.rows if broken else 0)
                batch = []
    except SourceError as problem:
        if batch:
            yield row, batch, None
        raise _PartError(row + len(batch), problem) from problem
    if batch:
        yield row, batch, None


def _sides(record: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    key, value = record.get("key"), record.get("value", record)
    return (
        key if isinstance(key, dict) else {},
        value if isinstance(value, dict) else {},
    )


def _topic_records(part: Part, opened: Opened, topic: Topic, row: int) -> Iterator[Item]:
    columns = (_USER, topic.time, *topic.columns)
    for first, batch, broken in _batches(part, row):
        rows = []
        for record in batch:
            key, value = _sides(record)
            user = opened.context.subject or key.get("userId")
            rows.append((user, *(value.get(c.aliases[0]) for c in columns[1:])))
        for found in read_rows(rows, columns, first, f"{part.path.name}: record"):
            if isinstance(found, Reject):
                yield found
            else:
                yield from topic.items(found, found.columns["who"], opened.context)
        if broken is not None:
            yield Reject(first + len(batch), f"{part.path.name}: {broken.reason}", broken.rows)


def _questionnaires(part: Part, opened: Opened, row: int) -> Iterator[Item]:
    out = Recorded(SOURCE.name, "record", row=row - 1)
    for first, batch, broken in _batches(part, row):
        out.row = first - 1
        for record in batch:
            key, value = _sides(record)
            record_answers(out, opened.context.subject or key.get("userId"), value)
        yield from out.flush()
        if broken is not None:
            yield Reject(first + len(batch), f"{part.path.name}: {broken.reason}", broken.rows)


# -- example ---------------------------------------------------------------------------------------


def _example(folder: Path) -> None:
    texts = {
        "android_phone_acceleration": "x,y,z\n{}0.01,-0.02,0.98\n{}0.02,0.01,0.99\n",
        "android_phone_battery_level": "batteryLevel,isPlugged,status\n{}0.81,false,DISCHARGING\n",
        "android_phone_user_interaction": "interactionState\n{}UNLOCKED\n{}STANDBY\n",
        "questionnaire_esm": "timeCompleted,name,version,answers.0.questionId,answers.0.value,"
        "answers.0.startTime,answers.0.endTime\n{}1714557660.5,ESM,1,esm_mood,5,1.7145576E9,"
        "1.714557601E9\n",
    }
    for topic, text in texts.items():
        head, *lines = text.strip().split("\n")
        names = ",".join(f"value.{name}" for name in head.split(","))
        key = "key.projectId,key.userId,key.sourceId,value.time,value.timeReceived,"
        rows = [
            line.format(f"demo,r1,s1,{1714557600.25 + i},{1714557601 + i},")
            for i, line in enumerate(lines)
        ]
        path = folder / topic / "r1" / "20240501_1000.csv"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join([key + names, *rows]) + "\n", encoding="utf-8")
    key_type = {
        "type": "record",
        "name": "ObservationKey",
        "namespace": "org.radarcns.kafka",
        "fields": [{"name": name, "type": "string"} for name in ("userId", "sourceId")],
    }
    value_type = {
        "type": "record",
        "name": "PhoneLight",
        "namespace": "org.radarcns.passive.phone",
        "fields": [
            *({"name": name, "type": "double"} for name in ("time", "timeReceived")),
            {"name": "light", "type": "float"},
        ],
    }
    schema = {
        "type": "record",
        "name": "Pair",
        "fields": [{"name": "key", "type": key_type}, {"name": "value", "type": value_type}],
    }
    made = [
        {
            "key": {"userId": "r1", "sourceId": "s1"},
            "value": {"time": 1714557600.5 + i, "timeReceived": 1714557602.0, "light": 20.0 * i},
        }
        for i in range(3)
    ]
    write_avro(folder / "light.avro", schema, made)


SOURCE = Source(
    name="radar_base",
    title="RADAR-base",
    formats=(
        "<project>/<user>/<topic>/YYYYMMDD_HH00.csv[.gz]",
        "<topic>/<user>/YYYYMMDD_HH00.csv[.gz]",
        "*.avro of a topic",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    group=_group,
    headers=(("key.userId", "key.sourceId", "value.time", "value.timeReceived"),),
)
