"""Killed while a record is taken back: it is there as before, or gone and nothing of it left."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from euthymia.ground.records import Retracted, Writing
from euthymia.store.blocks import OBSERVATIONS, STORED, Blocks, block_key
from euthymia.store.engine import SqliteDatabase
from euthymia.store.journal import Journal
from euthymia.store.retract import Retraction
from stores import House, audit, facts, mrn, the

SECRET = "heard in another person's room"
OBS = "DocumentReference/1"


def take_in(house: House) -> None:
    notes = [
        {"row": 1, "code": "EUTHYMIA/note", "text_value": SECRET},
        {"row": 2, "code": "EUTHYMIA/note", "text_value": "her own"},
    ]
    item = replace(facts(notes), written={1: Writing(OBS), 2: Writing("DocumentReference/2")})
    house.ingest([item], digest="a")


def take_back(house: House) -> None:
    house.ingest([Retracted(1, Writing(OBS), mrn("A1"))], digest="b")


def texts(house: House) -> list[str]:
    table = house.store.observations(the(house), audit())
    return sorted(table.column("text_value").to_pylist())


def killed(work: Callable[[], object], at: tuple[Any, str], *, after: bool = False) -> None:
    """Do work in another process, which is gone the moment it calls `at`, or once that is done."""
    child = os.fork()
    if child == 0:
        done = getattr(*at)

        def end(*args: Any) -> None:
            if after:
                done(*args)
            os._exit(9)

        try:
            setattr(*at, end)
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, "it got past that call"


def retract_in(folder: Path) -> None:
    take_back(House.build(folder))


@pytest.mark.parametrize(
    ("at", "after", "gone"),
    [
        ((Retraction, "keep"), False, False),
        ((Blocks, "remove"), True, False),
        ((Journal, "before_commit"), True, False),
        ((SqliteDatabase, "commit"), False, False),
        ((SqliteDatabase, "commit"), True, True),
    ],
)
def test_killed_while_a_record_is_taken_back(
    tmp_path: Path, at: tuple[Any, str], after: bool, gone: bool
) -> None:
    house = House.build(tmp_path)
    take_in(house)
    house.close()
    killed(lambda: retract_in(tmp_path), at, after=after)
    house = House.build(tmp_path)
    assert texts(house) == (["her own"] if gone else sorted([SECRET, "her own"]))
    assert house.store.verify() == []
    assert house.ledger.verify() == []
    take_back(house)
    assert texts(house) == ["her own"]
    house.close()


def test_no_text_of_it_is_left_in_the_sealed_block(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    take_in(house)
    take_back(house)
    store = house.store
    owner = store._people.need(the(house)).owner
    kind = store._blocks.known_kind(OBSERVATIONS)
    ends = block_key(owner.number, kind, 0), block_key(owner.number, kind, 9999)
    [(key, *stored)] = store._db.all(f"SELECT {STORED} FROM block WHERE key BETWEEN ? AND ?", ends)
    frame = store._blocks.open(owner, OBSERVATIONS, key & 0xFFFFF, *stored)
    assert frame["text_value"].pool == ("her own",)
    house.close()
