"""Mobility on days whose answer one can see."""

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.mobility import FAMILY, measure
from euthymia.features.segments import segment
from euthymia.features.windows import day_windows
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline
from euthymia.kernels.mobility_rows import NAMES
from mobility_days import DAY0, Walker, every, measured, workday

START = DAY0 * DAY_US
RHYTHMS = {
    "one a minute": {"step_s": 60},
    "a minute at 1 Hz in 11": {"step_s": 660, "on_s": 60},
    "one in 5 minutes": {"step_s": 300},
}


def test_the_listing_is_in_the_order_of_the_kernel():
    assert tuple(f.name for f in FAMILY.features) == NAMES
    assert all(f.definition and f.paper for f in FAMILY.features)
    assert families()["mobility"] is FAMILY


@pytest.mark.parametrize("rhythm", RHYTHMS.values(), ids=RHYTHMS.keys())
@pytest.mark.parametrize("scatter_m", [5, 20, 33])
def test_a_working_day(rhythm, scatter_m):
    """8 h and 6.5 h at home, 8.5 h at work, two ways of 5 km in half an hour each."""
    columns = workday(days=3).fixes(every(3, **rhythm), START, scatter_m=scatter_m)
    found = measured(columns, 3)
    v = {name: value[2] for name, value in found.values.items()}
    assert v["home_time_h"] == pytest.approx(14.5, abs=0.2)
    assert v["transit_h"] == pytest.approx(1.0, abs=0.25)
    assert v["stationary_share"] == pytest.approx(23 / 24, abs=0.012)
    assert v["distance_km"] == pytest.approx(10, abs=0.4)
    assert (v["trips"], v["transitions"], v["places"], v["places_known"]) == (2, 2, 2, 2)
    assert v["trip_length_mean_km"] == pytest.approx(5, abs=0.2)
    assert v["trip_duration_mean_min"] == pytest.approx(30, abs=8)
    assert v["speed_mean_km_per_h"] == pytest.approx(10, abs=2)
    assert v["first_leave_h"] == pytest.approx(8, abs=0.12)
    assert v["last_return_h"] == pytest.approx(17.5, abs=0.12)
    assert v["max_distance_home_km"] == pytest.approx(5, abs=0.1)
    assert v["max_diameter_km"] == pytest.approx(5, abs=0.15)
    assert v["night_home_share"] == 1.0
    p = np.array([14.5, 8.5]) / 23
    assert v["entropy"] == pytest.approx(-(p * np.log(p)).sum(), abs=0.02)
    assert v["normalised_entropy"] == pytest.approx(v["entropy"] / np.log(2))
    assert v["radius_of_gyration_km"] ** 2 * 1e6 == pytest.approx(v["location_variance_m2"])
    minute = np.arange(1440)
    e, n = workday().at(minute + 0.5)
    assert v["location_variance_m2"] == pytest.approx(e.var() + n.var(), rel=0.02)
    assert v["routine_index"] == pytest.approx(46 / 48, abs=0.03)
    assert v["home_time_error_h"] < 0.2
    assert found.coverage[2] > 0.98


def test_jumps_and_cell_towers_are_no_ways():
    time = every(2, 60)
    columns = dict(workday(days=2).fixes(time, START, jumps=0.02, seed=3))
    tower = np.arange(time.size) % 50 == 0
    columns["latitude"] = columns["latitude"] + np.where(tower, 0.02, 0)
    columns["accuracy"] = np.where(tower, 900, columns["accuracy"]).astype(np.float32)
    v = measured(columns, 2).values
    assert v["distance_km"][1] == pytest.approx(10, abs=0.5)
    assert v["home_time_h"][1] == pytest.approx(14.5, abs=0.1)
    assert v["places"][1] == 2


def test_the_same_file_twice_changes_nothing_but_what_is_rounded():
    once = workday(days=2).fixes(every(2, 60), START)
    twice = {k: np.repeat(x, 2) for k, x in once.items()}
    a, b = measured(once, 2), measured(twice, 2)
    for name in NAMES:
        np.testing.assert_array_equal(a.values[name], b.values[name])


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_half_of_the_fixes_missing(share):
    time = every(5, 660, on_s=20)
    keep = np.random.default_rng(1).random(5 * 131)[: time.size // 20] > share
    columns = workday(days=5).fixes(time[np.repeat(keep, 20)], START, scatter_m=15)
    v = measured(columns, 5).values
    assert np.abs(v["home_time_h"] - 14.5).mean() < 0.2
    assert np.abs(v["distance_km"] - 10).mean() < 1.3
    assert (v["home_time_error_h"] > 0).all()


def test_a_phone_off_at_night_is_filled_in_and_said_to_be():
    time = every(3, 300)
    hour = time % DAY_US / DAY_US * 24
    columns = workday(days=3).fixes(time[(hour > 7) & (hour < 22)], START)
    found = measured(columns, 3)
    assert found.values["home_time_h"][2] == pytest.approx(14.5, abs=0.1)
    assert found.values["imputed_pct"][2] == pytest.approx(100 * 9 / 24, abs=1)
    assert found.values["longest_gap_h"][2] == pytest.approx(7, abs=0.1)
    assert found.values["home_time_error_h"][2] > 0.3
    assert found.coverage[2] == pytest.approx(14.9 / 24, abs=0.01)


def test_where_next_to_nothing_was_seen_no_time_at_home_is_told():
    """A phone that tells a place on arrival alone, and no history: nothing is known of a day."""
    time = every(4, 300)
    hour = time % DAY_US / DAY_US * 24
    arrival = (np.abs(hour - 8.5) < 0.05) | (np.abs(hour - 17.5) < 0.05)
    first = time < START + DAY_US
    v = measured(workday(days=4).fixes(time[first | arrival], START), 4).values
    assert v["home_time_error_h"][1] >= 6
    assert np.isnan(v["home_time_h"]).tolist() == [False, True, False, False]
    assert v["home_time_h"][[0, 2, 3]] == pytest.approx(14.5, abs=0.5), "by the first day's hours"


def test_a_move_of_home_a_holiday_and_a_favourite_place():
    """Home is where the nights are: not the office of 13 hours a day, not the hotel."""
    walker = Walker()
    for day in range(60):
        m = day * 1440
        base = (0, 0) if day < 25 else (9000, 0)
        if 10 <= day < 20:
            base = (0, 600_000)  # ten nights of holiday
        walker.stay(m, m + 420, *base)
        walker.stay(m + 450, m + 1230, base[0] + 3000, base[1] + 2000).stay(
            m + 1260, m + 1440, *base
        )
    v = measured(walker.fixes(every(60, 600), START), 60).values
    assert v["home_time_h"][9] == pytest.approx(10, abs=0.4)
    assert v["home_time_h"][15] == 0
    assert v["home_time_h"][22] == pytest.approx(10, abs=0.4)
    assert v["home_time_h"][27] == 0  # not yet known to be more than a visit
    assert v["home_time_h"][40] == pytest.approx(10, abs=0.4)
    assert v["places_known"][59] == 6
    assert v["top_place_h"][40] == pytest.approx(13, abs=0.4)


@pytest.mark.parametrize("origin", [(-17.0, 179.999), (89.5, 20.0), (-89.4, -179.9), (0.01, 0.01)])
def test_the_date_line_and_the_poles_are_places_like_others(origin):
    walker = workday(days=2)
    v = measured(walker.fixes(every(2, 120), START), 2).values
    walker.origin = origin
    w = measured(walker.fixes(every(2, 120), START), 2).values
    for name in (
        "home_time_h",
        "distance_km",
        "radius_of_gyration_km",
        "max_diameter_km",
        "places",
    ):
        # (close to a pole a straight line on the map is none on the ground)
        near = 0.02 if abs(origin[0]) < 80 else 0.1
        assert w[name][1] == pytest.approx(v[name][1], rel=near), name


@pytest.mark.parametrize(
    ("to", "zone", "flown"),
    [((-13.8, -171.8), "Pacific/Apia", 0), ((37.6, -122.4), "US/Pacific", 3850)],
)
def test_a_flight_is_no_way_on_the_ground(to, zone, flown):
    """It is told on the date in which it begins and ends, as far as that is known on this date."""
    there = Walker(origin=(21.3, -157.9)).stay(0, 4000, 0, 0)
    here = Walker(origin=to).stay(0, 9000, 0, 0)
    take_off, landing = START + 18 * 3600 * SECOND_US, START + 24 * 3600 * SECOND_US
    first, second = every(1, 300), every(3, 300, start=landing)
    first = first[first < take_off]
    parts = there.fixes(first, START), here.fixes(second, START)
    columns = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    zones = Timeline(((0, "Pacific/Honolulu"), (landing, zone)))
    wanted = np.unique(zones.local_day(columns["time"]))
    found = measure({"location": columns}, zones, day_windows(zones, wanted))
    assert np.nansum(found.values["distance_km"]) < 0.2
    assert np.nansum(found.values["flight_km"]) == pytest.approx(flown, abs=40)


def test_the_parts_of_the_day_sum_to_the_day():
    columns = workday(days=4).fixes(every(4, 120), START)
    days, zones = np.arange(DAY0, DAY0 + 4), Timeline()
    whole = measured(columns, 4).values
    names = ("00:00-06:00", "06:00-12:00", "12:00-18:00", "18:00-24:00")
    parts = [
        measure({"location": columns}, zones, segment(name).windows(zones, days)).values
        for name in names
    ]
    for name in ("distance_km", "home_time_h", "transit_h"):
        # what a stay at noon will be is not known at noon: up to some minutes
        assert sum(p[name] for p in parts)[1:] == pytest.approx(whole[name][1:], abs=0.2)
    week = measure({"location": columns}, zones, segment("last_3_days").windows(zones, days[-1:]))
    assert week.values["distance_km"][0] == pytest.approx(whole["distance_km"][1:].sum())
    assert week.values["places"][0] == 2


def test_a_row_does_not_look_past_its_end():
    columns = workday(days=3).fixes(every(3, 120), START)
    zones, days = Timeline(), np.array([DAY0 + 1])
    morning = segment("06:00-09:30").windows(zones, days)
    cut = {
        k: v[columns["time"] < START + DAY_US + 9.5 * 3600 * SECOND_US] for k, v in columns.items()
    }
    a, b = (measure({"location": c}, zones, morning) for c in (columns, cut))
    for name in NAMES:
        np.testing.assert_array_equal(a.values[name], b.values[name], err_msg=name)


def test_a_place_keeps_its_identity():
    """The same three places for 40 days, the third only every tenth: never a fourth."""
    walker = Walker()
    for day in range(40):
        m = day * 1440
        walker.stay(m, m + 600, 0, 0).stay(m + 620, m + 900, 2500, 0)
        if day % 10 == 5:
            walker.stay(m + 930, m + 1020, 0, -1500)
        walker.stay(m + 1060, m + 1440, 0, 0)
    v = measured(walker.fixes(every(40, 660, on_s=30), START, scatter_m=25), 40).values
    assert v["places_known"][-1] == 3
    assert v["novel_place_share"][15] == 0
    assert v["novel_place_share"][5] > 0
    assert v["places"][[4, 5, 15]].tolist() == [2, 3, 3]


@pytest.mark.parametrize("late_s", [0, 20, 45])
def test_a_winding_way_seen_in_bursts_is_measured_along_it(late_s):
    """Two ways of 24 km each day, 1.27 times the straight line: bends of 3 km, one in 7 minutes."""
    walker, x = Walker(), np.linspace(0, 1, 601)
    for day in range(12):
        m = day * 1440 + 7 * day
        walker.stay(m - 7 * day, m + 480, 0, 0)
        for k in x[1:]:
            walker.go(m + 480 + 40 * k, 19_000 * k, 520 * np.sin(6.25 * 2 * np.pi * k))
        walker.stay(m + 521, m + 1020, 19_000, 0)
        for k in x[1:]:
            walker.go(m + 1020 + 40 * k, 19_000 * (1 - k), 520 * np.sin(6.25 * 2 * np.pi * k))
        walker.stay(m + 1061, day * 1440 + 1440, 0, 0)
    _, east, north = np.array(walker.turns).T
    true = np.hypot(np.diff(east), np.diff(north)).sum() / 12_000
    assert true > 1.2 * 38
    time = every(12, 660, on_s=60) + late_s * SECOND_US
    v = measured(walker.fixes(time, START, scatter_m=5), 12).values
    assert v["distance_km"].mean() == pytest.approx(true, rel=0.07)


@pytest.mark.parametrize(("every_s", "share"), [(60, 0.02), (120, 0.08)])
def test_corners_that_lines_between_fixes_cut_off_are_put_back(every_s, share):
    """Two ways of 20 km a day by streets of 300 to 1700 m at right angles, in three quarters of an
    hour: by lines alone, 8 and 15 % too short."""
    walker, rng = Walker(), np.random.default_rng(5)
    for day in range(12):
        m, place = day * 1440, np.zeros(2)
        walker.stay(m, m + 480, 0, 0)
        street = rng.uniform(300, 1700, 20)
        street *= 20_000 / street.sum()
        corner = np.cumsum([(a, 0) if k % 2 else (0, a) for k, a in enumerate(street)], axis=0)
        taken = np.cumsum(street) / 450
        for at, place in zip(taken, corner, strict=True):
            walker.go(m + 480 + at, *place)
        walker.stay(m + 525, m + 1020, *place)
        for at, place in zip(np.cumsum(street[::-1]) / 450, corner[-2::-1], strict=False):
            walker.go(m + 1020 + at, *place)
        walker.stay(m + 1065, m + 1440, 0, 0)
    v = measured(walker.fixes(every(12, every_s), START, scatter_m=5), 12).values
    assert v["distance_km"].mean() == pytest.approx(40, rel=share)
    assert v["distance_error_km"].mean() > np.abs(v["distance_km"] - 40).mean() / 2


def test_who_works_nights_lives_where_the_days_are_slept():
    walker = Walker()
    for day in range(30):
        m = day * 1440
        if day % 7 < 5:
            walker.stay(m, m + 370, 5000, 0).stay(m + 400, m + 800, 0, 0)
            walker.stay(m + 815, m + 900, 0, 900).stay(m + 915, m + 1260, 0, 0)
            walker.stay(m + 1290, m + 1440, 5000, 0)
        else:
            walker.stay(m, m + 1440, 0, 0)
    v = measured(walker.fixes(every(30, 300), START), 30).values
    assert v["home_time_h"][22:26] == pytest.approx((400 + 345) / 60, abs=0.5)
    assert v["home_time_h"][27] == 24


def test_a_steady_rhythm_is_seen_and_noise_is_not():
    v = measured(workday(days=14).fixes(every(14, 600), START), 14).values
    assert v["circadian_share"][13] > 0.6
    walker = Walker()
    for step in range(14 * 24 // 7 + 2):  # seven-hour days: no 24-hour wave in them
        m = step * 7 * 60
        walker.stay(m, m + 200, 0, 0).stay(m + 210, m + 410, 5000, 0)
    w = measured(walker.fixes(every(14, 600), START), 14).values
    assert w["circadian_share"][13] < 0.05
    assert v["circadian_movement"][13] > w["circadian_movement"][13] + 2
    assert v["routine_index"][13] > 0.9 > w["routine_index"][13]
