"""Random mixtures of good, bad and repeated rows: both engines agree, and every row is counted."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from euthymia.ground.audit import Purpose
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Directory, Grant, Item, Person, Reject, Zone
from stores import ALL, DAY, NOW, NOW_US, House, audit, facts, mrn, samples

PEOPLE = ["A1", "B2", "C3"]
START = NOW_US - 400 * DAY


@st.composite
def files(draw: st.DrawFn) -> list[Item]:
    """Return the items of one file; rows are numbered through."""
    items: list[Item] = []
    row = 0
    for kind in draw(st.lists(st.sampled_from("sslffpgzdr"), max_size=7)):
        row += 1
        who = draw(st.sampled_from(PEOPLE))
        if kind in "sl":
            count = draw(st.integers(1, 12))
            at = [
                START + draw(st.integers(0, 3)) * DAY + draw(st.integers(0, 3)) * 60_000_000
                for _ in range(count)
            ]
            if draw(st.integers(0, 3)) == 0:
                at[0] = draw(st.sampled_from([0, NOW_US + 40 * DAY]))
            owners = [draw(st.sampled_from([*PEOPLE, None])) for _ in at]
            given_values: dict[str, Any] = (
                {"state": [draw(st.integers(0, 4)) for _ in at]}
                if kind == "s"
                else {"latitude": [draw(st.sampled_from([1.5, 99.0, -0.0, 0.0])) for _ in at]}
            )
            stream = "screen" if kind == "s" else "location"
            items.append(samples(stream, at, who=owners, first_row=row, **given_values))
            row += count - 1
        elif kind == "f":
            rows = [
                {
                    "row": row + draw(st.integers(0, 2)),
                    "code": draw(st.sampled_from(["a", "b", ""])),
                    "subject_id": who,
                    "time": draw(st.sampled_from([None, NOW])),
                    "numeric_value": draw(st.sampled_from([None, 1.0, float("nan")])),
                    "purpose": draw(st.sampled_from(["care", "research"])),
                }
                for _ in range(draw(st.integers(1, 5)))
            ]
            items.append(facts(rows))
            row += 2
        elif kind == "p":
            also = draw(st.sampled_from([(), (mrn("B2"),), (mrn("D4"),)]))
            name = draw(st.sampled_from([None, "Ada"]))
            items.append(Person(row, (mrn(who), *also), name=name))
        elif kind == "g":
            items.append(Grant(row, mrn(who), (Purpose.MONITORING,), draw(st.booleans()), NOW))
        elif kind == "z":
            items.append(Zone(row, mrn(who), NOW, draw(st.sampled_from(["UTC", "no"]))))
        elif kind == "d":
            items.append(Directory(row, "x", SourceId("s", who), "name"))
        else:
            more = draw(st.integers(1, 3))
            items.append(Reject(row, "cut short", more))
            row += more - 1
    return items


def contents(house: House) -> dict[str, Any]:
    """Return all that a house holds, in a form that can be compared."""
    found: dict[str, Any] = {"directory": house.store.directory(audit())}
    for subject in house.store.subjects(audit()):
        held: dict[str, Any] = {
            "person": house.store.person(subject, audit()),
            "grants": Counter(house.store.grants(subject)),
            "zones": house.store.timeline(subject),
            "rows": {
                stream: [rows for rows, _ in days.values()]
                for stream, days in sorted(house.store.segments(subject).items())
                if days
            },
        }
        own = audit(action="export subject")
        facts_held = house.store.observations(subject, own).drop_columns(["purpose"])
        held["facts"] = Counter(map(repr, facts_held.to_pylist()))
        for stream in ("screen", "location"):
            table = house.store.samples(subject, stream, 0, NOW_US, own)
            times = table.column("time").cast(pa.int64()).to_pylist()
            assert times == sorted(times)
            rows = (
                [v + 0.0 if isinstance(v, float) else v for v in r.values()]
                for r in table.to_pylist()
            )
            held[stream] = Counter(map(repr, rows))
        found[subject] = held
    return found


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=files(), second=files(), consent=st.sampled_from([None, ALL]))
def test_engines_agree_and_no_row_is_lost(
    first: list[Item], second: list[Item], consent: Any
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "a").mkdir()
        reference = House.build(folder / "a", "memory")
        (folder / "b").mkdir()
        (folder / "b" / "keys").mkdir()
        for file in (folder / "a" / "keys").iterdir():
            (folder / "b" / "keys" / file.name).write_bytes(file.read_bytes())
            (folder / "b" / "keys" / file.name).chmod(0o600)
        real = House.build(folder / "b")
        for items in (first, second, first):
            one = reference.ingest(items, consent=consent)
            two = real.ingest(items, consent=consent)
            counts = (two.rows_in, two.stored, two.rejected, two.duplicates)
            assert counts == (one.rows_in, one.stored, one.rejected, one.duplicates)
            assert two.rows_in == two.stored + two.rejected + two.duplicates
        once_more = real.ingest(second, consent=consent)
        assert once_more.rows_in == once_more.rejected + once_more.duplicates + once_more.stored
        reference.ingest(second, consent=consent)
        assert contents(real) == contents(reference)
        assert real.store.verify() == []
        reference.close()
        real.close()
