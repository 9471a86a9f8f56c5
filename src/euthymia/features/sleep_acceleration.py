"""Sleep from raw acceleration at the wrist, by the angle of the arm: van Hees et al."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family
from euthymia.features.sleep_schema import (
    LATENCY,
    SCHEMA_VERSION,
    SHARED,
    Nights,
    needed_days,
    night_edges,
    values,
    with_limits,
)
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.sleep_angle import (
    EPOCH_S,
    EPOCH_US,
    FIELDS,
    QUARTER_EPOCHS,
    angles,
    drop_unworn,
    night,
)

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 2
_OF_ONE_NIGHT: Final = tuple(
    f for f in SHARED if f.name in {
        "sleep_onset_h", "sleep_offset_h", "midsleep_h", "sleep_duration_h", "sleep_period_h",
        "time_in_bed_h", "waso_min", "sleep_efficiency_pct", "awakenings",
    }
)  # fmt: skip


def _nights(stream: Columns, timeline: Timeline, days: Ints) -> tuple[Array, Array, Ints]:
    """Return what the kernel says of each night, the share known, and where each begins [us]."""
    time = np.ascontiguousarray(stream["time"], np.int64)
    x, y, z = (np.ascontiguousarray(stream[axis], np.float32) for axis in "xyz")
    before, midnight, close = night_edges(timeline, days)
    start = np.maximum(midnight - DAY_US // 2, before)
    found, share = np.full((days.size, len(FIELDS)), np.nan), np.zeros(days.size)
    edges = np.searchsorted(time, np.stack([start, close]))
    for row, (low, high) in enumerate(edges.T.tolist()):
        epochs = int((close[row] - start[row]) // EPOCH_US)
        if high - low < 2 or midnight[row] >= close[row]:
            continue
        angle = np.empty(epochs)
        moments = np.zeros((-(-epochs // QUARTER_EPOCHS), 3, 3))
        part = slice(low, high)
        angles(time[part], x[part], y[part], z[part], int(start[row]), angle, moments)
        drop_unworn(moments, angle)
        share[row] = night(angle, int(midnight[row] - start[row]) // EPOCH_US, found[row])
    return found, share, start


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the main sleep that ends on each local day."""
    stream = streams.get("accelerometer")
    if stream is None or days.size == 0 or stream["time"].size == 0:
        blank = np.full(days.size, np.nan)
        return Days({f.name: blank for f in FAMILY.features}, np.zeros(days.size))
    own, back = np.unique(days, return_inverse=True)
    found, share, start = _nights(stream, timeline, own)
    needed = needed_days(own)
    place = np.searchsorted(needed, own)
    known = ~np.isnan(found[:, 0])

    def spread(value: Array, blank: float) -> Array:
        whole = np.full(needed.size, blank)
        whole[place] = np.where(known, value, blank)
        return whole

    in_bed, onset, offset, up = (
        spread(start + np.nan_to_num(found[:, FIELDS[name]]) * EPOCH_US, 0.0).astype(np.int64)
        for name in ("in_bed", "onset", "offset", "up")
    )
    asleep = spread(found[:, FIELDS["asleep"]] * EPOCH_S / 60, np.nan)
    broken = spread(found[:, FIELDS["awakenings"]], np.nan)
    nights = Nights(needed, in_bed, onset, offset, up, asleep, broken)
    said = values(nights, timeline, own)
    return Days({f.name: said[f.name][back] for f in FAMILY.features}, share[back])


_ARM: Final = (
    "by the angle of the arm (van Hees et al. 2018, doi:10.1038/s41598-018-31266-z; 2015, "
    "doi:10.1371/journal.pone.0142533): for a device on the wrist. What lies without motion for "
    "two hours counts as not worn, but between two half hours of rest; a sleep that such time, or "
    "a gap of the recording, begins or ends is not told: a phone tells nothing. Lying still awake "
    "is scored as sleep"
)

FAMILY = Family(
    name="sleep_acceleration",
    version=f"2.{SCHEMA_VERSION}",
    title="Sleep by acceleration",
    streams=("accelerometer",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    coverage="share of the time from 12 hours before the date to its end in which acceleration was "
    "recorded and the device worn (no two hours in which two axes hardly vary, but for those of a "
    "sleeper who is at rest before and after)",
    features=with_limits((*_OF_ONE_NIGHT, LATENCY), {"": _ARM}),
)
