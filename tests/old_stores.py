"""Databases as earlier versions of the software left them, rebuilt from the steps that made them.

What a version wrote is told here once more, in plain words, and apart from the code under test:
versions 1 and 2 bound a block to person, kind and part alone, knew no state of a commit, and (1)
did not know whose refused rows were.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw

from euthymia.ground.audit import Entry
from euthymia.security.envelope import context, seal, unseal
from euthymia.store.blocks import split_key
from euthymia.store.engine import MIGRATIONS, PAGE_BYTES
from stores import House

TABLES = ("subject", "identifier", "tombstone", "kind", "file", "file_subject", "directory")
OLD_CIPHER = "chacha20"


def open_old(path: Path, page_key: bytes) -> Any:
    db = apsw.Connection(str(path))
    db.pragma("cipher", OLD_CIPHER)
    db.execute(f'PRAGMA key = "raw:{page_key.hex()}"')
    return db


def _columns(db: Any, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def _copy(source: Any, target: Any, table: str) -> None:
    columns = ", ".join(_columns(target, table))
    rows = list(source.execute(f"SELECT {columns} FROM {table}"))
    marks = ", ".join("?" * len(_columns(target, table)))
    target.executemany(f"INSERT INTO {table}({columns}) VALUES({marks})", rows)


def _copy_blocks(house: House, target: Any) -> None:
    db = house.store._db
    names = dict(db.execute("SELECT id, name FROM kind"))
    people = {
        n: house.store._people.get(p) for n, p in db.execute("SELECT id, pseudonym FROM subject")
    }
    for key, rows, sequence, digest, sealed in list(
        db.execute("SELECT key, rows, sequence, digest, sealed FROM block")
    ):
        number, kind, part = split_key(key)
        owner = people[number].owner
        place = ("block", owner.subject, names[kind], part)
        plain = unseal(owner.key, sealed, context=context(*place, sequence))
        old = seal(owner.key, plain, context=context(*place))
        target.execute("INSERT INTO block VALUES(?, ?, ?, ?)", (key, rows, digest, old))


def old_house(folder: Path) -> House:
    """Build a house whose ledger is told of no state, as before version 3."""
    house = House.build(folder)
    append = house.ledger.append

    def told(entry: Entry, *, durable: bool = True) -> str:
        detail = {name: value for name, value in entry.detail.items() if name != "state"}
        return append(replace(entry, detail=detail), durable=durable)

    house.ledger.append = told  # type: ignore[method-assign]
    return house


def leave_as(house: House, version: int) -> Path:
    """Put the file that `version` would have left in the place of a house's; close the store."""
    path = house.folder / "clinic.db"
    building = house.folder / "old.db"
    target = open_old(building, house.keyring.derive("page"))
    target.execute(f"PRAGMA page_size = {PAGE_BYTES}; PRAGMA auto_vacuum = FULL")
    target.pragma("journal_mode", "wal")
    for step in MIGRATIONS[:version]:
        step(target, None)  # the first two need no key
    target.pragma("user_version", version)
    with target:
        for table in (*TABLES, "reject", "change"):
            _copy(house.store._db, target, table)
        _copy_blocks(house, target)
    target.close()
    house.store.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    building.rename(path)
    return path
