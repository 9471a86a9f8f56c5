"""Derived rows (features): their form, and how new dates replace old ones. For every engine."""

from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.clock import day_number
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.ground.made_from import is_from_dropped, of_stored, with_stored
from euthymia.ground.schemas import FEATURE_KEYS
from euthymia.store.frame import Column, Frame, cut, join, rows_of, take


def checked(subject: SubjectId, family: str, table: pa.Table) -> pa.Table:
    """Return a FEATURES table sorted by date.

    Raises
    ------
    SchemaError
        If the columns are not the feature keys and then float64s, a key is null, or a row is of
        another subject or family, or a date occurs twice.
    """
    wanted = schema_for(table.column_names)
    if table.schema.names != wanted.names or table.schema.types != wanted.types:
        names = ", ".join(FEATURE_KEYS.names)
        raise SchemaError(f"a features table has the columns {names}, then float64 ones")
    if any(table.column(name).null_count for name in FEATURE_KEYS.names):
        raise SchemaError("a key of a features table is null")
    for name, value in (("subject_id", subject), ("family", family)):
        if table.num_rows and table.column(name).unique().to_pylist() != [value]:
            raise SchemaError(f"a features table holds rows of another {name}")
    if pc.count_distinct(table.column("date")).as_py() != table.num_rows:
        raise SchemaError("a features table holds a date twice")
    return table.cast(wanted).sort_by("date")


def schema_for(names: Sequence[str]) -> pa.Schema:
    """Return the schema of a FEATURES table with these columns."""
    own = (pa.field(name, pa.float64()) for name in names[len(FEATURE_KEYS) :])
    return pa.schema([*FEATURE_KEYS, *own])


def years(frame: Frame) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the year of each row's date."""
    days = frame["date"].values.astype("datetime64[D]")
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = days.astype("datetime64[Y]").astype(
        np.int64
    )
    return found + 1970


def same_definition(old: Frame, new: Frame) -> bool:
    """Tell whether two frames have the same columns: rows of both may stand in one table."""
    return [(n, c.kind) for n, c in old.items()] == [(n, c.kind) for n, c in new.items()]


def settled(old: pa.Table, new: pa.Table) -> pa.Table:
    """Return `new` with those rows of `old` in it that nothing can make again.

    A row made from samples that were never kept gives way to a higher coverage alone. Where the
    columns differ, so that the table is replaced whole, such rows stay for their other dates too:
    with the version they were made by, and null in the columns that it did not have.
    """
    fresh = {day: place for place, day in enumerate(new.column("date").to_pylist())}
    coverage, digests = (new.column(name).to_pylist() for name in ("coverage", "input_digest"))
    whole = old.column_names != new.column_names
    kept: dict[int, str] = {}
    gone: set[int] = set()
    keys = (old.column(name).to_pylist() for name in ("date", "coverage", "input_digest"))
    for place, (day, held, digest) in enumerate(zip(*keys, strict=True)):
        at = fresh.get(day)
        if not is_from_dropped(digest) or (at is None and not whole):
            continue
        if at is None:
            kept[place] = digest
        elif held >= coverage[at]:
            kept[place] = with_stored(digest, of_stored(digests[at]))
            gone.add(at)
    if not kept:
        return new
    stays = [place for place in range(new.num_rows) if place not in gone]
    return pa.concat_tables(
        [new.take(pa.array(stays, pa.int64())), _recast(old.take(list(kept)), new, kept.values())]
    )


def _recast(old: pa.Table, new: pa.Table, digests: Iterable[str]) -> pa.Table:
    """Return rows in the columns of another table, with these input digests."""
    columns = [
        old.column(name) if name in old.column_names else pa.nulls(old.num_rows, pa.float64())
        for name in new.column_names
    ]
    columns[new.column_names.index("input_digest")] = pa.array(digests, pa.string())
    return pa.Table.from_arrays(columns, schema=new.schema)


def replaced(old: Frame | None, new: Frame) -> dict[str, Column]:
    """Return the rows of both by date; where a date is in both, the new row."""
    if old is None or not rows_of(old):
        return cut(new, 0, rows_of(new))  # cut: without null masks and texts that nothing uses
    kept = take(old, ~np.isin(old["date"].values, new["date"].values))
    both = join([kept, new])
    return cut(take(both, np.argsort(both["date"].values, kind="stable")), 0, rows_of(both))


def between(table: pa.Table, start: date | None, end: date | None) -> pa.Table:
    """Return the rows with `start` <= date < `end`, of a table sorted by date."""
    days = table.column("date").cast(pa.int32()).to_numpy()
    first = 0 if start is None else int(np.searchsorted(days, day_number(start)))
    last = len(days) if end is None else int(np.searchsorted(days, day_number(end)))
    return table.slice(first, max(last - first, 0))
