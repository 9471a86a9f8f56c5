"""Reading and authenticating every stored byte, through a connection with nothing in its cache."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.ground.ids import SubjectId, is_subject_id
from euthymia.ground.schemas import OBSERVATIONS, STREAMS
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store.blocks import FEATURES, MARK, STORED, SUMMARY, Blocks, Owner, split_key
from euthymia.store.blocks import OBSERVATIONS as FACTS
from euthymia.store.connection import Connection, Database
from euthymia.store.files import Files
from euthymia.store.frame import TEXT, kinds_of, same_columns
from euthymia.store.journal import cross_check
from euthymia.store.lines import LINES, SCHEMA
from euthymia.store.people import STORED as PERSON
from euthymia.store.people import Known, People
from euthymia.store.reading import brought_forward
from euthymia.store.records import COLUMNS, RECORDS
from euthymia.store.tables import FRESHNESS, Commit, Sums, Tables

OWN: Final[dict[str, dict[str, str]]] = {
    MARK: {"changed": "i8"},
    SUMMARY: {"summary": TEXT},
    RECORDS: COLUMNS,
}
"""The columns of what the store keeps for itself."""


def problems(database: Database, keyring: Keyring, ledger: Ledger, sums: Sums) -> list[str]:
    """Return everything that is wrong with a database, in words; [] if nothing is."""
    found: list[str] = []
    try:
        with database.translated(), database.fresh() as db:
            found += db.check() or _content(db, keyring, ledger, sums)
    except EuthymiaError as error:
        found.append(str(error))
    return [f"{database.label}: {problem}" for problem in found]


def compared(database: Database, ledger: Ledger, sums: Sums) -> list[str]:
    """Return how the rows differ from those that the ledger tells of; none of them is opened."""
    try:
        with database.translated(), database.fresh() as db:
            return _as_told(db, ledger, sums, list)
    except IntegrityError as error:
        return [str(error)]


def _content(db: Database, keyring: Keyring, ledger: Ledger, sums: Sums) -> list[str]:
    """Open every row, and compare all of one moment with the ledger."""
    return _as_told(db, ledger, sums, lambda: _rows(db, keyring))


def _as_told(db: Database, ledger: Ledger, sums: Sums, look: Callable[[], list[str]]) -> list[str]:
    """Return what `look` finds, and how the rows of that moment differ from what is told."""
    db.begin_reading()
    try:
        found = look()
        commits = [
            Commit(*row) for row in db.each("SELECT number, entry, state FROM change ORDER BY 1")
        ]
        state = sums.total(db)
    finally:
        db.roll_back()

    def newest() -> int:
        row = db.one("SELECT max(number) FROM change")
        return (row and row[0]) or 0

    return found + cross_check(commits, state, ledger, sums, newest)


def _rows(db: Connection, keyring: Keyring) -> list[str]:
    """Open everything that is sealed and check it against what stands beside it."""
    found: list[str] = []
    tables = Tables(db, keyring.derive(FRESHNESS))
    people, files = People(tables, keyring), Files(tables, keyring)
    blocks = Blocks(tables, keyring.derive("digest"))
    known: dict[int, Known] = {}
    columns = f"SELECT pseudonym, {PERSON} FROM subject"  # noqa: S608 - a constant
    for pseudonym, number, *rest in db.each(columns):
        try:
            if not is_subject_id(pseudonym):
                found.append("a pseudonym has not the form of one")
            known[number] = people.open(SubjectId(pseudonym), number, *rest)
            for (zone,) in db.all("SELECT zone FROM subject_key WHERE subject = ?", (number,)):
                people.zone_key(known[number].owner, zone)
        except EuthymiaError as error:
            found.append(f"the profile of {pseudonym}: {error}")
    names = blocks.kind_names()
    for key, *stored in db.each(f"SELECT {STORED} FROM block"):  # noqa: S608 - a constant
        number, kind, part = split_key(key)
        name = names.get(kind, "")
        if number not in known or not name:
            found.append("a block belongs to nobody")
            continue
        owner = known[number].owner
        try:
            agreed = _agreed(blocks, owner, name, part, *stored)
        except EuthymiaError as error:
            found.append(f"{name} of {owner.subject}, part {part}: {error}")
            continue
        if not agreed:
            found.append(f"{name} of {owner.subject}, part {part}: other columns than agreed")
    return found + _accounts(db, files)


def _agreed(blocks: Blocks, owner: Owner, name: str, *place: Any) -> bool:  # noqa: ANN401
    """Authenticate a block and tell whether its columns are those of its stream."""
    if name == FACTS:
        frame = brought_forward(blocks.open(owner, name, *place))
        return same_columns(kinds_of(frame), OBSERVATIONS.remove(0))
    kinds = blocks.outline(owner, name, *place)
    if name in STREAMS:
        return same_columns(kinds, STREAMS[name].schema)
    if name.startswith(LINES):
        return same_columns(kinds, SCHEMA)
    if name in OWN:
        return kinds == OWN[name]
    return name.startswith(FEATURES)


def _accounts(db: Connection, files: Files) -> list[str]:
    found = []
    rows = db.each(
        "SELECT name, rows_in, stored, rejected, duplicates, digest IS NULL, "
        "(SELECT coalesce(sum(rows), 0) FROM reject WHERE file = file.id) FROM file"
    )
    for name, rows_in, stored, rejected, duplicates, erased, refused in rows:
        found += _unreadable(partial(files.name, name), "the name of a file")
        if rows_in != stored + rejected + duplicates:
            found.append("the rows of a file do not add up")
        if refused != rejected and not erased:
            found.append("the refused rows of a file are not those on record")
    return found + _unreadable(files.directory, "the directory")


def _unreadable(read: Callable[[], object], what: str) -> list[str]:
    try:
        read()
    except EuthymiaError as error:
        return [f"{what}: {error}"]
    return []
