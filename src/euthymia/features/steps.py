"""Steps: as a device counted them, and counted from raw acceleration. Any segment."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.windows import wall_clock
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline
from euthymia.kernels.steps import BREAK_US, walking
from euthymia.kernels.steps_windows import NUMBERS, steps_of_windows

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

_OF_RECORDS: Final = (
    "steps",
    "steps_recorded_min",
    "stepping_min",
    "brisk_min",
    "cadence_peak_per_min",
    "cadence_peak_of_30_per_min",
    "cadence_mean_per_min",
    "sedentary_bouts",
    "sedentary_bout_mean_min",
    "sedentary_bout_longest_min",
    "active_bouts",
    "active_bout_mean_min",
    "active_bout_longest_min",
    "sedentary_min",
)
_OF_WALKING: Final = (
    "walking_recorded_min",
    "walking_steps",
    "walking_min",
    "walking_cadence_per_min",
    "walking_longest_s",
)


def _where(time_us: Ints, windows: Windows) -> tuple[Ints, Ints]:
    first = np.searchsorted(time_us, windows.start_us).astype(np.int64)
    return first, np.searchsorted(time_us, windows.end_us).astype(np.int64)


def _hours(stream: Columns, timeline: Timeline, windows: Windows) -> tuple[Array, Array]:
    """Return the clock hours of each row's first and last record with a step."""
    moved = stream["steps"].astype(np.float64) > 0
    time = stream["time"].astype(np.int64)[moved]
    hour = wall_clock(timeline, time) % DAY_US / DAY_US * 24
    first, until = _where(time, windows)
    begin, end = np.full(windows.day.size, np.nan), np.full(windows.day.size, np.nan)
    some = until > first
    end[windows.row[some]] = hour[until[some] - 1]  # a later stretch of a row overwrites
    begin[windows.row[some][::-1]] = hour[first[some][::-1]]
    return begin, end


def _walked(stream: Columns, windows: Windows) -> Array:
    """Return what `_OF_WALKING` names, shape (rows, 5)."""
    found = np.full((windows.day.size, len(_OF_WALKING)), np.nan)
    time = np.ascontiguousarray(stream["time"], np.int64)
    x, y, z = (np.ascontiguousarray(stream[axis], np.float32) for axis in "xyz")
    first, until = _where(time, windows)
    for i, row in enumerate(windows.row.tolist()):
        part = slice(int(first[i]), int(until[i]))
        if part.stop - part.start < 2:
            continue
        gaps = np.diff(time[part])
        seconds, cadence = walking(time[part], x[part], y[part], z[part])
        turns = np.flatnonzero(np.diff(seconds) != SECOND_US) + 1
        edges = np.concatenate([[0], turns, [seconds.size]])
        here = found[row]
        here[[0, 1, 2, 4]] = np.nan_to_num(here[[0, 1, 2, 4]])
        here[0] += gaps[gaps <= BREAK_US].sum() / 60e6
        here[1] += cadence.sum()
        here[2] += seconds.size / 60
        here[4] = max(here[4], float(np.diff(edges).max()))
    found[:, 3] = found[:, 1] / np.where(found[:, 2] > 0, found[:, 2], np.nan)
    return found


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe steps in each window from whichever of the two streams it has."""
    rows = windows.day.size
    records, walked = np.full((rows, NUMBERS), np.nan), np.full((rows, len(_OF_WALKING)), np.nan)
    begin, end = np.full(rows, np.nan), np.full(rows, np.nan)
    stream = streams.get("steps")
    if stream is not None and stream["time"].size:
        time = np.ascontiguousarray(stream["time"], np.int64)
        steps = np.ascontiguousarray(stream["steps"], np.float64)
        period = np.ascontiguousarray(stream["period"], np.float64)
        first, until = _where(time, windows)
        where = windows.row, windows.start_us, windows.end_us, first, until
        records = steps_of_windows(time, steps, period, *where, rows)
        begin, end = _hours(stream, timeline, windows)
    stream = streams.get("accelerometer")
    if stream is not None and stream["time"].size:
        walked = _walked(stream, windows)
    values = {name: records[:, i] for i, name in enumerate(_OF_RECORDS)}
    values |= {name: walked[:, i] for i, name in enumerate(_OF_WALKING)}
    values |= {"first_step_h": begin, "last_step_h": end}
    minutes = np.maximum(windows.lengths_us() / 60e6, 1e-9)
    seen = np.nan_to_num(np.fmax(records[:, 1], walked[:, 0]), nan=0.0)
    return Days(values, np.minimum(seen / minutes, 1.0))


_RAPIDS = "Vega et al. 2021 (RAPIDS), doi:10.3389/fdgth.2021.769823"
_PEAK = "Tudor-Locke et al. 2012, doi:10.1123/jpah.9.8.1125"
_BRISK = "Tudor-Locke et al. 2018, doi:10.1136/bjsports-2017-097628"
_OAK = "Straczkiewicz et al. 2023, doi:10.1038/s41746-022-00745-z"
_DEVICE = (
    "What the device counted; a phone that is not carried counts nothing. Each time counts "
    "once: of two exports of the same time (a phone's and a band's) at the higher rate."
)
_SINGLE = " Known where records are of 90 s or less."
_MISSING = _DEVICE + " Where a device leaves out minutes without steps they are unknown, not still."
_RAW = (
    "Needs 10 samples a second or more, on the body. Shuffling below 1.4 steps a second and "
    "running above 2.3 are not counted."
)


def _minutes(
    name: str, title: str, definition: str, paper: str, worse: int, limits: str
) -> Feature:
    return Feature(name, title, "min", definition, paper, 0, None, worse, None, limits)


def _cadence(name: str, title: str, definition: str, paper: str, limits: str) -> Feature:
    return Feature(name, title, "{steps}/min", definition, paper, 0, None, -1, None, limits)


def _hour(name: str, title: str, definition: str) -> Feature:
    return Feature(name, title, "h", definition, _RAPIDS, 0, 24, 0, 24, _DEVICE)


def _bouts(name: str, title: str, of: str, worse: int) -> tuple[Feature, Feature, Feature]:
    what = f"Runs of minutes {of}; unknown time ends one." + _SINGLE
    return (
        Feature(
            f"{name}_bouts", f"{title} bouts", "{bouts}", what, _RAPIDS, 0, None, 0, None, _MISSING
        ),
        _minutes(
            f"{name}_bout_mean_min",
            f"Mean {title.lower()} bout",
            f"Mean length of runs of minutes {of}; NaN without one." + _SINGLE,
            _RAPIDS,
            worse,
            _MISSING,
        ),
        _minutes(
            f"{name}_bout_longest_min",
            f"Longest {title.lower()} bout",
            f"Length of the longest run of minutes {of}; NaN without one." + _SINGLE,
            _RAPIDS,
            worse,
            _MISSING,
        ),
    )


_RECORDS = (
    Feature(
        "steps",
        "Steps",
        "{steps}",
        "Sum of the steps of the records that begin in the window. One of more than 90 s of which "
        "less than half lies in it (a day's sum in a night) does not count.",
        _RAPIDS,
        0,
        None,
        -1,
        limits=_DEVICE,
    ),
    _minutes(
        "steps_recorded_min",
        "Time with a step count",
        "Sum of the periods of the records that steps counts, as far as they lie in the window.",
        _RAPIDS,
        0,
        "Records of several devices that overlap count twice.",
    ),
    _minutes(
        "stepping_min", "Time with steps", "Minutes with a step." + _SINGLE, _RAPIDS, -1, _DEVICE
    ),
    _minutes(
        "brisk_min",
        "Brisk walking",
        "Minutes of 100 steps or more, the cadence of moderate intensity." + _SINGLE,
        _BRISK,
        -1,
        _DEVICE,
    ),
    _cadence(
        "cadence_peak_per_min",
        "Highest cadence",
        "Steps of the minute with the most." + _SINGLE,
        _PEAK,
        _DEVICE,
    ),
    _cadence(
        "cadence_peak_of_30_per_min",
        "Peak 30-minute cadence",
        "Mean steps of the 30 minutes with the most, not in a row; fewer count as 0." + _SINGLE,
        _PEAK,
        _DEVICE,
    ),
    _cadence(
        "cadence_mean_per_min",
        "Mean cadence",
        "Mean steps of the minutes with a step." + _SINGLE,
        _PEAK,
        _DEVICE,
    ),
    _minutes(
        "sedentary_min",
        "Time without walking",
        "Recorded minutes of fewer than 10 steps." + _SINGLE,
        _RAPIDS,
        1,
        _MISSING,
    ),
    *_bouts("sedentary", "Sedentary", "of fewer than 10 steps", 1),
    *_bouts("active", "Active", "of 10 steps or more", -1),
    _hour(
        "first_step_h",
        "First step",
        "Local clock hour at which the first record with a step begins.",
    ),
    _hour(
        "last_step_h", "Last step", "Local clock hour at which the last record with a step begins."
    ),
)

_WALKING = (
    _minutes(
        "walking_recorded_min",
        "Time with raw acceleration",
        "Time in which one sample follows another within a second.",
        _OAK,
        0,
        "Recorded, not carried: a phone on the table counts.",
    ),
    Feature(
        "walking_steps",
        "Steps, from acceleration",
        "{steps}",
        "Sum of the cadence over the seconds in which acceleration swings by 0.3 g or more and its "
        "strongest oscillation is at 1.4 to 2.3 Hz for three seconds or longer.",
        _OAK,
        0,
        None,
        -1,
        limits=_RAW + " Not scaled up to time that was not recorded.",
    ),
    _minutes(
        "walking_min",
        "Walking, from acceleration",
        "Time in the seconds that walking_steps counts.",
        _OAK,
        -1,
        _RAW + " Not scaled up to time that was not recorded.",
    ),
    _cadence(
        "walking_cadence_per_min",
        "Walking cadence, from acceleration",
        "Steps a minute of walking; NaN without walking.",
        _OAK,
        _RAW,
    ),
    Feature(
        "walking_longest_s",
        "Longest walk, from acceleration",
        "s",
        "The most seconds of walking without a break.",
        _OAK,
        0,
        None,
        -1,
        limits=_RAW + " No longer than the stretches that the phone records.",
    ),
)

FAMILY = Family(
    name="steps",
    version="3",
    title="Steps and walking",
    streams=("steps", "accelerometer"),
    lookback_days=1,
    measure=measure,
    coverage="share of the window in which steps or acceleration were recorded, the larger",
    features=_RECORDS + _WALKING,
)
