"""EmbracePlus digital biomarkers: one CSV a biomarker and day, one line a minute.

A minute without a value says why: that is kept as the state of recording.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject, Samples
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened
from euthymia.sources.shapes import codes, samples, wearing
from euthymia.sources.table import Chunk, Layout, fits, header_of, read_table

SYSTEM: Final = device_id("embraceplus", "").system
MINUTE_S: Final = 60.0
_FULL_ID: Final = re.compile(r"[^-]+-[^-]+-(?P<who>.+)")
_REASONS: Final = {
    "device_not_recording": "off",
    "device_not_worn": "not_worn",
    "device_not_worn_correctly": "not_worn",
}
_TIME: Final = Column("time", ("timestamp_unix",), Kind.EPOCH)
_WHO: Final = Column("who", ("participant_full_id",), Kind.TEXT)
_WHY: Final = Column("why", ("missing_value_reason",), Kind.TEXT, required=False, nullable=True)
# 0 awake, 101 asleep, 102 asleep and restless, 300 and more an interruption
_SLEEP: Final = {"0": 0, "101": 4, "102": 6, "300": 0, "301": 0, "302": 0}
_ACTIVITY: Final = {"still": 0, "walking": 1, "running": 2, "generic": 3}


@dataclass(frozen=True, slots=True)
class _Minute:
    """A biomarker: the stream it becomes, its field, and what else is the same each minute."""

    stream: str
    name: str
    kind: Kind = Kind.NUMBER
    choices: Mapping[str, int] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)


MINUTES: Final = {
    "eda_scl_usiemens": _Minute("electrodermal_activity", "level"),
    "pulse_rate_bpm": _Minute("heart_rate", "rate"),
    "temperature_celsius": _Minute("skin_temperature", "value"),
    "respiratory_rate_brpm": _Minute("respiration_rate", "rate"),
    "step_counts": _Minute("steps", "steps", fixed={"period": MINUTE_S}),
    "activity_counts": _Minute("activity_counts", "counts", fixed={"epoch": MINUTE_S}),
    "activity_class": _Minute("activity_class", "activity", Kind.CHOICE, _ACTIVITY),
    "sleep_detection_stage": _Minute(
        *("sleep_stages", "stage", Kind.CHOICE, _SLEEP), {"duration": MINUTE_S}
    ),
    "wearing_detection_percentage": _Minute("recording_state", "on"),
}


def _value(name: str) -> Column:
    minute = MINUTES[name]
    return Column("value", (name,), minute.kind, nullable=True, choices=minute.choices)


def _named(head: bytes) -> str | None:
    header = header_of(head)
    return next((name for name in MINUTES if name in header), None)


def minutes_fit(head: bytes) -> bool:
    """Tell whether a file is a table of biomarkers, of those that are kept or others."""
    return fits(Layout((_TIME, _WHO)), head) and "timestamp_iso" in header_of(head)


def read_minutes(opened: Opened) -> Iterator[Item]:
    """Yield the minutes of a file."""
    name = _named(opened.blob.head())
    if name is None:
        rows = sum(
            found.rows if isinstance(found, Reject) else len(found.rows)
            for found in read_table(opened, Layout((_TIME, _WHO)))
        )
        if rows:
            yield Reject(1, "nothing is kept of this biomarker", rows)
        return
    for found in read_table(opened, Layout((_TIME, _WHO, _WHY, _value(name)))):
        if isinstance(found, Reject):
            yield found
        else:
            yield from _minutes(found, name, opened)


def _minutes(chunk: Chunk, name: str, opened: Opened) -> Iterator[Samples]:
    minute, cells = MINUTES[name], chunk.columns["value"]
    who = opened.context.subject or _people(chunk.columns["who"])
    there = cells.is_valid().to_numpy(zero_copy_only=False)
    time_us = chunk.times("time")
    if there.any():
        values: Any = cells.filter(pa.array(there))
        if minute.choices:
            values = codes(values, minute.choices)
        elif minute.stream == "steps":
            values = pc.cast(pc.round(values), pa.int32())
        fields: dict[str, Any] = {minute.name: values}
        for field_name, value in minute.fixed.items():
            fields[field_name] = np.full(int(there.sum()), value)
        if minute.stream == "recording_state":
            worn = pc.greater_equal(values, 50.0)
            fields = dict(wearing(worn.to_numpy(zero_copy_only=False)))
        owner = who if isinstance(who, str) else who.filter(pa.array(there))
        yield samples(SYSTEM, minute.stream, owner, chunk.rows[there], time_us[there], **fields)
    if not there.all():
        yield _silent(chunk, minute, who, ~there)


def _silent(chunk: Chunk, minute: _Minute, who: pa.Array | str, mask: Any) -> Samples:  # noqa: ANN401
    chosen = pa.array(mask)
    owner = who if isinstance(who, str) else who.filter(chosen)
    if "why" in chunk.columns:
        told = chunk.columns["why"].filter(chosen).to_pylist()
    else:
        told = [None] * int(mask.sum())
    reason = pa.array([_REASONS.get(text or "") for text in told], pa.string())
    stream = "wristband" if minute.stream == "recording_state" else minute.stream
    return samples(
        *(SYSTEM, "recording_state", owner, chunk.rows[mask], chunk.times("time")[mask]),
        stream=pa.repeat(pa.scalar(stream), len(reason)),
        on=np.zeros(len(reason), np.int8),
        reason=reason,
    )


def _people(full: pa.Array) -> pa.Array:
    """Return participants: a full identifier is organisation-study-participant."""
    encoded = full.dictionary_encode()
    names = []
    for text in encoded.dictionary.to_pylist():
        found = _FULL_ID.fullmatch(text)
        names.append(found["who"] if found else text)
    return pa.array(names, pa.string()).take(encoded.indices)
