"""Will a person who is well relapse within 30 days."""

from dataclasses import replace
from typing import Final

import numpy as np

from euthymia.features.catalogue import families
from euthymia.features.contract import Family
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models import clinical, course
from euthymia.models.history import History
from euthymia.models.signals import LOOKBACK_DAYS, WORSENING, family_specs, family_values
from euthymia.models.tasks.contract import Ceiling, Described, FeatureSpec, Landmark, RecordTask

HORIZON_DAYS: Final = 30
FOLLOW_UP_DAYS: Final = 28  # before the first index date, so that there is a baseline
STEP_DAYS: Final = 7
CONTACT_DAYS: Final = 14  # someone seen in the last 14 days of the horizon was followed through it
AFTER_STAY_DAYS: Final = 30
SLOPE_DAYS: Final = 180
MAX_LANDMARKS: Final = 520

_HRV = frozenset(
    {
        "mean_nn_ms", "median_nn_ms", "mad_nn_ms", "sdnn_ms", "cvnn", "rmssd_ms", "cvsd",
        "pnn50_pct", "pnn20_pct", "sdann_ms", "sdnn_index_ms", "rejected_pct", "from_night",
    }
)  # fmt: skip
"""Of the many numbers of heart-rate variability, the few that others do not follow from."""


_REST_ACTIVITY: Final = frozenset(
    {
        "interdaily_stability",
        "intradaily_variability",
        "relative_amplitude",
        "l5_counts_per_min",
        "l5_onset_h",
        "m10_counts_per_min",
        "m10_onset_h",
        "mesor_counts_per_min",
        "amplitude_counts_per_min",
        "acrophase_h",
        "sleep_regularity_index",
    }
)
"""The measures of the daily rhythm with the longest record in depression."""

_CHOSEN: Final = {"hrv": _HRV, "rest_activity": _REST_ACTIVITY}


def _used(family: Family) -> Family:
    """Return a family with only the features that the task looks at."""
    chosen = _CHOSEN.get(family.name)
    if chosen is None:
        return family
    return replace(family, features=tuple(f for f in family.features if f.name in chosen))


_FAMILIES = {
    name: _used(family)
    for name, family in families().items()
    if name in {"rest_activity", "screen_use", "sleep_phone", "hrv"}
}

_IN_EPISODE: Final = "in an episode (last PHQ-9 of 10 or more)"

_CLINICAL = (
    FeatureSpec("phq9.last", "Last PHQ-9", "{score}", 0, 27),
    FeatureSpec("phq9.slope_30d", "PHQ-9 trend", "{score}/(30.d)", -810, 810),
    FeatureSpec("phq9.age_days", "Days since the last PHQ-9", "d", 0, 36525),
    FeatureSpec("phq9.highest_180d", "Highest PHQ-9 in half a year", "{score}", 0, 27),
    FeatureSpec("history.episodes", "Earlier episodes", "{episodes}", 0, 1000),
    FeatureSpec("person.age_years", "Age", "a", 0, 125),
    FeatureSpec("care.days", "Days in care", "d", 0, 45000),
)
_PASSIVE = tuple(spec for family in _FAMILIES.values() for spec in family_specs(family))
_SUMMARY = tuple(
    spec for spec in _PASSIVE if spec.name.endswith(WORSENING) or ".missing_" in spec.name
)
_GAPS = tuple(spec.name for spec in _PASSIVE if ".missing_" in spec.name)


def ineligible(history: History, at: Micros) -> str:
    """Return why a person is not in the population at `at`; empty if they are."""
    if course.dead(history, at):
        return "has died"
    times, totals = history.phq9
    seen = int(np.searchsorted(times, at, side="right"))
    if seen == 0:
        return "no PHQ-9 yet"
    if totals[seen - 1] >= clinical.EPISODE:
        return _IN_EPISODE
    stays = history.stays
    if np.any((stays <= at) & (stays > at - AFTER_STAY_DAYS * DAY_US)):
        return "admitted in the last 30 days"
    return ""


def _landmark(history: History, at: Micros) -> Landmark:
    end = at + HORIZON_DAYS * DAY_US
    excluded = ineligible(history, at)
    if excluded:
        return Landmark(at, None, excluded)
    if end > history.data.seen_until:
        return Landmark(at, None, "censored: the 30 days are not over")
    times, totals = history.phq9
    risen = np.any((times > at) & (times <= end) & (totals >= clinical.EPISODE))
    if risen or np.any((history.stays > at) & (history.stays <= end)):
        return Landmark(at, 1)
    if course.dead(history, end):
        return Landmark(at, None, "censored: died within the 30 days")
    if np.any(history.contacts > end - CONTACT_DAYS * DAY_US):
        return Landmark(at, 0)
    return Landmark(at, None, "censored: not seen again at the end of the 30 days")


def _clinical(history: History, at: Micros) -> list[float]:
    times, totals = history.phq9
    seen = int(np.searchsorted(times, at, side="right"))
    recent = slice(int(np.searchsorted(times, at - SLOPE_DAYS * DAY_US)), seen)
    last, waited = (totals[seen - 1], (at - times[seen - 1]) / DAY_US) if seen else (np.nan, np.nan)
    since = course.since(history)
    return [
        float(last),
        clinical.slope_per_30_days(times[recent], totals[recent]),
        float(waited),
        float(totals[recent].max()) if totals[recent].size else float("nan"),
        float(clinical.episodes_before(times, totals, history.stays, at)),
        course.age_years(history, at),
        (at - since) / DAY_US if since is not None and since <= at else float("nan"),
    ]


def describe(history: History, at: Micros) -> Described:
    """Return what is known of a person at `at`; nothing later matters."""
    last_day = history.last_complete_day(at)
    values: list[float] = _clinical(history, at)
    best = np.zeros(LOOKBACK_DAYS)
    for family in _FAMILIES.values():
        found, coverage = family_values(family, history, last_day)
        values.extend(found.tolist())
        best = np.maximum(best, coverage)
    known = [t.last_known_day(last_day) for t in history.days.values()]
    ends = [history.end_of_day(day, at) for day in known if day is not None]
    heard = history.contacts[history.contacts <= at]
    newest = max([*ends, *heard[-1:].tolist()], default=None)
    age = max(0.0, (at - newest) / (3600 * 1e6)) if newest is not None else float("inf")
    return Described(np.array(values), float(np.mean(best > 0)), age)


TASK = RecordTask(
    name="relapse-30d",
    title="Relapse of depression within 30 days",
    outcome=(
        "A PHQ-9 total of 10 or more, or a psychiatric in-patient admission, in the 30 days after"
        " the index date."
    ),
    population=(
        "Living people in care for at least 28 days who are not in an episode: last PHQ-9 below 10"
        " and no admission in the last 30 days."
    ),
    index_dates="Mondays, from 28 days after the first contact.",
    lookback_days=LOOKBACK_DAYS,
    horizon_days=HORIZON_DAYS,
    censoring=(
        "No event counts only if the person was seen or heard after day 16 of the horizon."
        " Otherwise, where the 30 days are not over, and where the person died within them without"
        " a relapse before, the index date is left out and counted."
    ),
    intended_use=(
        "To order a clinician's review of patients who are well. It starts a look at the record"
        " and a call; it decides nothing."
    ),
    not_for=(
        "people in a current episode, or with suicidal thoughts: they need a person today",
        "refusing, ending or rationing care, insurance or employment",
        "people whom nobody at the clinic can call",
    ),
    purposes=(Purpose.MONITORING,),
    families=_FAMILIES,
    min_coverage=0.3,
    max_data_age_hours=14 * 24,
    threshold=0.2,
    threshold_rule=(
        "0.20, fixed before training: reviewing up to five records to find one relapse is worth a"
        " clinician's time."
    ),
    features=(*_CLINICAL, *_PASSIVE),
    feature_sets={
        "clinical only": tuple(spec.name for spec in _CLINICAL),
        "clinical, worsening and gaps": tuple(spec.name for spec in (*_CLINICAL, *_SUMMARY)),
        "all": tuple(spec.name for spec in (*_CLINICAL, *_PASSIVE)),
    },
    baselines={"last PHQ-9 alone": ("phq9.last",), "missingness alone": _GAPS},
    landmarks=course.on_mondays(
        _landmark, after_days=FOLLOW_UP_DAYS, step_days=STEP_DAYS, most=MAX_LANDMARKS
    ),
    describe=describe,
    ineligible=ineligible,
    groups=course.groups,
    metadata=course.metadata,
    ceilings=(Ceiling("phq9.last", clinical.EPISODE, _IN_EPISODE),),
)
