"""What is asked of every model besides how good it is: of groups, of copies, of days as rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from euthymia.evaluation.fairness import FairnessTable, fairness_tables
from euthymia.evaluation.groups import GroupRow
from euthymia.evaluation.probe import RowSplit, row_split_inflation
from euthymia.models.frame import CohortFrame
from euthymia.models.html import DASH, span, table
from euthymia.models.validate import HeldOut


@dataclass(frozen=True, slots=True)
class Further:
    """Fairness by group, pairs of people too alike, and what days as rows would have claimed.

    `days` is empty where the task has no daily rows.
    """

    fairness: tuple[FairnessTable, ...]
    copies: int
    days: tuple[RowSplit, ...]

    @property
    def groups(self) -> tuple[GroupRow, ...]:
        """The groups, their AUC and calibration, as the report lists them."""
        return tuple(
            GroupRow(
                g.variable,
                g.group,
                g.people,
                g.having,
                g.figures.get("auc"),
                g.figures.get("calibration_in_the_large"),
                g.note,
            )
            for t in self.fairness
            for g in t.groups
        )


def daily_split(frame: CohortFrame, seed: int) -> tuple[RowSplit, ...]:
    """Return what splitting a person's days between training and test would have claimed."""
    if frame.daily is None:
        return ()
    known = ~np.isnan(frame.daily).all(axis=2)
    row = np.nonzero(known)[0]
    return row_split_inflation(frame.daily[known], frame.y[row], frame.person[row], seed=seed)


def further(
    frame: CohortFrame, found: HeldOut, threshold: float, *, copies: int, seed: int
) -> Further:
    """Ask what is asked of every model; predictions are held out.

    Parameters
    ----------
    copies : int
        Pairs of people who look like one, already held together in `found`.
    """
    tables = fairness_tables(
        {name: values[found.rows] for name, values in frame.groups.items()},
        found.y,
        found.p,
        found.person,
        threshold=threshold,
        strata=found.strata,
        seed=seed,
    )
    return Further(tables, copies, daily_split(frame, seed))


def audits(found: Further) -> dict[str, dict[str, Any]]:
    """Return what the command line prints of it."""
    compared = [t for t in found.fairness if t.gap is not None]
    worst = max(compared, key=lambda t: t.gap.estimate if t.gap else 0.0, default=None)
    made: dict[str, dict[str, Any]] = {
        "fairness": {
            "verdict": "no two groups are large enough to compare"
            if worst is None
            else _gap_words(worst),
            "tables": [asdict(t) for t in found.fairness],
        },
        "copies": {
            "verdict": f"{found.copies} pairs of people look like one person: each pair was held"
            " together, in training or out of it, and counts once"
            if found.copies
            else "no two people look like one person",
            "pairs": found.copies,
        },
    }
    if found.days:
        largest = max(found.days, key=lambda s: s.inflation.estimate)
        made["days as rows"] = {
            "verdict": _days_words(largest),
            "inflation": asdict(largest.inflation),
            "models": [asdict(s) for s in found.days],
        }
    return made


def _gap_words(worst: FairnessTable) -> str:
    gap, done = worst.gap, worst.mitigation
    assert gap is not None
    assert done is not None
    acted = [g.figures.get("acted_on") for g in worst.groups]
    if not any(a is not None and a.estimate > 0 for a in acted):
        return "nobody reaches the threshold: there are no errors of acting to compare"
    return (
        f"largest equalised-odds gap {gap.estimate:.2f} ({gap.low:.2f} to {gap.high:.2f}; chance"
        f" {gap.chance or 0:.2f}) between groups of {worst.variable}; thresholds of their own leave"
        f" {done.gap_after.estimate:.2f} and cost {done.cost.estimate:+.3f} net benefit"
    )


def _days_words(s: RowSplit) -> str:
    gap = s.inflation
    return (
        f"splitting days instead of people would have claimed {gap.estimate:+.2f} AUC"
        f" ({gap.low:+.2f} to {gap.high:+.2f}): {s.by_row.estimate:.2f} in place of"
        f" {s.by_person.estimate:.2f} ({s.model})"
    )


def days_html(days: Sequence[RowSplit]) -> str:
    """Return the days as rows as a table; nothing where there are none."""
    if not days:
        return ""
    rows = [(s.model, span(s.by_person), span(s.by_row), span(s.inflation)) for s in days]
    head = ("plain model of single days", "people held out", "days held out", "inflation")
    return "<h3>Days split instead of people</h3>" + table(head, rows, words=1)


def fairness_html(tables: Sequence[FairnessTable]) -> str:
    """Return whom the threshold acts on in each group, the gaps, and the price of closing them."""
    rows = [
        (
            g.variable,
            g.group,
            span(g.figures.get("calibration_slope")),
            span(g.figures.get("ppv")),
            span(g.figures.get("false_negative_rate")),
            span(g.figures.get("false_positive_rate")),
        )
        for t in tables
        for g in t.groups
    ]
    head = ("", "group", "calibration slope", "PPV", "missed", "false alarms")
    gaps = [
        (
            t.variable,
            span(t.gap),
            DASH if t.gap is None or t.gap.chance is None else f"{t.gap.chance:.2f}",
            span(t.mitigation.gap_after) if t.mitigation else DASH,
            span(t.mitigation.cost, 3) if t.mitigation else DASH,
        )
        for t in tables
    ]
    odds = (
        "",
        "equalised-odds gap",
        "by chance",
        "with own thresholds",
        "net benefit lost by them",
    )
    return table(head, rows, 2, words=1) + table(odds, gaps)
