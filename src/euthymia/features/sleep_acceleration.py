"""Sleep from raw acceleration at the wrist, by the angle of the arm: van Hees et al.

Each night's samples are looked at once (`NIGHT`); what is said of a date, and of the fortnight that
ends with it, is made of those nights.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature
from euthymia.features.sleep_schema import (
    LATENCY,
    MINUTE_US,
    NIGHTS,
    SCHEMA_VERSION,
    SHARED,
    Nights,
    Wakes,
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
    PACKED,
    QUARTER_EPOCHS,
    angles,
    drop_unworn,
    night,
    pack_awake,
)

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

NUMBERS: Final = 60  # of 48 minutes each: the two days that a sleep may last
_BOUNDS: Final = ("in_bed", "onset", "offset", "up")
_AWAKE: Final = tuple(f"awake_{k:02d}" for k in range(NUMBERS))


def each_night(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Find the main sleep that ends on each local day: what `NIGHT` keeps of it."""
    names = [f.name for f in NIGHT.features]
    stream = streams.get("accelerometer")
    if stream is None or days.size == 0 or stream["time"].size == 0:
        return Days(dict.fromkeys(names, np.full(days.size, np.nan)), np.zeros(days.size))
    time = np.ascontiguousarray(stream["time"], np.int64)
    x, y, z = (np.ascontiguousarray(stream[axis], np.float32) for axis in "xyz")
    before, midnight, close = night_edges(timeline, days)
    start = np.maximum(midnight - DAY_US // 2, before)
    found, share = np.full((days.size, len(FIELDS)), np.nan), np.zeros(days.size)
    awake = np.zeros((days.size, NUMBERS))
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
        if not np.isnan(found[row, 0]):
            onset, offset = (int(found[row, FIELDS[name]]) for name in ("onset", "offset"))
            pack_awake(angle, onset, offset, awake[row])
    values = {f"{name}_us": start + found[:, FIELDS[name]] * EPOCH_US for name in _BOUNDS}
    values["asleep_min"] = found[:, FIELDS["asleep"]] * EPOCH_S / 60
    values["awakenings"] = found[:, FIELDS["awakenings"]]
    values |= zip(_AWAKE, awake.T, strict=True)
    return Days(values, share)


def _wakes(day: Ints, onset: Ints, packed: Ints) -> Wakes:
    """Return the stretches awake of some nights, from what `pack_awake` wrote of each."""
    bits = (packed[:, :, None] >> np.arange(PACKED)) & 1
    grid = np.pad(bits.reshape(day.size, NUMBERS * PACKED), ((0, 0), (1, 1)))
    night_of, begin = np.nonzero(np.diff(grid, axis=1) > 0)
    _, end = np.nonzero(np.diff(grid, axis=1) < 0)
    zero = (onset // MINUTE_US)[night_of]
    return Wakes(day[night_of], (zero + begin) * MINUTE_US, (zero + end) * MINUTE_US)


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the main sleep that ends on each local day, and the regularity up to it."""
    kept = streams.get(NIGHT.name)
    if kept is None or days.size == 0 or kept["day"].size == 0:
        blank = np.full(days.size, np.nan)
        return Days({f.name: blank for f in FAMILY.features}, np.zeros(days.size))
    needed = needed_days(days)
    _, into, of = np.intersect1d(needed, kept["day"], assume_unique=True, return_indices=True)

    def column(name: str) -> Array:
        whole = np.full(needed.size, np.nan)
        whole[into] = kept[name][of]
        return whole

    in_bed, onset, offset, up = (
        np.nan_to_num(column(f"{name}_us")).astype(np.int64) for name in _BOUNDS
    )
    packed = np.stack([np.nan_to_num(column(name)).astype(np.int64) for name in _AWAKE], axis=1)
    known = offset > 0
    wakes = _wakes(needed[known], onset[known], packed[known])
    asleep, broken = column("asleep_min"), column("awakenings")
    nights = Nights(needed, in_bed, onset, offset, up, asleep, broken, None, wakes)
    said = values(nights, timeline, days)
    share = np.nan_to_num(column("coverage"))[np.searchsorted(needed, days)]
    return Days({f.name: said[f.name] for f in FAMILY.features}, share)


_ARM: Final = (
    "by the angle of the arm (van Hees et al. 2018, doi:10.1038/s41598-018-31266-z; 2015, "
    "doi:10.1371/journal.pone.0142533): for a device on the wrist. What lies without motion for "
    "two hours counts as not worn, but between two half hours of rest; a sleep that such time, or "
    "a gap of the recording, begins or ends is not told: a phone tells nothing. Lying still awake "
    "is scored as sleep"
)

_COVERAGE: Final = (
    "share of the time from 12 hours before the date to its end in which acceleration was recorded "
    "and the device worn (no two hours in which two axes hardly vary, but for those of a sleeper "
    "who is at rest before and after)"
)
_VAN_HEES: Final = "van Hees et al. 2018, doi:10.1038/s41598-018-31266-z"


def _of_night(name: str, unit: str, what: str) -> Feature:
    return Feature(name, what, unit, f"{what}, of the main sleep that ends on the date.", _VAN_HEES)


NIGHT: Final = Family(
    name="sleep_acceleration_night",
    version="1",
    title="Each night by acceleration",
    streams=("accelerometer",),
    lookback_days=2,
    compute=each_night,
    coverage=_COVERAGE,
    features=(
        *(
            _of_night(f"{name}_us", "us", f"Microseconds since 1970 of `{name}`")
            for name in _BOUNDS
        ),
        _of_night("asleep_min", "min", "Minutes asleep"),
        _of_night("awakenings", "{awakenings}", "Times awake"),
        *(_of_night(name, "1", "48 minutes awake or not, as bits") for name in _AWAKE),
    ),
)
"""One night's raw acceleration, millions of samples, as 66 numbers: what later dates look back on.
"""

FAMILY = Family(
    name="sleep_acceleration",
    version=f"3.{SCHEMA_VERSION}",
    title="Sleep by acceleration",
    streams=("accelerometer",),
    lookback_days=NIGHTS - 1 + NIGHT.lookback_days,
    compute=compute,
    coverage=_COVERAGE,
    features=with_limits((*SHARED, LATENCY), {"": _ARM}),
    base=NIGHT,
)
