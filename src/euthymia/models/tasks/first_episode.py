"""Who in a population will have a first episode within a year. Off unless a clinic says why not."""

from typing import Final

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models import chart, clinical, course
from euthymia.models.history import History
from euthymia.models.tasks.contract import Ceiling, Landmark, RecordTask

HORIZON_DAYS: Final = 365
FOLLOW_UP_DAYS: Final = 180
STEP_DAYS: Final = 182
MAX_LANDMARKS: Final = 40
_USED: Final = tuple(
    name for name in chart.NAMES if not name.startswith(("rx.", "history.", "dx.attempt"))
)
_SEEN_BEFORE: Final = "has had an episode, or treatment for one"


def _first(history: History) -> Micros | None:
    """Return when an episode was first seen: a score, a stay, or an antidepressant."""
    times, totals = history.phq9
    drugs = [at for at, _ in history.chart.drugs]
    found = [*times[totals >= clinical.EPISODE].tolist(), *history.stays.tolist(), *drugs]
    return int(min(found)) if found else None


def ineligible(history: History, at: Micros) -> str:
    """Return why a person is not in the population at `at`; empty if they are."""
    if course.dead(history, at):
        return "has died"
    first = _first(history)
    if first is not None and first <= at:
        return _SEEN_BEFORE
    start = course.since(history)
    if start is None or at - start < FOLLOW_UP_DAYS * DAY_US:
        return "known for less than half a year: an earlier episode may not be on record"
    return ""


def _landmark(history: History, at: Micros) -> Landmark:
    excluded = ineligible(history, at)
    if excluded:
        return Landmark(at, None, excluded)
    end = at + HORIZON_DAYS * DAY_US
    if end > history.data.seen_until:
        return Landmark(at, None, "censored: the year is not over")
    first = _first(history)
    if first is not None and at < first <= end:
        return Landmark(at, 1)
    if course.dead(history, end):
        return Landmark(at, None, "censored: died within the year")
    if course.seen_again(history, end - FOLLOW_UP_DAYS * DAY_US, end):
        return Landmark(at, 0)
    return Landmark(at, None, "censored: not seen again in the second half of the year")


TASK = RecordTask(
    name="first-episode",
    title="A first episode of depression within a year",
    outcome=(
        "The first PHQ-9 of 10 or more, psychiatric in-patient stay or antidepressant, in the 365"
        " days after the index date."
    ),
    population="Living people known for half a year, without any sign of an earlier episode.",
    index_dates="Mondays, half a year apart, from 180 days after the first contact.",
    lookback_days=180,
    horizon_days=HORIZON_DAYS,
    censoring=(
        "No event counts only if the person was seen in the second half of the year. Otherwise the"
        " index date is left out and counted."
    ),
    intended_use=(
        "To offer prevention to people who came to the clinic for something else and agreed to be"
        " asked. Only where an ethics board said so."
    ),
    not_for=(
        "anybody who did not agree to be screened",
        "insurance, employment, custody, school or the law",
        "a diagnosis",
    ),
    purposes=(Purpose.MONITORING,),
    min_coverage=0.3,
    max_data_age_hours=365 * 24,
    threshold=0.2,
    threshold_rule="0.20: prevention offered to five people to reach one does no harm.",
    features=chart.SPECS,
    feature_sets={"scores": chart.SCORES, "chart without treatment": _USED},
    baselines={"last PHQ-9 alone": ("phq9.last",), "age alone": ("person.age_years",)},
    landmarks=course.on_mondays(
        _landmark, after_days=FOLLOW_UP_DAYS, step_days=STEP_DAYS, most=MAX_LANDMARKS
    ),
    describe=chart.describe,
    ineligible=ineligible,
    groups=course.groups,
    metadata=course.metadata,
    ceilings=(Ceiling("phq9.last", clinical.EPISODE, _SEEN_BEFORE),),
    off_because=(
        "it marks people who are well and asked for nothing, most of whom would never have fallen"
        " ill; an ethics board must have said why that is right here"
    ),
)
