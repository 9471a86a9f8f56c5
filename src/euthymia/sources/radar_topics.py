"""RADAR-base topics: which value columns each has (RADAR-Schemas), and what they become.

Column names are those of the CSV output (`value.x`); a record of an Avro file has the same names
inside `value`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject, Samples
from euthymia.sources.cells import MILLIS_FROM, Column, Kind
from euthymia.sources.contract import Context
from euthymia.sources.motion import AXES, in_degrees
from euthymia.sources.phone_people import Owner, owned
from euthymia.sources.shapes import codes, hashed, samples
from euthymia.sources.table import Chunk
from euthymia.sources.wall_clock import DOUBTFUL, resolve

SYSTEM: Final = device_id("radar_base", "").system
_CALL: Final = {"INCOMING": 1, "OUTGOING": 2, "MISSED": 3, "VOICEMAIL": 3}
_TEXT: Final = {"INCOMING": 1, "OUTGOING": 2}
_POWER: Final = {"CHARGING": 2, "DISCHARGING": 3, "NOT_CHARGING": 4, "FULL": 5, "UNKNOWN": 1}
_PHONE: Final = {"STANDBY": 0, "UNLOCKED": 3}
_RUNNING: Final = {"SHUTDOWN": 0, "BOOTED": 1}
_DOING: Final = {
    "STILL": 0,
    "WALKING": 1,
    "RUNNING": 2,
    "UNKNOWN": 3,
    "ON_BICYCLE": 4,
    "IN_VEHICLE": 5,
    "ON_FOOT": 6,
}
_BEGUN: Final = "ENTER"
_SLEPT: Final = dict.fromkeys(("STATUS_SUCCESSFUL", "STATUS_MISSING_DATA"), 4)
_STAGES: Final = {
    **dict.fromkeys(("AWAKE", "WAKE"), 0),
    "LIGHT": 1,
    "DEEP": 2,
    "REM": 3,
    "ASLEEP": 4,
    "RESTLESS": 6,
}
_LEVELS: Final = {"awake": 0, "light": 1, "deep": 2, "rem": 3}
_OPENED: Final = "FOREGROUND"
_EVENTS: Final = {_OPENED: 1, "BACKGROUND": 2} | dict.fromkeys(
    ("CONFIG", "SHORTCUT", "INTERACTION", "OTHER"), 3
)
_NOT_BEGUN: Final = "the end of an activity: it lasts until the next one begins"
_NOT_OPENED: Final = "no opening of an app: an app's use lasts until the next one opens"

Make = Callable[[Chunk, Owner, Context], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic (or several alike): its columns and the stream they become.

    Attributes
    ----------
    columns : tuple of Column
        Named as the stream's fields; their only alias is the field in RADAR-Schemas.
    scale : mapping
        What a field is multiplied by to be in our unit.
    local : bool
        `dateTime` is the wall clock of the person, without an offset.
    clock : str
        The field that holds the instant.
    """

    names: tuple[str, ...]
    stream: str
    columns: tuple[Column, ...]
    secret: frozenset[str] = frozenset()
    fixed: Mapping[str, float] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    make: Make | None = None
    local: bool = False
    clock: str = "time"

    @property
    def time(self) -> Column:
        """The column of the instant, or of the wall clock."""
        kind = Kind.WALL if self.local else Kind.EPOCH
        return Column("time", ("dateTime" if self.local else self.clock,), kind)

    def items(self, chunk: Chunk, who: Owner, context: Context) -> Iterator[Item]:
        """Yield what a stretch of rows becomes."""
        if self.make is not None:
            yield from self.make(chunk, who, context)
        elif self.local:
            yield from self._local(chunk, who, context)
        else:
            yield self._samples(chunk, who, chunk.times("time"), context)

    def _local(self, chunk: Chunk, who: Owner, context: Context) -> Iterator[Item]:
        """Yield rows whose time is the wall clock of their person."""
        for name, mask in owned(who, len(chunk.rows)):
            own = chunk.of(mask)
            found = resolve(own.times("time"), context.zone_for(device_id("radar_base", name)))
            sure = ~found.doubtful
            if sure.any():
                yield self._samples(own.of(sure), name, found.time_us[sure], context)
            for row in own.rows[found.doubtful].tolist():
                yield Reject(row, DOUBTFUL)

    def _samples(self, chunk: Chunk, who: Owner, time_us: Any, context: Context) -> Samples:  # noqa: ANN401
        fields: dict[str, Any] = {}
        for column in self.columns:
            if column.name not in chunk.columns:
                continue
            cells: pa.Array = chunk.columns[column.name]
            if column.kind is Kind.CHOICE:
                fields[column.name] = codes(cells, column.choices)
            elif column.name in self.secret:
                fields[column.name] = hashed(cells, context.hasher)
            elif column.name in self.scale:
                fields[column.name] = chunk.floats(column.name) * self.scale[column.name]
            else:
                fields[column.name] = cells
        if self.stream == "gyroscope":
            fields |= in_degrees({name: chunk.floats(name) for name in AXES})
        for name, value in self.fixed.items():
            fields[name] = np.full(len(chunk.rows), value)
        return samples(SYSTEM, self.stream, who, chunk.rows, time_us, **fields)


def _since_last(chunk: Chunk, who: Owner, _: Context) -> Iterator[Samples]:
    """Yield steps taken between a record and the one before it; one told twice stays equal."""
    for name, mask in owned(who, len(chunk.rows)):
        rows, time_us = chunk.rows[mask], chunk.times("time")[mask]
        told, place = np.unique(time_us, return_inverse=True)
        before = np.concatenate((told[:1], told[:-1]))[place]
        start = np.maximum(before, time_us - 86_400_000_000)
        yield samples(
            *(SYSTEM, "steps", name, rows, start),
            steps=chunk.floats("steps")[mask].astype(np.int32),
            period=(time_us - start) / 1e6,
        )


def _stages(words: Mapping[str, int]) -> Make:
    """Make stages of sleep, each with its beginning and end [s since 1970]."""

    def make(chunk: Chunk, who: Owner, _: Context) -> Iterator[Item]:
        length = chunk.floats("end") - chunk.floats("start")
        good = length >= 0
        if good.any():
            time_us = np.rint(chunk.floats("start") * 1e6).astype(np.int64)
            owner = who if isinstance(who, str) else who.filter(pa.array(good))
            yield samples(
                *(SYSTEM, "sleep_stages", owner, chunk.rows[good], time_us[good]),
                stage=codes(chunk.columns["stage"], words).filter(pa.array(good)),
                duration=length[good],
            )
        yield from _refused(chunk.rows[~good], "a sleep does not end after it starts")

    return make


def _refused(rows: NDArray[np.int64], reason: str) -> Iterator[Reject]:
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        if run.size:
            yield Reject(int(run[0]), reason, int(run.size))


def _screen(chunk: Chunk, who: Owner, _: Context) -> Iterator[Samples]:
    """Yield the screen, and when the phone was switched off and on."""
    word = chunk.columns["state"]
    for stream, table in (("screen", _PHONE), ("recording_state", _RUNNING)):
        chosen = pc.is_in(word, pa.array(list(table)))
        mask = chosen.to_numpy(zero_copy_only=False)
        if not mask.any():
            continue
        code = codes(word.filter(chosen), table)
        fields: dict[str, Any] = {"state": code}
        if stream == "recording_state":
            off = pc.if_else(pc.equal(code, 0), "off", pa.scalar(None, pa.string()))
            fields = {"stream": pa.repeat(pa.scalar("phone"), len(code)), "on": code, "reason": off}
        owner = who if isinstance(who, str) else who.filter(chosen)
        yield samples(
            *(SYSTEM, stream, owner, chunk.rows[mask], chunk.times("time")[mask]), **fields
        )


def _begun(chunk: Chunk, who: Owner, _: Context) -> Iterator[Item]:
    """Yield the beginnings of activities; their ends are told by them."""
    begun = pc.equal(chunk.columns["transition"], _BEGUN)
    mask = begun.to_numpy(zero_copy_only=False)
    if mask.any():
        owner = who if isinstance(who, str) else who.filter(begun)
        yield samples(
            *(SYSTEM, "activity_class", owner, chunk.rows[mask], chunk.times("time")[mask]),
            activity=codes(chunk.columns["activity"].filter(begun), _DOING),
        )
    yield from _refused(chunk.rows[~mask], _NOT_BEGUN)


def _called(chunk: Chunk, who: Owner, context: Context) -> Iterator[Samples]:
    """Yield calls; one without a length is one that nobody answered."""
    yield samples(
        *(SYSTEM, "calls", who, chunk.rows, chunk.times("time")),
        direction=codes(chunk.columns["direction"], _CALL),
        duration=np.nan_to_num(chunk.floats("duration")),
        contact=hashed(chunk.columns["contact"], context.hasher)
        if "contact" in chunk.columns
        else None,
    )


def _walked(chunk: Chunk, who: Owner, _: Context) -> Iterator[Samples]:
    """Yield steps counted from a beginning to an end [s since 1970]."""
    start, end = chunk.floats("start"), chunk.floats("end")
    yield samples(
        *(SYSTEM, "steps", who, chunk.rows, np.rint(start * 1e6).astype(np.int64)),
        steps=chunk.floats("steps").astype(np.int32),
        period=np.clip(end - start, 0, 86_400),
    )


def _apps(chunk: Chunk, who: Owner, context: Context) -> Iterator[Item]:
    """Yield the openings of apps; the other events are told by them."""
    opened = pc.equal(chunk.columns["event"], _OPENED)
    mask = opened.to_numpy(zero_copy_only=False)
    if mask.any():
        owner = who if isinstance(who, str) else who.filter(opened)
        category = chunk.columns.get("category")
        yield samples(
            *(SYSTEM, "app_use", owner, chunk.rows[mask], chunk.times("time")[mask]),
            app=hashed(chunk.columns["app"].filter(opened), context.hasher),
            category=None if category is None else category.filter(opened),
        )
    yield from _refused(chunk.rows[~mask], _NOT_OPENED)


def _value(name: str, field_name: str, **more: Any) -> Column:  # noqa: ANN401
    return Column(name, (field_name,), **more)


def _maybe(name: str, field_name: str, kind: Kind = Kind.NUMBER) -> Column:
    return Column(name, (field_name,), kind, required=False, nullable=True)


def _word(name: str, field_name: str, choices: Mapping[str, int]) -> Column:
    return Column(name, (field_name,), Kind.CHOICE, choices=choices)


def _percent(field_name: str) -> Column:
    """Return a column of oxygen saturation: 1 is all of it, not a hundredth, so it is refused."""
    return Column("value", (field_name,), low=2, high=100)


def _instant(name: str, field_name: str) -> Column:
    return Column(name, (field_name,), low=0, high=MILLIS_FROM)


def _whole(name: str, field_name: str) -> Column:
    return Column(name, (field_name,), Kind.WHOLE, low=0, high=2**31 - 1)


_XYZ: Final = tuple(Column(axis, (axis,)) for axis in AXES)
_TARGET: Final = _maybe("contact", "target", Kind.TEXT)
_PLACE: Final = (
    _value("latitude", "latitude"),
    _value("longitude", "longitude"),
    *(_maybe(name, name) for name in ("accuracy", "altitude", "speed")),
)
_CHARGE: Final = (_value("level", "batteryLevel", low=0, high=1), _word("status", "status", _POWER))
_EVENT: Final = (
    Column("app", ("packageName",), Kind.TEXT),
    _word("event", "eventType", _EVENTS),
    _maybe("category", "categoryName", Kind.TEXT),
)
_SLEEP: Final = (_word("stage", "level", _STAGES), _value("duration", "duration", low=0))
_CONTACT: Final = frozenset({"contact"})
_DEVICE: Final = frozenset({"device"})
_PER_PERCENT: Final = {"level": 100.0}

TOPICS: Final = (
    Topic(("phone_relative_location", "phone_location"), "location", _PLACE),
    Topic(("phone_battery_level",), "battery", _CHARGE, scale=_PER_PERCENT),
    Topic(
        *(("phone_call",), "calls"),
        (
            _word("direction", "type", _CALL),
            Column("duration", ("duration",), nullable=True, low=0),
            _TARGET,
        ),
        make=_called,
    ),
    Topic(
        *(("phone_sms",), "messages"),
        (_word("direction", "type", _TEXT), _maybe("length", "length"), _TARGET),
        _CONTACT,
    ),
    Topic(("phone_usage_event",), "app_use", _EVENT, make=_apps),
    Topic(
        *(("phone_user_interaction",), "screen"),
        (_word("state", "interactionState", _PHONE | _RUNNING),),
        make=_screen,
    ),
    Topic(
        *(("google_activity_transition_event",), "activity_class"),
        (
            _word("activity", "activity", _DOING),
            _word("transition", "transition", {_BEGUN: 1, "EXIT": 0, "UNKNOWN": 0}),
        ),
        make=_begun,
    ),
    Topic(
        *(("google_sleep_segment_event",), "sleep_stages"),
        (
            _word("stage", "sleepStatus", _SLEPT),
            *(_instant("start", "sleepStartTime"), _instant("end", "sleepEndTime")),
        ),
        make=_stages(_SLEPT),
    ),
    Topic(("phone_acceleration", "empatica_e4_acceleration"), "accelerometer", _XYZ),
    Topic(("phone_gyroscope",), "gyroscope", _XYZ),
    Topic(("phone_light",), "light", (_value("level", "light"),)),
    Topic(("phone_step_count",), "steps", (_whole("steps", "steps"),), make=_since_last),
    Topic(
        *(("phone_bluetooth_device_scanned",), "proximity"),
        (Column("device", ("macAddressHash",), Kind.TEXT),),
        secret=_DEVICE,
        fixed={"kind": 1},
    ),
    Topic(
        *(("empatica_e4_blood_volume_pulse",), "blood_volume_pulse"),
        (_value("value", "bloodVolumePulse"),),
    ),
    Topic(
        *(("empatica_e4_electrodermal_activity",), "electrodermal_activity"),
        (_value("level", "electroDermalActivity"),),
    ),
    Topic(
        *(("empatica_e4_inter_beat_interval",), "beat_intervals"),
        (_value("interval", "interBeatInterval"),),
        scale={"interval": 1e3},
    ),
    Topic(("empatica_e4_temperature",), "skin_temperature", (_value("value", "temperature"),)),
    Topic(("empatica_e4_tag",), "event_marks", ()),
    Topic(
        *(("fitbit_intraday_steps",), "steps"),
        (_whole("steps", "steps"), _value("period", "timeInterval", low=0, high=86400)),
    ),
    Topic(("fitbit_intraday_heart_rate",), "heart_rate", (_value("rate", "heartRate"),)),
    Topic(("fitbit_intraday_spo2",), "oxygen_saturation", (_percent("spo2"),)),
    Topic(
        *(("fitbit_sleep_stages", "fitbit_sleep_stage", "fitbit_sleep_classic"), "sleep_stages"),
        _SLEEP,
        local=True,
    ),
    *(
        Topic((name, name.replace("garmin", "garmin_push")), stream, (value,))
        for name, stream, value in (
            ("garmin_heart_rate_sample", "heart_rate", _value("rate", "heartRate")),
            ("garmin_respiration", "respiration_rate", _value("rate", "respiration")),
            ("garmin_pulse_ox", "oxygen_saturation", _percent("spo2")),
        )
    ),
    Topic(
        *(("garmin_sleep_level", "garmin_push_sleep_level"), "sleep_stages"),
        (
            _word("stage", "sleepLevel", _LEVELS),
            *(_instant("start", "startTime"), _instant("end", "endTime")),
        ),
        make=_stages(_LEVELS),
    ),
    Topic(("googlehealth_heart_rate",), "heart_rate", (_value("rate", "heartRate"),)),
    Topic(("sensorkit_ambient_light",), "light", (_value("level", "lux"),)),
    Topic(
        ("bittium_faros_inter_beat_interval", "emotion_faros_inter_beat_interval"),
        "beat_intervals",
        (_value("interval", "interBeatInterval"),),
        scale={"interval": 1e3},
    ),
    Topic(("bittium_faros_acceleration", "emotion_faros_acceleration"), "accelerometer", _XYZ),
    Topic(("sensorkit_acceleration",), "accelerometer", _XYZ),
    Topic(("sensorkit_rotation_rate",), "gyroscope", _XYZ),
    Topic(
        *(("sensorkit_pedometer",), "steps"),
        (
            _whole("steps", "numberOfSteps"),
            *(_instant("start", "startDate"), _instant("end", "endDate")),
        ),
        make=_walked,
    ),
    *(
        Topic((f"healthkit_{name}",), stream, (value,), clock="startTime")
        for name, stream, value in (
            ("heart_rate", "heart_rate", _value("rate", "heartRate", low=1)),
            ("resp_rate", "respiration_rate", _value("rate", "respRate")),
            ("oxygen_saturation", "oxygen_saturation", _percent("oxygenSaturation")),
        )
    ),
    Topic(
        *(("healthkit_step", "healthkit_steps"), "steps"),
        (
            _whole("steps", "steps"),
            *(_instant("start", "startTime"), _instant("end", "endTime")),
        ),
        make=_walked,
        clock="startTime",
    ),
    *(
        Topic((f"empatica_embraceplus_{name}",), stream, (value,))
        for name, stream, value in (
            (
                "electrodermal_activity",
                "electrodermal_activity",
                _value("level", "electroDermalActivity"),
            ),
            ("blood_volume_pulse", "blood_volume_pulse", _value("value", "bloodVolumePulse")),
            ("temperature", "skin_temperature", _value("value", "temperature")),
            ("pulse_rate", "heart_rate", _value("rate", "pulseRate", low=1)),
            ("respiratory_rate", "respiration_rate", _value("rate", "respiratoryRate", low=1)),
            ("oxygen_saturation", "oxygen_saturation", _percent("spo2")),
        )
    ),
    Topic(("empatica_embraceplus_steps",), "steps", (_whole("steps", "steps"),), make=_since_last),
    *(
        Topic((f"{polar}_{name}",), stream, columns, scale=scale)
        for polar in ("polar", "polar_vantage_v3")
        for name, stream, columns, scale in (
            ("heart_rate", "heart_rate", (_value("rate", "heartRate", low=1),), {}),
            ("pp_interval", "beat_intervals", (_value("interval", "ppInterval", low=0),), {}),
            ("acceleration", "accelerometer", _XYZ, dict.fromkeys(AXES, 1e-3)),
        )
    ),
)
_PREFIXES: Final = (
    "active_",
    "android_",
    "connect_",
    "apple_",
    "ios_",
    "push_integration_",
    "push_",
)
_OF_RADAR: Final = re.compile(
    r"(?:android|apple|connect|sensorkit|healthkit|polar|ios|push|upload|active|notification|questionnaire|task|thinc_it)_\w+"
)
_BY_NAME: Final = {name: topic for topic in TOPICS for name in topic.names}
_RECORDS: Final = {name.replace("_", ""): topic for name, topic in _BY_NAME.items()}


def topic_named(name: str) -> Topic | None:
    """Return the topic of this name (`android_phone_call`), or of this record (`PhoneCall`)."""
    plain = name.lower()
    for prefix in _PREFIXES:
        plain = plain.removeprefix(prefix)
    return _BY_NAME.get(plain) or _RECORDS.get(plain.replace("_", ""))


def names_topic(name: str) -> bool:
    """Tell whether a folder has the name of some topic, kept or not."""
    return _OF_RADAR.fullmatch(name.lower()) is not None
