"""The main sleep of each date, told from when the phone was not used.

Awake, a person uses the phone at a rate; asleep, at a far lower one. Each stretch between two uses
gains what the two rates say for its length, each use inside the stretch costs what they say for a
use, and the likeliest sleep is the stretch with the most left: the model of Cuttone et al. 2017
(SensibleSleep, doi:10.1371/journal.pone.0169901) with the awake rate of the person's own two days,
solved exactly, in one pass, instead of by sampling. A check in the night is thereby joined over
if the rest beyond it outweighs it, and the person's own nights before say when sleep is likely.
Time in which nothing was recorded (`kernels.unseen`) counts for half, and may hide when a sleep
began or ended.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.screen import (
    DAY_US,
    HOUR_US,
    LOCKED,
    MINUTE_US,
    first_at,
    median_of_sorted,
    seen_s,
    sort_first,
    uses_between,
)
from euthymia.kernels.sleep_phone_hours import (
    LENGTH_SPREAD_H,
    SHORTEST_US,
    USUAL_LENGTH_H,
    USUAL_OFFSET_H,
    USUAL_ONSET_H,
    likely,
    t_density,
    unlikely,
    unseen,
    usual,
)
from euthymia.kernels.unseen import (
    G_BLIND,
    G_FROM,
    G_TO,
    NOT_LOCATED,
    gaps_between,
    hidden,
    within,
)

Times = NDArray[np.int64]
Array = NDArray[np.float64]
Ints = NDArray[np.int64]

ASLEEP_PER_H: Final = 0.2  # checks an hour asleep: one or two a night
LEAST_PER_H: Final = 0.5  # uses an hour awake: the rate is never taken to be lower ...
MOST_PER_H: Final = 6.0  # ... or higher, for uses come in bursts and an hour without says little
PRIOR_PER_H: Final = 3.0  # what the rate is drawn to, with the weight of PRIOR_H hours
PRIOR_H: Final = 2.0
LONG_GAP_H: Final = 2.0  # of a longer gap, only so much is taken for time awake
CHECK_MIN: Final = 20.0  # every so many minutes of use speak against sleep e-fold
GLANCE_US: Final = (
    MINUTE_US  # lit for less and never unlocked: a notice that came, as likely as not
)
GLANCE_SHARE: Final = 0.5
SITTING_US: Final = 10 * MINUTE_US  # uses less apart are one sitting: they come in bursts
HABIT_NIGHTS: Final = 7
LEAST_NIGHTS: Final = 4  # from so many of them on, they say when sleep is likely
LEAST_SPREAD_H: Final = 0.5  # of onset and offset: nobody's nights are more alike than that
LONGEST_US: Final = 14 * HOUR_US  # the phone was rather not recorded, or left somewhere
UNSEEN_H: Final = USUAL_LENGTH_H - LENGTH_SPREAD_H  # what a longer silence counts for as a sleep
SILENT_US: Final = 4 * HOUR_US  # an awake owner's phone that says nothing for longer is not seen
AROUND_US: Final = 6 * HOUR_US  # before and after a sleep, in which the phone must have been seen
LEAST_SEEN: Final = 0.5
UNRECORDED: Final = 0.05  # share of time in which a phone is not recorded, before anything is known
UNRECORDED_DAYS: Final = 2.0  # of the person; it weighs as many days
BLIND_LESS: Final = 0.5  # an hour that was not recorded counts for so much less of a sleep
# columns of a use beyond those of `uses_between`: how long before it, since the one before,
# nothing was recorded; until when a sleep may have begun after it unseen; from when ended before it
BLIND, LATEST, EARLIEST = 5, 6, 7
COLUMNS: Final = 8


@compiled("f8(i8[:, ::1], i8)")
def awake_rate(used: NDArray[np.int64], many: int) -> float:
    """Return the uses an hour of somebody awake, from two days in which they also slept."""
    awake_h = 0.0
    for k in range(1, many):
        awake_h += min((used[k, 0] - used[k - 1, 1] - used[k, BLIND]) / HOUR_US, LONG_GAP_H)
    rate = (many + PRIOR_PER_H * PRIOR_H) / (awake_h + PRIOR_H)
    return min(max(rate, LEAST_PER_H), MOST_PER_H)


@compiled("void(i8[:, ::1], i8, i8[:, ::1], i8)")
def observe(used: Ints, many: int, gap: Ints, gaps: int) -> None:
    """Write of each use how much before it was not recorded, and what that may hide."""
    for k in range(many):
        used[k, BLIND], used[k, EARLIEST], used[k, LATEST] = 0, used[k, 0], used[k, 1]
        if k > 0 and gaps > 0:
            start, end = used[k - 1, 1], used[k, 0]
            used[k, BLIND] = within(gap, gaps, start, end, True)
            if used[k, BLIND] > 0:
                used[k - 1, LATEST], used[k, EARLIEST] = hidden(gap, gaps, start, end)


@compiled("UniTuple(i8, 2)(i8[:, ::1], i8, b1, i8, i8, f8[::1])")
def likeliest(
    used: Ints,
    many: int,
    tells_unlocks: bool,
    midnight_us: int,
    end_us: int,
    habit: Array,
) -> tuple[int, int]:
    """Return the uses between which the sleep lies that ends from midnight to the end of a date.

    Parameters
    ----------
    used : int64 array, shape (many, 8)
        As `uses_between`, `sittings` and `observe` fill it.
    habit : float64 array, shape (4,)
        Usual onset, its spread, usual offset, its spread [hours from midnight]; spread 0: unknown.

    Returns
    -------
    first, last : int
        It begins at the end of use `first` and ends at the beginning of use `last`. (-1, -1):
        no stretch of 2 to 14 hours ends on the date, or it was rather slept in a longer silence.
    """
    rate = awake_rate(used, many)
    gain, cost = rate - ASLEEP_PER_H, math.log(rate / ASLEEP_PER_H)
    best, first, last = -math.inf, -1, -1
    for j in range(many):
        wake = used[j, 0]
        if wake < midnight_us or wake >= end_us:
            continue
        offset = usual(used[j, EARLIEST], wake, habit[2], habit[3], USUAL_OFFSET_H, midnight_us)
        score = likely(offset, habit[2], habit[3], USUAL_OFFSET_H)
        if j == 0 or wake - used[j - 1, 1] > LONGEST_US:
            total = score + gain * UNSEEN_H
            total += likely(offset - USUAL_LENGTH_H, habit[0], habit[1], USUAL_ONSET_H)
            if total > best:
                best, first, last = total, -1, -1
            continue
        for i in range(j - 1, -1, -1):
            score += (
                gain * (used[i + 1, 0] - used[i, 1] - BLIND_LESS * used[i + 1, BLIND]) / HOUR_US
            )
            slept = wake - used[i, 1]
            if slept > LONGEST_US:
                break
            if slept >= SHORTEST_US and score > best:  # what is added to it is never above 0
                onset = usual(
                    used[i, 1], used[i, LATEST], habit[0], habit[1], USUAL_ONSET_H, midnight_us
                )
                total = score + likely(onset, habit[0], habit[1], USUAL_ONSET_H)
                total += t_density(offset - onset, USUAL_LENGTH_H, LENGTH_SPREAD_H)
                if total > best:
                    best, first, last = total, i, j
            length = used[i, 1] - used[i, 0]
            against = cost + length / MINUTE_US / CHECK_MIN
            if tells_unlocks and used[i, 2] < 0 and length <= GLANCE_US:
                against *= GLANCE_SHARE
            score -= against
    return first, last


@compiled("f8(i8[::1], f8[::1], i8)")
def unrecorded(day: Times, missed: Array, night: int) -> float:
    """Return the share of time in which the phone was not seen, on a date and in the week before.

    `missed` is that of each date from its noon before to its end.
    """
    total, days, k = UNRECORDED * UNRECORDED_DAYS, UNRECORDED_DAYS, night
    while k >= 0 and day[night] - day[k] <= HABIT_NIGHTS:
        total, days, k = total + missed[k], days + 1, k - 1
    return float(min(total / days, 0.5))


@compiled("i8(i8[:, ::1], i8)")
def sittings(used: NDArray[np.int64], many: int) -> int:
    """Join, in place, uses that are less than ten minutes apart; return how many are left.

    The fourth column becomes the time used, the fifth how many uses were joined.
    """
    count = 0
    for k in range(many):
        length = used[k, 1] - used[k, 0]
        if count > 0 and used[k, 0] - used[count - 1, 1] < SITTING_US:
            used[count - 1, 1] = used[k, 1]
            used[count - 1, 2] = max(used[count - 1, 2], used[k, 2])
            used[count - 1, 3] += length
            used[count - 1, 4] += 1
        else:
            used[count, 0], used[count, 1], used[count, 2] = used[k, 0], used[k, 1], used[k, 2]
            used[count, 3], used[count, 4] = length, 1
            count += 1
    return count


@compiled("void(i8[::1], f8[:, ::1], i8, f8[::1])")
def habit_before(day: Times, hours: Array, night: int, habit: Array) -> None:
    """Write the median and spread of onset and offset over the week before a night.

    All 0 unless four nights are known. `hours`, shape (nights, 2): onset and offset in hours from
    the date's midnight, NaN where not known. The spread is sqrt(MAD² / 2 + 0.5²).
    """
    for place in range(4):
        habit[place] = 0.0
    values = np.empty(HABIT_NIGHTS)
    for which in range(2):
        count = 0
        k = night - 1
        while k >= 0 and day[night] - day[k] <= HABIT_NIGHTS:
            if not math.isnan(hours[k, which]):
                values[count] = hours[k, which]
                count += 1
            k -= 1
        if count < LEAST_NIGHTS:
            habit[0] = habit[1] = 0.0
            return
        sort_first(values, count)
        middle = median_of_sorted(values, count)
        for k in range(count):
            values[k] = abs(values[k] - middle)
        sort_first(values, count)
        mad = 1.4826 * median_of_sorted(values, count)
        habit[2 * which] = middle
        habit[2 * which + 1] = math.sqrt(mad * mad / 2 + LEAST_SPREAD_H * LEAST_SPREAD_H)


@compiled("f8(i8[::1], i8[::1], i8, i8, i8, i8[:, ::1], i8)")
def _told_s(
    time_us: Times, local_day: Times, day: int, start_us: int, end_us: int, gap: Ints, gaps: int
) -> float:
    """Return how much of a stretch was seen [s]: events no more than four hours apart, no gap."""
    total = seen_s(time_us, local_day, day - 1, day, start_us, end_us, SILENT_US)
    for g in range(gaps):
        after = first_at(time_us, (gap[g, G_FROM] + gap[g, G_TO]) // 2)
        if gap[g, G_BLIND] == 0 or after in (0, time_us.size):
            continue
        silent = time_us[after] - time_us[after - 1] > SILENT_US
        if not silent and local_day[after - 1] >= day - 1 and local_day[after] <= day:
            low = max(gap[g, G_FROM], time_us[after - 1], start_us)
            total -= max(min(gap[g, G_TO], time_us[after], end_us) - low, 0) / 1e6
    return float(max(total, 0.0))


@compiled("f8(i8[::1], i8[::1], i8, i8, i8, i8[::1], i8[:, ::1], i8)")
def _seen(
    time_us: Times,
    local_day: Times,
    day: int,
    noon: int,
    end_us: int,
    sleep: Times,
    gap: Ints,
    gaps: int,
) -> float:
    """Return how much of the time from the noon before a date to its end was seen or slept [s]."""
    onset, offset = sleep[0], sleep[1]
    if offset == 0:
        return _told_s(time_us, local_day, day, noon, end_us, gap, gaps)
    rest = float(max(offset - max(onset, noon), 0)) / 1e6
    before = _told_s(time_us, local_day, day, noon, max(onset, noon), gap, gaps)
    after = _told_s(time_us, local_day, day, offset, end_us, gap, gaps)
    return float(before + rest + after)


@compiled("f8(i8[::1], i8[::1], i8, i8, i8, i8, i8[::1], i8[:, ::1], i8)")
def _judge(
    time_us: Times,
    local_day: Times,
    day: int,
    low_us: int,
    midnight_us: int,
    end_us: int,
    sleep: Times,
    gap: Ints,
    gaps: int,
) -> float:
    """Drop a sleep around which the phone was not seen; return how much was seen since noon [s]."""
    noon = midnight_us - DAY_US // 2
    onset, offset = sleep[0], sleep[1]
    if offset > 0:
        low, high = max(onset - AROUND_US, low_us), min(offset + AROUND_US, end_us)
        seen = _told_s(time_us, local_day, day, low, onset, gap, gaps)
        seen += _told_s(time_us, local_day, day, offset, high, gap, gaps)
        if seen * 1e6 < LEAST_SEEN * (high - low - (offset - onset)):
            for place in range(4):
                sleep[place] = 0
    return float(_seen(time_us, local_day, day, noon, end_us, sleep, gap, gaps))


@compiled("void(i8[:, ::1], i8, i8, i8[::1])")
def put_sleep(used: NDArray[np.int64], first: int, last: int, sleep: Times) -> None:
    """Write the sleep between two uses, how many uses it holds and how long; 0 without one."""
    for place in range(4):
        sleep[place] = 0
    if first < 0:
        return
    sleep[0], sleep[1] = used[first, 1], used[last, 0]
    for k in range(first + 1, last):
        sleep[2] += 1
        sleep[3] += used[k, 3]


@compiled("f8(i8[::1], i8[::1], i8, i8, i8, i8[::1], i8[:, ::1], i8, f8[:, ::1], i8)")
def learn(
    time_us: Times,
    local_day: Times,
    day: int,
    midnight_us: int,
    end_us: int,
    sleep: Times,
    gap: Ints,
    gaps: int,
    hours: Array,
    night: int,
) -> float:
    """Note the hours of a sleep; return which share of the date the phone was not seen."""
    noon = midnight_us - DAY_US // 2
    seen = _seen(time_us, local_day, day, noon, end_us, sleep, gap, gaps)
    if sleep[1] > 0:
        hours[night, 0] = (sleep[0] - midnight_us) / HOUR_US
        hours[night, 1] = (sleep[1] - midnight_us) / HOUR_US
    return float(max(1.0 - seen * 1e6 / (end_us - noon), 0.0))


@compiled("b1(i8[::1], i8[::1], i8, i8, i8)")
def _tells_unlocks(state: Times, local_day: Times, low: int, high: int, day: int) -> bool:
    """Tell whether the phone notes when it is locked and unlocked, in two days' events."""
    told = False
    for i in range(low, high):
        told |= day - 1 <= local_day[i] <= day and state[i] >= LOCKED
    return told


@compiled(
    "void(i8[::1], i8[::1], i8[::1], i8[::1], i8[:, ::1], i8[::1], i8[::1], i8[::1], i8[::1],"
    " i8[:, ::1], f8[::1])"
)
def nights(
    time_us: Times,
    state: Times,
    local_day: Times,
    fix_us: Times,
    long_gap: Ints,
    day: Times,
    low_us: Times,
    midnight_us: Times,
    end_us: Times,
    out: Ints,
    seen: Array,
) -> None:
    """Find the main sleep that ends on each of some dates.

    Parameters
    ----------
    time_us, state, local_day : int64 arrays, shape (n,)
        Screen events in order of time; their local days.
    fix_us, long_gap : int64 arrays, shapes (f,) and (m, 2)
        Of the phone's location, as `gaps_between` takes them; both empty where it is not known.
    day : int64 array, shape (nights,)
        Local day numbers, sorted. The sleep of day d is told from events of days d - 1 and d, and
        from the sleeps of the seven days before where these are among `day`.
    low_us, midnight_us, end_us : int64 arrays, shape (nights,)
        The begin of day d - 1, the begin of day d, and the end of day d.
    out : int64 array, shape (nights, 4), filled
        Begin and end of the sleep [us], how many uses it was joined over, and how long these
        lasted [us]; all 0 where no sleep of 2 to 14 hours was found, where an end of it was rather
        not recorded (`unlikely`, `unseen`), or where less than half of the six hours before and
        after it was seen: events no more than four hours apart, and not in a gap.
    seen : float64 array, shape (nights,), filled
        How much of the time from the noon before the date to its end was seen, sleep included [s].
    """
    used = np.empty((time_us.size + 1, COLUMNS), np.int64)
    gap = np.empty((long_gap.shape[0] + 2, 3), np.int64)
    hours, missed = np.full((day.size, 2), np.nan), np.zeros(day.size)
    habit = np.zeros(4)
    for turn in range(2):  # first each night by itself, then in the light of those before it
        for night in range(day.size):
            low, high = first_at(time_us, low_us[night]), first_at(time_us, end_us[night])
            d, midnight, end = day[night], midnight_us[night], end_us[night]
            many = uses_between(time_us, state, local_day, low, high, d - 1, d, used)
            many = sittings(used, many)
            gaps = NOT_LOCATED
            if fix_us.size > 0:
                gaps = gaps_between(fix_us, long_gap, low_us[night], end, used, many, gap)
            observe(used, many, gap, gaps)
            unlocks = _tells_unlocks(state, local_day, low, high, d)
            if turn == 1:
                habit_before(day, hours, night, habit)
            first, last = likeliest(used, many, unlocks, midnight, end, habit)
            rate = awake_rate(used, many)
            hides = first >= 0 and used[first + 1, BLIND] + used[last, BLIND] > 0
            if hides and unseen(used, first, last, midnight, habit, rate, gap, gaps):
                first = -1
            if turn == 1 and first >= 0:
                share = unrecorded(day, missed, night)
                if unlikely(used, first, last, midnight, habit, share, rate, gap, gaps):
                    first = -1
            sleep = out[night]
            put_sleep(used, first, last, sleep)
            if turn == 0:
                missed[night] = learn(
                    time_us, local_day, d, midnight, end, sleep, gap, gaps, hours, night
                )
            else:
                seen[night] = _judge(
                    time_us, local_day, d, low_us[night], midnight, end, sleep, gap, gaps
                )
