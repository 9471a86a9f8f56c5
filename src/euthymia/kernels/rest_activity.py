"""Rest-activity rhythm: how regular, how broken and how strong a person's days are.

Every function takes many windows at once: the last axes hold one window, leading axes are free.
Missing time is NaN and is left out, never filled. Counts keep the device's own unit.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.rest_activity_minutes import extreme_stretch

Array = NDArray[np.float64]

_TINY: Final = 1e-12


class Stretch(NamedTuple):
    """The mean level of the chosen hours of the 24 h profile and the clock hour they begin at."""

    level: Array
    onset_h: Array


def _total(values: Array, axes: tuple[int, ...]) -> Array:
    return np.asarray(np.nansum(values, axis=axes), np.float64)


def _spread(hourly: Array) -> tuple[Array, Array, Array]:
    """Return (deviations from the window's mean, their sum of squares, number of valid hours)."""
    valid = ~np.isnan(hourly)
    count = valid.sum(axis=(-2, -1)).astype(np.float64)
    mean = _total(hourly, (-2, -1)) / np.maximum(count, 1)
    away = hourly - mean[..., None, None]
    squares = _total(away**2, (-2, -1))
    flat = squares <= _TINY * np.maximum(count * mean**2, _TINY)
    return away, np.where(flat, np.nan, squares), count


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
    away, squares, _ = _spread(hourly)
    seen = (~np.isnan(hourly)).sum(axis=-2)
    by_hour = np.nansum(away, axis=-2) / np.maximum(seen, 1)
    between = (seen * by_hour**2).sum(axis=-1)
    return np.asarray(np.minimum(between / squares, 1.0), np.float64)


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
    _, squares, count = _spread(hourly)
    flat = hourly.reshape(*hourly.shape[:-2], hourly.shape[-2] * hourly.shape[-1])
    steps = np.diff(flat, axis=-1)
    pairs = (~np.isnan(steps)).sum(axis=-1)
    jumps = np.nansum(steps**2, axis=-1) / np.where(pairs == 0, np.nan, pairs)
    return np.asarray(jumps * count / squares, np.float64)


def _stretch(profile: Array, hours: int, *, lowest: bool) -> Stretch:
    bins = profile.shape[-1]
    flat = np.ascontiguousarray(profile.reshape(math.prod(profile.shape[:-1]), bins), np.float64)
    found = extreme_stretch(flat, bins * hours // 24, lowest).reshape(*profile.shape[:-1], 2)
    return Stretch(found[..., 0], found[..., 1] * (24.0 / bins))


def l5(profile: Array) -> Stretch:
    """Find the least active 5 hours in a row of the average day, around midnight too.

    Parameters
    ----------
    profile : array, shape (..., bins)
        The 24 h profile from local midnight on, `bins` a multiple of 24.

    Returns
    -------
    Stretch
        Mean level [as given] and onset [h]; of equal stretches the earliest. NaN when and only
        when a clock time of the profile is unknown.

    References
    ----------
    Witting et al. 1990, doi:10.1016/0006-3223(90)90523-5.
    """
    return _stretch(profile, 5, lowest=True)


def m10(profile: Array) -> Stretch:
    """Find the most active 10 hours in a row of the average day. See `l5`."""
    return _stretch(profile, 10, lowest=False)


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
    first, second = hourly[..., :-1, :], hourly[..., 1:, :]
    both = ~np.isnan(first + second)
    axes = (-2, -1)
    pairs = np.maximum(both.sum(axis=axes), 1)[..., None, None]
    parts = []
    for values in (first, second):
        kept = np.where(both, values, 0.0)
        mean = kept.sum(axis=axes, keepdims=True) / pairs
        away = np.where(both, kept - mean, 0.0)
        squares = (away**2).sum(axis=axes)
        level = np.maximum((pairs * mean**2)[..., 0, 0], _TINY)
        parts.append((away, np.where(squares <= _TINY * level, np.nan, squares)))
    (early, early_squares), (late, late_squares) = parts
    together = (early * late).sum(axis=axes) / np.sqrt(early_squares) / np.sqrt(late_squares)
    return np.asarray(np.clip(together, -1.0, 1.0), np.float64)


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
