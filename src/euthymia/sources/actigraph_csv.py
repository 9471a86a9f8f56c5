"""ActiGraph's CSV of epochs: ten lines of settings, then a line an epoch, named or not.

Without a line of names the preamble's Mode says which columns there are: it is a sum of 1 (steps),
2 (heart rate), 4 (a second axis), 8 (a third), 16 (four of the inclinometer) and 32 (light); they
stand as axes, steps, heart rate, light, inclinometer. Kept are the counts of the vertical axis, the
steps and the light [lx].

A line may have its own time: a TimeStamp, or a Date and a Time written as in the preamble. Where
its clock is that of the preamble's Start Time it is the clock on the wall, even with a Z behind it;
else a Z is UTC.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import DAY_US, SECOND_US, to_micros
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.actigraphy_clock import LACKS, start_of
from euthymia.sources.cells import BadCellError, Column, Kind, moment
from euthymia.sources.contract import Opened
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk, Layout, read_table
from euthymia.sources.wall_clock import to_instants

COUNTS: Final = Column("counts", ("activity", "Activity", "Axis1", "axis1", "counts"))
_STEPS: Final = Column(
    "steps", ("Steps", "steps"), Kind.WHOLE, required=False, nullable=True, low=0, high=1e5
)
_LUX: Final = Column("lux", ("Lux", "lux"), required=False, nullable=True, low=0, high=2e5)
_TIME: Final = Column("time", ("TimeStamp", "Timestamp", "timestamp"), Kind.TEXT, required=False)
_DAY: Final = Column("day", ("Date", "date"), Kind.TEXT, required=False, nullable=True)
_HOUR: Final = Column("hour", ("Time", "time"), Kind.TEXT, required=False, nullable=True)
_MODE: Final = re.compile(r"Mode = (\d{1,2})\b")
_PERIOD: Final = re.compile(r"Epoch Period \(hh:mm:ss\) (\d\d):(\d\d):(\d\d)")
_BAD_TIME: Final = "TimeStamp is not YYYY-MM-DDThh:mm:ss"
_BAD_HOUR: Final = "Date and Time are not written as the preamble's Start Date and Start Time"
_CLOCK: Final = re.compile(r"Start Time (\d\d?):(\d\d):(\d\d)[,\s]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Preamble:
    """What stands before the epochs: their layout, their length [s], and the start [us, wall].

    There is no start where the lines tell their times and the preamble's date is none. `form` is
    the line that names the form of its dates.
    """

    layout: Layout
    form: str
    epoch_s: float
    start_us: int | None
    clock_us: int | None  # the start's time of day, where it is told in 24 hours


def read_epochs(opened: Opened, system: str, who: str) -> Iterator[Item]:
    """Read a file with a preamble.

    Raises
    ------
    SourceError
        If the preamble does not tell the start or the epoch.
    """
    told = _preamble(opened.blob.head())
    chunks: list[Chunk] = []
    for found in read_table(opened, told.layout):
        if isinstance(found, Reject):
            yield found
        else:
            chunks.append(found)
    if not chunks:
        return
    rows = np.concatenate([chunk.rows for chunk in chunks])
    zone = opened.context.zone_for(device_id("actigraph", who))
    keep = np.ones(rows.size, np.bool_)
    own = _own(chunks, told)
    if own is None:
        step = round(told.epoch_s * SECOND_US)
        time_us = to_instants((told.start_us or 0) + (rows - 1) * step, zone)
    else:
        wall, zoned, bad = own
        keep = wall >= 0
        for row in rows[~keep].tolist():
            yield Reject(row, bad)
        rows, wall = rows[keep], wall[keep]
        of_day = int(wall[0] % DAY_US) if wall.size else 0
        time_us = wall if zoned and of_day != told.clock_us else to_instants(wall, zone)
    counts, steps, lux = (_floats(chunks, name)[keep] for name in ("counts", "steps", "lux"))
    epoch = np.full(rows.size, told.epoch_s, np.float32)
    yield samples(system, "activity_counts", who, rows, time_us, counts=counts, epoch=epoch)
    for stream, field, values in (("steps", "steps", steps), ("light", "level", lux)):
        there = ~np.isnan(values)
        if there.any():
            also = {"period": epoch[there]} if stream == "steps" else {}
            where = rows[there], time_us[there]
            yield samples(system, stream, who, *where, **{field: values[there]}, **also)


def _floats(chunks: list[Chunk], name: str) -> NDArray[np.float64]:
    return np.concatenate(
        [
            chunk.floats(name) if name in chunk.columns else np.full(chunk.rows.size, np.nan)
            for chunk in chunks
        ]
    )


def _own(chunks: list[Chunk], told: _Preamble) -> tuple[NDArray[np.int64], bool, str] | None:
    """Return the lines' own times [us], whether they have a Z, and what a bad one (-1) is not."""

    def cells(name: str) -> list[str]:
        return [text or "" for chunk in chunks for text in chunk.columns[name].to_pylist()]

    if "time" in chunks[0].columns:
        texts = cells("time")
        wall = np.array([_wall(text) for text in texts], np.int64)
        return wall, bool(texts) and texts[0].endswith("Z"), _BAD_TIME
    if not {"day", "hour"} <= chunks[0].columns.keys() or told.start_us is None:
        return None
    pairs = zip(cells("day"), cells("hour"), strict=True)
    return np.array([_at(*pair, told.form) for pair in pairs], np.int64), False, _BAD_HOUR


def _wall(text: str) -> int:
    try:
        return moment(text.removesuffix("Z"), zoned=False)
    except BadCellError:
        return -1


def _at(day: str, hour: str, form: str) -> int:
    try:
        return to_micros(start_of(f"{form}\nStart Time {hour}\nStart Date {day}"))
    except SourceError:
        return -1


def _preamble(head: bytes) -> _Preamble:
    """Read the preamble: where the recording starts, its epoch, and which column is what."""
    lines = head.decode("latin-1").splitlines()
    rules = [i for i, line in enumerate(lines) if line.startswith("----------")]
    end = rules[1] if len(rules) > 1 else 0
    text = "\n".join(lines[:end])
    first = lines[end + 1] if len(lines) > end + 1 else ""
    layout = _layout(first, text, end + 1)
    timed = not layout.positional and any(name in first for name in _TIME.aliases)
    start: int | None = None
    try:
        start = to_micros(start_of(text))
    except SourceError:
        if not timed:
            raise
    period, clock = _PERIOD.search(text), _CLOCK.search(text)
    if not period:
        raise SourceError(LACKS)
    hours, minutes, seconds = map(int, period.groups())
    epoch_s = float(hours * 3600 + minutes * 60 + seconds)
    if not 0 < epoch_s <= 3600:
        raise SourceError("the ActiGraph preamble's Epoch Period is not between 1 s and 1 h")
    hour, minute, second = map(int, clock.groups()) if clock else (0, 0, 0)
    of_day = (hour * 3600 + minute * 60 + second) * SECOND_US if clock else None
    return _Preamble(layout, lines[0], epoch_s, start, of_day)


def _layout(first: str, preamble: str, skip: int) -> Layout:
    """Return the layout: a line of column names may be there; the vertical axis comes first."""
    if "axis1" in first.lower():
        return Layout((COUNTS, _STEPS, _LUX, _TIME, _DAY, _HOUR), skip_lines=skip)
    width = first.count(",") + 1
    columns = [COUNTS] + [
        Column(f"other{i}", (f"column {i + 1}",), Kind.TEXT, nullable=True) for i in range(1, width)
    ]
    found = _MODE.search(preamble)
    mode = int(found.group(1)) if found else 0
    steps, rate, second, third, inclined, light = (bool(mode & 1 << bit) for bit in range(6))
    if width == 1 + second + third + steps + rate + light + 4 * inclined:
        place = 1 + second + third
        if steps:
            columns[place] = _STEPS
        if light:
            columns[place + steps + rate] = _LUX
    return Layout(tuple(columns), positional=True, skip_lines=skip)
