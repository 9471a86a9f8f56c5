"""Heart-rate variability in the time domain, of one window of normal beats.

Definitions of the Task Force 1996, doi:10.1161/01.CIR.93.5.1043. Standard deviations divide by
n - 1; quantiles are interpolated linearly; the median absolute deviation is scaled by 1.4826.
pNNx divides by the intervals of an unbroken chain (one more than its differences), as the Task
Force words it; Kubios divides by the differences.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

NAMES: Final = (
    "mean_nn_ms", "median_nn_ms", "mad_nn_ms", "min_nn_ms", "max_nn_ms", "prc20_nn_ms",
    "prc80_nn_ms", "iqr_nn_ms", "mcvnn", "sdnn_ms", "cvnn", "rmssd_ms", "sdsd_ms", "cvsd",
    "sdnn_rmssd", "pnn50_pct", "pnn20_pct", "triangular_index", "tinn_ms",
)  # fmt: skip
"""What `time_domain` writes, in its order."""

STEEPEST: Final = 1e15  # steps a unit: beyond, their height is lost in rounding
BIN_MS: Final = 1000 / 128  # the Task Force's bins for the geometric measures
MAD_TO_SD: Final = 1.4826  # 1 over the upper quartile of the normal distribution


@compiled("f8(f8[::1], f8)")
def quantile(ordered: Array, share: float) -> float:
    """Return a quantile of sorted values, interpolated linearly."""
    place = share * (ordered.size - 1)
    low = int(place)
    high = min(low + 1, ordered.size - 1)
    part = place - low
    # as NumPy does it: from the nearer end, so that the last digit is the same
    if part < 0.5:
        return float(ordered[low] + (ordered[high] - ordered[low]) * part)
    return float(ordered[high] - (ordered[high] - ordered[low]) * (1 - part))


@compiled("i8[::1](f8[::1])")
def _dealt(values: Array) -> Ints:
    """Return the places of values by as many steps of equal height as there are values.

    Within a step they keep their order.
    """
    n = values.size
    order, begins = np.arange(n), np.zeros(n + 1, np.int64)
    low = high = values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    steps = (n - 1) / (high - low) if high > low else 0.0
    if steps > STEEPEST:
        return order
    step = np.empty(n, np.int64)
    for i in range(n):
        step[i] = int((values[i] - low) * steps)
        begins[step[i] + 1] += 1
    for k in range(n):
        begins[k + 1] += begins[k]
    for i in range(n):
        order[begins[step[i]]] = i
        begins[step[i]] += 1
    return order


@compiled("i8[::1](f8[::1])")
def ranking(values: Array) -> Ints:
    """Return the places of finite values in ascending order; equal ones keep theirs."""
    order = _dealt(values)
    for i in range(1, order.size):
        place, at = order[i], i
        value = values[place]
        while at > 0 and values[order[at - 1]] > value:
            order[at] = order[at - 1]
            at -= 1
        order[at] = place
    return order


@compiled("void(f8[::1])")
def sort(values: Array) -> None:
    """Sort finite values in place: dealt out by their height first, there is little left to do.

    That holds where none lies apart from all others by much more than they from each other, as
    with intervals between beats. Any others are sorted too, in time that grows with the square.
    """
    order, held = _dealt(values), values.copy()
    for i in range(values.size):
        value, at = held[order[i]], i
        while at > 0 and values[at - 1] > value:
            values[at] = values[at - 1]
            at -= 1
        values[at] = value


@compiled("f8(f8[::1], f8)")
def middle_distance(ordered: Array, centre: float) -> float:
    """Return the median distance of sorted values from a value among them."""
    n = ordered.size
    high = 0
    while high < n and ordered[high] < centre:
        high += 1
    low, before, now = high - 1, 0.0, 0.0
    for _ in range(n // 2 + 1):
        down = centre - ordered[low] if low >= 0 else np.inf
        up = ordered[high] - centre if high < n else np.inf
        before = now
        if up <= down:
            now = up
            high += 1
        else:
            now = down
            low -= 1
    # as `quantile` does it, from the nearer end
    return now if n % 2 else now - (now - before) * 0.5


@compiled("void(f8[::1], f8[::1])")
def mean_and_squares(values: Array, out: Array) -> None:
    """Set `out` to the mean, the sum of squares about it, and the sum of squares about zero."""
    total, about, squares = 0.0, 0.0, 0.0
    for value in values:
        total += value
    mean = total / values.size
    for value in values:
        about += (value - mean) ** 2
        squares += value * value
    out[0], out[1], out[2] = mean, about, squares


@compiled("f8[::1](f8[::1])")
def histogram(ordered: Array) -> Array:
    """Count sorted intervals [ms] in bins of 1/128 s from 0 on; the last holds its upper end."""
    top = ordered[ordered.size - 1]
    bins = max(math.ceil(top / BIN_MS), 1)
    counts = np.zeros(bins)
    for value in ordered:
        counts[min(int(value / BIN_MS), bins - 1)] += 1
    return counts


@compiled("f8(f8[::1], i8, i8)")
def _side(counts: Array, peak: int, way: int) -> float:
    """Return how many bins from the peak the best triangle's foot stands, to one side."""
    top, best, at = counts[peak], np.inf, 0
    reach = peak if way < 0 else counts.size - 1 - peak
    last = reach  # bin with a beat: an empty one outside the triangle is no error
    while last > 0 and counts[peak + way * last] == 0:
        last -= 1
    for foot in range(1, reach + 2):
        error = 0.0
        for k in range(1, min(max(foot - 1, last), reach) + 1):
            height = top * (1 - k / foot) if k < foot else 0.0
            error += (counts[peak + way * k] - height) ** 2
            if error >= best:
                break
        if error < best:
            best, at = error, foot
    return float(at)


@compiled("void(f8[::1], f8[::1], f8[::1])")
def time_domain(nn_ms: Array, step_ms: Array, out: Array) -> None:
    """Describe how the beats of a window vary, into `out` in the order of `NAMES`.

    Parameters
    ----------
    nn_ms : array, shape (n,), n >= 1
        Normal-to-normal intervals [ms].
    step_ms : array, shape (k,)
        Differences of intervals that directly follow each other [ms].
    out : array, shape (len(NAMES),)
        NaN when and only when n < 2 (SDNN, CVNN), k < 1 (RMSSD, CVSD, pNNx), k < 2 (SDSD) or a
        divisor is zero. The triangular index is the number of intervals over that of the fullest
        bin of 1/128 s. TINN is the base of the triangle with its apex on that bin that fits the
        whole histogram best by least squares.

    References
    ----------
    Task Force 1996, doi:10.1161/01.CIR.93.5.1043.
    """
    n, k = nn_ms.size, step_ms.size
    for i in range(out.size):
        out[i] = np.nan
    sums, ordered = np.empty(3), nn_ms.copy()
    sort(ordered)
    median = quantile(ordered, 0.5)
    mean_and_squares(nn_ms, sums)
    mean, mad = sums[0], MAD_TO_SD * middle_distance(ordered, median)
    sdnn = math.sqrt(sums[1] / (n - 1)) if n > 1 else np.nan
    out[0], out[1], out[2], out[3], out[4] = mean, median, mad, ordered[0], ordered[n - 1]
    out[5], out[6] = quantile(ordered, 0.2), quantile(ordered, 0.8)
    out[7] = quantile(ordered, 0.75) - quantile(ordered, 0.25)
    out[8], out[9], out[10] = mad / median, sdnn, sdnn / mean
    if k > 0:
        mean_and_squares(step_ms, sums)
        rmssd = math.sqrt(sums[2] / k)
        out[11], out[13] = rmssd, rmssd / mean
        if rmssd > 0:
            out[14] = sdnn / rmssd
        over50, over20 = 0, 0
        for value in step_ms:
            over50 += abs(value) > 50
            over20 += abs(value) > 20
        out[15], out[16] = over50 / (k + 1) * 100, over20 / (k + 1) * 100
    if k > 1:
        out[12] = math.sqrt(sums[1] / (k - 1))
    counts = histogram(ordered)
    peak = 0
    for i in range(counts.size):
        if counts[i] > counts[peak]:
            peak = i
    out[17] = n / counts[peak]
    out[18] = (_side(counts, peak, -1) + _side(counts, peak, 1)) * BIN_MS
