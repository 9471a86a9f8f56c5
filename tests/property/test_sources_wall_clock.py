"""A wall clock that was set by the zone's rules is turned back into the very same instants."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.ground.clock import SECOND_US, Timeline, to_micros
from euthymia.sources.wall_clock import InPieces, to_instants

ZONES = ["UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
MINUTE_US = 60 * SECOND_US


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    start=st.integers(to_micros(datetime(2005, 1, 1, tzinfo=UTC)) // MINUTE_US, 30_000_000),
    hours=st.integers(1, 24 * 120),
    step_min=st.sampled_from([1, 15, 60]),
)
def test_a_clock_that_was_moved(zone: str, start: int, hours: int, step_min: int) -> None:
    if zone == "Australia/Lord_Howe":
        step_min = min(step_min, 30)  # its clocks move by half an hour: no longer step can tell
    time_us = (start + np.arange(0, hours * 60, step_min, dtype=np.int64)) * MINUTE_US
    wall_us = Timeline(((0, zone),)).local_us(time_us)
    if _begins_or_ends_in_a_repeated_hour(wall_us, zone):
        return  # nothing in the recording tells which pass it is
    np.testing.assert_array_equal(to_instants(wall_us, zone), time_us)


def _begins_or_ends_in_a_repeated_hour(wall_us: np.ndarray, zone: str) -> bool:
    timeline = Timeline(((0, zone),))
    edges = wall_us[[0, -1]]
    day = 86_400 * SECOND_US
    before = timeline.offset_s(edges - day) * SECOND_US
    after = timeline.offset_s(edges + day) * SECOND_US
    near = np.abs(before - after) > 0
    return bool(near.any())


@pytest.mark.parametrize("month", [3, 10])
def test_a_clock_that_was_not_moved_is_recognised(month: int) -> None:
    begin = to_micros(datetime(2024, month, 20, tzinfo=UTC))
    wall_us = begin + np.arange(14 * 1440, dtype=np.int64) * MINUTE_US
    time_us = to_instants(wall_us, "Europe/Madrid")
    assert set(np.diff(time_us)) == {MINUTE_US}  # no jump, though the zone changed inside
    offset_h = {3: 1, 10: 2}[month]
    assert wall_us[0] - time_us[0] == offset_h * 3600 * SECOND_US


@pytest.mark.parametrize("follows", [False, True])
@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("Europe/Madrid", datetime(2024, 3, 31, 2, 30, tzinfo=UTC)),
        ("America/Santiago", datetime(2024, 9, 8, tzinfo=UTC)),  # this midnight is skipped
        ("Africa/Cairo", datetime(2024, 4, 26, tzinfo=UTC)),
    ],
)
def test_a_first_time_that_spring_skips_is_of_the_clock_before(
    zone: str, begins: datetime, *, follows: bool
) -> None:
    first = to_micros(begins)
    before = Timeline(((0, zone),)).offset_s(np.array([first - 2 * 1440 * MINUTE_US]))[0]
    [at] = to_instants(np.array([first]), zone, follows=follows)
    assert first - at == before * SECOND_US
    assert Timeline(((0, zone),)).local_day(np.array([at]))[0] == first // (1440 * MINUTE_US)


def test_a_silent_night_follows_the_zone() -> None:
    day_us = 86_400 * SECOND_US
    noon = to_micros(datetime(2024, 10, 20, 12, tzinfo=UTC))
    wall_us = noon + np.arange(14, dtype=np.int64) * day_us
    time_us = to_instants(wall_us, "Europe/Madrid")
    assert (wall_us - time_us)[[0, -1]].tolist() == [2 * 3600 * SECOND_US, 3600 * SECOND_US]


@pytest.mark.parametrize("moved", [False, True])
@settings(max_examples=40, deadline=None)
@given(
    start_h=st.integers(to_micros(datetime(2024, 1, 1, tzinfo=UTC)) // (60 * MINUTE_US), 476_000),
    days=st.integers(1, 250),
    cuts=st.lists(st.integers(1, 250 * 96), max_size=12),
)
def test_in_pieces_a_clock_is_judged_as_if_it_were_whole(
    start_h: int, days: int, cuts: list[int], *, moved: bool
) -> None:
    zone = "Europe/Madrid"
    time_us = (start_h * 60 + np.arange(0, days * 1440, 15, dtype=np.int64)) * MINUTE_US
    wall_us = Timeline(((0, zone),)).local_us(time_us) if moved else time_us
    clock: InPieces[int] = InPieces(zone)
    pieces = np.split(wall_us, sorted({cut for cut in cuts if cut < wall_us.size}))
    found = [part for i, piece in enumerate(pieces) for part in clock.take(piece, i)]
    found += list(clock.rest())
    assert [i for _, i in found] == list(range(len(pieces)))
    whole = to_instants(wall_us, zone)
    np.testing.assert_array_equal(np.concatenate([at for at, _ in found]), whole)
