"""Sleep from wrist activity counts: Cole-Kripke with Webster's rules, and Sadeh beside it."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature
from euthymia.features.sleep_schema import (
    LATENCY,
    MINUTE_US,
    NAP_FEATURES,
    NIGHTS,
    SCHEMA_VERSION,
    SHARED,
    Naps,
    Nights,
    Wakes,
    needed_days,
    values,
    with_limits,
)
from euthymia.features.windows import first_at_or_after, offsets_around, wall_clock
from euthymia.ground.clock import Timeline
from euthymia.kernels.sleep_actigraphy import FIELDS, nights, per_minute

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = NIGHTS + 1
MINUTES: Final = 1440


def _grid(stream: Columns, timeline: Timeline, needed: Ints) -> tuple[Array, int]:
    """Return counts by minute of the wall clock, and the minute (since 1970) of the first."""
    time = np.ascontiguousarray(stream["time"], np.int64)
    first = (int(needed[0]) - 1) * MINUTES
    place = wall_clock(timeline, time) // MINUTE_US
    counts = stream["counts"].astype(np.float64)
    minutes = stream["epoch"].astype(np.float64) / 60.0
    room = (place // MINUTES + 1) * MINUTES - first
    out = np.empty((int(needed[-1]) - int(needed[0]) + 2) * MINUTES)
    per_minute(np.ascontiguousarray(place - first), counts, minutes, room, out)
    return out, first


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the main sleep that ends on each local day, and the regularity up to it."""
    stream = streams.get("activity_counts")
    if stream is None or days.size == 0 or stream["time"].size == 0:
        blank = np.full(days.size, np.nan)
        return Days({f.name: blank for f in FAMILY.features}, np.zeros(days.size))
    needed = needed_days(days)
    counts, first = _grid(stream, timeline, needed)
    low = (needed - 1) * MINUTES - first
    bounds = np.full((needed.size, 4), -1, np.int64)
    out, share = np.full((needed.size, len(FIELDS)), np.nan), np.zeros(needed.size)
    naps = np.zeros((needed.size * 97, 4), np.int64)
    woken = np.empty((needed.size * MINUTES, 3), np.int64)
    edges = (low, low + 2 * MINUTES)
    many, breaks = nights(counts, needed, *edges, bounds, out, share, naps, woken)
    known = bounds[:, 1] >= 0
    offsets = offsets_around(timeline, needed, 2)

    def instants(minute: Ints) -> Ints:
        return first_at_or_after(offsets, (minute + first) * MINUTE_US)

    in_bed, onset, offset, up = (np.where(known, instants(b), 0) for b in bounds.T)
    held = naps[:many]
    found = Nights(
        needed,
        in_bed,
        onset,
        offset,
        up,
        out[:, FIELDS["asleep_min"]],
        out[:, FIELDS["awakenings"]],
        Naps(
            needed[held[:, 0]],
            instants(held[:, 1]),
            instants(held[:, 2]),
            held[:, 3].astype(np.float64),
        ),
        Wakes(needed[woken[:breaks, 0]], instants(woken[:breaks, 1]), instants(woken[:breaks, 2])),
    )
    said = values(found, timeline, days)
    place = np.searchsorted(needed, days)
    said["sleep_duration_sadeh_h"] = out[place, FIELDS["sadeh_min"]] / 60
    return Days({f.name: said[f.name] for f in FAMILY.features}, np.minimum(share[place], 1.0))


_COLE = "Cole et al. 1992, doi:10.1093/sleep/15.5.461"
_SADEH = "Sadeh et al. 1994, doi:10.1093/sleep/17.3.201"
_SCALE = (
    "counts are taken as sums of a minute on the scale of the paper's device; those of other "
    "makers (ActiGraph's are some hundred times as large) need another scale. Quiet waking is "
    "scored as sleep. Webster's rules all look at the first scoring: software that applies one to "
    "what another left finds up to some ten minutes less sleep in a night. In a night in which the "
    "clock moves, minutes that come twice are averaged"
)

_NAPPED: Final = (
    "half an hour of sitting quietly by day is scored as a nap, and a nap is sleep that other days "
    "do not have: regularity comes out some 15 to 30 points lower than by other sources, and is to "
    "be compared within actigraphy alone"
)

FAMILY = Family(
    name="sleep_actigraphy",
    version=f"2.{SCHEMA_VERSION}",
    title="Sleep by actigraphy",
    streams=("activity_counts",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    coverage="share of the time from the noon before the date to its end in which the device was "
    "worn (three hours of zeros: not worn)",
    features=(
        *with_limits(
            (*SHARED, LATENCY, *NAP_FEATURES),
            {"": _SCALE, "sleep_regularity_index": f"{_NAPPED}; {_SCALE}", "naps": _NAPPED},
        ),
        Feature(
            "sleep_duration_sadeh_h",
            "Time asleep, by Sadeh",
            "h",
            "Hours of the main sleep that Sadeh's rule scores as sleep (PS of 0 or more); all else "
            "here is scored by Cole and Kripke's (D below 1), rescored by Webster's five rules.",
            f"{_SADEH}; {_COLE}",
            0,
            48,
            0,
            None,
            _SCALE,
        ),
    ),
)
