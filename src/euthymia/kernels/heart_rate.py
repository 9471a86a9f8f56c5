"""Heart rate over a day: at rest, with steps, and around the clock."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_SHARE_OF_DAY: Final = 18  # clock hours with data, below which a day has no curve
LEAST_BINS: Final = 36  # three hours of five-minute means


class Circadian(NamedTuple):
    """Mesor and amplitude [/min], acrophase [h], rise with steps [/min per step/min]."""

    mesor: float
    amplitude: float
    acrophase_h: float
    per_step_rate: float


_UNKNOWN: Final = Circadian(np.nan, np.nan, np.nan, np.nan)


def binned(place: Ints, values: Array, bins: int) -> Array:
    """Return the mean of the values in each bin, NaN where a bin has none.

    Parameters
    ----------
    place : int array, shape (n,)
        The bin of each value, in 0..bins - 1.
    values : array, shape (n,)
    """
    count = np.bincount(place, minlength=bins)
    total = np.bincount(place, values, minlength=bins)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def lowest_stretch(level: Array, width: int, least: int) -> float:
    """Return the lowest mean of `width` bins in a row of which `least` are known.

    NaN when and only when no stretch has that many.
    """
    if level.size < width:
        return float("nan")
    known = ~np.isnan(level)
    count = np.convolve(known, np.ones(width), "valid")
    total = np.convolve(np.where(known, level, 0.0), np.ones(width), "valid")
    enough = count >= least - 0.5
    return float(np.min(total[enough] / count[enough])) if enough.any() else float("nan")


def circadian(rate: Array, hour: Array, step_rate: Array) -> Circadian:
    """Fit mesor + amplitude cos(clock) + rise with steps to a person's heart rate.

    Least squares on five-minute means: the model of the paper, whose correlated noise changes how
    sure the estimates are and hardly what they are.

    Parameters
    ----------
    rate : array, shape (n,)
        Heart rate of each bin [/min], none NaN.
    hour : array, shape (n,)
        Local clock hour of its middle, 0 to 24.
    step_rate : array, shape (n,)
        Steps a minute in the bin; all NaN where steps were not recorded. A bin in which they
        are unknown is left out where others are known.

    Returns
    -------
    Circadian
        NaN when and only when the bins are fewer than 36 or lie in fewer than 18 clock hours
        (all), or the steps are unknown or do not vary (`per_step_rate`).

    References
    ----------
    Bowman et al. 2021, doi:10.1016/j.crmeth.2021.100058.
    """
    walked = ~np.isnan(step_rate)
    if walked.any():
        rate, hour, step_rate = rate[walked], hour[walked], step_rate[walked]
    hours = np.unique(hour.astype(np.int64)).size
    if rate.size < LEAST_BINS or hours < MIN_SHARE_OF_DAY:
        return _UNKNOWN
    angle = 2 * np.pi * hour / 24
    columns = [np.ones(rate.size), np.cos(angle), np.sin(angle)]
    moved = bool(walked.any()) and float(np.ptp(step_rate)) > 0
    if moved:
        columns.append(step_rate)
    fit, *_ = np.linalg.lstsq(np.stack(columns, axis=1), rate, rcond=None)
    peak = float(np.arctan2(fit[2], fit[1]) * 24 / (2 * np.pi)) % 24
    rise = float(fit[3]) if moved else float("nan")
    return Circadian(float(fit[0]), float(np.hypot(fit[1], fit[2])), peak, rise)
