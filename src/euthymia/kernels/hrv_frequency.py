"""Heart-rate variability in the frequency domain, in ms², straight from beats that come unevenly.

Nothing is resampled. Interpolating beats to an even grid and taking Welch's average loses power of
fast breathing; the usual Lomb-Scargle sums have no unit. Here the Fourier integral of the series is
taken over the beats themselves, each weighted by the time it stands for, under a Hann taper whose
power is divided out: a rhythm of amplitude a in a band adds a²/2 ms² to it, whatever its frequency,
and slow drift does not leak into the bands. Where artefacts stood, values are filled in by an
autoregressive model of the series, which carries a rhythm on where a spline would flatten it.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

NAMES: Final = (
    "lf_ms2", "hf_ms2", "vhf_ms2", "total_power_ms2", "lf_hf", "lf_nu_pct", "hf_nu_pct",
    "ln_hf", "lf_peak_hz", "hf_peak_hz",
)  # fmt: skip
"""What `band_powers` writes, in its order."""

LF_HZ: Final = 0.04
LANES: Final = 32  # frequencies taken side by side, as the processor can
HALF: Final = LANES // 2
AR_ORDER: Final = 16
ROUNDS: Final = 2  # model and filling in turns
RIDGE: Final = 1e-9


@compiled("void(f8[::1], f8[::1], f8[::1], f8[::1])")
def _line(x: Array, t: Array, weight: Array, line: Array) -> None:
    """Set `line` to the value at t = 0 and the slope of the straight line through a series."""
    mean, centre, over, under, whole = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        whole += weight[i]
    for i in range(x.size):
        mean += weight[i] / whole * x[i]
        centre += weight[i] / whole * t[i]
    for i in range(x.size):
        over += weight[i] * (t[i] - centre) * (x[i] - mean)
        under += weight[i] * (t[i] - centre) ** 2
    line[1] = over / under if under > 0 else 0.0
    line[0] = mean - line[1] * centre


@compiled("f8(f8[::1], f8[::1], i8)", lanes=True)
def _reflection(ahead: Array, back: Array, m: int) -> float:
    """Return Burg's coefficient of order m, four sums side by side; NaN where nothing is left."""
    o0 = o1 = o2 = o3 = u0 = u1 = u2 = u3 = 0.0
    whole = (ahead.size - m) // 4 * 4
    for i in range(0, whole, 4):
        f0, f1, f2, f3 = ahead[m + i], ahead[m + i + 1], ahead[m + i + 2], ahead[m + i + 3]
        b0, b1, b2, b3 = back[i], back[i + 1], back[i + 2], back[i + 3]
        o0, o1, o2, o3 = o0 + f0 * b0, o1 + f1 * b1, o2 + f2 * b2, o3 + f3 * b3
        u0, u1 = u0 + f0 * f0 + b0 * b0, u1 + f1 * f1 + b1 * b1
        u2, u3 = u2 + f2 * f2 + b2 * b2, u3 + f3 * f3 + b3 * b3
    for i in range(whole, ahead.size - m):
        o0 += ahead[m + i] * back[i]
        u0 += ahead[m + i] * ahead[m + i] + back[i] * back[i]
    over, under = (o0 + o1) + (o2 + o3), (u0 + u1) + (u2 + u3)
    return -2.0 * over / under if under > 0.0 else np.nan


@compiled("void(f8[::1], f8[::1])")
def _burg(x: Array, model: Array) -> None:
    """Set `model` to the prediction-error filter (1, a1, ..., ap) of a series, by Burg's method.

    Of order m, back[i] is the error of predicting x[i] from the m that follow it.
    """
    ahead, back, old = x.copy(), x.copy(), np.zeros(model.size)
    for i in range(model.size):
        model[i] = 0.0 if i else 1.0
    for m in range(1, model.size):
        k = _reflection(ahead, back, m)
        if np.isnan(k):
            return
        for i in range(m + 1):
            old[i] = model[i]
        for i in range(1, m + 1):
            model[i] = old[i] + k * old[m - i]
        later = ahead[m:]
        for i in range(later.size):
            front, behind = later[i], back[i]
            later[i], back[i] = front + k * behind, behind + k * front


@compiled("void(f8[:, ::1], f8[::1])")
def _solve(matrix: NDArray[np.float64], right: Array) -> None:
    """Solve a symmetric positive system in place (Cholesky): `right` becomes the solution."""
    n = right.size
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = math.sqrt(max(total, 1e-300)) if i == j else total / matrix[j, j]
    for i in range(n):
        for k in range(i):
            right[i] -= matrix[i, k] * right[k]
        right[i] /= matrix[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            right[i] -= matrix[k, i] * right[k]
        right[i] /= matrix[i, i]


@compiled("f8(f8[::1], i8, i8, i8)")
def _shared(model: Array, i: int, k: int, n: int) -> float:
    """Return how x[i] and x[k] meet in the squared errors of predictions inside a series of n.

    Forward and backward: predictions from what lies outside the series are left out.
    """
    order, total = model.size - 1, 0.0
    low, high = min(i, k), max(i, k)
    for at in range(max(order, high), min(n - 1, low + order) + 1):
        total += model[at - i] * model[at - k]
    for at in range(max(0, high - order), min(n - 1 - order, low) + 1):
        total += model[i - at] * model[k - at]
    return total


@compiled("void(f8[::1], i8[::1], i8, b1[::1], f8[::1])")
def _least_error(series: Array, places: Ints, m: int, missing: Mask, model: Array) -> None:
    """Set the missing values so that the squared prediction error of the model is least."""
    n, order = series.size, model.size - 1
    matrix, right, inside = np.zeros((m, m)), np.zeros(m), np.empty(order + 1)
    for lag in range(order + 1):  # far enough from both ends only how far apart they are matters
        inside[lag] = _shared(model, order, order + lag, 4 * order + 1)
    for i in range(m):
        at = places[i]
        for k in range(max(0, at - order), min(n, at + order + 1)):
            if not missing[k]:
                within = max(at, k) >= order and min(at, k) < n - order
                shared = inside[abs(at - k)] if within else _shared(model, at, k, n)
                right[i] -= shared * series[k]
        for j in range(i + 1):
            if at - places[j] <= order:
                matrix[i, j] = _shared(model, at, places[j], n)
        matrix[i, i] += RIDGE
    _solve(matrix, right)
    for i in range(m):
        series[places[i]] = right[i]


@compiled("i8(f8[::1], b1[::1], i8[::1])")
def _straight(x: Array, missing: Mask, places: Ints) -> int:
    """Draw straight lines over missing values; set `places` to where they are; return how many."""
    m, last = 0, -1
    for i in range(x.size + 1):
        if i < x.size and missing[i]:
            places[m] = i
            m += 1
            continue
        if i == x.size and last < 0:
            return m
        for k in range(last + 1, i):
            left = x[last] if last >= 0 else x[i]
            right = x[i] if i < x.size else left
            x[k] = left + (right - left) * (k - last) / (i - last)
        last = i
    return m


@compiled("void(f8[::1], f8[::1], b1[::1])")
def _place_in_time(x: Array, end_s: Array, missing: Mask) -> None:
    """Move the ends inside each run of filled intervals to where their values put them."""
    n, i = x.size, 0
    while i < n:
        last, total = i, 0.0
        while last < n and missing[last]:
            total += x[last]
            last += 1
        if i > 0 and last - i > 1 and total > 0:
            scale = (end_s[last - 1] - end_s[i - 1]) / total
            for k in range(i, last - 1):
                end_s[k] = end_s[k - 1] + scale * x[k]
        i = max(last, i + 1)


@compiled("void(f8[::1], f8[::1], b1[::1])")
def fill_in(x: Array, end_s: Array, missing: Mask) -> None:
    """Put into the missing places of a series what its own autoregressive model says, in place.

    The values that make the model's squared prediction error least; first a straight line is put
    there, then model and values take turns. The ends between filled intervals are moved to fit.

    Parameters
    ----------
    x : array, shape (n,)
        The series [ms].
    end_s : array, shape (n,)
        When each interval ends [s].
    missing : bool array, shape (n,)
        Which values are not known. Nothing is done where none or all are missing.

    References
    ----------
    Janssen, Veldhuis & Vries 1986, doi:10.1109/TASSP.1986.1164824.
    """
    n, places = x.size, np.zeros(x.size, np.int64)
    m = _straight(x, missing, places)
    order = min(AR_ORDER, n // 4)
    if m == 0 or m == n or order < 1:  # noqa: PLR1714  (a set is slow to compile)
        return
    model, series, line = np.zeros(order + 1), np.empty(n), np.empty(2)
    _line(x, end_s, np.ones(n), line)
    for i in range(n):
        series[i] = x[i] - line[0] - line[1] * end_s[i]
    for _ in range(ROUNDS):
        _burg(series, model)
        _least_error(series, places, m, missing, model)
    for i in range(m):
        x[places[i]] = series[places[i]] + line[0] + line[1] * end_s[places[i]]
    _place_in_time(x, end_s, missing)


@compiled("void(f8[::1], f8[::1], f8, f8[:, :, ::1], f8[:, :, ::1])")
def _turns(
    weighted: Array,
    time_s: Array,
    step_hz: float,
    near: NDArray[np.float64],
    far: NDArray[np.float64],
) -> None:
    """Set the phases of each beat: about the middle of a block, and of the middles of the blocks.

    `near`, shape (2, beats, HALF): cosine and sine at half a step, one and a half, ... `far`,
    shape (2, beats, blocks): the weighted cosine and sine at the middle of each block.
    """
    for k in range(weighted.size):
        angle = math.pi * step_hz * time_s[k]
        c, s, right, up = near[0, k], near[1, k], far[0, k], far[1, k]
        c[0], s[0] = math.cos(angle), math.sin(angle)
        turn_c, turn_s = c[0] * c[0] - s[0] * s[0], 2 * c[0] * s[0]
        width = 1
        while width < HALF:
            for j in range(width):
                c[width + j] = c[j] * turn_c - s[j] * turn_s
                s[width + j] = s[j] * turn_c + c[j] * turn_s
            turn_c, turn_s = turn_c * turn_c - turn_s * turn_s, 2 * turn_c * turn_s
            width *= 2
        turn_c, turn_s = turn_c * turn_c - turn_s * turn_s, 2 * turn_c * turn_s
        one, other = weighted[k] * c[HALF - 1], weighted[k] * s[HALF - 1]
        for block in range(right.size):
            right[block], up[block] = one, other
            one, other = one * turn_c - other * turn_s, other * turn_c + one * turn_s


@compiled("void(f8[::1], f8[::1], f8, f8[::1])")
def _spectrum(weighted: Array, time_s: Array, step_hz: float, power: Array) -> None:
    """Set power[i] to |sum of weighted x exp(-2 pi i f t)|² at f = i steps; size a whole of LANES.

    The frequencies are taken in blocks. At the same distance below and above a block's middle
    the sums are made of the same four products, which four beats at a time add to.
    """
    blocks, beats = power.size // LANES, (weighted.size + 3) // 4 * 4
    near, far = np.zeros((2, beats, HALF)), np.zeros((2, beats, blocks))
    _turns(weighted, time_s, step_hz, near, far)
    sums = np.zeros((blocks, 4, HALF))
    for k in range(0, beats, 4):
        c0, c1, c2, c3 = near[0, k], near[0, k + 1], near[0, k + 2], near[0, k + 3]
        s0, s1, s2, s3 = near[1, k], near[1, k + 1], near[1, k + 2], near[1, k + 3]
        for b in range(blocks):
            r0, r1, r2, r3 = far[0, k, b], far[0, k + 1, b], far[0, k + 2, b], far[0, k + 3, b]
            u0, u1, u2, u3 = far[1, k, b], far[1, k + 1, b], far[1, k + 2, b], far[1, k + 3, b]
            cc, ss, sc, cs = sums[b, 0], sums[b, 1], sums[b, 2], sums[b, 3]
            for j in range(HALF):
                cc[j] += (r0 * c0[j] + r1 * c1[j]) + (r2 * c2[j] + r3 * c3[j])
                ss[j] += (u0 * s0[j] + u1 * s1[j]) + (u2 * s2[j] + u3 * s3[j])
                sc[j] += (u0 * c0[j] + u1 * c1[j]) + (u2 * c2[j] + u3 * c3[j])
                cs[j] += (r0 * s0[j] + r1 * s1[j]) + (r2 * s2[j] + r3 * s3[j])
    for b in range(blocks):
        middle = b * LANES + HALF
        for j in range(HALF):
            cc, ss, sc, cs = sums[b, 0, j], sums[b, 1, j], sums[b, 2, j], sums[b, 3, j]
            power[middle + j] = (cc - ss) ** 2 + (sc + cs) ** 2
            power[middle - 1 - j] = (cc + ss) ** 2 + (sc - cs) ** 2


@compiled("f8(f8[::1], f8, i8, i8)")
def _band(density: Array, step_hz: float, low: int, high: int) -> float:
    """Return the power between two frequencies (as numbers of steps), by the trapezoid rule."""
    total = -(density[low] + density[high]) / 2
    for i in range(low, high + 1):
        total += density[i]
    return float(step_hz * total)


@compiled("f8(f8[::1], f8, i8, i8)")
def _peak(density: Array, step_hz: float, low: int, high: int) -> float:
    """Return the frequency of the highest peak between two; NaN where none stands inside."""
    at = -1
    for i in range(low, high + 1):
        top = density[i] > density[i - 1] and density[i] >= density[i + 1]
        if top and (at < 0 or density[i] > density[at]):
            at = i
    if at < 0:
        return np.nan
    left, middle, right = density[at - 1], density[at], density[at + 1]
    bend = left - 2 * middle + right
    return step_hz * (at + (0.5 * (left - right) / bend if bend < 0 else 0.0))


@compiled("f8(f8[::1], f8[::1], f8[::1])")
def density_of(nn_ms: Array, end_s: Array, density: Array) -> float:
    """Set `density` to the one-sided power spectral density [ms²/Hz]; return its step [Hz].

    A straight line is taken out first; an interval stands in the middle of itself. The line is the
    one through the tapered series: under the taper nothing is left of the level, which beats that
    come in a rhythm would carry into the band of that rhythm where the drift is bent.
    """
    n = nn_ms.size
    middle, weighted, line, total = np.empty(n), np.empty(n), np.empty(2), 0.0
    begin = end_s[0] - nn_ms[0] / 1000.0
    length = end_s[n - 1] - begin
    step_hz = LF_HZ / (4 * math.ceil(LF_HZ * 2 * length / 4))  # every band edge is a whole step
    for i in range(n):
        middle[i] = end_s[i] - begin - nn_ms[i] / 2000.0
    for i in range(n):
        stands_for = (middle[min(i + 1, n - 1)] - middle[max(i - 1, 0)]) / 2
        taper = 0.5 - 0.5 * math.cos(2 * math.pi * middle[i] / length)
        weighted[i] = taper * stands_for
        total += taper * weighted[i]
    _line(nn_ms, middle, weighted, line)
    for i in range(n):
        weighted[i] *= nn_ms[i] - line[0] - line[1] * middle[i]
    _spectrum(weighted, middle, step_hz, density)
    for i in range(density.size):
        density[i] *= 2 / total
    return float(step_hz)


@compiled("void(f8[::1], f8[::1], f8[::1])")
def band_powers(nn_ms: Array, end_s: Array, out: Array) -> None:
    """Measure the power of a window of beats in the usual bands, into `out` as `NAMES` say.

    LF is 0.04-0.15 Hz, HF 0.15-0.40, VHF 0.40-0.50, total 0-0.40 [ms²]; LF and HF in normalised
    units are their shares of LF + HF. A tone of amplitude a [ms] inside a band gives a²/2.

    Parameters
    ----------
    nn_ms : array, shape (n,), n >= 16
        Intervals without artefacts and without gaps [ms].
    end_s : array, shape (n,)
        When each ends [s], increasing, over 60 to 400 s.
    out : array, shape (len(NAMES),)
        NaN when and only when the series does not vary at all (ratios, logarithm), a band has no
        peak inside it (peak frequencies), or n < 16 (all).

    References
    ----------
    Task Force 1996, doi:10.1161/01.CIR.93.5.1043 (bands, units). Laguna, Moody & Mark 1998,
    doi:10.1109/10.678605 (unevenly sampled heart rate).
    """
    for i in range(out.size):
        out[i] = np.nan
    if nn_ms.size < AR_ORDER:
        return
    length = end_s[end_s.size - 1] - end_s[0] + nn_ms[0] / 1000.0
    unit = math.ceil(LF_HZ * 2 * length / 4)
    low, high, very, top = 4 * unit, 15 * unit, 40 * unit, 50 * unit
    density = np.empty((top + LANES) // LANES * LANES)
    step_hz = density_of(nn_ms, end_s, density)
    lf, hf = _band(density, step_hz, low, high), _band(density, step_hz, high, very)
    out[0], out[1], out[2] = lf, hf, _band(density, step_hz, very, top)
    out[3] = _band(density, step_hz, 0, very)
    if lf + hf > 1e-12:
        out[4], out[5], out[6] = lf / hf, 100 * lf / (lf + hf), 100 * hf / (lf + hf)
        out[7] = math.log(hf)
    out[8] = _peak(density, step_hz, low, high)
    out[9] = _peak(density, step_hz, high, very)
