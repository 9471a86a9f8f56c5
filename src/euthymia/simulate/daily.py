"""A person's days: when they sleep, go to work, go out, and where they are each minute.

How relapse changes them, at a weight that is the person's own: sleep moves, shortens or lengthens
and becomes irregular (Zhang et al. 2021, doi:10.2196/24604), people leave home less and see fewer
places (Saeb et al. 2015, doi:10.2196/jmir.4273; weaker on replication: Saeb et al. 2016,
doi:10.7717/peerj.2537). Sizes are chosen so that the average change is a fraction of the spread
between people.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.simulate.chance import Topic, draws
from euthymia.simulate.illness import Course, Traits
from euthymia.simulate.journey import DAY_MIN, MINUTE_US, Grid, Trip
from euthymia.simulate.people import Person
from euthymia.simulate.places import EARTH_KM

BASE, WORK, CLINIC, FLIGHT, THIRD = 0, 1, 2, 3, 4
"""Codes of `Life.place`; THIRD and above are the person's third places."""
TRAVEL_MIN: Final = 24
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Life:
    """A person's minutes (on the grid) and days.

    `latitude` and `longitude` are the true position each minute [deg]; `visit_h` the local hour of
    a visit on each day; `sleep_start` and `sleep_end` index the grid, one a night, night k ending
    on the morning of day k.
    """

    grid: Grid
    asleep: NDArray[np.bool_]
    place: NDArray[np.int8]
    away: NDArray[np.bool_]
    latitude: Floats
    longitude: Floats
    sleep_start: Ints
    sleep_end: Ints
    visit_h: Floats


def lead(
    seed: int,
    person: Person,
    traits: Traits,
    course: Course,
    trips: tuple[Trip, ...],
    grid: Grid,
    start: date,
) -> Life:
    """Return the life of a person over the study."""
    rng = draws(seed, person.index, Topic.ROUTINE)
    starts, ends = _nights(rng, person, traits, course, grid, start)
    asleep = np.zeros(grid.minute.size, np.bool_)
    for a, b in zip(starts.tolist(), ends.tolist(), strict=True):
        asleep[a:b] = True
    away, admitted = _stays(course, trips, grid)
    place, visit_h = _places(rng, person, traits, course, grid, start, away | admitted)
    place[asleep] = BASE
    for trip in trips:
        a, b = np.searchsorted(grid.minute * MINUTE_US, [trip.leaves_us, trip.arrives_us])
        place[a:b] = FLIGHT
        a, b = np.searchsorted(grid.minute * MINUTE_US, [trip.returns_us, trip.back_us])
        place[a:b] = FLIGHT
    latitude, longitude = _positions(person, trips, grid, place, admitted)
    return Life(grid, asleep, place, away | admitted, latitude, longitude, starts, ends, visit_h)


def _nights(
    rng: np.random.Generator,
    person: Person,
    traits: Traits,
    course: Course,
    grid: Grid,
    start: date,
) -> tuple[Ints, Ints]:
    """Return the first and the last minute of each night's sleep."""
    routine, count = person.routine, grid.days + 1
    burden = np.append(course.burden, course.burden[-1])
    night = np.arange(count)
    free = np.isin((start.weekday() + night) % 7, (5, 6))
    own = traits.behaviour
    jitter = routine.sleep_jitter_h * (1 + 0.8 * own["sleep_irregular"] * burden)
    begin = routine.sleep_start_h - 24 + routine.weekend_shift_h * free
    begin = begin + rng.normal(0, 1, count) * jitter + 1.2 * own["sleep_shift"] * burden
    begin += _jet_lag(grid)
    length = routine.sleep_length_h + 0.4 * free + 0.8 * own["sleep_length"] * burden
    length = np.clip(length + rng.normal(0, 1, count) * jitter * 0.8, 3.0, 12.0)
    starts, ends = grid.at(night, begin), grid.at(night, begin + length)
    for k in range(1, count):  # a night never begins within four hours of getting up
        starts[k] = max(starts[k], ends[k - 1] + 240)
        ends[k] = max(ends[k], starts[k] + 120)
    size = grid.minute.size
    return np.minimum(starts, size), np.minimum(ends, size)


def _jet_lag(grid: Grid) -> Floats:
    """Return how much later [h] people fall asleep for each night.

    A third of what the body clock lags behind, which it makes up at an hour and a half a day.
    """
    days = np.arange(grid.days)
    noon = np.minimum(grid.at(days, np.full(grid.days, 12.0)), grid.minute.size - 1)
    offset = (
        (grid.first_day + grid.day[noon]) * DAY_MIN + grid.clock[noon] - grid.minute[noon]
    ) / 60
    body, out = float(offset[0]), []
    for value in [*offset.tolist(), float(offset[-1])]:
        lag = (value - body + 12) % 24 - 12
        out.append(0.35 * lag)
        body += float(np.clip(lag, -1.5, 1.5))
    return np.array(out)


def _stays(
    course: Course, trips: tuple[Trip, ...], grid: Grid
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the minutes spent on a trip, and as an in-patient."""
    away = np.zeros(grid.minute.size, np.bool_)
    for trip in trips:
        a, b = np.searchsorted(grid.minute * MINUTE_US, [trip.leaves_us, trip.back_us])
        away[a:b] = True
    admitted = np.zeros(grid.minute.size, np.bool_)
    for begin, end in course.admissions:
        span = grid.at(np.array([begin, end]), np.array([11.0, 11.0]))
        admitted[span[0] : span[1]] = True
    return away, admitted


def _places(
    rng: np.random.Generator,
    person: Person,
    traits: Traits,
    course: Course,
    grid: Grid,
    start: date,
    elsewhere: NDArray[np.bool_],
) -> tuple[NDArray[np.int8], Floats]:
    """Return the place code of each minute, and the hour of a visit on each day."""
    days, routine = grid.days, person.routine
    day = np.arange(days)
    held = traits.behaviour["mobility"] * course.burden
    weekday = (start.weekday() + day) % 7
    place = np.zeros(grid.minute.size, np.int8)
    working = routine.works & np.array(routine.workdays)[weekday]
    working &= rng.random(days) < np.clip(0.95 - 0.4 * held, 0.1, 1)
    hours = np.stack([routine.work_start_h + rng.normal(0, 0.3, days),
                      routine.work_end_h + rng.normal(0, 0.6, days)])  # fmt: skip
    _mark(place, grid, day[working], hours[0][working], hours[1][working], np.full(days, WORK))
    for first_h, usual_h in ((10.5, 2.5), (18.7, 1.8)):
        goes = rng.random(days) < routine.outings * np.exp(-1.1 * held)
        goes &= ~working | (first_h > 18)
        begin = first_h + rng.normal(0, 0.8, days)
        stay = np.clip(rng.lognormal(np.log(usual_h), 0.5, days), 0.3, 6.0)
        which = THIRD + np.minimum(rng.geometric(0.4, days) - 1, len(person.thirds) - 1)
        _mark(place, grid, day[goes], begin[goes], (begin + stay)[goes], which[goes])
    place[elsewhere & (place == WORK)] = BASE
    visit_h = np.round(rng.uniform(9.0, 16.5, days) * 4) / 4
    visits = np.array(course.visits, np.int64)
    at = visit_h[visits] if visits.size else np.zeros(0)
    _mark(place, grid, visits, at, at + 0.8, np.full(visits.size, CLINIC))
    for begin_day, end_day in course.admissions:
        span = grid.at(np.array([begin_day, end_day]), np.array([11.0, 11.0]))
        place[span[0] : span[1]] = BASE
    return place, visit_h


def _mark(
    place: NDArray[np.int8], grid: Grid, day: Ints, begin: Floats, end: Floats, code: Ints
) -> None:
    firsts, lasts = grid.at(day, begin), grid.at(day, np.maximum(end, begin))
    for a, b, c in zip(firsts.tolist(), lasts.tolist(), code.tolist(), strict=False):
        place[a:b] = c


def _positions(
    person: Person,
    trips: tuple[Trip, ...],
    grid: Grid,
    place: NDArray[np.int8],
    admitted: NDArray[np.bool_],
) -> tuple[Floats, Floats]:
    """Return the true position each minute: a base, and how far from it, with time to get there."""
    stops = (person.home, person.work, person.clinic, person.home, *person.thirds)
    out = []
    for axis in (0, 1):
        offsets = np.array([stop[axis] - person.home[axis] for stop in stops])
        base = np.full(place.size, person.home[axis])
        for trip in trips:
            a, b = np.searchsorted(grid.minute * MINUTE_US, [trip.leaves_us, trip.returns_us])
            base[a:b] = trip.lodging[axis]
        base[admitted] = person.clinic[axis]
        total = np.concatenate([[0.0], np.cumsum(offsets[place])])
        last = place.size
        low = np.maximum(np.arange(last) - TRAVEL_MIN // 2, 0)
        high = np.minimum(np.arange(last) + TRAVEL_MIN // 2, last)
        out.append(base + (total[high] - total[low]) / (high - low))
    return out[0], out[1]


def home_hours(life: Life) -> Floats:
    """Return the hours spent at home on each local day."""
    at_home = ((life.place == BASE) & ~life.away).astype(np.float64)
    minutes = np.bincount(life.grid.day, weights=at_home, minlength=life.grid.days)
    return np.asarray(minutes / 60, np.float64)


def distance_km(life: Life) -> Floats:
    """Return the way made on each local day [km], flights left out, from positions every 5 min."""
    step = slice(None, None, 5)
    lat, lon = np.radians(life.latitude[step]), np.radians(life.longitude[step])
    east = np.diff(lon) * np.cos(lat[1:])
    far = EARTH_KM * np.hypot(np.diff(lat), east)
    far = np.where(far > 20, 0.0, far)  # further in five minutes: a flight
    total = np.bincount(life.grid.day[step][1:], weights=far, minlength=life.grid.days)
    return np.asarray(total, np.float64)
