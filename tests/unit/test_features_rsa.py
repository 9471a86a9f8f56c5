"""Respiratory sinus arrhythmia: NeuroKit2's numbers, and a heart that is made to breathe."""

import numpy as np
import pytest

from euthymia.features.rsa import FAMILY, measure
from euthymia.features.windows import day_windows
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.breaths import breaths, peak_to_valley
from feature_cases import DAY0

START = DAY0 * DAY_US + 3_600_000_000


def test_peak_to_valley_equals_neurokit():
    """NeuroKit2 0.2.13: `hrv_rsa._hrv_rsa_p2t(onsets, rpeaks, 1000, rsp_peaks=peaks)`."""
    rng = np.random.default_rng(5)
    wave = 50 * np.sin(2 * np.pi * np.cumsum(np.full(200, 0.85)) / 4.3)
    beat = np.cumsum(np.round(850 + wave + rng.normal(0, 15, 200)).astype(np.int64)) * 1000
    onset = np.cumsum(rng.integers(3600, 5200, 38)) * 1000
    peak = onset[:-1] + rng.integers(1400, 2000, 37) * 1000
    found = peak_to_valley(beat[:-1], beat[1:], np.stack([onset[:-1], peak, onset[1:]], 1))
    assert np.isnan(found).sum() == 0
    assert found.mean() == pytest.approx(50.351351351351354, rel=1e-12)
    assert found.std(ddof=1) == pytest.approx(47.616066509002934, rel=1e-12)


def breathing(per_min, swing_ms, minutes=5, hz=25, noise=0.02, seed=0, late=0.0, quiet=0.0):
    """Return the streams of a heart of 700 ms that swings with a breath, in phase.

    The recording begins `late` breaths into one, and its band is not yet on for `quiet` seconds.
    """
    rng = np.random.default_rng(seed)
    seconds = np.arange(minutes * 60 * hz) / hz
    turn = 2 * np.pi * late
    value = np.sin(2 * np.pi * per_min / 60 * seconds + turn) * (seconds >= quiet)
    value += rng.normal(0, noise, seconds.size)
    at, beats = 0.0, []
    while at < minutes * 60:
        at += (700 - swing_ms * np.sin(2 * np.pi * per_min / 60 * (at + 0.35) + turn + 1.2)) / 1000
        beats.append(at)
    ends = START + np.round(np.array(beats) * 1e6).astype(np.int64)
    interval = np.diff(ends, prepend=START) / 1000
    return {
        "respiration": {
            "time": START + np.round(seconds * 1e6).astype(np.int64),
            "value": value + 0.3 * np.sin(seconds / 60),
        },
        "beat_intervals": {"time": ends, "interval": interval.astype(np.float32)},
    }


def described(streams):
    found = measure(streams, Timeline(), day_windows(Timeline(), np.array([DAY0])))
    return {name: float(value[0]) for name, value in found.values.items()}, found.coverage[0]


@pytest.mark.parametrize("quiet", [0.0, 5.0])
@pytest.mark.parametrize("late", [0.0, 0.2, 0.4, 0.5, 0.6, 0.8, 0.95])
def test_breathing_in_is_not_taken_for_breathing_out(late, quiet):
    """Wherever in a breath the recording begins: a first hump half seen is not a whole one."""
    streams = breathing(6, 50, late=late, quiet=quiet)["respiration"]
    rising = np.cos(2 * np.pi * 6 / 60 * (streams["time"] - START) / 1e6 + 2 * np.pi * late) > 0
    found = breaths(streams["time"], streams["value"])
    assert len(found) > 15
    for trough, peak, _ in found[4:].tolist():
        inside = (streams["time"] >= trough) & (streams["time"] < peak)
        assert rising[inside].mean() > 0.8


@pytest.mark.parametrize("per_min", [6, 9, 15])
@pytest.mark.parametrize("swing_ms", [15, 50])
def test_a_known_arrhythmia_is_found(per_min, swing_ms):
    found, coverage = described(breathing(per_min, swing_ms))
    assert found["breaths_per_min"] == pytest.approx(per_min, rel=0.02)
    assert found["breaths"] == pytest.approx(5 * per_min, abs=3)
    assert found["inhaling_pct"] == pytest.approx(50, abs=4)
    assert found["absent_pct"] == 0
    assert found["peak_to_valley_ms"] == pytest.approx(2 * swing_ms, rel=0.12)
    assert found["ln_peak_to_valley"] == pytest.approx(np.log(found["peak_to_valley_ms"]))
    assert coverage == pytest.approx(300 / 86_400, rel=0.1)


def test_a_steady_heart_has_none():
    found, _ = described(breathing(12, 0))
    assert found["peak_to_valley_ms"] < 1


def test_gaps_flat_lines_and_humps():
    streams = breathing(15, 30)
    time, value = streams["respiration"]["time"], streams["respiration"]["value"]
    whole = breaths(time, value)
    keep = (time < START + 100_000_000) | (time > START + 130_000_000)
    cut = breaths(time[keep], value[keep])
    gap = (cut[:, 0] < START + 130_000_000) & (cut[:, 2] > START + 100_000_000)
    assert not gap.any()
    assert whole.shape[0] - 11 <= cut.shape[0] < whole.shape[0]
    assert breaths(time, np.ones(time.size)).shape == (0, 3)
    assert breaths(time[:0], value[:0]).shape == (0, 3)
    assert breaths(time[:100], value[:100]).shape == (0, 3)  # four seconds
    humps = value + 0.1 * np.sin(2 * np.pi * 1.2 * (time - START) / 1e6)  # the heart beats in it
    assert breaths(time, humps).shape[0] == whole.shape[0]


def test_one_stream_alone_says_nothing():
    streams = breathing(15, 30)
    for name in FAMILY.streams:
        _, coverage = described({name: streams[name]})
        assert coverage == 0
