"""Scores that grow while a person's days are away from their usual: CUSUM, MEWMA, absence.

All of them walk through days once, and take up the walk at any day from what the day before left
behind: the numbers are the same however the days arrive.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

RARE: Final = 0.02  # a usual share of missing days is taken to lie within [0.02, 0.98]


@compiled("i8(f8[::1], f8[:, ::1], i8[::1], f8[:, ::1])")
def known_root(row: Array, correlation: Array, which: NDArray[np.int64], root: Array) -> int:
    """Set `root` to the Cholesky factor of the known features' correlation; return their number.

    `which` is set to the places of the features of `row` that are not NaN.
    """
    known = 0
    for j in range(row.size):
        if not np.isnan(row[j]):
            which[known] = j
            known += 1
    for a in range(known):
        for b in range(a + 1):
            s = correlation[which[a], which[b]]
            for k in range(b):
                s -= root[a, k] * root[b, k]
            root[a, b] = np.sqrt(s) if a == b else s / root[b, b]
    return known


@compiled("void(f8[:, ::1], f8[::1], f8[:, ::1], i8, f8[::1], f8[::1])")
def day_evidence(
    z: Array, worse: Array, correlation: Array, start: int, toward: Array, amount: Array
) -> None:
    """Say how far each day lies in the expected direction, and how much it could have told.

    With d the direction and R the correlation of the features known on a day, `toward` is
    d' R^-1 z and `amount` d' R^-1 d: the log likelihood ratio of a shift by delta d against none
    is delta * toward - delta^2 / 2 * amount (Healy 1987, doi:10.1080/00401706.1987.10488268). A day
    without a value tells nothing: both are 0.

    Parameters
    ----------
    z : array, shape (days, features)
        Distances from the baseline [spreads]; NaN where not known.
    worse : array, shape (features,)
    correlation : array, shape (features, features)
    """
    count = worse.size
    root, which = np.zeros((count, count)), np.zeros(count, np.int64)
    y, g = np.zeros(count), np.zeros(count)
    for t in range(start, z.shape[0]):
        known = known_root(z[t], correlation, which, root)
        a_sum, i_sum = 0.0, 0.0
        for a in range(known):
            s, q = z[t, which[a]], worse[which[a]]
            for k in range(a):
                s -= root[a, k] * y[k]
                q -= root[a, k] * g[k]
            y[a], g[a] = s / root[a, a], q / root[a, a]
            a_sum += y[a] * g[a]
            i_sum += g[a] * g[a]
        toward[t], amount[t] = a_sum, i_sum


@compiled("void(f8[::1], f8[::1], f8[:, ::1], f8, f8, f8, i8, f8[:, ::1], f8[::1])")
def composite_cusum(
    toward: Array,
    amount: Array,
    extra: Array,
    shift: float,
    memory: float,
    hold: float,
    start: int,
    sums: Array,
    out: Array,
) -> None:
    """Add up the evidence of days for a shift towards worse; never below 0 (Page 1954).

    One CUSUM (doi:10.1093/biomet/41.1-2.100, with a slight forgetting) a column h of `extra`,
    C(t) = max(0, hold * C(t-1) + step), with
    step = (shift * toward - shift^2 / 2 * amount) / memory + extra[h].
    `out` is the log of the mean of their exponentials: the evidence for
    "one of these", equally likely beforehand. Days that say little move it little, days that say
    nothing not at all but for `extra`, the evidence of absence.

    Parameters
    ----------
    toward, amount : arrays, shape (days,)
        See `day_evidence`.
    extra : array, shape (days, columns)
        What else a day says, if it is not the values alone that change [nats].
    memory : float
        How many days weigh as much as one independent day: the sum of days that resemble each other
        varies so many times more, and each tells so many times less.
    sums : array, shape (days, columns)
        The CUSUMs: the row before `start` is read, rows from it on are set.
    """
    count = extra.shape[1]
    for t in range(start, out.size):
        step = (shift * toward[t] - 0.5 * shift * shift * amount[t]) / memory
        most = 0.0
        for h in range(count):
            before = sums[t - 1, h] if t > 0 else 0.0
            sums[t, h] = max(0.0, hold * before + step + extra[t, h])
            most = max(most, sums[t, h])
        total = 0.0
        for h in range(count):
            total += np.exp(sums[t, h] - most)
        out[t] = most + np.log(total / count)


@compiled("void(f8[:, ::1], f8[:, ::1], f8, f8, f8, i8, f8[:, ::1], f8[:, ::1], f8[::1])")
def mewma(
    z: Array,
    correlation: Array,
    rate: float,
    memory: float,
    floor: float,
    start: int,
    smooth: Array,
    variance: Array,
    out: Array,
) -> None:
    """Say how far all features together are from their baseline, in any direction.

    Multivariate EWMA (Lowry et al. 1992, doi:10.1080/00401706.1992.10485232): each feature is
    smoothed at `rate`; a day without it lets it fade. T^2 of the smoothed features under their
    correlation is brought to a normal score by the cube root (Wilson & Hilferty 1931,
    doi:10.1073/pnas.17.12.684), so that it means the same for any number of features.

    Parameters
    ----------
    z : array, shape (days, features)
    memory : float
        How much larger the variance of a mean is for days that resemble each other.
    floor : float
        Variance [spreads^2] that the smoothed value has from its baseline's own error.
    smooth, variance : arrays, shape (days, features)
        The smoothed features and the share of a day's variance in them: the row before `start` is
        read, rows from it on are set.
    """
    count = z.shape[1]
    root, y = np.zeros((count, count)), np.zeros(count)
    sd = np.zeros(count)
    keep = 1.0 - rate
    for t in range(start, z.shape[0]):
        total = 0.0
        for j in range(count):
            w = keep * smooth[t - 1, j] if t > 0 else 0.0
            v = keep * keep * variance[t - 1, j] if t > 0 else 0.0
            if not np.isnan(z[t, j]):
                w += rate * z[t, j]
                v += rate * rate
            smooth[t, j], variance[t, j] = w, v
            sd[j] = np.sqrt(v * memory + floor)
        for a in range(count):
            for b in range(a + 1):
                s = 1.0
                if a != b:
                    both = np.sqrt(variance[t, a] * variance[t, b]) * memory
                    s = correlation[a, b] * both / (sd[a] * sd[b])
                for k in range(b):
                    s -= root[a, k] * root[b, k]
                root[a, b] = np.sqrt(s) if a == b else s / root[b, b]
            s = smooth[t, a] / sd[a]
            for k in range(a):
                s -= root[a, k] * y[k]
            y[a] = s / root[a, a]
            total += y[a] * y[a]
        part = 2.0 / (9.0 * count)
        out[t] = (np.cbrt(total / count) - (1.0 - part)) / np.sqrt(part)


@compiled("void(b1[:, ::1], b1[::1], i8, i8, i8, f8[::1], f8[::1], f8, f8, f8[::1])")
def absence(
    gone: Mask,
    excused: Mask,
    start: int,
    days: int,
    lag: int,
    usual: Array,
    stick: Array,
    prior_days: float,
    odds: float,
    out: Array,
) -> None:
    """Weigh that a device was silent, or was not: people vanish just when they relapse.

    The log likelihood ratio of `odds` times the person's own odds of a day without data against
    their own odds, summed over devices: a Bernoulli CUSUM's step (Reynolds & Stoumbos 1999,
    doi:10.1080/00224065.1999.11979900). Whoever is often silent says little by it; and silent days
    come in runs, so that the second of a run says less than the first: the odds of a day are those
    of a chain with the person's share of silent days and the cohort's odds ratio `stick`.

    Parameters
    ----------
    gone : bool array, shape (days, devices)
        True on days without any value of a device.
    excused : bool array, shape (days,)
        Days whose absence says nothing: they are not weighed, and no part of a baseline.
    usual : array, shape (devices,)
        The cohort's share of missing days, which counts as `prior_days` days.
    stick : array, shape (devices,)
        How many times higher the odds of a silent day are after a silent day than after another.
    out : array, shape (days,)
        Set from `start` on.
    """
    for t in range(start, gone.shape[0]):
        out[t] = 0.0
        if excused[t] or t == 0:
            continue
        back = min(lag, t // 3)
        end = t - back + 1 if back > 0 else t
        for g in range(gone.shape[1]):
            n, missing = 0.0, 0.0
            for k in range(max(0, end - days), end):
                if not excused[k]:
                    n += 1.0
                    missing += gone[k, g]
            p = (missing + prior_days * usual[g]) / (n + prior_days)
            p = min(max(p, RARE), 1.0 - RARE)
            if not excused[t - 1]:  # the chain's odds after a seen day, and after a silent one
                more = (stick[g] - 1.0) * p * (1.0 - p)
                fresh = 2.0 * p / (1.0 + np.sqrt(1.0 + 4.0 * more))
                ratio = fresh / (1.0 - fresh) * (stick[g] if gone[t - 1, g] else 1.0)
                p = ratio / (1.0 + ratio)
            q = p * odds / (1.0 - p + p * odds)
            out[t] += np.log(q / p) if gone[t, g] else np.log((1.0 - q) / (1.0 - p))


@compiled("void(f8[::1], f8[::1], f8, f8, f8, i8, f8[:, ::1], f8[::1])")
def e_detector(
    score: Array,
    bets: Array,
    bound: float,
    memory: float,
    margin: float,
    start: int,
    wealth: Array,
    out: Array,
) -> None:
    """Bet that a person is worse than usual; the capital is evidence at any time one looks.

    Null: given the past, a day's standardised score, clipped to [-bound, bound], is on average at
    most `margin` plus the last known one (clipped too) times `memory` to the power of the days
    between (a first-order memory). Under it x, the score less that, has no positive mean, so
    prod(1 + bet * x) does not grow on average. Sums of such products started anew each day are an
    e-detector: its CUSUM form max(1, M) * (1 + bet * x) passes 1/a no more often than once in 1/a
    days on average, whatever the stopping rule (Shin, Ramdas & Rinaldo 2023,
    doi:10.51387/23-NEJSDS51; bets: Waudby-Smith & Ramdas 2024, doi:10.1093/jrsssb/qkad009).
    Several bets are held at once and averaged.

    Parameters
    ----------
    score : array, shape (days,)
        Standardised; NaN on days without a value, on which nothing is bet.
    bets : array, shape (bets,)
        Between 0 and 1, as shares of what keeps the capital positive.
    wealth : array, shape (days, bets)
        Log capital of each bet: the row before `start` is read, rows from it on are set.
    out : array, shape (days,)
        Log of the mean capital.
    """
    lowest = bound * (1.0 + memory) + margin
    count = bets.size
    for t in range(start, score.size):
        known = not np.isnan(score[t])
        last = 0.0
        if known:
            for k in range(t - 1, max(-1, t - 8), -1):
                if not np.isnan(score[k]):
                    last = max(-bound, min(score[k], bound)) * memory ** (t - k)
                    break
        most = -np.inf
        for b in range(count):
            before = wealth[t - 1, b] if t > 0 else 0.0
            if known:
                x = (min(max(score[t], -bound), bound) - last - margin) / lowest
                before = max(0.0, before) + np.log(1.0 + bets[b] * x)
            wealth[t, b] = before
            most = max(most, before)
        total = 0.0
        for b in range(count):
            total += np.exp(wealth[t, b] - most)
        out[t] = most + np.log(total / count)
