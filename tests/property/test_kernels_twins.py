"""Each kernel against a slow twin written straight from the formula, and laws it must keep."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from draws import MORE
from euthymia.kernels import cosinor, rest_activity
from euthymia.kernels.non_wear import zero_runs

NAN = float("nan")
FEW = settings(max_examples=30 * MORE, deadline=None)
SOME = settings(max_examples=60 * MORE, deadline=None)

counts = st.integers(0, 500).map(float)
maybe = st.one_of(st.just(NAN), counts)


UP_TO_FOUR = st.integers(1, 4)


def grids(days=UP_TO_FOUR, bins=24, values=maybe):
    return days.flatmap(lambda d: hnp.arrays(np.float64, (d, bins), elements=values))


def same(fast: float, slow: float, tolerance: float = 1e-9) -> bool:
    if math.isnan(fast) or math.isnan(slow):
        return math.isnan(fast) and math.isnan(slow)
    return math.isclose(fast, slow, rel_tol=tolerance, abs_tol=tolerance)


# -- rest and activity ---------------------------------------------------------------------------


def slow_stability(days):
    hours = [(h, x) for day in days for h, x in enumerate(day) if not math.isnan(x)]
    xs = [x for _, x in hours]
    if len(xs) < 2 or len(set(xs)) == 1:
        return NAN
    mean = math.fsum(xs) / len(xs)
    between = 0.0
    for h in range(24):
        mine = [x for hour, x in hours if hour == h]
        if mine:
            between += len(mine) * (math.fsum(mine) / len(mine) - mean) ** 2
    return between / math.fsum((x - mean) ** 2 for x in xs)


@SOME
@given(grids())
def test_interdaily_stability(days):
    fast = float(rest_activity.interdaily_stability(days))
    assert same(fast, slow_stability(days.tolist()))
    assert math.isnan(fast) or 0 <= fast <= 1


@FEW
@given(grids(values=counts))
def test_interdaily_stability_is_the_published_formula_when_nothing_is_missing(days):
    xs, n, p = days.ravel(), days.size, 24
    total = np.sum((xs - xs.mean()) ** 2)
    fast = float(rest_activity.interdaily_stability(days))
    if total == 0:
        assert math.isnan(fast)
    else:
        between = np.sum((days.mean(axis=0) - xs.mean()) ** 2)
        assert same(fast, n * between / (p * total))


def slow_variability(days):
    xs = [x for day in days for x in day]
    known = [x for x in xs if not math.isnan(x)]
    pairs = [(a, b) for a, b in pairwise(xs) if not math.isnan(a + b)]
    if not pairs or len(set(known)) == 1:
        return NAN
    mean = math.fsum(known) / len(known)
    spread = math.fsum((x - mean) ** 2 for x in known) / len(known)
    return math.fsum((b - a) ** 2 for a, b in pairs) / len(pairs) / spread


@SOME
@given(grids())
def test_intradaily_variability(days):
    assert same(float(rest_activity.intradaily_variability(days)), slow_variability(days.tolist()))


def slow_stretch(profile, hours, best):
    bins = len(profile)
    if any(math.isnan(x) for x in profile):
        return NAN, NAN
    width = bins * hours // 24
    sums = [math.fsum(profile[(i + k) % bins] for k in range(width)) for i in range(bins)]
    chosen = best(sums)
    largest = max(abs(s) for s in sums)
    at = next(i for i, s in enumerate(sums) if abs(s - chosen) <= 1e-9 * largest)
    return chosen / width, at * 24 / bins


@FEW
@given(st.sampled_from([24, 48, 144]).flatmap(lambda n: st.lists(maybe, min_size=n, max_size=n)))
def test_l5_and_m10_around_midnight(profile):
    low, high = rest_activity.least_and_most(np.array(profile))
    for found, hours, best in ((low, 5, min), (high, 10, max)):
        level, onset = slow_stretch(profile, hours, best)
        assert same(float(found.level), level)
        assert same(float(found.onset_h), onset)


@FEW
@given(st.lists(counts, min_size=24, max_size=24), st.integers(0, 23))
def test_turning_the_clock_turns_the_onset_and_keeps_the_level(profile, turn):
    here, _ = rest_activity.least_and_most(np.array(profile))
    there, _ = rest_activity.least_and_most(np.roll(profile, turn))
    assert same(float(here.level), float(there.level))
    if len({round(s, 6) for s in profile}) == 24:  # one lowest stretch, not a tie
        sums = sorted(slow_stretch(profile[i:] + profile[:i], 5, min)[0] for i in range(24))
        assert sums[0] == pytest.approx(float(here.level))


def slow_cosinor(days):
    rows = [(h, x) for day in days for h, x in enumerate(day) if not math.isnan(x)]
    if len({h for h, _ in rows}) < 3:
        return None
    angle = [2 * math.pi * (h + 0.5) / 24 for h, _ in rows]
    design = np.array([[1, math.cos(a), math.sin(a)] for a in angle])
    fit, *_ = np.linalg.lstsq(design, np.array([x for _, x in rows]), rcond=None)
    return fit


@FEW
@given(grids())
def test_cosinor(days):
    found, fit = cosinor.cosinor(days), slow_cosinor(days.tolist())
    if fit is None:
        assert all(math.isnan(float(v)) for v in found)
        return
    scale = 1 + np.nanmax(np.abs(days)) + np.abs(fit).max()
    assert abs(float(found.mesor) - fit[0]) <= 1e-6 * scale
    assert abs(float(found.amplitude) - math.hypot(fit[1], fit[2])) <= 1e-6 * scale
    if math.hypot(fit[1], fit[2]) > 1e-3 * scale:
        peak = math.atan2(fit[2], fit[1]) * 24 / (2 * math.pi) % 24
        apart = abs(float(found.acrophase_h) - peak)
        assert min(apart, 24 - apart) < 1e-3
        assert 0 <= float(found.acrophase_h) < 24


def slow_regularity(days):
    same_state = pairs = 0
    for today, tomorrow in pairwise(days):
        for a, b in zip(today, tomorrow, strict=True):
            if not math.isnan(a) and not math.isnan(b):
                pairs += 1
                same_state += a == b
    return NAN if pairs == 0 else -100 + 200 * same_state / pairs


@SOME
@given(grids(bins=6, values=st.sampled_from([0.0, 1.0, NAN])))
def test_sleep_regularity(days):
    fast = float(rest_activity.sleep_regularity(days))
    assert same(fast, slow_regularity(days.tolist()))
    assert math.isnan(fast) or -100 <= fast <= 100


@FEW
@given(st.lists(grids(days=st.just(3)), min_size=1, max_size=3))
def test_many_windows_at_once_are_the_windows_one_by_one(windows):
    stacked = np.stack(windows)
    profiles = stacked.mean(axis=-2)
    for row, window in enumerate(windows):
        for kernel in (rest_activity.interdaily_stability, rest_activity.intradaily_variability):
            assert same(float(kernel(stacked)[row]), float(kernel(window)), 0.0)
        profile = profiles[row]
        _, all_m10 = rest_activity.least_and_most(profiles)
        _, m10 = rest_activity.least_and_most(profile)
        for many, one in zip(all_m10, m10, strict=True):
            assert same(float(many[row]), float(one), 0.0)


# -- asleep, worn --------------------------------------------------------------------------------


@SOME
@given(
    hnp.arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 40))),
    st.integers(1, 8),
)
def test_zero_runs(still, least):
    found = zero_runs(still, least)
    for row, marks in zip(still.tolist(), found.tolist(), strict=True):
        slow = [False] * len(row)
        begin = 0
        while begin < len(row):
            end = begin
            while end < len(row) and row[end]:
                end += 1
            if end - begin >= least:
                slow[begin:end] = [True] * (end - begin)
            begin = max(end, begin + 1)
        assert marks == slow
