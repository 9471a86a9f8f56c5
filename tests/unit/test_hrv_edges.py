"""Beats, windows, heart rate and breathing where one can see the answer."""

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.contract import Windows
from euthymia.features.rows import compute_family
from euthymia.features.segments import measured, segment
from euthymia.ground.clock import DAY_US, SECOND_US, Timeline
from euthymia.kernels import beats
from euthymia.kernels.heart_rate import circadian, lowest_stretch
from euthymia.kernels.hrv import NAMES, five_minutes, slow_powers
from feature_cases import DAY0, WHO

HOUR = 3600 * SECOND_US


def ends(nn):
    return np.cumsum(np.asarray(nn, np.float64) * 1000).astype(np.int64)


def steady(n=400, mean=800.0):
    return mean + np.tile([-10.0, 10.0], n // 2)


def test_a_missed_beat_is_put_back_and_an_extra_one_taken_out():
    nn = steady()
    spoilt = np.concatenate([nn[:50], [nn[50] + nn[51]], nn[52:90], [420, 370], nn[91:]])
    found = beats.corrected(spoilt, ends(spoilt))
    assert found.nn_ms.size == nn.size
    assert found.wrong == 2
    assert np.flatnonzero(found.made_up).tolist() == [50, 51]
    assert found.nn_ms[90] == 790
    assert found.joined[1:].all()


def test_a_beat_out_of_place_leaves_its_two_intervals_out():
    nn = steady()
    nn[100], nn[101] = 560, 1040
    found = beats.corrected(nn, ends(nn))
    assert np.flatnonzero(found.made_up).tolist() == [100, 101]
    assert found.wrong >= 1


def test_a_steady_pulse_has_no_artefact():
    for nn in (np.full(200, 800.0), steady(), np.tile([800.0, 815.625, 800.0, 784.375], 60)):
        found = beats.corrected(nn, ends(nn))
        assert found.wrong == 0
        assert not found.made_up.any()


def test_a_difference_never_crosses_a_gap():
    nn = steady()
    end = ends(nn)
    end[200:] += 20 * SECOND_US
    found = beats.corrected(nn, end)
    assert np.flatnonzero(~found.joined).tolist() == [0, 200]
    assert found.wrong == 0


def test_no_beats_and_one_beat():
    for nn in (np.zeros(0), np.array([800.0]), np.array([5000.0])):
        found = beats.corrected(nn, ends(nn))
        assert five_minutes(found).shape == (0, len(NAMES))
        assert all(np.isnan(slow_powers(found.nn_ms, found.end_us)))


def test_windows_begin_where_beats_begin():
    """A recording of five minutes is one window, wherever the clock stands."""
    nn = steady(376)
    for offset in (0, 123 * SECOND_US):
        assert five_minutes(beats.corrected(nn, ends(nn) + offset)).shape[0] == 1
    assert five_minutes(beats.corrected(nn[:300], ends(nn[:300]))).shape[0] == 0


def test_a_window_with_a_hole_has_time_domain_but_no_spectrum():
    nn = steady(400, 740.0)
    end = ends(nn)
    hole = (end > 100 * SECOND_US) & (end < 140 * SECOND_US)
    found = five_minutes(beats.corrected(nn[~hole], end[~hole]))
    assert found.shape[0] == 1
    row = dict(zip(NAMES, found[0].tolist(), strict=True))
    assert row["mean_nn_ms"] == pytest.approx(740)
    assert row["rmssd_ms"] == pytest.approx(20)
    assert np.isnan(row["lf_ms2"])
    assert np.isnan(row["sample_entropy"])


def test_hrv_of_a_segment_is_that_of_its_hours():
    nn = np.concatenate([steady(3000, 1000.0), steady(3000, 700.0)])
    end = DAY0 * DAY_US + HOUR + ends(nn)
    stream = {"time": end, "interval": nn.astype(np.float32)}
    days = np.array([DAY0], np.int64)
    for name, mean in (("01:00-01:40", 1000), ("02:00-02:20", 700)):
        found = measured(
            families()["hrv"], {"beat_intervals": stream}, Timeline(), segment(name), days
        )
        assert found.values["mean_nn_ms"][0] == pytest.approx(mean)
        assert found.coverage[0] > 0.9


def test_heart_rate_averages_are_no_beats():
    assert families()["hrv"].streams == ("beat_intervals",)


# -- heart rate ----------------------------------------------------------------------------------


def compute(name, streams):
    table = compute_family(
        families()[name], streams, Timeline(), np.array([DAY0], np.int64), subject=WHO, digests={}
    )
    return table.to_pylist()[0]


def a_day_of_heart_rate():
    minute = np.arange(-1440, 1440, dtype=np.int64)
    hour = minute % 1440 / 60
    walking = (hour >= 9) & (hour < 11) & (minute % 3 == 0)
    rate = 65 - 8 * np.cos(2 * np.pi * (hour - 4) / 24) + np.where(walking, 0.3 * 90, 0)
    time = DAY0 * DAY_US + minute * 60 * SECOND_US
    steps = {
        "time": time[walking],
        "steps": np.full(int(walking.sum()), 90, np.int32),
        "period": np.full(int(walking.sum()), 60, np.float32),
    }
    return {"heart_rate": {"time": time, "rate": rate.astype(np.float32)}, "steps": steps}


def test_the_heart_around_the_clock():
    """Mesor 65, amplitude 8, peak at 16:00, 0.3 beats a step; steps begin at 9:00 of the first."""
    row = compute("heart_rate", a_day_of_heart_rate())
    assert row["coverage"] == 1
    assert row["amplitude_per_min"] == pytest.approx(8, rel=0.1)
    assert row["acrophase_h"] == pytest.approx(16, abs=0.5)
    assert row["mesor_per_min"] == pytest.approx(65, abs=1)
    assert row["rise_per_step_rate"] == pytest.approx(0.3, rel=0.05)
    assert row["min_rate_per_min"] == pytest.approx(57, abs=0.2)
    assert row["resting_rate_per_min"] == pytest.approx(57, abs=0.3)
    assert row["night_dip_pct"] > 0


def test_without_steps_the_heart_has_its_curve_and_nothing_per_step():
    streams = a_day_of_heart_rate()
    row = compute("heart_rate", {"heart_rate": streams["heart_rate"]})
    assert row["rate_per_step"] is None
    assert row["rise_per_step_rate"] is None
    assert row["amplitude_per_min"] == pytest.approx(8, rel=0.2)


def test_a_curve_needs_most_hours_of_the_clock():
    hour = np.repeat(np.arange(17.0), 12)
    rate = 60 + hour
    assert np.isnan(circadian(rate, hour, np.full(hour.size, np.nan)).mesor)


def test_the_lowest_stretch_leaves_out_what_is_too_thin():
    level = np.array([50, np.nan, np.nan, 52, 60, 60, 60, 55, 55, 55, 55.0])
    assert lowest_stretch(level, 4, 3) == 55
    assert lowest_stretch(level, 4, 2) == 51
    assert np.isnan(lowest_stretch(level[:3], 4, 2))


def test_breathing():
    time = DAY0 * DAY_US + np.arange(60, dtype=np.int64) * 60 * SECOND_US
    rate = np.repeat([12.0, 14.0, 16.0], 20).astype(np.float32)
    row = compute("respiration", {"respiration_rate": {"time": time, "rate": rate}})
    assert row["mean_breaths_per_min"] == 14
    assert row["median_breaths_per_min"] == 14
    assert row["coverage"] == pytest.approx(12 / 288)
    rate[:] = 0
    assert (
        compute("respiration", {"respiration_rate": {"time": time, "rate": rate}})[
            "mean_breaths_per_min"
        ]
        is None
    )


def test_rows_without_stretches_are_rows_without_values():
    none = np.zeros(0, np.int64)
    windows = Windows(np.array([DAY0]), none, none, none)
    nn = steady()
    streams = {
        "beat_intervals": {"time": DAY0 * DAY_US + ends(nn), "interval": nn.astype(np.float32)},
        **a_day_of_heart_rate(),
        "respiration_rate": {"time": DAY0 * DAY_US + ends(nn), "rate": nn.astype(np.float32)},
    }
    for name in ("hrv", "heart_rate", "respiration"):
        found = families()[name].measure(streams, Timeline(), windows)
        assert found.coverage.tolist() == [0.0]
        assert all(np.isnan(v).all() for v in found.values.values())
