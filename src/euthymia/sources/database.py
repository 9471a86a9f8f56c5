"""SQLite files of unknown honesty: read-only, without trust in what their schema would run.

The file is unpacked into a temporary file that has a name only for the moment in which SQLite opens
it, so nothing of it is left behind, whatever happens (on file systems without nameless files: as
long as it is unpacked). Only plain tables are read; views, triggers and virtual tables are never
touched, and a query may neither load code nor open another file.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob, MiB

MAGIC: Final = b"SQLite format 3\0"
MAX_CELL: Final = 16 * MiB
MAX_STEPS: Final = 20_000  # times 100,000 instructions of SQLite's machine for one query
FETCH: Final = 10_000

BROKEN: Final = (sqlite3.Error, UnicodeDecodeError)
"""Raised over a damaged file: where its schema is no text, the message cannot be read either."""

Tables = dict[str, tuple[str, ...]]
"""The stored columns of each plain table, by its name in lower case."""
_DAMAGED: Final = "the database is damaged or is not a database; copy it again"


def is_database(head: bytes) -> bool:
    """Tell whether a file is an SQLite database."""
    return head.startswith(MAGIC)


@contextmanager
def opened_database(blob: Blob) -> Iterator[tuple[sqlite3.Connection, Tables]]:
    """Open the database in a file, read-only, and its tables: their stored columns.

    Raises
    ------
    SourceError
        If it is cut, damaged or encrypted.
    """
    with tempfile.TemporaryDirectory(prefix="euthymia-") as folder:
        path = Path(folder) / "export.db"
        _unpack(blob, path)
        if blob.cut:
            raise SourceError(
                "gzip stream ends early, so the database is not whole; nothing of it was stored; "
                "copy it again"
            )
        try:
            database = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        except BROKEN as problem:
            raise SourceError(_DAMAGED) from problem
        try:
            database.execute("PRAGMA schema_version").fetchone()
            path.unlink()  # the open file remains; its name does not
            tables = _distrust(database)
            yield database, tables
        except BROKEN as problem:
            raise SourceError(_DAMAGED) from problem
        finally:
            database.close()


def _unpack(blob: Blob, path: Path) -> None:
    """Write what is in a blob to a file that gets its name at the end."""
    try:
        handle, named = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o600), False
    except (OSError, AttributeError):  # another system, or a file system that has none
        handle, named = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), True
    with os.fdopen(handle, "wb") as file:
        for chunk in blob.chunks():
            file.write(chunk)
        file.flush()
        if named:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        try:  # with a folder named the link under /proc is followed, and not itself linked to
            os.link(f"/proc/self/fd/{file.fileno()}", path, src_dir_fd=folder, follow_symlinks=True)
        finally:
            os.close(folder)


def _distrust(database: sqlite3.Connection) -> Tables:
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA cell_size_check = ON")
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_CELL)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    tables = _tables(database)
    database.set_authorizer(_only_reading)
    return tables


def _only_reading(action: int, *_: str | None) -> int:
    reading = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION}
    return sqlite3.SQLITE_OK if action in reading else sqlite3.SQLITE_DENY


def _tables(database: sqlite3.Connection) -> Tables:
    """Return the stored columns of each plain table, by its name in lower case.

    Generated columns are left out: they are expressions of whoever made the file.
    """
    found: dict[str, tuple[str, ...]] = {}
    rows = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
    ).fetchall()
    for (name,) in rows:
        columns = database.execute(
            "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0", (name,)
        ).fetchall()
        found[str(name).lower()] = tuple(str(column) for (column,) in columns)
    return found


def rows_of(
    database: sqlite3.Connection, table: str, columns: Sequence[str], order: str = ""
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a table; a table's end that is damaged ends the file.

    `table` and `columns` are the reader's own words, never the file's.
    """
    left = [MAX_STEPS]

    def tired() -> int:
        left[0] -= 1
        return int(left[0] < 0)

    database.set_progress_handler(tired, 100_000)
    names = ", ".join(f'"{column}"' for column in columns)
    query = f'SELECT {names} FROM "{table}"'  # noqa: S608  (constants)
    if order:
        query += f' ORDER BY "{order}"'
    try:
        cursor = database.execute(query)
        while rows := cursor.fetchmany(FETCH):
            yield from rows
    except BROKEN as problem:
        raise SourceError(
            f"the table {table} is damaged ({type(problem).__name__}); rows before it were kept; "
            "copy the file again"
        ) from problem


def run_script(path: Path, script: str) -> None:
    """Write a small database, for examples."""
    database = sqlite3.connect(path)
    try:
        database.executescript(script)
    finally:
        database.close()
