"""Open mHealth data points in JSON (also IEEE 1752.1 bodies): heart rate, position, sleep time."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US
from euthymia.ground.codes import LOINC
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.blob import MiB
from euthymia.sources.contract import Opened, Source
from euthymia.sources.json_tree import Node, ShapeError, decode, instant, node, number, text
from euthymia.sources.shapes import Facts, samples

SYSTEM: Final = device_id("openmhealth", "").system
MAX_BYTES: Final = 256 * MiB
SLEEP_TIME: Final = LOINC + "93832-4"  # sleep duration
ONE_NIGHT_H: Final = 36.0  # a longer interval holds more than one sleep
LONGEST_S: Final = 366 * 86400.0
_SECONDS: Final = {"sec": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_BODIES: Final = ("heart_rate", "latitude", "total_sleep_time")


def _recognise(path: PurePath, head: bytes) -> float:
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
        return 0.0
    timed = b'"effective_time_frame"' in head
    known = any(f'"{body}"'.encode() in head for body in _BODIES)
    return 0.9 if timed and (known or "mhealth" in path.stem.lower()) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    points = decode(opened.blob.whole(MAX_BYTES))
    if isinstance(points, dict):
        points = [points]
    if not isinstance(points, list):
        raise SourceError("the file is neither a data point nor a list of them")
    who = opened.context.subject or opened.path.stem
    for row, point in enumerate(points, 1):
        try:
            yield from _point(row, who, point)
        except ShapeError as problem:
            yield Reject(row, f"data point {row}: {problem}")


def _point(row: int, who: str, point: object) -> Iterator[Item]:
    if not isinstance(point, dict):
        raise ShapeError("it is not an object")
    body = node(point, "body") or point
    name = next((name for name in _BODIES if name in body), None)
    if name is None:
        raise ShapeError("it is none of heart_rate, geoposition and total_sleep_time")
    yield from _READERS[name](row, who, body)


def _heart_rate(row: int, who: str, body: Node) -> Iterator[Item]:
    rate = _quantity(body, "heart_rate", {"beats/min": 1.0})
    _, end = _interval(body)
    yield samples(SYSTEM, "heart_rate", who, _one(row), _one(end), rate=np.array([rate]))


def _position(row: int, who: str, body: Node) -> Iterator[Item]:
    place = {name: _quantity(body, name, {"deg": 1.0}) for name in ("latitude", "longitude")}
    if "elevation" in body:
        place["altitude"] = _quantity(body, "elevation", {"m": 1.0})
    start, _ = _interval(body)
    values = {name: np.array([value]) for name, value in place.items()}
    yield samples(SYSTEM, "location", who, _one(row), _one(start), **values)


def _sleep(row: int, who: str, body: Node) -> Iterator[Item]:
    if text(body, "descriptive_statistic"):
        raise ShapeError("a statistic over many nights is not one night's total_sleep_time")
    hours = _quantity(body, "total_sleep_time", {u: s / 3600 for u, s in _SECONDS.items()})
    start, end = _interval(body)
    if (end - start) / SECOND_US / 3600 > ONE_NIGHT_H:
        raise ShapeError(f"its interval is longer than one night ({ONE_NIGHT_H:.0f} h)")
    facts = Facts(SOURCE.name)
    facts.add(row, (SYSTEM, who), SLEEP_TIME, time_us=end, number=hours, unit="h")
    yield from facts.take()


_READERS: Final[dict[str, Callable[[int, str, Node], Iterator[Item]]]] = {
    "heart_rate": _heart_rate,
    "latitude": _position,
    "total_sleep_time": _sleep,
}


def _one(value: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([value], np.int64)


def _quantity(body: Node, name: str, units: dict[str, float]) -> float:
    """Return a unit_value in our unit."""
    found = node(body, name) or {}
    value, unit = number(found, "value"), text(found, "unit")
    if value is None or unit not in units:
        raise ShapeError(f"{name} needs a value and a unit, one of {', '.join(units)}")
    return value * units[unit]


def _interval(body: Node) -> tuple[int, int]:
    """Return the start and end [us]; both are the same for a moment."""
    frame = node(body, "effective_time_frame") or {}
    moment = text(frame, "date_time")
    if moment:
        return (at := instant(moment, "date_time")), at
    span = node(frame, "time_interval") or {}
    start, end = text(span, "start_date_time"), text(span, "end_date_time")
    length = None
    if "duration" in span:
        seconds = _quantity(span, "duration", _SECONDS)
        if not 0 <= seconds < LONGEST_S:
            raise ShapeError("its duration is not between 0 and a year")
        length = round(seconds * SECOND_US)
    if start and end:
        both = instant(start, "start_date_time"), instant(end, "end_date_time")
    elif start and length is not None:
        both = (at := instant(start, "start_date_time")), at + length
    elif end and length is not None:
        both = (at := instant(end, "end_date_time")) - length, at
    else:
        raise ShapeError("its time frame has no date_time and no interval with a start and an end")
    if both[1] < both[0]:
        raise ShapeError("its interval ends before it starts")
    return both


def _example(folder: Path) -> None:
    morning = datetime(2024, 5, 1, 7, tzinfo=UTC).isoformat()
    (folder / "mhealth_heart_rate.json").write_text(
        '[{"heart_rate": {"value": 62, "unit": "beats/min"},'
        f' "effective_time_frame": {{"date_time": "{morning}"}}}},\n'
        ' {"total_sleep_time": {"value": 465, "unit": "min"}, "effective_time_frame":'
        ' {"time_interval": {"start_date_time": "2024-04-30T22:35:00Z",'
        f' "end_date_time": "{morning}"}}}}}}]\n',
        encoding="utf-8",
    )


SOURCE = Source(
    name="openmhealth",
    title="Open mHealth",
    formats=("*.json of data points",),
    recognise=_recognise,
    read=_read,
    example=_example,
)
