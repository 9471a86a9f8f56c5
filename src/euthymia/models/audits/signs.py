"""How the data were collected, read off the table itself: what ought to say nothing of the outcome.

Lengths, dates, gaps, order and names. A column of the table is also taken for such a sign where its
name says so (`days`, `device`, `visit_month`), though it may be a measurement all the same: the
audit says which it was.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats
from euthymia.models.audits.columns import Column, code_for_unknown
from euthymia.models.audits.read import NAMES, Ready

_WORDS: Final = re.compile(
    r"month|week_?day|dow|season|hour|quarter|site|cent|clinic|device|version|batch|source|invest",
    re.IGNORECASE,
)
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAYS: Final = ("Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")
_GAPS: Final = (0.01, 0.99)  # share of rows without a value between which gaps may say something
_FEW: Final = 24  # numbers with at most so many values are used as categories where they are codes


@dataclass(frozen=True, slots=True, eq=False)
class Sign:
    """One variable of how the data were collected: each row's value, and where it comes from."""

    name: str
    values: NDArray[np.generic]
    kind: str
    columns: tuple[str, ...]


def _by_person(table: Ready, values: Floats, how: Any) -> Floats:  # noqa: ANN401 - a ufunc
    found = np.full(table.people, np.nan)
    fill = np.inf if how is np.minimum else -np.inf
    found[:] = fill
    known = ~np.isnan(values)
    how.at(found, table.person[known], values[known])
    found[~np.isfinite(found)] = np.nan
    return found[table.person]


def _month(days: Floats) -> NDArray[np.str_]:
    known = ~np.isnan(days)
    dates = np.where(known, np.floor(days), 0).astype("datetime64[D]")
    month = dates.astype("datetime64[M]").astype(np.int64) % 12
    return np.where(known, np.array(_MONTHS)[month], "not known")


def _weekday(days: Floats) -> NDArray[np.str_]:
    known = ~np.isnan(days)
    return np.where(
        known, np.array(_DAYS)[np.where(known, np.floor(days), 0).astype(np.int64) % 7], "not known"
    )


def _hour(days: Floats) -> Floats:
    return np.asarray(np.floor((days % 1) * 24 + 1e-6))


def times_of(table: Ready) -> Column | None:
    """Return the column that says when each row is: the date that differs most within people."""
    best: tuple[int, Column | None] = (0, None)
    for column in table.columns:
        if column.kind == "date":
            pairs = np.unique(np.column_stack([table.person, column.values]), axis=0).shape[0]
            if pairs > best[0]:
                best = (pairs, column)
    return best[1]


def _repeated(table: Ready) -> bool:
    return table.people < table.person.size


def _of_length(table: Ready) -> Iterator[Sign]:
    if _repeated(table):
        count = np.bincount(table.person).astype(np.float64)
        yield Sign("rows per person", count[table.person], "recording length", ())
    when = times_of(table)
    if when is not None and _repeated(table):
        span = _by_person(table, when.values, np.maximum) - _by_person(
            table, when.values, np.minimum
        )
        yield Sign(f"days from first to last {when.name}", span, "recording length", (when.name,))


def _of_dates(table: Ready) -> Iterator[Sign]:
    when = times_of(table)
    for column in (c for c in table.columns if c.kind == "date"):
        first = _by_person(table, column.values, np.minimum)
        begin = f"start ({column.name})" if _repeated(table) else column.name
        yield Sign(f"{begin}: month", _month(first), "season", (column.name,))
        yield Sign(f"{begin}: weekday", _weekday(first), "weekday", (column.name,))
        yield Sign(f"{begin}: date", first, "start date", (column.name,))
        if column.clock:
            yield Sign(f"{begin}: hour", _hour(first), "hour", (column.name,))
        if column is when and _repeated(table):
            yield Sign(f"{column.name}: month", _month(column.values), "season", (column.name,))
            yield Sign(
                f"{column.name}: weekday", _weekday(column.values), "weekday", (column.name,)
            )
            if column.clock:
                yield Sign(f"{column.name}: hour", _hour(column.values), "hour", (column.name,))


def _gap(column: Column) -> NDArray[np.bool_]:
    """Return where a value is not known, a code for it included."""
    code = code_for_unknown(column)
    return ~column.known if code is None else ~column.known | (column.values == code)


def _of_gaps(table: Ready) -> Iterator[Sign]:
    gaps = [(c, _gap(c)) for c in table.columns]
    if not gaps:
        return
    share = np.mean([g for _, g in gaps], axis=0)
    if share.max() > share.min():
        yield Sign("share of values missing", share, "missingness", ())
    patterns: dict[bytes, list[str]] = {}
    for column, gone in gaps:
        if _GAPS[0] < gone.mean() < _GAPS[1]:
            patterns.setdefault(gone.tobytes(), []).append(column.name)
    for pattern, names in patterns.items():
        gone = np.frombuffer(pattern, np.bool_)
        more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        yield Sign(
            f"{names[0]}{more} is missing", gone.astype(np.float64), "missingness", tuple(names)
        )


def _of_order(table: Ready) -> Iterator[Sign]:
    yield Sign("order in the file", np.arange(table.person.size) * 1.0, "order", ())
    if _repeated(table):
        yield Sign("order of people in the file", table.person * 1.0, "order", ())


def _split(names: NDArray[np.str_]) -> tuple[NDArray[np.str_], Floats]:
    """Return names without their digits, and the last number in each."""
    stem = {n: re.sub(r"\d+", "#", n) for n in np.unique(names).tolist()}
    number = {}
    for name in stem:
        found = re.findall(r"\d+", name)
        number[name] = float(found[-1][-15:]) if found else np.nan
    return (
        np.array([stem[n] for n in names.tolist()], np.str_),
        np.array([number[n] for n in names.tolist()], np.float64),
    )


def _of_names(table: Ready) -> Iterator[Sign]:
    given = [(c.name, c.words()) for c in table.columns if c.kind == "name"]
    if table.person_name is not None:
        given.insert(0, (table.person_name, table.names))
    for name, words in given:
        stem, number = _split(words)
        if 1 < np.unique(stem).size <= _FEW:
            yield Sign(f"{name}: letters", stem, "identifier", (name,))
        if np.unique(number[~np.isnan(number)]).size > 1:
            yield Sign(f"{name}: number", number, "identifier", (name,))


def _role(table: Ready, column: Column) -> str:
    """Return what a column is beside a measurement; empty where it is one."""
    if column is table.site:
        return "site"
    if column is table.treatment:
        return "treatment"
    if any(column is group for group in table.groups):
        return "who people are"
    return "named so" if NAMES.search(column.name) else ""


def _of_columns(table: Ready) -> Iterator[Sign]:
    for column in table.columns:
        role = _role(table, column)
        if column.kind in {"name", "date", "empty"} or not role:
            continue
        coded = column.kind == "number" and column.distinct <= _FEW and _WORDS.search(column.name)
        as_words = column.kind == "category" or role in {"site", "treatment"} or bool(coded)
        values: NDArray[np.generic] = column.words() if as_words else column.values
        yield Sign(column.name, values, role, (column.name,))


def measurements(table: Ready) -> list[Column]:
    """Return the columns that a model of the outcome would use.

    Those the caller named; else all but dates, names, sites, treatments, groups and what is named
    like a sign of how the data came; all of them where nothing else is left.
    """
    usable = [c for c in table.columns if c.kind in {"number", "category"}]
    chosen = [c for c in usable if c.name in table.features] or [
        c for c in usable if not _role(table, c)
    ]
    return chosen or usable


def signs(table: Ready) -> tuple[Sign, ...]:
    """Return every sign of how a table was collected, each once."""
    found: dict[bytes, Sign] = {}
    ways = (_of_columns, _of_length, _of_dates, _of_gaps, _of_order, _of_names)
    for way in ways:
        for sign in way(table):
            key = np.unique(sign.values.astype(np.str_), return_inverse=True)[1].tobytes()
            if sign.values.dtype.kind == "f":
                key = sign.values.tobytes()
            found.setdefault(key, sign)
    return tuple(found.values())


def same_within_people(values: NDArray[np.generic], table: Ready) -> bool:
    """Tell whether each person has one value."""
    words = values.astype(np.str_)
    first = np.unique(table.person, return_index=True)[1]
    return bool(np.all(words == words[first][table.person]))
