"""Statistics that say how good a prediction is, and whether it is evidence at all.

Numbers in, numbers out: no tables, no storage. Rows belong to people; everything that resamples
does so by person.

>>> from euthymia.evaluation import judge  # every figure of predictions, with intervals and chance
"""

from importlib import import_module
from typing import Final

_TWINS: Final = {
    "decision_curve": "euthymia.evaluation.net_benefit",
    "drift": "euthymia.evaluation.drifts",
    "fairness_tables": "euthymia.evaluation.fairness",
    "judge": "euthymia.evaluation.judging",
    "lead_time": "euthymia.evaluation.workload",
    "optimism_corrected": "euthymia.evaluation.optimism",
    "row_split_inflation": "euthymia.evaluation.probe",
    "survival_figures": "euthymia.evaluation.timed",
    "suspected_copies": "euthymia.evaluation.duplicates",
    "workload_figures": "euthymia.evaluation.workload",
}
"""What is called from Python for its own sake, and where it is; nothing is imported before."""

__all__ = [
    "decision_curve",
    "drift",
    "fairness_tables",
    "judge",
    "lead_time",
    "optimism_corrected",
    "row_split_inflation",
    "survival_figures",
    "suspected_copies",
    "workload_figures",
]


def __getattr__(name: str) -> object:
    if name in _TWINS:
        return getattr(import_module(_TWINS[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_TWINS])
