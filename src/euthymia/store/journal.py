"""Commits and the ledger, tied together so that a lost commit is found.

A write does, in this order:

1. an entry that says what is done and which commit it will be (`change`), on disk;
2. the commit, which holds the number of the change and the id of that entry, on disk;
3. an entry that says the commit was made (`COMMITTED`), not waited for.

A crash between 1 and 2 leaves an announcement without a commit: nothing happened, nothing is lost.
A commit that 3 speaks of and the database does not hold is lost data: a damaged write-ahead log,
an older copy of the file put in place. Even if new commits took the lost ones' numbers, a number
that 3 names twice tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from euthymia.ground.audit import Entry
from euthymia.security.ledger import Ledger
from euthymia.store.connection import Connection

COMMITTED: Final = "commit change"
KEPT: Final = 4096  # rows of `change` kept: enough to check all that a crash can leave open


@dataclass(slots=True)
class Journal:
    """Announces changes, and confirms them once they are committed."""

    db: Connection
    ledger: Ledger
    _open: list[tuple[int, str, Entry]] = field(default_factory=list)

    def announce(self, audit: Entry, detail: Mapping[str, str | int | float | bool]) -> str:
        """Write the entry of one change within a transaction; return its id. Not yet on disk."""
        row = self.db.one("SELECT max(number) FROM change")
        number = ((row[0] if row else None) or 0) + 1
        told = replace(audit, detail={**audit.detail, **detail, "change": number})
        entry = self.ledger.append(told, durable=False)
        self.db.run("INSERT INTO change(number, entry) VALUES(?, ?)", (number, entry))
        self.db.run("DELETE FROM change WHERE number <= ?", (number - KEPT,))
        self._open.append((number, entry, audit))
        return entry

    def mark(self) -> int:
        """Return a place to go back to with `forget`."""
        return len(self._open)

    def forget(self, mark: int = 0) -> None:
        """Drop what was announced since `mark`: it was taken back."""
        del self._open[mark:]

    def before_commit(self) -> None:
        """Make the announcements durable."""
        if self._open:
            self.ledger.sync()

    def after_commit(self) -> None:
        """Confirm what was committed."""
        for number, entry, audit in self._open:
            detail: dict[str, str | int | float | bool] = {"change": number, "entry": entry}
            told = Entry(audit.actor, COMMITTED, audit.purpose, audit.subject, detail)
            self.ledger.append(told, durable=False)
        self._open.clear()


def cross_check(db: Connection, ledger: Ledger) -> list[str]:
    """Compare the commits in the database with those in the ledger; return what does not agree."""
    kept: dict[int, str] = dict(db.all("SELECT number, entry FROM change"))
    last = max(kept, default=0)
    announced: set[str] = set()
    committed: dict[int, str] = {}
    problems: list[str] = []
    for line in ledger.entries():
        number = line.detail.get("change")
        if not isinstance(number, int):
            continue
        if line.action != COMMITTED:
            announced.add(line.id)
            continue
        if number in committed:
            problems.append(f"commit {number} was lost and made anew: restore a backup, or ingest")
        committed[number] = str(line.detail.get("entry"))
    lost = sum(number > last for number in committed)
    if lost:
        problems.append(
            f"{lost} commits of the ledger are not in the database: it was damaged or replaced by "
            "an older copy; restore the newest backup and ingest again what came after it"
        )
    for number, entry in kept.items():
        if entry not in announced or committed.get(number, entry) != entry:
            problems.append(f"commit {number} of the database is not the one in the ledger")
    if kept and sorted(kept) != list(range(min(kept), last + 1)):
        problems.append("the list of commits in the database has gaps")
    return problems
