"""The page cipher: SQLCipher 4's own format, and how a file under the former one is brought to it.

Every page is encrypted (AES-256-CBC) and authenticated (HMAC-SHA512, page number included) by
itself, with a raw key. Whoever has the key can open the file with SQLCipher's own tools. See
docs/adr/0010-page-cipher.md.
"""

import os
from pathlib import Path
from typing import Final

import apsw

from euthymia.ground.errors import BusyError

PAGE_BYTES: Final = 8192  # two days of minute data a page; 4096 wastes half of it on such blobs
BUSY_MS: Final = 30_000  # as long as another program may take to close the file
CIPHER, FORMER = "sqlcipher", "chacha20"


def unlock(db: apsw.Connection, page_key: bytes) -> None:
    """Give the connection its cipher and its raw 256-bit key (no passphrase, no derivation)."""
    db.pragma("cipher", CIPHER)
    db.pragma("legacy", 4)  # SQLCipher's own format, version 4, to the byte
    db.pragma("legacy_page_size", PAGE_BYTES)
    db.execute(f'PRAGMA key = "{_raw(page_key)}"')


def _raw(page_key: bytes) -> str:
    return f"raw:{page_key.hex()}"


def former(path: Path, page_key: bytes) -> bool:
    """Tell whether a file is one under the former cipher and this key."""
    if not path.is_file() or not path.stat().st_size:
        return False
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        _unlock_former(db, page_key)
        db.execute("SELECT count(*) FROM sqlite_schema").get  # noqa: B018 - reads page 1
    except apsw.NotADBError:
        return False
    finally:
        db.close()
    return True


def _unlock_former(db: apsw.Connection, page_key: bytes) -> None:
    db.set_busy_timeout(BUSY_MS)
    db.pragma("cipher", FORMER)
    db.execute(f'PRAGMA key = "{_raw(page_key)}"')


def bring_forward(path: Path, page_key: bytes) -> None:
    """Encrypt a file of the former cipher anew: beside it, then in its place.

    At whatever moment this is killed, the old file or the new one is there, whole.

    Raises
    ------
    BusyError
        Another program has the file open.
    """
    before = path.stat().st_ino
    old = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
    try:
        _unlock_former(old, page_key)
        old.pragma("cache_spill", 0)
        try:
            old.pragma("journal_mode", "delete")  # only who is alone may leave the log
            old.pragma("locking_mode", "exclusive")
            old.execute("BEGIN EXCLUSIVE; COMMIT")  # the lock stays until this closes
        except apsw.BusyError:
            raise _in_use() from None
        if path.stat().st_ino != before:
            return  # another program was quicker
        building = path.with_name(f"{path.name}-building")
        building.unlink(missing_ok=True)
        key = _raw(page_key).encode().hex()
        address = f"{building.absolute().as_uri()}?cipher={CIPHER}&legacy=4&hexkey={key}"
        old.execute("VACUUM INTO ?", (f"{address}&legacy_page_size={PAGE_BYTES}",))
        building.chmod(0o600)
        _sync(building)
        building.rename(path)
        _sync(path.parent)  # whoever waits for the old file cannot write: SQLite sees it is gone
    finally:
        old.close()


def _in_use() -> BusyError:
    return BusyError(
        "the clinic's database is to be encrypted anew, and another program has it open: close "
        "the other programs of this clinic, then try again"
    )


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
