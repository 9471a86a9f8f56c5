from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from euthymia.ground import clock
from euthymia.ground.clock import (
    DAY_US,
    SECOND_US,
    Timeline,
    day_date,
    day_number,
    from_micros,
    to_micros,
)

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
     "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"]
)  # fmt: skip
SECONDS = st.integers(
    int(datetime(1995, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2035, 1, 1, tzinfo=UTC).timestamp()),
)


@given(ZONES, st.lists(SECONDS, min_size=1, max_size=30))
def test_offsets_are_those_of_the_zone(zone: str, seconds: list[int]) -> None:
    ours = Timeline(((0, zone),)).offset_s(np.array(seconds, np.int64) * SECOND_US)
    theirs = []
    for second in seconds:
        offset = datetime.fromtimestamp(second, ZoneInfo(zone)).utcoffset()
        assert offset is not None
        theirs.append(int(offset.total_seconds()))
    assert ours.tolist() == theirs


@given(ZONES, ZONES, SECONDS, SECONDS)
def test_travel_changes_the_offset_at_its_instant(home: str, away: str, left: int, at: int) -> None:
    timeline = Timeline(((0, home), (left * SECOND_US, away)))
    zone = away if at >= left else home
    offset = datetime.fromtimestamp(at, ZoneInfo(zone)).utcoffset()
    assert offset is not None
    ours = timeline.offset_s(np.array([at], np.int64) * SECOND_US)
    assert ours[0] == offset.total_seconds()


def test_the_day_of_a_dst_change_has_23_or_25_hours() -> None:
    berlin = Timeline(((0, "Europe/Berlin"),))
    spring, autumn = day_number(date(2026, 3, 29)), day_number(date(2026, 10, 25))
    for day, hours in ((spring, 23), (autumn, 25), (spring + 7, 24)):
        length = berlin.start_of_day(day + 1) - berlin.start_of_day(day)
        assert length == hours * 3600 * SECOND_US


@given(ZONES, st.integers(9200, 23700))
def test_a_day_starts_at_its_first_instant(zone: str, day: int) -> None:
    timeline = Timeline(((0, zone),))
    start = timeline.start_of_day(day)
    first, before = timeline.local_day(np.array([start, start - SECOND_US]))
    assert first >= day > before


def test_dates_and_instants_round_trip() -> None:
    at = datetime(2026, 11, 21, 12, 30, 15, 123456, tzinfo=UTC)
    assert from_micros(to_micros(at)) == at
    assert day_date(day_number(date(2026, 2, 28))) == date(2026, 2, 28)
    assert to_micros(datetime(1970, 1, 2, tzinfo=UTC)) == DAY_US


def test_what_is_no_timeline_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        to_micros(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="order"):
        Timeline(((5, "UTC"), (1, "UTC")))
    with pytest.raises(ValueError, match="at least one"):
        Timeline(())


@pytest.mark.parametrize("zone", ["Europe/Oslo", "America/New_York", "Africa/Casablanca"])
def test_one_year_far_away_costs_no_year_between(zone: str) -> None:
    wrong = [to_micros(datetime(year, 7, 1, tzinfo=UTC)) for year in (24, 6852, 9990)]
    good = to_micros(datetime(2024, 3, 1, tzinfo=UTC)) + np.arange(400) * DAY_US
    timeline = Timeline(((0, "UTC"), (int(good[200]), zone)))
    before = clock._transitions.cache_info().misses
    found = timeline.offset_s(np.array([*good, *wrong], np.int64))
    assert clock._transitions.cache_info().misses - before <= 6
    assert found[:400].tolist() == timeline.offset_s(good).tolist()
    alone = [timeline.offset_s(np.array([at], np.int64))[0] for at in wrong]
    assert found[400:].tolist() == alone
