"""Cosines fitted to the daily rhythm: the plain one, and Marler's with a shape of its own."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.cosinor_fit import fit_extended
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]

HOURS: Final = 24
_TINY: Final = 1e-12

_ANGLE = 2 * np.pi * (np.arange(HOURS) + 0.5) / HOURS
_BASIS: Final = np.stack([np.ones(HOURS), np.cos(_ANGLE), np.sin(_ANGLE)])
_SHAPES: Final = np.array(
    [(a, b) for b in (1.0, 3.0, 10.0, 30.0) for a in (-0.7, -0.3, 0.0, 0.3, 0.7)]
)
_BASE = _SHAPES[:, 1:] * (np.cos(2 * np.pi * np.arange(HOURS) / HOURS) - _SHAPES[:, :1])
_CURVES: Final = np.ascontiguousarray((1 / (1 + np.exp(-_BASE)))[:, -np.arange(2 * HOURS) % HOURS])
"""The curve of each shape backwards, for two days: hour h - turn lies at HOURS - h + turn."""


class Cosinor(NamedTuple):
    """A fitted cosine: level, half the swing, the clock hour [0, 24) of its peak, its R squared."""

    mesor: Array
    amplitude: Array
    acrophase_h: Array
    r_squared: Array


class ExtendedCosinor(NamedTuple):
    """A fitted anti-logistic cosine. See `extended_cosinor`."""

    minimum: Array
    amplitude: Array
    alpha: Array
    beta: Array
    acrophase_h: Array
    up_h: Array
    down_h: Array
    r_squared: Array
    pseudo_f: Array


@compiled("void(f8[:, ::1], f8[::1], f8[::1], f8[::1], f8[::1])")
def by_the_clock(window: Array, total: Array, seen: Array, spread: Array, around: Array) -> None:
    """Sum up a window of hours: each clock hour's sum and number of known days.

    `spread` is then the number of known hours, their mean and their sum of squares around it (NaN
    where all are equal to rounding); `around` the sum of squares around each clock hour's mean.
    """
    days, hours = window.shape
    count = whole = 0.0
    for h in range(hours):
        total[h] = seen[h] = around[h] = 0.0
    for d in range(days):
        for h in range(hours):
            known = window[d, h] == window[d, h]
            total[h] += window[d, h] if known else 0.0
            seen[h] += 1.0 if known else 0.0
    for h in range(hours):
        count += seen[h]
        whole += total[h]
    mean, squares = whole / max(count, 1.0), 0.0
    for d in range(days):
        for h in range(hours):
            away = window[d, h] - total[h] / max(seen[h], 1.0)
            around[h] += 0.0 if np.isnan(away) else away * away
    for h in range(hours):
        away = total[h] / max(seen[h], 1.0) - mean
        squares += around[h] + seen[h] * away * away
    if squares <= _TINY * max(count * mean * mean, _TINY):
        squares = np.nan
    spread[0], spread[1], spread[2] = count, mean, squares


@compiled("b1(f8[::1], f8[::1], f8, f8[:, ::1], f8[::1])")
def fit_plain(total: Array, seen: Array, mean: float, basis: Array, fit: Array) -> bool:
    """Fit level, cosine and sine to the sums by the clock; False with fewer than three hours."""
    left, known = np.zeros((3, 3)), 0
    for i in range(3):
        fit[i] = 0.0
        for h in range(total.size):
            fit[i] += (total[h] - mean * seen[h]) * basis[i, h]
            for j in range(i + 1):
                left[i, j] += seen[h] * basis[i, h] * basis[j, h]
    for h in range(total.size):
        known += 1 if seen[h] > 0 else 0
    if known < 3:
        return False
    for i in range(3):
        for k in range(i + 1, 3):
            share = left[k, i] / left[i, i]
            for j in range(i + 1, k + 1):
                left[k, j] -= share * left[j, i]
            fit[k] -= share * fit[i]
    for i in range(2, -1, -1):
        for j in range(i + 1, 3):
            fit[i] -= left[j, i] * fit[j]
        fit[i] /= left[i, i]
    fit[0] += mean
    return True


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[::1])")
def left_by(total: Array, seen: Array, around: Array, curve: Array) -> float:
    """Return the sum of squares of all hours around a curve that is the same every day."""
    error = 0.0
    for h in range(total.size):
        away = total[h] / max(seen[h], 1.0) - curve[h]
        error += around[h] + seen[h] * away * away
    return error


@compiled("f8[:, ::1](f8[:, :, ::1], f8[:, ::1])")
def plain_cosines(hourly: Array, basis: Array) -> Array:
    """Return, for each window, what `cosinor` says: mesor, amplitude, acrophase, R squared."""
    windows, _, hours = hourly.shape
    found = np.full((windows, 4), np.nan)
    total, seen, around = np.empty(hours), np.empty(hours), np.empty(hours)
    spread, fit, curve = np.empty(3), np.empty(3), np.empty(hours)
    for w in range(windows):
        by_the_clock(hourly[w], total, seen, spread, around)
        if not fit_plain(total, seen, spread[1], basis, fit):
            continue
        amplitude = np.hypot(fit[1], fit[2])
        found[w, 0], found[w, 1] = fit[0], amplitude
        if amplitude > 1e-9 * max(abs(fit[0]), _TINY):
            peak = np.arctan2(fit[2], fit[1]) * hours / (2 * np.pi) % hours
            found[w, 2] = peak if peak < hours else 0.0
        for h in range(hours):
            curve[h] = fit[0] + fit[1] * basis[1, h] + fit[2] * basis[2, h]
        error = left_by(total, seen, around, curve)
        share = 1.0 - error / spread[2]
        found[w, 3] = np.nan if np.isnan(share) else min(max(share, 0.0), 1.0)
    return found


@compiled("f8[:, ::1](f8[:, :, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1])")
def squashed_cosines(hourly: Array, basis: Array, curves: Array, shapes: Array) -> Array:
    """Return, for each window, what `extended_cosinor` says, in its order."""
    windows, _, hours = hourly.shape
    found = np.full((windows, 9), np.nan)
    total, seen, around = np.empty(hours), np.empty(hours), np.empty(hours)
    spread, plain, curve = np.empty(3), np.empty(3), np.empty(hours)
    mean, weight = np.empty((1, hours)), np.empty((1, hours))
    for w in range(windows):
        by_the_clock(hourly[w], total, seen, spread, around)
        known = 0
        for h in range(hours):
            known += 1 if seen[h] > 0 else 0
            weight[0, h], mean[0, h] = seen[h], total[h] / max(seen[h], 1.0)
        if known < 6 or np.isnan(spread[2]):
            continue
        fit = fit_extended(mean, weight, basis[1:], curves, shapes)[0]
        if np.isnan(fit[0]):
            continue
        fit_plain(total, seen, spread[1], basis, plain)
        for h in range(hours):
            curve[h] = plain[0] + plain[1] * basis[1, h] + plain[2] * basis[2, h]
        other = min(left_by(total, seen, around, curve), spread[2])
        right, up = np.cos(fit[4]), np.sin(fit[4])
        for h in range(hours):
            away = basis[1, h] * right + basis[2, h] * up - fit[2]
            curve[h] = fit[0] + fit[1] / (1.0 + np.exp(-fit[3] * away))
        error = left_by(total, seen, around, curve)
        found[w, :4] = fit[:4]
        half = np.arccos(fit[2]) * hours / (2 * np.pi)
        for i in range(3):
            at = (fit[4] * hours / (2 * np.pi) + (0.0, -half, half)[i]) % hours
            found[w, 4 + i] = at if at < hours else 0.0
        found[w, 7] = min(max(1.0 - error / spread[2], 0.0), 1.0)
        if spread[0] > 5 and error > 1e-9 * spread[2]:
            found[w, 8] = max(other - error, 0.0) / 2 / (error / (spread[0] - 5))
    return found


def _windows(hourly: Array) -> Array:
    flat = hourly.reshape(math.prod(hourly.shape[:-2]), *hourly.shape[-2:])
    return np.ascontiguousarray(flat, np.float64)


def cosinor(hourly: Array) -> Cosinor:
    """Fit one 24 h cosine by least squares to the valid hours, each at its middle.

    Parameters
    ----------
    hourly : array, shape (..., days, 24)
        Mean activity of each clock hour; NaN where unknown.

    Returns
    -------
    Cosinor
        Mesor and amplitude [as given], acrophase [h], R squared [1]. NaN when and only when fewer
        than three different clock hours are valid; the acrophase also when the amplitude is nil,
        R squared when the valid hours are all equal.

    References
    ----------
    Cornelissen 2014, doi:10.1186/1742-4682-11-16.
    """
    found = plain_cosines(_windows(hourly), _BASIS)
    return Cosinor(*np.moveaxis(found.reshape(*hourly.shape[:-2], 4), -1, 0))


def extended_cosinor(hourly: Array) -> ExtendedCosinor:
    r"""Fit a cosine squashed by the anti-logistic function, from a square wave to a cosine.

    .. math:: r(t) = \min + amp \cdot \frac{e^{u}}{1 + e^{u}}, \quad
        u = \beta\,(\cos\tfrac{2\pi(t-\phi)}{24} - \alpha)

    As the curve is the same every day, the least-squares fit to all hours is that to the mean of
    each clock hour, weighted by how often it was seen. Damped least squares starts from the best
    of ten soft and the best of ten steep shapes at all 24 hours, so that no starting value has to
    be given and none can send it astray. min >= 0, amp >= 0, -0.99 <= alpha <= 0.99 and
    0.2 <= beta <= 50.

    Parameters
    ----------
    hourly : array, shape (..., days, 24)
        Mean activity of each clock hour, 0 or more; NaN where unknown.

    Returns
    -------
    ExtendedCosinor
        Minimum and amplitude [as given]; alpha (the share of the day below the middle grows with
        it) and beta (steepness) [1]; the clock hours of the peak, of the rise and of the fall
        through the middle [h]; R squared over all hours [1]; Marler's pseudo F of the gain over
        the plain cosine, ((RSS_cos - RSS) / 2) / (RSS / (n - 5)) [1]. NaN when and only when fewer
        than six different clock hours are valid or all are equal; the pseudo F also with fewer
        than six valid hours or a perfect fit.

    References
    ----------
    Marler et al. 2006, doi:10.1002/sim.2466.
    """
    found = squashed_cosines(_windows(hourly), _BASIS, _CURVES, _SHAPES)
    return ExtendedCosinor(*np.moveaxis(found.reshape(*hourly.shape[:-2], 9), -1, 0))
