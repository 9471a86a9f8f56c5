"""Find the anti-logistic cosine that fits an average day best: Marler's shape, by least squares.

A fit is [minimum, amplitude, alpha, beta, angle of the peak]. Hours stand side by side in every
step, so that all of a day are worked on at once.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]

ALPHA: Final = (-0.99, 0.99)  # beyond, the active time is nothing or everything
BETA: Final = (0.2, 50.0)  # below, nothing but a cosine; above, nothing but a step
STEPS: Final = 40
CONVERGED: Final = 1e-8  # a step that improves the fit by a smaller share is the last


@compiled("void(f8[::1], f8[:, ::1], f8[::1])")
def anti_logistic(fit: Array, clock: Array, curve: Array) -> None:
    """Put the squashed cosine of each hour into `curve`, to 1 part in 10^13.

    The power of e, at most 100 of either sign, is that of a 256th of it, by its series, squared
    eight times: no call of a function an hour.
    """
    right, up = np.cos(fit[4]), np.sin(fit[4])
    alpha, size = fit[2], -fit[3] / 256.0
    cosine, sine = clock[0], clock[1]
    for h in range(curve.size):
        x = size * (cosine[h] * right + sine[h] * up - alpha)
        e = x * (1.0 / 479001600.0) + 1.0 / 39916800.0
        e = ((e * x + 1.0 / 3628800.0) * x + 1.0 / 362880.0) * x + 1.0 / 40320.0
        e = ((e * x + 1.0 / 5040.0) * x + 1.0 / 720.0) * x + 1.0 / 120.0
        e = (((e * x + 1.0 / 24.0) * x + 1.0 / 6.0) * x + 0.5) * x * x + x + 1.0
        e = e * e * (e * e)
        e = e * e * (e * e)
        e = e * e * (e * e)
        e = e * e * (e * e)
        curve[h] = 1.0 / (1.0 + e)


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[::1])")
def residuals(fit: Array, mean: Array, weight: Array, clock: Array, curve: Array) -> float:
    """Put the squashed cosine of each hour into `curve`; return the weighted sum of squares.

    Sets the minimum and the amplitude of `fit` to the best that this curve can have, neither
    below 0. Even and odd hours are summed up side by side.
    """
    anti_logistic(fit, clock, curve)
    whole = c = y = whole_too = c_too = y_too = 0.0
    for h in range(0, mean.size, 2):
        whole += weight[h]
        whole_too += weight[h + 1]
        c += weight[h] * curve[h]
        c_too += weight[h + 1] * curve[h + 1]
        y += weight[h] * mean[h]
        y_too += weight[h + 1] * mean[h + 1]
    whole += whole_too
    c, y = (c + c_too) / whole, (y + y_too) / whole
    cc = cy = cc_too = cy_too = 0.0
    for h in range(0, mean.size, 2):
        away, too = curve[h] - c, curve[h + 1] - c
        cc += weight[h] * away * away
        cc_too += weight[h + 1] * too * too
        cy += weight[h] * away * (mean[h] - y)
        cy_too += weight[h + 1] * too * (mean[h + 1] - y)
    cc, cy = cc + cc_too, cy + cy_too
    low, size = 0.0, max(cy / cc, 0.0) if cc > 0.0 else 0.0
    low = y - size * c
    if low < 0.0:
        low = 0.0
        size = max((cy + whole * c * y) / (cc + whole * c * c), 0.0)
    fit[0], fit[1] = low, size
    total = total_too = 0.0
    for h in range(0, mean.size, 2):
        away, too = mean[h] - low - size * curve[h], mean[h + 1] - low - size * curve[h + 1]
        total += weight[h] * away * away
        total_too += weight[h + 1] * too * too
    return total + total_too


@compiled("void(f8[::1], f8[:, ::1], f8[::1], f8[::1], f8[::1], f8[::1])")
def slopes(
    fit: Array, clock: Array, curve: Array, across: Array, steeper: Array, turned: Array
) -> None:
    """Say how the curve of each hour moves with alpha, beta and the angle."""
    right, up = np.cos(fit[4]), np.sin(fit[4])
    size, alpha, beta = fit[1], fit[2], fit[3]
    cosine, sine = clock[0], clock[1]
    for h in range(curve.size):
        steep = size * curve[h] * (1.0 - curve[h])
        across[h] = -steep * beta
        steeper[h] = steep * (cosine[h] * right + sine[h] * up - alpha)
        turned[h] = steep * beta * (sine[h] * right - cosine[h] * up)


@compiled("void(f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[::1])")
def curvature(
    fit: Array, mean: Array, weight: Array, curve: Array,
    across: Array, steeper: Array, turned: Array, sums: Array,
) -> None:  # fmt: skip
    """Put the normal equations of one Gauss-Newton step of the shape into `sums`.

    Rows: alpha, beta, angle, each freed of what a new minimum and amplitude would take up. From
    0 on the left side (by rows, the lower half), from 6 on the right side, from 9 on the diagonals
    before they were freed.
    """
    low, size = fit[0], fit[1]
    w0 = wc = cc = a1 = a2 = a3 = c1 = c2 = c3 = r1 = r2 = r3 = 0.0
    s11 = s21 = s22 = s31 = s32 = s33 = 0.0
    for h in range(mean.size):
        w, c, one, two, three = weight[h], curve[h], across[h], steeper[h], turned[h]
        w_away, w_c = w * (mean[h] - low - size * c), w * c
        w_one, w_two = w * one, w * two
        w0 += w
        wc += w_c
        cc += w_c * c
        a1 += w_one
        a2 += w_two
        a3 += w * three
        c1 += w_c * one
        c2 += w_c * two
        c3 += w_c * three
        r1 += w_away * one
        r2 += w_away * two
        r3 += w_away * three
        s11 += w_one * one
        s21 += w_one * two
        s22 += w_two * two
        s31 += w_one * three
        s32 += w_two * three
        s33 += w * three * three
    sums[9], sums[10], sums[11] = s11, s22, s33
    if low > 0.0:  # else it stays at its bound
        mean_c = wc / w0
        c1, c2, c3 = c1 - mean_c * a1, c2 - mean_c * a2, c3 - mean_c * a3
        cc -= mean_c * wc
    else:
        a1 = a2 = a3 = 0.0
    f1, f2, f3 = c1 / cc, c2 / cc, c3 / cc
    sums[0] = s11 - a1 * a1 / w0 - c1 * f1
    sums[1] = s21 - a1 * a2 / w0 - c1 * f2
    sums[2] = s22 - a2 * a2 / w0 - c2 * f2
    sums[3] = s31 - a1 * a3 / w0 - c1 * f3
    sums[4] = s32 - a2 * a3 / w0 - c2 * f3
    sums[5] = s33 - a3 * a3 / w0 - c3 * f3
    sums[6], sums[7], sums[8] = r1, r2, r3


@compiled("void(f8[::1], f8[::1])")
def at_bounds(fit: Array, sums: Array) -> None:
    """Keep alpha and beta where they are that lie at a bound and would go beyond it."""
    if (fit[2] <= ALPHA[0] and sums[6] <= 0.0) or (fit[2] >= ALPHA[1] and sums[6] >= 0.0):
        sums[6] = sums[1] = sums[3] = 0.0
        sums[0] = sums[9] = 1.0
    if (fit[3] <= BETA[0] and sums[7] <= 0.0) or (fit[3] >= BETA[1] and sums[7] >= 0.0):
        sums[7] = sums[1] = sums[4] = 0.0
        sums[2] = sums[10] = 1.0


@compiled("b1(f8[::1], f8, f8[::1])")
def solve(sums: Array, damping: float, step: Array) -> bool:
    """Solve the damped equations of `curvature`; False where they have no single solution."""
    first = sums[0] + damping * sums[9] + 1e-300
    if not first > 0.0:
        return False
    one, two = sums[1] / first, sums[3] / first
    b, c = sums[2] + damping * sums[10] + 1e-300 - one * sums[1], sums[4] - one * sums[3]
    d, y = sums[5] + damping * sums[11] + 1e-300 - two * sums[3], sums[7] - one * sums[6]
    if not b > 0.0:
        return False
    three = c / b
    d -= three * c
    if not d > 0.0:
        return False
    step[2] = (sums[8] - two * sums[6] - three * y) / d
    step[1] = (y - c * step[2]) / b
    step[0] = (sums[6] - sums[1] * step[1] - sums[3] * step[2]) / first
    return True


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[:, ::1])")
def refine(fit: Array, mean: Array, weight: Array, clock: Array) -> float:
    """Improve a fit by damped least squares (Levenberg-Marquardt) within its bounds.

    The shape alone is searched for; the best minimum and amplitude of each follow from it.

    References
    ----------
    Kaufman 1975, doi:10.1007/BF01932995.
    """
    hours = mean.size
    sums, step, trial = np.empty(12), np.empty(3), np.empty(5)
    curve, other = np.empty(hours), np.empty(hours)
    across, steeper, turned = np.empty(hours), np.empty(hours), np.empty(hours)
    error, damping = residuals(fit, mean, weight, clock, curve), 1e-3
    for _ in range(STEPS):
        slopes(fit, clock, curve, across, steeper, turned)
        curvature(fit, mean, weight, curve, across, steeper, turned, sums)
        at_bounds(fit, sums)
        before, improved = error, False
        for _ in range(8):
            if solve(sums, damping, step):
                trial[2] = min(max(fit[2] + step[0], ALPHA[0]), ALPHA[1])
                trial[3] = min(max(fit[3] + step[1], BETA[0]), BETA[1])
                trial[4] = fit[4] + step[2]
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


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[:, ::1])")
def best_start(mean: Array, weight: Array, fit: Array, curves: Array, sums: Array) -> float:
    """Put the best of `curves` at the best of the hours into `fit`: [which, hour].

    `sums` is work space of three rows.
    """
    hours = mean.size
    whole = level = 0.0
    alike = True
    for h in range(hours):
        whole += weight[h]
        level += weight[h] * mean[h]
        alike = alike and weight[h] == weight[0]
    level /= whole
    best = -1.0
    c, cc, cy = sums[0], sums[1], sums[2]
    for which in range(curves.shape[0]):
        sums[:] = 0.0
        for h in range(hours):  # all turns at once
            wy = weight[h] * (mean[h] - level)
            turned = curves[which, hours - h : 2 * hours - h]
            for turn in range(hours):
                cy[turn] += wy * turned[turn]
            if alike and h > 0:  # every turn weighs the same: the first says it
                continue
            w, some = weight[h], curves[which, :hours]
            if alike:
                for turn in range(hours):
                    c[0] += w * some[turn]
                    cc[0] += w * some[turn] * some[turn]
                continue
            for turn in range(hours):
                value = turned[turn]
                c[turn] += w * value
                cc[turn] += w * value * value
        for turn in range(hours):
            place = 0 if alike else turn
            spread = cc[place] - c[place] * c[place] / whole
            if cy[turn] > 0 and spread > 0 and cy[turn] * cy[turn] / spread > best:
                best = cy[turn] * cy[turn] / spread
                fit[0], fit[1] = which, turn
    return best


@compiled("f8[:, ::1](f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1])")
def fit_extended(mean: Array, weight: Array, clock: Array, curves: Array, shapes: Array) -> Array:
    """Fit each average day: [minimum, amplitude, alpha, beta, angle of the peak]."""
    found = np.full((mean.shape[0], 5), np.nan)
    start, other, sums = np.empty(2), np.empty(5), np.empty((3, mean.shape[1]))
    half = curves.shape[0] // 2
    for w in range(mean.shape[0]):
        least = np.inf
        for part in range(2):  # once from a soft shape, once from a steep one
            some = curves[part * half : (part + 1) * half]
            if best_start(mean[w], weight[w], start, some, sums) < 0:
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
