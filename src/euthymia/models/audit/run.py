"""Run every audit on a table and put what they found together."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from euthymia.evaluation.confounds import LEVEL, ModelScores
from euthymia.evaluation.duplicates import Copies, suspected_copies
from euthymia.evaluation.estimate import Estimate, Floats
from euthymia.evaluation.probe import (
    FOLDS,
    RowSplit,
    auc_of,
    held_out_scores,
    logistic_probabilities,
    row_split_inflation,
)
from euthymia.evaluation.splits import person_folds
from euthymia.models.audit.ahead import after_the_index_date, ahead_of_time
from euthymia.models.audit.alone import Alone, outcome_is_a_persons, signs_alone
from euthymia.models.audit.columns import design
from euthymia.models.audit.finding import Finding
from euthymia.models.audit.leaks import ColumnAlone, columns_alone, derived, encoded, together
from euthymia.models.audit.leaks import too_good as too_good_columns
from euthymia.models.audit.read import Asked, Ready, ready
from euthymia.models.audit.signs import measurements, signs
from euthymia.models.tables import Frame, read_frame

_INFLATED: Final = 0.02  # AUC: a smaller gain from splitting rows would mislead nobody
_RANK: Final = {"stop": 0, "warn": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything an audit found. `to_json()` is what `euthymia audit --json` prints."""

    where: str
    rows: int
    rows_left_out: int
    people: int
    outcome: Mapping[str, Any]
    model: Estimate
    confounds: tuple[Alone, ...]
    columns: tuple[ColumnAlone, ...]
    row_split: tuple[RowSplit, ...]
    copies: tuple[Mapping[str, Any], ...]
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """What it comes to, in a few words."""
        weights = {f.weight for f in self.findings}
        if "stop" in weights:
            return "not evidence until mended"
        return "look at what was found" if "warn" in weights else "nothing found by these audits"

    @property
    def inflation(self) -> RowSplit | None:
        """The larger of the row-split inflations, or None where people have one row each."""
        return max(self.row_split, key=lambda r: r.inflation.estimate, default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the audit as one object that JSON has."""
        largest = self.inflation
        found = {
            "table": self.where,
            "rows": self.rows,
            "rows_without_outcome": self.rows_left_out,
            "people": self.people,
            "outcome": dict(self.outcome),
            "verdict": self.verdict,
            "findings": [asdict(f) for f in self.findings],
            "model": {"what": "ridge logistic regression, people held out", "auc": self.model},
            "confounds": [
                {
                    "variable": a.row.variable,
                    "kind": a.sign.kind,
                    "columns": a.sign.columns,
                    "unit": a.unit,
                    "auc": a.row.auc,
                    "p_value": a.row.p_value,
                    "model_within": a.row.within,
                    "how": a.row.how,
                }
                for a in self.confounds
            ],
            "columns_alone": self.columns,
            "row_split": {
                "inflation": None if largest is None else largest.inflation,
                "model": None if largest is None else largest.model,
                "models": self.row_split,
            },
            "copies": self.copies,
        }
        return {name: plain(value) for name, value in found.items()}

    def words(self) -> str:
        """Return the audit as lines for a terminal."""
        from euthymia.models.audit.words import lines

        return "\n".join(lines(self))


def plain(value: Any) -> Any:  # noqa: ANN401 - any value that JSON has
    """Return dataclasses as dicts, floats rounded, NaN as None: ready for JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return round(float(value), 6) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.integer | np.bool_) else value


def audit(
    source: Path | str | Frame,
    *,
    outcome: str,
    person: str | None = None,
    site: str | None = None,
    treatment: str | None = None,
    groups: Sequence[str] = (),
    index_date: str | None = None,
    features: Sequence[str] = (),
    ignore: Sequence[str] = (),
    positive: str | None = None,
    seed: int = 1,
) -> Audit:
    """Audit any table: is what it seems to foretell evidence, or how the data were collected.

    Parameters
    ----------
    source : path, or pandas, Polars or Arrow frame, or mapping of columns
    outcome : str
        The column to be predicted: two values, or a measured number (then the upper half against
        the lower is what is predicted).
    person : str, optional
        The column that says whose row it is; without it each row is taken for a person.
    site, treatment, index_date : str, optional
        Columns that are asked about further.
    groups : sequence of str
        Columns by which people must not be treated worse; by default those named so.
    features, ignore : sequence of str
        Only these columns; none of these.
    positive : str, optional
        The outcome's value that counts as the event.

    Raises
    ------
    SchemaError, SourceError, MissingError
        The table cannot be read or audited; what to mend is said.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> ill = np.arange(60) % 2
    >>> table = {"who": np.arange(60), "ill": ill, "x": rng.normal(size=60), "y": ill * 3.0}
    >>> audit(table, outcome="ill", person="who").verdict
    'not evidence until mended'
    """
    where = Path(source).name if isinstance(source, str | Path) else "the table"
    texts = [name for name in (person, site) if name]
    table = read_frame(source, where=where, as_text=texts)
    asked = Asked(
        outcome=outcome,
        person=person,
        site=site,
        treatment=treatment,
        groups=tuple(groups),
        index_date=index_date,
        features=tuple(features),
        ignore=tuple(ignore),
        positive=positive,
    )
    with threadpool_limits(limits=1, user_api="blas"):
        return run(ready(table, asked, where), seed=seed)


def _scores(x: Floats, table: Ready, seed: int) -> ModelScores:
    repeats = 2 if table.person.size <= 5000 else 1
    folds = min(FOLDS, table.people)
    y, person = table.outcome.y, table.person
    splits = person_folds(y, person, folds=folds, repeats=repeats, seed=seed)
    return held_out_scores(x, y, splits, logistic_probabilities)


def run(table: Ready, *, seed: int) -> Audit:
    """Run every audit on a table made ready."""
    x, _ = design(measurements(table), table.people)
    if x.shape[1] == 0:
        x = np.zeros((table.person.size, 1))
    y, person = table.outcome.y, table.person
    scores = _scores(x, table, seed)
    model = auc_of(scores, y, person, seed=seed)
    confounds = signs_alone(table, signs(table), scores, seed=seed)
    columns = columns_alone(table, seed=seed)
    split = row_split_inflation(x, y, person, seed=seed)
    copies = suspected_copies(x, person, seed=seed)
    found = [
        *too_good_columns(columns),
        *derived(table, seed=seed),
        *encoded(table),
        *after_the_index_date(table),
        *ahead_of_time(table),
    ]
    found += list(together(model, found))
    found += [*_confounded(confounds, model), *_inflated(split), *_copied(table, copies)]
    found += list(_about_outcome(table))
    return Audit(
        where=table.where,
        rows=person.size,
        rows_left_out=table.left_out,
        people=table.people,
        outcome=_outcome(table),
        model=model,
        confounds=confounds,
        columns=columns,
        row_split=split,
        copies=tuple(_copy(table, c) for c in copies),
        findings=tuple(sorted(found, key=lambda f: _RANK[f.weight])),
    )


def _outcome(table: Ready) -> dict[str, Any]:
    outcome = table.outcome
    return {
        "column": outcome.name,
        "kind": "two values" if outcome.measured is None else "measured, cut at its median",
        "event": outcome.positive,
        "cut": outcome.cut,
        "prevalence": float(outcome.y.mean()),
        "constant_within_person": outcome_is_a_persons(table),
        "rows_per_person": table.person.size / table.people,
    }


def _copy(table: Ready, c: Copies) -> dict[str, Any]:
    return {
        "lines": [int(table.line[c.first_row]), int(table.line[c.second_row])],
        "rows_alike": c.rows_alike,
        "share": c.share,
        "exact": c.exact,
    }


def _confounded(confounds: Sequence[Alone], model: Estimate) -> list[Finding]:
    found = []
    for a in confounds:
        row = a.row
        if row.auc is None or row.p_value is None or row.p_value > LEVEL:
            continue
        rivals, explains = row.rivals(model), row.explains(model)
        harmless = a.sign.kind in {"order", "identifier"} and not a.sign.columns
        weight = "stop" if rivals and explains and not harmless else "warn"
        about = f" - about as well as all columns together ({model.estimate:.2f})" if rivals else ""
        found.append(
            Finding(
                "confound",
                weight,  # type: ignore[arg-type]
                a.sign.columns,
                f"{row.variable} ({a.sign.kind}) alone tells the outcome with an AUC of"
                f" {row.auc.estimate:.2f} ({row.auc.low:.2f} to {row.auc.high:.2f}), p ="
                f" {row.p_value:.3f}{about}.",
                {"auc": row.auc, "p_value": row.p_value},
            )
        )
    return found


def _inflated(split: Sequence[RowSplit]) -> list[Finding]:
    found = [s for s in split if s.inflation.low > 0 and s.inflation.estimate >= _INFLATED]
    if not found:
        return []
    worst = max(found, key=lambda s: s.inflation.estimate)
    gap = worst.inflation
    return [
        Finding(
            "row_split",
            "warn",
            (),
            f"Splitting rows in place of people would claim {gap.estimate:+.2f} AUC"
            f" ({gap.low:+.2f} to {gap.high:+.2f}): {worst.by_row.estimate:.2f} for"
            f" {worst.by_person.estimate:.2f} ({worst.model}). Split by person.",
            {"inflation": gap, "by_person": worst.by_person, "by_row": worst.by_row},
        )
    ]


def _copied(table: Ready, copies: Sequence[Copies]) -> list[Finding]:
    if not copies:
        return []
    lines = tuple(
        (int(table.line[c.first_row]), int(table.line[c.second_row])) for c in copies[:20]
    )
    return [
        Finding(
            "duplicates",
            "stop",
            () if table.person_name is None else (table.person_name,),
            f"{len(copies)} pairs of people have records too alike to be two people's (such as"
            f" lines {lines[0][0]} and {lines[0][1]}): one would be in training when the other is"
            " judged. Give each person one name.",
            {"pairs": len(copies)},
            lines,
        )
    ]


def _about_outcome(table: Ready) -> list[Finding]:
    if table.people == table.person.size or not outcome_is_a_persons(table):
        return []
    return [
        Finding(
            "constant_outcome",
            "note",
            (table.outcome.name,),
            f"{table.outcome.name} is the same in all rows of each person: there are"
            f" {table.people} outcomes here, not {table.person.size}.",
        )
    ]
