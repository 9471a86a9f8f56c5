"""Mobility against the truth of the simulated clinic and against Forest's numbers.

What is true is read off the simulated person's position in each minute: at home is within 60 m of
home. (`home_h` of the truth table calls the first half of each way out, and the second half of each
way back, time at home: 12 minutes each.)
"""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from euthymia.features.mobility import measure
from euthymia.features.windows import day_windows
from euthymia.simulate import phone
from euthymia.simulate.daily import FLIGHT, distance_km
from euthymia.simulate.journey import timeline_of
from euthymia.simulate.places import EARTH_KM
from euthymia.simulate.profile import Profile
from euthymia.simulate.subject import Plan, _world
from mobility_days import DAY0, every, measured, workday

DAYS = 45
START = date(2025, 2, 3)


def km_from(life, point):
    north = np.radians(life.latitude - point[0])
    east = np.radians(life.longitude - point[1]) * np.cos(np.radians(point[0]))
    return EARTH_KM * np.hypot(north, east)


def true_home_h(world):
    life = world.life
    near = (km_from(life, world.person.home) < 0.06) & (life.place != FLIGHT)
    return np.bincount(life.grid.day, weights=near, minlength=life.grid.days) / 60


def true_places(world):
    """Return at how many points the person surely stayed for half an hour in all, and perhaps.

    A point counts where they stood still: surely with 25 minutes in a row and 45 in all, perhaps
    with 10 and 20 (a phone that looks every 11 minutes may miss it). Points that lie within 180 m
    of another are left out with all who have them.
    """
    life = world.life
    here = world.here.phone[life.grid.day] & (life.place != FLIGHT)
    where = np.round(np.stack([life.latitude, life.longitude], axis=1), 5)
    same = np.all(where[1:] == where[:-1], axis=1) & here[1:] & here[:-1]
    edge = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(int), [0]])))
    total, longest = {}, {}
    for low, high in zip(edge[::2], edge[1::2], strict=True):
        point = tuple(where[low].tolist())
        total[point] = total.get(point, 0) + high - low
        longest[point] = max(longest.get(point, 0), high - low)
    perhaps = [p for p in total if longest[p] >= 10 and total[p] >= 20]
    surely = [p for p in perhaps if longest[p] >= 25 and total[p] >= 45]
    spots = np.array(perhaps).reshape(-1, 2)
    if not perhaps:
        return 0, 0, False
    north = np.radians(spots[:, None, 0] - spots[None, :, 0])
    east = np.radians(spots[:, None, 1] - spots[None, :, 1]) * np.cos(np.radians(spots[0, 0]))
    apart = EARTH_KM * np.hypot(north, east) + 9 * np.eye(len(perhaps))
    return len(surely), len(perhaps), bool(apart.min() > 0.18)


def follow(seed, index, every_min, fixes, missing):
    profile = Profile(gps_every_min=every_min, gps_fixes=fixes, phone_share=1.0)
    plan = Plan(seed, START, DAYS, profile, Path("unused"))
    world = _world(plan, index)
    found = phone.fixes(seed, world.person, world.life, world.here, profile)
    keep = np.argsort(found.at_ms, kind="stable")
    keep = keep[np.random.default_rng(seed).random(keep.size) >= missing]
    columns = {
        "time": found.at_ms[keep] * 1000,
        "latitude": found.latitude[keep],
        "longitude": found.longitude[keep],
        "accuracy": found.accuracy[keep].astype(np.float32),
    }
    zones = timeline_of(world.person, world.trips, START)
    wanted = world.life.grid.first_day + np.arange(DAYS)
    return world, measure({"location": columns}, zones, day_windows(zones, wanted))


@pytest.mark.parametrize(
    ("seed", "every_min", "fixes", "missing"),
    [(5101, 2, 1, 0), (5102, 11, 60, 0), (5103, 11, 4, 0.3), (5104, 11, 1, 0.4)],
)
def test_home_time_and_distance_are_near_the_truth(seed, every_min, fixes, missing):
    home, way = [], []
    for index in range(6):
        world, found = follow(seed, index, every_min, fixes, missing)
        seen = world.here.phone & (found.coverage > 0.2)
        home.append((found.values["home_time_h"] - true_home_h(world))[seen])
        way.append((found.values["distance_km"] - distance_km(world.life))[seen])
    home, way = np.concatenate(home), np.concatenate(way)
    assert np.abs(home[~np.isnan(home)]).mean() <= 0.20
    assert np.isnan(home).mean() < 0.02
    assert np.abs(way).mean() <= 1.3


def test_the_error_told_is_of_the_size_of_the_error_made():
    told, made = [], []
    for index in range(6):
        world, found = follow(5105, index, 11, 1, 0.5)
        seen = world.here.phone & (found.coverage > 0.2) & ~np.isnan(found.values["home_time_h"])
        made.append(np.abs(found.values["home_time_h"] - true_home_h(world))[seen])
        told.append(found.values["home_time_error_h"][seen])
    assert np.concatenate(made).mean() <= np.concatenate(told).mean()
    assert np.concatenate(told).mean() <= 6 * np.concatenate(made).mean()


@pytest.mark.parametrize(("seed", "every_min", "fixes"), [(5106, 2, 1), (5107, 11, 60)])
def test_places_are_those_of_the_person(seed, every_min, fixes):
    right, people = 0, 0
    for index in range(14):
        world, found = follow(seed, index, every_min, fixes, 0)
        known = found.values["places_known"]
        surely, perhaps, distinct = true_places(world)
        if distinct and not np.isnan(known).all():
            people += 1
            right += surely <= known[~np.isnan(known)][-1] <= perhaps
    assert people >= 8
    assert right >= 0.95 * people


FOREST = {
    "home_time_h": (14.298611, 14.300000, 14.322222),
    "distance_km": (10.038000, 10.058000, 10.046000),
    "max_distance_home_km": (4.999316, 5.002845, 5.000936),
    "max_diameter_km": (5.003391, 5.012217, 5.004233),
    "places": (2, 2, 2),
    "entropy": (0.658594, 0.656889, 0.657131),
}
FOREST_RADIUS_KM = (2.322468, 2.321998, 2.319667)
"""beiwe-forest 1.0, gps_stats_main, daily, UTC, numpy.random.seed(0), on the fixes of the test
below written as Beiwe's hourly files (latitude and longitude with 7 digits)."""


def test_agreement_with_forest_where_its_definition_is_the_same():
    time = every(3, 660, on_s=60)
    columns = workday(days=3).fixes(time, DAY0 * 86_400_000_000, scatter_m=8)
    v = measured(columns, 3).values
    for name, theirs in FOREST.items():
        assert v[name] == pytest.approx(theirs, rel=0.02), name
    # the truth is 14.5 h and 10 km: both are near, ours nearer
    assert (
        np.abs(v["home_time_h"] - 14.5).max()
        < np.abs(np.subtract(FOREST["home_time_h"], 14.5)).min()
    )
    assert np.abs(v["distance_km"] - 10).max() < 0.1
    # Forest's radius is the mean distance from the centre, not the root of the mean square
    e, n = workday().at(np.arange(1440) + 0.5)
    far = np.hypot(e - e.mean(), n - n.mean())
    assert pytest.approx(far.mean() / 1000, rel=0.02) == FOREST_RADIUS_KM[1]
    assert v["radius_of_gyration_km"] == pytest.approx(np.sqrt((far**2).mean()) / 1000, rel=0.01)
