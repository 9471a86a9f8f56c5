"""Heart-rate variability beyond moments: Poincaré plot, fragmentation, fractals, words."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.hrv_time import histogram, mean_and_squares, quantile, sort
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]

PLOT_NAMES: Final = (
    "sd1_ms", "sd2_ms", "ellipse_ms2", "csi", "cvi", "csi_modified_ms", "guzik_pct", "slope_pct",
    "area_pct", "porta_pct", "c1d", "c2d", "cd",
)  # fmt: skip
"""What `poincare` writes, in its order."""

CHAIN_NAMES: Final = (
    "pip_pct", "ials", "pss_pct", "pas_pct", "dfa_a1", "dfa_a2", "no_variation_pct",
    "one_variation_pct", "two_like_pct", "two_unlike_pct", "shannon_bit",
)  # fmt: skip
"""What `chain` writes, in its order."""

SHORT_SCALES: Final = (4, 16)  # beats, Peng et al. 1995
LONG_SCALES: Final = (16, 64)


@compiled("void(f8[::1], f8[::1], f8[::1])")
def _spread_of_pairs(earlier: Array, later: Array, out: Array) -> None:
    """Set `out` to SD1, SD2 and what is made from them."""
    k = earlier.size
    one, two, sums = np.empty(k), np.empty(k), np.empty(3)
    for i in range(k):
        one[i] = (earlier[i] - later[i]) / math.sqrt(2.0)
        two[i] = (earlier[i] + later[i]) / math.sqrt(2.0)
    mean_and_squares(one, sums)
    sd1 = math.sqrt(sums[1] / (k - 1))
    mean_and_squares(two, sums)
    sd2 = math.sqrt(sums[1] / (k - 1))
    out[0], out[1], out[2] = sd1, sd2, math.pi * sd1 * sd2
    if sd1 > 0 and sd2 > 0:
        out[3], out[4], out[5] = sd2 / sd1, math.log10(16 * sd1 * sd2), 4 * sd2 * sd2 / sd1


@compiled("void(f8[::1], f8[::1], f8[::1])")
def poincare(earlier: Array, later: Array, out: Array) -> None:
    """Describe the plot of each interval against the one before it, into `out` (`PLOT_NAMES`).

    SD1 and SD2 are the spreads across and along the line of identity, `ellipse` their ellipse's
    area; CSI = SD2 / SD1, CVI = log10(16 SD1 SD2), modified CSI = (4 SD2)² / (4 SD1). Guzik's,
    the slope and the area index are the shares of decelerations in the distances from the line of
    identity, the angles and the sectors to it; Porta's the share of accelerations among changes.
    C1d, C2d and Cd are the parts of decelerations in short-term, long-term and total variance.

    Parameters
    ----------
    earlier, later : arrays, shape (k,)
        Pairs of intervals that directly follow each other [ms].
    out : array, shape (len(PLOT_NAMES),)
        NaN when and only when k < 2, or the pairs do not vary (ratios).

    References
    ----------
    Brennan et al. 2001, doi:10.1109/10.959330. Toichi et al. 1997,
    doi:10.1016/S0165-1838(96)00112-9. Yan et al. 2017, doi:10.1186/s12938-017-0402-3. Piskorski &
    Guzik 2011, doi:10.1007/s11517-011-0834-z.
    """
    k = earlier.size
    for i in range(out.size):
        out[i] = np.nan
    if k < 2:
        return
    _spread_of_pairs(earlier, later, out)
    centre_x, centre_y = 0.0, 0.0
    for i in range(k):
        centre_x += earlier[i] / k
        centre_y += later[i] / k
    far, angle, area = np.zeros(3), np.zeros(3), np.zeros(3)
    across, along, count = np.zeros(3), np.zeros(3), np.zeros(3)
    for i in range(k):
        x, y = earlier[i], later[i]
        kind = 0 if y > x else (1 if y < x else 2)  # slower, faster, the same
        theta = abs(math.pi / 4 - math.atan(y / x))
        count[kind] += 1
        far[kind] += abs(y - x)
        angle[kind] += theta
        area[kind] += theta * (x * x + y * y)
        across[kind] += (y - x) ** 2
        along[kind] += (x - centre_x + y - centre_y) ** 2
    slower = along[0] + along[2] / 2
    whole = along[0] + along[1] + along[2]
    if count[0] + count[1] > 0:
        out[6] = 100 * far[0] / (far[0] + far[1])
        out[7] = 100 * angle[0] / (angle[0] + angle[1])
        out[8] = 100 * area[0] / (area[0] + area[1])
        out[9] = 100 * count[1] / (count[0] + count[1])
        out[10] = across[0] / (across[0] + across[1])
        out[12] = (across[0] + slower) / (across[0] + across[1] + whole)
    if whole > 0:
        out[11] = slower / whole


@compiled("void(f8[::1], f8[::1])")
def _fragmentation(x: Array, out: Array) -> None:
    """Set out[0..3] to PIP, IALS, PSS and PAS of a chain of at least three intervals."""
    n = x.size
    turns, runs, in_runs, in_long = 0, 0, 0, 0
    alternating, in_alternation = 1, 0  # differences in a row that change sign each time
    length, sign_before = 0, 0.0
    for i in range(1, n + 1):
        step = x[i] - x[i - 1] if i < n else 0.0
        sign = 1.0 if step > 0 else (-1.0 if step < 0 else 0.0)
        if 1 < i < n and sign * sign_before <= 0 and sign != sign_before:
            turns += 1
        if i > 1 and sign * sign_before < 0:
            alternating += 1
        else:
            if alternating >= 4:
                in_alternation += alternating
            alternating = 1
        if sign == sign_before and sign != 0:
            length += 1
        else:
            if length > 0:
                runs += 1
                in_runs += length
                in_long += length if length >= 3 else 0
            length = 1 if sign != 0 else 0
        sign_before = sign
    out[0], out[3] = 100 * turns / n, 100 * in_alternation / n
    out[1] = runs / in_runs if runs > 0 else np.nan
    out[2] = 100 - 100 * in_long / n


@compiled("f8(f8, f8, f8, i8)")
def _about_line(one: float, two: float, cross: float, scale: int) -> float:
    """Return the variance about a straight line from sums of values, squares and moments."""
    spread = scale * (scale * scale - 1) / 12
    return max(two - one * one / scale - cross * cross / spread, 0.0) / scale


@compiled("f8(f8[::1], i8)")
def _fluctuation(profile: Array, scale: int) -> float:
    """Return the mean variance of a profile about straight lines, over segments of one length.

    Four segments at a time: the processor need not wait for one sum to go on with another.
    """
    segments, middle, total = profile.size // scale, (scale - 1) / 2, 0.0
    for first in range(0, segments // 4 * 4, 4):
        at = first * scale
        x0, x1 = profile[at : at + scale], profile[at + scale : at + 2 * scale]
        x2, x3 = profile[at + 2 * scale : at + 3 * scale], profile[at + 3 * scale :]
        one0 = one1 = one2 = one3 = two0 = two1 = two2 = two3 = 0.0
        cross0 = cross1 = cross2 = cross3 = 0.0
        for k in range(scale):
            y0, y1, y2, y3 = x0[k] - x0[0], x1[k] - x1[0], x2[k] - x2[0], x3[k] - x3[0]
            away = k - middle
            one0, one1, one2, one3 = one0 + y0, one1 + y1, one2 + y2, one3 + y3
            two0, two1, two2, two3 = two0 + y0 * y0, two1 + y1 * y1, two2 + y2 * y2, two3 + y3 * y3
            cross0, cross1 = cross0 + away * y0, cross1 + away * y1
            cross2, cross3 = cross2 + away * y2, cross3 + away * y3
        total += _about_line(one0, two0, cross0, scale)
        total += _about_line(one1, two1, cross1, scale)
        total += _about_line(one2, two2, cross2, scale)
        total += _about_line(one3, two3, cross3, scale)
    for segment in range(segments // 4 * 4, segments):
        x0 = profile[segment * scale :]
        one0 = two0 = cross0 = 0.0
        for k in range(scale):
            y0 = x0[k] - x0[0]
            one0, two0, cross0 = one0 + y0, two0 + y0 * y0, cross0 + (k - middle) * y0
        total += _about_line(one0, two0, cross0, scale)
    return total / segments


@compiled("f8(f8[::1], i8, i8)")
def _scaling(profile: Array, low: int, high: int) -> float:
    """Return the slope of log fluctuation on log scale, over all scales from low to high."""
    n, sx, sy, sxx, sxy = 0, 0.0, 0.0, 0.0, 0.0
    for scale in range(low, high + 1):
        level = _fluctuation(profile, scale)
        if level <= 1e-12:
            return np.nan
        a, b = math.log(scale), math.log(level) / 2
        n += 1
        sx, sy, sxx, sxy = sx + a, sy + b, sxx + a * a, sxy + a * b
    return (n * sxy - sx * sy) / (n * sxx - sx * sx)


@compiled("void(f8[::1], f8[::1], f8[::1])")
def _words(x: Array, ordered: Array, out: Array) -> None:
    """Set out[6..9] to the shares of three-beat words by how they vary, in quarters of the data."""
    low, middle, high = quantile(ordered, 0.25), quantile(ordered, 0.5), quantile(ordered, 0.75)
    found = np.zeros(4)
    a, b = 0, 0
    for i in range(x.size):
        c = int(x[i] >= low) + int(x[i] >= middle) + int(x[i] >= high)
        if i >= 2:
            if a == b and b == c:
                found[0] += 1
            elif a == b or b == c:  # noqa: PLR1714
                found[1] += 1
            elif (a < b) == (b < c):
                found[2] += 1
            else:
                found[3] += 1
        a, b = b, c
    for kind in range(4):
        out[6 + kind] = 100 * found[kind] / (x.size - 2)


@compiled("void(f8[::1], f8[::1])")
def chain(x: Array, out: Array) -> None:
    """Describe an unbroken chain of intervals, into `out` as `CHAIN_NAMES` say.

    Fragmentation: points at which the sign of the differences changes, of all intervals; the
    inverse of the mean length of runs of one sign; intervals outside runs of three or more; and
    intervals in alternations of four or more. DFA: the slope of log fluctuation on log scale over
    4-16 beats and 16-64 beats, segments side by side, straight lines taken out. Words: of three
    beats, each named by its quarter of the values, the shares that do not vary, vary once, twice
    in one direction, twice to and fro. Shannon entropy of the histogram in bins of 1/128 s.

    Parameters
    ----------
    x : array, shape (n,)
        Intervals [ms].
    out : array, shape (len(CHAIN_NAMES),)
        NaN when and only when n < 16 (all), n < 64 (`dfa_a2`), or the chain does not vary (DFA,
        IALS).

    References
    ----------
    Costa et al. 2017, doi:10.3389/fphys.2017.00255 (fragmentation). Peng et al. 1995,
    doi:10.1063/1.166141 (DFA). Porta et al. 2007, doi:10.1152/ajpheart.00006.2007, and Cysarz et
    al. 2018, doi:10.1088/1361-6579/aae302 (words). Shannon 1948,
    doi:10.1002/j.1538-7305.1948.tb01338.x.
    """
    n = x.size
    for i in range(out.size):
        out[i] = np.nan
    if n < SHORT_SCALES[1]:
        return
    _fragmentation(x, out)
    profile, ordered, sums = np.empty(n), x.copy(), np.empty(3)
    mean_and_squares(x, sums)
    if sums[1] > 1e-9:
        level = 0.0
        for i in range(n):
            level += x[i] - sums[0]
            profile[i] = level
        out[4] = _scaling(profile, SHORT_SCALES[0], SHORT_SCALES[1])
        if n >= LONG_SCALES[1]:
            out[5] = _scaling(profile, LONG_SCALES[0], LONG_SCALES[1])
    sort(ordered)
    _words(x, ordered, out)
    entropy = 0.0
    for count in histogram(ordered):
        if count > 0:
            entropy -= count / n * math.log2(count / n)
    out[10] = entropy
