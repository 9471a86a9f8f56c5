"""Answers to momentary questions, each measured against the person's own usual answers."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_USUAL: Final = 5  # answers to a question before one can say what is usual
SAME: Final = 1e-9  # a smaller spread is none


def of_cells(cell: Ints, value: Array, cells: int) -> tuple[Array, Array, Array]:
    """Return count, mean and standard deviation (n - 1) of each cell.

    Parameters
    ----------
    cell : int array, shape (n,)
        0 .. cells - 1, in any order.
    value : array, shape (n,)
    cells : int

    Returns
    -------
    count, mean, sd : arrays, shape (cells,)
        The mean is NaN without a value, the standard deviation with fewer than two.
    """
    n = np.bincount(cell, minlength=cells).astype(np.float64)
    some = np.maximum(n, 1)
    mean = np.bincount(cell, value, cells) / some
    square = np.bincount(cell, (value - mean[cell]) ** 2, cells)
    sd = np.sqrt(square / np.maximum(n - 1, 1))
    return n, np.where(n > 0, mean, np.nan), np.where(n > 1, sd, np.nan)


def steps(question: Ints, time_us: Ints, value: Array, longest_us: int) -> Array:
    """Return the step of each answer from the one before it to the same question.

    NaN when and only when there is none, or it lies more than `longest_us` back.

    Parameters
    ----------
    question, time_us : int arrays, shape (n,)
        Sorted by time.
    value : array, shape (n,)
        Not NaN.
    longest_us : int
    """
    order = np.argsort(question, kind="stable")
    found = np.full(value.size, np.nan)
    if value.size < 2:
        return found
    before, after = order[:-1], order[1:]
    near = (question[before] == question[after]) & (time_us[after] - time_us[before] <= longest_us)
    found[after[near]] = value[after[near]] - value[before[near]]
    return found
