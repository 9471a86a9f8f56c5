"""What an Empatica E4 records: beat intervals by night, skin conductance and temperature by day.

Beat intervals: a slow drift, breathing and noise around a person's own heart rate, scaled so that
RMSSD is the person's own; it falls in relapse at the person's own weight (Kemp et al. 2010,
doi:10.1016/j.biopsych.2009.12.012 and Koch et al. 2019, doi:10.1017/S0033291719001351: lower
vagal variability in depression, about -0.3 to -0.5 standard deviations). The wristband drops beats
whenever it is not sure of them (Milstein and Gordon 2020, doi:10.3389/fnbeh.2020.00148), more so on
some devices and in some groups, and sometimes takes two beats for one; ectopic beats are early and
followed by a pause.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.simulate.adherence import Presence
from euthymia.simulate.chance import Topic, draws
from euthymia.simulate.daily import Life
from euthymia.simulate.illness import Course, Traits
from euthymia.simulate.people import Person
from euthymia.simulate.profile import Profile

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TICK_S: Final = 1 / 64
"""The wristband measures pulse at 64 Hz, so beats and intervals are multiples of this [s]."""
RATE_HZ: Final = 4
NO_CONTACT_C: Final = 382.21


@dataclass(frozen=True, slots=True)
class Session:
    """One recording. Arrays may be empty; `beats` counts in `TICK_S`, from the start.

    `heart_rate` starts ten seconds after the session, as the device writes it; `tags` are UTC
    seconds at which the button was pressed.
    """

    start_s: int
    beats: Ints
    intervals: Ints
    heart_rate: Floats
    conductance: Floats
    temperature: Floats
    tags: Ints


def sessions(
    seed: int,
    person: Person,
    traits: Traits,
    course: Course,
    life: Life,
    here: Presence,
    profile: Profile,
) -> list[Session]:
    """Return the sessions of a person, in order of time."""
    nights = _nights(seed, person, traits, course, life, here, profile)
    days = _daytime(seed, person, traits, course, life, here, profile)
    return sorted([*nights, *days], key=lambda session: session.start_s)


def _nights(
    seed: int,
    person: Person,
    traits: Traits,
    course: Course,
    life: Life,
    here: Presence,
    profile: Profile,
) -> list[Session]:
    rng = draws(seed, person.index, Topic.BEATS)
    chosen = rng.random(life.grid.days) < profile.nights_per_week / 7
    wait = rng.integers(30, 100, life.grid.days)
    length = int(profile.night_segment_h * 60)
    out = []
    for day in np.flatnonzero(chosen & here.wearable).tolist():
        begin = int(life.sleep_start[day] + wait[day])
        end = min(begin + length, int(life.sleep_end[day]))
        if end - begin < 10:
            continue
        start_s = int(life.grid.minute[begin]) * 60
        beats, intervals = _beats(rng, person, traits, course.burden[day], (end - begin) * 60, 0.0)
        none = np.zeros(0)
        out.append(Session(start_s, beats, intervals, none, none, none, np.zeros(0, np.int64)))
    return out


def _daytime(
    seed: int,
    person: Person,
    traits: Traits,
    course: Course,
    life: Life,
    here: Presence,
    profile: Profile,
) -> list[Session]:
    rng = draws(seed, person.index, Topic.SKIN)
    chosen = rng.random(life.grid.days) < profile.sessions_per_month / 30.4
    hour = rng.uniform(10, 18, life.grid.days)
    size_s = int(profile.session_min * 60)
    out = []
    for day in np.flatnonzero(chosen & here.wearable).tolist():
        begin = int(life.grid.at(np.array([day]), hour[[day]])[0])
        start_s = int(life.grid.minute[min(begin, life.grid.minute.size - 1)]) * 60 + 7
        burden = float(course.burden[day])
        beats, intervals = _beats(rng, person, traits, burden, size_s, 14.0)
        stressed = int(rng.integers(size_s // 4, size_s))
        out.append(
            Session(
                start_s,
                beats,
                intervals,
                _heart_rate(beats, intervals, size_s),
                _conductance(rng, burden, size_s),
                _temperature(rng, size_s),
                np.array([start_s + stressed] * int(rng.random() < 0.5), np.int64),
            )
        )
    return out


def _beats(
    rng: np.random.Generator,
    person: Person,
    traits: Traits,
    burden: float,
    size_s: int,
    faster: float,
) -> tuple[Ints, Ints]:
    """Return end times and lengths of the intervals that the device kept [ticks of 1/64 s]."""
    own = traits.behaviour["rmssd"]
    rate = person.routine.heart_rate + faster + 3.0 * own * burden + rng.normal(0, 2.0)
    mean_s = 60 / np.clip(rate, 42, 120)
    count = int(size_s / mean_s * 1.1) + 20
    rmssd_s = person.routine.rmssd_ms * np.exp(-0.24 * own * burden + rng.normal(0, 0.12)) / 1000
    breath = 0.24 * mean_s  # cycles a beat at 0.24 Hz
    wave = np.sin(2 * np.pi * breath * np.arange(count) + np.cumsum(rng.normal(0, 0.15, count)))
    wave_diff = np.sqrt(2) * np.sin(np.pi * breath)  # RMSSD of a unit sine
    slow = np.cumsum(rng.normal(0, 1, count + 60))
    slow = slow[60:] - slow[:-60]
    series = mean_s + 0.035 * slow / 7.75 + rmssd_s * np.sqrt(0.6) / wave_diff * wave
    series += rng.normal(0, rmssd_s * np.sqrt(0.4 / 2), count)
    series = np.clip(series, 0.35, 1.9)
    ectopic = np.flatnonzero(rng.random(count - 1) < 0.004)
    early = series[ectopic] * rng.uniform(0.25, 0.4, ectopic.size)
    series[ectopic] -= early
    series[ectopic + 1] += early
    ticks = np.rint(np.cumsum(series) / TICK_S).astype(np.int64)
    return _kept(rng, ticks[ticks < size_s * 64], person.devices.beat_loss, faster > 0)


def _kept(rng: np.random.Generator, ticks: Ints, loss: float, moving: bool) -> tuple[Ints, Ints]:
    """Return what is left when beats are missed (two become one) and stretches are dropped."""
    heard = rng.random(ticks.size) > 0.003
    ticks = ticks[heard]
    lengths = np.diff(ticks, prepend=0)
    lost = min(0.85, loss * (2.2 if moving else 1.0))
    leave, back = 0.04 * lost / (1 - lost), 0.04  # mean stretch of 25 beats dropped
    flips = rng.random((2, ticks.size))
    dropped, out = False, []
    starts, ends = (flips[0] < leave).tolist(), (flips[1] < back).tolist()
    for starting, ending in zip(starts, ends, strict=True):
        dropped = (not ending) if dropped else starting
        out.append(not dropped)
    keep = np.array(out, np.bool_)
    keep[:1] = False  # the first interval began before the recording
    return ticks[keep], lengths[keep]


def _heart_rate(beats: Ints, intervals: Ints, size_s: int) -> Floats:
    """Return beats a minute each second from the tenth on, a running mean of the intervals."""
    seconds = np.arange(10, size_s)
    if beats.size < 2:
        return np.zeros(0)
    rate = 60 / (intervals * TICK_S)
    near = np.interp(seconds, beats * TICK_S, rate)
    return np.convolve(np.pad(near, (4, 5), mode="edge"), np.full(10, 0.1), mode="valid")


def _conductance(rng: np.random.Generator, burden: float, size_s: int) -> Floats:
    """Return skin conductance [uS]: a tonic level that drifts, and responses that rise and decay.

    Fewer and lower responses when depressed (Sarchiapone et al. 2018,
    doi:10.1186/s12888-017-1551-4).
    """
    count = size_s * RATE_HZ
    level = float(np.exp(rng.normal(np.log(1.2), 0.7))) * (1 - 0.2 * burden)
    drift = np.cumsum(rng.normal(0, 0.004, count))
    rises = rng.random(count) < 4.0 * (1 - 0.3 * burden) / 60 / RATE_HZ
    height = rises * rng.lognormal(np.log(0.12), 0.6, count) * level
    t = np.arange(20 * RATE_HZ) / RATE_HZ
    shape = np.exp(-t / 4.0) - np.exp(-t / 0.75)
    shape /= shape.max()
    out = level * np.exp(drift - drift[0]) + np.convolve(height, shape)[:count]
    return np.asarray(np.clip(out + rng.normal(0, 0.003, count), 0, 60), np.float64)


def _temperature(rng: np.random.Generator, size_s: int) -> Floats:
    """Return wrist temperature [deg C]; now and then a stretch without contact."""
    count = size_s * RATE_HZ
    slow = np.cumsum(rng.normal(0, 0.003, count))
    out = np.clip(rng.normal(32.6, 1.0) + slow, 26, 37.5)
    out = np.rint(out * 50) / 50 + 0.01  # the device's steps of 0.02
    if rng.random() < 0.04:
        begin = int(rng.integers(0, max(1, count - 40)))
        out[begin : begin + int(rng.integers(8, 40))] = NO_CONTACT_C
    return out
