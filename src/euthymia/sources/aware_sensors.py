"""AWARE's tables: which columns each has, and what a stretch of it becomes.

Names are those of AWARE's own databases; RAPIDS exports the same columns under
`phone_<sensor>_raw.csv`, niimpy under its own names.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Samples
from euthymia.sources.aware_answers import ANSWER_COLUMNS, answers
from euthymia.sources.aware_events import battery_spans, conversations, key_presses, zones
from euthymia.sources.aware_iphone import activities, battery_codes, calls
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Context
from euthymia.sources.motion import AXES, in_degrees, in_g
from euthymia.sources.phone_people import Owner, owned
from euthymia.sources.shapes import codes, hashed, samples
from euthymia.sources.table import Chunk

SYSTEM: Final = device_id("aware", "").system
TIME: Final = Column("time", ("timestamp", "time"), Kind.EPOCH)
_CALLS: Final = {"1": 1, "2": 2, "3": 3, "4": 4, "incoming": 1, "outgoing": 2, "missed": 3}
_MESSAGES: Final = {"1": 1, "2": 2, "incoming": 1, "outgoing": 2, "received": 1, "sent": 2}
_ANDROID_ACTIVITY: Final = {
    "in_vehicle": 5,
    "on_bicycle": 4,
    "on_foot": 6,
    "still": 0,
    "unknown": 3,
    "tilting": 7,
    "walking": 1,
    "running": 2,
}

Turn = Callable[[dict[str, Any], Any], dict[str, Any]]
"""Turns axes, and when they were measured, into our unit."""
Make = Callable[[Chunk, pa.Array | str, Context], Iterator[Item]]
"""Turns rows of a table, and whose they are, into items."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """One AWARE table: the columns that tell it from others, and the stream they become.

    Columns of kind CHOICE become codes, those in `secret` keyed hashes, the others stay numbers.
    `names` are tables' and files' names. `fixed` fields are the same in each row. A sensor with
    `make` turns its rows into items by itself.
    """

    stream: str
    columns: tuple[Column, ...]
    names: tuple[str, ...]
    secret: frozenset[str] = frozenset()
    fixed: Mapping[str, int] = field(default_factory=dict)
    axes: Turn | None = None
    make: Make | None = None

    def items(self, chunk: Chunk, who: pa.Array | str, context: Context) -> Iterator[Item]:
        """Yield what a stretch of rows becomes."""
        if self.make is not None:
            yield from self.make(chunk, who, context)
            return
        fields: dict[str, Any] = {}
        for column in self.columns:
            if column.name not in chunk.columns:
                continue
            cells: pa.Array = chunk.columns[column.name]
            if column.kind is Kind.CHOICE:
                fields[column.name] = codes(cells, column.choices)
            elif column.name in self.secret:
                fields[column.name] = hashed(cells, context.hasher)
            else:
                fields[column.name] = cells
        if "strength" in fields:  # an iPhone writes 0 for one that it cannot tell
            strength = chunk.floats("strength")
            fields["strength"] = np.where(strength == 0, np.nan, strength)
        if self.axes is not None:
            fields |= _of_each(self.axes, chunk, who)
        for name, value in self.fixed.items():
            fields[name] = np.full(len(chunk.rows), value, np.int8)
        time_us = chunk.times("time")
        yield samples(SYSTEM, self.stream, who, chunk.rows, time_us, **fields)


def _of_each(turn: Turn, chunk: Chunk, who: Owner) -> dict[str, Any]:
    """Turn each person's axes by themselves: one has an iPhone (g), another an Android (m/s2)."""
    axes, time_us = {name: chunk.floats(name) for name in AXES}, chunk.times("time")
    turned = {name: np.empty_like(values) for name, values in axes.items()}
    for _, mask in owned(who, len(time_us)):
        own = turn({name: values[mask] for name, values in axes.items()}, time_us[mask])
        for name, values in own.items():
            turned[name][mask] = values
    return turned


def _extra(name: str, *aliases: str) -> Column:
    return Column(name, aliases, required=False, nullable=True)


def _byte(name: str, alias: str, *, required: bool = True, nullable: bool = False) -> Column:
    return Column(name, (alias,), Kind.WHOLE, required, nullable, low=-128, high=127)


def _axes(*names: str) -> tuple[Column, ...]:
    return tuple(Column(axis, (name,)) for axis, name in zip(AXES, names, strict=True))


def _secret(name: str, alias: str) -> Column:
    return Column(name, (alias,), Kind.TEXT)


def _activity(alias: str, choices: Mapping[str, int]) -> tuple[Column, ...]:
    return (Column("activity", (alias,), Kind.CHOICE, choices=choices),)


def _moved(chunk: Chunk, who: pa.Array | str, _: Context) -> Iterator[Samples]:
    """Yield what a pedometer counted from `timestamp` to `end_timestamp`."""
    start, end = chunk.times("time"), chunk.times("end")
    period = np.clip((end - start) / 1e6, 0, 86400)
    yield samples(
        *(SYSTEM, "steps", who, chunk.rows, start),
        steps=pc.cast(chunk.columns["steps"], pa.int32()),
        period=period,
    )


def _charged(chunk: Chunk, who: pa.Array | str, _: Context) -> Iterator[Samples]:
    """Yield the battery's level [%]: Android counts it on the scale that stands beside it."""
    level = chunk.floats("level")
    if "scale" in chunk.columns:
        scale = chunk.floats("scale")
        told = np.isfinite(scale) & (scale > 0)
        level = np.where(told, level * 100 / np.where(told, scale, 1), level)
    for name, mask in owned(who, len(chunk.rows)):
        own, charge = chunk.of(mask), level[mask]
        status = own.columns.get("status")
        yield samples(
            *(SYSTEM, "battery", name, own.rows, own.times("time")),
            level=charge,
            status=None if status is None else battery_codes(status, charge),
        )


def _called(chunk: Chunk, who: pa.Array | str, context: Context) -> Iterator[Item]:
    """Yield calls: `call_type` is a word or a number, and means other things on iPhones."""
    direction = codes(chunk.columns["direction"], _CALLS).cast(pa.float64())
    yield from calls(Chunk(chunk.rows, {**chunk.columns, "direction": direction}), who, context)


_CONTACT: Final = Column("contact", ("trace",), Kind.TEXT, required=False, nullable=True)
_APP: Final = _secret("app", "package_name")
_STEPS: Final = Column("steps", ("number_of_steps",), Kind.WHOLE, low=0, high=2**31 - 1)
_AUDIO: Final = (
    _byte("silent", "is_silent", nullable=True),
    Column("level", ("double_decibels",), nullable=True),
    _extra("frequency", "double_frequency"),
)
_PLACE: Final = (
    Column("latitude", ("double_latitude",)),
    Column("longitude", ("double_longitude",)),
    _extra("accuracy", "accuracy"),
    _extra("altitude", "double_altitude"),
    _extra("speed", "double_speed"),
)
_BATTERY: Final = (
    Column("level", ("battery_level",)),
    _byte("status", "battery_status", required=False, nullable=True),
    _extra("scale", "battery_scale"),
)
_SPAN: Final = (
    Column("start", ("battery_start",), low=0, high=100),
    Column("level", ("battery_end",), low=0, high=100),
    Column("end", ("double_end_timestamp",), Kind.EPOCH),
)
_KEYS: Final = (
    _APP,
    Column("before", ("before_text",), Kind.TEXT, nullable=True),
    Column("after", ("current_text",), Kind.TEXT, nullable=True),
)
_TURNED: Final = tuple(
    Column(axis, (f"axis_{axis}", f"double_values_{i}")) for i, axis in enumerate(AXES)
)
_VOICE: Final = (
    _byte("kind", "datatype"),
    _byte("heard", "inference", nullable=True),
    Column("start", ("double_convo_start",), nullable=True, low=0, high=4e12),
    Column("end", ("double_convo_end",), nullable=True, low=0, high=4e12),
)
_CALL: Final = (
    Column("direction", ("call_type",), Kind.CHOICE, choices=_CALLS),
    Column("duration", ("call_duration",)),
    _CONTACT,
)
_MESSAGE: Final = (
    Column("direction", ("message_type",), Kind.CHOICE, choices=_MESSAGES),
    _CONTACT,
)

# The first that fits is taken where a file's name does not say which sensor it is, so a table
# whose columns are a part of another's stands after it.
SENSORS: Final = (
    Sensor("screen", (_byte("state", "screen_status"),), ("screen",)),
    Sensor(
        *("battery", _SPAN, ("battery_charges", "battery_discharges")),
        make=lambda chunk, who, _: battery_spans(chunk, who),
    ),
    Sensor("battery", _BATTERY, ("battery",), make=_charged),
    Sensor("calls", _CALL, ("calls", "call"), make=_called),
    Sensor("messages", _MESSAGE, ("messages", "message", "sms"), frozenset({"contact"})),
    Sensor("audio_level", _AUDIO, ("audio", "ambient_noise", "plugin_ambient_noise")),
    Sensor(
        *("conversation", _VOICE),
        ("conversation", "plugin_studentlife_audio_android", "plugin_studentlife_audio"),
        make=lambda chunk, who, _: conversations(chunk, who),
    ),
    Sensor(
        *("typing", _KEYS, ("keyboard",)),
        make=lambda chunk, who, _: key_presses(chunk, who),
    ),
    Sensor(
        *("notifications", (_APP,), ("notifications", "applications_notifications")),
        secret=frozenset({"app"}),
    ),
    Sensor(
        *("app_use", (_APP,), ("applications_foreground",)),
        secret=frozenset({"app"}),
    ),
    Sensor("location", _PLACE, ("locations", "location", "gps")),
    Sensor(
        *("accelerometer", _axes(*(f"double_values_{i}" for i in range(3))), ("accelerometer",)),
        axes=in_g,
    ),
    Sensor(
        *("gyroscope", _TURNED, ("gyroscope",)),
        axes=lambda axes, _: in_degrees(axes),
    ),
    Sensor("light", (Column("level", ("double_light_lux",)),), ("light",)),
    Sensor(
        "proximity",
        (_secret("device", "bt_address"), _extra("strength", "bt_rssi")),
        ("bluetooth",),
        frozenset({"device"}),
        {"kind": 1},
    ),
    Sensor(
        "proximity",
        (_secret("device", "bssid"), Column("strength", ("rssi",), nullable=True)),
        ("wifi", "wifi_visible"),
        frozenset({"device"}),
        {"kind": 2},
    ),
    Sensor(
        "activity_class",
        _activity("activity_name", _ANDROID_ACTIVITY),
        ("activity_recognition", "plugin_google_activity_recognition", "google_ar"),
    ),
    Sensor(
        "activity_class",
        (Column("activity", ("activities",), Kind.TEXT, nullable=True),),
        ("plugin_ios_activity_recognition", "ios_activity_recognition"),
        make=activities,
    ),
    Sensor(
        *("momentary_answers", ANSWER_COLUMNS, ("esms", "plugin_ios_esm", "ios_esm", "esm")),
        make=answers,
    ),
    Sensor(
        *("steps", (_STEPS, Column("end", ("end_timestamp",), Kind.EPOCH))),
        ("plugin_ios_pedometer", "pedometer"),
        make=_moved,
    ),
    Sensor("", (_secret("zone", "timezone"),), ("timezone",), make=zones),
)
SENSOR_NAMES: Final = frozenset(name for sensor in SENSORS for name in sensor.names)

# fmt: off
_NO_STREAM: Final = frozenset({
    "linear_accelerometer", "gravity", "magnetometer", "rotation", "sensor_accelerometer",
    "sensor_gyroscope", "sensor_light", "sensor_bluetooth", "sensor_wifi",
    "applications_history", "applications_crashes", "aware_device", "aware_log",
    "aware_plugins", "aware_settings", "aware_studies", "barometer", "temperature", "processor",
    "proximity", "network", "network_traffic", "telephony", "gsm", "gsm_neighbor", "cdma",
    "touch", "significant_motion", "installations", "mqtt_messages", "mqtt_subscriptions",
    "scheduler", "plugin_device_usage", "websocket", "topics",
})
# fmt: on
"""Tables of AWARE that hold nothing the clinic keeps, or whose columns look like another's."""

_LOOK_ALIKE: Final = (
    *("linear_accelerometer", "linearaccelerometer", "gravity", "magnetometer", "rotation"),
    *("applications_history", "applications_crashes", "sensor_wifi", "sensor_bluetooth"),
)
_OF_NOTIFICATIONS: Final = frozenset(("text", "sound", "vibrate", "defaults", "flags"))
_PUT_AROUND: Final = re.compile(
    r"(?:phone_|aware(?!_))?(?P<sensor>.+?)(?:_raw|_with_datetime)?", re.IGNORECASE
)


def plain_name(name: str) -> str:
    """Return a table's name without what RAPIDS or niimpy (AwareScreen) puts around it."""
    found = _PUT_AROUND.fullmatch(name)
    return (found["sensor"] if found else name).lower()


def known_without_stream(name: str) -> bool:
    """Tell whether AWARE has a table of this name, which holds nothing that is kept."""
    return plain_name(name) in _NO_STREAM


def names_look_alike(stem: str) -> bool:
    """Tell whether a file is named after a table without a stream that looks like one with it."""
    return any(name in stem for name in _LOOK_ALIKE)


def looks_alike(sensor: Sensor) -> bool:
    """Tell whether tables of other sensors have the columns of this one."""
    return sensor.columns == (_APP,) or sensor.axes is not None


def app_table(fitting: Sequence[Sensor], header: Collection[str]) -> Sensor | None:
    """Return the first sensor that fits; of a table of apps, the one that its columns tell."""
    if not fitting or fitting[0].columns != (_APP,):
        return fitting[0] if fitting else None
    told = _OF_NOTIFICATIONS & set(header)
    opened = "is_system_app" in header and "process_importance" not in header
    stream = "notifications" if told and not opened else "app_use" if opened and not told else ""
    return next((sensor for sensor in fitting if sensor.stream == stream), None)


def sensor_named(name: str) -> Sensor | None:
    """Return the sensor of a table or a file of this name."""
    plain = plain_name(name)
    return next((sensor for sensor in SENSORS if plain in sensor.names), None)
