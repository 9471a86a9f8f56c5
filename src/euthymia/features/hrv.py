"""Heart-rate variability from beat intervals: of the night that ends on the date, or of the day."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Windows
from euthymia.features.hrv_listing import FEATURES
from euthymia.features.windows import offsets_around, windows_of
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.beats import corrected
from euthymia.kernels.hrv import NAMES, five_minutes, slow_powers

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 2
HOUR_US: Final = DAY_US // 24
NIGHT_FROM_H: Final = -2  # 22:00 the evening before
NIGHT_TO_H: Final = 10
NIGHT_WINDOWS: Final = 6  # half an hour: fewer are no night


def _stretches(stream: Columns, windows: Windows, row: int) -> tuple[Array, Ints]:
    """Return the beats of one row: intervals that end inside its stretches."""
    time = stream["time"].astype(np.int64, copy=False)
    mine = windows.row == row
    low = np.searchsorted(time, windows.start_us[mine])
    high = np.searchsorted(time, windows.end_us[mine])
    parts = [np.arange(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    place = np.concatenate([np.zeros(0, np.int64), *parts])
    return stream["interval"][place].astype(np.float64), time[place]


def _values(interval_ms: Array, end_us: Ints, least: int) -> tuple[dict[str, float], float]:
    """Return the values of one stretch of recording, and its normal beats' sum [ms].

    No values where fewer than `least` windows of five minutes are valid.
    """
    beats = corrected(interval_ms, end_us)
    normal = ~beats.made_up
    nn = beats.nn_ms[normal]
    table = five_minutes(beats)
    if table.shape[0] < max(least, 1):
        return {}, float(nn.sum())
    found = dict(zip(NAMES, _median_of(table).tolist(), strict=True))
    mean, spread = table[:, NAMES.index("mean_nn_ms")], table[:, NAMES.index("sdnn_ms")]
    ulf, vlf = slow_powers(nn, beats.end_us[normal])
    return found | {
        "windows": float(table.shape[0]),
        "sdnn_whole_ms": float(np.std(nn, ddof=1)),
        "sdann_ms": float(np.std(mean, ddof=1)) if mean.size > 1 else float("nan"),
        "sdnn_index_ms": float(np.mean(spread)),
        "ulf_ms2": ulf,
        "vlf_ms2": vlf,
        "rejected_pct": 100.0 * beats.wrong / beats.recorded,
    }, float(nn.sum())


def _median_of(table: NDArray[np.float64]) -> Array:
    """Return the median of each column, NaN left out; NaN where none is known."""
    ranked = np.sort(table, axis=0)
    known = (~np.isnan(table)).sum(axis=0)
    columns = np.arange(table.shape[1])
    low, high = (
        ranked[np.maximum(known - 1, 0) // 2, columns],
        ranked[np.minimum(known // 2, table.shape[0] - 1), columns],
    )
    return np.where(known > 0, (low + high) / 2, np.nan)


class _Rows:
    """Collects values and coverage, row by row."""

    def __init__(self, rows: int) -> None:
        self.values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
        self.coverage = np.zeros(rows)

    def put(self, row: int, found: Mapping[str, float], normal_ms: float, length_us: int) -> None:
        self.coverage[row] = min(1000 * normal_ms / length_us, 1.0) if length_us else 0.0
        for name, value in found.items():
            self.values[name][row] = value


def _nights(timeline: Timeline, days: Ints) -> Windows:
    offsets = offsets_around(timeline, days, LOOKBACK_DAYS)
    low, high = (days * DAY_US + hour * HOUR_US for hour in (NIGHT_FROM_H, NIGHT_TO_H))
    return windows_of(offsets, days, np.arange(days.size), low, high)


def _whole_days(timeline: Timeline, days: Ints) -> Windows:
    offsets = offsets_around(timeline, days, LOOKBACK_DAYS)
    midnight = days * DAY_US
    return windows_of(offsets, days, np.arange(days.size), midnight, midnight + DAY_US)


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the beats of the night that ends on each local day, or of the day itself."""
    rows = _Rows(days.size)
    stream = streams.get("beat_intervals")
    if stream is None or days.size == 0 or stream["time"].size == 0:
        return Days(rows.values, rows.coverage)
    nights, whole = _nights(timeline, days), _whole_days(timeline, days)
    night_us, day_us = nights.lengths_us(), whole.lengths_us()
    for row in range(days.size):
        found, normal_ms = _values(*_stretches(stream, nights, row), NIGHT_WINDOWS)
        length, asleep = int(night_us[row]), bool(found)
        if not asleep:
            found, normal_ms = _values(*_stretches(stream, whole, row), 1)
            length = int(day_us[row])
        extra = {"from_night": float(asleep)} if found else {}
        rows.put(row, found | extra, normal_ms, length)
    return Days(rows.values, rows.coverage)


def measure(streams: Mapping[str, Columns], _timeline: Timeline, windows: Windows) -> Days:
    """Describe the beats of any stretches of time. `from_night` is not known."""
    rows = _Rows(windows.day.size)
    stream = streams.get("beat_intervals")
    if stream is None or stream["time"].size == 0:
        return Days(rows.values, rows.coverage)
    length_us = windows.lengths_us()
    for row in range(windows.day.size):
        found, normal_ms = _values(*_stretches(stream, windows, row), 1)
        rows.put(row, found, normal_ms, int(length_us[row]))
    return Days(rows.values, rows.coverage)


FAMILY = Family(
    name="hrv",
    version="1.1",
    title="Heart-rate variability",
    streams=("beat_intervals",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    measure=measure,
    coverage="share of the window (the night, or the day where there is no night) that normal "
    "beats fill",
    features=FEATURES,
)
