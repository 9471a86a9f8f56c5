"""Ambient light at the phone or wrist, any stretch of time: how much, and when."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import Taken, held_us, hours, numbers, take, times
from euthymia.features.taken import coverage as share_of
from euthymia.ground.clock import Timeline
from euthymia.kernels import grouped
from euthymia.kernels.light import profile, run_of_hours

Array = NDArray[np.float64]

HOLD_US: Final = 5 * 60_000_000  # sensors that report on a change are silent while none comes
THRESHOLDS_LX: Final = (10, 100, 1000)
BRIGHT_LX: Final = 100.0
DIM_LX: Final = 10.0
EVENING_H: Final = (18, 24)
NIGHT_H: Final = (0, 5)
LONG_H: Final = 10
SHORT_H: Final = 5
MIN_IN_HOUR_US: Final = HOLD_US  # every clock hour needs as much for a profile
MINUTE_US: Final = 60_000_000
HOUR_US: Final = 60 * MINUTE_US


def _last(taken: Taken, hour: Array, *, first: bool = False) -> Array:
    """Return the clock hour of the last (or first) sample of each row."""
    order = np.arange(hour.size, dtype=np.float64)
    at = taken.lowest(order) if first else taken.highest(order)
    known = ~np.isnan(at)
    found = np.full(taken.rows, np.nan)
    found[known] = hour[at[known].astype(np.int64)]
    return found


def _values(taken: Taken, lux: Array, hour: Array, held: Array) -> dict[str, Array]:
    rows, row = taken.rows, taken.row
    level, clock = lux[taken.index], hour[taken.index]
    log = np.log10(1 + level)
    seen = grouped.total(row, held, rows)

    def mean(value: Array, weight: Array) -> Array:
        return grouped.total(row, value * weight, rows) / grouped.total(row, weight, rows)

    values = {
        "mean_lx": mean(level, held),
        "log10_mean": mean(log, held),
        "brightest_lx": taken.highest(lux),
        "p95_lx": taken.quantiles(lux, 0.95)[:, 0],
        "last_bright_h": _last(taken.where(lux >= BRIGHT_LX), hour),
        "first_bright_h": _last(taken.where(lux >= BRIGHT_LX), hour, first=True),
        "last_above_10_lx_h": _last(taken.where(lux >= DIM_LX), hour),
    }
    for limit in THRESHOLDS_LX:
        above = grouped.total(row, held * (level >= limit), rows)
        values[f"above_{limit}_lx_min"] = np.where(seen > 0, above / MINUTE_US, np.nan)
    for name, (low, high) in (("evening", EVENING_H), ("night", NIGHT_H)):
        values[f"{name}_log10"] = mean(log, held * ((clock >= low) & (clock < high)))
    bright = np.flatnonzero(level >= BRIGHT_LX)
    turn = 2 * np.pi / 24
    middle = clock[bright] + held[bright] / HOUR_US / 2  # of the time for which a sample holds
    x, y = (
        grouped.total(row[bright], held[bright] * f(middle * turn), rows) for f in (np.cos, np.sin)
    )
    some = np.hypot(x, y) > 1e-9 * np.maximum(seen, 1)
    values["bright_timing_h"] = np.where(some, np.mod(np.arctan2(y, x) / turn, 24), np.nan)
    day, weight = profile(row, clock.astype(np.int64), log, held, rows)
    day = np.where(weight >= MIN_IN_HOUR_US, day, np.nan)
    top, onset = run_of_hours(day, LONG_H, greatest=True)
    bottom, offset = run_of_hours(day, SHORT_H, greatest=False)
    both = top + bottom
    return values | {
        "m10_log10": top,
        "m10_onset_h": onset,
        "l5_log10": bottom,
        "l5_onset_h": offset,
        "relative_amplitude": np.where(
            both > 0, (top - bottom) / np.where(both > 0, both, 1), np.nan
        ),
    }


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the light of each row's stretches."""
    rows = windows.day.size
    time = times(streams, "light")
    if time.size == 0:
        unknown = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
        return Days(unknown, np.zeros(rows))
    taken = take(time, windows)
    held = held_us(taken, time, windows, HOLD_US)
    with np.errstate(invalid="ignore", divide="ignore"):
        lux = numbers(streams["light"], "level")
        values = _values(taken, lux, hours(timeline, time), held)
    return Days(values, share_of(windows, grouped.total(taken.row, held, rows)))


_PYACT = "Hammad et al. 2024 (pyActigraphy light), doi:10.1080/15502724.2023.2296863"
_RAPIDS = "Vega et al. 2021 (RAPIDS), doi:10.3389/fdgth.2021.769823"
_REID = "Reid et al. 2014, doi:10.1371/journal.pone.0092251"
_WITTING = "Van Someren et al. 1999, doi:10.3109/07420529908998724"
_POCKET = (
    "A phone in a pocket and a wrist under a sleeve see no light, so it tells too little of what "
    "reached the eye; sensors of different makers are not comparable above a few thousand lux."
)
_HOLDS = (
    " A sample of the window holds until the next one, at most 5 minutes, and counts where it "
    "begins."
)
_LOG = "log10(1 + lux)"
_CLOCK = (
    f" From the mean {_LOG} of each clock hour of the window, round the clock; NaN unless each of "
    "the 24 holds 5 minutes."
)


def _feature(
    name: str,
    title: str,
    unit: str,
    definition: str,
    high: float | None,
    paper: str,
    worse: int = 0,
    period: float | None = None,
) -> Feature:
    return Feature(name, title, unit, definition, paper, 0, high, worse, period, _POCKET)


FAMILY = Family(
    name="light",
    version="1.1",
    title="Ambient light",
    streams=("light",),
    lookback_days=1,
    measure=measure,
    coverage="share of the window in which a sample of light holds (5 minutes each at most)",
    features=(
        _feature(
            "mean_lx", "Mean light", "lx", "Time-weighted mean of light." + _HOLDS, 200_000, _RAPIDS
        ),
        _feature(
            "log10_mean",
            "Mean light, logarithmic",
            "1",
            f"Time-weighted mean of {_LOG}." + _HOLDS,
            5.4,
            _PYACT,
        ),
        _feature(
            "p95_lx",
            "Bright light",
            "lx",
            "95th percentile of the window's samples.",
            200_000,
            _RAPIDS,
        ),
        _feature(
            "brightest_lx",
            "Brightest light",
            "lx",
            "Greatest sample in the window.",
            200_000,
            _RAPIDS,
        ),
        *(
            _feature(
                f"above_{limit}_lx_min",
                f"Time at {limit} lux or more",
                "min",
                f"Minutes for which samples of at least {limit} lux hold." + _HOLDS,
                None,
                _PYACT,
                -1 if limit > 100 else 0,
            )
            for limit in THRESHOLDS_LX
        ),
        _feature(
            "first_bright_h",
            "First bright light",
            "h",
            "Local clock hour of the window's first sample of at least 100 lux; NaN without one.",
            24,
            _PYACT,
            0,
            24,
        ),
        _feature(
            "last_bright_h",
            "Last bright light",
            "h",
            "Local clock hour of the window's last sample of at least 100 lux; NaN without one.",
            24,
            _PYACT,
            0,
            24,
        ),
        _feature(
            "last_above_10_lx_h",
            "Last light",
            "h",
            "Local clock hour of the window's last sample of at least 10 lux; NaN without one.",
            24,
            _PYACT,
            0,
            24,
        ),
        _feature(
            "bright_timing_h",
            "Mean timing of bright light",
            "h",
            "Mean local clock hour, on the circle, of the time at 100 lux or more; the paper "
            "takes 500 lux and other thresholds, and the mean on a line." + _HOLDS,
            24,
            _REID,
            0,
            24,
        ),
        _feature(
            "evening_log10",
            "Light in the evening",
            "1",
            f"Time-weighted mean of {_LOG} from 18:00 to 24:00 local time." + _HOLDS,
            5.4,
            _PYACT,
        ),
        _feature(
            "night_log10",
            "Light in the night",
            "1",
            f"Time-weighted mean of {_LOG} from 00:00 to 05:00 local time." + _HOLDS,
            5.4,
            _PYACT,
            1,
        ),
        _feature(
            "m10_log10",
            "Brightest ten hours (M10)",
            "1",
            "Mean of the ten hours in a row that are brightest." + _CLOCK,
            5.4,
            _WITTING,
            -1,
        ),
        _feature(
            "m10_onset_h",
            "Begin of the brightest ten hours",
            "h",
            "Clock hour at which the brightest ten hours begin." + _CLOCK,
            24,
            _WITTING,
            0,
            24,
        ),
        _feature(
            "l5_log10",
            "Darkest five hours (L5)",
            "1",
            "Mean of the five hours in a row that are darkest." + _CLOCK,
            5.4,
            _WITTING,
            1,
        ),
        _feature(
            "l5_onset_h",
            "Begin of the darkest five hours",
            "h",
            "Clock hour at which the darkest five hours begin." + _CLOCK,
            24,
            _WITTING,
            0,
            24,
        ),
        _feature(
            "relative_amplitude",
            "Relative amplitude of light",
            "1",
            "M10 minus L5 over M10 plus L5; NaN where both are 0." + _CLOCK,
            1,
            _WITTING,
            -1,
        ),
    ),
)
