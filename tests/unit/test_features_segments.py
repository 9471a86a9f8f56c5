"""Which hours of which days a row describes."""

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.contract import Days, Family, Feature
from euthymia.features.segments import measured, segment
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.ground.errors import SchemaError
from feature_cases import DAY0, digests_of, recordings

HOUR = DAY_US // 24
OSLO = Timeline(((0, "Europe/Oslo"),))  # daylight saving begins on day 19813, 2024-03-31
SPRING = 19_813


def hours(name, day, timeline=OSLO):
    windows = segment(name).windows(timeline, np.array([day], np.int64))
    return [
        (s / HOUR - day * 24, e / HOUR - day * 24)
        for s, e in zip(windows.start_us.tolist(), windows.end_us.tolist(), strict=True)
    ]


def test_a_day_is_as_long_as_the_wall_clock_says():
    assert hours("day", DAY0) == [(-1.0, 23.0)]
    assert hours("day", SPRING) == [(-1.0, 22.0)]
    assert segment("day").windows(OSLO, np.array([SPRING])).lengths_us().tolist() == [23 * HOUR]


def test_parts_of_a_day_and_hours_over_midnight():
    assert hours("morning", DAY0) == [(5.0, 11.0)]
    assert hours("22:00-06:00", DAY0) == [(-3.0, 5.0)]
    assert hours("22:00-06:00", SPRING) == [(-3.0, 4.0)]  # a short night
    assert hours("00:00-24:00", DAY0) == hours("day", DAY0)


def test_days_in_a_row_are_one_stretch_and_a_weekend_is_its_own():
    assert hours("last_7_days", DAY0) == [(-6 * 24 - 1.0, 23.0)]
    weekend = hours("weekend", DAY0)  # day 19800 is a Monday: the two days before it
    assert weekend == [(-2 * 24 - 1.0, -1.0)]
    assert sum(e - s for s, e in hours("weekdays", DAY0)) == 5 * 24
    assert len(hours("night", DAY0)) == 1
    assert segment("last_7_days").windows(OSLO, np.zeros(0, np.int64)).row.size == 0


def test_the_time_around_events_stays_in_their_date_and_is_counted_once():
    def around(name, events, day=DAY0):
        at = np.array([round((day * 24 + h) * HOUR) for h in events], np.int64)
        found = segment(name).windows(OSLO, np.array([day], np.int64), at)
        ends = zip(found.start_us.tolist(), found.end_us.tolist(), strict=True)
        return [(s / HOUR - day * 24, e / HOUR - day * 24) for s, e in ends]

    assert around("60_min_before_event_marks", [9.0, 15.0]) == [(8.0, 9.0), (14.0, 15.0)]
    assert around("60_min_after_calls", [9.0, 9.5, 15.0]) == [(9.0, 10.5), (15.0, 16.0)]
    assert around("30_min_around_calls", [9.0]) == [(8.5, 9.5)]
    # the date begins and ends at 23:00 UTC: an event of the day before is not its own
    assert around("60_min_around_calls", [-1.5, -0.5, 22.5]) == [(-1.0, 0.5), (21.5, 23.0)]
    assert around("60_min_before_calls", []) == around("60_min_before_calls", [-1.0]) == []
    assert not segment("60_min_before_calls").whole_days


def test_minutes_of_a_segment_are_exact():
    for minute in range(1440):
        text = f"{minute // 60:02d}:{minute % 60:02d}-24:00"
        found = segment(text).windows(Timeline(((0, "UTC"),)), np.array([DAY0], np.int64))
        assert found.start_us.tolist() == [DAY0 * DAY_US + minute * (HOUR // 60)]


@pytest.mark.parametrize(
    "text",
    [
        "0_min_after_calls",
        "9_min_after_lunch",
        "",
        "nights",
        "last_0_days",
        "last_999_days",
        "25:00-06:00",
    ],
)
def test_other_names_are_refused_and_the_known_ones_said(text):
    with pytest.raises(SchemaError, match="morning"):
        segment(text)


def _clock_family(values):
    feature = Feature("at_h", "At", "h", "d", "p", 0, 24, period=24.0)
    plain = Feature("n", "N", "1", "d", "p")

    def compute(_streams, _timeline, days):
        found = np.array([values.get(d, np.nan) for d in days.tolist()])
        return Days({"at_h": found, "n": found}, np.where(np.isnan(found), 0.0, 1.0))

    return Family("clock", "1", "Clock", ("screen",), 1, (feature, plain), compute=compute)


def test_days_of_a_family_with_its_own_time_are_averaged_hours_on_the_circle():
    family = _clock_family({DAY0: 23.0, DAY0 - 1: 1.0})
    found = measured(family, {}, OSLO, segment("last_7_days"), np.array([DAY0]))
    assert found.values["at_h"][0] % 24 == pytest.approx(0.0, abs=1e-9)
    assert found.values["n"][0] == 12.0
    assert found.coverage[0] == pytest.approx(2 / 7)
    assert measured(family, {}, OSLO, segment("night"), np.array([DAY0])) is None


MEASURED = [f for f in families().values() if f.measure is not None]


@pytest.mark.parametrize("family", MEASURED, ids=[f.name for f in MEASURED])
def test_every_family_that_measures_does_so_over_any_segment(family):
    streams = recordings(family, OSLO, DAY0, 12, 3)
    assert digests_of(streams)
    days = np.arange(DAY0 + 8, DAY0 + 11, dtype=np.int64)
    for name in ("night", "afternoon", "weekend", "last_7_days", "22:00-06:00"):
        together = measured(family, streams, OSLO, segment(name), days)
        assert ((together.coverage >= 0) & (together.coverage <= 1 + 1e-9)).all()
        for place, day in enumerate(days):
            alone = measured(family, streams, OSLO, segment(name), days[place : place + 1])
            for feature in family.features:
                np.testing.assert_allclose(  # sums of another length, in another order
                    alone.values[feature.name][0],
                    together.values[feature.name][place],
                    rtol=1e-12,
                    err_msg=f"{feature.name} {name} {day}",
                )
