"""The main sleep of each date, told from when the phone was not used.

Awake, a person uses the phone at a rate; asleep, at a far lower one. Each stretch between two uses
gains what the two rates say for its length, each use inside the stretch costs what they say for a
use, and the likeliest sleep is the stretch with the most left: the model of Cuttone et al. 2017
(SensibleSleep, doi:10.1371/journal.pone.0169901) with the awake rate of the person's own two days,
solved exactly, in one pass, instead of by sampling. A check in the night is thereby joined over
if the rest beyond it outweighs it, and the person's own nights before say when sleep is likely.
Short lights that may be notices cost what they are worth in this person's nights
(`sleep_phone_rates`). Time in which nothing was recorded (`kernels.unseen`) counts for half, and
may hide when a sleep began or ended; so does time away from home (`sleep_phone_place`), where
phones are put away by people awake.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.screen import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    first_at,
    seen_s,
    uses_between,
)
from euthymia.kernels.sleep_phone_hours import (
    LENGTH_SPREAD_H,
    SHORTEST_US,
    UNLIKE,
    USUAL_LENGTH_H,
    likely,
    t_density,
    unlikely,
    unseen,
)
from euthymia.kernels.sleep_phone_place import away_between
from euthymia.kernels.sleep_phone_rates import (
    AWAY,
    BLIND,
    CHECKS,
    COLUMNS,
    EARLIEST,
    LATEST,
    LIGHTS,
    NOTICE,
    NOTICES,
    USES,
    asleep_rates,
    awake_rates,
    lit_asleep,
    longest_silence,
    sittings,
    tells_unlocks,
)
from euthymia.kernels.unseen import (
    G_BLIND,
    G_FROM,
    G_TO,
    gaps_between,
    hidden,
    within,
)

Times = NDArray[np.int64]
Array = NDArray[np.float64]
Ints = NDArray[np.int64]

CHECK_MIN: Final = 20.0  # every so many minutes of use speak against sleep e-fold
HABIT_NIGHTS: Final = 7
LEAST_NIGHTS: Final = 4  # from so many of them on, they say when sleep is likely
LONGEST_US: Final = 14 * HOUR_US  # the phone was rather not recorded, or left somewhere
UNSEEN_H: Final = USUAL_LENGTH_H - LENGTH_SPREAD_H  # what a longer silence counts for as a sleep
SILENT_US: Final = 4 * HOUR_US  # an awake owner's phone that says nothing for longer is not seen
AROUND_US: Final = 6 * HOUR_US  # before and after a sleep, in which the phone must have been seen
LEAST_SEEN: Final = 0.5
UNRECORDED: Final = 0.05  # share of time in which a phone is not recorded, before anything is known
UNRECORDED_DAYS: Final = 2.0  # of the person; it weighs as many days
BLIND_LESS: Final = 0.5  # an hour that was not recorded counts for so much less of a sleep
AWAY_LESS: Final = 0.5  # and so does one away from home, where phones are put away by people awake
AWAY_NATS: Final = 3.0  # a sleep away from home is rarer by e to this: one night in twenty


@compiled("void(i8[:, ::1], i8, i8[:, ::1], i8, i8[::1], i8[:, ::1])")
def observe(used: Ints, many: int, gap: Ints, gaps: int, located_us: Times, away: Ints) -> None:
    """Write of each use how much before it was not recorded, what that hides, how much not home."""
    for k in range(many):
        used[k, AWAY] = 0
        if k > 0:
            used[k, AWAY] = away_between(located_us, away, used[k - 1, 1], used[k, 0])
        used[k, BLIND], used[k, EARLIEST], used[k, LATEST] = 0, used[k, 0], used[k, 1]
        if k > 0 and gaps > 0:
            start, end = used[k - 1, 1], used[k, 0]
            used[k, BLIND] = within(gap, gaps, start, end, True)
            if used[k, BLIND] > 0:
                used[k - 1, LATEST], used[k, EARLIEST] = hidden(gap, gaps, start, end)


@compiled("UniTuple(i8, 2)(i8[:, ::1], i8, f8[::1], i8, i8, f8[::1])")
def likeliest(
    used: Ints,
    many: int,
    rates: Array,
    midnight_us: int,
    end_us: int,
    habit: Array,
) -> tuple[int, int]:
    """Return the uses between which the sleep lies that ends from midnight to the end of a date.

    Parameters
    ----------
    used : int64 array, shape (many, 9)
        As `uses_between`, `sittings` and `observe` fill it.
    rates : float64 array, shape (4,)
        Uses and short lights an hour, awake and asleep (`sleep_phone_rates`).
    habit : float64 array, shape (1 + 2 n,)
        As `likely` takes it.

    Returns
    -------
    first, last : int
        It begins at the end of use `first` and ends at the beginning of use `last`. (-1, -1):
        no stretch of 2 to 14 hours ends on the date, or it was rather slept in a longer silence.
    """
    gain = rates[USES] - rates[CHECKS] + rates[LIGHTS] - rates[NOTICES]
    use, light = math.log(rates[USES] / rates[CHECKS]), math.log(rates[LIGHTS] / rates[NOTICES])
    best, first, last = -math.inf, -1, -1
    for j in range(many):
        wake = used[j, 0]
        if wake < midnight_us or wake >= end_us:
            continue
        offset, earliest = (
            (wake - midnight_us) / HOUR_US,
            (used[j, EARLIEST] - midnight_us) / HOUR_US,
        )
        score, away = 0.0, 0
        if j == 0 or wake - used[j - 1, 1] > LONGEST_US:
            onset = offset - USUAL_LENGTH_H
            total = gain * UNSEEN_H + likely(onset, onset, earliest, offset, habit)
            if total > best:
                best, first, last = total, -1, -1
            continue
        for i in range(j - 1, -1, -1):
            silent = used[i + 1, 0] - used[i, 1] - BLIND_LESS * used[i + 1, BLIND]
            score += gain * (silent - AWAY_LESS * used[i + 1, AWAY]) / HOUR_US
            away += used[i + 1, AWAY]
            slept = wake - used[i, 1]
            if slept > LONGEST_US:
                break
            if slept >= SHORTEST_US and score > best:  # what is added to it is never above 0
                onset, latest = (
                    (used[i, 1] - midnight_us) / HOUR_US,
                    (used[i, LATEST] - midnight_us) / HOUR_US,
                )
                total = score + likely(onset, latest, earliest, offset, habit)
                total -= AWAY_NATS * away / slept
                length = max(min(USUAL_LENGTH_H, offset - onset), earliest - latest)
                total += t_density(length, USUAL_LENGTH_H, LENGTH_SPREAD_H)
                if total > best:
                    best, first, last = total, i, j
            length = used[i, 1] - used[i, 0]
            score -= (light if used[i, NOTICE] else use) + length / MINUTE_US / CHECK_MIN
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


@compiled("void(i8[::1], f8[:, ::1], i8, f8[::1])")
def habit_before(day: Times, hours: Array, night: int, habit: Array) -> None:
    """Write how many nights of the week before are known, and onset and offset of each.

    None unless four are. `hours`, shape (nights, 2): onset and offset in hours from the date's
    midnight, NaN where not known.
    """
    count, k = 0, night - 1
    while k >= 0 and day[night] - day[k] <= HABIT_NIGHTS:
        if not math.isnan(hours[k, 0]):
            habit[1 + 2 * count], habit[2 + 2 * count] = hours[k, 0], hours[k, 1]
            count += 1
        k -= 1
    habit[0] = count if count >= LEAST_NIGHTS else 0


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
        if used[k, NOTICE] == 0:
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


@compiled("b1(i8[:, ::1], i8, i8, i8, f8[::1], i8[::1], f8[::1], i8)")
def _rather_quiet(
    used: Ints,
    first: int,
    last: int,
    midnight_us: int,
    habit: Array,
    day: Times,
    quiet: Array,
    night: int,
) -> bool:
    """Tell whether a sleep may as well be quiet time awake.

    So it is where it is unlike the nights of the week before, and the phone lay in it for no
    longer at a stretch than on one of these days at home, between waking and midnight (`quiet`,
    hours).
    """
    if habit[0] == 0:
        return False
    onset = (used[first, 1] - midnight_us) / HOUR_US
    offset = (used[last, 0] - midnight_us) / HOUR_US
    if likely(onset, onset, offset, offset, habit) > math.log(UNLIKE):
        return False
    most, k = 0.0, night - 1
    while k >= 0 and day[night] - day[k] <= HABIT_NIGHTS:
        most, k = max(most, quiet[k]), k - 1
    return longest_silence(used, first, last, False) <= most


@compiled(
    "b1(i8[:, ::1], i8, i8, i8, f8[::1], f8, i8[:, ::1], i8, i8[::1], f8[::1], f8[::1], i8, b1)"
)
def _rather_not(
    used: Ints,
    first: int,
    last: int,
    midnight_us: int,
    habit: Array,
    rate: float,
    gap: Ints,
    gaps: int,
    day: Times,
    missed: Array,
    quiet: Array,
    night: int,
    others: bool,
) -> bool:
    """Tell whether a sleep, or an end of it, was rather not recorded, or rather quiet time awake.

    `others`: the nights before are known by themselves (`missed`, `quiet`), to judge it by.
    """
    if first < 0:
        return False
    hides = used[first + 1, BLIND] + used[last, BLIND] > 0
    if hides and unseen(used, first, last, midnight_us, habit, rate, gap, gaps):
        return True
    if not others:
        return False
    share = unrecorded(day, missed, night)
    if unlikely(used, first, last, midnight_us, habit, share, rate, gap, gaps):
        return True
    return _rather_quiet(used, first, last, midnight_us, habit, day, quiet, night)


@compiled(
    "void(i8[::1], i8[::1], i8[::1], i8[::1], i8[:, ::1], i8[::1], i8[:, ::1], i8[::1], i8[::1],"
    " i8[::1], i8[::1], i8[:, ::1], f8[::1])"
)
def nights(
    time_us: Times,
    state: Times,
    local_day: Times,
    fix_us: Times,
    long_gap: Ints,
    located_us: Times,
    away: Ints,
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
    located_us, away : int64 arrays, shapes (g,) and (g, 2)
        As `away_between` takes them; both empty where the location is not known.
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
    hours, missed, quiet = np.full((day.size, 2), np.nan), np.zeros(day.size), np.zeros(day.size)
    habit, rates, lit = np.zeros(1 + 2 * HABIT_NIGHTS), np.zeros(4), np.zeros((day.size, 2))
    for turn in range(2):  # first each night by itself, then in the light of those before it
        for night in range(day.size):
            low, high = first_at(time_us, low_us[night]), first_at(time_us, end_us[night])
            d, midnight, end = day[night], midnight_us[night], end_us[night]
            many = uses_between(time_us, state, local_day, low, high, d - 1, d, used)
            many = sittings(used, many, tells_unlocks(state, local_day, low, high, d))
            gaps = gaps_between(fix_us, long_gap, low_us[night], end, used, many, gap)
            observe(used, many, gap, gaps, located_us, away)
            awake_rates(used, many, rates)
            asleep_rates(day, lit, night, HABIT_NIGHTS * turn, rates)
            if turn == 1:
                habit_before(day, hours, night, habit)
            first, last = likeliest(used, many, rates, midnight, end, habit)
            about = (used, first, last, midnight, habit, rates[USES], gap, gaps)
            if _rather_not(*about, day, missed, quiet, night, turn == 1):
                first = -1
            sleep = out[night]
            put_sleep(used, first, last, sleep)
            if turn == 0:
                lit_asleep(used, many, first, last, lit[night])
                quiet[night] = longest_silence(used, last, many - 1, True) if first >= 0 else 0.0
                missed[night] = learn(
                    time_us, local_day, d, midnight, end, sleep, gap, gaps, hours, night
                )
            else:
                seen[night] = _judge(
                    time_us, local_day, d, low_us[night], midnight, end, sleep, gap, gaps
                )
