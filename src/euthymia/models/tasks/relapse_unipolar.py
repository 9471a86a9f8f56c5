"""How long until a depression comes back, in people who are well."""

from euthymia.ground.clock import Micros
from euthymia.models import clinical
from euthymia.models.history import History
from euthymia.models.relapse import diagnosed, relapse_task


def belongs(history: History, at: Micros) -> str:
    """Return why a person has not had a unipolar depression at `at`; empty if they have."""
    if diagnosed(history, "bipolar", at):
        return "bipolar disorder: asked by relapse-bipolar"
    if diagnosed(history, "psychosis", at):
        return "psychotic disorder: asked by relapse-psychosis"
    times, totals = history.phq9
    if clinical.episodes_before(times, totals, history.stays, at) == 0:
        return "no earlier episode on record: a first one is no relapse"
    return ""


TASK = relapse_task(
    name="relapse-unipolar",
    title="Time to a relapse of depression",
    outcome=(
        "Days to the first PHQ-9 of 10 or more, or psychiatric in-patient admission, after the"
        " index date; the estimate is the risk within 180 days."
    ),
    population=(
        "Living people with an earlier episode who are not in one (last PHQ-9 below 10, no"
        " admission in the last 30 days), without a bipolar or psychotic disorder."
    ),
    belongs=belongs,
    scored=True,
)
