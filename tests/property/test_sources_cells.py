"""The fast way to read a table and the slow one accept the same cells and read the same values."""

import string
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from draws import MORE
from euthymia.sources import table
from euthymia.sources.cells import BadCellError, Column, Kind, read_cell
from euthymia.sources.table import _fast, _plain

KINDS = [
    Column("c", ("c",), Kind.NUMBER),
    Column("c", ("c",), Kind.NUMBER, nullable=True),
    Column("c", ("c",), Kind.NUMBER, low=-90, high=90),
    Column("c", ("c",), Kind.WHOLE, low=-128, high=127),
    Column("c", ("c",), Kind.EPOCH),
    Column("c", ("c",), Kind.WALL),
    Column("c", ("c",), Kind.INSTANT),
    Column("c", ("c",), Kind.TEXT),
    Column("c", ("c",), Kind.CHOICE, choices={"incoming": 1, "2": 2}),
]

plausible = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.datetimes().map(str),
    st.datetimes(timezones=st.timezones()).map(str),
    st.dates().map(str),
    st.text(string.digits + "+-.:eETZ naNif x_", max_size=14),
    st.text(string.printable.replace("\n", "").replace("\r", "").replace('"', ""), max_size=9),
    st.sampled_from(["NA", "", " ", "incoming", "2", "1e400", "0x1F", "1_000", "+5", "5.", ".5"]),
)


@settings(max_examples=200 * MORE, deadline=None)
@given(column=st.sampled_from(KINDS), cell=plausible)
@example(column=KINDS[5], cell="2024-02-30 10:00:00")
@example(column=KINDS[5], cell="2024-02-28 10:00:00Z")
@example(column=KINDS[6], cell="2024-02-28 10:00:00")
@example(column=KINDS[0], cell="Infinity")
@example(column=KINDS[4], cell="99999999999")
@example(column=KINDS[4], cell="100000000000")
@example(column=KINDS[4], cell="1.797693134862316e+305")
def test_what_the_fast_way_reads_the_slow_way_reads_the_same(column: Column, cell: str) -> None:
    cell = cell.replace(",", "")
    fast = _fast(f"7,{cell}\n".encode(), {1: column}, 2)
    try:
        slow = read_cell(column, cell)
    except BadCellError:
        assert fast is None
        return
    if fast is not None:  # the slow way may know more, never less
        read = fast["c"]
        assert isinstance(read, pa.Array)
        assert read.to_pylist() == [slow]


@settings(max_examples=100 * MORE, deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False, min_value=-3e38, max_value=3e38))
def test_every_usual_number_is_read_fast_and_exactly(value: float) -> None:
    fast = _fast(f"7,{value!r}\n".encode(), {1: KINDS[0]}, 2)
    assert fast is not None
    assert fast["c"].to_pylist() == [value]


NUMBERS = [column for column in KINDS if column.kind in table._NUMBERS]


@contextmanager
def short_tables_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "MANY", 0)
        yield


@settings(max_examples=200 * MORE, deadline=None)
@given(column=st.sampled_from(NUMBERS), cells=st.lists(plausible, min_size=1, max_size=4))
@example(column=KINDS[0], cells=["-0"])
@example(column=KINDS[0], cells=["9007199254740991", "9007199254740993", "0.9007199254740993"])
@example(column=KINDS[0], cells=["1", "42.339806900000003", "5.0E-4", "-7e3"])
@example(column=KINDS[0], cells=["1", "18446744073709551617", "0000000000000000000001"])
def test_compiled_code_reads_what_arrow_reads_to_the_last_bit(
    column: Column, cells: list[str]
) -> None:
    rows = [cell.replace(",", "") for cell in cells]
    for layout, place in (("x y,{}\n", 1), ("{},x y\n", 0)):
        data = "".join(layout.format(cell) for cell in rows).encode()
        with short_tables_too():
            found = _plain(data, {place: column}, 2)
        if found is not None:
            arrow = _fast(data, {place: column}, 2)
            assert arrow is not None
            assert found["c"].to_numpy().tobytes() == arrow["c"].to_numpy().tobytes()


@settings(max_examples=100 * MORE, deadline=None)
@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_compiled_code_reads_every_usual_number(values: list[float]) -> None:
    data = "".join(f"{value!r},7\n" for value in values).encode()
    with short_tables_too():
        found = _plain(data, {0: KINDS[0], 1: Column("d", ("d",))}, 2)
    assert found is not None
    assert found["c"].to_pylist() == values
    assert found["d"].to_pylist() == [7.0] * len(values)


@pytest.mark.parametrize(
    "data",
    [b"1\n", b"1,2,3\n", b"\n", b"1,2\n\n", b"1,\n", b"1,2\r\n", b'1,"2"\n', b"1,2", b"1,-\n"],
)
def test_other_lines_are_left_to_arrow(data: bytes) -> None:
    with short_tables_too():
        assert _plain(data, {1: KINDS[0]}, 2) is None
