"""Kernels of calls, typing, temperature, light and answers, against slow twins."""

import collections
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels import ema, grouped, light, presence, social, temperature, typing

SOME = settings(max_examples=60, deadline=None)
NAN = float("nan")
HOUR_US = 3_600_000_000

groups = st.lists(st.lists(st.integers(0, 6), max_size=9), min_size=1, max_size=5)


def flat(parts):
    row = np.repeat(np.arange(len(parts)), [len(p) for p in parts]).astype(np.int64)
    return row, np.array([x for p in parts for x in p], np.int64)


def same(fast, slow):
    np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-9)


@SOME
@given(groups)
def test_numbers_of_groups(parts):
    row, label = flat(parts)
    value, n = label.astype(np.float64), len(parts)
    same(grouped.count(row, n), [len(p) for p in parts])
    same(grouped.distinct(row, label, n), [len(set(p)) for p in parts])
    same(grouped.lowest(row, value, n), [min(p, default=NAN) for p in parts])
    same(grouped.highest(row, value, n), [max(p, default=NAN) for p in parts])
    with np.errstate(invalid="ignore", divide="ignore"):
        same(grouped.mean(row, value, n), [np.mean(p) if p else NAN for p in parts])
        same(
            grouped.spread(row, value, n), [np.std(p, ddof=1) if len(p) > 1 else NAN for p in parts]
        )
        top = [max(collections.Counter(p).values()) / len(p) if p else NAN for p in parts]
        same(grouped.top_share(row, label, n), top)
    for share in (0.0, 0.05, 0.5, 0.77, 1.0):
        slow = [np.quantile(p, share) if p else NAN for p in parts]
        same(grouped.quantiles(row, value, n, (share,))[:, 0], slow)


@SOME
@given(groups)
def test_entropy(parts):
    row, label = flat(parts)
    slow = []
    for p in parts:
        shares = [n / len(p) for n in collections.Counter(p).values()]
        slow.append(-math.fsum(q * math.log(q) for q in shares) if p else NAN)
    with np.errstate(invalid="ignore", divide="ignore"):
        same(grouped.entropy(row, label, len(parts)), slow)
        even = grouped.evenness(row, label, len(parts))
        renamed = grouped.entropy(row, 6 - label, len(parts))
    kinds = [len(set(p)) for p in parts]
    same(even, [h / math.log(k) if k > 1 else NAN for h, k in zip(slow, kinds, strict=True)])
    assert ((even >= 0) & (even <= 1) | np.isnan(even)).all()
    with np.errstate(invalid="ignore", divide="ignore"):
        np.testing.assert_array_equal(renamed, grouped.entropy(row, label, len(parts)))


@SOME
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=9))
def test_expanded_ranges(ranges):
    low = np.array([a for a, _ in ranges], np.int64)
    high = low + np.array([n for _, n in ranges], np.int64)
    index, which = grouped.expand(low, high)
    slow = [(i, k) for k, (a, n) in enumerate(ranges) for i in range(a, a + n)]
    assert list(zip(index.tolist(), which.tolist(), strict=True)) == slow


events = st.lists(
    st.tuples(st.integers(0, 30), st.integers(-1, 2), st.sampled_from("arx")), max_size=25
)


def laid_out(found):
    time = np.cumsum(np.array([h for h, _, _ in found], np.int64)) * HOUR_US
    who = np.array([w for _, w, _ in found], np.int64)
    asks = np.array([k == "a" for _, _, k in found], bool)
    replies = np.array([k == "r" for _, _, k in found], bool)
    return time, who, asks, replies


@SOME
@given(events)
def test_who_answers_whom(found):
    time, who, asks, replies = laid_out(found)
    delays, answered = [], []
    for i in range(len(found)):
        waited = NAN
        if replies[i] and who[i] >= 0:
            for j in reversed(range(i)):
                if who[j] != who[i] or not (asks[j] or replies[j]):
                    continue
                if asks[j] and time[i] - time[j] <= 24 * HOUR_US:
                    waited = float(time[i] - time[j])
                break
        delays.append(waited)
        at = np.iinfo(np.int64).max
        if who[i] >= 0:
            later = [
                int(time[j]) for j in range(i + 1, len(found)) if who[j] == who[i] and replies[j]
            ]
            if later and later[0] - time[i] <= 24 * HOUR_US:
                at = later[0]
        answered.append(at)
    np.testing.assert_array_equal(social.answer_delays_us(time, who, asks, replies), delays)
    assert social.answered_at_us(time, who, replies).tolist() == answered


@SOME
@given(st.lists(st.tuples(st.integers(1, 28), st.integers(1, 500)), max_size=9))
def test_own_devices_part_the_scores_best(seen):
    days = np.array([d for d, _ in seen], np.float64)
    sightings = np.array([d * n for d, n in seen], np.float64)
    own = social.own_devices(days, sightings)
    if len(seen) < 2 or len({(d, n) for d, n in seen}) == 1:
        assert not own.any()
        return

    def z(x):
        return (x - x.mean()) / x.std() if x.std() > 1e-9 else x * 0

    score = z(days) + z(sightings / days)
    if np.ptp(score) < 1e-6:
        return

    def within(mask):
        parts = [score[mask], score[~mask]]
        return sum(((p - p.mean()) ** 2).sum() for p in parts if p.size)

    assert own.any()
    assert not own.all()
    assert score[own].min() >= score[~own].max()
    best = min(within(score > cut) for cut in score if (score > cut).any())
    assert within(own) == pytest.approx(best, abs=1e-7)


def test_a_persons_own_devices_are_those_seen_every_day():
    days = np.array([28.0, 27.0, 1.0, 2.0, 1.0, 1.0, 3.0])
    sightings = np.array([2800.0, 2500.0, 3.0, 10.0, 1.0, 2.0, 12.0])
    assert social.own_devices(days, sightings).tolist() == [True, True] + [False] * 5


@SOME
@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 4), st.integers(-1, 1)), max_size=30)
)
def test_typing_sessions_and_delays(presses):
    time = np.cumsum(np.array([ms for ms, _, _ in presses], np.int64)) * 1000
    kind = np.array([k for _, k, _ in presses], np.int64)
    label = np.array([s for _, _, s in presses], np.int64)
    session, now = [], 0
    for i in range(len(presses)):
        if i and (time[i] - time[i - 1] >= 5_000_000 or label[i] != label[i - 1]):
            now += 1
        session.append(now)
    fast = typing.sessions(time, label)
    assert fast.tolist() == session
    slow = [
        (time[i] - time[i - 1]) / 1000
        if i and session[i] == session[i - 1] and kind[i] == kind[i - 1] == 1
        else NAN
        for i in range(len(presses))
    ]
    np.testing.assert_array_equal(typing.interkey_ms(time, fast, kind), slow)


def test_likeness_of_hours():
    one = np.array([[1.0, 0, 2], [0, 0, 0], [1, 0, 0]])
    other = np.array([[2.0, 0, 4], [1, 1, 1], [0, 5, 0]])
    np.testing.assert_allclose(typing.likeness(one, other), [1, NAN, 0])


@SOME
@given(
    mesor=st.floats(25, 38),
    amplitude=st.floats(0.01, 5),
    top=st.floats(0, 23.99),
    seed=st.integers(0, 99),
)
def test_the_daily_wave_is_found(mesor, amplitude, top, seed):
    hour = np.sort(np.random.default_rng(seed).uniform(0, 24, 300))
    wave = mesor + amplitude * np.cos((hour - top) * np.pi / 12)
    found = temperature.cosinor(np.zeros(300, np.int64), hour, wave, 1)
    np.testing.assert_allclose(found[0], mesor, atol=1e-8)
    np.testing.assert_allclose(found[1], amplitude, atol=1e-8)
    away = (found[2][0] - top + 12) % 24 - 12
    assert abs(away) < 1e-5
    np.testing.assert_allclose(found[3], 1, atol=1e-9)


def test_no_wave_from_a_flat_or_short_recording():
    row = np.zeros(50, np.int64)
    flat_found = temperature.cosinor(row, np.linspace(0, 23.9, 50), np.full(50, 33.0), 1)
    assert flat_found[1][0] < 1e-9
    assert np.isnan(flat_found[2][0])
    assert np.isnan(flat_found[3][0])
    short = temperature.cosinor(row, np.full(50, 3.0), np.arange(50.0), 1)
    assert all(np.isnan(part[0]) for part in short)


def test_the_slope_and_the_skin():
    at = np.arange(120, dtype=np.int64) * 60_000_000
    value = 33 - 0.5 * np.arange(120) / 60
    found = temperature.slope_per_h(np.zeros(120, np.int64), at, value, 1)
    np.testing.assert_allclose(found, -0.5)
    taken_off = np.array([33.0, 33.1, 30.0, 27.0, 25.4, 24.0, 33.0, 33.2])
    worn = temperature.on_skin(at[:8], taken_off, np.ones(8, np.bool_))
    assert worn.tolist() == [True, True, False, False, False, False, False, True]


@SOME
@given(seed=st.integers(0, 99), length=st.integers(1, 24), greatest=st.booleans())
def test_the_brightest_and_darkest_hours(seed, length, greatest):
    day = np.random.default_rng(seed).integers(0, 5, 24).astype(np.float64)
    means = [np.mean([day[(h + k) % 24] for k in range(length)]) for h in range(24)]
    mean, onset = light.run_of_hours(day[None], length, greatest=greatest)
    best = max(means) if greatest else min(means)
    assert mean[0] == pytest.approx(best)
    assert means[int(onset[0])] == pytest.approx(best)
    day[seed % 24] = NAN
    assert np.isnan(light.run_of_hours(day[None], length, greatest=greatest)).all()


@SOME
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(0, 4)), max_size=20))
def test_steps_of_answers(given_):
    question = np.array([q for q, _, _ in given_], np.int64)
    time = np.cumsum(np.array([h for _, h, _ in given_], np.int64)) * HOUR_US
    value = np.array([v for _, _, v in given_], np.float64)
    slow = []
    for i in range(len(given_)):
        before = [j for j in range(i) if question[j] == question[i]]
        near = before and time[i] - time[before[-1]] <= 48 * HOUR_US
        slow.append(value[i] - value[before[-1]] if near else NAN)
    np.testing.assert_array_equal(ema.steps(question, time, value, 48 * HOUR_US), slow)


@SOME
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), max_size=9),
    st.integers(0, 30),
    st.integers(1, 20),
)
def test_what_stretches_cover_together(stretches, low, length):
    stretches = sorted(stretches)
    start = np.array([a for a, _ in stretches], np.int64)
    end = start + np.array([n for _, n in stretches], np.int64)
    found, edge = np.zeros(2, np.int64), np.array([low, 0], np.int64)
    first, stop = np.zeros(2, np.int64), np.array([start.size, start.size // 2], np.int64)
    presence.covered_by(start, end, first, stop, edge, edge + length, found)
    for many, at, covered in zip(stop.tolist(), edge.tolist(), found.tolist(), strict=True):
        whole = {t for a, n in stretches[:many] for t in range(a, a + n)}
        assert covered == len(whole & set(range(at, at + length)))


@SOME
@given(
    st.lists(st.integers(0, 60), max_size=30),
    st.lists(st.tuples(st.integers(-5, 65), st.integers(0, 30)), max_size=9),
    st.integers(0, 9),
)
def test_samples_in_stretches(instants, stretches, silent):
    time = np.array(sorted(instants), np.int64)
    start = np.array([a for a, _ in stretches], np.int64)
    end = start + np.array([n for _, n in stretches], np.int64)
    held = np.zeros(start.size, np.bool_)
    presence.any_between(time, start, end, held)
    between = np.zeros(start.size, np.int64)
    low, high = np.searchsorted(time, start), np.searchsorted(time, end)
    presence.close_between(time, low, high, silent, 3, between)
    for i, (a, n) in enumerate(stretches):
        own = [t for t in sorted(instants) if a <= t < a + n]
        assert held[i] == bool(own)
        steps = [later - earlier for earlier, later in pairwise(own)]
        assert between[i] == sum(step if step <= silent else 3 for step in steps)
