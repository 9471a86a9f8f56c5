"""Where on the globe a person is, which clock hangs there, and the minutes of the study."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import DAY_US, Micros, Timeline, day_number
from euthymia.simulate.chance import Topic, draws
from euthymia.simulate.people import Person
from euthymia.simulate.places import DESTINATIONS, City, Point, somewhere

MINUTE_US: Final = 60_000_000
DAY_MIN: Final = 1440
TRIPS_PER_YEAR: Final = 2.2
EDGE_DAYS: Final = 5  # no trip so near to the start or end: local days stay inside the study


@dataclass(frozen=True, slots=True)
class Trip:
    """A stay in another city: both flights, and where the person sleeps there."""

    city: City
    leaves_us: Micros
    arrives_us: Micros
    returns_us: Micros
    back_us: Micros
    lodging: Point


@dataclass(frozen=True, slots=True)
class Grid:
    """Every minute of the study in UTC with its local day and local minute.

    `minute` is minutes since 1970 UTC; `day` the local date as a study day from 0; `clock` the
    local minute of the day. On a daylight-saving day or after a flight a local minute may come
    twice or never.
    """

    minute: NDArray[np.int64]
    day: NDArray[np.int64]
    clock: NDArray[np.int64]
    _reached: NDArray[np.int64]
    days: int
    first_day: int

    @classmethod
    def over(cls, timeline: Timeline, start: date, days: int) -> Self:
        """Return the minutes from local midnight of `start` until `days` days later."""
        first = day_number(start)
        begin = timeline.start_of_day(first) // MINUTE_US
        end = timeline.start_of_day(first + days) // MINUTE_US
        minute = np.arange(begin, end, dtype=np.int64)
        wall = timeline.local_us(minute * MINUTE_US) // MINUTE_US - first * DAY_MIN
        day = np.clip(wall // DAY_MIN, 0, days - 1)
        return cls(minute, day, wall % DAY_MIN, np.maximum.accumulate(wall), days, first)

    def at(self, day: NDArray[np.int64], hour: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the index of the first minute when the local clock has reached day and hour."""
        wall = day * DAY_MIN + np.rint(hour * 60).astype(np.int64)
        return np.searchsorted(self._reached, wall)


def draw_trips(seed: int, person: Person, start: date, days: int) -> tuple[Trip, ...]:
    """Return the trips of a person, in order, without overlap."""
    rng = draws(seed, person.index, Topic.JOURNEY)
    free = days - 2 * EDGE_DAYS
    count = min(int(rng.poisson(TRIPS_PER_YEAR * max(free, 0) / 365)), 4)
    trips: list[Trip] = []
    day = EDGE_DAYS
    for _ in range(count):
        day += int(rng.integers(2, max(3, free // (count + 1) + 2)))
        stay = int(rng.integers(3, 13))
        city = DESTINATIONS[int(rng.integers(len(DESTINATIONS)))]
        if day + stay >= days - EDGE_DAYS:
            break
        trips.append(_trip(rng, person, city, start, day, stay))
        day += stay + 2
    return tuple(trips)


def _trip(
    rng: np.random.Generator, person: Person, city: City, start: date, day: int, stay: int
) -> Trip:
    hours = 2 + abs(city.centre.longitude - person.home.longitude) / 12
    flight_us = int(hours * 60) * MINUTE_US
    morning = (day_number(start) + day) * DAY_US - int(person.home.longitude / 15 * 60) * MINUTE_US
    leaves = morning + int(rng.integers(9 * 60, 15 * 60)) * MINUTE_US
    returns = leaves + stay * DAY_US + int(rng.integers(-120, 120)) * MINUTE_US
    place = somewhere(city, rng, 0.6)
    return Trip(city, leaves, leaves + flight_us, returns, returns + flight_us, place)


def timeline_of(person: Person, trips: tuple[Trip, ...], start: date) -> Timeline:
    """Return the zones a person lived in: home, and the destination from landing to landing."""
    home = person.site.city.zone
    changes: list[tuple[Micros, str]] = [((day_number(start) - 60) * DAY_US, home)]
    for trip in trips:
        changes += [(trip.arrives_us, trip.city.zone), (trip.back_us, home)]
    return Timeline(tuple(changes))
