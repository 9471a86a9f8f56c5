"""Rest-activity rhythm over the trailing seven local days, from wrist activity counts."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.activity_grid import activity_grid
from euthymia.features.contract import Columns, Days, Family, Feature
from euthymia.features.windows import length_us, offsets_around
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.rest_activity_measures import measures

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKBACK_DAYS: Final = 7
FULL_DAY_MINUTES: Final = 960  # sixteen worn hours make a day that counts
MIN_FULL_DAYS: Final = 3  # below three such days the measures say more about wear than about life

_WITTING = "Witting et al. 1990, doi:10.1016/0006-3223(90)90523-5"
_SOMEREN = "Van Someren et al. 1999, doi:10.3109/07420529908998724"
_GONCALVES = "Goncalves et al. 2014, doi:10.1016/j.slsci.2014.09.013"
_COSINOR = "Cornelissen 2014, doi:10.1186/1742-4682-11-16"
_MARLER = "Marler et al. 2006, doi:10.1002/sim.2466"
_LIM = "Lim et al. 2011, doi:10.5665/sleep.1400"
_LEVINE = "Levine et al. 2002, doi:10.1186/1471-2202-3-1"
_HU = "Hu et al. 2004, doi:10.1016/j.physa.2004.01.042"
_SRI = "Phillips et al. 2017, doi:10.1038/s41598-017-03171-4"
_NEED = " NaN with fewer than 3 of the 7 days worn for 16 hours"
_WHERE = " of the average 24 h profile, by the minute on the local clock, around midnight too."
_CURVE = "the curve min + amp * expit(beta * (cos(t - phi) - alpha)) fitted to hourly means."
_COUNTS = "{counts}/min"
_DEVICE = "Counts are the device's own unit: compare a person with themselves on one device."
_ZERO = (
    "Rest is a minute of zero counts: a device that seldom reads zero sees no rest. By the minute; "
    "the paper's epochs are 15 s. Runs that unknown time cuts are left out."
)
_TIED = "A hair's breadth of change moves it by hours where two stretches are nearly equal."
_NOISE = "Of d days of pure noise it is 1/d, not 0: compare windows of the same length."
_SQUARE = "People are active in blocks, not in cosines: days all alike do not give 1 either."
_SHAPED = "One active time a day is taken for granted: naps, shifts and travel are fitted badly."
_PERFECT = " NaN also where the curve fits perfectly."

_NAMES: Final = {
    "l5_counts_per_min": "l5",
    "m10_counts_per_min": "m10",
    "mesor_counts_per_min": "mesor",
    "amplitude_counts_per_min": "amplitude",
    "extended_minimum_counts_per_min": "extended_minimum",
    "extended_amplitude_counts_per_min": "extended_amplitude",
    "rest_to_activity_per_min": "rest_to_activity",
    "activity_to_rest_per_min": "activity_to_rest",
}
"""Features whose name has a unit that their measure does not know of."""


def _values(level: Array, index: Ints) -> dict[str, Array]:
    found = measures(level, index)
    values = {f.name: found.get(_NAMES.get(f.name, f.name)) for f in FAMILY.features}
    values["daily_counts"] = found["mean_level"] * 1440
    for hour in range(24):
        values[f"hour_{hour:02d}_counts_per_min"] = found["profile"][:, hour]
    return {name: value for name, value in values.items() if value is not None}


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
    values = {n: np.full(days.size, np.nan) for n in (f.name for f in FAMILY.features)}
    for name, found in _values(grid.level, index[enough]).items():
        values[name][enough] = found
    return Days(values, np.minimum(worn.sum(axis=1) / length, 1.0))


def _hour(name: str, title: str, definition: str, paper: str, limits: str = "") -> Feature:
    return Feature(name, title, "h", definition + _NEED + ".", paper, 0, 24, 0, 24, limits)


def _level(name: str, title: str, definition: str, paper: str, worse: int) -> Feature:
    definition += _NEED + "."
    return Feature(name, title, _COUNTS, definition, paper, 0, None, worse, None, _DEVICE)


_REGULARITY = (
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
        limits=_NOISE,
    ),
    Feature(
        "interdaily_stability_mean",
        "Likeness of the days over bin widths",
        "1",
        "Mean of interdaily stability at the 22 bin widths from 1 to 60 min that divide a day."
        + _NEED
        + " or without any variation.",
        _GONCALVES,
        0,
        1,
        -1,
        limits=_NOISE,
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
        limits="Naps raise it as broken nights do.",
    ),
    Feature(
        "intradaily_variability_mean",
        "Brokenness of the days over bin widths",
        "1",
        "Mean of intradaily variability at the 22 bin widths from 1 to 60 min that divide a day."
        + _NEED
        + " or without any variation.",
        _GONCALVES,
        0,
        None,
        1,
        limits="Noise of counts from minute to minute raises it: compare on one device.",
    ),
    Feature(
        "correlation_24h",
        "Likeness of one day to the next",
        "1",
        "Pearson correlation of hourly means with those 24 h later." + _NEED + ".",
        _LEVINE,
        -1,
        1,
        -1,
        limits="A weekend after working days lowers it as illness does.",
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
        limits="Quiet wakefulness counts as rest.",
    ),
)

_EXTREMES = (
    Feature(
        "relative_amplitude",
        "Contrast of active and restful hours",
        "1",
        "(M10 - L5) / (M10 + L5)." + _NEED + " or while a minute of the clock is unknown.",
        _SOMEREN,
        0,
        1,
        -1,
        limits="A device that reads zero in still hours makes it 1, however little is done by day.",
    ),
    _level(
        "l5_counts_per_min",
        "Activity in the least active 5 hours",
        "Mean counts a minute in the least active 5 hours in a row" + _WHERE,
        _WITTING,
        1,
    ),
    _hour(
        "l5_onset_h",
        "Begin of the least active 5 hours",
        "Local clock hour, 0 to 24, at which the least active 5 hours begin.",
        _WITTING,
        _TIED,
    ),
    _level(
        "m10_counts_per_min",
        "Activity in the most active 10 hours",
        "Mean counts a minute in the most active 10 hours in a row" + _WHERE,
        _WITTING,
        -1,
    ),
    _hour(
        "m10_onset_h",
        "Begin of the most active 10 hours",
        "Local clock hour, 0 to 24, at which the most active 10 hours begin.",
        _WITTING,
        _TIED,
    ),
)

_PLAIN = (
    Feature(
        "mesor_counts_per_min",
        "Level of the daily rhythm",
        _COUNTS,
        "Level of the 24 h cosine fitted to hourly means by least squares." + _NEED + ".",
        _COSINOR,
        None,
        None,
        -1,
        limits=_DEVICE,
    ),
    _level(
        "amplitude_counts_per_min",
        "Swing of the daily rhythm",
        "Half the difference of peak and trough of the fitted 24 h cosine.",
        _COSINOR,
        -1,
    ),
    _hour(
        "acrophase_h",
        "Peak of the daily rhythm",
        "Local clock hour, 0 to 24, of the peak of the fitted 24 h cosine.",
        _COSINOR,
        "Says little where the amplitude is small; the middle of the active time, not its peak.",
    ),
    Feature(
        "cosinor_r_squared",
        "Fit of the cosine",
        "1",
        "Share of the variance of hourly means that the fitted 24 h cosine explains."
        + _NEED
        + " or without any variation.",
        _COSINOR,
        0,
        1,
        -1,
        limits=_SQUARE,
    ),
)

_EXTENDED = (
    _level(
        "extended_minimum_counts_per_min",
        "Least level of the shaped rhythm",
        "min of " + _CURVE,
        _MARLER,
        1,
    ),
    _level(
        "extended_amplitude_counts_per_min",
        "Swing of the shaped rhythm",
        "amp of " + _CURVE,
        _MARLER,
        -1,
    ),
    Feature(
        "extended_alpha",
        "Narrowness of the active time",
        "1",
        "alpha of " + _CURVE + " -0.99 active nearly all day, 0.99 nearly never." + _NEED + ".",
        _MARLER,
        -1,
        1,
        0,
        limits=_SHAPED,
    ),
    Feature(
        "extended_beta",
        "Steepness of rising and falling",
        "1",
        "beta of " + _CURVE + " 0.2 a cosine, 50 a step." + _NEED + ".",
        _MARLER,
        0,
        50,
        0,
        limits="Hourly means cannot tell steps from slopes shorter than an hour: 50 is the bound.",
    ),
    _hour(
        "extended_acrophase_h",
        "Peak of the shaped rhythm",
        "phi: local clock hour, 0 to 24, of the peak of " + _CURVE,
        _MARLER,
        _SHAPED,
    ),
    _hour(
        "extended_up_h",
        "Rise of the shaped rhythm",
        "Local clock hour at which the curve rises through its middle: phi - acos(alpha).",
        _MARLER,
        _SHAPED,
    ),
    _hour(
        "extended_down_h",
        "Fall of the shaped rhythm",
        "Local clock hour at which the curve falls through its middle: phi + acos(alpha).",
        _MARLER,
        _SHAPED,
    ),
    Feature(
        "extended_r_squared",
        "Fit of the shaped rhythm",
        "1",
        "Share of the variance of hourly means explained by " + _CURVE + _NEED + ".",
        _MARLER,
        0,
        1,
        -1,
        limits=_SHAPED,
    ),
    Feature(
        "extended_pseudo_f",
        "Gain of the shaped rhythm over the cosine",
        "1",
        "((RSS of the cosine - RSS) / 2) / (RSS / (hours - 5)) of "
        + _CURVE
        + _NEED
        + "."
        + _PERFECT,
        _MARLER,
        0,
        None,
        0,
        limits="Hours are no independent draws: compare it, and read no probability from it.",
    ),
)

_FRAGMENTATION = (
    Feature(
        "rest_to_activity_per_min",
        "Breaking off of rest (kRA)",
        "/min",
        "Chance a minute to leave rest that lasts: weighted mean of the chance at each length of "
        "rest where its LOWESS curve is steady." + _NEED + " or without two lengths of rest.",
        _LIM,
        0,
        1,
        1,
        limits=_ZERO,
    ),
    Feature(
        "activity_to_rest_per_min",
        "Breaking off of activity (kAR)",
        "/min",
        "Chance a minute to leave activity that lasts: weighted mean of the chance at each length "
        "of activity where its LOWESS curve is steady." + _NEED + " or without two lengths of it.",
        _LIM,
        0,
        1,
        1,
        limits=_ZERO,
    ),
    Feature(
        "dfa_alpha_short",
        "Scaling of activity, 10 to 90 min",
        "1",
        "Slope of log fluctuation on log scale at 10, 20, 30, 40, 60, 80 and 90 min: detrended "
        "fluctuation analysis of second order; boxes lie within a day." + _NEED + ".",
        _HU,
        None,
        None,
        -1,
        limits="Boxes with an unknown minute are left out.",
    ),
    Feature(
        "dfa_alpha_long",
        "Scaling of activity, 2 to 8 h",
        "1",
        "Slope of log fluctuation on log scale at 2, 2.7, 3, 4, 6 and 8 h: detrended fluctuation "
        "analysis of second order; boxes lie within a day." + _NEED + ".",
        _HU,
        None,
        None,
        -1,
        limits="Boxes with an unknown minute are left out; the largest are 21 a week.",
    ),
)

_LEVELS = (
    Feature(
        "daily_counts",
        "Activity a day",
        "{counts}/d",
        "Mean counts of a known minute times 1440." + _NEED + ".",
        "Goncalves et al. 2014, doi:10.1016/j.slsci.2014.09.013",
        0,
        None,
        -1,
        limits=_DEVICE,
    ),
    *(
        _level(
            f"hour_{hour:02d}_counts_per_min",
            f"Activity from {hour}:00 to {hour + 1}:00",
            f"Mean counts a minute of the average 24 h profile from {hour}:00 to {hour + 1}:00.",
            _WITTING,
            0,
        )
        for hour in range(24)
    ),
)

FAMILY = Family(
    name="rest_activity",
    version="3",
    title="Rest-activity rhythm",
    streams=("activity_counts",),
    lookback_days=LOOKBACK_DAYS,
    compute=compute,
    coverage="share of the minutes of the seven local days in which the device was worn",
    features=_REGULARITY + _EXTREMES + _PLAIN + _EXTENDED + _FRAGMENTATION + _LEVELS,
)
