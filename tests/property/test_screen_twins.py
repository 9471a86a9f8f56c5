"""Phone use and the phone's sleep: each kernel against a slow twin, and laws it must keep."""

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels import screen, sleep_phone, sleep_phone_place
from euthymia.kernels import sleep_phone_rates as rates_kernel

SOME = settings(max_examples=80, deadline=None)
HOUR = 3600
DAY = 24 * HOUR
US = 1_000_000

events = st.lists(
    st.tuples(st.integers(0, 6 * HOUR), st.sampled_from([0, 1, 2, 3])), max_size=25
).map(lambda found: sorted(found, key=lambda e: e[0]))


def slow_uses(found):
    """(begin, end, unlocked at or None, whether anything ended it)."""
    used, begin, last, unlocked = [], None, None, None
    for at, state in found:
        lit = state in (1, 3)
        if begin is not None and at - last > 2 * HOUR:
            used.append((begin, last, unlocked, True))
            begin = None
        if begin is None and lit:
            begin, unlocked = at, None
        elif begin is not None and not lit:
            used.append((begin, at, unlocked, True))
            begin = None
        if begin is not None and state == 3 and unlocked is None:
            unlocked = at
        last = at
    if begin is not None:
        used.append((begin, last, unlocked, False))
    return used


def columns(found):
    time = np.array([at * US for at, _ in found], np.int64)
    return time, np.array([s for _, s in found], np.int64)


def uses(found, day=0):
    time, state = columns(found)
    used = np.zeros((time.size + 1, 5), np.int64)
    days = np.full(time.size, day, np.int64)
    many = screen.uses_between(time, state, days, 0, time.size, 0, 0, used)
    return used[:many]


@SOME
@given(events)
def test_uses_between(found):
    fast = [
        (b // US, e // US, None if u < 0 else u // US, not is_open)
        for b, e, u, _, is_open in uses(found).tolist()
    ]
    assert fast == slow_uses(found)


def test_a_use_whose_end_was_lost_ends_with_its_last_event():
    found = uses([(0, 1), (300, 3), (9 * HOUR, 1)])
    assert (found[:, :2] // US).tolist() == [[0, 300], [9 * HOUR, 9 * HOUR]]


def test_events_of_other_days_are_passed_over():
    assert uses([(0, 1), (60, 0)], day=1).size == 0


def measured(found, low, high, tail=0):
    time, state = columns(found)
    out, hours = np.full((1, len(screen.FIELDS)), np.nan), np.zeros((1, 24))

    def one(value):
        return np.array([value], np.int64)

    screen.use(
        time, state, time, time // (DAY * US), one(0), one(0), one(low * US), one(high * US),
        one(-9), tail * US, one(0), one(0), out, hours,
    )  # fmt: skip
    return dict(zip(screen.FIELDS, out[0].tolist(), strict=True)), hours[0]


@SOME
@given(events, st.tuples(st.integers(0, 5 * HOUR), st.integers(1, 5 * HOUR)))
def test_use(found, window):
    low, high = window[0], window[0] + window[1]
    heard = [e for e in found if low - 2 * HOUR <= e[0] < high]
    cut = []
    for begin, end, unlocked, closed in slow_uses(heard):
        stop = end if closed else min(high, end + 2 * HOUR)
        if stop >= low and begin < high:
            cut.append((begin, max(begin, low), min(stop, high), unlocked))
    fast, hours = measured(found, low, high)
    own = [c for c in cut if c[0] >= low]
    lengths = [end - begin for begin, _, end, _ in own]
    assert fast["on_s"] == pytest.approx(sum(end - begin for _, begin, end, _ in cut))
    assert hours.sum() == pytest.approx(fast["on_s"])
    assert fast["night_s"] == pytest.approx(hours[:5].sum())
    assert fast["uses"] == len(own)
    gaps = [b[1] - a[2] for a, b in pairwise(cut) if b[0] >= low]
    edges = [low, *(x for _, b, e, _ in cut for x in (b, e)), high]
    assert fast["longest_gap_s"] == max(b - a for a, b in zip(edges[::2], edges[1::2], strict=True))
    if lengths:
        assert fast["median_s"] == statistics.median(lengths)
        assert fast["mean_s"] == pytest.approx(statistics.fmean(lengths))
        assert (fast["shortest_s"], fast["longest_s"]) == (min(lengths), max(lengths))
        assert fast["first_h"] == pytest.approx(own[0][0] / HOUR)
    else:
        assert math.isnan(fast["median_s"])
    if len(lengths) > 1:
        assert fast["sd_s"] == pytest.approx(statistics.stdev(lengths), abs=1e-9)
    if gaps:
        assert fast["median_gap_s"] == statistics.median(gaps)
    tells = any(s >= 2 for at, s in heard)
    assert math.isnan(fast["unlocks"]) is not tells
    if tells:
        assert fast["unlocks"] == sum(c[3] is not None for c in own)


@SOME
@given(events, st.integers(0, 5 * HOUR), st.integers(1, 5 * HOUR))
def test_seen(found, low, length):
    time, _ = columns(found)
    day = np.zeros(time.size, np.int64)
    fast = screen.seen_s(time, day, 0, 0, low * US, (low + length) * US, HOUR * US)
    slow = 0
    for (a, _), (b, _) in pairwise(found):
        if b - a <= HOUR:
            slow += max(min(b, low + length) - max(a, low), 0)
    assert fast == pytest.approx(slow)


@SOME
@given(events, st.integers(0, 5 * HOUR), st.integers(1, 5 * HOUR), st.integers(0, 2 * HOUR))
def test_what_comes_after_a_window_does_not_say_that_it_was_seen(found, low, length, tail):
    high = low + length
    heard = [at for at, _ in found if at < high]
    slow = sum(max(b - max(a, low), 0) for a, b in pairwise(heard))
    if heard and high - heard[-1] <= tail:
        slow += high - max(heard[-1], low)
    fast, _ = measured(found, low, high, tail)
    assert fast["seen_s"] == pytest.approx(slow)


# -- sleep ---------------------------------------------------------------------------------------


NO_GAP = np.zeros((1, 3), np.int64)
NO_FIX = (np.zeros(0, np.int64), np.zeros((0, 2), np.int64))
CHECKS, LIGHTS, NOTICES = 0.2, 0.5, 0.15  # an hour: uses asleep, short lights awake and asleep


def slow_rates(pairs, notices):
    """Uses an hour awake: gaps between uses that are no notice alone, of each two hours at most."""
    uses = [p for p, notice in zip(pairs, notices, strict=True) if not notice]
    awake = 2.0 + sum(min((b[0] - a[1]) / HOUR, 2.0) for a, b in pairwise(uses))
    return [min(max((len(uses) + 6.0) / awake, 0.5), 6.0), CHECKS, LIGHTS, NOTICES]


def slow_likely(onset, offset, nights):
    """One part a night of any hours, by night and day alone; the rest nights like those before."""
    free = math.exp(
        (math.cos((onset + 0.5) * math.pi / 12) + math.cos((offset - 7.5) * math.pi / 12) - 2) / 2
    )
    if not nights:
        return math.log(free)
    alike = sum(
        ((1 + ((onset - a) / 0.75) ** 2 / 3) * (1 + ((offset - b) / 0.75) ** 2 / 3)) ** -2
        for a, b in nights
    )
    return math.log((0.1 * free + alike) / (0.1 + len(nights)))


def slow_likeliest(pairs, notices, nights, rates, whole=True):
    """Every stretch between two uses, each scored from the rates: take the best."""
    use, check, light, notice = rates
    gain, cost = use - check + light - notice, (math.log(use / check), math.log(light / notice))
    best = (-math.inf, -1, -1)
    for i in range(len(pairs) - 1):
        for j in range(i + 1, len(pairs)):
            onset, offset = pairs[i][1] / HOUR, pairs[j][0] / HOUR
            if not (0 <= offset < 24 and 2 <= offset - onset <= 14):
                continue
            rest = sum(pairs[k + 1][0] - pairs[k][1] for k in range(i, j)) / HOUR
            inside = range(i + 1, j)
            against = sum(cost[notices[k]] for k in inside)
            against += sum(pairs[k][1] - pairs[k][0] for k in inside) / 60 / 20.0
            score = gain * rest - against + slow_likely(onset, offset, nights)
            score -= 2 * math.log1p(((offset - onset - 7.5) / 1.5) ** 2 / 3)
            best = max(best, (score, i, j))
    for j, (wake, _) in enumerate(pairs):
        unseen = j == 0 or wake - pairs[j - 1][1] > 14 * HOUR
        if whole and unseen and 0 <= wake < DAY:  # a usual sleep, of which 6 hours count
            score = 6.0 * gain + slow_likely(wake / HOUR - 7.5, wake / HOUR, nights)
            best = max(best, (score, -1, -1))
    return best


def laid_out(pairs, notices):
    used = np.zeros((len(pairs) + 1, rates_kernel.COLUMNS), np.int64)
    for k, (begin, end) in enumerate(pairs):
        used[k, :3] = begin * US, end * US, begin * US
        used[k, rates_kernel.NOTICE] = notices[k]
    sleep_phone.observe(used, len(pairs), NO_GAP, 0, *NO_FIX)
    return used


def as_habit(nights):
    return np.array([float(len(nights)), *(hour for night in nights for hour in night)])


@SOME
@given(
    st.lists(
        st.tuples(st.integers(-22 * 60, 23 * 60), st.integers(0, 40), st.booleans()), max_size=40
    ),
    st.sampled_from([[], [(-1.0, 7.0)] * 4, [(-1.0, 7.0), (8.0, 13.0), (8.5, 14.0), (-2.0, 5.0)]]),
)
def test_the_likeliest_sleep_is_the_best_of_all_stretches(found, nights):
    pairs, notices = [], []
    for begin, length, notice in sorted(found):
        if not pairs or begin * 60 > pairs[-1][1]:
            pairs.append((begin * 60, (begin + length) * 60))
            notices.append(notice)
    used = laid_out(pairs, notices)
    rates = np.array([0.0, CHECKS, 0.0, NOTICES])
    rates_kernel.awake_rates(used, len(pairs), rates)
    slow = slow_rates(pairs, notices)
    assert rates[0] == pytest.approx(slow[0])
    rates[2] = LIGHTS
    habit = as_habit(nights)
    first, last = sleep_phone.likeliest(used, len(pairs), rates, 0, DAY * US, habit)
    score, i, j = slow_likeliest(pairs, notices, nights, slow)
    if (first, last) != (i, j):  # as good, but for rounding
        assert first >= 0
        assert i >= 0
        cut = slice(first, last + 1)
        again = slow_likeliest(pairs[cut], notices[cut], nights, slow, whole=False)
        assert again[0] >= score - 1e-9


def test_a_check_in_the_night_does_not_end_it_and_a_late_evening_does():
    evening = [(-6 * 60 + 15 * i, 5) for i in range(22)]  # to 23:20
    morning = [(7 * 60 + 15 * i, 5) for i in range(40)]
    for inside, onset in (([(3 * 60, 2)], -40), ([(-15, 2), (10, 2)], 12), ([(180, 20)], -40)):
        minutes = [*evening, *inside, *morning]
        pairs = [(begin * 60, (begin + length) * 60) for begin, length in minutes]
        used = laid_out(pairs, [False] * len(pairs))
        rates = np.array(slow_rates(pairs, [False] * len(pairs)))
        first, last = sleep_phone.likeliest(used, len(pairs), rates, 0, DAY * US, as_habit([]))
        assert used[first, 1] / (60 * US) == onset
        assert used[last, 0] / (60 * US) == 7 * 60


@SOME
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=9))
def test_the_habit_is_the_nights_of_the_week_before(onsets):
    day = np.arange(len(onsets) + 1, dtype=np.int64)
    hours = np.array([*((x, x + 8) for x in onsets), (9.0, 9.0)])
    habit = np.full(1 + 2 * sleep_phone.HABIT_NIGHTS, 7.0)
    sleep_phone.habit_before(day, hours, len(onsets), habit)
    week = onsets[:-8:-1]
    if len(week) < 4:
        assert habit[0] == 0
        return
    assert habit[0] == len(week)
    assert habit[1 : 1 + 2 * len(week)].tolist() == [h for x in week for h in (x, x + 8)]


@SOME
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10)), min_size=1, max_size=12))
def test_lights_asleep_are_counted_over_the_night_and_the_week_before(found):
    day, lit = np.arange(len(found), dtype=np.int64), np.array(found, np.float64)
    rates = np.array([3.0, 0.0, 2.0, 0.0])
    rates_kernel.asleep_rates(day, lit, len(found) - 1, 7, rates)
    week = found[-8:]
    came, hours = 4.8 + sum(n for n, _ in week), 8 + sum(h for _, h in week)  # 0.3 of 2 over 8 h
    assert rates[3] == pytest.approx(min(came / hours, 2.0))
    assert rates[1] == 0.2


@SOME
@given(events, st.booleans())
def test_sittings_join_what_is_less_than_ten_minutes_apart(found, unlocks):
    before = uses(found)
    used = np.zeros((len(before), rates_kernel.COLUMNS), np.int64)
    used[:, :5] = before
    many = rates_kernel.sittings(used, len(used), unlocks)
    joined = []
    for begin, end, unlocked, _, _ in before.tolist():
        notice = end - begin <= 60 * US and unlocked < 0 if unlocks else end - begin <= 15 * US
        if joined and begin - joined[-1][1] < 600 * US:
            start, _, length, many_uses, all_notices = joined[-1]
            both = all_notices and notice
            joined[-1] = [start, end, length + end - begin, many_uses + 1, both]
        else:
            joined.append([begin, end, end - begin, 1, notice])
    assert used[:many][:, [0, 1, 3, 4, rates_kernel.NOTICE]].tolist() == joined


@SOME
@given(st.lists(st.tuples(st.integers(1, 20), st.booleans()), min_size=1, max_size=12), st.data())
def test_time_away_is_the_sum_of_the_fixes_that_were(steps, data):
    at, fixes = 0, []
    for hours, far in steps:
        at += hours * HOUR
        fixes.append((at, far))
    held = [min(b - a, 12 * HOUR) for (a, _), (b, _) in pairwise(fixes)]
    so_far = [0]
    for (_, far), length in zip(fixes, held, strict=False):
        so_far.append(so_far[-1] + length * far)
    away = np.array([[f, n * US] for (_, f), n in zip(fixes, so_far, strict=True)], np.int64)
    low = data.draw(st.integers(0, at + 20 * HOUR))
    high = data.draw(st.integers(low, at + 40 * HOUR))
    slow = 0
    for (begin, far), length in zip(fixes, [*held, 12 * HOUR], strict=True):
        slow += far * max(min(begin + length, high) - max(begin, low), 0)
    fix_us = np.array([a for a, _ in fixes], np.int64) * US
    assert sleep_phone_place.away_between(fix_us, away, low * US, high * US) == slow * US
