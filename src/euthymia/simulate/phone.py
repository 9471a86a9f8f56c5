"""What a phone records: fixes at a duty cycle, the screen, calls.

In relapse, at the person's own weight: the screen is lit more at night and calls become fewer.
Fixes carry an error that follows the accuracy the phone itself reports, with now and then a fix
from a cell tower; indoors, some bursts fail.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.simulate.adherence import Presence
from euthymia.simulate.chance import Topic, draws
from euthymia.simulate.daily import FLIGHT, Life
from euthymia.simulate.illness import Course, Traits
from euthymia.simulate.people import Person
from euthymia.simulate.places import EARTH_KM
from euthymia.simulate.profile import Profile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OFF, ON, LOCKED, UNLOCKED = 0, 1, 2, 3
INCOMING, OUTGOING, MISSED = 1, 2, 3
MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Fixes:
    """Location fixes: milliseconds since 1970 UTC, degrees, metres, metres a second."""

    at_ms: Ints
    latitude: Floats
    longitude: Floats
    altitude: Floats
    accuracy: Floats
    speed: Floats


@dataclass(frozen=True, slots=True)
class Screen:
    """Screen events: 0 off, 1 on, 2 locked, 3 unlocked."""

    at_ms: Ints
    state: Ints


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls: 1 incoming, 2 outgoing, 3 missed; seconds; the contact's number in `hashes`."""

    at_ms: Ints
    direction: Ints
    seconds: Ints
    contact: Ints
    hashes: tuple[str, ...]


def fixes(seed: int, person: Person, life: Life, here: Presence, profile: Profile) -> Fixes:
    """Return the fixes of a phone that locates one minute in `profile.gps_every_min`."""
    rng = draws(seed, person.index, Topic.LOCATION)
    grid, every, count = life.grid, profile.gps_every_min, profile.gps_fixes
    burst = np.arange(int(rng.integers(every)), grid.minute.size - 1, every)
    keep = here.phone[grid.day[burst]] & (life.place[burst] != FLIGHT)
    keep &= rng.random(burst.size) > (0.16 if person.devices.ios else 0.08)
    burst = burst[keep]
    minute = np.repeat(burst, count)
    gap_ms = MINUTE_MS // count
    second_ms = np.tile(np.arange(count) * gap_ms, burst.size)
    second_ms += rng.integers(0, max(1, gap_ms - 500), minute.size)
    accuracy = person.devices.gps_error_m * np.exp(rng.normal(0, 0.45, minute.size))
    tower = rng.random(minute.size) < 0.012
    accuracy = np.where(tower, rng.uniform(300, 2500, minute.size), np.clip(accuracy, 3, 250))
    latitude, longitude, speed = _between(life, minute, second_ms / MINUTE_MS)
    error = rng.normal(0, 1, (2, minute.size)) * accuracy / 1.515 / 1000  # 68 % within accuracy
    narrow = np.cos(np.radians(latitude))
    return Fixes(
        at_ms=grid.minute[minute] * MINUTE_MS + second_ms,
        latitude=latitude + np.degrees(error[0] / EARTH_KM),
        longitude=longitude + np.degrees(error[1] / (EARTH_KM * narrow)),
        altitude=np.round(20 + rng.normal(0, 8, minute.size), 1),
        accuracy=accuracy,
        speed=speed,
    )


def _between(life: Life, minute: Ints, part: Floats) -> tuple[Floats, Floats, Floats]:
    """Return position and speed [m/s] between this minute's and the next one's position."""
    latitude, longitude = life.latitude[minute], life.longitude[minute]
    north = life.latitude[minute + 1] - latitude
    east = life.longitude[minute + 1] - longitude
    far = np.radians(np.hypot(north, east * np.cos(np.radians(latitude)))) * EARTH_KM * 1000
    still = far > 5000  # a flight or a move of the base: not a way that was walked
    north, east = np.where(still, 0, north), np.where(still, 0, east)
    speed = np.where(still, 0, far) / 60
    return latitude + north * part, longitude + east * part, np.round(speed, 2)


def screen(
    seed: int, person: Person, traits: Traits, course: Course, life: Life, here: Presence
) -> Screen:
    """Return the screen's events: on, unlocked, off, locked."""
    rng = draws(seed, person.index, Topic.SCREEN)
    grid, routine = life.grid, person.routine
    restless = 1 + 4.5 * traits.behaviour["night_screen"] * course.burden
    by_day = np.stack([
        np.exp(rng.normal(0, 0.2, grid.days)) * routine.screen_per_h,
        np.minimum(routine.night_screen * restless, 1.5),
    ]).astype(np.float32)  # fmt: skip
    awake, night = by_day[:, grid.day]
    rate = np.where(life.asleep, night, awake)
    for a, b in zip(life.sleep_start.tolist(), life.sleep_end.tolist(), strict=True):
        rate[max(a - 25, 0) : a] *= 3.0
        rate[b : b + 15] *= 3.5
    rate *= here.phone[grid.day]
    begin = np.flatnonzero(rng.random(rate.size, np.float32) < rate / 60)
    start = grid.minute[begin] * MINUTE_MS + rng.integers(0, 55_000, begin.size)
    length = np.clip(rng.lognormal(np.log(75_000), 1.2, begin.size), 4_000, 3_000_000)
    room = np.append(np.diff(start), 3_600_000) - 3_000
    stop = start + np.maximum(np.minimum(length.astype(np.int64), room), 1_500)
    return _events(rng, start, stop)


def _events(rng: np.random.Generator, start: Ints, stop: Ints) -> Screen:
    opened = rng.random(start.size) < 0.68
    unlock = start + rng.integers(300, 1_200, start.size)
    lock = stop + rng.integers(5, 900, start.size)
    at = np.concatenate([start, unlock[opened], stop, lock[opened]])
    sizes = (start.size, int(opened.sum()), start.size, int(opened.sum()))
    state = np.repeat(np.array([ON, UNLOCKED, OFF, LOCKED]), sizes)
    order = np.argsort(at, kind="stable")
    return Screen(at[order], state[order])


def calls(
    seed: int, person: Person, traits: Traits, course: Course, life: Life, here: Presence
) -> Calls:
    """Return the calls, to and from a circle of contacts of whom a few are called most."""
    rng = draws(seed, person.index, Topic.CALLS)
    grid, routine = life.grid, person.routine
    mean = routine.calls_per_day * np.exp(-0.75 * traits.behaviour["calls"] * course.burden)
    number = rng.poisson(mean) * here.phone
    day = np.repeat(np.arange(grid.days), number)
    hour = np.clip(rng.normal(15, 3.2, day.size), 7.5, 23)
    minute = np.minimum(grid.at(day, hour), grid.minute.size - 1)
    at = grid.minute[minute] * MINUTE_MS + rng.integers(0, MINUTE_MS, day.size)
    direction = rng.choice([INCOMING, OUTGOING, MISSED], day.size, p=[0.4, 0.42, 0.18])
    seconds = np.clip(rng.lognormal(np.log(95), 1.1, day.size), 3, 7200).astype(np.int64)
    seconds[direction == MISSED] = 0
    contact = np.minimum(rng.geometric(0.18, day.size), routine.contacts) - 1
    order = np.argsort(at, kind="stable")
    salt = f"{seed}/{person.index}/".encode()
    hashes = tuple(sha256(salt + str(k).encode()).hexdigest() for k in range(routine.contacts))
    return Calls(at[order], direction[order], seconds[order], contact[order], hashes)
