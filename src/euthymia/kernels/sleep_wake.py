"""Asleep or awake, told from activity counts."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

States = NDArray[np.uint8]
Array = NDArray[np.float64]

REST_SHARE: Final = 0.15  # at rest below this share of the mean level: Roenneberg et al. 2015

TWO_SECONDS_A_MINUTE: Final = 30.0  # Cole and Kripke weigh the mean of two-second counts
UNKNOWN: Final = 2  # what is neither asleep (1) nor awake (0)
_CK = (106.0, 54.0, 58.0, 76.0, 230.0, 74.0, 67.0)


@compiled("void(f8[::1], f8, u1[::1])")
def cole_kripke(counts: Array, per_unit: float, out: States) -> None:
    """Score each minute asleep (1) or awake (0).

    D = 0.001 (106 a[-4] + 54 a[-3] + 58 a[-2] + 76 a[-1] + 230 a[0] + 74 a[1] + 67 a[2]), asleep
    below 1, for a the mean activity of the minute's two-second epochs.

    Parameters
    ----------
    counts : float64 array, shape (n,)
        Counts of each minute. NaN (and what lies outside) counts as none, but is not scored.
    per_unit : float
        What counts are divided by: 30 (`TWO_SECONDS_A_MINUTE`) for sums of a minute, as published.
    out : uint8 array, shape (n,)
        Filled; 2 where the counts are NaN.

    References
    ----------
    Cole et al. 1992, doi:10.1093/sleep/15.5.461, mean activity. For zero crossings counted by the
    devices of its time; other makers' counts are on another scale.
    """
    for k in range(counts.size):
        if math.isnan(counts[k]):
            out[k] = UNKNOWN
            continue
        total = 0.0
        for place in range(7):
            at = k + place - 4
            if 0 <= at < counts.size and not math.isnan(counts[at]):
                total += _CK[place] * counts[at] / per_unit
        out[k] = 1 if 0.001 * total < 1 else 0


@compiled("void(f8[::1], f8, u1[::1])")
def sadeh(counts: Array, threshold: float, out: States) -> None:
    """Score each minute asleep (1) or awake (0).

    PS = 7.601 - 0.065 AVG - 1.08 NATS - 0.056 SD - 0.703 LG, asleep from `threshold` (0) up. AVG
    is the mean of 11 minutes around, NATS how many of them have 50 to 99 counts, SD the sample
    standard deviation of the minute and the five before it, LG ln(counts + 1).

    Parameters
    ----------
    counts : float64 array, shape (n,)
        Counts of each minute; more than 300 count as 300. What lies outside counts as none.
    out : uint8 array, shape (n,)
        Filled; 2 where the counts are NaN.

    References
    ----------
    Sadeh et al. 1994, doi:10.1093/sleep/17.3.201.
    """
    for k in range(counts.size):
        if math.isnan(counts[k]):
            out[k] = UNKNOWN
            continue
        total = six = squares = 0.0
        natural = 0
        for at in range(k - 5, k + 6):
            value = 0.0
            if 0 <= at < counts.size and not math.isnan(counts[at]):
                value = min(counts[at], 300.0)
            total += value
            natural += 50 <= value < 100
            if at <= k:
                six += value
                squares += value * value
        spread = math.sqrt(max(squares - six * six / 6, 0.0) / 5)
        own = math.log(min(counts[k], 300.0) + 1)
        score = 7.601 - 0.065 * total / 11 - 1.08 * natural - 0.056 * spread - 0.703 * own
        out[k] = 1 if score >= threshold else 0


@compiled("void(u1[::1], u1[::1])")
def webster(scored: States, out: States) -> None:
    """Rescore, as awake, minutes that the five rules hold for; all look at the first scoring.

    After 4 minutes awake the next 1 asleep, after 10 the next 3, after 15 the next 4; and 6
    minutes or less asleep between 10 awake on both sides, 10 or less between 20.

    References
    ----------
    Webster et al. 1982, doi:10.1093/sleep/5.4.389, as cited by Cole et al. 1992.
    """
    n = scored.size
    awake_before = 0
    k = 0
    while k < n:
        out[k] = scored[k]
        if scored[k] != 1:
            awake_before = awake_before + 1 if scored[k] == 0 else 0
            k += 1
            continue
        end = k
        while end < n and scored[end] == 1:
            out[end] = 1
            end += 1
        after = end
        while after < n and scored[after] == 0 and after - end < 20:
            after += 1
        awake_after = after - end
        lost = (
            4 if awake_before >= 15 else 3 if awake_before >= 10 else 1 if awake_before >= 4 else 0
        )
        around = min(awake_before, awake_after)
        if (end - k <= 6 and around >= 10) or (end - k <= 10 and around >= 20):
            lost = end - k
        for at in range(k, min(k + lost, end)):
            out[at] = 0
        awake_before = 0
        k = end
