"""Sleep of every source against what the simulator knows to be true."""

from dataclasses import replace
from datetime import date

import numpy as np

from euthymia.features import sleep_phone
from euthymia.features.catalogue import families
from euthymia.features.segments import measured, segment
from euthymia.ground.clock import DAY_US, SECOND_US
from euthymia.simulate import wearable
from euthymia.simulate.adherence import presence
from euthymia.simulate.daily import lead
from euthymia.simulate.illness import live
from euthymia.simulate.journey import Grid, draw_trips, timeline_of
from euthymia.simulate.people import draw_person
from euthymia.simulate.phone import screen
from euthymia.simulate.profile import FULL

SEED, PEOPLE, DAYS, START = 20_260, 14, 35, date(2025, 9, 15)  # daylight saving ends within
MINUTE_US = 60_000_000


class One:
    """A simulated person: who, how they live, and when a device is with them."""

    def __init__(self, index, days, start=START):
        self.person = draw_person(SEED, index, FULL, start, days)
        self.traits, self.course = live(SEED, self.person, days)
        trips = draw_trips(SEED, self.person, start, days)
        self.timeline = timeline_of(self.person, trips, start)
        self.grid = Grid.over(self.timeline, start, days)
        self.days = self.grid.first_day + np.arange(days)
        given = (SEED, self.person, self.traits, self.course)
        self.life = lead(*given, trips, self.grid, start)
        self.here = presence(*given)

    def screen(self):
        return screen(SEED, self.person, self.traits, self.course, self.life, self.here)

    def told(self, at):
        """Return instants, minutes of the grid one a date, in hours from the date's midnight."""
        instants = self.grid.minute[np.minimum(at, self.grid.minute.size - 1)] * MINUTE_US
        return (self.timeline.local_us(instants) - self.days * DAY_US) / (60 * MINUTE_US)


def errors(index):
    """Onset and offset found less the true ones [min], of nights with the phone on before it."""
    one = One(index, DAYS)
    if one.person.devices.phone is None or not one.here.phone.any():
        return []
    seen = one.screen()
    keep = np.isin(seen.state, ((2, 3), (0, 1), (0, 1, 2, 3))[index % 3])  # three kinds of phone
    time = seen.at_ms[keep] * 1000
    stream = {"time": time, "state": seen.state[keep].astype(np.int8)}
    found = sleep_phone.compute({"screen": stream}, one.timeline, one.days).values
    out = [
        60 * (found[name] - one.told(at[:DAYS]))
        for name, at in (
            ("sleep_onset_h", one.life.sleep_start),
            ("sleep_offset_h", one.life.sleep_end),
        )
    ]
    carried = one.here.phone[1:] & one.here.phone[:-1]
    return np.stack(out, axis=1)[1:][carried]


def test_onset_and_offset_are_near_the_truth():
    found = np.concatenate([e for e in map(errors, range(PEOPLE)) if len(e)])
    known = ~np.isnan(found[:, 0])
    assert known.sum() > 200
    assert known.mean() > 0.95
    off = np.abs(found[known])
    assert np.median(off[:, 0]) <= 10
    assert np.quantile(off[:, 0], 0.9) <= 45
    assert np.median(off[:, 1]) <= 10


FORTNIGHT = 17
# median errors [min; of the efficiency %] of onset, offset, time asleep, time awake, efficiency:
# a phone sees no waking that is not spent at it, an arm that turns twice in five minutes is awake
TOLERANCE = {
    "sleep_wearable": (0.1, 0.1, 0.1, 0.1, 0.1),
    "sleep_acceleration": (5, 5, 30, 30, 8),
    "sleep_actigraphy": (15, 15, 30, 25, 8),
    "sleep_phone": (15, 15, 45, 35, 9),
}
# hours of social jetlag, chronotype and spread beside the watch's; points of the regularity index:
# sitting quietly is a nap to an actigraph, which makes a scale of its own, as its limits say
BESIDE = {
    "sleep_wearable": (0, 0),
    "sleep_acceleration": (0.2, 10),
    "sleep_actigraphy": (0.4, 35),
    "sleep_phone": (0.7, 10),
}
MEASURES = (
    "sleep_onset_h",
    "sleep_offset_h",
    "sleep_duration_h",
    "waso_min",
    "sleep_efficiency_pct",
)


def awoken(one, rng):
    """Wake the person twice a night, for 8 to 20 minutes; return the true five measures a date."""
    asleep = one.life.asleep.copy()
    for begin, end in zip(one.life.sleep_start, one.life.sleep_end, strict=True):
        for since in rng.integers(begin + 60, max(end - 60, begin + 61), 2):
            asleep[since : min(since + rng.integers(8, 21), end - 5)] = False
    one.life = replace(one.life, asleep=asleep)
    bounds = one.life.sleep_start[: one.days.size], one.life.sleep_end[: one.days.size]
    slept = np.array([asleep[a:b].sum() for a, b in zip(*bounds, strict=True)])
    period = bounds[1] - bounds[0]
    return np.stack(
        [*map(one.told, bounds), slept / 60, period - slept, 100 * slept / period], axis=0
    )


def four_streams(one, rng):
    """Return what a phone, two wrists and a watch that scores sleep record of one life."""
    asleep, minute, seen = one.life.asleep, one.grid.minute * MINUTE_US, one.screen()
    always = replace(
        one.here,
        wearable=np.ones_like(one.here.wearable),
        removals=np.zeros_like(one.here.removals),
    )
    given = (SEED, one.person, one.traits, one.course, one.life, always)
    counts = wearable.record(*given).counts.astype(np.float32)
    lies = np.repeat(asleep, 60)
    posture = np.cumsum(rng.random(lies.size) < np.where(lies, 1 / 900, 1 / 10))
    axis = rng.normal(size=(int(posture[-1]) + 1, 3))
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    felt = axis[posture] + rng.normal(0, np.where(lies, 0.004, 0.05)[:, None], (lies.size, 3))
    inside = np.zeros(minute.size, bool)
    for begin, end in zip(one.life.sleep_start, one.life.sleep_end, strict=True):
        inside[begin:end] = True
    whole = np.full(minute.size, 60, np.float32)
    return {
        "screen": {"time": seen.at_ms * 1000, "state": seen.state.astype(np.int8)},
        "activity_counts": {"time": minute, "counts": counts, "epoch": whole},
        "sleep_stages": {
            "time": minute[inside],
            "duration": whole[inside],
            "stage": asleep[inside].astype(np.int8),
        },
        "accelerometer": {
            "time": (minute[:, None] + np.arange(60) * SECOND_US).ravel(),
            **dict(zip("xyz", np.ascontiguousarray(felt.T, np.float32), strict=True)),
        },
    }


def test_four_sources_tell_the_same_of_one_person():
    rng = np.random.default_rng(4)
    one = One(1, FORTNIGHT, date(2025, 10, 6))
    true, streams = awoken(one, rng), four_streams(one, rng)
    last = {}
    for source, most in TOLERANCE.items():
        family = families()[source]
        own = {name: streams[name] for name in family.streams if name in streams}
        found = measured(family, own, one.timeline, segment("day"), one.days[2:-1]).values
        off = np.stack([found[name] for name in MEASURES]) - true[:, 2:-1]
        off[:3] *= 60
        assert not np.isnan(off).any(), source
        assert (np.median(np.abs(off), axis=1) <= most).all(), source
        last[source] = {name: column[-1] for name, column in found.items()}
    base = last["sleep_wearable"]
    for source, (hours, points) in BESIDE.items():
        own = last[source]
        for name in ("social_jetlag_h", "msfsc_h", "midsleep_sd_7d_h", "midsleep_sd_14d_h"):
            assert abs(own[name] - base[name]) <= hours, (source, name)
        assert abs(own["sleep_regularity_index"] - base["sleep_regularity_index"]) <= points, source
