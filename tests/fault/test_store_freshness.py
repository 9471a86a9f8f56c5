"""What was authentic once and is put back, taken away or mixed: `verify` tells.

The attacker here can write to the database past all page tags and holds old rows in full; what is
missing is the clinic's keys and the ledger.
"""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from euthymia.ground.audit import Purpose
from euthymia.ground.errors import IntegrityError
from euthymia.ground.records import Grant, Person
from euthymia.store.engine import PAGE_BYTES
from euthymia.store.sqlite import SqliteStore
from euthymia.store.tables import COLUMNS
from stores import ALL, DAY, NOW, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 40 * DAY
EVERY_TABLE = (*COLUMNS, "change")


def fill(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),), name="Ada")], digest="1")
    house.ingest([samples("screen", times(START, 50))], consent=ALL, digest="2")
    house.ingest([facts([{"row": 1, "code": "a"}, {"row": 2, "code": "b", "subject_id": "B2"}])])


def rows(house: House) -> dict[str, list[tuple]]:
    db = house.store._db
    return {table: list(db.execute(f"SELECT * FROM {table}")) for table in EVERY_TABLE}


def put_back(house: House, table: str, old: list[tuple]) -> None:
    db = house.store._db
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute(f"DELETE FROM {table}")
    for row in old:
        db.execute(f"INSERT INTO {table} VALUES({', '.join('?' * len(row))})", row)
    db.execute("PRAGMA foreign_keys = ON")


def later(house: House) -> None:
    """Change something in every table."""
    house.now += timedelta(minutes=5)
    house.ingest([samples("screen", times(START, 60))], digest="3")
    house.ingest([Grant(1, mrn("A1"), (Purpose.MONITORING,), False, house.now)], digest="4")
    house.ingest([facts([{"row": 1, "code": "c", "subject_id": "C3"}])], digest="5")
    house.ingest([samples("location", times(START, 2))], digest="6")  # refused: withdrawn
    house.store.erase(the(house, "B2"), audit(action="erase subject"))


@pytest.mark.parametrize("table", [t for t in EVERY_TABLE if t not in {"kind", "directory"}])
def test_old_rows_of_any_table_put_back_are_found(tmp_path: Path, table: str) -> None:
    house = House.build(tmp_path)
    fill(house)
    old = rows(house)
    later(house)
    assert house.store.verify() == []
    assert rows(house)[table] != old[table]
    assert house.store.compared() == []
    put_back(house, table, old[table])
    assert house.store.verify() != []
    assert house.store.compared() != []  # without opening one of them
    house.close()


def test_one_old_block_put_back_whole_is_found(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    db = house.store._db
    old = db.execute("SELECT * FROM block ORDER BY key LIMIT 1").get
    key = old[0]
    house.ingest([samples("screen", times(START, 60)), facts([{"row": 99, "code": "z"}])])
    assert db.execute("SELECT * FROM block WHERE key = ?", (key,)).get != old
    db.execute("DELETE FROM block WHERE key = ?", (key,))
    db.execute(f"INSERT INTO block VALUES({', '.join('?' * len(old))})", old)
    assert any("put back" in problem for problem in house.store.verify())
    house.close()


def test_an_old_block_under_the_newer_ones_digest_is_not_read(tmp_path: Path) -> None:
    """All that says which block it is was put back with it, but for the mark of its content."""
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 50))], consent=ALL, digest="1")
    db, wanted = house.store._db, "key, rows, sequence, shape, sealed"
    old = db.execute(f"SELECT {wanted} FROM block ORDER BY length(sealed) DESC LIMIT 1").get
    house.ingest([samples("screen", times(START, 50, step_s=61))], digest="2")
    key, held, sequence, shape, sealed = old
    db.execute(
        "UPDATE block SET rows = ?, sequence = ?, shape = ?, sealed = ? WHERE key = ?",
        (held, sequence, shape, sealed, key),
    )
    with pytest.raises(IntegrityError, match="not the one on record"):
        house.store.samples(the(house), "screen", 0, NOW_US, audit())
    assert house.store.verify() != []
    house.close()


def test_a_withdrawal_cannot_be_undone_by_the_old_profile(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    subject, db = the(house), house.store._db
    old = db.execute("SELECT profile FROM subject WHERE pseudonym = ?", (subject,)).get
    house.now = NOW + timedelta(minutes=1)
    house.ingest([Grant(1, mrn("A1"), (Purpose.MONITORING,), False, house.now)])
    assert house.store.verify() == []
    db.execute("UPDATE subject SET profile = ? WHERE pseudonym = ?", (old, subject))
    assert any("put back" in problem for problem in house.store.verify())
    house.close()


def test_an_old_row_and_the_old_state_together_are_found(tmp_path: Path) -> None:
    """The whole database of an hour ago, with the newest numbers: every part authentic."""
    house = House.build(tmp_path)
    fill(house)
    old = rows(house)
    house.ingest([samples("screen", times(START, 60))], digest="9")
    number, entry = house.store._db.execute(
        "SELECT number, entry FROM change ORDER BY number DESC LIMIT 1"
    ).get
    for table in EVERY_TABLE:
        put_back(house, table, old[table])
    state = old["change"][-1][2]
    house.store._db.execute("INSERT INTO change VALUES(?, ?, ?)", (number, entry, state))
    assert house.store.verify() != []
    house.close()


def test_a_mixture_of_two_old_states_is_found(tmp_path: Path) -> None:
    """With sums in the open, the state of (old screen, new location) could be made up."""
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 5))], consent=ALL)
    old = rows(house)["block"]
    house.ingest([samples("screen", times(START, 6))], digest="2")
    house.ingest([samples("location", times(START, 5))], digest="3")
    screen = list(old)
    new = [row for row in rows(house)["block"] if row[0] not in {row[0] for row in screen}]
    assert new
    put_back(house, "block", [*screen, *new])
    assert house.store.verify() != []
    house.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda db: db.execute("UPDATE change SET state = NULL"),
        lambda db: db.execute("UPDATE change SET state = zeroblob(60)"),
        lambda db: db.execute(
            "UPDATE change SET state = (SELECT state FROM change ORDER BY number LIMIT 1)"
        ),
    ],
)
def test_a_state_that_is_not_the_one_written_is_found(
    tmp_path: Path, damage: Callable[[object], None]
) -> None:
    house = House.build(tmp_path)
    fill(house)
    damage(house.store._db)
    assert house.store.verify() != []
    with pytest.raises(IntegrityError):  # nothing is built on it either
        house.ingest([facts([{"row": 1, "code": "later"}])], digest="later")
    house.close()


def test_an_old_page_put_back_is_found(tmp_path: Path) -> None:
    """Each page of the older file, authentic by its own tag, in the place of the newer one."""
    house = House.build(tmp_path)
    fill(house)
    house.store.close()
    path = tmp_path / "clinic.db"
    old = path.read_bytes()
    house.store = SqliteStore(path, house.keyring, house.ledger, house.clock)
    later(house)
    house.store.close()
    new = path.read_bytes()
    changed = [
        page
        for page in range(min(len(old), len(new)) // PAGE_BYTES)
        if old[page * PAGE_BYTES :][:PAGE_BYTES] != new[page * PAGE_BYTES :][:PAGE_BYTES]
    ]
    assert len(changed) > 3
    missed = []
    for page in changed:
        at = page * PAGE_BYTES
        path.write_bytes(new[:at] + old[at : at + PAGE_BYTES] + new[at + PAGE_BYTES :])
        for suffix in ("-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
        try:
            store = SqliteStore(path, house.keyring, house.ledger, house.clock)
        except IntegrityError:
            continue
        if not store.verify():
            missed.append(page)
        store.close()
    assert missed == []
    house.ledger.close()


def test_rows_added_or_taken_away_are_found(tmp_path: Path) -> None:
    for table in EVERY_TABLE:
        house = House.build(tmp_path / table)
        fill(house)
        later(house)
        db = house.store._db
        if db.execute(f"SELECT count(*) FROM {table}").get:
            db.execute(
                f"PRAGMA foreign_keys = OFF; DELETE FROM {table} LIMIT 1".replace(
                    "DELETE FROM change LIMIT 1",
                    "DELETE FROM change WHERE number = (SELECT max(number) FROM change)",
                ).replace("LIMIT 1", "WHERE 1")
            )
            assert house.store.verify() != [], table
        house.close()


def test_verify_is_sound_while_another_program_writes(tmp_path: Path) -> None:
    """The database and the ledger are read at different moments: that is no problem to report."""
    house = House.build(tmp_path)
    fill(house)
    other = SqliteStore(tmp_path / "clinic.db", house.keyring, house.ledger, house.clock)
    entries = house.ledger.entries

    def meanwhile() -> object:
        batch = house.admit([facts([{"row": 1, "code": "meanwhile"}])], digest="m")
        other.append(batch, audit(action="append"))
        return entries()

    house.ledger.entries = meanwhile  # type: ignore[assignment]
    assert house.store.verify() == []
    other.close()
    house.close()


def test_sums_do_not_depend_on_order_and_differ_by_every_column(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    sums = house.store._tables.sums
    one, two = (1, 2, 3, b"a"), (2, 2, 3, b"b")
    assert sums.of("block", [one, two]) == sums.of("block", [two, one])
    for other in ((2, 2, 3, b"a"), (1, 3, 3, b"a"), (1, 2, 4, b"a"), (1, 2, 3, b"b")):
        assert sums.of("block", [one]) != sums.of("block", [other])
    assert sums.of("block", [one]) != sums.of("file_subject", [one])
    assert sums.of("x", [("ab", "c")]) != sums.of("x", [("a", "bc")])
    assert sums.of("x", [(None,)]) != sums.of("x", [("",)])
    house.close()


def test_a_copy_of_the_old_database_beside_the_newer_ledger_is_refused(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    house.store.close()
    path = tmp_path / "clinic.db"
    shutil.copy(path, tmp_path / "old.db")
    house.store = SqliteStore(path, house.keyring, house.ledger, house.clock)
    later(house)
    house.store.close()
    shutil.copy(tmp_path / "old.db", path)
    house.store = SqliteStore(path, house.keyring, house.ledger, house.clock)
    assert any("not in the database" in problem for problem in house.store.verify())
    house.close()
