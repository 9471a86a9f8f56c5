"""Asleep or awake, told from activity counts."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

COLE_KRIPKE_WEIGHTS: Final = (1.06, 0.54, 0.58, 0.76, 2.30, 0.74, 0.67)
"""For the minutes t-4 ... t+2."""
COLE_KRIPKE_SCALE: Final = 0.1  # 0.001 * (106, 54, ...): the published set for one-minute means
REST_SHARE: Final = 0.15  # of the mean level: Roenneberg et al. 2015


def cole_kripke(counts: Array, *, scale: float = COLE_KRIPKE_SCALE) -> Array:
    """Score each minute asleep (1) or awake (0) by the weighted activity around it.

    Asleep where ``scale * sum(w_k * counts[t + k], k = -4..2) < 1``. The weights were fitted to
    one maker's counts: `scale` adapts them to another device and must come from a validation of
    that device. Minutes beyond the ends count as still.

    Parameters
    ----------
    counts : array, shape (..., minutes)
        Counts per minute; NaN where unknown.

    Returns
    -------
    array, shape (..., minutes)
        1 asleep, 0 awake. NaN when and only when one of the seven minutes is NaN.

    References
    ----------
    Cole et al. 1992, doi:10.1093/sleep/15.5.461.
    """
    ends = [(0, 0)] * (counts.ndim - 1)
    padded = np.pad(counts, [*ends, (4, 2)])
    minutes = counts.shape[-1]
    index = np.zeros_like(counts)
    for place, weight in enumerate(COLE_KRIPKE_WEIGHTS):
        index += weight * padded[..., place : place + minutes]
    return np.where(np.isnan(index), np.nan, (scale * index < 1).astype(np.float64))


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
