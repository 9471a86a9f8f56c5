"""Location fixes to one clean position a minute.

Positions are vectors from the centre of the earth, in metres: a distance is a straight line, so
that nothing special happens at the date line or at the poles.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

EARTH_M: Final = 6371008.8
"""Mean radius of the earth [m] (IUGG)."""
BIN_US: Final = 60_000_000
MAX_ACCURACY_M: Final = 200.0
"""A worse fix comes from a cell tower: it says which town, not which building."""
SPIKE_M_PER_S: Final = 15.0
"""Out and back at such a speed, with a single minute in between: an error of the receiver."""
_RADIAN: Final = math.pi / 180
_AGREE_M: Final = 60.0
_MOST: Final = 4096  # fixes of a minute that are looked at
_SMALL: Final = 0.02  # [rad] up to here four terms of the series are exact to a micrometre


@compiled("f8(f8[::1], i8, f8[::1])")
def median_of(values: Array, count: int, space: Array) -> float:
    """Return the median of the first `count` values (at least one).

    The mean of the two middle ones where there are two. Quickselect without a branch that could be
    foreseen wrongly; `space` has room for three times `count`.
    """
    if count <= 2:
        return float(0.5 * (values[0] + values[count - 1]))
    some, low, high = 0, count, 2 * count
    for i in range(count):
        space[i] = values[i]
    left, place = count, count // 2
    while True:
        one, two, three = space[some], space[some + left // 2], space[some + left - 1]
        pivot = max(min(one, two), min(max(one, two), three))
        below = above = 0
        for i in range(some, some + left):
            value = space[i]
            space[low + below] = value
            below += 1 if value < pivot else 0
            space[high + above] = value
            above += 1 if value > pivot else 0
        if place < below:
            some, low, left = low, some, below
        elif place >= left - above:
            place -= left - above
            some, high, left = high, some, above
        else:
            break
    if count % 2 == 1:
        return float(pivot)
    less, lower = 0, -math.inf
    for i in range(count):
        under = values[i] < pivot
        less += 1 if under else 0
        lower = values[i] if under and values[i] > lower else lower
    return float(0.5 * ((lower if less == count // 2 else pivot) + pivot))


@compiled("void(f8, f8, f8[::1])")
def turn_to(latitude: float, longitude: float, at: Array) -> None:
    """Set `at` to latitude, longitude [rad] and their sines and cosines.

    `at` holds those of a point before; near it, the series of the difference is enough.
    """
    north, east = latitude - at[0], longitude - at[1]
    if abs(north) > _SMALL or abs(east) > _SMALL:
        at[2], at[3] = math.sin(latitude), math.cos(latitude)
        at[4], at[5] = math.sin(longitude), math.cos(longitude)
        at[0], at[1] = latitude, longitude
        at[6], at[7], at[8], at[9] = at[2], at[3], at[4], at[5]
        return
    n2, e2 = north * north, east * east
    sn, cn = north * (1 - n2 / 6 * (1 - n2 / 20)), 1 - n2 / 2 * (1 - n2 / 12)
    se, ce = east * (1 - e2 / 6 * (1 - e2 / 20)), 1 - e2 / 2 * (1 - e2 / 12)
    at[6], at[7] = at[2] * cn + at[3] * sn, at[3] * cn - at[2] * sn
    at[8], at[9] = at[4] * ce + at[5] * se, at[5] * ce - at[4] * se


@compiled("void(f8[::1], f8[::1], i8, f8, f8)")
def flatten(x: Array, y: Array, count: int, sine: float, cosine: float) -> None:
    """Turn differences of longitude x and latitude y [rad] to a point into a plane.

    The orthographic projection, east and north, in radii of the earth; `sine` and `cosine` are
    those of the point's latitude. The first is the point itself.
    """
    far = 0
    for i in range(count):
        far += 1 if abs(x[i]) > _SMALL or abs(y[i]) > _SMALL else 0
    if far == 0:  # without a branch: all at once
        for i in range(count):
            east, north = x[i], y[i]
            n2, e2 = north * north, east * east
            sn, cn = north * (1 - n2 * (1 / 6)), 1 - 0.5 * n2 * (1 - n2 * (1 / 12))
            se, one_less = east * (1 - e2 * (1 / 6)), 0.5 * e2 * (1 - e2 * (1 / 12))
            narrow = cosine * cn - sine * sn
            x[i] = narrow * se
            y[i] = sn + sine * narrow * one_less
        return
    for i in range(1, count):
        sn, cn = math.sin(y[i]), math.cos(y[i])
        se, one_less = math.sin(x[i]), 1 - math.cos(x[i])
        narrow = cosine * cn - sine * sn
        x[i] = narrow * se
        y[i] = sn + sine * narrow * one_less


@compiled("void(f8[::1], f8[::1], i8, f8[::1])")
def middle_of(x: Array, y: Array, count: int, space: Array) -> None:
    """Put the middle of some points into x[0], y[0]: their mean if none lies over 60 m from it.

    Where they do not agree so well, the median of each coordinate, which single jumps do not move.
    """
    mean_x = mean_y = other_x = other_y = 0.0
    for i in range(0, count - 1, 2):
        mean_x += x[i]
        mean_y += y[i]
        other_x += x[i + 1]
        other_y += y[i + 1]
    if count % 2 == 1:
        mean_x += x[count - 1]
        mean_y += y[count - 1]
    mean_x, mean_y = (mean_x + other_x) / count, (mean_y + other_y) / count
    apart, limit = 0, (_AGREE_M / EARTH_M) ** 2
    for i in range(count):
        away_x, away_y = x[i] - mean_x, y[i] - mean_y
        apart += 0 if away_x * away_x + away_y * away_y <= limit else 1
    if apart == 0:
        x[0], y[0] = mean_x, mean_y
    else:
        x[0], y[0] = median_of(x, count, space), median_of(y, count, space)


@compiled("void(f8[::1], f8, f8, f8[:, ::1], i8)")
def put_vector(at: Array, x: float, y: float, position: Array, i: int) -> None:
    """Set position[i] [m] from the tangent plane at `at`: east x, north y, in radii."""
    up = math.sqrt(max(0.0, 1.0 - x * x - y * y))
    sine, cosine, s_east, c_east = at[6], at[7], at[8], at[9]
    flat = up * cosine - y * sine
    position[i, 0] = EARTH_M * (flat * c_east - x * s_east)
    position[i, 1] = EARTH_M * (flat * s_east + x * c_east)
    position[i, 2] = EARTH_M * (up * sine + y * cosine)


@compiled("b1(f8, f8, f4)")
def usable(latitude: float, longitude: float, accuracy: float) -> bool:
    """Say whether a fix can be true and is accurate enough; an unknown accuracy (NaN) is."""
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
        return False
    if latitude == 0.0 and longitude == 0.0:
        return False  # what a receiver without a position writes
    return not accuracy > MAX_ACCURACY_M


@compiled("i8(i8[::1], f8[::1], f8[::1], f4[::1], i8, i8)")
def doubtful(
    time: Ints, latitude: Array, longitude: Array, accuracy: Array, low: int, high: int
) -> int:
    """Count the fixes of low to high - 1 that are not usable, repeat an instant or lie far off.

    Far off: half around the earth from the first, where a difference of longitude must be turned.
    """
    found, lon0 = 0, longitude[low]
    for i in range(low, high):
        lat, lon = latitude[i], longitude[i]
        good = (abs(lat) <= 90.0) & (abs(lon) <= 180.0) & ((lat != 0.0) | (lon != 0.0))
        good &= (not accuracy[i] > MAX_ACCURACY_M) & (abs((lon - lon0) * _RADIAN) <= math.pi)
        found += 0 if good else 1
    for i in range(low + 1, high):
        found += 1 if time[i] == time[i - 1] else 0
    return found


@compiled("Tuple((i8, i8, f8, f8))(i8[::1], f8[::1], f8[::1], f4[::1], i8, i8, f8[::1], f8[::1])")
def taken(
    time: Ints, latitude: Array, longitude: Array, accuracy: Array, low: int, high: int,
    x: Array, y: Array,
) -> tuple[int, int, float, float]:  # fmt: skip
    """Take the usable fixes of low to high - 1 less the first of them, in x (east) and y [rad].

    Returns (how many, the sum of their times since that of `low`, latitude and longitude of the
    first).
    """
    start, total, held = time[low], 0, 0
    lat0, lon0 = latitude[low], longitude[low]
    many = min(high - low, _MOST)
    if high - low == many and doubtful(time, latitude, longitude, accuracy, low, high) == 0:
        for k in range(many):
            total += time[low + k] - start
        for k in range(many):
            x[k] = (longitude[low + k] - lon0) * _RADIAN
        for k in range(many):
            y[k] = (latitude[low + k] - lat0) * _RADIAN
        return many, total, lat0, lon0
    before = start - 1
    for i in range(low, high):
        lat, lon = latitude[i], longitude[i]
        if time[i] == before or held == _MOST or not usable(lat, lon, accuracy[i]):
            continue
        before = time[i]
        total += before - start
        if held == 0:
            lat0, lon0 = lat, lon
        east = (lon - lon0) * _RADIAN
        if abs(east) > math.pi:
            east -= math.copysign(2 * math.pi, east)
        x[held], y[held] = east, (lat - lat0) * _RADIAN
        held += 1
    return held, total, lat0, lon0


@compiled(
    "i8(i8[::1], f8[::1], f8[::1], f4[::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[:, ::1],"
    " i8[::1])"
)
def minute_positions(
    time: Ints, latitude: Array, longitude: Array, accuracy: Array, low: Ints, high: Ints,
    first: Ints, at_us: Array, position: Array, count: Ints,
) -> int:  # fmt: skip
    """Take, for each stretch of fixes, the middle position of each minute of UTC.

    Minutes run from half to half, so that a burst that a clock starts on the minute makes two
    positions: these say which way somebody goes.

    Fixes that cannot be used and repetitions of an instant are passed over.

    Parameters
    ----------
    time : int array, shape (n,)
        Microseconds UTC, in order within a stretch.
    latitude, longitude, accuracy : arrays, shape (n,)
        [deg], [deg], [m] (NaN: not known).
    low, high : int arrays, shape (u,)
        Stretch k is fixes low[k] to high[k] - 1.
    first : int array, shape (u + 1,)
        Out: positions first[k] to first[k + 1] - 1 belong to stretch k.
    at_us, position, count : arrays, shapes (m,), (m, 3), (m,)
        Out: mean instant of the minute's fixes, middle position [m], how many fixes. Large enough.

    Returns
    -------
    int
        How many positions there are.
    """
    x, y, space = np.empty(_MOST), np.empty(_MOST), np.empty(3 * _MOST)
    at = np.full(10, 99.0)
    found = 0
    for unit in range(low.size):
        first[unit] = found
        i, end = low[unit], high[unit]
        while i < end:
            start, begin, held, total = time[i], i, 0, 0
            lat0, lon0 = latitude[i], longitude[i]
            until = (math.floor(start / 60e6 + 0.5) + 0.5) * BIN_US
            i += 1
            while i < end and time[i] < until:
                i += 1
            if i - begin > 1:
                held, total, lat0, lon0 = taken(time, latitude, longitude, accuracy, begin, i, x, y)
            elif usable(lat0, lon0, accuracy[begin]):
                held, x[0], y[0] = 1, 0.0, 0.0
            if held:
                turn_to(lat0 * _RADIAN, lon0 * _RADIAN, at)
                if held > 1:
                    flatten(x, y, held, at[6], at[7])
                    middle_of(x, y, held, space)
                if x[0] == 0.0 and y[0] == 0.0:
                    flat = EARTH_M * at[7]
                    position[found, 0], position[found, 1] = flat * at[9], flat * at[8]
                    position[found, 2] = EARTH_M * at[6]
                else:
                    put_vector(at, x[0], y[0], position, found)
                at_us[found] = start + total // held
                count[found] = held
                found += 1
    first[low.size] = found
    return found


@compiled("f8(f8[:, ::1], i8, f8[:, ::1], i8)")
def squared(one: Array, i: int, other: Array, j: int) -> float:
    """Return the square of the straight line between two positions [m^2]."""
    x, y, z = one[i, 0] - other[j, 0], one[i, 1] - other[j, 1], one[i, 2] - other[j, 2]
    return float(x * x + y * y + z * z)


@compiled("i8(f8[::1], f8[:, ::1], i8, i8, f8[::1], f8[:, ::1])")
def without_spikes(
    at_us: Array, position: Array, low: int, high: int, kept_us: Array, kept: Array
) -> int:
    """Copy positions low to high - 1 without single ones that jump out and back; say how many.

    A jump: faster than `SPIKE_M_PER_S` there and back, and the positions before and after it lie
    less than half as far apart as either lies from it.
    """
    found = 0
    for i in range(low, high):
        if found and i + 1 < high:
            before = squared(position, i, kept, found - 1)
            reach = SPIKE_M_PER_S * 1e-6 * (at_us[i] - kept_us[found - 1])
            if before > reach * reach:
                after = squared(position, i, position, i + 1)
                reach = SPIKE_M_PER_S * 1e-6 * (at_us[i + 1] - at_us[i])
                over = squared(position, i + 1, kept, found - 1)
                if after > reach * reach and over < 0.25 * min(before, after):
                    continue
        kept_us[found] = at_us[i]
        for axis in range(3):
            kept[found, axis] = position[i, axis]
        found += 1
    return found


@compiled("f8(f8[::1], f8[:, ::1], i8)")
def noise_m(at_us: Array, position: Array, count: int) -> float:
    """Return how far positions scatter while a person stays, per axis [m].

    The median step between neighbours at most 15 minutes apart, over the median of the same for
    a standard normal scatter (1.665): people mostly stay. 3 to 60; 10 with fewer than 8 steps.
    """
    tally = np.zeros(128, np.int64)
    steps = 0
    for i in range(1, count):
        if at_us[i] - at_us[i - 1] <= 15 * BIN_US:
            tally[int(min(0.5 * math.sqrt(squared(position, i, position, i - 1)), 127.0))] += 1
            steps += 1
    if steps < 8:
        return 10.0
    half, seen = 0.5 * steps, 0.0
    for k in range(128):
        if seen + tally[k] >= half:
            return float(min(max((k + (half - seen) / tally[k]) * 2 / 1.665, 3.0), 60.0))
        seen += tally[k]
    return 60.0
