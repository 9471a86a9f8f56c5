"""A day without holes: stays, ways and what is not known, each with how wrong it may be.

Gaps are filled with the likeliest course, and the error that this makes is told. Straight lines
through gaps, as often drawn, say too much of movement and nothing of their error (Barnett & Onnela
2020, doi:10.1093/biostatistics/kxy059). There, gaps are filled with random flights and pauses of
the same person; here, by what those leave on average, so that the same data give the same numbers:

* with the same place on both sides the person stayed. The error is the time spent away that a
  person who comes and goes at random would have made of it: two states, left at the rate at which
  this person has left places so far, returned from after two hours on average, and known at both
  ends (a bridge of a continuous-time Markov chain);
* with two places, the way between them lies in the middle and takes what a way so long usually
  takes. The moment of leaving is uniform over the rest, and its mean error a quarter of that;
* on the way at both ends, the person went on at the pace of both ends for as long as somebody is
  on the way who stops and goes on as often as this person so far (the same chain);
* before the first and after the last fix the person stayed for up to six hours; then nothing is
  known.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.mobility_stays import AT, FROM, MINUTE_US, TO, X, Y, Z

Array = NDArray[np.float64]

LONG_US: Final = 30 * MINUTE_US
"""A longer time without a fix is a gap: what happened in it is imputed."""
REACH_US: Final = 360 * MINUTE_US
"""For so long a stay is believed to go on where no fix follows (or to have begun before)."""
BRIDGE_US: Final = 1440 * MINUTE_US
"""A longer gap is not filled."""
RETURN_PER_US: Final = 1 / (120 * MINUTE_US)
FLIGHT_M: Final = 200_000.0
FLIGHT_M_PER_S: Final = 28.0
"""A straight line of over 200 km between two fixes at over 100 km/h: a flight."""
WAY_OFF, WAY_OFF_WIDE, WAY_OFF_BLIND = 0.03, 0.06, 0.09
"""By what share of it a way is off, in the mean: with fixes up to a minute apart (the last at five
minutes, and in between in between); farther apart than five; and where nothing of how it winds was
seen (see `winding`)."""
AT_ONCE: Final = 1.0
"""How often somebody on the way stops [1/us] who is not to be believed to wander in a gap."""
WIDE_M: Final = 500.0
"""In a recording that tells moves alone a rest is at a place that is at most so far from it."""
GUESSED: Final = 0.2
"""By what share the length of a way that nobody saw is off, in the mean."""
USUAL_WINDING: Final = 0.06
"""By what share a way between fixes over two minutes apart is longer, where nothing is seen."""

MOVING, UNKNOWN, HALT = -1.0, -3.0, -2.0
# columns of `piece`: from, to [us], what (a place, MOVING, HALT, UNKNOWN), imputed (0, FILLED,
# STILL), both ends
# [m], mean error of the time at a place [us], way that may have been missed or invented [m],
# a mark: 0 nothing special, NOVEL, UNFAMILIAR, FLIGHT; and by what share the way is longer than
# the straight line
P_FROM, P_TO, P_WHAT, P_IMPUTED, P_AX, P_BX, P_SLACK, P_MISSED, P_MARK, P_WINDING = (
    0,
    1,
    2,
    3,
    4,
    7,
    10,
    11,
    12,
    13,
)
PIECE_COLUMNS: Final = 14
FILLED, STILL = 1.0, 2.0
"""Not recorded: filled in; or told by a recording that tells moves alone (`mobility_moves`)."""
NOVEL, UNFAMILIAR, FLIGHT = 1.0, 2.0, 3.0
"""At a place first seen on this day; at one not yet stayed at for half an hour; in the air."""


@compiled("f8(f8, f8, b1)")
def expected_away_us(gap_us: float, leave_per_us: float, closed: bool) -> float:
    """Return the mean time away in a gap that begins at a place, and ends there if `closed`.

    For leaving at `leave_per_us` and returning at `RETURN_PER_US`, with r their sum, p the share
    of time present in the long run and e = exp(-r gap): open, the time away is
    (1-p)(gap - (1-e)/r); closed, the time present is
    [p^2 gap + 2p(1-p)(1-e)/r + (1-p)^2 gap e] / [p + (1-p)e].
    """
    rate = leave_per_us + RETURN_PER_US
    stay = RETURN_PER_US / rate
    left = math.exp(-rate * gap_us)
    turn = (1.0 - left) / rate
    if not closed:
        return (1 - stay) * (gap_us - turn)
    present = stay * stay * gap_us + 2 * stay * (1 - stay) * turn
    present += (1 - stay) * (1 - stay) * gap_us * left
    return max(gap_us - present / (stay + (1 - stay) * left), 0.0)


@compiled("f8(f8, f8)")
def missed_way_m(gap_us: float, leave_per_us: float) -> float:
    """Return the way that may be missing from a gap with one place at both ends [m].

    The chance that the person left at all, times a round trip of 6 km.
    """
    rate = leave_per_us + RETURN_PER_US
    stay = RETURN_PER_US / rate
    never = math.exp(-leave_per_us * gap_us) / (stay + (1 - stay) * math.exp(-rate * gap_us))
    return max(1.0 - never, 0.0) * 6000.0


@compiled("f8(f8)")
def usual_us(way_m: float) -> float:
    """Return how long a way usually takes: on foot up to 500 m, ever faster up to 25 m/s."""
    speed = 1.4 if way_m <= 500.0 else min(1.4 * (way_m / 500.0) ** 0.6, 25.0)
    return way_m / speed * 1e6


@compiled("f8(f8[:, ::1], i8, i8)")
def between(node: Array, i: int, j: int) -> float:
    """Return the straight line [m] between two nodes."""
    return math.sqrt(
        (node[i, X] - node[j, X]) ** 2
        + (node[i, Y] - node[j, Y]) ** 2
        + (node[i, Z] - node[j, Z]) ** 2
    )


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, i8, f8, f8, f8, f8, f8, f8, f8[::1])")
def put(
    piece: Array,
    n: int,
    node: Array,
    i: int,
    j: int,
    start_us: float,
    end_us: float,
    what: float,
    imputed: float,
    slack_us: float,
    missed_m: float,
    span: Array,
) -> int:
    """Write a piece from node i to node j, cut to the span; return how many pieces there are."""
    low, high = max(start_us, span[0]), min(end_us, span[1])
    if not low < high or n >= piece.shape[0]:
        return n
    length = end_us - start_us
    a, b = (low - start_us) / length, (high - start_us) / length
    piece[n, P_FROM], piece[n, P_TO] = low, high
    piece[n, P_WHAT], piece[n, P_IMPUTED] = what, imputed
    for axis in range(3):
        step = node[j, axis] - node[i, axis]
        piece[n, P_AX + axis] = node[i, axis] + a * step
        piece[n, P_BX + axis] = node[i, axis] + b * step
    piece[n, P_SLACK], piece[n, P_MISSED] = slack_us * (b - a), missed_m * (b - a)
    piece[n, P_MARK], piece[n, P_WINDING] = 0.0, 0.0
    return n + 1


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, f8, f8, f8, f8, f8[::1])")
def put_stay(
    piece: Array,
    n: int,
    node: Array,
    i: int,
    start_us: float,
    end_us: float,
    slack_us: float,
    leave: float,
    span: Array,
) -> int:
    """Write a stretch without a fix at the place of node i; an error of NaN: the bridge's."""
    gap = end_us - start_us
    missed = 0.0
    if math.isnan(slack_us):
        slack_us, missed = expected_away_us(gap, leave, True), missed_way_m(gap, leave)
    imputed = 1.0 if gap > LONG_US else 0.0
    return put(piece, n, node, i, i, start_us, end_us, node[i, AT], imputed, slack_us, missed, span)


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, f8[::1], i8, f8, f8[::1])")
def put_node(
    piece: Array,
    n: int,
    node: Array,
    i: int,
    at_us: Array,
    count: int,
    leave: float,
    span: Array,
) -> int:
    """Write the time between a stay's first and last fix: in one piece, but for its gaps.

    `at_us` holds the instants of fixes; none where there is no gap to look for.
    """
    start = node[i, FROM]
    first, end = 0, count
    while first < end:
        middle = (first + end) // 2
        if at_us[middle] < start:
            first = middle + 1
        else:
            end = middle
    for k in range(first, count - 1):
        if at_us[k] >= node[i, TO]:
            break
        if at_us[k + 1] - at_us[k] > LONG_US:
            n = put(piece, n, node, i, i, start, at_us[k], node[i, AT], 0.0, 0.0, 0.0, span)
            n = put_stay(piece, n, node, i, at_us[k], at_us[k + 1], np.nan, leave, span)
            start = at_us[k + 1]
    return put(piece, n, node, i, i, start, node[i, TO], node[i, AT], 0.0, 0.0, 0.0, span)


@compiled("f8(f8[:, ::1], i8, i8, i8)")
def speed_m_per_s(node: Array, i: int, step: int, count: int) -> float:
    """Return the speed beyond a position on the way, 2 to 15 minutes on (or back); 0: not known."""
    j = i + step
    while 0 <= j < count:
        gap = node[j, FROM] - node[i, TO] if step > 0 else node[i, FROM] - node[j, TO]
        if gap > 15 * MINUTE_US:
            break
        if gap >= 2 * MINUTE_US or node[j, AT] >= 0:
            return float(between(node, i, j) / max(gap, MINUTE_US) * 1e6)
        j += step
    return 0.0


@compiled("f8(f8[:, ::1], i8, i8, i8)")
def pace_m_per_s(node: Array, i: int, step: int, count: int) -> float:
    """Return the speed along the way beyond a position, over up to half an hour; 0: not known.

    Up to a place, or to where no fix came for a quarter of an hour.
    """
    way, lasted, k = 0.0, 0.0, i
    while 0 <= k + step < count and lasted < LONG_US:
        late, early = max(k, k + step), min(k, k + step)
        gap = node[late, FROM] - node[early, TO]
        if node[k + step, AT] >= 0 or gap > 15 * MINUTE_US:
            break
        way, lasted, k = way + between(node, early, late), lasted + gap, k + step
    return way / lasted * 1e6 if lasted >= 2 * MINUTE_US else 0.0


@compiled("f8(f8[:, ::1], i8, i8, i8, i8)")
def aside(node: Array, i: int, j: int, step: int, count: int) -> float:
    """Return 1 - cos of the angle between the line from i to j and the way at one of its ends.

    The way at i (`step` -1) is that from the position before it, at j (1) that to the one after it,
    if these are on the way and less than two minutes off: a phone that records in bursts. 0 to 1;
    NaN where it is not known.
    """
    here = i if step < 0 else j
    beyond = here + step
    if beyond < 0 or beyond >= count or node[here, AT] >= 0 or node[beyond, AT] >= 0:
        return np.nan
    late, early = max(here, beyond), min(here, beyond)
    if node[late, FROM] - node[early, TO] > 2 * MINUTE_US:
        return np.nan
    dot, short, line = 0.0, between(node, early, late), between(node, i, j)
    for axis in range(3):
        dot += (node[late, axis] - node[early, axis]) * (node[j, axis] - node[i, axis])
    return min(1.0 - dot / (short * line), 1.0) if short > 0 and line > 0 else np.nan


@compiled("f8(f8[:, ::1], i8, i8, f8)")
def cut_corner(node: Array, i: int, count: int, noise_m: float) -> float:
    """Return by what share the way past a position shortens where that position is left out.

    From 0 (straight on) to 1 (back to where one came from), less what the scatter of the three
    positions makes of a straight way in the mean; NaN if the position is at a place, or farther
    than five minutes from the one before it or after it.
    """
    if i < 1 or i + 1 >= count or node[i, AT] >= 0:
        return np.nan
    gap = max(node[i, FROM] - node[i - 1, TO], node[i + 1, FROM] - node[i, TO])
    one, other = between(node, i - 1, i), between(node, i, i + 1)
    both = one + other
    if gap > 5 * MINUTE_US or one <= 0 or other <= 0:
        return np.nan
    scatter = noise_m * noise_m * (1 + (one * one + other * other) / (both * both))
    return 1.0 - between(node, i - 1, i + 1) / both - min(scatter / (2 * one * other), 0.05)


@compiled("f8(f8[:, ::1], i8, i8, i8, f8)")
def winding(node: Array, i: int, j: int, count: int, noise_m: float) -> float:
    """Return by what share the way between two nodes is longer than the straight line.

    Up to five minutes: streets are straight between corners, so what lines cut off grows with
    their length, and lines twice as long show what these cut off (Laube & Purves 2011,
    doi:10.1111/j.1467-9671.2011.01256.x): the mean of `cut_corner` at both ends.

    Longer: a line is the integral of the cosine of the angle between it and the way. At its ends
    the angle is seen, where fixes come in bursts; NaN where it is not.
    """
    gap = node[j, FROM] - node[i, TO]
    if gap > LONG_US:
        return np.nan
    if gap <= 5 * MINUTE_US:
        one, other = cut_corner(node, i, count, noise_m), cut_corner(node, j, count, noise_m)
    else:
        one, other = aside(node, i, j, -1, count), aside(node, i, j, 1, count)
    if math.isnan(one) and math.isnan(other) and gap <= 2 * MINUTE_US:
        return 0.0
    if math.isnan(one):
        return other
    return one if math.isnan(other) else 0.5 * (one + other)


@compiled("f8(f8, f8, f8)")
def moving_us(gap_us: float, leave_per_us: float, stop_per_us: float) -> float:
    """Return the mean time on the way in a gap with somebody on the way at both ends.

    The bridge of `expected_away_us` with its states exchanged: stopping at `stop_per_us`, going on
    at `leave_per_us`.
    """
    rate = leave_per_us + stop_per_us
    go = leave_per_us / rate
    left = math.exp(-rate * gap_us)
    turn = (1.0 - left) / rate
    going = go * go * gap_us + 2 * go * (1 - go) * turn + (1 - go) * (1 - go) * gap_us * left
    return min(going / (go + (1 - go) * left), gap_us)


@compiled("f8(f8, f8, f8)")
def under_way_us(gap_us: float, leave_per_us: float, stop_per_us: float) -> float:
    """Return the mean time on the way in a gap with somebody on the way at one of its ends only.

    The integral of P(rest, on the way; s) P(on the way, on the way; gap - s), over
    P(rest, on the way; gap), of the same chain.
    """
    rate = leave_per_us + stop_per_us
    go = leave_per_us / rate
    left = math.exp(-rate * gap_us)
    turn = (1.0 - left) / rate
    going = go * gap_us + (1 - 2 * go) * turn - (1 - go) * gap_us * left
    return min(max(going / (1.0 - left), 0.0), gap_us)


@compiled("void(f8[:, ::1], i8, i8, i8, f8, f8, f8, f8, f8, f8[::1])")
def link(
    node: Array, i: int, j: int, count: int, gap: float, way: float, noise_m: float,
    leave: float, stop: float, out: Array,
) -> None:  # fmt: skip
    """Set how long the way between two nodes took [us], by what share it was longer, its error [m].

    Also, where it led from or to a place, the error of when it began or ended [us]: it may have
    been no straight way, and have taken what ways of this person usually take.

    In a gap with somebody on the way at both ends it goes on at the mean pace of both (0 where it
    is not known) for as long as somebody is on the way who stops as often (`stop` [1/us]), and
    goes on as often (`leave`), as this person so far; at least along the straight line.
    """
    left, came = node[i, AT] >= 0, node[j, AT] >= 0
    out[0], out[1] = min(gap, usual_us(way)), winding(node, i, j, count, noise_m)
    wide = max(gap / MINUTE_US - 1.0, 0.0) / 4
    out[2] = way * (WAY_OFF_WIDE if wide > 1 else WAY_OFF + wide * (WAY_OFF_BLIND - WAY_OFF))
    if math.isnan(out[1]):
        out[1], out[2] = USUAL_WINDING, way * WAY_OFF_BLIND
    if left != came:
        speed = speed_m_per_s(node, j, 1, count) if left else speed_m_per_s(node, i, -1, count)
        if speed > 0.5:
            out[0] = min(gap, way / speed * 1e6)
        usual = under_way_us(gap, leave, stop) if gap > LONG_US else 0.0
        out[3] = 0.1 * (gap - out[0]) + 0.5 * max(usual - out[0], 0.0)
    elif not left and gap <= LONG_US:
        out[0] = gap
    elif not left:
        goes = moving_us(gap, leave, stop)
        back, on = pace_m_per_s(node, i, -1, count), pace_m_per_s(node, j, 1, count)
        pace = 0.5e-6 * (back + on)
        if pace * goes > way * (1 + USUAL_WINDING) and way > 0:
            out[0], out[1] = max(out[0], goes), pace * goes / way - 1.0
            out[2] = GUESSED * pace * goes + 0.5 * pace * min(gap - goes, goes)


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, i8, i8, f8, f8, f8, f8[::1])")
def put_link(
    piece: Array,
    n: int,
    node: Array,
    i: int,
    j: int,
    count: int,
    leave: float,
    stop: float,
    noise_m: float,
    span: Array,
) -> int:
    """Write what happened between two nodes that follow each other."""
    start, end = node[i, TO], node[j, FROM]
    gap, way = end - start, between(node, i, j)
    if gap <= 0:
        return n
    if gap > BRIDGE_US:
        return put(piece, n, node, i, j, start, end, UNKNOWN, 0.0, 0.5 * gap, 0.0, span)
    left, came = node[i, AT] >= 0, node[j, AT] >= 0
    if left and node[i, AT] == node[j, AT]:
        return put_stay(piece, n, node, i, start, end, np.nan, leave, span)
    flight = way > FLIGHT_M and way > FLIGHT_M_PER_S * 1e-6 * gap
    told = np.zeros(4)
    told[0] = gap
    if not flight:
        link(node, i, j, count, gap, way, noise_m, leave, stop, told)
    takes, longer, missed = told[0], told[1], told[2]
    rest = gap - takes
    leaves = start + (rest if not came else 0.5 * rest)
    if not left:
        leaves = start if came else start + 0.5 * rest
    arrives = leaves + takes
    slack = 0.25 * rest if left == came else told[3]
    imputed = 1.0 if gap > LONG_US else 0.0
    before, after = node[i, AT] if left else HALT, node[j, AT] if came else HALT
    n = put(piece, n, node, i, i, start, leaves, before, imputed, slack, 0.0, span)
    way_at = n
    n = put(piece, n, node, i, j, leaves, arrives, MOVING, imputed, 0.0, missed, span)
    if n > way_at:
        piece[way_at, P_MARK] = FLIGHT if flight else 0.0
        piece[way_at, P_WINDING] = longer
    return put(piece, n, node, j, j, arrives, end, after, imputed, slack, 0.0, span)


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, f8, f8, f8, f8[::1])")
def put_edge(
    piece: Array,
    n: int,
    node: Array,
    i: int,
    start_us: float,
    end_us: float,
    leave: float,
    span: Array,
) -> int:
    """Write the time before the first node (`end_us` is its beginning) or after the last."""
    if not start_us < end_us:
        return n
    gap, after = end_us - start_us, start_us >= node[i, TO]
    reach = min(gap, REACH_US if node[i, AT] >= 0 else LONG_US)
    what = node[i, AT] if node[i, AT] >= 0 else HALT
    imputed = 1.0 if reach > LONG_US else 0.0
    slack = expected_away_us(reach, leave, False) if node[i, AT] >= 0 else 0.5 * reach
    missed = missed_way_m(reach, leave) if node[i, AT] >= 0 else 0.0
    middle = start_us + reach if after else end_us - reach
    lost = 0.5 * (gap - reach)
    if after:
        n = put(piece, n, node, i, i, start_us, middle, what, imputed, slack, missed, span)
        return put(piece, n, node, i, i, middle, end_us, UNKNOWN, 0.0, lost, 0.0, span)
    n = put(piece, n, node, i, i, start_us, middle, UNKNOWN, 0.0, lost, 0.0, span)
    return put(piece, n, node, i, i, middle, end_us, what, imputed, slack, missed, span)


@compiled("i8(f8[:, ::1], i8, f8)")
def thinned(node: Array, count: int, step_m: float) -> int:
    """Drop positions on the way that lie within `step_m` of the one kept before: noise adds way."""
    kept = 0
    for i in range(count):
        near = node[i, AT] < 0 and kept > 0 and node[kept - 1, AT] < 0
        near = near and i + 1 < count and between(node, i, kept - 1) < step_m
        if near and node[i + 1, FROM] - node[kept - 1, TO] <= LONG_US:
            continue
        for column in range(6):
            node[kept, column] = node[i, column]
        kept += 1
    return kept
