"""Will a person be in an episode at the next session."""

from typing import Final

import numpy as np

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models import chart, clinical, course
from euthymia.models.history import History
from euthymia.models.tasks.contract import Landmark, RecordTask

SOONEST_DAYS: Final = 5
HORIZON_DAYS: Final = 45
MAX_LANDMARKS: Final = 260


def ineligible(history: History, at: Micros) -> str:
    """Return why a person is not in the population at `at`; empty if they are."""
    if course.dead(history, at):
        return "has died"
    times, _ = history.phq9
    if not np.any((times <= at) & (times > at - HORIZON_DAYS * DAY_US)):
        return "no PHQ-9 within 45 days"
    return ""


def _landmark(history: History, at: Micros) -> Landmark:
    excluded = ineligible(history, at)
    if excluded:
        return Landmark(at, None, excluded)
    end = at + HORIZON_DAYS * DAY_US
    times, totals = history.phq9
    later = totals[(times > at + SOONEST_DAYS * DAY_US) & (times <= end)]
    if later.size:
        return Landmark(at, int(later[0] >= clinical.EPISODE))
    if end > history.data.seen_until:
        return Landmark(at, None, "censored: the 45 days are not over")
    return Landmark(at, None, "censored: not seen: no session with a PHQ-9 within 45 days")


def landmarks(history: History) -> list[Landmark]:
    """Return each session: the moment of each PHQ-9."""
    return [_landmark(history, int(at)) for at in history.phq9[0][-MAX_LANDMARKS:]]


TASK = RecordTask(
    name="next-session",
    title="In an episode at the next session",
    outcome="A PHQ-9 of 10 or more at the next session, 6 to 45 days after the index date.",
    population="Living people in care with a PHQ-9 within 45 days.",
    index_dates="Each session with a PHQ-9.",
    lookback_days=180,
    horizon_days=HORIZON_DAYS,
    censoring="Sessions not followed by one with a PHQ-9 within 45 days are left out and counted.",
    intended_use="To prepare the next session. It decides nothing.",
    not_for=(
        "ending or rationing sessions",
        "comparing therapists",
    ),
    purposes=(Purpose.CARE,),
    min_coverage=0.3,
    max_data_age_hours=45 * 24,
    threshold=0.5,
    threshold_rule="0.50: the session is prepared for what is likelier.",
    features=chart.SPECS,
    feature_sets={"scores": chart.SCORES, "chart": chart.NAMES},
    baselines={"last PHQ-9 alone": ("phq9.last",)},
    landmarks=landmarks,
    describe=chart.describe,
    ineligible=ineligible,
    groups=course.groups,
    metadata=course.metadata,
)
