"""The watch's kernels against slow, obvious versions of themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels.watch_alarms import episodes, openings
from euthymia.kernels.watch_baseline import SPREAD_PRIOR, WEEKEND_PRIOR, lagged_baseline, window
from euthymia.kernels.watch_peers import bocpd, ewma_each, outlier_days
from euthymia.kernels.watch_scores import (
    absence,
    composite_cusum,
    day_evidence,
    e_detector,
    mewma,
)

few = settings(max_examples=8, deadline=None)
seeds = given(seed=st.integers(0, 10_000), gone=st.floats(0, 0.9))


def days(seed: int, gone: float, count: int = 60, wide: int = 4):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(count, wide))
    z[rng.random((count, wide)) < gone] = np.nan
    half = rng.normal(size=(wide, 2 * wide))
    found = half @ half.T
    root = np.sqrt(np.diag(found))
    return rng, z, np.ascontiguousarray(found / np.outer(root, root))


@few
@seeds
def test_a_window_is_a_shrunk_mean_with_a_shrunk_weekend(seed: int, gone: float) -> None:
    rng, z, _ = days(seed, gone)
    x, weekend = np.ascontiguousarray(z[:, 0]) + 5, rng.random(60) < 2 / 7
    prior, memory = np.array([4.0, 2.0, 3.0]), 2.3
    out = np.empty(4)
    window(x, weekend, 3, 51, prior, memory, out)
    part, late = x[3:51], weekend[3:51]
    known = np.isfinite(part)
    a, b = part[known & late], part[known & ~late]
    contrast = 0.0
    if a.size and b.size:
        worth = 1 / (1 / a.size + 1 / b.size)
        contrast = worth / (worth + WEEKEND_PRIOR) * (a.mean() - b.mean())
    plain = (part - contrast * late)[known]
    worth = memory * prior[1] ** 2 / prior[2] ** 2
    total = plain.sum() if plain.size else 0.0
    centre = (total + worth * prior[0]) / (plain.size + worth)
    square = ((plain - plain.mean()) ** 2).sum() if plain.size else 0.0
    variance = (square + SPREAD_PRIOR * prior[1] ** 2) / (plain.size + SPREAD_PRIOR)
    spread = np.sqrt(variance * (1 + memory / (plain.size + worth)))
    assert out == pytest.approx([centre, contrast, spread, plain.size], rel=1e-9, abs=1e-9)


@few
@seeds
def test_a_baseline_ends_two_weeks_before_its_day(seed: int, gone: float) -> None:
    rng, z, _ = days(seed, gone, 120, 2)
    values = np.ascontiguousarray(z.T)
    weekend, prior = rng.random(120) < 2 / 7, np.array([[0.0, 1.0, 1.5]] * 2)
    centre, spread, count, kept = (np.empty(values.shape) for _ in range(4))
    lagged_baseline(values, kept, weekend, 0, 56, 14, prior, 2.0, centre, spread, count)
    out = np.empty(4)
    for t in (60, 90, 119):
        for j in range(2):
            window(kept[j], weekend, max(0, t - 14 + 1 - 56), t - 13, prior[j], 2.0, out)
            assert centre[j, t] == out[0] + out[1] * weekend[t]
            assert (spread[j, t], count[j, t]) == (out[2], out[3])
    assert np.array_equal(np.isnan(kept), np.isnan(values))
    known = np.isfinite(values)
    assert (np.abs(kept - centre)[known] <= 3 * spread[known] + 1e-12).all()


@few
@seeds
def test_a_days_evidence_is_healys_discriminant_of_what_is_known(seed: int, gone: float) -> None:
    _, z, correlation = days(seed, gone)
    worse = np.array([1.0, -1.0, 0.0, 1.0])
    toward, amount = np.zeros(60), np.zeros(60)
    day_evidence(z, worse, correlation, 0, toward, amount)
    for t in range(60):
        known = np.isfinite(z[t])
        part = np.linalg.inv(correlation[np.ix_(known, known)]) if known.any() else np.zeros((0, 0))
        d = worse[known]
        assert toward[t] == pytest.approx(d @ part @ z[t][known], rel=1e-7, abs=1e-9)
        assert amount[t] == pytest.approx(d @ part @ d, rel=1e-7, abs=1e-9)


@few
@seeds
def test_the_mewma_is_a_normal_score_of_t_squared(seed: int, gone: float) -> None:
    _, z, correlation = days(seed, gone)
    smooth, variance, out = np.zeros(z.shape), np.zeros(z.shape), np.zeros(60)
    mewma(z, correlation, 0.12, 2.3, 0.02, 0, smooth, variance, out)
    w, v = np.zeros(4), np.zeros(4)
    for t in range(60):
        known = np.isfinite(z[t])
        w = 0.88 * w + np.where(known, 0.12 * z[t], 0.0)
        v = 0.88**2 * v + np.where(known, 0.12**2, 0.0)
        cov = correlation * 2.3 * np.sqrt(np.outer(v, v))
        np.fill_diagonal(cov, v * 2.3 + 0.02)
        t2 = w @ np.linalg.solve(cov, w)
        part = 2 / 36
        assert out[t] == pytest.approx(((t2 / 4) ** (1 / 3) - (1 - part)) / part**0.5, rel=1e-6)


def absence_of_a_day(
    silent: np.ndarray, excused: np.ndarray, t: int, usual: float, stick: float
) -> float:
    """Return what one device's silence says on day t: found by trying, where ours solves."""
    back = min(5, t // 3)
    end = t - back + 1 if back else t
    before = slice(max(0, end - 20), end)
    seen = silent[before][~excused[before]]
    p = float(np.clip((seen.sum() + 8 * usual) / (seen.size + 8), 0.02, 0.98))

    def share(odds: float) -> float:  # of silent days in the long run
        fresh, again = odds / (1 + odds), stick * odds / (1 + stick * odds)
        return fresh / (1 - again + fresh)

    low, high = 1e-6, 1e6
    for _ in range(200):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if share(middle) < p else (low, middle)
    if not excused[t - 1]:
        odds = low * (stick if silent[t - 1] else 1.0)
        p = odds / (1 + odds)
    q = 2.5 * p / (1 - p + 2.5 * p)
    return float(np.log(q / p) if silent[t] else np.log((1 - q) / (1 - p)))


@few
@seeds
def test_cusum_absence_and_alarms(seed: int, gone: float) -> None:
    rng, z, _ = days(seed, gone)
    toward, amount = rng.normal(size=60), rng.random(60)
    extra, sums = rng.normal(size=(60, 2)) / 5, np.zeros((60, 2))
    out, c = np.zeros(60), np.zeros(2)
    composite_cusum(toward, amount, extra, 0.6, 2.3, 0.97, 0, sums, out)
    for t in range(60):
        c = np.maximum(0.0, 0.97 * c + (0.6 * toward[t] - 0.18 * amount[t]) / 2.3 + extra[t])
        assert sums[t] == pytest.approx(c, abs=1e-12)
        assert out[t] == pytest.approx(np.log(np.exp(c).mean()), abs=1e-12)
    silent, excused = np.isnan(z[:, :2]), rng.random(60) < 0.1
    weighed, usual, stick = np.zeros(60), np.array([0.3, 0.5]), np.array([5.0, 1.0])
    absence(np.ascontiguousarray(silent), excused, 0, 20, 5, usual, stick, 8, 2.5, weighed)
    for t in range(1, 60):
        said = sum(absence_of_a_day(silent[:, g], excused, t, usual[g], stick[g]) for g in range(2))
        assert weighed[t] == pytest.approx(0.0 if excused[t] else said, abs=1e-9)
    level = np.where(rng.random(60) < 0.1, np.nan, np.abs(rng.normal(size=60)))
    marks = np.empty(60)
    episodes(level, 0.5, 2, marks)
    opened, quiet = None, 0
    for t in range(60):
        if opened is None and level[t] >= 1:
            opened, quiet = t, 0
        assert (np.isnan(marks[t]) and opened is None) or marks[t] == opened
        if opened is not None and not np.isnan(level[t]):
            quiet = quiet + 1 if level[t] < 0.5 else 0
            opened = None if quiet == 2 else opened
    full = np.nan_to_num(level)
    episodes(full, 0.5, 2, marks)
    twice, none = np.tile(full, 2), np.zeros(120)
    starts, all_days = np.array([0, 60, 120]), np.ones(120, np.bool_)
    count = openings(twice, none, all_days, starts, 1.0, 1.0, 0.5, 2)
    assert count == 2 * int((marks == np.arange(60)).sum())


@few
@seeds
def test_peers_are_what_their_names_say(seed: int, gone: float) -> None:
    _, z, _ = days(seed, gone)
    out = np.zeros(60)
    outlier_days(z, 3, 7, out)
    most = np.nan_to_num(np.abs(z)).max(axis=1)
    for t in range(60):
        recent = np.sort(np.pad(most[max(0, t - 6) : t + 1], (7, 0)))[::-1]
        assert out[t] == recent[2]
    ewma_each(z, np.array([1.0, -1.0, 0.0, 1.0]), 0.2, out)
    smooth = np.zeros(4)
    for t in range(60):
        smooth = np.where(np.isfinite(z[t]), smooth + 0.2 * (z[t] - smooth), smooth)
        sided = [smooth[0], -smooth[1], abs(smooth[2]), smooth[3], 0.0]
        assert out[t] == pytest.approx(max(sided), abs=1e-12)


def test_bocpd_sees_a_step_and_little_before_it() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=200)
    x[120:] += 2.5
    out = np.zeros(200)
    bocpd(x, 1 / 100, 10, out)
    assert out[60:118].mean() < 0.25
    assert out[124:129].max() > 0.9


def test_the_e_value_passes_its_line_no_more_often_than_it_says() -> None:
    """Null with memory: average 0 given a first-order past. Line 1/a: once in 1/a days at most."""
    rng = np.random.default_rng(5)
    bets, line = np.array([0.1, 0.2, 0.4, 0.8]), np.log(60.0)
    for memory in (0.2, 0.6):
        alarms, looked = 0, 0
        for _ in range(80):
            x = rng.normal(size=400)
            for t in range(1, 400):
                x[t] = memory * x[t - 1] + np.sqrt(1 - memory**2) * x[t]
            x[rng.random(400) < 0.3] = np.nan
            wealth, out = np.zeros((400, 4)), np.zeros(400)
            e_detector(x, bets, 3.0, memory, 0.0, 0, wealth, out)
            first = np.flatnonzero(out >= line)
            alarms += bool(first.size)
            looked += int(first[0]) + 1 if first.size else 400
        assert alarms <= looked / 60


def test_the_e_value_grows_under_a_lasting_change() -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(1.5, 1.0, 100)
    wealth, out = np.zeros((100, 4)), np.zeros(100)
    e_detector(x, np.array([0.1, 0.2, 0.4, 0.8]), 3.0, 0.4, 0.25, 0, wealth, out)
    assert out[-1] > np.log(90)
