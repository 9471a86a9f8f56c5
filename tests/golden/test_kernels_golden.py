"""Kernels on real recordings: against published values, and against formulas written plainly."""

import csv
import gzip
import math
import statistics
from itertools import pairwise

import numpy as np
import pytest

from euthymia.kernels import hrv_time, rest_activity
from euthymia.kernels.beats import normal_beats
from euthymia.kernels.non_wear import zero_runs
from real import DATA, needs_data

pytestmark = needs_data


def beats(name: str) -> np.ndarray:
    return np.load(DATA / "hrv" / name).astype(np.float64)


def test_one_hour_equals_kubios():
    """Kubios HRV Premium 3.1.0 on this recording, as published with pyHRV (series_1)."""
    nn = beats("nni_60min.npy")
    found = hrv_time.time_domain(nn, np.ones(nn.size, bool))
    assert round(found.mean_nn_ms[0], 4) == 768.4383
    assert round(found.sdnn_ms[0], 4) == 85.3572
    assert round(found.rmssd_ms[0], 4) == 60.5235
    assert round(found.pnn50_pct[0], 4) == 28.5714
    assert round(found.pnn50_pct[0] / 100 * (nn.size - 1)) == 1338  # NN50


def test_one_hour_segments_are_near_kubios():
    """Kubios cuts its five minutes elsewhere: SDANN 21.8956, SDNN index 82.2325."""
    nn = beats("nni_60min.npy")
    sdann, index = hrv_time.segment_spread(nn, np.cumsum(nn * 1000).astype(np.int64), 0)
    assert sdann == pytest.approx(21.8956, rel=0.03)
    assert index == pytest.approx(82.2325, rel=0.01)


@pytest.mark.parametrize("name", ["nni_5min.npy", "nni_60min.npy"])
def test_time_domain_equals_plain_formulas(name):
    nn = beats(name)
    xs = nn.tolist()
    found = hrv_time.time_domain(nn, np.ones(nn.size, bool))
    steps = [b - a for a, b in pairwise(xs)]
    mean = math.fsum(xs) / len(xs)
    median = statistics.median(xs)
    sdnn = math.sqrt(math.fsum((x - mean) ** 2 for x in xs) / (len(xs) - 1))
    rmssd = math.sqrt(math.fsum(s * s for s in steps) / len(steps))
    plain = {
        "mean_nn_ms": mean,
        "median_nn_ms": median,
        "mad_nn_ms": statistics.median(abs(x - median) for x in xs),
        "sdnn_ms": sdnn,
        "cvnn": sdnn / mean,
        "rmssd_ms": rmssd,
        "cvsd": rmssd / mean,
        "pnn50_pct": 100 * sum(abs(s) > 50 for s in steps) / len(steps),
        "pnn20_pct": 100 * sum(abs(s) > 20 for s in steps) / len(steps),
    }
    for field, value in plain.items():
        assert getattr(found, field)[0] == pytest.approx(value, rel=1e-12, abs=1e-12), field


@pytest.mark.parametrize(("name", "most_lost"), [("nni_5min.npy", 0.10), ("nni_60min.npy", 0.06)])
def test_a_clean_recording_keeps_its_beats_and_its_breath(name, most_lost):
    """The young person of these recordings has strong respiratory swings, which are no artefact."""
    nn = beats(name)
    truth = float(hrv_time.time_domain(nn, np.ones(nn.size, bool)).rmssd_ms[0])
    found = normal_beats(nn, np.cumsum(nn * 1000).astype(np.int64))
    kept = float(hrv_time.time_domain(nn[found.kept], found.joined[found.kept]).rmssd_ms[0])
    assert found.kept.mean() > 0.98
    assert (1 - most_lost) * truth < kept <= truth


def test_spoiling_beats_is_noticed_and_repaired():
    """Every 50th beat missed: RMSSD of what is kept stays near the true one."""
    nn = beats("nni_60min.npy")
    truth = float(hrv_time.time_domain(nn, np.ones(nn.size, bool)).rmssd_ms[0])
    end = np.cumsum(nn * 1000).astype(np.int64)
    seen = np.arange(nn.size) % 50 != 49
    spoilt_end = end[seen]
    spoilt = np.diff(spoilt_end, prepend=0) / 1000.0
    raw = float(hrv_time.time_domain(spoilt, np.ones(spoilt.size, bool)).rmssd_ms[0])
    found = normal_beats(spoilt, spoilt_end)
    kept = hrv_time.time_domain(spoilt[found.kept], found.joined[found.kept])
    assert raw > 2 * truth
    assert float(kept.rmssd_ms[0]) == pytest.approx(truth, rel=0.12)


def counts(name: str) -> list[tuple[str, float]]:
    path = DATA / "depresjon" / name.partition("_")[0] / f"{name}.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [(row["timestamp"], float(row["activity"])) for row in csv.DictReader(file)]


def whole_days(name: str, days: int = 7) -> list[list[float]]:
    rows = counts(name)
    begin = next(i for i, (stamp, _) in enumerate(rows) if stamp.endswith("00:00:00"))
    xs = [x for _, x in rows[begin : begin + days * 1440]]
    return [xs[d * 1440 : (d + 1) * 1440] for d in range(days)]


@pytest.mark.parametrize("name", ["condition_1", "condition_15", "control_1", "control_24"])
def test_actigraphy_equals_plain_formulas(name):
    days = whole_days(name)
    hourly = [[math.fsum(day[h * 60 : h * 60 + 60]) / 60 for h in range(24)] for day in days]
    xs = [x for day in hourly for x in day]
    n, p, mean = len(xs), 24, math.fsum(xs) / len(xs)
    by_hour = [math.fsum(day[h] for day in hourly) / 7 for h in range(24)]
    total = math.fsum((x - mean) ** 2 for x in xs)
    stability = n * math.fsum((x - mean) ** 2 for x in by_hour) / (p * total)
    jumps = math.fsum((b - a) ** 2 for a, b in pairwise(xs))
    variability = n * jumps / ((n - 1) * total)
    profile = [math.fsum(day[m] for day in days) / 7 for m in range(1440)]
    sums = {w: [math.fsum((profile * 2)[i : i + w]) / w for i in range(1440)] for w in (300, 600)}
    rows, fast = np.array(hourly), np.array(days).mean(axis=0)
    low, high = rest_activity.l5(fast), rest_activity.m10(fast)
    assert float(rest_activity.interdaily_stability(rows)) == pytest.approx(stability, rel=1e-10)
    assert float(rest_activity.intradaily_variability(rows)) == pytest.approx(
        variability, rel=1e-10
    )
    assert float(low.level) == pytest.approx(min(sums[300]), rel=1e-9)
    assert float(low.onset_h) == sums[300].index(min(sums[300])) / 60
    assert float(high.level) == pytest.approx(max(sums[600]), rel=1e-9)
    assert float(high.onset_h) == sums[600].index(max(sums[600])) / 60
    ratio = (max(sums[600]) - min(sums[300])) / (max(sums[600]) + min(sums[300]))
    found = rest_activity.relative_amplitude(high.level, low.level)
    assert float(found) == pytest.approx(ratio, rel=1e-9)


def test_cosinor_equals_the_closed_form_on_whole_days():
    hourly = np.array(whole_days("control_24")).reshape(7, 24, 60).mean(axis=2)
    angle = [2 * math.pi * (h + 0.5) / 24 for h in range(24)] * 7
    xs = hourly.ravel().tolist()
    beta = 2 / len(xs) * math.fsum(x * math.cos(a) for x, a in zip(xs, angle, strict=True))
    gamma = 2 / len(xs) * math.fsum(x * math.sin(a) for x, a in zip(xs, angle, strict=True))
    found = rest_activity.cosinor(hourly)
    assert float(found.mesor) == pytest.approx(math.fsum(xs) / len(xs), rel=1e-10)
    assert float(found.amplitude) == pytest.approx(math.hypot(beta, gamma), rel=1e-10)
    assert float(found.acrophase_h) == pytest.approx(
        math.atan2(gamma, beta) * 24 / (2 * math.pi) % 24, rel=1e-10
    )


def test_worn_recordings_stay_worn_and_a_drawer_does_not():
    """control_30 moves through; control_3 lay still for weeks (its longest run is six days)."""
    for name, least, most in (("control_30", 0.0, 0.0), ("control_3", 0.55, 0.75)):
        xs = np.array([x for _, x in counts(name)])
        days = xs[: xs.size // 1440 * 1440].reshape(-1, 1440)
        assert least <= zero_runs(days == 0).mean() <= most
