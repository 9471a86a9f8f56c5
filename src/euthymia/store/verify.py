"""Reading and authenticating every stored byte, through a connection with nothing in its cache."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from euthymia.ground.errors import EuthymiaError
from euthymia.ground.ids import SubjectId, is_subject_id
from euthymia.ground.schemas import OBSERVATIONS, STREAMS
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store.blocks import FEATURES, Blocks, split_key
from euthymia.store.blocks import OBSERVATIONS as FACTS
from euthymia.store.connection import Connection, Database, Row
from euthymia.store.files import Files
from euthymia.store.frame import Frame, same_columns
from euthymia.store.journal import cross_check
from euthymia.store.people import Known, People

AT_ONCE: Final = 256
"""Blocks fetched at once: a server's answer is held in memory."""


def problems(database: Database, keyring: Keyring, ledger: Ledger) -> list[str]:
    """Return everything that is wrong with a database, in words; [] if nothing is."""
    found: list[str] = []
    try:
        with database.translated(), database.fresh() as db:
            found += db.check()
            if not found:
                found += _rows(db, keyring)
                found += cross_check(db, ledger)
    except EuthymiaError as error:
        found.append(str(error))
    return [f"{database.label}: {problem}" for problem in found]


def _blocks(db: Connection) -> Iterator[Row]:
    """Yield every block, a few at a time."""
    after = -1 << 63
    while rows := db.all(
        "SELECT key, rows, digest, sealed FROM block WHERE key > ? ORDER BY key LIMIT ?",
        (after, AT_ONCE),
    ):
        yield from rows
        after = rows[-1][0]


def _rows(db: Connection, keyring: Keyring) -> list[str]:
    """Open everything that is sealed and check it against what stands beside it."""
    found: list[str] = []
    people, files = People(db, keyring), Files(db, keyring)
    blocks = Blocks(db, keyring.derive("digest"))
    known: dict[int, Known] = {}
    for number, pseudonym, *rest in db.all(
        "SELECT id, pseudonym, wrapped, profile, consents FROM subject"
    ):
        try:
            if not is_subject_id(pseudonym):
                found.append("a pseudonym has not the form of one")
            known[number] = people.open(SubjectId(pseudonym), number, *rest)
        except EuthymiaError as error:
            found.append(f"the profile of {pseudonym}: {error}")
    names = blocks.kind_names()
    for key, count, digest, sealed in _blocks(db):
        number, kind, part = split_key(key)
        name = names.get(kind, "")
        if number not in known or not name:
            found.append("a block belongs to nobody")
            continue
        owner = known[number].owner
        try:
            frame = blocks.open(owner, name, part, count, digest, sealed)
        except EuthymiaError as error:
            found.append(f"{name} of {owner.subject}, part {part}: {error}")
            continue
        if not _agreed(name, frame):
            found.append(f"{name} of {owner.subject}, part {part}: other columns than agreed")
    return found + _accounts(db, files)


def _agreed(name: str, frame: Frame) -> bool:
    if name in STREAMS:
        return same_columns(frame, STREAMS[name].schema)
    if name == FACTS:
        return same_columns(frame, OBSERVATIONS.remove(0))
    return name.startswith(FEATURES)


def _accounts(db: Connection, files: Files) -> list[str]:
    found = []
    rows = db.all(
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
