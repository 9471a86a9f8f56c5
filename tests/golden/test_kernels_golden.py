"""Kernels on real recordings: against published values, and against formulas written plainly."""

import csv
import gzip
import math
from itertools import pairwise

import numpy as np
import pytest

from euthymia.kernels import cosinor, rest_activity
from euthymia.kernels.non_wear import zero_runs
from real import DATA, needs_data

pytestmark = needs_data


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
    low, high = rest_activity.least_and_most(fast)
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
    found = cosinor.cosinor(hourly)
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
