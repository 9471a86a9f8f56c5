"""Records that are written anew and taken back, in any order: what the newest writings say is held.

The oracle sees all writings at once and shares no code with either engine.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from euthymia.gateway.checks import FACTS_BORDER
from euthymia.ground.records import Item, Observations, Retracted
from euthymia.ground.records import Writing as Record
from euthymia.store.frame import from_arrow
from euthymia.store.records import digests
from stores import ENGINES, MRN, NOW, House, audit, facts, house_on, mrn, the

ALONE = ["x", "y"]  # codes of observations that stand on no record


class Writing(NamedTuple):
    record: int
    revised: int
    void: bool
    codes: tuple[str, ...]


def items(writings: list[Writing], alone: str = "") -> list[Item]:
    """Return the items of a file: each writing is one row of it."""
    told = {row: Record(f"Observation/{w.record}", w.revised) for row, w in enumerate(writings, 1)}
    found: list[Item] = []
    for row, writing in enumerate(writings, 1):
        table = rows_of([{"code": code, "row": row} for code in writing.codes])
        if writing.void:
            found.append(Retracted(row, told[row], mrn("A1"), table))
        else:
            found.append(Observations(MRN, table, {row: told[row]}))
    more = rows_of([{"code": code, "row": len(writings) + 1} for code in alone])
    return [*found, Observations(MRN, more)]


def rows_of(rows: list[dict[str, Any]]) -> pa.Table:
    old = {"time": NOW.replace(year=NOW.year - 2)}
    common = {"subject_id": "A1", "purpose": "care", "source": "fhir"}
    full = [common | ({"time": NOW} if r["code"] < "c" else old) | r for r in rows]
    return pa.Table.from_pylist(full, schema=FACTS_BORDER)


def held(house: House) -> list[str]:
    return sorted(house.store.observations(the(house), audit())["code"].to_pylist())


@st.composite
def histories(draw: st.DrawFn) -> list[list[Writing]]:
    """Return files of writings; no record is written twice at one instant but alike."""
    writings = [
        Writing(
            record,
            revised,
            draw(st.integers(0, 3)) == 0,
            tuple(draw(st.sets(st.sampled_from("abcd"), min_size=1, max_size=3))),
        )
        for record in range(draw(st.integers(1, 3)))
        for revised in range(1, draw(st.integers(2, 4)))
    ]
    told = draw(st.permutations(writings + draw(st.lists(st.sampled_from(writings), max_size=2))))
    cuts = sorted(draw(st.lists(st.integers(0, len(told)), max_size=3)))
    return [told[a:b] for a, b in zip([0, *cuts], [*cuts, len(told)], strict=True) if a < b]


def expected(files: list[list[Writing]]) -> list[str]:
    last: dict[int, Writing] = {}
    for writing in (w for file in files for w in file):
        if writing.record not in last or writing.revised > last[writing.record].revised:
            last[writing.record] = writing
    return sorted({code for w in last.values() if not w.void for code in w.codes})


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(histories(), st.booleans())
def test_the_newest_writing_of_each_record_is_held(files, alone):
    with TemporaryDirectory() as folder:
        for engine in ("memory", "sqlite"):
            house = House.build(Path(folder) / engine, engine)
            house.ingest(items([], "xy")) if alone else None
            receipts = [house.ingest(items(file)) for file in files]
            assert held(house) == sorted(expected(files) + (ALONE if alone else []))
            assert house.store.verify() == []
            told = [(r.stored, r.duplicates, r.removed) for r in receipts]
            if engine == "memory":
                as_memory = told
            house.close()
        assert told == as_memory


@pytest.fixture(params=ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    yield from house_on(request, tmp_path)


def test_a_fact_stays_while_another_record_says_it(house: House) -> None:
    house.ingest(items([Writing(1, 5, False, ("a", "b")), Writing(2, 5, False, ("b",))]))
    told = house.ingest(items([Writing(1, 6, True, ())]))
    assert (held(house), told.removed, told.stored) == (["b"], 1, 1)
    told = house.ingest(items([Writing(1, 5, False, ("a", "b"))]))  # an older export, read late
    assert (held(house), told.removed, told.duplicates) == (["b"], 0, 1)
    told = house.ingest(items([Writing(2, 7, False, ("d",))]))
    assert (held(house), told.removed) == (["d"], 1)
    assert house.ingest(items([Writing(2, 7, True, ())])).removed == 1
    assert house.ingest(items([Writing(2, 7, False, ("d",))])).stored == 0  # void outdoes it
    assert held(house) == []


def test_what_came_before_records_were_noted_is_taken_back_by_its_content(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": c, "source": "fhir"} for c in "ab"])])
    assert house.ingest(items([Writing(1, 5, False, ("b",))])).duplicates == 1
    assert house.ingest(items([Writing(2, 5, True, ("a", "b"))])).removed == 1
    assert held(house) == ["b"]  # the first record says it


def test_a_label_that_once_came_is_no_other_observation(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    first = items([Writing(1, 5, False, ("a",))])[0]
    assert isinstance(first, Observations)
    plain = first.table
    cells = pa.array(["psychotherapy-notes"], pa.string())
    place = plain.column_names.index("sensitivity")
    labelled = Observations(MRN, plain.set_column(place, "sensitivity", cells), first.written)
    house.ingest([labelled])
    told = house.ingest(items([Writing(1, 6, False, ("a",))]))  # without its label: still protected
    assert (told.removed, held(house)) == (0, [])
    assert house.ingest(items([Writing(1, 7, True, ())])).removed == 2
    house.close()


def test_equal_rows_have_one_digest_and_others_another() -> None:
    rows = [
        {"row": 1, "code": code, "numeric_value": value, "text_value": text, "time": time}
        for code in ("a", "b")
        for value in (None, 0.0, 1.0)
        for text in (None, "", "1")
        for time in (None, NOW)
    ]
    frame = from_arrow(facts(rows).table.drop_columns(["row", "subject_id"]))
    found = digests(frame)
    assert len(set(found.tolist())) == len(rows)
    backward = from_arrow(facts([*rows[::-1], rows[3]]).table.drop_columns(["row", "subject_id"]))
    np.testing.assert_array_equal(digests(backward)[:-1][::-1], found)
    negative = from_arrow(
        facts([rows[2] | {"numeric_value": -0.0}]).table.drop_columns(["row", "subject_id"])
    )
    assert digests(negative)[0] in found
