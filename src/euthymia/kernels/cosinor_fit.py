"""Find the anti-logistic cosine that fits an average day best: Marler's shape, by least squares.

A fit is [minimum, amplitude, alpha, beta, angle of the peak]. Hours stand side by side in every
step, so that all of a day are worked on at once.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.four import (
    FOUR,
    LANES,
    NOTHING,
    Four,
    four,
    four_times,
    minus,
    plus,
    put,
    times,
    times_plus,
)
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]

ALPHA: Final = (-0.99, 0.99)  # beyond, the active time is nothing or everything
BETA: Final = (0.2, 50.0)  # below, nothing but a cosine; above, nothing but a step
STEPS: Final = 40
SPACE: Final = 76  # numbers of work space of a fit
CONVERGED: Final = 1e-8  # a step that improves the fit by a smaller share is the last


@compiled("void(f8[::1], f8[:, ::1], f8[::1])", lanes=True)
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


@compiled("f8(f8[::1], i8)", lanes=True)
def sum_of(space: Array, nth: int) -> float:
    """Sum up the nth four numbers of the work space."""
    at = LANES * nth
    return float((space[at] + space[at + 1]) + (space[at + 2] + space[at + 3]))


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[::1], f8[::1])", lanes=True)
def residuals(
    fit: Array, mean: Array, weight: Array, clock: Array, curve: Array, space: Array
) -> float:
    """Put the squashed cosine of each hour into `curve`; return the weighted sum of squares.

    Sets the minimum and the amplitude of `fit` to the best that this curve can have, neither
    below 0. Four hours are summed up side by side, in `space`, whose first two numbers are the
    sum of the weights and the weighted mean.
    """
    anti_logistic(fit, clock, curve)
    whole, y, hours, first = space[0], space[1], mean.size, NOTHING
    for h in range(0, hours, LANES):
        first = times_plus(four(weight, h), four(curve, h), first)
    put(space, 4, first)
    c = sum_of(space, 1) / whole
    centre, level, squares, both = four_times(c), four_times(y), NOTHING, NOTHING
    for h in range(0, hours, LANES):
        away = minus(four(curve, h), centre)
        weighed = times(four(weight, h), away)
        squares = times_plus(weighed, away, squares)
        both = times_plus(weighed, minus(four(mean, h), level), both)
    put(space, 4, squares)
    put(space, 8, both)
    cc, cy = sum_of(space, 1), sum_of(space, 2)
    size = max(cy / cc, 0.0) if cc > 0.0 else 0.0
    low = y - size * c
    if low < 0.0:
        low = 0.0
        size = max((cy + whole * c * y) / (cc + whole * c * c), 0.0)
    fit[0], fit[1] = low, size
    bottom, height, total = four_times(low), four_times(-size), NOTHING
    for h in range(0, hours, LANES):
        off = times_plus(height, four(curve, h), minus(four(mean, h), bottom))
        total = times_plus(times(four(weight, h), off), off, total)
    put(space, 4, total)
    return sum_of(space, 1)


@compiled(f"void(f8[::1], i8, {FOUR}, {FOUR}, {FOUR}, {FOUR}, {FOUR}, {FOUR})", lanes=True)
def keep_six(space: Array, at: int, a: Four, b: Four, c: Four, d: Four, e: Four, f: Four) -> None:
    """Put six times four numbers into the work space."""
    put(space, at, a)
    put(space, at + 4, b)
    put(space, at + 8, c)
    put(space, at + 12, d)
    put(space, at + 16, e)
    put(space, at + 20, f)


@compiled("void(f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[::1], f8[::1])", lanes=True)
def products(
    fit: Array, mean: Array, weight: Array, clock: Array, curve: Array, space: Array
) -> None:
    """Sum up products of the curve and of how it moves with alpha, beta and the angle (1, 2, 3).

    The sums of four hours side by side are put into `space`, from its second four on, in the order
    in which `curvature` takes them.
    """
    right, up = np.cos(fit[4]), np.sin(fit[4])
    cosine, sine, alpha = four_times(right), four_times(up), four_times(-fit[2])
    size, beta, one = four_times(fit[1]), four_times(fit[3]), four_times(1.0)
    low, less = four_times(fit[0]), four_times(-fit[1])
    wc = cc = a1 = a2 = a3 = c1 = c2 = c3 = r1 = r2 = r3 = NOTHING
    s11 = s21 = s22 = s31 = s32 = s33 = NOTHING
    for h in range(0, mean.size, LANES):
        w, c, x, y = four(weight, h), four(curve, h), four(clock[0], h), four(clock[1], h)
        steep = times(times(size, c), minus(one, c))
        sharp = times(steep, beta)
        across = minus(NOTHING, sharp)
        steeper = times(steep, times_plus(x, cosine, times_plus(y, sine, alpha)))
        turned = times(sharp, times_plus(y, cosine, minus(NOTHING, times(x, sine))))
        off = times_plus(less, c, minus(four(mean, h), low))
        w_c, w_1, w_2, w_3 = times(w, c), times(w, across), times(w, steeper), times(w, turned)
        wc, cc = plus(wc, w_c), times_plus(w_c, c, cc)
        a1, a2, a3 = plus(a1, w_1), plus(a2, w_2), plus(a3, w_3)
        c1, c2 = times_plus(w_c, across, c1), times_plus(w_c, steeper, c2)
        c3, r1 = times_plus(w_c, turned, c3), times_plus(w_1, off, r1)
        r2, r3 = times_plus(w_2, off, r2), times_plus(w_3, off, r3)
        s11, s21 = times_plus(w_1, across, s11), times_plus(w_1, steeper, s21)
        s22, s31 = times_plus(w_2, steeper, s22), times_plus(w_1, turned, s31)
        s32, s33 = times_plus(w_2, turned, s32), times_plus(w_3, turned, s33)
    keep_six(space, 4, wc, cc, a1, a2, a3, c1)
    keep_six(space, 28, c2, c3, r1, r2, r3, s11)
    keep_six(space, 52, s21, s22, s31, s32, s33, NOTHING)


@compiled("void(f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[::1], f8[::1], f8[::1])")
def curvature(
    fit: Array, mean: Array, weight: Array, clock: Array, curve: Array, space: Array, sums: Array
) -> None:
    """Put the normal equations of one Gauss-Newton step of the shape into `sums`.

    Rows: alpha, beta, angle, each freed of what a new minimum and amplitude would take up. From
    0 on the left side (by rows, the lower half), from 6 on the right side, from 9 on the diagonals
    before they were freed.
    """
    products(fit, mean, weight, clock, curve, space)
    w0, wc, cc = space[0], sum_of(space, 1), sum_of(space, 2)
    a1, a2, a3 = sum_of(space, 3), sum_of(space, 4), sum_of(space, 5)
    c1, c2, c3 = sum_of(space, 6), sum_of(space, 7), sum_of(space, 8)
    sums[6], sums[7], sums[8] = sum_of(space, 9), sum_of(space, 10), sum_of(space, 11)
    s11, s21, s22 = sum_of(space, 12), sum_of(space, 13), sum_of(space, 14)
    s31, s32, s33 = sum_of(space, 15), sum_of(space, 16), sum_of(space, 17)
    sums[9], sums[10], sums[11] = s11, s22, s33
    if fit[0] > 0.0:  # else it stays at its bound
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
    sums, step, trial, space = np.empty(12), np.empty(3), np.empty(5), np.empty(SPACE)
    curve, other = np.empty(mean.size), np.empty(mean.size)
    space[0] = weight.sum()
    space[1] = (weight * mean).sum() / space[0]
    error, damping = residuals(fit, mean, weight, clock, curve, space), 1e-3
    for _ in range(STEPS):
        curvature(fit, mean, weight, clock, curve, space, sums)
        at_bounds(fit, sums)
        before, improved = error, False
        for _ in range(8):
            if solve(sums, damping, step):
                trial[2] = min(max(fit[2] + step[0], ALPHA[0]), ALPHA[1])
                trial[3] = min(max(fit[3] + step[1], BETA[0]), BETA[1])
                trial[4] = fit[4] + step[2]
                tried = residuals(trial, mean, weight, clock, other, space)
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


@compiled("void(f8[::1], f8[::1], i8, f8[::1])", lanes=True)
def all_turns(values: Array, curves: Array, begin: int, found: Array) -> None:
    """Put the sum of products of values and a curve, turned by each of the hours, into `found`.

    `begin` is where the curve, backwards and for two days, begins.
    """
    hours = values.size
    for turn in range(0, hours, 2 * LANES):
        one, two = NOTHING, NOTHING
        for h in range(hours):
            at, value = begin + hours - h + turn, four_times(values[h])
            one = times_plus(value, four(curves, at), one)
            two = times_plus(value, four(curves, at + LANES), two)
        put(found, turn, one)
        put(found, turn + LANES, two)


@compiled("f8(f8[::1], f8[::1], f8[::1], f8[:, ::1], i8, f8[:, ::1])")
def best_start(
    mean: Array, weight: Array, fit: Array, curves: Array, part: int, sums: Array
) -> float:
    """Put the best of half of the curves at the best of the hours into `fit`: [which, hour].

    `part` is 0 or 1: the first half or the second. `sums` is work space of four rows.
    """
    hours, half, alike, whole = mean.size, curves.shape[0] // 2, True, weight.sum()
    flat, best = curves.ravel(), -1.0
    level = (weight * mean).sum() / whole
    for h in range(hours):
        sums[3, h] = weight[h] * (mean[h] - level)
        alike = alike and weight[h] == weight[0]
    for which in range(part * half, (part + 1) * half):
        begin = 2 * hours * which
        all_turns(sums[3], flat, begin, sums[0])
        if not alike:
            all_turns(weight, flat, begin, sums[1])
            all_turns(weight, flat * flat, begin, sums[2])
        else:  # every turn weighs the same
            sums[1, :] = weight[0] * curves[which, :hours].sum()
            sums[2, :] = weight[0] * (curves[which, :hours] ** 2).sum()
        for turn in range(hours):
            cy, spread = sums[0, turn], sums[2, turn] - sums[1, turn] ** 2 / whole
            if cy > 0 and spread > 0 and cy * cy > best * spread:
                best = cy * cy / spread
                fit[0], fit[1] = which, turn
    return best


@compiled("f8[:, ::1](f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1])")
def fit_extended(mean: Array, weight: Array, clock: Array, curves: Array, shapes: Array) -> Array:
    """Fit each average day: [minimum, amplitude, alpha, beta, angle of the peak]."""
    found = np.full((mean.shape[0], 5), np.nan)
    start, other, sums = np.empty(2), np.empty(5), np.empty((4, mean.shape[1]))
    for w in range(mean.shape[0]):
        least = np.inf
        for part in range(2):  # once from a soft shape, once from a steep one
            if best_start(mean[w], weight[w], start, curves, part, sums) < 0:
                continue
            which = int(start[0])
            other[2], other[3] = shapes[which, 0], shapes[which, 1]
            other[4] = (start[1] + 0.5) * 2.0 * np.pi / mean.shape[1]
            error = refine(other, mean[w], weight[w], clock)
            if error < least:
                least = error
                for i in range(5):
                    found[w, i] = other[i]
    return found
