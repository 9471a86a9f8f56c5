"""Cosines fitted to the daily rhythm: the plain one, and Marler's with a shape of its own."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]

HOURS: Final = 24
ALPHA: Final = (-0.99, 0.99)  # beyond, the active time is nothing or everything
BETA: Final = (0.2, 50.0)  # below, nothing but a cosine; above, nothing but a step
STEPS: Final = 40
CONVERGED: Final = 1e-8  # a step that improves the fit by a smaller share is the last
_TINY: Final = 1e-12

_ANGLE = 2 * np.pi * (np.arange(HOURS) + 0.5) / HOURS
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


def _clock(hours: Array) -> Array:
    turned = hours % HOURS
    return np.where(turned >= HOURS, 0.0, turned)  # a hair under 0 is rounded up to 24 by %


def _spread(hourly: Array) -> tuple[Array, Array]:
    """Return (number of valid hours, their sum of squares around the mean; NaN where flat)."""
    count = (~np.isnan(hourly)).sum(axis=(-2, -1)).astype(np.float64)
    mean = np.nansum(hourly, axis=(-2, -1)) / np.maximum(count, 1)
    squares = np.nansum((hourly - mean[..., None, None]) ** 2, axis=(-2, -1))
    flat = squares <= _TINY * np.maximum(count * mean**2, _TINY)
    return count, np.where(flat, np.nan, squares)


def _sum_of_errors(hourly: Array, curve: Array) -> Array:
    return np.asarray(np.nansum((hourly - curve[..., None, :]) ** 2, axis=(-2, -1)), np.float64)


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
    basis = np.stack([np.ones(HOURS), np.cos(_ANGLE), np.sin(_ANGLE)])
    seen = (~np.isnan(hourly)).sum(axis=-2).astype(np.float64)
    sums = np.nansum(hourly, axis=-2)
    products = (basis[:, None] * basis[None]).reshape(9, HOURS)
    # not a matrix product, whose order of sums changes with the number of windows
    left = (seen[..., None, :] * products).sum(axis=-1).reshape(*seen.shape[:-1], 3, 3)
    right = (sums[..., None, :] * basis).sum(axis=-1)
    solvable = (seen > 0).sum(axis=-1) >= 3
    left = np.where(solvable[..., None, None], left, np.eye(3))
    fit = np.linalg.solve(left, right[..., None])[..., 0]
    blank = np.where(solvable, 0.0, np.nan)
    amplitude = np.hypot(fit[..., 1], fit[..., 2])
    nil = amplitude <= 1e-9 * np.maximum(np.abs(fit[..., 0]), _TINY)
    peak = _clock(np.arctan2(fit[..., 2], fit[..., 1]) * HOURS / (2 * np.pi))
    _, squares = _spread(hourly)
    share = 1 - _sum_of_errors(hourly, (fit[..., :, None] * basis).sum(axis=-2)) / squares
    return Cosinor(
        fit[..., 0] + blank,
        amplitude + blank,
        np.where(nil, np.nan, peak) + blank,
        np.clip(share, 0.0, 1.0) + blank,
    )


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[::1])")
def residuals(fit: Array, mean: Array, weight: Array, clock: Array, curve: Array) -> float:
    """Put the squashed cosine of each hour into `curve`; return the weighted sum of squares.

    Sets the minimum and the amplitude of `fit` to the best that this curve can have, neither
    below 0.
    """
    turned_c, turned_s = np.cos(fit[4]), np.sin(fit[4])
    whole = c = cc = y = cy = 0.0
    for h in range(mean.size):
        cosine = clock[0, h] * turned_c + clock[1, h] * turned_s
        curve[h] = 1.0 / (1.0 + np.exp(-fit[3] * (cosine - fit[2])))
        whole += weight[h]
        c += weight[h] * curve[h]
        y += weight[h] * mean[h]
    c, y = c / whole, y / whole
    for h in range(mean.size):
        away = weight[h] * (curve[h] - c)
        cc += away * (curve[h] - c)
        cy += away * (mean[h] - y)
    fit[1] = max(cy / cc, 0.0) if cc > 0.0 else 0.0
    fit[0] = y - fit[1] * c
    if fit[0] < 0.0:
        fit[0] = 0.0
        fit[1] = max((cy + whole * c * y) / (cc + whole * c * c), 0.0)
    total = 0.0
    for h in range(mean.size):
        total += weight[h] * (mean[h] - fit[0] - fit[1] * curve[h]) ** 2
    return total


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[:, ::1])")
def best_start(mean: Array, weight: Array, fit: Array, curves: Array) -> float:
    """Put the best of `curves` at the best of 24 hours into `fit`: [which, hour]."""
    hours = mean.size
    whole = level = 0.0
    for h in range(hours):
        whole += weight[h]
        level += weight[h] * mean[h]
    level /= whole
    sums, best = np.empty(3 * hours), -1.0
    for which in range(curves.shape[0]):
        c, cc, cy = sums[:hours], sums[hours : 2 * hours], sums[2 * hours :]
        sums[:] = 0.0
        for h in range(hours):  # all 24 turns at once
            w, wy = weight[h], weight[h] * (mean[h] - level)
            turned = curves[which, hours - h : 2 * hours - h]
            for turn in range(hours):
                value = turned[turn]
                c[turn] += w * value
                cc[turn] += w * value * value
                cy[turn] += wy * value
        for turn in range(hours):
            spread = cc[turn] - c[turn] * c[turn] / whole
            if cy[turn] > 0 and spread > 0 and cy[turn] * cy[turn] / spread > best:
                best = cy[turn] * cy[turn] / spread
                fit[0], fit[1] = which, turn
    return best


@compiled("b1(f8[:, ::1], f8[::1])")
def solve(left: Array, right: Array) -> bool:
    """Solve a small symmetric system in place; False where it has no single solution."""
    n = right.size
    for i in range(n):
        if not left[i, i] > 0.0:
            return False
        for k in range(i + 1, n):
            share = left[k, i] / left[i, i]
            for j in range(i, n):
                left[k, j] -= share * left[i, j]
            right[k] -= share * right[i]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            right[i] -= left[i, j] * right[j]
        right[i] /= left[i, i]
    return True


@compiled("void(f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[::1], f8[:, ::1], f8[::1])")
def curvature(
    fit: Array,
    mean: Array,
    weight: Array,
    clock: Array,
    curve: Array,
    left: Array,
    right: Array,
) -> None:
    """Put the normal equations of one Gauss-Newton step into `left` and `right`.

    `curve` is what `residuals` gave for the same fit. Rows: minimum, amplitude, alpha, beta,
    angle. What lies at a bound and
    would go beyond it stays there.
    """
    for i in range(5):
        right[i] = 0.0
        for j in range(5):
            left[i, j] = 0.0
    slope = np.empty(5)
    turned_c, turned_s = np.cos(fit[4]), np.sin(fit[4])
    for h in range(mean.size):
        cosine = clock[0, h] * turned_c + clock[1, h] * turned_s
        sine = clock[1, h] * turned_c - clock[0, h] * turned_s
        steep = fit[1] * curve[h] * (1.0 - curve[h])
        slope[0], slope[1], slope[2] = 1.0, curve[h], -steep * fit[3]
        slope[3], slope[4] = steep * (cosine - fit[2]), steep * fit[3] * sine
        away = mean[h] - fit[0] - fit[1] * curve[h]
        for i in range(5):
            scaled = weight[h] * slope[i]
            right[i] += scaled * away
            for j in range(i + 1):
                left[i, j] += scaled * slope[j]
    for i in range(4):
        low = fit[i] <= (0.0, 0.0, ALPHA[0], BETA[0])[i] and right[i] <= 0.0
        if low or (i > 1 and fit[i] >= (ALPHA[1], BETA[1])[i - 2] and right[i] >= 0.0):
            right[i] = 0.0
            for j in range(5):
                left[max(i, j), min(i, j)] = 1.0 if i == j else 0.0
    for i in range(5):
        for j in range(i):
            left[j, i] = left[i, j]


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[:, ::1])")
def refine(fit: Array, mean: Array, weight: Array, clock: Array) -> float:
    """Improve a fit by damped least squares (Levenberg-Marquardt) within its bounds.

    The shape alone is searched for; the best minimum and amplitude of each follow from it.

    References
    ----------
    Kaufman 1975, doi:10.1007/BF01932995.
    """
    left, damped = np.empty((5, 5)), np.empty((5, 5))
    right, step, trial = np.empty(5), np.empty(5), np.empty(5)
    curve, other = np.empty(mean.size), np.empty(mean.size)
    error, damping = residuals(fit, mean, weight, clock, curve), 1e-3
    for _ in range(STEPS):
        curvature(fit, mean, weight, clock, curve, left, right)
        before, improved = error, False
        for _ in range(8):
            for i in range(5):
                step[i] = right[i]
                for j in range(5):
                    damped[i, j] = left[i, j]
                if i > 1:
                    damped[i, i] += damping * left[i, i] + 1e-300
            if solve(damped, step):
                trial[2] = min(max(fit[2] + step[2], ALPHA[0]), ALPHA[1])
                trial[3] = min(max(fit[3] + step[3], BETA[0]), BETA[1])
                trial[4] = fit[4] + step[4]
                tried = residuals(trial, mean, weight, clock, other)
                if tried < error:
                    for i in range(5):
                        fit[i] = trial[i]
                    error, improved = tried, True
                    curve, other = other, curve
                    damping = max(damping * 0.1, 1e-12)
                    break
            damping *= 8.0
        if not improved or before - error <= CONVERGED * before:
            break
    return error


@compiled("f8[:, ::1](f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1])")
def fit_extended(mean: Array, weight: Array, clock: Array, curves: Array, shapes: Array) -> Array:
    """Fit each average day: [minimum, amplitude, alpha, beta, angle of the peak]."""
    found = np.full((mean.shape[0], 5), np.nan)
    start, other = np.empty(2), np.empty(5)
    half = curves.shape[0] // 2
    for w in range(mean.shape[0]):
        least = np.inf
        for part in range(2):  # once from a soft shape, once from a steep one
            some = curves[part * half : (part + 1) * half]
            if best_start(mean[w], weight[w], start, some) < 0:
                continue
            which = int(start[0]) + part * half
            other[2], other[3] = shapes[which, 0], shapes[which, 1]
            other[4] = (start[1] + 0.5) * 2.0 * np.pi / mean.shape[1]
            error = refine(other, mean[w], weight[w], clock)
            if error < least:
                least = error
                for i in range(5):
                    found[w, i] = other[i]
    return found


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
    seen = (~np.isnan(hourly)).sum(axis=-2).astype(np.float64)
    mean = np.nansum(hourly, axis=-2) / np.maximum(seen, 1)
    count, squares = _spread(hourly)
    usable = ((seen > 0).sum(axis=-1) >= 6) & ~np.isnan(squares)
    shape = usable.shape
    flat_mean, flat_seen = (
        mean.reshape(usable.size, HOURS)[usable.ravel()],
        seen.reshape(usable.size, HOURS)[usable.ravel()],
    )
    clock = np.stack([np.cos(_ANGLE), np.sin(_ANGLE)])
    fit = np.full((usable.size, 5), np.nan)
    fit[usable.ravel()] = fit_extended(
        np.ascontiguousarray(flat_mean), np.ascontiguousarray(flat_seen), clock, _CURVES, _SHAPES
    )
    low, size, alpha, beta, angle = np.moveaxis(fit.reshape(*shape, 5), -1, 0)
    u = beta[..., None] * (np.cos(_ANGLE - angle[..., None]) - alpha[..., None])
    curve = low[..., None] + size[..., None] / (1 + np.exp(-u))
    error = _sum_of_errors(hourly, curve) + 0 * low
    plain = squares * (1 - cosinor(hourly).r_squared)
    perfect = error <= 1e-9 * squares
    free = np.where((count > 5) & ~perfect, count - 5, np.nan)
    half = np.arccos(alpha) * HOURS / (2 * np.pi)
    peak = angle * HOURS / (2 * np.pi)
    return ExtendedCosinor(
        low,
        size,
        alpha,
        beta,
        _clock(peak),
        _clock(peak - half),
        _clock(peak + half),
        np.clip(1 - error / squares, 0.0, 1.0),
        np.maximum(plain - error, 0.0) / 2 / (error / free),
    )
