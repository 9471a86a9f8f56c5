"""How long until a psychosis comes back, in people who are not in hospital."""

from euthymia.ground.clock import Micros
from euthymia.models.history import History
from euthymia.models.relapse import diagnosed, relapse_task


def belongs(history: History, at: Micros) -> str:
    """Return why a person has no psychotic disorder at `at`; empty if they have."""
    return "" if diagnosed(history, "psychosis", at) else "no psychotic disorder on record"


TASK = relapse_task(
    name="relapse-psychosis",
    title="Time to a relapse of psychosis",
    outcome=(
        "Days to the first psychiatric in-patient admission after the index date; the estimate is"
        " the risk within 180 days. A relapse that was treated at home is not seen."
    ),
    population="Living people with a psychotic disorder, not admitted in the last 30 days.",
    belongs=belongs,
    scored=False,
)
