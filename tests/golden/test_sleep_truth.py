"""The phone's sleep against what the simulator knows to be true."""

from datetime import date

import numpy as np

from euthymia.features import sleep_phone
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.simulate.adherence import presence
from euthymia.simulate.daily import lead
from euthymia.simulate.illness import live
from euthymia.simulate.journey import Grid, draw_trips, timeline_of
from euthymia.simulate.people import draw_person
from euthymia.simulate.phone import screen
from euthymia.simulate.profile import FULL

SEED, PEOPLE, DAYS, START = 20_260, 14, 35, date(2025, 9, 15)  # daylight saving ends within
MINUTE_US = 60_000_000


def errors(index):
    """Onset and offset found less the true ones [min], of nights with the phone on before it."""
    person = draw_person(SEED, index, FULL, START, DAYS)
    traits, course = live(SEED, person, DAYS)
    trips = draw_trips(SEED, person, START, DAYS)
    timeline: Timeline = timeline_of(person, trips, START)
    grid = Grid.over(timeline, START, DAYS)
    life = lead(SEED, person, traits, course, trips, grid, START)
    here = presence(SEED, person, traits, course)
    if person.devices.phone is None or not here.phone.any():
        return []
    seen = screen(SEED, person, traits, course, life, here)
    keep = np.isin(seen.state, ((2, 3), (0, 1), (0, 1, 2, 3))[index % 3])  # three kinds of phone
    time = seen.at_ms[keep] * 1000
    days = grid.first_day + np.arange(DAYS)
    stream = {"time": time, "state": seen.state[keep].astype(np.int8)}
    found = sleep_phone.compute({"screen": stream}, timeline, days).values
    last = grid.minute.size - 1
    out = []
    for name, at in (("sleep_onset_h", life.sleep_start), ("sleep_offset_h", life.sleep_end)):
        true = timeline.local_us(grid.minute[np.minimum(at[:DAYS], last)] * MINUTE_US)
        out.append(found[name] * 60 - (true - days * DAY_US) / MINUTE_US)
    carried = here.phone[1:] & here.phone[:-1]
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
