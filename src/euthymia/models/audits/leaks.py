"""Columns that could only be so good because the outcome went into them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from euthymia.evaluation.confounds import alone
from euthymia.evaluation.discrimination import auc
from euthymia.evaluation.estimate import Estimate, Floats, Ints
from euthymia.models.audits.columns import Column, code_for_unknown
from euthymia.models.audits.finding import Finding
from euthymia.models.audits.read import Ready

TOO_GOOD: Final = 0.95
"""AUC of one column alone: hardly any measurement of a person foretells an outcome so well."""
STANDS_OUT: Final = (0.80, 0.15)  # AUC alone, and how far above the next best column
_GIVEN_AWAY: Final = 0.995  # AUC of two columns put together
_ALONE: Final = 0.98  # of each of the two: a column that is as good alone is named alone
_SAME: Final = 0.9999  # correlation with a measured outcome
_ENCODED: Final = 0.02  # mean distance of an encoded column from the rates it holds
_LEVELS: Final = 4  # of a column: fewer may be near rates by luck
_MOST: Final = 40  # columns that are put together in pairs
_WAYS: Final = 2 * 4  # of putting two together: difference, sum, ratios, in either direction
_LUCK: Final = 0.001  # chance that one of them sorts people who are known by luck
_FEWEST: Final = 5  # people with the outcome, and without, of whom anything is said
_ROWS: Final = 3000  # rows looked at for it
_FEW: Final = 24  # numbers with at most so many values are asked as categories too
_SHOWN: Final = 10  # columns that get an interval


@dataclass(frozen=True, slots=True)
class ColumnAlone:
    """A column alone: AUC on people that it was not oriented (or rated) on."""

    column: str
    auc: Estimate
    how: str


def _area(values: Floats, y: Floats) -> float:
    known = ~np.isnan(values)
    if known.sum() < 10 or not 0 < y[known].mean() < 1:
        return 0.5
    area = float(auc(y[known], values[known], np.ones((1, int(known.sum()))))[0])
    return max(area, 1 - area)


def _rough(column: Column, y: Floats, rows: NDArray[np.bool_] | None = None) -> float:
    """Return a quick in-sample figure to see which columns deserve a slow one."""
    taken = slice(None) if rows is None else rows
    of = y[taken]
    best = _area(column.values[taken], of) if column.kind != "category" else 0.5
    if column.kind == "category" or column.distinct <= _FEW:
        words = column.words()[taken]
        _, code = np.unique(words, return_inverse=True)
        rate = np.bincount(code, weights=of) / np.bincount(code)
        best = max(best, _area(rate[code], of))
    return best


def columns_alone(table: Ready, *, seed: int) -> tuple[ColumnAlone, ...]:
    """Return the columns that say most alone, best first, each on people not used to orient it."""
    usable = [c for c in table.columns if c.kind in {"number", "category"} and c.distinct > 1]
    rough = sorted(usable, key=lambda c: -_rough(c, table.outcome.y))[:_SHOWN]
    repeats = int(np.clip(4000 // table.people, 1, 4))
    found = []
    for column in rough:
        ways: list[NDArray[np.generic]] = (
            [column.words()] if column.kind == "category" else [column.values]
        )
        if column.kind == "number" and column.distinct <= _FEW:
            ways.append(column.words())
        asked = [alone(v, table.outcome.y, table.person, seed=seed, repeats=repeats) for v in ways]
        best = max((a for a in asked if a is not None), key=lambda a: a[0].estimate, default=None)
        if best is not None:
            found.append(ColumnAlone(column.name, *best))
    return tuple(sorted(found, key=lambda c: -c.auc.estimate))


def too_good(found: Sequence[ColumnAlone]) -> Iterator[Finding]:
    """Yield columns that almost are the outcome, and one that stands far out."""
    for c in found:
        if c.auc.estimate >= TOO_GOOD and c.auc.low > 0.8:
            yield Finding(
                "leak",
                "stop",
                (c.column,),
                f"{c.column} alone tells the outcome with an AUC of {c.auc.estimate:.2f}"
                f" ({c.auc.low:.2f} to {c.auc.high:.2f}): it is the outcome, made from it, or"
                " recorded after it. Leave it out, or show when and how it was measured.",
                {"auc": c.auc},
            )
    rest = [c for c in found if c.auc.estimate < TOO_GOOD]
    if len(rest) > 1 and rest[0].auc.estimate >= STANDS_OUT[0]:
        first, second = rest[0], rest[1]
        if first.auc.estimate - second.auc.estimate >= STANDS_OUT[1]:
            yield Finding(
                "leak",
                "warn",
                (first.column,),
                f"{first.column} alone reaches an AUC of {first.auc.estimate:.2f} and the next best"
                f" column {second.auc.estimate:.2f}: make sure that it was known before the"
                " outcome and was not made from it.",
                {"auc": first.auc},
            )


def where_known(table: Ready, *, seed: int) -> Iterator[Finding]:
    """Yield columns that almost are the outcome of those who have them, though many have not.

    Over everybody such a column tells little, and a model of all columns is hardly moved by it.
    """
    y, person = table.outcome.y, table.person
    asked = [c for c in table.columns if c.kind in {"number", "category"} and not c.known.all()]
    for column in asked:
        known = column.known
        area = _rough(column, y, known)
        if not _beyond_luck(area, y[known], person[known], 2 * len(asked)):
            continue
        values = column.words() if column.kind == "category" else column.values
        found = alone(values[known], y[known], person[known], seed=seed, repeats=1)
        if found is not None and found[0].estimate >= TOO_GOOD and found[0].low > 0.8:
            yield Finding(
                "leak",
                "stop",
                (column.name,),
                f"{column.name} alone tells the outcome of the {np.unique(person[known]).size}"
                f" people who have it with an AUC of {found[0].estimate:.2f}"
                f" ({found[0].low:.2f} to {found[0].high:.2f}): it is the outcome, made from it, or"
                " recorded after it. Leave it out, or show when and how it was measured.",
                {"auc": found[0]},
            )


def _beyond_luck(area: float, y: Floats, person: Ints, tried: int) -> bool:
    """Tell whether an AUC is too good, and too good for the best of so many tries among so few."""
    ill = np.unique(np.column_stack([person, y]), axis=0)[:, 1]
    cases, others = ill.sum(), (1 - ill).sum()
    if area < TOO_GOOD or min(cases, others) < _FEWEST:
        return False
    spread = np.sqrt((cases + others + 1) / (12 * cases * others))
    return bool(tried * ndtr((0.5 - area) / spread) < _LUCK)


def _may_be_put_together(column: Column) -> bool:
    return column.kind == "number" and column.distinct >= 5


def _numeric(table: Ready) -> list[Column]:
    y = table.outcome.y
    chosen = [c for c in table.columns if _may_be_put_together(c)]
    return sorted(chosen, key=lambda c: -_area(c.values, y))[:_MOST]


def _sample(table: Ready, seed: int) -> Ints:
    rows = np.arange(table.person.size)
    if rows.size <= _ROWS:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, _ROWS, replace=False))


def _score(values: Floats, y: Floats, measured: Floats | None) -> float:
    if measured is None:
        return _area(values, y)
    known = np.isfinite(values)
    if known.sum() < 20 or np.ptp(values[known]) == 0:
        return 0.0
    return abs(float(np.corrcoef(values[known], measured[known])[0, 1]))


def _lucky(values: Floats, y: Floats, person: Ints, tried: int) -> bool:
    """Tell whether so few are known that one of the ways tried sorts them by chance.

    Rows of a person that have the same outcome one after the other count as one.
    """
    known = np.flatnonzero(np.isfinite(values))
    known = known[np.argsort(person[known], kind="stable")]
    whose, ill = person[known], y[known]
    new = np.r_[True, (np.diff(whose) != 0) | (np.diff(ill) != 0)]
    return comb(int(new.sum()), int(ill[new].sum())) < tried / _LUCK


def derived(table: Ready, *, seed: int) -> Iterator[Finding]:
    """Yield pairs of columns whose difference, sum or ratio is the outcome.

    A response that was computed from a column is not foretold by it.
    """
    rows = _sample(table, seed)
    y = table.outcome.y[rows]
    measured = None if table.outcome.measured is None else table.outcome.measured[rows]
    limit = _GIVEN_AWAY if measured is None else _SAME
    columns = [(c.name, c.values[rows]) for c in _numeric(table)]
    if measured is not None:
        for name, values in columns:
            if _score(values, y, measured) >= _SAME:
                yield _given_away((name,), f"{name}", "a straight line away from")
    weak = [(n, v) for n, v in columns if _score(v, y, measured) < _ALONE]
    tried = _WAYS * comb(sum(map(_may_be_put_together, table.columns)), 2)
    for (a, x), (b, z) in combinations(weak, 2):
        with np.errstate(divide="ignore", invalid="ignore"):
            made = {
                f"{a} - {b}": x - z,
                f"{a} + {b}": x + z,
                f"{a} / {b}": np.where(z != 0, x / z, np.nan),
                f"{b} / {a}": np.where(x != 0, z / x, np.nan),
            }
        for how, values in made.items():
            if _score(values, y, measured) < limit:
                continue
            if measured is None and _lucky(values, y, table.person[rows], tried):
                continue
            yield _given_away((a, b), how, "the outcome, or orders it, in")
            break


def _given_away(columns: tuple[str, ...], how: str, why: str) -> Finding:
    words = (
        f"{how} is {why} the outcome: the outcome was computed from it."
        if len(columns) == 1
        else f"{how} tells the outcome almost without error: the outcome was computed from them."
    )
    return Finding(
        "derived", "stop", columns, f"{words} Leave out what is only known with the outcome."
    )


def known_after(table: Ready) -> Iterator[str]:
    """Yield the columns that are there, or not, with the outcome: a date of death, its month."""
    y = table.outcome.y
    for column in table.columns:
        if _area((~column.known).astype(np.float64), y) >= TOO_GOOD:
            yield column.name


def together(auc_of_all: Estimate, found: Sequence[Finding]) -> Iterator[Finding]:
    """Yield that all columns together give the outcome away though none of them does."""
    if auc_of_all.low >= TOO_GOOD and not any(f.weight == "stop" for f in found):
        yield Finding(
            "leak",
            "stop",
            (),
            f"A plain model of all columns tells the outcome of new people with an AUC of"
            f" {auc_of_all.estimate:.2f}: together they hold the outcome (items that its score was"
            " made from, records after it). Find them by leaving columns out.",
            {"auc": auc_of_all},
        )


def coded(table: Ready) -> Iterator[Finding]:
    """Yield columns in which a number stands for "not known"."""
    for column in table.columns:
        code = code_for_unknown(column)
        if code is None:
            continue
        rows = int((column.values == code).sum())
        yield Finding(
            "code",
            "warn",
            (column.name,),
            f"{column.name} is {code:g} in {rows} rows, far from all its other values: a code for"
            " not known, that a model takes for a measurement. Leave those cells empty.",
            {"code": code, "rows": rows},
        )


def _rates(code: Floats, y: Floats) -> tuple[Floats, Floats]:
    _, place = np.unique(code, return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    return np.bincount(place, weights=y) / count, count


def _holds_its_rates(column: Column, target: Floats) -> bool:
    """Tell whether each value of a column is the mean outcome of the rows that have it."""
    values, y = column.values[column.known], target[column.known]
    levels = np.unique(values)
    if not _LEVELS <= levels.size <= values.size / 3:
        return False
    rate, count = _rates(values, y)
    if np.ptp(rate) == 0:
        return False
    usual = float((count * np.abs(rate - np.average(rate, weights=count))).sum() / count.sum())
    apart = float((count * np.abs(levels - rate)).sum() / count.sum())
    return apart <= _ENCODED * usual


def _by_level(column: Column, key: Floats, target: Floats) -> str:
    """Return how a column encodes the outcome by the levels of another; empty if it does not."""
    known = column.known & ~np.isnan(key)
    values, y = column.values[known], target[known]
    if known.sum() < 20 or np.ptp(values) == 0:
        return ""
    _, place = np.unique(key[known], return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    if not _LEVELS <= count.size <= values.size / 1.5:
        return ""
    mean = np.bincount(place, weights=y) / count
    several = count[place] > 1
    others = (mean[place] * count[place] - y)[several] / (count[place][several] - 1)
    if several.sum() >= 20 and _close(values[several], others):
        return "the mean outcome of the other rows of the same"
    level = np.bincount(place, weights=values) / count
    spread = np.sqrt(np.bincount(place, weights=(values - level[place]) ** 2) / count)
    one_each = spread.max() <= 1e-6 * np.ptp(values)
    held = one_each and _is_rate(level, mean, count, float(y.mean()))
    return "the mean outcome of the same" if held else ""


def _is_rate(level: Floats, mean: Floats, count: Floats, overall: float) -> bool:
    if count.size <= _LEVELS:  # any four points are near a line now and then
        return bool(np.abs(level - mean).max() <= 1e-3 * np.ptp(mean))
    return _close(level, mean) or _shrunken(level, mean, count, overall)


def _close(values: Floats, rates: Floats) -> bool:
    if np.ptp(values) == 0 or np.ptp(rates) == 0:
        return False
    return float(np.corrcoef(values, rates)[0, 1]) >= _SAME


def _shrunken(level: Floats, mean: Floats, count: Floats, overall: float) -> bool:
    """Tell whether levels are rates drawn to the overall rate by so many rows more, the usual."""
    return any(
        _close(level, (mean * count + prior * overall) / (count + prior))
        for prior in (1.0, 5.0, 10.0, 20.0, 50.0, 100.0)
        if np.ptp(count) > 0
    )


def encoded(table: Ready) -> Iterator[Finding]:
    """Yield columns that hold the mean outcome of a category, a site or a person."""
    targets = [table.outcome.y]
    if table.outcome.measured is not None:
        targets.insert(0, table.outcome.measured)
    keys = [(c.name, c.values) for c in table.columns if c.kind in {"category", "name"}]
    keys += [(c.name, c.values) for c in table.columns if c.kind == "number" and c.distinct <= 60]
    if table.person_name is not None and table.people < table.person.size:
        keys.insert(0, (table.person_name, table.person.astype(np.float64)))
    for column in table.columns:
        if column.kind != "number" or column.distinct < _LEVELS:
            continue
        how = _encoding(column, keys, targets)
        if how:
            yield Finding(
                "target_encoding",
                "stop",
                (column.name,),
                f"{column.name} is {how}: the outcome of the very rows to be predicted went into"
                " it. Encode inside each training fold, or leave it out.",
            )


def _encoding(column: Column, keys: Sequence[tuple[str, Floats]], targets: Sequence[Floats]) -> str:
    for target in targets:
        for name, key in keys:
            how = "" if name == column.name else _by_level(column, key, target)
            if how:
                return f"{how} {name}"
        if _holds_its_rates(column, target):
            return "the mean outcome of the rows that have it"
    return ""
