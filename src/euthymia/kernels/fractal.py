"""Detrended fluctuation analysis of activity: whether small and large patterns look alike."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled
from euthymia.kernels.rest_activity_minutes import LANES, lay, round_means

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SCALES: Final = (10, 20, 30, 40, 60, 80, 90, 120, 160, 180, 240, 360, 480)
"""Minutes. All divide a day, so no box crosses midnight and a day's boxes are its own."""

MADE_OF: Final = (0, 0, 0, 1, 2, 3, 2, 4, 5, 6, 7, 9, 10)
"""The place in `SCALES` of the boxes of which those of a scale are made."""

SHORT: Final = (0, 7)  # of SCALES: 10 to 90 minutes
LONG: Final = (7, 13)  # 2 to 8 hours
FEWEST_BOXES: Final = 4
ROW: Final = 5 * LANES  # numbers of a box
_NIL: Final = 1e-12


@compiled("void(f8[::1], i8, f8[::1])")
def smallest_boxes(tile: Array, number: int, boxes: Array) -> None:
    """Sum up each box of ten minutes of sixteen days.

    Of box b and lane k, `boxes[80 * b + k]` is the sum; 16, 32, 48 and 64 on are, of its running
    sum y at the times t around its middle, the sums of y, ty, tty and yy. All NaN where a minute
    is.
    """
    for b in range(number):
        x = tile[10 * LANES * b : 10 * LANES * (b + 1)]
        out = boxes[ROW * b : ROW * (b + 1)]
        for k in range(LANES):
            y = s0 = s1 = s2 = s4 = 0.0
            for i in range(10):
                t = i - 4.5
                y += x[LANES * i + k]
                s0 += y
                s1 += t * y
                s2 += t * t * y
                s4 += y * y
            out[k], out[LANES + k], out[2 * LANES + k] = y, s0, s1
            out[3 * LANES + k], out[4 * LANES + k] = s2, s4


@compiled("void(f8[::1], i8, i8, i8, f8[::1])")
def join_boxes(fine: Array, width: int, parts: int, count: int, coarse: Array) -> None:
    """Make the sums of `count` boxes from those of the `parts` boxes of `width` minutes in each.

    Each part's y is moved by what came before it in the box, and its t by where it lies.
    """
    squares = width * (width * width - 1.0) / 12.0  # the sum of tt
    one, two, three, four = LANES, 2 * LANES, 3 * LANES, 4 * LANES
    for b in range(count):
        out, t = coarse[ROW * b : ROW * (b + 1)], -0.5 * (parts - 1) * width
        x = fine[ROW * parts * b : ROW * (parts * b + 1)]
        for k in range(LANES):
            f0, f1 = x[k + one], x[k + two]
            out[k], out[k + one], out[k + two] = x[k], f0, f1 + t * f0
            out[k + three] = x[k + three] + 2 * t * f1 + t * t * f0
            out[k + four] = x[k + four]
        for j in range(1, parts):
            t += width
            x = fine[ROW * (parts * b + j) : ROW * (parts * b + j + 1)]
            for k in range(LANES):
                y, f0, f1 = out[k], x[k + one], x[k + two]
                s0 = out[k + one] + f0 + width * y
                s1 = out[k + two] + f1 + t * f0 + y * width * t
                s2 = out[k + three] + x[k + three] + 2 * t * f1 + t * t * f0
                s2 += y * (squares + width * t * t)
                s4 = out[k + four] + x[k + four] + 2 * y * f0 + width * y * y
                out[k], out[k + one], out[k + two] = y + x[k], s0, s1
                out[k + three], out[k + four] = s2, s4


@compiled("void(f8[::1], i8, i8, f8[::1])")
def left_over(boxes: Array, width: int, number: int, found: Array) -> None:
    """Put, for each lane, what a parabola leaves of the squares of its known boxes into `found`.

    From 16 on: how many boxes are known.
    """
    n1 = width * (width * width - 1.0) / 12.0
    middle = (width * width - 1.0) / 12.0
    n2 = n1 * (width * width - 4.0) / 15.0
    r0, r1, r2 = 1.0 / width, 1.0 / n1, 1.0 / n2
    for k in range(2 * LANES):
        found[k] = 0.0
    for b in range(number):
        box, out = boxes[ROW * b : ROW * (b + 1)], found[: 2 * LANES]
        for k in range(LANES):
            s0, s1, s4 = box[LANES + k], box[2 * LANES + k], box[4 * LANES + k]
            s2 = box[3 * LANES + k] - middle * s0
            rest = s4 - s0 * s0 * r0 - s1 * s1 * r1 - s2 * s2 * r2
            out[k] += rest if rest > _NIL * s4 else 0.0
            out[LANES + k] += 0.0 if np.isnan(s4) else 1.0


@compiled("void(i8, i8[::1], i8[::1], f8[:, ::1], f8[:, :, ::1])")
def fluctuations_side_by_side(
    minutes: int, scales: Ints, made_of: Ints, kept: Array, found: Array
) -> None:
    """Put each laid-out day's (sum of squares left over, number of boxes) into `found`.

    Parameters
    ----------
    minutes : int
        Of a day.
    kept : array, shape (scales, 80 * (minutes // 10))
        Work space; row 0 is what `smallest_boxes` made.
    found : array, shape (up to 16 days, scales, 2)
        Out.
    """
    sums = np.empty(2 * LANES)
    for place in range(scales.size):
        s, source, count = scales[place], made_of[place], minutes // scales[place]
        if place > 0:
            join_boxes(kept[source], scales[source], s // scales[source], count, kept[place])
        left_over(kept[place], s, count, sums)
        for k in range(found.shape[0]):
            found[k, place, 0], found[k, place, 1] = sums[k], sums[LANES + k]


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
    tile, pivot = np.empty(width * LANES), np.empty(LANES)
    kept = np.empty((scales.size, ROW * (width // 10)))
    for first in range(0, days, LANES):
        round_means(level, first, pivot)
        lay(level, first, pivot, 0, width, tile)
        smallest_boxes(tile, width // 10, kept[0])
        fluctuations_side_by_side(width, scales, made_of, kept, found[first : first + LANES])
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
