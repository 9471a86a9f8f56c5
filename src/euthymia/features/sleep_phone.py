"""Sleep as the phone tells it: the time in which its screen was not used."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family
from euthymia.features.sleep_schema import (
    MINUTE_US,
    NIGHTS,
    SCHEMA_VERSION,
    SHARED,
    Nights,
    needed_days,
    night_edges,
    values,
    with_limits,
)
from euthymia.features.windows import wall_clock
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels import sleep_phone as kernel
from euthymia.kernels.unseen import GAP_US

Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = NIGHTS + kernel.HABIT_NIGHTS + 1


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the main sleep that ends on each local day, and the regularity up to it."""
    stream = streams.get("screen")
    if stream is None or days.size == 0 or stream["time"].size == 0:
        blank = np.full(days.size, np.nan)
        return Days({f.name: blank for f in FAMILY.features}, np.zeros(days.size))
    time = np.ascontiguousarray(stream["time"], np.int64)
    state = np.ascontiguousarray(stream["state"], np.int64)
    local_day = wall_clock(timeline, time) // DAY_US
    needed = needed_days(days, kernel.HABIT_NIGHTS)
    before, midnight, end = night_edges(timeline, needed)
    out, seen = np.zeros((needed.size, 4), np.int64), np.zeros(needed.size)
    fix, long_gap = _fixes(streams)
    kernel.nights(time, state, local_day, fix, long_gap, needed, before, midnight, end, out, seen)
    onset, offset, checks, lit = out.T
    asleep = (offset - onset - lit) / MINUTE_US
    nights = Nights(needed, onset, onset, offset, offset, asleep, checks.astype(np.float64))
    place = np.searchsorted(needed, days)
    whole = (end - midnight)[place] / 1e6 + 43_200
    coverage = np.minimum(seen[place] / whole, 1.0)
    found = values(nights, timeline, days)
    return Days({f.name: found[f.name] for f in FAMILY.features}, coverage)


def _fixes(streams: Mapping[str, Columns]) -> tuple[Ints, Ints]:
    """Return when the phone was located, and the neighbours of these that are far apart."""
    location = streams.get("location")
    if location is None:
        return np.empty(0, np.int64), np.empty((0, 2), np.int64)
    fix = np.ascontiguousarray(location["time"], np.int64)
    far = np.flatnonzero(np.diff(fix) > GAP_US)
    return fix, np.ascontiguousarray(np.stack([fix[far], fix[far + 1]], axis=1))


_PROXY = (
    "the phone says when it was not used: sleep is over-estimated by whatever is done without it "
    "in bed, and a phone shared, left elsewhere or switched off says nothing of the person: where "
    "a silence of over 14 hours may rather hold the sleep, or an end of the sleep lies so far from "
    "the person's other nights, or in such a gap of the location, that the phone was rather not "
    "recorded there, nothing is said"
)

FAMILY = Family(
    name="sleep_phone",
    version=f"5.{SCHEMA_VERSION}",
    title="Sleep by phone",
    streams=("screen", "location"),
    needs=("screen",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    coverage="share of the time from the noon before the date to its end in which the main sleep "
    "lies, or screen events are no more than 4 hours apart and no gap of the location (half an "
    "hour or more without a fix or a use, ended without one) shows that nothing was recorded",
    features=with_limits(
        SHARED,
        {
            "": _PROXY,
            "time_in_bed_h": "a phone does not know the bed: from when it was put away to when it "
            "was taken up, as the sleep period",
            "waso_min": "only what was spent at the phone; " + _PROXY,
            "awakenings": "only those in which the phone was looked at",
        },
    ),
)
