"""Wrist actigraphy: activity counts an epoch, by the clock of the device's wall.

The files have no time zone. Their clock is read in the zone on record for the person (or the one
that ingestion is told), by the rules of `wall_clock`. A table is one person's, by the file's name,
unless a column (`subject_id`, `participant`) says whose each row is.
"""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.actigraph_agd import is_agd, read_agd
from euthymia.sources.actigraph_csv import COUNTS, read_epochs
from euthymia.sources.actigraphy_clock import PREAMBLE, epoch_of
from euthymia.sources.cells import BadCellError, Column, Kind, moment, number
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import PEOPLE
from euthymia.sources.gather import Gather, reading
from euthymia.sources.phone_people import named_after
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk, Layout, fits, header_of, read_table
from euthymia.sources.wall_clock import DOUBTFUL, resolve

SYSTEM: Final = device_id("actigraph", "").system
FIRST_S: Final = 1e8  # the year 1973

_TIME_NAMES: Final = ("timestamp", "Timestamp", "datetime", "Date_Time", "time", "TIME")
_OTHERS: Final = {"user", "user_id", "userid", "uid", "device", "device_id", "group", "id"}
"""Columns of other tables: of a phone's classes of activity, or of rows that are numbered."""


def _is_instant(cell: str) -> bool:
    try:
        moment(cell, zoned=True)
    except BadCellError:
        return False
    return True


def _is_epoch(cell: str) -> bool:
    """Tell whether a cell is an epoch; the day 45425.5 of a spreadsheet is none."""
    try:
        return number(cell) >= FIRST_S
    except BadCellError:
        return False


def _layout(head: bytes) -> Layout:
    """Take the times for what the first of them is: an epoch, an instant, or a wall clock."""
    header, first = header_of(head), header_of(head, 1)
    place = next((i for i, name in enumerate(header) if name in _TIME_NAMES), 0)
    cell = first[place] if place < len(first) else ""
    kind = Kind.INSTANT if _is_instant(cell) else Kind.EPOCH if _is_epoch(cell) else Kind.WALL
    whose = tuple(name for name in header if PEOPLE.fullmatch(name))
    people = [Column("who", whose[:1], Kind.TEXT)] if whose else []
    return Layout((Column("time", _TIME_NAMES, kind), COUNTS, *people))


def _recognise(_path: PurePath, head: bytes) -> float:
    if is_agd(head):
        return 0.95
    if head.startswith(PREAMBLE):
        return 0.9 if b"Accelerometer X" not in head[:4096] else 0.0
    names = {name.lower() for name in header_of(head)}
    half = {"date", "time"} <= names and "timestamp" not in names  # a time of day alone
    return 0.8 if fits(_layout(head), head) and not half and not _OTHERS & names else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    head = opened.blob.head()
    who = opened.context.subject or named_after(opened)
    if is_agd(head):
        gather = Gather(SOURCE.name, who)
        yield from reading(gather, lambda: read_agd(opened.blob, gather, opened.context))
        return
    if head.startswith(PREAMBLE):
        yield from read_epochs(opened, SYSTEM, who)
        return
    chunks: list[Chunk] = []
    layout = _layout(head)
    for found in read_table(opened, layout):
        if isinstance(found, Reject):
            yield found
        else:
            chunks.append(found)
    if not chunks:
        return
    told = opened.context.subject is None and "who" in chunks[0].columns
    names = [c.columns["who"] if told else pa.repeat(pa.scalar(who), c.rows.size) for c in chunks]
    people = pa.chunked_array(names).combine_chunks()
    rows = np.concatenate([chunk.rows for chunk in chunks])
    counts = np.concatenate([chunk.floats("counts") for chunk in chunks])
    clock = np.concatenate([chunk.times("time") for chunk in chunks])
    for name in pc.unique(people).to_pylist():
        mine = pc.equal(people, name).to_numpy(zero_copy_only=False)
        time_us, own = clock[mine], rows[mine]
        sure = np.ones(own.size, np.bool_)
        epoch = np.full(own.size, epoch_of(time_us), np.float32)
        if layout.columns[0].kind is Kind.WALL:
            found_at = resolve(time_us, opened.context.zone_for(device_id(SOURCE.name, name)))
            time_us, sure = found_at.time_us, ~found_at.doubtful
        yield from (Reject(row, DOUBTFUL) for row in own[~sure].tolist())
        if sure.any():
            fields = {"counts": counts[mine][sure], "epoch": epoch[sure]}
            yield samples(SYSTEM, "activity_counts", name, own[sure], time_us[sure], **fields)


def _example(folder: Path) -> None:
    rows = [f"2024-05-01 12:{minute:02d}:00,2024-05-01,{minute * 7 % 50}" for minute in range(30)]
    text = "timestamp,date,activity\n" + "\n".join(rows) + "\n"
    (folder / "A01.csv").write_text(text, encoding="utf-8")


SOURCE = Source(
    name="actigraph",
    title="Actigraphy counts",
    formats=(
        "<id>.csv with timestamp[,date],activity",
        "ActiGraph CSV with its preamble",
        "<id>.agd of ActiLife",
    ),
    recognise=_recognise,
    read=_read,
    example=_example,
    by_path=True,
    headers=(("timestamp", "activity"),),
)
