"""The CSV files of a Fitbit export.

A file of steps may have a `data source`: the tracker and the phone both count the same steps, and
an app mirrors them once more. Where their minutes overlap, the tracker's are kept, then the
phone's (MobileTrack), then those that came through Health Connect or HealthKit.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.clock import DAY_US, SECOND_US
from euthymia.ground.codes import OWN
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened
from euthymia.sources.fitbit_sleep import RESTING
from euthymia.sources.overlap import counted_once
from euthymia.sources.shapes import Facts, codes, samples
from euthymia.sources.table import Chunk, Layout, fits, header_of, joined, read_table
from euthymia.sources.wall_clock import to_instants

RMSSD: Final = OWN + "fitbit.hrv-rmssd"
"""RMSSD of five minutes of sleep [ms], as the device computed it."""
_STAGES: Final = {"AWAKE": 0, "LIGHT": 1, "DEEP": 2, "REM": 3, "ASLEEP": 4, "RESTLESS": 6}
_MIRROR: Final = re.compile(r"health ?(connect|kit)", re.IGNORECASE)
_PHONE: Final = re.compile(r"mobile ?track|phone", re.IGNORECASE)
_COUNTED_BY_ANOTHER: Final = (
    "the same minute is counted by the tracker or another source that is preferred; steps are "
    "counted once"
)
_AT: Final = Column("time", ("timestamp",), Kind.INSTANT)


@dataclass(frozen=True, slots=True)
class _Table:
    """One kind of file: its columns, and what a stretch of it (or the `whole` of it) becomes."""

    columns: tuple[Column, ...]
    make: Callable[[Chunk, Opened, str, str], Iterator[Item]]
    whole: bool = False

    @property
    def layout(self) -> Layout:
        return Layout(self.columns)


def _stream(stream: str, field: str, **fixed: float) -> Callable[..., Iterator[Item]]:
    def make(chunk: Chunk, _opened: Opened, name: str, who: str) -> Iterator[Item]:
        also = {key: np.full(chunk.rows.size, value) for key, value in fixed.items()}
        yield samples(
            device_id(name, who).system,
            stream,
            who,
            chunk.rows,
            chunk.times("time"),
            **{field: chunk.columns["value"]},
            **also,
        )

    return make


def _sleep(chunk: Chunk, _opened: Opened, name: str, who: str) -> Iterator[Item]:
    start, end = chunk.times("time"), chunk.times("end")
    length = (end - start) / SECOND_US
    bad = (length < 0) | (length > 172_800)
    for row in chunk.rows[bad].tolist():
        yield Reject(row, "sleep_stage_end is before sleep_stage_start or two days after it")
    kept = pa.array(~bad)
    stage = codes(chunk.columns["stage"], _STAGES)
    if bad.all():
        return
    yield samples(
        device_id(name, who).system,
        "sleep_stages",
        who,
        chunk.rows[~bad],
        start[~bad],
        stage=stage.filter(kept),
        duration=length[~bad].astype(np.float32),
        session=chunk.columns["session"].filter(kept) if "session" in chunk.columns else None,
    )


def _variability(chunk: Chunk, opened: Opened, name: str, who: str) -> Iterator[Item]:
    subject = device_id(name, who)
    time_us = to_instants(chunk.times("time"), opened.context.zone_for(subject))
    facts = Facts(name)
    values = chunk.floats("value").tolist()
    for row, at, value in zip(chunk.rows.tolist(), time_us.tolist(), values, strict=True):
        facts.add(row, subject, RMSSD, time_us=at, number=value, unit="ms")
    yield from facts.take()


def _resting(chunk: Chunk, opened: Opened, name: str, who: str) -> Iterator[Item]:
    """Keep the rate of each date: 00:00:00Z here names the date on the person's wall."""
    subject = device_id(name, who)
    written = chunk.times("time")
    midnight = to_instants(written, opened.context.zone_for(subject))
    time_us = np.where(written % DAY_US == 0, midnight, written)
    facts = Facts(name)
    values = chunk.floats("value").tolist()
    for row, at, value in zip(chunk.rows.tolist(), time_us.tolist(), values, strict=True):
        facts.add(row, subject, RESTING, time_us=at, number=value, unit="/min")
    yield from facts.take()


def _once(chunk: Chunk, opened: Opened, name: str, who: str) -> Iterator[Item]:
    """Keep the steps of each minute once, whichever sources counted them."""
    time_us = chunk.times("time")
    if "source" not in chunk.columns:
        yield from _minutes(chunk, opened, name, who)
        return
    keep = counted_once(time_us, time_us + 60 * SECOND_US, _places(chunk.columns["source"]))
    yield from _minutes(chunk.of(keep), opened, name, who)
    lost = chunk.rows[~keep]
    for run in np.split(lost, np.flatnonzero(np.diff(lost) > 1) + 1):
        if run.size:
            yield Reject(int(run[0]), _COUNTED_BY_ANOTHER, int(run.size))


def _places(sources: pa.Array) -> NDArray[np.int64]:
    """Return the place of each row's source in the order of preference: then by how much it has."""
    encoded = sources.fill_null("").dictionary_encode()
    which = encoded.indices.to_numpy(zero_copy_only=False)
    known, amount = encoded.dictionary.to_pylist(), np.bincount(which)

    def preferred(number: int) -> tuple[int, int]:
        source = known[number]
        kind = 2 if _MIRROR.search(source) else 1 if _PHONE.search(source) else 0
        return kind, -int(amount[number])

    place = np.zeros(len(known), np.int64)
    place[sorted(range(len(known)), key=preferred)] = np.arange(len(known))
    return np.asarray(place[which])


def _left(reason: str) -> Callable[..., Iterator[Item]]:
    def make(chunk: Chunk, _opened: Opened, _name: str, _who: str) -> Iterator[Item]:
        yield Reject(int(chunk.rows[0]), f"{reason}: not kept", chunk.rows.size)

    return make


def _steps(name: str) -> Column:
    return Column("value", (name,), Kind.WHOLE, low=0, high=100_000)


_minutes = _stream("steps", "steps", period=60.0)
_RATE: Final = (_AT, Column("value", ("beats per minute",)))
_TABLES: Final = (
    _Table(_RATE, _stream("heart_rate", "rate")),
    _Table(
        (_AT, _steps("steps"), Column("way", ("distance millimeters",))),
        _left("steps of a live pace are in the file of steps as well"),
    ),
    _Table(
        (
            Column("time", ("recorded_time",), Kind.WALL),
            Column("value", ("temperature",)),
            Column("sensor", ("sensor_type",), Kind.TEXT),
        ),
        _left("a wrist's temperature is told as the distance from the person's own baseline"),
    ),
    _Table(
        (
            *(_AT, _steps("steps")),
            Column("source", ("data source",), Kind.TEXT, required=False, nullable=True),
        ),
        _once,
        whole=True,
    ),
    _Table(
        (_AT, Column("value", ("oxygen saturation percentage",))),
        _stream("oxygen_saturation", "value"),
    ),
    _Table(
        (
            Column("time", ("sleep_stage_start",), Kind.INSTANT),
            Column("end", ("sleep_stage_end",), Kind.INSTANT),
            Column("stage", ("sleep_stage_type",), Kind.CHOICE, choices=_STAGES),
            Column("session", ("sleep_id",), Kind.TEXT, required=False, nullable=True),
        ),
        _sleep,
    ),
    _Table(
        (
            Column("time", ("timestamp",), Kind.WALL),
            Column("value", ("rmssd",)),
            Column("coverage", ("coverage",)),
            Column("low", ("low_frequency",)),
            Column("high", ("high_frequency",)),
        ),
        _variability,
    ),
)
_SPO2: Final = _Table(
    (_AT, Column("value", ("value",), low=0, high=100)), _stream("oxygen_saturation", "value")
)


_OF_RESTING: Final = _Table(_RATE, _resting)
_NAMED_RESTING: Final = re.compile(r"(daily_)?resting_heart_rate(_.*)?", re.IGNORECASE)
"""Files whose columns are those of another kind."""


def table_headers() -> tuple[tuple[str, ...], ...]:
    """Return the columns of each kind of file."""
    return tuple(tuple(c.aliases[0] for c in t.columns if c.required) for t in _TABLES)


def _table(head: bytes) -> _Table | None:
    found = next((t for t in _TABLES if fits(t.layout, head)), None)
    if found is None and header_of(head) == ("timestamp", "value"):
        return _SPO2 if header_of(head, 1)[:1] and header_of(head, 1)[0].endswith("Z") else None
    return found


def is_table(head: bytes) -> bool:
    """Tell whether a file is one of these."""
    return _table(head) is not None


def read_tables(opened: Opened, name: str, who: str) -> Iterator[Item]:
    """Read one of these files, of the person `who` of the source `name`."""
    table = _table(opened.blob.head())
    if table is _TABLES[0] and _NAMED_RESTING.fullmatch(opened.path.stem):
        table = _OF_RESTING
    if table is None:
        yield Reject(1, "the columns are not those of a Fitbit table")
        return
    waiting: list[Chunk] = []
    for found in read_table(opened, table.layout):
        if isinstance(found, Reject):
            yield found
        elif table.whole:
            waiting.append(found)
        else:
            yield from table.make(found, opened, name, who)
    if waiting:
        yield from table.make(joined(waiting), opened, name, who)
