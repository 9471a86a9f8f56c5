"""AWARE: one CSV a phone sensor, by the columns of AWARE's own tables (and niimpy's names)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Final

import pyarrow as pa

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject, Samples
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.phone_people import WHO, names_people, owner
from euthymia.sources.shapes import codes, hashed, samples
from euthymia.sources.table import Chunk, Layout, fits, read_table

STANDARD_GRAVITY: Final = 9.80665  # m/s2; Android's accelerometer writes m/s2
SYSTEM: Final = device_id("aware", "").system
_TIME: Final = Column("time", ("timestamp", "time"), Kind.EPOCH)
_CALLS: Final = {"1": 1, "2": 2, "3": 3, "incoming": 1, "outgoing": 2, "missed": 3}
_MESSAGES: Final = {"1": 1, "2": 2, "incoming": 1, "outgoing": 2, "received": 1, "sent": 2}


@dataclass(frozen=True, slots=True)
class _Sensor:
    """One AWARE table: the columns that tell it from others, and the stream they become.

    Columns of kind CHOICE become codes, those in `secret` keyed hashes, the others stay numbers
    (divided by `per_unit`). `names` are file names that say the sensor and not the person.
    """

    stream: str
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    secret: frozenset[str] = frozenset()
    per_unit: Mapping[str, float] = field(default_factory=dict)


def _extra(name: str, *aliases: str) -> Column:
    return Column(name, aliases, required=False, nullable=True)


_CONTACT: Final = Column("contact", ("trace",), Kind.TEXT, required=False, nullable=True)


def _byte(name: str, alias: str, *, required: bool = True, nullable: bool = False) -> Column:
    return Column(name, (alias,), Kind.WHOLE, required, nullable, low=-128, high=127)


_SENSORS: Final = (
    _Sensor("screen", (_byte("state", "screen_status"),), ("screen",)),
    _Sensor(
        "battery",
        (
            Column("level", ("battery_level",)),
            _byte("status", "battery_status", required=False, nullable=True),
        ),
        ("battery",),
    ),
    _Sensor(
        "calls",
        (
            Column("direction", ("call_type",), Kind.CHOICE, choices=_CALLS),
            Column("duration", ("call_duration",)),
            _CONTACT,
        ),
        ("calls", "call"),
        frozenset({"contact"}),
    ),
    _Sensor(
        "messages",
        (Column("direction", ("message_type",), Kind.CHOICE, choices=_MESSAGES), _CONTACT),
        ("messages", "message", "sms"),
        frozenset({"contact"}),
    ),
    _Sensor(
        "audio_level",
        (
            _byte("silent", "is_silent", nullable=True),
            Column("level", ("double_decibels",), nullable=True),
            _extra("frequency", "double_frequency"),
        ),
        ("audio", "ambient_noise", "plugin_ambient_noise"),
    ),
    _Sensor(
        "notifications",
        (Column("app", ("package_name",), Kind.TEXT),),
        ("notifications", "applications_notifications"),
        frozenset({"app"}),
    ),
    _Sensor(
        "location",
        (
            Column("latitude", ("double_latitude",)),
            Column("longitude", ("double_longitude",)),
            _extra("accuracy", "accuracy"),
            _extra("altitude", "double_altitude"),
            _extra("speed", "double_speed"),
        ),
        ("locations", "location", "gps"),
    ),
    _Sensor(
        "accelerometer",
        tuple(Column(axis, (f"double_values_{i}",)) for i, axis in enumerate("xyz")),
        ("accelerometer",),
        per_unit=dict.fromkeys("xyz", STANDARD_GRAVITY),
    ),
)
_SENSOR_NAMES: Final = frozenset(name for sensor in _SENSORS for name in sensor.names)


def _sensor(head: bytes) -> _Sensor | None:
    return next((s for s in _SENSORS if fits(Layout((_TIME, *s.columns)), head)), None)


def _recognise(_path: PurePath, head: bytes) -> float:
    return 0.9 if _sensor(head) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    head = opened.blob.head()
    sensor = _sensor(head)
    if sensor is None:
        yield Reject(1, "the columns are not those of an AWARE sensor")
        return
    who = (WHO,) if names_people(head) and not opened.context.subject else ()
    for found in read_table(opened, Layout((_TIME, *who, *sensor.columns))):
        yield found if isinstance(found, Reject) else _samples(found, sensor, opened)


def _samples(chunk: Chunk, sensor: _Sensor, opened: Opened) -> Samples:
    fields: dict[str, Any] = {}
    for column in sensor.columns:
        if column.name not in chunk.columns:
            continue
        cells: pa.Array = chunk.columns[column.name]
        if column.kind is Kind.CHOICE:
            fields[column.name] = codes(cells, column.choices)
        elif column.name in sensor.secret:
            fields[column.name] = hashed(cells, opened.context.hasher)
        elif column.name in sensor.per_unit:
            fields[column.name] = chunk.floats(column.name) / sensor.per_unit[column.name]
        else:
            fields[column.name] = cells
    subject = owner(chunk, opened, _SENSOR_NAMES)
    return samples(SYSTEM, sensor.stream, subject, chunk.rows, chunk.times("time"), **fields)


def _example(folder: Path) -> None:
    start = 1_714_557_600_000
    texts = {
        "screen": "screen_status\n"
        + "".join(f"{i},{start + i * 1000},d1,{i % 4}\n" for i in range(8)),
        "battery": f"battery_level,battery_status\n1,{start},d1,80,3\n2,{start + 9},d1,79,3\n",
        "calls": f"call_type,call_duration,trace\n1,{start},d1,1,61,a\n2,{start + 9},d1,3,0,a\n",
        "locations": (
            "double_latitude,double_longitude,accuracy\n"
            f"1,{start},d1,52.5,13.4,12\n2,{start + 60_000},d1,52.51,13.41,\n"
        ),
        "notifications": f"package_name\n1,{start},d1,org.example.mail\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text("_id,timestamp,device_id," + text, encoding="utf-8")


SOURCE = Source(
    name="aware",
    title="AWARE phone sensing",
    formats=("<id>/{screen,battery,calls,messages,locations,...}.csv", "<id>.csv"),
    recognise=_recognise,
    read=_read,
    example=_example,
    headers=tuple(
        (_TIME.aliases[0], *(c.aliases[0] for c in s.columns if c.required)) for s in _SENSORS
    ),
)
