"""Will an antidepressant that is about to be prescribed halve the symptoms within twelve weeks."""

from typing import Final

import numpy as np

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros
from euthymia.models import chart, clinical, course
from euthymia.models.history import History
from euthymia.models.tasks.contract import Landmark, RecordTask
from euthymia.models.treatment_course import baseline, outcome

_SAID: Final = (
    "A PHQ-9 at most half of the last one before the prescription, at the last PHQ-9 of days 29 to"
    " 84 after it."
)


def ineligible(history: History, at: Micros) -> str:
    """Return why a person is not in the population at `at`; empty if they are."""
    if course.dead(history, at):
        return "has died"
    last = baseline(history, at)
    if np.isnan(last):
        return "no PHQ-9 within 30 days"
    if last < clinical.EPISODE:
        return "not in an episode (last PHQ-9 below 10)"
    if np.any(history.chart.diagnosed["bipolar"] <= at):
        return "bipolar disorder: an antidepressant alone is not what is asked"
    return ""


def landmarks(history: History) -> list[Landmark]:
    """Return the moment of each antidepressant that is begun."""
    found = []
    for start in sorted({at for at, _ in history.chart.starts()}):
        excluded = ineligible(history, start)
        found.append(
            Landmark(start, None, excluded) if excluded else outcome(history, start, start)
        )
    return found


TASK = RecordTask(
    name="antidepressant-response",
    title="Response to an antidepressant, before it is prescribed",
    outcome=_SAID,
    population=(
        "People in an episode (PHQ-9 of 10 or more within 30 days), without a bipolar disorder, for"
        " whom an antidepressant is begun that was not prescribed in the half year before."
    ),
    index_dates="The prescription. One person may begin several.",
    lookback_days=180,
    horizon_days=chart.COURSE_DAYS,
    censoring="Courses without a PHQ-9 in days 29 to 84, or younger, are left out and counted.",
    intended_use="To say before a prescription how likely it is to be enough by itself.",
    not_for=(
        "choosing between drugs: it says nothing on which one",
        "withholding treatment from anybody",
        "bipolar disorder, or an episode with psychotic symptoms",
    ),
    purposes=(Purpose.CARE,),
    min_coverage=0.3,
    max_data_age_hours=30 * 24,
    threshold=0.5,
    threshold_rule="0.50: below it a failure is likelier, and a closer follow-up is planned.",
    features=chart.SPECS,
    feature_sets={
        "scores": chart.SCORES,
        "scores and treatment": (
            *chart.SCORES,
            *(n for n in chart.NAMES if n.startswith(("rx.", "history."))),
        ),
        "chart": chart.NAMES,
    },
    baselines={"last PHQ-9 alone": ("phq9.last",), "age alone": ("person.age_years",)},
    landmarks=landmarks,
    describe=chart.describe,
    ineligible=ineligible,
    groups=course.groups,
    metadata=course.metadata,
)
