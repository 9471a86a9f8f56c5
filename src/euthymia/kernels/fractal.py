"""Detrended fluctuation analysis of activity: whether small and large patterns look alike."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.four import (
    FOUR,
    LANES,
    NOTHING,
    Four,
    above,
    four,
    four_times,
    minus,
    plus,
    put,
    times,
    times_plus,
)
from euthymia.kernels.jit import compiled
from euthymia.kernels.rest_activity_minutes import (
    BOXES_OF_40,
    MINUTES,
    lay,
    round_mean,
    to_thirds,
)

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

SCALES: Final = (10, 20, 30, 40, 60, 80, 90, 120, 160, 180, 240, 360, 480)
"""Minutes. All divide a day, so no box crosses midnight and a day's boxes are its own."""

MADE_OF: Final = (0, 0, 0, 1, 2, 3, 2, 4, 5, 6, 5, 9, 10)
"""The place in `SCALES` of the boxes of which those of a scale are made."""

SHORT: Final = (0, 7)  # of SCALES: 10 to 90 minutes
LONG: Final = (7, 13)  # 2 to 8 hours
FEWEST_BOXES: Final = 4
ROW: Final = 5 * LANES  # numbers of four boxes side by side
_NIL: Final = 1e-12
_TENS: Final = MINUTES // 10


class _Layout(NamedTuple):
    """How the boxes of a scale lie side by side: in quarters of a day, or thirds."""

    source: int  # the place of the scale of whose boxes they are made
    lanes: int  # 4 or 3
    many: int  # boxes of a lane
    begin: int  # where they lie in the work space
    third: int  # how many boxes of a third `to_thirds` has to lay first; 0 where none


def _layouts() -> list[_Layout]:
    found: list[_Layout] = []
    for scale, source in zip(SCALES, MADE_OF, strict=True):
        lanes = 4 if MINUTES // 4 % scale == 0 else 3
        from_quarters = lanes == 3 and found[source].lanes == 4
        begin = found[-1].begin + ROW * found[-1].many if found else MINUTES
        third = BOXES_OF_40[1] if from_quarters else 0
        found.append(_Layout(source, lanes, MINUTES // (lanes * scale), begin, third))
    return found


_LAYOUTS: Final = np.array(_layouts(), np.int64)
_SCALES: Final = np.array(SCALES, np.int64)
_SPARE: Final = int(_LAYOUTS[-1, 3] + ROW * _LAYOUTS[-1, 2])
WORK: Final = _SPARE + ROW * BOXES_OF_40[1]
"""How many numbers of work space the boxes of a day need."""


@compiled(f"void(f8[::1], i8, {FOUR}, {FOUR}, {FOUR}, {FOUR}, {FOUR})", lanes=True)
def keep(work: Array, at: int, y: Four, s0: Four, s1: Four, s2: Four, s4: Four) -> None:
    """Put what is known of four boxes side by side."""
    put(work, at, y)
    put(work, at + 4, s0)
    put(work, at + 8, s1)
    put(work, at + 12, s2)
    put(work, at + 16, s4)


@compiled("void(f8[::1], i8, i8)", lanes=True)
def smallest_boxes(work: Array, count: int, to: int) -> None:
    """Sum up each box of ten minutes of the quarters of a day.

    Of four boxes side by side these are, in a row: the sum; and of its running sum y at the times
    t around the middle the sums of y, of ty, of (tt - mean tt) y and of yy. All NaN where a
    minute is.
    """
    for b in range(count):
        y = s0 = s1 = s2 = s4 = NOTHING
        for i in range(10):
            t = i - 4.5
            y = plus(y, four(work, LANES * (10 * b + i)))
            s0 = plus(s0, y)
            s1 = times_plus(four_times(t), y, s1)
            s2 = times_plus(four_times(t * t - 8.25), y, s2)
            s4 = times_plus(y, y, s4)
        keep(work, to + ROW * b, y, s0, s1, s2, s4)


@compiled("void(f8[::1], i8, i8, i8, i8)", lanes=True)
def join_two(work: Array, since: int, width: int, count: int, to: int) -> None:
    """Make the sums of `count` boxes from those of the two of `width` minutes in each.

    The second one's y is moved by what came before it, and the t of both by where they lie.
    """
    w, half = four_times(float(width)), four_times(0.5 * width)
    for b in range(count):
        i = since + 2 * ROW * b
        k = i + ROW
        y, a0, a1 = four(work, i), four(work, i + 4), four(work, i + 8)
        raw, b1 = four(work, k + 4), four(work, k + 8)
        b0 = times_plus(w, y, raw)
        b4 = times_plus(y, plus(raw, b0), four(work, k + 16))
        s1 = times_plus(half, minus(b0, a0), plus(a1, b1))
        s2 = times_plus(w, minus(b1, a1), plus(four(work, i + 12), four(work, k + 12)))
        s4 = plus(four(work, i + 16), b4)
        keep(work, to + ROW * b, plus(y, four(work, k)), plus(a0, b0), s1, s2, s4)


@compiled("void(f8[::1], i8, i8, i8, i8)", lanes=True)
def join_three(work: Array, since: int, width: int, count: int, to: int) -> None:
    """Make the sums of `count` boxes from those of the three of `width` minutes in each."""
    w, twice = four_times(float(width)), four_times(2.0 * width)
    square, minus_two = four_times(width * width / 3.0), four_times(-2.0)
    for b in range(count):
        i = since + 3 * ROW * b
        k, m = i + ROW, i + 2 * ROW
        y, a0, a1 = four(work, i), four(work, i + 4), four(work, i + 8)
        y_too = plus(y, four(work, k))
        b_raw, c_raw, c1 = four(work, k + 4), four(work, m + 4), four(work, m + 8)
        b0, c0 = times_plus(w, y, b_raw), times_plus(w, y_too, c_raw)
        b4 = times_plus(y, plus(b_raw, b0), four(work, k + 16))
        c4 = times_plus(y_too, plus(c_raw, c0), four(work, m + 16))
        outer = plus(a0, c0)
        s1 = times_plus(w, minus(c0, a0), plus(plus(a1, four(work, k + 8)), c1))
        s2 = plus(plus(four(work, i + 12), four(work, k + 12)), four(work, m + 12))
        s2 = times_plus(twice, minus(c1, a1), s2)
        s2 = times_plus(square, times_plus(minus_two, b0, outer), s2)
        s4 = plus(plus(four(work, i + 16), b4), c4)
        keep(work, to + ROW * b, plus(y_too, four(work, m)), plus(outer, b0), s1, s2, s4)


@compiled("f8(f8[::1], i8, i8, i8)", lanes=True)
def left_over(work: Array, since: int, width: int, count: int) -> float:
    """Return what a parabola leaves of the squares of the known boxes."""
    n1 = width * (width * width - 1.0) / 12.0
    r0, r1 = four_times(-1.0 / width), four_times(-1.0 / n1)
    r2, nil = four_times(-15.0 / (n1 * (width * width - 4.0))), four_times(_NIL)
    found = NOTHING
    for at in range(since, since + ROW * count, ROW):
        s0, s1, s2 = four(work, at + 4), four(work, at + 8), four(work, at + 12)
        s4 = four(work, at + 16)
        rest = times_plus(s0, times(s0, r0), s4)
        rest = times_plus(s2, times(s2, r2), times_plus(s1, times(s1, r1), rest))
        found = plus(found, above(rest, times(nil, s4)))
    put(work, _SPARE, found)
    return float((work[_SPARE] + work[_SPARE + 1]) + (work[_SPARE + 2] + work[_SPARE + 3]))


@compiled("i8(f8[::1], i8)")
def known_boxes(seen: Array, scale: int) -> int:
    """Return how many boxes have no unknown minute; `seen` are the known minutes of each ten."""
    found, tens = 0, scale // 10
    for b in range(0, seen.size, tens):
        least = 10.0
        for i in range(b, b + tens):
            least = min(least, seen[i])
        found += 1 if least == 10.0 else 0
    return found


@compiled("void(f8[::1], f8[::1], b1, f8[:, ::1])")
def tell_fluctuations(work: Array, seen: Array, full: bool, found: Array) -> None:
    """Put a day's (sum of squares left over, number of boxes) at each scale into `found`.

    Parameters
    ----------
    work : array, shape (WORK,)
        What `lay` made, and work space after it.
    seen : array, shape (144,)
        The number of known minutes of each ten.
    full : bool
        Whether all are known.
    """
    smallest_boxes(work, _LAYOUTS[0, 2], _LAYOUTS[0, 3])
    for place in range(_SCALES.size):
        scale, source, begin = _SCALES[place], _LAYOUTS[place, 0], _LAYOUTS[place, 3]
        count, third = _LAYOUTS[place, 2], _LAYOUTS[place, 4]
        fine, width = _LAYOUTS[source, 3], _SCALES[source]
        if third > 0:
            to_thirds(work, fine, ROW // LANES, BOXES_OF_40[0], third, _SPARE)
            fine = _SPARE
        if scale == 2 * width:
            join_two(work, fine, width, count, begin)
        elif scale == 3 * width:
            join_three(work, fine, width, count, begin)
        found[place, 0] = left_over(work, begin, scale, count)
        found[place, 1] = MINUTES // scale if full else known_boxes(seen, scale)


@compiled("f8[:, :, ::1](f8[:, ::1])")
def fluctuations(level: Array) -> Array:
    """Return each day's (sum of squares left over, number of boxes) at each of `SCALES`.

    Parameters
    ----------
    level : array, shape (days, 1440)
        Activity of each minute; NaN where unknown: boxes with such a minute are left out.
    """
    found = np.zeros((level.shape[0], _SCALES.size, 2))
    work, seen = np.empty(WORK), np.empty(_TENS)
    for d in range(level.shape[0]):
        lay(level[d], round_mean(level[d], work), work)
        seen[:] = 10.0
        full = not np.isnan(level[d].sum())
        if not full:
            for m in range(MINUTES):
                seen[m // 10] -= 1.0 if level[d, m] != level[d, m] else 0.0
        tell_fluctuations(work, seen, full, found[d])
    return found


@compiled("f8[::1](f8[:, :, ::1], i8[:, ::1], i8[::1], i8, i8)")
def slopes(fluctuation: Array, rows: Ints, scales: Ints, first: int, end: int) -> Array:
    """Return what `scaling` says, of the scales from `first` to before `end`."""
    found = np.empty(rows.shape[0])
    x = np.log(scales[first:end].astype(np.float64))
    x -= x.sum() / x.size
    spread = (x * x).sum()
    for w in range(rows.shape[0]):
        slope = 0.0
        for place in range(first, end):
            squares = boxes = 0.0
            for nth in range(rows.shape[1]):
                squares += fluctuation[rows[w, nth], place, 0]
                boxes += fluctuation[rows[w, nth], place, 1]
            known = boxes >= FEWEST_BOXES and squares > 0.0
            mean = squares / (boxes * scales[place]) if known else np.nan
            slope += 0.5 * np.log(mean) * x[place - first]
        found[w] = slope / spread
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
    return slopes(fluctuation, rows, _SCALES, *which)
