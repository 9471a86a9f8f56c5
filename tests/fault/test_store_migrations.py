"""A database of every earlier version comes forward with nothing lost, or stays as it was."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from euthymia.ground.audit import Purpose
from euthymia.ground.errors import EuthymiaError, SchemaError
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Directory, Grant, Person
from euthymia.store.contract import EXPORT
from euthymia.store.engine import MIGRATIONS
from euthymia.store.sqlite import SqliteStore
from old_stores import leave_as, old_house
from stores import ALL, DAY, NOW, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 40 * DAY
OLD = (1, 2)  # the versions that were ever released before the newest


def fill(house: House) -> None:
    house.ingest([samples("screen", [START, START + 1], who="Z9")], digest="stranger", name="z.csv")
    house.ingest(
        [
            Person(1, (mrn("A1"),), name="Ada"),
            Grant(2, mrn("A1"), (Purpose.RESEARCH,), True, NOW),
            Directory(3, "practitioner", SourceId("npi", "7"), "Dr B"),
        ],
        digest="who",
    )
    house.ingest([samples("location", [START, START + 1])], digest="refused", name="A1.csv")
    house.ingest([samples("screen", times(START, 3 * 1440))], consent=ALL, digest="screen")
    house.ingest([facts([{"row": 1, "code": "a"}, {"row": 2, "code": "b", "subject_id": "B2"}])])
    house.ingest([facts([{"row": 1, "code": "c", "subject_id": "C3"}])], digest="gone")
    house.store.erase(the(house, "C3"), audit(action="erase subject"))


def contents(house: House) -> dict[str, Any]:
    own = audit(action=EXPORT)
    found: dict[str, Any] = {
        "rejects": house.store.rejects(audit()),
        "directory": house.store.directory(audit()),
        "seen": [house.store.seen_file(digest) for digest in ("who", "refused", "screen", "gone")],
    }
    for subject in house.store.subjects(audit()):
        found[subject] = (
            house.store.person(subject, audit()),
            house.store.grants(subject),
            house.store.segments(subject),
            house.store.observations(subject, own),
            house.store.samples(subject, "screen", 0, NOW_US, own),
        )
    return found


@pytest.mark.parametrize("version", OLD)
def test_an_older_file_comes_forward_with_nothing_lost(tmp_path: Path, version: int) -> None:
    house = old_house(tmp_path)
    fill(house)
    before = contents(house)
    leave_as(house, version)
    house.ledger.close()
    again = House.build(tmp_path)
    assert again.store._db.pragma("user_version") == len(MIGRATIONS)
    assert contents(again) == before
    assert again.store.verify() == []
    more = again.ingest([samples("screen", times(START, 4 * 1440))], digest="more")
    assert (more.stored, more.duplicates) == (1440, 3 * 1440)
    assert again.store.verify() == []
    again.close()
    third = House.build(tmp_path)
    assert third.store.verify() == []
    table = third.store.samples(the(third), "screen", 0, NOW_US, audit(action=EXPORT))
    assert table.column("time").cast(pa.int64()).to_pylist() == times(START, 4 * 1440).tolist()
    third.close()


def test_a_file_of_the_first_version_learns_whose_its_rejects_are(tmp_path: Path) -> None:
    house = old_house(tmp_path)
    fill(house)
    leave_as(house, 1)
    house.ledger.close()
    again = House.build(tmp_path)
    found = list(again.store._db.execute("SELECT whose FROM reject ORDER BY id"))
    assert found == [(None,), (the(again),)]
    again.store.erase(the(again), audit(action="erase subject"))
    assert [r.file for r in again.store.rejects(audit())] == ["z.csv"]
    assert again.store.verify() == []
    again.close()


def test_an_older_file_with_nothing_in_it_comes_forward(tmp_path: Path) -> None:
    for version in OLD:
        house = old_house(tmp_path / str(version))
        leave_as(house, version)
        house.ledger.close()
        again = House.build(tmp_path / str(version))
        assert again.store.verify() == []
        assert again.ingest([facts([{"row": 1, "code": "a"}])]).stored == 1
        assert again.store.verify() == []
        again.close()


@pytest.mark.parametrize("version", OLD)
def test_rows_changed_after_coming_forward_are_found(tmp_path: Path, version: int) -> None:
    house = old_house(tmp_path)
    fill(house)
    leave_as(house, version)
    house.ledger.close()
    again = House.build(tmp_path)
    again.store._db.execute("DELETE FROM block WHERE key = (SELECT min(key) FROM block)")
    assert any("put back" in problem for problem in again.store.verify())
    again.close()


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    house.store._db.pragma("user_version", 99)
    house.store.close()
    before = (tmp_path / "clinic.db").read_bytes()
    with pytest.raises(SchemaError, match="newer version"):
        SqliteStore(tmp_path / "clinic.db", house.keyring, house.ledger, house.clock)
    assert (tmp_path / "clinic.db").read_bytes() == before
    house.ledger.close()


def test_a_step_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = old_house(tmp_path)
    fill(house)
    before = contents(house)
    path = leave_as(house, 1)

    def fail(_db: object, _sums: object) -> None:
        raise EuthymiaError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr("euthymia.store.engine.MIGRATIONS", (*MIGRATIONS, fail))
        with pytest.raises(EuthymiaError, match="full"):
            SqliteStore(path, house.keyring, house.ledger, house.clock)
    house.ledger.close()
    again = House.build(tmp_path)
    assert contents(again) == before
    assert again.store.verify() == []
    again.close()


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from euthymia.store import engine
    from stores import House
    def killed(db, sums):
        os.kill(os.getpid(), signal.SIGKILL)
    steps = list(engine.MIGRATIONS)
    steps.insert(int(sys.argv[2]), killed)
    engine.MIGRATIONS = tuple(steps)
    House.build(Path(sys.argv[1]))
    """
)


@pytest.mark.parametrize("at", range(2, len(MIGRATIONS) + 1))
def test_a_migration_that_is_killed_leaves_the_old_file(tmp_path: Path, at: int) -> None:
    house = old_house(tmp_path)
    fill(house)
    before = contents(house)
    leave_as(house, 1)
    house.ledger.close()
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(at)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    again = House.build(tmp_path)
    assert contents(again) == before
    assert again.store.verify() == []
    again.close()
