"""The only door in: who is who, what may enter, and why the rest may not."""

import dataclasses
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from euthymia.gateway import held
from euthymia.gateway.admit import BatchConsent
from euthymia.gateway.contract import Admitted, GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SourceId, device_id
from euthymia.ground.records import Directory, Grant, Observations, Person, Reject, Samples, Zone
from euthymia.instruments.catalogue import instruments
from stores import ALL, DAY, MONITOR, NOW, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 10 * DAY
MONITORING = BatchConsent(frozenset({Purpose.MONITORING}), "asked")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House.build(tmp_path, "memory")
    yield house
    house.close()


def refused(batch: Admitted) -> list[tuple[int, int, str]]:
    return [(q.row, q.rows, q.reason) for q in batch.quarantined]


def only_reason(batch: Admitted) -> str:
    assert len(batch.quarantined) == 1
    return batch.quarantined[0].reason


# -- checks of rows --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "column", "bad", "says"),
    [
        ("location", "latitude", 95.0, "latitude is outside -90..90 deg"),
        ("location", "longitude", -180.5, "longitude is outside -180..180 deg"),
        ("location", "accuracy", -1.0, "accuracy is below 0 m"),
        ("location", "latitude", float("nan"), "latitude is not a finite number"),
        ("location", "latitude", float("inf"), "latitude is not a finite number"),
        ("skin_temperature", "value", 382.21, "value is outside -40..60 Cel"),
        ("skin_temperature", "value", 92.3, "value is outside -40..60 Cel"),  # Fahrenheit
        ("blood_volume_pulse", "value", float("-inf"), "value is not a finite number"),
        ("screen", "state", 7, "state is outside 0..3 (0 off, 1 on, 2 locked, 3 unlocked): check"),
        ("steps", "steps", -4, "steps is outside 0..100000 {steps}"),
        ("heart_rate", "rate", None, "rate is missing"),
    ],
)
def test_values_that_cannot_be_true(
    house: House, stream: str, column: str, bad: float | None, says: str
) -> None:
    values: list[float | None] = [1] * 9
    values[3] = values[5] = bad
    item = samples(stream, times(START, 9), first_row=11, **{column: values})
    batch = house.admit([item], consent=ALL)
    assert batch.rows_in == 9
    assert [(q.row, q.rows) for q in batch.quarantined] == [(14, 2)]
    assert only_reason(batch).startswith(says)
    assert ":" in only_reason(batch)  # the fix follows
    assert str(bad) not in only_reason(batch)
    (table,) = batch.samples.values()
    assert table.column("row").to_pylist() == [11, 12, 13, 15, 17, 18, 19]


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (NOW_US + 15 * 3600 * 10**6, "time is in the future"),
        (NOW_US + 40 * 365 * DAY, "time is in the future"),
        (0, "time is before 1990"),
        (-5, "time is before 1990"),
        (None, "time is missing"),
    ],
)
def test_times_that_cannot_be_true(house: House, at: int | None, says: str) -> None:
    item = samples("screen", [START, at, START + 1])
    batch = house.admit([item], consent=ALL)
    assert [(q.row, q.rows) for q in batch.quarantined] == [(2, 1)]
    assert only_reason(batch).startswith(says)


def test_local_time_taken_for_utc_is_let_in(house: House) -> None:
    item = samples("screen", [NOW_US + 13 * 3600 * 10**6])
    assert house.admit([item], consent=ALL).quarantined == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"code": ""}, "code is empty"),
        ({"code": None}, "code is missing"),
        ({"source": None}, "source is missing"),
        ({"purpose": None}, "purpose is missing"),
        ({"purpose": "marketing"}, "purpose is none of care, monitoring"),
        ({"numeric_value": float("nan")}, "numeric_value is not a finite number"),
        ({"time": datetime(1899, 12, 31).astimezone()}, "time is before 1900"),
        ({"time": NOW + timedelta(hours=15)}, "time is in the future"),
        ({"subject_id": None}, "the patient identifier is missing"),
        ({"subject_id": " "}, "the patient identifier is missing"),
    ],
)
def test_facts_that_cannot_be_true(house: House, change: dict[str, object], says: str) -> None:
    rows = [{"row": 1, "code": "a"}, {"row": 2, "code": "b", **change}, {"row": 3, "code": "c"}]
    batch = house.admit([facts(rows)])
    assert [(q.row, q.rows) for q in batch.quarantined] == [(2, 1)]
    assert only_reason(batch).startswith(says)
    (table,) = batch.observations.values()
    assert table.column("row").to_pylist() == [1, 3]


def test_a_row_of_many_parts_enters_whole_or_not_at_all(house: House) -> None:
    rows = [{"row": 1, "code": "a"}, {"row": 1, "code": ""}, {"row": 2, "code": "b"}]
    items = [Person(1, (mrn("A1"),)), facts(rows), samples("screen", [START], rows=[1])]
    batch = house.admit(items, consent=ALL)
    assert (batch.rows_in, refused(batch)[0][:2]) == (2, (1, 1))
    assert batch.people == {}
    assert batch.samples == {}
    (table,) = batch.observations.values()
    assert table.column("row").to_pylist() == [2]


def test_a_row_with_two_faults_counts_once(house: House) -> None:
    item = samples("location", [0, START], latitude=[99.0, 1.0], longitude=[999.0, 1.0])
    batch = house.admit([item], consent=ALL)
    assert batch.rows_in == 2
    assert [q.rows for q in batch.quarantined] == [1]


def test_rejects_of_the_reader_are_taken_over(house: House) -> None:
    batch = house.admit([Reject(7, "line 7: cut short", rows=3)])
    assert (batch.rows_in, refused(batch)) == (3, [(7, 3, "line 7: cut short")])


def test_rows_the_reader_lost_are_refused_and_too_many_are_an_error(house: House) -> None:
    batch = house.admit([samples("screen", times(START, 3))], consent=ALL, rows_in=5)
    assert batch.rows_in == 5
    assert batch.quarantined[0].rows == 2
    with pytest.raises(SchemaError, match="more rows"):
        house.admit([samples("screen", times(START, 3))], consent=ALL, rows_in=2)


def test_texts_become_keyed_hashes(house: House) -> None:
    numbers = ["+34600111222", None, "+34600111222", "c-abcdefghijklmnop"]
    item = samples("calls", times(START, 4), contact=numbers)
    (table,) = house.admit([item], consent=ALL).samples.values()
    first, none, again, kept = table.column("contact").to_pylist()
    assert first == again
    assert first.startswith("c-")
    assert none is None
    assert kept == "c-abcdefghijklmnop"


def test_tables_of_another_form_are_the_readers_fault(house: House) -> None:
    good = samples("screen", times(START, 3)).table
    for table in (good.drop_columns(["state"]), good.set_column(3, "state", pa.array([1, 1, 1]))):
        with pytest.raises(SchemaError, match="state"):
            house.admit([Samples("x", "screen", table)], consent=ALL)
    with pytest.raises(SchemaError, match="no stream"):
        house.admit([Samples("x", "telepathy", good)], consent=ALL)
    with pytest.raises(SchemaError, match="observations"):
        house.admit([Observations("x", good)])


def test_a_time_of_another_unit_is_the_readers_fault_however_many_rows(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits compressed waits as whole microseconds."""
    monkeypatch.setattr(held, "PIECE_ROWS", 2)
    good = samples("screen", times(START, 3)).table
    of_ms = good.set_column(2, "time", good.column("time").cast(pa.timestamp("ms", "UTC")))
    for table in (of_ms, good.drop_columns(["row"]), good.drop_columns(["time"])):
        with pytest.raises(SchemaError, match="stream screen"):
            house.admit([Samples("x", "screen", table)], consent=ALL)


def test_columns_may_stand_in_another_order_and_be_dictionaries(house: House) -> None:
    table = samples("screen", times(START, 3)).table
    encoded = table.column("subject_id").dictionary_encode()
    table = table.set_column(0, "subject_id", encoded).select(
        ["row", "state", "time", "subject_id"]
    )
    other = samples("screen", times(START + DAY, 3), first_row=4, system="x")
    assert house.ingest([Samples("x", "screen", table), other], consent=ALL).stored == 6


def test_an_empty_file_is_an_empty_batch(house: House) -> None:
    empty = samples("screen", [])
    assert house.admit([]).rows_in == 0
    assert house.ingest([empty, facts([])]).rows_in == 0
    assert house.store.subjects(audit()) == ()


def test_subjects_of_one_table_are_told_apart(house: House) -> None:
    who = ["B", "A", "B", None, "A", "C"]
    batch = house.admit([samples("screen", times(START, 6), who=who)], consent=ALL)
    rows = sorted(table.column("row").to_pylist() for table in batch.samples.values())
    assert rows == [[1, 3], [2, 5], [6]]
    assert refused(batch) == [
        (4, 1, "the patient identifier is missing: every row must say whose it is")
    ]


@pytest.mark.parametrize("name", sorted(instruments()))
def test_scores_that_nobody_can_reach_are_refused(house: House, name: str) -> None:
    found = instruments()[name]
    ranges = [(found.total_code, found.low, found.high)]
    ranges += [(item.code, item.low, item.high) for item in found.items]
    for code, low, high in ranges:
        values = [low, high, None, low - 1, high + 72]
        rows = [{"row": i, "code": code, "numeric_value": v} for i, v in enumerate(values, 1)]
        batch = house.admit([facts([*rows, {"row": 9, "code": "a", "numeric_value": 1e6}])])
        assert [(q.row, q.rows) for q in batch.quarantined] == [(4, 2)]
        assert f"is outside {low}..{high}: correct it" in only_reason(batch)
        assert str(high + 72) not in only_reason(batch)
        (table,) = batch.observations.values()
        assert table.column("row").to_pylist() == [1, 2, 3, 9]


def test_an_impossible_total_is_named_by_its_instrument(house: House) -> None:
    batch = house.admit([facts([{"row": 1, "code": "LOINC/44261-6", "numeric_value": 99.0}])])
    assert only_reason(batch).startswith("PHQ-9 total is outside 0..27")


# -- who is who ------------------------------------------------------------------------------------


def test_another_birth_date_refuses_everything_of_that_person_in_the_file(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),), birth_date=date(1990, 1, 1))])
    items = [
        facts([{"row": 5, "code": "a"}, {"row": 6, "code": "a", "subject_id": "B2"}]),
        samples("screen", times(START, 3), first_row=7),
        Person(1, (mrn("A1"), mrn("A1b")), birth_date=date(1991, 1, 1)),
        Grant(2, mrn("A1b"), (Purpose.MONITORING,), True, NOW),
        Zone(3, mrn("A1"), NOW, "Asia/Tokyo"),
    ]
    batch = house.admit(items, consent=ALL)
    assert batch.rows_in == 8
    reason = only_reason(batch)
    assert "another date of birth" in reason
    assert batch.quarantined[0].rows == 7
    assert "1991" not in reason
    assert "A1" not in reason
    assert [t.num_rows for t in batch.observations.values()] == [1]


def test_two_birth_dates_in_one_file_refuse_both(house: House) -> None:
    items = [
        Person(1, (mrn("A1"),), birth_date=date(1990, 1, 1)),
        Person(2, (mrn("A1"),), birth_date=date(1991, 1, 1)),
        Person(3, (mrn("B2"),), birth_date=date(1991, 1, 1)),
    ]
    batch = house.admit(items)
    assert batch.quarantined[0].rows == 2
    assert len(batch.people) == 1


def test_a_birth_date_may_be_added_or_left_out(house: House) -> None:
    for born in (None, date(1990, 1, 1), None, date(1990, 1, 1)):
        assert house.admit([Person(1, (mrn("A1"),), birth_date=born)]).quarantined == ()
        house.ingest([Person(1, (mrn("A1"),), birth_date=born)])
    assert house.store.birth_date(the(house)) == date(1990, 1, 1)


def test_identifiers_of_two_people_are_refused(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),)), Person(2, (mrn("B2"),))])
    items = [
        Person(1, (mrn("A1"), mrn("B2"))),
        facts([{"row": 2, "code": "a"}, {"row": 3, "code": "a", "subject_id": "C3"}]),
    ]
    batch = house.admit(items)
    assert "two different people" in only_reason(batch)
    assert batch.quarantined[0].rows == 2


def test_a_record_that_took_another_in_goes_on_as_who_it_was(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),)), Person(2, (mrn("B2"),))])
    first, second = (house.store.resolve(number) for number in ("A1", "B2"))
    merged = Person(1, (mrn("A1"), mrn("B2")), former=(mrn("A1"),))
    house.ingest([merged, facts([{"row": 2, "subject_id": "B2", "code": "a"}])])
    assert (house.store.resolve("A1"), house.store.resolve("B2")) == (first, second)
    assert house.store.observations(second, audit()).num_rows == 1
    assert house.store.observations(first, audit()).num_rows == 0
    house.ingest([Person(1, (mrn("A1"), mrn("C3")), former=(mrn("A1"),))])
    assert house.store.resolve("C3") == first  # a new number of who bore the old one


def test_new_identifiers_join_a_known_person(house: House) -> None:
    phone = device_id("beiwe", "b7")
    house.ingest([samples("screen", times(START, 3), who="b7", system=phone.system)], consent=ALL)
    house.ingest([Person(1, (mrn("A1"), phone), name="Ada")])
    assert house.store.resolve("A1") == house.store.resolve("b7")
    house.ingest([facts([{"row": 1, "code": "a"}])])
    assert len(house.store.subjects(audit())) == 1


@pytest.mark.parametrize(
    ("person", "says"),
    [
        (Person(1, ()), "the patient identifier is missing"),
        (Person(1, (mrn("A1"), mrn("  "))), "the patient identifier is missing"),
        (Person(1, (mrn("A1"),), birth_date=date(1870, 1, 1)), "birth_date is outside"),
        (Person(1, (mrn("A1"),), birth_date=date(2031, 1, 1)), "birth_date is outside"),
        (Person(1, (mrn("A1"),), time_zone="Mars/Olympus"), "time_zone is not in the IANA"),
        (Person(1, (mrn("A1"),), time_zone="../etc/passwd"), "time_zone is not in the IANA"),
    ],
)
def test_persons_that_cannot_be_true(house: House, person: Person, says: str) -> None:
    batch = house.admit([person, facts([{"row": 2, "code": "a", "subject_id": "Z"}])])
    assert only_reason(batch).startswith(says)
    assert batch.people == {}
    assert len(batch.observations) == 1


def test_a_refused_person_is_not_stored_under_their_identifier(house: House) -> None:
    """Else the corrected record would find the identifier in use by somebody else."""
    person = Person(1, (mrn("A1"), device_id("beiwe", "b7")), time_zone="Mars/Olympus")
    house.ingest([person, facts([{"row": 2, "code": "a"}])])
    assert house.store.subjects(audit()) == ()
    fixed = dataclasses.replace(person, time_zone="Europe/Madrid")
    assert house.ingest([fixed, facts([{"row": 2, "code": "a"}])]).stored == 2


def test_dates_without_an_offset_and_wrong_periods_are_refused(house: House) -> None:
    bare = datetime(2025, 1, 1)  # noqa: DTZ001 - the point of the test
    items = [
        Grant(1, mrn("A1"), (Purpose.CARE,), True, bare),
        Grant(2, mrn("A1"), (Purpose.CARE,), True, NOW, bare),
        Grant(3, mrn("A1"), (Purpose.CARE,), True, NOW, NOW - timedelta(days=1)),
        Grant(7, mrn("A1"), (Purpose.CARE,), False, NOW, told=bare),
        Zone(4, mrn("A1"), bare, "Asia/Tokyo"),
        Zone(5, mrn("A1"), NOW, "Nowhere"),
        Directory(6, "device", SourceId("x", "y"), "watch"),
    ]
    batch = house.admit(items)
    assert batch.rows_in == 7
    assert sum(q.rows for q in batch.quarantined) == 6
    assert batch.grants == {}
    assert len(batch.directory) == 1


# -- consent ---------------------------------------------------------------------------------------


def decide(house: House, *, permit: bool, since: int, until: int | None = None) -> None:
    grant = GrantRecord(Purpose.MONITORING, permit, since, until, "")
    house.store.put_grant(the(house), grant, audit())


def test_without_consent_rows_are_refused_and_told_the_fix(house: House) -> None:
    batch = house.admit([samples("screen", times(START, 3)), facts([{"row": 9, "code": "a"}])])
    reason = (
        "no consent in force for monitoring; record one (euthymia consent SUBJECT --grant "
        "monitoring, a FHIR Consent, or ingest --consent)"
    )
    assert refused(batch) == [(1, 3, reason)]
    assert len(batch.observations) == 1
    receipt = house.ingest([samples("screen", times(START, 3))])
    assert (receipt.rejected, house.store.subjects(audit())) == (3, ())


def test_a_consent_in_the_same_file_counts(house: House) -> None:
    grant = Grant(1, mrn("A1"), (Purpose.MONITORING,), True, NOW - timedelta(days=1))
    assert house.ingest([samples("screen", times(START, 3), first_row=2), grant]).stored == 4


def test_a_batch_consent_is_recorded_once(house: House) -> None:
    for _ in range(2):
        house.ingest([samples("screen", times(START, 3))], consent=MONITORING)
    (grant,) = house.store.grants(the(house))
    assert (grant.purpose, grant.permit, grant.because) == (Purpose.MONITORING, True, "asked")
    assert house.admit([samples("screen", times(START, 3))]).quarantined == ()


def test_a_persons_no_beats_a_batchs_yes(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}])])
    decide(house, permit=False, since=NOW_US - DAY)
    batch = house.admit([samples("screen", times(START, 3))], consent=MONITORING)
    assert only_reason(batch).startswith("consent to monitoring was withdrawn")
    assert batch.grants == {}
    refusal = Grant(9, mrn("B2"), (Purpose.MONITORING,), False, NOW - timedelta(days=1))
    batch = house.admit([samples("screen", times(START, 3), who="B2"), refusal], consent=MONITORING)
    assert sum(q.rows for q in batch.quarantined) == 3


def test_a_refusal_with_a_year_mistyped_does_not_outlast_what_is_said_later(house: House) -> None:
    """It holds at once; and a permit with such a date is none."""
    then, slip = NOW - timedelta(days=2), NOW + timedelta(days=36_500)
    no, yes = (
        Grant(row, mrn("A1"), (Purpose.MONITORING,), permit, then, told=slip)
        for row, permit in ((1, False), (2, True))
    )
    batch = house.admit([no, yes])
    assert [(row, rows) for row, rows, _ in refused(batch)] == [(2, 1)]
    assert "dated in the future" in only_reason(batch)
    house.ingest([no, facts([{"row": 2, "code": "a"}])])
    assert house.admit([samples("screen", times(NOW_US - DAY, 3))]).quarantined
    decide(house, permit=True, since=NOW_US - DAY)
    assert not house.admit([samples("screen", times(NOW_US - DAY, 3))]).quarantined


def test_a_refusal_that_is_dated_in_the_future_alone_holds_at_once(house: House) -> None:
    slip, written = NOW + timedelta(days=36_500), NOW - timedelta(hours=2)
    house.ingest([facts([{"row": 1, "code": "a"}])])
    decide(house, permit=True, since=NOW_US - 3 * DAY)
    refusal = Grant(1, mrn("A1"), (Purpose.MONITORING,), False, slip)
    house.ingest([refusal])
    assert house.admit([samples("screen", times(NOW_US - DAY, 3))]).quarantined
    again = house.admit([dataclasses.replace(refusal, form="f", revised=written)])
    [[(_, written_then)]] = again.grants.values()
    assert written_then.since == NOW_US - DAY // 12


def test_a_withdrawal_that_ended_still_needs_the_persons_own_yes(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}])])
    decide(house, permit=False, since=NOW_US - 3 * DAY, until=NOW_US - DAY)
    batch = house.admit([samples("screen", times(START, 3))], consent=MONITORING)
    assert sum(q.rows for q in batch.quarantined) == 3


def test_an_expired_consent_covers_its_own_time(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}])])
    decide(house, permit=True, since=START + 2, until=START + 5)
    batch = house.admit([samples("screen", START + np.arange(8))])
    assert [(q.row, q.rows) for q in batch.quarantined] == [(1, 5)]
    (table,) = batch.samples.values()
    assert table.column("row").to_pylist() == [3, 4, 5]
    decide(house, permit=False, since=NOW_US - 1)
    assert house.admit([samples("screen", START + np.arange(8))]).samples == {}


def test_a_consent_from_tomorrow_is_not_in_force(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}])])
    decide(house, permit=True, since=NOW_US + DAY)
    assert house.admit([samples("screen", times(START, 3))]).samples == {}


def test_research_facts_need_research_consent_and_care_facts_do_not(house: House) -> None:
    rows = [{"row": 1, "code": "a"}, {"row": 2, "code": "b", "purpose": "research"}]
    batch = house.admit([facts(rows)])
    assert refused(batch)[0][:2] == (2, 1)
    assert "research" in only_reason(batch)
    research = BatchConsent(frozenset({Purpose.RESEARCH}), "asked")
    assert house.admit([facts(rows)], consent=research).quarantined == ()


def test_without_the_clinics_basis_care_needs_consent_too(house: House) -> None:
    house.clinical_basis = False
    items = [Person(1, (mrn("A1"),), name="Ada"), facts([{"row": 2, "code": "a"}])]
    batch = house.admit(items)
    assert batch.quarantined[0].rows == 2
    assert batch.people == {}
    grant = Grant(3, mrn("A1"), (Purpose.CARE,), True, NOW - timedelta(days=1))
    assert house.admit([*items, grant]).quarantined == ()
    assert house.admit(items, consent=ALL).quarantined == ()


def test_admitted_names_no_identifier(house: House) -> None:
    items = [
        facts([{"row": 1, "code": "a"}]),
        samples("screen", times(START, 3), first_row=2),
    ]
    batch = house.admit(items, consent=ALL)
    assert batch.subjects == set(batch.observations)
    tables = [*batch.observations.values(), *batch.samples.values()]
    assert all("subject_id" not in table.column_names for table in tables)
    assert "A1" not in repr(batch.blind_indexes) + repr(batch.bare_indexes)


def test_the_door_is_the_only_one_that_vouches() -> None:
    """No module but the gateway's own may call `vouch`."""
    room = Path(__file__).parents[2] / "src" / "euthymia"
    callers = {
        path.relative_to(room).as_posix()
        for path in room.rglob("*.py")
        if re.search(
            r"warrant import [^\n]*\bvouch\b|import warrant|\bwarrant\.vouch\b",
            path.read_text(encoding="utf-8"),
        )
    }
    assert callers == {"gateway/admit.py"}


def test_reading_after_admission_gives_the_same_values(house: House) -> None:
    latitude = [41.3874, -33.5, 0.0]
    item = samples("location", times(START, 3), latitude=latitude)
    house.ingest([item], consent=ALL)
    table = house.store.samples(the(house), "location", 0, NOW_US, MONITOR)
    assert table.column("latitude").to_pylist() == latitude
