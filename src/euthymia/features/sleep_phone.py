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
from euthymia.kernels.screen import HOUR_US
from euthymia.kernels.sleep_phone_place import HELD_US
from euthymia.kernels.unseen import GAP_US

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EVERY_US: Final = HOUR_US // 6  # one fix in so long is enough
HOME_DAYS: Final = 7
HOME_HOURS: Final = 24 * HOME_DAYS
LEAST_HOURS: Final = 24  # located in so many of them: else no home is known
HOME_M: Final = 500.0  # around the middle: phones located by cells and Wi-Fi are off by as much
M_PER_DEG: Final = 111_195.0
LOOKBACK_DAYS: Final = NIGHTS + kernel.HABIT_NIGHTS + 1 + HOME_DAYS + 1


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
    gaps, place = _fixes(streams), _away(streams, timeline)
    kernel.nights(time, state, local_day, *gaps, *place, needed, before, midnight, end, out, seen)
    onset, offset, checks, lit = out.T
    asleep = (offset - onset - lit) / MINUTE_US
    nights = Nights(needed, onset, onset, offset, offset, asleep, checks.astype(np.float64))
    row = np.searchsorted(needed, days)
    whole = (end - midnight)[row] / 1e6 + 43_200
    coverage = np.minimum(seen[row] / whole, 1.0)
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


def _away(streams: Mapping[str, Columns], timeline: Timeline) -> tuple[Ints, Ints]:
    """Return when the phone was located, and of each: away from home? how long so far [us].

    Home is the middle (in latitude and in longitude) of where
    the phone was at each full hour of the fix's local day and the six before it, if it was located
    in a day's worth of them: whoever spends more than half of the time in one place lives there,
    and of nobody else is a home told.
    """
    location = streams.get("location")
    if location is None or location["time"].size == 0 or "latitude" not in location:
        return np.empty(0, np.int64), np.empty((0, 2), np.int64)
    slot = location["time"].astype(np.int64) // EVERY_US
    kept = np.flatnonzero(np.diff(slot, prepend=-1))
    fix = np.ascontiguousarray(location["time"][kept], np.int64)
    axes = [location[axis][kept] for axis in ("latitude", "longitude")]
    where = np.stack(axes, axis=1).astype(np.float64)
    days, which = np.unique(wall_clock(timeline, fix) // DAY_US, return_inverse=True)
    hour = (night_edges(timeline, days)[2][:, None] - 1) // HOUR_US - np.arange(HOME_HOURS)
    last = np.searchsorted(fix, hour * HOUR_US, side="right") - 1
    seen = (last >= 0) & (hour * HOUR_US - fix[last] < HELD_US)
    home = _middles(where[last], seen)[which]
    north, east = where.T - home.T
    east = (east + 180) % 360 - 180
    far = np.hypot(north, east * np.cos(np.radians(home[:, 0]))) * M_PER_DEG > HOME_M
    away = np.zeros((fix.size, 2), np.int64)  # an unknown home: not away
    away[:, 0] = far
    np.cumsum(far[:-1] * np.minimum(np.diff(fix), HELD_US), out=away[1:, 1])
    return fix, away


def _middles(where: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Return the median latitude and longitude of each row, NaN below `LEAST_HOURS` places seen.

    Parameters
    ----------
    where : float64 array, shape (n, hours, 2)
        Latitude and longitude [deg].
    seen : bool array, shape (n, hours)
        Those that count.
    """
    east = where[:, :, 1]
    round_the_line = np.ptp(east, axis=1, keepdims=True) > 180
    east = np.where(round_the_line, east % 360, east)
    ordered = np.sort(np.where(seen, np.stack([where[:, :, 0], east]), np.inf), axis=-1)
    known = seen.sum(axis=-1)
    each = np.arange(known.size)
    low, high = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, seen.shape[1] - 1)
    middle = (ordered[:, each, low] + ordered[:, each, high]) / 2
    middle[:, known < LEAST_HOURS] = np.nan
    return np.ascontiguousarray(middle.T)


_PROXY = (
    "the phone says when it was not used: sleep is over-estimated by whatever is done without it "
    "in bed, and a phone shared, left elsewhere or switched off says nothing of the person: where "
    "a silence of over 14 hours may rather hold the sleep, or the sleep or an end of it lies so "
    "far from the person's other nights, or in such a gap of the location, that the phone was "
    "rather not recorded there, or a sleep unlike these is no longer than what they leave the "
    "phone alone awake, nothing is said. Without a location, a phone put away for a night shift is "
    "taken for a sleep"
)

FAMILY = Family(
    name="sleep_phone",
    version=f"7.{SCHEMA_VERSION}",
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
            "awakenings": "only those in which the phone was used: a screen lit for under a minute "
            "and not unlocked (for under 15 s, where unlocking is not told) may be a notice",
        },
    ),
)
