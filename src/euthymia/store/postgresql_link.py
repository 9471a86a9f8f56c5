"""How a PostgreSQL server is reached, trusted, and understood when it refuses.

A password leaves this machine's memory only where the server has proven who it is: by a certificate
(TLS), or by SCRAM, in which the server proves that it knows the password as well (RFC 5802). What a
server says in an error is not passed on: it may quote values.
"""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pg8000.core import CoreConnection, scramp
from pg8000.exceptions import DatabaseError, InterfaceError

from euthymia.ground.errors import (
    AccessError,
    BusyError,
    EuthymiaError,
    IntegrityError,
    MissingError,
    SchemaError,
)

CONNECT_S: Final = 10
SILENT_S: Final = 60  # after which a server that vanished from the network counts as lost
VERIFIED, OFF = "verify-full", "off"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


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


# -- what went wrong -------------------------------------------------------------------------------


class Translated:
    """Turns the driver's errors into ours; nothing of what the server says is passed on."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, (DatabaseError, InterfaceError, OSError)):
            raise _translation(error) from None


_LOST: Final = EuthymiaError(
    "no connection to the database server, or it was lost: what was not reported as done was not "
    "done, or will be found as done when tried again; check that the server runs"
)
_REFUSALS: Final[dict[str, EuthymiaError]] = {
    "08": _LOST,
    "25P": _LOST,  # the transaction went with the former connection
    "57P": _LOST,
    "25006": EuthymiaError(
        "the database server takes no writes: it is a standby, or set to read only "
        "(default_transaction_read_only); name the one that takes them in store.host"
    ),
    "28": AccessError(
        "the database server does not let this user in: check store.user, store.password_file and "
        "the server's pg_hba.conf"
    ),
    "3D": MissingError("the server has no such database: create it, or correct store.database"),
    "42501": AccessError(
        "the database user may not do this: it must own its schema and what is in it, or may "
        "create one; no row may be hidden from it (row level security)"
    ),
    "42P01": IntegrityError(
        "a table of the clinic is not on the database server: it was dropped or renamed; restore a "
        "backup"
    ),
    "53100": EuthymiaError(
        "the database server has no room left: free its disk, then try again; nothing was done"
    ),
    "53300": BusyError(
        "the database server takes no more connections: close other programs, or have its "
        "administrator raise max_connections; then try again"
    ),
    "53": EuthymiaError(
        "the database server is short of memory or another resource: see its log, then try again; "
        "nothing was done"
    ),
    "57014": BusyError(
        "the database server's administrator ended a statement: nothing was done; try again"
    ),
    "58": EuthymiaError("the database server cannot read or write its files: check its log"),
    "XX": IntegrityError(
        "the database server reports damage: check its log, and restore from a backup"
    ),
    "22": SchemaError("the database server does not take a value as it is"),
}
"""What to say by the beginning of the server's code; the first that fits."""
_BUSY: Final = ("55P03", "40001", "40P01")
_ENDED: Final = ("57P", "08", "25P03", "25P04")


def is_lost(error: DatabaseError) -> bool:
    """Tell whether the server ended the connection with this error."""
    return _code(error).startswith(_ENDED)


def _code(error: BaseException) -> str:
    told = error.args[0] if isinstance(error, DatabaseError) and error.args else None
    return str(told.get("C", "")) if isinstance(told, dict) else ""


def _translation(error: BaseException) -> EuthymiaError:
    if isinstance(error, ssl.SSLError):
        return AccessError(
            "no trusted connection to the database server: its certificate is not one that "
            "store.ca_file (or this system) vouches for under that name, or it speaks no TLS"
        )
    code = _code(error)
    if code in _BUSY:
        return BusyError("another program is writing to the clinic's database; try again")
    if not code and "SSL" in str(error):
        return AccessError(
            "the database server speaks no TLS: turn it on there (ssl = on); store.tls = "
            '"off" is for a server on this machine alone'
        )
    for prefix, refusal in _REFUSALS.items():
        if code.startswith(prefix) or not code:
            return type(refusal)(*refusal.args)
    return EuthymiaError(f"the database server refused a statement (SQLSTATE {code})")


# -- the connection --------------------------------------------------------------------------------

_OK, _PLAIN, _MD5, _SCRAM, _SCRAM_GOES_ON, _PROVEN = 0, 3, 5, 10, 11, 12
"""What a server may ask for, or say, before it lets anybody in (AuthenticationRequest)."""


class _Wire(CoreConnection):  # type: ignore[misc]  # the driver has no types
    """The driver's connection, which tells a password only to the server that it is for."""

    _proven = False

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Any) -> None:  # noqa: ANN401, N802
        """Answer what the server asks for; AccessError if it should not, or cannot, be answered."""
        asked = int.from_bytes(data[:4], "big")
        if self.password is None and asked in {_PLAIN, _MD5, _SCRAM}:
            raise AccessError(
                "the database server asks for a password: put it into a file that others cannot "
                "read, and name that in store.password_file"
            )
        if not isinstance(self._usock, ssl.SSLSocket):  # no certificate vouches for the server
            self._require_proof(asked)
        if asked not in {_OK, _PLAIN, _MD5, _SCRAM, _SCRAM_GOES_ON, _PROVEN}:
            raise _unproven()
        try:
            super().handle_AUTHENTICATION_REQUEST(data, context)
        except (scramp.ScramException, ValueError):
            raise _unproven() from None
        self._proven = self._proven or asked == _PROVEN

    def _require_proof(self, asked: int) -> None:
        if asked in {_PLAIN, _MD5}:
            raise AccessError(
                "the database server asks for the password in a form that whoever answers in its "
                "place could use: have it ask by scram-sha-256 (password_encryption, pg_hba.conf)"
            )
        if asked == _OK and self.password is not None and not self._proven:
            raise AccessError(
                "the database server did not ask for the password, so it may be another program "
                "in its place: have it ask by scram-sha-256 (pg_hba.conf), or, if it needs none, "
                "remove store.password_file"
            )

    def close(self) -> None:
        """Close the connection; it may be closed from the other side already."""
        with suppress(InterfaceError, OSError):
            super().close()


def _unproven() -> AccessError:
    return AccessError(
        "the database server did not prove that it knows the password: another program answers in "
        "its place, or it asks in a way that is not known here (scram-sha-256 is)"
    )


def _trusted(server: Server) -> ssl.SSLContext | bool:
    if server.tls == OFF:
        if not server.local:
            raise AccessError('store.tls = "off" is for a server on this machine alone')
        return False
    try:
        found = ssl.create_default_context(cafile=server.ca_file)
    except ssl.SSLError:
        raise
    except OSError as error:
        raise MissingError(
            f"store.ca_file cannot be read ({error.strerror}): name a file of certificates (PEM)"
        ) from None
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    return found


SINCE_14: Final = {"idle_session_timeout": "0"}
"""Settings that older servers do not know, and refuse a connection for."""
_UNKNOWN_SETTING: Final = "42704"


def _wire(server: Server, at: str | None, settings: dict[str, str]) -> _Wire:
    return _Wire(
        server.user,
        host=server.host,
        port=server.port,
        database=server.database,
        password=server.password(),
        unix_sock=at,
        ssl_context=False if at else _trusted(server),
        timeout=CONNECT_S,
        application_name="euthymia",
        startup_params=settings,
    )


def connect(server: Server, busy_ms: int) -> CoreConnection:
    """Connect to a server, with our own settings whatever is set there for the user or database.

    Raises
    ------
    AccessError, MissingError, DatabaseError, InterfaceError, OSError
        See `Translated` for the driver's.
    """
    at = f"{server.host}/.s.PGSQL.{server.port}" if server.host.startswith("/") else None
    settings = {
        "search_path": f"{server.schema}, pg_temp",  # after the server's own, which come first
        "row_security": "off",  # rows that a policy hides are an error, not fewer rows
        "bytea_output": "hex",
        "lock_timeout": str(busy_ms),
        "statement_timeout": "0",  # a group of files, or a copy, takes as long as it takes
        "idle_in_transaction_session_timeout": "0",
        "synchronous_commit": "on",  # a commit that was reported is on disk, as the ledger says
        "client_encoding": "UTF8",
        "default_transaction_isolation": "read committed",
    }
    try:
        connection = _wire(server, at, {**settings, **SINCE_14})
    except DatabaseError as error:
        if _code(error) != _UNKNOWN_SETTING:
            raise
        connection = _wire(server, at, settings)
    connection._usock.settimeout(None)
    if at is None:
        _notice_silence(connection._usock)
    return connection


def _notice_silence(line: socket.socket) -> None:
    """Have the kernel ask a silent server whether it is there, within minutes and not hours."""
    for name, value in (
        ("TCP_KEEPIDLE", SILENT_S // 2),
        ("TCP_KEEPINTVL", SILENT_S // 6),
        ("TCP_KEEPCNT", 3),
        ("TCP_USER_TIMEOUT", SILENT_S * 1000),
    ):
        if hasattr(socket, name):  # by the operating system
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
