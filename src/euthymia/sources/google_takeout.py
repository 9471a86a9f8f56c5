"""Google Takeout: Location History in its three forms, and Google Fit.

* `Records.json` (raw positions), `Semantic Location History/*.json` (visits and ways, before 2024)
  and the phone's own `Timeline.json` (Android and iOS). A visit is kept as the place at its start
  and at its end: that the person stayed in between is Google's inference, like the place itself.
  What the phone took its wearer to do at a moment (still, walking, in a vehicle) is kept too.
  Coordinates beyond 90 and 180 degrees are an overflow of 32 bits in old exports and put right.
* `Fit`: all its files of one person are one reading, because the same steps stand in many of them
  (each device's own, merged ones, and the table of each day). Finer and merged ones are preferred;
  what overlaps with them is counted, not kept.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import person_of
from euthymia.sources.gather import Gather, reading
from euthymia.sources.google_activity import activities_of, time_of
from euthymia.sources.google_fit import fit_folder, is_fit, read_fit
from euthymia.sources.json_stream import Element, begins_json, elements
from euthymia.sources.json_tree import Node, ShapeError, node, nodes, number

NAME: Final = "google_takeout"
SYSTEM: Final = device_id(NAME, "").system
_MARKS: Final = (
    b'"latitudeE7"',
    b'"timelineObjects"',
    b'"semanticSegments"',
    b'"rawSignals"',
    b'"durationMinutesOffsetFromStartTime"',
    b'"placeLocation"',
)
_LIST: Final = re.compile(rb'\s*\{\s*"(locations|timelineObjects|semanticSegments|rawSignals)"')
_PAIR: Final = re.compile(r"(?:geo:)?\s*(-?\d+(?:\.\d+)?)\s*°?\s*,\s*(-?\d+(?:\.\d+)?)\s*°?")

Fix = tuple[int, float, float, float | None, float | None, float | None]
"""Time [us], latitude, longitude, accuracy [m], altitude [m], speed [m/s]."""


def _recognise(path: PurePath, head: bytes) -> float:
    if is_fit(path, head):
        return 0.9
    if not begins_json(head):
        return 0.0
    known = bool(_LIST.match(head.removeprefix(b"\xef\xbb\xbf"))) or sum(m in head for m in _MARKS)
    return 0.9 if known else 0.0


def _is_whole(path: PurePath, head: bytes) -> bool:
    """Tell whether it is all that a phone, or a Takeout, holds of where somebody was."""
    if is_fit(path, head):
        return False
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    named = _LIST.match(plain)
    return plain.startswith(b"[") or (named is not None and named[1] != b"timelineObjects")


def _read(opened: Opened) -> Iterator[Item]:
    gather = Gather(NAME, person_of(opened))
    if any(is_fit(part.path, part.blob.head()) for part in opened.parts[:3]):
        yield from reading(gather, lambda: read_fit(opened, gather))
    else:
        yield from reading(gather, lambda: _places(opened, gather))


def _places(opened: Opened, gather: Gather) -> Iterator[None]:
    for element in elements(opened.blob):
        try:
            fixes = _fixes(element)
            seen = activities_of(element.value, element.key) if element.key in _SEEING else []
        except ShapeError as problem:
            gather.refuse(str(problem), element.place)
            continue
        if isinstance(fixes, list):
            if len(fixes) == 1:
                gather.sample("location", *fixes[0])
            else:
                _stretch(gather, fixes)
        elif seen:
            gather.sample("activity_class", *seen.pop())
        else:
            gather.leave(fixes)
        for one in seen:
            gather.beside("activity_class", *one)
        yield


def _stretch(gather: Gather, fixes: list[Fix]) -> None:
    columns = [np.array(column, np.float64) for column in list(zip(*fixes, strict=True))[1:]]
    names = ("latitude", "longitude", "accuracy", "altitude", "speed")
    gather.stretch(
        "location",
        np.array([fix[0] for fix in fixes], np.int64),
        **dict(zip(names, columns, strict=True)),
    )


def _fixes(element: Element) -> list[Fix] | str:
    """Return the positions of one element, or why it is not kept."""
    entry = element.value
    if not isinstance(entry, dict):
        if element.key is None or element.key in _BY_LIST:
            raise ShapeError("it is not an object")
        return "settings are not a measurement: not kept"
    reader = _BY_LIST.get(element.key or "", None if element.key else _segment)
    if reader is None:
        return "it is neither a position nor a segment of the timeline: not kept"
    found = reader(entry)
    return found or "it has no position: not kept"


def _degrees(value: float, size: float) -> float:
    """Return degrees from E7, undoing an overflow of 32 bits."""
    return (value - 2**32 if value > size * 1e7 else value) / 1e7


def _e7(entry: Node, latitude: str = "latitudeE7", longitude: str = "longitudeE7") -> list[float]:
    lat, lon = number(entry, latitude), number(entry, longitude)
    return [] if lat is None or lon is None else [_degrees(lat, 90), _degrees(lon, 180)]


def _record(entry: Node) -> list[Fix]:
    place = _e7(entry)
    if not place:
        return []
    time_us = time_of(entry, "timestamp", "timestampMs")
    fix = (number(entry, "accuracy"), number(entry, "altitude"), number(entry, "velocity"))
    return [(time_us, place[0], place[1], *fix)]


def _timeline_object(entry: Node) -> list[Fix]:
    visit, way = node(entry, "placeVisit"), node(entry, "activitySegment")
    span = node(visit or way or {}, "duration") or {}
    if not span:
        return []
    start = time_of(span, "startTimestamp", "startTimestampMs")
    end = time_of(span, "endTimestamp", "endTimestampMs")
    stay = node(visit, "location") or {} if visit else None
    begins, ends = (
        (stay, stay)
        if stay is not None
        else (node(way or {}, "startLocation") or {}, node(way or {}, "endLocation") or {})
    )
    path = nodes(node(visit or way or {}, "simplifiedRawPath") or {}, "points")
    found = _at(_e7(begins), start)
    for point in path:
        place = _e7(point, "latE7", "lngE7")
        time_us = time_of(point, "timestamp", "timestampMs")
        if place:
            found.append((time_us, *place[:2], number(point, "accuracyMeters"), None, None))  # type: ignore[arg-type]
    return found + _at(_e7(ends), end)


def _at(place: list[float], time_us: int) -> list[Fix]:
    return [(time_us, place[0], place[1], None, None, None)] if place else []


def _pair(value: object) -> list[float]:
    """Return `48.1°, 11.5°` or `geo:48.1,11.5`; Android wraps it into an object."""
    if isinstance(value, dict):
        value = value.get("latLng")
    found = _PAIR.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 64 else None
    return [float(part) for part in found.groups()] if found else []


def _segment(entry: Node) -> list[Fix]:
    start = time_of(entry, "startTime")
    end = time_of(entry, "endTime")
    visit, way = node(entry, "visit"), node(entry, "activity")
    if visit:
        at = _pair((node(visit, "topCandidate") or {}).get("placeLocation"))
        return _at(at, start) + _at(at, end)
    if way:
        return _at(_pair(way.get("start")), start) + _at(_pair(way.get("end")), end)
    found: list[Fix] = []
    for point in nodes(entry, "timelinePath"):
        found += _at(_pair(point.get("point")), _path_time(point, start))
    return found


def _path_time(point: Node, start: int) -> int:
    """Return the time of a point: its own, or (iOS) minutes after the segment's start."""
    minutes = point.get("durationMinutesOffsetFromStartTime")
    if minutes is None:
        return time_of(point, "time")
    try:
        offset = float(minutes)
    except (TypeError, ValueError):
        offset = -1.0
    if not 0 <= offset <= 60 * 24 * 366:
        raise ShapeError("durationMinutesOffsetFromStartTime is not a number of minutes")
    return start + round(offset * 60 * SECOND_US)


def _signal(entry: Node) -> list[Fix]:
    position = node(entry, "position")
    if position is None:
        return []
    at = _pair(position.get("LatLng"))
    if not at:
        return []
    fix = (
        number(position, "accuracyMeters"),
        number(position, "altitudeMeters"),
        number(position, "speedMetersPerSecond"),
    )
    return [(time_of(position, "timestamp"), at[0], at[1], *fix)]


_BY_LIST: Final[dict[str, Callable[[Node], list[Fix]]]] = {
    "locations": _record,
    "timelineObjects": _timeline_object,
    "semanticSegments": _segment,
    "rawSignals": _signal,
}
_SEEING: Final = frozenset({"locations", "rawSignals"})


def _example(folder: Path) -> None:
    home = folder / "anna" / "Takeout"
    (home / "Location History").mkdir(parents=True)
    (home / "Fit" / "All Data").mkdir(parents=True)
    (home / "Location History" / "Records.json").write_text(
        '{"locations": [\n {"latitudeE7": 525000000, "longitudeE7": 134000000, "accuracy": 12,'
        ' "timestamp": "2024-05-01T06:05:00.123Z"},\n {"latitudeE7": 525000000,'
        ' "longitudeE7": 4160967296, "accuracy": 12, "timestampMs": "1714543560000"}\n]}\n',
        encoding="utf-8",
    )
    name = "derived_com.google.step_count.delta_com.google.android.gms_estimated_steps.json"
    (home / "Fit" / "All Data" / name).write_text(
        '{"Data Source": "derived:com.google.step_count.delta", "Data Points": [\n'
        '{"fitValue": [{"value": {"intVal": 42}}], "startTimeNanos": 1714543500000000000,'
        ' "endTimeNanos": 1714543560000000000, "dataTypeName": "com.google.step_count.delta"}]}\n',
        encoding="utf-8",
    )


SOURCE = Source(
    name=NAME,
    title="Google Takeout (Location History, Google Fit)",
    formats=(
        "<id>/**/{Records,Timeline}.json",
        "<id>/**/Semantic Location History/**/*.json",
        "<id>/**/Fit/{All Data/*.json,Daily activity metrics/*.csv}",
    ),
    recognise=_recognise,
    read=_read,
    whole=_is_whole,
    example=_example,
    by_path=True,
    group=fit_folder,
)
