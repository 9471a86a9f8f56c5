"""A table made ready for the audit: whose rows, which outcome, which columns are what."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.ground.errors import SchemaError
from euthymia.models.audits.columns import Column, read_column
from euthymia.models.tables import is_number, labels, numbers, require, texts

MIN_PEOPLE: Final = 20  # below it five folds hold fewer than two people of a class each
MIN_CLASS: Final = 5
GROUPS: Final = re.compile(
    r"^(race|ethnic\w*|hispanic|language|lang|prim_?lang|sex|gender|female|male|age|age_?(band|"
    r"group|years)|income|insurance|education|edu|disability|nationality|religion|alter|geschlecht"
    r"|herkunft|sprache|einkommen|sexe|langue|revenu|edad|sexo|idioma|ingresos)\d*$",
    re.IGNORECASE,
)
"""Columns that say which group a person belongs to, by name."""
SITES: Final = re.compile(
    r"^(site|cent(re|er)|clinic|hospital|ward|facility|practice|investigator|pool_?inv\w*|invest_?id"
    r"|study|zentrum|standort|klinik|praxis|ambulanz|h[oô]pital|clinique|centro|cl[ií]nica)(_?id)?$",
    re.IGNORECASE,
)
NAMES: Final = re.compile(
    r"(^|[_\W])(device|firmware|platform|batch|file_?name|site|cent(re|er)|clinic|hospital|ward|rater"
    r"|interviewer|investigator|poolinv|investid|operator|scanner|season|month|week_?day|dow"
    r"|rownames|uid|mrn|cohort|wear|worn|coverage)([_\W]|$)"
    r"|^(n_?|num_?|number_?of_?)?(days|rows|records|samples|visits)(_?recorded)?$"
    r"|^(rec(ording)?_?)?(length|duration)(_?\w)?$|^recording|^(start|first|visit|study)_?\w*"
    r"(hour|year|quarter|time|day)$"
    r"|^(hour|year|quarter|order|index|row|seq(uence)?|number|id|nr|source|study|arm|version|os"
    r"|phone|model|app|lab|unnamed.*)$|_(id|nr|version)$",
    re.IGNORECASE,
)
"""Not words that also name measurements, such as sleep_duration or days_drinking."""
_YES: Final = ("1", "yes", "true", "case", "patient", "positive")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be predicted: 0 or 1 a row, and the numbers it was cut from where it was."""

    name: str
    y: Floats
    measured: Floats | None
    cut: float | None
    positive: str


@dataclass(frozen=True, slots=True)
class Ready:
    """A table to be audited. `line` is each row's line in the file (the header is line 1)."""

    where: str
    outcome: Outcome
    person_name: str | None
    person: Ints
    names: NDArray[np.str_]
    columns: tuple[Column, ...]
    features: frozenset[str]
    site: Column | None
    treatment: Column | None
    groups: tuple[Column, ...]
    index_date: Column | None
    score: Floats | None
    line: Ints
    left_out: int

    @property
    def people(self) -> int:
        """How many people there are."""
        return int(self.person.max()) + 1

    def column(self, name: str) -> Column | None:
        """Return a column by name, or None."""
        return next((c for c in self.columns if c.name == name), None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller said about the table."""

    outcome: str
    person: str | None = None
    site: str | None = None
    treatment: str | None = None
    groups: tuple[str, ...] | None = None
    index_date: str | None = None
    score: str | None = None
    features: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    positive: str | None = None

    def named(self) -> list[str]:
        """Return every column that was named."""
        one = (self.outcome, self.person, self.site, self.treatment, self.index_date, self.score)
        return [n for n in (*one, *(self.groups or ()), *self.features, *self.ignore) if n]


def _outcome(table: pa.Table, asked: Asked, where: str) -> Outcome:
    name = asked.outcome
    if asked.positive is None and is_number(table, name):
        values = numbers(table, name, where=where)
        levels = np.unique(values[~np.isnan(values)])
        if levels.size == 2:
            y = np.where(np.isnan(values), np.nan, (values == levels[1]).astype(np.float64))
            return Outcome(name, y, None, None, f"{levels[1]:g}")
        if levels.size > 2:
            return _halves(name, values)
    elif asked.positive is None:
        words = np.char.strip(texts(table, name, where=where))
        levels_of = np.unique(words[words != ""])
        if levels_of.size == 2:
            yes = [str(w) for w in levels_of if str(w).lower() in _YES]
            one = yes[0] if len(yes) == 1 else str(levels_of[1])
            return Outcome(name, _coded(words, one), None, None, one)
        if levels_of.size > 2:
            raise SchemaError(
                f"{where}, column {name}: an outcome in words must have two values and has"
                f" {levels_of.size}; say which counts as the event with --positive VALUE"
            )
    y = labels(table, name, positive=asked.positive, where=where)
    return Outcome(name, y, None, None, asked.positive or "1")


def _coded(words: NDArray[np.str_], one: str) -> Floats:
    return np.where(words == "", np.nan, (words == one).astype(np.float64))


def _halves(name: str, values: Floats) -> Outcome:
    """Cut a measured outcome at its median: the upper half against the lower."""
    known = values[~np.isnan(values)]
    cut = float(np.median(known))
    above = values > cut
    if above.sum() < 0.25 * known.size:  # many sit at the median
        above = values >= cut
    return Outcome(name, np.where(np.isnan(values), np.nan, above * 1.0), values, cut, "upper half")


def _person(table: pa.Table, asked: Asked, where: str) -> tuple[Ints, NDArray[np.str_]]:
    if asked.person is None:
        return np.arange(table.num_rows), np.arange(table.num_rows).astype(np.str_)
    words = texts(table, asked.person, where=where)
    if np.any(words == ""):
        row = int(np.flatnonzero(words == "")[0]) + 2
        raise SchemaError(
            f"{where}, line {row}, column {asked.person}: no person; each row must say whose it is"
        )
    first = dict.fromkeys(words.tolist())
    place = {name: i for i, name in enumerate(first)}
    return np.array([place[w] for w in words.tolist()], np.int64), words


def _refuse_too_few(outcome: Outcome, person: Ints, where: str) -> None:
    people = np.unique(person).size
    having = np.unique(person[outcome.y == 1]).size
    free = np.unique(person[outcome.y == 0]).size
    if having == 0 or free == 0:
        raise SchemaError(
            f"{where}, column {outcome.name}: the outcome is the same in every row; an audit needs"
            " rows with and without it"
        )
    if people < MIN_PEOPLE or min(having, free) < MIN_CLASS:
        raise SchemaError(
            f"{where}: too few people to audit: {people}, of whom {having} have the outcome"
            f" {outcome.name} and {free} are free of it in some row; it needs {MIN_PEOPLE}, and"
            f" {MIN_CLASS} of each kind"
        )


def _refuse_no_date(index: Column | None, where: str) -> None:
    """Refuse an index date that is none: nothing could be found to lie after it."""
    if index is not None and index.kind != "date":
        raise SchemaError(
            f"{where}, column {index.name}: holds no dates, so that nothing could be said to lie"
            " after them; write them as 2024-03-31, or leave --index-date out"
        )


def _score(table: pa.Table, name: str, where: str) -> Floats:
    values = numbers(table, name, where=where)
    known = values[~np.isnan(values)]
    if known.size == 0 or known.min() < 0 or known.max() > 1:
        raise SchemaError(f"{where}, column {name}: predictions must be probabilities, 0 to 1")
    return values


def _site(asked: Asked, columns: Sequence[Column]) -> str | None:
    if asked.site:
        return asked.site
    return next((c.name for c in columns if SITES.match(c.name) and c.distinct > 1), None)


def ready(table: pa.Table, asked: Asked, where: str) -> Ready:
    """Return the table made ready, or refuse it with what is wrong and how to mend it.

    Rows without an outcome are left out and counted.

    Raises
    ------
    SchemaError
        A named column is not there, a row is nobody's, the outcome cannot be used, or there are
        too few people.
    """
    require(table, asked.named(), where=where)
    outcome = _outcome(table, asked, where)
    kept = np.flatnonzero(~np.isnan(outcome.y))
    if kept.size < table.num_rows:
        measured = outcome.measured
        outcome = Outcome(
            outcome.name,
            outcome.y[kept],
            None if measured is None else measured[kept],
            outcome.cut,
            outcome.positive,
        )
        left_out, table = table.num_rows - kept.size, table.take(kept)
    else:
        left_out = 0
    person, names = _person(table, asked, where)
    _refuse_too_few(outcome, person, where)
    people = int(person.max()) + 1
    apart = {asked.outcome, asked.person, asked.score, *asked.ignore}
    wanted = [n for n in table.column_names if n not in apart]
    read = {n: read_column(table, n, people, where) for n in wanted}
    score = None if asked.score is None else _score(table, asked.score, where)
    _refuse_no_date(read.get(asked.index_date or ""), where)
    site = _site(asked, list(read.values()))
    groups = asked.groups
    if groups is None:
        groups = tuple(n for n in wanted if GROUPS.match(n))
    kept_columns = tuple(
        c
        for n, c in read.items()
        if not asked.features
        or n in {*asked.features, site, asked.treatment, *groups}
        or c.kind in {"date", "name"}
        or NAMES.search(n)  # what is no feature may still tell how the data came
    )
    return Ready(
        where=where,
        outcome=outcome,
        person_name=asked.person,
        person=person,
        names=names,
        columns=kept_columns,
        features=frozenset(asked.features),
        site=read.get(site or ""),
        treatment=read.get(asked.treatment or ""),
        groups=tuple(read[n] for n in groups if n in read),
        index_date=read.get(asked.index_date or ""),
        score=score,
        line=kept + 2,
        left_out=left_out,
    )
