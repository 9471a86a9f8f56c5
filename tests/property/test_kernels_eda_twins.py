"""Skin conductance kernels against slow twins."""

import math
import statistics
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as scipy_signal

from euthymia.kernels import eda

SOME = settings(max_examples=60, deadline=None)
STEP, GAP = 250_000, 1_000_000


def slow_grid(time, value):
    runs, run = [], []
    for t, x in zip(time, value, strict=True):
        if run and t - run[-1][0] > GAP:
            runs.append(run)
            run = []
        run.append((t, x))
    if run:
        runs.append(run)
    out = []
    for run in runs:
        first = run[0][0]
        cells = {}
        for t, x in run:
            cells.setdefault((t - first + STEP // 2) // STEP, []).append(x)
        known = {k: math.fsum(v) / len(v) for k, v in cells.items()}
        places = sorted(known)
        filled = np.interp(range(places[-1] + 1), places, [known[k] for k in places])
        out.append([(first + k * STEP, x) for k, x in enumerate(filled)])
    return out


@SOME
@given(
    steps=st.lists(st.sampled_from([0, 1, 100_000, 250_000, 260_000, 900_000, 1_000_000, 1_000_001,
                                    7_000_000]), max_size=60),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_the_grid(steps, seed):
    time = np.cumsum(np.array([0, *steps], np.int64))
    value = np.random.default_rng(seed).normal(0, 1, time.size)
    at, out, edges = eda.to_grid(time, value, STEP, GAP)
    slow = slow_grid(time.tolist(), value.tolist())
    assert edges.tolist() == [0, *np.cumsum([len(run) for run in slow]).tolist()]
    flat = [point for run in slow for point in run]
    assert at.tolist() == [t for t, _ in flat]
    np.testing.assert_allclose(out, [x for _, x in flat], rtol=0, atol=1e-12)


def test_an_even_recording_passes_unchanged():
    time = 77 + np.arange(500, dtype=np.int64) * STEP
    value = np.random.default_rng(0).normal(5, 1, 500)
    at, out, edges = eda.to_grid(time, value, STEP, GAP)
    np.testing.assert_array_equal(at, time)
    np.testing.assert_array_equal(out, value)
    assert edges.tolist() == [0, 500]
    assert eda.to_grid(time[:0], value[:0], STEP, GAP)[2].tolist() == [0]


def slow_believable(time, level, edges, warm_at, warm):
    bad = set()
    for low, high in pairwise(edges):
        for i in range(low, high):
            before = [w for t, w in zip(warm_at, warm, strict=True)
                      if t <= time[i] and time[i] - t <= 10_000_000]  # fmt: skip
            fails = (
                not 0.05 <= level[i] <= 60
                or (i > low and abs(level[i] - level[i - 1]) * 4 > 10)
                or (before and not 30 <= before[-1] <= 40)
            )
            if fails:
                bad |= set(range(max(i - 20, low), min(i + 21, high)))
    return [i not in bad for i in range(len(level))]


@SOME
@given(
    seed=st.integers(0, 999),
    cut=st.integers(1, 119),
    warm=st.lists(st.sampled_from([25.0, 30.0, 33.0, 40.0, 41.0]), max_size=6),
)
def test_kleckners_rules(seed, cut, warm):
    rng = np.random.default_rng(seed)
    level = np.clip(rng.normal(2, 0.3, 120), 0, None)
    level[rng.random(120) < 0.02] = rng.choice([0.0, 0.05, 59.0, 61.0])
    time = np.arange(120, dtype=np.int64) * STEP
    edges = np.array([0, cut, 120])
    warm_at = np.sort(rng.integers(0, 30_000_000, len(warm))).astype(np.int64)
    fast = eda.believable(time, level, edges, warm_at, np.array(warm, np.float64), 30.0)
    assert fast.tolist() == slow_believable(time.tolist(), level.tolist(), edges.tolist(),
                                            warm_at.tolist(), warm)  # fmt: skip


@SOME
@given(good=st.lists(st.booleans(), max_size=60), cut=st.integers(0, 60), least=st.integers(1, 9))
def test_long_runs(good, cut, least):
    n = len(good)
    edges = np.unique([0, min(cut, n), n])
    kept, sizes = [], []
    for low, high in pairwise(edges.tolist()):
        run = []
        for i in [*range(low, high), None]:
            if i is not None and good[i]:
                run.append(i)
                continue
            if len(run) >= least:
                kept += run
                sizes.append(len(run))
            run = []
    level = np.arange(n, dtype=np.float64)
    at, out, bounds = eda.long_runs(
        np.arange(n, dtype=np.int64), level, edges, np.array(good, bool), least
    )
    assert at.tolist() == kept == out.astype(int).tolist()
    assert bounds.tolist() == [0, *np.cumsum(sizes).tolist()]


@SOME
@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=3),
    half=st.integers(1, 16),
    levels=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_the_running_median(sizes, half, levels, seed):
    edges = np.cumsum([0, *sizes])
    value = np.random.default_rng(seed).integers(0, levels, edges[-1]).astype(np.float64)
    fast = eda.running_median(value, edges, half)
    for low, high in pairwise(edges.tolist()):
        for i in range(low, high):
            near = value[max(i - half, low) : min(i + half + 1, high)]
            assert fast[i] == statistics.median(near.tolist())


@SOME
@given(
    sizes=st.lists(st.integers(10, 200), min_size=1, max_size=3),
    cutoff=st.floats(0.005, 0.45),
    high_pass=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_filter_is_scipys(sizes, cutoff, high_pass, seed):
    edges = np.cumsum([0, *sizes])
    value = np.random.default_rng(seed).normal(3, 1, edges[-1])
    fast = eda.zero_phase(value, edges, eda.butterworth(cutoff, high_pass=high_pass))
    sos = scipy_signal.butter(2, cutoff, "highpass" if high_pass else "lowpass", fs=1, output="sos")
    for low, high in pairwise(edges.tolist()):
        slow = scipy_signal.sosfiltfilt(sos, value[low:high])
        np.testing.assert_allclose(fast[low:high], slow, rtol=0, atol=1e-8)


@SOME
@given(
    steps=st.lists(st.integers(-6, 6), min_size=2, max_size=80),
    ripple=st.integers(0, 3),
    least=st.integers(1, 8),
)
def test_laws_of_responses(steps, ripple, least):
    x = np.cumsum(np.array(steps, np.float64))
    found = eda.responses(x, np.array([0, x.size]), ripple + 0.5, float(least))
    last = 0
    for trough, peak, amplitude, recovery in found:
        a, b = int(trough), int(peak)
        assert last <= a < b
        last = b
        assert amplitude == x[b] - x[a] >= least
        assert x[a] == x[a : b + 1].min()
        assert x[b] == x[a : b + 1].max()
        # it fell before the trough and falls after the peak by more than ripple
        assert x[: a + 1].max() - x[a] > ripple
        assert x[b] - x[b:].min() > ripple
        if not math.isnan(recovery):
            half = x[a] + amplitude / 2
            r = int(recovery)
            assert x[b + r] <= half
            assert (x[b + 1 : b + r] > half).all()
    alone = eda.responses(x - 5, np.array([0, x.size]), ripple + 0.5, float(least))
    np.testing.assert_array_equal(alone, found)
