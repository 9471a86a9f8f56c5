"""Each column and each sign alone against the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.confounds import ConfoundRow, ModelScores, confound_audit
from euthymia.models.audits.read import Ready
from euthymia.models.audits.signs import Sign, same_within_people

_ROWS: Final = 4000  # of repeated splits together: more rows need fewer repeats


@dataclass(frozen=True, slots=True)
class Alone:
    """A sign's figure alone, and whether people or rows were counted."""

    sign: Sign
    row: ConfoundRow
    unit: str


def outcome_is_a_persons(table: Ready) -> bool:
    """Tell whether the outcome is the same in all rows of each person."""
    return same_within_people(table.outcome.y, table)


def first_rows(table: Ready) -> NDArray[np.int64]:
    """Return the first row of each person."""
    return np.unique(table.person, return_index=True)[1].astype(np.int64)


def _person_scores(model: ModelScores, table: Ready) -> ModelScores:
    """Return each person's mean prediction in each fold, as rows of one a person."""
    key = model.strata * table.people + table.person[model.rows]
    pairs, inverse = np.unique(key, return_inverse=True)
    mean = np.bincount(inverse, weights=model.p) / np.bincount(inverse)
    return ModelScores(pairs % table.people, mean, pairs // table.people)


def signs_alone(
    table: Ready, found: Sequence[Sign], model: ModelScores, *, seed: int
) -> tuple[Alone, ...]:
    """Return each sign alone, with the chance to find as much in any of them by luck.

    Where the outcome and a sign are both the same in all rows of a person, people are counted, else
    rows. Both families share the level of 5 %.
    """
    whole = outcome_is_a_persons(table) and table.people < table.person.size
    by_person = [s for s in found if whole and same_within_people(s.values, table)]
    by_row = [s for s in found if not any(s is other for other in by_person)]
    rows = first_rows(table)
    repeats = int(np.clip(_ROWS // table.people, 1, 8))
    made: list[Alone] = []
    families = (("people", by_person, rows), ("rows", by_row, np.arange(table.person.size)))
    used = sum(1 for _, family, _ in families if family)
    for unit, family, chosen in families:
        if not family:
            continue
        scores = _person_scores(model, table) if unit == "people" else model
        audited = confound_audit(
            {s.name: s.values[chosen] for s in family},
            table.outcome.y[chosen],
            table.person[chosen],
            seed=seed,
            model=scores,
            repeats=repeats,
            lean=True,
        )
        sign = {s.name: s for s in family}
        for row in audited:
            p = None if row.p_value is None else min(1.0, used * row.p_value)
            made.append(Alone(sign[row.variable], replace(row, p_value=p), unit))
    return tuple(sorted(made, key=lambda a: -(a.row.auc.estimate if a.row.auc else -1.0)))
