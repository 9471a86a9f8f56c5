"""Plain numbers out of the lines of a CSV file, in one pass over its bytes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels.jit import compiled

Bytes = NDArray[np.uint8]
Array = NDArray[np.float64]
Ints = NDArray[np.int64]

POWERS: Final = np.array([10.0**k for k in range(23)])
"""Those powers of ten that a float holds exactly."""
_EXACT: Final = np.uint64(2**53)
_COMMA, _LINE_END, _DOT, _MINUS = 44, 10, 46, 45
_ONE, _TEN, _NIL = np.uint64(1), np.uint64(10), np.uint64(48)


@compiled("UniTuple(i8, 2)(Array(u1, 1, 'C', True), i8[::1], f8[::1], f8[:, ::1], i8[:, ::1])")
def read_lines(  # noqa: C901, PLR0912  (a call a cell would cost more than the cell)
    data: Bytes, place: Ints, powers: Array, out: Array, hard: Ints
) -> tuple[int, int]:
    """Read the wanted cells of every line.

    Parameters
    ----------
    data : uint8 array
        Whole lines; the last byte is the end of one.
    place : int array, shape (cells of a line,)
        Which row of `out` a cell belongs to; -1 for one that is not wanted.
    powers : array
        `POWERS`.
    out : array, shape (wanted cells, lines)
        Out.
    hard : int array, shape (n, 4)
        Out: (row of `out`, line, from where, to where) of cells that are more than a plain number
        such as -12.345, or whose digits as one whole number are 2^53 or more, so that a division
        would not give the nearest float: these are left to the caller.

    Returns
    -------
    (int, int)
        How many lines and hard cells; -1 lines where one has other cells, is empty, or there are
        too many hard ones.
    """
    at, size = np.uint64(0), np.uint64(data.size)  # unsigned: no look whether it is below 0
    line, left, cells = 0, 0, place.size
    while at < size:
        if line == out.shape[1]:
            return -1, 0
        for cell in range(cells):
            end = _LINE_END if cell == cells - 1 else _COMMA
            start, row = at, place[cell]
            if row < 0:
                while data[at] != _COMMA and data[at] != _LINE_END:
                    at += _ONE
            else:
                sign = 1.0
                if data[at] == _MINUS:
                    sign, at = -1.0, at + _ONE
                whole, first, decimals = np.uint64(0), at, np.int64(0)
                digit = np.uint64(data[at]) - _NIL  # what stands before "0" wraps around
                while digit < _TEN:
                    whole, at = whole * _TEN + digit, at + _ONE
                    digit = np.uint64(data[at]) - _NIL
                digits = np.int64(at - first)
                if data[at] == _DOT:
                    first = at = at + _ONE
                    digit = np.uint64(data[at]) - _NIL
                    while digit < _TEN:
                        whole, at = whole * _TEN + digit, at + _ONE
                        digit = np.uint64(data[at]) - _NIL
                    decimals = np.int64(at - first)
                    digits = digits + decimals if digits > 0 and decimals > 0 else np.int64(0)
                if data[at] == end and 0 < digits <= 18 and whole < _EXACT:
                    out[row, line] = sign * (whole / powers[decimals])
                else:
                    while data[at] != _COMMA and data[at] != _LINE_END:
                        at += _ONE
                    if at == start or left == hard.shape[0]:
                        return -1, 0
                    hard[left, 0], hard[left, 1] = row, line
                    hard[left, 2], hard[left, 3] = start, at
                    left += 1
            if data[at] != end:
                return -1, 0
            at += _ONE
        line += 1
    return line, left
