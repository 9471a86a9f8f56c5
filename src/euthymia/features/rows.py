"""From samples to FEATURES rows: which dates are due, which samples they need, and the rows.

A caller goes: `plan` (from segment digests alone, without reading a sample) -> read the samples of
`plan.spans` -> `compute_family` -> store the rows. Computing only what is due gives the same rows
as computing everything, in whatever order data arrives.
"""

import hashlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.features.contract import WHOLE_FOLLOW_UP, Columns, Days, Family
from euthymia.features.windows import bounds_us, day_windows
from euthymia.ground.clock import DAY_US, Micros, Timeline
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.ground.made_from import of_stored
from euthymia.ground.memory import keep_memory
from euthymia.ground.schemas import FEATURE_KEYS, INPUTS, OBSERVED

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Digests = Mapping[str, Mapping[int, str]]
"""{stream: {UTC day number: content digest}}"""


class FeatureRangeWarning(UserWarning):
    """A feature gave a value that its definition rules out. The value was dropped."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due: local day numbers, the digest of what each row depends on, and what to read.

    `spans` are the stretches of UTC whose samples the days need.
    """

    days: Ints
    inputs: tuple[str, ...]
    spans: tuple[tuple[Micros, Micros], ...]


def feature_schema(family: Family) -> pa.Schema:
    """Return the columns of one family's FEATURES table."""
    return pa.schema([*FEATURE_KEYS, *(pa.field(f.name, pa.float64()) for f in family.features)])


def segment_digests(segments: Mapping[str, Mapping[int, tuple[int, str]]]) -> Digests:
    """Return the digests alone of a store's segments ({stream: {UTC day: (rows, digest)}})."""
    return {s: {day: digest for day, (_, digest) in held.items()} for s, held in segments.items()}


def as_columns(table: pa.Table) -> Columns:
    """Return one stream's Arrow samples as NumPy columns: time as int64 us, null numbers as NaN."""
    columns: dict[str, NDArray[np.generic]] = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
        elif column.null_count and pa.types.is_integer(column.type):
            column = column.cast(pa.float64())
        values = column.to_numpy()
        # Arrow's own memory may not be written to, and compiled kernels take no such array
        columns[name] = values if values.flags.writeable else values.copy()
    return columns


def of_family(family: Family, streams: Mapping[str, Columns]) -> dict[str, Columns]:
    """Return what a family looks at: its streams, its base's rows, and its own codes alone."""
    names = family.streams if family.base is None else (*family.streams, family.base.name)
    own = {name: streams[name] for name in names if name in streams}
    if OBSERVED.name in own:
        given = own.pop(OBSERVED.name)
        wanted = frozenset(family.codes)
        keep = np.array([code in wanted for code in given["code"].tolist()], np.bool_)
        if keep.any():
            own[OBSERVED.name] = {name: column[keep] for name, column in given.items()}
    return own


def day_digests(columns: Columns) -> dict[int, str]:
    """Return a digest of each UTC day's samples: what `Digests` holds of a stream."""
    day = columns["time"].astype(np.int64) // DAY_US
    found = {}
    for utc in np.unique(day).tolist():
        rows = zip(*(column[day == utc].tolist() for column in columns.values()), strict=True)
        found[utc] = hashlib.sha256(repr(list(rows)).encode()).hexdigest()
    return found


# -- planning ------------------------------------------------------------------------------------


def carried(family: Family, days: Ints, through: int | None) -> Ints:
    """Return sorted days, and the `carry_days` after each of them up to the day `through`."""
    if not family.carry_days or days.size == 0:
        return days
    last = int(days[-1]) if through is None else max(int(days[-1]), through)
    reach = np.unique(np.add.outer(days, np.arange(family.carry_days + 1)))
    return np.asarray(reach[reach <= last], np.int64)


def days_with_data(
    family: Family, timeline: Timeline, digests: Digests, now: Micros | None = None
) -> Ints:
    """Return the local days that any stored UTC day of the family's streams reaches into, sorted.

    Part of a UTC day may hold no sample, so a local day can turn out empty; its row then has
    coverage 0 and no values (see `compute_family`). A family that carries on what it saw has rows
    up to the last local day that any of `digests` reaches into, also those of other streams, but
    none of a day that has not begun `now`: only part of the last UTC day may be over.
    """
    utc = sorted({day for stream in family.streams for day in digests.get(stream, {})})
    if not utc or not any(digests.get(stream) for stream in family.needs or family.streams):
        return np.zeros(0, np.int64)
    first = np.array(utc, np.int64) * DAY_US
    changes, _ = timeline.steps(int(first[0]), int(first[-1]) + DAY_US)
    changes = changes[np.isin(changes // DAY_US, utc) & (changes > first[0])]
    instants = np.concatenate([first, first + DAY_US - 1, changes, changes - 1])
    last = max(day for held in digests.values() for day in held)
    through = int(timeline.local_day(np.array([(last + 1) * DAY_US - 1], np.int64))[0])
    found = carried(family, np.unique(timeline.local_day(instants)), through)
    if now is None or not family.carry_days:
        return found
    return np.asarray(found[found <= timeline.local_day(np.array([now], np.int64))[0]], np.int64)


def spans(family: Family, timeline: Timeline, days: Ints) -> tuple[tuple[Micros, Micros], ...]:
    """Return the stretches of UTC to read for some dates: their windows, joined where they meet."""
    start, end = bounds_us(timeline, np.unique(days), family.lookback_days)
    return joined(zip(start.tolist(), end.tolist(), strict=True))


def joined(stretches: Iterable[tuple[Micros, Micros]]) -> tuple[tuple[Micros, Micros], ...]:
    """Return stretches of time [start, end) in order, those that meet or overlap as one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(stretches):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def _zone_parts(steps: tuple[Ints, Ints], low: Ints, high: Ints) -> list[str]:
    """Return the offsets in force in each [low, high), the same however they were asked for."""
    starts, offsets = steps
    first = np.maximum(np.searchsorted(starts, low, side="right") - 1, 0)
    last = np.searchsorted(starts, high, side="left")

    @cache  # most windows lie between the same two changes
    def part(first: int, last: int) -> str:
        changed = [i for i in range(first + 1, last) if offsets[i] != offsets[i - 1]]
        return ",".join([f"{offsets[first]}", *(f"{starts[i]}:{offsets[i]}" for i in changed)])

    return list(map(part, first.tolist(), last.tolist()))


def input_digests(family: Family, timeline: Timeline, digests: Digests, days: Ints) -> list[str]:
    """Return, for each date, a digest of all its row depends on, without reading a sample.

    Hashed are the family's name, version and column names, its base's too, the digest of every
    stored UTC day that reaches into the date's window, and the offsets from UTC in force in it.
    """
    start, end = bounds_us(timeline, days, family.lookback_days)
    if days.size == 0:
        return []
    steps = timeline.steps(int(start.min()), int(end.max()) + 1)
    names = ",".join(f.name for f in family.features)
    head = f"{family.name}\n{family.version}\n{names}\n"
    if family.base is not None:
        head += f"{family.base.name}\n{family.base.version}\n"
    if family.lookback_days >= WHOLE_FOLLOW_UP:
        return _chained(head, family, steps, digests, end)
    held: dict[int, str] = {}
    for stream in family.streams:
        for day, digest in digests.get(stream, {}).items():
            held[day] = f"{held.get(day, '')}\n{stream} {day} {digest}"
    zones = _zone_parts(steps, start, end)
    found = []
    for low, high, zone in zip(start.tolist(), end.tolist(), zones, strict=True):
        touched = range(low // DAY_US, (high - 1) // DAY_US + 1)
        text = [head, zone, *(held[day] for day in touched if day in held)]
        found.append(hashlib.sha256("".join(text).encode()).hexdigest())
    return found


def _chained(
    head: str, family: Family, steps: tuple[Ints, Ints], digests: Digests, end: Ints
) -> list[str]:
    """Return digests over all that came before: each goes on from the one of the end before it.

    The same digests as from hashing everything anew for each date, in time that grows with the
    days and not with their square.
    """
    held = sorted(
        (day, stream, digest)
        for stream in family.streams
        for day, digest in digests.get(stream, {}).items()
    )
    zones, first = [], held[0][0] * DAY_US if held else 0
    for at, offset in zip(*(part.tolist() for part in steps), strict=True):
        if at <= first:  # what held before the first sample does not matter
            zones = [(first, offset)]
        elif not zones or offset != zones[-1][1]:
            zones.append((at, offset))
    # in one order of time, so that a digest does not depend on which other dates are asked for
    events = [(day * DAY_US, f"\n{day} {stream} {digest}") for day, stream, digest in held]
    events = sorted(events + [(at, f"\nzone {at}:{offset}") for at, offset in zones])
    running = hashlib.sha256(head.encode())
    found = [""] * end.size
    following = 0
    for place in np.argsort(end, kind="stable").tolist():
        high = int(end[place])
        while following < len(events) and events[following][0] < high:
            running.update(events[following][1].encode())
            following += 1
        own = running.copy()
        own.update(f"\nends {high}".encode())
        found[place] = own.hexdigest()
    return found


def stale(existing: pa.Table | None, wanted: Sequence[str], days: Ints) -> Ints:
    """Return those of `days` whose stored row is absent or was made from another input.

    Of a row that samples went into which were never kept, only what is stored is compared.
    """
    if existing is None or existing.num_rows == 0:
        return days
    dates = existing["date"].cast(pa.int32()).to_pylist()
    made_from = map(of_stored, existing["input_digest"].to_pylist())
    held = dict(zip(dates, made_from, strict=True))
    due = [held.get(day) != digest for day, digest in zip(days.tolist(), wanted, strict=True)]
    return np.asarray(days[np.array(due, bool)], np.int64)


def plan(
    family: Family,
    timeline: Timeline,
    digests: Digests,
    existing: pa.Table | None,
    now: Micros | None = None,
) -> Plan:
    """Say which dates are due `now` and what must be read for them.

    Dates that have a stored row but no data any more (a changed time zone) are due too: their row
    becomes one of coverage 0.
    """
    days = days_with_data(family, timeline, digests, now)
    if existing is not None and existing.num_rows:
        before = existing["date"].cast(pa.int32()).to_numpy().astype(np.int64)
        days = np.union1d(days, before)
    wanted = input_digests(family, timeline, digests, days)
    due = stale(existing, wanted, days)
    by_day = dict(zip(days.tolist(), wanted, strict=True))
    inputs = tuple(by_day[day] for day in due.tolist())
    return Plan(due, inputs, spans(family, timeline, due))


# -- computing -----------------------------------------------------------------------------------


def _check(family: Family, streams: Mapping[str, Columns]) -> None:
    for name in family.streams:
        stream = streams.get(name)
        if stream is None:
            continue
        needed = ["time", *(field.name for field in INPUTS[name].fields if not field.nullable)]
        absent = [column for column in needed if column not in stream]
        if absent:
            raise SchemaError(f"stream {name} lacks the columns {absent}; see ground/schemas.py")
        if any(stream[column].shape != stream["time"].shape for column in needed):
            raise SchemaError(f"the columns of stream {name} differ in length")
        time = stream["time"].astype(np.int64, casting="safe", copy=False)
        if time.size and bool(np.any(time[1:] < time[:-1])):
            raise SchemaError(f"stream {name} is not in order of time; sort it first")


def local_days(
    family: Family, streams: Mapping[str, Columns], timeline: Timeline, through: int | None = None
) -> Ints:
    """Return the local days on which any of the family's streams has a sample.

    And those to which the family carries one on, up to the day `through`.
    """
    every = [streams[n]["time"] for n in family.streams if n in streams]
    known = [time.astype(np.int64, copy=False) for time in every if time.size]
    if not known:
        return np.zeros(0, np.int64)
    low = min(int(time[0]) for time in known) // DAY_US
    high = max(int(time[-1]) for time in known) // DAY_US
    windows = day_windows(timeline, np.arange(low - 2, high + 3))  # no offset is two days
    held = np.zeros(windows.day.size, bool)
    for time in known:
        first, last = (np.searchsorted(time, edge) for edge in (windows.start_us, windows.end_us))
        held[windows.row[first < last]] = True
    return carried(family, windows.day[held], through)


def within_range(family: Family, found: Days) -> dict[str, Array]:
    """Return the values, with those that a definition rules out dropped and warned of."""
    kept = {}
    for feature in family.features:
        value = found.values[feature.name]
        low = -np.inf if feature.low is None else feature.low
        high = np.inf if feature.high is None else feature.high
        bad = ~np.isnan(value) & ~((value >= low) & (value <= high) & np.isfinite(value))
        if bad.any():
            warnings.warn(
                f"{family.name}.{feature.name} gave {int(bad.sum())} values outside "
                f"[{feature.low}, {feature.high}]; they were dropped: check the definition",
                FeatureRangeWarning,
                stacklevel=3,
            )
        kept[feature.name] = np.where(bad, np.nan, value)
    return kept


def _of_days(
    family: Family, streams: Mapping[str, Columns], timeline: Timeline, days: Ints
) -> Days:
    if family.compute is not None:
        return family.compute(with_base(family, streams, timeline, days), timeline, days)
    assert family.measure is not None  # the catalogue refuses a family without either
    return family.measure(streams, timeline, day_windows(timeline, days))


def _told(
    family: Family, streams: Mapping[str, Columns], timeline: Timeline, days: Ints
) -> tuple[Array, dict[str, Array]]:
    """Return coverage and values of some dates: none of a date without a sample."""
    found = _of_days(family, streams, timeline, days)
    coverage = np.clip(found.coverage, 0.0, 1.0)
    if family.base is None:  # else its base has looked
        last = int(days.max()) if days.size else None
        held = np.isin(days, local_days(family, streams, timeline, last))
        coverage = np.where(held, coverage, 0.0)
    values = within_range(family, found)
    return coverage, {n: np.where(coverage > 0, value, np.nan) for n, value in values.items()}


def with_base(
    family: Family, streams: Mapping[str, Columns], timeline: Timeline, days: Ints
) -> Mapping[str, Columns]:
    """Return what `compute` of a family looks at for some dates.

    Its streams; or the rows of its base, made of the streams where they are not there.
    """
    base = family.base
    if base is None:
        return streams
    if base.name not in streams:
        back = np.arange(base.lookback_days - family.lookback_days, 1)
        wanted = np.unique((days[:, None] + back).ravel())
        coverage, values = _told(base, streams, timeline, wanted)
        return {base.name: {"day": wanted, "coverage": coverage, **values}}
    return {base.name: streams[base.name]}


def base_rows(base: Family, kept: pa.Table | None, fresh: pa.Table | None) -> Columns:
    """Return a base's rows as `with_base` does: those kept, and in their place those made anew.

    Rows of another version are left out.
    """
    wanted = feature_schema(base)
    parts = [table for table in (kept, fresh) if table is not None]
    same = [table for table in parts if table.column_names == wanted.names]
    whole = pa.concat_tables([wanted.empty_table(), *same])
    held = whole.filter(pc.equal(whole["version"], base.version))
    names = ("coverage", *(f.name for f in base.features))
    columns = as_columns(held.select(names))
    day = held["date"].cast(pa.int32()).to_numpy().astype(np.int64)
    last = day.size - 1 - np.unique(day[::-1], return_index=True)[1]  # the fresh come after
    return {"day": day[last], **{name: column[last] for name, column in columns.items()}}


def compute_family(
    family: Family,
    streams: Mapping[str, Columns],
    timeline: Timeline,
    days: Ints,
    *,
    subject: SubjectId,
    digests: Digests,
    inputs: Sequence[str] | None = None,
) -> pa.Table:
    """Compute one row for each local day.

    Parameters
    ----------
    family : Family
        What to compute.
    streams : mapping of stream name to Columns
        Samples in order of time; more than the windows need does no harm, less does. A stream
        without samples may be absent.
    timeline : Timeline
        The person's zones.
    days : int array, shape (n,)
        Local day numbers, such as `Plan.days`.
    subject : SubjectId
        Whose they are.
    digests : {stream: {UTC day: digest}}
        Of the segments the samples were read from: the same that `plan` was given.
    inputs : sequence of str, length n, optional
        `Plan.inputs`, where a plan was made: spares working them out again.

    Returns
    -------
    pa.Table
        `feature_schema(family)`, one row a day, null where a value is not known. A day on which
        the person has no sample at all has coverage 0 and no values: the row only notes that the
        day was looked at, and readers of the newest row must pass over it (`known_rows`).

    Raises
    ------
    SchemaError
        A stream lacks a column, has columns of different lengths or is not in order of time.
    """
    keep_memory()
    _check(family, streams)
    streams = of_family(family, streams)
    coverage, told = _told(family, streams, timeline, days)
    constant = {"subject_id": subject, "family": family.name, "version": family.version}
    keys: dict[str, object] = {
        n: pa.array([v] * days.size, pa.string()) for n, v in constant.items()
    }
    keys["date"] = pa.array(days.astype(np.int32), pa.int32()).cast(pa.date32())
    made_from = input_digests(family, timeline, digests, days) if inputs is None else inputs
    keys["input_digest"] = pa.array(made_from, pa.string())
    keys["coverage"] = pa.array(coverage, pa.float64())
    columns = [keys[name] for name in FEATURE_KEYS.names]
    columns += [pa.array(value, pa.float64(), from_pandas=True) for value in told.values()]
    return pa.Table.from_arrays(columns, schema=feature_schema(family))


def known_rows(table: pa.Table) -> pa.Table:
    """Return the rows that say something: coverage above 0."""
    return table.filter(pc.greater(table["coverage"], 0.0))
