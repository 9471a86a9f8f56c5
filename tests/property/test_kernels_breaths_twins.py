"""Kernels of breathing against slow twins in plain NumPy."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels import breaths as kernel

FEW = settings(max_examples=15, deadline=None)


def slow_smooth(x, steps):
    sums, at = np.concatenate([[0.0], np.cumsum(x)]), np.arange(x.size)
    reach = np.minimum(np.minimum(at, x.size - 1 - at), steps // 2)
    return (sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1)


def slow_even(time, value):
    held, own = np.unique(time // kernel.STEP_US, return_inverse=True)
    mean = np.bincount(own, value) / np.bincount(own)
    grid = np.arange(held[0], held[-1] + 1)
    return int(held[0]) * kernel.STEP_US + kernel.STEP_US // 2, np.interp(grid, held, mean)


def slow_turns(x):
    edges = np.flatnonzero((x[1:] > 0) != (x[:-1] > 0)) + 1
    lobes = [range(a, b) for a, b in pairwise(edges)]
    turns = [max(lobe, key=lambda i: abs(x[i])) for lobe in lobes]
    if len(turns) < 2:
        return turns
    least, kept = kernel.SHALLOW * np.median(np.abs(np.diff(x[turns]))), []
    for turn in turns:
        away = x[turn] - x[kept[-1]] if kept else 0.0
        if len(kept) > 1 and away * (x[kept[-1]] - x[kept[-2]]) > 0:
            kept[-1] = turn
        elif not kept or abs(away) >= least:
            kept.append(turn)
    return kept


def slow_breaths(time, value):
    start, even = slow_even(time, value)
    x = slow_smooth(even, kernel.SMOOTH_STEPS)
    x = x - slow_smooth(x, kernel.BASE_STEPS)
    turns = slow_turns(x)
    turns = turns[1:] if len(turns) > 1 and x[turns[0]] > x[turns[1]] else turns
    rows = [turns[i : i + 3] for i in range(0, len(turns) - 2, 2)]
    whole = start + np.array(rows, np.int64).reshape(-1, 3) * kernel.STEP_US
    long = whole[:, 2] - whole[:, 0]
    return whole[(long >= kernel.SHORTEST_US) & (long <= kernel.LONGEST_US)]


@FEW
@given(
    st.integers(0, 10_000),
    st.floats(1.3, 30.0),
    st.floats(0.0, 2.0),
    st.floats(0.5, 8.0),
    st.integers(0, 5),
)
def test_breaths(seed, hz, noise, depth, lost):
    rng = np.random.default_rng(seed)
    second = np.arange(0.0, 60.0, 1 / hz)
    value = depth * np.sin(1.5 * second + rng.random()) + rng.normal(0, noise + 0.01, second.size)
    value[rng.integers(0, value.size, lost)] = np.nan
    time = 1_700_000_000_000_000 + np.round(second * 1e6).astype(np.int64)
    known = ~np.isnan(value)
    found = kernel.breaths(time, value)
    if np.diff(time[known]).max() <= kernel.GAP_US:
        np.testing.assert_array_equal(found, slow_breaths(time[known], value[known]))
    assert (np.diff(found, axis=1) > 0).all()
    assert (found[1:, 0] >= found[:-1, 2]).all()


@FEW
@given(
    st.lists(st.integers(300, 2000), max_size=60),
    st.lists(st.tuples(st.integers(400, 4000), st.integers(400, 4000)), max_size=20),
    st.lists(st.integers(0, 59), max_size=8),
)
def test_peak_to_valley(nn, phases, lost):
    """The beats of each phase, asked one by one; some were not measured."""
    edge = np.cumsum(np.array([0, *nn], np.int64)) * 1000
    keep = ~np.isin(np.arange(len(nn)), lost)
    begin, end = edge[:-1][keep], edge[1:][keep]
    turn = np.cumsum(np.array([500, *(x for both in phases for x in both)], np.int64)) * 1000
    rows = np.stack([turn[:-2:2], turn[1:-1:2], turn[2::2]], axis=1)
    found = kernel.peak_to_valley(begin, end, rows)
    for (trough, peak, after), value in zip(rows.tolist(), found.tolist(), strict=True):
        inhaled = [b for a, b in zip(begin, end, strict=True) if a >= trough and b < peak + 750_000]
        exhaled = [b for a, b in zip(begin, end, strict=True) if a >= peak and b < after + 750_000]
        if not inhaled or not exhaled:
            assert np.isnan(value)
            continue
        length = dict(zip(end.tolist(), ((end - begin) / 1000).tolist(), strict=True))
        swing = max(length[int(b)] for b in exhaled) - min(length[int(b)] for b in inhaled)
        assert value == max(swing, 0.0)
