"""Does two weeks of wrist activity tell patients with depression from healthy controls.

The task exists to show what such a result is worth: see its confound audit.
"""

from typing import Final

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.features.catalogue import families
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, Micros, day_date
from euthymia.ground.codes import MADRS_TOTAL, OWN
from euthymia.models.history import History
from euthymia.models.tasks.contract import Described, FeatureSpec, Landmark, RecordTask

STREAM: Final = "activity_counts"
FAMILY_NAME: Final = "rest_activity"
LOOKBACK_DAYS: Final = 14
STUDY: Final = OWN + "depresjon."

MEASURES: Final = (
    "interdaily_stability",
    "intradaily_variability",
    "relative_amplitude",
    "l5_counts_per_min",
    "m10_counts_per_min",
    "mesor_counts_per_min",
    "amplitude_counts_per_min",
    "sleep_regularity_index",
)
"""What the model sees, by name: a family that learns new measures does not change the model."""

_FAMILY = families()[FAMILY_NAME]
_LEVELS = [[feature.name for feature in _FAMILY.features].index(name) for name in MEASURES]


def _specs() -> tuple[FeatureSpec, ...]:
    chosen = [_FAMILY.features[i] for i in _LEVELS]
    means = [
        FeatureSpec(f"{FAMILY_NAME}.{f.name}.mean_14d", f.title, f.unit, f.low, f.high)
        for f in chosen
    ]
    spreads = [
        FeatureSpec(f"{FAMILY_NAME}.{f.name}.sd_14d", f"{f.title}, spread", f.unit, 0.0)
        for f in chosen
    ]
    return (*means, *spreads)


def _span(history: History) -> tuple[int, int] | None:
    """Return the first and last local day of the recording, from rows with any data."""
    table = history.days.get(FAMILY_NAME)
    known = np.flatnonzero(table.coverage > 0) if table is not None else np.zeros(0, np.int64)
    if table is None or known.size == 0:
        return None
    return table.first + int(known[0]), table.first + int(known[-1])


def ineligible(history: History, at: Micros) -> str:
    """Return why a person is not in the population at `at`; empty if they are."""
    table = history.days.get(FAMILY_NAME)
    if table is None or table.last_known_day(history.last_complete_day(at)) is None:
        return "no activity was recorded"
    codes = history.data.observations["code"]
    if not pc.any(pc.starts_with(codes, STUDY)).as_py():
        return "not in a study that says who is a patient"
    return ""


def landmarks(history: History) -> list[Landmark]:
    """Return one index date: two weeks into the recording, or its end where that is earlier."""
    span = _span(history)
    if span is None:
        return []
    last = min(span[1], span[0] + LOOKBACK_DAYS)
    at = (last + 1) * DAY_US + DAY_US // 2  # over in every time zone
    excluded = ineligible(history, at)
    if excluded:
        return [Landmark(at, None, excluded)]
    patient = any(history.number(c) is not None for c in (MADRS_TOTAL, STUDY + "afftype"))
    return [Landmark(at, int(patient))]


def describe(history: History, at: Micros) -> Described:
    """Return the mean and spread of the rest-activity measures over the last two weeks."""
    last_day = history.last_complete_day(at)
    table = history.days.get(FAMILY_NAME)
    if table is None:
        return Described(np.full(2 * len(_LEVELS), np.nan), 0.0, float("inf"))
    coverage, values = table.window(last_day - LOOKBACK_DAYS + 1, last_day + 1)
    chosen = values[:, _LEVELS]
    known = (~np.isnan(chosen)).sum(axis=0)
    mean = np.where(known > 0, np.nansum(chosen, axis=0) / np.maximum(known, 1), np.nan)
    squares = np.nansum((chosen - mean) ** 2, axis=0) / np.maximum(known - 1, 1)
    spread = np.where(known > 2, np.sqrt(squares), np.nan)
    newest = table.last_known_day(last_day)
    age = float("inf") if newest is None else (at - history.end_of_day(newest, at)) / (3600 * 1e6)
    return Described(np.r_[mean, spread], float(np.mean(coverage > 0)), max(0.0, age))


def daily(history: History, at: Micros) -> NDArray[np.float64]:
    """Return the measures of each day of the lookback, NaN where there were too few data."""
    last_day = history.last_complete_day(at)
    table = history.days.get(FAMILY_NAME)
    if table is None:
        return np.full((LOOKBACK_DAYS, len(_LEVELS)), np.nan)
    _, values = table.window(last_day - LOOKBACK_DAYS + 1, last_day + 1)
    return values[:, _LEVELS]


def groups(history: History, at: Micros) -> dict[str, str]:  # noqa: ARG001 - the same at any time
    """Return the groups that the model must do equally well in."""
    return {"sex": history.text(STUDY + "gender"), "age band": history.text(STUDY + "age")}


def _recording(history: History) -> tuple[int, float, float]:
    """Return (first day, length in days, hour of the first sample, UTC) of the recording."""
    days = {day: rows for day, (rows, _) in history.data.segments.get(STREAM, {}).items()}
    if not days:
        span = _span(history)
        first, last = span if span is not None else (0, 0)
        return first, float(last - first + 1), float("nan")
    full = max(days.values())
    started = 24.0 * (1.0 - days[min(days)] / full)
    return min(days), sum(days.values()) / full, started


def metadata(history: History, at: Micros) -> dict[str, str | float]:  # noqa: ARG001
    """Return how the data were collected, which ought to say nothing about the label."""
    first, length, hour = _recording(history)
    began = day_date(first)
    return {
        "start month": began.strftime("%B"),
        "recording length": length,
        "start weekday": began.strftime("%A"),
        "start hour": hour,
        "sex": history.text(STUDY + "gender"),
        "age band": history.text(STUDY + "age"),
    }


TASK = RecordTask(
    name="actigraphy-depression",
    title="Depression or not, from two weeks of wrist activity",
    outcome="The person was recorded as a patient (a MADRS score or a diagnosis), not a control.",
    population="People of a case-control study with wrist activity counts.",
    index_dates="One a person: 14 days into the recording, or its end.",
    lookback_days=LOOKBACK_DAYS,
    horizon_days=0,
    censoring="None: the label is known at the index date.",
    intended_use=(
        "To check the chain from raw counts to a report on public data, and to show what a"
        " case-control figure is worth. Not for any patient."
    ),
    not_for=(
        "diagnosis or screening of anybody",
        "a claim that activity reveals depression: see the confound audit",
    ),
    purposes=(Purpose.RESEARCH,),
    families={FAMILY_NAME: _FAMILY},
    min_coverage=0.3,
    max_data_age_hours=14 * 24,
    threshold=0.5,
    threshold_rule="0.50: the more likely class; no decision hangs on it.",
    features=_specs(),
    feature_sets={
        "means": tuple(s.name for s in _specs() if s.name.endswith("mean_14d")),
        "means and spreads": tuple(s.name for s in _specs()),
    },
    baselines={"mean activity alone": (f"{FAMILY_NAME}.mesor_counts_per_min.mean_14d",)},
    landmarks=landmarks,
    describe=describe,
    ineligible=ineligible,
    groups=groups,
    metadata=metadata,
    daily=daily,
)
