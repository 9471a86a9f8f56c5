"""Skin temperature of the wrist, any stretch of time: level, day and night, and its daily wave."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import MINUTE_US, Taken, hours, minutes_of, numbers, times
from euthymia.features.taken import coverage as share_of
from euthymia.ground.clock import Timeline
from euthymia.kernels import temperature

Array = NDArray[np.float64]

NIGHT_H: Final = (0, 6)
DAY_H: Final = (10, 22)
MIN_PART_MIN: Final = 60  # of the night and of the day, for their difference
MIN_MIN: Final = 10  # for means and spreads
MIN_HOURS: Final = 18  # clock hours that hold at least a quarter of an hour, for the wave
MIN_IN_HOUR: Final = 15


def _enough(found: Array, n: Array, least: float) -> Array:
    return np.where(n >= least, found, np.nan)


def _clock_hours(worn: Taken, hour: Array) -> Array:
    """Return how many clock hours of each row hold a quarter of an hour."""
    cell = worn.row * 24 + hour[worn.index].astype(np.int64)
    held = np.bincount(cell, minlength=worn.rows * 24).reshape(worn.rows, 24)
    return np.asarray((held >= MIN_IN_HOUR).sum(axis=1), np.float64)


def _values(all_minutes: Taken, worn: Taken, value: Array, hour: Array) -> dict[str, Array]:
    n = worn.count()
    night = worn.where((hour >= NIGHT_H[0]) & (hour < NIGHT_H[1]))
    day = worn.where((hour >= DAY_H[0]) & (hour < DAY_H[1]))
    both = np.minimum(night.count(), day.count())
    low, middle, high = worn.quantiles(value, 0.05, 0.5, 0.95).T
    mesor, amplitude, top, explained = temperature.cosinor(
        worn.row, hour[worn.index], value[worn.index], worn.rows
    )
    wave = np.where(_clock_hours(worn, hour) >= MIN_HOURS, 1.0, np.nan)
    recorded = all_minutes.count()
    return {
        "mean_cel": _enough(worn.mean(value), n, MIN_MIN),
        "median_cel": _enough(middle, n, MIN_MIN),
        "sd_cel": _enough(worn.spread(value), n, MIN_MIN),
        "low_cel": _enough(low, n, MIN_MIN),
        "high_cel": _enough(high, n, MIN_MIN),
        "night_minus_day_cel": _enough(night.mean(value) - day.mean(value), both, MIN_PART_MIN),
        "mesor_cel": mesor * wave,
        "amplitude_cel": amplitude * wave,
        "acrophase_h": top * wave,
        "wave_explained": explained * wave,
        "worn_h": n / 60,
        "off_wrist_pct": 100 * (1 - n / recorded),
    }


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the skin temperature of each row's stretches, minute by minute."""
    rows = windows.day.size
    time = times(streams, "skin_temperature")
    if time.size == 0:
        unknown = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
        return Days(unknown, np.zeros(rows))
    minutes = minutes_of(time)
    value = minutes.mean(numbers(streams["skin_temperature"], "value"))
    taken = minutes.taken(windows)
    worn = taken.only(
        temperature.on_skin(minutes.start[taken.index], value[taken.index], taken.joined())
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        values = _values(taken, worn, value, hours(timeline, minutes.start))
        slope = temperature.slope_per_h(
            worn.row, minutes.start[worn.index], value[worn.index], rows
        )
        values["slope_cel_per_h"] = _enough(slope, worn.count(), MIN_PART_MIN)
    return Days(values, share_of(windows, taken.count() * MINUTE_US))


_ROOM = (
    "A band lying in a room warmer than 25 degrees Celsius looks worn; a wrist colder than that "
    "in winter looks off: the two bounds are ours. Room, clothes and bedding move it as the "
    "body's clock does."
)
_SARABIA = "Sarabia et al. 2008, doi:10.1016/j.physbeh.2008.07.005"
_WEAR = "Pagnamenta et al. 2022, doi:10.3390/s22031117 (temperature as a sign of wear)"
_WAVE = (
    " A wave of 24 hours of the wall clock, fitted by least squares to worn minutes; NaN unless "
    "18 clock hours hold a quarter of an hour each."
)
_CORNELISSEN = "Cornelissen 2014, doi:10.1186/1742-4682-11-16"
_FEW = " NaN with less than 10 worn minutes."
_MASKED = f"Sleep, posture and bedding mask the body's own rhythm. {_ROOM}"


def _feature(
    name: str,
    title: str,
    unit: str,
    definition: str,
    low: float | None,
    high: float | None,
    paper: str = _SARABIA,
    limits: str = _ROOM,
    period: float | None = None,
) -> Feature:
    return Feature(name, title, unit, definition, paper, low, high, 0, period, limits)


FAMILY = Family(
    name="temperature",
    version="2",
    title="Skin temperature",
    streams=("skin_temperature",),
    lookback_days=1,
    measure=measure,
    coverage="share of the window's minutes with a skin temperature, worn or not",
    features=(
        _feature(
            "mean_cel",
            "Mean skin temperature",
            "Cel",
            "Mean of worn minutes: those whose mean is 25 to 40 degrees Celsius and within "
            "1 degree of the minute before, if that is of the same date." + _FEW,
            25,
            40,
        ),
        _feature(
            "median_cel", "Median skin temperature", "Cel", "Median of worn minutes." + _FEW, 25, 40
        ),
        _feature(
            "sd_cel",
            "Spread of skin temperature",
            "Cel",
            "Standard deviation of worn minutes." + _FEW,
            0,
            15,
        ),
        _feature(
            "low_cel",
            "Low skin temperature",
            "Cel",
            "5th percentile of worn minutes." + _FEW,
            25,
            40,
        ),
        _feature(
            "high_cel",
            "High skin temperature",
            "Cel",
            "95th percentile of worn minutes." + _FEW,
            25,
            40,
        ),
        _feature(
            "night_minus_day_cel",
            "Night minus day",
            "Cel",
            "Mean of worn minutes from 00:00 to 06:00 minus that from 10:00 to 22:00, local "
            "time. NaN unless each has 60 worn minutes.",
            -15,
            15,
            limits="The night is that of the clock, not of the person's sleep. " + _ROOM,
        ),
        _feature(
            "slope_cel_per_h",
            "Drift of skin temperature",
            "Cel/h",
            "Slope of the least-squares line over worn minutes. NaN with less than 60.",
            -60,
            60,
            limits="Over a whole day it mixes the daily wave with the weather's. " + _ROOM,
        ),
        _feature(
            "mesor_cel",
            "Mean of the daily wave",
            "Cel",
            "Middle of the wave." + _WAVE,
            0,
            65,
            _CORNELISSEN,
            _MASKED,
        ),
        _feature(
            "amplitude_cel",
            "Height of the daily wave",
            "Cel",
            "Half the distance from bottom to top of the wave." + _WAVE,
            0,
            40,
            _CORNELISSEN,
            _MASKED,
        ),
        _feature(
            "acrophase_h",
            "Top of the daily wave",
            "h",
            "Local clock hour of the wave's top; it lies in the night in most people." + _WAVE,
            0,
            24,
            _CORNELISSEN,
            _MASKED,
            24,
        ),
        _feature(
            "wave_explained",
            "Share told by the daily wave",
            "1",
            "R squared of the wave." + _WAVE,
            0,
            1,
            _CORNELISSEN,
            _MASKED,
        ),
        _feature("worn_h", "Time worn", "h", "Hours of worn minutes.", 0, None, _WEAR),
        _feature(
            "off_wrist_pct",
            "Recorded while not worn",
            "%",
            "Share of recorded minutes that are not worn ones.",
            0,
            100,
            _WEAR,
        ),
    ),
)
