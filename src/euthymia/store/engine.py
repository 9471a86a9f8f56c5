"""The SQLite file: opened with its page key, its settings, its tables and their versions.

Every page is encrypted and authenticated by itself (store/cipher.py), in the database and in its
write-ahead log. See docs/adr/0004-sealed-blocks.md for why each setting is as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import apsw

from euthymia.ground.errors import BusyError, EuthymiaError, IntegrityError, SchemaError
from euthymia.security.keys import Keyring
from euthymia.store.cipher import PAGE_BYTES, bring_forward, former, unlock
from euthymia.store.connection import Connection, Row, Value
from euthymia.store.tables import COLUMNS, FRESHNESS, NUMBERED, Sums, copy_rows

BUSY_MS: Final = 30_000  # as long as another process may take for a group of files
LOOKS: Final = 5  # at the file's length, for a moment in which nobody has just written
CUTTING_S: Final = 0.02  # between two looks whether another program has done with the log
CHECKPOINT_PAGES: Final = 2000  # 16 MB of log at most between checkpoints

SETTINGS: Final[dict[str, int]] = {
    "foreign_keys": 1,
    "secure_delete": 1,  # what is deleted is overwritten
    "synchronous": 2,  # FULL: a commit that was reported is on disk, as the ledger says
    "temp_store": 2,  # memory: nothing of a person goes to a temporary file
    "cell_size_check": 1,
    "trusted_schema": 0,
    "cache_spill": 0,  # nothing goes to the log before its commit
    "cache_size": -32_000,  # KiB
    "wal_autocheckpoint": 0,  # the store cuts the log itself: see truncate_log
    "journal_size_limit": 0,
}

_TABLES_1: Final = """
CREATE TABLE subject(
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again after an erasure
    pseudonym TEXT NOT NULL UNIQUE,
    wrapped BLOB NOT NULL,                 -- the data key, under the master key
    profile BLOB NOT NULL,                 -- sealed under the data key
    consents INTEGER NOT NULL              -- counts up with every consent decision
) STRICT;
CREATE TABLE identifier(
    blind TEXT NOT NULL,
    subject INTEGER NOT NULL REFERENCES subject ON DELETE CASCADE,
    bare INTEGER NOT NULL,                 -- 1: of the value alone, which two people may share
    PRIMARY KEY(blind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identifier_subject ON identifier(subject);
CREATE TABLE tombstone(blind TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE kind(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE block(
    key INTEGER PRIMARY KEY,               -- subject, kind and part: see store/blocks.py
    rows INTEGER NOT NULL,
    digest BLOB NOT NULL,                  -- keyed
    sealed BLOB NOT NULL
) STRICT;
CREATE TABLE file(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB,                           -- keyed; null: not to be skipped again
    source TEXT NOT NULL,
    name BLOB,                             -- sealed; null: it named an erased person
    at INTEGER NOT NULL,
    rows_in INTEGER NOT NULL, stored INTEGER NOT NULL,
    rejected INTEGER NOT NULL, duplicates INTEGER NOT NULL,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX file_digest ON file(digest);
CREATE TABLE file_subject(
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    subject INTEGER NOT NULL REFERENCES subject ON DELETE CASCADE,
    consents INTEGER NOT NULL,             -- subject.consents after this file
    PRIMARY KEY(file, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_subject_subject ON file_subject(subject);
CREATE TABLE reject(
    id INTEGER PRIMARY KEY,
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    row INTEGER NOT NULL, rows INTEGER NOT NULL,
    reason TEXT NOT NULL,
    subject INTEGER REFERENCES subject ON DELETE CASCADE
) STRICT;
CREATE INDEX reject_file ON reject(file);
CREATE INDEX reject_subject ON reject(subject);
CREATE TABLE directory(digest BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE change(
    number INTEGER PRIMARY KEY,            -- of a commit, from 1
    entry TEXT NOT NULL                    -- the ledger entry that announced it
) STRICT;
"""


def _first(db: "SqliteDatabase", _sums: Sums) -> None:
    db.execute(_TABLES_1)


def _whose_rejects(db: "SqliteDatabase", _sums: Sums) -> None:
    """Keep whom refused rows are about, also where nothing else of them was ever stored."""
    db.execute(
        "ALTER TABLE reject ADD COLUMN whose TEXT;"
        "UPDATE reject SET whose = (SELECT pseudonym FROM subject WHERE id = reject.subject);"
        "CREATE INDEX reject_whose ON reject(whose)"
    )


def _freshness(db: "SqliteDatabase", sums: Sums) -> None:
    """Say which commit wrote a block, and what state each commit left."""
    db.execute(
        "ALTER TABLE block ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;"  # bound into the seal
        "ALTER TABLE change ADD COLUMN state BLOB;"  # sealed: see store/tables.py
        "CREATE TABLE counter(name TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID"
    )
    seen: dict[str, int] = dict(db.all("SELECT name, seq FROM sqlite_sequence"))
    for name in NUMBERED:
        row = db.one(f"SELECT max(id) FROM {name}")  # noqa: S608 - a constant
        last = max((row and row[0]) or 0, seen.get(name, 0))
        if last:
            db.run("INSERT INTO counter VALUES(?, ?)", (name, last))
    newest = db.one("SELECT number, entry FROM change ORDER BY number DESC LIMIT 1")
    if newest is not None:
        number, entry = newest
        there = (*set(COLUMNS) - {"subject_key", "epoch"},)  # those come with a later step
        sealed = sums.seal(number, entry, sums.total(db, there))
        db.run("UPDATE change SET state = ? WHERE number = ?", (sealed, number))


def _epochs(db: "SqliteDatabase", _sums: Sums) -> None:
    """Say in which epoch a data key was made and what columns a block has; keys of more zones."""
    db.execute(
        "ALTER TABLE subject ADD COLUMN made INTEGER NOT NULL DEFAULT 0;"  # bound into the seals
        "ALTER TABLE block ADD COLUMN shape INTEGER NOT NULL DEFAULT 0;"  # bound into the seal
        "CREATE TABLE subject_key("
        "subject INTEGER NOT NULL REFERENCES subject ON DELETE CASCADE, zone TEXT NOT NULL, "
        "wrapped BLOB NOT NULL, PRIMARY KEY(subject, zone)) STRICT, WITHOUT ROWID;"
        # no key is wrapped in an epoch before this one, whatever a process remembers
        "CREATE TABLE epoch(zone TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID"
    )


MIGRATIONS: Final[tuple[Callable[["SqliteDatabase", Sums], None], ...]] = (
    _first,
    _whose_rejects,
    _freshness,
    _epochs,
)
"""Step `i` takes a file from version `i` to `i + 1`. Steps are added, never changed."""


class _Translated:
    """Turns SQLite's errors into ours. A class, for every request comes by here: 0.2 us."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, apsw.Error):
            found = _translation(error)
            if found is not None:
                raise found from error


_READING: Final = frozenset(
    (
        apsw.SQLITE_IOERR_READ,
        apsw.SQLITE_IOERR_SHORT_READ,
        apsw.SQLITE_IOERR_DATA,
        apsw.SQLITE_IOERR_CORRUPTFS,
    )
)


def _translation(error: apsw.Error) -> EuthymiaError | None:
    if isinstance(error, (apsw.BusyError, apsw.LockedError)):
        return BusyError("another program is writing to the clinic's database; try again")
    reading = getattr(error, "extendedresult", None) in _READING
    if isinstance(error, (apsw.NotADBError, apsw.CorruptError)) or reading:
        return IntegrityError(
            "the clinic's database cannot be read: bytes of it were changed, or the keys are of "
            "another clinic; restore it from a backup"
        )
    if isinstance(error, (apsw.FullError, apsw.ReadOnlyError, apsw.CantOpenError, apsw.IOError)):
        return EuthymiaError(
            "the clinic's database cannot be written: check the disk's space, the largest file "
            "that this process may write (ulimit -f) and the file's rights"
        )
    return None


_TRANSLATED: Final = _Translated()


def translated() -> _Translated:
    """Return a context that turns SQLite's errors into ours, with what to do about each."""
    return _TRANSLATED


class SqliteDatabase(apsw.Connection):
    """The file as a `connection.Database`. See `connect` and `prepare`."""

    def __init__(self, path: Path, page_key: bytes) -> None:
        super().__init__(str(path))
        self._path, self._page_key = path, page_key
        self._log_pages = 0
        self.set_wal_hook(self._note_log)

    def _note_log(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    @property
    def label(self) -> str:
        """See `Database.label`."""
        return self._path.name

    # -- statements --------------------------------------------------------------------------

    def all(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """See `Connection.all`. No cursor is left open: it would hold the log."""
        return self.execute(sql, values).fetchall()

    def each(self, sql: str, values: Sequence[Value] = ()) -> Iterator[Row]:
        """See `Connection.each`."""
        yield from self.execute(sql, values)

    def one(self, sql: str, values: Sequence[Value] = ()) -> Row | None:
        """See `Connection.one`."""
        return self.execute(sql, values).fetchone()

    def run(self, sql: str, values: Sequence[Value] = ()) -> None:
        """See `Connection.run`."""
        self.execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """See `Connection.run_many`."""
        self.executemany(sql, rows)

    def translated(self) -> "_Translated":
        """See `Database.translated`."""
        return _TRANSLATED

    # -- transactions ------------------------------------------------------------------------

    def begin_reading(self) -> int:
        """See `Database.begin_reading`."""
        self.execute("BEGIN")
        return self.stamp()

    def begin_writing(self) -> int:
        """See `Database.begin_writing`."""
        self.execute("BEGIN IMMEDIATE")
        return self.stamp()

    def commit(self) -> None:
        """See `Database.commit`."""
        self.execute("COMMIT")

    def roll_back(self) -> None:
        """See `Database.roll_back`."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def savepoint(self) -> None:
        """See `Database.savepoint`."""
        self.execute("SAVEPOINT one")

    def release(self) -> None:
        """See `Database.release`."""
        self.execute("RELEASE one")

    def back_to_savepoint(self) -> None:
        """See `Database.back_to_savepoint`."""
        if self.in_transaction:
            self.execute("ROLLBACK TO one; RELEASE one")

    def stamp(self) -> int:
        """See `Database.stamp`."""
        number: int = self.execute("PRAGMA data_version").get
        return number

    # -- the file ----------------------------------------------------------------------------

    def tidy(self) -> None:
        """Cut the write-ahead log where it has grown long."""
        if self._log_pages > CHECKPOINT_PAGES:
            truncate_log(self)

    def scrub(self) -> None:
        """Cut the write-ahead log to nothing; deleted rows are overwritten already.

        SQLite waits for readers and writers; not for another program that is cutting the log.
        """
        until = monotonic() + BUSY_MS / 1000
        while not truncate_log(self, BUSY_MS):
            if monotonic() > until:
                raise log_in_use()
            sleep(CUTTING_S)

    def copy_to(
        self, path: Path, keyring: Keyring, while_nobody_commits: Callable[[], None]
    ) -> None:
        """See `Database.copy_to`."""
        with _TRANSLATED, self.fresh() as source:
            self.begin_writing()
            try:
                source.begin_reading()
                source.one("SELECT count(*) FROM change")  # fixes the state that it sees
                while_nobody_commits()
            finally:
                self.roll_back()
            copy = apsw.Connection(str(path))
            try:
                unlock(copy, keyring.derive("page"))
                copy.execute(f"PRAGMA page_size = {PAGE_BYTES}")
                with copy.backup("main", source, "main") as backup:
                    backup.step()
            finally:
                copy.close()
        path.chmod(0o600)

    @contextmanager
    def fresh(self) -> Iterator["SqliteDatabase"]:
        """See `Database.fresh`."""
        db = connect(self._path, self._page_key)
        try:
            yield db
        finally:
            db.close()

    def _is_as_long_as_its_file(self) -> bool:
        """Tell whether no byte follows the database; yes where others never let it be seen.

        Others may write meanwhile. While this reads, and the log holds nothing, the file stays.
        """
        log = self._path.with_name(f"{self._path.name}-wal")
        for _ in range(LOOKS):
            if not truncate_log(self):
                return True
            self.begin_reading()
            try:
                size = self.pragma("page_count") * self.pragma("page_size")
                if not log.exists() or log.stat().st_size == 0:
                    return bool(self._path.stat().st_size == size)
            finally:
                self.roll_back()
        return True

    def check(self) -> list[str]:
        """Have SQLite read every page; each is authenticated as it is read. Free pages cannot be.

        What the log holds goes into the database first: the old pages below would not be read.
        """
        whole = self._is_as_long_as_its_file()
        result = [row[0] for row in self.execute("PRAGMA integrity_check")]
        broken = [f"SQLite's own check: {text}" for text in result if text != "ok"]
        if not whole:
            broken.append(
                "the file is longer than the database in it: nothing vouches for the rest"
            )
        free = self.pragma("freelist_count")
        if free:
            broken.append(f"{free} pages are not in use, so nothing vouches for them")
        if self.execute("PRAGMA foreign_key_check").get is not None:
            broken.append("a row speaks of a subject or a file that is not there")
        own: dict[str, int] = dict(self.all("SELECT name, seq FROM sqlite_sequence WHERE seq > 0"))
        numbered = "SELECT name, last FROM counter WHERE name IN ('subject', 'file')"
        if own != dict(self.all(numbered)):
            broken.append("SQLite's own counters are not those of the store")
        return broken


def opened(path: Path, keyring: Keyring) -> SqliteDatabase:
    """Open a clinic's file, with its tables made or brought forward. See `prepare`."""
    db = connect(path, keyring.derive("page"))
    try:
        prepare(db, path, Sums(keyring.derive(FRESHNESS)))
    except BaseException:
        db.close()
        raise
    return db


def write_file(path: Path, keyring: Keyring, source: Connection) -> None:
    """Write the rows of another engine into a new file, in one transaction."""
    db = opened(path, keyring)
    try:
        db.pragma("cache_spill", 1)  # it need not fit into memory: nobody reads the log meanwhile
        db.begin_writing()
        copy_rows(source, db)
        db.execute(
            "DELETE FROM sqlite_sequence; INSERT INTO sqlite_sequence(name, seq) "
            "SELECT name, last FROM counter WHERE name IN ('subject', 'file')"
        )
        db.commit()
        truncate_log(db)
    finally:
        db.close()


def connect(path: Path, page_key: bytes) -> SqliteDatabase:
    """Open the file with its key and settings; a file of the former cipher is encrypted anew."""
    try:
        return _connect(path, page_key)
    except apsw.NotADBError:
        if former(path, page_key):
            bring_forward(path, page_key)
        return _connect(path, page_key)  # it may have been another program that did


def _connect(path: Path, page_key: bytes) -> SqliteDatabase:
    db = SqliteDatabase(path, page_key)
    try:
        db.set_busy_timeout(BUSY_MS)
        unlock(db, page_key)
        for name, value in SETTINGS.items():
            db.pragma(name, value)
        db.execute("SELECT count(*) FROM sqlite_schema").get  # noqa: B018 - reads page 1
    except apsw.Error:
        db.close()
        raise
    return db


def prepare(db: SqliteDatabase, path: Path, sums: Sums) -> None:
    """Create the tables of a new file, or bring an older file forward.

    Raises
    ------
    SchemaError
        If a newer version of the software made the file.
    """
    if db.pragma("user_version") == 0:
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = FULL")
    if db.pragma("journal_mode", "wal") != "wal":
        raise EuthymiaError("the clinic's database needs a local disk: its log cannot be shared")
    if db.pragma("user_version") < len(MIGRATIONS):
        _migrate(db, sums)
        path.chmod(0o600)
    if db.pragma("user_version") > len(MIGRATIONS):
        raise SchemaError("a newer version of Euthymia made this database: install that version")


def _migrate(db: SqliteDatabase, sums: Sums) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[db.pragma("user_version") :]:
            step(db, sums)
        db.pragma("user_version", len(MIGRATIONS))
        db.commit()
    except BaseException:
        db.roll_back()
        raise


def truncate_log(db: apsw.Connection, wait_ms: int = 1000) -> bool:
    """Write the log back into the database and cut it to nothing; False if a reader is in the way.

    Cut, not reused: a log holds frames of its own commits alone, so that no old page lies in it.
    """
    db.set_busy_timeout(wait_ms)
    try:
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except (apsw.BusyError, apsw.LockedError):
        return False
    finally:
        db.set_busy_timeout(BUSY_MS)
    return True


def log_in_use() -> BusyError:
    """Return the error for a log that cannot be cut because somebody reads from it."""
    return BusyError(
        "the write-ahead log still holds old pages, and another program reads it: close the other "
        "programs of this clinic, then run `euthymia verify`"
    )
