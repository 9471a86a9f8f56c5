"""Long gaps are filled with what the same person did at the same hours of days alike."""

import numpy as np
import pytest

from euthymia.ground.clock import DAY_US
from mobility_days import DAY0, Walker, every, measured, workday

START = DAY0 * DAY_US
DAYS = 19


def with_gap(day: int, from_h: float, to_h: float, also=lambda time: time < 0):
    time = every(DAYS, 300)
    hour = (time - START) / 3.6e9
    lost = (hour >= 24 * day + from_h) & (hour < 24 * day + to_h)
    return measured(workday(days=DAYS).fixes(time[~lost & ~also(time)], START), DAYS)


def test_a_working_day_without_a_fix_between_two_at_home_is_worked():
    """Its ends alone say: at home all day."""
    found = with_gap(16, 7, 19)
    assert found.values["home_time_h"][16] == pytest.approx(14.5, abs=1)
    assert found.values["distance_km"][16] == pytest.approx(10, abs=1.5)
    assert 0 < found.values["home_time_error_h"][16] < 4
    assert found.values["imputed_pct"][16] == pytest.approx(50, abs=1)


def test_without_history_the_ends_of_a_gap_say_it():
    found = with_gap(0, 7, 19)
    assert found.values["home_time_h"][0] == pytest.approx(24, abs=0.1)
    assert found.values["home_time_error_h"][0] > 1


def test_what_was_filled_in_is_no_history():
    """Days whose hours at work were never recorded say nothing of later ones."""

    def office(time):
        return (time % DAY_US > 7 * 3.6e9) & (time % DAY_US < 19 * 3.6e9)

    found = with_gap(16, 7, 19, office)
    assert found.values["home_time_h"][16] == pytest.approx(24, abs=0.1)


def test_who_is_on_record_at_night_only_when_out_is_at_home_in_the_other_nights():
    """A telephone that is off from ten to half past seven, but on one night a week spent out."""
    days, walker = 35, workday(days=35)
    out = [d for d in range(days) if (DAY0 + d + 3) % 7 == 5]  # Saturdays
    lost = lambda hour: (hour % 24 >= 22) | (hour % 24 < 7.5)  # noqa: E731
    walker.turns = [t for t in walker.turns if not any(d <= t[0] / 1440 < d + 1.4 for d in out)]
    for d in out:
        m = d * 1440.0
        walker.stay(m, m + 1170, 0, 0).stay(m + 1200, m + 1560, -3000, 2000)
        walker.stay(m + 1590, m + 1440 * 1.4, 0, 0)
    walker.turns.sort()
    time = every(days, 300)
    hour = (time - START) / 3.6e9
    seen_out = np.zeros(time.size, bool)
    for d in out:
        seen_out |= (hour >= 24 * d + 19) & (hour < 24 * d + 27)
    found = measured(walker.fixes(time[~lost(hour) | seen_out], START), days)
    for d in out[2:]:  # from midnight on: the night after Friday
        assert found.values["home_time_h"][d] == pytest.approx(19.5, abs=0.4), d
        assert found.values["transitions"][d] == 1
    rest = [d for d in range(14, days) if d not in out and d - 1 not in out]
    assert found.values["transitions"][rest].max() == 2


def test_when_in_a_dark_night_a_shift_ended_is_told_as_unknown():
    """From 21:00 at work, home at some time of a night in which the telephone is always off."""
    days, walker, rng = 22, workday(days=0), np.random.default_rng(5)
    truth = np.empty(days)
    for d in range(days):
        m, over = d * 1440.0, rng.uniform(20, 380)
        walker.stay(m, m + over, 4000, 3000).stay(m + over + 30, m + 1230, 0, 0)
        walker.stay(m + 1260, m + 1440, 4000, 3000)
        truth[d] = (1230 - over - 30) / 60
    time = every(days, 300)
    hour = (time - START) / 3.6e9 % 24
    found = measured(walker.fixes(time[(hour < 23) & (hour >= 7)], START), days)
    off = np.abs(found.values["home_time_h"] - truth)[7:]
    told, way = found.values["home_time_error_h"][7:], found.values["distance_error_km"][7:]
    assert 0.8 < off.mean() < 2
    assert 0.6 * off.mean() < told.mean() < 1.4 * off.mean()
    assert found.values["distance_km"][7:] == pytest.approx(10, abs=1)
    assert way.max() < 2, "there is a way between two places in any case"


def test_days_before_do_not_change_when_later_ones_come():
    whole = with_gap(16, 7, 19)
    time = every(17, 300)
    hour = (time - START) / 3.6e9
    lost = (hour >= 24 * 16 + 7) & (hour < 24 * 16 + 19)
    columns = workday(days=DAYS).fixes(every(DAYS, 300), START)
    keep = np.flatnonzero(~lost)
    part = {name: values[: time.size][keep] for name, values in columns.items()}
    found = measured(part, 17)
    again = measured({n: v[np.r_[keep, time.size : v.size]] for n, v in columns.items()}, DAYS)
    for name in whole.values:
        np.testing.assert_array_equal(found.values[name], again.values[name][:17])


def rounds(days: int) -> Walker:
    """Eight hours a day from door to door, a straight line of some km and three minutes at each."""
    walker, rng = Walker(), np.random.default_rng(8)
    for day in range(days):
        m = day * 1440.0
        walker.stay(m, m + 480, 0, 0)
        at, place = m + 480, np.zeros(2)
        while at < m + 950:
            to = rng.uniform(-6000, 6000, 2)
            at += np.hypot(*(to - place)) / 480  # 8 m/s
            walker.stay(at, at + 3, *to)
            at, place = at + 3, to
        walker.stay(at + np.hypot(*place) / 480, m + 1440, 0, 0)
    return walker


def test_who_is_on_the_way_all_day_is_so_in_an_hour_without_a_fix():
    """Half of the hours are lost: lines alone make it a third less."""
    days = 16
    walker, time = rounds(days), every(days, 120)
    _, east, north = np.array(walker.turns).T
    true = np.hypot(np.diff(east), np.diff(north)).sum() / 1000 / days
    lost = np.random.default_rng(3).random(24 * days) < 0.5
    v = measured(walker.fixes(time[~lost[(time - START) // 3_600_000_000]], START), days).values
    found, told = v["distance_km"][6:], v["distance_error_km"][6:]
    assert 0.8 * true < found.mean() < 1.1 * true
    assert told.mean() > 0.4 * np.abs(found - true).mean()
    v = with_gap(16, 7.9, 8.7)  # a way to work that began and ended in a gap is as long as ever
    assert v.values["distance_km"][16] == pytest.approx(10, abs=0.5)
