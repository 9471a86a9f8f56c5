"""Rest-activity rhythm over the trailing seven local days, from wrist activity counts."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.activity_grid import Grid, activity_grid
from euthymia.features.contract import Columns, Days, Family, Feature
from euthymia.features.windows import length_us, offsets_around
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels import rest_activity as kernel
from euthymia.kernels.sleep_wake import rest_by_level

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 7
FULL_DAY_MINUTES: Final = 960  # sixteen worn hours make a day that counts
MIN_FULL_DAYS: Final = 3  # below three such days the measures say more about wear than about life
EPOCH_MINUTES: Final = 10  # of the sleep scoring

_WITTING = "Witting et al. 1990, doi:10.1016/0006-3223(90)90523-5"
_SOMEREN = "Van Someren et al. 1999, doi:10.3109/07420529908998724"
_COSINOR = "Cornelissen 2014, doi:10.1186/1742-4682-11-16"
_SRI = "Phillips et al. 2017, doi:10.1038/s41598-017-03171-4"
_NEED = " NaN with fewer than 3 of the 7 days worn for 16 hours"
_WHERE = " of the average 24 h profile, by the minute on the local clock, around midnight too."
_COUNTS = "{counts}/min"


def _profile(grid: Grid, index: Ints) -> Array:
    """Return each window's mean 24 h profile, adding days in order (the same sum however many)."""
    total = np.zeros((index.shape[0], grid.filled.shape[1]))
    seen = np.zeros(total.shape, np.int8)
    for place in range(index.shape[1]):
        total += grid.filled[index[:, place]]
        seen += grid.known[index[:, place]]
    blank = np.full_like(total, np.nan)
    return np.divide(total, seen, out=blank, where=seen > 0)


def _values(grid: Grid, index: Ints) -> dict[str, Array]:
    hourly = grid.binned(60)[index]
    epochs = grid.binned(EPOCH_MINUTES)[index]
    seen = (~np.isnan(epochs)).sum(axis=(1, 2))
    mean_level = np.nansum(epochs, axis=(1, 2)) / np.where(seen == 0, np.nan, seen)
    rest = rest_by_level(epochs.reshape(index.shape[0], -1), mean_level).reshape(epochs.shape)
    profile = _profile(grid, index)
    low, high, fit = kernel.l5(profile), kernel.m10(profile), kernel.cosinor(hourly)
    return {
        "interdaily_stability": kernel.interdaily_stability(hourly),
        "intradaily_variability": kernel.intradaily_variability(hourly),
        "relative_amplitude": kernel.relative_amplitude(high.level, low.level),
        "l5_counts_per_min": low.level,
        "l5_onset_h": low.onset_h,
        "m10_counts_per_min": high.level,
        "m10_onset_h": high.onset_h,
        "mesor_counts_per_min": fit.mesor,
        "amplitude_counts_per_min": fit.amplitude,
        "acrophase_h": fit.acrophase_h,
        "sleep_regularity_index": kernel.sleep_regularity(rest),
    }


def compute(streams: Mapping[str, Columns], timeline: Timeline, days: Ints) -> Days:
    """Describe the rest-activity rhythm of the seven local days that end with each day."""
    stream = streams.get("activity_counts")
    if stream is None or days.size == 0:
        blank = np.full(days.size, np.nan)
        return Days({f.name: blank for f in FAMILY.features}, np.zeros(days.size))
    wanted = days[:, None] + np.arange(1 - LOOKBACK_DAYS, 1)
    needed = np.unique(wanted)
    grid = activity_grid(stream, timeline, needed)
    index = np.searchsorted(needed, wanted)
    worn = grid.worn.sum(axis=1)[index]
    offsets = offsets_around(timeline, days, LOOKBACK_DAYS)
    first = (days - LOOKBACK_DAYS + 1) * DAY_US
    length = length_us(offsets, first, (days + 1) * DAY_US) / 60e6
    enough = (worn >= FULL_DAY_MINUTES).sum(axis=1) >= MIN_FULL_DAYS
    values = {n: np.where(enough, v, np.nan) for n, v in _values(grid, index).items()}
    return Days(values, np.minimum(worn.sum(axis=1) / length, 1.0))


FAMILY = Family(
    name="rest_activity",
    version="1",
    title="Rest-activity rhythm",
    streams=("activity_counts",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    coverage="share of the minutes of the seven local days in which the device was worn",
    features=(
        Feature(
            "interdaily_stability",
            "Likeness of the days",
            "1",
            "Variance of the mean of each clock hour over the variance of all hourly means: "
            "1 every day the same, 0 no daily pattern." + _NEED + " or without any variation.",
            _WITTING,
            0,
            1,
            -1,
        ),
        Feature(
            "intradaily_variability",
            "Brokenness of the days",
            "1",
            "Mean squared step between hours over the variance of all hourly means: near 0 one "
            "smooth swing a day, near 2 noise." + _NEED + " or without any variation.",
            _WITTING,
            0,
            None,
            1,
        ),
        Feature(
            "relative_amplitude",
            "Contrast of active and restful hours",
            "1",
            "(M10 - L5) / (M10 + L5)." + _NEED + " or while a minute of the clock is unknown.",
            _SOMEREN,
            0,
            1,
            -1,
        ),
        Feature(
            "l5_counts_per_min",
            "Activity in the least active 5 hours",
            _COUNTS,
            "Mean counts a minute in the least active 5 hours in a row" + _WHERE + _NEED + ".",
            _WITTING,
            0,
            None,
            1,
        ),
        Feature(
            "l5_onset_h",
            "Begin of the least active 5 hours",
            "h",
            "Local clock hour, 0 to 24, at which the least active 5 hours begin." + _NEED + ".",
            _WITTING,
            0,
            24,
            0,
        ),
        Feature(
            "m10_counts_per_min",
            "Activity in the most active 10 hours",
            _COUNTS,
            "Mean counts a minute in the most active 10 hours in a row" + _WHERE + _NEED + ".",
            _WITTING,
            0,
            None,
            -1,
        ),
        Feature(
            "m10_onset_h",
            "Begin of the most active 10 hours",
            "h",
            "Local clock hour, 0 to 24, at which the most active 10 hours begin." + _NEED + ".",
            _WITTING,
            0,
            24,
            0,
        ),
        Feature(
            "mesor_counts_per_min",
            "Level of the daily rhythm",
            _COUNTS,
            "Level of the 24 h cosine fitted to hourly means by least squares." + _NEED + ".",
            _COSINOR,
            None,
            None,
            -1,
        ),
        Feature(
            "amplitude_counts_per_min",
            "Swing of the daily rhythm",
            _COUNTS,
            "Half the difference of peak and trough of the fitted 24 h cosine." + _NEED + ".",
            _COSINOR,
            0,
            None,
            -1,
        ),
        Feature(
            "acrophase_h",
            "Peak of the daily rhythm",
            "h",
            "Local clock hour, 0 to 24, of the peak of the fitted 24 h cosine." + _NEED + ".",
            _COSINOR,
            0,
            24,
            0,
        ),
        Feature(
            "sleep_regularity_index",
            "Regularity of sleep",
            "1",
            "Agreement of rest and activity at the same clock time on successive days, -100 to "
            "100. A 10-minute epoch is at rest below 15 % of the window's mean activity "
            "(Roenneberg et al. 2015, doi:10.1016/bs.mie.2014.11.028)." + _NEED + ".",
            _SRI,
            -100,
            100,
            -1,
        ),
    ),
)
