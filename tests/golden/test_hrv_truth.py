"""Power in ms² against what was put in: rhythms of known amplitude, with all that disturbs them."""

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.rows import compute_family
from euthymia.ground.clock import DAY_US, Timeline
from feature_cases import DAY0, WHO

LF, HF = (30.0, 0.10), (20.0, 0.25)  # amplitude [ms], frequency [Hz]


def heart(*tones, mean=850.0, drift=0.0, bend=0.0, seconds=300.0, phase=0.3):
    """Beats of a heart whose interval is a sum of tones and a slow change, second by second."""
    at, found = 0.0, []
    while at < seconds:
        interval = mean + drift * at / seconds + bend * (2 * at / seconds - 1) ** 2
        for place, (amplitude, hz) in enumerate(tones):
            interval += amplitude * np.sin(2 * np.pi * hz * at + phase * (place + 1))
        found.append(interval)
        at += interval / 1000
    return np.array(found)


def spoil(nn, rng, early=0, missed=0, extra=0):
    """Bring beats too early with a pause after them, drop some, cut some in two."""
    count = early + missed + extra
    places = rng.choice(np.arange(6, nn.size - 6, 5), count, replace=False)
    parts = [[x] for x in nn]
    for order, i in enumerate(places):
        if order < early:
            both = nn[i] + nn[i + 1]
            parts[i], parts[i + 1] = [0.65 * nn[i]], [both - 0.65 * nn[i]]
        elif order < early + missed:
            parts[i], parts[i + 1] = [nn[i] + nn[i + 1]], []
        else:
            parts[i] = [0.55 * nn[i], 0.45 * nn[i]]
    return np.concatenate([np.array(p) for p in parts if p])


def day_row(nn, precise=True):
    end = DAY0 * DAY_US + 15 * DAY_US // 24 + np.round(np.cumsum(nn) * 1000).astype(np.int64)
    interval = nn if precise else np.round(nn)
    stream = {"time": end, "interval": interval.astype(np.float32)}
    table = compute_family(
        families()["hrv"],
        {"beat_intervals": stream},
        Timeline(),
        np.array([DAY0], np.int64),
        subject=WHO,
        digests={},
    )
    return table.to_pylist()[0]


def power(*tones):
    return sum(a * a / 2 for a, _ in tones)


@pytest.mark.parametrize("phase", [0.3, 2.1, 4.4])
@pytest.mark.parametrize(
    ("tones", "options"),
    [
        ((LF, HF), {}),
        ((LF, HF), {"drift": 200.0}),
        ((LF, HF), {"bend": 120.0, "drift": 60.0}),
        ((LF, (25.0, 0.33)), {"bend": -120.0, "mean": 1000.0}),
        ((LF, HF, (60.0, 0.008)), {}),
        ((LF, HF, (50.0, 0.025)), {}),
        ((LF, (20.0, 0.17)), {}),
        ((LF, (20.0, 0.35)), {}),
        ((LF, HF), {"mean": 600.0}),
        ((LF, HF), {"mean": 1150.0}),
        (((80.0, 0.09), (20.0, 0.28)), {}),
        (((40.0, 0.08), (60.0, 0.22)), {"mean": 950.0}),
    ],
)
def test_power_is_what_was_put_in(tones, options, phase):
    row = day_row(heart(*tones, phase=phase, **options))
    lf = power(*(t for t in tones if 0.04 < t[1] < 0.15))
    hf = power(*(t for t in tones if 0.15 < t[1] < 0.40))
    assert row["lf_ms2"] == pytest.approx(lf, rel=0.01)
    assert row["hf_ms2"] == pytest.approx(hf, rel=0.02)
    assert row["lf_hf"] == pytest.approx(lf / hf, rel=0.03)
    assert row["rejected_pct"] == 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "wrong",
    [{"early": 8}, {"missed": 6}, {"extra": 6}, {"early": 4, "missed": 3, "extra": 3}],
    ids=str,
)
def test_artefacts_do_not_change_it(wrong, seed):
    rng = np.random.default_rng(seed)
    clean = heart(LF, HF, drift=80.0, phase=seed)
    row = day_row(spoil(clean, rng, **wrong))
    assert row["lf_ms2"] == pytest.approx(power(LF), rel=0.01)
    assert row["hf_ms2"] == pytest.approx(power(HF), rel=0.02)
    assert row["rmssd_ms"] == pytest.approx(np.sqrt(np.mean(np.diff(clean) ** 2)), rel=0.03)
    assert row["rejected_pct"] > 1


@pytest.mark.parametrize("hz", [0.06, 0.09, 0.12])
def test_slow_breathing_is_not_in_hf(hz):
    row = day_row(heart((50.0, hz)))
    assert row["lf_ms2"] == pytest.approx(1250, rel=0.01)
    assert row["hf_ms2"] < 0.002 * 1250
    assert row["lf_peak_hz"] == pytest.approx(hz, abs=0.001)


def test_whole_milliseconds_and_noise():
    rng = np.random.default_rng(5)
    row = day_row(np.round(heart(LF, HF)), precise=False)
    assert row["lf_ms2"] == pytest.approx(power(LF), rel=0.01)
    assert row["hf_ms2"] == pytest.approx(power(HF), rel=0.02)
    found = []
    for _ in range(12):  # white noise of 10 ms: 100 ms² over 0 to half the beats' frequency
        noisy = heart(LF, HF)
        noisy += rng.normal(0, 10, noisy.size)
        found.append(day_row(noisy)["hf_ms2"])
    assert np.mean(found) == pytest.approx(power(HF) + 100 * 0.25 / 0.588, rel=0.04)


def test_slow_power_of_a_long_night():
    """Waves of 8 minutes (ULF) and 100 s (VLF) over five hours."""
    nn = heart((40.0, 0.002), (25.0, 0.01), LF, HF, seconds=5 * 3600, mean=950)
    end = DAY0 * DAY_US + np.cumsum(nn * 1000).astype(np.int64)
    table = compute_family(
        families()["hrv"],
        {"beat_intervals": {"time": end, "interval": nn.astype(np.float32)}},
        Timeline(),
        np.array([DAY0], np.int64),
        subject=WHO,
        digests={},
    )
    row = table.to_pylist()[0]
    assert row["from_night"] == 1
    assert row["ulf_ms2"] == pytest.approx(800, rel=0.01)
    assert row["vlf_ms2"] == pytest.approx(312.5, rel=0.01)
    assert row["lf_ms2"] == pytest.approx(power(LF), rel=0.01)
    assert row["hf_ms2"] == pytest.approx(power(HF), rel=0.02)
    total = power((40.0, 0), (25.0, 0), LF, HF)
    assert row["sdnn_whole_ms"] == pytest.approx(np.sqrt(total), rel=0.02)
