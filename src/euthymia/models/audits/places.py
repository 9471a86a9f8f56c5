"""Sites and treatments: is the outcome, or who got what, a matter of where people were seen."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.confounds import ModelScores
from euthymia.evaluation.drifts import two_sample_test
from euthymia.evaluation.estimate import Estimate, Floats, Ints
from euthymia.evaluation.probe import auc_of, held_out_scores, logistic_probabilities, within_groups
from euthymia.evaluation.splits import leave_site_out
from euthymia.models.audits.columns import design
from euthymia.models.audits.finding import Finding
from euthymia.models.audits.read import Ready
from euthymia.models.audits.signs import measurements

_LEVEL: Final = 0.05
_SHUFFLES: Final = 999
_MANY: Final = 30  # sites: of more, the smaller are left out together
_APART: Final = 0.1  # standardised difference from which arms are called different
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Sites:
    """The plain model over pairs of one site, and on sites it has not seen.

    `at_several`: how many people have rows at more than one site.
    """

    column: str
    sites: int
    within: Estimate
    left_out: Estimate | None
    outcome_differs_p: float
    at_several: int = 0


@dataclass(frozen=True, slots=True)
class Arms:
    """Can who was treated be told from what was known, and is it a matter of site.

    `differences` are standardised mean differences between the first arm and the others; `empty`
    counts sites where only one arm was seen.
    """

    column: str
    arms: int
    told_apart: Estimate
    told_apart_p: float
    by_site_p: float | None
    sites_with_one_arm: int | None
    differences: tuple[tuple[str, float], ...]


def _chi_square(a: Ints, b: Ints) -> float:
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1.0)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(
        (np.divide((table - expected) ** 2, expected, where=expected > 0, out=0 * table)).sum()
    )


def _depends(a: Ints, b: Ints, seed: int) -> float:
    """Return the permutation p-value that two categories have to do with each other."""
    rng, seen = np.random.default_rng(seed), _chi_square(a, b)
    reached = sum(_chi_square(a, rng.permutation(b)) >= seen - 1e-9 for _ in range(_SHUFFLES))
    return (1 + reached) / (1 + _SHUFFLES)


def _first(table: Ready, values: Floats) -> tuple[Ints, Ints]:
    """Return the first row of each person with a value, and that value as a code."""
    known = np.flatnonzero(~np.isnan(values))
    _, place = np.unique(table.person[known], return_index=True)
    rows = known[place]
    return rows.astype(np.int64), np.unique(values[rows], return_inverse=True)[1].astype(np.int64)


def sites(table: Ready, x: Floats, scores: ModelScores, *, seed: int) -> Sites | None:
    """Return how the plain model does within sites and on new ones; None without sites."""
    column = table.site
    if column is None or column.distinct < 2:
        return None
    y, person, words = table.outcome.y, table.person, column.words()
    within = auc_of(within_groups(scores, words), y, person, seed=seed)
    names, code, count = np.unique(words, return_inverse=True, return_counts=True)
    large = names[np.argsort(-count, kind="stable")[:_MANY]]
    together = np.where(np.isin(words, large), words, "the smaller sites")
    splits = tuple(leave_site_out(y, person, together))
    left = None
    if len(splits) > 1:
        left = auc_of(held_out_scores(x, y, splits, logistic_probabilities), y, person, seed=seed)
    rows, where = _first(table, column.values)
    p = _depends(where, y[rows].astype(np.int64), seed)
    seen = np.unique(np.column_stack([table.person, code]), axis=0)[:, 0]
    several = int((np.bincount(seen) > 1).sum())
    return Sites(column.name, names.size, within, left, p, several)


def _differences(
    x: Floats, names: tuple[str, ...], first: NDArray[np.bool_]
) -> Iterator[tuple[str, float]]:
    for name, values in zip(names, x.T, strict=True):
        a, b = values[first], values[~first]
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
        if min(a.size, b.size) > 1:
            spread = np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2)
            if spread > 0:
                yield name, float((a.mean() - b.mean()) / spread)


def arms(table: Ready, *, seed: int) -> Arms | None:
    """Return whether treatment can be told from the other columns; None without a treatment."""
    column = table.treatment
    if column is None or column.distinct < 2:
        return None
    rows, arm = _first(table, column.values)
    commonest = arm == np.bincount(arm).argmax()
    chosen = [c for c in [*measurements(table), *table.groups] if c is not column]
    x, names = design(chosen, table.people)
    x = x[rows] if x.shape[1] else np.zeros((rows.size, 1))
    area, p = two_sample_test(x, commonest, table.person[rows], seed=seed)
    by_site, lone = None, None
    if table.site is not None and table.site.distinct > 1:
        where = np.unique(table.site.words()[rows], return_inverse=True)[1].astype(np.int64)
        by_site = _depends(where, arm, seed)
        lone = int(sum(np.unique(arm[where == s]).size == 1 for s in range(int(where.max()) + 1)))
    apart = sorted(_differences(x, names, commonest), key=lambda d: -abs(d[1]))[:_SHOWN]
    return Arms(column.name, column.distinct, area, p, by_site, lone, tuple(apart))


def about_sites(found: Sites | None, model: Estimate) -> Iterator[Finding]:
    """Yield that a model works by telling sites apart, or that there are no sites."""
    if found is None:
        yield Finding(
            "site", "note", (), "Not externally tested: there is no column of sites to leave out."
        )
        return
    if found.at_several:
        yield Finding(
            "site",
            "warn",
            (found.column,),
            f"{found.at_several} people have rows at more than one {found.column}: whoever leaves a"
            f" {found.column} out must leave out all of their rows, as is done here. Where an"
            " identifier is given anew at each, make sure that these are the same people.",
            {"people": found.at_several},
        )
    if found.outcome_differs_p <= _LEVEL and model.beats_chance() and not found.within.low > 0.5:
        # an interval that reaches chance and all the model's AUC shows neither
        lost = found.within.estimate - 0.5 < (model.estimate - 0.5) / 2
        yield Finding(
            "site",
            "stop" if lost else "warn",
            (found.column,),
            f"How common the outcome is differs between {found.column}s (p ="
            f" {found.outcome_differs_p:.3f}), and among people of one {found.column} a plain model"
            f" {'tells next to nothing' if lost else 'is not shown to tell anything'}: AUC"
            f" {found.within.estimate:.2f} ({found.within.low:.2f} to {found.within.high:.2f}) in"
            f" place of {model.estimate:.2f}.",
            {"within": found.within},
        )
    elif found.left_out is not None and model.low > found.left_out.high:
        left = found.left_out
        yield Finding(
            "site",
            "warn",
            (found.column,),
            f"On a new {found.column} a plain model reaches an AUC of {left.estimate:.2f}"
            f" ({left.low:.2f} to {left.high:.2f}) in place of {model.estimate:.2f}.",
            {"left_out": left},
        )


def about_arms(found: Arms | None) -> Iterator[Finding]:
    """Yield that who got which treatment was not chance."""
    if found is None:
        return
    if found.told_apart_p <= _LEVEL and found.told_apart.low > 0.5:
        far = [f"{n} ({d:+.2f} SD)" for n, d in found.differences if abs(d) >= _APART][:4]
        yield Finding(
            "treatment",
            "warn",
            (found.column,),
            f"Who got which {found.column} can be told from the other columns (AUC"
            f" {found.told_apart.estimate:.2f}, {found.told_apart.low:.2f} to"
            f" {found.told_apart.high:.2f}; p = {found.told_apart_p:.3f}): arms differ in"
            f" {', '.join(far) or 'what they have together'}, and so may outcomes without any"
            " effect.",
            {"told_apart": found.told_apart},
        )
    if found.by_site_p is not None and found.by_site_p <= _LEVEL:
        lone = f"; {found.sites_with_one_arm} sites had one arm only" * bool(
            found.sites_with_one_arm
        )
        yield Finding(
            "treatment",
            "warn",
            (found.column,),
            f"{found.column} was not given alike at all sites (p = {found.by_site_p:.3f}){lone}:"
            " compare within sites.",
        )
