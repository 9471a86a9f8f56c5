"""Will the antidepressant that a person takes be enough: asked anew in weeks 1 to 4."""

from typing import Final

import numpy as np

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models import chart, clinical, course
from euthymia.models.history import History
from euthymia.models.tasks.contract import Described, FeatureSpec, Landmark, RecordTask, Renewal
from euthymia.models.treatment_course import baseline, outcome

WEEKS: Final = (1, 2, 3, 4)  # the scores that decide come after day 28
_STATE: Final = (
    FeatureSpec("course.days", "Days on the antidepressant", "d", 0, 29),
    FeatureSpec("course.start", "PHQ-9 at its start", "{score}", 0, 27),
    FeatureSpec("course.change", "PHQ-9 change since its start", "{score}", -27, 27),
    FeatureSpec("course.better_20", "At least 20 % better", "1", 0, 1),
)
SPECS: Final = (*chart.SPECS, *_STATE)
_STATE_NAMES: Final = tuple(spec.name for spec in _STATE)


def running(history: History, at: Micros) -> Micros | None:
    """Return when the course began that is in its first four weeks at `at`."""
    starts = [when for when, _ in history.chart.starts() if when <= at]
    if not starts or at - starts[-1] > 7 * DAY_US * WEEKS[-1]:
        return None
    return starts[-1]


def ineligible(history: History, at: Micros) -> str:
    """Return why a person is not in the population at `at`; empty if they are."""
    if course.dead(history, at):
        return "has died"
    start = running(history, at)
    if start is None:
        return "no antidepressant was begun in the last four weeks"
    before = baseline(history, start)
    if np.isnan(before):
        return "no PHQ-9 within 30 days before its start"
    if before < clinical.EPISODE:
        return "not in an episode at its start (PHQ-9 below 10)"
    if np.any(history.chart.diagnosed["bipolar"] <= at):
        return "bipolar disorder: an antidepressant alone is not what is asked"
    return ""


def landmarks(history: History) -> list[Landmark]:
    """Return weeks 1 to 4 of each antidepressant that is begun."""
    found = []
    for start in sorted({at for at, _ in history.chart.starts()}):
        for week in WEEKS:
            at = start + 7 * DAY_US * week
            if at > history.data.seen_until:
                break
            excluded = ineligible(history, at)
            if excluded:
                found.append(Landmark(at, None, excluded))
            elif running(history, at) != start:
                found.append(Landmark(at, None, "another antidepressant was begun since"))
            else:
                found.append(outcome(history, start, at))
    return found


def describe(history: History, at: Micros) -> Described:
    """Return the chart and the course at `at`; nothing later matters."""
    start = running(history, at)
    state = [float("nan")] * len(_STATE)
    if start is not None:
        times, totals = history.phq9
        since = totals[(times > start) & (times <= at)]
        before = baseline(history, start)
        change = float(since[-1]) - before if since.size else float("nan")
        better = float(change <= -0.2 * before) if not np.isnan(change) else float("nan")
        state = [(at - start) / DAY_US, before, change, better]
    x = np.array([*chart.values(history, at), *state])
    return Described(x, float(np.mean(~np.isnan(x))), chart.freshness(history, at))


TASK = RecordTask(
    name="antidepressant-response-weekly",
    title="Response to an antidepressant, updated in weeks 1 to 4",
    outcome=(
        "A PHQ-9 at most half of the last one before the prescription, at the last PHQ-9 of days 29"
        " to 84 after it."
    ),
    population=(
        "People in the first four weeks of an antidepressant that was begun in an episode (PHQ-9 of"
        " 10 or more), without a bipolar disorder."
    ),
    index_dates="Days 7, 14, 21 and 28 of each course.",
    lookback_days=180,
    horizon_days=chart.COURSE_DAYS,
    censoring="Courses without a PHQ-9 in days 29 to 84, or younger, are left out and counted.",
    intended_use="To decide with a person early whether to go on with a drug or to change it.",
    not_for=(
        "choosing between drugs: it says nothing on which one",
        "ending a treatment without offering another",
        "bipolar disorder, or an episode with psychotic symptoms",
    ),
    purposes=(Purpose.CARE,),
    min_coverage=0.3,
    max_data_age_hours=30 * 24,
    threshold=0.5,
    threshold_rule="0.50: below it a failure is likelier, and a change is talked about.",
    features=SPECS,
    feature_sets={
        "course": ("phq9.last", *_STATE_NAMES),
        "scores and course": (*chart.SCORES, *_STATE_NAMES),
        "chart and course": tuple(spec.name for spec in SPECS),
    },
    baselines={
        "20 % better, alone": ("course.better_20",),
        "last PHQ-9 alone": ("phq9.last",),
    },
    landmarks=landmarks,
    describe=describe,
    ineligible=ineligible,
    groups=course.groups,
    metadata=course.metadata,
    renewal=Renewal(
        days="course.days",
        moments={f"week {week}": 7.0 * week for week in WEEKS},
        rule="course.better_20",
        rule_title="at least 20 % better since the start",
        source="Szegedi et al. 2009, doi:10.4088/JCP.07m03780",
    ),
)
