"""A group of people in a report, without giving away who is in a small one."""

from dataclasses import dataclass
from typing import Final

from euthymia.evaluation.estimate import Estimate

SMALL_CELL: Final = 10
"""Fewer people could be recognised; the customary limit of statistics offices."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group: how many people, how well the model does among them. None: not shown."""

    variable: str
    group: str
    people: int | None
    events: int | None
    auc: Estimate | None
    calibration: Estimate | None
    note: str = ""
