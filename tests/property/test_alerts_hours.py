"""Shifts and rounds over the changes of the clock, against a count five minutes by five."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from euthymia.care.alerts.clocks import MINUTE_US, Hours
from euthymia.care.alerts.policy import WEEK, Shift, minutes_of, parse, shipped_text
from euthymia.ground.clock import DAY_US, Micros, from_micros, to_micros

STEP = 5 * MINUTE_US  # shifts begin and end at such times
CHANGES = {
    "Europe/Stockholm": ("2026-03-29T01:00+00:00", "2026-10-25T01:00+00:00"),
    "America/New_York": ("2026-03-08T07:00+00:00", "2026-11-01T06:00+00:00"),
    "America/Santiago": ("2026-04-05T03:00+00:00", "2026-09-06T04:00+00:00"),  # at midnight
    "Australia/Lord_Howe": ("2026-04-04T15:00+00:00", "2026-10-03T15:30+00:00"),  # by half an hour
    "Asia/Kolkata": ("2026-03-29T01:00+00:00", "2026-10-25T01:00+00:00"),  # none
}
shift = st.builds(
    lambda name, days, times: Shift(name, tuple(days), *times, (name,)),
    st.sampled_from(["anna", "bo", "cleo"]),
    st.sets(st.sampled_from(WEEK), min_size=1),
    st.permutations(["06:00", "08:30", "12:00", "17:15", "22:00", "23:30"]).map(lambda t: t[:2]),
)


def there(hours: Hours, at: Micros) -> bool:
    """Say whether anybody is there by the clock on the wall.

    Of a time that comes twice the first counts: in the second, who was there last is there.
    """
    wall = from_micros(at).astimezone(ZoneInfo(hours.zone))
    while wall.fold:
        at -= STEP
        wall = from_micros(at).astimezone(ZoneInfo(hours.zone))
    minute, today = wall.hour * 60 + wall.minute, wall.weekday()
    for one in hours.policy.shifts:
        start, end = minutes_of(one.start), minutes_of(one.end)
        on, before = WEEK[today] in one.days, WEEK[today - 1] in one.days
        if start < end and on and start <= minute < end:
            return True
        if end < start and ((on and minute >= start) or (before and minute < end)):
            return True
    return False


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(sorted(CHANGES)),
    st.booleans(),
    st.integers(-40 * 12, 10 * 12),
    st.integers(1, 20 * 12),
    st.lists(shift, min_size=1, max_size=3),
)
@example("America/Santiago", False, -6, 1, [Shift("anna", ("sat",), "23:30", "08:30", ("anna",))])
@example("America/Santiago", False, -6, 6, [Shift("anna", ("sat",), "12:00", "23:30", ("anna",))])
def test_a_timer_counts_the_minutes_on_shift_over_a_change_of_the_clock(
    zone: str, second: bool, fives: int, lasts: int, shifts: list[Shift]
):
    hours = Hours(msgspec.structs.replace(parse(shipped_text()), shifts=tuple(shifts)), zone)
    begin = to_micros(datetime.fromisoformat(CHANGES[zone][second])) + fives * STEP
    left, at = lasts, begin
    while left and at < begin + 9 * DAY_US:
        assert bool(hours.on_shift(at)) == there(hours, at)
        left -= there(hours, at)
        at += STEP
    if not left:
        assert hours.after(begin, lasts * 5, always=False) == at
    assert hours.after(begin, lasts * 5, always=True) == begin + lasts * STEP


@pytest.mark.parametrize("zone", sorted(CHANGES))
@pytest.mark.parametrize("round_at", ["00:00", "02:15", "07:00", "23:59"])
def test_the_round_comes_once_a_day_over_a_change_of_the_clock(zone: str, round_at: str):
    hours = Hours(parse(shipped_text().replace("07:00", round_at)), zone)
    for change in CHANGES[zone]:
        at = to_micros(datetime.fromisoformat(change)) - 4 * DAY_US
        days = []
        for _ in range(8):
            before, at = at, hours.round_after(at)
            assert at > before
            days.append(hours.local_day(at))
        assert days == list(range(days[0], days[0] + 8))
