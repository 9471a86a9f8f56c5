"""A made-up person who goes where one says: fixes with scatter, at any rhythm, and the truth."""

from dataclasses import dataclass, field

import numpy as np

from euthymia.features.contract import Columns
from euthymia.features.windows import day_windows
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline

METRE_DEG = np.degrees(1 / 6371008.8)
MINUTE_US = 60 * SECOND_US
DAY0 = 19_800


@dataclass
class Walker:
    """Somebody who is at a point (east, north) [m] of an origin from one minute to another."""

    origin: tuple[float, float] = (42.35, -71.1)
    turns: list[tuple[float, float, float]] = field(default_factory=list)

    def go(self, minute: float, east: float, north: float) -> "Walker":
        """Be there at a minute; between two of them, on a straight line."""
        self.turns.append((minute, east, north))
        return self

    def stay(self, start: float, end: float, east: float, north: float) -> "Walker":
        return self.go(start, east, north).go(end, east, north)

    def at(self, minute):
        m, e, n = np.array(self.turns).T
        return np.interp(minute, m, e), np.interp(minute, m, n)

    def fixes(self, time_us, start_us, *, scatter_m=8.0, seed=0, jumps=0.0) -> Columns:
        rng = np.random.default_rng(seed)
        east, north = self.at((time_us - start_us) / MINUTE_US)
        error = rng.normal(0, scatter_m, (2, time_us.size))
        error[:, rng.random(time_us.size) < jumps] += rng.choice([-1, 1]) * 6000
        latitude = self.origin[0] + (north + error[0]) * METRE_DEG
        narrow = np.cos(np.radians(self.origin[0]))
        longitude = self.origin[1] + (east + error[1]) * METRE_DEG / narrow
        return {
            "time": np.asarray(time_us, np.int64),
            "latitude": latitude,
            "longitude": (longitude + 180) % 360 - 180,
            "accuracy": np.full(time_us.size, scatter_m * 1.5, np.float32),
        }


def every(days: int, step_s: float, *, on_s: float = 0, start=DAY0 * DAY_US):
    """Return instants: one each `step_s`, or a fix a second for the first `on_s` of each."""
    begin = np.arange(0, days * 86_400, step_s)
    within = np.arange(on_s) if on_s else np.zeros(1)
    return start + ((begin[:, None] + within).ravel() * SECOND_US).astype(np.int64)


def workday(home=(0.0, 0.0), work=(4000.0, 3000.0), days=1) -> Walker:
    """Home; from 8:00 half an hour to work, 5 km off; back from 17:00 to 17:30."""
    walker = Walker()
    for day in range(days):
        m = day * 1440.0
        walker.stay(m, m + 480, *home).stay(m + 510, m + 1020, *work)
        walker.stay(m + 1050, m + 1440, *home)
    return walker


def measured(columns: Columns, days: int, timeline: Timeline | None = None, first=DAY0):
    from euthymia.features.mobility import measure

    zones = timeline or Timeline()
    wanted = np.arange(first, first + days)
    return measure({"location": columns}, zones, day_windows(zones, wanted))
