"""Local days as stretches of UTC, where clocks change and people travel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.features.windows import (
    bounds_us,
    first_at_or_after,
    last_before,
    length_us,
    offsets_around,
)
from euthymia.ground.clock import DAY_US, Timeline, day_number
from feature_cases import DAY0, ZONES

HOUR = DAY_US // 24


def day(text: str) -> int:
    return day_number(np.datetime64(text).astype(object))


def hours(timeline: Timeline, of: int) -> float:
    days = np.array([of], np.int64)
    offsets = offsets_around(timeline, days, 1)
    return float(length_us(offsets, days * DAY_US, (days + 1) * DAY_US)[0]) / HOUR


@pytest.mark.parametrize(
    ("zone", "date", "length"),
    [
        ("Europe/Oslo", "2024-03-30", 24),
        ("Europe/Oslo", "2024-03-31", 23),
        ("Europe/Oslo", "2024-10-27", 25),
        ("Australia/Lord_Howe", "2024-04-07", 24.5),
        ("Australia/Lord_Howe", "2024-10-06", 23.5),
        ("Asia/Kolkata", "2024-03-31", 24),
        ("Pacific/Apia", "2011-12-30", 0),  # skipped: the date line moved
        ("America/New_York", "2024-11-03", 25),
    ],
)
def test_length_of_days(zone, date, length):
    timeline = Timeline(((0, zone),))
    assert hours(timeline, day(date)) == length
    start, end = bounds_us(timeline, np.array([day(date)]), 1)
    assert (end - start)[0] / HOUR == length


def test_a_flight_west_over_midnight_makes_two_parts_of_a_day():
    leave = (DAY0 + 1) * DAY_US + HOUR  # 01:00 on day 1 in UTC is 20:00 on day 0 in New York
    timeline = Timeline(((0, "UTC"), (leave, "Etc/GMT+5")))
    assert hours(timeline, DAY0) == 24 + 4
    assert hours(timeline, DAY0 + 1) == 24 + 1
    start, end = bounds_us(timeline, np.array([DAY0, DAY0 + 1]), 1)
    assert (end - start).tolist() == [29 * HOUR, 29 * HOUR]


@given(
    zones=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3),
    when=st.lists(st.integers(-30, 30 * 24), min_size=2, max_size=2, unique=True).map(sorted),
    of=st.integers(DAY0 - 1, DAY0 + 30),
    lookback=st.integers(1, 7),
)
@settings(max_examples=60, deadline=None)
def test_bounds_hold_every_instant_of_the_days_and_are_tight(zones, when, of, lookback):
    since = (0, *(DAY0 * DAY_US + h * HOUR for h in when))
    timeline = Timeline(tuple(zip(since, zones, strict=False)))
    low, high = bounds_us(timeline, np.array([of]), lookback)
    quarter = np.arange((of - lookback - 2) * DAY_US, (of + 3) * DAY_US, HOUR // 4)
    local = timeline.local_day(quarter)
    mine = quarter[(local > of - lookback) & (local <= of)]
    assert low[0] <= mine[0] < low[0] + HOUR // 4
    assert high[0] - HOUR // 4 <= mine[-1] < high[0]
    days = np.array([of])
    offsets = offsets_around(timeline, days, lookback)
    length = length_us(offsets, (days - lookback + 1) * DAY_US, (days + 1) * DAY_US)
    assert length[0] == mine.size * HOUR // 4


@given(
    zone=st.sampled_from(ZONES),
    wall=st.integers(DAY0 * 96, (DAY0 + 300) * 96).map(lambda quarter: quarter * HOUR // 4),
)
@settings(max_examples=60, deadline=None)
def test_first_and_last_instant_of_a_wall_clock_time(zone, wall):
    timeline = Timeline(((0, zone),))
    days = np.array([wall // DAY_US])
    offsets = offsets_around(timeline, days, 1)
    first = int(first_at_or_after(offsets, np.array([wall]))[0])
    assert timeline.local_us(np.array([first]))[0] >= wall
    assert timeline.local_us(np.array([first - 1]))[0] < wall
    last = int(last_before(offsets, np.array([wall]))[0])
    assert timeline.local_us(np.array([last - 1]))[0] < wall
    assert timeline.local_us(np.array([last]))[0] >= wall
