"""A person's own band: where one of their numbers usually lies, from their own earlier days."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Feature

BASELINE_DAYS: Final = 56  # eight weeks: long enough to hold an ordinary month and a bad week
HELD_OUT_DAYS: Final = 28  # the last four weeks are what is judged, so they do not set the band
MIN_BASELINE_VALUES: Final = 14  # two of each weekday; fewer days make a band of chance
SPREADS: Final = 2.0  # about 95 % of ordinary days, were they normally distributed
MAD_TO_SD: Final = 1.4826  # makes the median absolute deviation equal the SD of a normal
MEAN_TO_SD: Final = 1.2533  # likewise the mean absolute deviation


@dataclass(frozen=True, slots=True)
class Band:
    """The person's usual range: median and median +/- 2 robust spreads of their own earlier days.

    `first` and `last` are the baseline window (local day numbers, both included), `n` the days of
    it with a value.
    """

    low: float
    median: float
    high: float
    n: int
    first: int
    last: int

    def side(self, value: float) -> str:
        """Return "above", "below" or "within" the band."""
        if value > self.high:
            return "above"
        return "below" if value < self.low else "within"


def personal_band(days: NDArray[np.int64], values: NDArray[np.float64]) -> Band | None:
    """Return the band of a person's own earlier days; None when fewer than 14 have a value.

    Parameters
    ----------
    days : (n,) int64
        Local day numbers, increasing.
    values : (n,) float64
        The value of each day; NaN where it is not known.

    Notes
    -----
    The window is the eight weeks that end four weeks before the last day. The spread is 1.4826
    times the median absolute deviation: one wild day does not move it (Rousseeuw & Croux 1993,
    doi:10.1080/01621459.1993.10476408). Where more than half of the days are alike (counts that
    are mostly 0) that is 0, and 1.2533 times the mean absolute deviation stands in.

    Examples
    --------
    >>> import numpy as np
    >>> days = np.arange(100)
    >>> band = personal_band(days, 7.0 + (days % 3 - 1.0))
    >>> (round(band.low, 2), band.median, round(band.high, 2), band.n)
    (4.03, 7.0, 9.97, 56)
    """
    if days.size == 0:
        return None
    last = int(days[-1]) - HELD_OUT_DAYS
    first = last - BASELINE_DAYS + 1
    inside = values[(days >= first) & (days <= last)]
    known = inside[np.isfinite(inside)]
    if known.size < MIN_BASELINE_VALUES:
        return None
    median = float(np.median(known))
    away = np.abs(known - median)
    robust = MAD_TO_SD * float(np.median(away))
    spread = SPREADS * (robust or MEAN_TO_SD * float(np.mean(away)))
    return Band(median - spread, median, median + spread, int(known.size), first, last)


def is_clock(feature: Feature) -> bool:
    """Tell whether a feature is a time of day: hours of 0 to 24, or hours from midnight."""
    if feature.unit != "h" or feature.low is None:
        return False
    return feature.low < 0 or (feature.low, feature.high) == (0, 24)


def around_the_clock(hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times of day within 12 h of their circular mean, so that 23:50 and 0:10 are near.

    Parameters
    ----------
    hours : (n,) float64
        Hours of the day [h]; NaN where not known (and kept so).

    Examples
    --------
    >>> import numpy as np
    >>> around_the_clock(np.array([23.5, 0.5, np.nan]))
    array([-0.5,  0.5,  nan])
    """
    known = hours[np.isfinite(hours)]
    if known.size == 0:
        return hours
    angle = known * (2 * np.pi / 24)
    middle = np.arctan2(np.sin(angle).mean(), np.cos(angle).mean()) * 24 / (2 * np.pi)
    near: NDArray[np.float64] = middle + (hours - middle + 12) % 24 - 12
    return near
