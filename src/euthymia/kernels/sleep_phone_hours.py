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


@compiled("f8(f8, f8, f8, f8)")
def likely(hour: float, middle: float, spread: float, usual: float) -> float:
    """Return the log density of an hour, but for a constant.

    A t distribution around the person's own; without one (spread 0), a slow swing over the day.
    """
    if spread <= 0:
        return NIGHT_NATS / 2 * (math.cos((hour - usual) * (2 * math.pi / 24)) - 1)
    return t_density(hour, middle, spread)


@compiled("f8(i8, i8, f8, f8, f8, i8)")
def usual(
    low_us: int, high_us: int, middle: float, spread: float, usual_h: float, midnight_us: int
) -> float:
    """Return the most usual hour between two instants: of the person, or of people."""
    hour = middle if spread > 0 else usual_h
    return max(min(hour, (high_us - midnight_us) / HOUR_US), (low_us - midnight_us) / HOUR_US)


@compiled("f8(i8, i8, i8, f8[::1])")
def plausible(start_us: int, end_us: int, midnight_us: int, habit: Array) -> float:
    """Return the log density of a sleep's hours and length, but for a constant."""
    onset, offset = (start_us - midnight_us) / HOUR_US, (end_us - midnight_us) / HOUR_US
    hours = likely(onset, habit[0], habit[1], USUAL_ONSET_H)
    hours += likely(offset, habit[2], habit[3], USUAL_OFFSET_H)
    return float(hours + t_density(offset - onset, USUAL_LENGTH_H, LENGTH_SPREAD_H))


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
    """
    start, end = used[first, 1], used[last, 0]
    told = best = plausible(start, end, midnight_us, habit)
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
