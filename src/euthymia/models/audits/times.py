"""Drift: two halves of a table by its dates, or two tables."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from euthymia.evaluation.drifts import Drift, drift, sure
from euthymia.evaluation.estimate import Floats
from euthymia.ground.errors import SchemaError
from euthymia.models.audits.columns import Column, design
from euthymia.models.audits.finding import Finding
from euthymia.models.audits.read import Ready
from euthymia.models.audits.signs import measurements, times_of

_LEAST: Final = 30  # rows in each half
_LEVEL: Final = 0.05


def between_halves(table: Ready, x: Floats, names: tuple[str, ...], *, seed: int) -> Drift | None:
    """Return what differs between the earlier and the later half; None without dates."""
    when = table.index_date or times_of(table)
    if when is None or when.distinct < 2:
        return None
    later = when.values > np.nanmedian(when.values)
    known = when.known
    if min(later[known].sum(), (~later[known]).sum()) < _LEAST or not x.shape[1]:
        return None
    y, person = table.outcome.y[known], table.person[known]
    return drift(x[known], y, later[known], person, names, seed=seed)


def _merged(first: Column, second: Column) -> Column:
    """Return a column of both tables, categories under common codes."""
    if not first.levels and not second.levels:
        return Column(first.name, first.kind, np.r_[first.values, second.values])
    words = np.r_[first.words(), second.words()]
    levels = np.unique(words[words != ""])
    code = np.where(words == "", np.nan, np.searchsorted(levels, words))
    return Column(first.name, "category", code, tuple(map(str, levels)))


def between_tables(table: Ready, other: Ready, *, seed: int) -> Drift:
    """Return what differs between two tables with the same columns.

    Raises
    ------
    SchemaError
        They have no measurement in common.
    """
    theirs = {c.name: c for c in other.columns}
    shared = [_merged(c, theirs[c.name]) for c in measurements(table) if c.name in theirs]
    if not shared:
        raise SchemaError(f"{table.where} and {other.where} have no column in common to compare")
    people = table.people + other.people
    x, names = design(shared, people)
    later = np.r_[np.zeros(table.person.size, bool), np.ones(other.person.size, bool)]
    known = {n: i for i, n in enumerate(np.unique(np.r_[table.names, other.names]))}
    who = np.array([known[n] for n in np.r_[table.names, other.names]], np.int64)
    if table.person_name is None:  # rows without names are people of their own
        who = np.arange(who.size)
    y = np.r_[table.outcome.y, other.outcome.y]
    return drift(x, y, later, who, names, seed=seed)


def drifted(found: Drift | None, between: str) -> Iterator[Finding]:
    """Yield inputs, outcome and calibration that moved."""
    if found is None:
        return
    moved = [d for d in found.inputs if d.size != "little"]
    if moved:
        said = ", ".join(f"{d.column} (PSI {d.psi:.2f}, {d.size})" for d in moved[:5])
        yield Finding(
            "drift",
            "warn",
            tuple(d.column for d in moved),
            f"Inputs differ between {between}: {said}.",
            {"told_apart": found.told_apart},
        )
    elif found.told_apart_p <= _LEVEL / 2 and found.told_apart.low > 0.5:
        yield Finding(
            "drift",
            "warn",
            (),
            f"All columns together tell {between} apart (AUC {found.told_apart.estimate:.2f}, p ="
            f" {found.told_apart_p:.3f}) though none does alone.",
            {"told_apart": found.told_apart},
        )
    change = found.prevalence_change
    if change is not None and sure(change):
        before, after = found.prevalence
        yield Finding(
            "drift",
            "warn",
            (),
            f"The outcome went from {before.estimate:.1%} to {after.estimate:.1%} between"
            f" {between} ({change.low:+.1%} to {change.high:+.1%}).",
            {"prevalence_change": change},
        )
    large = found.model.get("calibration_in_the_large")
    if large is not None and sure(large):
        way = "low" if large.estimate > 0 else "high"
        yield Finding(
            "drift",
            "warn",
            (),
            f"A plain model of the first predicts too {way} for the second: calibration in the"
            f" large {large.estimate:+.2f} log-odds ({large.low:+.2f} to {large.high:+.2f}).",
            {"calibration_in_the_large": large},
        )
