"""Mobility of a day that one can work out by hand: home, work, a shop, home, at constant speeds.

Three weeks of the same day at a fix a minute without noise: every feature of the last date follows
from the timetable alone.
"""

import math
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

import euthymia as eu
from by_definition import frame

DAYS, FIRST_DAY = 24, 20_180
EARTH_M = 6_371_008.8  # mean radius (IUGG)
HOME = (40.0, -3.7)
PLACES_M = {"home": (0.0, 0.0), "work": (5000.0, 0.0), "shop": (5000.0, 2000.0)}
TIMETABLE = (
    *((0, "home"), (530, "home"), (540, "work"), (1020, "work")),
    *((1025, "shop"), (1085, "shop"), (1093, "home"), (1440, "home")),
)
"""Minute of the day, and where; in between the person goes straight."""


def _at(minute: float) -> tuple[float, float]:
    """Return metres east and north of home."""
    for (low, start), (high, end) in pairwise(TIMETABLE):
        if low <= minute <= high:
            done = (minute - low) / (high - low)
            pairs = zip(PLACES_M[start], PLACES_M[end], strict=True)
            return tuple(a + (b - a) * done for a, b in pairs)
    raise AssertionError(minute)


def _last_day() -> dict[str, float]:
    way = np.array([_at(minute) for minute in range(1440)] * DAYS)
    per_degree = EARTH_M * math.pi / 180
    at = (FIRST_DAY * 1440 + np.arange(len(way))) * 60.0
    fixes = frame(
        at,
        latitude=HOME[0] + way[:, 1] / per_degree,
        longitude=HOME[1] + way[:, 0] / per_degree / math.cos(math.radians(HOME[0])),
        accuracy=pa.array(np.full(len(way), 5, np.float32)),
    )
    row = eu.features.compute({"location": fixes}, ["mobility"], tz="UTC").to_pylist()[-1]
    return {name.removeprefix("mobility_"): value for name, value in row.items()}


def _by_hand() -> dict[str, float]:
    trips_km, trips_min = np.array([5, 2, math.hypot(5, 2)]), np.array([10, 5, 8])
    stays_h = np.array([530, 480, 60, 347]) / 60
    at_places = np.array([530 + 347, 480, 60]) / 60
    speed = np.repeat(trips_km / trips_min * 60, trips_min)
    every = np.array([_at(minute) for minute in np.arange(0, 1440, 1 / 6)]) / 1000
    variance = np.square(every - every.mean(axis=0)).sum(axis=1).mean()
    share = at_places / at_places.sum()
    entropy = -float(np.sum(share * np.log(share)))
    return {
        "home_time_h": at_places[0],
        "night_home_share": 1,
        "first_leave_h": 530 / 60,
        "last_return_h": 1093 / 60,
        "max_distance_home_km": math.hypot(5, 2),
        "mean_distance_home_km": np.hypot(*every.T).mean(),
        "distance_km": trips_km.sum(),
        "trips": 3,
        "trip_length_mean_km": trips_km.mean(),
        "trip_length_sd_km": trips_km.std(ddof=1),
        "trip_duration_mean_min": trips_min.mean(),
        "trip_duration_sd_min": trips_min.std(ddof=1),
        "transitions": 3,
        "transit_h": trips_min.sum() / 60,
        "stationary_share": 1 - trips_min.sum() / 1440,
        "speed_mean_km_per_h": trips_km.sum() / trips_min.sum() * 60,
        "speed_sd_km_per_h": speed.std(),
        "radius_of_gyration_km": math.sqrt(variance),
        "location_variance_m2": variance * 1e6,
        "log_location_variance": math.log(variance * 1e6),
        "max_diameter_km": math.hypot(5, 2),
        "places": 3,
        "entropy": entropy,
        "normalised_entropy": entropy / math.log(3),
        "stay_mean_h": stays_h.mean(),
        "stay_sd_h": stays_h.std(ddof=1),
        "stay_longest_h": stays_h.max(),
        "top_place_h": at_places[0],
        "second_place_h": at_places[1],
        "third_place_h": at_places[2],
        "novel_place_share": 0,
        "unfamiliar_share": 0,
        "places_known": 3,
        "routine_index": 1,
        "weekpart_routine_index": 1,
        "longest_gap_h": 1 / 60,
        "imputed_pct": 0,
        "flight_km": 0,
    }


def test_a_day_by_its_timetable() -> None:
    ours = _last_day()
    assert {name: ours[name] for name in _by_hand()} == pytest.approx(_by_hand(), rel=5e-4)
