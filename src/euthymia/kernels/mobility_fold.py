"""The days of a person one after the other: each knows what the days before it taught."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.mobility_fixes import BIN_US, minute_positions, noise_m, without_spikes
from euthymia.kernels.mobility_follow import (
    BROKEN,
    CARRIED,
    DAYS_SEEN,
    ENDED,
    HOME,
    KNOWN,
    MOVED,
    NIGHTS,
    NIGHTS_SEEN,
    RHYTHM_DAYS,
    ROUTINE_DAYS,
    STAYED,
    STRIDES,
    WAYS,
    elected_home,
    learn_dwell,
    night_place,
    rhythm,
    rhythm_sums,
    routine,
    significant,
    slot_places,
)
from euthymia.kernels.mobility_history import refill
from euthymia.kernels.mobility_moves import (
    REST_US,
    note_last,
    note_strides,
    rest_pieces,
    tells_moves,
    with_rests,
)
from euthymia.kernels.mobility_pieces import (
    AT_ONCE,
    BRIDGE_US,
    LONG_US,
    WIDE_M,
    put_edge,
    put_link,
    put_node,
    thinned,
)
from euthymia.kernels.mobility_stays import (
    FROM,
    MINUTE_US,
    OUT_US,
    PLACE_M,
    TO,
    find_stays,
    joined,
    known_halts,
    learn_place,
)

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

CARRY: Final = 64
CARRY_US: Final = 20 * MINUTE_US
"""So much of the time before its first fix is told to a day: who came home at five to midnight."""
LEAVE_PRIOR_US: Final = 480 * MINUTE_US  # before anything is known, a stay lasts eight hours
STOP_PRIOR_US: Final = 30 * MINUTE_US  # and a way half an hour
LEAST_WAYS: Final = 3.0
# what is known of a day as a whole
U_HOME, U_HOME_X, U_PLACES, U_RHYTHM, U_SHARE, U_ROUTINE, U_PART, U_NOISE = 0, 1, 4, 5, 6, 7, 8, 9
U_BEFORE: Final = 10  # the last instant before the unit [us] at which the person was located
UNIT_COLUMNS: Final = 11


@compiled("void(f8[::1], f8[::1])")
def copy_row(source: Array, target: Array) -> None:
    """Copy one row of numbers into another."""
    for i in range(source.size):
        target[i] = source[i]


@compiled("void(f8[:, ::1], f8[:, ::1], i8)")
def copy_rows(source: Array, target: Array, count: int) -> None:
    """Copy the first rows of one table into another."""
    for k in range(count):
        copy_row(source[k], target[k])


@compiled("i8(i8[::1], i8[::1], f8[:, ::1])")
def most_positions(low: Ints, high: Ints, span: Array) -> int:
    """Return how many positions a unit has at most: one a fix, and one a minute."""
    most = 0
    for unit in range(low.size):
        minutes = int((span[unit, 1] - span[unit, 0]) // BIN_US) + 4
        most = max(most, min(high[unit] - low[unit], minutes))
    return most


@compiled("i8(f8[:, ::1], f8[::1], f8[:, ::1], i8, f8[::1], f8[:, ::1], f8[::1])")
def cleaned(
    carry: Array,
    at_us: Array,
    position: Array,
    found: int,
    kept_us: Array,
    kept: Array,
    tally: Array,
) -> int:
    """Take what is carried over from the day before and a day's positions without jumps."""
    bridge = REST_US if tells_moves(tally) else BRIDGE_US
    n = 0
    for k in range(int(tally[CARRIED])):
        if carry[k, 3] < at_us[0] and at_us[0] - carry[k, 3] <= bridge:
            kept_us[n] = carry[k, 3]
            for axis in range(3):
                kept[n, axis] = carry[k, axis]
            n += 1
    return n + without_spikes(at_us, position, 0, found, kept_us[n:], kept[n:])


@compiled("void(f8[::1], f8[:, ::1], i8, f8[:, ::1], f8[::1])")
def carry_over(kept_us: Array, kept: Array, count: int, carry: Array, tally: Array) -> None:
    """Keep the positions of the last twenty minutes for the day after."""
    first = count - 1
    while (
        first > 0 and count - first < CARRY and kept_us[count - 1] - kept_us[first - 1] <= CARRY_US
    ):
        first -= 1
    for k in range(first, count):
        carry[k - first, 3] = kept_us[k]
        for axis in range(3):
            carry[k - first, axis] = kept[k, axis]
    tally[CARRIED] = count - first


@compiled(
    "i8(f8[::1], f8[:, ::1], i8, f8, b1, f8[:, ::1], f8[::1], f8[:, ::1], f8[:, ::1], f8[::1], f8)"
)
def day_nodes(
    kept_us: Array,
    kept: Array,
    count: int,
    noise: float,
    rests: bool,
    stay: Array,
    place_of: Array,
    node: Array,
    place: Array,
    tally: Array,
    day: float,
) -> int:
    """Find a day's stays, learn their places, and list stays and positions on the way.

    With `rests` (see `with_rests`) a stay is where its place is, not where the last fix was.
    """
    radius = min(max(4.0 * noise, 60.0), 240.0)
    stays = find_stays(kept_us, kept, count, radius, stay)
    within = WIDE_M if rests else max(PLACE_M, radius)
    for k in range(stays):
        at = learn_place(place, int(tally[KNOWN]), stay, k, within, rests, int(day))
        tally[KNOWN] = max(tally[KNOWN], at + 1.0)
        place_of[k] = at
        if rests and at >= 0:
            for axis in range(3):
                stay[k, axis] = place[at, axis]
    known = int(tally[KNOWN])
    n = known_halts(kept_us, kept, count, stay, stays, place, known, radius,
                    math.inf if rests else OUT_US, node, place_of)  # fmt: skip
    n = joined(node, n, 1.5 * radius)
    return thinned(node, n, max(4.0 * noise, 50.0))


@compiled("f8(f8[::1], i8)")
def longest_gap(at_us: Array, count: int) -> float:
    """Return the longest time between neighbours [us]."""
    longest = 0.0
    for k in range(count - 1):
        longest = max(longest, at_us[k + 1] - at_us[k])
    return longest


@compiled("f8(f8[::1])")
def stops_per_us(tally: Array) -> float:
    """Return how often somebody on the way stops, by the ways on record so far [1/us].

    At once, with too few of them, or where the recording rather tells moves alone.
    """
    if tally[WAYS] < LEAST_WAYS or tally[STRIDES] > tally[BROKEN]:
        return AT_ONCE
    return float((tally[WAYS] + 1.0) / (tally[MOVED] + STOP_PRIOR_US))


@compiled("i8(f8[:, ::1], i8, f8[:, ::1], i8, f8[::1], i8, f8, f8, f8, f8, f8[::1])")
def day_pieces(
    piece: Array,
    n: int,
    node: Array,
    nodes: int,
    at_us: Array,
    count: int,
    longest: float,
    leave: float,
    stop: float,
    noise: float,
    span: Array,
) -> int:
    """Write a day without holes, `longest` its longest gap; return how many pieces there are."""
    fixes = count if longest > LONG_US else 0  # among which gaps are looked for
    n = put_edge(piece, n, node, 0, span[0], node[0, FROM], leave, span)
    for i in range(nodes):
        if node[i, TO] > node[i, FROM]:
            n = put_node(piece, n, node, i, at_us, fixes, leave, span)
        if i + 1 < nodes:
            n = put_link(piece, n, node, i, i + 1, nodes, leave, stop, noise, span)
    last = nodes - 1
    return put_edge(piece, n, node, last, node[last, TO], span[1], leave, span)


@compiled(
    "i8(f8[:, ::1], i8, f8[::1], f8[:, ::1], i8, i8[::1], f8[::1], f8[::1], f4[::1], f8, f8,"
    " f8[:, ::1], f8[::1], f8, f8[::1])"
)
def moves_pieces(
    piece: Array, n: int, kept_us: Array, kept: Array, count: int, time: Ints, latitude: Array,
    longitude: Array, accuracy: Array, leave: float, noise: float, place: Array, tally: Array,
    day: float, span: Array,
) -> int:  # fmt: skip
    """Do as `day_pieces` in a recording that tells moves alone."""
    size = 3 * count
    at_us, position, unsure = np.empty(size), np.empty((size, 3)), np.empty((count + 1, 3))
    stay, node, place_of = np.empty((size, 6)), np.empty((size, 6)), np.empty(size)
    rests = with_rests(
        kept_us, kept, count, time, latitude, longitude, accuracy, place, tally, span[1], at_us,
        position, unsure,
    )  # fmt: skip
    nodes = day_nodes(at_us, position, rests, noise, True, stay, place_of, node, place, tally, day)
    last_us = float(time[-1])
    return rest_pieces(piece, n, node, nodes, leave, noise, tally, last_us, unsure, span)


@compiled(
    "i8(f8[:, ::1], i8, f8[::1], f8[:, ::1], i8, i8[::1], f8[::1], f8[::1], f4[::1], f8,"
    " f8[:, ::1], f8[::1], f8[:, ::1], f8[:, ::1], f8[::1], f8, f8[::1])"
)
def lay_out(
    piece: Array, n: int, kept_us: Array, kept: Array, count: int, time: Ints, latitude: Array,
    longitude: Array, accuracy: Array, noise: float, stay: Array, place_of: Array, node: Array,
    place: Array, tally: Array, day: float, span: Array,
) -> int:  # fmt: skip
    """Write a day of either kind of recording without holes; return how many pieces there are."""
    longest, last = longest_gap(kept_us, count), time.size - 1
    note_strides(kept_us, kept, count, longest, time, tally)
    leave = (tally[ENDED] + 1.0) / (tally[STAYED] + LEAVE_PRIOR_US)
    if tells_moves(tally):
        n = moves_pieces(piece, n, kept_us, kept, count, time, latitude, longitude, accuracy,
                         leave, noise, place, tally, day, span)  # fmt: skip
    else:
        nodes = day_nodes(
            kept_us, kept, count, noise, False, stay, place_of, node, place, tally, day
        )
        stop = stops_per_us(tally)
        n = day_pieces(piece, n, node, nodes, kept_us, count, longest, leave, stop, noise, span)
    note_last(tally, float(time[last]), latitude[last], longitude[last], accuracy[last])
    return n


@compiled("void(f8[:, ::1], i8, i8, f8[:, ::1], f8[::1], i8[::1], f8[::1], i8, f8[:, ::1], i8, b1)")
def learn_home(
    piece: Array,
    low: int,
    high: int,
    place: Array,
    tally: Array,
    night: Ints,
    bounds_us: Array,
    day: int,
    known: Array,
    unit: int,
    main: bool,
) -> None:
    """Let the night vote for the home, and note the day's home and number of places."""
    spent = np.zeros(int(tally[KNOWN]) + 1)
    learn_dwell(piece, low, high, place, tally, day)
    at = night_place(piece, low, high, bounds_us[0], bounds_us[1], spent)
    seen = int(tally[NIGHTS_SEEN])
    kept = night[seen % NIGHTS]
    if at >= 0:
        night[seen % NIGHTS] = at
        seen += 1
    home = elected_home(place, night, min(seen, NIGHTS), int(tally[HOME]), spent)
    known[unit, U_HOME] = home
    known[unit, U_PLACES] = significant(place, int(tally[KNOWN]))
    for axis in range(3):
        known[unit, U_HOME_X + axis] = place[home, axis] if home >= 0 else np.nan
    if main:
        tally[HOME], tally[NIGHTS_SEEN] = home, seen
    else:
        night[int(tally[NIGHTS_SEEN]) % NIGHTS] = kept


@compiled(
    "void(f8[:, ::1], i8, i8, f8[::1], i8, i8, b1, f8[::1], f8, i8[:, ::1], i8[::1],"
    " f8[:, ::1], f8[::1], f8[:, ::1], i8)"
)
def learn_rhythm(
    piece: Array,
    low: int,
    high: int,
    tally: Array,
    seen: int,
    day: int,
    main: bool,
    slot_us: Array,
    offset_us: float,
    grid: Ints,
    grid_day: Ints,
    sums: Array,
    origin: Array,
    known: Array,
    unit: int,
) -> None:
    """Compare the day with those before it, and keep it for those after."""
    slot, own, out = np.empty(slot_us.size, np.int64), np.empty(sums.shape[1]), np.empty(2)
    total = np.empty(own.size)
    slot_places(piece, low, high, slot_us, slot)
    routine(slot, grid, grid_day, min(seen, ROUTINE_DAYS), day, out)
    known[unit, U_ROUTINE], known[unit, U_PART] = out[0], out[1]
    rhythm_sums(piece, low, high, origin, offset_us, own)
    for i in range(own.size):
        total[i] = own[i]
        for row in range(min(seen, ROUTINE_DAYS)):
            if grid_day[row] > day - RHYTHM_DAYS:
                total[i] += sums[row, i]
    rhythm(total, out)
    known[unit, U_RHYTHM], known[unit, U_SHARE] = out[0], out[1]
    if main:
        row = seen % ROUTINE_DAYS
        grid_day[row] = day
        for i in range(slot.size):
            grid[row, i] = slot[i]
        for i in range(own.size):
            sums[row, i] = own[i]
        tally[DAYS_SEEN] = seen + 1


@compiled(
    "i8(i8[::1], f8[::1], f8[::1], f4[::1], i8[::1], i8[::1], f8[::1], i8[::1], i8[::1], b1[::1],"
    " f8[:, ::1], f8[:, ::1], f8[::1], f8[:, ::1], f8[:, ::1], f8[::1], i8[::1], f8[:, ::1],"
    " i8[:, ::1], i8[:, ::1], i8[::1], f8[:, ::1], f8[:, ::1], i8[::1], f8[:, ::1])"
)
def fold(
    time: Ints, latitude: Array, longitude: Array, accuracy: Array, low: Ints, high: Ints,
    at_us: Array, first: Ints, day: Ints, main: NDArray[np.bool_], span: Array,
    night_us: Array, offset_us: Array, slot_us: Array, place: Array, tally: Array, night: Ints,
    carry: Array, grid: Ints, seen: Ints, grid_day: Ints, sums: Array, piece: Array,
    first_piece: Ints, known: Array,
) -> int:  # fmt: skip
    """Lay out each unit's time in pieces, in the light of those before; return how many.

    A unit is a local day up to some instant: to its end (`main`), or cut short: then nothing is
    learnt from it. Units of a day come before its main one, days in order.

    Parameters
    ----------
    time, latitude, longitude, accuracy, low, high, at_us, first
        Of `minute_positions`: fixes, and the instants of the positions that each unit has.
    day, main, span, night_us, offset_us, slot_us : arrays, first axis u
        Of each unit: local day, whether it is whole, [from, to) [us UTC], its small hours, its
        offset from UTC, the middles of its half hours.
    place, tally, night, carry, grid, seen, grid_day, sums : arrays
        What has been learnt; changed in place.
    piece, first_piece, known : arrays
        Out: the pieces, which of them belong to a unit, and what is known of the unit.
    """
    largest = most_positions(low, high, span) + CARRY + 1
    position, count_of = np.empty((largest, 3)), np.empty(largest, np.int16)
    kept_us, kept = np.empty(largest), np.empty((largest, 3))
    stay, node, place_of = np.empty((largest, 6)), np.empty((largest, 6)), np.empty(largest)
    origin, held, saved = np.zeros(3), np.empty(tally.size), np.empty(place.shape)
    n, pair, first[0] = 0, np.zeros(2, np.int64), 0
    for unit in range(day.size):
        first_piece[unit] = n
        known[unit, :] = np.nan
        own, at = slice(unit, unit + 1), at_us[first[unit] :]
        own_fixes = slice(low[unit], high[unit])
        found = minute_positions(
            time, latitude, longitude, accuracy, low[own], high[own], pair, at, position, count_of
        )
        first[unit + 1] = first[unit] + found
        if found == 0:
            continue
        if tally[DAYS_SEEN] == 0:
            copy_row(position[0], origin)
        copy_row(tally, held)
        if not main[unit]:
            copy_rows(place, saved, int(held[KNOWN]))
        count = cleaned(carry, at, position, found, kept_us, kept, tally)
        noise, days = noise_m(kept_us, kept, count), int(tally[DAYS_SEEN])
        n = lay_out(piece, n, kept_us, kept, count, time[own_fixes], latitude[own_fixes],
                    longitude[own_fixes], accuracy[own_fixes], noise, stay, place_of, node, place,
                    tally, float(day[unit]), span[unit])  # fmt: skip
        known[unit, U_NOISE] = noise
        if held[CARRIED] > 0:
            known[unit, U_BEFORE] = carry[int(held[CARRIED]) - 1, 3]
        start = first_piece[unit]
        learn_home(piece, start, n, place, tally, night, night_us[unit], day[unit], known, unit,
                   main[unit])  # fmt: skip
        learn_rhythm(piece, start, n, tally, days, day[unit], main[unit], slot_us[unit],
                     offset_us[unit], grid, grid_day, sums, origin, known, unit)  # fmt: skip
        n = refill(piece, start, n, place, int(known[unit, U_HOME]), slot_us[unit], span[unit],
                   known[unit, U_BEFORE], seen, grid_day, days, day[unit], main[unit],
                   not tells_moves(tally))  # fmt: skip
        if main[unit]:
            carry_over(kept_us, kept, count, carry, tally)
        else:
            copy_rows(saved, place, int(held[KNOWN]))
            copy_row(held, tally)
    first_piece[day.size] = n
    return n
