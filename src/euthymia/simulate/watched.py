"""A cohort of watched people, as daily numbers: what a detector of relapse is tried on.

Everything is in standard deviations of a person's own relapse-free days, so that an effect has a
size. The daily features of `simulate/clinic.py` come from raw samples and take minutes a person;
these take microseconds, and every property that decides about alarms is an argument.

What is in it, and on what ground:

* Relapse shapes differ (`SHAPES`): a ramp of ten to 28 days, a step, an oscillation, a change of
  one or two features alone, a withdrawal in which data stops. Prodromes of depression last weeks
  and differ between people (Benasi et al. 2021, doi:10.1159/000517953).
* An affected feature moves by `effect` on average (gamma distributed). A third of the features
  does not move, and one in seven of those that do moves the other way: sleep shortens in some and
  lengthens in others (Zhang et al. 2021, doi:10.2196/24604).
* Days resemble the day before (`autocorrelation`), people differ in how much; features share a
  good-day/bad-day factor and one of their device; innovations have heavy tails (t, 6 degrees);
  counts are skewed.
* A week and a year leave their mark, partly common, partly personal. Trips change rhythm and
  places: those through time zones are known, others are not. A bad week (a flu, an examination)
  looks like a small short relapse and is none.
* `drift`: slow wandering in SD per 100 days, of each feature on its own.
* `missing`: the share of feature-days without a value, in runs, by device, people differ widely.
  `informative`: bad days are missing more often, relapses more so (odds times `MISSING_ODDS`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FEATURES: Final = (
    ("phone.home", 1), ("phone.distance", -1), ("phone.places", -1), ("phone.calls", -1),
    ("phone.messages", -1), ("phone.night_screen", 1), ("watch.sleep", 0),
    ("watch.sleep_onset", 1), ("watch.irregularity", 1), ("watch.steps", -1),
    ("watch.rmssd", -1), ("watch.resting_rate", 1),
)  # fmt: skip
"""Name and the direction in which a worsening usually moves it (0: either)."""
SKEWED: Final = ("phone.distance", "phone.calls", "phone.messages", "watch.irregularity")
SHAPES: Final = {"ramp": 0.35, "step": 0.15, "oscillation": 0.15, "single": 0.15, "withdrawal": 0.2}
EFFECT: Final = 1.0
"""SD by which an affected feature moves in a full relapse, if nothing else is asked for."""
MISSING_ODDS: Final = {
    "ramp": 2.5,
    "step": 2.5,
    "oscillation": 2.5,
    "single": 1.5,
    "withdrawal": 15,
}
FIRST_ONSET: Final = 90  # days: nobody relapses before a baseline could be learnt
APART: Final = 130  # days between two onsets of one person


@dataclass(frozen=True, slots=True)
class Relapse:
    """First day on which anything differs, first day after the last, and the shape."""

    person: int
    onset: int
    end: int
    shape: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A cohort: `values` [person, day, feature], NaN where nothing was seen.

    `first` is the local day number of column 0 of each person; `away` marks days in another time
    zone; `ill` days on which a relapse still changes something.
    """

    names: tuple[str, ...]
    worse: Ints
    values: Floats
    first: Ints
    away: Bools
    ill: Bools
    relapses: tuple[Relapse, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of a cohort; see the module."""

    subjects: int = 300
    days: int = 330
    missing: float = 0.4
    informative: bool = True
    drift: float = 0.3
    autocorrelation: float = 0.4
    effect: float = EFFECT
    seed: int = 1


def cohort(asked: Asked) -> Watched:
    """Return a cohort; the same for the same arguments."""
    rng = np.random.default_rng(asked.seed)
    n, days, count = asked.subjects, asked.days, len(FEATURES)
    worse = np.array([sign for _, sign in FEATURES], np.int64)
    bad_day = _ar(rng, rng.normal(asked.autocorrelation, 0.1, n), n, days, 1)[:, :, 0]
    noise = _noise(rng, asked, bad_day, worse)
    relapses, severity, shift = _relapses(rng, asked, worse)
    first = 19_000 + rng.integers(0, 365, n)
    away, trips = _trips(rng, n, days)
    values = noise + shift + trips + _bad_weeks(rng, n, days, worse)
    values += _calendar(rng, first, days, count) + _drift(rng, asked.drift, n, days, count)
    for place, (name, _) in enumerate(FEATURES):
        if name in SKEWED:
            values[:, :, place] = (np.exp(0.4 * values[:, :, place]) - 1.083) / 0.45
    scale = np.exp(rng.normal(0, 0.3, (n, 1, count)))
    values = rng.normal(0, 1.5, (n, 1, count)) + scale * values
    gone = _missing(rng, asked, bad_day, severity)
    values[gone] = np.nan
    ill = severity.max(2) > 0
    return Watched(tuple(f for f, _ in FEATURES), worse, values, first, away, ill, relapses)


def _ar(rng: np.random.Generator, phi: Floats, n: int, days: int, count: int) -> Floats:
    """Return AR(1) series of variance 1 with t innovations; `phi` is each person's own."""
    own = np.clip(phi, 0.0, 0.9)[:, None]
    noise = rng.standard_t(6, (n, days, count)) / np.sqrt(1.5)
    out = np.empty((n, days, count))
    out[:, 0] = noise[:, 0]
    for day in range(1, days):
        out[:, day] = own * out[:, day - 1] + np.sqrt(1 - own**2) * noise[:, day]
    return out


def _noise(rng: np.random.Generator, asked: Asked, bad_day: Floats, worse: Ints) -> Floats:
    """Return features of variance 1: a bad-day factor, one of the device, and their own."""
    n, days, count = asked.subjects, asked.days, worse.size
    phi = rng.normal(asked.autocorrelation, 0.1, n)
    own = _ar(rng, phi, n, days, count)
    device = np.repeat(_ar(rng, phi, n, days, 2), count // 2, axis=2)
    sign = np.where(worse == 0, 1, worse)
    shared = rng.uniform(0.2, 0.55, count) * sign
    of_device = rng.uniform(0.1, 0.4, count) * sign
    rest = np.sqrt(1 - shared**2 - of_device**2)
    return np.asarray(shared * bad_day[:, :, None] + of_device * device + rest * own)


def _calendar(rng: np.random.Generator, first: Ints, days: int, count: int) -> Floats:
    """Return what the weekday and the season add: a common part and a personal one."""
    n = first.size
    day = first[:, None] + np.arange(days)
    weekend = ((day + 3) % 7 >= 5).astype(np.float64)[:, :, None]
    size = rng.normal(0, 0.35, count) + rng.normal(0, 0.25, (n, 1, count))
    phase = rng.uniform(0, 2 * np.pi, count) + rng.normal(0, 0.5, (n, 1, count))
    height = np.abs(rng.normal(0.25, 0.1, count)) * rng.uniform(0.3, 1.7, (n, 1, count))
    year = np.cos(2 * np.pi * day[:, :, None] / 365.25 - phase)
    return np.asarray(size * (weekend - 2 / 7) + height * year)


def _drift(rng: np.random.Generator, drift: float, n: int, days: int, count: int) -> Floats:
    """Return a slow wander: half of it straight, half a random walk; SD `drift` in 100 days."""
    time = np.arange(days)[None, :, None] / 100
    line = rng.normal(0, 1, (n, 1, count)) * time
    walk = np.cumsum(rng.normal(0, 0.1, (n, days, count)), axis=1)
    return np.asarray(drift * np.sqrt(0.5) * (line + walk))


def _trips(rng: np.random.Generator, n: int, days: int) -> tuple[Bools, Floats]:
    """Return days known to be in another zone, and what trips (known or not) change."""
    away = np.zeros((n, days), np.bool_)
    change = np.zeros((n, days, len(FEATURES)))
    size = np.array([-1, 1.5, 1, 0, 0, 0, -0.5, 0.8, 1, 0.6, -0.3, 0.3])
    for person in range(n):
        for _ in range(rng.poisson(2 * days / 365)):
            start, length = int(rng.integers(0, days)), int(rng.integers(3, 11))
            span = slice(start, start + length)
            change[person, span] = size * rng.uniform(0.5, 1.5, size.size)
            away[person, span] |= rng.random() < 0.5
    return away, change


def _bad_weeks(rng: np.random.Generator, n: int, days: int, worse: Ints) -> Floats:
    """Return short stretches that look like a small relapse and are none: two a year."""
    change = np.zeros((n, days, worse.size))
    for person in range(n):
        for _ in range(rng.poisson(2 * days / 365)):
            start, length = int(rng.integers(0, days)), int(rng.integers(3, 9))
            part = rng.random(worse.size) < 0.4
            change[person, start : start + length] += 0.8 * part * worse
    return change


def _relapses(
    rng: np.random.Generator, asked: Asked, worse: Ints
) -> tuple[tuple[Relapse, ...], Floats, Floats]:
    """Return the relapses, their pull on missingness [person, day, device], and their shift."""
    n, days = asked.subjects, asked.days
    pull, shift = np.zeros((n, days, 2)), np.zeros((n, days, worse.size))
    found = []
    for person in range(n):
        onset = FIRST_ONSET + int(rng.exponential(300))
        while onset < days - 1:
            shape = str(rng.choice(list(SHAPES), p=list(SHAPES.values())))
            course = _course(rng, shape)
            end = min(days, onset + course.size)
            course = course[: end - onset]
            size = _sizes(rng, shape, asked.effect, worse)
            shift[person, onset:end] += course[:, None] * size
            level = course if shape != "oscillation" else np.maximum(course, 0.3)
            odds = float(np.log(MISSING_ODDS[shape]))
            pull[person, onset:end] += (level * odds)[:, None] + 1e-9
            found.append(Relapse(person, onset, end, shape))
            onset += APART + int(rng.exponential(300))
    return tuple(found), pull, shift


def _course(rng: np.random.Generator, shape: str) -> Floats:
    """Return severity (0 to 1; an oscillation to 1.4) from the first day on: rise, hold, lift."""
    rise = {"step": 2, "single": 10}.get(shape, int(rng.integers(10, 29)))
    hold, lift = int(rng.integers(25, 60)), int(rng.integers(10, 22))
    up = np.arange(1, rise + 1) / rise
    course = np.concatenate([up, np.ones(hold), np.arange(lift, 0, -1) / (lift + 1)])
    if shape == "oscillation":
        period = rng.uniform(6, 14)
        course *= 0.7 + 0.7 * np.sin(2 * np.pi * np.arange(course.size) / period)
    return np.asarray(course, np.float64)


def _sizes(rng: np.random.Generator, shape: str, effect: float, worse: Ints) -> Floats:
    """Return how far each feature moves, with its sign [SD]."""
    count = worse.size
    sign = np.where(worse == 0, rng.choice([-1, 1], count), worse)
    sign = np.where(rng.random(count) < 1 / 7, -sign, sign)
    if shape == "single":
        size = np.zeros(count)
        size[rng.choice(count, int(rng.integers(1, 3)), replace=False)] = 2.0 * effect
        return np.asarray(size * sign)
    size = np.where(rng.random(count) < 2 / 3, rng.gamma(4.0, effect / 4.0, count), 0.0)
    return np.asarray(size * sign * (0.6 if shape == "withdrawal" else 1.0))


def _missing(rng: np.random.Generator, asked: Asked, bad_day: Floats, pull: Floats) -> Bools:
    """Return which cells are missing: devices in runs, a tenth of it single features."""
    n, days, count = asked.subjects, asked.days, len(FEATURES)
    single = 0.1 * asked.missing
    share = (asked.missing - single) / (1 - single)
    lean = rng.normal(0, 0.7, (n, 1)) + rng.normal(0, 0.4, (n, 2))
    odds = pull + 0.5 * bad_day[:, :, None] if asked.informative else np.zeros((n, days, 2))
    luck = rng.random((n, days, 2))
    low, high = -8.0, 8.0
    well = pull.max(2) == 0
    for _ in range(24):
        middle = (low + high) / 2
        gone = _runs(luck, middle + lean, odds)
        low, high = (middle, high) if gone[well].mean() < share else (low, middle)
    gone = _runs(luck, low + lean, odds) if share > 0 else np.zeros((n, days, 2), np.bool_)
    cells = np.repeat(gone, count // 2, axis=2)
    return np.asarray(cells | (rng.random((n, days, count)) < single))


def _runs(luck: Floats, lean: Floats, odds: Floats) -> Bools:
    """Return a chain of missing days: one after a missing day is missing more often."""
    out = np.zeros(luck.shape, np.bool_)
    before = luck[:, 0] < 0.5
    for day in range(luck.shape[1]):
        chance = 1 / (1 + np.exp(-(lean + odds[:, day] + 1.6 * (before - 0.5))))
        before = luck[:, day] < chance
        out[:, day] = before
    return out
