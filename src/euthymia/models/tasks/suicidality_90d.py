"""Will a person in care think of suicide, or attempt it, within 90 days."""

from typing import Final

import numpy as np

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models import chart, course
from euthymia.models.history import History
from euthymia.models.tasks.contract import Landmark, RecordTask

HORIZON_DAYS: Final = 90
STEP_DAYS: Final = 28
MAX_LANDMARKS: Final = 130


def ineligible(history: History, at: Micros) -> str:
    """Return why a person is not in the population at `at`; empty if they are."""
    if course.dead(history, at):
        return "has died"
    when, _ = history.chart.item9
    if not np.any((when <= at) & (when > at - HORIZON_DAYS * DAY_US)):
        return "not asked about thoughts of death within 90 days"
    return ""


def _landmark(history: History, at: Micros) -> Landmark:
    excluded = ineligible(history, at)
    if excluded:
        return Landmark(at, None, excluded)
    end = at + HORIZON_DAYS * DAY_US
    if end > history.data.seen_until:
        return Landmark(at, None, "censored: the 90 days are not over")
    known = history.chart
    when, answer = known.item9
    later = answer[(when > at) & (when <= end)]
    events = np.union1d(known.thoughts, known.attempts)
    if np.any(later >= 1) or np.any((events > at) & (events <= end)):
        return Landmark(at, 1)
    if course.dead(history, end):
        return Landmark(at, None, "censored: died within the 90 days, of what is not known")
    if later.size == 0:
        return Landmark(at, None, "censored: not seen: not asked again within the 90 days")
    return Landmark(at, 0)


TASK = RecordTask(
    name="suicidality-90d",
    title="Thoughts of suicide or an attempt within 90 days",
    outcome=(
        "An answer above “not at all” to PHQ-9 item 9, a C-SSRS answer of thoughts of suicide or of"
        " any behaviour, or a recorded attempt or self-harm, in the 90 days after the index date."
    ),
    population="Living people in care who answered PHQ-9 item 9 within 90 days.",
    index_dates="Mondays, four weeks apart, from 28 days after the first contact.",
    lookback_days=180,
    horizon_days=HORIZON_DAYS,
    censoring=(
        "No event counts only where item 9 was answered again within the 90 days. Deaths in them"
        " are left out, as the record does not say of what: read their number beside the figures."
    ),
    intended_use="To offer those at higher risk a conversation about safety, and a safety plan.",
    not_for=(
        "deciding that somebody is safe: nobody is told so by a low number",
        "admission or treatment against a person's will",
        "refusing, ending or rationing care, insurance or employment",
    ),
    purposes=(Purpose.CARE,),
    min_coverage=0.3,
    max_data_age_hours=90 * 24,
    threshold=0.1,
    threshold_rule="0.10: a conversation with ten people to reach one is worth the time.",
    features=chart.SPECS,
    feature_sets={
        "thoughts and attempts": ("phq9.item9", "phq9.item9_highest_180d", "dx.attempt"),
        "scores and attempts": (*chart.SCORES, "dx.attempt"),
        "chart": chart.NAMES,
    },
    baselines={"last answer alone": ("phq9.item9",), "last PHQ-9 alone": ("phq9.last",)},
    landmarks=course.on_mondays(_landmark, after_days=28, step_days=STEP_DAYS, most=MAX_LANDMARKS),
    describe=chart.describe,
    ineligible=ineligible,
    groups=course.groups,
    metadata=course.metadata,
)
