"""How likely a sleep is by its hours, and whether an end of it was rather not recorded."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.screen import HOUR_US, MINUTE_US
from euthymia.kernels.unseen import within

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

USUAL_ONSET_H: Final = -0.5  # before the person's own nights are known, night is likelier than
USUAL_OFFSET_H: Final = 7.5  # day: by e to the twice of NIGHT_NATS, for people sleep by day, too
NIGHT_NATS: Final = 1.0
USUAL_LENGTH_H: Final = 7.5  # of adults' sleep, and its spread: Kocevska et al. 2021,
LENGTH_SPREAD_H: Final = 1.5  # doi:10.1038/s41562-020-00965-x
NIGHT_SPREAD_H: Final = 0.75  # of a night around one like it: people's nights vary by about an hour
UNLIKE: Final = 0.1  # density of a night like none before, to that of the middle of one before
FREEDOM: Final = 3.0  # degrees of freedom of the t distribution: a night may be quite unlike
SHORTEST_US: Final = 2 * HOUR_US
WRONG_US: Final = 90 * MINUTE_US  # an end that is wrong by less is better than none
DOUBT: Final = 0.4  # a chance so large that an end is that wrong is too large
TRIED_US: Final = 30 * MINUTE_US  # steps in which a later beginning or an earlier end is tried


@compiled("f8(f8, f8, f8)")
def t_density(value: float, middle: float, spread: float) -> float:
    """Return the log density of a t distribution, but for a constant."""
    z = (value - middle) / spread
    return -(FREEDOM + 1) / 2 * math.log(1 + z * z / FREEDOM)


@compiled("f8(f8, f8)")
def swing(hour: float, usual_h: float) -> float:
    """Return the log density of an hour by night and day alone, but for a constant."""
    return NIGHT_NATS / 2 * (math.cos((hour - usual_h) * (2 * math.pi / 24)) - 1)


@compiled("f8(f8, f8)")
def alike(hours_apart: float, spread: float) -> float:
    """Return the density of a t distribution over that of its middle."""
    z = hours_apart / spread
    base = 1 + z * z / FREEDOM
    return 1.0 / (base * base)  # to half of three degrees of freedom and one


@compiled("f8(f8, f8, f8, f8, f8[::1])")
def likely(onset: float, latest: float, earliest: float, offset: float, habit: Array) -> float:
    """Return the log density of a sleep's hours by the person's nights before, at most 0.

    Each of these nights says that another one like it is likely, and one part in all that it may be
    any other, by night and day alone: so somebody whose shifts rotate has several usual nights,
    and a night that is like none of them is possible. The sleep begins from `onset` to `latest`
    and ends from `earliest` to `offset`: at the likeliest of these.

    Parameters
    ----------
    onset, latest, earliest, offset : float
        Hours from midnight.
    habit : float64 array, shape (1 + 2 n,)
        How many nights are known, and onset and offset of each [hours from midnight].
    """
    on = max(onset, min(USUAL_ONSET_H, latest))
    off = min(offset, max(USUAL_OFFSET_H, earliest))
    free = math.exp(swing(on, USUAL_ONSET_H) + swing(off, USUAL_OFFSET_H))
    nights = int(habit[0])
    if nights == 0:
        return math.log(free)
    total = UNLIKE * free
    for k in range(nights):
        begin, end = habit[1 + 2 * k], habit[2 + 2 * k]
        begins = alike(max(onset - begin, begin - latest, 0.0), NIGHT_SPREAD_H)
        total += begins * alike(max(earliest - end, end - offset, 0.0), NIGHT_SPREAD_H)
    return math.log(total / (UNLIKE + nights))


@compiled("f8(i8, i8, i8, f8[::1])")
def plausible(start_us: int, end_us: int, midnight_us: int, habit: Array) -> float:
    """Return the log density of a sleep's hours and length, but for a constant."""
    onset, offset = (start_us - midnight_us) / HOUR_US, (end_us - midnight_us) / HOUR_US
    length = t_density(offset - onset, USUAL_LENGTH_H, LENGTH_SPREAD_H)
    return float(likely(onset, onset, offset, offset, habit) + length)


@compiled("b1(i8[:, ::1], i8, i8, i8, f8[::1], f8, f8, i8[:, ::1], i8)")
def unlikely(
    used: Ints,
    first: int,
    last: int,
    midnight_us: int,
    habit: Array,
    share: float,
    rate: float,
    gap: Ints,
    gaps: int,
) -> bool:
    """Tell whether an end of the sleep was rather not recorded.

    The silence at either end may hold time awake that was not recorded: the sleep began later or
    ended earlier. That is the likelier story where such a sleep is so much more like the person's
    others that it outweighs how seldom the phone is not recorded (`share` of the time, a third
    of it at this end, the rest at the other or by day), and that it was not used while it was.
    Nor need it hold a sleep at all, where nothing shows that the phone was recorded throughout and
    it is so unlike the others that such a silence, as likely at any hour, explains it better.
    """
    start, end = used[first, 1], used[last, 0]
    told = best = plausible(start, end, midnight_us, habit)
    onset, offset = (start - midnight_us) / HOUR_US, (end - midnight_us) / HOUR_US
    hours = likely(onset, onset, offset, offset, habit)
    if gaps < 0 and hours < math.log(UNLIKE * share / (1 - share)):
        return True
    later = start + WRONG_US
    while later <= min(used[first + 1, 0], end - SHORTEST_US):
        seen = later - start - within(gap, gaps, start, later, False) if gaps >= 0 else 0
        best = max(best, plausible(later, end, midnight_us, habit) - rate * seen / HOUR_US)
        later += TRIED_US
    earlier = end - WRONG_US
    while earlier >= max(used[last - 1, 1], start + SHORTEST_US):
        seen = end - earlier - within(gap, gaps, earlier, end, False) if gaps >= 0 else 0
        best = max(best, plausible(start, earlier, midnight_us, habit) - rate * seen / HOUR_US)
        earlier -= TRIED_US
    return bool(best - told > math.log(3 * (1 - share) / share))


@compiled("b1(i8[:, ::1], i8, i8, i8, f8[::1], f8, i8[:, ::1], i8)")
def unseen(
    used: Ints,
    first: int,
    last: int,
    midnight_us: int,
    habit: Array,
    rate: float,
    gap: Ints,
    gaps: int,
) -> bool:
    """Tell whether an end of the sleep may well lie elsewhere, in time that was not recorded.

    That a sleep began some time after the last use is as likely as such a sleep is, and as that an
    awake owner left the phone alone for as much of that time as was recorded; its end likewise.
    """
    start, end = used[first, 1], used[last, 0]
    told = plausible(start, end, midnight_us, habit)
    for side in range(2):
        near = far = 0.0
        if side == 0:
            most = min(used[first + 1, 0], end - SHORTEST_US) - start
        else:
            most = end - max(used[last - 1, 1], start + SHORTEST_US)
        off = 0
        while off <= most:
            if side == 0:
                low, high, like = (
                    start,
                    start + off,
                    plausible(start + off, end, midnight_us, habit),
                )
            else:
                low, high, like = end - off, end, plausible(start, end - off, midnight_us, habit)
            seen = off - within(gap, gaps, low, high, True)
            weight = math.exp(like - told - rate * seen / HOUR_US)
            if off > WRONG_US:
                far += weight
            else:
                near += weight
            off += TRIED_US
        if far > near * DOUBT / (1 - DOUBT):
            return True
    return False
