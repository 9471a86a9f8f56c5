"""Will a person in care get acutely worse within 30 days."""

from typing import Final

import numpy as np

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models import chart, clinical, course
from euthymia.models.history import History
from euthymia.models.tasks.contract import Ceiling, Landmark, RecordTask

HORIZON_DAYS: Final = 30
RECENT_DAYS: Final = 60
STEP_DAYS: Final = 14
MAX_LANDMARKS: Final = 260
RISE: Final = 5.0  # PHQ-9: Kroenke 2012, doi:10.1016/j.genhosppsych.2012.01.007
_HIGHEST: Final = 23.0  # from where no rise of five can be measured


def _last(history: History, at: Micros) -> float:
    times, totals = history.phq9
    seen = totals[(times > at - RECENT_DAYS * DAY_US) & (times <= at)]
    return float(seen[-1]) if seen.size else float("nan")


def ineligible(history: History, at: Micros) -> str:
    """Return why a person is not in the population at `at`; empty if they are."""
    if course.dead(history, at):
        return "has died"
    last = _last(history, at)
    if np.isnan(last):
        return "no PHQ-9 within 60 days"
    if last >= _HIGHEST:
        return "last PHQ-9 of 23 or more: needs a person today"
    if np.any((history.stays <= at) & (history.stays > at - HORIZON_DAYS * DAY_US)):
        return "admitted in the last 30 days"
    return ""


def _landmark(history: History, at: Micros) -> Landmark:
    excluded = ineligible(history, at)
    if excluded:
        return Landmark(at, None, excluded)
    end = at + HORIZON_DAYS * DAY_US
    if end > history.data.seen_until:
        return Landmark(at, None, "censored: the 30 days are not over")
    times, totals = history.phq9
    bar = max(_last(history, at) + RISE, clinical.EPISODE)
    later = totals[(times > at) & (times <= end)]
    if np.any(later >= bar) or np.any((history.stays > at) & (history.stays <= end)):
        return Landmark(at, 1)
    if course.dead(history, end):
        return Landmark(at, None, "censored: died within the 30 days")
    if later.size == 0:
        return Landmark(at, None, "censored: not seen: no PHQ-9 within the 30 days")
    return Landmark(at, 0)


TASK = RecordTask(
    name="worsening-30d",
    title="Acute worsening within 30 days",
    outcome=(
        "A PHQ-9 that is five points or more above the last one and at least 10, or a psychiatric"
        " in-patient admission, in the 30 days after the index date."
    ),
    population="Living people in care with a PHQ-9 below 23 within 60 days, in an episode or not.",
    index_dates="Mondays, a fortnight apart, from 28 days after the first contact.",
    lookback_days=180,
    horizon_days=HORIZON_DAYS,
    censoring=(
        "No event counts only where a PHQ-9 was filled in within the 30 days. Index dates without"
        " one, not over yet, or of people who died first are left out and counted."
    ),
    intended_use="To order a clinician's review of patients. It starts a call; it decides nothing.",
    not_for=(
        "people with suicidal thoughts now: they need a person today",
        "refusing, ending or rationing care, insurance or employment",
    ),
    purposes=(Purpose.CARE,),
    min_coverage=0.3,
    max_data_age_hours=60 * 24,
    threshold=0.2,
    threshold_rule="0.20: reviewing up to five records to find one who gets worse is worth it.",
    features=chart.SPECS,
    feature_sets={"scores": chart.SCORES, "chart": chart.NAMES},
    baselines={"last PHQ-9 alone": ("phq9.last",), "contacts alone": ("care.contacts_90d",)},
    landmarks=course.on_mondays(_landmark, after_days=28, step_days=STEP_DAYS, most=MAX_LANDMARKS),
    describe=chart.describe,
    ineligible=ineligible,
    groups=course.groups,
    metadata=course.metadata,
    ceilings=(Ceiling("phq9.last", _HIGHEST, "last PHQ-9 of 23 or more: needs a person today"),),
)
