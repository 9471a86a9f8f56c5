"""An audit in words, for a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from euthymia.evaluation.estimate import Estimate

if TYPE_CHECKING:
    from euthymia.models.audit.run import Audit

_MARK = {"stop": "STOP", "warn": "LOOK", "note": "note"}


def figure(e: Estimate | None, digits: int = 2) -> str:
    """Return an estimate with its interval."""
    if e is None:
        return "-"
    return f"{e.estimate:.{digits}f} [{e.low:.{digits}f}, {e.high:.{digits}f}]"


def _head(a: "Audit") -> Iterator[str]:
    out = f"; {a.rows_left_out:,} rows without an outcome left out" if a.rows_left_out else ""
    yield f"{a.where}: {a.rows:,} rows of {a.people:,} people{out}"
    kind, cut = a.outcome["kind"], a.outcome["cut"]
    at = "" if cut is None else f" ({cut:g})"
    yield (
        f"outcome {a.outcome['column']} ({kind}{at}): {a.outcome['prevalence']:.1%} of rows;"
        f" a plain model of all columns on new people: AUC {figure(a.model)}, chance 0.50"
    )


def lines(a: "Audit") -> Iterator[str]:
    """Yield the lines of an audit: what it comes to, the findings, the tables."""
    yield from _head(a)
    yield f"verdict: {a.verdict}"
    for f in a.findings:
        yield f"  {_MARK[f.weight]}  {f.words}"
    yield ""
    yield "how the data were collected, each variable alone (AUC on people not used to orient it):"
    for c in a.confounds:
        if c.row.auc is None:
            continue
        chance = f"chance {c.row.auc.chance:.2f}" if c.row.auc.chance is not None else ""
        yield (
            f"  {c.row.variable:<40.40} {figure(c.row.auc)}  {chance}  p = {c.row.p_value:.3f}"
            f"  ({c.unit})"
        )
    yield "columns that say most alone:"
    for column in a.columns:
        yield f"  {column.column:<40.40} {figure(column.auc)}"
    for s in a.row_split:
        yield (
            f"row split, {s.model}: people held out {figure(s.by_person)}, rows held out"
            f" {figure(s.by_row)}, inflation {s.inflation.estimate:+.3f}"
            f" [{s.inflation.low:+.3f}, {s.inflation.high:+.3f}]"
        )
