"""What the tables are read and written through: the little that every SQL engine offers alike.

Statements are written once, in the SQL that SQLite and PostgreSQL share (`?` for a value, `ON
CONFLICT`, `RETURNING`, `coalesce`), and values are text, bytes, whole numbers or None.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from euthymia.security.keys import Keyring

Value = str | bytes | int | None
Row = tuple[Any, ...]


class Connection(Protocol):
    """Statements, one at a time, in whatever transaction is open."""

    def all(self, sql: str, values: Sequence[Value] = ()) -> list[Row]:
        """Return every row of a query."""

    def each(self, sql: str, values: Sequence[Value] = ()) -> Iterator[Row]:
        """Yield the rows of a query, a few at a time: for tables too large to hold in memory."""

    def one(self, sql: str, values: Sequence[Value] = ()) -> Row | None:
        """Return the first row of a query; None if there is none."""

    def run(self, sql: str, values: Sequence[Value] = ()) -> None:
        """Execute one statement that has no rows to return."""

    def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Execute one statement for each row of values."""


class Database(Connection, Protocol):
    """A connection that also opens and ends transactions. One thread at a time may use it."""

    @property
    def label(self) -> str:
        """Return the name to show before a problem; no path, no address."""

    @property
    def in_transaction(self) -> bool:
        """Tell whether a transaction is open."""

    def translated(self) -> AbstractContextManager[None]:
        """Return a context that turns the engine's errors into ours, with what to do about each."""

    def begin_reading(self) -> int:
        """Open a transaction that sees one state throughout; return its `stamp`."""

    def begin_writing(self) -> int:
        """Open the one transaction that may write, waiting for others; return its `stamp`."""

    def commit(self) -> None:
        """End the transaction with everything on disk."""

    def roll_back(self) -> None:
        """End the transaction, if the engine has not done so already, with nothing changed."""

    def savepoint(self) -> None:
        """Mark a place within the transaction; there is one at most."""

    def release(self) -> None:
        """Drop the mark and keep what came after it."""

    def back_to_savepoint(self) -> None:
        """Take back what came after the mark, and drop it, if a transaction is still open."""

    def stamp(self) -> int:
        """Return a number that changes with every commit of others."""

    def tidy(self) -> None:
        """Do what may be due after a commit."""

    def scrub(self) -> None:
        """Remove what is left of deleted rows; BusyError if another program is in the way."""

    def copy_to(
        self, path: Path, keyring: Keyring, while_nobody_commits: Callable[[], None]
    ) -> None:
        """Write a copy of one state as an encrypted file, whichever the engine.

        Calls back at a moment when that state is the newest and stays so. Errors of the engine are
        turned into ours; those of the call are let through.
        """

    def fresh(self) -> AbstractContextManager["Database"]:
        """Open another connection to the same tables, with nothing in its cache."""

    def check(self) -> list[str]:
        """Have the engine read everything; return what it finds wrong, in words."""

    def close(self) -> None:
        """Close the connection."""
