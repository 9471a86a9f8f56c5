"""What every store must do about single records: taken back, written anew, moved, or by hand."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from euthymia.gateway.contract import Mark
from euthymia.gateway.desk import ERASED, Desk
from euthymia.gateway.quarantine import Quarantine
from euthymia.gateway.records import HELD_OF_SEVERAL, NEVER_HELD, Registrar, record_hash
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import ConsentError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Observations, Person, Retracted, Writing
from euthymia.store import retract
from euthymia.store.retract import BY_HAND, RETRACTED
from stores import (
    ALL,
    DAY,
    ENGINES,
    MONITOR,
    MRN,
    NOW,
    NOW_US,
    House,
    audit,
    facts,
    house_on,
    mrn,
    samples,
    the,
    times,
)

OBS, OTHER = "Observation/1", "Observation/2"
START = NOW_US - 10 * DAY


@pytest.fixture(params=ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    yield from house_on(request, tmp_path)


def written(
    rows: list[dict[str, Any]], told: dict[int, Writing], system: str = MRN
) -> Observations:
    return replace(facts(rows, system), written=told)


def one(
    number: float, record: str = OBS, order: int = 0, *, who: str = "A1", changed: bool = False
) -> Observations:
    row = {"row": 1, "code": "LOINC/44261-6", "numeric_value": number, "subject_id": who}
    return written([row], {1: Writing(record, order, changed)})


def back(record: str = OBS, order: int = 0, who: str | None = "A1", row: int = 1) -> Retracted:
    return Retracted(row, Writing(record, order), None if who is None else mrn(who))


def numbers(house: House, who: str = "A1") -> list[float]:
    subject = house.store.resolve(who)
    if subject is None:
        return []
    table = house.store.observations(subject, audit())
    return sorted(table.column("numeric_value").to_pylist())


def texts(house: House, who: str = "A1") -> list[str]:
    table = house.store.observations(the(house, who), audit())
    return sorted(table.column("text_value").to_pylist())


T1, T2, T3 = (NOW_US - 5 * DAY, NOW_US - 4 * DAY, NOW_US - 3 * DAY)


def test_a_record_that_is_taken_back_is_gone_and_stays_gone(house: House) -> None:
    house.ingest([one(9, order=T1)], digest="a")
    house.ingest([one(4, OTHER, order=T1)], digest="b")
    receipt = house.ingest([back()], digest="c")
    assert (receipt.rows_in, receipt.stored, receipt.retracted, receipt.removed) == (1, 1, 1, 1)
    assert receipt.removed_of == {the(house)}
    assert numbers(house) == [4]
    again = house.ingest([back()], digest="d")
    assert (again.stored, again.duplicates, again.retracted) == (0, 1, 0)
    stale = house.ingest([one(9, order=T1)], digest="e")  # an older export, read anew
    assert (stale.stored, stale.duplicates) == (0, 1)
    assert numbers(house) == [4]
    assert house.store.retractions(the(house)) == 1


def test_a_record_of_several_is_taken_back_of_whom_it_is_asked_for(house: House) -> None:
    """A restore knows the hash of a record, and not whose it was: nobody loses another's fact."""
    house.ingest([one(9, order=T1)], digest="a")
    house.ingest([one(4, OTHER, order=T1)], digest="c")
    house.ingest([one(8, order=T1, who="B2")], digest="b")
    held = house.store.holders([record_hash(house.keyring.derive("blind"), OBS)])
    (record,) = {holder.record for own in held.values() for holder in own}
    nobody = audit(action=RETRACTED)
    for dry_run in (True, False):
        left = house.store.take_back({record: T2, 17: T2}, nobody, dry_run=dry_run)
        assert (left.records, left.left) == (0, 1)
    assert (numbers(house), numbers(house, "B2")) == ([4, 9], [8])
    mine = replace(nobody, subject=the(house))
    assert house.store.take_back({record: T2}, mine).records == 1
    assert (numbers(house), numbers(house, "B2")) == ([4], [8])
    assert house.store.take_back({record: T2}, nobody).records == 1  # of one alone now
    assert (numbers(house), numbers(house, "B2")) == ([4], [])


def test_a_record_that_its_source_restores_comes_back(house: House) -> None:
    house.ingest([one(9, order=T1)], digest="a")
    house.ingest([back(order=T2)], digest="b")
    assert numbers(house) == []
    house.ingest([one(9, order=T3)], digest="c")
    assert numbers(house) == [9]
    house.ingest([back(order=T2)], digest="d")  # older than what it is now
    assert numbers(house) == [9]
    assert house.store.retractions(the(house)) == 0


def test_a_writing_between_two_retractions_does_not_come_back(house: House) -> None:
    house.ingest([one(9, order=T1)], digest="a")
    house.ingest([back(order=T1 + DAY)], digest="b")
    again = house.ingest([back(order=T3)], digest="c")
    assert (again.retracted, again.duplicates) == (0, 1)
    house.ingest([one(8, order=T1 + DAY + 1, changed=True)], digest="d")  # read late
    assert numbers(house) == []
    house.ingest([one(7, order=T3 + 1, changed=True)], digest="e")
    assert numbers(house) == [7]


class Walked(list[Mark]):
    """Marks that count how often they are gone through."""

    times = 0

    def __iter__(self) -> Iterator[Mark]:
        self.times += 1
        return super().__iter__()


def test_a_file_is_gone_through_as_often_for_many_retractions_as_for_one(tmp_path: Path) -> None:
    house = House.build(tmp_path, "memory", None)
    desk = Desk(house.store, pseudonym_key=bytes(32), blind_key=bytes(32), today=NOW.date())
    walks = []
    for count in (1, 20):
        registrar = Registrar(bytes(32), house.store, desk, NOW_US)
        registrar.marks[SubjectId("s-one")] = walked = Walked()
        gone = [Retracted(row, Writing(f"Observation/{row}")) for row in range(1, count + 1)]
        registrar.take_back(gone, Quarantine())
        walks.append(walked.times)
    assert walks[0] == walks[1]
    house.close()


def test_facts_are_told_apart_as_often_for_many_moved_records_as_for_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = retract.digests
    monkeypatch.setattr(retract, "digests", lambda frame: calls.append(1) or real(frame))
    counts = []
    for first, many in ((0, 1), (1, 7)):
        rows = [
            {"row": i, "code": "LOINC/44261-6", "numeric_value": 20.0 * first + i}
            for i in range(1, many + 1)
        ]
        names = {i: f"Observation/{first}-{i}" for i in range(1, many + 1)}
        house.ingest(
            [written(rows, {i: Writing(n, 1) for i, n in names.items()})], digest=f"a{first}"
        )
        moved = [{**row, "subject_id": "B2"} for row in rows]
        calls.clear()
        told = {i: Writing(n, 2, changed=True) for i, n in names.items()}
        receipt = house.ingest([written(moved, told)], digest=f"b{first}")
        assert receipt.removed == many
        counts.append(len(calls))
    assert counts[1] - counts[0] < 3
    assert numbers(house) == []


def test_it_may_come_before_what_it_takes_back(house: House) -> None:
    house.ingest([one(4, OTHER)], digest="a")
    assert house.ingest([back()], digest="b").retracted == 1
    house.ingest([one(9, order=T1)], digest="c")
    house.ingest([one(9)], digest="d")
    assert numbers(house) == [4]


def test_all_writings_of_one_file_are_settled_by_the_last(house: House) -> None:
    rows = [
        {"row": row, "code": "LOINC/44261-6", "numeric_value": value}
        for row, value in ((1, 7.0), (2, 8.0), (3, 9.0), (4, 5.0))
    ]
    marks = {1: Writing(OBS, T3), 2: Writing(OBS, T1), 3: Writing(OTHER, T1), 4: Writing(OBS, T2)}
    receipt = house.ingest([written(rows, marks), back(OTHER, row=5)])
    assert (receipt.rows_in, receipt.stored, receipt.duplicates) == (5, 2, 3)
    assert numbers(house) == [7]


def test_of_a_corrected_record_the_latest_writing_counts(house: House) -> None:
    house.ingest([one(9, order=T1)], digest="a")
    receipt = house.ingest([one(6, order=T2, changed=True)], digest="b")
    assert (receipt.stored, receipt.retracted, receipt.removed) == (1, 0, 1)
    assert numbers(house) == [6]
    older = house.ingest([one(9, order=T1)], digest="c")
    assert (older.stored, older.duplicates) == (0, 1)
    assert numbers(house) == [6]
    same = house.ingest([one(6, order=T3, changed=True)], digest="d")
    assert (same.duplicates, same.removed, numbers(house)) == (1, 0, [6])


def test_writings_that_do_not_say_which_is_later_are_both_kept(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([one(6)], digest="b")
    assert numbers(house) == [6, 9]
    house.ingest([one(7, order=T1)], digest="c")
    assert numbers(house) == [6, 7, 9]


def test_versions_count_where_nothing_says_when(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([one(3, order=2, changed=True)], digest="b")
    assert numbers(house) == [3]
    house.ingest([one(2, order=10, changed=True)], digest="c")
    house.ingest([one(3, order=2, changed=True)], digest="d")
    house.ingest([one(9)], digest="e")
    assert numbers(house) == [2]
    house.ingest([back()], digest="f")
    assert numbers(house) == []


def test_a_fact_that_another_record_gives_as_well_stays(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([one(9, OTHER)], digest="b")
    house.ingest([back()], digest="c")
    assert numbers(house) == [9]
    house.ingest([back(OTHER)], digest="d")
    assert numbers(house) == []


def test_a_fact_whose_source_has_no_id_for_it_stays(house: House) -> None:
    house.ingest([one(9, "")], digest="a")
    house.ingest([one(9)], digest="b")
    house.ingest([back()], digest="c")
    assert numbers(house) == [9]


def test_a_record_is_found_without_its_patient(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([one(5, OTHER, who="B2")], digest="b")
    house.ingest([back(who=None)], digest="c")
    house.ingest([back(OTHER, who="unheard-of")], digest="d")
    assert (numbers(house), numbers(house, "B2")) == ([], [])
    assert house.store.resolve("unheard-of") is None


def test_one_that_never_came_or_that_several_have_is_refused(house: House) -> None:
    never = house.admit([back(who=None), back(OTHER, who=None, row=2)])
    assert [group.reason for group in never.quarantined] == [NEVER_HELD]
    house.ingest([one(9), replace(one(9, who="B2"), written={1: Writing(OBS)})], digest="a")
    several = house.admit([back(who=None)])
    assert [group.reason for group in several.quarantined] == [HELD_OF_SEVERAL]
    house.ingest([back(who="B2")], digest="b")
    assert (numbers(house), numbers(house, "B2")) == ([9], [])


def test_a_retraction_of_somebody_erased_takes_nothing_from_another(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([one(5, OTHER, who="B2")], digest="b")
    house.store.erase(the(house, "B2"), audit())
    refused = house.admit([back(who="B2")])
    assert [group.reason for group in refused.quarantined] == [ERASED]
    house.ingest([back(who="B2")], digest="c")
    assert numbers(house) == [9]


def test_a_record_and_its_retraction_in_one_file(house: House) -> None:
    receipt = house.ingest([one(9), back(who=None, row=2)], digest="a")
    assert (receipt.rows_in, receipt.stored, receipt.duplicates) == (2, 1, 1)
    assert numbers(house) == []


def test_the_same_id_in_two_systems_is_two_records(house: House) -> None:
    house.ingest([one(9, order=T1)], digest="a")
    row = {"row": 1, "code": "LOINC/44261-6", "numeric_value": 3.0, "subject_id": "X9"}
    person = Person(2, (SourceId("urn:other", "X9"), mrn("A1")))
    house.ingest([person, written([row], {1: Writing(OBS, T2, True)}, "urn:other")], digest="b")
    assert numbers(house) == [3, 9]


def test_a_record_that_is_another_persons_now_leaves_the_first(house: House) -> None:
    house.ingest([one(9, order=1)], digest="a")
    receipt = house.ingest([one(9, order=2, who="B2", changed=True)], digest="b")
    assert (receipt.rows_in, receipt.retracted, receipt.removed) == (1, 1, 1)
    assert receipt.removed_of == {the(house)}
    assert (numbers(house), numbers(house, "B2")) == ([], [9])
    house.ingest([one(9, order=1)], digest="c")
    assert (numbers(house), numbers(house, "B2")) == ([], [9])


def test_an_id_used_for_two_things_moves_nothing(house: House) -> None:
    house.ingest([one(9, order=1)], digest="a")
    house.ingest([one(5, order=2, who="B2", changed=True)], digest="b")
    assert (numbers(house), numbers(house, "B2")) == ([9], [5])


def test_who_only_loses_a_record_is_given_no_consent_of_the_batch(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([back(who=None)], digest="b", consent=ALL)
    assert house.store.grants(the(house)) == ()


def test_who_holds_a_record_is_known_after_every_change(house: House) -> None:
    key = house.keyring.derive("blind")
    names = {record_hash(key, name): name for name in (OBS, OTHER)}

    def held() -> list[str]:
        return sorted(names[name] for name in house.store.holders(names))

    def taken_back() -> None:
        with house.store.grouped():
            house.ingest([one(9)], digest="b")
            assert held() == [OBS]
            raise RuntimeError

    house.ingest([one(1, "Observation/3")], digest="a")
    assert held() == []
    with pytest.raises(RuntimeError):
        taken_back()
    house.ingest([one(5, OTHER)], digest="c")  # its commit has the number of the one taken back
    assert held() == [OTHER]
    house.ingest([one(9)], digest="d")
    assert held() == [OBS, OTHER]


def test_the_ledger_is_told_without_content(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([back()], digest="b")
    name = record_hash(house.keyring.derive("blind"), OBS, MRN)
    [line] = [line for line in house.ledger.entries() if line.action == RETRACTED]
    assert line.subject is None
    assert line.detail == {"taken_back": f"{name}:{NOW_US}"}


def test_records_are_taken_back_by_hand_for_one_or_for_all(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([one(5, who="B2")], digest="b")
    name = record_hash(house.keyring.derive("blind"), OBS, MRN)
    mine = audit(action=RETRACTED, subject=the(house))
    would = house.store.take_back({name: NOW_US, 77: NOW_US}, mine, dry_run=True)
    assert (would.records, would.facts, numbers(house)) == (1, 1, [9])
    done = house.store.take_back({name: NOW_US, 77: NOW_US}, mine)
    assert done == would
    assert (numbers(house), numbers(house, "B2")) == ([], [5])
    rest = house.store.take_back({name: NOW_US}, audit(action=RETRACTED))
    assert (rest.records, rest.people) == (1, (the(house, "B2"),))
    assert numbers(house, "B2") == []


def test_rows_of_a_file_go_by_hand_and_do_not_come_back(house: House) -> None:
    notes = facts(
        [
            {"row": 1, "code": "EUTHYMIA/note", "text_value": "hers"},
            {"row": 2, "code": "EUTHYMIA/note", "text_value": "his, by mistake"},
        ]
    )
    house.ingest([notes], digest="a")
    batch = house.admit([notes], digest="other")
    hand = audit(action=BY_HAND, subject=the(house))
    would = house.store.remove(the(house), batch, hand, rows={2}, dry_run=True)
    assert (would.facts, texts(house)) == (1, ["hers", "his, by mistake"])
    assert house.store.remove(the(house), batch, hand, rows={2}) == would
    assert texts(house) == ["hers"]
    again = house.ingest([notes], digest="b")
    assert (again.stored, again.duplicates, texts(house)) == (0, 2, ["hers"])
    his = replace(notes, written={2: Writing(OBS)})
    assert house.ingest([his], digest="c").stored == 0
    assert texts(house) == ["hers"]
    assert house.store.remove(the(house), batch, hand, rows={2}).facts == 0


def test_samples_of_a_file_go_by_hand(house: House) -> None:
    hers, his = times(START, 10), times(START + DAY + 30, 10)
    house.ingest([samples("steps", [*hers, *his], steps=3)], consent=ALL, digest="a")
    batch = house.admit([samples("steps", his, steps=3)], consent=ALL)
    hand = audit(action=BY_HAND, subject=the(house))
    assert house.store.remove(the(house), batch, hand).samples == 10
    left = house.store.samples(the(house), "steps", 0, NOW_US, MONITOR)
    assert left.num_rows == 10
    other = house.admit([samples("steps", hers, steps=4)], consent=ALL)
    assert house.store.remove(the(house), other, hand).samples == 0


def test_what_was_not_admitted_removes_nothing(house: House) -> None:
    house.ingest([one(9)])
    batch = replace(house.admit([one(9)]), source="made")
    with pytest.raises(ConsentError):
        house.store.remove(the(house), batch, audit(subject=the(house)))


def test_an_erasure_takes_what_is_known_of_records_too(house: House) -> None:
    house.ingest([one(9)], digest="a")
    house.ingest([back()], digest="b")
    who = the(house)
    house.store.erase(who, audit())
    name = record_hash(house.keyring.derive("blind"), OBS)
    assert house.store.holders([name]) == {}
    assert house.store.retractions(SubjectId(who)) == 0


def test_a_refused_writing_leaves_the_one_before(house: House) -> None:
    house.ingest([one(9, order=T1)], digest="a")
    house.now = NOW + timedelta(hours=1)
    receipt = house.ingest([one(900, order=T2, changed=True)], digest="b")  # no such PHQ-9
    assert (receipt.rejected, numbers(house)) == (1, [9])


def test_purposes_are_as_before(house: House) -> None:
    """A fact that came in for another purpose is the same fact."""
    house.ingest([one(9)], digest="a", consent=ALL)
    row = {"row": 1, "code": "LOINC/44261-6", "numeric_value": 9.0, "purpose": "research"}
    house.ingest([written([row], {1: Writing(OTHER)})], digest="b", consent=ALL)
    house.ingest([back()], digest="c")
    assert numbers(house) == [9]
    assert Purpose.RESEARCH in {grant.purpose for grant in house.store.grants(the(house))}
