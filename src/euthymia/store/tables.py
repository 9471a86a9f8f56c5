"""Writing rows, and counting each into one keyed sum: what was put back or taken away shows.

Every row that matters has a term, ``HMAC-SHA256(key, table, columns)``; the sum of all terms modulo
2^256 (`state`) is kept up to date with each change: the new row's term is added, the old one's
taken away. The state rests sealed in the newest row of `change`; the ledger entry that announces
the commit holds a keyed tag of it and of the commit's number. So an old row, an old page, or an old
copy of the whole database put back, each authentic in itself, no longer agrees with the ledger.

The state is never stored in the open: of sums seen at several times a reader could make up the sum
of a mixture of old and new rows (`a - b + c`). Tags do not add up.
"""

import hmac
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from euthymia.ground.errors import IntegrityError
from euthymia.security.envelope import context, seal, unseal
from euthymia.store.connection import Connection, Row, Value

FRESHNESS: Final = "freshness"
"""What the key of terms, states and tags is derived for."""

COLUMNS: Final[dict[str, str]] = {
    # without what a new key changes and the rest vouches for: `wrapped`, `sealed` blocks
    "subject": "id, pseudonym, profile, consents",
    "identifier": "blind, subject, bare",
    "tombstone": "blind",
    "kind": "id, name",
    "block": "key, rows, sequence, digest",
    "file": "id, digest, source, name, at, rows_in, stored, rejected, duplicates",
    "file_subject": "file, subject, consents",
    "reject": "id, file, row, rows, reason, subject, whose",
    "directory": "digest, sealed",
    "counter": "name, last",
    "subject_key": "subject, zone",
    "epoch": "zone, number",
}
"""The tables whose rows count, and by which columns."""

WHOLE: Final[dict[str, str]] = {
    "subject": "id, pseudonym, wrapped, profile, consents, made",
    "subject_key": "subject, zone, wrapped",
    "identifier": "blind, subject, bare",
    "tombstone": "blind",
    "kind": "id, name",
    "block": "key, rows, digest, sealed, sequence, shape",
    "file": "id, digest, source, name, at, rows_in, stored, rejected, duplicates, entry",
    "file_subject": "file, subject, consents",
    "reject": "id, file, row, rows, reason, subject, whose",
    "directory": "digest, sealed",
    "counter": "name, last",
    "epoch": "zone, number",
    "change": "number, entry, state",
}
"""Every table with every column, so that no row comes before one that it speaks of."""

NUMBERED: Final = ("subject", "kind", "file", "reject")
"""The tables whose rows `counter` numbers."""

_MODULUS: Final = 1 << 256
_STATE_BYTES: Final = 32
_TAG_BYTES: Final = 16
_encode: Final = msgspec.msgpack.Encoder().encode


def copy_rows(source: Connection, target: Connection) -> None:
    """Put every row of one database into another, which is empty: sealed bytes know no engine."""
    # table and column names are constants
    for table, columns in WHOLE.items():
        marks = ", ".join("?" * len(columns.split(",")))
        into = f"INSERT INTO {table}({columns}) VALUES({marks})"
        target.run_many(into, source.each(f"SELECT {columns} FROM {table}"))  # noqa: S608


def is_empty(db: Connection) -> bool:
    """Tell whether no table holds a row."""
    return all(db.one(f"SELECT 1 FROM {table} LIMIT 1") is None for table in WHOLE)  # noqa: S608


class Commit(NamedTuple):
    """A row of `change`: the number of a commit, its ledger entry, the sealed state after it."""

    number: int
    entry: str
    state: bytes | None


class Sums:
    """The terms, states and tags under one key."""

    def __init__(self, key: bytes) -> None:
        self._row, self._tag, self._seal = (
            hmac.digest(key, use, "sha256") for use in (b"row", b"tag", b"seal")
        )

    def of(self, table: str, rows: Iterable[Row]) -> int:
        """Return the sum of the terms of some rows (each by the columns of `COLUMNS`)."""
        key = self._row
        return sum(
            int.from_bytes(hmac.digest(key, _encode((table, *row)), "sha256"), "big")
            for row in rows
        )

    def total(self, db: Connection, tables: Iterable[str] = tuple(COLUMNS)) -> int:
        """Return the state of a database, from all of its rows (of those tables that it has)."""
        # table and column names are constants
        return sum(
            self.of(name, db.each(f"SELECT {columns} FROM {name}"))  # noqa: S608
            for name, columns in COLUMNS.items()
            if name in tables
        )

    def tag(self, number: int, state: int) -> str:
        """Return what the ledger is told of the state after a commit."""
        told = context("state", number, _bytes(state))
        return hmac.digest(self._tag, told, "sha256")[:_TAG_BYTES].hex()

    def seal(self, number: int, entry: str, state: int) -> bytes:
        """Return a state as it is stored."""
        place = context("state", number, entry)
        return seal(self._seal, _bytes(state), context=place, compress=False)

    def open(self, commit: Commit) -> int:
        """Return the state after a commit; IntegrityError if it is not the one that was written."""
        if commit.state is None:
            raise IntegrityError(
                "the newest commit of the database does not say what state it left: the database "
                "was changed from outside; restore a backup"
            )
        place = context("state", commit.number, commit.entry)
        return int.from_bytes(unseal(self._seal, commit.state, context=place), "big")


def _bytes(state: int) -> bytes:
    return (state % _MODULUS).to_bytes(_STATE_BYTES, "big")


class Tables:
    """Inserts, changes and deletes rows of the tables that count, within a write."""

    def __init__(self, db: Connection, key: bytes) -> None:
        self.db = db
        self.sums = Sums(key)
        self._delta = 0
        self._newest: Commit | None = None

    # table, column and condition texts are constants of this room: values come by `?` alone

    def insert(self, table: str, columns: str, values: Sequence[Value]) -> Row | None:
        """Insert a row; return its `COLUMNS`, or None if such a row is there already."""
        marks = ", ".join("?" * len(values))
        row = self.db.one(
            f"INSERT INTO {table}({columns}) VALUES({marks}) ON CONFLICT DO NOTHING "
            f"RETURNING {COLUMNS[table]}",
            values,
        )
        if row is not None:
            self.added(table, [row])
        return row

    def insert_numbered(self, table: str, columns: str, values: Sequence[Value]) -> int:
        """Insert a row under the next number of its table, which no row ever had; return it."""
        counted = self.db.one(
            "INSERT INTO counter(name, last) VALUES(?, 1) ON CONFLICT(name) "
            "DO UPDATE SET last = counter.last + 1 RETURNING last",
            (table,),
        )
        assert counted is not None
        number = int(counted[0])
        if number > 1:
            self.removed("counter", [(table, number - 1)])
        self.added("counter", [(table, number)])
        row = self.insert(table, f"id, {columns}", (number, *values))
        assert row is not None
        return number

    def update(
        self, table: str, change: str, new: Sequence[Value], where: str, which: Sequence[Value]
    ) -> None:
        """Change rows; those that match before must be those that match after."""
        columns = COLUMNS[table]
        before = self.db.all(f"SELECT {columns} FROM {table} WHERE {where}", which)  # noqa: S608
        after = self.db.all(
            f"UPDATE {table} SET {change} WHERE {where} RETURNING {columns}",  # noqa: S608
            (*new, *which),
        )
        self.removed(table, before)
        self.added(table, after)

    def delete(self, table: str, where: str, which: Sequence[Value]) -> int:
        """Delete rows; return how many."""
        gone = self.db.all(
            f"DELETE FROM {table} WHERE {where} RETURNING {COLUMNS[table]}",  # noqa: S608
            which,
        )
        self.removed(table, gone)
        return len(gone)

    def added(self, table: str, rows: Iterable[Row]) -> None:
        """Count rows that came in."""
        self._delta += self.sums.of(table, rows)

    def removed(self, table: str, rows: Iterable[Row]) -> None:
        """Count rows that went."""
        self._delta -= self.sums.of(table, rows)

    # -- commits -----------------------------------------------------------------------------

    def newest(self) -> Commit | None:
        """Return the newest commit as this transaction sees it; None if there is none yet."""
        if self._newest is None:
            row = self.db.one(
                "SELECT number, entry, state FROM change ORDER BY number DESC LIMIT 1"
            )
            self._newest = None if row is None else Commit(*row)
        return self._newest

    def upcoming(self) -> int:
        """Return the number that the commit in the making will have."""
        newest = self.newest()
        return 1 if newest is None else newest.number + 1

    def state(self) -> int:
        """Return the state as it is now, with all changes of the commit in the making."""
        newest = self.newest()
        return (0 if newest is None else self.sums.open(newest)) + self._delta

    def settled(self, commit: Commit) -> None:
        """Take note that what was changed until now belongs to `commit`."""
        self._newest, self._delta = commit, 0

    def forget(self) -> None:
        """Drop what was counted and not committed, and what others may have committed since."""
        self._newest, self._delta = None, 0

    @property
    def pending(self) -> bool:
        """Tell whether rows were changed that no commit was announced for."""
        return self._delta != 0
