"""The Arrow schemas that pass between rooms, each column with its UCUM unit and allowed range.

Stream and field names follow RADAR-Schemas and Open mHealth / IEEE 1752.1. Times are UTC,
microseconds. A value outside [low, high] is refused at the gateway.
"""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from euthymia.ground.scope import Category

TIME: Final = pa.timestamp("us", tz="UTC")

OBSERVATIONS: Final = pa.schema(
    [
        pa.field("subject_id", pa.string(), nullable=False),
        pa.field("time", TIME),  # null: a fact without a time (sex, a family history)
        pa.field("code", pa.string(), nullable=False),  # "LOINC/44261-6"
        pa.field("numeric_value", pa.float64()),
        pa.field("text_value", pa.string()),
        pa.field("unit", pa.string()),  # UCUM
        pa.field("purpose", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("sensitivity", pa.string()),  # protected labels, with a space between; null: none
    ]
)
"""MEDS columns and four of ours (unit, purpose, source, sensitivity)."""

ROW: Final = pa.field("row", pa.int64(), nullable=False)
"""The number of the source row that a table row came from; dropped before storage."""


_ACTIVITIES: Final = (
    "0 still, 1 walking, 2 running, 3 unknown, 4 cycling, 5 in a vehicle, 6 on foot (walking or "
    "running), 7 tilting"
)
_KEYS: Final = "1 character, 2 backspace, 3 suggestion or correction, 4 other"
_STAGES: Final = (
    "0 awake, 1 light (N1, N2), 2 deep (N3), 3 REM, 4 asleep without a stage, 5 in bed, 6 restless"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a stream: its Arrow type, its UCUM unit and the range that can be true.

    A text is hashed at the gateway unless it is a `label`: a short word of a fixed vocabulary
    ("low_power", "item3"), which says nothing of a third person. `codes` says what whole numbers
    stand for.
    """

    name: str
    type: pa.DataType
    unit: str
    low: float | None = None
    high: float | None = None
    nullable: bool = False
    label: bool = False
    codes: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of samples: one row per sample, `time` first."""

    name: str
    title: str
    category: Category
    fields: tuple[Field, ...]

    @property
    def schema(self) -> pa.Schema:
        """The stored columns: `time` and the fields."""
        columns = [pa.field("time", TIME, nullable=False)]
        columns += [pa.field(f.name, f.type, nullable=f.nullable) for f in self.fields]
        return pa.schema(columns)

    @property
    def border_schema(self) -> pa.Schema:
        """The columns at the border: `subject_id` and `row` before the stored ones."""
        return pa.schema([pa.field("subject_id", pa.string(), nullable=False), ROW, *self.schema])


_F64, _F32, _I8, _I32 = pa.float64(), pa.float32(), pa.int8(), pa.int32()

_STREAMS = (
    Stream(
        "location",
        "Location",
        Category.LOCATION,
        (
            Field("latitude", _F64, "deg", -90, 90),
            Field("longitude", _F64, "deg", -180, 180),
            Field("accuracy", _F32, "m", 0, None, nullable=True),
            Field("altitude", _F32, "m", -1000, 20000, nullable=True),
            Field("speed", _F32, "m/s", 0, 400, nullable=True),
        ),
    ),
    # the codes of AWARE's ESM screen sensor
    Stream(
        "screen",
        "Screen",
        Category.PHONE_USE,
        (Field("state", _I8, "1", 0, 3, codes="0 off, 1 on, 2 locked, 3 unlocked"),),
    ),
    # contact: a salted hash, never a number or a name
    Stream(
        "calls",
        "Calls",
        Category.CONTACTS,
        (
            Field("direction", _I8, "1", 1, 3, codes="1 incoming, 2 outgoing, 3 missed"),
            Field("duration", _F32, "s", 0, 86400),
            Field("contact", pa.string(), "1", nullable=True),
        ),
    ),
    Stream(
        "messages",
        "Messages",
        Category.CONTACTS,
        (
            Field("direction", _I8, "1", 1, 3, codes="1 received, 2 sent"),
            Field("length", _I32, "1", 0, None, nullable=True),
            Field("contact", pa.string(), "1", nullable=True),
        ),
    ),
    Stream(
        "battery",
        "Battery",
        Category.PHONE_USE,
        # status: AWARE's codes, 1 unknown, 2 charging, 3 discharging, 4 neither, 5 full, -1 shut
        # down, -2 rebooted. A phone that only tells when it was plugged in gives no level
        (
            Field("level", _F32, "%", 0, 100, nullable=True),
            Field("status", _I8, "1", -3, 10, nullable=True),
        ),
    ),
    Stream(
        "audio_level",
        "Audio level",
        Category.SOUND,
        (
            Field("silent", _I8, "1", 0, 1, nullable=True),
            Field("level", _F32, "dB", -200, 200, nullable=True),
            Field("frequency", _F32, "Hz", 0, 100000, nullable=True),
        ),
    ),
    # the app is a salted hash: which app it was is nobody's business, that it is the same one is
    Stream(
        "notifications", "App notifications", Category.PHONE_USE, (Field("app", pa.string(), "1"),)
    ),
    # StudentLife's codes, continued
    Stream(
        "activity_class",
        "Inferred activity",
        Category.MOVEMENT,
        (Field("activity", _I8, "1", 0, 10, codes=_ACTIVITIES),),
    ),
    Stream(
        "steps",
        "Steps",
        Category.MOVEMENT,
        (Field("steps", _I32, "{steps}", 0, 100000), Field("period", _F32, "s", 0, 86400)),
    ),
    # counts per epoch; the unit is the device's own and not comparable between makers
    Stream(
        "activity_counts",
        "Activity counts",
        Category.MOVEMENT,
        (Field("counts", _F32, "{counts}", 0, 1e6), Field("epoch", _F32, "s", 0.01, 3600)),
    ),
    Stream(
        "accelerometer",
        "Acceleration",
        Category.MOVEMENT,
        (
            Field("x", _F32, "[g]", -64, 64),
            Field("y", _F32, "[g]", -64, 64),
            Field("z", _F32, "[g]", -64, 64),
        ),
    ),
    Stream("blood_volume_pulse", "Blood volume pulse", Category.BODY, (Field("value", _F32, "1"),)),
    # the interval that ends at `time`; artefacts are kept here and judged by the features
    Stream(
        "beat_intervals",
        "Beat intervals",
        Category.BODY,
        (Field("interval", _F32, "ms", 0, 60000),),
    ),
    Stream("heart_rate", "Heart rate", Category.BODY, (Field("rate", _F32, "/min", 1, 400),)),
    Stream(
        "electrodermal_activity",
        "Skin conductance",
        Category.BODY,
        (Field("level", _F32, "uS", -1, 200),),
    ),
    # Empatica writes 382.21 while the sensor is not in contact: refused, as are degrees Fahrenheit
    Stream(
        "skin_temperature",
        "Skin temperature",
        Category.BODY,
        (Field("value", _F32, "Cel", -40, 60),),
    ),
    Stream("event_marks", "Event marks", Category.ANSWERS, ()),
    # an app in the foreground from `time` on; the category is the store's ("social"), not a name
    Stream(
        "app_use",
        "App use",
        Category.PHONE_USE,
        (
            Field("app", pa.string(), "1"),
            Field("category", pa.string(), "1", nullable=True, label=True),
            Field("duration", _F32, "s", 0, 86400, nullable=True),
        ),
    ),
    Stream("light", "Ambient light", Category.PHONE_USE, (Field("level", _F32, "lx", 0, 200000),)),
    # a device seen nearby; the device is a salted hash
    Stream(
        "proximity",
        "Devices nearby",
        Category.CONTACTS,
        (
            Field("kind", _I8, "1", 1, 2, codes="1 Bluetooth, 2 Wi-Fi"),
            Field("device", pa.string(), "1"),
            Field("strength", _F32, "dB[mW]", -200, 50, nullable=True),
        ),
    ),
    # one key press, never which key. `hold`: how long it was down. `session`: one stretch of typing
    # (any label)
    Stream(
        "typing",
        "Key presses",
        Category.PHONE_USE,
        (
            Field("kind", _I8, "1", 1, 4, codes=_KEYS),
            Field("hold", _F32, "ms", 0, 60000, nullable=True),
            Field("session", pa.string(), "1", nullable=True),
        ),
    ),
    # speech nearby from `time` on, as the phone inferred it; never what was said
    Stream(
        "conversation", "Conversations", Category.SOUND, (Field("duration", _F32, "s", 0, 86400),)
    ),
    # `session`: one sleep episode as the device named it (any label)
    Stream(
        "sleep_stages",
        "Sleep stages",
        Category.SLEEP,
        (
            Field("stage", _I8, "1", 0, 6, codes=_STAGES),
            Field("duration", _F32, "s", 0, 172800),
            Field("session", pa.string(), "1", nullable=True),
        ),
    ),
    # one answered question of a momentary assessment; without an answer: passed over
    Stream(
        "momentary_answers",
        "Momentary assessments",
        Category.ANSWERS,
        (
            Field("question", pa.string(), "1", label=True),
            Field("answer", _F64, "1", nullable=True),
        ),
    ),
    Stream("respiration_rate", "Breaths", Category.BODY, (Field("rate", _F32, "/min", 0, 150),)),
    Stream(
        "oxygen_saturation",
        "Oxygen saturation",
        Category.BODY,
        (Field("value", _F32, "%", 1, 100),),
    ),
    Stream("photoplethysmogram", "Photoplethysmogram", Category.BODY, (Field("value", _F32, "1"),)),
    Stream(
        "electrocardiogram",
        "Electrocardiogram",
        Category.BODY,
        (Field("value", _F32, "mV", -100, 100),),
    ),
    Stream("respiration", "Breathing signal", Category.BODY, (Field("value", _F32, "1"),)),
    Stream(
        "electroencephalogram",
        "Electroencephalogram",
        Category.BODY,
        (Field("channel", pa.string(), "1", label=True), Field("value", _F32, "uV", -1e6, 1e6)),
    ),
    Stream(
        "gyroscope",
        "Rotation",
        Category.MOVEMENT,
        tuple(Field(axis, _F32, "deg/s", -10000, 10000) for axis in "xyz"),
    ),
    # why a sensor says nothing from `time` on: the stream concerned, 1 recording or 0 not, and the
    # reason: off, permission, low_power, paused, not_worn, charging, or null where it is not known
    Stream(
        "recording_state",
        "State of recording",
        Category.PHONE_USE,
        (
            Field("stream", pa.string(), "1", label=True),
            Field("on", _I8, "1", 0, 1),
            Field("reason", pa.string(), "1", nullable=True, label=True),
        ),
    ),
)

STREAMS: Final[dict[str, Stream]] = {stream.name: stream for stream in _STREAMS}

OBSERVED: Final = Stream(
    "observations",
    "Answers and scores on record",
    Category.ANSWERS,
    (Field("code", pa.string(), "1", label=True), Field("value", _F64, "1")),
)
"""Observations as a feature family sees them: those with a time and a number, yes as 1, no as 0."""

INPUTS: Final[dict[str, Stream]] = {**STREAMS, OBSERVED.name: OBSERVED}
"""All that a feature family can look at."""

FEATURE_KEYS: Final = pa.schema(
    [
        pa.field("subject_id", pa.string(), nullable=False),
        pa.field("date", pa.date32(), nullable=False),  # the subject's local date
        pa.field("family", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("input_digest", pa.string(), nullable=False),
        pa.field("coverage", pa.float64(), nullable=False),  # 0 to 1
    ]
)
"""The first columns of every FEATURES table; then one float64 column a feature."""
