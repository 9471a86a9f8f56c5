"""How long until an episode comes back, in people with a bipolar disorder who are well."""

from euthymia.ground.clock import Micros
from euthymia.models.history import History
from euthymia.models.relapse import diagnosed, relapse_task


def belongs(history: History, at: Micros) -> str:
    """Return why a person has no bipolar disorder at `at`; empty if they have."""
    return "" if diagnosed(history, "bipolar", at) else "no bipolar disorder on record"


TASK = relapse_task(
    name="relapse-bipolar",
    title="Time to a relapse of bipolar disorder",
    outcome=(
        "Days to the first PHQ-9 of 10 or more, or psychiatric in-patient admission, after the"
        " index date; the estimate is the risk within 180 days. A mania without an admission is not"
        " seen: no scale of it is counted."
    ),
    population=(
        "Living people with a bipolar disorder who are not depressed (last PHQ-9 below 10) and were"
        " not admitted in the last 30 days."
    ),
    belongs=belongs,
    scored=True,
)
