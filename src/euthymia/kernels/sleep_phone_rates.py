"""How often a phone is used, and lit by itself, awake and asleep: learned from the person's nights.

A screen lights when somebody takes the phone up, and when a notice comes. Notices come to a sleeper
as well: of a phone that lights for them, a short light says little of who is awake. How much it
says is not taken for granted but counted, over the person's own nights of the week before.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.screen import HOUR_US, LOCKED, MINUTE_US, SECOND_US

Times = NDArray[np.int64]
Array = NDArray[np.float64]
Ints = NDArray[np.int64]

ASLEEP_PER_H: Final = 0.2  # checks an hour asleep: one or two a night
LEAST_PER_H: Final = 0.5  # uses an hour awake: the rate is never taken to be lower ...
MOST_PER_H: Final = 6.0  # ... or higher, for uses come in bursts and an hour without says little
PRIOR_PER_H: Final = 3.0  # what the rate is drawn to, with the weight of PRIOR_H hours
PRIOR_H: Final = 2.0
LONG_GAP_H: Final = 2.0  # of a longer gap, only so much is taken for time awake
SITTING_US: Final = 10 * MINUTE_US  # uses less apart are one sitting: they come in bursts
GLANCE_US: Final = MINUTE_US  # lit for less and never unlocked: a notice that came, or a glance
NOTICE_US: Final = 15 * SECOND_US  # the same of a phone that does not tell when it is unlocked
GLANCES_PER_H: Final = 0.5  # before anything is known, awake and ...
ASLEEP_SHARE: Final = 0.3  # ... asleep: so much of what they are awake
GLANCES_H: Final = 8.0  # hours that this weighs
# columns of a use beyond those of `uses_between`: how long before it, since the one before,
# nothing was recorded; until when a sleep may have begun after it unseen; from when ended before
# it; whether it may be a notice alone; how long before it the phone was away from home
BLIND, LATEST, EARLIEST, NOTICE, AWAY = 5, 6, 7, 8, 9
COLUMNS: Final = 10
# the rates an hour: uses awake and asleep, short lights awake and asleep
USES, CHECKS, LIGHTS, NOTICES = 0, 1, 2, 3


@compiled("b1(i8[::1], i8[::1], i8, i8, i8)")
def tells_unlocks(state: Times, local_day: Times, low: int, high: int, day: int) -> bool:
    """Tell whether the phone notes when it is locked and unlocked, in two days' events."""
    told = False
    for i in range(low, high):
        told |= day - 1 <= local_day[i] <= day and state[i] >= LOCKED
    return told


@compiled("i8(i8[:, ::1], i8, b1)")
def sittings(used: Ints, many: int, unlocks: bool) -> int:
    """Join, in place, uses that are less than ten minutes apart; return how many are left.

    The fourth column becomes the time used, the fifth how many uses were joined, the ninth 1 if
    all of them may be notices: never unlocked and lit for less than a minute, or for less than 15
    seconds where the phone does not tell (`unlocks`).
    """
    count = 0
    for k in range(many):
        length = used[k, 1] - used[k, 0]
        notice = int(length <= GLANCE_US and used[k, 2] < 0 if unlocks else length <= NOTICE_US)
        if count > 0 and used[k, 0] - used[count - 1, 1] < SITTING_US:
            used[count - 1, 1] = used[k, 1]
            used[count - 1, 2] = max(used[count - 1, 2], used[k, 2])
            used[count - 1, 3] += length
            used[count - 1, 4] += 1
            used[count - 1, NOTICE] *= notice
        else:
            used[count, 0], used[count, 1], used[count, 2] = used[k, 0], used[k, 1], used[k, 2]
            used[count, 3], used[count, 4], used[count, NOTICE] = length, 1, notice
            count += 1
    return count


@compiled("void(i8[:, ::1], i8, f8[::1])")
def awake_rates(used: Ints, many: int, rates: Array) -> None:
    """Write the uses and the short lights an hour of somebody awake, from two days with a sleep.

    Of the time between two uses that are no notice alone, two hours at most are taken for awake.
    """
    awake_h = lit_h = 0.0
    uses = lights = within = 0
    before = -1
    blind = 0
    for k in range(many):
        blind += used[k, BLIND]
        if used[k, NOTICE] == 1:
            within += 1
            continue
        uses += 1
        if before >= 0:
            apart = (used[k, 0] - used[before, 1] - blind) / HOUR_US
            awake_h += min(apart, LONG_GAP_H)
            if apart <= LONG_GAP_H:
                lit_h += apart
                lights += within
        before, blind, within = k, 0, 0
    rate = (uses + PRIOR_PER_H * PRIOR_H) / (awake_h + PRIOR_H)
    rates[USES] = min(max(rate, LEAST_PER_H), MOST_PER_H)
    rates[LIGHTS] = (lights + GLANCES_PER_H * GLANCES_H) / (lit_h + GLANCES_H)


@compiled("void(i8[:, ::1], i8, i8, i8, f8[::1])")
def lit_asleep(used: Ints, many: int, first: int, last: int, lit: Array) -> None:
    """Write how many short lights came within a sleep, and how many hours it lasted.

    Where it is bounded by such a light, up to the use beyond: what a light says is not yet known.
    """
    lit[0] = lit[1] = 0.0
    if first < 0:
        return
    while first > 0 and used[first, NOTICE] == 1:
        first -= 1
    while last < many - 1 and used[last, NOTICE] == 1:
        last += 1
    lit[1] = (used[last, 0] - used[first, 1]) / HOUR_US
    for k in range(first + 1, last):
        lit[0] += used[k, NOTICE]


@compiled("void(i8[::1], f8[:, ::1], i8, i8, f8[::1])")
def asleep_rates(day: Times, lit: Array, night: int, nights: int, rates: Array) -> None:
    """Write the checks and the short lights an hour asleep.

    The lights are those of a night and of so many `nights` before it; of none (0), before anything
    is known.
    """
    rates[CHECKS] = ASLEEP_PER_H
    came, hours = rates[LIGHTS] * ASLEEP_SHARE * GLANCES_H, GLANCES_H
    k = night if nights > 0 else -1
    while k >= 0 and day[night] - day[k] <= nights:
        came, hours, k = came + lit[k, 0], hours + lit[k, 1], k - 1
    rates[NOTICES] = min(came / hours, rates[LIGHTS])


@compiled("f8(i8[:, ::1], i8, i8, b1)")
def longest_silence(used: Ints, first: int, last: int, home: bool) -> float:
    """Return the longest time between two uses of `first` to `last` [h], notices aside.

    What was not recorded does not count, nor, of silence at `home`, what was spent away from it.
    """
    longest, before, out = 0.0, first, 0
    for k in range(first + 1, last + 1):
        out += max(used[k, BLIND], used[k, AWAY]) if home else used[k, BLIND]
        if used[k, NOTICE] == 1 and k < last:
            continue
        longest = max(longest, (used[k, 0] - used[before, 1] - out) / HOUR_US)
        before, out = k, 0
    return longest
