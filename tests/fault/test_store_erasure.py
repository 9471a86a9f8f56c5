"""After an erasure no byte of the person's key or blocks is left, in plain sight of every page."""

import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from euthymia.ground.errors import BusyError, MissingError
from euthymia.ground.records import Person
from euthymia.store import engine
from euthymia.store.sqlite import SqliteStore
from stores import ALL, DAY, MONITOR, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 40 * DAY


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A store without page encryption, so that what lies on its pages can be searched."""
    monkeypatch.setattr(engine, "unlock", lambda db, key: None)
    house = House.build(tmp_path)
    # people before and after, so that pages are shared
    for who in ("B1", "A1", "C1"):
        house.ingest(
            [
                Person(1, (mrn(who),), name=f"Name-of-{who}"),
                samples("screen", times(START, 40), who=who, first_row=2),
                samples("activity_counts", times(START, 9 * 1440), who=who, first_row=99),
                facts([{"row": 50_000, "subject_id": who, "code": "a", "text_value": "x" * 9000}]),
            ],
            consent=ALL,
            digest=who,
            name=f"{who}.json",
        )
    return house


def content(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(folder.glob("clinic.db*")) if p.is_file())


def planted(house: House, who: str) -> list[bytes]:
    """Return every sealed or wrapped value of a person, and their blind indexes."""
    db = house.store._db
    number = house.store._people.get(the(house, who)).owner.number
    found = list(db.execute("SELECT wrapped, profile FROM subject WHERE id = ?", (number,)).get)
    found += [
        row[0] for row in db.execute("SELECT sealed FROM block WHERE key >> 32 = ?", (number,))
    ]
    return [value[-40:] for value in found]  # the tail: long values go over several pages


def test_no_byte_of_an_erased_person_is_left(bare: House) -> None:
    secrets = {who: planted(bare, who) for who in ("A1", "B1", "C1")}
    everything = content(bare.folder)
    assert all(value in everything for values in secrets.values() for value in values)
    assert len(secrets["A1"]) > 11
    size = (bare.folder / "clinic.db").stat().st_size
    bare.store.erase(the(bare), audit())
    left = content(bare.folder)
    assert [value for value in secrets["A1"] if value in left] == []
    # the others' keys were wrapped anew, so that no old one is worth anything; the rest stands
    assert all(value in left for who in ("B1", "C1") for value in secrets[who][1:])
    assert [who for who in secrets if secrets[who][0] in left] == []
    assert (bare.folder / "clinic.db-wal").stat().st_size == 0
    assert (bare.folder / "clinic.db").stat().st_size != size
    for who in ("B1", "C1"):
        rows = bare.store.samples(the(bare, who), "screen", 0, NOW_US, MONITOR).num_rows
        assert rows == 40
    bare.close()


def test_a_copy_made_after_an_erasure_has_no_such_person(tmp_path: Path) -> None:
    house = House.build(tmp_path / "home")
    house.ingest(
        [samples("screen", times(START, 40)), facts([{"row": 99, "code": "a"}])], consent=ALL
    )
    subject = the(house)
    house.store.erase(subject, audit())
    copy = tmp_path / "backup.db"
    shutil.copy(house.folder / "clinic.db", copy)
    store = SqliteStore(copy, house.keyring, house.ledger, house.clock)
    with pytest.raises(MissingError):
        store.samples(subject, "screen", 0, NOW_US, MONITOR)
    assert store.verify() == []
    store.close()
    house.close()


def test_an_erasure_says_when_old_pages_are_still_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 40))], consent=ALL)
    subject = the(house)
    monkeypatch.setattr(engine, "BUSY_MS", 50)
    reader = engine.connect(tmp_path / "clinic.db", house.keyring.derive("page"))
    reader.execute("BEGIN; SELECT count(*) FROM block")
    with pytest.raises(BusyError, match="old pages"):
        house.store.erase(subject, audit())
    with pytest.raises(MissingError):
        house.store.segments(subject)
    reader.execute("ROLLBACK")
    reader.close()
    assert house.store.verify() == []  # which also cuts the log
    assert (tmp_path / "clinic.db-wal").stat().st_size == 0
    house.close()


CUTTING = """
import fcntl, sys, time
with open(sys.argv[1], "r+b") as shared:
    fcntl.lockf(shared, fcntl.LOCK_EX, 1, 121)  # SQLite's WAL_CKPT_LOCK
    print("held", flush=True)
    time.sleep(0.3)
"""


def test_an_erasure_waits_for_a_program_that_is_cutting_the_log(tmp_path: Path) -> None:
    """SQLite does not: it says busy at once, whatever it was told to wait."""
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 40))], consent=ALL)
    other = [sys.executable, "-c", CUTTING, str(tmp_path / "clinic.db-shm")]
    with subprocess.Popen(other, stdout=subprocess.PIPE, text=True) as cutting:
        assert cutting.stdout is not None
        assert cutting.stdout.readline() == "held\n"
        house.store.erase(the(house), audit())
    assert (tmp_path / "clinic.db-wal").stat().st_size == 0
    house.close()


def test_nothing_readable_rests_on_the_disk(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    house.ingest(
        [
            Person(1, (mrn("MRN-0042"),), name="Zebulon Quartermain", address="12 Elm Street"),
            facts(
                [
                    {
                        "row": 2,
                        "subject_id": "MRN-0042",
                        "code": "EUTHYMIA/note",
                        "text_value": "slept badly again",
                    }
                ]
            ),
        ],
        name="MRN-0042.json",
    )
    for state in ("open", "closed"):
        everything = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
        for word in (b"Zebulon", b"Elm Street", b"slept badly", b"MRN-0042", b"EUTHYMIA/note"):
            assert word not in everything, (state, word)
        assert b"CREATE TABLE" not in everything
        if state == "open":
            house.close()


def test_inside_the_page_encryption_only_coarse_facts_are_plain(bare: House) -> None:
    house = bare
    house.store._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    everything = content(house.folder)
    for word in (b"Name-of-A1", b"A1.json", b"xxxxxxxxxx", b"urn:euthymia:mrn"):
        assert word not in everything
    assert the(house).encode() in everything  # the search does find what is there
    house.close()
