"""Kernels of heart-rate variability against slow twins written straight from the formulas."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels import (
    beats,
    hrv_entropy,
    hrv_fractal,
    hrv_frequency,
    hrv_nonlinear,
    hrv_time,
)

FEW = settings(max_examples=40, deadline=None)
SOME = settings(max_examples=80, deadline=None)
interval = st.integers(300, 2000).map(float)
chains = st.lists(interval, min_size=16, max_size=60)


def series(xs):
    return np.array(xs, np.float64)


def named(names, kernel, *args):
    out = np.empty(len(names))
    kernel(*args, out)
    return dict(zip(names, out.tolist(), strict=True))


def same(fast, slow, tolerance=1e-9):
    if math.isnan(fast) or math.isnan(slow):
        return math.isnan(fast) and math.isnan(slow)
    return math.isclose(fast, slow, rel_tol=tolerance, abs_tol=tolerance)


@SOME
@given(st.lists(interval, min_size=1, max_size=50), st.lists(st.integers(-800, 800), max_size=40))
def test_time_domain(nn, steps):
    found = named(hrv_time.NAMES, hrv_time.time_domain, series(nn), series(steps))
    nan, n, k = float("nan"), len(nn), len(steps)
    mean, median = statistics.fmean(nn), statistics.median(nn)
    mad = 1.4826 * statistics.median(abs(x - median) for x in nn)
    sdnn = statistics.stdev(nn) if n > 1 else nan
    rmssd = math.sqrt(sum(d * d for d in steps) / k) if k else nan
    slow = {
        "mean_nn_ms": mean,
        "median_nn_ms": median,
        "mad_nn_ms": mad,
        "min_nn_ms": min(nn),
        "max_nn_ms": max(nn),
        "prc20_nn_ms": float(np.percentile(nn, 20)),
        "iqr_nn_ms": float(np.subtract(*np.percentile(nn, [75, 25]))),
        "sdnn_ms": sdnn,
        "cvnn": sdnn / mean,
        "rmssd_ms": rmssd,
        "cvsd": rmssd / mean,
        "sdsd_ms": statistics.stdev(steps) if k > 1 else nan,
        "sdnn_rmssd": sdnn / rmssd if k and rmssd > 0 else nan,
        "pnn50_pct": 100 * sum(abs(d) > 50 for d in steps) / (k + 1) if k else nan,
    }
    for name, value in slow.items():
        assert same(found[name], value), name


@SOME
@given(
    st.lists(st.one_of(interval, st.floats(-1e9, 1e9)), min_size=1, max_size=60),
    st.sampled_from([1e-300, 1.0, 1e200]),
)
def test_sorted_whatever_the_values(values, unit):
    given_ = series(values) * unit
    ordered = given_.copy()
    hrv_time.sort(ordered)
    np.testing.assert_array_equal(ordered, np.sort(given_))
    np.testing.assert_array_equal(hrv_time.ranking(given_), np.argsort(given_, kind="stable"))


def slow_threshold(values, at):
    near = sorted(abs(v) for v in values[max(0, at - 45) : at + 46])
    low, high = np.percentile(near, [25, 75])
    return max(5.2 * (high - low) / 2, 35.0)


@FEW
@given(st.lists(st.integers(-400, 400).map(float), min_size=1, max_size=250))
def test_thresholds_follow_the_quartiles_around_each_beat(values):
    out = np.empty(len(values))
    beats._thresholds(series(values), out)
    for at in range(0, len(values), 7):
        assert same(float(out[at]), slow_threshold(values, at)), at


@FEW
@given(st.lists(interval, min_size=1, max_size=60))
def test_running_median(values):
    out = np.empty(len(values))
    beats._running_median(series(values), out)
    for at, median in enumerate(out.tolist()):
        assert median == statistics.median(values[max(0, at - 5) : at + 6])


@SOME
@given(
    st.lists(st.integers(50, 5000).map(float), max_size=80),
    st.lists(st.integers(0, 3_000_000), min_size=80, max_size=80),
)
def test_correction_keeps_time_and_makes_nothing_impossible(nn, pauses):
    spaces = np.array([p if p > 2_500_000 else 0 for p in pauses[: len(nn)]], np.int64)
    end = np.cumsum((series(nn) * 1000).astype(np.int64) + spaces)
    found = beats.corrected(series(nn), end)
    assert found.recorded == len(nn)
    assert 0 <= found.wrong <= len(nn)
    assert ((found.nn_ms >= 300) & (found.nn_ms <= 2000)).all()
    assert (np.diff(found.end_us) > 0).all()
    space = np.diff(found.end_us) / 1000 - found.nn_ms[1:]
    assert (np.abs(space[found.joined[1:]]) <= 150).all()
    assert not found.joined[:1].any()


def slow_entropies(xs):
    n, r = len(xs), 0.2 * statistics.stdev(xs)

    def far(m, i, j):
        return max(abs(xs[i + k] - xs[j + k]) for k in range(m))

    def matches(m):
        return sum(far(m, i, j) <= r for i in range(n - 2) for j in range(i))

    def phi(m):
        size = n - m + 1
        share = [sum(far(m, i, j) <= r for j in range(size)) / size for i in range(size)]
        return math.fsum(math.log(s) for s in share) / size

    def alike(m):
        windows = [series(xs[i : i + m]) - np.mean(xs[i : i + m]) for i in range(n - 2)]
        pairs = [np.abs(windows[i] - windows[j]).max() for i in range(n - 2) for j in range(i)]
        return math.fsum(math.exp(-d / r) for d in pairs)

    a, b = matches(3), matches(2)
    return (
        -math.log(a / b) if a and b else float("nan"),
        phi(2) - phi(3),
        math.log(alike(2) / alike(3)),
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(700, 800).map(float), min_size=16, max_size=28))
def test_entropies(xs):
    found = named(hrv_entropy.NAMES, hrv_entropy.entropies, series(xs))
    if len(set(xs)) == 1:
        assert all(math.isnan(v) for v in found.values())
        return
    for fast, slow in zip(found.values(), slow_entropies(xs), strict=True):
        assert same(fast, slow, 1e-9)


@FEW
@given(st.lists(interval, min_size=64, max_size=90))
def test_fractal_scaling(xs):
    found = named(hrv_nonlinear.CHAIN_NAMES, hrv_nonlinear.chain, series(xs))
    for name, low, high in (("dfa_a1", 4, 16), ("dfa_a2", 16, 64)):
        profile, level = np.cumsum(series(xs) - np.mean(xs)), []
        for scale in range(low, high + 1):
            t, whole = np.arange(scale), len(xs) // scale
            rows = profile[: whole * scale].reshape(whole, scale)
            rest = rows - np.array([np.polyval(np.polyfit(t, y, 1), t) for y in rows])
            level.append(np.mean(rest**2) / 1)
        if min(level) > 1e-6:
            slope = np.polyfit(np.log(range(low, high + 1)), np.log(level) / 2, 1)[0]
            assert same(found[name], float(slope), 1e-6), name
        assert 0 <= found["pip_pct"] <= 100
        assert 0 <= found["pss_pct"] <= 100
        assert 0 <= found["pas_pct"] <= 100


def slow_fractals(x):
    spread, rs = x.std(ddof=1), []
    for size in hrv_fractal.BOXES:
        boxes = x[: x.size // size * size].reshape(-1, size)
        level = np.cumsum(boxes - boxes.mean(axis=1, keepdims=True), axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.ptp(level, axis=1) / boxes.std(axis=1, ddof=1)
        ratio = ratio[np.ptp(boxes, axis=1) > 0]
        rs.append(np.log(ratio.mean()) - np.log(hrv_fractal.expected_range(size)))
    hurst = np.polyfit(np.log(hrv_fractal.BOXES), rs, 1)[0] + 0.5
    points = np.stack([x[:-1], x[1:]], axis=1) / spread
    apart = np.linalg.norm(points[:, None] - points, axis=2)[np.triu_indices(x.size - 1, 1)]
    radii = 0.1 * 1.03 ** np.arange(55)
    share = np.array([(apart < r).sum() for r in radii])
    some = share > 0
    known = some.sum() >= 27
    dimension = np.polyfit(np.log(radii[some]), np.log(share[some]), 1)[0] if known else np.nan
    length = [
        np.mean([np.abs(np.diff(x[m::k])).sum() * (x.size - 1) / ((x.size - 1 - m) // k * k) / k
                 for m in range(k)])
        for k in range(1, 11)
    ]  # fmt: skip
    higuchi = np.polyfit(-np.log(range(1, 11)), np.log(length), 1)[0] if min(length) else np.nan
    return hurst, dimension, higuchi


@settings(max_examples=20, deadline=None)
@given(st.integers(128, 200), st.integers(0, 99), st.floats(0, 0.99), st.integers(1, 60))
def test_memory_and_dimension(n, seed, memory, spread):
    """Of made series: whether a distance that equals a radius is less is a matter of rounding."""
    x, noise = np.full(n, 800.0), np.random.default_rng(seed).normal(0, spread, n)
    for i in range(1, n):
        x[i] = 800 + memory * (x[i - 1] - 800) + noise[i]
    found = named(hrv_fractal.NAMES, hrv_fractal.fractals, x)
    for fast, slow in zip(found.values(), slow_fractals(x), strict=True):
        assert same(fast, float(slow), 1e-8)
    short = named(hrv_fractal.NAMES, hrv_fractal.fractals, x[:127])
    flat = named(hrv_fractal.NAMES, hrv_fractal.fractals, np.full(n, 800.0))
    assert all(math.isnan(v) for v in (*short.values(), *flat.values()))


@FEW
@given(chains)
def test_words_and_their_shares_add_up(xs):
    found = named(hrv_nonlinear.CHAIN_NAMES, hrv_nonlinear.chain, series(xs))
    edges = np.percentile(xs, [25, 50, 75])
    symbols = [int(sum(x >= e for e in edges)) for x in xs]
    words = list(zip(symbols, symbols[1:], symbols[2:], strict=False))
    still = sum(a == b == c for a, b, c in words)
    like = sum(a < b < c or a > b > c for a, b, c in words)
    assert same(found["no_variation_pct"], 100 * still / len(words))
    assert same(found["two_like_pct"], 100 * like / len(words))
    kinds = ("no_variation_pct", "one_variation_pct", "two_like_pct", "two_unlike_pct")
    assert sum(found[k] for k in kinds) == pytest.approx(100)


@FEW
@given(st.lists(st.tuples(interval, interval), min_size=2, max_size=40))
def test_poincare(pairs):
    earlier, later = (series(side) for side in zip(*pairs, strict=True))
    found = named(hrv_nonlinear.PLOT_NAMES, hrv_nonlinear.poincare, earlier, later)
    assert same(found["sd1_ms"], statistics.stdev((later - earlier).tolist()) / math.sqrt(2))
    assert same(found["sd2_ms"], statistics.stdev((later + earlier).tolist()) / math.sqrt(2))
    slower = sum(b > a for a, b in pairs)
    faster = sum(b < a for a, b in pairs)
    if slower + faster:
        assert same(found["porta_pct"], 100 * faster / (slower + faster))
        assert 0 <= found["guzik_pct"] <= 100


@FEW
@given(st.integers(0, 10_000), st.integers(0, 4))
def test_the_spectrum_is_the_fourier_sum(seed, tones):
    rng = np.random.default_rng(seed)
    nn = 800 + rng.normal(0, 20, 350)
    for _ in range(tones):
        nn += 30 * np.sin(rng.uniform(0.1, 2) * np.arange(350) * 0.8)
    end = np.cumsum(nn) / 1000
    density = np.empty(320)
    step = hrv_frequency.density_of(nn, end, density)
    middle, length = end - nn / 2000, end[-1]
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * middle / length)
    around = np.concatenate([middle[:1], middle, middle[-1:]])
    stands_for = (around[2:] - around[:-2]) / 2
    under_it = np.polyfit(middle, nn, 1, w=np.sqrt(taper * stands_for))
    rest = nn - np.polyval(under_it, middle)
    for i in (0, 7, 100, 300, 319):
        total = np.sum(taper * stands_for * rest * np.exp(-2j * np.pi * i * step * middle))
        slow = 2 * abs(total) ** 2 / np.sum(taper**2 * stands_for)
        assert density[i] == pytest.approx(slow, rel=1e-7, abs=1e-9 * density.max())
    assert 0.04 / step == pytest.approx(round(0.04 / step))
    assert 0.15 / step == pytest.approx(round(0.15 / step))


@FEW
@given(st.integers(0, 10_000), st.lists(st.integers(0, 199), max_size=30, unique=True))
def test_filling_in_touches_nothing_that_is_known(seed, places):
    rng = np.random.default_rng(seed)
    nn = 900 + 40 * np.sin(0.5 * np.arange(200) + seed) + 25 * np.sin(1.3 * np.arange(200))
    nn += rng.normal(0, 0.5, 200)
    missing = np.zeros(200, bool)
    missing[places] = True
    spoilt, end = np.where(missing, 0.0, nn), np.cumsum(nn) / 1000
    moved = end.copy()
    hrv_frequency.fill_in(spoilt, moved, missing)
    assert (spoilt[~missing] == nn[~missing]).all()
    assert (np.diff(moved) > 0).all()
    inside = [p for p in places if 5 < p < 194]
    if len(places) <= 10 and inside:  # rhythm goes on through what is missing
        assert np.abs(spoilt[inside] - nn[inside]).max() < 12
