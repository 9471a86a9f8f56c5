"""The file opens with SQLCipher's own library; a file of the former cipher is brought to it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from euthymia.ground.errors import BusyError, IntegrityError
from euthymia.store import cipher, engine
from euthymia.store.sqlite import SqliteStore
from old_stores import OLD_CIPHER
from stores import ALL, DAY, MONITOR, NOW_US, House, facts, samples, the, times

START = NOW_US - 40 * DAY


def fill(house: House) -> None:
    house.ingest([samples("screen", times(START, 4 * 1440))], consent=ALL)
    house.ingest([facts([{"row": i, "code": "n", "text_value": "x" * 900} for i in range(1, 40)])])


def open_former(path: Path, key: bytes) -> apsw.Connection:
    db = apsw.Connection(str(path))
    db.pragma("cipher", OLD_CIPHER)
    db.execute(f'PRAGMA key = "raw:{key.hex()}"')
    return db


def as_before(house: House) -> Path:
    """Put the same database under the former cipher in the place of a house's; close the store."""
    path, key = house.folder / "clinic.db", house.keyring.derive("page")
    house.store.close()
    db = engine.connect(path, key)
    raw = f"raw:{key.hex()}".encode().hex()
    old = house.folder / "former.db"
    db.close()
    plain = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
    cipher.unlock(plain, key)
    plain.execute("VACUUM INTO ?", (f"file:{old}?cipher={OLD_CIPHER}&hexkey={raw}",))
    plain.close()
    old.rename(path)
    db = open_former(path, key)
    assert db.pragma("journal_mode", "wal") == "wal"
    db.close()
    return path


def test_a_file_opens_with_sqlcipher_itself(tmp_path: Path) -> None:
    sqlcipher3 = pytest.importorskip("sqlcipher3", reason="SQLCipher's own library: sqlcipher3")
    house = House.build(tmp_path)
    fill(house)
    blocks = house.store._db.execute("SELECT count(*) FROM block").get
    key = house.keyring.derive("page").hex()
    house.close()
    db = sqlcipher3.connect(str(tmp_path / "clinic.db"))
    db.execute(f"PRAGMA key = \"x'{key}'\"")
    db.execute(f"PRAGMA cipher_page_size = {cipher.PAGE_BYTES}")
    assert db.execute("PRAGMA cipher_integrity_check").fetchall() == []
    assert db.execute("SELECT count(*) FROM block").fetchone() == (blocks,)
    db.close()


def test_a_file_of_the_former_cipher_is_encrypted_anew(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    path = as_before(house)
    with pytest.raises(apsw.NotADBError):
        engine._connect(path, house.keyring.derive("page"))
    house.ledger.close()
    again = House.build(tmp_path)
    assert again.store._db.pragma("cipher") == "sqlcipher"
    assert again.store._db.pragma("page_size") == cipher.PAGE_BYTES
    assert again.store._db.pragma("auto_vacuum") == 1
    assert again.store.verify() == []
    assert again.store.samples(the(again), "screen", 0, NOW_US, MONITOR).num_rows == 4 * 1440
    assert again.ingest([facts([{"row": 99, "code": "later"}])]).stored == 1
    assert again.store.verify() == []
    again.close()
    assert path.stat().st_mode & 0o077 == 0
    assert [p.name for p in tmp_path.glob("clinic.db*")] == ["clinic.db"]


@pytest.mark.parametrize("begun", ["BEGIN; ", ""])
def test_a_file_that_another_program_has_open_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: str
) -> None:
    """Else what that program writes from then on would go into a file that nobody reads."""
    house = House.build(tmp_path)
    fill(house)
    path = as_before(house)
    other = open_former(path, house.keyring.derive("page"))
    other.execute(f"{begun}SELECT count(*) FROM block").fetchall()
    monkeypatch.setattr(cipher, "BUSY_MS", 50)
    with pytest.raises(BusyError, match="another program has it open: close the other programs"):
        SqliteStore(path, house.keyring, house.ledger, house.clock)
    other.close()
    SqliteStore(path, house.keyring, house.ledger, house.clock).close()
    house.ledger.close()


def test_who_still_holds_the_former_file_cannot_write_to_it(tmp_path: Path) -> None:
    """SQLite refuses: the file is no longer the one at its path."""
    house = House.build(tmp_path)
    fill(house)
    path = as_before(house)
    late = open_former(path, house.keyring.derive("page"))
    SqliteStore(path, house.keyring, house.ledger, house.clock).close()
    with pytest.raises(apsw.Error):
        late.execute("INSERT INTO tombstone VALUES('x')")
    late.close()
    house.ledger.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from euthymia.store import cipher
from stores import House
step, when = sys.argv[2], sys.argv[3]
def kill(*given, **named):
    if when == "after":
        real(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)
if step == "rename":
    real = Path.rename
    Path.rename = kill
else:
    real = cipher._sync
    cipher._sync = kill
House.build(Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("step", "when"), [("sync", "before"), ("rename", "before"), ("rename", "after")]
)
def test_killed_in_the_middle_one_whole_file_is_there(tmp_path: Path, step: str, when: str) -> None:
    house = House.build(tmp_path)
    fill(house)
    as_before(house)
    house.ledger.close()
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), step, when],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    again = House.build(tmp_path)
    assert again.store.verify() == []
    assert again.store.samples(the(again), "screen", 0, NOW_US, MONITOR).num_rows == 4 * 1440
    again.close()
    assert [p.name for p in tmp_path.glob("clinic.db*")] == ["clinic.db"]


def test_keys_of_another_clinic_change_nothing(tmp_path: Path) -> None:
    house = House.build(tmp_path / "a")
    fill(house)
    path = as_before(house)
    before = path.read_bytes()
    other = House.build(tmp_path / "b", "memory")
    with pytest.raises(IntegrityError):
        SqliteStore(path, other.keyring, other.ledger, other.clock)
    assert path.read_bytes() == before
    other.close()
    house.ledger.close()
