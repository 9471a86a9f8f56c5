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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from euthymia.ground.audit import Entry
from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.security.ledger import Ledger
from euthymia.store.tables import Commit, Sums, Tables

COMMITTED: Final = "commit change"
KEPT: Final = 4096  # rows of `change` kept: enough to check all that a crash can leave open


@dataclass(slots=True)
class Journal:
    """Announces changes, and confirms them once they are committed."""

    tables: Tables
    ledger: Ledger
    _open: list[tuple[int, str, Entry]] = field(default_factory=list)

    def announce(self, audit: Entry, detail: Mapping[str, str | int | float | bool]) -> str:
        """Write the entry of one change within a transaction; return its id. Not yet on disk."""
        tables, sums = self.tables, self.tables.sums
        number, state = tables.upcoming(), tables.state()
        bound: dict[str, str | int] = {"change": number, "state": sums.tag(number, state)}
        told = replace(audit, detail={**audit.detail, **detail, **bound})
        entry = self.ledger.append(told, durable=False)
        commit = Commit(number, entry, sums.seal(number, entry, state))
        tables.db.run("INSERT INTO change(number, entry, state) VALUES(?, ?, ?)", commit)
        tables.db.run("DELETE FROM change WHERE number <= ?", (number - KEPT,))
        tables.settled(commit)
        self._open.append((number, entry, audit))
        return entry

    def mark(self) -> int:
        """Return a place to go back to with `forget`."""
        return len(self._open)

    def forget(self, mark: int = 0) -> None:
        """Drop what was announced since `mark`: it was taken back."""
        del self._open[mark:]
        self.tables.forget()

    def before_commit(self) -> None:
        """Make the announcements durable.

        Raises
        ------
        IntegrityError
            If rows were changed that no announcement tells of: nothing is committed then.
        """
        if self.tables.pending:
            raise IntegrityError("rows were changed that the ledger was not told of")
        if self._open:
            self.ledger.sync()

    def after_commit(self) -> None:
        """Confirm what was committed."""
        for number, entry, audit in self._open:
            detail: dict[str, str | int | float | bool] = {"change": number, "entry": entry}
            told = Entry(audit.actor, COMMITTED, audit.purpose, audit.subject, detail)
            self.ledger.append(told, durable=False)
        self._open.clear()
        self.tables.forget()


@dataclass(slots=True)
class _Told:
    """What the ledger tells of commits."""

    states: dict[str, str | None] = field(default_factory=dict)
    committed: dict[int, str] = field(default_factory=dict)
    twice: list[int] = field(default_factory=list)

    @classmethod
    def by(cls, ledger: Ledger) -> "_Told":
        told = cls()
        for line in ledger.entries():
            number = line.detail.get("change")
            if not isinstance(number, int):
                continue
            if line.action != COMMITTED:
                state = line.detail.get("state")
                told.states[line.id] = state if isinstance(state, str) else None
                continue
            if number in told.committed:
                told.twice.append(number)
            told.committed[number] = str(line.detail.get("entry"))
        return told


def cross_check(
    commits: Sequence[Commit],
    state: int,
    ledger: Ledger,
    sums: Sums,
    newest: Callable[[], int],
) -> list[str]:
    """Compare the commits in the database with those in the ledger; return what does not agree.

    Parameters
    ----------
    commits, state
        The rows of `change` by number, and the sum over all rows, of one moment.
    newest
        Returns the number of the newest commit in the database now: others may go on writing.
    """
    told = _Told.by(ledger)
    problems = [
        f"commit {number} was lost and made anew: restore a backup, or ingest"
        for number in told.twice
    ]
    last = newest()
    lost = sum(number > last for number in told.committed)
    if lost:
        problems.append(
            f"{lost} commits of the ledger are not in the database: it was damaged or replaced by "
            "an older copy; restore the newest backup and ingest again what came after it"
        )
    for commit in commits:
        problems += _not_as_told(commit, told, sums)
    numbers = [commit.number for commit in commits]
    if numbers and numbers != list(range(numbers[0], numbers[-1] + 1)):
        problems.append("the list of commits in the database has gaps")
    return problems + _not_the_state(commits, state, sums)


def _not_as_told(commit: Commit, told: _Told, sums: Sums) -> list[str]:
    number, entry = commit.number, commit.entry
    if entry not in told.states or told.committed.get(number, entry) != entry:
        return [f"commit {number} of the database is not the one in the ledger"]
    if told.states[entry] is None:  # announced before states were told
        return []
    try:
        tag = sums.tag(number, sums.open(commit))
    except EuthymiaError as error:
        return [f"the state that commit {number} left: {error}"]
    if tag != told.states[entry]:
        return [f"commit {number} of the database left another state than the ledger tells"]
    return []


def _not_the_state(commits: Sequence[Commit], state: int, sums: Sums) -> list[str]:
    try:
        expected = sums.open(commits[-1]) if commits else 0
    except EuthymiaError as error:
        return [str(error)]
    if sums.tag(0, expected) == sums.tag(0, state):
        return []
    problem = (
        "the rows are not those that the newest commit left: old rows or pages were put back, or "
        "some were added, changed or taken away; restore a backup"
    )
    return [problem]
