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
_EXACT: Final = 2**53
_COMMA, _LINE_END, _DOT, _MINUS, _NIL, _NINE = 44, 10, 46, 45, 48, 57


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
    at, line, left = 0, 0, 0
    cells = place.size
    while at < data.size:
        if line == out.shape[1]:
            return -1, 0
        for cell in range(cells):
            end = _LINE_END if cell == cells - 1 else _COMMA
            start, row = at, place[cell]
            if row < 0:
                while data[at] != _COMMA and data[at] != _LINE_END:
                    at += 1
            else:
                sign = 1.0
                if data[at] == _MINUS:
                    sign, at = -1.0, at + 1
                whole, first, decimals = 0, at, 0
                while _NIL <= data[at] <= _NINE:
                    whole = whole * 10 + (data[at] - _NIL)
                    at += 1
                digits = at - first
                if data[at] == _DOT:
                    first = at + 1
                    at = first
                    while _NIL <= data[at] <= _NINE:
                        whole = whole * 10 + (data[at] - _NIL)
                        at += 1
                    decimals = at - first
                    digits = digits + decimals if digits > 0 and decimals > 0 else 0
                plain = data[at] == end and 0 < digits <= 18 and whole < _EXACT
                if plain:
                    out[row, line] = sign * (whole / powers[decimals])
                else:
                    while data[at] != _COMMA and data[at] != _LINE_END:
                        at += 1
                    if at == start or left == hard.shape[0]:
                        return -1, 0
                    hard[left, 0], hard[left, 1] = row, line
                    hard[left, 2], hard[left, 3] = start, at
                    left += 1
            if data[at] != end:
                return -1, 0
            at += 1
        line += 1
    return line, left
