"""What a person's follow-up so far tells of a day: home, routine, rhythm. Nothing looks ahead."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.mobility_pieces import (
    FILLED,
    NOVEL,
    P_AX,
    P_BX,
    P_FROM,
    P_IMPUTED,
    P_MARK,
    P_TO,
    P_WHAT,
    UNFAMILIAR,
    UNKNOWN,
)
from euthymia.kernels.mobility_stays import DWELL, MINUTE_US, SINCE, STAYS, X, Y, Z

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

NIGHTS: Final = 21
"""Nights that elect the home: a new home is one after 11 nights of them."""
FAR_HOME_M: Final = 100_000.0
"""Nights farther away than this count half: a journey of two weeks is no move."""
NIGHT_LEAST_US: Final = 60 * MINUTE_US
AT_WORK_US: Final = 570 * MINUTE_US
ELSEWHERE_US: Final = 720 * MINUTE_US
"""With less time on the date where the night was spent than the one, and more at another place than
the other, the night was worked: people who sleep at home are there for longer."""
SIGNIFICANT_US: Final = 30 * MINUTE_US
"""Time at a place in all, from which on it counts among a person's places."""
SLOTS: Final = 48
ROUTINE_DAYS: Final = 28
RHYTHM_DAYS: Final = 14
RHYTHM_SUMS: Final = 16
RHYTHM_LEAST_US: Final = 2880 * MINUTE_US
DAY_US_F: Final = 86400e6

# `tally`: places, stays ended, time at places [us], home (-1: none), nights so far, days so far,
# positions carried over, what says of a recording that it tells moves alone and what says that it
# does not (see `mobility_moves`), when [us] and where the last fix was, of use or not (x, y, z,
# accuracy [m]), the time on the way that is on record [us], and how many ways began there
KNOWN, ENDED, STAYED, HOME, NIGHTS_SEEN, DAYS_SEEN, CARRIED = 0, 1, 2, 3, 4, 5, 6
STRIDES, BROKEN, LAST_FIX, LAST_X = 7, 8, 9, 10
MOVED, WAYS = 14, 15
TALLY: Final = 16


@compiled("void(f8[:, ::1], i8, i8, f8[:, ::1], f8[::1], f8)")
def learn_dwell(piece: Array, low: int, high: int, place: Array, tally: Array, day: float) -> None:
    """Add a day's pieces to the time at each place, and mark pieces at new and unfamiliar ones."""
    before = UNKNOWN
    for k in range(low, high):
        what, seen = piece[k, P_WHAT], piece[k, P_IMPUTED] == 0.0
        if what < 0 and what != UNKNOWN and seen:
            tally[MOVED] += piece[k, P_TO] - piece[k, P_FROM]
            tally[WAYS] += 1.0 if before >= 0 else 0.0
        if what >= 0:
            at = int(what)
            place[at, DWELL] += piece[k, P_TO] - piece[k, P_FROM]
            tally[STAYED] += piece[k, P_TO] - piece[k, P_FROM]
            if before != what:
                place[at, STAYS] += 1.0
        elif before >= 0 and what != UNKNOWN:
            tally[ENDED] += 1.0
        before = what
    for k in range(low, high):
        if piece[k, P_WHAT] >= 0:
            at = int(piece[k, P_WHAT])
            if place[at, DWELL] < SIGNIFICANT_US:
                piece[k, P_MARK] = UNFAMILIAR
            elif place[at, SINCE] == day:
                piece[k, P_MARK] = NOVEL


@compiled("i8(f8[:, ::1], i8, i8, f8, f8, f8, f8[::1])")
def longest_at(
    piece: Array, low: int, high: int, start_us: float, end_us: float, least_us: float, spent: Array
) -> int:
    """Return the place of most of some time, if it was so much, or -1; fill in `spent`."""
    best = -1
    for k in range(low, high):
        length = min(piece[k, P_TO], end_us) - max(piece[k, P_FROM], start_us)
        if length > 0 and piece[k, P_WHAT] >= 0:
            at = int(piece[k, P_WHAT])
            spent[at] += length
    for k in range(low, high):
        if piece[k, P_WHAT] >= 0:
            at = int(piece[k, P_WHAT])
            if spent[at] >= least_us and (best < 0 or spent[at] > spent[best]):
                best = at
    return best


@compiled("void(f8[:, ::1], i8, i8, f8[::1])")
def forget(piece: Array, low: int, high: int, spent: Array) -> None:
    """Set the time at the places of some pieces to 0."""
    for k in range(low, high):
        if piece[k, P_WHAT] >= 0:
            spent[int(piece[k, P_WHAT])] = 0.0


@compiled("i8(f8[:, ::1], i8, i8, f8, f8, f8[::1])")
def night_place(
    piece: Array, low: int, high: int, start_us: float, end_us: float, spent: Array
) -> int:
    """Return where somebody lives by this night: a place with an hour or more of it, or -1.

    Where most of the night was spent; where it was worked, the place of most of the date.
    """
    night = longest_at(piece, low, high, start_us, end_us, NIGHT_LEAST_US, spent)
    forget(piece, low, high, spent)
    if night < 0:
        return night
    begin, end = piece[low, P_FROM], piece[high - 1, P_TO]
    whole = longest_at(piece, low, high, begin, end, ELSEWHERE_US, spent)
    worked = whole >= 0 and spent[night] <= AT_WORK_US
    forget(piece, low, high, spent)
    return whole if worked else night


@compiled("i8(f8[:, ::1], i8[::1], i8, i8, f8[::1])")
def elected_home(place: Array, night: Ints, held: int, home: int, votes: Array) -> int:
    """Return the place of most of the last nights; the home so far where there is a tie.

    `night` holds the places of the last `held` nights, in any order.
    """
    best = home
    for k in range(held):
        at, weight = night[k], 1.0
        if home >= 0:
            apart = math.sqrt(
                (place[at, X] - place[home, X]) ** 2
                + (place[at, Y] - place[home, Y]) ** 2
                + (place[at, Z] - place[home, Z]) ** 2
            )
            weight = 0.5 if apart > FAR_HOME_M else 1.0
        votes[at] += weight
    for k in range(held):
        if best < 0 or votes[night[k]] > votes[best]:
            best = night[k]
    for k in range(held):
        votes[night[k]] = 0.0
    return best


@compiled("void(f8[:, ::1], i8, i8, f8[::1], i8[::1])")
def slot_places(piece: Array, low: int, high: int, slot_us: Array, slot: Ints) -> None:
    """Set the place in the middle of each half hour: -1 on the way, -3 where it is not known."""
    k = low
    for s in range(SLOTS):
        slot[s] = -3
        while k < high and piece[k, P_TO] <= slot_us[s]:
            k += 1
        if k < high and piece[k, P_FROM] <= slot_us[s]:
            slot[s] = int(max(piece[k, P_WHAT], UNKNOWN))
            if slot[s] == -2:
                slot[s] = -1


@compiled("void(i8[::1], i8[:, ::1], i8[::1], i8, i8, f8[::1])")
def routine(slot: Ints, grid: Ints, grid_day: Ints, held: int, day: int, out: Array) -> None:
    """Set out[0], out[1]: at how many of the same half hours of days before somebody was here.

    Of all pairs (this day, one of the `held` days before) and half hours in which both are known;
    out[1] compares weekdays with weekdays and weekends with weekends. NaN with fewer than 48 pairs.
    """
    same, known, same_part, known_part = 0, 0, 0, 0
    weekend = (day + 3) % 7 >= 5
    for row in range(held):
        if grid_day[row] <= day - ROUTINE_DAYS - 1:
            continue
        alike = 1 if ((grid_day[row] + 3) % 7 >= 5) == weekend else 0
        for s in range(SLOTS):
            if slot[s] > -3 and grid[row, s] > -3:
                equal = 1 if slot[s] == grid[row, s] and slot[s] >= 0 else 0
                known += 1
                same += equal
                known_part += alike
                same_part += alike * equal
    out[0] = same / known if known >= SLOTS else np.nan
    out[1] = same_part / known_part if known_part >= SLOTS else np.nan


@compiled("void(f8[:, ::1], i8, i8, f8[::1], f8, f8[::1])")
def rhythm_sums(
    piece: Array, low: int, high: int, origin: Array, offset_us: float, sums: Array
) -> None:
    """Set the integrals over a day's recorded time that the periodogram at 24 h is made from.

    Of 1, cos, sin, cos^2, sin^2, cos sin; of each coordinate, alone and times cos and sin; of the
    squared distance from `origin`. Time in microseconds; a way counts at its middle.
    """
    omega = 2 * math.pi / DAY_US_F
    for i in range(RHYTHM_SUMS):
        sums[i] = 0.0
    end, s1, c1 = -1.0, 0.0, 0.0
    for k in range(low, high):
        if piece[k, P_WHAT] == UNKNOWN or piece[k, P_IMPUTED] == FILLED:
            continue
        if piece[k, P_FROM] != end:
            phase = omega * ((piece[k, P_FROM] + offset_us) % DAY_US_F)
            s1, c1 = math.sin(phase), math.cos(phase)
        end = piece[k, P_TO]
        phase = omega * ((end + offset_us) % DAY_US_F)
        s0, c0, s1, c1 = s1, c1, math.sin(phase), math.cos(phase)
        length = end - piece[k, P_FROM]
        c, s = (s1 - s0) / omega, (c0 - c1) / omega
        turn = (s1 * c1 - s0 * c0) / (2 * omega)
        sums[0] += length
        sums[1] += c
        sums[2] += s
        sums[3] += 0.5 * length + turn
        sums[4] += 0.5 * length - turn
        sums[5] += (s1 * s1 - s0 * s0) / (2 * omega)
        for axis in range(3):
            x = 0.5 * (piece[k, P_AX + axis] + piece[k, P_BX + axis]) - origin[axis]
            sums[6 + axis] += x * length
            sums[9 + axis] += x * c
            sums[12 + axis] += x * s
            sums[15] += x * x * length


@compiled("void(f8[::1], f8[::1])")
def rhythm(sums: Array, out: Array) -> None:
    """Set out[0]: ln of the variance [m^2] that a 24-hour wave explains; out[1]: as a share.

    The generalised Lomb-Scargle periodogram (weights, floating mean: Zechmeister & Kurster 2009,
    doi:10.1051/0004-6361:200811296) of all three coordinates, in continuous time: least squares of
    1, cos and sin over the time that was recorded. NaN with less than two days of it, or all of it
    at too few hours of the day; the share also with less than 1 m^2 of variance.
    """
    out[0], out[1] = np.nan, np.nan
    w = sums[0]
    if w < RHYTHM_LEAST_US:
        return
    c, s = sums[1] / w, sums[2] / w
    cc, ss, cs = sums[3] / w - c * c, sums[4] / w - s * s, sums[5] / w - c * s
    det = cc * ss - cs * cs
    if det < 0.01:  # an even day: 0.25
        return
    explained, total = 0.0, sums[15] / w
    for axis in range(3):
        mean = sums[6 + axis] / w
        total -= mean * mean
        xc, xs = sums[9 + axis] / w - mean * c, sums[12 + axis] / w - mean * s
        explained += (ss * xc * xc - 2 * cs * xc * xs + cc * xs * xs) / det
    out[0] = math.log(max(explained, 1.0))
    if total >= 1.0:
        out[1] = min(max(explained / total, 0.0), 1.0)


@compiled("i8(f8[:, ::1], i8)")
def significant(place: Array, known: int) -> int:
    """Return at how many places the person has been for half an hour in all so far."""
    found = 0
    for k in range(known):
        if place[k, DWELL] >= SIGNIFICANT_US:
            found += 1
    return found
