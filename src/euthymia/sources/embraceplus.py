"""Empatica EmbracePlus: raw Avro files (schema 6) and the digital biomarkers, a CSV a minute.

Raw: `participant_data/<day>/<participant>-<device>/raw_data/v6/<id>_<second>.avro`, one record of
some minutes. Biomarkers: `digital_biomarkers/aggregated_per_minute/<id>_<day>_<biomarker>.csv`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject, Samples
from euthymia.sources.avro import MAGIC, Broken, records
from euthymia.sources.avro_example import write_avro
from euthymia.sources.contract import Opened, Source
from euthymia.sources.embraceplus_minutes import MINUTES, minutes_fit, read_minutes
from euthymia.sources.motion import AXES
from euthymia.sources.phone_people import named_after
from euthymia.sources.shapes import samples

SYSTEM: Final = device_id("embraceplus", "").system
MAX_RATE: Final = 1000.0  # [Hz]; the fastest sensor has 208
LONGEST_BEAT_US: Final = 3_000_000
"""Two peaks further apart than this are not neighbours: peaks between them were not found."""
_FILE: Final = re.compile(r"(?P<who>.+?)_\d{9,10}")

Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Even:
    """An evenly sampled sensor with one value a sample."""

    key: str
    stream: str
    field: str


_EVEN: Final = (
    _Even("eda", "electrodermal_activity", "level"),
    _Even("temperature", "skin_temperature", "value"),
    _Even("bvp", "blood_volume_pulse", "value"),
    _Even("steps", "steps", "steps"),
)
_IMU: Final = {"accelerometer": "accelerometer", "gyroscope": "gyroscope"}


def _recognise(_path: PurePath, head: bytes) -> float:
    if head.startswith(MAGIC):
        return 0.95 if b'"rawData"' in head and b'"timestampStart"' in head else 0.0
    return 0.9 if minutes_fit(head) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    if not opened.blob.head(4).startswith(MAGIC):
        yield from read_minutes(opened)
        return
    row = 1
    try:
        for record in records(opened.blob):
            for item in _record(record, opened, row):
                yield item
                row = _after(item, row)
    except SourceError as problem:
        yield Reject(row, str(problem))


def _after(item: Item, row: int) -> int:
    if isinstance(item, Reject):
        return item.row + item.rows
    if isinstance(item, Samples):
        return row + int(item.table.num_rows)
    raise TypeError(item)


def _record(record: object, opened: Opened, row: int) -> Iterator[Item]:
    if isinstance(record, Broken):
        yield Reject(row, record.reason, record.rows)
        return
    raw = record.get("rawData") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(raw, dict):
        yield Reject(row, "the record has no rawData, as the EmbracePlus writes it")
        return
    who = _participant(record, opened)
    told = row
    for make in (_imu, _even, _beats, _tags):
        for item in make(raw, who, row):
            yield item
            row = _after(item, row)
    if row == told:
        yield Reject(row, "the record holds no sample of a sensor: the device did not record")


def _participant(record: Mapping[str, Any], opened: Opened) -> str:
    enrolment = record.get("enrollment")
    known = enrolment.get("participantID") if isinstance(enrolment, dict) else None
    named = _FILE.fullmatch(opened.path.stem)
    told = known.strip() if isinstance(known, str) else ""
    return opened.context.subject or told or (named["who"] if named else named_after(opened))


def _numbers(block: Block, name: str) -> NDArray[np.float64]:
    found = block.get(name)
    if isinstance(found, np.ndarray):
        return found.astype(np.float64)
    return np.zeros(0)


def _times(block: Block, count: int) -> NDArray[np.int64] | None:
    """Return the instants of evenly sampled values; None if the record does not tell them."""
    start, rate = block.get("timestampStart"), block.get("samplingFrequency")
    if not isinstance(start, int) or not isinstance(rate, float | int) or isinstance(rate, bool):
        return None
    if not 0 < rate <= MAX_RATE or not 0 < start < 2**52:
        return None
    return np.asarray(start + np.rint(np.arange(count) * (1e6 / rate)).astype(np.int64))


def _untimed(name: str, row: int, count: int) -> Reject:
    return Reject(row, f"rawData.{name}: its start or its rate is missing or cannot be", count)


def _imu(raw: Block, who: str, row: int) -> Iterator[Item]:
    """Yield acceleration [g] and rotation [deg/s] of counts of the converter."""
    for name, stream in _IMU.items():
        block = raw.get(name)
        if not isinstance(block, dict):
            continue
        axes = [_numbers(block, axis) for axis in AXES]
        count = min(map(len, axes))
        if not count:
            continue
        unit, time_us = _per_count(block), _times(block, count)
        if unit is None or time_us is None or len({len(axis) for axis in axes}) > 1:
            yield _untimed(name, row, count)
        else:
            rows = np.arange(row, row + count, dtype=np.int64)
            fields = {axis: values * unit for axis, values in zip(AXES, axes, strict=True)}
            yield samples(SYSTEM, stream, who, rows, time_us, **fields)
        row += count


def _per_count(block: Block) -> float | None:
    """Return what one count is: a factor (from 6.5 on), or the quotient of two ranges."""
    given = block.get("imuParams")
    params = {k: v for k, v in given.items() if v} if isinstance(given, dict) else {}
    if "conversionFactor" in params:
        return float(params["conversionFactor"])
    try:
        physical = params["physicalMax"] - params["physicalMin"]
        return float(physical / (params["digitalMax"] - params["digitalMin"]))
    except (KeyError, TypeError, ZeroDivisionError):
        return None


def _even(raw: Block, who: str, row: int) -> Iterator[Item]:
    for sensor in _EVEN:
        block = raw.get(sensor.key)
        values = _numbers(block, "values") if isinstance(block, dict) else np.zeros(0)
        if not isinstance(block, dict) or not values.size:
            continue
        time_us = _times(block, values.size)
        if time_us is None:
            yield _untimed(sensor.key, row, values.size)
        else:
            rows = np.arange(row, row + values.size, dtype=np.int64)
            fields: dict[str, Any] = {sensor.field: values}
            if sensor.stream == "steps":
                fields["steps"] = np.rint(values).astype(np.int64)
                fields["period"] = np.full(values.size, 1.0 / block["samplingFrequency"])
            yield samples(SYSTEM, sensor.stream, who, rows, time_us, **fields)
        row += values.size


def _beats(raw: Block, who: str, row: int) -> Iterator[Item]:
    """Yield the intervals between neighbouring systolic peaks."""
    block = raw.get("systolicPeaks")
    peaks = block.get("peaksTimeNanos") if isinstance(block, dict) else None
    if not isinstance(peaks, np.ndarray) or len(peaks) < 2:
        return
    time_us = np.sort(peaks) // 1000
    gaps = np.diff(np.sort(peaks)) / 1e3
    near = (gaps > 0) & (gaps <= LONGEST_BEAT_US)
    rows = np.arange(row, row + int(near.sum()), dtype=np.int64)
    if rows.size:
        yield samples(
            *(SYSTEM, "beat_intervals", who, rows, time_us[1:][near]), interval=gaps[near] / 1e3
        )


def _tags(raw: Block, who: str, row: int) -> Iterator[Item]:
    block = raw.get("tags")
    marks = block.get("tagsTimeMicros") if isinstance(block, dict) else None
    if isinstance(marks, np.ndarray) and marks.size:
        rows = np.arange(row, row + marks.size, dtype=np.int64)
        yield samples(SYSTEM, "event_marks", who, rows, marks.astype(np.int64))


# -- example ---------------------------------------------------------------------------------------


def _record_type(name: str, **fields: object) -> dict[str, object]:
    listed = [{"name": key, "type": kind} for key, kind in fields.items()]
    return {"type": "record", "name": name, "fields": listed}


def _example_schema() -> dict[str, object]:
    even = {"timestampStart": "long", "samplingFrequency": "float"}
    floats, wholes = {"type": "array", "items": "float"}, {"type": "array", "items": "long"}
    ints = {"type": "array", "items": "int"}
    params = _record_type(
        "ImuParams", physicalMin="int", physicalMax="int", digitalMin="int", digitalMax="int"
    )
    raw = _record_type(
        "RawData",
        accelerometer=_record_type("Imu", **even, imuParams=params, x=ints, y=ints, z=ints),
        gyroscope="Imu",
        eda=_record_type("Even", **even, values=floats),
        temperature="Even",
        bvp="Even",
        steps="Even",
        systolicPeaks=_record_type("Peaks", peaksTimeNanos=wholes),
        tags=_record_type("Tags", tagsTimeMicros=wholes),
    )
    version = _record_type("Version", major="int", minor="int", patch="int")
    enrolment = _record_type("Enrollment", participantID="string", siteID="string")
    whole = {"schemaVersion": version, "timezone": "int", "enrollment": enrolment, "rawData": raw}
    return {**_record_type("EmbracePlus", **whole), "namespace": "com.empatica"}


def _example(folder: Path) -> None:
    start = 1_714_557_600_000_000
    imu = {
        "timestampStart": start,
        "samplingFrequency": 64.0,
        "imuParams": {
            "physicalMin": -16,
            "physicalMax": 16,
            "digitalMin": -32768,
            "digitalMax": 32767,
        },
        "x": [1, -2, 3],
        "y": [0, 0, 300],
        "z": [2048, 2047, 2050],
    }

    def even(rate: float, values: list[float]) -> dict[str, object]:
        return {"timestampStart": start, "samplingFrequency": rate, "values": values}

    raw = {
        "accelerometer": imu,
        "gyroscope": imu,
        "eda": even(4.0, [0.51, 0.52]),
        "temperature": even(1.0, [33.1]),
        "bvp": even(64.0, [0.5, -0.25, 1.5]),
        "steps": even(0.2, [0.0, 4.0]),
        "systolicPeaks": {"peaksTimeNanos": [start * 1000 + i * 812_500_000 for i in range(4)]},
        "tags": {"tagsTimeMicros": [start + 10_250_000]},
    }
    record = {
        "schemaVersion": {"major": 6, "minor": 4, "patch": 0},
        "timezone": 7200,
        "enrollment": {"participantID": "E01", "siteID": "1"},
        "rawData": raw,
    }
    write_avro(folder / "1-1-E01_1714557600.avro", _example_schema(), [record])
    (folder / "1-1-E01_2024-05-01_eda.csv").write_text(
        "timestamp_unix,timestamp_iso,participant_full_id,eda_scl_usiemens,missing_value_reason\n"
        "1714557600000,2024-05-01T10:00:00Z,1-1-E01,0.512,\n"
        "1714557660000,2024-05-01T10:01:00Z,1-1-E01,,device_not_recording\n",
        encoding="utf-8",
    )


SOURCE = Source(
    name="embraceplus",
    title="Empatica EmbracePlus",
    formats=("<participant>_<second>.avro", "<participant>_<day>_<biomarker>.csv"),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
    headers=tuple(
        ("timestamp_unix", "timestamp_iso", "participant_full_id", name) for name in MINUTES
    ),
)
