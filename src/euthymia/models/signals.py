"""Daily features seen from one moment: their level, their shift against the person, their gaps."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Family, Feature
from euthymia.models.history import History
from euthymia.models.tasks.contract import FeatureSpec

Floats = NDArray[np.float64]

RECENT_DAYS: Final = 7
BASELINE_DAYS: Final = 28  # the days before the recent ones
LOOKBACK_DAYS: Final = RECENT_DAYS + BASELINE_DAYS
MIN_RECENT: Final = 2  # known days, below which a week has no level
MIN_BASELINE: Final = 7  # known days, below which a person has no baseline
LARGEST_SHIFT: Final = 10.0
WORSENING: Final = "worsening_7d"
MILD: Final = 3.0  # in the mean over features a shift counts no more than this
_MAD_TO_SD: Final = 1.4826
_SMALLEST_SPREAD: Final = 0.02  # of the baseline's size, so that a constant is not infinitely sure


def is_clock_time(feature: Feature) -> bool:
    """Tell whether a feature is a time of day that wraps at midnight."""
    return feature.unit == "h" and feature.low == 0 and feature.high == 24


def family_specs(family: Family) -> tuple[FeatureSpec, ...]:
    """Return what `family_values` computes, in its order.

    A time of day has no level that can be averaged across midnight; only its shift is used.
    """
    specs = []
    for feature in family.features:
        name = f"{family.name}.{feature.name}"
        if not is_clock_time(feature):
            title = f"{feature.title}, last 7 days"
            specs.append(
                FeatureSpec(f"{name}.mean_7d", title, feature.unit, feature.low, feature.high)
            )
    for feature in family.features:
        name = f"{family.name}.{feature.name}.shift_7d"
        title = f"{feature.title}, change against own baseline"
        specs.append(FeatureSpec(name, title, "[SD]", -LARGEST_SHIFT, LARGEST_SHIFT))
    worse = f"{family.title}: shift in the direction of worsening"
    specs.append(FeatureSpec(f"{family.name}.{WORSENING}", worse, "[SD]", -MILD, MILD))
    gaps = (
        ("missing_7d", "days without data, last 7", 0.0),
        ("missing_28d", "days without data, the 28 before", 0.0),
        ("missing_change", "change in days without data", -1.0),
    )
    for ending, title, low in gaps:
        name = f"{family.name}.{ending}"
        specs.append(FeatureSpec(name, f"{family.title}: {title}", "1", low, 1.0))
    return tuple(specs)


def median(block: Floats) -> Floats:
    """Return the median down each column, NaN left out; NaN when and only when none is known."""
    ranked = np.sort(block, axis=0)
    known = (~np.isnan(block)).sum(axis=0)
    columns = np.arange(block.shape[1])
    low = ranked[np.maximum(known - 1, 0) // 2, columns]
    high = ranked[np.minimum(known // 2, block.shape[0] - 1), columns]
    return np.where(known > 0, (low + high) / 2, np.nan)


def _wrap(hours: Floats) -> Floats:
    return (hours + 12.0) % 24.0 - 12.0


def _mean(block: Floats, enough: int) -> Floats:
    known = (~np.isnan(block)).sum(axis=0)
    total = np.nansum(block, axis=0)
    return np.where(known >= enough, total / np.maximum(known, 1), np.nan)


def _unwrapped(values: Floats, clock: NDArray[np.bool_]) -> Floats:
    """Turn times of day into hours from the circular mean of the window."""
    if not clock.any():
        return values
    angle = values[:, clock] * (2 * np.pi / 24)
    middle = np.arctan2(np.nansum(np.sin(angle), axis=0), np.nansum(np.cos(angle), axis=0))
    turned = values.copy()
    turned[:, clock] = _wrap(values[:, clock] - middle * (24 / (2 * np.pi)))
    return turned


def family_values(family: Family, history: History, last_day: int) -> tuple[Floats, Floats]:
    """Return (values in the order of `family_specs`, coverage of each of the 35 days).

    Only rows of the local days `last_day - 34` to `last_day` matter.

    Parameters
    ----------
    last_day : int
        The last local date that was over at the index date.
    """
    clock = np.array([is_clock_time(feature) for feature in family.features])
    table = history.days.get(family.name)
    if table is None:
        blank = np.full(2 * clock.size - int(clock.sum()) + 1, np.nan)
        return np.r_[blank, 1.0, 1.0, 0.0], np.zeros(LOOKBACK_DAYS)
    coverage, values = table.window(last_day - LOOKBACK_DAYS + 1, last_day + 1)
    level = _mean(values[BASELINE_DAYS:], MIN_RECENT)[~clock]
    turned = _unwrapped(values, clock)
    before = turned[:BASELINE_DAYS]
    centre = median(before)
    spread = _MAD_TO_SD * median(np.abs(before - centre))
    spread = np.maximum(spread, _SMALLEST_SPREAD * np.abs(centre) + 1e-6)
    shift = (_mean(turned[BASELINE_DAYS:], MIN_RECENT) - centre) / spread
    shift[(~np.isnan(before)).sum(axis=0) < MIN_BASELINE] = np.nan
    shift = np.clip(shift, -LARGEST_SHIFT, LARGEST_SHIFT)
    gone = coverage <= 0
    recent, earlier = gone[BASELINE_DAYS:].mean(), gone[:BASELINE_DAYS].mean()
    gaps = (recent, earlier, recent - earlier)
    return np.r_[level, shift, _worsening(family, shift), gaps], coverage


def _worsening(family: Family, shift: Floats) -> float:
    """Return the mean shift over the features whose direction of worsening is declared."""
    worse = np.array([feature.worse for feature in family.features], np.float64)
    used = (worse != 0) & ~np.isnan(shift)
    if not used.any():
        return float("nan")
    return float(np.mean(worse[used] * np.clip(shift[used], -MILD, MILD)))
