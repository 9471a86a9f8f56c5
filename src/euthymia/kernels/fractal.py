"""Detrended fluctuation analysis of activity: whether small and large patterns look alike."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SCALES: Final = (10, 20, 30, 40, 60, 80, 90, 120, 160, 180, 240, 360, 480)
"""Minutes. All divide a day, so no box crosses midnight and a day's boxes are its own."""

MADE_OF: Final = (0, 0, 0, 1, 2, 3, 2, 4, 5, 6, 7, 9, 10)
"""The place in `SCALES` of the boxes of which those of a scale are made."""

SHORT: Final = (0, 7)  # of SCALES: 10 to 90 minutes
LONG: Final = (7, 13)  # 2 to 8 hours
FEWEST_BOXES: Final = 4
_NIL: Final = 1e-12


@compiled("void(f8[::1], f8[:, ::1])")
def smallest_boxes(day: Array, boxes: Array) -> None:
    """Sum up each box of ten minutes.

    Rows of `boxes`: 0 the box's sum; then, of its running sum y at the times t around its middle,
    the sums of 1 y, 2 ty, 3 tty, 4 yy. All NaN where a minute is.
    """
    number = day.size // 10
    y, s0, s1, s2, s4 = boxes[0], boxes[1], boxes[2], boxes[3], boxes[4]
    for b in range(number):
        y[b] = s0[b] = s1[b] = s2[b] = s4[b] = 0.0
    for i in range(10):  # the same minute of every box, many at once
        t = i - 4.5
        for b in range(number):
            y[b] += day[10 * b + i]
            s0[b] += y[b]
            s1[b] += t * y[b]
            s2[b] += t * t * y[b]
            s4[b] += y[b] * y[b]


@compiled("void(f8[:, ::1], i8, i8, i8, f8[:, ::1])")
def join_boxes(fine: Array, width: int, parts: int, count: int, coarse: Array) -> None:
    """Make the sums of `count` boxes from those of the `parts` boxes of `width` minutes in each.

    Each part's y is moved by what came before it in the box, and its t by where it lies.
    """
    squares = width * (width * width - 1.0) / 12.0  # the sum of tt
    f, f0, f1, f2, f4 = fine[0], fine[1], fine[2], fine[3], fine[4]
    y, s0, s1, s2, s4 = coarse[0], coarse[1], coarse[2], coarse[3], coarse[4]
    for b in range(count):
        y[b] = s0[b] = s1[b] = s2[b] = s4[b] = 0.0
    for k in range(parts):  # the same part of every box, many at once
        t = (k - 0.5 * (parts - 1)) * width
        for b in range(count):
            i, before = parts * b + k, y[b]
            s0[b] += f0[i] + width * before
            s1[b] += f1[i] + t * f0[i] + before * width * t
            s2[b] += f2[i] + 2 * t * f1[i] + t * t * f0[i] + before * (squares + width * t * t)
            s4[b] += f4[i] + 2 * before * f0[i] + width * before * before
            y[b] = before + f[i]


@compiled("UniTuple(f8, 2)(f8[:, ::1], i8, i8)")
def left_over(boxes: Array, width: int, number: int) -> tuple[float, float]:
    """Return (sum over known boxes of the squares a parabola leaves over, how many are known)."""
    n1 = width * (width * width - 1.0) / 12.0
    middle = (width * width - 1.0) / 12.0
    n2 = n1 * (width * width - 4.0) / 15.0
    r0, r1, r2 = 1.0 / width, 1.0 / n1, 1.0 / n2
    total = count = 0.0
    for b in range(number):
        s0, s1, s4 = boxes[1, b], boxes[2, b], boxes[4, b]
        s2 = boxes[3, b] - middle * s0
        rest = s4 - s0 * s0 * r0 - s1 * s1 * r1 - s2 * s2 * r2
        total += rest if rest > _NIL * s4 else 0.0
        count += 0.0 if np.isnan(s4) else 1.0
    return total, count


@compiled("f8[:, :, ::1](f8[:, ::1], i8[::1], i8[::1])")
def fluctuations(level: Array, scales: Ints, made_of: Ints) -> Array:
    """Return each day's (sum of squares left over, number of boxes) at each scale.

    Parameters
    ----------
    level : array, shape (days, 1440)
        Activity of each minute; NaN where unknown: boxes with such a minute are left out.
    scales, made_of : int arrays
        `SCALES` and `MADE_OF`.
    """
    days, width = level.shape
    found = np.zeros((days, scales.size, 2))
    kept = np.empty((scales.size, 5, width // 10))
    day = np.empty(width)
    for d in range(days):
        pivot, known = 0.0, 0
        for m in range(0, width, 30):
            if level[d, m] == level[d, m]:
                pivot += level[d, m]
                known += 1
        pivot = pivot / known if known > 0 else 0.0
        for m in range(width):  # a constant adds a trend, which is removed: less to round
            day[m] = level[d, m] - pivot
        smallest_boxes(day, kept[0])
        for place in range(scales.size):
            s, source, count = scales[place], made_of[place], width // scales[place]
            if place > 0:
                fine = scales[source]
                join_boxes(kept[source], fine, s // fine, count, kept[place])
            found[d, place, 0], found[d, place, 1] = left_over(kept[place], s, count)
    return found


def scaling(fluctuation: Array, rows: Ints, which: tuple[int, int]) -> Array:
    r"""Return alpha: how the fluctuation grows with the scale, over some of `SCALES`.

    .. math:: F(s) = \sqrt{\overline{(y - \hat y_s)^2}} \propto s^\alpha

    y is the running sum of activity and :math:`\hat y_s` the parabola fitted to it in each box of
    s minutes (second order, so that a linear trend of activity does nothing). alpha is the slope
    of log F on log s. 0.5 noise without memory, 1 the balance of healthy activity, 1.5 a random
    walk.

    Parameters
    ----------
    fluctuation : array, shape (days, scales, 2)
        What `fluctuations` returns.
    rows : int array, shape (windows, days in a window)
    which : (int, int)
        `SHORT` (10 to 90 min) or `LONG` (2 to 8 h).

    Returns
    -------
    array, shape (windows,)
        [1]. NaN when and only when a scale has fewer than four whole boxes or no fluctuation.

    References
    ----------
    Peng et al. 1995, doi:10.1063/1.166141. Hu et al. 2004, doi:10.1016/j.physa.2004.01.042.
    """
    part = fluctuation[:, which[0] : which[1]]
    scale = np.array(SCALES[which[0] : which[1]], np.float64)
    sums = np.zeros((rows.shape[0], scale.size, 2))
    for place in range(rows.shape[1]):
        sums += part[rows[:, place]]
    boxes = np.where(sums[..., 1] >= FEWEST_BOXES, sums[..., 1], np.nan)
    mean = sums[..., 0] / (boxes * scale)
    log_f = 0.5 * np.log(np.where(mean > 0, mean, np.nan))
    x = np.log(scale) - np.log(scale).mean()
    return np.asarray((log_f * x).sum(axis=-1) / (x * x).sum(), np.float64)
