"""The clinic's store on a PostgreSQL server: the same tables, the same sealed blocks.

The server holds no key: a block, a profile, a name is sealed before it is sent. Everything lives in
one schema. One program writes at a time (an advisory lock); readers see one state throughout.
See docs/adr/0011-postgresql.md for what a server's administrator can and cannot do.
"""

import socket
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pg8000.converters import make_params
from pg8000.core import SYNC_MSG, Context, CoreConnection, _flush, _write
from pg8000.exceptions import DatabaseError, InterfaceError

from euthymia.ground.clock import Clock
from euthymia.ground.errors import AccessError, EuthymiaError, IntegrityError, SchemaError
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store import engine
from euthymia.store.connection import Row, Value
from euthymia.store.postgresql_link import OFF, VERIFIED, Server, Translated, connect, is_lost
from euthymia.store.postgresql_tables import MIGRATIONS
from euthymia.store.sealed import SealedStore
from euthymia.store.tables import FRESHNESS, Commit, Sums

BUSY_MS: Final = 30_000  # as long as another program may take for a group of files
AT_ONCE: Final = 256
"""Rows fetched, or sent, at once."""

_LOCK_SPACE: Final = 0x45757468  # "Euth": the first half of our advisory lock's name
_STAMP: Final = "SELECT coalesce(max(number), 0) FROM change"

__all__ = ["OFF", "VERIFIED", "PostgresDatabase", "PostgresStore", "Server", "prepare"]


@lru_cache(maxsize=256)
def _numbered(sql: str) -> str:
    """Return a statement with `$1, $2, ...` for each `?`; no literal of ours holds one."""
    head, *rest = sql.split("?")
    return head + "".join(f"${place}{part}" for place, part in enumerate(rest, 1))


class PostgresDatabase:
    """A connection to the server as a `connection.Database`; a lost one is made anew."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._prepared: dict[str, tuple[bytes, Any, Any]] = {}
        self._cursors = 0
        self._wire = connect(server, BUSY_MS)

    @property
    def label(self) -> str:
        """See `Database.label`."""
        return "database"

    # -- statements --------------------------------------------------------------------------

    def _alive(self) -> CoreConnection:
        """Return the connection; a new one if the last was lost outside a transaction."""
        if self._wire is None:
            self._prepared.clear()
            self._wire = connect(self._server, BUSY_MS)
        return self._wire

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Drop a connection that was lost, so that the next call makes another.

        One that was left in the midst of an answer (Ctrl-C, no memory) is dropped as well: the
        rest of that answer would be taken for the answer to the next question.
        """
        try:
            yield
        except DatabaseError as error:
            if is_lost(error):
                self._drop()
            raise
        except BaseException:
            self._drop(halfway=True)
            raise

    def _drop(self, *, halfway: bool = False) -> None:
        wire, self._wire = self._wire, None
        if wire is None:
            return
        with suppress(Exception):  # whatever is wrong with it, it is not used again
            if halfway:
                wire._usock.shutdown(socket.SHUT_RDWR)
        with suppress(Exception):
            wire.close()

    def _simple(self, sql: str) -> list[Row]:
        with self._noticing():
            return [tuple(row) for row in self._alive().execute_simple(sql).rows or ()]

    def _statement(self, sql: str) -> tuple[bytes, Any, Any]:
        found = self._prepared.get(sql)
        if found is None:
            found = self._alive().prepare_statement(_numbered(sql), ())
            self._prepared[sql] = found
        return found

    def all(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """See `Connection.all`."""
        with self._noticing():
            wire = self._alive()
            name, columns, readers = self._statement(sql)
            params = make_params(wire.py_types, values)
            context = wire.execute_named(name, params, columns, readers, sql)
            return [tuple(row) for row in context.rows or ()]

    def each(self, sql: str, values: Sequence[Value] = ()) -> Iterator[Row]:
        """See `Connection.each`; within a transaction alone."""
        self._cursors += 1
        name = f"each_{self._cursors}"
        self.run(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}", values)
        while rows := self._simple(f"FETCH {AT_ONCE} FROM {name}"):
            yield from rows
        self._simple(f"CLOSE {name}")

    def one(self, sql: str, values: Sequence[Value] = ()) -> Row | None:
        """See `Connection.one`."""
        rows = self.all(sql, values)
        return rows[0] if rows else None

    def run(self, sql: str, values: Sequence[Value] = ()) -> None:
        """See `Connection.run`."""
        self.all(sql, values)

    def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """See `Connection.run_many`. Rows are sent together, and answered together."""
        left = iter(rows)
        with self._noticing():
            while batch := list(islice(left, AT_ONCE)):
                wire = self._alive()
                name, _, _ = self._statement(sql)
                for values in batch:
                    wire.send_BIND(name, make_params(wire.py_types, values))
                    wire.send_EXECUTE()
                self._answered(sql)

    def _answered(self, sql: str) -> None:
        wire = self._alive()
        _write(wire._sock, SYNC_MSG)
        _flush(wire._sock)
        wire.handle_messages(Context(sql))

    def translated(self) -> Translated:
        """See `Database.translated`."""
        return _TRANSLATED

    # -- transactions ------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """See `Database.in_transaction`."""
        return self._status() in {b"T", b"E"}

    def _status(self) -> bytes:
        if self._wire is None:
            return b"I"
        status: bytes = self._wire._transaction_status
        return status

    def begin_reading(self) -> int:
        """See `Database.begin_reading`."""
        begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        return int(self._simple(f"{begin}; {_STAMP}")[-1][0])

    def begin_writing(self) -> int:
        """See `Database.begin_writing`. Each statement sees what was committed before the lock."""
        self._simple(f"BEGIN; SELECT pg_advisory_xact_lock({self._lock_name()})")
        return self.stamp()

    def _lock_name(self) -> str:
        name = zlib.crc32(self._server.schema.encode())
        return f"{_LOCK_SPACE}, {name - (1 << 32) if name >> 31 else name}"

    def commit(self) -> None:
        """See `Database.commit`."""
        if self._status() != b"T":
            raise EuthymiaError("the database server gave up the transaction: nothing was done")
        self._simple("COMMIT")

    def roll_back(self) -> None:
        """See `Database.roll_back`. The server takes back what a lost connection had begun."""
        if self.in_transaction:
            with suppress(InterfaceError, OSError):
                self._simple("ROLLBACK")

    def savepoint(self) -> None:
        """See `Database.savepoint`."""
        self._simple("SAVEPOINT one")

    def release(self) -> None:
        """See `Database.release`."""
        self._simple("RELEASE one")

    def back_to_savepoint(self) -> None:
        """See `Database.back_to_savepoint`."""
        if self.in_transaction:
            self._simple("ROLLBACK TO one; RELEASE one")

    def stamp(self) -> int:
        """See `Database.stamp`: the number of the newest commit."""
        row = self.one(_STAMP)
        return int(row[0]) if row else 0

    # -- the server --------------------------------------------------------------------------

    def tidy(self) -> None:
        """Nothing is due: the server cleans up by itself (autovacuum)."""

    def scrub(self) -> None:
        """Have the server give up deleted rows now. See the adr for what stays in its log."""
        for table in (
            "subject",
            "subject_key",
            "identifier",
            "block",
            "file",
            "file_subject",
            "reject",
        ):
            self._simple(f"VACUUM {table}")

    def copy_to(
        self, path: Path, keyring: Keyring, while_nobody_commits: Callable[[], None]
    ) -> None:
        """See `Database.copy_to`."""
        with _TRANSLATED:
            source = PostgresDatabase(self._server)
        try:
            with _TRANSLATED:
                self.begin_writing()
            try:
                with _TRANSLATED:
                    source.begin_reading()
                while_nobody_commits()
            finally:
                self.roll_back()
            with _TRANSLATED, engine.translated():
                engine.write_file(path, keyring, source)
        finally:
            source.close()

    @contextmanager
    def fresh(self) -> Iterator["PostgresDatabase"]:
        """See `Database.fresh`."""
        other = PostgresDatabase(self._server)
        try:
            yield other
        finally:
            other.close()

    def check(self) -> list[str]:
        """Ask whether the tables are the ones made; what is in them the caller reads and sums."""
        number = _version(self)
        if number != len(MIGRATIONS):
            return [f"the tables are of version {number}, and not {len(MIGRATIONS)}"]
        return []

    def close(self) -> None:
        """See `Database.close`."""
        self._drop()


_TRANSLATED: Final = Translated()


def translated() -> Translated:
    """Return a context that turns the driver's errors into ours."""
    return _TRANSLATED


def _version(db: PostgresDatabase) -> int:
    """Return the version of the tables; 0 if there are none."""
    if db.all("SELECT to_regclass('version')")[0][0] is None:
        return 0
    row = db.one("SELECT max(number) FROM version")
    return int(row[0]) if row and row[0] is not None else 0


_STRANGERS: Final = """
WITH place AS (SELECT oid, nspowner, nspacl FROM pg_namespace WHERE nspname = ?),
owner(role) AS (
    SELECT nspowner FROM place
    UNION SELECT grantee FROM place, aclexplode(nspacl) WHERE privilege_type = 'CREATE'
    UNION SELECT relowner FROM pg_class JOIN place ON relnamespace = place.oid
    UNION SELECT proowner FROM pg_proc JOIN place ON pronamespace = place.oid
    UNION SELECT oprowner FROM pg_operator JOIN place ON oprnamespace = place.oid
)
SELECT 1 FROM owner LEFT JOIN pg_roles ON pg_roles.oid = role
WHERE role = 0 OR NOT (rolsuper OR pg_has_role(role, 'USAGE')) LIMIT 1
"""


def _require_own(db: PostgresDatabase, schema: str) -> None:
    """Refuse a schema into which others can put tables, functions or operators, or have put some.

    Theirs would be used in place of ours, and what hangs on them (triggers, rules, defaults) done
    with our rights. Whoever administers the server can do all that in any case.
    """
    if db.one(_STRANGERS, (schema,)) is not None:
        raise AccessError(
            f"other users of the database may put tables into the schema {schema}, or have done "
            "so: name a schema that this user alone owns (?schema=...), or have the server's "
            f"administrator run REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC and remove theirs"
        )


def prepare(db: PostgresDatabase, schema: str) -> None:
    """Create the tables in a new schema, or bring older ones forward.

    Raises
    ------
    AccessError
        If another user of the database could put something of theirs in the tables' place.
    SchemaError
        If a newer version of the software made them.
    """
    _require_own(db, schema)
    number = _version(db)
    if number < len(MIGRATIONS):
        db._simple(f"BEGIN; SELECT pg_advisory_xact_lock({db._lock_name()})")
        try:
            if db.one("SELECT 1 FROM pg_namespace WHERE nspname = ?", (schema,)) is None:
                db._simple(f"CREATE SCHEMA {schema}")
            for step in MIGRATIONS[_version(db) :]:
                db._simple(step)
            db.run("DELETE FROM version")
            db.run("INSERT INTO version(number) VALUES(?)", (len(MIGRATIONS),))
            db.commit()
        finally:
            db.roll_back()
    elif number > len(MIGRATIONS):
        raise SchemaError("a newer version of Euthymia made this database: install that version")


def _require_ours(db: PostgresDatabase, keyring: Keyring, schema: str) -> None:
    row = db.one("SELECT number, entry, state FROM change ORDER BY number DESC LIMIT 1")
    if row is None or row[2] is None:
        return
    try:
        Sums(keyring.derive(FRESHNESS)).open(Commit(*row))
    except IntegrityError:
        raise IntegrityError(
            f"another clinic wrote what the schema {schema} on the database server holds, or its "
            "newest commit was changed: correct store.schema, or restore a backup"
        ) from None


class PostgresStore(SealedStore):
    """A store in one schema of a PostgreSQL server; its tables are made if they are not there.

    Raises
    ------
    AccessError, MissingError, EuthymiaError
        If the server cannot be reached, trusted, or does not let us in: each says what to do.
    SchemaError
        If a newer version of the software made the tables.
    IntegrityError
        If another clinic wrote what is in them.
    """

    def __init__(
        self,
        server: Server,
        keyring: Keyring,
        ledger: Ledger,
        clock: Clock,
        default_zone: str = "UTC",
    ) -> None:
        with _TRANSLATED:
            database = PostgresDatabase(server)
            try:
                prepare(database, server.schema)
                _require_ours(database, keyring, server.schema)
            except BaseException:
                database.close()
                raise
        super().__init__(database, keyring, ledger, clock, default_zone)
