"""An audit in words, for a terminal."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from euthymia.evaluation.estimate import Estimate

if TYPE_CHECKING:
    from euthymia.models.audits.run import Audit

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
        f" {a.judged}: AUC {figure(a.model)}, chance 0.50"
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
    yield from _fairness(a)
    yield from _places(a)
    yield from _drift(a)


def _fairness(a: "Audit") -> Iterator[str]:
    names = ("auc", "calibration_in_the_large", "calibration_slope", "ppv", "false_negative_rate")
    for t in a.fairness:
        yield f"groups of {t.variable}, acted on from {a.threshold:.2f}:"
        yield f"  {'':<24}{'people':>7}  " + "".join(f"{n.replace('_', ' '):<26}" for n in names)
        for g in t.groups:
            if g.people is None:
                yield f"  {g.group:<24.24}      -  {g.note}"
                continue
            each = "".join(f"{figure(g.figures.get(n)):<26}" for n in names)
            yield f"  {g.group:<24.24}{g.people:>7}  {each}{g.note}".rstrip()
        if t.gap is None or t.mitigation is None:
            yield f"  {t.note}"
            continue
        yield (
            f"  equalised-odds gap {figure(t.gap)}, chance {t.gap.chance or 0:.2f}; with thresholds"
            f" of their own {figure(t.mitigation.gap_after)}, at a cost in net benefit of"
            f" {figure(t.mitigation.cost, 3)}"
        )


def _places(a: "Audit") -> Iterator[str]:
    if a.sites is not None:
        left = "not possible" if a.sites.left_out is None else figure(a.sites.left_out)
        yield (
            f"{a.sites.sites} sites ({a.sites.column}): AUC within sites {figure(a.sites.within)},"
            f" on sites left out {left}; outcome differs between them p ="
            f" {a.sites.outcome_differs_p:.3f}"
        )
    if a.treatment is not None:
        t = a.treatment
        yield (
            f"treatment {t.column}: told from the other columns AUC {figure(t.told_apart)}, p ="
            f" {t.told_apart_p:.3f}"
        )


def _drift(a: "Audit") -> Iterator[str]:
    d = a.drift
    if d is None:
        return
    yield (
        f"between {a.between}: told apart AUC {figure(d.told_apart)}, p = {d.told_apart_p:.3f};"
        f" outcome {figure(d.prevalence[0])} then {figure(d.prevalence[1])}"
    )
    for i in d.inputs[:5]:
        yield f"  {i.column:<40.40} PSI {i.psi:.3f}, chance {i.chance:.3f}  p = {i.p_value:.3f}"
    for name, e in d.model.items():
        yield f"  a model of the first on the second: {name.replace('_', ' ')} {figure(e)}"
