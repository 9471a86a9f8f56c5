"""Phone use from the screen going on and off: when it was used, for how long, in what rhythm."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Times = NDArray[np.int64]
Array = NDArray[np.float64]

OFF, ON, LOCKED, UNLOCKED = 0, 1, 2, 3
SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
LOST_OFF_US: Final = 2 * HOUR_US  # on for longer without any event: its end was not recorded
SILENT_US: Final = 12 * HOUR_US  # a phone that says nothing for longer than a night is not seen
TAIL_US: Final = 9 * HOUR_US  # so long a phone may be put away for the night, before one knows more
FLAT: Final = 1e-9  # s²: below it hours of use are all alike
LEAST_DAYS: Final = 3  # below so many days seen, a week has no rhythm
NIGHT_H: Final = 5  # use from 00:00 to 05:00 is night use
MORNING_H: Final = 4  # a first use from 04:00 on begins the day; before that it ends the one before

_FIELDS = (
    "on_s",
    "uses",
    "unlocks",
    "unlocked_s",
    "mean_s",
    "median_s",
    "sd_s",
    "longest_s",
    "shortest_s",
    "first_h",
    "first_morning_h",
    "last_h",
    "night_s",
    "night_uses",
    "longest_gap_s",
    "median_gap_s",
    "burstiness",
    "seen_s",
    "entropy",
    "hours",
    "centre_h",
    "concentration",
)
FIELDS: Final = {name: place for place, name in enumerate(_FIELDS)}
"""The columns of what `use` returns."""


@compiled("i8(i8[::1], i8)")
def first_at(time_us: Times, at_us: int) -> int:
    """Return how many of some sorted instants lie before one."""
    low, high = 0, time_us.size
    while low < high:
        middle = (low + high) // 2
        if time_us[middle] < at_us:
            low = middle + 1
        else:
            high = middle
    return low


@compiled("i8(i8[::1], i8[::1], i8[::1], i8, i8, i8, i8, i8[:, ::1])")
def uses_between(
    time_us: Times,
    state: Times,
    local_day: Times,
    low: int,
    high: int,
    first_day: int,
    last_day: int,
    found: NDArray[np.int64],
) -> int:
    """Join screen events into stretches of use, and return how many there are.

    Use begins with "on" or "unlocked" while the screen is off, and ends with the next "off" or
    "locked". If more than two hours pass inside it without any event, its end was lost: it then
    ends with the last event seen. So does the last one if nothing ends it.

    Parameters
    ----------
    time_us, state, local_day : int64 arrays, shape (n,)
        When, sorted; 0 off, 1 on, 2 locked, 3 unlocked; the local day of each event.
    low, high : int
        Events [low, high) are looked at, of these only those of local days first to last.
    found : int64 array, shape (high - low, 5) or longer, filled
        Begin, end, when it was unlocked (-1: never), the event that began it, and 1 if nothing
        ended it. Times in microseconds UTC.
    """
    count = 0
    is_open = False
    last = np.int64(0)
    for i in range(low, high):
        if local_day[i] < first_day or local_day[i] > last_day:
            continue
        at = time_us[i]
        lit = state[i] == ON or state[i] == UNLOCKED
        if is_open and at - last > LOST_OFF_US:
            found[count - 1, 1] = last
            found[count - 1, 4] = 0
            is_open = False
        if lit:
            if not is_open:
                found[count, 0] = at
                found[count, 2] = -1
                found[count, 3] = i
                found[count, 4] = 1
                count += 1
                is_open = True
            if state[i] == UNLOCKED and found[count - 1, 2] < 0:
                found[count - 1, 2] = at
            last = at
            found[count - 1, 1] = at
        elif is_open:
            found[count - 1, 1] = at
            found[count - 1, 4] = 0
            is_open = False
    return count


@compiled("void(f8[::1], i8)")
def sort_first(values: Array, count: int) -> None:
    """Sort the first `count` values in place (Shell's sort: little to compile, quick for few)."""
    gap = count // 2
    while gap > 0:
        for i in range(gap, count):
            value = values[i]
            j = i
            while j >= gap and values[j - gap] > value:
                values[j] = values[j - gap]
                j -= gap
            values[j] = value
        gap //= 2


@compiled("f8(f8[::1], i8)")
def median_of_sorted(values: Array, count: int) -> float:
    """Return the median of the first `count` values, which are sorted and at least one."""
    return float((values[(count - 1) // 2] + values[count // 2]) / 2)


@compiled("UniTuple(f8, 2)(f8[::1], i8)")
def _mean_and_squares(values: Array, count: int) -> tuple[float, float]:
    """Return the mean of the first `count` values, and the sum of squares around it."""
    mean = 0.0
    for i in range(count):
        mean += values[i]
    mean /= count
    squares = 0.0
    for i in range(count):
        squares += (values[i] - mean) * (values[i] - mean)
    return mean, squares


@compiled("void(i8, i8, i8[::1], i8[::1], f8[::1])")
def _by_hour(
    begin_us: int, end_us: int, changes_us: Times, offsets_us: Times, hours: Array
) -> None:
    """Add the seconds of [begin, end) to the clock hours they fall in."""
    at = begin_us
    change = first_at(changes_us, at + 1)  # the next one
    while at < end_us:
        wall = at + offsets_us[max(change - 1, 0)]
        until = min(end_us, at + HOUR_US - wall % HOUR_US)
        if change < changes_us.size and until >= changes_us[change]:
            until = changes_us[change]
            change += 1
        hours[wall // HOUR_US % 24] += (until - at) / SECOND_US
        at = until


@compiled("f8(i8[::1], i8[::1], i8, i8, i8, i8, i8)")
def seen_s(
    time_us: Times,
    local_day: Times,
    first_day: int,
    last_day: int,
    start_us: int,
    end_us: int,
    silent_us: int,
) -> float:
    """Return how long [s] of a stretch lies between two events less than `silent_us` apart.

    Only events of local days first to last count.
    """
    total = 0.0
    before = np.int64(-1)
    known = False
    stop = first_at(time_us, end_us + silent_us)  # no later event is near enough
    for i in range(first_at(time_us, start_us - silent_us), stop):
        if local_day[i] < first_day or local_day[i] > last_day:
            continue
        at = time_us[i]
        if known and at > start_us and at - before <= silent_us:
            total += (min(at, end_us) - max(before, start_us)) / SECOND_US
        if at >= end_us:
            break
        before = at
        known = True
    return total


@compiled(
    "UniTuple(i8, 2)(i8[:, ::1], i8, i8, i8, i8[::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[::1],"
    " f8[::1], f8[::1], i8, i8)"
)
def _stretch(
    used: NDArray[np.int64],
    many: int,
    start_us: int,
    end_us: int,
    time_us: Times,
    wall_us: Times,
    changes_us: Times,
    offsets_us: Times,
    out: Array,
    hours: Array,
    lengths: Array,
    gaps: Array,
    counts: int,
    between: int,
) -> tuple[int, int]:
    """Add one stretch's uses to a row; return the numbers of uses and of gaps in it so far."""
    free_from = start_us  # since when the screen has been off
    began = False
    for k in range(many):
        begin, end, unlocked, event = used[k, 0], used[k, 1], used[k, 2], used[k, 3]
        if used[k, 4] == 1:  # nothing has ended it yet: it goes on, but not for ever
            end = min(end_us, end + LOST_OFF_US)
        if end < start_us or begin >= end_us:
            continue
        low, high = max(begin, start_us), min(end, end_us)
        offset = wall_us[event] - time_us[event]
        out[0] += (high - low) / SECOND_US
        if unlocked >= 0:
            out[3] += max(high - max(unlocked, start_us), 0) / SECOND_US
        _by_hour(low, high, changes_us, offsets_us, hours)
        gap = (low - free_from) / SECOND_US
        out[14] = max(out[14], gap)
        if begin >= start_us:
            clock = (begin + offset) % DAY_US / HOUR_US
            if counts == 0:
                out[9] = clock
            if clock >= MORNING_H and math.isnan(out[10]):
                out[10] = clock
            if clock < NIGHT_H:
                out[13] += 1
            if unlocked >= 0:
                out[2] += 1
            lengths[counts] = (high - begin) / SECOND_US
            counts += 1
            if began:
                gaps[between] = gap
                between += 1
        began = True
        offset = offsets_us[max(first_at(changes_us, high) - 1, 0)]
        out[11] = (high + offset) % DAY_US / HOUR_US
        if high == end_us and out[11] == 0.0:
            out[11] = 24.0
        free_from = high
    out[14] = max(out[14], (end_us - free_from) / SECOND_US)
    return counts, between


@compiled("void(f8[::1], f8[::1], f8[::1], i8, i8, b1)")
def _finish(
    out: Array,
    lengths: Array,
    gaps: Array,
    counts: int,
    between: int,
    tells_unlocks: bool,
) -> None:
    """Write what can be said of a row once all of its uses and gaps are known."""
    out[1] = counts
    if counts > 0:
        sort_first(lengths, counts)
        out[4], squares = _mean_and_squares(lengths, counts)
        out[5] = median_of_sorted(lengths, counts)
        if counts > 1:
            out[6] = math.sqrt(squares / (counts - 1))
        out[7] = lengths[counts - 1]
        out[8] = lengths[0]
    if between > 0:
        sort_first(gaps, between)
        out[15] = median_of_sorted(gaps, between)
    if between > 1:
        mean, squares = _mean_and_squares(gaps, between)
        spread = math.sqrt(squares / between)
        if mean + spread > 0:
            out[16] = (spread - mean) / (spread + mean)
    if not tells_unlocks:
        out[2] = math.nan
        out[3] = math.nan


@compiled("void(f8[::1], f8[::1])")
def _around_the_clock(hours: Array, out: Array) -> None:
    """Write what the 24 sums of seconds by clock hour say of a row."""
    total = entropy = x = y = 0.0
    filled = 0
    for hour in range(24):
        total += hours[hour]
        filled += hours[hour] > 0
    out[19] = filled
    if total <= 0:
        return
    for hour in range(24):
        share = hours[hour] / total
        if share > 0:
            entropy -= share * math.log(share)
        x += share * math.cos((hour + 0.5) * (2 * math.pi / 24))
        y += share * math.sin((hour + 0.5) * (2 * math.pi / 24))
    out[18] = min(max(entropy / math.log(24), 0.0), 1.0)
    out[21] = min(math.sqrt(x * x + y * y), 1.0)
    if out[21] > 1e-9:
        out[20] = (math.atan2(y, x) * (24 / (2 * math.pi))) % 24


@compiled("Tuple((f8, f8, i8))(f8[:, ::1], b1[::1], i8[::1], f8)")
def _steps(
    hours: Array, known: NDArray[np.bool_], days: Times, mean: float
) -> tuple[float, float, int]:
    """Return the squares around the mean, the squares of steps between hours, and how many."""
    total = steps = before = 0.0
    pairs = 0
    seen = False
    for day in days:
        for hour in range(24):
            if not known[day]:
                seen = False
                continue
            value = hours[day, hour]
            total += (value - mean) * (value - mean)
            if seen:
                steps += (value - before) * (value - before)
                pairs += 1
            before, seen = value, True
    return total, steps, pairs


@compiled("void(f8[:, ::1], b1[::1], i8[:, ::1], f8[:, ::1])")
def rhythm(hours: Array, known: NDArray[np.bool_], week: Times, out: Array) -> None:
    """Write interdaily stability and intradaily variability of hourly use.

    Parameters
    ----------
    hours : float64 array, shape (days, 24)
        Time used by clock hour.
    known : bool array, shape (days,)
        On which days the phone was seen.
    week : int64 array, shape (rows, k)
        Which days, one after the other, make up each row.
    out : float64 array, shape (rows, 2), NaN
        Stays NaN below `LEAST_DAYS` known days, or where all hours are alike.

    References
    ----------
    Witting et al. 1990, doi:10.1016/0006-3223(90)90523-5; days that are not known are left out, and
    a step between hours counts where both are known.
    """
    for row in range(week.shape[0]):
        days, mean = 0, 0.0
        for day in week[row]:
            if known[day]:
                days += 1
                for hour in range(24):
                    mean += hours[day, hour]
        if days < LEAST_DAYS:
            continue
        mean /= 24 * days
        between = 0.0
        for hour in range(24):
            own = 0.0
            for day in week[row]:
                if known[day]:
                    own += hours[day, hour] - mean
            between += own * own / days
        total, steps, pairs = _steps(hours, known, week[row], mean)
        if total > FLAT:
            out[row, 0] = min(between / total, 1.0)
            out[row, 1] = (steps / pairs) / (total / (24 * days))


@compiled("f8(i8[::1], i8[::1], i8, i8, i8[::1], i8[::1], i8)")
def _seen_of_row(
    time_us: Times,
    local_day: Times,
    first_day: int,
    last_day: int,
    start_us: Times,
    end_us: Times,
    tail_us: int,
) -> float:
    """Return how long [s] of a row's stretches is seen, from what comes before its end alone."""
    close = end_us[-1]
    before = first_at(time_us, close)
    total = 0.0
    for k in range(start_us.size):
        total += seen_s(
            time_us[:before], local_day[:before], first_day, last_day, start_us[k], end_us[k],
            SILENT_US,
        )  # fmt: skip
    last = before - 1
    while last >= 0 and (local_day[last] < first_day or local_day[last] > last_day):
        last -= 1
    if last >= 0 and close - time_us[last] <= tail_us:
        total += (close - max(time_us[last], start_us[-1])) / SECOND_US
    return total


@compiled(
    "void(i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8,"
    " i8[::1], i8[::1], f8[:, ::1], f8[:, ::1])"
)
def use(
    time_us: Times,
    state: Times,
    wall_us: Times,
    local_day: Times,
    row_day: Times,
    row: Times,
    start_us: Times,
    end_us: Times,
    first_day: Times,
    tail_us: int,
    changes_us: Times,
    offsets_us: Times,
    out: Array,
    hours: Array,
) -> None:
    """Describe the use of the screen in windows.

    Parameters
    ----------
    time_us, state, wall_us, local_day : int64 arrays, shape (n,)
        Events: when [us UTC], 0 off, 1 on, 2 locked, 3 unlocked, wall clock [us], local day.
    row_day, first_day : int64 arrays, shape (rows,)
        The local day of each row, and the first one whose events may matter to it.
    row, start_us, end_us : int64 arrays, shape (m,)
        The stretches, in order of row and time. The screen is on at the start of one if an event
        in the two hours before says so, and nothing since.
    changes_us, offsets_us : int64 arrays, shape (k,)
        From when on which offset from UTC holds; the first one before the first event too.
    out : float64 array, shape (rows, len(FIELDS)), NaN
        Filled by column of `FIELDS`; NaN stays where there is no use (or no unlock is ever told)
        to describe, and for rows without a stretch.
    hours : float64 array, shape (rows, 24), zeros
        Filled: seconds of use by clock hour.
    """
    used = np.empty((time_us.size + 1, 5), np.int64)
    lengths = np.empty(time_us.size + 1)
    gaps = np.empty(time_us.size + 1)
    first = 0
    while first < row.size:
        here = row[first]
        counts = between = 0
        tells_unlocks = False
        for name in range(out.shape[1]):
            out[here, name] = 0.0 if name in (0, 2, 3, 12, 13, 14, 17) else math.nan
        stretch = first
        while stretch < row.size and row[stretch] == here:
            start, end = start_us[stretch], end_us[stretch]
            low = first_at(time_us, start - LOST_OFF_US)
            high = first_at(time_us, end)
            many = uses_between(
                time_us, state, local_day, low, high, first_day[here], row_day[here], used
            )
            for i in range(low, high):
                if first_day[here] <= local_day[i] <= row_day[here] and state[i] >= LOCKED:
                    tells_unlocks = True
            counts, between = _stretch(
                used, many, start, end, time_us, wall_us, changes_us, offsets_us, out[here],
                hours[here], lengths, gaps, counts, between,
            )  # fmt: skip
            stretch += 1
        out[here, 17] = _seen_of_row(
            time_us, local_day, first_day[here], row_day[here], start_us[first:stretch],
            end_us[first:stretch], tail_us,
        )  # fmt: skip
        for hour in range(NIGHT_H):
            out[here, 12] += hours[here, hour]
        _finish(out[here], lengths, gaps, counts, between, tells_unlocks)
        _around_the_clock(hours[here], out[here])
        first = stretch
