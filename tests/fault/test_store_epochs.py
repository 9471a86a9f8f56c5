"""New epochs: crash-safe at any moment, beside readers and writers; and blocks out of place."""

import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.ground.records import Person
from euthymia.security.envelope import context, seal
from euthymia.security.keys import Keyring
from euthymia.store.blocks import block_key
from euthymia.store.people import key_place
from old_stores import leave_as, old_house
from stores import ALL, DAY, MONITOR, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 40 * DAY
PEOPLE = ("A1", "B2", "C3")


def nothing(_done: int, _of: int) -> None:
    pass


def fill(house: House, people: tuple[str, ...] = PEOPLE) -> None:
    for who in people:
        house.ingest(
            [
                Person(1, (mrn(who),), name=f"Name of {who}"),
                samples("screen", times(START, 4000), who=who, first_row=2),
                facts([{"row": 9999, "subject_id": who, "code": "a", "text_value": f"of {who}"}]),
            ],
            consent=ALL,
            digest=who,
            name=f"{who}.json",
        )


def contents(house: House) -> dict[str, object]:
    return {
        subject: (
            house.store.person(subject, audit()).name,
            house.store.samples(subject, "screen", 0, NOW_US, MONITOR).to_pydict(),
            house.store.observations(subject, audit()).to_pydict(),
            house.store.segments(subject),
            house.store.detail_key(subject),
        )
        for subject in house.store.subjects(audit())
    }


def test_a_rotation_changes_every_key_and_nothing_that_is_read(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    before, db = contents(house), house.store._db
    old = dict(db.all("SELECT key, sealed FROM block"))
    keys = {who: house.store._people.need(the(house, who)).owner.key for who in PEOPLE}
    told: list[tuple[int, int]] = []
    made = house.store.rotate("live", audit(), lambda *p: told.append(p))
    assert (made.epoch, made.subjects, made.blocks) == (2, 3, len(old))
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)
    assert contents(house) == before
    for key, sealed in db.all("SELECT key, sealed FROM block"):
        assert sealed != old[key]
    for who in PEOPLE:
        assert house.store._people.need(the(house, who)).owner.key != keys[who]
    assert house.keyring.epochs() == (2,)
    assert house.store.census()["live"] == {2: (3, len(old))}
    assert house.store.verify() == []
    house.store.rotate("ledger", audit(), nothing)
    assert house.store.census()["ledger"] == {2: (3, 0)}
    assert contents(house) == before
    house.close()


@pytest.mark.parametrize("version", [1, 2])
def test_a_store_of_before_the_epochs_rotates(tmp_path: Path, version: int) -> None:
    house = old_house(tmp_path)
    fill(house)
    leave_as(house, version)
    house.ledger.close()
    again = House.build(tmp_path)
    before = contents(again)
    again.ingest([samples("screen", times(START, 10), who="A1", value=2)], digest="new")
    again.store.rotate("live", audit(), nothing)
    after = contents(again)
    assert after.keys() == before.keys()
    assert [row[-1] for row in after.values()] == [row[-1] for row in before.values()]  # type: ignore[index]
    assert again.store._db.one("SELECT min(made) FROM subject") == (2,)
    assert again.store._db.one("SELECT min(shape) > 0 FROM block") == (1,)
    assert again.store.verify() == []
    again.close()


ROTATE = """
import sys
from pathlib import Path
from stores import House, audit
house = House.build(Path(sys.argv[1]))
print("ready", flush=True)
for _ in range(50):
    house.store.rotate("live", audit(), lambda done, of: None)
    house.store.rotate("ledger", audit(), lambda done, of: None)
"""


@pytest.mark.parametrize("delay_ms", [5, 31, 63, 101, 167, 263])
def test_killed_while_rotating_nothing_is_lost(tmp_path: Path, delay_ms: int) -> None:
    house = House.build(tmp_path)
    fill(house)
    before = contents(house)
    house.close()
    path = [*sys.path]
    child = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path = {path!r}\n{ROTATE}", str(tmp_path)],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(delay_ms / 1000)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    again = House.build(tmp_path)
    assert contents(again) == before
    assert again.store.verify() == []
    again.store.rotate("live", audit(), nothing)  # goes on with what was begun, or begins
    assert contents(again) == before
    assert len(again.keyring.epochs()) == 1
    assert again.store.verify() == again.keyring.verify() == []
    again.close()


def test_a_rotation_that_stops_at_any_person_is_taken_up(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    before = contents(house)
    for stop in (0, 1, 1):

        def stopping(done: int, _of: int, stop: int = stop) -> None:
            if done == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            house.store.rotate("live", audit(), stopping)
        assert contents(house) == before
        assert len(house.keyring.epochs()) == 2
        assert house.store.verify() == []
    made = house.store.rotate("live", audit(), nothing)
    assert made.epoch == 2
    assert house.keyring.epochs() == (2,)
    assert contents(house) == before
    house.close()


def test_a_rotation_renews_what_was_made_in_an_epoch_that_a_failed_erasure_left(
    tmp_path: Path,
) -> None:
    house = House.build(tmp_path)
    fill(house, ("A1",))
    left = house.keyring.begin_epoch()
    fill(house, ("B2",))
    made = "SELECT min(made), max(made) FROM subject"
    assert house.store._db.one(made) == (1, left)
    told = house.store.rotate("live", audit(), nothing)
    assert (told.epoch, told.subjects) == (left + 1, 2)
    assert house.store._db.one(made) == (left + 1, left + 1)
    assert house.keyring.epochs() == (left + 1,)
    assert house.store.verify() == []
    house.close()


def test_another_process_reads_and_writes_across_a_rotation(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    server = House(tmp_path, Keyring.open(tmp_path / "keys"), house.ledger, None)
    from euthymia.store.sqlite import SqliteStore

    server.store = SqliteStore(tmp_path / "clinic.db", server.keyring, server.ledger, server.clock)
    before = contents(server)

    def meanwhile(done: int, _of: int) -> None:
        if done == 1:  # this process still thinks that the old epoch is in use
            server.ingest([samples("screen", times(START, 9), who="D4")], consent=ALL, digest="d")

    house.store.rotate("live", audit(), meanwhile)
    assert house.keyring.epochs() == (2,)
    now = contents(server)
    assert {who: now[who] for who in before} == before
    assert len(now) == 4
    assert house.store.verify() == []
    server.store.close()
    house.close()


def test_an_erasure_ends_the_epoch_that_wrapped_the_key(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    subject = the(house)
    own = house.store._db.one("SELECT wrapped, made FROM subject WHERE pseudonym = ?", (subject,))
    assert own is not None
    assert house.keyring.unwrap(own[0], context=key_place(subject, own[1]))
    details = house.store._db.all(
        "SELECT zone, subject_key.wrapped FROM subject_key JOIN subject ON subject.id = subject "
        "WHERE pseudonym = ?",
        (subject,),
    )
    house.store.erase(subject, audit())
    with pytest.raises(IntegrityError, match="destroyed"):  # whoever kept the bytes has nothing
        house.keyring.unwrap(own[0], context=key_place(subject, own[1]))
    assert [zone for zone, _ in details] == ["ledger"]
    for zone, wrapped in details:
        with pytest.raises(IntegrityError, match="destroyed"):
            house.keyring.unwrap(wrapped, context=key_place(subject), zone=zone)
    assert house.store.detail_key(subject) is None
    assert set(contents(house)) == {the(house, who) for who in ("B2", "C3")}
    assert house.store.verify() == []
    house.close()


@pytest.mark.parametrize("other", ["erasure", "rotation"])
def test_what_another_program_wraps_as_an_erasure_begins_ends_with_it_too(
    tmp_path: Path, other: str
) -> None:
    """It wraps in the newest epoch that there is: whoever kept those bytes must not open them."""
    first, second = House.build(tmp_path), House.build(tmp_path)
    fill(first)
    subject, db = the(first, "A1"), second.store._db
    begin, kept = db.begin_writing, list[tuple[str, int, bytes]]()

    def after_the_other() -> int:
        if not kept:
            if other == "erasure":
                first.store.erase(the(first, "B2"), audit(action="erase subject"))
            else:
                for zone in ("live", "ledger"):
                    first.store.rotate(zone, audit(), nothing)
            own = "FROM subject WHERE pseudonym = ?"
            kept.extend(first.store._db.all(f"SELECT 'live', made, wrapped {own}", (subject,)))
            theirs = f"WHERE subject = (SELECT id {own})"
            kept.extend(
                first.store._db.all(
                    f"SELECT zone, 0, wrapped FROM subject_key {theirs}", (subject,)
                )
            )
        return begin()

    db.begin_writing = after_the_other
    second.store.erase(subject, audit(action="erase subject"))
    assert len(kept) == 2
    keyring = Keyring.open(tmp_path / "keys")
    for zone, made, wrapped in kept:
        with pytest.raises(IntegrityError, match="destroyed"):
            keyring.unwrap(wrapped, context=key_place(subject, made), zone=zone)
        assert len(keyring.epochs(zone)) == 1
    assert first.store.samples(the(first, "C3"), "screen", 0, NOW_US, MONITOR).num_rows == 4000
    assert second.store.verify() == []
    first.close()
    second.close()


def test_an_erasure_in_a_group_ends_the_epoch_when_the_group_does(tmp_path: Path) -> None:
    house = House.build(tmp_path)
    fill(house)
    with house.store.grouped():
        for who in ("A1", "B2"):
            house.store.erase(the(house, who), audit())
        assert len(house.keyring.epochs()) == 3
    assert house.keyring.epochs() == (3,)
    assert house.store.verify() == []
    house.close()


# -- blocks out of place -------------------------------------------------------------------------


@pytest.fixture
def filled(tmp_path: Path) -> House:
    house = House.build(tmp_path)
    fill(house)
    return house


def row_of(house: House, who: str, kind: str, place: int = 0) -> tuple[object, ...]:
    number = house.store._people.need(the(house, who)).owner.number
    kinds = house.store._blocks.known_kind(kind)
    low, high = block_key(number, kinds, 0), block_key(number, kinds, (1 << 20) - 1)
    return house.store._db.all(
        "SELECT key, rows, sequence, shape, digest, sealed FROM block "
        "WHERE key BETWEEN ? AND ? ORDER BY key",
        (low, high),
    )[place]


def refused(house: House, who: str = "A1") -> bool:
    try:
        house.store.samples(the(house, who), "screen", 0, NOW_US, MONITOR)
        house.store.observations(the(house, who), audit())
    except EuthymiaError:
        return bool(house.store.verify())
    return False


PUT = "UPDATE block SET rows = ?, sequence = ?, shape = ?, digest = ?, sealed = ? WHERE key = ?"


def test_a_block_moved_to_another_place_is_refused(filled: House) -> None:
    own = row_of(filled, "A1", "screen")
    others = {
        "another person": row_of(filled, "B2", "screen"),
        "another day": row_of(filled, "A1", "screen", 1),
        "another stream": row_of(filled, "A1", "observations"),
    }
    for name, other in others.items():
        filled.store._db.run(PUT, (*other[1:], own[0]))
        assert refused(filled), name
        filled.store._db.run(PUT, (*own[1:], own[0]))
    assert filled.store.verify() == []
    filled.close()


def test_an_old_block_does_not_open_at_its_own_place(filled: House) -> None:
    old = row_of(filled, "A1", "screen")
    filled.ingest([samples("screen", times(START + 30_000_000, 5), who="A1")], digest="more")
    new = row_of(filled, "A1", "screen")
    assert old[0] == new[0]
    assert old[2] != new[2]
    filled.store._db.run("UPDATE block SET sealed = ? WHERE key = ?", (old[-1], new[0]))
    assert refused(filled)
    filled.store._db.run(PUT, (*old[1:], old[0]))  # whole: only the ledger knows
    assert any("put back" in problem for problem in filled.store.verify())
    filled.close()


def test_a_block_sealed_before_a_rotation_does_not_open_after_it(filled: House) -> None:
    old = row_of(filled, "A1", "screen")
    filled.store.rotate("live", audit(), nothing)
    filled.store._db.run("UPDATE block SET sealed = ? WHERE key = ?", (old[-1], old[0]))
    assert refused(filled)
    filled.close()


def test_each_part_of_where_a_block_belongs_is_bound(filled: House) -> None:
    key, rows, sequence, shape, digest, sealed = row_of(filled, "A1", "screen")
    owner = filled.store._people.need(the(filled)).owner
    blocks, part = filled.store._blocks, int(key) & ((1 << 20) - 1)  # type: ignore[call-overload]
    data = blocks.open(owner, "screen", part, rows, sequence, shape, digest, sealed)
    assert data
    right = ["block", 2, "live", owner.made, owner.subject, "screen", part, sequence, shape]
    wrong = ["BLOCK", 1, "train", owner.made + 1, the(filled, "B2"), "location", part + 1, 0, 1]
    from euthymia.security.envelope import unseal

    plain = unseal(owner.key, sealed, context=context(*right))
    for place, value in enumerate(wrong):
        elsewhere = context(*right[:place], value, *right[place + 1 :])
        moved = seal(owner.key, plain, context=elsewhere)
        with pytest.raises(IntegrityError):
            blocks.open(owner, "screen", part, rows, sequence, shape, digest, moved)
    filled.close()


def test_every_flipped_bit_of_a_block_and_of_what_stands_beside_it(filled: House) -> None:
    key, *stored = row_of(filled, "A1", "observations")
    owner = filled.store._people.need(the(filled)).owner
    part = int(key) & ((1 << 20) - 1)  # type: ignore[call-overload]
    sealed, blocks = bytes(stored[-1]), filled.store._blocks  # type: ignore[call-overload]
    for bit in range(8 * len(sealed)):
        bad = bytearray(sealed)
        bad[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError):
            blocks.open(owner, "observations", part, *stored[:-1], bytes(bad))
    for place, bit in itertools.product(range(3), range(40)):  # rows, sequence, shape
        beside = list(stored)
        beside[place] = int(beside[place]) ^ (1 << bit)  # type: ignore[call-overload]
        with pytest.raises(IntegrityError):
            blocks.open(owner, "observations", part, *beside)
    filled.close()


def test_a_key_moved_between_people_or_zones_is_refused(filled: House) -> None:
    db = filled.store._db
    rows = dict(db.all("SELECT pseudonym, wrapped FROM subject"))
    one, other = the(filled, "A1"), the(filled, "B2")
    db.run("UPDATE subject SET wrapped = ? WHERE pseudonym = ?", (rows[other], one))
    filled.store._people.forget()
    assert refused(filled)
    db.run("UPDATE subject SET wrapped = ? WHERE pseudonym = ?", (rows[one], one))
    db.run("UPDATE subject SET made = made + 1 WHERE pseudonym = ?", (one,))
    filled.store._people.forget()
    assert refused(filled)
    db.run("UPDATE subject SET made = made - 1 WHERE pseudonym = ?", (one,))
    wrapped = rows[one]
    db.run("UPDATE subject_key SET wrapped = ?", (wrapped,))
    filled.store._people.forget()
    with pytest.raises(IntegrityError):
        filled.store.detail_key(one)
    assert filled.store.verify()
    filled.close()
