"""What a table must be to enter: agreed columns, nothing missing, values that can be true."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import SECOND_US, Micros, to_micros
from euthymia.ground.codes import NOTE
from euthymia.ground.errors import SchemaError
from euthymia.ground.schemas import OBSERVATIONS, ROW, STREAMS, Field, Stream
from euthymia.ground.scope import Category, Label, labels_of
from euthymia.instruments.catalogue import instruments

AHEAD_US: Final = 14 * 3600 * SECOND_US  # the largest zone offset: local time taken for UTC
SAMPLES_SINCE: Final = to_micros(datetime(1990, 1, 1, tzinfo=UTC))
FACTS_SINCE: Final = to_micros(datetime(1900, 1, 1, tzinfo=UTC))

FUTURE: Final = "time is in the future: check the clock and the time zone of the source"
TOO_OLD: Final = (
    "time is before {year}: check the unit (seconds, milliseconds) and the clock of the source"
)

Fault = tuple[NDArray[np.bool_], str]
"""Which rows break a rule, and the reason in words."""


def plain(table: pa.Table, schema: pa.Schema, what: str) -> pa.Table:
    """Return `table` with the columns of `schema`; a reader that hands over others is at fault.

    Text may come as a dictionary, and stays one.
    """
    if sorted(table.column_names) != sorted(schema.names):
        raise SchemaError(f"{what}: the columns must be {', '.join(schema.names)}")
    fields = []
    for field in schema:
        found = table.schema.field(field.name).type
        of = found.value_type if pa.types.is_dictionary(found) else found
        if of != field.type:
            raise SchemaError(f"{what}: {field.name} must be {field.type}, not {of}")
        fields.append(field.with_type(found))
    columns = [table.column(name) for name in schema.names]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def stream_named(name: str) -> Stream:
    """Return a stream; SchemaError for one that does not exist."""
    if name not in STREAMS:
        raise SchemaError(f"there is no stream {name!r}; ground/schemas.py lists them")
    return STREAMS[name]


def numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a numeric or time column as NumPy; nulls as 0."""
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_timestamp(array.type):
        array = array.view(pa.int64())
    if array.null_count:
        array = pc.fill_null(array, 0)
    values: NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values


def _nulls(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    nulls: NDArray[np.bool_] = column.is_null().to_numpy()
    return nulls


def _present(column: pa.ChunkedArray, bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return bad & ~_nulls(column) if column.null_count else bad


def _time_faults(column: pa.ChunkedArray, since: Micros, now: Micros) -> Iterator[Fault]:
    times = numbers(column)
    if not times.size:
        return
    if int(times.max()) > now + AHEAD_US:
        yield _present(column, times > now + AHEAD_US), FUTURE
    if int(times.min()) < since:
        year = 1990 if since == SAMPLES_SINCE else 1900
        yield _present(column, times < since), TOO_OLD.format(year=year)


def _limits(field: Field) -> str:
    unit = "" if field.unit == "1" else f" {field.unit}"  # UCUM's 1 is no unit to a reader
    if field.low is None:
        return f"above {field.high:g}{unit}"
    if field.high is None:
        return f"below {field.low:g}{unit}"
    codes = f" ({field.codes})" if field.codes else ""
    return f"outside {field.low:g}..{field.high:g}{unit}{codes}"


def _field_faults(field: Field, column: pa.ChunkedArray) -> Iterator[Fault]:
    if column.null_count and not field.nullable:
        yield _nulls(column), f"{field.name} is missing: the row is cut short or the cell is empty"
    if not (pa.types.is_floating(field.type) or pa.types.is_integer(field.type)):
        return
    values = numbers(column)
    if not values.size:
        return
    least, most = values.min(), values.max()  # NaN if any value is
    if not (np.isfinite(least) and np.isfinite(most)):
        bad = ~np.isfinite(values)
        yield _present(column, bad), f"{field.name} is not a finite number: leave the cell empty"
    low = -np.inf if field.low is None else field.low
    high = np.inf if field.high is None else field.high
    if not (low <= least and most <= high):
        bad = (values < low) | (values > high)
        yield _present(column, bad), f"{field.name} is {_limits(field)}: check value and unit"


def sample_faults(stream: Stream, table: pa.Table, now: Micros) -> Iterator[Fault]:
    """Yield what is wrong with samples, rule by rule. Nothing is yielded for sound ones."""
    time = table.column("time")
    if time.null_count:
        yield _nulls(time), "time is missing: the row is cut short or the cell is empty"
    yield from _time_faults(time, SAMPLES_SINCE, now)
    for field in stream.fields:
        yield from _field_faults(field, table.column(field.name))


def _text_faults(table: pa.Table) -> Iterator[Fault]:
    for name in ("code", "purpose", "source"):
        column = table.column(name)
        if column.null_count:
            yield _nulls(column), f"{name} is missing: every observation needs one"
        if name == "code":
            empty = np.asarray(pc.equal(column, "").fill_null(False))
            if empty.any():
                yield empty, "code is empty: every observation needs one"


@cache
def _scores() -> dict[str, tuple[str, int, int]]:
    """Return what each code of an installed instrument is called, and its lowest and highest."""
    known: dict[str, tuple[str, int, int]] = {}
    for found in instruments().values():
        title = re.sub(r"(?<=[A-Z])(?=[0-9])", "-", found.name.upper())  # phq9: PHQ-9
        known[found.total_code] = (f"{title} total", found.low, found.high)
        for number, item in enumerate(found.items, 1):
            known[item.code] = (f"{title} item {number}", item.low, item.high)
    return known


def _score_faults(table: pa.Table) -> Iterator[Fault]:
    """Yield answers and totals of questionnaires that nobody can give or reach."""
    codes = table.column("code")
    for code in codes.unique().to_pylist():
        if code not in _scores():
            continue
        name, low, high = _scores()[code]
        values = numbers(table.column("numeric_value"))
        bad = np.asarray(pc.equal(codes, code).fill_null(False)) & (
            (values < low) | (values > high)
        )
        if bad.any():
            reason = f"{name} is outside {low}..{high}: correct it in the source"
            yield _present(table.column("numeric_value"), bad), reason


def fact_faults(table: pa.Table, now: Micros) -> Iterator[Fault]:
    """Yield what is wrong with observations, rule by rule."""
    yield from _text_faults(table)
    yield from _time_faults(table.column("time"), FACTS_SINCE, now)
    values = table.column("numeric_value")
    bad = ~np.isfinite(numbers(values))
    if bad.any():
        reason = "numeric_value is not a finite number: leave it empty"
        yield _present(values, bad), reason
    yield from _score_faults(table)
    yield from _label_faults(table)
    known = pa.array([purpose.value for purpose in Purpose])
    unknown = ~np.asarray(pc.is_in(table.column("purpose"), value_set=known))
    if unknown.any():
        yield unknown, f"purpose is none of {', '.join(Purpose)}"


def _label_faults(table: pa.Table) -> Iterator[Fault]:
    cells = table.column("sensitivity")
    if cells.null_count == len(cells):
        return
    for cell in cells.unique().to_pylist():
        if cell is not None and not set(labels_of(cell)) <= set(Label):
            unknown = np.asarray(pc.equal(cells, cell).fill_null(False))
            yield unknown, f"sensitivity is not made of {', '.join(Label)}"


FACTS_BORDER: Final = pa.schema([*OBSERVATIONS, ROW])
"""The columns of an `Observations` item."""

FACT_CATEGORIES: Final = (Category.RECORDS, Category.NOTES, Category.ANSWERS)


def category_of(table: pa.Table) -> pa.Array:
    """Return the category of each observation: a note, an answer or score, or a record."""
    codes = table.column("code")
    answers = pa.array(sorted(_scores()), pa.string())
    answered = pc.if_else(
        pc.is_in(codes, value_set=answers), Category.ANSWERS.value, Category.RECORDS.value
    )
    return pc.if_else(pc.equal(codes, NOTE), Category.NOTES.value, answered)
