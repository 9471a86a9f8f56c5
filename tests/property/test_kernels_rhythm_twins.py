"""Kernels of the daily rhythm against slow twins written from the formulas, and their laws."""

import math
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels import cosinor, fractal, rest_activity, rest_activity_measures
from euthymia.kernels.rest_activity_days import told_of
from euthymia.kernels.rest_activity_measures import measures
from euthymia.kernels.rest_activity_minutes import average_day
from euthymia.kernels.rest_activity_resolutions import RESOLUTIONS, at_resolutions
from euthymia.kernels.rest_activity_transitions import in_steady_part, transition_rates
from rhythm_cases import counted_runs

FEW = settings(max_examples=15, deadline=None)
SOME = settings(max_examples=60, deadline=None)
NAN = float("nan")


def recording(seed: int, days: int, missing: float, level: float = 100.0):
    rng = np.random.default_rng(seed)
    hour = np.arange(1440) / 60
    shape = np.where((hour > 7) & (hour < 23), 1.0, 0.02)
    counts = np.floor(rng.gamma(0.4, level, (days, 1440)) * shape)
    for _ in range(int(missing * 6)):
        day, at = rng.integers(days), rng.integers(1440)
        counts[day, at : at + rng.integers(1, 400)] = np.nan
    return counts


def binned(counts, minutes):
    parts = counts.reshape(counts.shape[0], -1, minutes)
    seen = (~np.isnan(parts)).sum(axis=2)
    with np.errstate(invalid="ignore"):
        mean = np.nansum(parts, axis=2) / np.where(seen > 0, seen, np.nan)
    return np.where(2 * seen >= minutes, mean, np.nan)


@FEW
@given(st.integers(0, 10**6), st.integers(2, 4), st.sampled_from([0.0, 0.5, 1.0]))
def test_every_resolution_is_the_plain_measure_of_its_bins(seed, days, missing):
    counts = recording(seed, days, missing)
    rows = np.arange(days)[None]
    found = at_resolutions(counts, rows)[0]
    for place, minutes in enumerate(RESOLUTIONS):
        bins = binned(counts, minutes)
        stability = float(rest_activity.interdaily_stability(bins))
        variability = float(rest_activity.intradaily_variability(bins))
        np.testing.assert_allclose(found[place], [stability, variability], rtol=1e-8, atol=1e-12)


@FEW
@given(st.integers(0, 10**6), st.sampled_from([0.0, 1.0]))
def test_tens_and_the_average_day(seed, missing):
    counts = recording(seed, 3, missing)
    told = told_of(counts, np.array([[0, 1, 2], [1, 1, 2]]))
    total, seen = told.total, told.seen
    parts = counts.reshape(3, 144, 10)
    np.testing.assert_allclose(total, np.nansum(parts, axis=2))
    np.testing.assert_array_equal(seen, (~np.isnan(parts)).sum(axis=2))
    found = average_day(counts, np.array([[0, 1, 2], [1, 1, 2]]))
    np.testing.assert_array_equal(told.profile, found)
    for row, days in zip(found, ([0, 1, 2], [1, 1, 2]), strict=True):
        known = (~np.isnan(counts[days])).sum(axis=0)
        mean = np.nansum(counts[days], axis=0) / np.where(known > 0, known, np.nan)
        np.testing.assert_allclose(row, mean)


states = st.lists(st.sampled_from([0.0, 0.0, 7.0, 7.0, NAN]), min_size=1, max_size=40)
pieces = st.lists(
    st.tuples(st.sampled_from([0.0, 7.0, 7.0, NAN]), st.integers(1, 90)), min_size=1, max_size=150
)


@SOME
@given(states | pieces.map(lambda parts: [x for x, many in parts for _ in range(many)]))
def test_runs_lie_between_two_turns(level):
    runs, longest = counted_runs(np.array(level))
    kinds = [2 if math.isnan(x) else int(x > 0) for x in level]
    parts = [(kind, len(list(part))) for kind, part in groupby(kinds)]
    slow = np.zeros_like(runs)
    for before, (kind, length), after in zip(parts, parts[1:], parts[2:], strict=False):
        if 2 not in (before[0], kind, after[0]):
            slow[kind, length] += 1
    assert longest == max(np.flatnonzero(slow.any(axis=0)).max(initial=0), 0)
    slow[:, 0] = slow.sum(axis=1)
    np.testing.assert_array_equal(runs, slow)


@SOME
@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=15
    )
)
def test_the_steady_part_is_the_longest(points):
    x = np.cumsum([float(gap) for gap, _, _ in points])
    y, curve = (np.array([p[k] for p in points]) for k in (1, 2))
    weight = np.arange(1.0, x.size + 1)
    spread = float(np.std(y, ddof=1))
    best = (-1.0, 0, 0)
    for i in range(x.size):
        for k in range(i, x.size):
            if np.ptp(curve[i : k + 1]) <= spread and x[k] - x[i] > best[0]:
                best = (x[k] - x[i], i, k)
    part = slice(best[1], best[2] + 1)
    slow = float((weight[part] * y[part]).sum() / weight[part].sum())
    assert in_steady_part(x, y, weight, curve, x.size) == pytest.approx(slow)


def test_a_coin_that_turns_the_same_way_every_minute_has_that_rate():
    rng = np.random.default_rng(5)
    on, level = False, np.zeros(14 * 1440)
    for i, u in enumerate(rng.random(level.size)):
        on = (u >= 0.2) if on else (u < 0.1)
        level[i] = on
    found = transition_rates(level.reshape(14, 1440), np.arange(14)[None])[0]
    assert found == pytest.approx([0.1, 0.2], rel=0.15)


def slow_left_over(day, width):
    total, count, t = 0.0, 0, np.arange(width) - (width - 1) / 2
    for box in day.reshape(-1, width):
        if np.isnan(box).any():
            continue
        y = np.cumsum(box)
        total += float(((y - np.polyval(np.polyfit(t, y, 2), t)) ** 2).sum())
        count += 1
    return total, count


@FEW
@given(st.integers(0, 10**6), st.sampled_from([0.0, 1.0]))
def test_fluctuations(seed, missing):
    counts = recording(seed, 1, missing)
    found = fractal.fluctuations(counts)[0]
    for place, width in enumerate(fractal.SCALES):
        total, boxes = slow_left_over(counts[0], width)
        assert found[place, 1] == boxes
        assert found[place, 0] == pytest.approx(total, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("walk", "alpha"), [(False, 0.5), (True, 1.5)])
def test_noise_and_a_random_walk_scale_as_they_must(walk, alpha):
    noise = np.random.default_rng(2).normal(0, 1, 28 * 1440)
    level = (np.cumsum(noise) if walk else noise).reshape(28, 1440)
    rows = np.arange(28)[None]
    found = fractal.fluctuations(level)
    assert float(fractal.scaling(found, rows, fractal.SHORT)[0]) == pytest.approx(alpha, abs=0.06)
    assert float(fractal.scaling(found, rows, fractal.LONG)[0]) == pytest.approx(alpha, abs=0.12)


@SOME
@given(
    low=st.floats(0, 50),
    size=st.floats(20, 2000),
    alpha=st.floats(-0.7, 0.7),
    beta=st.floats(1.5, 12),
    peak=st.floats(0, 23.99),
    gaps=st.integers(0, 5),
)
def test_the_extended_cosinor_finds_the_curve_it_is_given(low, size, alpha, beta, peak, gaps):
    cosine = np.cos(2 * np.pi * (np.arange(24) + 0.5 - peak) / 24)
    curve = low + size / (1 + np.exp(-beta * (cosine - alpha)))
    hourly = np.tile(curve, (4, 1))
    rng = np.random.default_rng(gaps)
    hourly[rng.integers(0, 4, gaps), rng.integers(0, 24, gaps)] = np.nan
    found = cosinor.extended_cosinor(hourly)
    assert float(found.r_squared) > 1 - 1e-6
    apart = abs(float(found.acrophase_h) - peak)
    assert min(apart, 24 - apart) < 0.01
    plain = cosinor.cosinor(hourly)
    assert float(found.r_squared) >= float(plain.r_squared) - 1e-9


@SOME
@given(st.integers(0, 10**6), st.integers(1, 3), st.floats(0, 0.6))
def test_the_correlation_of_days_is_numpys(seed, days, missing):
    rng = np.random.default_rng(seed)
    hourly = rng.gamma(1, 50, (days + 1, 24))
    hourly[rng.random(hourly.shape) < missing] = np.nan
    first, second = hourly[:-1].ravel(), hourly[1:].ravel()
    both = ~np.isnan(first + second)
    found = float(rest_activity.day_to_day_correlation(hourly))
    if both.sum() < 2:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(np.corrcoef(first[both], second[both])[0, 1], abs=1e-9)


BOUNDS = {
    "interdaily_stability": (0, 1),
    "interdaily_stability_mean": (0, 1),
    "relative_amplitude": (0, 1),
    "cosinor_r_squared": (0, 1),
    "extended_r_squared": (0, 1),
    "extended_alpha": (-1, 1),
    "correlation_24h": (-1, 1),
    "rest_to_activity": (0, 1),
    "activity_to_rest": (0, 1),
    "sleep_regularity_index": (-100, 100),
    "l5_onset_h": (0, 24),
    "extended_up_h": (0, 24),
}


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([0.0, 1e-12, 1.0, 1e6]),
    st.sampled_from([0.0, 0.05, 1.0]),
    st.sampled_from([0.0, 1.0]),
)
def test_bounds_hold_on_flat_and_nearly_flat_recordings(seed, base, noise, missing):
    rng = np.random.default_rng(seed)
    level = np.where(rng.random((7, 1440)) < noise, base * (1 + 1e-9 * rng.random((7, 1440))), base)
    if missing:
        level[rng.random(level.shape) < 0.3] = np.nan
    found = measures(level, np.arange(7)[None])
    for name, (low, high) in BOUNDS.items():
        value = float(found[name][0])
        assert math.isnan(value) or low <= value <= high, name
    if base == 0:
        assert math.isnan(found["interdaily_stability"][0])


def test_windows_together_are_windows_one_by_one():
    counts = recording(3, 9, 1.0)
    rows = np.arange(3)[:, None] + np.arange(7)
    together = measures(counts, rows)
    for i in range(3):
        alone = measures(np.ascontiguousarray(counts[i : i + 7]), np.arange(7)[None])
        for name, value in alone.items():
            np.testing.assert_array_equal(together[name][i], value[0], err_msg=name)


def test_windows_told_some_at_a_time_are_told_alike(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(5)
    level = np.floor(rng.gamma(0.4, 1.0, (30, 1440)) * 200)
    level[7, 300:700] = np.nan
    sliding = np.arange(14) + np.arange(0, 16, 3)[:, None]
    rows = np.concatenate([sliding, sliding[::-1] + 1])  # in no order
    whole = rest_activity_measures.measures(level, rows)
    monkeypatch.setattr(rest_activity_measures, "AT_ONCE", 18)
    parts = rest_activity_measures.measures(level, rows)
    assert whole.keys() == parts.keys()
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values, err_msg=name)
    none = rest_activity_measures.measures(level, rows[:0])
    assert {value.shape[0] for value in none.values()} == {0}
