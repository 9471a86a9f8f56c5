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
from euthymia.store.profile import pack
from stores import House

TABLES = ("identifier", "tombstone", "kind", "file", "file_subject", "directory")
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
    for key, rows, sequence, shape, digest, sealed in list(
        db.execute("SELECT key, rows, sequence, shape, digest, sealed FROM block")
    ):
        number, kind, part = split_key(key)
        owner = people[number].owner
        now = context(
            *("block", 2, "live", owner.made, owner.subject, names[kind], part, sequence, shape)
        )
        plain = unseal(owner.key, sealed, context=now)
        old = seal(owner.key, plain, context=context("block", owner.subject, names[kind], part))
        target.execute("INSERT INTO block VALUES(?, ?, ?, ?)", (key, rows, digest, old))


def _copy_people(house: House, target: Any) -> None:
    """Before version 4 keys and profiles were bound to the person alone."""
    for number, pseudonym in house.store._db.execute("SELECT id, pseudonym FROM subject"):
        known = house.store._people.get(pseudonym)
        wrapped = house.keyring.wrap(known.owner.key, context=context("data key", pseudonym))
        told = replace(known.profile, known_as=[], number=0)
        profile = seal(known.owner.key, pack(told), context=context("profile", pseudonym))
        target.execute(
            "INSERT INTO subject VALUES(?, ?, ?, ?, ?)",
            (number, pseudonym, wrapped, profile, known.consents),
        )


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
        _copy_people(house, target)
        for table in (*TABLES, "reject", "change"):
            _copy(house.store._db, target, table)
        _copy_blocks(house, target)
    target.close()
    house.store.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    building.rename(path)
    return path
