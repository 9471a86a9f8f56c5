"""Raw acceleration of the wrist or hip: GENEActiv and Axivity CSV, ActiGraph's raw CSV and .gt3x.

All of these devices write g. Their clocks are local: set where the device was started, and counted
on from there (no such device moves its clock at daylight saving), so the first time is read in the
person's zone and the others by what has passed since.

* GENEActiv: a hundred lines of settings, then `2012-05-23 16:47:50:000,x,y,z,lux,button,temp`.
* Axivity: `2014-05-07 16:29:30.040,x,y,z`, without a line of names or with one; or, without names,
  `1399480170.0400,x,y,z`: seconds since 1970 as its clock on the wall showed them. Others write
  such files in m/s2; in another unit they are refused.
* ActiGraph raw: ten lines of settings, which name the start and the rate, then x, y, z.
* .gt3x: `log.bin`, whose records each hold one second; a record with a wrong checksum is refused.
  A row is one record there, one line elsewhere.

ActiGraph, GT3X-File-Format, https://github.com/actigraph/GT3X-File-Format
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import DAY_US, SECOND_US, to_micros
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.actigraphy_clock import PREAMBLE, start_of
from euthymia.sources.cells import BadCellError, Column, Kind, moment
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import PEOPLE
from euthymia.sources.gather import Gather, reading
from euthymia.sources.gt3x import read_log, write_log
from euthymia.sources.lines import BOM
from euthymia.sources.motion import STANDARD_GRAVITY, per_g
from euthymia.sources.phone_people import named_after
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk, Layout, header_of, read_table
from euthymia.sources.wall_clock import to_instants

NAME: Final = "accelerometry"
SYSTEM: Final = device_id(NAME, "").system
TOGETHER: Final = 600  # records of a .gt3x that are handed over at once
_AXES: Final = tuple(Column(axis, (axis,), low=-640, high=640) for axis in "xyz")  # maybe m/s2
_RAW: Final = tuple(
    Column(axis, (f"Accelerometer {axis.upper()}",), low=-64, high=64) for axis in "xyz"
)
_STAMP: Final = Column("time", ("Timestamp",), Kind.TEXT, required=False, nullable=True)
_CLOCK: Final = re.compile(r" (\d{1,2}):(\d\d):(\d\d)(?:[.,]\d+)?(?: ?([AaPp])\.?[Mm]\.?)?$")
_AT_RATE: Final = re.compile(r"at (\d{2,3}) Hz")
_GENE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{3}")
_SECONDS: Final = re.compile(r"\d{9,10}\.\d+", re.ASCII)
_GENE_MARK: Final = b"Device Type,GENEActiv"


def _cells(line: bytes) -> list[str]:
    text = line.removeprefix(BOM).decode("latin-1")
    return [cell.strip() for cell in text.strip().split(",")]


def _gene_lines(head: bytes) -> int:
    """Return how many lines stand before GENEActiv's first sample; -1 if there is none in sight."""
    for i, line in enumerate(head.split(b"\n")[:400]):
        if _GENE.match(line.decode("latin-1")) and line.count(b",") >= 3:
            return i
    return -1


def _axivity(head: bytes) -> bool:
    for number, line in enumerate(head.split(b"\n")[:2]):
        cells = _cells(line)
        if len(cells) < 4 or not cells[0][:4].isdigit() or "." not in cells[1] + cells[3]:
            continue
        try:
            if number or not _SECONDS.fullmatch(cells[0]):
                moment(cells[0], zoned=False)
            return all(-64 <= float(cell) <= 64 for cell in cells[1:4])
        except (BadCellError, ValueError):
            continue
    return False


def _is_log(path: PurePath) -> bool:
    return path.name.lower() == "log.bin" and path.parent.suffix.lower() == ".gt3x"


def _recognise(path: PurePath, head: bytes) -> float:
    if _is_log(path) and head[:1] == b"\x1e":
        return 0.95
    if path.suffix.lower() != ".csv":
        return 0.0
    if head.startswith(PREAMBLE):
        return 0.95 if b"Accelerometer X" in head[:4096] else 0.0
    gene = _GENE_MARK in head[:4096] and _gene_lines(head) >= 0
    return 0.9 if gene else 0.75 if _axivity(head) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    head = opened.blob.head()
    if _is_log(opened.path):
        yield from _log(opened)
    elif head.startswith(PREAMBLE):
        yield from _actigraph(opened, head)
    elif _GENE_MARK in head[:4096]:
        yield from _gene(opened, head)
    else:
        yield from _timed(opened, _named(head))


def _named(head: bytes) -> Layout:
    """Return Axivity's layout: a time, three axes, and columns that are stepped over.

    Raises
    ------
    SourceError
        Its line of names says that it is something else.
    """
    lines = head.split(b"\n")[:2]
    named = 0 if _cells(lines[0])[0][:4].isdigit() else 1
    names = _cells(lines[0]) if named else []
    if any(PEOPLE.fullmatch(name) for name in names):
        raise SourceError("a column says whose each row is: make it a file a person, named by them")
    for name, axis in zip(names[1:4], "xyz", strict=False):
        told = set("xyz") & set(name.lower())
        if len(told) == 1 and axis not in told:
            raise SourceError("its columns are not a time, x, y and z, in this order: reorder them")
    width = len(_cells(lines[named])) if len(lines) > named else 4
    others = tuple(
        Column(f"other{i}", (f"column {i + 5}",), Kind.TEXT, nullable=True)
        for i in range(width - 4)
    )
    seconds = _SECONDS.fullmatch(_cells(lines[0])[0]) is not None
    time = Column("time", ("time",), Kind.EPOCH if seconds else Kind.WALL)
    return Layout((time, *_AXES, *others), positional=True, skip_lines=named)


def _instants(
    opened: Opened, who: str, first_wall: int, wall: NDArray[np.int64]
) -> NDArray[np.int64]:
    zone = opened.context.zone_for(device_id(NAME, who))
    first = int(to_instants(np.array([first_wall], np.int64), zone)[0])
    return np.asarray(wall + (first - first_wall), np.int64)


def _timed(opened: Opened, layout: Layout) -> Iterator[Item]:
    who, first, unit = opened.context.subject or named_after(opened), 0, 0.0
    for found in read_table(opened, layout):
        if isinstance(found, Reject):
            yield found
            continue
        wall = found.times("time")
        axes = {axis: found.floats(axis) for axis in "xyz"}
        if not unit:
            first, unit = int(wall[0]), per_g(axes, 1.0, STANDARD_GRAVITY)
        axes = {axis: values / unit for axis, values in axes.items()}
        yield samples(
            SYSTEM, "accelerometer", who, found.rows, _instants(opened, who, first, wall), **axes
        )


def _gene(opened: Opened, head: bytes) -> Iterator[Item]:
    """Read GENEActiv: its times have a colon before the milliseconds, so they are read as text."""
    skip = _gene_lines(head)
    width = len(_cells(head.split(b"\n")[skip]))
    others = tuple(
        Column(f"other{i}", (f"column {i + 5}",), Kind.TEXT, nullable=True)
        for i in range(width - 4)
    )
    layout = Layout(
        (Column("time", ("time",), Kind.TEXT), *_AXES, *others), positional=True, skip_lines=skip
    )
    who, first = opened.context.subject or named_after(opened), None
    for found in read_table(opened, layout):
        if isinstance(found, Reject):
            yield found
            continue
        wall = np.array([_gene_time(text) for text in found.columns["time"].to_pylist()], np.int64)
        good = wall >= 0
        for row in found.rows[~good].tolist():
            yield Reject(row, "a time is not YYYY-MM-DD hh:mm:ss:mmm")
        if not good.any():
            continue
        first = int(wall[good][0]) if first is None else first
        axes = {axis: found.floats(axis)[good] for axis in "xyz"}
        time_us = _instants(opened, who, first, wall[good])
        yield samples(SYSTEM, "accelerometer", who, found.rows[good], time_us, **axes)


def _gene_time(text: str) -> int:
    if not _GENE.fullmatch(text):
        return -1
    try:
        return moment(f"{text[:19]}.{text[20:]}", zoned=False)
    except BadCellError:
        return -1


def _actigraph(opened: Opened, head: bytes) -> Iterator[Item]:
    """Read ActiGraph's raw CSV: lines at an even rate from the start that the preamble names."""
    lines = head.decode("latin-1").splitlines()
    rules = [i for i, line in enumerate(lines) if line.startswith("----------")]
    end = rules[1] if len(rules) > 1 else 0
    rate = _AT_RATE.search("\n".join(lines[: end + 1]))
    if not rate:
        raise SourceError("the ActiGraph preamble names no rate (at .. Hz); export it again")
    start = to_micros(start_of("\n".join(lines[:end])))
    who = opened.context.subject or named_after(opened)
    layout = Layout((*_RAW, _STAMP), skip_lines=end + 1)
    if "Accelerometer X" not in header_of(head, end + 1):
        raise SourceError("the line of names does not follow the ActiGraph preamble")
    step = SECOND_US / int(rate.group(1))
    for found in read_table(opened, layout):
        if isinstance(found, Reject):
            yield found
            continue
        wall = start + np.rint((found.rows - 1) * step).astype(np.int64)
        _on_the_clock(found, wall)
        axes = {axis: found.floats(axis) for axis in "xyz"}
        yield samples(
            SYSTEM, "accelerometer", who, found.rows, _instants(opened, who, start, wall), **axes
        )


def _on_the_clock(chunk: Chunk, wall: NDArray[np.int64]) -> None:
    """Compare the time that lines may have themselves with the one that is counted.

    Raises
    ------
    SourceError
        They differ: lines were left out.
    """
    if "time" not in chunk.columns:
        return
    for place in (0, -1):
        found = _CLOCK.search(chunk.columns["time"][place].as_py() or "")
        if found is None:
            continue
        hour, minute, second = map(int, found.groups()[:3])
        if half := found.group(4):
            hour = hour % 12 + (12 if half in "Pp" else 0)
        apart = (hour * 3600 + minute * 60 + second) * SECOND_US - int(wall[place]) % DAY_US
        if SECOND_US < apart % DAY_US < DAY_US - SECOND_US:
            raise SourceError(
                f"line {int(chunk.rows[place])} after the names has another time than the start "
                "and the rate count: lines were left out; export the recording whole"
            )


def _log(opened: Opened) -> Iterator[Item]:
    who = opened.context.subject or opened.path.parent.stem
    gather = Gather(NAME, who)

    yield from reading(gather, lambda: _seconds(opened, who, gather))


def _seconds(opened: Opened, who: str, gather: Gather) -> Iterator[None]:
    """Read the log, a few minutes of records at a time."""
    first: int | None = None
    waiting: list[tuple[int, NDArray[np.float32]]] = []
    try:
        for second, axes in read_log(opened.blob, gather):
            first = second if first is None else first
            waiting.append((second, axes))
            if len(waiting) == TOGETHER:
                _hand_over(opened, who, gather, first, waiting)
                waiting.clear()
                yield
    finally:
        if first is not None and waiting:
            _hand_over(opened, who, gather, first, waiting)


def _hand_over(
    opened: Opened,
    who: str,
    gather: Gather,
    first: int,
    waiting: list[tuple[int, NDArray[np.float32]]],
) -> None:
    each = np.array([len(axes) for _, axes in waiting], np.int64)
    axes = np.concatenate([axes for _, axes in waiting])
    begin = np.repeat(np.array([second for second, _ in waiting], np.int64), each)
    inside = np.arange(len(axes)) - np.repeat(np.cumsum(each) - each, each)
    wall = begin * SECOND_US + np.rint(inside * SECOND_US / np.repeat(each, each)).astype(np.int64)
    time_us = _instants(opened, who, first * SECOND_US, wall)
    gather.column("accelerometer", time_us, each, x=axes[:, 0], y=axes[:, 1], z=axes[:, 2])


def _example(folder: Path) -> None:
    rows = "".join(f"2014-05-07 16:29:{30 + i}.040,-0.01,0.02,0.98\n" for i in range(5))
    (folder / "X01.csv").write_text(rows, encoding="utf-8")
    home = folder / "G01.gt3x"
    home.mkdir()
    write_log(home / "log.bin", 1_399_480_000, np.zeros((3, 30, 3), np.int16) + 256)


SOURCE = Source(
    name=NAME,
    title="Raw acceleration (GENEActiv, Axivity, ActiGraph)",
    formats=("<id>.csv of GENEActiv, Axivity or ActiGraph (raw)", "<id>.gt3x"),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
)
