"""Long gaps filled with what the same person did at the same hours of days alike.

A person's own history says where somebody was who is not on record: at work at eleven on a
Tuesday, at home at four in the morning. Barnett & Onnela 2020 (doi:10.1093/biostatistics/kxy059)
draw flights and pauses from it at random; here every half hour of a gap is given to the place that
is likeliest there, so that the same data give the same numbers, and the chance that it was another
one is told as an error.

The chance is a weighted share of the days before, of the last four weeks, that are on record at
that half hour. A day weighs more the more of its half hours agree with those of this day, and four
times less where one is a weekday and the other is not. What the ends of the gap say (see
`mobility_pieces`) is weighed in like days of its own, the fewer the farther the ends are; where
they are two places, both speak, and the way between them was begun at any instant alike. Days
tell less of an hour that most of them have no record of. Only what was recorded counts as history,
never what was filled in.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.mobility_follow import ROUTINE_DAYS, SIGNIFICANT_US, SLOTS, slot_places
from euthymia.kernels.mobility_pieces import (
    FILLED,
    FLIGHT,
    GUESSED,
    MOVING,
    NOVEL,
    P_AX,
    P_BX,
    P_FROM,
    P_IMPUTED,
    P_MARK,
    P_MISSED,
    P_SLACK,
    P_TO,
    P_WHAT,
    P_WINDING,
    PIECE_COLUMNS,
    UNFAMILIAR,
    UNKNOWN,
    USUAL_WINDING,
    usual_us,
)
from euthymia.kernels.mobility_stays import DWELL, MINUTE_US, SINCE

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SHORTEST_US: Final = 180 * MINUTE_US
"""A shorter gap stays as its ends say."""
OTHER_PART: Final = 0.25
"""What a weekday tells of a day of the weekend, and the other way round."""
LEAST_DAYS: Final = 1.5
"""Weight of days that must speak for a place where the ends of the gap say nothing."""
END_DAYS, END_US, END_LEAST = 8.0, 90 * MINUTE_US, 0.5
"""How many days an end of the gap is worth at the gap's edge; how fast it fades, and to what."""
FARTHEST_M: Final = 20_000.0
"""A way that may have been missed counts for no more than this, there and back."""
NEAR_M, FASTEST_M_PER_US = 300.0, 15e-6
"""From the ends of a gap somebody gets no faster to a place that is farther than this."""
TOGETHER: Final = 0.7
"""So much of the half hours' mean errors is left in their sum: some cancel."""
MOST: Final = 16  # places that are thought of in a gap
CHANGE: Final = 2.0
"""What a change of place must gain [nats]: it is about one in eight half hours."""
SLOT_PIECES: Final = 2 * SLOTS + 4  # pieces that a day can have more when it is filled
CHOICE, SURE, AT_HOME, SECOND = 0, 1, 2, 3  # columns of what is thought of a half hour


@compiled("b1(f8[:, ::1], i8)")
def is_open(piece: Array, k: int) -> bool:
    """Tell whether nothing was recorded in a piece."""
    return bool(piece[k, P_WHAT] == UNKNOWN or piece[k, P_IMPUTED] == FILLED)


@compiled("b1(f8[:, ::1], i8, i8)")
def flown(piece: Array, k: int, j: int) -> bool:
    """Tell whether there is a flight among pieces k to j - 1."""
    found = False
    for i in range(k, j):
        found = found or piece[i, P_MARK] == FLIGHT
    return found


@compiled("void(f8[:, ::1], i8, i8, f8[::1], i8[::1])")
def seen_places(piece: Array, low: int, high: int, slot_us: Array, slot: Ints) -> None:
    """Do as `slot_places`, -3 too where nothing was recorded."""
    slot_places(piece, low, high, slot_us, slot)
    k = low
    for s in range(SLOTS):
        while k < high and piece[k, P_TO] <= slot_us[s]:
            k += 1
        if k < high and is_open(piece, k):
            slot[s] = -3


@compiled("f8(i8[:, ::1], i8[::1], i8, i8[::1], i8, f8[::1])")
def weigh_days(seen: Ints, grid_day: Ints, held: int, slot: Ints, day: int, weight: Array) -> float:
    """Set what each day before tells of this one: 1 where nothing is to be compared."""
    total, weekend = 0.0, (day + 3) % 7 >= 5
    for row in range(held):
        weight[row] = 0.0
        if grid_day[row] >= day or grid_day[row] < day - ROUTINE_DAYS:
            continue
        known, same = 0, 0
        for s in range(SLOTS):
            if slot[s] >= 0 and seen[row, s] >= 0:
                known += 1
                same += 1 if slot[s] == seen[row, s] else 0
        alike = ((grid_day[row] + 3) % 7 >= 5) == weekend
        weight[row] = (2.0 * (same + 1) / (known + 2)) ** 3 * (1.0 if alike else OTHER_PART)
        total += weight[row]
    return total


@compiled("f8(f8[:, ::1], i8, f8[::1], i8)")
def apart_m(piece: Array, k: int, point: Array, column: int) -> float:
    """Return the straight line from a point to where piece k begins (P_AX) or ends (P_BX) [m]."""
    total = 0.0
    for axis in range(3):
        total += (piece[k, column + axis] - point[axis]) ** 2
    return math.sqrt(total)


@compiled("void(i8[:, ::1], i8, i8, f8[:, ::1], f8[:, ::1], i8, i8, f8, f8, i8[::1])")
def reachable(
    seen: Ints, held: int, s: int, place: Array, room: Array, k: int, j: int, after_us: float,
    before_us: float, where: Ints,
) -> None:  # fmt: skip
    """Set where each day before was in half hour s; -1 where nobody can be in the gap's time.

    The gap is that of pieces k to j - 1, `after_us` before the half hour's middle it began and
    `before_us` after it ends.
    """
    for row in range(held):
        at = where[row] = max(seen[row, s], -1)
        if at < 0:
            continue
        if k > 0 and room[k - 1, P_WHAT] != UNKNOWN:
            far = apart_m(room, k - 1, place[at], P_BX)
            at = at if far <= NEAR_M + FASTEST_M_PER_US * after_us else -1
        if at >= 0 and j < room.shape[0]:
            far = apart_m(room, j, place[at], P_AX)
            at = at if far <= NEAR_M + FASTEST_M_PER_US * before_us else -1
        where[row] = at


@compiled("i8(i8[::1], i8, i8)")
def listed(some: Ints, count: int, what: int) -> int:
    """Return at which place of a list something stands; -1 if it is not there."""
    for c in range(count):
        if some[c] == what:
            return c
    return -1


@compiled("void(i8[:, ::1], i8, f8[::1], f8[::1])")
def mostly_seen(seen: Ints, held: int, weight: Array, ample: Array) -> None:
    """Set `ample` to the weight of the days of which most half hours are on record, else to 0."""
    for row in range(held):
        dark = 0
        for s in range(SLOTS):
            dark += 1 if seen[row, s] == -3 else 0
        ample[row] = weight[row] if 2 * dark < SLOTS else 0.0


@compiled("f8(i8[:, ::1], i8, i8, f8[::1], f8[::1])")
def heard(seen: Ints, held: int, s: int, weight: Array, ample: Array) -> float:
    """Return by what share the days on record in half hour s are believed.

    1, unless more days have no record of it though most of them is on record (`ample`): who is on
    record at night only when out, with a telephone that is off when at home, is not out always.
    """
    known = dark = 0.0
    for row in range(held):
        dark += ample[row] if seen[row, s] == -3 else 0.0
        known += weight[row] if seen[row, s] != -3 else 0.0
    return known / dark if known < dark else 1.0


@compiled("void(f8, f8, f8, f8, f8, f8, f8[::1])")
def ends_say(
    before: float, after: float, written: float, first: float, last: float, middle: float,
    told: Array,
) -> None:  # fmt: skip
    """Set where the ends of a gap say that somebody was at an instant, and how many days that is.

    `told` takes a place (below 0: none) and its days, and another place and its days. With two
    places at the ends the way between them was begun at any instant alike: the chance that it was
    is the share of the gap that is over. Else they say what is written there already. `before` and
    `after`, below 0 where not known, are known but for the edges of a recording.
    """
    away = last - first
    if before != UNKNOWN:
        away = min(away, middle - first)
    if after != UNKNOWN:
        away = min(away, last - middle)
    days = END_LEAST + END_DAYS * math.exp(-away / END_US)
    told[0], told[1], told[2], told[3] = written, days, -1.0, 0.0
    if before >= 0 and after >= 0 and before != after:
        over = (middle - first) / (last - first)
        told[0], told[1], told[2], told[3] = before, days * (1 - over), after, days * over


@compiled("i8(i8[::1], f8[::1], f8, f8[::1], i8[::1], i8, f8[::1])")
def judge(
    where: Ints, weight: Array, heard_by: float, ends: Array, some: Ints, count: int,
    chance: Array,
) -> int:  # fmt: skip
    """Set the chance of each place in `some` in a half hour; return how many there are now.

    `where` says where the days before were then (-1: not known), `weight` what they tell, of
    which the share `heard_by` counts, `ends` what `ends_say` tells. A last number, at
    `chance[MOST]`, is all that was weighed.
    """
    total = 0.0
    for c in range(MOST + 1):
        chance[c] = 0.0
    for row in range(-2, where.size):
        what = int(ends[4 + 2 * row]) if row < 0 else where[row]
        if what < 0:
            continue
        worth = ends[5 + 2 * row] if row < 0 else heard_by * weight[row]
        at = listed(some, count, what)
        if at < 0 and count < MOST:
            some[count], at = what, count
            count += 1
        total += worth
        if at >= 0:
            chance[at] += worth
    chance[MOST] = total
    for c in range(MOST):
        chance[c] = (chance[c] + 0.02) / (total + 0.2)
    return count


@compiled("void(f8[:, ::1], i8, i8[::1], i8, f8, f8, i8[::1])")
def likeliest(
    chance: Array, found: int, some: Ints, count: int, before: float, after: float, course: Ints
) -> None:
    """Set the course of places over `found` half hours that is likeliest as a whole (Viterbi).

    Of all courses that of the largest product of chances, each change of place counting `CHANGE`;
    `before` and `after` are the places at the ends of the gap (below 0: none is known).
    """
    score, came = np.zeros(count), np.zeros((found, count), np.int64)
    for c in range(count):
        score[c] = 0.0 if before < 0 or some[c] == before else -CHANGE
    fresh = np.empty(count)
    for i in range(found):
        best = 0
        for c in range(count):
            best = c if score[c] > score[best] else best
        for c in range(count):
            stays = i == 0 or score[c] >= score[best] - CHANGE
            came[i, c] = c if stays else best
            fresh[c] = (score[c] if stays else score[best] - CHANGE) + math.log(chance[i, c])
        for c in range(count):
            score[c] = fresh[c]
    at = 0
    for c in range(count):
        score[c] -= 0.0 if after < 0 or some[c] == after else CHANGE
        at = c if score[c] > score[at] else at
    for i in range(found - 1, -1, -1):
        course[i] = at
        at = came[i, at]


@compiled("i8(f8[:, ::1], i8, f8, f8, f8, f8[::1], f8[::1], f8, f8)")
def write(
    piece: Array, n: int, start: float, end: float, what: float, a: Array, b: Array,
    slack: float, missed: float,
) -> int:  # fmt: skip
    """Write a piece that is filled in, from point a to point b; return how many there are."""
    if not start < end or n >= piece.shape[0]:
        return n
    piece[n, P_FROM], piece[n, P_TO], piece[n, P_WHAT] = start, end, what
    piece[n, P_IMPUTED] = 0.0 if what == UNKNOWN else 1.0
    for axis in range(3):
        piece[n, P_AX + axis], piece[n, P_BX + axis] = a[axis], b[axis]
    piece[n, P_SLACK], piece[n, P_MISSED] = slack, missed
    piece[n, P_MARK], piece[n, P_WINDING] = 0.0, USUAL_WINDING if what == MOVING else 0.0
    return n + 1


@compiled("void(f8[::1], i8, i8[::1], i8, i8, f8, f8, f8[::1])")
def conclude(
    chance: Array, at: int, some: Ints, count: int, at_home: int, before: float, after: float,
    thought: Array,
) -> None:  # fmt: skip
    """Set what is thought of a half hour that was given to place `at` of `some`.

    `SECOND` is where somebody may have been whose way there would be missing: not the other end of
    the gap (`before`, `after`), to which a way leads in any case.
    """
    other, sure = -1, chance[at]
    for c in range(count):
        if c == at:
            continue
        if (some[at] == before and some[c] == after) or (some[at] == after and some[c] == before):
            sure += chance[c]
        elif other < 0 or chance[c] > chance[other]:
            other = c
    spare = 0.08 / (chance[MOST] + 0.2)  # half of what is left for chance
    thought[CHOICE], thought[SURE] = some[at], sure
    thought[AT_HOME] = spare + (chance[at_home] if at_home >= 0 else 0.0)
    thought[SECOND] = some[other] if other >= 0 else -1.0


@compiled(
    "i8(f8[:, ::1], i8, i8, f8[::1], f8[::1], f8[:, ::1], i8[:, ::1], f8[::1], f8[::1], i8, i8,"
    " f8, f8[:, ::1], f8[:, ::1])"
)
def judge_gap(
    room: Array, k: int, j: int, slot_us: Array, span: Array, place: Array, seen: Ints,
    weight: Array, ample: Array, held: int, home: int, before_us: float, thought: Array,
    edge: Array,
) -> int:  # fmt: skip
    """Judge the half hours of the gap that pieces k to j - 1 make; return how many there are.

    0 where a half hour of a way is one that history says nothing of: the way is to stay. `edge`
    takes from when to when [us] each lasts, `thought` what is thought of it.
    """
    found, count, m, last = 0, 0, k, room[j - 1, P_TO]
    began = k == 0 and room[0, P_WHAT] >= 0 and before_us < room[0, P_FROM]  # before this unit
    first = before_us if began else room[k, P_FROM]
    before = room[k - 1, P_WHAT] if k > 0 else room[0, P_WHAT] if began else UNKNOWN
    after = room[j, P_WHAT] if j < room.shape[0] else UNKNOWN
    where, some = np.empty(seen.shape[0], np.int64), np.empty(MOST, np.int64)
    chance, ends = np.empty((SLOTS, MOST + 1)), np.empty(4)
    for s in range(SLOTS):
        low = span[0] if s == 0 else 0.5 * (slot_us[s - 1] + slot_us[s])
        high = span[1] if s == SLOTS - 1 else 0.5 * (slot_us[s] + slot_us[s + 1])
        low, high = max(low, room[k, P_FROM]), min(high, last)
        if not low < high:
            continue
        middle = 0.5 * (low + high)
        while m + 1 < j and room[m, P_TO] <= middle:
            m += 1
        ends_say(before, after, room[m, P_WHAT], first, last, middle, ends)
        reachable(seen, held, s, place, room, k, j, middle - first, last - middle, where)
        believed = heard(seen, held, s, weight, ample)
        count = judge(where[:held], weight, believed, ends, some, count, chance[found])
        thought[found, CHOICE] = room[m, P_WHAT] if room[m, P_WHAT] >= 0 else UNKNOWN
        thought[found, SURE] = room[m, P_WHAT]  # until it is judged
        edge[found, 0], edge[found, 1] = low, high
        found += 1
    course, at_home = np.zeros(found, np.int64), listed(some, count, home)
    if count > 0:
        likeliest(chance, found, some, count, before, after, course)
    for i in range(found):
        silent = thought[i, CHOICE] < 0 and chance[i, MOST] < LEAST_DAYS
        if silent and thought[i, SURE] != UNKNOWN:
            return 0
        thought[i, SURE], thought[i, AT_HOME], thought[i, SECOND] = 0.5, 0.5, -1.0
        if silent or count == 0:
            continue
        conclude(chance[i], course[i], some, count, at_home, before, after, thought[i])
    return found


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, i8, i8, i8, f8[:, ::1], i8, f8, f8[:, ::1],"
          " f8[:, ::1])")  # fmt: skip
def fill_gap(  # noqa: C901, PLR0912  (one walk through the half hours, each kind of piece in turn)
    piece: Array, n: int, room: Array, k: int, j: int, count: int, found: int, place: Array,
    home: int, day: float, thought: Array, edge: Array,
) -> int:  # fmt: skip
    """Write a gap as it was judged, with the ways between places; return how many pieces."""
    here, there = np.empty(3), np.empty(3)
    known, i = k > 0 and room[k - 1, P_WHAT] != UNKNOWN, 0
    before = room[k - 1, P_WHAT] if known else UNKNOWN
    for axis in range(3):
        here[axis] = room[k - 1, P_BX + axis] if known else 0.0
    while i < found:
        what, start, slack, least, second = thought[i, CHOICE], edge[i, 0], 0.0, 1.0, -1.0
        while i < found and thought[i, CHOICE] == what:
            wrong = 1.0 - thought[i, AT_HOME] if what == home else thought[i, AT_HOME]
            slack += (edge[i, 1] - edge[i, 0]) * (0.5 if what < 0 else TOGETHER * wrong)
            if thought[i, SURE] < least:
                least, second = thought[i, SURE], thought[i, SECOND]
            i += 1
        end = edge[i - 1, 1]
        if what < 0:
            for axis in range(3):
                there[axis] = room[min(j, count - 1), P_AX + axis]
            n = write(piece, n, start, end, UNKNOWN, there, there, slack, 0.0)
            known, before = False, UNKNOWN
            continue
        at, way, missed = int(what), 0.0, 0.0
        for axis in range(3):
            there[axis] = place[at, axis]
            way += (there[axis] - here[axis]) ** 2
        if second >= 0:
            for axis in range(3):
                missed += (place[int(second), axis] - there[axis]) ** 2
            missed = (1.0 - least) * min(2.0 * math.sqrt(missed), FARTHEST_M)
        if known and before != what:
            way = math.sqrt(way)
            takes = min(usual_us(way), 0.5 * (end - start))
            n = write(piece, n, start, start + takes, MOVING, here, there, 0.0, GUESSED * way)
            start += takes
        leaves = end
        if i == found and j < count and room[j, P_WHAT] != what:
            way = apart_m(room, j, there, P_AX)
            leaves = end - min(usual_us(way), 0.5 * (end - start))
        if start < leaves and n < piece.shape[0]:
            n = write(piece, n, start, leaves, what, there, there, slack, missed)
            if place[at, DWELL] < SIGNIFICANT_US:
                piece[n - 1, P_MARK] = UNFAMILIAR
            elif place[at, SINCE] == day:
                piece[n - 1, P_MARK] = NOVEL
        for axis in range(3):
            here[axis] = there[axis]
        if leaves < end:
            for axis in range(3):
                there[axis] = room[j, P_AX + axis]
            n = write(piece, n, leaves, end, MOVING, here, there, 0.0, GUESSED * way)
        known, before = True, what
    return n


@compiled(
    "i8(f8[:, ::1], i8, i8, f8[:, ::1], i8, f8[::1], f8[::1], f8, i8[:, ::1], i8[::1], i8, i8, b1,"
    " b1)"
)
def refill(
    piece: Array, low: int, high: int, place: Array, home: int, slot_us: Array, span: Array,
    before_us: float, seen: Ints, grid_day: Ints, days: int, day: int, main: bool, fill: bool,
) -> int:  # fmt: skip
    """Fill the long gaps in a unit's pieces by history; return where they end.

    Parameters
    ----------
    piece, low, high
        The unit's pieces, low to high - 1, the last that there are. Changed.
    place, home
        The places, and which is home (-1: not known).
    slot_us, span
        Middles of the unit's half hours, and its [from, to) [us].
    before_us
        When the person was last on record before that; NaN where never.
    seen, grid_day, days
        Where the person was seen in each half hour of the days before (rings of `ROUTINE_DAYS`
        rows), their dates, and how many days there were.
    day, main
        The date, and whether it is kept in `seen` for the days after.
    fill
        Whether anything is filled in.
    """
    held, slot = min(days, ROUTINE_DAYS), np.empty(SLOTS, np.int64)
    seen_places(piece, low, high, slot_us, slot)
    weight, ample = np.zeros(seen.shape[0]), np.zeros(seen.shape[0])
    enough = weigh_days(seen, grid_day, held, slot, day, weight) > 0.0
    mostly_seen(seen, held, weight, ample)
    if main:
        weight[days % ROUTINE_DAYS] = 0.0
        for s in range(SLOTS):
            seen[days % ROUTINE_DAYS, s] = slot[s]
    if not (fill and enough):
        return high
    count, n, k = high - low, low, 0
    room = np.empty((count, PIECE_COLUMNS))
    for i in range(count):
        for column in range(PIECE_COLUMNS):
            room[i, column] = piece[low + i, column]
    thought, edge = np.empty((SLOTS, 4)), np.empty((SLOTS, 2))
    while k < count:
        j = k
        while j < count and is_open(room, j):
            j += 1
        found = 0
        if j > k and room[j - 1, P_TO] - room[k, P_FROM] >= SHORTEST_US and not flown(room, k, j):
            found = judge_gap(
                room, k, j, slot_us, span, place, seen, weight, ample, held, home, before_us,
                thought, edge,
            )  # fmt: skip
        if found > 0:
            n = fill_gap(piece, n, room, k, j, count, found, place, home, float(day), thought, edge)
        else:
            j = max(j, k + 1)
            for i in range(k, j):
                for column in range(PIECE_COLUMNS):
                    piece[n, column] = room[i, column]
                n += 1
        k = j
    return n
