"""Layouts of evidence tables: each becomes arms or pairs of arms, a row each."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from euthymia.evaluation.estimate import Floats, Labels
from euthymia.ground.errors import SchemaError
from euthymia.models import tables

OUTCOMES: Final[Mapping[str, str]] = {
    "resp": "response",
    "r": "response",
    "remi": "remission",
    "loss": "dropout",
    "loss.ae": "dropout_adverse_events",
    "ae": "adverse_events",
}
"""Short names of columns in published tables, and what they count."""
SYMPTOMS: Final = "severity"
"""Symptoms as they are measured, or their change: less is better. Turned into `IMPROVEMENT`."""
IMPROVEMENT: Final = "improvement"
"""How much better, as a standardised difference: more is better."""
_NAMES: Final = {
    "cbt": "cognitive behavioural therapy",
    "bat": "behavioural activation",
    "ipt": "interpersonal psychotherapy",
    "pst": "problem-solving therapy",
    "dyn": "psychodynamic therapy",
    "sup": "supportive counselling",
    "lrt": "life-review therapy",
    "3rd": "third-wave therapy",
    "wl": "wait list",
    "cau": "care as usual",
    "other psy": "other psychotherapy",
    "other ctr": "other control",
}


@dataclass(frozen=True, slots=True)
class ArmRow:
    """One arm of one trial for one outcome: a count, or a mean."""

    study: str
    treatment: str
    outcome: str
    n: float
    events: float = float("nan")
    mean: float = float("nan")
    sd: float = float("nan")


def outcome_name(text: str) -> str:
    """Return the one spelling of an outcome: `Weight gain` and `weight_gain` are one.

    Examples
    --------
    >>> outcome_name(" Weight-gain ")
    'weight_gain'
    """
    return re.sub(r"[\s_-]+", "_", text.strip().lower())


@dataclass(frozen=True, slots=True)
class PairRow:
    """A difference, first minus second, in one trial."""

    study: str
    first: str
    second: str
    outcome: str
    effect: float
    error: float
    n: float


Rows = tuple[list[ArmRow], list[PairRow], dict[str, str], list[str]]
"""Arms, pairs, each study's risk of bias, and notes."""


def layout_of(table: pa.Table, name: str) -> Callable[[pa.Table, str], Rows]:
    """Return the reader of a table, known by its columns."""
    columns = {c.lower() for c in table.column_names}
    layouts: tuple[tuple[set[str], Callable[[pa.Table, str], Rows]], ...] = (
        ({"study", "condition_arm1", "condition_arm2", ".g", ".g_se"}, _metapsy),
        ({"treatment1", "treatment2", "n1", "n2"}, _wide),
        ({"study", "treatment1", "treatment2", "effect", "error"}, _pairs),
        ({"studyid", "agent", "dose", "n", "r"}, _doses),
        ({"study", "treatment", "n", "diff", "se"}, _changes),
        ({"study", "treatment", "outcome", "n"}, _long),
    )
    for wanted, reader in layouts:
        if wanted <= columns:
            return reader
    raise SchemaError(
        f"{name}: not a known layout of evidence (its columns: {', '.join(table.column_names[:12])}"
        "); give the columns study, treatment, outcome, events, n (or mean, sd, n), an arm a row;"
        " docs/treatment-matching.md has an example"
    )


def _lowered(table: pa.Table, name: str) -> pa.Table:
    """Return the table with column names in small letters."""
    low = [c.lower() for c in table.column_names]
    if len(set(low)) < len(low):
        raise SchemaError(f"{name}: two columns have one name but for capital letters")
    return table.rename_columns(low)


def _filled(table: pa.Table, columns: Sequence[str], name: str) -> list[list[str]]:
    """Return columns of texts, none of them empty."""
    found = []
    for column in columns:
        words = [w.strip() for w in tables.texts(table, column, where=name).tolist()]
        if "" in words:
            raise SchemaError(f"{name}, column {column}, row {words.index('') + 1}: is empty")
        found.append(words)
    return found


def _bias(table: pa.Table, study: str, name: str) -> dict[str, str]:
    """Return each rated study's risk of bias; a trial with an empty cell is not rated."""
    for column in ("risk_of_bias", "bias"):
        if column in table.column_names:
            words = [w.strip().lower() for w in tables.texts(table, column, where=name).tolist()]
            level = ["low" if "low" in w else "high" if "high" in w else "some" for w in words]
            studies = [s.strip() for s in tables.texts(table, study, where=name).tolist()]
            rated = zip(studies, level, words, strict=True)
            return {s: judged for s, judged, word in rated if word}
    return {}


def _long(table: pa.Table, name: str) -> Rows:
    table = _lowered(table, name)
    study, treatment, outcome = _filled(table, ("study", "treatment", "outcome"), name)
    n = tables.numbers(table, "n", where=name)
    blank = np.full(n.size, np.nan)
    events, mean, sd = (
        tables.numbers(table, c, where=name) if c in table.column_names else blank
        for c in ("events", "mean", "sd")
    )
    rows = [
        _turned(ArmRow(s, t, outcome_name(o), *numbers))
        for s, t, o, *numbers in zip(
            study,
            treatment,
            outcome,
            n.tolist(),
            events.tolist(),
            mean.tolist(),
            sd.tolist(),
            strict=True,
        )
    ]
    _check_counts(rows, name)
    _check_copies(rows, name)
    known = [r for r in rows if not np.isnan(r.events) or not np.isnan(r.mean + r.sd)]
    notes = []
    if len(known) < len(rows):
        notes.append(f"{len(rows) - len(known)} rows have neither events nor mean and sd: not used")
    return known, [], _bias(table, "study", name), notes


def _turned(row: ArmRow) -> ArmRow:
    """Return an arm's symptoms as improvement: the sign turned."""
    if row.outcome != SYMPTOMS:
        return row
    return ArmRow(row.study, row.treatment, IMPROVEMENT, row.n, row.events, -row.mean, row.sd)


def _check_counts(rows: Iterable[ArmRow], name: str) -> None:
    for number, row in enumerate(rows, 1):
        if not row.n >= 1 or row.events < 0 or row.events > row.n or row.sd <= 0:
            raise SchemaError(
                f"{name}, row {number}: n is at least 1, events lie between 0 and n, sd is above 0"
            )
        if row.outcome == IMPROVEMENT and not np.isnan(row.events):
            raise SchemaError(
                f"{name}, row {number}: {SYMPTOMS} and {IMPROVEMENT} are measured (mean, sd);"
                " people who got better are counted as response or remission"
            )


def _check_copies(rows: Iterable[ArmRow], name: str) -> None:
    """Refuse a row that is there twice: its people would count twice."""
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        first = seen.setdefault(repr(row), number)
        if first != number:
            raise SchemaError(
                f"{name}, row {number} repeats row {first}; two arms of one treatment with the same"
                " numbers are one row: add them up"
            )


def _wide(table: pa.Table, name: str) -> Rows:
    """Read one trial a row: treatment1.., n1.., and a count an outcome and arm."""
    columns = table.column_names
    key = next((c for c in ("id", "study", "studlab") if c in columns), None)
    study = tables.texts(table, key, where=name) if key else np.arange(table.num_rows).astype(str)
    arms = [k for k in "123456" if f"treatment{k}" in columns and f"n{k}" in columns]
    stems = [
        c[:-1]
        for c in columns
        if c.endswith("1")
        and f"{c[:-1]}2" in columns
        and c[:-1] not in {"treatment", "n"}
        and tables.is_number(table, c)
    ]
    rows = []
    for k in arms:
        treatment = tables.texts(table, f"treatment{k}", where=name)
        n = tables.numbers(table, f"n{k}", where=name)
        for stem in stems:
            if f"{stem}{k}" in columns:
                events = tables.numbers(table, f"{stem}{k}", where=name)
                outcome = OUTCOMES.get(stem.rstrip("_."), stem.rstrip("_."))
                rows += [
                    ArmRow(s, t, outcome, m, e)
                    for s, t, m, e in zip(
                        study.tolist(),
                        treatment.tolist(),
                        n.tolist(),
                        events.tolist(),
                        strict=True,
                    )
                    if t and not np.isnan(e) and not np.isnan(m)
                ]
    _check_counts(rows, name)
    return rows, [], {}, []


def _doses(table: pa.Table, name: str) -> Rows:
    """Read arms of several doses; the doses of one agent in one trial are taken together."""
    study, agent = tables.texts(table, "studyID", where=name), tables.texts(table, "agent")
    n, r = tables.numbers(table, "n", where=name), tables.numbers(table, "r", where=name)
    total: dict[tuple[str, str], list[float]] = {}
    for s, a, m, e in zip(study.tolist(), agent.tolist(), n.tolist(), r.tolist(), strict=True):
        cell = total.setdefault((s, a), [0.0, 0.0])
        cell[0] += m
        cell[1] += e
    rows = [ArmRow(s, a, "response", m, e) for (s, a), (m, e) in total.items()]
    _check_counts(rows, name)
    return rows, [], _bias(table, "studyID", name), ["doses of one agent are taken together"]


def _changes(table: pa.Table, name: str) -> Rows:
    """Read standardised changes within arms; arms of one kind in one trial are pooled."""
    study, treatment = (tables.texts(table, c, where=name) for c in ("study", "treatment"))
    n, change, error = (tables.numbers(table, c, where=name) for c in ("n", "diff", "se"))
    notes = []
    variance = error**2
    if np.nanmedian(variance * n) < 0.25 and np.nanmedian(error * n) >= 0.5:
        variance = error
        notes.append(
            "the column se holds variances, not standard errors: at these group sizes a"
            " standardised change cannot be so exact; read as variances"
        )
    cells: dict[str, dict[str, list[tuple[float, float, float]]]] = {}
    for s, t, d, v, m in zip(study, treatment, change, variance, n, strict=True):
        if not np.isnan(d + v + m):
            cells.setdefault(str(s), {}).setdefault(str(t), []).append((float(d), float(v), m))
    pairs = []
    for s, arms in cells.items():
        value = {t: _pool(members) for t, members in arms.items()}
        names = list(value)
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                (da, va, na), (db, vb, nb) = value[a], value[b]
                pairs.append(
                    PairRow(s, a, b, IMPROVEMENT, db - da, float(np.sqrt(va + vb)), na + nb)
                )
    return [], pairs, {}, notes


def _pool(members: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    weight = np.array([1 / v for _, v, _ in members])
    value = float((weight * [d for d, _, _ in members]).sum() / weight.sum())
    return value, float(1 / weight.sum()), float(sum(m for _, _, m in members))


def _pairs(table: pa.Table, name: str) -> Rows:
    """Read differences: standardised ones of severity or improvement, else log odds ratios."""
    table = _lowered(table, name)
    if "outcome" not in table.column_names:
        raise SchemaError(
            f"{name}: pairs need a column outcome: {SYMPTOMS} where less is better, {IMPROVEMENT}"
            " where more is, or what was counted (response, dropout ...)"
        )
    words = _filled(table, ("study", "treatment1", "treatment2", "outcome"), name)
    effect, error = (tables.numbers(table, c, where=name) for c in ("effect", "error"))
    if np.any(error <= 0):
        row = int(np.flatnonzero(error <= 0)[0]) + 1
        raise SchemaError(f"{name}, row {row}: an error must be above 0")
    people = "n" in table.column_names
    n = tables.numbers(table, "n", where=name) if people else np.full(effect.size, np.nan)
    rows = []
    for s, a, b, o, value, spread, m in zip(*words, effect, error, n, strict=True):
        outcome, turn = outcome_name(o), 1.0
        if outcome == SYMPTOMS:
            outcome, turn = IMPROVEMENT, -1.0
        if not np.isnan(value + spread):
            rows.append(PairRow(s, a, b, outcome, turn * float(value), float(spread), float(m)))
    left = effect.size - len(rows)
    notes = [f"{left} rows have no effect or no error: not used"] if left else []
    return [], rows, _bias(table, "study", name), notes


def _metapsy(table: pa.Table, name: str) -> Rows:
    """Read effect sizes of psychotherapies against controls, several a trial.

    The effects of one trial and pair are averaged over instruments and raters; they share people,
    so the mean's error is that of one of them (a correlation of 1: no precision is invented).
    Trials in which a therapy stands on both sides, or one row each, are pairs as they come.
    """
    study = tables.texts(table, "study", where=name)
    first, second = (tables.texts(table, f"condition_arm{k}", where=name) for k in (1, 2))
    g, error = (_decimal(tables.texts(table, c, where=name)) for c in (".g", ".g_se"))
    n = np.nansum([_decimal(tables.texts(table, f"n_arm{k}", where=name)) for k in (1, 2)], axis=0)
    rob = (
        _decimal(tables.texts(table, "rob", where=name))
        if "rob" in table.column_names
        else np.full(g.size, np.nan)
    )
    cells: dict[tuple[str, str, str], list[tuple[float, float, float]]] = {}
    bias = {}
    for row in zip(study, first, second, g, error, n, rob, strict=True):
        s, a, b, effect, spread, people, items = row
        if not (np.isfinite(effect) and np.isfinite(spread)) or a == b:
            continue
        key = (str(s), _NAMES.get(str(a), str(a)), _NAMES.get(str(b), str(b)))
        cells.setdefault(key, []).append((float(effect), float(spread), float(people)))
        if np.isfinite(items):  # of four items, how many are at low risk
            bias[str(s)] = "low" if items >= 4 else "some" if items >= 2 else "high"
    rows = [
        PairRow(
            s,
            a,
            b,
            IMPROVEMENT,
            float(np.mean([e for e, _, _ in cell])),
            float(np.mean([v for _, v, _ in cell])),
            max(m for _, _, m in cell),
        )
        for (s, a, b), cell in cells.items()
    ]
    return [], rows, bias, ["several instruments of a trial are averaged"]


def _decimal(words: Labels) -> Floats:
    """Return numbers that may be written with a decimal comma; NaN where there is none."""
    found = np.full(words.size, np.nan)
    for place, word in enumerate(words.tolist()):
        try:
            found[place] = float(word.replace(",", "."))
        except ValueError:
            continue
    return found
