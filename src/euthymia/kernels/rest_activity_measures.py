"""All rest-activity measures of many windows at once, from minutes of activity."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.kernels import fractal
from euthymia.kernels import rest_activity as rhythm
from euthymia.kernels.cosinor import cosinor, extended_cosinor
from euthymia.kernels.rest_activity_days import Told, room_for, told_of
from euthymia.kernels.rest_activity_minutes import rest_regularity
from euthymia.kernels.rest_activity_resolutions import WIDTHS, of_windows
from euthymia.kernels.sleep_wake import REST_SHARE

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

HOURS: Final = 24
AT_ONCE: Final = (
    560  # days: what they tell is written over what others told; new memory costs a third
)


def _rhythm(hourly: Array, profile: Array) -> dict[str, Array]:
    low, high = rhythm.least_and_most(profile)
    fit, own = cosinor(hourly), extended_cosinor(hourly)
    regular = rhythm.hourly_rhythm(hourly)
    return {
        "interdaily_stability": regular[:, 0],
        "intradaily_variability": regular[:, 1],
        "relative_amplitude": rhythm.relative_amplitude(high.level, low.level),
        "l5": low.level,
        "l5_onset_h": low.onset_h,
        "m10": high.level,
        "m10_onset_h": high.onset_h,
        "mesor": fit.mesor,
        "amplitude": fit.amplitude,
        "acrophase_h": fit.acrophase_h,
        "cosinor_r_squared": fit.r_squared,
        **{f"extended_{name}": value for name, value in own._asdict().items()},
        "correlation_24h": rhythm.day_to_day_correlation(hourly),
    }


def _mean(values: Array) -> Array:
    """Return the mean over the last axis; NaN where one is."""
    return np.asarray(values.sum(axis=-1) / values.shape[-1], np.float64)


def measures(level: Array, rows: Ints) -> dict[str, Array]:
    """Describe the rest-activity rhythm of each window.

    Parameters
    ----------
    level : array, shape (days, 1440)
        Counts of each minute by the wall clock, C-contiguous; NaN where unknown.
    rows : int array, shape (windows, days in a window)
        The days of each window, which follow each other.

    Returns
    -------
    dict
        One array of shape (windows,) a measure, levels in counts a minute, hours by the clock;
        `profile` has shape (windows, 24): the mean of each clock hour. When each is NaN its own
        kernel says.
    """
    parts, room = [], room_for(0, level.shape[1], 0)
    for some, first, end in _some(rows):
        if room.middle.size < end - first or room.rates.shape[0] < some.shape[0]:
            room = room_for(end - first, level.shape[1], some.shape[0])
        parts.append(_measures(level[first:end], some - first, room))
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _some(rows: Ints) -> Iterator[tuple[Ints, int, int]]:
    """Yield windows of at most `AT_ONCE` days in all, with the first of these and the one after."""
    if not rows.shape[0]:
        yield rows, 0, 0
        return
    firsts, lasts = rows.min(axis=1).tolist(), rows.max(axis=1).tolist()
    begin, low, high = 0, firsts[0], lasts[0]
    for nth in range(1, len(firsts)):
        lower, higher = min(low, firsts[nth]), max(high, lasts[nth])
        if higher - lower >= AT_ONCE:
            yield rows[begin:nth], low, high + 1
            begin, lower, higher = nth, firsts[nth], lasts[nth]
        low, high = lower, higher
    yield rows[begin:], low, high + 1


def _measures(level: Array, rows: Ints, room: Told) -> dict[str, Array]:
    told = told_of(level, rows, room)
    hourly, profile = told.hourly[rows], told.profile
    counts, minutes = np.moveaxis(told.whole[rows].sum(axis=1), -1, 0)
    mean = counts / np.where(minutes > 0, minutes, np.nan)
    threshold = REST_SHARE * np.where(mean > 0, mean, np.nan)
    resolved = of_windows(level, rows, profile, told.bins, told.middle, WIDTHS)
    return {
        **_rhythm(hourly, profile),
        "interdaily_stability_mean": _mean(resolved[:, :, 0]),
        "intradaily_variability_mean": _mean(resolved[:, :, 1]),
        "rest_to_activity": told.rates[:, 0].copy(),
        "activity_to_rest": told.rates[:, 1].copy(),
        "dfa_alpha_short": fractal.scaling(told.fluctuation, rows, fractal.SHORT),
        "dfa_alpha_long": fractal.scaling(told.fluctuation, rows, fractal.LONG),
        "sleep_regularity_index": rest_regularity(told.total, told.seen, rows, threshold),
        "mean_level": mean,
        "profile": profile.reshape(rows.shape[0], HOURS, 60).mean(axis=2),
    }
