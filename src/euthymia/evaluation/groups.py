"""How the model does in each group of people, without giving away who is in a small one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.calibration import calibration_in_the_large
from euthymia.evaluation.chance import AUC
from euthymia.evaluation.discrimination import auc_within
from euthymia.evaluation.estimate import Estimate, Floats, Ints, Labels
from euthymia.evaluation.resample import estimates

SMALL_CELL = (
    10  # fewer people than this could be recognised; the customary limit of statistics offices
)


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


def _count(person: NDArray[np.generic]) -> int:
    return int(np.unique(person).size)


def _suppressed(row: GroupRow, note: str) -> GroupRow:
    return replace(row, people=None, events=None, auc=None, calibration=None, note=note)


def _row(
    variable: str,
    group: str,
    inside: NDArray[np.bool_],
    data: tuple[Floats, Floats, NDArray[np.generic], Ints],
    seed: int,
) -> GroupRow:
    y, p, person, strata = data[0][inside], data[1][inside], data[2][inside], data[3][inside]
    people, having = _count(person), _count(person[y == 1])
    row = GroupRow(variable, group, people, having, None, None)
    if people < SMALL_CELL:
        return _suppressed(row, f"fewer than {SMALL_CELL} people")
    hidden = 0 < having < SMALL_CELL
    if 0 < y.sum() < y.size:
        metrics = {
            "auc": lambda a, b, w: auc_within(a, b, w, strata),
            "calibration": calibration_in_the_large,
        }
        found = estimates(metrics, y, p, person, seed=seed, replicates=400, chance={"auc": AUC})
        row = replace(row, auc=found["auc"], calibration=found["calibration"])
    else:
        row = replace(row, note="only one class was seen")
    note = f"fewer than {SMALL_CELL} people had the event" if hidden else row.note
    return replace(row, events=None if hidden else having, note=note)


def _close_the_gap(rows: list[GroupRow], sizes: list[int]) -> list[GroupRow]:
    """Hide the next smallest group where one hidden count could be had by subtraction."""
    hidden = [i for i, row in enumerate(rows) if row.people is None]
    shown = [i for i, row in enumerate(rows) if row.people is not None]
    if len(hidden) == 1 and shown and sum(sizes[i] for i in hidden) > 0:
        smallest = min(shown, key=lambda i: sizes[i])
        rows[smallest] = _suppressed(rows[smallest], "hidden so that a small group stays hidden")
    return rows


def group_table(
    groups: Mapping[str, Labels],
    y: Floats,
    p: Floats,
    person: NDArray[np.generic],
    *,
    strata: Ints | None = None,
    seed: int,
) -> tuple[GroupRow, ...]:
    """Return one row a group of each variable, small cells suppressed.

    Parameters
    ----------
    groups : mapping
        Variable -> each row's group, shape [n]; the empty text is "not known".
    strata : NDArray of int, shape [n], optional
        Folds: the AUC compares rows of the same fold only.

    Returns
    -------
    tuple of GroupRow
        A group of fewer than `SMALL_CELL` people shows nothing; a count of people with the event
        below it is hidden. Where one hidden group could be found by subtraction from the total,
        the next smallest is hidden with it.
    """
    folds = np.zeros(y.size, np.int64) if strata is None else strata
    table: list[GroupRow] = []
    for variable, values in groups.items():
        names = np.unique(values)
        rows = [
            _row(variable, str(name) or "not known", values == name, (y, p, person, folds), seed)
            for name in names
        ]
        sizes = [_count(person[values == name]) for name in names]
        table += _close_the_gap(rows, sizes)
    return tuple(table)
