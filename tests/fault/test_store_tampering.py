"""A bit flipped anywhere in the database or in its log, an older copy put back: `verify` tells."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from euthymia.ground.audit import Purpose
from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.ground.records import Directory, Person
from euthymia.store.engine import PAGE_BYTES
from euthymia.store.sqlite import SqliteStore
from stores import ALL, DAY, MONITOR, NOW, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 40 * DAY
WAL_FRAME = 24 + PAGE_BYTES


def fill(house: House, days: int = 20) -> None:
    house.ingest([Person(1, (mrn("A1"),), name="Ada"), Directory(2, "x", mrn("d"), "Dr")])
    house.ingest([samples("activity_counts", times(START, days * 1440), epoch=60.0)], consent=ALL)
    notes = [{"row": i, "code": "n", "text_value": f"note {i} " * 40} for i in range(1, 40)]
    house.ingest([facts(notes)])


def problems(house: House, database: Path) -> list[str]:
    """Return what opening and verifying a database finds."""
    try:
        store = SqliteStore(database, house.keyring, house.ledger, house.clock)
    except EuthymiaError as error:
        return [str(error)]
    try:
        return store.verify()
    finally:
        store.close()


@dataclass
class Closed:
    house: House
    data: bytes
    work: Path

    def flipped(self, offset: int, bit: int) -> list[str]:
        damaged = bytearray(self.data)
        damaged[offset] ^= 1 << bit
        return self.put(bytes(damaged))

    def put(self, data: bytes, log: bytes | None = None) -> list[str]:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.work}{suffix}").unlink(missing_ok=True)
        self.work.write_bytes(data)
        if log is not None:
            Path(f"{self.work}-wal").write_bytes(log)
        return problems(self.house, self.work)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    folder = tmp_path_factory.mktemp("closed")
    house = House.build(folder)
    fill(house)
    house.store.close()
    yield Closed(house, (folder / "clinic.db").read_bytes(), folder / "copy.db")
    house.ledger.close()


def test_an_untouched_copy_is_sound(closed: Closed) -> None:
    assert closed.put(closed.data) == []
    assert len(closed.data) % PAGE_BYTES == 0
    assert not Path(f"{closed.house.folder}/clinic.db-wal").exists()


def test_every_byte_of_the_first_header_is_covered(closed: Closed) -> None:
    missed = [(i, b) for i in range(40) for b in (0, 3, 7) if not closed.flipped(i, b)]
    assert missed == []


@pytest.mark.slow
def test_every_bit_of_the_first_page_is_covered(closed: Closed) -> None:
    offsets = [(i, b) for i in range(128) for b in range(8)]
    offsets += [(i, i % 8) for i in range(128, PAGE_BYTES)]
    assert [where for where in offsets if not closed.flipped(*where)] == []


def test_every_page_is_covered(closed: Closed) -> None:
    pages = len(closed.data) // PAGE_BYTES
    assert pages > 8
    last = PAGE_BYTES - 1  # the tag; the nonce is 16 bytes before it
    places = [(0, 0), (last, 7), (last - 16, 1), (last - 40, 5), (PAGE_BYTES // 2, 2)]
    offsets = [
        (page * PAGE_BYTES + place, bit)
        for page in range(pages)
        for place, bit in (places if page < 6 else [places[page % len(places)]])
    ]
    assert [where for where in offsets if not closed.flipped(*where)] == []


@pytest.mark.parametrize("damage", ["empty", "cut", "page cut", "swapped", "longer"])
def test_a_cut_or_rearranged_file_is_found(closed: Closed, damage: str) -> None:
    data, page = closed.data, PAGE_BYTES
    damaged = {
        "empty": b"",
        "cut": data[: len(data) // 2 + 100],
        "page cut": data[:-page],
        "swapped": data[: 3 * page]
        + data[4 * page : 5 * page]
        + data[3 * page : 4 * page]
        + data[5 * page :],
        "longer": data + b"\x00" * page,
    }[damage]
    assert closed.put(damaged) != []


def test_the_keys_of_another_clinic_do_not_open_it(closed: Closed, tmp_path: Path) -> None:
    other = House.build(tmp_path, "memory")
    with pytest.raises(IntegrityError):
        SqliteStore(closed.house.folder / "clinic.db", other.keyring, other.ledger, other.clock)
    other.close()


# -- the write-ahead log ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Closed, bytes]]:
    """Copy database and log while the store is open: what kill -9 would leave."""
    folder = tmp_path_factory.mktemp("running")
    house = House.build(folder)
    fill(house, days=3)
    log = (folder / "clinic.db-wal").read_bytes()
    assert len(log) > 5 * WAL_FRAME
    yield Closed(house, (folder / "clinic.db").read_bytes(), folder / "copy.db"), log
    house.close()


def test_an_untouched_log_is_sound(running: tuple[Closed, bytes]) -> None:
    closed, log = running
    assert closed.put(closed.data, log) == []


def test_a_flip_anywhere_in_the_log_is_found(running: tuple[Closed, bytes]) -> None:
    closed, log = running
    frames = (len(log) - 32) // WAL_FRAME
    assert len(log) == 32 + frames * WAL_FRAME  # nothing of an older log behind the end
    offsets = list(range(32))
    for frame in range(frames):
        start = 32 + frame * WAL_FRAME
        offsets += [start + (frame * 7) % 24, start + 24 + (frame * 997) % PAGE_BYTES]
    missed = []
    for offset in offsets:
        damaged = bytearray(log)
        damaged[offset] ^= 1 << (offset % 8)
        if not closed.put(closed.data, bytes(damaged)):
            missed.append(offset)
    assert missed == []


@pytest.mark.parametrize("keep", ["nothing", "half"])
def test_a_log_that_is_gone_is_found(running: tuple[Closed, bytes], keep: str) -> None:
    closed, log = running
    left = None if keep == "nothing" else log[: len(log) // 2]
    found = closed.put(closed.data, left)
    assert found


# -- older copies and swaps ------------------------------------------------------------------------


def test_an_older_copy_put_back_is_found_even_after_new_commits(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    database = tmp_path / "clinic.db"
    house.ingest([samples("screen", times(START, 5))], consent=ALL)
    house.store.close()
    shutil.copy(database, tmp_path / "old.db")
    house.store = SqliteStore(database, house.keyring, house.ledger, house.clock)
    house.now = NOW + timedelta(minutes=1)
    house.ingest([samples("screen", times(START + DAY, 5))], consent=ALL)
    house.store.close()
    shutil.copy(tmp_path / "old.db", database)
    assert any("not in the database" in line for line in problems(house, database))
    house.store = SqliteStore(database, house.keyring, house.ledger, house.clock)
    house.ingest([samples("screen", times(START + 2 * DAY, 5))], consent=ALL)
    assert any("lost" in line for line in house.store.verify())
    house.close()


def test_a_block_moved_to_another_day_does_not_open(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    house.ingest([samples("screen", times(START, 2 * 1440))], consent=ALL)
    db = house.store._db
    keys = [row[0] for row in db.execute("SELECT key FROM block ORDER BY key")]
    db.execute("UPDATE block SET key = -1 WHERE key = ?", (keys[0],))
    db.execute("UPDATE block SET key = ? WHERE key = ?", (keys[0], keys[1]))
    with pytest.raises(IntegrityError):
        house.store.samples(the(house), "screen", 0, NOW_US, MONITOR)
    assert house.store.verify()
    house.close()


def test_rows_changed_by_somebody_with_the_page_key_are_found(tmp_path: Path) -> None:
    for statement in (
        "UPDATE block SET rows = rows + 1",
        "UPDATE block SET digest = zeroblob(16)",
        "UPDATE file SET stored = stored + 1",
        "UPDATE change SET entry = 'L-1-00000000'",
        "DELETE FROM change",
        "UPDATE subject SET profile = zeroblob(60)",
        "UPDATE subject SET pseudonym = 'p-aaaaaaaaaaaaaaaa'",
        "UPDATE file SET name = zeroblob(60)",
        "INSERT INTO directory VALUES(zeroblob(4), zeroblob(60))",
        "PRAGMA foreign_keys = OFF; DELETE FROM subject",
    ):
        house = House.build(tmp_path / str(len(list(tmp_path.iterdir()))))
        house.ingest([samples("screen", times(START, 5))], consent=ALL)
        assert house.store.verify() == []
        house.store._db.execute(statement)
        assert house.store.verify() != [], statement
        house.close()


def test_damage_found_while_reading_is_our_error(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    house.store.close()
    database = tmp_path / "clinic.db"
    data = bytearray(database.read_bytes())
    for page in range(3, len(data) // PAGE_BYTES):
        data[page * PAGE_BYTES + 99] ^= 4
    database.write_bytes(data)

    def use() -> None:
        store = SqliteStore(database, house.keyring, house.ledger, house.clock)
        try:
            found = store.resolve("A1")
            store.samples(found, "activity_counts", 0, NOW_US, audit(Purpose.MONITORING))
        finally:
            store.close()

    with pytest.raises(IntegrityError, match="backup"):
        use()
    house.ledger.close()
