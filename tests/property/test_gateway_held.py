"""Samples held in pieces are the samples that came, whatever they are and however they came."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from euthymia.gateway import held
from euthymia.gateway.held import HeldSamples, Pieces
from euthymia.ground.ids import SubjectId
from euthymia.ground.row_numbers import RowNumbers

INT64 = st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(
    st.tuples(INT64, st.one_of(st.none(), INT64), st.one_of(st.none(), st.text(max_size=3))),
    max_size=12,
)


def table_of(rows) -> pa.Table:
    row, time, label = zip(*rows, strict=True) if rows else ((), (), ())
    fields = [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC")),
        pa.field("label", pa.string()),
    ]
    columns = [pa.array(row, pa.int64()), pa.array(time, pa.int64()).view(fields[1].type)]
    return pa.Table.from_arrays([*columns, pa.array(label, pa.string())], schema=pa.schema(fields))


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(held, "PIECE_ROWS", 4)


@given(st.lists(ROWS, min_size=1, max_size=6))
def test_what_is_held_is_what_came(parts):
    pieces = Pieces()
    for rows in parts:
        pieces.add(table_of(rows))
    came = pa.concat_tables([table_of(rows) for rows in parts])
    assert pieces.rows == came.num_rows
    if came.num_rows:
        assert pieces.whole().equals(came)
        who = (SubjectId("s"), "steps")
        both = HeldSamples({who: pieces})
        assert pa.concat_tables(both.pieces(who)).equals(both[who])
        assert pa.concat_tables(pieces.emptied()).equals(came)
    assert (list(pieces), pieces.rows) == ([], 0)


@given(st.lists(st.lists(st.integers(0, 70), max_size=9), max_size=5), st.lists(st.integers(0, 99)))
def test_row_numbers_are_a_set(parts, asked):
    numbers = RowNumbers()
    for rows in parts:
        numbers.add(np.array(rows, np.int64))
    expected = {row for rows in parts for row in rows}
    assert len(numbers) == len(expected)
    assert numbers.holds(np.array(asked, np.int64)).tolist() == [row in expected for row in asked]
