"""Ingest A, ingest B, take B back: what is stored is what A alone would have left."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draws import MORE
from euthymia.ground.records import Observations, Retracted, Writing
from stores import House, audit, facts, mrn

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["A1", "B2"]),
        st.sampled_from([None, "Observation/1", "Observation/2", "Observation/3"]),
        st.sampled_from([1.0, 2.0]),
    ),
    max_size=6,
)


@contextmanager
def built(engine: str) -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        house = House.build(Path(folder), engine)
        yield house
        assert house.store.verify() == []
        house.close()


def items(rows: list[tuple[str, str | None, float]], batch: str) -> list[Observations]:
    """Return a file's rows; the records of each file are its own."""
    told = [
        {"row": i, "subject_id": who, "code": "LOINC/8867-4", "numeric_value": value}
        for i, (who, _, value) in enumerate(rows, 1)
    ]
    marks = {
        i: Writing("" if name is None else f"{name}-{batch}")
        for i, (_, name, _) in enumerate(rows, 1)
    }
    return [Observations(facts(told).system, facts(told).table, marks)] if rows else []


def back(rows: list[tuple[str, str | None, float]], batch: str) -> list[Retracted]:
    pairs = dict.fromkeys((who, name) for who, name, _ in rows if name is not None)
    return [
        Retracted(row, Writing(f"{name}-{batch}"), mrn(who))
        for row, (who, name) in enumerate(pairs, 1)
    ]


def stored(house: House) -> dict[str, list[float]]:
    found = {}
    for who in ("A1", "B2"):
        subject = house.store.resolve(who)
        if subject is not None:
            table = house.store.observations(subject, audit())
            found[who] = sorted(table.column("numeric_value").to_pylist())
    return {who: values for who, values in found.items() if values}


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
@settings(max_examples=8 * MORE, deadline=None)
@given(first=ROWS, second=ROWS, twice=st.booleans())
def test_taking_a_file_back_leaves_the_others(
    engine: str,
    first: list[tuple[str, str | None, float]],
    second: list[tuple[str, str | None, float]],
    twice: bool,
) -> None:
    second = [row for row in second if row[1] is not None]
    with built(engine) as alone, built(engine) as both:
        alone.ingest(items(first, "a"), digest="a")
        both.ingest(items(first, "a"), digest="a")
        both.ingest(items(second, "b"), digest="b")
        if twice:
            both.ingest(items(second, "b"), digest="b2")
        both.ingest(back(second, "b"), digest="c")
        assert stored(both) == stored(alone)
        both.ingest(items(second, "b"), digest="d")  # an old copy of what was taken back
        assert stored(both) == stored(alone)
