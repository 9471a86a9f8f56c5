"""Values that a format types by itself (Avro, SQLite), held to the rules of `cells.Column`."""

import base64
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from euthymia.ground.records import Reject
from euthymia.sources.cells import (
    NULLS,
    BadCellError,
    Column,
    Kind,
    arrow_type,
    epoch_micros,
    read_cell,
)
from euthymia.sources.table import Chunk

Cell = float | int | str | None
BATCH_ROWS: Final = 50_000
MAX_TEXT: Final = 65_536
"""Characters of one text; a longer one is no identifier, no answer and no name of an app."""


def typed(column: Column, value: object) -> Cell:
    """Return a value as its column's kind has it.

    Raises
    ------
    BadCellError
        With the rule, not the value.
    """
    if isinstance(value, bytes | bytearray):
        value = _text_of(column, bytes(value))
    if value is None or (isinstance(value, float) and math.isnan(value)):
        if column.nullable:
            return None
        raise BadCellError("is empty")
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise BadCellError(f"is longer than {MAX_TEXT} characters")
        return read_cell(column, value)
    if not isinstance(value, bool | int | float):
        raise BadCellError(f"is not {column.rule}")
    try:
        return _of_number(column, value)
    except (BadCellError, OverflowError):
        raise BadCellError(f"is not {column.rule}") from None


def _text_of(column: Column, value: bytes) -> str:
    """Return bytes as text: Base64 for keys that are bytes by nature, UTF-8 for words."""
    if column.kind is Kind.TEXT:
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value.decode("utf-8", "surrogateescape")


def _of_number(column: Column, value: float) -> Cell:
    match column.kind:
        case Kind.NUMBER | Kind.WHOLE:
            number = float(value)
            whole = column.kind is Kind.NUMBER or number.is_integer()
            if not math.isfinite(number) or not whole or not column.low <= number <= column.high:
                raise BadCellError
            return number
        case Kind.EPOCH:
            return epoch_micros(float(value))
        case Kind.TEXT | Kind.CHOICE:
            word = str(value).lower() if isinstance(value, bool) else f"{value:.15g}"
            return read_cell(column, word)
        case _:
            raise BadCellError


def read_rows(
    rows: Iterable[Sequence[object]],
    columns: Sequence[Column],
    first_row: int,
    place: str,
) -> Iterator[Chunk | Reject]:
    """Yield rows of values as chunks, and those that break a rule as rejects.

    Parameters
    ----------
    rows : iterable of sequence
        Values in the order of `columns`.
    first_row : int
        The number of the first row within the file.
    place : str
        What a row is called in messages ("table screen, row", "record").
    """
    good: list[list[Cell]] = []
    good_rows: list[int] = []
    bad: list[tuple[int, str]] = []
    for row, values in enumerate(rows, first_row):
        try:
            good.append([_named(c, v) for c, v in zip(columns, values, strict=True)])
            good_rows.append(row)
        except BadCellError as problem:
            bad.append((row, str(problem)))
        if len(good) + len(bad) >= BATCH_ROWS:
            yield from _batch(good, good_rows, bad, columns, first_row, place)
            good, good_rows, bad = [], [], []
    yield from _batch(good, good_rows, bad, columns, first_row, place)


def _named(column: Column, value: object) -> Cell:
    try:
        return typed(column, value)
    except BadCellError as problem:
        raise BadCellError(f"{column.aliases[0]} {problem}") from None


def _batch(
    good: list[list[Cell]],
    good_rows: list[int],
    bad: list[tuple[int, str]],
    columns: Sequence[Column],
    first_row: int,
    place: str,
) -> Iterator[Chunk | Reject]:
    if good:
        cells = zip(*good, strict=True)
        arrays = {
            column.name: pa.array([_kept(v) for v in values], arrow_type(column.kind))
            for column, values in zip(columns, cells, strict=True)
        }
        yield Chunk(np.array(good_rows, np.int64), arrays)
    start = 0
    for i, (row, rule) in enumerate(bad):
        following = bad[i + 1] if i + 1 < len(bad) else None
        if following == (row + 1, rule):
            continue
        first = bad[start][0]
        number = f"{first - first_row + 1}"
        where = number if i == start else f"{number} to {row - first_row + 1}"
        yield Reject(first, f"{place} {where}: {rule}", row - first + 1)
        start = i + 1


def _kept(value: Cell) -> Cell:
    return None if isinstance(value, str) and value in NULLS else value
