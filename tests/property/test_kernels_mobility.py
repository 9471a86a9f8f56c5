"""Mobility kernels against slow twins written from the definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from euthymia.kernels import mobility_fixes as fixes
from euthymia.kernels import mobility_follow as follow
from euthymia.kernels import mobility_pieces as pieces
from euthymia.kernels import mobility_rows as rows
from euthymia.kernels import mobility_stays as stays

FEW = settings(max_examples=80, deadline=None)
metres = st.floats(-5000, 5000, allow_nan=False)


@given(st.lists(metres, min_size=1, max_size=90))
@FEW
def test_the_median_is_the_median(values):
    space = np.empty(3 * len(values))
    assert fixes.median_of(np.array(values), len(values), space) == np.median(values)


def vector(lat, lon):
    lat, lon = np.radians(lat), np.radians(lon)
    flat = np.cos(lat)
    return fixes.EARTH_M * np.array([flat * np.cos(lon), flat * np.sin(lon), np.sin(lat)])


@given(
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    moved=st.lists(
        st.tuples(st.floats(-0.0004, 0.0004), st.floats(-0.0004, 0.0004)), min_size=1, max_size=30
    ),
)
@FEW
def test_minute_positions_anywhere_on_earth(lat, lon, moved):
    """The middle of a minute is that of the points themselves, to a millimetre."""
    lats = np.clip([lat + a for a, _ in moved], -90, 90)
    narrow = max(math.cos(math.radians(lat)), 1e-3)
    lons = np.array([(lon + b / narrow + 180) % 360 - 180 for _, b in moved])
    keep = ~((lats == 0) & (lons == 0))
    points = np.array([vector(a, o) for a, o in zip(lats[keep], lons[keep], strict=True)])
    n = len(moved)
    first, at = np.zeros(2, np.int64), np.zeros(n + 1)
    position, count = np.zeros((n + 1, 3)), np.zeros(n + 1, np.int16)
    time = np.arange(n, dtype=np.int64)
    nan = np.full(n, np.nan, np.float32)
    span = np.array([0]), np.array([n])
    found = fixes.minute_positions(time, lats, lons, nan, *span, first, at, position, count)
    assert found == (1 if keep.any() else 0)
    if found:
        assert count[0] == keep.sum()
        assert np.linalg.norm(position[0]) == pytest.approx(fixes.EARTH_M, abs=1e-3)
        middle = points.mean(axis=0)
        if np.linalg.norm(points - middle, axis=1).max() < 50:
            assert np.linalg.norm(position[0] - middle) < 0.01


@given(st.lists(st.tuples(metres, metres, metres), min_size=1, max_size=40))
@FEW
def test_the_diameter_is_that_of_all_pairs(points):
    xyz = np.array(points)
    centre = xyz.mean(axis=0)
    table = np.column_stack([xyz, np.linalg.norm(xyz - centre, axis=1)])
    slow = max(np.linalg.norm(a - b) for a in xyz for b in xyz)
    assert rows.diameter_m(np.ascontiguousarray(table), len(xyz)) == pytest.approx(slow)


@given(
    gap_h=st.floats(0.1, 24),
    leave_h=st.floats(1, 30),
    closed=st.booleans(),
)
@FEW
def test_the_time_away_in_a_gap_is_that_of_the_bridge(gap_h, leave_h, closed):
    """The closed form against the transition probabilities summed over the gap."""
    gap, leave, back = gap_h * 3.6e9, 1 / (leave_h * 3.6e9), pieces.RETURN_PER_US
    s = (np.arange(4000) + 0.5) / 4000 * gap
    stay, rate = back / (leave + back), leave + back
    here = stay + (1 - stay) * np.exp(-rate * s)
    if closed:
        here = here * here[::-1] / (stay + (1 - stay) * np.exp(-rate * gap))
    slow = (1 - here).mean() * gap
    assert pieces.expected_away_us(gap, leave, closed) == pytest.approx(slow, rel=1e-4)
    assert 0 <= pieces.missed_way_m(gap, leave) <= 6000


@given(gap_h=st.floats(0.5, 24), leave_h=st.floats(1, 30), stop_h=st.floats(0.2, 6))
@FEW
def test_the_time_on_the_way_in_a_gap_is_that_of_the_bridge(gap_h, leave_h, stop_h):
    """Closed forms against the transition probabilities summed over the gap."""
    gap, leave, stop = gap_h * 3.6e9, 1 / (leave_h * 3.6e9), 1 / (stop_h * 3.6e9)
    rate, go = leave + stop, leave / (leave + stop)
    s = (np.arange(8000) + 0.5) / 8000 * gap
    on_on = go + (1 - go) * np.exp(-rate * s)
    rest_on = go - go * np.exp(-rate * s)
    both = (on_on * on_on[::-1]).mean() * gap / (go + (1 - go) * np.exp(-rate * gap))
    one = (rest_on * on_on[::-1]).mean() * gap / (go - go * np.exp(-rate * gap))
    assert pieces.moving_us(gap, leave, stop) == pytest.approx(both, rel=1e-4)
    assert pieces.under_way_us(gap, leave, stop) == pytest.approx(one, rel=1e-3)


def test_the_rhythm_is_the_least_squares_fit_of_a_wave():
    """Pieces of unequal length and with holes; twin: the wave fitted to every minute."""
    rng = np.random.default_rng(2)
    hour = 3.6e9
    edge = np.sort(rng.uniform(0, 72, 60)) * hour
    piece = np.zeros((59, pieces.PIECE_COLUMNS))
    piece[:, pieces.P_FROM], piece[:, pieces.P_TO] = edge[:-1], edge[1:]
    spot = rng.normal(0, 3000, (59, 3))
    for axis in range(3):
        piece[:, pieces.P_AX + axis] = piece[:, pieces.P_BX + axis] = spot[:, axis]
    piece[::7, pieces.P_IMPUTED] = 1
    sums, out = np.zeros(follow.RHYTHM_SUMS), np.zeros(2)
    follow.rhythm_sums(piece, 0, 59, np.zeros(3), 0.0, sums)
    follow.rhythm(sums, out)
    t = np.arange(edge[0], edge[-1], hour / 120)
    at = np.clip(np.searchsorted(edge, t, "right") - 1, 0, 58)
    t, at = t[at % 7 != 0], at[at % 7 != 0]
    phase = 2 * np.pi * t / (24 * hour)
    design = np.column_stack([np.ones(t.size), np.cos(phase), np.sin(phase)])
    fitted = design @ np.linalg.lstsq(design, spot[at], rcond=None)[0]
    assert out[0] == pytest.approx(np.log(fitted.var(axis=0).sum()), abs=0.03)
    assert out[1] == pytest.approx(fitted.var(axis=0).sum() / spot[at].var(axis=0).sum(), rel=0.03)


@given(nights=st.lists(st.integers(0, 3), min_size=1, max_size=21), home=st.integers(-1, 3))
@FEW
def test_home_is_elected_by_the_nights(nights, home):
    place = np.zeros((4, stays.PLACE_COLUMNS))
    place[:, 0] = [0, 1000, 2000, 500_000]
    found = follow.elected_home(place, np.array(nights), len(nights), home, np.zeros(5))
    votes = np.zeros(4)
    for at in nights:
        votes[at] += 0.5 if home >= 0 and abs(place[at, 0] - place[home, 0]) > 1e5 else 1
    assert votes[found] == votes.max()
    if home >= 0 and votes[home] == votes.max():
        assert found == home


def slow_stays(at_us, position, radius):
    found, i = [], 0
    while i < len(at_us):
        inside, out = [i], 0
        for j in range(i + 1, len(at_us)):
            if np.linalg.norm(position[j] - position[inside].mean(axis=0)) <= radius:
                inside, out = [*inside, j], 0
            else:
                out += 1
                if out >= 3 or at_us[j] - at_us[inside[-1]] > 300e6:
                    break
        if at_us[inside[-1]] - at_us[i] < 600e6:
            i += 1
        else:
            found.append((i, inside[-1], len(inside)))
            i = inside[-1] + 1
    return found


@given(
    steps=st.lists(
        st.tuples(st.sampled_from([60e6, 120e6, 660e6]), st.sampled_from([0, 0, 0, 30, 400])),
        min_size=2,
        max_size=60,
    ),
    seed=st.integers(0, 9),
)
@FEW
def test_stays_are_those_of_the_definition(steps, seed):
    at_us = np.cumsum([a for a, _ in steps])
    position = np.random.default_rng(seed).normal(0, 15, (len(steps), 3))
    position[:, 0] += np.cumsum([b for _, b in steps])
    stay = np.empty((len(steps), 6))
    count = stays.find_stays(at_us, position, len(steps), 60.0, stay)
    fast = [tuple(int(x) for x in row) for row in stay[:count, 3:6]]
    assert fast == slow_stays(at_us, position, 60.0)
