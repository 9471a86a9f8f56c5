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


@compiled("f8(f8[::1], i8)")
def median_of(values: Array, count: int) -> float:
    """Return the median of the first `count` values (at least one); they are put in another order.

    Quickselect: the mean of the two middle ones where there are two.
    """
    if count <= 2:
        return float(0.5 * (values[0] + values[count - 1]))
    low, high, middle = 0, count - 1, count // 2
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                kept = values[i]
                values[i] = values[j]
                values[j] = kept
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            break
    upper = values[middle]
    if count % 2 == 1:
        return float(upper)
    lower = values[0]
    for k in range(1, middle):
        lower = max(lower, values[k])
    return float(0.5 * (lower + upper))


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
    for i in range(1, count):
        east, north = x[i], y[i]
        if abs(north) <= _SMALL and abs(east) <= _SMALL:
            n2, e2 = north * north, east * east
            sn, cn = north * (1 - n2 / 6), 1 - n2 / 2 * (1 - n2 / 12)
            se, one_less = east * (1 - e2 / 6), e2 / 2 * (1 - e2 / 12)
        else:
            sn, cn = math.sin(north), math.cos(north)
            se, one_less = math.sin(east), 1 - math.cos(east)
        narrow = cosine * cn - sine * sn
        x[i] = narrow * se
        y[i] = sn + sine * narrow * one_less


@compiled("void(f8[::1], f8[::1], i8)")
def middle_of(x: Array, y: Array, count: int) -> None:
    """Put the middle of some points into x[0], y[0]: their mean if none lies over 60 m from it.

    Where they do not agree so well, the median of each coordinate, which single jumps do not move.
    """
    mean_x, mean_y = 0.0, 0.0
    for i in range(count):
        mean_x += x[i]
        mean_y += y[i]
    mean_x, mean_y = mean_x / count, mean_y / count
    worst = 0.0
    for i in range(count):
        worst = max(worst, (x[i] - mean_x) ** 2 + (y[i] - mean_y) ** 2)
    if worst <= (_AGREE_M / EARTH_M) ** 2:
        x[0], y[0] = mean_x, mean_y
    else:
        x[0], y[0] = median_of(x, count), median_of(y, count)


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
    x, y = np.empty(_MOST), np.empty(_MOST)
    at = np.full(10, 99.0)
    found = 0
    for unit in range(low.size):
        first[unit] = found
        i = low[unit]
        while i < high[unit]:
            start, held, total, before = time[i], 0, 0, time[i] - 1
            until = (math.floor(start / 60e6 + 0.5) + 0.5) * BIN_US
            lat0, lon0 = 0.0, 0.0
            while i < high[unit] and time[i] < until:
                at_us_i, lat, lon, worst = time[i], latitude[i], longitude[i], accuracy[i]
                i += 1
                if at_us_i == before or held == _MOST or not usable(lat, lon, worst):
                    continue
                before = at_us_i
                total += at_us_i - start
                if held == 0:
                    lat0, lon0 = lat, lon
                east, north = (lon - lon0) * _RADIAN, (lat - lat0) * _RADIAN
                if abs(east) > math.pi:
                    east -= math.copysign(2 * math.pi, east)
                x[held], y[held] = east, north
                held += 1
            if held:
                turn_to(lat0 * _RADIAN, lon0 * _RADIAN, at)
                if held > 1:
                    flatten(x, y, held, at[6], at[7])
                    middle_of(x, y, held)
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
