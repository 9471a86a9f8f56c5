"""Skin conductance: its level, its responses and its sympathetic power, of any stretch of time."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import coverage as share_of
from euthymia.features.taken import numbers, times
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels import eda

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_S: Final = 300  # of believable recording: rates from less are chance
HOUR_US: Final = DAY_US // 24
_SCR = "Boucsein et al. 2012, doi:10.1111/j.1469-8986.2012.01384.x"
_EDASYMP = "Posada-Quintero et al. 2016, doi:10.1007/s10439-016-1606-6"
_KLECKNER = "Kleckner et al. 2018, doi:10.1109/TBME.2017.2758643"
_METHODS: Final = {
    "median": "the running median of the 8 s around it (the phasic part is the rest)",
    "highpass": "a second-order Butterworth filter at 0.05 Hz, forth and back (the tonic part is "
    "below, the phasic part above it)",
}


class _Runs:
    """The believable part of one row's recording: an even grid of 4 Hz in runs."""

    def __init__(self, time: Ints, level: Array, warm_at: Ints, warm: Array) -> None:
        at, value, edges = eda.to_grid(time, level, eda.STEP_US, eda.GAP_US)
        good = eda.believable(at, value, edges, warm_at, warm, eda.COLDEST_CEL)
        strict = eda.believable(at, value, edges, warm_at, warm, eda.KLECKNER_CEL)
        self.kleckner = int(np.count_nonzero(strict))
        self.recorded, self.believed = value.size, int(np.count_nonzero(good))
        least = eda.MIN_RUN_S * eda.RATE_HZ
        self.time, self.level, self.edges = eda.long_runs(at, value, edges, good, least)


def _slope_per_h(time: Ints, level: Array) -> float:
    """Return the slope of the least-squares line [1/h]."""
    x = (time - time[0]) / HOUR_US
    x -= x.mean()
    # not BLAS, whose sums over long arrays depend on how many threads there are
    return float((x * (level - level.mean())).sum() / (x * x).sum())


def _parts(runs: _Runs, method: str) -> tuple[Array, Array]:
    """Return the tonic and the phasic part."""
    if method == "median":
        tonic = eda.running_median(runs.level, runs.edges, eda.HALF_MEDIAN_S * eda.RATE_HZ)
        return tonic, runs.level - tonic
    below, above = (
        eda.butterworth(eda.CUTOFF_HZ / eda.RATE_HZ, high_pass=high) for high in (False, True)
    )
    tonic = eda.zero_phase(runs.level, runs.edges, below)
    return tonic, eda.zero_phase(runs.level, runs.edges, above)


def _by_method(runs: _Runs, method: str) -> dict[str, float]:
    tonic, phasic = _parts(runs, method)
    found = eda.responses(phasic, runs.edges, eda.RIPPLE_USIEMENS, eda.SMALLEST_USIEMENS)
    minutes = runs.level.size / (60 * eda.RATE_HZ)
    values = {
        f"tonic_{method}_mean_usiemens": float(tonic.mean()),
        f"tonic_{method}_sd_usiemens": float(tonic.std(ddof=1)),
        f"tonic_{method}_slope_usiemens_per_h": _slope_per_h(runs.time, tonic),
        f"phasic_{method}_auc_usiemens_s_per_min": float(
            np.maximum(phasic, 0).sum() / eda.RATE_HZ / minutes
        ),
        f"scr_{method}_per_min": len(found) / minutes,
        f"scr_{method}_amplitude_sum_usiemens_per_min": float(found[:, 2].sum() / minutes),
    }
    if len(found):
        values[f"scr_{method}_amplitude_usiemens"] = float(found[:, 2].mean())
        values[f"scr_{method}_rise_s"] = float((found[:, 1] - found[:, 0]).mean() / eda.RATE_HZ)
        recovered = found[~np.isnan(found[:, 3]), 3]
        if recovered.size:
            values[f"scr_{method}_half_recovery_s"] = float(recovered.mean() / eda.RATE_HZ)
    return values


def _values(runs: _Runs) -> dict[str, float]:
    power, share = eda.sympathetic(runs.level, runs.edges)
    values = {
        "level_mean_usiemens": float(runs.level.mean()),
        "level_median_usiemens": float(np.median(runs.level)),
        "level_sd_usiemens": float(runs.level.std(ddof=1)),
        "edasymp_usiemens2": power,
        "edasymp_normalised": share,
    }
    for method in _METHODS:
        values |= _by_method(runs, method)
    return values


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the skin conductance of each row's stretches."""
    del timeline
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    seen = np.zeros(rows)
    time = times(streams, "electrodermal_activity")
    if time.size == 0:
        return Days(values, seen)
    level = streams["electrodermal_activity"]["level"]
    warm_at = times(streams, "skin_temperature")
    warm = numbers(streams["skin_temperature"], "value") if warm_at.size else np.zeros(0)
    low, high = (np.searchsorted(time, b) for b in (windows.start_us, windows.end_us))
    first, last = (np.searchsorted(warm_at, b) for b in (windows.start_us, windows.end_us))
    for row in range(rows):
        parts = [slice(low[i], high[i]) for i in np.flatnonzero(windows.row == row)]
        if not parts:  # a traveller's morning that never was
            continue
        at = np.concatenate([time[p] for p in parts]) if len(parts) != 1 else time[parts[0]]
        if at.size == 0:
            continue
        x = np.concatenate([np.asarray(level[p], np.float64) for p in parts])
        warmth = [slice(first[i], last[i]) for i in np.flatnonzero(windows.row == row)]
        runs = _Runs(
            at,
            x,
            np.concatenate([warm_at[p] for p in warmth]),
            np.concatenate([warm[p] for p in warmth]),
        )
        seen[row] = max(runs.believed, 1) * eda.STEP_US
        values["valid_pct"][row] = 100.0 * runs.believed / runs.recorded
        values["valid_kleckner_pct"][row] = 100.0 * runs.kleckner / runs.recorded
        if runs.level.size >= MIN_S * eda.RATE_HZ:
            for name, value in _values(runs).items():
                values[name][row] = value
    return Days(values, share_of(windows, seen))


_NEED = (
    " Over stretches of at least 64 s without a gap in which every sample is believable; NaN with "
    "less than 5 minutes of them."
)
_WRIST = (
    "Measured at the wrist it follows heat and exercise as much as arousal, and dry electrodes "
    "need about 15 minutes to settle after they are put on."
)
_RULE3 = (
    "Where no skin temperature was recorded, its rule is not asked; on a cold wrist (below 30 "
    "degrees Celsius) good recordings are refused by the paper's bound of 30."
)
_HOW_LOW = {
    "median": "A median of 8 s follows long or merged responses, so their amplitude is cut; "
    "amplitudes must not be compared with those of another method.",
    "highpass": "The filter undershoots after a large response, so the next one's trough lies "
    "too low; amplitudes must not be compared with those of another method.",
}


def _feature(name: str, title: str, unit: str, definition: str, **rest: object) -> Feature:
    details: dict[str, object] = {"paper": _SCR, "limits": _WRIST, "low": 0.0, "worse": 0} | rest
    return Feature(name, title, unit, definition + _NEED, **details)  # type: ignore[arg-type]


def _features_of(method: str, how: str) -> tuple[Feature, ...]:
    limits = f"{_HOW_LOW[method]} {_WRIST}"
    return (*_levels(method, how, limits), *_responses(method, how, limits))


def _levels(method: str, how: str, limits: str) -> tuple[Feature, ...]:
    tonic, phasic = (
        f"of the {part} part, parted by {how}. The method's name is in the feature's, since "
        "methods differ."
        for part in ("tonic", "phasic")
    )
    bounds = {"low": -60.0, "high": 120.0} if method == "highpass" else {"low": 0.05, "high": 60.0}
    return (
        _feature(
            f"tonic_{method}_mean_usiemens",
            f"Skin conductance level ({method})",
            "uS",
            f"Mean {tonic}",
            limits=limits,
            **bounds,
        ),
        _feature(
            f"tonic_{method}_sd_usiemens",
            f"Change of the level ({method})",
            "uS",
            f"Standard deviation {tonic}",
            limits=limits,
            high=120.0,
        ),
        _feature(
            f"tonic_{method}_slope_usiemens_per_h",
            f"Drift of the level ({method})",
            "uS/h",
            f"Slope of the least-squares line over time {tonic}",
            limits=limits,
            low=None,
        ),
        _feature(
            f"phasic_{method}_auc_usiemens_s_per_min",
            f"Phasic area a minute ({method})",
            "uS.s/min",
            f"Area above zero for each minute {phasic}",
            limits=limits,
            high=7200.0,
        ),
    )


def _responses(method: str, how: str, limits: str) -> tuple[Feature, ...]:
    response = (
        "of skin conductance responses: rises of the phasic part of at least 0.05 uS from trough "
        f"to peak, where turns of less than 0.01 uS count as noise; parted by {how}."
    )
    return (
        _feature(
            f"scr_{method}_per_min",
            f"Responses a minute ({method})",
            "/min",
            f"Count for each believable minute {response}",
            limits=limits,
            high=120.0,
        ),
        _feature(
            f"scr_{method}_amplitude_usiemens",
            f"Size of responses ({method})",
            "uS",
            f"Mean amplitude, trough to peak, {response} NaN without a response.",
            limits=limits,
            low=0.05,
            high=180.0,
        ),
        _feature(
            f"scr_{method}_amplitude_sum_usiemens_per_min",
            f"Summed size of responses a minute ({method})",
            "uS/min",
            f"Sum of amplitudes for each believable minute {response}",
            limits=limits,
        ),
        _feature(
            f"scr_{method}_rise_s",
            f"Rise time of responses ({method})",
            "s",
            f"Mean time from trough to peak {response} NaN without a response.",
            limits=limits,
        ),
        _feature(
            f"scr_{method}_half_recovery_s",
            f"Half recovery of responses ({method})",
            "s",
            f"Mean time from the peak to half the amplitude {response} Of those that come "
            "back so far before the next one begins; NaN without one.",
            limits=limits,
        ),
    )


FAMILY = Family(
    name="electrodermal",
    version="1",
    title="Skin conductance",
    streams=("electrodermal_activity", "skin_temperature"),
    lookback_days=1,
    measure=measure,
    coverage="share of the window with believable skin conductance (four rules, as for valid_pct)",
    features=(
        Feature(
            "valid_pct",
            "Believable recording",
            "%",
            "Share of the recording (4 Hz) that passes the four rules: 0.05 to 60 uS, no change "
            "above 10 uS/s, skin temperature of 25 to 40 degrees Celsius, and not within 5 s of a "
            "sample that fails one. The paper's temperatures begin at 30, but worn wrists are "
            "often colder: of 20 people of a public study, 4 would have lost all.",
            _KLECKNER,
            0,
            100,
            0,
            limits=_RULE3,
        ),
        Feature(
            "valid_kleckner_pct",
            "Believable by the paper's own bounds",
            "%",
            "Share of the recording (4 Hz) that passes the four rules with the paper's own "
            "temperatures, 30 to 40 degrees Celsius. The other features do not depend on it.",
            _KLECKNER,
            0,
            100,
            0,
            limits=_RULE3,
        ),
        _feature(
            "level_mean_usiemens",
            "Mean skin conductance",
            "uS",
            "Mean of skin conductance, responses included.",
            low=0.05,
            high=60.0,
        ),
        _feature(
            "level_median_usiemens",
            "Median skin conductance",
            "uS",
            "Median of skin conductance, responses included.",
            low=0.05,
            high=60.0,
        ),
        _feature(
            "level_sd_usiemens",
            "Spread of skin conductance",
            "uS",
            "Standard deviation of skin conductance, responses included.",
            high=60.0,
        ),
        _feature(
            "edasymp_usiemens2",
            "Sympathetic power (EDASymp)",
            "uS2",
            "Power of skin conductance from 0.045 to 0.25 Hz: mean spectrum of half "
            "overlapping segments of 64 s, their straight line taken out, Blackman's window.",
            paper=_EDASYMP,
        ),
        _feature(
            "edasymp_normalised",
            "Share of sympathetic power",
            "1",
            "EDASymp over the power at all frequencies above 0. NaN where there is none.",
            paper=_EDASYMP,
            high=1.0,
        ),
        *(f for method, how in _METHODS.items() for f in _features_of(method, how)),
    ),
)
