"""A block gives back exactly what went in, whatever that was; other bytes are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.ground.errors import IntegrityError, SchemaError
from euthymia.ground.schemas import FEATURE_KEYS, OBSERVATIONS, STREAMS
from euthymia.store import chunk, chunks
from euthymia.store.frame import Column, cut, from_arrow, join, merge, rows_of, take, to_arrow

SCHEMAS = {
    **{name: stream.schema for name, stream in STREAMS.items()},
    "observations": OBSERVATIONS.remove(0),
    "features": pa.schema([*FEATURE_KEYS, pa.field("a", pa.float64())]),
}
NUMBERS = {
    pa.float64(): st.one_of(
        st.floats(),
        st.integers(-(10**9), 10**9).map(float),
        st.integers(-(10**9), 10**9).map(lambda n: n / 1e6),
    ),
    pa.float32(): st.one_of(st.floats(width=32), st.integers(-1000, 70000).map(float)),
    pa.int8(): st.integers(-128, 127),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.date32(): st.integers(-800_000, 800_000),
    pa.timestamp("us", "UTC"): st.one_of(
        st.integers(-(2**63), 2**63 - 1),
        st.integers(0, 10_000).map(lambda n: 1_700_000_000_000_000 + n * 60_000_000),
    ),
    pa.string(): st.one_of(st.text(max_size=8), st.sampled_from(["a", "b", ""])),
}


def _column(field: pa.Field, rows: int) -> st.SearchStrategy[pa.Array]:
    values = NUMBERS[field.type]
    cells = st.one_of(st.none(), values) if field.nullable else values

    def build(cells: list[Any]) -> pa.Array:
        if pa.types.is_timestamp(field.type):
            return pa.array(cells, pa.int64()).cast(field.type)
        if pa.types.is_date(field.type):
            return pa.array(cells, pa.int32()).cast(field.type)
        return pa.array(cells, field.type)

    one_value = values.map(lambda v: [v] * rows)
    many = st.lists(cells, min_size=rows, max_size=rows)
    return st.one_of(many, one_value).map(build)


@st.composite
def tables(draw: st.DrawFn, names: list[str] | None = None, most: int = 40) -> pa.Table:
    schema = SCHEMAS[draw(st.sampled_from(names or sorted(SCHEMAS)))]
    rows = draw(st.integers(0, most))
    return pa.Table.from_arrays([draw(_column(f, rows)) for f in schema], schema=schema)


def _bits(table: pa.Table) -> list[Any]:
    """Return a table's content with floats as bits: NaN is NaN, -0.0 is not 0.0."""
    frame = from_arrow(table)
    return [
        (name, c.values.tobytes(), None if c.valid is None else c.valid.tolist(), c.pool)
        for name, c in frame.items()
    ]


@settings(max_examples=80, deadline=None)
@given(table=tables())
def test_a_block_gives_back_the_same_bits(table: pa.Table) -> None:
    frame = from_arrow(table)
    data = chunk.encode(frame)
    back = chunk.decode(data)
    assert _bits(to_arrow(back, table.schema)) == _bits(table)
    assert chunk.encode(back) == data


@pytest.mark.parametrize("name", sorted(SCHEMAS))
@pytest.mark.parametrize("rows", [0, 1, 2, 700])
def test_every_schema_at_every_size(name: str, rows: int) -> None:
    random = np.random.default_rng(rows)
    schema = SCHEMAS[name]
    columns = []
    for field in schema:
        cells: Any = random.integers(0, 100, rows)
        if field.type == pa.string():
            cells = [f"text {n}" for n in cells]
        elif pa.types.is_timestamp(field.type):
            cells = pa.array(1_700_000_000_000_000 + cells * 60_000_000).cast(field.type)
        elif pa.types.is_date(field.type):
            cells = pa.array(cells.astype("int32")).cast(field.type)
        mask = random.random(rows) < 0.3 if field.nullable and rows else None
        array = cells if isinstance(cells, pa.Array) else pa.array(cells, field.type)
        if mask is not None:
            array = pa.array(
                [None if m else v for v, m in zip(array.to_pylist(), mask, strict=True)]
            )
        columns.append(array.cast(field.type))
    table = pa.Table.from_arrays(columns, schema=schema)
    back = to_arrow(chunk.decode(chunk.encode(from_arrow(table))), schema)
    assert back.equals(table)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(SCHEMAS)))
def test_many_blocks_at_once_are_those_one_by_one(data: st.DataObject, name: str) -> None:
    days = [from_arrow(data.draw(tables([name]))) for _ in range(data.draw(st.integers(1, 4)))]
    blocks = [chunk.encode(day) for day in days]
    apart = join([chunk.decode(block) for block in blocks])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "bytes_decoded", chunk.Effort(0))
        together = decode_all(blocks)
    schema = SCHEMAS[name]
    assert _bits(to_arrow(together, schema)) == _bits(to_arrow(apart, schema))
    if data.draw(st.booleans()):  # some at a time
        whole = chunks.Joined(sum(map(rows_of, days)))
        for block, day in zip(blocks, days, strict=True):
            assert not whole.add(block, [0, len(block)], [rows_of(day) + 1])
            assert whole.add(block, [0, len(block)], [rows_of(day)])
        assert _bits(to_arrow(whole.frame(), schema)) == _bits(to_arrow(apart, schema))


def test_a_long_recording_is_read_in_one_go() -> None:
    random = np.random.default_rng(5)
    days = []
    for day in range(25):
        rows = 3000 + day
        time = pa.array(day * 86_400_000_000 + np.arange(rows) * 1_000_000)
        places = [random.normal(50, 1, rows), np.round(random.normal(8, 1, rows), 6)]
        more = [np.full(rows, 20.0), random.normal(9, 1, rows), random.integers(0, 9, rows)]
        schema = STREAMS["location"].schema
        cells = [time, *places, *more][: len(schema)]
        cast = [pa.array(c).cast(f.type) for c, f in zip(cells, schema, strict=True)]
        days.append(from_arrow(pa.Table.from_arrays(cast, schema=schema)))
    blocks = [chunk.encode(day) for day in days]
    assert not chunk.Effort(1 << 20).still_small(sum(map(len, blocks)))
    schema = STREAMS["location"].schema
    assert _bits(to_arrow(decode_all(blocks), schema)) == _bits(to_arrow(join(days), schema))


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_damaged_block_among_many_is_refused_as_one_alone_is(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(_BLOCKS))
    whole = bytearray(good)
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    pair = [good, bytes(whole)]

    def outcome(read: Callable[[], dict[str, Column]]) -> object:
        try:
            return [(n, c.kind, c.values.tobytes(), c.pool) for n, c in read().items()]
        except (IntegrityError, SchemaError):
            return "refused"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "bytes_decoded", chunk.Effort(0))
        together = outcome(lambda: decode_all(pair))
    assert together == outcome(lambda: join([chunk.decode(block) for block in pair]))


def decode_all(blocks: list[bytes]) -> dict[str, Column]:
    whole = chunks.Joined(sum(chunks.read_header(block)[0].rows for block in blocks))
    whole.add(b"".join(blocks), np.cumsum([0, *map(len, blocks)]).tolist())
    return whole.frame()


def _blocks() -> list[bytes]:
    times = pa.array([0, 60_000_000, 90_000_000], pa.int64()).cast(pa.timestamp("us", "UTC"))
    calls = [times, pa.array([1, 2, 1]), pa.array([0.5, 3.0, np.pi]), pa.array(["á", None, "b"])]
    places = [times, *[pa.array([41.38 + i, 2.17, np.pi]) for i in range(5)]]
    blocks = []
    for name, columns in (("calls", calls), ("location", places)):
        schema = STREAMS[name].schema
        cast = [c.cast(f.type) for c, f in zip(columns, schema, strict=True)]
        blocks.append(chunk.encode(from_arrow(pa.Table.from_arrays(cast, schema=schema))))
    return blocks


_BLOCKS = _blocks()


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_damaged_bytes_are_refused_or_read_as_another_block(data: st.DataObject) -> None:
    """The seal keeps damage out; should it get in all the same, nothing but our error comes out."""
    whole = bytearray(data.draw(st.sampled_from(_BLOCKS)))
    how = data.draw(st.sampled_from(["flip", "cut", "add", "noise"]))
    if how == "flip":
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "cut":
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    elif how == "add":
        whole += data.draw(st.binary(min_size=1, max_size=5))
    else:
        whole = bytearray(b"EUC1" + data.draw(st.binary(max_size=60)))
    try:
        frame = chunk.decode(bytes(whole))
    except IntegrityError:
        return
    assert all(len(column) == rows_of(frame) for column in frame.values())
    if how in {"cut", "add"}:
        pytest.fail("a block of another length was read")


def _records(frame: Any, schema: pa.Schema) -> list[tuple[Any, ...]]:
    """Return rows as tuples in which equal means equal (+ 0.0: -0.0 is 0.0; NaN is NaN)."""
    return [
        tuple(repr(v + 0.0) if isinstance(v, float) else v for v in row.values())
        for row in to_arrow(frame, schema).to_pylist()
    ]


@st.composite
def _two(draw: st.DrawFn) -> tuple[pa.Table, pa.Table]:
    """Return two tables of few different rows, so that many repeat."""
    schema = STREAMS["calls"].schema
    rows = st.tuples(
        st.integers(0, 4).map(lambda n: n * 1_000_000),
        st.integers(1, 2),
        st.sampled_from([0.0, -0.0, 1.5]),
        st.sampled_from([None, "a", "b"]),
    )

    def build(cells: list[tuple[Any, ...]]) -> pa.Table:
        columns = list(zip(*cells, strict=True)) or [()] * 4
        times = pa.array(columns[0], pa.int64()).cast(schema.field(0).type)
        others = [pa.array(columns[i], schema.field(i).type) for i in (1, 2, 3)]
        return pa.Table.from_arrays([times, *others], schema=schema)

    lists = st.lists(rows, max_size=25)
    return build(draw(lists)), build(draw(lists))


@settings(max_examples=80, deadline=None)
@given(pair=_two())
def test_a_merge_is_the_union_of_rows_in_one_order(pair: tuple[pa.Table, pa.Table]) -> None:
    schema = pair[0].schema
    old = merge(None, from_arrow(pair[0])).frame
    new = from_arrow(pair[1])
    merged = merge(old, new)
    rows = _records(merged.frame, schema)
    assert len(rows) == len(set(rows))
    assert set(rows) == {*_records(old, schema), *_records(new, schema)}
    times = merged.frame["time"].values
    assert (np.diff(times) >= 0).all()
    stored = set(_records(old, schema))
    offered = _records(new, schema)
    fresh = {place for place in merged.origin.tolist() if place >= 0}
    expected = {offered.index(row) for row in offered if row not in stored}
    assert fresh == expected
    other_way = merge(merge(None, new).frame, from_arrow(pair[0])).frame
    assert _records(other_way, schema) == rows


@settings(max_examples=30, deadline=None)
@given(table=tables(most=20), data=st.data())
def test_cutting_and_joining_change_nothing(table: pa.Table, data: st.DataObject) -> None:
    frame = from_arrow(table)
    at = data.draw(st.integers(0, table.num_rows))
    parts = [cut(frame, 0, at), cut(frame, at, table.num_rows)]
    assert _bits(to_arrow(join(parts), table.schema)) == _bits(table)
    places = np.array(data.draw(st.permutations(range(table.num_rows))), np.int64)
    assert _bits(to_arrow(take(frame, places), table.schema)) == _bits(table.take(pa.array(places)))


@pytest.mark.parametrize("kind", ["f8", "f4", "i8", "t", "d"])
@settings(deadline=None)  # the first example compiles, or reads machine code
@given(data=st.data())
def test_compiled_code_gives_the_same_bytes(kind: str, data: st.DataObject) -> None:
    name = {"f8": pa.float64(), "f4": pa.float32(), "i8": pa.int32(), "d": pa.date32()}
    cells = NUMBERS[name.get(kind, pa.timestamp("us", "UTC"))]
    drawn = data.draw(st.lists(cells, min_size=1, max_size=40))
    if kind in {"f8", "f4"}:
        values = np.array(drawn, np.float64 if kind == "f8" else np.float32)
        with np.errstate(all="ignore"):
            values *= data.draw(st.sampled_from([1.0, 0.1, 1e-7, -0.0]))
        assert chunk._floats_fast(values) == chunk._floats(values)
        return
    whole = np.array(drawn, np.int64) * data.draw(st.sampled_from([1, 60, 1000, 2**40]))
    delta = kind in {"t", "d"}
    assert chunk._integers_fast(whole, delta) == chunk._integers(whole, delta)
