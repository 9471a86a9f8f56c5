"""Look-ahead: what a row holds that was not known on its date."""

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.models.audits.columns import Column
from euthymia.models.audits.finding import Finding
from euthymia.models.audits.read import Ready
from euthymia.models.audits.signs import times_of

_EXACT: Final = 0.98  # share of rows that must be equal
_FIT: Final = (0.999, 0.98)  # R2 with what came after, and without it
_REACH: Final = 3  # rows before and after that an average is sought in
_MOST: Final = 30  # columns that are compared with each other
_ROWS: Final = 20_000
_SLACK: Final = 1e-6
_FORWARD: Final = re.compile(r"next|lead|future|after|ahead|t\+|plus", re.IGNORECASE)
_BACK: Final = re.compile(r"lag|prev|last|before|prior|yesterday|t-|minus", re.IGNORECASE)


def after_the_index_date(table: Ready) -> Iterator[Finding]:
    """Yield dates that lie after the index date in some rows."""
    index = table.index_date
    if index is None or index.kind != "date":
        return
    for column in table.columns:
        if column is index or column.kind != "date":
            continue
        both = column.known & index.known
        late = both & (column.values > index.values + (0.0 if column.clock else 1 - _SLACK))
        if late.any():
            rows = np.flatnonzero(late)[:5]
            share = float(late.sum() / both.sum())
            yield Finding(
                "look_ahead",
                "stop",
                (column.name,),
                f"{column.name} lies after the index date {index.name} in {late.sum()} rows"
                f" ({share:.0%}): what it dates was not known then.",
                {"rows": int(late.sum()), "share": share},
                tuple((int(table.line[r]), int(table.line[r])) for r in rows),
            )


def _ordered(table: Ready) -> Ints:
    """Return rows by person and time (file order where there is no time)."""
    when = table.index_date or times_of(table)
    at = np.arange(table.person.size) * 1.0 if when is None else np.nan_to_num(when.values)
    return np.lexsort((at, table.person)).astype(np.int64)


def _shifted(values: Floats, person: Ints, by: int) -> Floats:
    """Return the value `by` rows later of the same person (earlier where negative)."""
    out = np.full(values.size, np.nan)
    if abs(by) >= values.size:
        return out
    if by >= 0:
        out[: values.size - by] = values[by:]
        same = person[: values.size - by] == person[by:]
        out[: values.size - by][~same] = np.nan
    else:
        out[-by:] = values[:by]
        out[-by:][person[-by:] != person[:by]] = np.nan
    return out


def _varies(values: Floats, person: Ints) -> bool:
    """Tell whether a column changes within people more often than not."""
    after = _shifted(values, person, 1)
    both = ~np.isnan(after) & ~np.isnan(values)
    return bool(both.sum() >= 20 and np.mean(after[both] != values[both]) > 0.2)


def _equal(a: Floats, b: Floats) -> bool:
    """Tell whether two columns agree where either is not at its commonest value."""
    both = ~np.isnan(a) & ~np.isnan(b)
    if both.sum() < 20:
        return False
    one, other = a[both], b[both]
    values, count = np.unique(one, return_counts=True)
    usual = values[count.argmax()]
    telling = (one != usual) | (other != usual)
    same = np.abs(one - other) <= _SLACK * (1 + np.abs(one))
    return bool(telling.sum() >= 20 and same[telling].mean() >= _EXACT)


def _said(column: str, words: str, *, sure: bool = True) -> Finding:
    return Finding(
        "look_ahead",
        "stop" if sure else "warn",
        (column,),
        f"{column} {words}: it was not known at the time of its row. Compute it from earlier rows."
        if sure
        else f"{column} {words}: make sure which was made from which.",
    )


def _whole_record(column: Floats, other: Floats, person: Ints) -> str:
    """Return which figure of a person's whole record a column is; empty if none."""
    people = int(person.max()) + 1
    known = ~np.isnan(other)
    count = np.bincount(person[known], minlength=people)
    total = np.bincount(person[known], weights=other[known], minlength=people)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
    most, least = np.full(people, -np.inf), np.full(people, np.inf)
    np.maximum.at(most, person[known], other[known])
    np.minimum.at(least, person[known], other[known])
    last = np.full(people, np.nan)
    last[person] = other
    figures = {"mean": mean, "sum": total, "largest": most, "smallest": least, "last": last}
    for name, figure in figures.items():
        if _equal(column, figure[person]):
            return f"{name} value"
    with np.errstate(invalid="ignore"):
        if _equal(column, other - mean[person]):
            return "distance from the mean value"
    return ""


def _from_here_on(seen: Floats, person: Ints) -> dict[str, Floats]:
    """Return the figures of each row and all later rows of its person (rows in order)."""
    found = {name: np.full(seen.size, np.nan) for name in ("largest", "smallest", "sum", "mean")}
    cuts = np.flatnonzero(np.diff(person)) + 1
    for run in np.split(np.arange(seen.size), cuts):
        back = seen[run][::-1]
        known = ~np.isnan(back)
        count, total = np.cumsum(known), np.cumsum(np.where(known, back, 0.0))
        found["largest"][run] = np.fmax.accumulate(back)[::-1]
        found["smallest"][run] = np.fmin.accumulate(back)[::-1]
        found["sum"][run] = total[::-1]
        found["mean"][run] = (total / np.maximum(count, 1))[::-1]
    return found


def _rest_of_record(column: Floats, other: Floats, person: Ints) -> str:
    """Return which figure of a row and all later ones a column is; empty if none."""
    if _equal(column, other):  # a column twice, that only falls, is its own largest from there on
        return ""
    for name, figure in _from_here_on(other, person).items():
        if _equal(column, figure):
            return f"{name} value" if name != "sum" else name
    return ""


def _standardised(column: Floats, person: Ints) -> bool:
    """Tell whether a column has mean 0 and spread 1 in (nearly) every person."""
    people = int(person.max()) + 1
    known = ~np.isnan(column)
    count = np.bincount(person[known], minlength=people).astype(np.float64)
    long = count >= 4
    if long.sum() < 10:
        return False
    total = np.bincount(person[known], weights=column[known], minlength=people)[long]
    square = np.bincount(person[known], weights=column[known] ** 2, minlength=people)[long]
    mean = total / count[long]
    spread = square / count[long] - mean**2
    unit = np.minimum(np.abs(spread - 1), np.abs(spread * count[long] / (count[long] - 1) - 1))
    return bool(np.mean((np.abs(mean) < 1e-4) & (unit < 1e-3)) >= 0.9)


def _fit(target: Floats, design: Floats) -> tuple[float, Floats]:
    """Return R2 and coefficients of least squares."""
    beta = np.asarray(np.linalg.lstsq(design, target, rcond=None)[0], np.float64)
    left = target - design @ beta
    return 1 - float((left**2).sum() / ((target - target.mean()) ** 2).sum()), beta


def _later(by: int) -> str:
    return f"{by} row{'s' if by > 1 else ''} later"


def _which_moved(lead: Column, other: Column, order: Ints, person: Ints) -> str:
    """Tell which of two shifted columns was moved: "lead", "lag" or "either".

    The moved one has a gap at the end of each record (moved up) or at its start (moved down);
    where neither has, names are asked.
    """
    first = np.r_[True, person[1:] != person[:-1]]
    last = np.r_[person[1:] != person[:-1], True]
    gap_last = np.isnan(lead.values[order][last]).mean()
    gap_first = np.isnan(other.values[order][first]).mean()
    if max(gap_last, gap_first) > 0.5:
        return "lead" if gap_last > gap_first else "lag"
    if _FORWARD.search(lead.name):
        return "lead"
    return "lag" if _BACK.search(other.name) else "either"


def _averages(column: Floats, other: Floats, person: Ints) -> bool:
    """Tell whether a column is made from rows of another around it, later ones included.

    A sum or an average of rows has weights of one sign. Weights of both signs are also those of a
    column in its own running sum (x is the next sum less this one), so for them the gap at the end
    of each record must show which was made from which.
    """
    steps = range(-_REACH, _REACH + 1)
    moved = np.column_stack([_shifted(other, person, by) for by in steps])
    whole = ~np.isnan(moved).any(axis=1) & ~np.isnan(column)
    if whole.sum() < 60 or np.ptp(column[whole]) == 0 or np.ptp(other[whole]) == 0:
        return False
    ones = np.ones((int(whole.sum()), 1))
    full, weights = _fit(column[whole], np.hstack([moved[whole], ones]))
    past, _ = _fit(column[whole], np.hstack([moved[whole][:, : _REACH + 1], ones]))
    if not (full > _FIT[0] and past < _FIT[1]):
        return False
    used = weights[:-1][np.abs(weights[:-1]) > 0.01 * np.abs(weights[:-1]).max()]
    if used.size < 2:  # moved as it is: asked apart
        return False
    last = np.r_[person[1:] != person[:-1], True]
    return bool(np.all(used > 0) or np.isnan(column[last]).mean() > 0.5)


def _each(table: Ready) -> tuple[Ints, Ints, list[Column]]:
    order = _ordered(table)
    order = order[table.person[order] <= table.person[order][min(_ROWS, order.size) - 1]]
    columns = [c for c in table.columns if c.kind == "number" and c.distinct > 1][:_MOST]
    return order, table.person[order], columns


def ahead_of_time(table: Ready) -> Iterator[Finding]:
    """Yield columns that hold later rows of the same person, or a figure of their whole record."""
    if table.people == table.person.size:
        return
    order, person, columns = _each(table)
    outcome = table.outcome.y if table.outcome.measured is None else table.outcome.measured
    y = outcome[order]
    changing = [c for c in columns if _varies(c.values[order], person)]
    for column in columns:
        values = column.values[order]
        later = _of_the_outcome(values, y, person)
        found = later or _of_others(column, changing, order, person)
        if not found and column in changing and _standardised(values, person):
            found = "is standardised over the person's whole record"
        if found.startswith("?"):
            yield _said(column.name, found[1:], sure=False)
        elif found:
            yield _said(column.name, found)


def _of_the_outcome(values: Floats, y: Floats, person: Ints) -> str:
    after = _shifted(y, person, 1)
    both = ~np.isnan(after)
    if not np.any(after[both] != y[both]):
        return ""
    for by in range(1, _REACH + 1):
        if _equal(values, _shifted(y, person, by)):
            return f"is the outcome {_later(by)}"
    return ""


def _of_others(column: Column, changing: list[Column], order: Ints, person: Ints) -> str:
    """Return how a column is made from what came later in another; "?" first where unsure."""
    values = column.values[order]
    for other in changing:
        if other is column:
            continue
        seen = other.values[order]
        whole = _whole_record(values, seen, person)
        if whole:
            return f"is the {whole} of {other.name} over the person's whole record"
        if column not in changing:
            continue
        rest = _rest_of_record(values, seen, person)
        if rest:
            return f"is the {rest} of {other.name} from its row to the end of the record"
        for by in range(1, _REACH + 1):
            if _equal(values, _shifted(seen, person, by)):
                moved = _which_moved(column, other, order, person)
                if moved == "lead":
                    return f"is {other.name} {_later(by)}"
                if moved == "either":
                    return f"?is {other.name} {_later(by)}, or that is it earlier"
        if _averages(values, seen, person):
            return f"is made from later rows of {other.name} (such as an average around its row)"
    return ""
