"""Each kernel against a slow twin written straight from the formula, and laws it must keep."""

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from euthymia.kernels import hrv_time, rest_activity, screen, sleep_wake
from euthymia.kernels.beats import normal_beats
from euthymia.kernels.non_wear import zero_runs

NAN = float("nan")
FEW = settings(max_examples=60, deadline=None)
SOME = settings(max_examples=120, deadline=None)

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
    array = np.array(profile)
    for found, hours, best in (
        (rest_activity.l5(array), 5, min),
        (rest_activity.m10(array), 10, max),
    ):
        level, onset = slow_stretch(profile, hours, best)
        assert same(float(found.level), level)
        assert same(float(found.onset_h), onset)


@FEW
@given(st.lists(counts, min_size=24, max_size=24), st.integers(0, 23))
def test_turning_the_clock_turns_the_onset_and_keeps_the_level(profile, turn):
    here = rest_activity.l5(np.array(profile))
    there = rest_activity.l5(np.roll(profile, turn))
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
    found, fit = rest_activity.cosinor(days), slow_cosinor(days.tolist())
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
        for many, one in zip(rest_activity.m10(profiles), rest_activity.m10(profile), strict=True):
            assert same(float(many[row]), float(one), 0.0)


# -- asleep, worn --------------------------------------------------------------------------------


@SOME
@given(st.lists(maybe, min_size=1, max_size=20), maybe)
def test_rest_by_level(levels, mean):
    found = sleep_wake.rest_by_level(np.array(levels), np.array(mean))
    for level, state in zip(levels, found.tolist(), strict=True):
        unknown = math.isnan(level) or math.isnan(mean) or mean == 0
        assert same(state, NAN if unknown else float(level < 0.15 * mean))


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


# -- beats ---------------------------------------------------------------------------------------

intervals = st.lists(st.one_of(st.floats(0, 3000), st.floats(700, 1100)), min_size=0, max_size=40)


def slow_normal_beats(interval, end):
    inside = [i for i, x in enumerate(interval) if 300 <= x <= 2000]
    kept = [False] * len(interval)
    for place, i in enumerate(inside):
        around = [inside[min(max(place + k, 0), len(inside) - 1)] for k in range(-2, 3)]
        near = statistics.median(interval[j] for j in around)
        kept[i] = abs(interval[i] - near) <= 0.3 * near
    joined = [False] * len(interval)
    for i in range(1, len(interval)):
        gap = (end[i] - end[i - 1]) / 1000 - interval[i]
        joined[i] = kept[i] and kept[i - 1] and abs(gap) <= 150
    return kept, joined


@SOME
@given(intervals, st.lists(st.sampled_from([0, 0, 0, 1_000_000]), min_size=40, max_size=40))
def test_normal_beats(interval, pauses):
    steps = [int(x * 1000) + pause for x, pause in zip(interval, pauses, strict=False)]
    end = np.cumsum(np.array(steps, np.int64))
    found = normal_beats(np.array(interval, np.float64), end)
    kept, joined = slow_normal_beats(interval, end.tolist())
    assert found.kept.tolist() == kept
    assert found.joined.tolist() == joined


def slow_time_domain(nn, joined):
    steps = [nn[i] - nn[i - 1] for i in range(1, len(nn)) if joined[i]]
    mean = statistics.fmean(nn) if nn else NAN
    median = statistics.median(nn) if nn else NAN
    sdnn = statistics.stdev(nn) if len(nn) > 1 else NAN
    rmssd = math.sqrt(statistics.fmean(s * s for s in steps)) if steps else NAN
    over = [100 * sum(abs(s) > x for s in steps) / len(steps) if steps else NAN for x in (50, 20)]
    return {
        "beats": len(nn),
        "mean_nn_ms": mean,
        "median_nn_ms": median,
        "mad_nn_ms": statistics.median(abs(x - median) for x in nn) if nn else NAN,
        "sdnn_ms": sdnn,
        "cvnn": sdnn / mean,
        "rmssd_ms": rmssd,
        "cvsd": rmssd / mean,
        "pnn50_pct": over[0],
        "pnn20_pct": over[1],
    }


windows = st.lists(
    st.lists(st.tuples(st.integers(300, 2000).map(float), st.booleans()), max_size=12),
    min_size=1,
    max_size=5,
)


@SOME
@given(windows)
def test_time_domain_of_many_windows(parts):
    nn = np.array([x for part in parts for x, _ in part], np.float64)
    joined = np.array([j for part in parts for _, j in part], bool)
    found = hrv_time.time_domain(nn, joined, np.array([len(p) for p in parts], np.int64))
    for row, part in enumerate(parts):
        slow = slow_time_domain([x for x, _ in part], [j for _, j in part])
        for name, value in slow.items():
            assert same(float(getattr(found, name)[row]), value), name


@FEW
@given(st.integers(1, 60), st.integers(1, 9), st.integers(0, 2**31))
def test_windows_of_very_different_lengths_take_the_other_path_to_the_same_value(long, empty, seed):
    nn = np.random.default_rng(seed).uniform(300, 2000, long)
    lengths = np.array([0] * empty + [long], np.int64)
    found = hrv_time.time_domain(nn, np.ones(long, bool), lengths)
    assert np.isnan(found.median_nn_ms[:-1]).all()
    assert found.median_nn_ms[-1] == pytest.approx(statistics.median(nn.tolist()), rel=1e-15)


# -- screen --------------------------------------------------------------------------------------

events = st.lists(
    st.tuples(st.integers(0, 6 * 3600), st.sampled_from([0, 1, 2, 3])), max_size=25
).map(lambda found: sorted(found, key=lambda e: e[0]))


def slow_episodes(found):
    used, begin, last = [], None, None
    for at, state in found:
        lit = state in (1, 3)
        if begin is not None and at - last > 2 * 3600:
            used.append((begin, last))
            begin = None
        if begin is None and lit:
            begin = at
        elif begin is not None and not lit:
            used.append((begin, at))
            begin = None
        last = at
    if begin is not None:
        used.append((begin, last))
    return used


def as_episodes(found):
    times = np.array([at * 1_000_000 for at, _ in found], np.int64)
    return screen.episodes(times, np.array([s for _, s in found], np.int8))


@SOME
@given(events)
def test_episodes(found):
    fast = as_episodes(found)
    pairs = zip((fast.start_us // 10**6).tolist(), (fast.end_us // 10**6).tolist(), strict=True)
    assert list(pairs) == slow_episodes(found)


@SOME
@given(events, st.lists(st.integers(-100, 7 * 3600), min_size=2, max_size=5).map(sorted))
def test_time_on(found, edges):
    fast = screen.time_on(as_episodes(found), np.array(edges, np.int64) * 1_000_000)
    for i, (low, high) in enumerate(pairwise(edges)):
        slow = sum(max(min(e, high) - max(s, low), 0) for s, e in slow_episodes(found))
        assert fast[i] == slow * 1e6


@SOME
@given(events)
def test_longest_rest_is_at_least_the_longest_gap(found):
    used = as_episodes(found)
    every = np.ones(used.start_us.size, bool)
    rest = screen.longest_rest(used, every, every)
    pairs = slow_episodes(found)
    if len(pairs) < 2:
        assert rest == screen.Rest(0, 0, 0)
        return
    gaps = [b[0] - a[1] for a, b in pairwise(pairs)]
    length = (rest.end_us - rest.start_us) // 10**6
    assert length >= max(gaps)
    plain = screen.longest_rest(used, every, ~every)  # no hour at which a check is a check
    assert (plain.end_us - plain.start_us) // 10**6 == max(gaps)
    assert plain.checks == 0
