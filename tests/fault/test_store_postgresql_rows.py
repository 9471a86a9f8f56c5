"""Rows moved between people by plain SQL: no read takes one person for another."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Person
from euthymia.store.people import People
from euthymia.store.postgresql import PostgresDatabase, PostgresStore, Server
from euthymia.store.postgresql_copies import drop, require_room
from euthymia.store.profile import Profile
from euthymia.store.tables import WHOLE
from stores import ALL, MRN, NOW_US, House, audit, facts, mrn, samples, the, times
from whole_clinic import call

WHO = ("A1", "B2")
START = NOW_US - 40 * 86_400_000_000


@pytest.fixture
def house(tmp_path: Path, postgres: Server) -> Iterator[House]:
    house = House.build(tmp_path, "postgresql", postgres)
    for nth, who in enumerate(WHO):
        house.ingest([Person(1, (mrn(who),), name=f"{who} Q")], digest=f"p{who}")
        seen = [samples("screen", times(START, 5 + nth), who=who)]
        house.ingest(seen, consent=ALL, digest=f"s{who}")
        house.ingest([facts([{"row": 1, "code": who, "subject_id": who}])], digest=f"f{who}")
    house.ingest([samples("light", times(START, 5), who="A1")], consent=ALL, digest="of one alone")
    yield house
    house.close()


def ids(house: House) -> dict[str, SubjectId]:
    return {who: the(house, who) for who in WHO}


def answers(house: House, people: dict[str, SubjectId]) -> dict[str, Any]:
    """Read what a clinician would; a refusal is None."""
    server, found = house.store._db._server, dict[str, Any]()
    store = PostgresStore(server, house.keyring, house.ledger, house.clock)  # remembers nothing
    for who, subject in people.items():
        reads = {
            "resolve": lambda who=who: store.resolve(who),
            "resolve whole": lambda who=who: store.resolve(f"{MRN}|{who}"),
            "person": lambda s=subject: store.person(s, audit()),
            "samples": lambda s=subject: store.samples(s, "screen", 0, NOW_US, audit()),
            "light": lambda s=subject: store.samples(s, "light", 0, NOW_US, audit()),
            "facts": lambda s=subject: store.observations(s, audit()),
            "consents": lambda s=subject: store.grants(s),
            "detail key": lambda s=subject: store.detail_key(s),
        }
        for name, read in reads.items():
            try:
                found[f"{who} {name}"] = read()
            except EuthymiaError:
                found[f"{who} {name}"] = None
    store.close()
    return found


MOVED = {
    "subject": ("id", "pseudonym", "wrapped", "profile"),
    "identifier": ("blind", "subject"),
    "subject_key": ("subject", "wrapped"),
    "block": ("key", "digest", "sealed", "sequence"),
    "kind": ("id", "name"),
}


@pytest.mark.parametrize("table", MOVED)
def test_rows_put_together_from_two_people_are_refused(
    house: House, postgres: Server, table: str
) -> None:
    """Each column of each row changed for another row's: every read is right or refused."""
    people = ids(house)
    truth = answers(house, people)
    assert None not in truth.values()
    db = PostgresDatabase(postgres)
    fixed = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE connamespace = "
    for other, name in db.all(f"{fixed} '{postgres.schema}'::regnamespace"):
        db._simple(f"ALTER TABLE {other} DROP CONSTRAINT IF EXISTS {name} CASCADE")
    columns = WHOLE[table].split(", ")
    order = "subject" if "subject" in columns else "1"
    rows = db.all(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}")
    tried, most = 0, min(len(rows) // 2, 2)
    for one, two in product(range(most), range(len(rows) - most, len(rows))):  # of two people
        for column in MOVED[table]:
            at = columns.index(column)
            if rows[one][at] == rows[two][at]:
                continue
            tried += 1
            swapped = list(map(list, rows))
            swapped[one][at], swapped[two][at] = rows[two][at], rows[one][at]
            _put(db, table, columns, swapped, rows)
            found = answers(house, people)
            wrong = {name for name in truth if found[name] not in (None, truth[name])}
            if table == "kind":  # a stream under another's name: nothing, or refused
                wrong = {name for name in wrong if found[name].num_rows}
            assert not wrong, (column, one, two, wrong)
            assert house.store.verify() != [], (column, one, two)
            _put(db, table, columns, rows, swapped)
    assert tried
    assert answers(house, people) == truth
    assert house.store.verify() == []
    db.close()


def _put(
    db: PostgresDatabase, table: str, columns: list[str], new: list[Any], old: list[Any]
) -> None:
    db.begin_writing()
    where = " AND ".join(f"{column} = ?" for column in columns)
    marks = ", ".join("?" * len(columns))
    db.run_many(f"DELETE FROM {table} WHERE {where}", old)
    db.run_many(f"INSERT INTO {table}({', '.join(columns)}) VALUES({marks})", new)
    db.commit()


def test_an_identifier_led_elsewhere_takes_no_file_in(house: House, postgres: Server) -> None:
    """Or what is said of one person would be stored with another's."""
    people, db = ids(house), PostgresDatabase(postgres)
    number = "SELECT id FROM subject WHERE pseudonym = ?"
    one, two = (db.all(number, (people[who],))[0][0] for who in WHO)
    db.run("UPDATE identifier SET subject = ? WHERE subject = ?", (two, one))
    house.store._forget()
    with pytest.raises(IntegrityError, match="another person"):
        house.ingest([facts([{"row": 1, "code": "late"}])], digest="late")
    assert house.ingest([facts([{"row": 1, "code": "c", "subject_id": "C3"}])]).stored == 1
    db.close()


def test_profiles_of_before_they_knew_their_identifiers_learn_them(
    house: House, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next file about the person, or by the next rotation."""
    with monkeypatch.context() as patched:
        patched.setattr(Profile, "add_known_as", lambda _self, _blinds: False)
        patched.setattr(People, "learn_identifiers", lambda _self, _known: False)
        for who in ("C3", "D4"):
            ids_of = (mrn(who), SourceId("phones", f"phone of {who}"))
            house.ingest([Person(1, ids_of)], digest=who)
    held = {who: the(house, who) for who in ("C3", "D4")}
    known = {who: house.store._people.need(held[who]).profile for who in held}
    assert not any(profile.known_as for profile in known.values())
    house.ingest([facts([{"row": 1, "code": "late", "subject_id": "C3"}])], digest="late")
    assert len(house.store._people.need(held["C3"]).profile.known_as) == 4
    house.store.rotate("live", audit(), lambda _done, _of: None)
    learnt = house.store._people.need(held["D4"]).profile
    assert len(learnt.known_as) == 4
    assert learnt.number > 0
    for who, subject in held.items():
        assert house.store.resolve(f"phones|phone of {who}") == subject
    assert house.store.verify() == []


def test_a_key_for_the_ledger_that_was_deleted_is_not_replaced(
    house: House, postgres: Server
) -> None:
    """By another key, under which nothing of before opens and an erasure's promise is void."""
    subject, db = the(house), PostgresDatabase(postgres)
    db.run("DELETE FROM subject_key")
    db.close()
    house.store._forget()
    with pytest.raises(IntegrityError, match="for what the ledger tells"):
        house.store.detail_key(subject)


def test_a_stream_whose_name_was_deleted_is_an_error(house: House, postgres: Server) -> None:
    db = PostgresDatabase(postgres)
    db.run("DELETE FROM kind WHERE name = 'screen'")
    db.close()
    with pytest.raises(IntegrityError, match="no name"):
        house.store.segments(the(house))


def test_a_block_that_is_there_twice_is_refused(house: House, postgres: Server) -> None:
    db, subject = PostgresDatabase(postgres), the(house)
    db._simple("ALTER TABLE block DROP CONSTRAINT block_pkey")
    db._simple("INSERT INTO block SELECT * FROM block")
    db.close()
    with pytest.raises(IntegrityError, match="twice"):
        house.store.samples(subject, "screen", 0, NOW_US, audit())
    with pytest.raises(IntegrityError, match="twice"):
        house.store.observations(subject, audit())
    assert house.store.verify() != []


# -- whose schema ----------------------------------------------------------------------------------


def test_a_schema_of_another_clinic_is_not_used(
    house: House, tmp_path: Path, postgres: Server
) -> None:
    with pytest.raises(IntegrityError, match="another clinic"):
        House.build(tmp_path / "other", "postgresql", postgres)
    where = f"postgresql://euthymia@/postgres?host={postgres.host}&schema={postgres.schema}"
    code, told = call(tmp_path / "new", "init", "--store", where)
    assert (code, "holds data already" in told["error"]) == (1, True)
    assert not (tmp_path / "new").exists()
    assert house.store.verify() == []


def test_a_clinic_whose_server_cannot_be_reached_is_not_made(tmp_path: Path) -> None:
    code, told = call(tmp_path / "new", "init", "--store", "postgresql:///x?host=/nowhere")
    assert (code, "server runs" in told["error"]) == (1, True)
    assert not (tmp_path / "new").exists()


def test_what_is_not_ours_in_the_schema_stays_where_a_restore_is_taken_back(
    postgres: Server,
) -> None:
    require_room(postgres)
    db = PostgresDatabase(postgres)
    db._simple("CREATE TABLE theirs AS SELECT 1 AS kept")
    drop(postgres)
    assert db.one("SELECT kept FROM theirs") == (1,)
    assert db.one("SELECT to_regclass('block') IS NULL") == (True,)
    db._simple("DROP TABLE theirs")
    require_room(postgres)
    drop(postgres)
    gone = "SELECT 1 FROM pg_namespace WHERE nspname = ?"
    assert db.one(gone, (postgres.schema,)) is None
    db.close()
