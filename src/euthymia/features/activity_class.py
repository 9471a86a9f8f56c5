"""What the phone or watch took somebody to be doing: still, on foot, cycling, in a vehicle."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import HOUR_US, held_us, numbers, seen_us, take, times
from euthymia.features.taken import coverage as share_of
from euthymia.ground.clock import Timeline

Array = NDArray[np.float64]

HOLD_US: Final = HOUR_US // 6  # an activity that is not told again holds for ten minutes at most
STILL, FOOT, CYCLE, VEHICLE, OTHER = 0, 1, 2, 3, 4
GROUP: Final = np.array([STILL, FOOT, FOOT, OTHER, CYCLE, VEHICLE, FOOT, OTHER], np.int64)
"""By the stream's code; walking, running and on foot are one, unknown and tilting are none."""
RUNNING: Final = 2


def measure(streams: Mapping[str, Columns], _timeline: Timeline, windows: Windows) -> Days:
    """Describe the inferred activities of each row's stretches."""
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    time = times(streams, "activity_class")
    if time.size == 0:
        return Days(values, np.zeros(rows))
    code = numbers(streams["activity_class"], "activity").astype(np.int64)
    group = np.where(code < GROUP.size, GROUP[np.minimum(code, GROUP.size - 1)], OTHER)
    taken = take(time, windows)
    own = group[taken.index]
    held = held_us(taken, time, windows, HOLD_US) / HOUR_US

    def hours(mask: NDArray[np.bool_]) -> Array:
        return np.asarray(np.bincount(taken.row[mask], held[mask], rows), np.float64)

    known = hours(own != OTHER)
    told = known > 0
    before = np.append(OTHER, own)[: own.size]
    late = np.append(0, np.diff(time[taken.index]))[: own.size] > HOLD_US
    changed = taken.joined() & ~late & (own != before) & (own != OTHER) & (before != OTHER)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "still_h": hours(own == STILL),
            "on_foot_h": hours(own == FOOT),
            "running_h": hours(code[taken.index] == RUNNING),
            "cycling_h": hours(own == CYCLE),
            "vehicle_h": hours(own == VEHICLE),
            "moving_pct": 100 * hours((own == FOOT) | (own == CYCLE)) / known,
            "changes_per_h": np.bincount(taken.row[changed], minlength=rows) / known,
        }
    values |= {name: np.where(told, value, np.nan) for name, value in found.items()}
    return Days(values, share_of(windows, seen_us(windows, time, HOLD_US)))


_VEGA: Final = "Vega et al. 2021 (RAPIDS), doi:10.3389/fdgth.2021.769823"
_HOLD: Final = (
    " An activity holds until the next is told, ten minutes at most; unknown and tilting are none. "
    "NaN without any."
)
_LIMITS: Final = (
    "A guess of the phone's maker, changed with its software and not comparable between makers; a "
    "phone on the table is still, whatever its owner does."
)


def _feature(
    name: str, title: str, unit: str, text: str, high: float | None, worse: int
) -> Feature:
    return Feature(name, title, unit, text + _HOLD, _VEGA, 0, high, worse, None, _LIMITS)


_HOURS: Final = 25.0 * 366  # a segment may be a year

FAMILY = Family(
    name="activity_class",
    version="1",
    title="Inferred activity",
    streams=("activity_class",),
    lookback_days=1,
    measure=measure,
    coverage="share of the window in which inferred activities are at most ten minutes apart",
    features=(
        _feature("still_h", "Time still", "h", "Hours called still.", _HOURS, 1),
        _feature(
            "on_foot_h", "Time on foot", "h", "Hours called walking, running, on foot.", _HOURS, -1
        ),
        _feature("running_h", "Time running", "h", "Hours called running.", _HOURS, -1),
        _feature("cycling_h", "Time cycling", "h", "Hours called cycling.", _HOURS, -1),
        _feature("vehicle_h", "Time in vehicles", "h", "Hours called in a vehicle.", _HOURS, 0),
        _feature(
            "moving_pct",
            "Share of moving by oneself",
            "%",
            "Time on foot and cycling as a share of all that is told.",
            100,
            -1,
        ),
        _feature(
            "changes_per_h",
            "Changes of activity",
            "/h",
            "Changes from one of still, on foot, cycling and vehicle to another that directly "
            "follows within ten minutes, an hour of all that is told.",
            None,
            0,
        ),
    ),
)
