"""The clinic's store on a PostgreSQL server: the same tables, the same sealed blocks.

The server holds no key: a block, a profile, a name is sealed before it is sent. Everything lives in
one schema. One program writes at a time (an advisory lock); readers see one state throughout.
See docs/adr/0011-postgresql.md for what a server's administrator can and cannot do.
"""

import ssl
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pg8000.converters import make_params
from pg8000.core import SYNC_MSG, Context, CoreConnection, _flush, _write
from pg8000.exceptions import DatabaseError, InterfaceError

from euthymia.ground.clock import Clock
from euthymia.ground.errors import (
    AccessError,
    BusyError,
    EuthymiaError,
    IntegrityError,
    MissingError,
    SchemaError,
)
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store import engine
from euthymia.store.connection import Row, Value
from euthymia.store.postgresql_tables import MIGRATIONS
from euthymia.store.sealed import SealedStore

BUSY_MS: Final = 30_000  # as long as another program may take for a group of files
CONNECT_S: Final = 10
AT_ONCE: Final = 256
"""Rows fetched, or sent, at once."""

VERIFIED, OFF = "verify-full", "off"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LOCK_SPACE: Final = 0x45757468  # "Euth": the first half of our advisory lock's name
_STAMP: Final = "SELECT coalesce(max(number), 0) FROM change"


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, and as whom to speak to it.

    `host`: a name or address, or the folder of a Unix socket (it begins with "/").
    `password_file`: None where the server trusts the system user (`peer`) or a certificate.
    `tls`: "verify-full" (the server's certificate and name are checked) or "off".
    `ca_file`: certificates to trust instead of the system's.
    """

    host: str = "localhost"
    port: int = 5432
    database: str = "euthymia"
    user: str = "euthymia"
    schema: str = "euthymia"
    password_file: Path | None = None
    tls: str = VERIFIED
    ca_file: Path | None = None

    @property
    def local(self) -> bool:
        """Tell whether no network lies between."""
        return self.host.startswith("/") or self.host in LOOPBACK

    def with_tls(self, tls: str) -> "Server":
        """Return the same server, spoken to with or without TLS."""
        return replace(self, tls=tls)

    def password(self) -> str | None:
        """Read the password; AccessError if everybody on this machine could."""
        if self.password_file is None:
            return None
        try:
            if self.password_file.stat().st_mode & 0o007:
                raise AccessError(
                    "every user of this machine may read the database's password: run `chmod o=` "
                    "on the file that store.password_file names"
                )
            return self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise MissingError(
                f"store.password_file cannot be read ({error.strerror}): name a file that holds "
                "the database user's password"
            ) from None


class _Translated:
    """Turns the driver's errors into ours; nothing of what the server says is passed on."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, (DatabaseError, InterfaceError, OSError)):
            raise _translation(error) from None


_REFUSALS: Final[dict[str, EuthymiaError]] = {
    "28": AccessError(
        "the database server does not let this user in: check store.user, store.password_file and "
        "the server's pg_hba.conf"
    ),
    "3D": MissingError("the server has no such database: create it, or correct store.database"),
    "42501": AccessError(
        "the database user may not do this: it must own its schema, or may create one"
    ),
    "53": EuthymiaError("the database server has no room left: free its disk, then try again"),
    "XX": IntegrityError(
        "the database server reports damage: check its log, and restore from a backup"
    ),
    "22": SchemaError("the database server does not take a value as it is"),
}
_BUSY: Final = ("55P03", "40001", "40P01")
_LOST: Final = ("57P01", "57P02", "57P03", "08")


def _refusal(error: BaseException | None) -> BaseException | None:
    """Return what the server said, where closing the connection on it failed as well."""
    while error is not None and not isinstance(error, DatabaseError):
        error = error.__context__
    return error


def _translation(error: BaseException) -> EuthymiaError:
    error = _refusal(error) or error
    if isinstance(error, ssl.SSLError):
        return AccessError(
            "no trusted connection to the database server: its certificate is not one that "
            "store.ca_file (or this system) vouches for under that name, or it speaks no TLS"
        )
    told = error.args[0] if isinstance(error, DatabaseError) and error.args else None
    code = str(told.get("C", "")) if isinstance(told, dict) else ""
    if code in _BUSY:
        return BusyError("another program is writing to the clinic's database; try again")
    if not code and "SSL" in str(error):
        return AccessError(
            "the database server speaks no TLS: turn it on there (ssl = on); store.tls = "
            '"off" is for a server on this machine alone'
        )
    if not code or code.startswith(_LOST):
        return EuthymiaError(
            "no connection to the database server, or it was lost: what was not reported as done "
            "was not done, or will be found as done when tried again; check that the server runs"
        )
    for prefix, refusal in _REFUSALS.items():
        if code.startswith(prefix):
            return type(refusal)(*refusal.args)
    return EuthymiaError(f"the database server refused a statement (SQLSTATE {code})")


@lru_cache(maxsize=256)
def _numbered(sql: str) -> str:
    """Return a statement with `$1, $2, ...` for each `?`; no literal of ours holds one."""
    head, *rest = sql.split("?")
    return head + "".join(f"${place}{part}" for place, part in enumerate(rest, 1))


def _trusted(server: Server) -> ssl.SSLContext | bool:
    if server.tls == OFF:
        if not server.local:
            raise AccessError('store.tls = "off" is for a server on this machine alone')
        return False
    found = ssl.create_default_context(cafile=server.ca_file)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    return found


def _connect(server: Server) -> CoreConnection:
    socket = f"{server.host}/.s.PGSQL.{server.port}" if server.host.startswith("/") else None
    settings = {
        "search_path": server.schema,
        "lock_timeout": str(BUSY_MS),
        "synchronous_commit": "on",  # a commit that was reported is on disk, as the ledger says
        "client_encoding": "UTF8",
        "default_transaction_isolation": "read committed",
    }
    connection = CoreConnection(
        server.user,
        host=server.host,
        port=server.port,
        database=server.database,
        password=server.password(),
        unix_sock=socket,
        ssl_context=False if socket else _trusted(server),
        timeout=CONNECT_S,
        application_name="euthymia",
        startup_params=settings,
    )
    connection._usock.settimeout(None)
    return connection


class PostgresDatabase:
    """A connection to the server as a `connection.Database`; a lost one is made anew."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._prepared: dict[str, tuple[bytes, Any, Any]] = {}
        self._cursors = 0
        self._wire = _connect(server)

    @property
    def label(self) -> str:
        """See `Database.label`."""
        return "database"

    # -- statements --------------------------------------------------------------------------

    def _alive(self) -> CoreConnection:
        """Return the connection; a new one if the last was lost outside a transaction."""
        if self._wire is None:
            self._prepared.clear()
            self._wire = _connect(self._server)
        return self._wire

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Drop a connection that was lost, so that the next call makes another."""
        try:
            yield
        except (InterfaceError, OSError):
            self._drop()
            raise
        except DatabaseError as error:
            if isinstance(error.args[0], dict) and error.args[0].get("C", "").startswith(_LOST):
                self._drop()
            raise

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            with suppress(InterfaceError, OSError, AttributeError):
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

    def translated(self) -> _Translated:
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


_TRANSLATED: Final = _Translated()


def translated() -> _Translated:
    """Return a context that turns the driver's errors into ours."""
    return _TRANSLATED


def _version(db: PostgresDatabase) -> int:
    """Return the version of the tables; 0 if there are none."""
    if db.all("SELECT to_regclass('version')")[0][0] is None:
        return 0
    row = db.one("SELECT max(number) FROM version")
    return int(row[0]) if row and row[0] is not None else 0


def prepare(db: PostgresDatabase, schema: str) -> None:
    """Create the tables in a new schema, or bring older ones forward.

    Raises
    ------
    SchemaError
        If a newer version of the software made them.
    """
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


class PostgresStore(SealedStore):
    """A store in one schema of a PostgreSQL server; its tables are made if they are not there.

    Raises
    ------
    AccessError, MissingError, EuthymiaError
        If the server cannot be reached, trusted, or does not let us in: each says what to do.
    SchemaError
        If a newer version of the software made the tables.
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
            except BaseException:
                database.close()
                raise
        super().__init__(database, keyring, ledger, clock, default_zone)
