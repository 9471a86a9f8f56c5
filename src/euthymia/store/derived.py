"""Derived rows (features): their form, and how new dates replace old ones. For every engine."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.clock import day_number
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import FEATURE_KEYS
from euthymia.store.frame import Column, Frame, join, rows_of, take


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


def replaced(old: Frame | None, new: Frame) -> dict[str, Column]:
    """Return the rows of both by date; where a date is in both, the new row."""
    if old is None or not rows_of(old):
        return dict(new)
    kept = take(old, ~np.isin(old["date"].values, new["date"].values))
    both = join([kept, new])
    return take(both, np.argsort(both["date"].values, kind="stable"))


def between(table: pa.Table, start: date | None, end: date | None) -> pa.Table:
    """Return the rows with `start` <= date < `end`, of a table sorted by date."""
    days = table.column("date").cast(pa.int32()).to_numpy()
    first = 0 if start is None else int(np.searchsorted(days, day_number(start)))
    last = len(days) if end is None else int(np.searchsorted(days, day_number(end)))
    return table.slice(first, max(last - first, 0))
