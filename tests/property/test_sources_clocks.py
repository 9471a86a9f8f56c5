"""Clocks on the wall, resets and uploads in any order."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.ground.clock import DAY_US, SECOND_US, Timeline, to_micros
from euthymia.sources.wall_clock import clock_was_off, resolve, to_instants

MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
MADRID = "Europe/Madrid"
AUTUMN = to_micros(datetime(2024, 10, 27, 0, tzinfo=UTC))  # 02:00 local, one hour before the change


def _wall(time_us: np.ndarray, zone: str = MADRID) -> np.ndarray:
    return Timeline(((0, zone),)).local_us(time_us)


@settings(max_examples=60, deadline=None)
@given(
    start_min=st.integers(-120, 120),
    minutes=st.integers(1, 400),
    gap_min=st.sampled_from([1, 5, 10]),
)
def test_an_autumn_night_is_right_or_doubtful(start_min: int, minutes: int, gap_min: int) -> None:
    """Wherever a recording begins and ends: a row is the true instant, or it is marked."""
    time_us = AUTUMN + (start_min + np.arange(0, minutes, gap_min, dtype=np.int64)) * MINUTE_US
    found = resolve(_wall(time_us), MADRID)
    wrong = found.time_us != time_us
    assert not (wrong & ~found.doubtful).any()
    inside = (time_us >= AUTUMN) & (time_us < AUTUMN + 2 * HOUR_US)
    assert not (found.doubtful & ~inside).any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(2, 300))
def test_any_order_is_right_or_doubtful_outside_runs(seed: int, rows: int) -> None:
    chance = np.random.default_rng(seed)
    night = AUTUMN - 5 * HOUR_US + chance.integers(0, 600, rows) * MINUTE_US
    wall_us = _wall(night.astype(np.int64))
    found = resolve(wall_us, MADRID)
    far = (night < AUTUMN) | (night >= AUTUMN + 2 * HOUR_US)
    np.testing.assert_array_equal(found.time_us[far], night[far])


@settings(max_examples=30, deadline=None)
@given(start_min=st.integers(-600, -30), minutes=st.integers(300, 900))
def test_a_file_in_descending_order_is_read_the_same(start_min: int, minutes: int) -> None:
    time_us = AUTUMN + (start_min + np.arange(minutes, dtype=np.int64)) * MINUTE_US
    wall_us = _wall(time_us)
    there, back = resolve(wall_us, MADRID), resolve(wall_us[::-1].copy(), MADRID)
    np.testing.assert_array_equal(there.time_us, back.time_us[::-1])
    np.testing.assert_array_equal(there.doubtful, back.doubtful[::-1])


def test_two_uploads_one_after_the_other_are_each_read_right() -> None:
    night = AUTUMN + np.arange(-120, 240, dtype=np.int64) * MINUTE_US
    morning = night - DAY_US
    both = np.concatenate([night, morning])
    found = resolve(_wall(both), MADRID)
    np.testing.assert_array_equal(found.time_us, both)
    assert not found.doubtful.any()


def test_a_single_time_in_the_repeated_hour_is_doubtful() -> None:
    wall_us = np.array([to_micros(datetime(2024, 10, 27, 2, 30, tzinfo=UTC))])
    found = resolve(wall_us, MADRID)
    assert found.doubtful.tolist() == [True]
    assert to_instants(wall_us, MADRID).tolist() == [AUTUMN + 30 * MINUTE_US]


def test_a_skipped_hour_tells_that_the_clock_was_not_moved() -> None:
    begin = to_micros(datetime(2024, 3, 31, 1, 0, tzinfo=UTC))
    wall_us = begin + np.arange(180, dtype=np.int64) * MINUTE_US
    found = resolve(wall_us, MADRID)
    assert set(np.diff(found.time_us)) == {MINUTE_US}
    assert not found.doubtful.any()


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(200, 2000),
    resets=st.lists(st.integers(0, 199), max_size=2, unique=True),
    year=st.sampled_from([1970, 1980, 2000, 2010]),
)
def test_a_clock_that_was_not_set_is_seen(rows: int, resets: list[int], year: int) -> None:
    time_us = to_micros(datetime(2024, 5, 1, tzinfo=UTC)) + np.arange(rows) * 10 * MINUTE_US
    for place in resets:
        time_us[place] = to_micros(datetime(year, 1, 1, tzinfo=UTC)) + place
    assert np.flatnonzero(clock_was_off(time_us)).tolist() == sorted(resets)


@pytest.mark.parametrize("rows", [0, 1, 50])
def test_few_rows_tell_nothing(rows: int) -> None:
    time_us = np.arange(rows, dtype=np.int64) * 900 * DAY_US
    assert not clock_was_off(time_us).any()


def test_years_of_measuring_are_no_fault() -> None:
    ten_years = np.arange(0, 3650, dtype=np.int64) * DAY_US
    two_studies = np.concatenate([ten_years[:300], ten_years[2500:2800]])
    assert not clock_was_off(ten_years).any()
    assert not clock_was_off(two_studies).any()
