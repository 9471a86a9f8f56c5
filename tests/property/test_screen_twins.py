"""Phone use and the phone's sleep: each kernel against a slow twin, and laws it must keep."""

import math
import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels import screen, sleep_phone

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
        one(-9), tail * US, out, hours,
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


def slow_likeliest(pairs, habit, of=None):
    """Every stretch between two uses, each scored from the two rates: take the best."""
    awake = 2.0 + sum(min((b[0] - a[1]) / HOUR, 2.0) for a, b in pairwise(of or pairs))
    rate = min(max((len(of or pairs) + 6.0) / awake, 0.5), 6.0)
    gain, cost = rate - 0.2, math.log(rate / 0.2)

    def likely(hour, middle, spread, usual):
        if spread:
            return -2 * math.log1p(((hour - middle) / spread) ** 2 / 3)
        return (math.cos((hour - usual) * math.pi / 12) - 1) / 2

    best = (-math.inf, -1, -1)
    for i in range(len(pairs) - 1):
        for j in range(i + 1, len(pairs)):
            onset, offset = pairs[i][1] / HOUR, pairs[j][0] / HOUR
            if not (0 <= offset < 24 and 2 <= offset - onset <= 14):
                continue
            rest = sum(pairs[k + 1][0] - pairs[k][1] for k in range(i, j)) / HOUR
            inside = pairs[i + 1 : j]
            against = sum(cost + (e - b) / 60 / 20.0 for b, e in inside)
            score = gain * rest - against + likely(onset, *habit[:2], -0.5)
            score += likely(offset, *habit[2:], 7.5)
            score -= 2 * math.log1p(((offset - onset - 7.5) / 1.5) ** 2 / 3)
            best = max(best, (score, i, j))
    for j, (wake, _) in enumerate(pairs):
        unseen = j == 0 or wake - pairs[j - 1][1] > 14 * HOUR
        if of is None and unseen and 0 <= wake < DAY:  # a usual sleep, of which 6 hours count
            score = 6.0 * gain + likely(wake / HOUR, *habit[2:], 7.5)
            best = max(best, (score + likely(wake / HOUR - 7.5, *habit[:2], -0.5), -1, -1))
    return best


@SOME
@given(
    st.lists(st.tuples(st.integers(-22 * 60, 23 * 60), st.integers(0, 40)), max_size=40),
    st.sampled_from([(0.0, 0.0, 0.0, 0.0), (-1.0, 0.6, 7.0, 0.8), (8.0, 1.0, 16.0, 1.0)]),
)
def test_the_likeliest_sleep_is_the_best_of_all_stretches(found, habit):
    pairs = []
    for begin, length in sorted(found):
        if not pairs or begin * 60 > pairs[-1][1]:
            pairs.append((begin * 60, (begin + length) * 60))
    used = np.zeros((len(pairs) + 1, sleep_phone.COLUMNS), np.int64)
    for k, (begin, end) in enumerate(pairs):
        used[k, :3] = begin * US, end * US, begin * US
    sleep_phone.observe(used, len(pairs), NO_GAP, 0)
    first, last = sleep_phone.likeliest(used, len(pairs), True, 0, DAY * US, np.array(habit))
    score, i, j = slow_likeliest(pairs, habit)
    if (first, last) != (i, j):  # as good, but for rounding
        assert first >= 0
        assert i >= 0
        assert slow_likeliest(pairs[first : last + 1], habit, of=pairs)[0] >= score - 1e-9


def test_a_check_in_the_night_does_not_end_it_and_a_late_evening_does():
    evening = [(-6 * 60 + 15 * i, 5) for i in range(22)]  # to 23:20
    morning = [(7 * 60 + 15 * i, 5) for i in range(40)]
    for inside, onset in (([(3 * 60, 2)], -40), ([(-15, 2), (10, 2)], 12), ([(180, 20)], -40)):
        pairs = [*evening, *inside, *morning]
        used = np.zeros((len(pairs), sleep_phone.COLUMNS), np.int64)
        for k, (begin, length) in enumerate(pairs):
            used[k, :3] = begin * 60 * US, (begin + length) * 60 * US, begin * 60 * US
        sleep_phone.observe(used, len(pairs), NO_GAP, 0)
        first, last = sleep_phone.likeliest(used, len(pairs), True, 0, DAY * US, np.zeros(4))
        assert used[first, 1] / (60 * US) == onset
        assert used[last, 0] / (60 * US) == 7 * 60


@SOME
@given(st.lists(st.floats(-3, 3), min_size=3, max_size=9))
def test_the_habit_is_the_median_of_the_week_before(onsets):
    day = np.arange(len(onsets) + 1, dtype=np.int64)
    hours = np.array([*((x, x + 8) for x in onsets), (9.0, 9.0)])
    habit = np.full(4, 7.0)
    sleep_phone.habit_before(day, hours, len(onsets), habit)
    week = onsets[-7:]
    if len(week) < 4:
        assert habit[1] == habit[3] == 0
        return
    middle = statistics.median(week)
    mad = 1.4826 * statistics.median(abs(x - middle) for x in week)
    assert habit[0] == pytest.approx(middle)
    assert habit[2] == pytest.approx(middle + 8)
    assert habit[1] == pytest.approx(math.hypot(mad / math.sqrt(2), 0.5))


@SOME
@given(events)
def test_sittings_join_what_is_less_than_ten_minutes_apart(found):
    used = uses(found)
    before = used.copy()
    many = sleep_phone.sittings(used, len(used))
    joined = []
    for begin, end, _, _, _ in before.tolist():
        if joined and begin - joined[-1][1] < 600 * US:
            joined[-1] = [joined[-1][0], end, joined[-1][2] + end - begin, joined[-1][3] + 1]
        else:
            joined.append([begin, end, end - begin, 1])
    assert used[:many][:, [0, 1, 3, 4]].tolist() == joined
