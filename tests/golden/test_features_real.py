"""The families on real recordings, against formulas written out without the kernels."""

import csv
import gzip
import math
import statistics
from itertools import pairwise

import numpy as np
import pytest

from euthymia.features.catalogue import families
from euthymia.features.rows import compute_family, days_with_data, known_rows
from euthymia.ground.clock import DAY_US, Timeline
from feature_cases import WHO, digests_of
from real import DATA, needs_data

pytestmark = needs_data
UTC = Timeline()


def lines(path):
    with gzip.open(DATA / path, "rt", encoding="utf-8") as file:
        return list(csv.reader(file))


def rows(name, streams, timeline=UTC):
    family, digests = families()[name], digests_of(streams)
    days = days_with_data(family, timeline, digests)
    table = compute_family(family, streams, timeline, days, subject=WHO, digests=digests)
    return known_rows(table).to_pylist()


def actigraph(name):
    found = lines(f"depresjon/{name.partition('_')[0]}/{name}.csv.gz")[1:]
    time = np.array([np.datetime64(r[0], "us").astype(np.int64) for r in found])
    return time, np.array([float(r[2]) for r in found])


@pytest.mark.parametrize("name", ["condition_22", "control_30"])
def test_rest_activity_of_a_device_worn_throughout(name):
    """Neither recording has three hours of zeros, so every minute counts."""
    time, counts = actigraph(name)
    stream = {
        "time": time,
        "counts": counts.astype(np.float32),
        "epoch": np.full(time.size, 60, np.float32),
    }
    found = rows("rest_activity", {"activity_counts": stream})[9]
    last = (found["date"] - np.datetime64("1970-01-01").astype(object)).days
    inside = (time >= (last - 6) * DAY_US) & (time < (last + 1) * DAY_US)
    days = counts[inside].reshape(7, 1440).tolist()
    xs = [math.fsum(day[h * 60 : h * 60 + 60]) / 60 for day in days for h in range(24)]
    mean = math.fsum(xs) / 168
    total = math.fsum((x - mean) ** 2 for x in xs)
    by_hour = [math.fsum(xs[h::24]) / 7 for h in range(24)]
    stability = 168 * math.fsum((x - mean) ** 2 for x in by_hour) / (24 * total)
    variability = 168 * math.fsum((b - a) ** 2 for a, b in pairwise(xs)) / (167 * total)
    profile = [math.fsum(day[m] for day in days) / 7 for m in range(1440)] * 2
    low = [math.fsum(profile[i : i + 300]) / 300 for i in range(1440)]
    high = [math.fsum(profile[i : i + 600]) / 600 for i in range(1440)]
    tens = [[math.fsum(d[i : i + 10]) / 10 for i in range(0, 1440, 10)] for d in days]
    level = math.fsum(x for day in tens for x in day) / (7 * 144)
    rest = [[x < 0.15 * level for x in day] for day in tens]
    pairs = [a == b for one, two in pairwise(rest) for a, b in zip(one, two, strict=True)]
    assert found["coverage"] == 1.0
    assert found["interdaily_stability"] == pytest.approx(stability, rel=1e-9)
    assert found["intradaily_variability"] == pytest.approx(variability, rel=1e-9)
    assert found["l5_counts_per_min"] == pytest.approx(min(low), rel=1e-9)
    assert found["l5_onset_h"] == pytest.approx(low.index(min(low)) / 60)
    assert found["m10_counts_per_min"] == pytest.approx(max(high), rel=1e-9)
    assert found["m10_onset_h"] == pytest.approx(high.index(max(high)) / 60)
    assert found["mesor_counts_per_min"] == pytest.approx(mean, rel=1e-9)
    assert found["sleep_regularity_index"] == pytest.approx(-100 + 200 * statistics.fmean(pairs))


def test_the_phone_of_a_month():
    """One person's month: most nights have a rest, of believable length, at night."""
    found = sorted(
        (round(float(r[0]) * 1e6), int(float(r[1])))
        for r in lines("phone/AwareScreen_1month.csv.gz")[1:]
    )
    stream = {
        "time": np.array([t for t, _ in found], np.int64),
        "state": np.array([s for _, s in found], np.int8),
    }
    table = rows("sleep_phone", {"screen": stream}, Timeline(((0, "Europe/Helsinki"),)))
    nights = [r for r in table if r["sleep_duration_h"] is not None]
    assert len(table) >= 28
    assert len(nights) >= 0.6 * len(table)
    assert 6 < statistics.median(r["sleep_duration_h"] for r in nights) < 11
    assert 3 < statistics.median(r["midsleep_h"] for r in nights) < 7
    for night in nights:
        begin, end = night["sleep_onset_h"], night["sleep_offset_h"]
        assert begin < night["midsleep_h"] < end


def test_the_beats_of_a_wristband():
    """A short daytime session: medians over its five-minute windows, drawn here by hand."""
    found = lines("wearable_stress/S01/IBI.csv.gz")
    start = float(found[0][0])
    at = [(float(r[0]), float(r[1]) * 1000) for r in found[1:] if r]
    time = np.array([round((start + offset) * 1e6) for offset, _ in at], np.int64)
    stream = {"time": time, "interval": np.array([x for _, x in at], np.float32)}
    (row,) = rows("hrv", {"beat_intervals": stream})
    assert row["from_night"] == 0
    assert 2 < row["rejected_pct"] < 6
    windows, begin = [], -1e9
    for offset, interval in at:
        if offset - interval / 1000 >= begin + 300:
            begin = offset - interval / 1000
            windows.append([])
        windows[-1].append(interval)
    full = [w for w in windows if math.fsum(w) >= 0.65 * 300_000]
    assert abs(row["windows"] - len(full)) <= 2
    middle = statistics.median(statistics.fmean(w) for w in full)
    assert row["mean_nn_ms"] == pytest.approx(middle, rel=0.01)
    spread = statistics.median(statistics.stdev(w) for w in full)
    assert row["sdnn_ms"] == pytest.approx(spread, rel=0.15)  # artefacts are left out
    assert row["coverage"] == pytest.approx(math.fsum(x for _, x in at) / 86_400_000, rel=0.08)
