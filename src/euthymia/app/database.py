"""Which engine a clinic's store rests on: the embedded file, or a PostgreSQL server."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from euthymia.app.config import Config, StoreConfig, wrong_store
from euthymia.app.home import Home
from euthymia.app.outbound import allow
from euthymia.ground.clock import Clock
from euthymia.ground.errors import EuthymiaError, SchemaError
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store.sealed import SealedStore
from euthymia.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from euthymia.store.postgresql_link import Server

_IN_URL: Final = frozenset({"host", "schema", "tls", "ca_file", "password_file"})


def _allowed(host: str) -> str:
    allow(host)
    return host


def open_store(
    home: Home, config: Config, keyring: Keyring, ledger: Ledger, clock: Clock
) -> SealedStore:
    """Open the store that the settings name; its tables are made if they are not there.

    Raises
    ------
    EuthymiaError
        If it cannot be opened; says what to do.
    """
    zone = config.clinic.time_zone
    if config.store.engine == "sqlite":
        return SqliteStore(home.database, keyring, ledger, clock, default_zone=zone)
    server = _server(config.store)
    from euthymia.store.postgresql import PostgresStore

    return PostgresStore(server, keyring, ledger, clock, default_zone=zone)


def _server(given: StoreConfig) -> "Server":
    """Return the server that the settings name."""
    try:
        from euthymia.store.postgresql_link import OFF, VERIFIED, Server
    except ImportError:
        raise EuthymiaError(
            "the PostgreSQL driver is not installed: pip install -e '.[postgres]' "
            "in the software's folder"
        ) from None
    server = Server(
        host=_allowed(given.host),
        port=given.port,
        database=given.database,
        user=given.user,
        schema=given.schema,
        password_file=Path(given.password_file) if given.password_file else None,
        ca_file=Path(given.ca_file) if given.ca_file else None,
    )
    tls = given.tls or (OFF if server.local else VERIFIED)
    return server.with_tls(tls)


def to_server(home: Home, given: StoreConfig, keyring: Keyring) -> None:
    """Put what a home's file holds on a server, and remove the file.

    Raises
    ------
    EuthymiaError
        The server cannot be reached, or holds something under that name already.
    """
    server = _server(given)
    from euthymia.store.postgresql_copies import take_file

    take_file(server, home.database, keyring)
    home.database.unlink()


def require_room(given: StoreConfig) -> None:
    """See to it that a new clinic finds room where its settings say, before any of it is made.

    Raises
    ------
    EuthymiaError
        The server cannot be reached, or holds something under that name already.
    """
    if given.engine != "sqlite":
        server = _server(given)
        from euthymia.store import postgresql_copies

        postgresql_copies.require_room(server)


def drop_from_server(given: StoreConfig) -> None:
    """Take back what `to_server` did on the server."""
    server = _server(given)
    from euthymia.store.postgresql_copies import drop

    drop(server)


def store_settings(url: str) -> StoreConfig:
    """Read `postgresql://user@host:port/database?schema=...` (or `host=/folder/of/the/socket`).

    Raises
    ------
    SchemaError
        If it is no such address, or holds a password: that belongs into a file.
    """
    parts = urlsplit(url)
    extra = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SchemaError("--store: write postgresql://USER@HOST/DATABASE")
    if parts.password is not None or "password" in extra:
        raise SchemaError(
            "--store: a password on a command line can be read by others: put it into a file and "
            "add ?password_file=/path/of/it"
        )
    unknown = sorted(set(extra) - _IN_URL)
    if unknown or parts.fragment:
        raise SchemaError(f"--store: known after the ? are {', '.join(sorted(_IN_URL))}")
    default = StoreConfig()
    try:
        port = parts.port or default.port
    except ValueError:
        raise SchemaError("--store: the port is a number up to 65535") from None
    found = StoreConfig(
        engine="postgresql",
        host=extra.get("host") or parts.hostname or default.host,
        port=port,
        database=unquote(parts.path.strip("/")) or default.database,
        user=unquote(parts.username or "") or default.user,
        schema=extra.get("schema") or default.schema,
        password_file=_absolute(extra.get("password_file")),
        tls=extra.get("tls") or None,
        ca_file=_absolute(extra.get("ca_file")),
    )
    problem = wrong_store(found)
    if problem:
        raise SchemaError(f"--store: {problem}")
    return found


def _absolute(path: str | None) -> str | None:
    return str(Path(path).resolve()) if path else None
