"""What every store must do. The same tests run on the reference, the file and a server."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from euthymia.gateway.admit import BatchConsent
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Timeline, to_micros
from euthymia.ground.errors import (
    AccessError,
    BusyError,
    ConsentError,
    EuthymiaError,
    MissingError,
    SchemaError,
)
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.made_from import from_dropped
from euthymia.ground.records import Directory, Grant, Person, Reject, Zone
from euthymia.ground.schemas import FEATURE_KEYS, OBSERVATIONS, STREAMS
from euthymia.store.contract import EXPORT
from euthymia.store.lines import Line
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

START = NOW_US - 10 * DAY
EARLY = NOW - timedelta(days=90)


@pytest.fixture(params=ENGINES)
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    yield from house_on(request, tmp_path)


def grant(purpose: Purpose, *, permit: bool = True, since: int = NOW_US) -> GrantRecord:
    return GrantRecord(purpose, permit, since, None, "asked")


def features(house: House, days: list[int], value: float = 1.0, **columns: list[float]) -> pa.Table:
    dates = [date(2025, 1, 1) + timedelta(days=d) for d in days]
    keys = {
        "subject_id": [the(house)] * len(days),
        "date": dates,
        "family": ["rest"] * len(days),
        "version": ["1"] * len(days),
        "input_digest": ["x"] * len(days),
        "coverage": [0.5] * len(days),
    }
    table = pa.table(keys, schema=FEATURE_KEYS)
    for name, values in (columns or {"a": [value] * len(days)}).items():
        table = table.append_column(name, pa.array(values, pa.float64()))
    return table


# -- rows ------------------------------------------------------------------------------------------


def test_samples_come_back_sorted_within_the_window(house: House) -> None:
    at = times(START, 3 * 1440)
    shuffled = np.random.default_rng(1).permutation(at)
    receipt = house.ingest([samples("activity_counts", shuffled, epoch=60.0)], consent=ALL)
    assert (receipt.rows_in, receipt.stored) == (4320, 4320)
    table = house.store.samples(the(house), "activity_counts", at[5], at[2000], MONITOR)
    assert table.schema.equals(STREAMS["activity_counts"].schema)
    assert table.column("time").cast(pa.int64()).to_pylist() == at[5:2000].tolist()
    assert house.store.samples(the(house), "screen", 0, NOW_US, MONITOR).num_rows == 0
    assert house.store.samples(the(house), "activity_counts", at[9], at[3], MONITOR).num_rows == 0


def test_what_is_there_already_is_a_duplicate(house: House) -> None:
    first = samples("screen", times(START, 100), state=[i % 4 for i in range(100)])
    longer = samples("screen", times(START, 150), state=[i % 4 for i in range(150)])
    assert house.ingest([first], consent=ALL).stored == 100
    again = house.ingest([longer], consent=ALL)
    assert (again.stored, again.duplicates, again.rejected) == (50, 100, 0)
    other = samples("screen", times(START, 100), state=[(i + 1) % 4 for i in range(100)])
    assert house.ingest([other], consent=ALL).stored == 100  # same instants, other values
    assert house.store.samples(the(house), "screen", 0, NOW_US, MONITOR).num_rows == 250


def test_a_row_repeated_in_one_file_is_a_duplicate(house: House) -> None:
    at = np.r_[times(START, 10), times(START, 4)]
    receipt = house.ingest([samples("event_marks", at)], consent=ALL)
    assert (receipt.rows_in, receipt.stored, receipt.duplicates) == (14, 10, 4)


def test_a_file_of_very_many_samples_is_stored_as_a_small_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = np.random.default_rng(2).permutation(np.tile(times(START, 120, 3600), 3))
    about = {"who": ["A1", "B2", "C3"] * 120, "rate": np.arange(360) % 7 + 50.0}
    items = [samples("heart_rate", at[s], rows=range(1 + s.start, 1 + s.stop),
                     **{name: values[s] for name, values in about.items()})
             for s in (slice(0, 7), slice(7, 200), slice(200, 360))]  # fmt: skip
    monkeypatch.setattr("euthymia.gateway.held.PIECE_ROWS", 10)
    receipt = house.ingest(items, consent=ALL)
    expected = {
        (who, int(us), rate) for who, us, rate in zip(about["who"], at, about["rate"], strict=True)
    }
    assert (receipt.rows_in, receipt.stored) == (360, len(expected))
    assert receipt.duplicates == 360 - len(expected) > 0
    for who in ("A1", "B2", "C3"):
        table = house.store.samples(the(house, who), "heart_rate", 0, NOW_US, MONITOR)
        found = zip(
            table["time"].cast(pa.int64()).to_pylist(), table["rate"].to_pylist(), strict=True
        )
        assert sorted(found) == sorted((us, rate) for whose, us, rate in expected if whose == who)


def test_segments_tell_rows_and_digest_by_day(house: House) -> None:
    at = times(START - START % DAY, 2 * 1440)
    house.ingest([samples("heart_rate", at, rate=60.0)], consent=ALL)
    before = house.store.segments(the(house))["heart_rate"]
    assert [rows for rows, _ in before.values()] == [1440, 1440]
    assert list(before) == [int(at[0] // DAY), int(at[0] // DAY) + 1]
    house.ingest([samples("heart_rate", at[-1:] + 1, rate=61.0)], consent=ALL)
    after = house.store.segments(the(house))["heart_rate"]
    first, last = before
    assert after[first] == before[first]
    assert after[last][0] == 1441
    assert after[last][1] != before[last][1]


def test_observations_come_back_by_time_with_nulls_first(house: House) -> None:
    rows = [
        {"row": 1, "code": "b", "time": NOW, "numeric_value": 1.5, "unit": "mg"},
        {"row": 2, "code": "a", "time": NOW - timedelta(days=900), "text_value": "näive\n"},
        {"row": 3, "code": "c", "time": None},
    ]
    receipt = house.ingest([facts(rows)])
    assert (receipt.stored, receipt.duplicates) == (3, 0)
    table = house.store.observations(the(house), audit())
    assert table.schema.equals(OBSERVATIONS)
    assert table.column("code").to_pylist() == ["c", "a", "b"]
    assert table.column("text_value").to_pylist() == [None, "näive\n", None]
    assert set(table.column("subject_id").to_pylist()) == {the(house)}
    again = house.ingest([facts(rows)])
    assert (again.stored, again.duplicates) == (0, 3)


def test_a_row_of_many_facts_counts_once_and_is_new_if_any_fact_is(house: House) -> None:
    two = [{"row": 1, "code": "a"}, {"row": 1, "code": "b"}, {"row": 2, "code": "c"}]
    assert house.ingest([facts(two)]).stored == 2
    more = [*two, {"row": 1, "code": "new"}]
    receipt = house.ingest([facts(more)])
    assert (receipt.rows_in, receipt.stored, receipt.duplicates) == (2, 1, 1)


def test_facts_that_differ_only_in_purpose_are_one(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}])])
    receipt = house.ingest([facts([{"row": 1, "code": "a", "purpose": "research"}])], consent=ALL)
    assert receipt.duplicates == 1
    table = house.store.observations(the(house), audit())
    assert table.column("purpose").to_pylist() == ["care"]


def test_every_kind_of_row_is_counted(house: House) -> None:
    items = [
        Person(1, (mrn("A1"),), name="Ada", care_team=("dr-b",), time_zone="Europe/Madrid"),
        Grant(2, mrn("A1"), (Purpose.MONITORING, Purpose.RESEARCH), True, NOW),
        Zone(3, mrn("A1"), NOW, "Asia/Tokyo"),
        facts([{"row": 4, "code": "a"}]),
        samples("screen", times(START, 3), first_row=5),
        Directory(8, "practitioner", SourceId("npi", "7"), "Dr B"),
        Reject(9, "line is cut short", rows=4),
    ]
    first = house.ingest(items)
    assert (first.rows_in, first.stored, first.rejected, first.duplicates) == (12, 8, 4, 0)
    again = house.ingest(items)
    assert (again.rows_in, again.stored, again.rejected, again.duplicates) == (12, 0, 4, 8)
    rejected = house.store.rejects(audit())
    assert [(r.file, r.rows.row, r.rows.rows) for r in rejected] == [("a/file.csv", 9, 4)] * 2
    assert [d.name for d in house.store.directory(audit())] == ["Dr B"]


def test_a_batch_made_elsewhere_is_refused(house: House) -> None:
    import dataclasses

    batch = house.admit([samples("screen", times(START, 3))], consent=ALL)
    with pytest.raises(ConsentError, match="gateway"):
        house.store.append(dataclasses.replace(batch), audit())
    assert house.store.subjects(audit()) == ()


# -- people ----------------------------------------------------------------------------------------


def test_a_person_is_found_by_any_identifier(house: House) -> None:
    beiwe = SourceId("urn:euthymia:source:beiwe", "b77")
    house.ingest([Person(1, (mrn("A1"), beiwe), name="Ada", birth_date=date(1990, 5, 4))])
    subject = the(house)
    assert house.store.resolve(subject) == subject
    assert house.store.resolve("b77") == subject
    assert house.store.resolve(f"{MRN}|A1") == subject
    assert house.store.resolve(f"{MRN}|b77") is None
    assert house.store.resolve("nobody") is None
    assert house.store.resolve("p-aaaaaaaaaaaaaaaa") is None
    assert house.store.subjects(audit()) == (subject,)


def test_one_record_does_not_join_two_people_who_are_on_record(house: House) -> None:
    """What the refusal advises works, and what it warns of is so."""
    beiwe, band = SourceId("beiwe", "b77"), SourceId("empatica", "e5")
    for who in (beiwe, band):
        device = samples("screen", times(START, 3), who=who.value, system=who.system)
        house.ingest([device], consent=ALL, digest=who.system)
    first, second = the(house, "b77"), the(house, "e5")
    whole = Person(1, (mrn("A1"), beiwe, band), name="Ada")
    receipt = house.ingest([whole, facts([{"row": 2, "code": "a"}])], digest="record")
    assert (receipt.stored, receipt.rejected) == (0, 2)
    reasons = {r.rows.reason for r in house.store.rejects(audit())}
    assert all("leave one device's identifier out" in reason for reason in reasons)
    assert house.ingest([replace(whole, identifiers=(mrn("A1"), beiwe))]).stored == 1
    assert (the(house), the(house, "e5")) == (first, second)
    house.store.erase(second, audit(action="erase subject"))
    assert house.ingest([whole], digest="record").rejected == 1
    assert house.store.samples(first, "screen", 0, NOW_US, MONITOR).num_rows == 3


def test_a_shared_bare_value_must_be_named_with_its_system(house: House) -> None:
    house.ingest([Person(1, (SourceId("x", "5"),)), Person(2, (SourceId("y", "5"),))])
    with pytest.raises(MissingError, match="SYSTEM"):
        house.store.resolve("5")
    assert house.store.resolve("x|5") != house.store.resolve("y|5")


def test_newer_records_complete_a_person(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),), name="Ada", sex="female", care_team=("b",))])
    later = Person(1, (mrn("A1"), mrn("A2")), birth_date=date(1990, 5, 4), site="North", race="x")
    house.ingest([later])
    person = house.store.person(the(house), audit())
    assert (person.name, person.sex, person.birth_date) == ("Ada", "female", date(1990, 5, 4))
    assert person.identifiers == (mrn("A1"), mrn("A2"))
    assert person.care_team == ("b",)
    assert house.store.attributes(the(house), audit()) == {
        "sex": "female",
        "birth_year": "1990",
        "site": "North",
        "race": "x",
    }
    with pytest.raises(AccessError):
        house.store.person(the(house), audit(Purpose.RESEARCH))


def test_care_team_is_set_and_extended(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),), care_team=("b", "a"))])
    assert house.store.care_team(the(house)) == {"a", "b"}
    house.store.put_care_team(the(house), ["c", "c"], audit())
    assert house.store.care_team(the(house)) == {"c"}
    house.ingest([Person(1, (mrn("A1"),), care_team=("b", "a"))])  # nothing new in it
    assert house.store.care_team(the(house)) == {"c"}
    assert house.store.care_team("p-aaaaaaaaaaaaaaaa") == frozenset()


def test_a_year_of_birth_alone_is_kept_and_compared(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),), birth_year=1970)])
    subject, store = the(house), house.store
    assert store.attributes(subject, audit()) == {"birth_year": "1970"}
    for other in ({"birth_year": 1971}, {"birth_date": date(1971, 1, 1)}, {"birth_year": 1790}):
        assert house.ingest([Person(1, (mrn("A1"),), **other)]).rejected == 1
    in_file = [Person(1, (mrn("B2"),), birth_year=1970), Person(2, (mrn("B2"),), birth_year=1971)]
    assert house.ingest(in_file).rejected == 2
    assert house.ingest([Person(1, (mrn("A1"),), birth_date=date(1970, 5, 4))]).stored == 1
    assert house.ingest([Person(1, (mrn("A1"),), birth_year=1971)]).rejected == 1
    assert store.attributes(subject, audit()) == {"birth_year": "1970"}
    assert (store.birth_date(subject), store.birth_year(subject)) == (date(1970, 5, 4), 1970)
    assert store.birth_year("p-aaaaaaaaaaaaaaaa") is None


def test_a_removal_by_hand_outlives_the_next_export(house: House) -> None:
    record = Person(1, (mrn("A1"),), care_team=("a", "b"))
    house.ingest([record])
    subject, store = the(house), house.store
    store.put_care_team(subject, ["b", "own"], audit())  # a taken off, own added
    house.ingest([replace(record, name="Ada")])
    assert store.care_team(subject) == {"b", "own"}
    house.ingest([replace(record, name="Ada", site="North", care_team=("a", "c"))])
    assert store.care_team(subject) == {"c", "own"}  # b is not on the record's team any more
    house.ingest([replace(record, name="Ada", site="South", care_team=())])
    assert store.care_team(subject) == {"c", "own"}  # a record without a team says nothing of it
    store.put_care_team(subject, ["a", "c"], audit())  # back by hand; own taken off
    house.ingest([replace(record, name="Eva", care_team=("a", "own"))])
    assert store.care_team(subject) == {"a"}
    assert store.person(subject, audit()).care_team == ("a",)


def test_time_zones_follow_person_and_travel(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}])])
    assert house.store.timeline(the(house)) == Timeline()
    house.ingest([Zone(1, mrn("A1"), NOW, "Asia/Tokyo")])
    assert house.store.timeline(the(house)).changes[0][1] == "Asia/Tokyo"
    house.ingest([Person(1, (mrn("A1"),), time_zone="Europe/Madrid")])
    zones = [zone for _, zone in house.store.timeline(the(house)).changes]
    assert zones == ["Europe/Madrid", "Asia/Tokyo"]


# -- consent ---------------------------------------------------------------------------------------


def test_reading_needs_the_consent_of_its_purpose(house: House) -> None:
    consent = BatchConsent(frozenset({Purpose.MONITORING}), "asked")
    house.ingest(
        [samples("screen", times(START, 3)), facts([{"row": 9, "code": "a"}])], consent=consent
    )
    subject, store = the(house), house.store
    assert store.samples(subject, "screen", 0, NOW_US, MONITOR).num_rows == 3
    assert store.samples(subject, "screen", 0, NOW_US, audit()).num_rows == 3
    for purpose in (Purpose.RESEARCH, Purpose.TRAINING):
        with pytest.raises(ConsentError, match=purpose):
            store.samples(subject, "screen", 0, NOW_US, audit(purpose))
        with pytest.raises(ConsentError):
            store.observations(subject, audit(purpose))
        with pytest.raises(ConsentError):
            store.features(subject, "rest", audit(purpose))
        with pytest.raises(ConsentError):
            store.attributes(subject, audit(purpose))


def test_withdrawal_stops_use_at_once_and_drops_derived_rows(house: House) -> None:
    house.ingest(
        [samples("screen", times(START, 3)), facts([{"row": 9, "code": "a"}])], consent=ALL
    )
    subject, store = the(house), house.store
    store.put_features(subject, "rest", features(house, [0, 1]), MONITOR)
    assert store.features(subject, "rest", MONITOR).num_rows == 2
    house.now = NOW + timedelta(minutes=1)
    store.put_grant(subject, grant(Purpose.RESEARCH, permit=False, since=NOW_US + 1), audit())
    assert store.features(subject, "rest", MONITOR).num_rows == 2
    with pytest.raises(ConsentError):
        store.observations(subject, audit(Purpose.RESEARCH))
    store.put_grant(subject, grant(Purpose.MONITORING, permit=False, since=NOW_US + 1), audit())
    for entry in (MONITOR, audit()):
        with pytest.raises(ConsentError):
            store.samples(subject, "screen", 0, NOW_US, entry)
        with pytest.raises(ConsentError):
            store.features(subject, "rest", entry)
    with pytest.raises(ConsentError):
        store.put_features(subject, "rest", features(house, [0]), MONITOR)
    assert store.observations(subject, audit()).num_rows == 1  # clinical records stay
    own = store.samples(subject, "screen", 0, NOW_US, audit(action=EXPORT))
    assert own.num_rows == 3  # their own data is theirs
    assert [g.permit for g in store.grants(subject) if g.purpose is Purpose.MONITORING] == [
        True,
        False,
    ]
    store.put_grant(subject, grant(Purpose.MONITORING, since=NOW_US + 2), audit())
    assert store.features(subject, "rest", MONITOR) is None  # dropped, not hidden
    assert store.samples(subject, "screen", 0, NOW_US, MONITOR).num_rows == 3


@pytest.mark.parametrize("ends", ["until", "withdrawal"])
@pytest.mark.parametrize("purpose", [Purpose.RESEARCH, Purpose.TRAINING])
def test_passive_data_is_read_for_nothing_once_monitoring_has_ended(
    house: House, ends: str, purpose: Purpose
) -> None:
    until = NOW + timedelta(hours=1) if ends == "until" else None
    watched = Grant(1, mrn("A1"), (Purpose.MONITORING,), True, NOW - timedelta(days=30), until)
    also = Grant(2, mrn("A1"), (purpose,), True, NOW - timedelta(days=30))
    rows = [{"row": 9, "code": "a"}, {"row": 10, "code": "b", "purpose": "monitoring"}]
    house.ingest([watched, also, samples("screen", times(START, 3), first_row=3), facts(rows)])
    subject, store, entry = the(house), house.store, audit(purpose)
    store.put_features(subject, "rest", features(house, [0]), MONITOR)
    assert store.samples(subject, "screen", 0, NOW_US, entry).num_rows == 3
    assert store.features(subject, "rest", entry).num_rows == 1
    assert store.observations(subject, entry).num_rows == 2
    house.now = NOW + timedelta(hours=2)
    if ends == "withdrawal":
        no = grant(Purpose.MONITORING, permit=False, since=NOW_US + 1)
        store.put_grant(subject, no, audit())
    with pytest.raises(ConsentError, match="monitoring"):
        store.samples(subject, "screen", 0, NOW_US, entry)
    with pytest.raises(ConsentError, match="monitoring"):
        store.features(subject, "rest", entry)
    assert store.observations(subject, entry).column("code").to_pylist() == ["a"]


def test_a_withdrawal_in_a_file_works_as_well(house: House) -> None:
    house.ingest([samples("screen", times(START, 3))], consent=ALL)
    house.store.put_features(the(house), "rest", features(house, [0]), MONITOR)
    house.now = NOW + timedelta(hours=1)
    house.ingest([Grant(1, mrn("A1"), (Purpose.MONITORING,), False, NOW + timedelta(minutes=5))])
    house.store.put_grant(
        the(house), grant(Purpose.MONITORING, since=NOW_US + 600_000_000), audit()
    )
    assert house.store.features(the(house), "rest", MONITOR) is None


def test_facts_for_other_purposes_are_hidden_without_their_consent(house: House) -> None:
    rows = [{"row": 1, "code": "a"}, {"row": 2, "code": "b", "purpose": "research"}]
    house.ingest([facts(rows)], consent=ALL)
    house.now = NOW + timedelta(minutes=1)
    house.store.put_grant(
        the(house), grant(Purpose.RESEARCH, permit=False, since=NOW_US + 1), audit()
    )
    codes = house.store.observations(the(house), audit()).column("code").to_pylist()
    assert codes == ["a"]
    everything = house.store.observations(the(house), audit(action=EXPORT))
    assert sorted(everything.column("code").to_pylist()) == ["a", "b"]


# -- derived rows ----------------------------------------------------------------------------------


def test_features_replace_their_dates(house: House) -> None:
    house.ingest([samples("screen", times(START, 3))], consent=ALL)
    subject, store = the(house), house.store
    assert store.features(subject, "rest", MONITOR) is None
    store.put_features(subject, "rest", features(house, [-3, -1, 0, 1, 400]), MONITOR)
    store.put_features(subject, "rest", features(house, [0, 2], 9.0), MONITOR)
    table = store.features(subject, "rest", MONITOR)
    assert table.schema.equals(features(house, [0]).schema)
    days = [(d - date(2025, 1, 1)).days for d in table.column("date").to_pylist()]
    assert days == [-3, -1, 0, 1, 2, 400]
    assert table.column("a").to_pylist() == [1.0, 1.0, 9.0, 1.0, 9.0, 1.0]
    part = store.features(subject, "rest", MONITOR, date(2024, 12, 31), date(2025, 1, 3))
    assert part.num_rows == 4 - 1
    assert store.features(subject, "rest", MONITOR, date(2030, 1, 1)).num_rows == 0


def test_a_value_that_becomes_known_and_one_that_only_a_year_lacks(house: House) -> None:
    house.ingest([samples("steps", [START])], consent=ALL)
    lacking = features(house, [0, 400], a=[float("nan"), 1.0])
    lacking = lacking.set_column(6, "a", pa.array([None, 1.0], pa.float64()))
    house.store.put_features(the(house), "rest", lacking, MONITOR)
    assert house.store.features(the(house), "rest", MONITOR)["a"].to_pylist() == [None, 1.0]
    house.store.put_features(the(house), "rest", features(house, [0], 2.0), MONITOR)
    assert house.store.features(the(house), "rest", MONITOR)["a"].to_pylist() == [2.0, 1.0]
    assert house.store.verify() == []


def test_a_new_definition_replaces_the_whole_family(house: House) -> None:
    house.ingest([samples("screen", times(START, 3))], consent=ALL)
    house.store.put_features(the(house), "rest", features(house, [0, 500]), MONITOR)
    house.store.put_features(the(house), "rest", features(house, [1], b=[np.nan]), MONITOR)
    table = house.store.features(the(house), "rest", MONITOR)
    assert table.num_rows == 1
    assert np.isnan(table.column("b").to_numpy()).all()


@pytest.mark.parametrize("wrong", ["subject", "family", "date", "type", "columns"])
def test_features_of_another_form_are_refused(house: House, wrong: str) -> None:
    house.ingest([samples("screen", times(START, 3))], consent=ALL)
    good = features(house, [0, 0] if wrong == "date" else [0])
    if wrong in {"subject", "family"}:
        name = {"subject": "subject_id", "family": "family"}[wrong]
        place = good.column_names.index(name)
        good = good.set_column(place, FEATURE_KEYS.field(name), pa.array(["other"]))
    if wrong == "type":
        good = good.append_column("n", pa.array([1], pa.int64()))
    if wrong == "columns":
        good = good.drop_columns(["coverage"])
    with pytest.raises(SchemaError):
        house.store.put_features(the(house), "rest", good, MONITOR)


def test_a_run_that_found_no_new_day_leaves_the_features_as_they_are(house: House) -> None:
    house.ingest([samples("screen", times(START, 3))], consent=ALL)
    house.store.put_features(the(house), "rest", features(house, [0]), MONITOR)
    house.store.put_features(the(house), "rest", features(house, []), MONITOR)
    assert house.store.features(the(house), "rest", MONITOR).num_rows == 1


# -- what a store takes ----------------------------------------------------------------------------


def test_of_two_programs_that_give_an_identifier_to_two_people_one_is_refused(
    house: House,
) -> None:
    """Both asked whose it is before either wrote; else one record would hold two people."""
    shared = SourceId("x", "9")
    first, second = (
        house.admit([Person(1, (mrn(who), shared), name=who)], digest=who) for who in ("A1", "B2")
    )
    house.store.append(first, audit(action="append"))
    with pytest.raises(BusyError, match="whose identifier"):
        house.store.append(second, audit(action="append"))
    assert list(house.store.subjects(MONITOR)) == [the(house)]
    assert house.store.person(the(house), audit()).name == "A1"


def test_what_was_checked_before_an_erasure_and_comes_after_it_is_refused(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),), name="Ada")], digest="1")
    late = house.admit([Person(1, (mrn("A1"),), name="Ada")], digest="2")
    house.store.erase(the(house), audit())
    with pytest.raises((ConsentError, MissingError)):
        house.store.append(late, audit(action="append"))
    assert list(house.store.subjects(MONITOR)) == []


# -- erasure ---------------------------------------------------------------------------------------


def test_erasure_leaves_nothing_and_refuses_a_return(house: House) -> None:
    items = [
        Person(1, (mrn("A1"), SourceId("x", "9")), name="Ada"),
        samples("screen", times(START, 3), first_row=2),
        samples("screen", times(START, 3), first_row=5, who="B2"),
        facts([{"row": 8, "code": "a"}]),
        facts([{"row": 9, "code": "a", "purpose": "research"}]),
    ]
    monitoring = BatchConsent(frozenset({Purpose.MONITORING}), "asked")
    receipt = house.ingest(items, consent=monitoring)
    assert (receipt.stored, receipt.rejected) == (8, 1)
    house.ingest([facts([{"row": 1, "code": "z"}])], name="only/A1.csv", digest="other")
    store, subject = house.store, the(house)
    store.put_features(subject, "rest", features(house, [0]), MONITOR)
    store.erase(subject, audit(action="erase subject", subject=subject))
    assert store.subjects(audit()) == (the(house, "B2"),)
    assert store.resolve("A1") is None
    assert store.resolve(subject) is None
    assert store.grants(subject) == ()
    assert store.rejects(audit()) == ()
    for call in (
        lambda: store.person(subject, audit()),
        lambda: store.observations(subject, audit()),
        lambda: store.samples(subject, "screen", 0, NOW_US, MONITOR),
        lambda: store.features(subject, "rest", MONITOR),
        lambda: store.segments(subject),
        lambda: store.timeline(subject),
        lambda: store.erase(subject, audit()),
        lambda: store.put_grant(subject, grant(Purpose.CARE), audit()),
        lambda: store.put_care_team(subject, [], audit()),
    ):
        with pytest.raises(MissingError):
            call()
    assert store.seen_file("digest") is None
    again = house.ingest(items, consent=monitoring)
    assert (again.stored, again.rejected, again.duplicates) == (0, 6, 3)
    assert store.resolve("A1") is None
    assert {r.rows.reason for r in store.rejects(audit())} == {
        "this person was erased on request: their data is not taken in again"
    }


def test_erasing_somebody_whose_rows_were_all_refused(house: House) -> None:
    """A file of which nothing was stored is about them all the same: name, rows and digest go."""
    house.ingest([Person(1, (mrn("A1"),))], digest="who")
    refused = house.ingest([samples("screen", times(START, 3))], digest="no", name="x/A1.csv")
    assert refused.rejected == 3
    both = [samples("screen", times(START, 3), who=["A1", "B2", "B2"]), Person(9, (mrn("B2"),))]
    house.ingest([*both, Reject(10, "cut short")], digest="both", name="ward.csv")
    assert house.store.verify() == []
    house.store.erase(the(house), audit(action="erase subject"))
    assert house.store.verify() == []
    left = house.store.rejects(audit())
    assert {(r.file, r.rows.subject, r.rows.rows) for r in left} == {
        ("ward.csv", the(house, "B2"), 2),
        ("ward.csv", None, 1),
    }


def test_the_name_of_a_file_goes_with_the_only_person_it_is_about(house: House) -> None:
    """Refused before anybody knew who they were, for a value, by the reader, after the erasure."""
    name = "MRN-0042.csv"
    own = samples("screen", times(START, 3), who="MRN-0042")
    house.ingest([own], digest="early", name=name)  # no consent, and no such person yet
    house.ingest([Person(1, (mrn("MRN-0042"),))], digest="who", name=name)
    wrong = samples("screen", times(START, 2), who="MRN-0042", state=[1, 7])
    told = house.ingest([wrong], digest="value", name=name, consent=ALL)
    assert (told.stored, told.rejected) == (1, 1)
    house.ingest([Reject(1, "cut short", who=mrn("MRN-0042"))], digest="reader", name=name)
    assert {r.file for r in house.store.rejects(audit())} == {name}
    house.store.erase(the(house, "MRN-0042"), audit(action="erase subject"))
    assert house.store.rejects(audit()) == ()
    house.ingest([wrong, Reject(3, "cut short", who=mrn("MRN-0042"))], digest="again", name=name)
    left = house.store.rejects(audit())
    assert [(r.file, r.rows.subject, r.rows.rows) for r in left] == [("(erased)", None, 3)]
    assert left[0].rows.reason.startswith("this person was erased")


def test_an_erasure_tells_its_own_ledger_entry(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),))])
    subject = the(house)
    told = house.store.erase(subject, audit(action="erase subject"))
    (line,) = [line for line in house.ledger.entries() if line.id == told]
    assert (line.action, line.subject) == ("erase subject", subject)


# -- files, groups, state --------------------------------------------------------------------------


def test_a_file_seen_whole_may_be_skipped_until_something_changes(house: House) -> None:
    store = house.store
    assert store.seen_file("digest") is None
    house.ingest([samples("screen", times(START, 3))], consent=ALL)
    assert store.seen_file("digest") == 3
    house.now = NOW + timedelta(minutes=1)
    store.put_grant(the(house), grant(Purpose.RESEARCH, permit=False, since=NOW_US + 1), audit())
    assert store.seen_file("digest") is None
    house.ingest([samples("screen", times(START, 3))])
    assert store.seen_file("digest") == 3
    house.ingest([Reject(1, "cut short")], digest="partly")
    assert store.seen_file("partly") is None


def test_a_file_is_not_skipped_where_a_batch_consent_adds_to_it(house: House) -> None:
    research = BatchConsent(frozenset({Purpose.RESEARCH}), "asked")
    house.ingest([facts([{"row": 1, "code": "a"}])])
    assert house.store.seen_file("digest") == 1
    assert house.store.seen_file("digest", research) is None
    house.ingest([facts([{"row": 1, "code": "a"}])], consent=research)
    assert house.store.seen_file("digest", research) == 1
    house.now = NOW + timedelta(minutes=1)
    no = grant(Purpose.RESEARCH, permit=False, since=NOW_US + 1)
    house.store.put_grant(the(house), no, audit())
    house.ingest([facts([{"row": 1, "code": "a"}])], consent=research)
    assert house.store.seen_file("digest", research) == 1  # their no stands: nothing to add


def test_a_group_is_one_commit_and_a_failure_inside_takes_back_itself(house: House) -> None:
    store, before = house.store, house.store.version()
    with store.grouped():
        for i in range(5):
            house.ingest([samples("screen", times(START + i * DAY, 3))], consent=ALL)
            if i == 2:
                with pytest.raises(EuthymiaError):
                    store.put_care_team("p-aaaaaaaaaaaaaaaa", ["x"], audit())
        assert store.samples(the(house), "screen", 0, NOW_US, MONITOR).num_rows == 15
    assert store.version() != before
    assert store.samples(the(house), "screen", 0, NOW_US, MONITOR).num_rows == 15


def test_a_group_that_is_left_by_an_error_stores_nothing(house: House) -> None:
    def cut_short() -> None:
        with house.store.grouped():
            house.ingest([samples("screen", times(START, 3))], consent=ALL)
            assert the(house)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cut_short()
    assert house.store.resolve("A1") is None
    assert house.ingest([samples("screen", times(START, 3))], consent=ALL).stored == 3


def test_version_changes_with_writes_and_not_with_reads(house: House) -> None:
    seen = [house.store.version()]
    for i in range(3):
        house.ingest([samples("screen", times(START + i * DAY, 3))], consent=ALL)
        house.store.samples(the(house), "screen", 0, NOW_US, MONITOR)
        assert house.store.version() == house.store.version()
        seen.append(house.store.version())
    house.store.put_care_team(the(house), ["x"], audit())
    seen.append(house.store.version())
    assert len(set(seen)) == len(seen)


def test_every_access_is_in_the_ledger(house: House) -> None:
    house.ingest([samples("screen", times(START, 3))], consent=ALL)
    subject = the(house)
    entry = audit(Purpose.MONITORING, "compute features", subject)
    house.store.samples(subject, "screen", 0, NOW_US, entry)
    lines = list(house.ledger.entries())
    appended = next(line for line in lines if line.action == "append")
    assert appended.detail["stored"] == 3
    assert "because" not in appended.detail, (
        "of one person it would outlive them: it rests with them"
    )
    read = next(line for line in lines if line.action == "compute features")
    assert (read.subject, read.purpose, read.detail["rows"]) == (subject, "monitoring", 3)
    with pytest.raises(SchemaError, match="another subject"):
        house.store.samples("p-aaaaaaaaaaaaaaaa", "screen", 0, NOW_US, entry)


# -- samples that are used and not kept ------------------------------------------------------------


def test_passing_samples_are_counted_and_not_kept(house: House) -> None:
    house.feature_only = ("location",)
    bad = {"latitude": [1.0, 1.0, 99.0, 2.0]}
    at = [START, START, START + 60, START + 120]
    items = [samples("location", at, **bad), samples("steps", [START], first_row=5)]
    told = house.ingest(items, consent=ALL)
    assert (told.rows_in, told.stored, told.rejected, told.duplicates) == (5, 3, 1, 1)
    assert told.feature_only == 2
    assert set(house.store.segments(the(house))) == {"steps"}
    again = house.ingest(items, consent=ALL)
    assert (again.stored, again.rejected, again.duplicates, again.feature_only) == (0, 1, 4, 0)
    other = house.ingest(items, consent=ALL, digest="another file")
    assert (other.stored, other.duplicates, other.feature_only) == (2, 2, 2)


def test_passing_samples_of_a_changed_consent_are_used_again(house: House) -> None:
    house.feature_only = ("location",)
    item = samples("location", [START])
    assert house.ingest([item], consent=ALL).feature_only == 1
    for permit in (False, True):
        house.now += timedelta(minutes=1)
        grant = GrantRecord(Purpose.MONITORING, permit, to_micros(house.now), None, "asked")
        house.store.put_grant(the(house), grant, audit())
        told = house.ingest([item], consent=ALL)
        assert (told.feature_only, told.rejected) == ((1, 0) if permit else (0, 1))


def test_a_past_consent_does_not_let_passing_samples_in(house: House) -> None:
    until = NOW - timedelta(days=1)
    grant = Grant(1, mrn("A1"), (Purpose.MONITORING,), permit=True, at=EARLY, until=until)
    streams = [samples(s, [START], first_row=r) for r, s in ((2, "steps"), (3, "location"))]
    house.feature_only = ("location",)
    told = house.ingest([grant, *streams])
    assert (told.stored, told.rejected, told.feature_only) == (2, 1, 0)


def test_files_checked_before_any_is_stored_bring_one_batch_consent(house: House) -> None:
    parts = [samples("steps", [START + day * DAY]) for day in range(3)]
    batches = [house.admit([p], digest=f"{n}", consent=ALL) for n, p in enumerate(parts)]
    for batch in batches:
        house.store.append(batch, audit(action="append"))
    assert len(house.store.grants(the(house))) == len(ALL.purposes)
    assert [house.store.seen_file(f"{n}", ALL) for n in range(3)] == [1, 1, 1]


def _made(house: House, days: list[int], coverage: float, digest: str, **columns: Any) -> pa.Table:
    table = features(house, days, coverage, **columns)
    place = table.column_names.index("coverage")
    table = table.set_column(
        place, FEATURE_KEYS.field("coverage"), pa.array([coverage] * len(days))
    )
    place = table.column_names.index("input_digest")
    digests = pa.array([digest] * len(days))
    return table.set_column(place, FEATURE_KEYS.field("input_digest"), digests)


def test_rows_that_cannot_be_made_again_give_way_to_a_higher_coverage(house: House) -> None:
    house.ingest([samples("steps", [START])], consent=ALL)
    marked = from_dropped("s1", "u1")

    def put(*given: Any, **columns: Any) -> list[tuple[Any, ...]]:
        house.store.put_features(the(house), "rest", _made(house, *given, **columns), MONITOR)
        table = house.store.features(the(house), "rest", MONITOR)
        names = ("date", "coverage", "input_digest", table.column_names[-1])
        return list(zip(*(table[name].to_pylist() for name in names), strict=True))

    first, later = date(2025, 1, 1), date(2025, 1, 2)
    assert put([0], 0.4, "plain") == [(first, 0.4, "plain", 0.4)]
    assert put([0, 1], 0.3, marked) == [(first, 0.3, marked, 0.3), (later, 0.3, marked, 0.3)]
    kept = from_dropped("s2", "u1")
    assert put([0], 0.3, "s2") == [(first, 0.3, kept, 0.3), (later, 0.3, marked, 0.3)]
    assert put([0], 0.2, from_dropped("s2", "u9"))[0] == (first, 0.3, kept, 0.3)
    assert put([0], 0.5, "s3") == [(first, 0.5, "s3", 0.5), (later, 0.3, marked, 0.3)]
    newer = put([0], 0.1, "s4", b=[7.0])
    assert newer == [(first, 0.1, "s4", 7.0), (later, 0.3, marked, None)]
    assert house.store.verify() == []


def test_the_key_of_ledger_details_lives_as_long_as_the_person(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}, {"row": 2, "code": "b", "subject_id": "B2"}])])
    one, two = the(house), the(house, "B2")
    key = house.store.detail_key(one)
    assert len(key) == 32
    assert house.store.detail_key(one) == key
    assert house.store.detail_key(two) not in {key, None}
    house.store.erase(one, audit(action="erase subject"))
    assert house.store.detail_key(one) is None
    assert house.store.detail_key(SubjectId("p-aaaaaaaaaaaaaaaa")) is None
    assert house.store.detail_key(two) is not None


# -- lines about a person --------------------------------------------------------------------------


def test_lines_are_added_once_kept_in_order_and_go_with_the_person(house: House) -> None:
    house.ingest([Person(1, (mrn("A"),))])
    store, subject = house.store, house.store.resolve("A")
    year_ago = NOW_US - 365 * DAY
    care = audit(action="act on alert")
    assert store.lines(subject, "alerts", care) == ()
    first = [Line(NOW_US, "b", "zwei"), Line(year_ago, "a", "eins\n")]
    assert store.put_lines(subject, "alerts", first, care) == 2
    before = store.version()
    assert store.put_lines(subject, "alerts", [*first, Line(NOW_US + 5, "a", "other")], care) == 0
    assert store.put_lines(subject, "alerts", [Line(NOW_US, "aa", ""), first[0]], care) == 1
    assert store.version() > before
    expected = (first[1], Line(NOW_US, "aa", ""), first[0])
    assert store.lines(subject, "alerts", care) == expected
    assert store.lines(subject, "another", care) == ()
    for wrong in (MONITOR, audit(Purpose.RESEARCH)):
        with pytest.raises(AccessError):
            store.lines(subject, "alerts", wrong)
        with pytest.raises(AccessError):
            store.put_lines(subject, "alerts", first, wrong)
    store.put_grant(subject, grant(Purpose.MONITORING, permit=False), care)
    assert store.lines(subject, "alerts", care) == expected
    store.erase(subject, care)
    with pytest.raises(MissingError):
        store.lines(subject, "alerts", care)
