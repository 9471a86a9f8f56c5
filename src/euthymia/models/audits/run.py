"""Run every audit on a table and put what they found together."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from euthymia.evaluation.confounds import ModelScores
from euthymia.evaluation.drifts import Drift
from euthymia.evaluation.duplicates import Copies, held_together, suspected_copies
from euthymia.evaluation.estimate import Estimate, Floats
from euthymia.evaluation.fairness import FairnessTable
from euthymia.evaluation.probe import (
    FOLDS,
    RowSplit,
    auc_of,
    held_out_scores,
    logistic_probabilities,
    row_split_inflation,
)
from euthymia.evaluation.splits import person_folds
from euthymia.ground.errors import SchemaError
from euthymia.models.audits import ahead, leaks, places, times, verdicts
from euthymia.models.audits.alone import Alone, outcome_is_a_persons, signs_alone
from euthymia.models.audits.columns import design
from euthymia.models.audits.fair import fairness, unfair
from euthymia.models.audits.finding import Finding
from euthymia.models.audits.hidden_site import hidden_sites
from euthymia.models.audits.leaks import ColumnAlone
from euthymia.models.audits.read import Asked, Ready, ready
from euthymia.models.audits.signs import measurements, signs
from euthymia.models.tables import Frame, read_frame

_RANK: Final = {"stop": 0, "warn": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Audit:
    """Everything an audit found. `to_json()` is what `euthymia audit --json` prints."""

    where: str
    rows: int
    rows_left_out: int
    people: int
    outcome: Mapping[str, Any]
    judged: str
    model: Estimate
    threshold: float
    confounds: tuple[Alone, ...]
    columns: tuple[ColumnAlone, ...]
    row_split: tuple[RowSplit, ...]
    copies: tuple[Mapping[str, Any], ...]
    fairness: tuple[FairnessTable, ...]
    sites: places.Sites | None
    treatment: places.Arms | None
    drift: Drift | None
    between: str
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
            "model": {"what": self.judged, "auc": self.model, "threshold": self.threshold},
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
            "fairness": self.fairness,
            "sites": self.sites,
            "treatment": self.treatment,
            "drift": None if self.drift is None else {"between": self.between} | asdict(self.drift),
        }
        return {name: plain(value) for name, value in found.items()}

    def words(self) -> str:
        """Return the audit as lines for a terminal."""
        from euthymia.models.audits.words import lines

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
    groups: Sequence[str] | None = None,
    index_date: str | None = None,
    score: str | None = None,
    threshold: float | None = None,
    against: Path | str | Frame | None = None,
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
        Two values, or a measured number (then the upper half against the lower is predicted).
    person : str, optional
        Whose row it is; without it each row is taken for a person.
    site, treatment, index_date : str, optional
        Columns that are asked about further.
    groups : sequence of str, optional
        By which people must not be treated worse; by default the columns named so.
    score : str, optional
        Your own model's probabilities of people it had not seen, to be judged in place of a plain
        model's.
    threshold : float, optional
        The probability from which a person is acted on; by default the prevalence.
    against : path or frame, optional
        A later table; without it the later half by date is compared.
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
    named = (None if groups is None else tuple(groups), tuple(features), tuple(ignore))
    asked = Asked(
        outcome, person, site, treatment, named[0], index_date, score, named[1], named[2], positive
    )
    if threshold is not None and not 0 < threshold < 1:
        raise SchemaError("a decision threshold lies between 0 and 1")
    first = _read(source, asked, "the table")
    second = None if against is None else _read(against, asked, "the second table")
    with threadpool_limits(limits=1, user_api="blas"):
        return run(first, threshold=threshold, against=second, seed=seed)


def _read(source: Path | str | Frame, asked: Asked, otherwise: str) -> Ready:
    where = Path(source).name if isinstance(source, str | Path) else otherwise
    texts = [name for name in (asked.person, asked.site) if name]
    return ready(read_frame(source, where=where, as_text=texts), asked, where)


def _scores(x: Floats, table: Ready, seed: int) -> ModelScores:
    y, person = table.outcome.y, table.person
    if table.score is not None:
        rows = np.flatnonzero(~np.isnan(table.score))
        return ModelScores(rows, table.score[rows], np.zeros(rows.size, np.int64))
    repeats = 2 if person.size <= 5000 else 1
    folds = min(FOLDS, table.people)
    splits = person_folds(y, person, folds=folds, repeats=repeats, seed=seed)
    return held_out_scores(x, y, splits, logistic_probabilities)


def _held_together(table: Ready, copies: Sequence[Copies]) -> Ready:
    """Return the table with suspected copies as one person each."""
    person = np.unique(held_together(table.person, tuple(copies)), return_inverse=True)[1]
    return replace(table, person=person.astype(np.int64))


def _leaks(
    table: Ready, alone: Sequence[ColumnAlone], seed: int
) -> tuple[list[Finding], frozenset[str]]:
    """Return the leaks, and the columns that a model must not have."""
    whole = [*leaks.too_good(alone)]
    found = [
        *whole,
        *(f for f in leaks.where_known(table, seed=seed) if f.columns not in _stopped(whole)),
        *leaks.derived(table, seed=seed),
        *leaks.encoded(table),
        *ahead.after_the_index_date(table),
        *ahead.ahead_of_time(table),
    ]
    named = (c for f in found if f.weight == "stop" for c in f.columns)
    return found, frozenset((*named, *leaks.known_after(table)))


def _stopped(found: Sequence[Finding]) -> list[tuple[str, ...]]:
    return [f.columns for f in found if f.weight == "stop"]


def _judged_by(table: Ready, leaked: frozenset[str]) -> str:
    if table.score is not None:
        return "the probabilities of the table"
    out = f" without {', '.join(sorted(leaked))}" if leaked else ""
    return f"ridge logistic regression of all measurements{out}, people held out"


def run(given: Ready, *, threshold: float | None, against: Ready | None, seed: int) -> Audit:
    """Run every audit on a table made ready. Leaks are found first; no model sees them after."""
    every = measurements(given)
    copies = suspected_copies(design(every, given.people)[0], given.person, seed=seed)
    table = _held_together(given, copies)
    alone = leaks.columns_alone(table, seed=seed)
    leaked, out = _leaks(table, alone, seed)
    kept = [c for c in every if c.name not in out]
    x, names = design(kept, table.people)
    whole = x if x.shape[1] else np.zeros((table.person.size, 1))
    scores = _scores(whole, table, seed)
    y, person = table.outcome.y, table.person
    act = float(y.mean()) if threshold is None else threshold
    between, moved = _drift(table, against, x, names, seed)
    made = Audit(
        where=table.where,
        rows=person.size,
        rows_left_out=table.left_out,
        people=given.people,
        outcome=_outcome(table),
        judged=_judged_by(table, out),
        model=auc_of(scores, y, person, seed=seed),
        threshold=act,
        confounds=signs_alone(table, signs(given), scores, seed=seed),
        columns=alone,
        row_split=row_split_inflation(whole, y, person, seed=seed),
        copies=tuple(_copy(table, c) for c in copies),
        fairness=fairness(table, scores, act, seed=seed),
        sites=places.sites(table, whole, scores, seed=seed),
        treatment=places.arms(table, seed=seed),
        drift=moved,
        between=between,
        findings=(),
    )
    found = [
        *leaked,
        *leaks.together(made.model, leaked),
        *verdicts.copied(table, copies),
        *leaks.coded(table),
        *verdicts.confounded(made.confounds, made.model),
        *places.about_sites(made.sites, made.model),
        *hidden_sites(table, [c for c in kept if c is not table.site], seed=seed),
        *places.about_arms(made.treatment),
        *verdicts.inflated(made.row_split),
        *unfair(made.fairness),
        *times.drifted(made.drift, made.between),
        *verdicts.about_outcome(table),
    ]
    return replace(made, findings=tuple(sorted(found, key=lambda f: _RANK[f.weight])))


def _drift(
    table: Ready, against: Ready | None, x: Floats, names: tuple[str, ...], seed: int
) -> tuple[str, Drift | None]:
    if against is not None:
        words = f"{table.where} and {against.where}"
        return words, times.between_tables(table, against, seed=seed)
    words = "the earlier and the later half of the dates"
    return words, times.between_halves(table, x, names, seed=seed)


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
