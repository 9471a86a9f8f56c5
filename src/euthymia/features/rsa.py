"""Respiratory sinus arrhythmia: how much the heart quickens with each breath in, and slows out."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.ground.clock import Timeline
from euthymia.kernels.beats import corrected
from euthymia.kernels.breaths import breaths, peak_to_valley

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

FEWEST: Final = 10  # breaths


def _beats(stream: Columns, start: int, end: int) -> tuple[Ints, Ints]:
    """Return when the measured beat intervals of a stretch begin and end."""
    time = stream["time"].astype(np.int64, copy=False)
    low, high = np.searchsorted(time, [start, end])
    beats = corrected(stream["interval"][low:high].astype(np.float64), time[low:high])
    normal = ~beats.made_up
    ends = beats.end_us[normal]
    begins = ends - np.round(beats.nn_ms[normal] * 1000).astype(np.int64)
    order = np.argsort(begins, kind="stable")  # two devices at once
    return begins[order], np.maximum.accumulate(ends[order])


def _of_stretch(streams: Mapping[str, Columns], start: int, end: int) -> tuple[Ints, Array]:
    """Return the breaths of a stretch and the arrhythmia of each."""
    signal = streams["respiration"]
    time = signal["time"].astype(np.int64, copy=False)
    low, high = np.searchsorted(time, [start, end])
    found = breaths(time[low:high], signal["value"][low:high].astype(np.float64))
    if found.shape[0] == 0:
        return found, np.zeros(0)
    return found, peak_to_valley(*_beats(streams["beat_intervals"], start, end), found)


def measure(streams: Mapping[str, Columns], _timeline: Timeline, windows: Windows) -> Days:
    """Describe the arrhythmia of any stretches of time."""
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    coverage = np.zeros(rows)
    if "respiration" not in streams or "beat_intervals" not in streams:
        return Days(values, coverage)
    length_us = windows.lengths_us()
    for row in range(rows):
        mine = windows.row == row
        ends = zip(windows.start_us[mine].tolist(), windows.end_us[mine].tolist(), strict=True)
        parts = [_of_stretch(streams, start, end) for start, end in ends]
        breath = np.concatenate([np.zeros((0, 3), np.int64), *(found for found, _ in parts)])
        swing = np.concatenate([np.zeros(0), *(found for _, found in parts)])
        known = ~np.isnan(swing)
        breath, swing = breath[known], swing[known]
        long = breath[:, 2] - breath[:, 0]
        coverage[row] = min(long.sum() / int(length_us[row]), 1.0) if length_us[row] else 0.0
        if swing.size >= FEWEST:
            mean = float(swing.mean())
            numbers = (
                mean,
                np.log(mean) if mean > 0 else np.nan,
                swing.std(ddof=1),
                100 * float(np.mean(swing == 0)),
                60e6 / np.median(long),
                100 * float(np.median((breath[:, 1] - breath[:, 0]) / long)),
                swing.size,
            )
            for feature, value in zip(FAMILY.features, numbers, strict=True):
                values[feature.name][row] = value
    return Days(values, coverage)


_GROSSMAN: Final = "Grossman et al. 1990, doi:10.1111/j.1469-8986.1990.tb03198.x"
_BREATHS: Final = "Khodadad et al. 2018, doi:10.1088/1361-6579/aad7e6"
_EACH: Final = (
    " Of breaths (trough to peak to trough of the breathing signal, 1.5 to 20 s) with a whole "
    "measured beat interval in both phases; NaN with fewer than ten."
)
_SWING: Final = (
    " A breath's is its longest beat interval of breathing out less its shortest of breathing in, "
    "phases to end 0.75 s later; 0 where that is negative."
)
_LIMITS: Final = (
    "The signal must rise with breathing in: a band the other way round mixes the phases up. It "
    "grows with slower and deeper breathing: compare at a like rate. Ectopy and speech disturb it."
)


def _feature(
    name: str, title: str, unit: str, text: str, high: float | None, low: float | None = 0
) -> Feature:
    paper = _GROSSMAN if _SWING in text else _BREATHS
    worse = 1 if name == "absent_pct" else -1 if paper is _GROSSMAN else 0
    return Feature(name, title, unit, text + _EACH, paper, low, high, worse, None, _LIMITS)


FAMILY = Family(
    name="rsa",
    version="2.1",
    title="Respiratory sinus arrhythmia",
    streams=("respiration", "beat_intervals"),
    needs=("respiration",),
    lookback_days=1,
    measure=measure,
    coverage="share of the window that breaths with a known arrhythmia fill",
    features=(
        _feature(
            "peak_to_valley_ms",
            "Respiratory sinus arrhythmia",
            "ms",
            "Mean over breaths." + _SWING,
            1700,
        ),
        _feature(
            "ln_peak_to_valley",
            "Respiratory sinus arrhythmia, log",
            "1",
            "Natural logarithm of the mean over breaths [ms]; NaN where that is 0." + _SWING,
            None,
            None,
        ),
        _feature(
            "spread_ms",
            "Spread of the arrhythmia from breath to breath",
            "ms",
            "Standard deviation (n - 1) over breaths." + _SWING,
            1700,
        ),
        _feature(
            "absent_pct",
            "Breaths without arrhythmia",
            "%",
            "Share of breaths at which the heart does not quicken on breathing in." + _SWING,
            100,
        ),
        _feature(
            "breaths_per_min",
            "Breathing rate of the signal",
            "/min",
            "60 s over the median length of a breath.",
            40,
        ),
        _feature(
            "inhaling_pct",
            "Share of breathing in",
            "%",
            "Median share of a breath from trough to peak.",
            100,
        ),
        _feature("breaths", "Breaths", "{breaths}", "How many there are.", None),
    ),
)
