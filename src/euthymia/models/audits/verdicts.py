"""What the figures of an audit come to: the findings that are about the whole table."""

from collections.abc import Iterator, Sequence

from euthymia.evaluation.confounds import LEVEL, ConfoundRow
from euthymia.evaluation.duplicates import Copies
from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.probe import RowSplit
from euthymia.models.audits.alone import Alone, outcome_is_a_persons
from euthymia.models.audits.finding import Finding, Weight
from euthymia.models.audits.read import Ready

INFLATED = 0.02  # AUC: a smaller gain from splitting rows would mislead nobody
_PAIRS = 3  # near pairs, from which it is no coincidence
_NEVER_STOP = ("order", "who people are", "treatment")
"""The order of a file is no column, and age or treatment may foretell an outcome honestly."""
_ADVICE = {
    "order": " Shuffle before any split that goes by the order of the file.",
    "identifier": " Never let a model see it.",
}


def confounded(confounds: Sequence[Alone], model: Estimate) -> Iterator[Finding]:
    """Yield variables of how the data were collected that tell the outcome alone."""
    for a in confounds:
        yield from told_alone(a.row, model, a.sign.kind, a.sign.columns)


def told_alone(
    row: ConfoundRow, model: Estimate, kind: str = "", columns: tuple[str, ...] = ()
) -> Iterator[Finding]:
    """Yield what is to be said of one variable of how the data were collected; or nothing."""
    if row.auc is not None and row.p_value is not None and row.p_value <= LEVEL:
        rivals = row.rivals(model)
        grave = (row.outdoes(model) or row.explains(model)) and kind not in _NEVER_STOP
        weight: Weight = "stop" if grave else "warn"
        less = row.auc.estimate < model.estimate
        much = (
            "more than" if row.outdoes(model) else "as much as" if less else "at least as much as"
        )
        about = f", {much} all measurements together ({model.estimate:.2f})" if rivals else ""
        what = "" if kind in {"", row.variable} else f" ({kind})"
        yield Finding(
            "confound",
            weight,
            columns,
            f"{row.variable}{what} alone tells the outcome with an AUC of {row.auc.estimate:.2f}"
            f" ({row.auc.low:.2f} to {row.auc.high:.2f}; p = {row.p_value:.3f}){about}."
            f"{_ADVICE.get(kind, '')}",
            {"auc": row.auc, "p_value": row.p_value, "kind": kind},
        )


def inflated(split: Sequence[RowSplit]) -> Iterator[Finding]:
    """Yield what splitting rows in place of people would have claimed."""
    found = [s for s in split if s.inflation.low > 0 and s.inflation.estimate >= INFLATED]
    if not found:
        return
    worst = max(found, key=lambda s: s.inflation.estimate)
    gap = worst.inflation
    yield Finding(
        "row_split",
        "warn",
        (),
        f"Splitting rows in place of people would claim {gap.estimate:+.2f} AUC ({gap.low:+.2f} to"
        f" {gap.high:+.2f}): {worst.by_row.estimate:.2f} for {worst.by_person.estimate:.2f}"
        f" ({worst.model}). Split by person.",
        {"inflation": gap, "by_person": worst.by_person, "by_row": worst.by_row},
    )


def copied(table: Ready, copies: Sequence[Copies]) -> Iterator[Finding]:
    """Yield that people are there under two names."""
    if not copies:
        return
    lines = tuple(
        (int(table.line[c.first_row]), int(table.line[c.second_row])) for c in copies[:20]
    )
    sure = len(copies) >= _PAIRS or any(c.exact or c.rows_alike > 1 for c in copies)
    yield Finding(
        "duplicates",
        "stop" if sure else "warn",  # one near pair among many may be two people
        () if table.person_name is None else (table.person_name,),
        f"{_pairs(len(copies))} records too alike to be two people's (such as lines"
        f" {lines[0][0]} and {lines[0][1]}): one would be in training when the other is judged."
        " Give each person one name. In the figures here they are held together.",
        {"pairs": len(copies)},
        lines,
    )


def _pairs(count: int) -> str:
    return "A pair of people has" if count == 1 else f"{count} pairs of people have"


def about_outcome(table: Ready) -> Iterator[Finding]:
    """Yield that there are only as many outcomes as people."""
    if table.people < table.person.size and outcome_is_a_persons(table):
        yield Finding(
            "constant_outcome",
            "note",
            (table.outcome.name,),
            f"{table.outcome.name} is the same in all rows of each person: there are"
            f" {table.people} outcomes here, not {table.person.size}.",
        )
