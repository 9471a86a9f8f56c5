"""Reading and authenticating every stored byte, through a connection with nothing in its cache."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import apsw

from euthymia.ground.errors import EuthymiaError
from euthymia.ground.ids import SubjectId, is_subject_id
from euthymia.ground.schemas import OBSERVATIONS, STREAMS
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.store import engine
from euthymia.store.blocks import FEATURES, Blocks, split_key
from euthymia.store.blocks import OBSERVATIONS as FACTS
from euthymia.store.files import Files
from euthymia.store.frame import Frame, same_columns
from euthymia.store.journal import cross_check
from euthymia.store.people import Known, People


def problems(path: Path, keyring: Keyring, ledger: Ledger) -> list[str]:
    """Return everything that is wrong with a database, in words; [] if nothing is."""
    found: list[str] = []
    try:
        with engine.translated(), _fresh(path, keyring) as db:
            found += _pages(db, path)
            if not found:
                found += _rows(db, keyring)
                found += cross_check(db, ledger)
    except EuthymiaError as error:
        found.append(str(error))
    return [f"{path.name}: {problem}" for problem in found]


@contextmanager
def _fresh(path: Path, keyring: Keyring) -> Iterator[apsw.Connection]:
    db = engine.connect(path, keyring.derive("page"))
    try:
        yield db
    finally:
        db.close()


def _pages(db: apsw.Connection, path: Path) -> list[str]:
    """Have SQLite read every page; each is authenticated as it is read. Free pages cannot be."""
    # what the log holds goes into the database first: the old pages below it would not be read
    written_back = engine.truncate_log(db)
    result = [row[0] for row in db.execute("PRAGMA integrity_check")]
    broken = [f"SQLite's own check: {text}" for text in result if text != "ok"]
    if written_back and path.stat().st_size != db.pragma("page_count") * db.pragma("page_size"):
        broken.append("the file is longer than the database in it: nothing vouches for the rest")
    free = db.pragma("freelist_count")
    if free:
        broken.append(f"{free} pages are not in use, so nothing vouches for them")
    if db.execute("PRAGMA foreign_key_check").get is not None:
        broken.append("a row speaks of a subject or a file that is not there")
    return broken


def _rows(db: apsw.Connection, keyring: Keyring) -> list[str]:
    """Open everything that is sealed and check it against what stands beside it."""
    found: list[str] = []
    people, files = People(db, keyring), Files(db, keyring)
    blocks = Blocks(db, keyring.derive("digest"))
    known: dict[int, Known] = {}
    for number, pseudonym, *rest in list(db.execute("SELECT * FROM subject")):
        try:
            if not is_subject_id(pseudonym):
                found.append("a pseudonym has not the form of one")
            known[number] = people.open(SubjectId(pseudonym), number, *rest)
        except EuthymiaError as error:
            found.append(f"the profile of {pseudonym}: {error}")
    names = blocks.kind_names()
    for key, count, digest, sealed in db.execute("SELECT key, rows, digest, sealed FROM block"):
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


def _accounts(db: apsw.Connection, files: Files) -> list[str]:
    found = []
    rows = db.execute(
        "SELECT name, rows_in, stored, rejected, duplicates, digest IS NULL, "
        "(SELECT ifnull(sum(rows), 0) FROM reject WHERE file = file.id) FROM file"
    )
    for name, rows_in, stored, rejected, duplicates, erased, refused in list(rows):
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
