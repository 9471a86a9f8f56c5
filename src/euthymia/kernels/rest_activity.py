"""Rest-activity rhythm: how regular, how broken and how strong a person's days are.

Every function takes many windows at once: the last axes hold one window, leading axes are free.
Missing time is NaN and is left out, never filled. Counts keep the device's own unit.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.rest_activity_minutes import extreme_stretches

Array = NDArray[np.float64]

_TINY: Final = 1e-12


class Stretch(NamedTuple):
    """The mean level of the chosen hours of the 24 h profile and the clock hour they begin at."""

    level: Array
    onset_h: Array


def _total(values: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(np.nansum(values, axis=axes), np.float64)


@compiled("f8[:, ::1](f8[:, :, ::1])")
def hourly_rhythm(hourly: Array) -> Array:
    """Return each window's [IS, IV] of hours, as `interdaily_stability` and the next say."""
    windows, days, hours = hourly.shape
    found = np.full((windows, 2), np.nan)
    total, seen = np.empty(hours), np.empty(hours)
    for w in range(windows):
        count = whole = squares = between = steps = pairs = 0.0
        for h in range(hours):
            total[h] = seen[h] = 0.0
        for d in range(days):
            for h in range(hours):
                known = hourly[w, d, h] == hourly[w, d, h]
                whole += hourly[w, d, h] if known else 0.0
                count += 1.0 if known else 0.0
        mean, before = whole / max(count, 1.0), np.nan
        for d in range(days):
            for h in range(hours):
                away = hourly[w, d, h] - mean
                step, before = away - before, away
                if not np.isnan(step):
                    steps += step * step
                    pairs += 1.0
                if not np.isnan(away):
                    squares += away * away
                    total[h] += away
                    seen[h] += 1.0
        for h in range(hours):
            between += total[h] * total[h] / max(seen[h], 1.0)
        if squares > _TINY * max(count * mean * mean, _TINY):
            found[w, 0] = min(between / squares, 1.0)
            found[w, 1] = steps / pairs * count / squares if pairs > 0 else np.nan
    return found


@compiled("f8[::1](f8[:, :, ::1])")
def correlations(hourly: Array) -> Array:
    """Return each window's correlation of hours with those a day later."""
    windows, days, hours = hourly.shape
    found = np.full(windows, np.nan)
    for w in range(windows):
        pairs = early = late = early_squares = late_squares = together = 0.0
        for d in range(days - 1):
            for h in range(hours):
                one, two = hourly[w, d, h], hourly[w, d + 1, h]
                if not np.isnan(one + two):
                    pairs += 1.0
                    early += one
                    late += two
        early, late = early / max(pairs, 1.0), late / max(pairs, 1.0)
        for d in range(days - 1):
            for h in range(hours):
                one, two = hourly[w, d, h] - early, hourly[w, d + 1, h] - late
                if not np.isnan(one + two):
                    early_squares += one * one
                    late_squares += two * two
                    together += one * two
        flat = early_squares <= _TINY * max(pairs * early * early, _TINY)
        if not (flat or late_squares <= _TINY * max(pairs * late * late, _TINY)):
            share = together / np.sqrt(early_squares) / np.sqrt(late_squares)
            found[w] = min(max(share, -1.0), 1.0)
    return found


def _windows(hourly: Array) -> Array:
    flat = hourly.reshape(math.prod(hourly.shape[:-2]), *hourly.shape[-2:])
    return np.ascontiguousarray(flat, np.float64)


def interdaily_stability(hourly: Array) -> Array:
    r"""Say how alike a person's days are: 1 all the same, 0 no daily pattern.

    .. math:: IS = \frac{n \sum_h (\bar x_h - \bar x)^2}{p \sum_i (x_i - \bar x)^2}

    With hours missing, each clock hour weighs as often as it was seen
    (:math:`\sum_h n_h (\bar x_h - \bar x)^2` over the same denominator): the published value when
    nothing is missing, and within [0, 1] always. Both sums are over n (no n - 1 in one of them).

    Parameters
    ----------
    hourly : array, shape (..., days, 24)
        Mean activity of each clock hour; NaN where unknown.

    Returns
    -------
    array, shape (...)
        [1]. NaN when and only when fewer than two hours are valid or all valid hours are equal.

    References
    ----------
    Witting et al. 1990, doi:10.1016/0006-3223(90)90523-5.
    Van Someren et al. 1999, doi:10.3109/07420529908998724.
    """
    return hourly_rhythm(_windows(hourly))[:, 0].reshape(hourly.shape[:-2])


def intradaily_variability(hourly: Array) -> Array:
    r"""Say how broken up the days are: near 0 one smooth swing, near 2 noise.

    .. math:: IV = \frac{n \sum_i (x_i - x_{i-1})^2}{(n - 1) \sum_i (x_i - \bar x)^2}

    With hours missing, n - 1 is the number of pairs of hours that follow each other directly.

    Parameters
    ----------
    hourly : array, shape (..., days, 24)
        Mean activity of each clock hour, in order of time; NaN where unknown.

    Returns
    -------
    array, shape (...)
        [1]. NaN when and only when no two hours follow each other or all valid hours are equal.

    References
    ----------
    Witting et al. 1990, doi:10.1016/0006-3223(90)90523-5.
    """
    return hourly_rhythm(_windows(hourly))[:, 1].reshape(hourly.shape[:-2])


def least_and_most(profile: Array) -> tuple[Stretch, Stretch]:
    """Find L5 and M10, the least active 5 and most active 10 hours in a row, around midnight too.

    Parameters
    ----------
    profile : array, shape (..., bins)
        The 24 h profile from local midnight on, `bins` a multiple of 24.

    Returns
    -------
    (L5, M10)
        Mean level [as given] and onset [h]; of equal stretches the earliest. NaN when and only
        when a clock time of the profile is unknown.

    References
    ----------
    Witting et al. 1990, doi:10.1016/0006-3223(90)90523-5.
    """
    bins = profile.shape[-1]
    flat = np.ascontiguousarray(profile.reshape(math.prod(profile.shape[:-1]), bins), np.float64)
    found = extreme_stretches(flat, bins * 5 // 24, bins * 10 // 24)
    found = found.reshape(*profile.shape[:-1], 4)
    hour = 24.0 / bins
    return (
        Stretch(found[..., 0], found[..., 1] * hour),
        Stretch(found[..., 2], found[..., 3] * hour),
    )


def relative_amplitude(m10_level: Array, l5_level: Array) -> Array:
    """Compare active with restful hours: (M10 - L5) / (M10 + L5), 0 flat to 1 strong [1].

    NaN when and only when a level is NaN or both are zero.

    References
    ----------
    Van Someren et al. 1999, doi:10.3109/07420529908998724.
    """
    whole = m10_level + l5_level
    # a flat day's two sums may differ by a rounding error
    return np.maximum(m10_level - l5_level, 0.0) / np.where(whole > 0, whole, np.nan)


def day_to_day_correlation(hourly: Array) -> Array:
    """Correlate activity with activity 24 h later: Pearson's r of the hours that are known twice.

    Parameters
    ----------
    hourly : array, shape (..., days, 24)
        Mean activity of each clock hour; NaN where unknown.

    Returns
    -------
    array, shape (...)
        -1 to 1 [1]. NaN when and only when no two hours are known on two days in a row, or the
        earlier or the later ones of these pairs are all equal.

    References
    ----------
    Levine et al. 2002, doi:10.1186/1471-2202-3-1.
    """
    return correlations(_windows(hourly)).reshape(hourly.shape[:-2])


def sleep_regularity(asleep: Array) -> Array:
    r"""Give the chance of being in the same state, asleep or awake, 24 h apart.

    .. math:: SRI = -100 + \frac{200}{M(N-1)} \sum_{j=1}^{M} \sum_{i=1}^{N-1}
        \delta(s_{i,j}, s_{i+1,j})

    over N days of M epochs; 100 the same every day, 0 by chance, -100 upside down. Pairs in which
    one state is unknown are left out of the sum and of M(N-1).

    Parameters
    ----------
    asleep : array, shape (..., days, epochs)
        1 asleep, 0 awake, NaN unknown.

    Returns
    -------
    array, shape (...)
        -100 to 100 [1]. NaN when and only when no epoch is known on two days in a row.

    References
    ----------
    Phillips et al. 2017, doi:10.1038/s41598-017-03171-4.
    """
    apart = np.abs(np.diff(asleep, axis=-2))
    pairs = (~np.isnan(apart)).sum(axis=(-2, -1))
    same = pairs - _total(apart, (-2, -1))
    return np.asarray(-100 + 200 * same / np.where(pairs == 0, np.nan, pairs), np.float64)
