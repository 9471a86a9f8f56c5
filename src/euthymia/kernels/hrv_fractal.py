"""Long memory and dimension of a series of beats: Hurst, correlation dimension, Higuchi."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.hrv_time import mean_and_squares, ranking
from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

NAMES: Final = ("hurst", "correlation_dimension", "higuchi_dimension")
"""What `fractals` writes, in its order."""

BOXES: Final = (8, 12, 16, 24, 32, 48, 64)  # beats
FEWEST: Final = 128  # beats: two boxes of the longest
RADII: Final = 55  # from 0.1 to 0.5 standard deviations, each 3 % longer
FIRST: Final = 0.1
GROWTH: Final = 1.03
CELLS: Final = 512  # of squared distances, to find a radius without a logarithm
LAGS: Final = 10


def expected_range(n: int) -> float:
    """Return the rescaled range to expect of n independent normal numbers.

    Anis & Lloyd 1976, doi:10.1093/biomet/63.1.111.
    """
    front = math.exp(math.lgamma((n - 1) / 2) - math.lgamma(n / 2)) / math.sqrt(math.pi)
    return front * sum(math.sqrt((n - i) / i) for i in range(1, n))


_EXPECTED: Final = tuple(math.log(expected_range(n)) for n in BOXES)


@compiled("f8(f8[::1], f8[::1])")
def _slope(x: Array, y: Array) -> float:
    """Return the least-squares slope of y on x."""
    n, sx, sy, sxx, sxy = x.size, 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        sx, sy = sx + x[i], sy + y[i]
    for i in range(n):
        away = x[i] - sx / n
        sxx, sxy = sxx + away * away, sxy + away * (y[i] - sy / n)
    return sxy / sxx


@compiled("f8(f8[::1], i8)")
def _rescaled_range(x: Array, size: int) -> float:
    """Return the mean range of running sums over standard deviation, boxes side by side."""
    boxes, known, total = x.size // size, 0, 0.0
    for box in range(boxes):
        mean, squares, level, low, high = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(box * size, (box + 1) * size):
            mean += x[k] / size
        for k in range(box * size, (box + 1) * size):
            away = x[k] - mean
            squares += away * away
            level += away
            if k == box * size:
                low, high = level, level
            low, high = min(low, level), max(high, level)
        if high > low:
            known += 1
            total += (high - low) / math.sqrt(squares / (size - 1))
    return total / known if known > 0 else np.nan


@compiled("void(f8[::1], i8[::1])")
def _radii(square: Array, cell: Ints) -> None:
    """Set `square` to the squared radii, and `cell` to the first that reaches into each cell.

    A cell is narrower than any two squared radii are apart: no more than one ends inside it.
    """
    for k in range(RADII):
        square[k] = (FIRST * GROWTH**k) ** 2
    square[RADII] = np.inf
    k = 0
    for i in range(CELLS):
        while k < RADII - 1 and square[k] <= i * square[RADII - 1] / CELLS:
            k += 1
        cell[i] = k


@compiled("i8(f8[::1], f8[::1], f8, f8[::1])")
def _near_first(one: Array, two: Array, longest: float, apart: Array) -> int:
    """Set `apart` to the squared distances from the first point that are less; how many are."""
    here, there, found = one[0], two[0], 0
    for j in range(1, one.size):
        a, b = one[j] - here, two[j] - there
        apart[j - 1] = a * a + b * b
    for j in range(one.size - 1):  # each is put down where the next will be: nothing waits
        square = apart[j]
        apart[found] = square
        found += square < longest
    return found


@compiled("f8(f8[::1], f8)")
def _correlation_dimension(x: Array, spread: float) -> float:
    """Return how the share of pairs of points of two beats that are near grows with nearness.

    Sorted by their first beat, only points nearer in it than the longest radius are met.
    """
    m, order = x.size - 1, ranking(x[: x.size - 1])
    one, two, apart = np.empty(m), np.empty(m), np.empty(m)
    for i in range(m):
        one[i], two[i] = x[order[i]] / spread, x[order[i] + 1] / spread
    square, cell = np.empty(RADII + 1), np.empty(CELLS, np.int64)
    near = np.zeros(RADII + 1, np.int64)
    _radii(square, cell)
    longest, end = square[RADII - 1], 0
    scale = CELLS / longest
    for i in range(m):
        while end < m and (one[end] - one[i]) ** 2 < longest:
            end += 1
        for j in range(_near_first(one[i:end], two[i:end], longest, apart)):
            k = cell[min(int(apart[j] * scale), CELLS - 1)]
            near[k + (apart[j] >= square[k])] += 1
    log_r, log_c, rows, pairs = np.empty(RADII), np.empty(RADII), 0, 0.0
    for k in range(RADII):
        pairs += near[k]
        if pairs > 0:
            log_r[rows], log_c[rows] = math.log(square[k]) / 2, math.log(pairs)
            rows += 1
    return _slope(log_r[:rows], log_c[:rows]) if rows >= RADII // 2 else np.nan


@compiled("f8(f8[::1])")
def _higuchi(x: Array) -> float:
    """Return how the length of a curve shrinks with the stride it is measured in."""
    n, log_k, log_l = x.size, np.empty(LAGS), np.empty(LAGS)
    for k in range(1, LAGS + 1):
        mean = 0.0
        for m in range(k):
            steps, length = (n - 1 - m) // k, 0.0
            for i in range(1, steps + 1):
                length += abs(x[m + i * k] - x[m + (i - 1) * k])
            mean += length * (n - 1) / (steps * k) / k / k
        if mean <= 0:
            return np.nan
        log_k[k - 1], log_l[k - 1] = -math.log(k), math.log(mean)
    return _slope(log_k, log_l)


@compiled("void(f8[::1], f8[::1])")
def fractals(x: Array, out: Array) -> None:
    """Describe the memory and dimension of an unbroken chain of beats, into `out` as `NAMES` say.

    Hurst: slope of the log rescaled range, less that expected of independent normal numbers, on
    the log of the box (8 to 64 beats, side by side), plus 0.5. Correlation dimension: of points of
    two successive beats, the slope of the log of how many pairs are nearer (Euclidean) than a
    radius on its log, 55 radii from 0.1 standard deviations (n - 1) on, each 3 % longer. Higuchi:
    slope of the log length on minus the log of strides of 1 to 10 beats.

    Parameters
    ----------
    x : array, shape (n,)
        Intervals [ms].
    out : array, shape (3,)
        NaN when and only when n < 128 or the chain does not vary; the correlation dimension also
        where fewer than 27 of the radii hold a pair, Higuchi's where a stride finds no change.

    References
    ----------
    Hurst 1951, doi:10.1061/TACEAT.0006518. Anis & Lloyd 1976, doi:10.1093/biomet/63.1.111.
    Grassberger & Procaccia 1983, doi:10.1103/PhysRevLett.50.346. Higuchi 1988,
    doi:10.1016/0167-2789(88)90081-4.
    """
    n, sums = x.size, np.empty(3)
    for i in range(out.size):
        out[i] = np.nan
    if n < FEWEST:
        return
    mean_and_squares(x, sums)
    spread = math.sqrt(sums[1] / (n - 1))
    if spread <= 1e-9:
        return
    log_n, log_rs = np.empty(len(BOXES)), np.empty(len(BOXES))
    for k in range(len(BOXES)):
        log_n[k] = math.log(BOXES[k])
        log_rs[k] = math.log(_rescaled_range(x, BOXES[k])) - _EXPECTED[k]
    out[0] = _slope(log_n, log_rs) + 0.5
    out[1] = _correlation_dimension(x, spread)
    out[2] = _higuchi(x)
