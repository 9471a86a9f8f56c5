"""Heart-rate variability in the time domain: of the night that ends on the date, or of the day."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature
from euthymia.features.windows import DaySlices, length_us, offsets_around, wall_clock
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.beats import normal_beats
from euthymia.kernels.hrv_time import segment_spread, time_domain

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 2
HOUR_US: Final = DAY_US // 24
NIGHT_FROM_H: Final = -2  # 22:00 the evening before
NIGHT_TO_H: Final = 10
MIN_NIGHT_MS: Final = 30 * 60_000.0  # a night recording: at least half an hour of normal beats
MIN_MS: Final = 5 * 60_000.0  # the Task Force's short-term standard: five minutes

_TASK_FORCE = "Task Force 1996, doi:10.1161/01.CIR.93.5.1043"
_WINDOW = (
    " Over the night, 22:00 to 10:00 local time, that ends on the date; where it holds less than "
    "30 minutes of normal beats, over the whole local day (`from_night` tells which). NaN with "
    "less than 5 minutes of normal beats"
)


class _Window(NamedTuple):
    """The normal beats of one window, in order."""

    nn_ms: Array
    end_us: Ints
    joined: NDArray[np.bool_]
    recorded: int

    @property
    def normal_ms(self) -> float:
        return float(self.nn_ms.sum())


def _window(interval_ms: Array, end_us: Ints) -> _Window:
    beats = normal_beats(interval_ms, end_us)
    kept = beats.kept
    return _Window(interval_ms[kept], end_us[kept], beats.joined[kept], interval_ms.size)


def _values(window: _Window) -> dict[str, float]:
    found = time_domain(window.nn_ms, window.joined)
    sdann, sdnn_index = segment_spread(window.nn_ms, window.end_us, int(window.end_us[0]))
    names = [f.name for f in FAMILY.features if hasattr(found, f.name)]
    return {
        **{name: float(getattr(found, name)[0]) for name in names},
        "sdann_ms": sdann,
        "sdnn_index_ms": sdnn_index,
        "rejected_pct": 100.0 * (1 - window.nn_ms.size / window.recorded),
    }


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the beats of the night that ends on each local day, or of the day itself."""
    values = {f.name: np.full(days.size, np.nan) for f in FAMILY.features}
    coverage = np.zeros(days.size)
    stream = streams.get("beat_intervals")
    if stream is None or days.size == 0:
        return Days(values, coverage)
    time = stream["time"].astype(np.int64, copy=False)
    wall = wall_clock(timeline, time)
    slices = DaySlices(wall // DAY_US)
    offsets = offsets_around(timeline, days, LOOKBACK_DAYS)
    midnight = days * DAY_US
    night = midnight + NIGHT_FROM_H * HOUR_US, midnight + NIGHT_TO_H * HOUR_US
    night_ms = length_us(offsets, *night) / 1000.0
    day_ms = length_us(offsets, midnight, midnight + DAY_US) / 1000.0
    for row, day in enumerate(days.tolist()):
        near = slices.between(day - 1, day)
        at = (wall[near] >= night[0][row]) & (wall[near] < night[1][row])
        interval, end = stream["interval"][near].astype(np.float64), time[near]
        window = _window(interval[at], end[at])
        asleep = window.normal_ms >= MIN_NIGHT_MS
        if not asleep:
            at = wall[near] >= midnight[row]
            window = _window(interval[at], end[at])
        length = night_ms[row] if asleep else day_ms[row]
        coverage[row] = min(window.normal_ms / length, 1.0) if length else 0.0
        if window.normal_ms >= MIN_MS:
            for name, value in (_values(window) | {"from_night": float(asleep)}).items():
                values[name][row] = value
    return Days(values, coverage)


def _feature(
    name: str, title: str, unit: str, definition: str, high: float | None, worse: int, need: str
) -> Feature:
    return Feature(
        name, title, unit, definition + _WINDOW + need + ".", _TASK_FORCE, 0, high, worse
    )


_PAIR = " or no two of them in a row"
_SEGMENTS = " or too few five-minute segments with 60 beats"

FAMILY = Family(
    name="hrv_time",
    version="1",
    title="Heart-rate variability, time domain",
    streams=("beat_intervals",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    coverage="share of the window (the night, or the day where there is no night) that normal "
    "beats fill",
    features=(
        _feature("mean_nn_ms", "Mean beat interval", "ms", "Mean interval.", 2000, -1, ""),
        _feature("median_nn_ms", "Median beat interval", "ms", "Median interval.", 2000, -1, ""),
        _feature(
            "mad_nn_ms",
            "Typical deviation of beat intervals",
            "ms",
            "Median absolute deviation from the median interval (not scaled).",
            1700,
            -1,
            "",
        ),
        _feature(
            "sdnn_ms",
            "Overall variability (SDNN)",
            "ms",
            "Standard deviation of intervals.",
            1700,
            -1,
            "",
        ),
        _feature("cvnn", "Relative overall variability", "1", "SDNN over mean.", 6, -1, ""),
        _feature(
            "rmssd_ms",
            "Beat-to-beat variability (RMSSD)",
            "ms",
            "Root mean square of the differences of intervals that directly follow each other.",
            1700,
            -1,
            _PAIR,
        ),
        _feature(
            "cvsd", "Relative beat-to-beat variability", "1", "RMSSD over mean.", 6, -1, _PAIR
        ),
        _feature(
            "pnn50_pct",
            "Large beat-to-beat changes (pNN50)",
            "%",
            "Share of successive differences above 50 ms.",
            100,
            -1,
            _PAIR,
        ),
        _feature(
            "pnn20_pct",
            "Moderate beat-to-beat changes (pNN20)",
            "%",
            "Share of successive differences above 20 ms.",
            100,
            -1,
            _PAIR,
        ),
        _feature(
            "sdann_ms",
            "Slow variability (SDANN)",
            "ms",
            "Standard deviation of the means of five-minute segments.",
            1700,
            -1,
            _SEGMENTS,
        ),
        _feature(
            "sdnn_index_ms",
            "Five-minute variability (SDNN index)",
            "ms",
            "Mean of the standard deviations of five-minute segments.",
            1700,
            -1,
            _SEGMENTS,
        ),
        _feature(
            "rejected_pct",
            "Intervals that are no normal beat",
            "%",
            "Share of recorded intervals outside 300 to 2000 ms or more than 30 % off the median "
            "of the five around them.",
            100,
            0,
            "",
        ),
        _feature(
            "from_night",
            "Measured at night",
            "1",
            "1 if the values are of the night, 0 if of the day: the two differ and should not be "
            "compared.",
            1,
            0,
            "",
        ),
    ),
)
