"""Lines of CSV made as a matrix are those that Python's own formatting would make."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from euthymia.simulate.chance import scramble
from euthymia.simulate.rows import Lines, digits, table

whole = st.lists(st.integers(0, 10**14), min_size=1, max_size=30)
tenths = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30)


@given(whole)
def test_whole_numbers(values: list[int]) -> None:
    got = Lines(len(values)).integer(np.array(values, np.int64)).encode().decode()
    assert got.splitlines() == [str(v) for v in values]


@given(whole)
def test_leading_zeros(values: list[int]) -> None:
    rows = digits(np.array(values, np.int64), 15)
    assert [row.tobytes().decode() for row in rows] == [f"{v:015d}" for v in values]


@given(tenths, st.integers(1, 7))
def test_decimals(values: list[int], places: int) -> None:
    numbers = np.array(values) / 10**places
    got = Lines(len(values)).decimal(numbers, places).encode().decode().splitlines()
    for text, value in zip(got, values, strict=True):
        assert round(float(text) * 10**places) == value
        assert len(text.partition(".")[2]) == places
        assert text.lstrip("-").partition(".")[0] == str(abs(value) // 10**places)
        assert text.startswith("-") == (value < 0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**6)), max_size=40))
def test_splitting_loses_nothing(pairs: list[tuple[int, int]]) -> None:
    pairs = sorted(pairs)
    group = np.array([g for g, _ in pairs], np.int64)
    values = np.array([v for _, v in pairs], np.int64)
    words = table([b"a", b"bcd", b"", b"ef", b"g", b"h"])

    def lines() -> Lines:
        return Lines(len(pairs)).choice(words, group).text(b",").integer(values)

    parts = lines().split(group)
    assert b"".join(data for _, data in parts) == lines().encode()
    assert [g for g, _ in parts] == sorted({g for g, _ in pairs})
    for g, data in parts:
        assert data.count(b"\n") == int((group == g).sum())


@given(
    st.lists(st.integers(0, 10**6), unique=True, min_size=2, max_size=50),
    st.integers(0, 2**63 - 1),
    st.sampled_from([9_000_000, 36**8, 36**10]),
)
def test_no_two_people_share_an_id(indices: list[int], seed: int, modulus: int) -> None:
    made = [scramble(i, seed, 3, modulus) for i in indices]
    assert len(set(made)) == len(indices)
    assert all(0 <= m < modulus for m in made)
