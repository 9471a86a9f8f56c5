"""The groups of a table, made comparable, and what fairness finds in them."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.confounds import ModelScores
from euthymia.evaluation.fairness import FairnessTable, fairness_tables
from euthymia.models.audits.columns import Column
from euthymia.models.audits.finding import Finding
from euthymia.models.audits.read import Ready

_FEW: Final = 6  # numbers with at most so many values are groups as they are
_MOST: Final = 15  # groups of one variable; the rest are put together
_GAP: Final = 0.10  # equalised odds: the customary limit of a tenth


def group_words(column: Column) -> NDArray[np.str_]:
    """Return each row's group: categories as they are, measured values in thirds."""
    if column.kind in {"number", "date"} and column.distinct > _FEW:
        low, high = np.nanquantile(column.values, (1 / 3, 2 / 3))
        names = np.array([f"up to {low:.4g}", f"{low:.4g} to {high:.4g}", f"above {high:.4g}"])
        place = np.searchsorted([low, high], column.values, side="left").clip(max=2)
        return np.where(column.known, names[place], "")
    words = column.words()
    names, count = np.unique(words[words != ""], return_counts=True)
    if names.size > _MOST:
        rare = names[np.argsort(-count, kind="stable")[_MOST - 1 :]]
        words = np.where(np.isin(words, rare), "all others", words)
    return words


def fairness(
    table: Ready, scores: ModelScores, threshold: float, *, seed: int
) -> tuple[FairnessTable, ...]:
    """Return the fairness tables of the groups of a table, on held-out predictions."""
    first = scores.strata <= scores.strata[_whole_pass(scores, table) - 1]
    rows, p, strata = scores.rows[first], scores.p[first], scores.strata[first]
    return fairness_tables(
        {c.name: group_words(c)[rows] for c in table.groups if c.distinct > 1},
        table.outcome.y[rows],
        p,
        table.person[rows],
        threshold=threshold,
        strata=strata,
        seed=seed,
    )


def _whole_pass(scores: ModelScores, table: Ready) -> int:
    """Return after how many predictions every row was predicted once."""
    return min(table.person.size, scores.rows.size)


def unfair(tables: Sequence[FairnessTable]) -> Iterator[Finding]:
    """Yield gaps that are larger than a tenth and than chance."""
    for t in tables:
        if t.gap is None or t.mitigation is None:
            continue
        chance = t.gap.chance or 0.0
        if t.gap.estimate <= _GAP or t.gap.low <= chance:
            continue
        after, cost = t.mitigation.gap_after, t.mitigation.cost
        yield Finding(
            "fairness",
            "warn",
            (t.variable,),
            f"Errors differ between groups of {t.variable}: equalised-odds gap"
            f" {t.gap.estimate:.2f} ({t.gap.low:.2f} to {t.gap.high:.2f}; chance {chance:.2f})."
            f" Thresholds of their own would leave {after.estimate:.2f} and cost"
            f" {cost.estimate:+.3f} net benefit ({cost.low:+.3f} to {cost.high:+.3f}).",
            {"gap": t.gap, "gap_after": after, "cost": cost},
        )
