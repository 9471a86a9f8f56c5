"""A clinic's rows, from a file to a PostgreSQL server. `PostgresDatabase.copy_to`: the way back."""

from contextlib import closing
from pathlib import Path
from typing import Final

from euthymia.ground.errors import EuthymiaError
from euthymia.security.keys import Keyring
from euthymia.store import engine
from euthymia.store.postgresql import PostgresDatabase, prepare, translated
from euthymia.store.postgresql_link import Server
from euthymia.store.tables import WHOLE, copy_rows, is_empty


def take_file(server: Server, path: Path, keyring: Keyring) -> None:
    """Put the rows of a clinic's file on a server: all of them or none.

    Raises
    ------
    EuthymiaError
        If the server cannot be reached, or the schema holds something already.
    """
    with translated(), engine.translated():
        target = PostgresDatabase(server)
        try:
            prepare(target, server.schema)
            with closing(engine.opened(path, keyring)) as source:
                target.begin_writing()
                _require_empty(target, server)
                source.begin_reading()
                copy_rows(source, target)
                target.commit()
        finally:
            target.roll_back()
            target.close()


def _require_empty(db: PostgresDatabase, server: Server) -> None:
    if not is_empty(db):
        raise EuthymiaError(
            f"the schema {server.schema} on that server holds data already: name a new one "
            "(?schema=...), or have the server's administrator drop it"
        )


def require_room(server: Server) -> None:
    """Make the tables of a new clinic, unless there is data in them.

    Raises
    ------
    EuthymiaError
        If the server cannot be reached, or the schema holds something already.
    """
    with translated():
        db = PostgresDatabase(server)
        try:
            prepare(db, server.schema)
            _require_empty(db, server)
        finally:
            db.close()


def drop(server: Server) -> None:
    """Remove the tables; the schema too, if nothing else is in it and it can be made anew."""
    tables = ", ".join(("version", *WHOLE))
    with translated():
        db = PostgresDatabase(server)
        try:
            db._simple(f"DROP TABLE IF EXISTS {tables}")
            if db.one(_ONLY_OURS, (server.schema,)) == (True,):
                db._simple(f"DROP SCHEMA {server.schema}")
        finally:
            db.close()


_ONLY_OURS: Final = """
SELECT has_database_privilege(current_database(), 'CREATE')
    AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass
        AND refobjid = pg_namespace.oid)
FROM pg_namespace WHERE nspname = ?
"""
