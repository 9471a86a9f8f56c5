"""Limited consents and protected records, in every engine: what enters, what may be read."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import ConsentError
from euthymia.ground.records import Grant
from euthymia.ground.schemas import FEATURE_KEYS
from euthymia.ground.scope import Scope
from euthymia.store.contract import EXPORT
from stores import ALL, DAY, MONITOR, NOW, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 10 * DAY
LOCATION = Scope(streams=("location",))


@pytest.fixture(params=["memory", "sqlite"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    house = House.build(tmp_path, request.param)
    yield house
    assert house.store.verify() == []
    house.close()


def decide(house: House, purpose: Purpose, scope: Scope | None, *, permit: bool) -> None:
    house.now += timedelta(minutes=1)
    record = GrantRecord(purpose, permit, to_micros(house.now), None, "asked", scope, "form 2")
    house.store.put_grant(the(house), record, audit())


def read(house: House, stream: str, purpose: Purpose = Purpose.MONITORING) -> int:
    return house.store.samples(the(house), stream, 0, NOW_US + DAY, audit(purpose)).num_rows


def two_streams(row: int = 1) -> list:
    at = times(START + row * 1000, 3)
    return [samples("location", at, first_row=row), samples("screen", at, first_row=row + 3)]


def test_a_withdrawal_of_one_stream_silences_it_and_no_other(house: House) -> None:
    house.ingest(two_streams(), consent=ALL)
    decide(house, Purpose.MONITORING, LOCATION, permit=False)
    with pytest.raises(ConsentError, match="the stream location"):
        read(house, "location")
    assert read(house, "screen") == 3
    told = house.ingest(two_streams(10))
    assert (told.stored, told.rejected) == (3, 3)
    (reject,) = house.store.rejects(audit())
    assert "monitoring (location) was withdrawn" in reject.rows.reason
    own = house.store.samples(the(house), "location", 0, NOW_US, audit(action=EXPORT))
    assert own.num_rows == 3
    decide(house, Purpose.MONITORING, LOCATION, permit=True)
    assert read(house, "location") == 3


def test_a_grant_of_one_category_lets_nothing_else_in(house: House) -> None:
    scope = Scope(categories=("phone-use",))
    item = Grant(9, mrn("A1"), (Purpose.MONITORING,), True, NOW - timedelta(days=30), scope=scope)
    told = house.ingest([item, *two_streams()])
    assert (told.stored, told.rejected) == (4, 3)
    assert set(house.store.segments(the(house))) == {"screen"}


def derived(house: House) -> pa.Table:
    keys = [[the(house)], [date(2025, 1, 1)], ["rest"], ["1"], ["x"], [0.5]]
    table = pa.table(dict(zip(FEATURE_KEYS.names, keys, strict=True)), schema=FEATURE_KEYS)
    return table.append_column("a", pa.array([1.0]))


def test_derived_rows_go_with_any_stream_they_may_rest_on(house: House) -> None:
    house.ingest(two_streams(), consent=ALL)
    house.store.put_features(the(house), "rest", derived(house), MONITOR)
    decide(house, Purpose.TRAINING, LOCATION, permit=False)
    assert house.store.features(the(house), "rest", MONITOR).num_rows == 1
    with pytest.raises(ConsentError, match="all monitored streams"):
        house.store.features(the(house), "rest", audit(Purpose.TRAINING))
    decide(house, Purpose.MONITORING, LOCATION, permit=False)
    assert house.store.features(the(house), "rest", MONITOR) is None  # dropped, not hidden
    house.store.put_features(the(house), "rest", derived(house), MONITOR)
    assert house.store.features(the(house), "rest", audit(Purpose.TRAINING)).num_rows == 1
    decide(house, Purpose.MONITORING, LOCATION, permit=True)
    assert house.store.features(the(house), "rest", MONITOR).num_rows == 1  # more is no less


def test_a_form_that_is_narrowed_where_it_stands_takes_the_rest_back(house: House) -> None:
    since, form = NOW - timedelta(days=30), "urn:euthymia:mrn consent-7"
    whole = Grant(9, mrn("A1"), (Purpose.MONITORING,), True, since, form=form, revised=since)
    narrow = replace(whole, scope=Scope(streams=("screen",)), revised=NOW)
    house.ingest([whole, *two_streams()])
    house.store.put_features(the(house), "rest", derived(house), MONITOR)
    assert (read(house, "location"), read(house, "screen")) == (3, 3)
    house.now += timedelta(minutes=1)
    told = house.ingest([narrow, *two_streams(20)])
    assert (told.stored, told.rejected) == (7, 0)  # what was recorded before it was narrowed
    with pytest.raises(ConsentError, match="the stream location"):
        read(house, "location")
    assert read(house, "screen") == 6
    assert house.store.features(the(house), "rest", MONITOR) is None
    told = house.ingest([whole])  # the older export, read late
    assert (told.stored, told.duplicates) == (0, 1)
    ahead = replace(whole, revised=NOW + timedelta(days=900))  # a source whose clock is ahead
    house.ingest([ahead])
    assert read(house, "location") == 6
    house.now += timedelta(days=1)
    house.ingest([replace(narrow, revised=house.now)])
    house.now += timedelta(minutes=1)
    with pytest.raises(ConsentError, match="the stream location"):
        read(house, "location")


def test_the_ledger_is_told_of_what_a_file_takes_back_and_gives_anew(house: House) -> None:
    def told() -> list[tuple[str, str]]:
        return [
            (line.action, line.purpose)
            for line in house.ledger.entries()
            if line.subject == the(house) and line.action.endswith(" consent")
        ]

    def file(permit: bool, purpose: Purpose, scope: Scope | None = None) -> None:
        house.now += timedelta(minutes=1)
        house.ingest([Grant(1, mrn("A1"), (purpose,), permit, house.now, scope=scope)])

    watched, trained = Purpose.MONITORING, Purpose.TRAINING
    file(True, watched)
    file(False, trained)
    first = [("withdraw consent", "training")]
    assert told() == first  # nothing was there to be taken back, and a restore is to know of it
    file(False, watched, LOCATION)
    part = [("withdraw consent", "monitoring")]
    assert told() == [*first, *part]
    file(False, watched, LOCATION)
    file(True, trained)
    file(False, watched)
    file(True, watched)
    given = [("grant consent", "training"), *part, ("grant consent", "monitoring")]
    assert told() == [*first, *part, *given]
    file(False, watched)
    file(True, watched, LOCATION)
    file(True, watched)
    again = [("grant part of a consent", "monitoring"), ("grant consent", "monitoring")]
    assert told() == [*first, *part, *given, *part, *again]


def test_what_was_given_for_a_time_to_come_does_not_undo_a_withdrawal(house: House) -> None:
    later = house.now + timedelta(days=9)
    ahead = Grant(9, mrn("A1"), (Purpose.MONITORING,), True, later, told=house.now)
    house.ingest([facts([{"row": 1, "code": "a"}]), ahead])
    house.now += timedelta(days=1)
    decide(house, Purpose.MONITORING, None, permit=False)
    house.now += timedelta(days=9)
    with pytest.raises(ConsentError):
        house.store.samples(the(house), "location", 0, to_micros(house.now), MONITOR)
    house.now += timedelta(days=1)
    undated = replace(ahead, told=None)  # as it was kept before it was known when it was decided
    house.ingest([undated, ahead], digest="again")
    assert sum(grant.permit for grant in house.store.grants(the(house))) == 1
    early = replace(ahead, told=house.now + timedelta(days=1), at=house.now)
    assert house.ingest([early], digest="early").rejected == 1  # it has yet to be given


def test_derived_rows_go_with_the_records_they_may_rest_on(house: House) -> None:
    house.ingest(two_streams(), consent=ALL)
    house.store.put_features(the(house), "rest", derived(house), MONITOR)
    decide(house, Purpose.MONITORING, Scope(categories=("notes",)), permit=False)
    assert house.store.features(the(house), "rest", MONITOR).num_rows == 1  # no family reads notes
    decide(house, Purpose.MONITORING, Scope(categories=("records",)), permit=False)
    assert house.store.features(the(house), "rest", MONITOR) is None
    house.store.put_features(the(house), "rest", derived(house), MONITOR)
    decide(house, Purpose.MONITORING, Scope(categories=("records",)), permit=True)
    decide(house, Purpose.TRAINING, Scope(categories=("records",)), permit=False)
    with pytest.raises(ConsentError, match="streams and answers"):
        house.store.features(the(house), "rest", audit(Purpose.TRAINING))


def codes(house: House, purpose: Purpose = Purpose.CARE) -> list[str]:
    return sorted(house.store.observations(the(house), audit(purpose)).column("code").to_pylist())


def test_protected_records_need_a_grant_that_names_them(house: House) -> None:
    rows = [
        {"row": 1, "code": "a"},
        {"row": 2, "code": "EUTHYMIA/note", "sensitivity": "psychotherapy-notes"},
        {"row": 3, "code": "c", "sensitivity": "hiv substance-use"},
    ]
    told = house.ingest([facts(rows)], consent=ALL)
    assert told.stored == 3
    assert codes(house) == codes(house, Purpose.RESEARCH) == ["a"]
    decide(house, Purpose.CARE, Scope(labels=("psychotherapy-notes", "hiv")), permit=True)
    assert codes(house) == ["EUTHYMIA/note", "a"]  # both labels of the third are asked for
    decide(house, Purpose.CARE, Scope(labels=("substance-use",)), permit=True)
    assert codes(house) == ["EUTHYMIA/note", "a", "c"]
    assert codes(house, Purpose.RESEARCH) == ["a"]
    decide(house, Purpose.CARE, Scope(labels=("hiv",)), permit=False)
    assert codes(house) == ["EUTHYMIA/note", "a"]
    everything = house.store.observations(the(house), audit(action=EXPORT))
    assert everything.num_rows == 3


def test_what_came_without_its_label_first_is_protected_too(house: House) -> None:
    plain = [{"row": 1, "code": "a", "numeric_value": 1.0}, {"row": 2, "code": "b"}]
    house.ingest([facts(plain)])
    assert codes(house) == ["a", "b"]
    told = house.ingest([facts([{**plain[0], "sensitivity": "hiv"}])], digest="again")
    assert told.stored == 1
    assert codes(house) == ["b"]
    told = house.ingest([facts(plain)], digest="and again")
    assert (told.stored, told.duplicates) == (0, 2)
    assert codes(house) == ["b"]


def test_an_unknown_label_is_refused(house: House) -> None:
    told = house.ingest([facts([{"row": 1, "code": "a", "sensitivity": "secret"}])])
    assert (told.stored, told.rejected) == (0, 1)


def test_notes_may_be_kept_out_of_research(house: House) -> None:
    rows = [{"row": 1, "code": "a"}, {"row": 2, "code": "EUTHYMIA/note"}]
    house.ingest([facts(rows)], consent=ALL)
    assert codes(house, Purpose.RESEARCH) == ["EUTHYMIA/note", "a"]
    decide(house, Purpose.RESEARCH, Scope(categories=("notes",)), permit=False)
    assert codes(house, Purpose.RESEARCH) == ["a"]
    assert codes(house) == ["EUTHYMIA/note", "a"]


def test_scope_and_version_come_back(house: House) -> None:
    house.ingest([facts([{"row": 1, "code": "a"}])])
    decide(house, Purpose.RESEARCH, Scope(recipients=("University",)), permit=True)
    (record,) = house.store.grants(the(house))
    assert (record.scope, record.version) == (Scope(recipients=("University",)), "form 2")
    with pytest.raises(ConsentError):  # the University's use is not the clinic's own
        house.store.observations(the(house), audit(Purpose.RESEARCH))
