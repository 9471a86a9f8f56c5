"""A table as plain NumPy columns: cut into days, merged with what is stored, exact to the bit.

Arrow is the form at the border and for readers. Inside the store a table is a `Frame`, because one
person's day is so short that Arrow's fixed cost per call would be most of the work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.errors import SchemaError

TEXT: Final = "s"
OTHER_COLUMNS: Final = "stored rows and new rows do not have the same columns"
_KINDS: Final[dict[pa.DataType, str]] = {
    pa.timestamp("us", tz="UTC"): "t",
    pa.date32(): "d",
    pa.float64(): "f8",
    pa.float32(): "f4",
    pa.int8(): "i1",
    pa.int32(): "i4",
    pa.int64(): "i8",
    pa.string(): TEXT,
}
DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "t": np.dtype("<i8"),
    "d": np.dtype("<i4"),
    "f8": np.dtype("<f8"),
    "f4": np.dtype("<f4"),
    "i1": np.dtype("<i1"),
    "i4": np.dtype("<i4"),
    "i8": np.dtype("<i8"),
    TEXT: np.dtype("<i4"),
}
"""The NumPy type of each kind. A text column holds places in its `pool`."""

_FEW: Final = 256  # texts that plain Python sorts sooner than Arrow is called

_TYPES: Final = {kind: data_type for data_type, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `valid` is None where nothing is null; null places hold 0.

    The `pool` of a text column is sorted and free of repeats.
    """

    kind: str
    values: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    pool: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def cut(self, start: int, end: int) -> "Column":
        """Return the rows of [start, end)."""
        valid = None if self.valid is None else self.valid[start:end]
        return _tidy(Column(self.kind, self.values[start:end], valid, self.pool))

    def take(self, places: NDArray[Any]) -> "Column":
        """Return the rows at `places` (indices or a mask)."""
        valid = None if self.valid is None else self.valid[places]
        return Column(self.kind, self.values[places], valid, self.pool)


Frame = Mapping[str, Column]
"""Columns of one length, by name, in order."""


def _tidy(column: Column) -> Column:
    """Drop a null mask that masks nothing and pool entries that nothing uses."""
    valid = None if column.valid is None or column.valid.all() else column.valid
    if column.kind != TEXT:
        return Column(column.kind, column.values, valid)
    used = np.zeros(len(column.pool), np.bool_)
    used[column.values if valid is None else column.values[valid]] = True
    if used.all():
        return Column(TEXT, column.values, valid, column.pool)
    values = column.values
    if used.any():
        values = (used.cumsum(dtype=DTYPES[TEXT]) - 1)[values]
    if valid is not None:
        values = np.where(valid, values, 0)
    pool = tuple(text for text, kept in zip(column.pool, used.tolist(), strict=True) if kept)
    return Column(TEXT, values.astype(DTYPES[TEXT], copy=False), valid, pool)


def rows_of(frame: Frame) -> int:
    """Return the number of rows."""
    return len(next(iter(frame.values())).values) if frame else 0


def kind_of(data_type: pa.DataType) -> str:
    """Return the kind of an Arrow type; SchemaError for one that is never stored."""
    kind = _KINDS.get(data_type)
    if kind is None:
        raise SchemaError(f"the store has no form for Arrow type {data_type}")
    return kind


def texts(column: Column) -> list[str]:
    """Return the cells of a text column in which nothing is null."""
    return [column.pool[place] for place in column.values.tolist()]


def _array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column


def _from_few_texts(array: pa.Array, valid: NDArray[np.bool_] | None) -> Column:
    cells = array.to_pylist()
    pool = tuple(sorted({text for text in cells if text is not None}))
    place = {text: i for i, text in enumerate(pool)}
    return Column(TEXT, np.array([place.get(c, 0) for c in cells], DTYPES[TEXT]), valid, pool)


def _from_text(array: pa.Array, valid: NDArray[np.bool_] | None) -> Column:
    if len(array) <= _FEW:
        return _from_few_texts(array, valid)
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    pool = encoded.dictionary.to_pylist()
    order = sorted(range(len(pool)), key=pool.__getitem__)
    rank = np.zeros(max(len(pool), 1), DTYPES[TEXT])
    rank[order] = np.arange(len(order))
    codes = encoded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    values = rank[codes]
    if valid is not None:
        values[~valid] = 0
    return Column(TEXT, values, valid, tuple(pool[i] for i in order))


def column_from_arrow(column: pa.ChunkedArray | pa.Array) -> Column:
    """Return one Arrow column as NumPy."""
    array = _array(column)
    valid = None
    if array.null_count:
        valid = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_string(array.type) or pa.types.is_dictionary(array.type):
        return _tidy(_from_text(array, valid))
    kind = kind_of(array.type)
    if kind in {"t", "d"}:
        array = array.view(pa.int64() if kind == "t" else pa.int32())
    if valid is None:
        return Column(kind, array.to_numpy(zero_copy_only=False))
    # Arrow leaves anything at null places; its own fill_null takes 30 us a call
    held = np.frombuffer(array.buffers()[1], DTYPES[kind], len(array) + array.offset)
    return Column(kind, np.where(valid, held[array.offset :], DTYPES[kind].type(0)), valid)


def from_arrow(table: pa.Table) -> dict[str, Column]:
    """Return a table's columns as NumPy, without copying where Arrow's memory can be read."""
    return {name: column_from_arrow(table.column(name)) for name in table.column_names}


def _to_arrow(column: Column) -> pa.Array:
    mask = None if column.valid is None else ~column.valid
    if column.kind == TEXT:
        codes = pa.array(column.values, pa.int32(), mask=mask)
        pool = pa.array(list(column.pool), pa.string())
        return pa.DictionaryArray.from_arrays(codes, pool).cast(pa.string())
    target = _TYPES[column.kind]
    if column.kind in {"t", "d"}:
        plain = pa.int64() if column.kind == "t" else pa.int32()
        return pa.array(column.values, plain, mask=mask).view(target)
    return pa.array(column.values, target, mask=mask)


def to_arrow(frame: Frame, schema: pa.Schema) -> pa.Table:
    """Return a frame as a table of exactly `schema`."""
    if list(frame) != schema.names or any(
        kind_of(field.type) != frame[field.name].kind for field in schema
    ):
        raise SchemaError("stored columns are not those of the schema asked for")
    return pa.Table.from_arrays([_to_arrow(frame[name]) for name in schema.names], schema=schema)


def cut(frame: Frame, start: int, end: int) -> dict[str, Column]:
    """Return the rows of [start, end)."""
    return {name: column.cut(start, end) for name, column in frame.items()}


def take(frame: Frame, places: NDArray[Any]) -> dict[str, Column]:
    """Return the rows at `places` (indices or a mask)."""
    return {name: column.take(places) for name, column in frame.items()}


def _join_text(columns: Sequence[Column]) -> tuple[list[NDArray[Any]], tuple[str, ...]]:
    pools = {column.pool for column in columns}
    if len(pools) == 1:
        return [column.values for column in columns], pools.pop()
    pool = tuple(sorted(set().union(*pools)))
    place = {text: i for i, text in enumerate(pool)}
    moved = []
    for column in columns:
        rank = np.array([place[text] for text in column.pool] or [0], DTYPES[TEXT])
        values = rank[column.values]
        if column.valid is not None:
            values[~column.valid] = 0
        moved.append(values)
    return moved, pool


def _join(columns: Sequence[Column]) -> Column:
    first = columns[0]
    values: list[NDArray[Any]] = [column.values for column in columns]
    pool: tuple[str, ...] = ()
    if first.kind == TEXT:
        values, pool = _join_text(columns)
    valid = None
    if any(column.valid is not None for column in columns):
        valid = np.concatenate(
            [np.ones(len(c), np.bool_) if c.valid is None else c.valid for c in columns]
        )
    return Column(first.kind, np.concatenate(values), valid, pool)


def join(frames: Sequence[Frame]) -> dict[str, Column]:
    """Return frames of the same columns one after the other."""
    if len(frames) == 1:
        return dict(frames[0])
    shape = [(name, column.kind) for name, column in frames[0].items()]
    if any([(name, c.kind) for name, c in frame.items()] != shape for frame in frames[1:]):
        raise SchemaError(OTHER_COLUMNS)
    return {name: _join([frame[name] for frame in frames]) for name, _ in shape}


def _keys(frame: Frame, ignore: frozenset[str]) -> list[NDArray[Any]]:
    """Return integer arrays that are equal in two rows when and only when the rows are equal."""
    keys: list[NDArray[Any]] = []
    for name, column in frame.items():
        if name in ignore:
            continue
        if column.valid is not None:
            keys.append(column.valid)
        kind = {"f8": "<i8", "f4": "<i4"}.get(column.kind)
        # + 0.0 makes -0.0 equal to 0.0, as numbers are; NaN is equal to itself, as rows are
        keys.append((column.values + 0.0).view(kind) if kind else column.values)
    return keys


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge gives: the rows in order, and which of them came in new."""

    frame: dict[str, Column]
    origin: NDArray[np.int64]
    """For each merged row its place among the new rows, or -1 if it was stored already."""


def merge(stored: Frame | None, new: Frame, ignore: frozenset[str] = frozenset()) -> Merged:
    """Merge new rows into stored ones by `time`; of equal rows the first is kept.

    Parameters
    ----------
    stored, new : Frame
        Rows with the same columns; the first column is `time`. `stored` has no repeated row.
    ignore : frozenset of str
        Columns that do not make two rows different.

    Notes
    -----
    The order is by time and, among equal times, by the bits of the other columns: the same rows
    give the same bytes in whatever order they came. Nulls come first.
    """
    old_rows = 0 if stored is None else rows_of(stored)
    both = dict(new) if stored is None else join([stored, new])
    time = both["time"]
    origin = np.arange(len(time)) - old_rows
    origin[:old_rows] = -1
    if time.valid is None and bool(np.all(time.values[1:] > time.values[:-1])):
        return Merged(both, origin)
    order, keep = _order(both, ignore)
    chosen = order[keep]
    return Merged(take(both, chosen), origin[chosen])


def _order(frame: Frame, ignore: frozenset[str]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    time = frame["time"]
    moment = time.values
    if time.valid is not None:
        moment = np.where(time.valid, moment, np.iinfo(np.int64).min)
    order = np.argsort(moment, kind="stable")
    tied = np.zeros(len(order) + 1, np.bool_)
    tied[1:-1] = moment[order][1:] == moment[order][:-1]
    among = np.flatnonzero(tied[1:] | tied[:-1])
    keep = np.ones(len(order), np.bool_)
    if among.size:
        rows = order[among]
        keys = [key[rows] for key in _keys(frame, ignore)]
        inner = np.lexsort([rows, *reversed(keys)]) if keys else np.argsort(rows)
        # equal times stand next to each other before and after, so the places stay the same
        inner = inner[np.argsort(moment[rows[inner]], kind="stable")]
        order[among] = rows[inner]
        same = np.ones(len(rows) - 1, np.bool_)
        for key in keys:
            same &= key[inner][1:] == key[inner][:-1]
        keep[among[1:][same]] = False
    return order, keep


def kinds_of(frame: Frame) -> dict[str, str]:
    """Return the kind of each column, in order."""
    return {name: column.kind for name, column in frame.items()}


def same_columns(kinds: Mapping[str, str], schema: pa.Schema) -> bool:
    """Tell whether a frame's columns, by name and kind, are exactly those of `schema`."""
    return list(kinds.items()) == [(field.name, kind_of(field.type)) for field in schema]
