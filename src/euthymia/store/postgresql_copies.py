"""A clinic's rows, from a file to a PostgreSQL server. `PostgresDatabase.copy_to`: the way back."""

from contextlib import closing
from pathlib import Path

from euthymia.ground.errors import EuthymiaError
from euthymia.security.keys import Keyring
from euthymia.store import engine
from euthymia.store.postgresql import PostgresDatabase, prepare, translated
from euthymia.store.postgresql_link import Server
from euthymia.store.tables import copy_rows, is_empty


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
                if not is_empty(target):
                    raise EuthymiaError(
                        f"the schema {server.schema} on that server holds data already: name a new "
                        "one (?schema=...), or have the server's administrator drop it"
                    )
                source.begin_reading()
                copy_rows(source, target)
                target.commit()
        finally:
            target.roll_back()
            target.close()


def drop(server: Server) -> None:
    """Remove a schema with all that is in it."""
    with translated():
        db = PostgresDatabase(server)
        try:
            db.run(f"DROP SCHEMA {server.schema} CASCADE")
        finally:
            db.close()
