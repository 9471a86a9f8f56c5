"""Recordings of people from a bare folder or from data frames: no clinic home, nothing kept.

The same readers and the same checks of each row as at a clinic's gateway; what they refuse is
listed in `Recordings.refused`. People of several sources are one where a FHIR Patient links them,
or where the sources call them by the same name.
"""

import hashlib
import re
import secrets
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.features.observed import observed
from euthymia.gateway.checks import Fault, fact_faults, sample_faults
from euthymia.ground.clock import Micros, Timeline, is_zone, to_micros
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SourceId
from euthymia.ground.records import (
    Item,
    Observations,
    Person,
    Reject,
    Retracted,
    Samples,
    Zone,
)
from euthymia.ground.schemas import INPUTS, OBSERVED, STREAMS, TIME, Field, Stream
from euthymia.sources.open import Progress, Reading, readings
from euthymia.sources.wall_clock import DOUBTFUL, resolve

_NOBODY: Final = "subject_id is missing: say whose row it is"
_LETTERS: Final = re.compile(r"[^a-z]")
_PEOPLE: Final = re.compile(
    r"(?:subject|participant|patient|person|user|device|client|record|case|usubj)(?:id|code|number)?|"
    r"[pu]?id|name"
)
"""Columns that tell people apart in tables of others, in small letters alone."""
ONE: Final = "subject"  # the name of the only person of a frame without `subject_id`
NEVER: Final = 2**62  # without a clock, no time is in the future
TAKEN_BACK: Final = (
    "its source takes a record back: without a clinic's store nothing is remembered by record, so "
    "what this one once gave is counted wherever these files hold it"
)
BAD_ZONE: Final = (
    "its time zone is not in the IANA list: write it like Europe/Madrid; until then it is read as "
    "if it were not there"
)
_ROW_LABELS: Final = re.compile(r"__index_level_\d+__")
EPOCH_UNITS: Final = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"), (0, "s"))  # by magnitude, from 1973


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows of a file that are left out, and why."""

    file: str
    row: int
    rows: int
    reason: str


@dataclass
class Recordings:
    """Each person's samples by stream, in order of time without duplicates, and their zones.

    The answers and scores of clinical records are the stream ``observations``.
    """

    people: dict[str, dict[str, pa.Table]] = field(default_factory=dict)
    zones: dict[str, Timeline] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    rows_in: int = 0
    duplicates: int = 0


class _Desk:
    """Says who is who among the identifiers that sources use."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self._names: dict[SourceId, str] = {}
        self._first: dict[str, str] = {}
        self._changes: dict[str, list[tuple[Micros, str]]] = {}

    def name(self, who: SourceId) -> str:
        return self._names.get(who, who.value)

    def note(self, item: Item) -> str | None:
        """Remember who somebody is and where; return why a zone is passed over, if it is."""
        if isinstance(item, Person) and item.identifiers:
            name = self.name(item.identifiers[0])
            self._names.update(dict.fromkeys(item.identifiers, name))
            if item.time_zone:
                if not is_zone(item.time_zone):
                    return BAD_ZONE
                self._first[name] = item.time_zone
        elif isinstance(item, Zone):
            if not is_zone(item.zone):
                return BAD_ZONE
            self._changes.setdefault(self.name(item.who), []).append(
                (to_micros(item.at), item.zone)
            )
        return None

    def zone_of(self, who: SourceId) -> str | None:
        return self._first.get(self.name(who))

    def timeline(self, name: str) -> Timeline:
        changes = sorted(set(self._changes.get(name, [])))
        before = [zone for at, zone in changes if at <= 0]
        first = before[-1] if before else self._first.get(name, self.zone)
        return Timeline(((0, first), *(change for change in changes if change[0] > 0)))


def read(
    folder: Path | str | Sequence[Path | str],
    *,
    tz: str = "UTC",
    subject: str | None = None,
    streams: Sequence[str] | None = None,
    codes: Collection[str] | None = None,
    now: Micros = NEVER,
    progress: Progress | None = None,
) -> Recordings:
    """Read every file of the known formats below a folder (or several).

    Parameters
    ----------
    folder : path, or several
        Files, folders and zip archives.
    tz : str
        IANA time zone of people whose files do not say theirs: for local days, and for times
        that are written as wall-clock time.
    subject : str, optional
        Whose data it is, for files that name nobody.
    streams : sequence of str, optional
        Streams to keep; all, where it is not given.
    codes : collection of str, optional
        Codes of observations to keep; all, where it is not given.
    now : int
        The present as microseconds UTC: samples after it (by more than 14 h) are refused.
    progress : callable, optional
        Told (bytes read, bytes in all).

    Raises
    ------
    MissingError
        If a path does not exist.
    """
    paths = [Path(folder)] if isinstance(folder, Path | str) else [Path(p) for p in folder]
    desk, found = _Desk(_known_zone(tz)), Recordings()
    key = secrets.token_bytes(32)

    def hasher(text: str) -> str:
        return hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest()

    parts: dict[str, dict[str, list[pa.Table]]] = {}
    for reading in readings(
        paths,
        hasher=hasher,
        subject=subject,
        zone=tz,
        zone_of=desk.zone_of,
        progress=progress,
        hashed=False,
    ):
        for item in reading.items:
            wrong = desk.note(item)
            if wrong is not None and isinstance(item, Person | Zone):
                found.refused.append(Refused(reading.file_name, item.row, 1, wrong))
            elif isinstance(item, Reject):
                found.refused.append(Refused(reading.file_name, item.row, item.rows, item.reason))
            elif isinstance(item, Retracted):
                found.refused.append(Refused(reading.file_name, item.row, 1, TAKEN_BACK))
            elif isinstance(item, Samples) and (streams is None or item.stream in streams):
                _take(item, reading, desk, found, parts, now)
            elif isinstance(item, Observations) and (streams is None or OBSERVED.name in streams):
                _take_facts(item, reading, desk, found, parts, (codes, now))
        found.rows_in += reading.rows_in
    _settle(parts, found)
    found.zones = {name: desk.timeline(name) for name in found.people}
    return found


def _known_zone(tz: str) -> str:
    try:
        ZoneInfo(tz)
    except (KeyError, ValueError, OSError) as problem:
        raise SchemaError(
            f"there is no time zone {tz!r}: use a name such as Europe/Oslo"
        ) from problem
    return tz


def _take(
    item: Samples,
    reading: Reading,
    desk: _Desk,
    found: Recordings,
    parts: dict[str, dict[str, list[pa.Table]]],
    now: Micros,
) -> None:
    """Check the rows of one piece and file them under their people."""
    stream = INPUTS[item.stream]
    table = _sound(item.table, sample_faults(stream, item.table, now), reading, found)
    people = table["subject_id"].unique().to_pylist()
    for value in people:
        own = table
        if len(people) > 1 or table["subject_id"].null_count:
            own = table.filter(pc.equal(table["subject_id"], value))
        name = desk.name(SourceId(item.system, value))
        part = own.select(stream.schema.names).cast(stream.schema)
        parts.setdefault(name, {}).setdefault(item.stream, []).append(part)


def _take_facts(
    item: Observations,
    reading: Reading,
    desk: _Desk,
    found: Recordings,
    parts: dict[str, dict[str, list[pa.Table]]],
    wanted: tuple[Collection[str] | None, Micros],
) -> None:
    """Check observations and file those that families can look at under their people."""
    codes, now = wanted
    table = _sound(item.table, fact_faults(item.table, now), reading, found)
    for value in table["subject_id"].unique().to_pylist():
        own = observed(table.filter(pc.equal(table["subject_id"], value)), codes)
        if own.num_rows:
            name = desk.name(SourceId(item.system, value))
            parts.setdefault(name, {}).setdefault(OBSERVED.name, []).append(own)


def _sound(
    table: pa.Table, faults: Iterable[Fault], reading: Reading, found: Recordings
) -> pa.Table:
    """Return the rows without a fault; note the others as refused."""
    keep = np.ones(table.num_rows, bool)
    for bad, reason in faults:
        fresh = bad & keep
        rows = table["row"].to_numpy()[fresh]
        if rows.size:
            first, count = int(rows.min()), int(np.unique(rows).size)
            found.refused.append(Refused(reading.file_name, first, count, reason))
        keep &= ~bad
    return table if keep.all() else table.filter(pa.array(keep))


def _settle(parts: dict[str, dict[str, list[pa.Table]]], found: Recordings) -> None:
    for name in sorted(parts):
        for stream in sorted(parts[name]):
            whole = pa.concat_tables(parts[name].pop(stream))
            ordered = in_order(INPUTS[stream], whole)
            found.duplicates += whole.num_rows - ordered.num_rows
            found.people.setdefault(name, {})[stream] = ordered


def in_order(stream: Stream, table: pa.Table) -> pa.Table:
    """Return samples in order of time, equal rows once; rows of one instant by their values."""
    table = table.combine_chunks()
    time = table["time"].cast(pa.int64()).to_numpy()
    if bool(np.all(time[1:] > time[:-1])):
        return table
    names = stream.schema.names
    single = table.group_by(names, use_threads=False).aggregate([]).select(names)
    return single.sort_by([(name, "ascending") for name in names]).cast(stream.schema)


# -- data frames ---------------------------------------------------------------------------------


def from_frames(frames: Mapping[str, Any], *, tz: str = "UTC") -> Recordings:
    """Take samples from Polars, pandas or Arrow tables, one a stream.

    Each has the columns of its stream (`ground/schemas.py`): `time` (with a zone; without one it
    is wall-clock time in `tz`; a number is the time since 1970 in seconds to nanoseconds, by its
    size), the fields, and `subject_id` where there are several people.

    Raises
    ------
    SchemaError
        A stream that does not exist, a column that is missing or cannot be what it must be; people
        who are told apart by a column of another name.

    Warns
    -----
    UserWarning
        Columns of other names while the stream has fields that are missing: `accuracy_m`.
    """
    found, parts = Recordings(), {}  # type: tuple[Recordings, dict[str, dict[str, list[pa.Table]]]]
    desk = _Desk(_known_zone(tz))
    for name, frame in frames.items():
        if name not in INPUTS:
            raise SchemaError(f"there is no stream {name!r}; there are {', '.join(INPUTS)}")
        table, doubtful = _at_border(INPUTS[name], as_arrow(frame), tz)
        found.rows_in += table.num_rows
        nobody = pc.fill_null(pc.equal(table["subject_id"], ""), True).to_numpy()
        for bad, reason in ((nobody, _NOBODY), (doubtful & ~nobody, DOUBTFUL)):
            if bad.any():
                rows = np.flatnonzero(bad) + 1
                found.refused.append(Refused(name, int(rows[0]), rows.size, reason))
        table = table.filter(pa.array(~(nobody | doubtful)))
        reading = Reading("frame", name, "", iter(()))
        _take(Samples("", name, table), reading, desk, found, parts, NEVER)
    _settle(parts, found)
    found.zones = {name: desk.timeline(name) for name in found.people}
    return found


def as_arrow(frame: Any) -> pa.Table:  # noqa: ANN401  (any data frame that narwhals knows)
    """Return a Polars, pandas or Arrow table as Arrow; SchemaError if it is none."""
    import narwhals as nw

    if isinstance(frame, pa.Table):
        return frame
    try:
        table = nw.from_native(frame).lazy().collect("pyarrow").to_native()
    except TypeError:
        raise SchemaError(
            f"{type(frame).__name__} is no table: give a folder, a Polars, pandas or Arrow table, "
            "or several as {stream: table}"
        ) from None
    # pandas keeps the row labels of a frame that was filtered or sorted: they are no column
    return table.drop_columns([n for n in table.column_names if _ROW_LABELS.fullmatch(n)])


def stream_of(table: pa.Table, among: Collection[str] = ()) -> str:
    """Return which stream the columns of a table are those of; one of `among`, where one fits.

    Raises
    ------
    SchemaError
        If they are those of none, or of several.
    """
    held = set(table.column_names)
    fits = [
        name
        for name, stream in STREAMS.items()
        if {f.name for f in stream.fields if not f.nullable} <= held
        and {f.name for f in stream.fields} & held
    ]
    exact = [name for name in fits if held <= {"subject_id", *STREAMS[name].schema.names}]
    asked = [[name for name in certain if name in among] for certain in (exact, fits)]
    for certain in (*asked, exact, fits):
        if len(certain) == 1:
            return certain[0]
    raise SchemaError(
        f"the columns {sorted(held)} could be of {', '.join(fits) or 'no stream'}: say which with "
        f"a dict such as {{'{fits[0] if fits else 'location'}': frame}}"
    )


def _at_border(stream: Stream, table: pa.Table, tz: str) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Return the columns that a stream has, and the rows whose instant nothing tells."""
    columns: dict[str, Any] = {}
    if "time" not in table.column_names:
        raise SchemaError(f"{stream.name}: the column `time` is missing")
    who = table["subject_id"] if "subject_id" in table.column_names else None
    if who is None:
        _refuse_people_unnamed(stream, table)
        who = pa.chunked_array([pa.array([ONE] * table.num_rows, pa.string())])
    columns["subject_id"] = who.cast(pa.string())
    columns["row"] = pa.array(np.arange(1, table.num_rows + 1))
    columns["time"], doubtful = _instants(table["time"], columns["subject_id"], stream.name, tz)
    for wanted in stream.fields:
        if wanted.name in table.column_names:
            columns[wanted.name] = _as_field(wanted, table[wanted.name], stream.name)
        elif wanted.nullable:
            columns[wanted.name] = pa.nulls(table.num_rows, wanted.type)
        else:
            raise SchemaError(
                f"{stream.name}: the column `{wanted.name}` [{wanted.unit}] is missing"
            )
    _warn_of_unread(stream, table)
    return pa.table(columns), doubtful


def _refuse_people_unnamed(stream: Stream, table: pa.Table) -> None:
    """Raise SchemaError if a column tells people apart that is not called `subject_id`."""
    fields = {f.name for f in stream.fields}
    for name in table.column_names:
        if name in fields or not _PEOPLE.fullmatch(_LETTERS.sub("", name.lower())):
            continue
        several = pc.count_distinct(table[name]).as_py()
        if several > 1:
            raise SchemaError(
                f"{stream.name}: the column `subject_id` is missing, and `{name}` has {several} "
                f"values: rename `{name}` to `subject_id`, or leave it out if all is one person's"
            )


def _warn_of_unread(stream: Stream, table: pa.Table) -> None:
    """Warn of columns that are not read, while the stream has fields that they may be meant for."""
    known = {"subject_id", "time", *(f.name for f in stream.fields)}
    unread = [f"`{name}`" for name in table.column_names if name not in known]
    missing = [f"`{f.name}` [{f.unit}]" for f in stream.fields if f.name not in table.column_names]
    if unread and missing:
        warnings.warn(
            f"{stream.name}: not read: {', '.join(unread)}; it may also have {', '.join(missing)}: "
            "rename a column that is one of these",
            stacklevel=4,
        )


def _as_field(wanted: Field, given: pa.ChunkedArray, stream: str) -> pa.ChunkedArray:
    """Return a column as the type of its field. Only a decimal number may lose digits by it."""
    whole = pa.types.is_integer(wanted.type)
    try:
        return given.cast(wanted.type, safe=whole)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
        limits = "" if wanted.low is None else f" from {wanted.low:g}"
        limits += "" if wanted.high is None else f" to {wanted.high:g}"
        limits += f" ({wanted.codes})" if wanted.codes else ""
        words = f"whole numbers{limits}" if whole else f"{wanted.type}"
        raise SchemaError(
            f"{stream}.{wanted.name} must be {words}; this column of {given.type} has others: "
            "correct them, and leave a cell without a value null (not NaN)"
        ) from problem


def _instants(
    time: pa.ChunkedArray, who: pa.ChunkedArray, stream: str, tz: str
) -> tuple[pa.ChunkedArray, NDArray[np.bool_]]:
    sure = np.zeros(len(time), np.bool_)
    if pa.types.is_timestamp(time.type):
        if time.type.tz is None:
            return _of_wall_clock(time, who, tz)
        return time.cast(TIME, safe=False), sure
    if not (pa.types.is_integer(time.type) or pa.types.is_floating(time.type)):
        raise SchemaError(
            f"{stream}.time must be a timestamp or a number, not {time.type}: make it one first "
            "(pandas: `pd.to_datetime(column)`, Polars: `column.str.to_datetime()`)"
        )
    largest = abs(pc.max(pc.abs(time)).as_py() or 0)
    unit = next(unit for least, unit in EPOCH_UNITS if largest >= least)
    scale = {"ns": 1e-3, "us": 1.0, "ms": 1e3, "s": 1e6}[unit]
    known = pc.is_valid(pc.if_else(pc.is_finite(time), time, None))
    given = pc.fill_null(pc.if_else(known, time, None), 0).to_numpy()
    micros = np.round(given.astype(np.float64) * scale).astype(np.int64)
    if pa.types.is_integer(time.type) and unit != "ns":
        micros = given * int(scale)
    absent = ~known.to_numpy()
    return pa.chunked_array([pa.array(micros, mask=absent).cast(TIME)]), sure


def _of_wall_clock(
    time: pa.ChunkedArray, who: pa.ChunkedArray, tz: str
) -> tuple[pa.ChunkedArray, NDArray[np.bool_]]:
    """Return the instants of wall-clock times, judged person by person as those of files are."""
    wall = time.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    absent = wall.is_null().to_numpy()
    wall_us = pc.fill_null(wall, 0).to_numpy().astype(np.int64)
    people = pc.fill_null(who, "").combine_chunks().dictionary_encode().indices.to_numpy()
    time_us, doubtful = wall_us.copy(), np.zeros(wall_us.size, np.bool_)
    order = np.argsort(people, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(people[order])) + 1):
        own = part[~absent[part]]
        judged = resolve(wall_us[own], tz)
        time_us[own], doubtful[own] = judged.time_us, judged.doubtful
    return pa.chunked_array([pa.array(time_us, mask=absent).cast(TIME)]), doubtful
