"""mindLAMP: sensor events and activity events as JSON, in a list or one a line.

`[{"timestamp": ms, "sensor": "lamp.gps", "data": {...}}, ...]`, the same inside `{"data": [...]}`
as the server answers, by sensor (`{"lamp.gps": [{"timestamp": ms, ...}]}`) as cortex keeps them,
and surveys (`{"timestamp": ms, "activity": id, "temporal_slices": [...]}`).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, Final

from euthymia.ground.errors import SourceError
from euthymia.ground.records import Item, Reject
from euthymia.sources.blob import Blob
from euthymia.sources.cells import BadCellError, epoch_micros
from euthymia.sources.contract import Opened, Source
from euthymia.sources.json_stream import begins_json, elements
from euthymia.sources.json_tree import ShapeError
from euthymia.sources.lines import BOM, Gap, blocks
from euthymia.sources.mindlamp_events import NOT_KEPT, READERS, SENSOR_ALIASES, analytics, survey
from euthymia.sources.motion import table_in_g
from euthymia.sources.phone_people import named_after
from euthymia.sources.recorded import Recorded
from euthymia.sources.step_totals import Totals

_FILES: Final = frozenset(
    (
        *SENSOR_ALIASES,
        *(name.removeprefix("lamp.") for name in SENSOR_ALIASES),
        *("sensor_events", "sensorevents", "sensor_event", "sensorevent", "sensors", "events"),
        *("activity_events", "activityevents", "activity_event", "activityevent", "surveys"),
        *("data", "export", "lamp.survey", "survey", "lamp.analytics", "analytics"),
    )
)
_PEOPLE: Final = ("#parent", "participant", "participant_id", "participantID")


def _recognise(_path: PurePath, head: bytes) -> float:
    if not begins_json(head) or b'"timestamp"' not in head:
        return 0.0
    lamp = b'"lamp.' in head or b'"com.apple.sensorkit.' in head
    surveys = b'"temporal_slices"' in head and b'"activity"' in head
    return 0.95 if lamp or surveys else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    home = opened.context.subject or named_after(opened, _FILES)
    out = Recorded("mindlamp", "event", {"accelerometer": table_in_g})
    totals = Totals(out, opened.context)
    problem = None
    try:
        for key, value in _events(opened.blob):
            _event(out, totals, key, value, home, opened)
            if out.full:
                yield from out.flush()
    except SourceError as found:
        problem = found
    yield from totals.finish()
    yield from out.flush()
    if problem is not None:
        yield Reject(out.row + 1, str(problem))


def _events(blob: Blob) -> Iterator[tuple[str | None, object]]:
    """Yield (the list's name, event) of a document, or of a file with one event a line."""
    if not _one_a_line(blob.head()):
        for element in elements(blob):
            if element.key in {"error", "message", "next", "total"} and element.number == 1:
                continue  # the server's answer around the events
            yield element.key, element.value
        return
    for block in blocks(blob):
        if isinstance(block, Gap):
            raise SourceError(block.reason)
        for line in block.data.split(b"\n"):
            if not line.strip():
                continue
            try:
                yield None, json.loads(line)
            except (ValueError, RecursionError):
                yield None, None


def _one_a_line(head: bytes) -> bool:
    lines = head.removeprefix(BOM).lstrip().split(b"\n", 2)
    if not lines[0].lstrip().startswith(b"{"):
        return False
    try:
        first = json.loads(lines[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and "timestamp" in first


def _event(
    out: Recorded, totals: Totals, key: str | None, event: object, home: str, opened: Opened
) -> None:
    if not isinstance(event, dict):
        out.refuse("it is not one JSON object")
        return
    who = opened.context.subject or _participant(event) or home
    try:
        time_us = _instant(event)
        if "temporal_slices" in event:
            out.take(who, survey(time_us, event))
            return
        sensor = _sensor(event, key)
        data = _data(event)
        if sensor == "lamp.steps" and totals.takes(data):
            totals.take(who, time_us, data)
        elif sensor == "lamp.analytics":
            out.take(who, analytics(time_us, data, opened.context.hasher))
        else:
            out.take(who, _reader(sensor)(time_us, data, opened.context.hasher))
    except ShapeError as problem:
        out.refuse(str(problem))
    except (ValueError, RecursionError):
        out.refuse("its data is not JSON")


def _data(event: dict[str, Any]) -> dict[str, Any]:
    found = event.get("data", event)
    if isinstance(found, str):  # some exports keep the data as JSON within the JSON
        found = json.loads(found) if len(found) < 1 << 20 else None
    if not isinstance(found, dict):
        raise ShapeError("its data is not an object")
    return found


def _participant(event: Mapping[str, Any]) -> str | None:
    found = (event.get(name) for name in _PEOPLE)
    return next((who for who in found if isinstance(who, str) and who.strip()), None)


def _instant(event: Mapping[str, Any]) -> int:
    stamp = event.get("timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        raise ShapeError("its timestamp is not a number (milliseconds since 1970)")
    try:
        return epoch_micros(stamp)
    except (BadCellError, OverflowError, ValueError):
        raise ShapeError("its timestamp is no time of the calendar") from None


def _sensor(event: Mapping[str, Any], key: str | None) -> str:
    name = event.get("sensor", key)
    if not isinstance(name, str):
        raise ShapeError("it names no sensor")
    return SENSOR_ALIASES.get(name, name)


def _reader(sensor: str) -> Any:  # noqa: ANN401  (one of READERS)
    reader = READERS.get(sensor)
    if reader is None:
        said = sensor if sensor in NOT_KEPT else "this sensor"
        raise ShapeError(f"nothing is kept of {said}")
    return reader


def _example(folder: Path) -> None:
    start = 1_714_557_600_000
    events: list[tuple[str, dict[str, Any]]] = [
        ("lamp.gps", {"latitude": 42.3, "longitude": -71.1, "altitude": 12.5, "accuracy": 20}),
        ("lamp.accelerometer", {"x": 0.01, "y": -0.02, "z": -0.99}),
        ("lamp.device_state", {"value": 0, "representation": "screen_on", "battery_level": 0.8}),
        ("lamp.telephony", {"type": "incoming", "duration": 24, "trace": "22F2"}),
        ("lamp.steps", {"value": 13, "type": "step_count", "source": "com.google.android.gms"}),
        ("lamp.sleep", {"value": 1, "representation": "in_sleep", "duration": 12_523_000}),
        ("lamp.heart_rate", {"value": 62, "unit": "bpm"}),
        ("lamp.nearby_device", {"type": "bluetooth", "address": "3FC6", "strength": -95}),
        ("lamp.analytics", {"type": "login", "device_type": "Android"}),
    ]
    sensed = [
        {"timestamp": start + i * 60_000, "sensor": sensor, "data": data}
        for i, (sensor, data) in enumerate(events)
    ]
    slices = [{"item": "mood", "value": "2", "type": None, "level": None, "duration": 2500}]
    surveys = [{"timestamp": start, "activity": "a1", "temporal_slices": slices, "duration": 9}]
    home = folder / "U1234567890"
    home.mkdir()
    (home / "sensor_events.json").write_text(json.dumps(sensed, indent=1), encoding="utf-8")
    (home / "activity_events.json").write_text(json.dumps(surveys), encoding="utf-8")


SOURCE = Source(
    name="mindlamp",
    title="mindLAMP",
    formats=(
        "<participant>/sensor_events.json",
        "<participant>/activity_events.json",
        "<participant>.json",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
