"""What was made of a record is given back while it still holds, and never after."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import AccessError
from euthymia.ground.ids import SubjectId
from euthymia.security.key_tree import LIVE
from euthymia.store.blocks import SUMMARY
from euthymia.store.lines import Line
from euthymia.store.summaries import Summary
from stores import ALL, DAY, NOW, NOW_US, House, audit, samples, times

START = NOW_US - 40 * DAY
MADE = audit(action="summarise")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House.build(tmp_path)
    for who in ("A1", "B2"):
        house.ingest([samples("screen", times(START, 3), who=who)], consent=ALL, digest=who)
    yield house
    assert house.store.verify() == []
    assert house.ledger.verify() == []
    house.close()


def of(house: House, name: str = "A1") -> SubjectId:
    found: SubjectId = house.store.resolve(name)
    return found


def keep(house: House, name: str = "A1", until: int = NOW_US + DAY) -> int:
    who = of(house, name)
    kept: int = house.store.put_summaries(
        {who: Summary(house.store.stamp(who), NOW_US, until, f"of {name}")}, MADE
    )
    return kept


def there(house: House) -> set[str]:
    everybody = house.store.subjects(MADE)
    return set(house.store.summaries(everybody, MADE).values())


def rests(house: House) -> int:
    return sum(
        bool(list(house.store._blocks.read(house.store._people.get(who).owner, SUMMARY)))
        for who in house.store.subjects(MADE)
    )


def test_what_was_kept_is_given_back_and_the_ledger_is_told_of_whom(house: House) -> None:
    stamp = house.store.stamp(of(house))
    assert keep(house) == keep(house, "B2") == 1
    assert there(house) == {"of A1", "of B2"}
    assert house.store.stamp(of(house)) == stamp
    told = [(line.subject, line.detail) for line in house.ledger.entries()][-2:]
    assert told == [(who, {"summary": True}) for who in house.store.subjects(MADE)]


@pytest.mark.parametrize(
    "change",
    [
        lambda house: house.ingest([samples("screen", times(START + DAY, 3))], digest="2"),
        lambda house: house.store.put_lines(of(house), "plan", [Line(START, "1", "x")], MADE),
        lambda house: house.store.put_care_team(of(house), ["dr-new"], MADE),
        lambda house: house.store.rotate(LIVE, MADE, lambda *_: None),
    ],
    ids=["samples", "a line", "the team", "a new key"],
)
def test_any_change_of_the_record_ends_it(house: House, change: Callable[[House], object]) -> None:
    keep(house)
    change(house)
    assert there(house) == set()
    assert keep(house) == 1
    assert there(house) == {"of A1"}


def test_a_consent_decision_and_an_erasure_take_it_away(house: House) -> None:
    keep(house)
    keep(house, "B2")
    grant = GrantRecord(Purpose.RESEARCH, False, NOW_US, None, "asked")
    house.store.put_grant(of(house), grant, MADE)
    assert rests(house) == 1
    assert there(house) == {"of B2"}
    house.store.erase(of(house, "B2"), MADE)
    assert rests(house) == 0


def test_it_holds_in_its_time_alone_and_not_past_the_edge_of_a_consent(house: House) -> None:
    edge = NOW_US + DAY // 2
    later = GrantRecord(Purpose.RESEARCH, True, edge, None, "asked")
    house.store.put_grant(of(house, "B2"), later, MADE)
    keep(house)
    keep(house, "B2")
    seen = []
    for hours in (-1, 0, 11, 12, 23, 24):
        house.now = NOW + timedelta(hours=hours)
        seen.append("".join(sorted(there(house))))
    assert seen == ["", "of A1of B2", "of A1of B2", "of A1", "of A1", ""]


def test_what_was_made_of_an_earlier_state_or_of_nobody_is_not_kept(house: House) -> None:
    stale = Summary(house.store.stamp(of(house)), NOW_US, NOW_US + DAY, "before")
    house.ingest([samples("screen", times(START + DAY, 3))], digest="2")
    made = {of(house): stale, SubjectId("p-aaaaaaaaaaaaaaaa"): stale}
    before = house.store.version()
    assert house.store.put_summaries(made, MADE) == 0
    assert there(house) == set()
    assert not any("summaries" in line.detail for line in house.ledger.entries())
    assert house.store.version() >= before


def test_it_is_read_for_care_alone(house: House) -> None:
    with pytest.raises(AccessError):
        house.store.summaries([of(house)], audit(Purpose.RESEARCH))
