"""Numbers from the pieces of any stretch of time."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.mobility_fixes import EARTH_M
from euthymia.kernels.mobility_fold import (
    U_BEFORE,
    U_HOME,
    U_HOME_X,
    U_PART,
    U_PLACES,
    U_RHYTHM,
    U_ROUTINE,
    U_SHARE,
)
from euthymia.kernels.mobility_pieces import (
    FLIGHT,
    HALT,
    LONG_US,
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
    STILL,
    UNFAMILIAR,
    UNKNOWN,
    WIDE_M,
)
from euthymia.kernels.mobility_stays import far

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_US: Final = 3600e6
LEAST_WAY_M: Final = 100.0
WORTHLESS: Final = 0.25  # of a window: so large an error leaves nothing of the time at home
NAMES: Final = (
    "home_time_h",
    "home_time_error_h",
    "night_home_share",
    "first_leave_h",
    "last_return_h",
    "max_distance_home_km",
    "mean_distance_home_km",
    "distance_km",
    "distance_error_km",
    "flight_km",
    "trips",
    "trip_length_mean_km",
    "trip_length_sd_km",
    "trip_duration_mean_min",
    "trip_duration_sd_min",
    "transitions",
    "transit_h",
    "stationary_share",
    "speed_mean_km_per_h",
    "speed_sd_km_per_h",
    "radius_of_gyration_km",
    "location_variance_m2",
    "log_location_variance",
    "max_diameter_km",
    "places",
    "entropy",
    "normalised_entropy",
    "stay_mean_h",
    "stay_sd_h",
    "stay_longest_h",
    "top_place_h",
    "second_place_h",
    "third_place_h",
    "novel_place_share",
    "unfamiliar_share",
    "places_known",
    "circadian_movement",
    "circadian_share",
    "routine_index",
    "weekpart_routine_index",
    "longest_gap_h",
    "imputed_pct",
)
"""The columns of what `describe` gives, in order."""


@compiled("f8(f8)")
def over_ground_m(line_m: float) -> float:
    """Return the way over the surface [m] between the ends of a straight line [m]."""
    if line_m < 10_000.0:
        return line_m
    return 2 * EARTH_M * math.asin(min(line_m / (2 * EARTH_M), 1.0))


@compiled("f8(f8[:, ::1], i8)")
def length_m(part: Array, k: int) -> float:
    """Return the length over ground of a piece [m]."""
    total = 0.0
    for axis in range(3):
        total += (part[k, P_BX + axis] - part[k, P_AX + axis]) ** 2
    return over_ground_m(math.sqrt(total))


@compiled("i8(f8[:, ::1], i8[::1], i8[::1], f8[::1], f8[::1], i8, i8, f8[:, ::1])")
def cut(
    piece: Array,
    first_piece: Ints,
    unit: Ints,
    start_us: Array,
    end_us: Array,
    low: int,
    high: int,
    part: Array,
) -> int:
    """Copy the pieces of some stretches of time, cut to them; return how many there are."""
    n = 0
    for p in range(low, high):
        for k in range(first_piece[unit[p]], first_piece[unit[p] + 1]):
            a, b = piece[k, P_FROM], piece[k, P_TO]
            start, end = max(a, start_us[p]), min(b, end_us[p])
            if not start < end:
                continue
            for column in range(PIECE_COLUMNS):
                part[n, column] = piece[k, column]
            if start > a or end < b:
                u, v = (start - a) / (b - a), (end - a) / (b - a)
                for axis in range(3):
                    step = piece[k, P_BX + axis] - piece[k, P_AX + axis]
                    part[n, P_AX + axis] = piece[k, P_AX + axis] + u * step
                    part[n, P_BX + axis] = piece[k, P_AX + axis] + v * step
                part[n, P_FROM], part[n, P_TO] = start, end
                part[n, P_SLACK] *= v - u
                part[n, P_MISSED] *= v - u
            n += 1
    return n


@compiled("f8(f8, i8[::1], i8[::1])")
def local_hour(at_us: float, step_us: Ints, offset_us: Ints) -> float:
    """Return the hour on the wall clock, 0 to 24."""
    k = step_us.size - 1
    while k > 0 and step_us[k] > at_us:
        k -= 1
    return float(at_us + offset_us[k]) % (24 * HOUR_US) / HOUR_US


@compiled("void(f8[:, ::1], i8, f8, f8[::1], f8, i8[::1], i8[::1], f8[::1])")
def at_home(
    part: Array, n: int, home: float, home_at: Array, window_us: float, step_us: Ints,
    offset_us: Ints, out: Array,
) -> None:  # fmt: skip
    """Set the first five columns: time at home, its error, (night), first leave, last return.

    Where the error to be expected is a quarter of the window or more, the time at home is NaN: it
    would say how long the phone was located, not where the person was. In a recording that tells
    moves alone a place so near home that it may be home counts half as error.
    """
    spent, error, told, left, back = 0.0, 0.0, 0.0, np.nan, np.nan
    for k in range(n):
        what, length = part[k, P_WHAT], part[k, P_TO] - part[k, P_FROM]
        told += length
        if what == home:
            spent += length
        if what in (home, UNKNOWN) or part[k, P_IMPUTED] > 0:
            error += part[k, P_SLACK]
        if part[k, P_IMPUTED] == STILL and what != home:
            aside = 0.0
            for axis in range(3):
                aside += (part[k, P_AX + axis] - home_at[axis]) ** 2
            error += 0.5 * length if what >= 0 and aside <= WIDE_M * WIDE_M else 0.0
        if k == 0 or what == UNKNOWN or part[k - 1, P_WHAT] == UNKNOWN:
            continue
        before = part[k - 1, P_WHAT] == home
        if before and what != home and math.isnan(left):
            left = local_hour(part[k, P_FROM], step_us, offset_us)
        if what == home and not before:
            back = local_hour(part[k, P_FROM], step_us, offset_us)
    out[0] = spent / HOUR_US
    out[1] = (error + 0.5 * max(window_us - told, 0.0)) / HOUR_US
    if out[1] * HOUR_US >= WORTHLESS * window_us:
        out[0] = np.nan
    out[3], out[4] = left, back


@compiled("f8(f8[:, ::1], i8, f8, f8[:, ::1], i8[::1], i8, i8)")
def night_share(
    part: Array, n: int, home: float, night_us: Array, unit: Ints, low: int, high: int
) -> float:
    """Return which share of the known small hours was spent at home; NaN with none."""
    spent, known = 0.0, 0.0
    for p in range(low, high):
        if p > low and unit[p] == unit[p - 1]:
            continue
        start, end = night_us[unit[p], 0], night_us[unit[p], 1]
        for k in range(n):
            length = min(part[k, P_TO], end) - max(part[k, P_FROM], start)
            if length > 0 and part[k, P_WHAT] != UNKNOWN:
                known += length
                spent += length if part[k, P_WHAT] == home else 0.0
    return spent / known if known > 0 else np.nan


@compiled("f8(f8, f8, f8)")
def spread(n: float, total: float, squares: float) -> float:
    """Return the standard deviation (n - 1) from sums; NaN with fewer than two."""
    if n < 2:
        return np.nan
    return math.sqrt(max(squares - total * total / n, 0.0) / (n - 1))


@compiled("void(f8[:, ::1], i8, f8[::1])")
def ways(part: Array, n: int, out: Array) -> None:
    """Set columns 7 to 19: ways, trips, transitions, speeds."""
    way, missed, flown, transit, known, moved_us, v2 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    trips, length_1, length_2, time_1, time_2 = 0.0, 0.0, 0.0, 0.0, 0.0
    transitions, last_place, trip_m, trip_us = 0.0, -1.0, 0.0, 0.0
    for k in range(n + 1):
        what = part[k, P_WHAT] if k < n else UNKNOWN
        if what >= 0 or what == UNKNOWN:
            if trip_m >= LEAST_WAY_M:
                trips += 1
                length_1, length_2 = length_1 + trip_m, length_2 + trip_m * trip_m
                time_1, time_2 = time_1 + trip_us, time_2 + trip_us * trip_us
            trip_m, trip_us = 0.0, 0.0
        if k == n:
            break
        lasted = part[k, P_TO] - part[k, P_FROM]
        missed += part[k, P_MISSED]
        if what != UNKNOWN:
            known += lasted
        if what >= 0:
            transitions += 1.0 if last_place >= 0 and last_place != what else 0.0
            last_place = what
        if what not in (MOVING, HALT):
            continue
        size = length_m(part, k)
        trip_us += lasted
        transit += lasted if what == MOVING else 0.0
        if part[k, P_MARK] == FLIGHT:
            flown += size
            continue
        size *= 1.0 + part[k, P_WINDING]
        trip_m += size
        way += size
        if what == MOVING:
            moved_us += lasted
            v2 += size * size / lasted
    out[7], out[8], out[9] = way / 1e3, missed / 1e3, flown / 1e3
    out[10], out[15], out[16] = trips, transitions, transit / HOUR_US
    out[11] = length_1 / trips / 1e3 if trips else np.nan
    out[12] = spread(trips, length_1, length_2) / 1e3
    out[13] = time_1 / trips / 60e6 if trips else np.nan
    out[14] = spread(trips, time_1, time_2) / 60e6
    out[17] = (known - transit) / known if known > 0 else np.nan
    mean = way / moved_us if moved_us > 0 else np.nan
    out[18] = mean * 3600e3 if moved_us > 0 else np.nan
    out[19] = math.sqrt(max(v2 / moved_us - mean * mean, 0.0)) * 3600e3 if moved_us > 0 else np.nan


@compiled("f8(f8[:, ::1], i8)")
def diameter_m(points: Array, n: int) -> float:
    """Return the largest distance between two of n points [m].

    Points are x, y, z and the distance from some centre; pairs whose distances from it sum to less
    than the best so far need not be looked at.
    """
    best, outermost = 0.0, 0
    for i in range(n):
        if points[i, 3] > points[outermost, 3]:
            outermost = i
    for i in range(-1, n):  # the outermost first: its best rules out most others
        k = outermost if i < 0 else i
        if n == 0 or points[k, 3] + points[outermost, 3] <= best:
            continue
        for j in range(i + 1, n):
            if points[k, 3] + points[j, 3] > best:
                best = max(best, far(points, k, points[j, 0], points[j, 1], points[j, 2]))
    return best


@compiled("void(f8[:, ::1], i8, f8[::1], f8[:, ::1], f8[::1])")
def shape(part: Array, n: int, home: Array, points: Array, out: Array) -> None:
    """Set columns 5, 6 and 20 to 23: distances from home, gyration, variance, diameter.

    Time-weighted, a way as the straight line it is: of |p|^2 along it the mean is
    (|a|^2 + a.b + |b|^2) / 3.
    """
    weight, squares, from_home, farthest = 0.0, 0.0, 0.0, 0.0
    mean, origin, count = np.zeros(3), np.zeros(3), 0
    for k in range(n):
        if part[k, P_WHAT] == UNKNOWN:
            continue
        if count == 0:
            for axis in range(3):
                origin[axis] = part[k, P_AX + axis]
        lasted, at_a, at_b, at_m = part[k, P_TO] - part[k, P_FROM], 0.0, 0.0, 0.0
        for axis in range(3):
            a, b = part[k, P_AX + axis] - origin[axis], part[k, P_BX + axis] - origin[axis]
            mean[axis] += 0.5 * lasted * (a + b)
            squares += lasted * (a * a + a * b + b * b) / 3
            points[count, axis], points[count + 1, axis] = a, b
            h = origin[axis] - home[axis]
            at_a, at_b = at_a + (a + h) ** 2, at_b + (b + h) ** 2
            at_m += (0.5 * (a + b) + h) ** 2
        count += 1 if part[k, P_WHAT] >= 0 else 2
        weight += lasted
        farthest = max(farthest, at_a, at_b)
        from_home += lasted * over_ground_m(math.sqrt(at_m))
    if weight <= 0:
        return
    variance = squares / weight
    for axis in range(3):
        mean[axis] /= weight
        variance -= mean[axis] * mean[axis]
    variance = max(variance, 0.0)
    for k in range(count):
        points[k, 3] = far(points, k, mean[0], mean[1], mean[2])
    if not math.isnan(home[0]):
        out[5], out[6] = over_ground_m(math.sqrt(farthest)) / 1e3, from_home / weight / 1e3
    out[20], out[21] = math.sqrt(variance) / 1e3, variance
    out[22] = math.log(max(variance, 1.0))
    out[23] = over_ground_m(diameter_m(points, count)) / 1e3


@compiled("void(f8[:, ::1], i8, f8[::1], i8[::1], f8[::1])")
def places(part: Array, n: int, spent: Array, listed: Ints, out: Array) -> None:
    """Set columns 24 to 34: places, entropy, stays, the first three, novel and unfamiliar ones."""
    count, total, novel, unfamiliar, halts = 0, 0.0, 0.0, 0.0, 0.0
    stays, s1, s2, longest, run = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        what, lasted = part[k, P_WHAT], part[k, P_TO] - part[k, P_FROM]
        if what >= 0:
            if spent[int(what)] == 0.0:
                listed[count] = int(what)
                count += 1
            spent[int(what)] += lasted
            total += lasted
            run += lasted
            novel += lasted if part[k, P_MARK] == NOVEL or part[k, P_MARK] == UNFAMILIAR else 0.0
            unfamiliar += lasted if part[k, P_MARK] == UNFAMILIAR else 0.0
        elif what == HALT:
            halts += lasted
        if run > 0 and (k + 1 == n or part[k + 1, P_WHAT] != what):
            stays, s1, s2, longest = stays + 1, s1 + run, s2 + run * run, max(longest, run)
            run = 0.0
    entropy, first, second, third = 0.0, 0.0, 0.0, 0.0
    for i in range(count):
        p = spent[listed[i]]
        entropy -= p / total * math.log(p / total)
        if p > first:
            first, second, third = p, first, second
        elif p > second:
            second, third = p, second
        elif p > third:
            third = p
        spent[listed[i]] = 0.0
    out[24] = count
    out[25] = max(entropy, 0.0) if count else np.nan
    out[26] = min(max(entropy / math.log(count), 0.0), 1.0) if count > 1 else np.nan
    out[27] = s1 / stays / HOUR_US if stays else np.nan
    out[28] = spread(stays, s1, s2) / HOUR_US
    out[29] = longest / HOUR_US if stays else np.nan
    out[30], out[31], out[32] = first / HOUR_US, second / HOUR_US, third / HOUR_US
    out[33] = novel / total if total > 0 else np.nan
    out[34] = (unfamiliar + halts) / (total + halts) if total + halts > 0 else np.nan


@compiled("void(f8[::1], i8, i8, f8, f8, f8, f8[::1])")
def covered(
    at_us: Array, low: int, high: int, before_us: float, start: float, end: float, out: Array
) -> None:
    """Add to out[0] the time within half an hour after a fix; set out[1] to the longest gap so far.

    Only up to the last fix: what follows it is not known to be recorded.
    """
    last, first = before_us, low
    if high > low and start <= at_us[low] and at_us[high - 1] <= end:  # as it mostly is
        if not math.isnan(last) and at_us[low] > start:
            gap = at_us[low] - max(last, start)
            out[0] += max(min(at_us[low], last + LONG_US) - max(last, start), 0.0)
            out[1] = max(out[1], gap)
        fixes = at_us[low:high]
        later = fixes[1:]
        longest = 0.0
        for k in range(later.size):
            longest = max(longest, later[k] - fixes[k])
        out[1], last, first = max(out[1], longest), at_us[high - 1], high
        if longest <= LONG_US:
            out[0] += last - at_us[low]
        else:
            for k in range(later.size):
                out[0] += min(later[k] - fixes[k], LONG_US)
    for k in range(first, high):
        if not math.isnan(last) and at_us[k] > start and last < end:
            reach = min(at_us[k], last + LONG_US, end) - max(last, start)
            out[0] += max(reach, 0.0)
            out[1] = max(out[1], min(at_us[k], end) - max(last, start))
        last = at_us[k]
    from_us = max(last, start) if high > low else start
    out[1] = max(out[1], end - from_us)


@compiled("void(f8[:, ::1], i8, f8[::1])")
def imputed(part: Array, n: int, out: Array) -> None:
    """Set column 41: which share of the known time was filled in, in per cent."""
    known, filled = 0.0, 0.0
    for k in range(n):
        if part[k, P_WHAT] != UNKNOWN:
            known += part[k, P_TO] - part[k, P_FROM]
            filled += (part[k, P_TO] - part[k, P_FROM]) * min(part[k, P_IMPUTED], 1.0)
    out[41] = 100 * filled / known if known > 0 else np.nan


@compiled(
    "void(f8[::1], i8[::1], f8[:, ::1], i8[::1], f8[:, ::1], i8, i8[::1], i8[::1], i8[::1],"
    " f8[::1], f8[::1], f8[:, ::1], f8[::1], i8[::1], i8[::1], f8[:, ::1], f8[::1])"
)
def describe(
    at_us: Array, first: Ints, piece: Array, first_piece: Ints, known: Array, places_seen: int,
    of_row: Ints, last_unit: Ints, unit: Ints, start_us: Array, end_us: Array, night_us: Array,
    window_us: Array, step_us: Ints, offset_us: Ints, out: Array, coverage: Array,
) -> None:  # fmt: skip
    """Measure each row: the stretches of_row[r] to of_row[r + 1] - 1, each in one unit.

    Parameters
    ----------
    at_us, first : arrays
        From `minute_positions`.
    piece, first_piece, known : arrays
        From `fold`.
    places_seen : int
        How many places there are.
    of_row, last_unit : int arrays
        The stretches of each row; the unit that says what was known at its end (-1: none).
    unit, start_us, end_us : arrays
        Of each stretch.
    night_us : array, shape (units, 2)
        The small hours of each unit [us].
    window_us : array, shape (rows,)
        How long each row is.
    step_us, offset_us : int arrays
        Offsets from UTC [us] and the instants from which they hold.
    out, coverage : arrays, shapes (rows, len(NAMES)), (rows,)
        Out.
    """
    most = 1
    for r in range(last_unit.size):
        size = 0
        for p in range(of_row[r], of_row[r + 1]):
            size += first_piece[unit[p] + 1] - first_piece[unit[p]]
        most = max(most, size)
    part, points = np.empty((most, PIECE_COLUMNS)), np.empty((2 * most + 2, 4))
    spent, listed, seen = (
        np.zeros(places_seen + 1),
        np.empty(places_seen + 1, np.int64),
        np.zeros(2),
    )
    for r in range(last_unit.size):
        for column in range(out.shape[1]):
            out[r, column] = np.nan
        low, high, last = of_row[r], of_row[r + 1], last_unit[r]
        n = cut(piece, first_piece, unit, start_us, end_us, low, high, part)
        if n == 0 or last < 0:
            continue
        seen[0], seen[1] = 0.0, 0.0
        for p in range(low, high):
            u = unit[p]
            before = known[u, U_BEFORE]
            covered(at_us, first[u], first[u + 1], before, start_us[p], end_us[p], seen)
        coverage[r] = seen[0] / window_us[r]
        home = known[last, U_HOME]
        ways(part, n, out[r])
        shape(part, n, known[last, U_HOME_X : U_HOME_X + 3], points, out[r])
        places(part, n, spent, listed, out[r])
        imputed(part, n, out[r])
        if home >= 0:
            at_home(part, n, home, known[last, U_HOME_X : U_HOME_X + 3], window_us[r], step_us,
                    offset_us, out[r])  # fmt: skip
            out[r, 2] = night_share(part, n, home, night_us, unit, low, high)
        out[r, 35], out[r, 36] = known[last, U_PLACES], known[last, U_RHYTHM]
        out[r, 37], out[r, 38] = known[last, U_SHARE], known[last, U_ROUTINE]
        out[r, 39], out[r, 40] = known[last, U_PART], seen[1] / HOUR_US
