"""How long until somebody who is well relapses: one question of three illnesses.

Why each choice, made before any model was fitted: half a year, as most relapses after an episode
come within it; index dates a quarter apart, so that the same months are seldom counted twice; the
follow-up ends at the last contact, since a clinic that heard nothing cannot say that nothing was;
death rules a relapse out and is no loss from view.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models import clinical, course
from euthymia.models.history import History
from euthymia.models.tasks.contract import Ceiling, Landmark, RecordTask
from euthymia.models.tasks.relapse_30d import TASK as THIRTY_DAYS

HORIZON_DAYS: Final = 180
FOLLOW_UP_DAYS: Final = 28
STEP_DAYS: Final = 91
MAX_LANDMARKS: Final = 80
AFTER_STAY_DAYS: Final = 30
CONTACT_DAYS: Final = 45  # somebody seen in the last 45 days of the horizon was followed through it
_IN_EPISODE: Final = "in an episode (last PHQ-9 of 10 or more)"
_CENSORING: Final = (
    "Followed to the last contact within the 180 days; to their end where that was in the"
    " last 45 of them. Death rules a relapse out (a competing event). Index dates after"
    " which nobody saw the person again are left out and counted."
)
_NOT_FOR: Final = (
    "people in a current episode, or with suicidal thoughts: they need a person today",
    "refusing, ending or rationing care, insurance or employment",
    "stopping a medicine because the risk is low",
)

Belongs = Callable[[History, Micros], str]
"""Why a person does not have the illness at a moment; empty if they do."""


def diagnosed(history: History, name: str, at: Micros) -> bool:
    """Tell whether a diagnosis was on record by a moment."""
    return bool(np.any(history.chart.diagnosed[name] <= at))


def _well(history: History, at: Micros, *, scored: bool) -> str:
    """Return why a person is not well at a moment; empty if they are."""
    stays = history.stays
    if np.any((stays <= at) & (stays > at - AFTER_STAY_DAYS * DAY_US)):
        return "admitted in the last 30 days"
    if not scored:
        return ""
    times, totals = history.phq9
    seen = int(np.searchsorted(times, at, side="right"))
    if seen == 0:
        return "no PHQ-9 yet"
    return _IN_EPISODE if totals[seen - 1] >= clinical.EPISODE else ""


def _followed(history: History, at: Micros, *, scored: bool) -> tuple[Micros, int] | None:
    """Return when the follow-up ended, by the horizon, and by what: 0 nothing, 1 relapse, 2 death.

    None where nobody saw or heard the person again.
    """
    horizon = at + HORIZON_DAYS * DAY_US
    until = min(history.data.seen_until, horizon)
    times, totals = history.phq9
    events = history.stays
    if scored:
        events = np.union1d(events, times[totals >= clinical.EPISODE])
    coming = events[(events > at) & (events <= until)]
    end = course.died(history)
    if coming.size and (end is None or coming[0] < end + DAY_US):
        return int(coming[0]), 1
    if end is not None and at < end <= until:
        return end, 2
    heard = history.contacts[(history.contacts > at) & (history.contacts <= until)]
    if not heard.size:
        return None
    whole = until == horizon and heard[-1] > horizon - CONTACT_DAYS * DAY_US
    return (horizon if whole else int(heard[-1])), 0


def relapse_task(
    *, name: str, title: str, outcome: str, population: str, belongs: Belongs, scored: bool
) -> RecordTask:
    """Return the task of one illness.

    Parameters
    ----------
    belongs : callable
        Says who has the illness.
    scored : bool
        Whether a PHQ-9 of 10 or more is a relapse (and somebody with one is not well); admissions
        are in any case.
    """

    def ineligible(history: History, at: Micros) -> str:
        if course.dead(history, at):
            return "has died"
        return belongs(history, at) or _well(history, at, scored=scored)

    def landmark(history: History, at: Micros) -> Landmark:
        excluded = ineligible(history, at)
        if excluded:
            return Landmark(at, None, excluded)
        followed = _followed(history, at, scored=scored)
        if followed is None:
            return Landmark(at, None, "censored: not seen again")
        days = (followed[0] - at) / DAY_US
        return Landmark(at, int(followed[1] == 1), days=days, ended_by=followed[1])

    return RecordTask(
        name=name,
        title=title,
        outcome=outcome,
        population=population,
        index_dates="Mondays, a quarter apart, from 28 days after the first contact.",
        lookback_days=THIRTY_DAYS.lookback_days,
        horizon_days=HORIZON_DAYS,
        censoring=_CENSORING,
        intended_use="To plan how closely somebody who is well is followed. It decides nothing.",
        not_for=_NOT_FOR,
        purposes=(Purpose.MONITORING,),
        families=THIRTY_DAYS.families,
        min_coverage=0.0,
        max_data_age_hours=60 * 24,
        threshold=0.3,
        threshold_rule="0.30: a plan made with three people to spare one a relapse is worth it.",
        features=THIRTY_DAYS.features,
        feature_sets=THIRTY_DAYS.feature_sets,
        baselines={
            "last PHQ-9 alone": ("phq9.last",),
            "earlier episodes alone": ("history.episodes",),
        },
        estimator="hazard",
        timed=True,
        landmarks=course.on_mondays(
            landmark, after_days=FOLLOW_UP_DAYS, step_days=STEP_DAYS, most=MAX_LANDMARKS
        ),
        describe=THIRTY_DAYS.describe,
        ineligible=ineligible,
        groups=course.groups,
        metadata=course.metadata,
        ceilings=(Ceiling("phq9.last", clinical.EPISODE, _IN_EPISODE),) if scored else (),
    )
