"""A task made up on the spot: a table, and which column is the outcome."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.errors import SchemaError
from euthymia.models.audits.read import SITES
from euthymia.models.expressions import column_formula, reads
from euthymia.models.tables import NO, YES, is_number, numbers, require, texts
from euthymia.models.tasks.table import PLAIN, Predictor, TableTask, levels

TAKEN_FOR_SITE: Final = "taken for the site: each is left out once"
MOST_LEVELS: Final = 12  # categories; with more a text names things rather than sorts them
FEWEST_ROWS: Final = 10  # of a category that becomes a predictor
_ID: Final = re.compile(r"(^|[_.\s])(id|ident\w*|uuid|guid|mrn|rownames?|index|nr|no)$|[a-z]I[dD]$")
_GROUPS: Final = (
    ("sex", re.compile(r"^(sex|gender|female|male|geschlecht|sexe|sexo)$", re.IGNORECASE)),
    ("race", re.compile(r"^(race|ethnic\w*|race[_.]?ethnicity|herkunft)$", re.IGNORECASE)),
    ("language", re.compile(r"^(language|primlang|lang|sprache|langue|idioma)$", re.IGNORECASE)),
    (
        "income",
        re.compile(
            r"^(income|income[_.]?(band|group|level)|einkommen|revenu|ingresos)$", re.IGNORECASE
        ),
    ),
    ("age band", re.compile(r"^(age|age[_.]?years|alter|edad)$", re.IGNORECASE)),
)
_WHOLE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Left:
    """A column that is no predictor, and why."""

    column: str
    why: str


def plain_task(
    table: pa.Table,
    *,
    outcome: str,
    person: str = "",
    site: str = "",
    features: Sequence[str] = (),
    time: str = "",
    positive: str = "",
    where: str = "the table",
) -> tuple[TableTask, tuple[Left, ...]]:
    """Return a task on a table of one row an index date, and the columns it leaves aside.

    Parameters
    ----------
    outcome : str
        A column of 0 and 1 (or two words that say no and yes), or a formula.
    person, site, time : str, optional
        Columns: whose row it is (none: each row is a person), where (none: the first called site,
        centre, clinic, ward or the like that is no feature), and when. None of them is a
        predictor; place and time are asked alone in the confound audit.
    features : sequence of str, optional
        The predictors. Without them every other column, but those that name rows, never change or
        hold too many different words. One that holds what came after the prediction must be left
        out by naming the others: no table says which those are.
    positive : str, optional
        The value of the outcome that counts as 1.

    Raises
    ------
    SchemaError
        A column is not there, or the outcome is no outcome.
    """
    named = [name for name in (person, site, time) if name]
    require(table, [*named, *features], where=where)
    label = _label(table, outcome, positive, where)
    taken = {person, time, *features, *(read.column for read in reads(label))}
    found = "" if site else _site_by_name(table, taken)
    roles = [*named, found] if found else named
    apart = {*roles, *(read.column for read in reads(label))}
    asked = features or [name for name in table.column_names if name not in apart]
    both = [name for name in asked if name in apart]
    if both:
        raise SchemaError(f"{where}: {both[0]} is both a predictor and the outcome, person or site")
    predictors: list[Predictor] = []
    left = [Left(found, TAKEN_FOR_SITE)] if found else []
    for name in asked:
        why = _unusable(table, name, chosen=bool(features))
        if why:
            left.append(Left(name, why))
        else:
            predictors += _predictors(table, name)
    if not predictors:
        raise SchemaError(f"{where}: no column is left to predict from; name some with --features")
    return _task(table, outcome, label, predictors, (person, site or found, time)), tuple(left)


def _site_by_name(table: pa.Table, taken: set[str]) -> str:
    """Return the first column that is called a site and holds some rows of each; or nothing."""
    for name in table.column_names:
        if name in taken or not SITES.match(name) or pa.types.is_temporal(table[name].type):
            continue
        values = np.unique(words := texts(table, name))
        if 1 < values[values != ""].size <= words.size / 2:
            return str(name)
    return ""


def _task(
    table: pa.Table,
    outcome: str,
    label: str,
    predictors: list[Predictor],
    roles: tuple[str, str, str],
) -> TableTask:
    person, site, time = roles
    names = tuple(spec.name for spec in predictors)
    metadata = {f"{name} (when)": column_formula(name) for name in (time,) if name}
    if site:
        metadata["site"] = column_formula(site)
    return TableTask(
        name=PLAIN,
        title=f"{outcome}, from a table",
        outcome=f"{outcome} is 1.",
        population="The rows of the table whose outcome is known.",
        index_dates="One a row." if person else "One a row; each row was taken for a person.",
        lookback_days=0,
        horizon_days=0,
        censoring="Rows whose outcome is not known are left out and counted.",
        intended_use="To judge what can be predicted in this table. Not for any patient.",
        not_for=("any patient: whether a column was known before the outcome is not declared",),
        threshold=0.5,
        threshold_rule="0.50, as none was declared.",
        features=tuple(predictors),
        feature_sets={"all": names},
        baselines=_alone(predictors),
        person=person,
        site=site,
        label=label,
        groups=_groups(table, (outcome, person, site)),
        metadata=metadata,
    )


def _label(table: pa.Table, outcome: str, positive: str, where: str) -> str:
    """Return the formula of the outcome."""
    if outcome not in table.column_names:
        columns = [read.column for read in reads(outcome)]
        require(table, columns, where=where)
        if columns == [outcome] or positive:
            raise SchemaError(f"{where} has no column {outcome}")
        return outcome
    column = column_formula(outcome)
    words = texts(table, outcome, where=where)
    values = np.unique(words[words != ""])
    if positive:
        if positive not in values:
            raise SchemaError(f"{where}, column {outcome}: no row has the value that counts as 1")
        return f"{column} == {positive!r}"
    low = np.char.lower(values)
    if values.size == 2 and np.isin(low, list(YES | NO)).all() and np.isin(low, list(YES)).any():
        yes = [str(value) for value in values if value.lower() in YES]
        return " or ".join(f"{column} == {value!r}" for value in yes)
    raise SchemaError(
        f"{where}, column {outcome}: an outcome is 0 or 1 (or yes and no), and this column has"
        f" {values.size} different values. Say which counts as 1 with --positive VALUE, or give a"
        f" formula, as in --outcome '{outcome} >= 10'"
    )


def _unusable(table: pa.Table, name: str, *, chosen: bool) -> str:
    """Return why a column is no predictor; empty if it is one."""
    kind = table.schema.field(name).type
    if pa.types.is_temporal(kind):
        return "a date: what the calendar says is no trait of a person"
    words = texts(table, name)
    values, counts = np.unique(words[words != ""], return_counts=True)
    if values.size < 2:
        return "the same for everybody"
    if not is_number(table, name):
        if values.size > MOST_LEVELS:
            return f"more than {MOST_LEVELS} different words"
        return "" if (counts >= FEWEST_ROWS).sum() >= 2 else "every category is too small"
    if not chosen and _names_rows(name, numbers(table, name)):
        return "names rows"
    return ""


def _names_rows(name: str, values: NDArray[np.float64]) -> bool:
    """Tell whether numbers are names: whole and all different, and called so or in order."""
    known = values[~np.isnan(values)]
    whole = bool(np.all(np.abs(known - np.round(known)) < _WHOLE))
    if not whole or np.unique(known).size < known.size:
        return bool(_ID.search(name)) and whole
    return bool(_ID.search(name)) or bool(np.all(np.diff(known) == 1))


def _predictors(table: pa.Table, name: str) -> tuple[Predictor, ...]:
    if is_number(table, name):
        return (Predictor(name, name, "1"),)
    words = texts(table, name)
    values, counts = np.unique(words[words != ""], return_counts=True)
    order = np.argsort(-counts, kind="stable")[1:]  # the others are compared with the commonest
    kept = [str(values[i]) for i in order if counts[i] >= FEWEST_ROWS]
    return levels(name, name, name, {value: value for value in kept})


def _alone(predictors: list[Predictor]) -> dict[str, tuple[str, ...]]:
    """Return the trivial models: what sex, age and the like say by themselves."""
    who = tuple(
        spec.name
        for spec in predictors
        if any(pattern.match(spec.name.split("=")[0]) for _, pattern in _GROUPS)
    )
    return {"age, sex and the like alone": who} if 0 < len(who) < len(predictors) else {}


def _groups(table: pa.Table, apart: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for title, pattern in _GROUPS:
        for name in table.column_names:
            if pattern.match(name) and name not in apart and title not in found:
                found[title] = _group(table, title, name)
    return {title: formula for title, formula in found.items() if formula}


def _group(table: pa.Table, title: str, name: str) -> str:
    if title == "age band" and is_number(table, name):
        return f"band({column_formula(name)}, 30, 45, 60)"
    words = texts(table, name)
    few = np.unique(words[words != ""]).size <= MOST_LEVELS
    return column_formula(name) if few else ""
