"""Empatica E4: one CSV a sensor, without column names; start (UTC seconds) and rate come first."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

import numpy as np

from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import BadCellError, Column, Kind, epoch_micros, number
from euthymia.sources.contract import Opened, Source
from euthymia.sources.motion import AXES, E4_PER_G, per_g
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk, Layout, read_table

MAX_RATE: Final = 1000.0  # [Hz]; the E4's fastest sensor has 64
SYSTEM: Final = device_id("empatica", "").system

_TAGS: Final = re.compile(r"tags(_\w+)?", re.IGNORECASE)
_SESSION: Final = re.compile(
    r"""\d{9,11}(_[\w-]+)? | \d{4}-\d\d-\d\d.* | session.*
    | (empatica|e4|wrist(band)?)([ _-]?(e4|data))*""",
    re.VERBOSE | re.IGNORECASE,
)
"""Folders of a session, named by its start (1644227574_A0123F, 2024-05-01_1000), and of devices."""


@dataclass(frozen=True, slots=True)
class _Sensor:
    """An evenly sampled sensor: our stream, and its fields in the order of the file's cells."""

    stream: str
    fields: tuple[str, ...]


_SENSORS: Final = {
    "EDA": _Sensor("electrodermal_activity", ("level",)),
    "TEMP": _Sensor("skin_temperature", ("value",)),
    "HR": _Sensor("heart_rate", ("rate",)),
    "ACC": _Sensor("accelerometer", AXES),
    "BVP": _Sensor("blood_volume_pulse", ("value",)),
}


def _kind(path: PurePath) -> str:
    return "TAGS" if _TAGS.fullmatch(path.stem) else path.stem.upper()


def _lines(head: bytes) -> list[list[str]]:
    lines = head.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")[:3]
    return [[cell.strip() for cell in line.split(",")] for line in lines]


def _start(cells: list[str]) -> int:
    return epoch_micros(number(cells[0]))


def _recognise(path: PurePath, head: bytes) -> float:
    kind, lines = _kind(path), _lines(head)
    if path.suffix.lower() != ".csv" or kind not in {*_SENSORS, "IBI", "TAGS"}:
        return 0.0
    if not head and kind == "TAGS":
        return 0.5  # nobody pressed the button
    try:
        _start(lines[0])
    except BadCellError:
        return 0.0
    if kind == "IBI":
        return 0.9 if lines[0][1:] == ["IBI"] else 0.0
    width = len(_SENSORS[kind].fields) if kind in _SENSORS else 1
    return 0.9 if len(lines[0]) == width else 0.0


def _subject(opened: Opened) -> str:
    folders = list(opened.path.parent.parts)
    while len(folders) > 2 and _SESSION.fullmatch(folders[-1]):
        folders.pop()
    return opened.context.subject or folders[-1]


def _read(opened: Opened) -> Iterator[Item]:
    kind, who = _kind(opened.path), _subject(opened)
    if kind == "TAGS":
        yield from _read_tags(opened, who)
        return
    lines = _lines(opened.blob.head())
    try:
        start = _start(lines[0])
    except BadCellError:
        raise SourceError("line 1 is not the start of the recording (UTC seconds)") from None
    if kind == "IBI":
        yield from _read_beats(opened, who, start)
    elif len(lines) > 1:
        yield from _read_even(opened, who, start, _SENSORS[kind], _rate(lines[1]))


def _rate(cells: list[str]) -> float:
    try:
        rate = number(cells[0])
    except BadCellError:
        rate = 0.0
    if not 0 < rate <= MAX_RATE or len(set(cells)) > 1:
        raise SourceError(f"line 2 is not one sample rate between 0 and {MAX_RATE:.0f} Hz")
    return rate


def _read_even(
    opened: Opened, who: str, start: int, sensor: _Sensor, rate: float
) -> Iterator[Item]:
    """Yield samples at start + (n - 1) / rate: a bad line still takes its place in time.

    Acceleration is in 1/64 g, unless somebody has turned it into g.
    """
    unit = 0.0 if sensor.fields == AXES else 1.0
    columns = tuple(Column(name, (name,)) for name in sensor.fields)
    for found in read_table(opened, Layout(columns, positional=True, skip_lines=2)):
        if isinstance(found, Reject):
            yield found
            continue
        time_us = start + np.rint((found.rows - 1) * (1e6 / rate)).astype(np.int64)
        fields = {name: found.floats(name) for name in sensor.fields}
        unit = unit or per_g(fields, 1.0, E4_PER_G)
        fields = {name: values / unit for name, values in fields.items()}
        yield samples(SYSTEM, sensor.stream, who, found.rows, time_us, **fields)


def _read_beats(opened: Opened, who: str, start: int) -> Iterator[Item]:
    offset = Column("offset", ("seconds since the start",), low=0, high=1e8)
    layout = Layout((offset, Column("interval", ("IBI",))), positional=True, skip_lines=1)

    def make(chunk: Chunk) -> Item:
        time_us = start + np.rint(chunk.floats("offset") * 1e6).astype(np.int64)
        interval = chunk.floats("interval") * 1e3
        return samples(SYSTEM, "beat_intervals", who, chunk.rows, time_us, interval=interval)

    yield from _each(opened, layout, make)


def _read_tags(opened: Opened, who: str) -> Iterator[Item]:
    layout = Layout((Column("time", ("time",), Kind.EPOCH),), positional=True)
    if not opened.blob.head(1) and not opened.blob.cut:
        return
    yield from _each(
        opened,
        layout,
        lambda chunk: samples(SYSTEM, "event_marks", who, chunk.rows, chunk.times("time")),
    )


def _each(opened: Opened, layout: Layout, make: Callable[[Chunk], Item]) -> Iterator[Item]:
    for found in read_table(opened, layout):
        yield found if isinstance(found, Reject) else make(found)


def _example(folder: Path) -> None:
    home = folder / "E01"
    home.mkdir(parents=True)
    start = "1714557600.000000"
    texts = {
        "EDA": f"{start}\n4.000000\n0.512\n0.515\n0.520\n",
        "TEMP": f"{start}\n4.000000\n33.10\n33.11\n",
        "HR": f"{start}\n1.000000\n72.00\n71.50\n",
        "ACC": f"{', '.join([start] * 3)}\n{', '.join(['32.000000'] * 3)}\n2,10,63\n2,11,63\n",
        "IBI": f"{start}, IBI\n1.250000,0.812500\n2.062500,0.812500\n",
        "tags": "1714557610.25\n",
    }
    for name, text in texts.items():
        (home / f"{name}.csv").write_text(text, encoding="utf-8")


SOURCE = Source(
    name="empatica",
    title="Empatica E4 wristband",
    formats=("<id>/[<session>/]{EDA,TEMP,HR,ACC,BVP,IBI,tags}.csv",),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
