"""Where a person stayed, and the places that keep their identity over the whole follow-up."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTE_US: Final = 60e6
MIN_STAY_US: Final = 10 * MINUTE_US
"""A shorter halt is part of the way."""
OUT_US: Final = 5 * MINUTE_US
OUT_COUNT: Final = 3
"""Positions outside the stay that end it, if none within lies between: or one after 5 minutes."""
PLACE_M: Final = 150.0
"""A stay whose middle is at most so far from that of a known place is at this place."""
HEAVIEST: Final = 2000.0
"""Minutes of evidence after which the middle of a place hardly moves any more."""

# columns of `place`: middle [m], evidence [min], time there [us], stays, first day
X, Y, Z, EVIDENCE, DWELL, STAYS, SINCE = 0, 1, 2, 3, 4, 5, 6
PLACE_COLUMNS: Final = 7
# further columns of `stay`: first and last index, positions; of `node`: from, to [us], place or -1
FIRST, LAST, HELD = 3, 4, 5
FROM, TO, AT = 3, 4, 5


@compiled("f8(f8[:, ::1], i8, f8, f8, f8)")
def far(rows: Array, i: int, x: float, y: float, z: float) -> float:
    """Return the straight line [m] from row i (its first three columns) to a point."""
    return math.sqrt((rows[i, 0] - x) ** 2 + (rows[i, 1] - y) ** 2 + (rows[i, 2] - z) ** 2)


@compiled("i8(f8[::1], f8[:, ::1], i8, f8, f8[:, ::1])")
def find_stays(at_us: Array, position: Array, count: int, radius_m: float, stay: Array) -> int:
    """Find the stays in a day's positions, in order; say how many.

    A stay goes on while positions lie within `radius_m` of the mean of those before. It ends where
    three in a row, or any after five minutes, lie outside; it counts if it lasted ten minutes
    (after Li et al. 2008, doi:10.1145/1463434.1463477, with the mean in place of the first
    position and single outliers passed over).

    Parameters
    ----------
    at_us, position : arrays, shapes (n,), (n, 3)
        Instants [us] and places [m].
    count : int
        How many of them count.
    radius_m : float
        How far from its middle a position of a stay may lie.
    stay : array, shape (m, 6)
        Out: mean position [m], first and last index, number of positions.
    """
    found, i = 0, 0
    while i < count:
        x, y, z, n = position[i, 0], position[i, 1], position[i, 2], 1.0
        last, out = i, 0
        for j in range(i + 1, count):
            east, north, up = position[j, 0] - x, position[j, 1] - y, position[j, 2] - z
            if east * east + north * north + up * up <= radius_m * radius_m:
                n += 1.0
                share = 1.0 / n
                x, y, z = x + share * east, y + share * north, z + share * up
                last, out = j, 0
            else:
                out += 1
                if out >= OUT_COUNT or at_us[j] - at_us[last] > OUT_US:
                    break
        if at_us[last] - at_us[i] < MIN_STAY_US:
            i += 1
            continue
        stay[found, X], stay[found, Y], stay[found, Z] = x, y, z
        stay[found, FIRST], stay[found, LAST], stay[found, HELD] = i, last, n
        found += 1
        i = last + 1
    return found


@compiled("i8(f8[:, ::1], i8, f8, f8, f8, f8)")
def nearest_place(place: Array, known: int, x: float, y: float, z: float, within_m: float) -> int:
    """Return which of the known places is nearest to a point; -1 where none is near enough."""
    best, found = within_m, -1
    for k in range(known):
        if abs(place[k, X] - x) > best or abs(place[k, Y] - y) > best:
            continue
        distance = far(place, k, x, y, z)
        if distance <= best:
            best, found = distance, k
    return found


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, f8, b1, i8)")
def learn_place(
    place: Array, known: int, stay: Array, which: int, within_m: float, scattered: bool, day: int
) -> int:
    """Return the place of a stay: a known one, whose middle it moves, or a new one.

    The nearest within reach; where stays are seen `scattered` around their places, the one of most
    evidence, lest two share what is one.

    -1 when there is no room for a new one.
    """
    x, y, z, n = stay[which, X], stay[which, Y], stay[which, Z], stay[which, HELD]
    at = nearest_place(place, known, x, y, z, within_m)
    if at >= 0 and scattered:
        for k in range(known):
            if place[k, EVIDENCE] > place[at, EVIDENCE] and far(place, k, x, y, z) <= within_m:
                at = k
    if at < 0:
        if known == place.shape[0]:
            return -1
        at = known
        for column in range(PLACE_COLUMNS):
            place[at, column] = 0.0
        place[at, SINCE] = day
    held = min(place[at, EVIDENCE], HEAVIEST)
    share = n / (held + n)
    place[at, X] += share * (x - place[at, X])
    place[at, Y] += share * (y - place[at, Y])
    place[at, Z] += share * (z - place[at, Z])
    place[at, EVIDENCE] = held + n
    return at


@compiled(
    "i8(f8[::1], f8[:, ::1], i8, f8[:, ::1], i8, f8[:, ::1], i8, f8, f8, f8[:, ::1], f8[::1])"
)
def known_halts(
    at_us: Array,
    position: Array,
    count: int,
    stay: Array,
    stays: int,
    place: Array,
    known: int,
    within_m: float,
    alone_us: float,
    node: Array,
    place_of: Array,
) -> int:
    """List the day as nodes in order: stays, short halts at known places, and single positions.

    A halt of less than ten minutes counts where it is at a known place and lasts five minutes, or
    is a position that stands alone (more than `alone_us` from both neighbours), or touches the
    beginning or the end of the day: somebody came home at five to midnight.

    Parameters
    ----------
    place_of : array, shape (stays,)
        The place of each stay.
    node : array, shape (m, 6)
        Out: position [m], from, to [us], place (-1: none).
    """
    n, i, nth = 0, 0, 0
    while i < count:
        if nth < stays and i == int(stay[nth, FIRST]):
            last = int(stay[nth, LAST])
            for axis in range(3):
                node[n, axis] = stay[nth, axis]
            node[n, FROM], node[n, TO], node[n, AT] = at_us[i], at_us[last], place_of[nth]
            i, nth, n = last + 1, nth + 1, n + 1
            continue
        until = int(stay[nth, FIRST]) if nth < stays else count
        x, y, z = position[i, 0], position[i, 1], position[i, 2]
        at, last = nearest_place(place, known, x, y, z, within_m), i
        while at >= 0 and last + 1 < until:
            if (
                far(place, at, position[last + 1, 0], position[last + 1, 1], position[last + 1, 2])
                > within_m
            ):
                break
            last += 1
        alone = (i == 0 or at_us[i] - at_us[i - 1] > alone_us) and (
            last == count - 1 or at_us[last + 1] - at_us[last] > alone_us
        )
        halts = at_us[last] - at_us[i] >= OUT_US or i == 0 or last == count - 1 or alone
        node[n, X], node[n, Y], node[n, Z] = x, y, z
        node[n, FROM], node[n, TO], node[n, AT] = at_us[i], at_us[i], -1.0
        if at >= 0 and halts:
            node[n, X], node[n, Y], node[n, Z] = place[at, X], place[at, Y], place[at, Z]
            node[n, TO], node[n, AT] = at_us[last], at
            i = last
        i += 1
        n += 1
    return n


@compiled("i8(f8[:, ::1], i8, f8)")
def joined(node: Array, count: int, clear_m: float) -> int:
    """Join stays at one place with no position over `clear_m` away between; say how many remain."""
    kept, i = 0, 0
    while i < count:
        for column in range(6):
            node[kept, column] = node[i, column]
        i += 1
        while node[kept, AT] >= 0:
            j, away = i, 0.0
            while j < count and node[j, AT] < 0:
                away = max(away, far(node, j, node[kept, X], node[kept, Y], node[kept, Z]))
                j += 1
            if j == count or node[j, AT] != node[kept, AT] or away > clear_m:
                break
            node[kept, TO] = node[j, TO]
            i = j + 1
        kept += 1
    return kept
