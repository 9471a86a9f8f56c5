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
_SIXTH: Final = 1 / 6
_12TH: Final = 1 / 12
_20TH: Final = 1 / 20
_SOME: Final = 512  # positions that are computed at once
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
    sn, cn = north * (1 - n2 * _SIXTH * (1 - n2 * _20TH)), 1 - 0.5 * n2 * (1 - n2 * _12TH)
    se, ce = east * (1 - e2 * _SIXTH * (1 - e2 * _20TH)), 1 - 0.5 * e2 * (1 - e2 * _12TH)
    at[6], at[7] = at[2] * cn + at[3] * sn, at[3] * cn - at[2] * sn
    at[8], at[9] = at[4] * ce + at[5] * se, at[5] * ce - at[4] * se


@compiled("void(f8[::1], f8[::1], f8, f8)")
def flatten(x: Array, y: Array, sine: float, cosine: float) -> None:
    """Turn differences of longitude x and latitude y [rad] to a point into a plane.

    The orthographic projection, east and north, in radii of the earth; `sine` and `cosine` are
    those of the point's latitude. The first is the point itself.
    """
    far = 0
    for i in range(x.size):
        far += 1 if (abs(x[i]) > _SMALL) | (abs(y[i]) > _SMALL) else 0
    if far == 0:  # without a branch: all at once
        for i in range(x.size):
            east, north = x[i], y[i]
            n2, e2 = north * north, east * east
            sn, cn = north * (1 - n2 * (1 / 6)), 1 - 0.5 * n2 * (1 - n2 * (1 / 12))
            se, one_less = east * (1 - e2 * (1 / 6)), 0.5 * e2 * (1 - e2 * (1 / 12))
            narrow = cosine * cn - sine * sn
            x[i] = narrow * se
            y[i] = sn + sine * narrow * one_less
        return
    for i in range(1, x.size):
        sn, cn = math.sin(y[i]), math.cos(y[i])
        se, one_less = math.sin(x[i]), 1 - math.cos(x[i])
        narrow = cosine * cn - sine * sn
        x[i] = narrow * se
        y[i] = sn + sine * narrow * one_less


@compiled("void(f8[::1], f8[::1], f8[::1])")
def middle_of(x: Array, y: Array, space: Array) -> None:
    """Put the middle of some points into x[0], y[0]: their mean if none lies over 60 m from it.

    Where they do not agree so well, the median of each coordinate, which single jumps do not move.
    """
    count = x.size
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


@compiled("void(f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1])")
def put_axes(
    at: Array, lats: Array, lons: Array, east: Array, north: Array, xs: Array, ys: Array, zs: Array
) -> None:
    """Set x, y and z [m] of points of tangent planes: east and north, in radii of the earth.

    The planes touch at latitudes and longitudes [rad] near the point that `at` was last turned to
    (see `turn_to`).
    """
    lat0, lon0, sine0, cosine0, s_east0, c_east0 = at[0], at[1], at[2], at[3], at[4], at[5]
    for i in range(lats.size):
        n, e = lats[i] - lat0, lons[i] - lon0
        n2, e2 = n * n, e * e
        sn, cn = n * (1 - n2 * _SIXTH * (1 - n2 * _20TH)), 1 - 0.5 * n2 * (1 - n2 * _12TH)
        se, ce = e * (1 - e2 * _SIXTH * (1 - e2 * _20TH)), 1 - 0.5 * e2 * (1 - e2 * _12TH)
        sine, cosine = sine0 * cn + cosine0 * sn, cosine0 * cn - sine0 * sn
        s_east, c_east = s_east0 * ce + c_east0 * se, c_east0 * ce - s_east0 * se
        x, y = east[i], north[i]
        up = math.sqrt(max(0.0, 1.0 - x * x - y * y))
        flat = up * cosine - y * sine
        xs[i] = EARTH_M * (flat * c_east - x * s_east)
        ys[i] = EARTH_M * (flat * s_east + x * c_east)
        zs[i] = EARTH_M * (up * sine + y * cosine)


@compiled("i8(f8[::1], f8[::1], f8[::1])")
def near(at: Array, lats: Array, lons: Array) -> int:
    """Return how many of the first points lie near the one that `at` was last turned to."""
    lat0, lon0, far = at[0], at[1], 0
    for i in range(lats.size):
        far += 1 if (abs(lats[i] - lat0) > _SMALL) | (abs(lons[i] - lon0) > _SMALL) else 0
    if far == 0:  # mostly: all at once
        return lats.size
    found = 0
    while abs(lats[found] - lat0) <= _SMALL and abs(lons[found] - lon0) <= _SMALL:
        found += 1
    return found


@compiled("void(f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[:, ::1])")
def put_positions(
    at: Array, lats: Array, lons: Array, east: Array, north: Array, axes: Array, position: Array
) -> None:
    """Set positions [m] from latitude, longitude [rad] and a point of the tangent plane there.

    `at` is turned along, as `turn_to` does; `axes` is room for the work.
    """
    i, n = 0, lats.size
    while i < n:
        turn_to(lats[i], lons[i], at)
        j = i + near(at, lats[i:], lons[i:])
        x, y, z = axes[0, : j - i], axes[1, : j - i], axes[2, : j - i]
        put_axes(at, lats[i:j], lons[i:j], east[i:j], north[i:j], x, y, z)
        out = position[i:j]
        for k in range(j - i):
            out[k, 0], out[k, 1], out[k, 2] = x[k], y[k], z[k]
        i = j


@compiled("b1(f8, f8, f4)")
def usable(latitude: float, longitude: float, accuracy: float) -> bool:
    """Say whether a fix can be true and is accurate enough; an unknown accuracy (NaN) is."""
    if not (abs(latitude) <= 90.0 and abs(longitude) <= 180.0):
        return False
    if latitude == 0.0 and longitude == 0.0:
        return False  # what a receiver without a position writes
    return not accuracy > MAX_ACCURACY_M


@compiled("i8(i8[::1], f8[::1], f8[::1], f4[::1])")
def doubtful(time: Ints, latitude: Array, longitude: Array, accuracy: Array) -> int:
    """Count the fixes of a minute that are not usable, repeat an instant or lie far off.

    Far off: half around the earth from the first, where a difference of longitude must be turned.
    """
    found, lon0 = 0, longitude[0]
    for i in range(time.size):
        lat, lon = latitude[i], longitude[i]
        good = (abs(lat) <= 90.0) & (abs(lon) <= 180.0) & ((lat != 0.0) | (lon != 0.0))
        good &= (not accuracy[i] > MAX_ACCURACY_M) & (abs((lon - lon0) * _RADIAN) <= math.pi)
        found += 0 if good else 1
    later = time[1:]
    for i in range(later.size):
        found += 1 if later[i] == time[i] else 0
    return found


@compiled("Tuple((i8, i8, f8, f8))(i8[::1], f8[::1], f8[::1], f4[::1], f8[::1], f8[::1])")
def taken(
    time: Ints, latitude: Array, longitude: Array, accuracy: Array, x: Array, y: Array
) -> tuple[int, int, float, float]:
    """Take the usable fixes of a minute less the first of them, in x (east) and y [rad].

    Returns (how many, the sum of their times since the minute's first, latitude and longitude of
    the first).
    """
    start, total, held = time[0], 0, 0
    lat0, lon0 = latitude[0], longitude[0]
    if time.size <= _MOST and doubtful(time, latitude, longitude, accuracy) == 0:
        for k in range(time.size):
            total += time[k] - start
        for k in range(time.size):
            x[k] = (longitude[k] - lon0) * _RADIAN
        for k in range(time.size):
            y[k] = (latitude[k] - lat0) * _RADIAN
        return time.size, total, lat0, lon0
    before = start - 1
    for i in range(time.size):
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
    " i2[::1])"
)
def minute_positions(
    time: Ints, latitude: Array, longitude: Array, accuracy: Array, low: Ints, high: Ints,
    first: Ints, at_us: Array, position: Array, count: NDArray[np.int16],
) -> int:  # fmt: skip
    """Take, for each stretch of fixes, the middle position of each minute of UTC.

    Minutes run from half to half: a burst that starts on the minute makes two positions, which say
    which way somebody goes. Fixes of no use and repetitions of an instant are passed over.

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

    Returns how many positions there are.
    """
    x, y, space = np.empty(_MOST), np.empty(_MOST), np.empty(3 * _MOST)
    lats, lons, xs, ys = np.empty(_SOME), np.empty(_SOME), np.empty(_SOME), np.empty(_SOME)
    at, along = np.full(10, 99.0), np.full(10, 99.0)
    axes = np.empty((3, _SOME))
    found, done, until = 0, 0, 0
    for unit in range(low.size):
        first[unit] = found
        i, end = low[unit], high[unit]
        while i < end:
            begin, start = i, time[i]
            if until <= start < until + BIN_US:
                until += BIN_US
            else:
                until = (start + BIN_US // 2) // BIN_US * BIN_US + BIN_US // 2
            i += 1
            while i < end and time[i] < until:
                i += 1
            if i - begin == 1:
                if not usable(latitude[begin], longitude[begin], accuracy[begin]):
                    continue
                lat, lon = latitude[begin] * _RADIAN, longitude[begin] * _RADIAN
                held, middle_us, east, north = 1, start, 0.0, 0.0
            else:
                held, total, lat, lon = taken(
                    time[begin:i], latitude[begin:i], longitude[begin:i], accuracy[begin:i], x, y
                )
                if held == 0:
                    continue
                lat, lon = lat * _RADIAN, lon * _RADIAN
                turn_to(lat, lon, at)
                flatten(x[:held], y[:held], at[6], at[7])
                middle_of(x[:held], y[:held], space)
                east, north, middle_us = x[0], y[0], start + total // held
            k = found - done
            lats[k], lons[k], xs[k], ys[k] = lat, lon, east, north
            at_us[found], count[found] = middle_us, held
            found += 1
            if found - done == _SOME:
                put_positions(along, lats, lons, xs, ys, axes, position[done:found])
                done = found
    k = found - done
    put_positions(along, lats[:k], lons[:k], xs[:k], ys[:k], axes, position[done:found])
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
    time, place, found = at_us[low:high], position[low:high], 0
    x0, y0, z0, before_us = 0.0, 0.0, 0.0, 0.0  # of the last one kept
    for i in range(time.size):
        x, y, z = place[i, 0], place[i, 1], place[i, 2]
        if found and i + 1 < time.size:
            before = (x - x0) * (x - x0) + (y - y0) * (y - y0) + (z - z0) * (z - z0)
            reach = SPIKE_M_PER_S * 1e-6 * (time[i] - before_us)
            if before > reach * reach:
                after = squared(place, i, place, i + 1)
                reach = SPIKE_M_PER_S * 1e-6 * (time[i + 1] - time[i])
                over = squared(place, i + 1, kept, found - 1)
                if after > reach * reach and over < 0.25 * min(before, after):
                    continue
        x0, y0, z0, before_us = x, y, z, time[i]
        kept_us[found], kept[found, 0], kept[found, 1], kept[found, 2] = before_us, x, y, z
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
