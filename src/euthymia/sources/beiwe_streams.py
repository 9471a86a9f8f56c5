"""Beiwe's passive streams: the columns that the server writes, and what they become.

A file's folder says which stream it is; several streams have the same columns (`event`; `x,y,z`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.beiwe_logs import android_log, apple_log
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Context
from euthymia.sources.motion import AXES, in_degrees, in_g
from euthymia.sources.shapes import codes, hashed, samples
from euthymia.sources.table import Chunk, Layout

SYSTEM: Final = device_id("beiwe", "").system
TIME: Final = Column("time", ("timestamp",), Kind.EPOCH)
NOTHING_KEPT: Final = "nothing is kept of this stream"

Make = Callable[[str, Chunk, Context], Iterator[Item]]

# Event texts of the Android and the iOS app; the codes are those of our streams (AWARE's).
_SCREEN: Final = {
    "Screen turned off": 0,
    "Screen turned on": 1,
    "Locked": 2,
    "Unlocked": 3,
}
_POWER: Final = {
    "Unknown": 1,
    "Power connected": 2,
    "Charging": 2,
    "Power disconnected": 3,
    "Unplugged": 3,
    "Full": 5,
    "Device shut down signal received": -1,
    "Device reboot signal received": -2,
}
_SAVE: Final = "Power Save Mode "
_DOZE: Final = "Device Idle (Doze) state change signal received; device "
_STATES: Final = {
    f"{_SAVE}state change signal received; device in power save state.": (0, "low_power"),
    f"{_SAVE}change signal received; device in power save state.": (0, "low_power"),
    f"{_SAVE}change signal received; device not in power save state.": (1, None),
    f"{_SAVE}state change signal received; device not in power save state.": (1, None),
    f"{_DOZE}in idle state.": (0, "low_power"),
    f"{_DOZE}not in idle state.": (1, None),
    "Device shut down signal received": (0, "off"),
}
_EVENTS: Final = dict.fromkeys((*_SCREEN, *_POWER, *_STATES), 0)
_DIRECTION: Final = {"Incoming Call": 1, "Outgoing Call": 2, "Missed Call": 3}
_SENT: Final = {"received SMS": 1, "sent SMS": 2, "received MMS": 1, "sent MMS": 2}
_NETWORK: Final = {"unreachable": 0, "wifi": 1, "cellular": 1}


@dataclass(frozen=True, slots=True)
class Stream:
    """One Beiwe stream: its folder's names, its columns, and how rows become items."""

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    make: Make | None

    @property
    def layout(self) -> Layout:
        """The columns with the time in front."""
        return Layout((TIME, *self.columns))


def _location(who: str, chunk: Chunk, _: Context) -> Iterator[Item]:
    accuracy = chunk.columns.get("accuracy")
    if accuracy is not None:
        # iPhones write a negative accuracy where the position itself is not valid
        known = pc.fill_null(pc.greater_equal(accuracy, 0.0), fill_value=True)
        invalid = ~known.to_numpy(zero_copy_only=False)
        if invalid.any():
            yield from _refused(chunk.rows[invalid], "accuracy is negative: no valid position")
            chunk = chunk.of(~invalid)
    if len(chunk.rows):
        yield samples(
            *(SYSTEM, "location", who, chunk.rows, chunk.times("time")),
            latitude=chunk.floats("latitude"),
            longitude=chunk.floats("longitude"),
            altitude=chunk.columns.get("altitude"),
            accuracy=chunk.columns.get("accuracy"),
        )


def _refused(rows: NDArray[np.int64], reason: str) -> Iterator[Reject]:
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        if run.size:
            yield Reject(int(run[0]), reason, int(run.size))


def _among(cells: pa.Array, words: Mapping[str, Any]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.is_in(cells, pa.array(list(words))).to_numpy(False)
    return found


def _power(who: str, chunk: Chunk, _: Context) -> Iterator[Item]:
    """Yield the screen, the battery and what stops recording; iPhones tell the level with each."""
    event = chunk.columns["event"]
    screen, power, state = (_among(event, words) for words in (_SCREEN, _POWER, _STATES))
    level = _level(chunk)
    battery = power | np.isfinite(level)
    if screen.any():
        own = chunk.of(screen)
        shown = codes(own.columns["event"], _SCREEN)
        yield samples(SYSTEM, "screen", who, own.rows, own.times("time"), state=shown)
    if battery.any():
        own = chunk.of(battery)
        status = pa.array(
            [_POWER.get(text) for text in own.columns["event"].to_pylist()], pa.int8()
        )
        yield samples(
            *(SYSTEM, "battery", who, own.rows, own.times("time")),
            level=level[battery],
            status=status,
        )
    if state.any():
        own = chunk.of(state)
        told = [_STATES[text] for text in own.columns["event"].to_pylist()]
        yield recording(who, own, "phone", told)


def _level(chunk: Chunk) -> NDArray[np.float64]:
    """Return the battery's level [%]; NaN where it is not told (-1 on a simulator)."""
    if "level" not in chunk.columns:
        return np.full(len(chunk.rows), np.nan)
    level = chunk.floats("level") * 100.0
    return np.where((level >= 0) & (level <= 100), level, np.nan)


def recording(who: str, chunk: Chunk, stream: str, told: list[tuple[int, str | None]]) -> Item:
    """Return a state of recording for each row."""
    fields: dict[str, Any] = {
        "stream": pa.repeat(pa.scalar(stream), len(told)),
        "on": np.array([on for on, _ in told], np.int8),
        "reason": pa.array([reason for _, reason in told], pa.string()),
    }
    return samples(SYSTEM, "recording_state", who, chunk.rows, chunk.times("time"), **fields)


def _calls(who: str, chunk: Chunk, context: Context) -> Iterator[Item]:
    yield samples(
        *(SYSTEM, "calls", who, chunk.rows, chunk.times("time")),
        direction=codes(chunk.columns["type"], _DIRECTION),
        duration=chunk.floats("duration"),
        contact=hashed(chunk.columns["contact"], context.hasher),
    )


def _messages(who: str, chunk: Chunk, context: Context) -> Iterator[Item]:
    yield samples(
        *(SYSTEM, "messages", who, chunk.rows, chunk.times("time")),
        direction=codes(chunk.columns["type"], _SENT),
        length=chunk.columns["length"],
        contact=hashed(chunk.columns["contact"], context.hasher),
    )


def _nearby(kind: int) -> Make:
    def make(who: str, chunk: Chunk, context: Context) -> Iterator[Item]:
        yield samples(
            *(SYSTEM, "proximity", who, chunk.rows, chunk.times("time")),
            kind=np.full(len(chunk.rows), kind, np.int8),
            device=hashed(chunk.columns["device"], context.hasher),
            strength=chunk.columns["strength"],
        )

    return make


def _moved(stream: str, columns: Mapping[str, tuple[str, ...]]) -> Make:
    """Make acceleration [g] or rotation [deg/s] of the sum of columns."""

    def make(who: str, chunk: Chunk, _: Context) -> Iterator[Item]:
        axes = {
            axis: np.sum([chunk.floats(name) for name in names], axis=0)
            for axis, names in columns.items()
        }
        time_us = chunk.times("time")
        fields = in_g(axes, time_us) if stream == "accelerometer" else in_degrees(axes)
        yield samples(SYSTEM, stream, who, chunk.rows, time_us, **fields)

    return make


def _device_motion(who: str, chunk: Chunk, context: Context) -> Iterator[Item]:
    """Yield what iPhones compute: gravity and own acceleration are kept as their sum."""
    felt = {axis: (f"gravity_{axis}", f"user_accel_{axis}") for axis in AXES}
    turned = {axis: (f"rotation_rate_{axis}",) for axis in AXES}
    yield from _moved("accelerometer", felt)(who, chunk, context)
    yield from _moved("gyroscope", turned)(who, chunk, context)


def _network(who: str, chunk: Chunk, _: Context) -> Iterator[Item]:
    """Yield whether data could be uploaded: it says why data come late."""
    told = [(_NETWORK[text], None) for text in chunk.columns["event"].to_pylist()]
    yield recording(who, chunk, "network", [*told])


def _numbers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, (name,)) for name in names)


XYZ: Final = _numbers(*AXES)
"""The columns of acceleration, of rotation and of the magnetic field alike."""
_PLAIN: Final = {axis: (axis,) for axis in AXES}
_CONTACT: Final = Column("contact", ("hashed phone number",), Kind.TEXT, nullable=True)
_DEVICE: Final = Column("device", ("hashed MAC",), Kind.TEXT)
_STRENGTH: Final = Column("strength", ("RSSI",), nullable=True)
_LENGTH: Final = Column(
    "length", ("message length",), Kind.WHOLE, nullable=True, low=0, high=2**31 - 1
)
_GPS: Final = (
    *_numbers("latitude", "longitude"),
    Column("altitude", ("altitude",), required=False, nullable=True),
    Column("accuracy", ("accuracy",), required=False, nullable=True),
)
_POWER_COLUMNS: Final = (
    Column("event", ("event",), Kind.CHOICE, choices=_EVENTS),
    Column("level", ("level",), required=False, nullable=True),
)
_CALL: Final = (
    _CONTACT,
    Column("type", ("call type",), Kind.CHOICE, choices=_DIRECTION),
    Column("duration", ("duration in seconds",)),
)
_TEXT: Final = (
    _CONTACT,
    Column("type", ("sent vs received",), Kind.CHOICE, choices=_SENT),
    _LENGTH,
)
_MOTION: Final = _numbers(
    *(f"{what}_{axis}" for what in ("gravity", "user_accel", "rotation_rate") for axis in AXES)
)
_EVENT: Final = Column("event", ("event",), Kind.TEXT)
_NETWORK_EVENT: Final = Column("event", ("event",), Kind.CHOICE, choices=_NETWORK)
_APPLE: Final = (
    _EVENT,
    Column("launch", ("launchId",), Kind.TEXT, nullable=True),
    Column("level", ("battery",), nullable=True),
)

# Where the folder does not say which stream it is, the first whose columns are all there.
STREAMS: Final = (
    Stream(("gps",), _GPS, _location),
    Stream(("calls", "callLog"), _CALL, _calls),
    Stream(("texts", "textsLog"), _TEXT, _messages),
    Stream(
        ("wifi", "wifiLog"),
        (_DEVICE, Column("band", ("frequency",), nullable=True), _STRENGTH),
        _nearby(2),
    ),
    Stream(("bluetooth", "bluetoothLog"), (_DEVICE, _STRENGTH), _nearby(1)),
    Stream(("devicemotion",), _MOTION, _device_motion),
    Stream(("ios_log",), _APPLE, apple_log),
    Stream(("accelerometer", "accel"), XYZ, _moved("accelerometer", _PLAIN)),
    Stream(("gyro",), XYZ, _moved("gyroscope", _PLAIN)),
    Stream(("magnetometer",), XYZ, None),
    Stream(("identifiers",), (Column("patient", ("patient_id",), Kind.TEXT),), None),
    Stream(("power_state", "powerState"), _POWER_COLUMNS, _power),
    Stream(("reachability",), (_NETWORK_EVENT,), _network),
    Stream(("proximity",), (_EVENT,), None),
    Stream(("app_log", "logFile"), (_EVENT,), android_log),
)
