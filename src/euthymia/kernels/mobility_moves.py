"""Recordings that tell moves alone: a fix after some 500 m, and none where the phone lies still.

So do iPhones by "significant-change location updates" (a fix once the phone has moved by 500 m or
more, at most one in five minutes). Their silence is no gap: it says that the person stayed within
that distance of the last fix until shortly before the next one. It is read so where the follow-up
so far has shown that silences end a stride away from where they began, not at the same place (as
they do where a phone dozes or is off) and not far off (where it was off on the way).
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.mobility_fixes import BIN_US, EARTH_M, SPIKE_M_PER_S, squared
from euthymia.kernels.mobility_follow import BROKEN, KNOWN, LAST_FIX, LAST_X, STRIDES
from euthymia.kernels.mobility_pieces import (
    AT_ONCE,
    FLIGHT,
    GUESSED,
    HALT,
    LONG_US,
    MOVING,
    P_AX,
    P_BX,
    P_FROM,
    P_IMPUTED,
    P_MARK,
    P_MISSED,
    P_SLACK,
    P_TO,
    P_WHAT,
    STILL,
    UNKNOWN,
    WIDE_M,
    missed_way_m,
    put,
    put_edge,
    put_link,
    put_node,
    usual_us,
)
from euthymia.kernels.mobility_stays import AT, DWELL, FROM, MIN_STAY_US, MINUTE_US, TO, far

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

STRIDE_M: Final = 300.0
"""Fixes of such a recording are farther apart than this: 500 m less what both are off."""
FAR_M: Final = 1000.0
"""A fix after a silence that is farther off was no departure: the phone was off."""
REST_US: Final = 14 * 1440 * MINUTE_US
"""A silence is read for so long: who stays in for days makes no fix."""
OFF_US: Final = 15 * MINUTE_US
"""Within this time before the fix that ends a silence the person left."""
COARSEST_M: Final = 3000.0
"""A fix of no use that is no worse than this still says near which places somebody was."""
OTHERS_US: Final = 480 * MINUTE_US
"""So much time somewhere near a coarse fix, but at none of the known places, is reckoned with."""
FADES: Final = 0.9
"""What each day leaves of what the days before it said of the kind of recording."""
LEAST, ENOUGH = 3.0, 50.0
"""So much, and five times what speaks against it, must speak for such a recording: where fixes
are lost without a trace, some silences seem to be rests and are none. No more than the other is
counted against it."""
UNSEEN: Final = 0.12
"""Ways within the distance that makes a fix, for each that is seen: one in nine. A judgement."""
UNSEEN_US: Final = 25 * MINUTE_US
"""How long such a one takes, there and back. A judgement."""


@compiled("i8(i8[::1], f8, f8, f8, f8[::1])")
def longest_silence(time: Ints, last_us: float, start: float, end: float, out: Array) -> int:
    """Set [from, to) of the longest time without any fix, usable or not, from `start` to `end`.

    `last_us` is when the last fix of the day before was. Returns which fix it follows; -1: that
    one, -2: what was at `start`.
    """
    at, after, found = start, -2, -2
    out[0], out[1] = start, start
    if start < last_us < end:
        out[1] = at = last_us
        after = -1
    for k in range(np.searchsorted(time, int(start)), time.size):
        if time[k] >= end:
            break
        if time[k] - at > out[1] - out[0]:
            out[0], out[1], found = at, time[k], after
        at, after = max(at, float(time[k])), k
    if end - at > out[1] - out[0]:
        out[0], out[1], found = at, end, after
    return found if out[0] - start > BIN_US else -2


@compiled("f8(f8, f8)")
def reach_m(silent_to: float, seen_us: float) -> float:
    """Return how far from its beginning a silence may end, if the next usable fix comes later."""
    return FAR_M + 2 * SPIKE_M_PER_S * 1e-6 * (seen_us - silent_to)


@compiled("void(f8[::1], f8[:, ::1], i8, f8, i8[::1], f8[::1])")
def note_strides(
    at_us: Array, position: Array, count: int, longest_us: float, time: Ints, tally: Array
) -> None:
    """Note in `tally` what a day says of the kind of recording.

    How many silences of over half an hour ended a stride away (`STRIDES`), and what such a
    recording does not have (`BROKEN`): fixes at one place and none between, silences that end far
    off, days without a silence (a whole one counts as ten).
    """
    tally[STRIDES] *= FADES
    tally[BROKEN] *= FADES
    if longest_us <= LONG_US:
        tally[BROKEN] += (at_us[count - 1] - at_us[0]) / (144 * MINUTE_US)
        return
    quiet = np.empty(2)
    for k in range(count - 1):
        if tally[BROKEN] >= ENOUGH:
            return
        way, gap = math.sqrt(squared(position, k, position, k + 1)), at_us[k + 1] - at_us[k]
        if way > STRIDE_M and gap <= LONG_US:
            continue
        quiet[0], quiet[1] = at_us[k], at_us[k + 1]
        after = -2
        if gap > 2 * BIN_US:
            after = longest_silence(time, tally[LAST_FIX], at_us[k], at_us[k + 1], quiet)
        silent = quiet[1] - quiet[0]
        if way <= STRIDE_M:
            tally[BROKEN] += 1.0 if silent > gap - 2 * BIN_US else 0.0
        elif silent > LONG_US and after == -2:
            tally[STRIDES if way <= reach_m(quiet[1], at_us[k + 1]) else BROKEN] += 1.0


@compiled("b1(f8[::1])")
def tells_moves(tally: Array) -> bool:
    """Say whether the follow-up so far is a recording that tells moves alone."""
    return bool(tally[STRIDES] >= LEAST + 5.0 * tally[BROKEN])


@compiled("void(f8, f8, f8, f8[::1])")
def put_coarse(latitude: float, longitude: float, accuracy: float, out: Array) -> None:
    """Set `out` to the position of a fix of no use [m] and its accuracy [m], NaN if it is none."""
    out[3] = accuracy
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0) or latitude == longitude == 0.0:
        out[3] = np.nan
    lat, lon = math.radians(latitude), math.radians(longitude)
    out[0] = EARTH_M * math.cos(lat) * math.cos(lon)
    out[1] = EARTH_M * math.cos(lat) * math.sin(lon)
    out[2] = EARTH_M * math.sin(lat)


@compiled("void(f8[::1], f8, f8, f8, f8)")
def note_last(
    tally: Array, at_us: float, latitude: float, longitude: float, accuracy: float
) -> None:
    """Note in `tally` the last fix of a day, of use or not."""
    tally[LAST_FIX] = at_us
    put_coarse(latitude, longitude, accuracy, tally[LAST_X:])


@compiled("i8(f8[:, ::1], i8, f8[::1], f8[:, ::1], i8, f8, f8[::1])")
def likely_place(
    place: Array, known: int, coarse: Array, position: Array, after: int, reach: float,
    doubt: Array,
) -> int:  # fmt: skip
    """Return the place of most time near a coarse fix, and near where the silence ends; -1: none.

    The latter is position `after` (-1: none), `reach` [m]. `doubt[0]` is set to the share of the
    time at all such places, and eight hours at others, that was not spent there.
    """
    best, total = -1, OTHERS_US
    if not coarse[3] <= COARSEST_M:
        return best
    for c in range(known):
        far_off = far(place, c, coarse[0], coarse[1], coarse[2]) > WIDE_M + 1.5 * coarse[3]
        if far_off or (after >= 0 and math.sqrt(squared(place, c, position, after)) > reach):
            continue
        total += place[c, DWELL]
        best = c if best < 0 or place[c, DWELL] > place[best, DWELL] else best
    doubt[0] = 1.0 - place[best, DWELL] / total if best >= 0 else 1.0
    return best


@compiled("i8(f8[::1], f8[:, ::1], i8, f8[:, ::1], i8, f8, f8)")
def put_rest(
    out_us: Array, out: Array, n: int, spot: Array, which: int, from_us: float, to_us: float
) -> int:
    """Put a rest at row `which` of `spot`, as two positions; return how many positions there are.

    Where the first is that of a fix before it already, it is passed over.
    """
    for nth in range(2):
        at = from_us if nth == 0 else to_us
        if n > 0 and at <= out_us[n - 1]:
            continue
        out_us[n] = at
        for axis in range(3):
            out[n, axis] = spot[which, axis]
        n += 1
    return n


@compiled(
    "i8(f8[::1], f8[:, ::1], i8, i8[::1], f8[::1], f8[::1], f4[::1], f8[:, ::1], f8[::1], f8,"
    " f8[::1], f8[:, ::1], f8[:, ::1])"
)
def with_rests(
    at_us: Array, position: Array, count: int, time: Ints, latitude: Array, longitude: Array,
    accuracy: Array, place: Array, tally: Array, end_us: float, out_us: Array,
    out: Array, unsure: Array,
) -> int:  # fmt: skip
    """Copy a day's positions, with what the silence after them says of where somebody rested.

    A rest is put at the position before it, up to `OFF_US` before the next fix; after the last
    fix, for as long as makes a stay. Where a fix of no use came last, the person rested at the
    likeliest place near it, if there is one; `unsure` takes from, to [us] and the chance that it
    was not, and a last row of NaN. No rest where the next fix is too far off, or the way to it
    leaves less than ten minutes. Returns how many positions there are.
    """
    n, doubts, quiet, doubt, coarse = 0, 0, np.empty(2), np.empty(1), np.empty(4)
    known = int(tally[KNOWN])
    for k in range(count):
        n = put_rest(out_us, out, n, position, k, at_us[k], at_us[k])
        last = k + 1 == count
        until = max(end_us, at_us[k]) if last else at_us[k + 1]
        if until - at_us[k] < MIN_STAY_US:
            continue
        which, spot = longest_silence(time, tally[LAST_FIX], at_us[k], until, quiet), k
        reach, way = reach_m(quiet[1], until), 0.0
        if which >= 0:
            put_coarse(latitude[which], longitude[which], accuracy[which], coarse)
        elif which == -1:
            for i in range(4):
                coarse[i] = tally[LAST_X + i]
        if which >= -1:
            spot = likely_place(place, known, coarse, position, -1 if last else k + 1, reach, doubt)
        if spot < 0:
            continue
        if not last:
            source = position if which == -2 else place
            way = math.sqrt(squared(source, spot, position, k + 1))
        if way > reach or quiet[1] - quiet[0] - usual_us(way) < MIN_STAY_US:
            continue
        rests_to = quiet[0] + MIN_STAY_US
        if not last:
            rests_to = max(rests_to, quiet[1] - OFF_US)
        if which == -2:
            n = put_rest(out_us, out, n, position, spot, rests_to, rests_to)
        else:
            n = put_rest(out_us, out, n, place, spot, quiet[0], rests_to)
            unsure[doubts, 0], unsure[doubts, 1], unsure[doubts, 2] = quiet[0], quiet[1], doubt[0]
            doubts += 1
    unsure[doubts, 0] = np.nan
    return n


@compiled("f8(f8, f8)")
def unseen_us(rest_us: float, leave_per_us: float) -> float:
    """Return the mean time spent within the distance that makes a fix, but not at the place."""
    return rest_us * UNSEEN * leave_per_us / (UNSEEN * leave_per_us + 1 / UNSEEN_US)


@compiled("void(f8[:, ::1], i8, i8, f8[:, ::1])")
def add_doubts(piece: Array, first: int, n: int, unsure: Array) -> None:
    """Add to the error of each rest from `first` on what its place was in doubt."""
    for k in range(first, n):
        d = 0
        while not math.isnan(unsure[d, 0]):
            both = min(piece[k, P_TO], unsure[d, 1]) - max(piece[k, P_FROM], unsure[d, 0])
            if piece[k, P_WHAT] >= 0 and both > 0:
                piece[k, P_SLACK] += unsure[d, 2] * both
                piece[k, P_IMPUTED] = STILL
            d += 1


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, f8, f8, f8[::1], f8, f8[:, ::1], f8[::1])")
def rest_pieces(
    piece: Array, n: int, node: Array, nodes: int, leave: float, noise: float, tally: Array,
    last_us: float, unsure: Array, span: Array,
) -> int:  # fmt: skip
    """Write a day of such a recording without holes; return how many pieces there are.

    As `day_pieces` does, but a rest is no gap: its error is what may have been done within the
    distance that makes a fix, and the doubt which place it was at. After the last fix (`last_us`,
    of use or not) the chance that the recording had ended is that of silences so far that told
    nothing. Halts that no rest explains are not known. With five minutes or more between fixes a
    way is hardly seen: its error is that of a way that nobody saw.
    """
    none = np.empty(0)
    n = put_edge(piece, n, node, 0, span[0], node[0, FROM], leave, span)
    first, last = n, nodes - 1
    for i in range(nodes):
        if node[i, TO] > node[i, FROM]:
            n = put_node(piece, n, node, i, none, 0, leave, span)
        if i < last:
            n = put_link(piece, n, node, i, i + 1, nodes, leave, AT_ONCE, noise, span)
    for k in range(first, n):
        length = piece[k, P_TO] - piece[k, P_FROM]
        if piece[k, P_WHAT] == MOVING and piece[k, P_MARK] != FLIGHT:
            way = (piece[k, P_BX] - piece[k, P_AX]) ** 2
            for axis in (1, 2):
                way += (piece[k, P_BX + axis] - piece[k, P_AX + axis]) ** 2
            piece[k, P_MISSED] = GUESSED * math.sqrt(way)
        elif piece[k, P_WHAT] == HALT and piece[k, P_IMPUTED] > 0:
            piece[k, P_WHAT], piece[k, P_IMPUTED] = UNKNOWN, 0.0
            piece[k, P_SLACK], piece[k, P_MISSED] = 0.5 * length, 0.0
        elif piece[k, P_WHAT] >= 0 and piece[k, P_IMPUTED] == 0.0 and length > LONG_US:
            piece[k, P_IMPUTED] = STILL
            piece[k, P_SLACK] += unseen_us(length, leave)
    end, start = span[1], node[last, TO]
    gap = max(end - start, 0.0)
    if last_us - start > BIN_US:  # nobody knows where that fix was
        n = put(piece, n, node, last, last, start, end, UNKNOWN, 0.0, 0.5 * gap, 0.0, span)
    elif node[last, AT] < 0:
        n = put_edge(piece, n, node, last, start, end, leave, span)
    else:
        ended = (tally[BROKEN] + 1.0) / (tally[STRIDES] + tally[BROKEN] + 2.0)
        slack = unseen_us(gap, leave) + ended * gap
        n = put(piece, n, node, last, last, start, end, node[last, AT], STILL, slack,
                ended * missed_way_m(gap, leave), span)  # fmt: skip
    add_doubts(piece, first, n, unsure)
    return n
