"""Minute activity counts of a wrist actigraph, with the hours it was not worn.

Activity is bouts of movement and rest (a switch about every quarter of an hour when well), heavy
tailed within a bout, with a person's own level. In relapse, at the person's own weight: less of it
(Burton et al. 2013, doi:10.1016/j.jad.2012.07.001: -0.76 standard deviations between depressed
people and controls by day), a flatter day (relative amplitude: Lyall et al. 2018,
doi:10.1016/S2215-0366(18)30139-1) and more switching between movement and rest.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.simulate.adherence import Presence
from euthymia.simulate.chance import Topic, draws
from euthymia.simulate.daily import WORK, Life
from euthymia.simulate.illness import Course, Traits
from euthymia.simulate.journey import DAY_MIN
from euthymia.simulate.people import Person

Floats = NDArray[np.float64]

FLAT_AFTER_MIN: Final = DAY_MIN
"""A wearable that lies in a drawer writes zeros for a day; then its battery is empty."""


@dataclass(frozen=True, slots=True)
class Actigraphy:
    """Counts each minute of the grid, where worn, and where a row is written at all."""

    counts: NDArray[np.int64]
    worn: NDArray[np.bool_]
    written: NDArray[np.bool_]


def record(
    seed: int, person: Person, traits: Traits, course: Course, life: Life, here: Presence
) -> Actigraphy:
    """Return what the actigraph recorded."""
    rng = draws(seed, person.index, Topic.ACTIVITY)
    counts = _counts(rng, person, traits, course, life)
    worn = _worn(rng, life, here)
    counts[~worn] = 0
    index = np.arange(worn.size)
    last = np.maximum.accumulate(np.where(worn, index, -2 * FLAT_AFTER_MIN))
    return Actigraphy(counts, worn, index - last <= FLAT_AFTER_MIN)


def _counts(
    rng: np.random.Generator, person: Person, traits: Traits, course: Course, life: Life
) -> NDArray[np.int64]:
    grid, own, burden = life.grid, traits.behaviour, course.burden
    size = grid.minute.size
    vigour = rng.normal(0, 0.15, grid.days) - 0.45 * own["activity"] * burden
    broken = own["fragmentation"] * burden
    by_day = np.stack([
        np.log(person.routine.activity * person.site.counts_scale) + vigour,
        np.clip(0.84 - 0.2 * broken, 0.2, 1.0),
        (1 + 0.7 * broken) / 16,
        np.clip(person.routine.restless * (1 + 1.2 * own["rhythm"] * burden), 0, 0.5),
    ]).astype(np.float32)  # fmt: skip
    level, moving_day, switch_day, moving_night = by_day[:, grid.day]
    asleep = life.asleep
    switch = rng.random(size, np.float32) < np.where(asleep, np.float32(1 / 7), switch_day)
    bout = np.cumsum(switch)
    bouts = int(bout[-1]) + 1
    moving = rng.random(bouts, np.float32)[bout] < np.where(asleep, moving_night, moving_day)
    strength = rng.standard_normal(bouts, np.float32)[bout]
    noise = rng.standard_normal(size, np.float32)
    level = level + _shape()[grid.clock] + np.float32(0.15) * (life.place == WORK)
    level = np.where(asleep, np.float32(3.0), level)
    loud = np.exp(level + np.float32(0.55) * strength + np.float32(0.7) * noise)
    quiet = np.where(asleep, np.float32(-1.2), np.float32(1.4)) + np.float32(1.1) * noise
    counts = np.where(moving, loud, np.exp(quiet) - 1)
    whole: NDArray[np.int64] = np.clip(np.rint(counts), 0, 20_000).astype(np.int64)
    return whole


def _shape() -> NDArray[np.float32]:
    """Return the course of activity over the clock: log level, highest in the afternoon."""
    hour = np.arange(DAY_MIN) / 60
    return (0.28 * np.cos((hour - 14.5) * 2 * np.pi / 24) - 0.1).astype(np.float32)


def _worn(rng: np.random.Generator, life: Life, here: Presence) -> NDArray[np.bool_]:
    grid = life.grid
    worn = here.wearable[grid.day].copy()
    days = np.repeat(np.arange(grid.days), here.removals.astype(np.int64))
    starts = grid.at(days, rng.uniform(6.5, 23.0, days.size))
    lengths = np.clip(rng.lognormal(np.log(35), 0.8, days.size), 10, 500).astype(np.int64)
    for a, n in zip(starts.tolist(), lengths.tolist(), strict=True):
        worn[a : a + n] = False
    return worn
