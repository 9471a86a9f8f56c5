"""Asleep or awake, told from activity counts."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

REST_SHARE: Final = 0.15  # of the mean level: Roenneberg et al. 2015


def rest_by_level(levels: Array, mean_level: Array, *, share: float = REST_SHARE) -> Array:
    """Score each epoch at rest (1) where activity is below a share of the person's own mean level.

    The rule of Roenneberg et al. with the mean of the window given in place of a centred 24 h
    mean, which would look ahead; without their joining of bouts. It needs no device constants,
    so it can be used on counts of any maker.

    Parameters
    ----------
    levels : array, shape (..., epochs)
        Mean activity of each epoch (10 min in the paper); NaN where unknown.
    mean_level : array, shape (...)
        The person's mean activity over the window.

    Returns
    -------
    array, shape (..., epochs)
        1 at rest, 0 active. NaN when and only when the level is NaN, or the mean level is NaN or
        zero (a recording without any movement does not tell rest from activity).

    References
    ----------
    Roenneberg et al. 2015, doi:10.1016/bs.mie.2014.11.028.
    """
    threshold = share * np.where(mean_level > 0, mean_level, np.nan)
    rest = (levels < threshold[..., None]).astype(np.float64)
    return np.where(np.isnan(levels) | np.isnan(threshold)[..., None], np.nan, rest)
