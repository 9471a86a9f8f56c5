"""The tables of Health Connect's database; see `health_connect` for the rules."""

import sqlite3
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.codes import LOINC, OWN
from euthymia.sources.database import rows_of
from euthymia.sources.gather import Gather
from euthymia.sources.overlap import counted_once

RESTING: Final = LOINC + "40443-4"  # resting heart rate
RMSSD: Final = OWN + "health_connect.hrv-rmssd"
LONGEST_MS: Final = 172_800_000
LATEST_MS: Final = 253_402_300_799_000
STAGES: Final = {1: 0, 2: 4, 3: 0, 4: 1, 5: 2, 6: 3, 7: 0}
_ACTIVITY, _SLEEP = 1, 5  # categories of Health Connect's priorities
_TIME: Final = "a time is not milliseconds, or an end is before its start or two days after it"
_VALUE: Final = "a value is not a number in its range"
TWICE: Final = (
    "the same time is reported by an app that the person prefers; steps and sleep are counted once"
)
UNKNOWN_STAGE: Final = "a stage of sleep that the app did not know: not kept"

Tables = Mapping[str, tuple[str, ...]]
Micros = NDArray[np.int64]
Marks = NDArray[np.bool_]


def _whole(value: object, low: int, high: int) -> int | None:
    """Return an integer of a database; text that is one counts, as some exports have it."""
    if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 16:
        value = int(value)
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return value if good and isinstance(value, int) else None


def _real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12:
        return None
    return float(value) if value == value else None  # noqa: PLR0124  (not NaN)


@dataclass(slots=True)
class Spans:
    """Intervals of several apps, of which each time is to be counted once."""

    start: "array[int]" = field(default_factory=lambda: array("q"))
    end: "array[int]" = field(default_factory=lambda: array("q"))
    value: "array[int]" = field(default_factory=lambda: array("q"))
    app: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, start: int, end: int, value: int, app: int) -> None:
        """Take one; its times are milliseconds."""
        self.start.append(start)
        self.end.append(end)
        self.value.append(value)
        self.app.append(app)

    def once(self, first: list[int]) -> tuple[Micros, Micros, NDArray[np.int64], Marks]:
        """Return start, end [us], value and which are kept; apps in `first` are preferred."""
        start, end = (np.array(part, np.int64) * 1000 for part in (self.start, self.end))
        app = np.array(self.app, np.int64)
        known, place, count = np.unique(app, return_inverse=True, return_counts=True)
        apps, size = known.tolist(), len(first)
        order = sorted(
            range(len(apps)),
            key=lambda i: (first.index(apps[i]) if apps[i] in first else size, -count[i]),
        )
        rank = np.zeros(known.size, np.int64)
        rank[order] = np.arange(known.size)
        keep = counted_once(start, end, rank[place] if known.size else app)
        return start, end, np.array(self.value, np.int64), keep


def read_database(database: sqlite3.Connection, tables: Tables, gather: Gather) -> Iterator[None]:
    """Read every table that has a stream; the others are no measurements, or have none."""
    for table, read in _READERS.items():
        if table in tables:
            for _ in read(database, table, tables, gather):
                yield
    for table in filter(_without_stream, tables):
        rows = sum(1 for _ in rows_of(database, table, tables[table][:1]))
        if rows:
            gather.leave(f"{table} has no stream here: not kept", rows)
        yield


def _missing(wanted: tuple[str, ...], table: str, tables: Tables, gather: Gather) -> bool:
    absent = [column for column in wanted if column not in tables[table]]
    if absent:
        gather.refuse(f"the table lacks the column(s) {', '.join(absent)}", table)
    return bool(absent)


def _priorities(database: sqlite3.Connection, tables: Tables, category: int) -> list[int]:
    """Return the apps that the person put first for a category of data."""
    table = "health_data_category_priority_table"
    wanted = ("health_data_category", "app_id_priority_order")
    if not set(wanted) <= set(tables.get(table, ())):
        return []
    for which, order in rows_of(database, table, wanted):
        if which == category and isinstance(order, str):
            return [int(app) for app in order.split(",") if app.strip().isdecimal()]
    return []


def _app(tables: Tables, table: str) -> tuple[str, ...]:
    return ("app_info_id",) if "app_info_id" in tables[table] else ()


def hand_over_steps(spans: Spans, first: list[int], gather: Gather) -> None:
    """Hand over steps, each time once; apps in `first` are preferred."""
    start_us, end_us, value, keep = spans.once(first)
    gather.column(
        "steps",
        start_us[keep],
        steps=value[keep].astype(np.int32),
        period=((end_us - start_us)[keep] / SECOND_US).astype(np.float32),
    )
    leave_twice(gather, keep)


def _steps(
    database: sqlite3.Connection, table: str, tables: Tables, gather: Gather
) -> Iterator[None]:
    wanted = ("start_time", "end_time", "count")
    if _missing(wanted, table, tables, gather):
        return
    spans = Spans()
    for row in rows_of(database, table, (*wanted, *_app(tables, table))):
        start, end = (_whole(cell, 0, LATEST_MS) for cell in row[:2])
        count = _whole(row[2], 0, 100_000)
        if start is None or end is None or not 0 <= end - start <= LONGEST_MS:
            gather.refuse(_TIME, table)
        elif count is None:
            gather.refuse(_VALUE, table)
        else:
            spans.add(start, end, count, _whole(row[-1], 0, 2**62) or 0 if row[3:] else 0)
    hand_over_steps(spans, _priorities(database, tables, _ACTIVITY), gather)
    yield


def leave_twice(gather: Gather, keep: Marks) -> None:
    """Count the records of apps that stand behind."""
    if not keep.all():
        gather.leave(TWICE, int(np.count_nonzero(~keep)))


def _heart_rate(
    database: sqlite3.Connection, table: str, tables: Tables, gather: Gather
) -> Iterator[None]:
    wanted = ("epoch_millis", "beats_per_minute")
    if _missing(wanted, table, tables, gather):
        return
    for at, rate in rows_of(database, table, wanted):
        _sample(gather, table, "heart_rate", _whole(at, 0, LATEST_MS), _real(rate))
        yield


def _instant(stream: str, column: str) -> Callable[..., Iterator[None]]:
    def read(
        database: sqlite3.Connection, table: str, tables: Tables, gather: Gather
    ) -> Iterator[None]:
        if _missing(("time", column), table, tables, gather):
            return
        for at, value in rows_of(database, table, ("time", column)):
            _sample(gather, table, stream, _whole(at, 0, LATEST_MS), _real(value))
            yield

    return read


def _sample(
    gather: Gather, table: str, stream: str, at_ms: int | None, value: float | None
) -> None:
    if at_ms is None:
        gather.refuse(_TIME, table)
    elif value is None:
        gather.refuse(_VALUE, table)
    else:
        gather.sample(stream, at_ms * 1000, value)


def _fact(code: str, column: str, unit: str) -> Callable[..., Iterator[None]]:
    def read(
        database: sqlite3.Connection, table: str, tables: Tables, gather: Gather
    ) -> Iterator[None]:
        if _missing(("time", column), table, tables, gather):
            return
        for at, value in rows_of(database, table, ("time", column)):
            at_ms, number = _whole(at, 0, LATEST_MS), _real(value)
            if at_ms is None or number is None:
                gather.refuse(_TIME if at_ms is None else _VALUE, table)
            else:
                gather.fact(code, at_ms * 1000, number, unit)
            yield

    return read


@dataclass(slots=True)
class _Night:
    start: int
    end: int
    app: int
    stages: list[tuple[int, int, int]] = field(default_factory=list)


def _sleep(
    database: sqlite3.Connection, table: str, tables: Tables, gather: Gather
) -> Iterator[None]:
    wanted = ("row_id", "start_time", "end_time")
    if _missing(wanted, table, tables, gather):
        return
    nights: dict[int, _Night] = {}
    for row in rows_of(database, table, (*wanted, *_app(tables, table))):
        key = _whole(row[0], 0, 2**62)
        start, end = (_whole(cell, 0, LATEST_MS) for cell in row[1:3])
        if key is None or start is None or end is None or not 0 <= end - start <= LONGEST_MS:
            gather.refuse(_TIME, table)
        else:
            nights[key] = _Night(start, end, _whole(row[-1], 0, 2**62) or 0 if row[3:] else 0)
    if "sleep_stages_table" in tables:
        _stages(database, tables, nights, gather)
    spans = Spans()
    for key, night in nights.items():
        spans.add(night.start, night.end, key, night.app)
    *_, keys, keep = spans.once(_priorities(database, tables, _SLEEP))
    for key in keys[keep].tolist():
        _take_night(gather, nights[key])
        yield
    leave_twice(gather, keep)


def _stages(
    database: sqlite3.Connection, tables: Tables, nights: dict[int, _Night], gather: Gather
) -> None:
    table = "sleep_stages_table"
    wanted = ("parent_key", "stage_start_time", "stage_end_time", "stage_type")
    if _missing(wanted, table, tables, gather):
        return
    for parent, start_ms, end_ms, kind in rows_of(database, table, wanted):
        night = nights.get(_whole(parent, 0, 2**62) or 0)
        start, end = _whole(start_ms, 0, LATEST_MS), _whole(end_ms, 0, LATEST_MS)
        stage = STAGES.get(_whole(kind, 0, 7) or 0)
        if night is None:
            gather.refuse("a stage belongs to no session that could be read", table)
        elif start is None or end is None or not 0 <= end - start <= LONGEST_MS:
            gather.refuse(_TIME, table)
        elif stage is None:
            gather.leave(UNKNOWN_STAGE)
        else:
            night.stages.append((start, end, stage))


def _take_night(gather: Gather, night: _Night) -> None:
    """Hand over a session: it and its stages are one row, since one stands for the other."""
    found: list[tuple[int, int, int]] = sorted(set(night.stages))
    found = found or [(night.start, night.end, 4)]
    columns: list[Any] = [np.array(part, np.int64) for part in zip(*found, strict=True)]
    start, end, stage = columns
    gather.stretch(
        "sleep_stages",
        start * 1000,
        stage=stage.astype(np.int8),
        duration=((end - start) / 1000).astype(np.float32),
        session=np.full(start.size, f"{night.start}").astype(object),
    )


_READERS: Final[dict[str, Callable[..., Iterator[None]]]] = {
    "heart_rate_record_series_table": _heart_rate,
    "respiratory_rate_record_table": _instant("respiration_rate", "rate"),
    "oxygen_saturation_record_table": _instant("oxygen_saturation", "percentage"),
    "resting_heart_rate_record_table": _fact(RESTING, "beats_per_minute", "/min"),
    "heart_rate_variability_rmssd_record_table": _fact(
        RMSSD, "heart_rate_variability_millis", "ms"
    ),
    "steps_record_table": _steps,
    "sleep_session_record_table": _sleep,
}
_PARENTS: Final = frozenset({"heart_rate_record_table"})  # their values are in a table beside them


def _without_stream(table: str) -> bool:
    """Tell whether a table holds records that are not read (`SpeedRecordTable` is a parent)."""
    return table.endswith("_record_table") and table not in {*_READERS, *_PARENTS}
