"""Rest-activity rhythm: how regular, how broken and how strong a person's days are.

Every function takes many windows at once: the last axes hold one window, leading axes are free.
Missing time is NaN and is left out, never filled. Counts keep the device's own unit.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EQUAL_SHARE: Final = 1e-9  # sums this close, relative to the largest, are called equal
_TINY: Final = 1e-12


class Cosinor(NamedTuple):
    """A fitted cosine: level, half the swing, and the clock hour [0, 24) of its peak."""

    mesor: Array
    amplitude: Array
    acrophase_h: Array


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
    flat = hourly.reshape(*hourly.shape[:-2], -1)
    steps = np.diff(flat, axis=-1)
    pairs = (~np.isnan(steps)).sum(axis=-1)
    jumps = np.nansum(steps**2, axis=-1) / np.where(pairs == 0, np.nan, pairs)
    return np.asarray(jumps * count / squares, np.float64)


def _stretch(profile: Array, hours: int, *, lowest: bool) -> Stretch:
    bins = profile.shape[-1]
    width = bins * hours // 24
    summed = np.zeros((*profile.shape[:-1], bins + 1))
    np.cumsum(profile, axis=-1, out=summed[..., 1:])
    sums = np.empty_like(profile)
    sums[..., : bins - width + 1] = summed[..., width:] - summed[..., : bins - width + 1]
    over = summed[..., 1:width] + summed[..., -1:]  # around midnight
    sums[..., bins - width + 1 :] = over - summed[..., bins - width + 1 : bins]
    known = ~np.isnan(summed[..., -1])
    if not known.all():
        sums = np.where(known[..., np.newaxis], sums, 0.0)
    least, most = sums.min(axis=-1), sums.max(axis=-1)
    slack = EQUAL_SHARE * np.maximum(np.abs(least), np.abs(most))
    hits = sums <= (least + slack)[..., None] if lowest else sums >= (most - slack)[..., None]
    at = np.argmax(hits, axis=-1)
    level = np.take_along_axis(sums, at[..., np.newaxis], axis=-1)[..., 0] / width
    blank = np.where(known, 0.0, np.nan)
    return Stretch(np.maximum(level, 0.0) + blank, at * (24.0 / bins) + blank)


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
    return (m10_level - l5_level) / np.where(whole > 0, whole, np.nan)


def cosinor(hourly: Array) -> Cosinor:
    """Fit one 24 h cosine by least squares to the valid hours, each at its middle.

    Parameters
    ----------
    hourly : array, shape (..., days, 24)
        Mean activity of each clock hour; NaN where unknown.

    Returns
    -------
    Cosinor
        Mesor and amplitude [as given], acrophase [h]. NaN when and only when fewer than three
        different clock hours are valid; the acrophase also when the amplitude is nil.

    References
    ----------
    Cornelissen 2014, doi:10.1186/1742-4682-11-16.
    """
    angle = 2 * np.pi * (np.arange(24) + 0.5) / 24
    basis = np.stack([np.ones(24), np.cos(angle), np.sin(angle)])
    seen = (~np.isnan(hourly)).sum(axis=-2).astype(np.float64)
    sums = np.nansum(hourly, axis=-2)
    left = np.einsum("ih,jh,...h->...ij", basis, basis, seen)
    right = np.einsum("ih,...h->...i", basis, sums)
    solvable = (seen > 0).sum(axis=-1) >= 3
    left = np.where(solvable[..., None, None], left, np.eye(3))
    fit = np.linalg.solve(left, right[..., None])[..., 0]
    blank = np.where(solvable, 0.0, np.nan)
    amplitude = np.hypot(fit[..., 1], fit[..., 2])
    nil = amplitude <= 1e-9 * np.maximum(np.abs(fit[..., 0]), _TINY)
    peak = np.arctan2(fit[..., 2], fit[..., 1]) * 24 / (2 * np.pi) % 24
    peak = np.where(peak >= 24, 0.0, peak)  # a hair under 0 is rounded up to 24 by %
    return Cosinor(fit[..., 0] + blank, amplitude + blank, np.where(nil, np.nan, peak) + blank)


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
