"""The daily wave of skin temperature, and when a sensor is on the skin."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels import grouped

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

COLDEST_CEL: Final = 25.0
WARMEST_CEL: Final = 40.0
STEEPEST_CEL_MIN: Final = 1.0
HOURS: Final = 24
FLAT: Final = 1e-12  # a variance below it is rounding


def on_skin(minute_us: Ints, value: Array, joined: Mask) -> Mask:
    """Tell in which minutes a wrist sensor is worn.

    It is when the minute's mean lies within 25 to 40 degrees Celsius and neither fell nor rose by
    more than 1 degree since the minute before it: skin does not, a sensor that is taken off or
    put on does.

    Parameters
    ----------
    minute_us : int array, shape (n,)
        When each minute begins, sorted.
    value : array, shape (n,)
        Its mean temperature [Cel].
    joined : bool array, shape (n,)
        Whether the minute before it is looked at: one of another date may not have been read.
    """
    worn = (value >= COLDEST_CEL) & (value <= WARMEST_CEL)
    follows = joined[1:] & (np.diff(minute_us) == 60_000_000)
    jump = follows & (np.abs(np.diff(value)) > STEEPEST_CEL_MIN)
    worn[1:] &= ~jump
    return np.asarray(worn, np.bool_)


def cosinor(group: Ints, hour: Array, value: Array, rows: int) -> tuple[Array, Array, Array, Array]:
    """Fit a wave of 24 hours to the samples of each row by least squares.

    Parameters
    ----------
    group : int array, shape (n,)
        The row of each sample, sorted.
    hour, value : arrays, shape (n,)
        Clock hour, 0 to 24, and value.
    rows : int

    Returns
    -------
    mesor, amplitude, acrophase, explained : arrays, shape (rows,)
        The wave's mean; half its height (not negative); the hour of its top, 0 to 24 (NaN also
        when the wave is flat); and R squared. NaN when and only when the hours do not determine a
        wave, or, for R squared, when the values do not vary.

    References
    ----------
    Cornelissen G. Cosinor-based rhythmometry. Theor Biol Med Model 2014;11:16,
    doi:10.1186/1742-4682-11-16.
    """
    turn = hour * (2 * np.pi / HOURS)
    middle = grouped.mean(group, value, rows)
    y = value - middle[group]
    n, cosine, sine = grouped.count(group, rows), np.cos(turn), np.sin(turn)
    matrix = np.empty((rows, 3, 3))
    matrix[:, 0, 0] = n
    for i, j, product in (
        (0, 1, cosine), (0, 2, sine),
        (1, 1, cosine * cosine), (1, 2, cosine * sine), (2, 2, sine * sine),
    ):  # fmt: skip
        matrix[:, i, j] = matrix[:, j, i] = grouped.total(group, product, rows)
    right = np.stack([grouped.total(group, c * y, rows) for c in (1.0, cosine, sine)], axis=1)
    scaled = matrix / np.maximum(n, 1)[:, None, None]
    known = np.linalg.det(scaled) > 1e-9
    weight = np.full((rows, 3), np.nan)
    weight[known] = np.linalg.solve(matrix[known], right[known][:, :, None])[:, :, 0]
    amplitude = np.hypot(weight[:, 1], weight[:, 2])
    top = np.mod(np.arctan2(weight[:, 2], weight[:, 1]), 2 * np.pi) * HOURS / (2 * np.pi)
    around = grouped.total(group, y * y, rows)
    explained = np.clip(np.sum(weight * right, axis=1) / np.maximum(around, FLAT), 0, 1)
    varies = known & (around > FLAT * np.maximum(n, 1))
    return (
        weight[:, 0] + middle,
        amplitude,
        np.where(amplitude > 1e-9, np.where(top >= HOURS, 0.0, top), np.nan),
        np.where(varies, explained, np.nan),
    )


def slope_per_h(group: Ints, time_us: Ints, value: Array, rows: int) -> Array:
    """Return the slope of each row's least-squares line [1/h]; NaN with fewer than two times."""
    first = np.full(rows, np.iinfo(np.int64).max)
    np.minimum.at(first, group, time_us)
    x = (time_us - first[group]) / 3.6e9
    x = x - grouped.mean(group, x, rows)[group]
    y = value - grouped.mean(group, value, rows)[group]
    along = grouped.total(group, x * x, rows)
    return np.where(along > 0, grouped.total(group, x * y, rows) / along, np.nan)
