"""Breathing: its rate as a device says it, and the heart's swing with it."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.ground.clock import DAY_US, Timeline

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

BIN_US: Final = DAY_US // 288  # five minutes
LOWEST: Final = 4.0  # breaths a minute; less is not seen in a living adult for five minutes
HIGHEST: Final = 60.0
MIN_BINS: Final = 3

_PAPER: Final = "Natarajan et al. 2021, doi:10.1038/s41746-021-00493-6"


def _bin_means(stream: Columns, windows: Windows, row: int) -> Array:
    """Return the five-minute means of one row's stretches, those with a rate."""
    time = stream["time"].astype(np.int64, copy=False)
    found = [np.zeros(0)]
    mine = windows.row == row
    for start, end in zip(windows.start_us[mine], windows.end_us[mine], strict=True):
        low, high = np.searchsorted(time, [start, end])
        rate = stream["rate"][low:high].astype(np.float64)
        fits = (rate >= LOWEST) & (rate <= HIGHEST)
        place = (time[low:high][fits] - start) // BIN_US
        count, total = np.bincount(place), np.bincount(place, rate[fits])
        found.append(total[count > 0] / count[count > 0])
    return np.concatenate(found)


def measure(streams: Mapping[str, Columns], _timeline: Timeline, windows: Windows) -> Days:
    """Describe the breathing of any stretches of time."""
    values = {f.name: np.full(windows.day.size, np.nan) for f in FAMILY.features}
    coverage = np.zeros(windows.day.size)
    stream = streams.get("respiration_rate")
    if stream is None:
        return Days(values, coverage)
    length_us = windows.lengths_us()
    for row in range(windows.day.size):
        rate = _bin_means(stream, windows, row)
        if rate.size == 0:
            continue
        coverage[row] = min(rate.size * BIN_US / int(length_us[row]), 1.0)
        if rate.size >= MIN_BINS:
            low, middle, high = np.quantile(rate, [0.05, 0.5, 0.95])
            numbers = (rate.mean(), middle, rate.std(ddof=1), low, high)
            for feature, value in zip(FAMILY.features, numbers, strict=True):
                values[feature.name][row] = value
    return Days(values, coverage)


def _feature(name: str, title: str, definition: str, worse: int) -> Feature:
    need = " Of five-minute means of rates of 4 to 60 breaths a minute; NaN with fewer than three."
    limits = (
        "Derived from pulse or chest movement while still: trust nights. Some devices give one "
        "value a night, which has no spread."
    )
    return Feature(name, title, "/min", definition + need, _PAPER, 0, 60, worse, None, limits)


FAMILY = Family(
    name="respiration",
    version="1",
    title="Breathing",
    streams=("respiration_rate",),
    lookback_days=1,
    measure=measure,
    coverage="share of the five-minute stretches of the window that have a breathing rate",
    features=(
        _feature("mean_breaths_per_min", "Breathing rate", "Mean rate.", 1),
        _feature("median_breaths_per_min", "Breathing rate, median", "Median rate.", 1),
        _feature("sd_breaths_per_min", "Spread of breathing rate", "Standard deviation.", 0),
        _feature("slow_breaths_per_min", "Slow breathing", "5th percentile of the rate.", 0),
        _feature("fast_breaths_per_min", "Fast breathing", "95th percentile of the rate.", 1),
    ),
)
