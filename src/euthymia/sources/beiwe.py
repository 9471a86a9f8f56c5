"""Beiwe: hourly CSV files of a phone, `<participant>/<stream>/YYYY-MM-DD HH_00_00.csv`."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject, Samples
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.shapes import codes, hashed, samples
from euthymia.sources.table import Chunk, Layout, fits, read_table

STANDARD_GRAVITY: Final = 9.80665  # m/s2
_HOURLY: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d[_:]\d\d[_:]\d\d(\+00[_:]00)?\.csv")

_TIME: Final = Column("time", ("timestamp",), Kind.EPOCH)

# Event texts of the Android and the iOS app; the codes are those of our stream (AWARE's).
_SCREEN: Final = {
    "Screen turned off": 0,
    "Screen turned on": 1,
    "Locked": 2,
    "Unlocked": 3,
}
_DIRECTION: Final = {"Incoming Call": 1, "Outgoing Call": 2, "Missed Call": 3}
_SENT: Final = {"received SMS": 1, "sent SMS": 2, "received MMS": 1, "sent MMS": 2}


@dataclass(frozen=True, slots=True)
class _Stream:
    """One Beiwe stream: its columns, and how a chunk of rows becomes samples of ours."""

    layout: Layout
    make: Callable[[str, Chunk, Opened], Samples]


def _location(who: str, chunk: Chunk, _: Opened) -> Samples:
    return samples(
        *(SYSTEM, "location", who, chunk.rows, chunk.times("time")),
        latitude=chunk.floats("latitude"),
        longitude=chunk.floats("longitude"),
        altitude=chunk.columns.get("altitude"),
        accuracy=chunk.columns.get("accuracy"),
    )


def _screen(who: str, chunk: Chunk, _: Opened) -> Samples:
    state = codes(chunk.columns["event"], _SCREEN)
    return samples(SYSTEM, "screen", who, chunk.rows, chunk.times("time"), state=state)


def _calls(who: str, chunk: Chunk, opened: Opened) -> Samples:
    return samples(
        *(SYSTEM, "calls", who, chunk.rows, chunk.times("time")),
        direction=codes(chunk.columns["type"], _DIRECTION),
        duration=chunk.floats("duration"),
        contact=hashed(chunk.columns["contact"], opened.context.hasher),
    )


def _messages(who: str, chunk: Chunk, opened: Opened) -> Samples:
    return samples(
        *(SYSTEM, "messages", who, chunk.rows, chunk.times("time")),
        direction=codes(chunk.columns["type"], _SENT),
        length=chunk.columns["length"],
        contact=hashed(chunk.columns["contact"], opened.context.hasher),
    )


def _acceleration(who: str, chunk: Chunk, _: Opened) -> Samples:
    """Return g: iPhones write that, Androids m/s2; a phone mostly lies still, which tells them."""
    axes = {name: chunk.floats(name) for name in ("x", "y", "z")}
    size = np.sqrt(sum(np.square(values) for values in axes.values()))
    scale = STANDARD_GRAVITY if float(np.median(size)) > 4 else 1.0
    scaled = {name: values / scale for name, values in axes.items()}
    return samples(SYSTEM, "accelerometer", who, chunk.rows, chunk.times("time"), **scaled)


_CONTACT: Final = Column("contact", ("hashed phone number",), Kind.TEXT, nullable=True)
_STREAMS: Final = (
    _Stream(
        Layout(
            (
                _TIME,
                Column("latitude", ("latitude",)),
                Column("longitude", ("longitude",)),
                Column("altitude", ("altitude",), required=False, nullable=True),
                Column("accuracy", ("accuracy",), required=False, nullable=True),
            )
        ),
        _location,
    ),
    _Stream(
        Layout((_TIME, Column("event", ("event",), Kind.CHOICE, choices=_SCREEN))),
        _screen,
    ),
    _Stream(
        Layout(
            (
                _TIME,
                _CONTACT,
                Column("type", ("call type",), Kind.CHOICE, choices=_DIRECTION),
                Column("duration", ("duration in seconds",)),
            )
        ),
        _calls,
    ),
    _Stream(
        Layout(
            (
                _TIME,
                _CONTACT,
                Column("type", ("sent vs received",), Kind.CHOICE, choices=_SENT),
                Column(
                    "length", ("message length",), Kind.WHOLE, nullable=True, low=0, high=2**31 - 1
                ),
            )
        ),
        _messages,
    ),
    _Stream(
        Layout((_TIME, Column("x", ("x",)), Column("y", ("y",)), Column("z", ("z",)))),
        _acceleration,
    ),
)
_BEIWE_TIME: Final = Layout((_TIME, Column("utc", ("UTC time",), Kind.TEXT)))


def _stream(head: bytes) -> _Stream | None:
    """Every Beiwe file has both times in its header, and then what its stream needs."""
    if not fits(_BEIWE_TIME, head):
        return None
    return next((stream for stream in _STREAMS if fits(stream.layout, head)), None)


def _recognise(_path: PurePath, head: bytes) -> float:
    return 0.9 if _stream(head) else 0.0


def _group(path: PurePath) -> str | None:
    return str(path.parent) if _HOURLY.fullmatch(path.name) else None


def _read(opened: Opened) -> Iterator[Item]:
    heads = (part.blob.head() for part in opened.parts)
    stream = next((found for found in map(_stream, heads) if found), None)
    if stream is None:
        yield Reject(1, "none of the hourly files has the columns of a Beiwe stream")
        return
    folders = opened.path.parts
    who = opened.context.subject or (folders[-3] if len(folders) > 3 else opened.path.stem)
    for found in read_table(opened, stream.layout):
        yield found if isinstance(found, Reject) else stream.make(who, found, opened)


def _example(folder: Path) -> None:
    files = {
        "gps/2024-05-01 10_00_00.csv": (
            "timestamp,UTC time,latitude,longitude,altitude,accuracy\n"
            "1714557600000,2024-05-01T10:00:00.000,52.5,13.4,34.0,5.0\n"
            "1714557660000,2024-05-01T10:01:00.000,52.5001,13.4001,34.0,5.0\n"
        ),
        "power_state/2024-05-01 10_00_00.csv": (
            "timestamp,UTC time,event\n"
            "1714557601000,2024-05-01T10:00:01.000,Screen turned on\n"
            "1714557691000,2024-05-01T10:01:31.000,Screen turned off\n"
        ),
        "calls/2024-05-01 10_00_00.csv": (
            "hashed phone number,call type,timestamp,UTC time,duration in seconds\n"
            "c0ffee,Incoming Call,1714557700000,2024-05-01T10:01:40.000,61\n"
        ),
    }
    for name, text in files.items():
        path = folder / "example" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


SOURCE = Source(
    name="beiwe",
    title="Beiwe phone sensing",
    formats=("<participant>/{gps,power_state,calls,texts,accelerometer}/YYYY-MM-DD HH_00_00.csv",),
    recognise=_recognise,
    read=_read,
    example=_example,
    group=_group,
    headers=tuple(
        ("timestamp", "UTC time", *(c.aliases[0] for c in s.layout.columns if c is not _TIME))
        for s in _STREAMS
    ),
)
SYSTEM: Final = device_id(SOURCE.name, "").system
