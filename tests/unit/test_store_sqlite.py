"""What only the encrypted file has: blocks left alone, names blanked, clocks, one file, one key."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import apsw
import numpy as np
import pytest

from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import EuthymiaError, SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Person
from euthymia.store import engine
from euthymia.store.blocks import LAST_PART, MARK, STORED, block_key, split_key
from euthymia.store.contract import EXPORT
from euthymia.store.engine import MIGRATIONS, PAGE_BYTES, SETTINGS
from euthymia.store.lines import Line
from euthymia.store.tally import Tally
from stores import ALL, DAY, MONITOR, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 40 * DAY


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House.build(tmp_path)
    yield house
    house.close()


def sealed(house: House) -> dict[int, bytes]:
    return dict(house.store._db.execute("SELECT key, sealed FROM block"))


def test_every_setting_is_in_force(house: House) -> None:
    db = house.store._db
    assert {name: db.pragma(name) for name in SETTINGS} == SETTINGS
    assert db.pragma("page_size") == PAGE_BYTES
    assert db.pragma("auto_vacuum") == 1
    assert db.pragma("journal_mode") == "wal"
    assert db.pragma("cipher") == "sqlcipher"
    assert db.pragma("user_version") == len(MIGRATIONS)


def test_who_writes_while_it_is_checked_is_not_taken_for_a_tail(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.ingest([samples("screen", times(START, 100))], consent=ALL)
    cut, writes = engine.truncate_log, [times(START + n * 9 * DAY, 9_000) for n in (1, 2)]

    def cut_and_somebody_writes(db: apsw.Connection, wait_ms: int = 1000) -> bool:
        done = cut(db, wait_ms)
        if writes:
            house.ingest([samples("screen", writes.pop())])
        return done

    monkeypatch.setattr(engine, "truncate_log", cut_and_somebody_writes)
    with house.store._db.fresh() as other:
        assert other.check() == []
    assert writes == []


def test_days_without_a_new_row_are_not_written_again(house: House) -> None:
    at = times(START - START % DAY, 3 * 1440)
    house.ingest([samples("screen", at)], consent=ALL)
    before = sealed(house)
    house.ingest([samples("screen", at)])
    assert sealed(house) == before
    house.ingest([samples("screen", [*at, at[1500] + 1])])
    changed = [key for key, value in sealed(house).items() if value != before[key]]
    parts = {
        house.store._blocks.kind_names()[kind]: part for _, kind, part in map(split_key, changed)
    }
    assert parts == {"screen": int(at[1500] // DAY), MARK: 0}


def test_a_persons_stamp_changes_with_every_change_of_theirs_and_with_nobody_elses(
    house: House,
) -> None:
    at = times(START - START % DAY, 60)
    both = [samples("screen", at), samples("screen", at, who="B2", first_row=100)]
    house.ingest(both, consent=ALL)
    who, other = (house.store.resolve(name) for name in ("A1", "B2"))
    unchanged, seen = house.store.stamp(other), {house.store.stamp(who)}
    audited = audit(action="append")
    changes: list[Callable[[], object]] = [
        lambda: house.ingest([samples("screen", at + DAY)]),
        lambda: house.store.put_lines(who, "plan", [Line(START, "1", "walk")], audited),
        lambda: house.store.put_care_team(who, ["dr-new"], audited),
        lambda: house.store.put_grant(
            who, GrantRecord(Purpose.MONITORING, False, NOW_US, None, "asked"), audited
        ),
    ]
    for change in changes:
        change()
        assert house.store.stamp(who) not in seen
        seen.add(house.store.stamp(who))
    house.ingest([samples("screen", at)])  # nothing new
    assert house.store.stamp(who) in seen
    assert house.store.stamp(other) == unchanged


def test_a_day_of_minutes_takes_few_bytes(house: House) -> None:
    counts = [(i * i) % 97 if i % 3 else 0 for i in range(5 * 1440)]
    house.ingest([samples("activity_counts", times(START, 5 * 1440), counts=counts)], consent=ALL)
    assert sum(map(len, sealed(house).values())) < 2 * 5 * 1440


def test_names_of_files_about_an_erased_person_alone_are_blanked(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}])], name="A1.json", digest="1")
    both = facts([{"row": 1, "code": "b"}, {"row": 2, "code": "b", "subject_id": "B2"}])
    house.ingest([both], name="ward.csv", digest="2")
    house.ingest([facts([{"row": 1, "code": "c", "subject_id": "B2"}])], name="B2.json", digest="3")
    house.store.erase(the(house), audit())
    names = [row[0] for row in house.store._db.execute("SELECT name FROM file ORDER BY id")]
    assert names[0] is None
    assert [house.store._files.name(name) for name in names] == ["(erased)", "ward.csv", "B2.json"]
    assert [house.store.seen_file(digest) for digest in "123"] == [None, None, 1]
    assert house.store.verify() == []


def test_an_erasure_gives_pages_back(house: House) -> None:
    house.ingest([samples("screen", times(START, 3))], consent=ALL)
    small = house.store._db.pragma("page_count")
    notes = [{"row": i, "code": "n", "text_value": f"{i * i}" * 900} for i in range(1, 60)]
    house.ingest([facts([{**note, "subject_id": "B2"} for note in notes])])
    noise = np.random.default_rng(2).uniform(-90, 90, 9 * 1440)
    days = samples("location", times(START, 9 * 1440), who="B2", latitude=noise)
    house.ingest([days], consent=ALL)
    assert house.store._db.pragma("page_count") > small + 5
    house.store.erase(the(house, "B2"), audit())
    assert house.store._db.pragma("freelist_count") == 0
    assert house.store.verify() == []


def test_a_block_opens_for_its_owner_and_at_its_place_alone(house: House) -> None:
    for who in ("A1", "B2"):
        house.ingest([samples("screen", times(START, 3), who=who)], consent=ALL)
    blocks = house.store._blocks
    one, two = (house.store._people.get(the(house, who)).owner for who in ("A1", "B2"))
    rows = house.store._db.execute(f"SELECT {STORED} FROM block ORDER BY key")
    for key, count, sequence, shape, digest, value in list(rows):
        mine, other = (one, two) if split_key(key)[0] == one.number else (two, one)
        _, number, part = split_key(key)
        kind = blocks.kind_names()[number]
        assert sequence > 0
        assert blocks.open(mine, kind, part, count, sequence, shape, digest, value)
        for owner, named, where, commit, columns in (
            (other, kind, part, sequence, shape),
            (mine, "location", part, sequence, shape),
            (mine, kind, part + 1, sequence, shape),
            (mine, kind, part, sequence + 1, shape),
            (mine, kind, part, 0, shape),
            (mine, kind, part, sequence, 0),
        ):
            with pytest.raises(EuthymiaError):
                blocks.open(owner, named, where, count, commit, columns, digest, value)
    assert one.key != two.key


@pytest.mark.parametrize("part", [0, 1, 20_000, LAST_PART])
@pytest.mark.parametrize("number", [1, 2**23 - 1])
def test_block_keys_hold_their_parts(number: int, part: int) -> None:
    key = block_key(number, 4095, part)
    assert split_key(key) == (number, 4095, part)
    assert key < 2**63


@pytest.mark.parametrize(("number", "kind", "part"), [(2**23, 1, 1), (1, 4096, 1), (1, 1, -1)])
def test_block_keys_that_do_not_fit_are_refused(number: int, kind: int, part: int) -> None:
    with pytest.raises(OverflowError):
        block_key(number, kind, part)


def test_reads_are_told_with_counts_and_refusals(house: House) -> None:
    house.ingest([samples("screen", times(START, 3)), Person(9, (mrn("A1"),), name="Ada")])
    subject = the(house)
    with pytest.raises(EuthymiaError):
        house.store.samples(subject, "screen", 0, NOW_US, audit(Purpose.MONITORING, "look"))
    house.store.samples(subject, "screen", 0, NOW_US, audit(action=EXPORT))
    house.store.person(subject, audit(action="view identity"))
    told = {line.action: line for line in house.ledger.entries()}
    assert told["look"].detail == {"refused": "consent"}
    assert told[EXPORT].detail["rows"] == 0
    assert told["view identity"].subject == subject
    everything = repr([(line.detail, line.action) for line in told.values()])
    assert "A1" not in everything
    assert "Ada" not in everything


def test_the_reader_of_nobody_is_told_so(house: House) -> None:
    nobody = SubjectId("p-aaaaaaaaaaaaaaaa")
    assert house.store.grants(nobody) == ()
    assert house.store.birth_date(nobody) is None
    with pytest.raises(EuthymiaError, match="no such subject"):
        house.store.samples(nobody, "screen", 0, NOW_US, MONITOR)


def test_group_within_a_group_is_one_group(house: House) -> None:
    with house.store.grouped():
        with house.store.grouped():
            house.ingest([samples("screen", times(START, 3))], consent=ALL)
        assert house.store._db.in_transaction
    assert not house.store._db.in_transaction
    assert house.store.verify() == []


def test_a_batch_of_which_a_row_came_to_nothing_is_not_stored() -> None:
    """Each row of a file is stored, rejected or a duplicate: one less, and data was lost unseen."""
    tally = Tally()
    tally.rows(np.array([1, 2, 2]), np.array([1]))
    tally.row(3, fresh=True)
    tally.row(0, fresh=True)  # none of the file's
    batch = SimpleNamespace(rows_in=3, quarantined=())
    assert tally.count(batch) == (2, 0, 1, 0)  # type: ignore[arg-type]
    for rows_in in (2, 4):
        with pytest.raises(SchemaError, match="do not add up"):
            tally.count(SimpleNamespace(rows_in=rows_in, quarantined=()))  # type: ignore[arg-type]
