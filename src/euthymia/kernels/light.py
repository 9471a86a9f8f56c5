"""How light is spread over the 24 hours."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURS: Final = 24


def profile(group: Ints, hour: Ints, value: Array, weight: Array, rows: int) -> tuple[Array, Array]:
    """Return the weighted mean of each clock hour and its weight, both of shape (rows, 24).

    Parameters
    ----------
    group, hour : int arrays, shape (n,)
        The row of each sample; its clock hour, 0 to 23.
    value, weight : arrays, shape (n,)
    rows : int

    Returns
    -------
    mean, weight : arrays
        The mean is NaN when and only when the weight is 0.
    """
    cell = group * HOURS + hour
    held = np.asarray(np.bincount(cell, weight, rows * HOURS), np.float64).reshape(rows, HOURS)
    summed = np.bincount(cell, weight * value, rows * HOURS).reshape(rows, HOURS)
    return np.where(held > 0, summed / np.where(held > 0, held, 1), np.nan), held


def run_of_hours(day: Array, length: int, *, greatest: bool) -> tuple[Array, Array]:
    """Find the hours in a row, round the clock, whose mean is greatest or least.

    Parameters
    ----------
    day : array, shape (rows, 24)
    length : int
        How many hours, 1 to 24.
    greatest : bool

    Returns
    -------
    mean, onset : arrays, shape (rows,)
        The mean and the clock hour at which the first such run begins; NaN when and only when an
        hour of the row is.
    """
    turned = np.stack([np.roll(day, -k, axis=1) for k in range(length)])
    means = turned.mean(axis=0)
    known = ~np.isnan(means).any(axis=1)
    filled = np.where(known[:, None], means, 0.0)
    onset = (np.argmax if greatest else np.argmin)(filled, axis=1)
    mean = filled[np.arange(len(day)), onset]
    return np.where(known, mean, np.nan), np.where(known, onset.astype(np.float64), np.nan)
