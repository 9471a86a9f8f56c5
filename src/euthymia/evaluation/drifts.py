"""Have the people, the outcome, or the tie between them changed: two times, or two files."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.calibration import calibration_in_the_large, calibration_slope
from euthymia.evaluation.discrimination import auc, auc_within
from euthymia.evaluation.estimate import Estimate, Floats, Metric
from euthymia.evaluation.probe import auc_of, held_out_scores, logistic_probabilities
from euthymia.evaluation.resample import (
    bca_interval,
    bootstrap_weights,
    estimates,
    jackknife_weights,
    people_of,
)
from euthymia.evaluation.splits import Split, person_folds

BINS: Final = 10
SHUFFLES: Final = 99
_REFITS: Final = 39  # fits on halves dealt anew: p-values in steps of 1/40
_REFITTED: Final = 2000  # rows: with more, dealing halves anew without a new fit tells the same
MODERATE: Final = 0.1
LARGE: Final = 0.25
"""Customary limits of the PSI (Siddiqi 2006): below 0.1 little, above 0.25 much has moved."""
_EMPTY: Final = 0.5  # a row in each bin that has none, so that the logarithm exists


def bin_edges(values: Floats, bins: int = BINS) -> Floats:
    """Return the inner edges of bins of about equal count; few values get a bin each."""
    known = np.unique(values[~np.isnan(values)])
    if known.size <= bins:
        return np.asarray((known[1:] + known[:-1]) / 2)
    return np.unique(np.quantile(values[~np.isnan(values)], np.linspace(0, 1, bins + 1)[1:-1]))


def stability_index(before: Floats, after: Floats) -> float:
    """Return the population stability index of two sets of counts in the same bins.

    Sum of (q - p) log(q / p), the symmetric Kullback-Leibler divergence; half a row stands in a bin
    that has none. Of two samples of one population it is about (bins - 1) (1/n + 1/m) (Yurdakul &
    Naranjo 2020, doi:10.21314/JRMV.2020.227), its chance level.
    """
    p = np.maximum(before, _EMPTY) / np.maximum(before, _EMPTY).sum()
    q = np.maximum(after, _EMPTY) / np.maximum(after, _EMPTY).sum()
    used = (before > 0) | (after > 0)
    return float(((q - p) * np.log(q / p))[used].sum())


@dataclass(frozen=True, slots=True)
class InputDrift:
    """One input: PSI, its level of chance, and the share not known before and after."""

    column: str
    psi: float
    chance: float
    p_value: float
    missing_before: float
    missing_after: float

    @property
    def size(self) -> str:
        """Say how much has moved, beyond chance."""
        if self.p_value > 0.05 or self.psi < MODERATE:
            return "little"
        return "moderate" if self.psi < LARGE else "large"


@dataclass(frozen=True, slots=True)
class Drift:
    """What differs between the two: inputs, all of them together, outcome, and the model."""

    inputs: tuple[InputDrift, ...]
    told_apart: Estimate
    told_apart_p: float
    prevalence: tuple[Estimate, Estimate]
    prevalence_change: Estimate | None
    model: dict[str, Estimate]
    rows: tuple[int, int]
    people: tuple[int, int]


def input_drift(
    x: Floats, later: NDArray[np.bool_], person: NDArray[np.generic], names: tuple[str, ...],
    *, seed: int,
) -> tuple[InputDrift, ...]:  # fmt: skip
    """Return the PSI of each column, largest first, with p-values by dealing people anew.

    The p-value allows for the number of columns (largest ratio to its own chance level).
    """
    dealt = _dealt(later, person, seed)
    observed, shuffled, gone = [], [], []
    for column in x.T:
        edges = bin_edges(column[~later])
        place = np.where(np.isnan(column), edges.size + 1, np.searchsorted(edges, column, "right"))
        member = np.eye(edges.size + 2)[place.astype(np.int64)]
        total = member.sum(axis=0)
        after = dealt @ member
        all_psi = np.array([stability_index(total - a, a) for a in after])
        observed.append(all_psi[0])
        shuffled.append(all_psi[1:])
        gone.append((float(np.isnan(column[~later]).mean()), float(np.isnan(column[later]).mean())))
    seen, null = np.array(observed), np.array(shuffled)
    level = np.maximum(null.mean(axis=1), 1e-12)
    largest = (null / level[:, None]).max(axis=0)
    p = (1 + (largest[None] >= (seen / level)[:, None]).sum(axis=1)) / (1 + largest.size)
    found = [
        InputDrift(n, float(s), float(c), float(v), *g)
        for n, s, c, v, g in zip(names, seen, level, p, gone, strict=True)
    ]
    return tuple(sorted(found, key=lambda d: -d.psi))


def _dealt(later: NDArray[np.bool_], person: NDArray[np.generic], seed: int) -> Floats:
    """Return which rows are later, first as it is and then dealt anew, [1 + SHUFFLES, n].

    Where people are in one half each, people are dealt; else rows of each person are shifted round
    among themselves (people who are in both halves are compared with themselves).
    """
    code, people = people_of(person)
    rng = np.random.default_rng(seed)
    share = np.bincount(code, weights=later) / np.bincount(code)
    rows = [later.astype(np.float64)]
    whole = np.isin(share, (0.0, 1.0)).all()
    runs = [np.flatnonzero(code == who) for who in range(people)] if not whole else []
    for _ in range(SHUFFLES):
        if whole:
            rows.append(share[rng.permutation(people)][code])
            continue
        moved = np.empty(later.size)
        for run in runs:
            moved[run] = np.roll(later[run], int(rng.integers(0, run.size)))
        rows.append(moved)
    return np.array(rows)


def two_sample_test(
    x: Floats, later: NDArray[np.bool_], person: NDArray[np.generic], *, seed: int
) -> tuple[Estimate, float]:
    """Return how well a plain model tells new people's halves apart (AUC), and its p-value.

    Classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545), people held out. The
    p-value deals the halves anew and fits again (with many rows it judges the same fit again).
    """
    y = later.astype(np.float64)
    _, people = people_of(person)
    splits = person_folds(y, person, folds=min(5, people), repeats=1, seed=seed)
    found = held_out_scores(x, y, splits, logistic_probabilities)
    area = auc_of(found, y, person, seed=seed)
    dealt = _dealt(later, person, seed)[1:]
    reached, tried = 0, dealt[:_REFITS] if y.size <= _REFITTED else dealt
    for labels in tried:
        again = found
        if y.size <= _REFITTED:
            again = held_out_scores(x, labels, splits, logistic_probabilities)
        once = np.ones((1, again.rows.size))
        other = auc_within(labels[again.rows], again.p, once, again.strata)[0]
        reached += int(other >= area.estimate)
    return area, (1 + reached) / (1 + tried.shape[0])


def _share(y: Floats, person: NDArray[np.generic], seed: int) -> Estimate:
    metrics: dict[str, Metric] = {
        "share": lambda v, _, w: np.asarray((w * v).sum(axis=1) / w.sum(axis=1))
    }
    return estimates(metrics, y, y, person, seed=seed, replicates=400)["share"]


def sure(change: Estimate, still: float = 0.0) -> bool:
    """Tell whether a figure is not `still` at the 1 % level: several are looked at."""
    wider = 2.576 / 1.960
    below = change.estimate - wider * (change.estimate - change.low)
    above = change.estimate + wider * (change.high - change.estimate)
    return bool(below > still or above < still)


def prevalence_change(
    y: Floats, later: NDArray[np.bool_], person: NDArray[np.generic], seed: int
) -> Estimate:
    """Return by how much the outcome is commoner in later rows, with its interval by person."""

    def gap(w: Floats) -> Floats:
        halves = [(w[:, h] @ y[h]) / w[:, h].sum(axis=1) for h in (later, ~later)]
        return np.asarray(halves[0] - halves[1])

    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = gap(bootstrap_weights(person, 400, np.random.default_rng(seed)))
        left = gap(jackknife_weights(person))
        value = float(gap(np.ones((1, y.size)))[0])
    return Estimate(value, *bca_interval(value, drawn, left), 0.0)


def drift(
    x: Floats,
    y: Floats,
    later: NDArray[np.bool_],
    person: NDArray[np.generic],
    names: tuple[str, ...],
    *,
    seed: int,
    p: Floats | None = None,
) -> Drift:
    """Return what differs between earlier and later rows.

    Parameters
    ----------
    later : shape [n]
        Which rows are of the second half (or file).
    p : shape [n], optional
        A model's predictions; without them a plain model of the earlier rows is judged on the later
        rows of other people.

    Raises
    ------
    ValueError
        One half has no rows.
    """
    if not 0 < later.mean() < 1:
        raise ValueError("there must be rows before and after")
    area, p_value = two_sample_test(x, later, person, seed=seed)
    return Drift(
        inputs=input_drift(x, later, person, names, seed=seed),
        told_apart=area,
        told_apart_p=p_value,
        prevalence=(_share(y[~later], person[~later], seed), _share(y[later], person[later], seed)),
        prevalence_change=prevalence_change(y, later, person, seed),
        model=_model(x, y, later, person, p, seed),
        rows=(int((~later).sum()), int(later.sum())),
        people=(int(np.unique(person[~later]).size), int(np.unique(person[later]).size)),
    )


def _model(
    x: Floats,
    y: Floats,
    later: NDArray[np.bool_],
    person: NDArray[np.generic],
    p: Floats | None,
    seed: int,
) -> dict[str, Estimate]:
    """Return how the model of before does on later rows."""
    rows = np.flatnonzero(later)
    if p is None:
        new = later & ~np.isin(person, person[~later])
        rows = np.flatnonzero(new if new.sum() >= 20 else later)
        known = y[~later]
        if not 0 < known.mean() < 1:
            return {}
        given = logistic_probabilities(x, y, Split(np.flatnonzero(~later), rows, "later"))
    else:
        given = p[rows]
    if not 0 < y[rows].mean() < 1:
        return {}
    metrics: dict[str, Metric] = {
        "auc": auc,
        "calibration_in_the_large": calibration_in_the_large,
        "calibration_slope": calibration_slope,
    }
    chance = {"auc": 0.5}
    return estimates(
        metrics, y[rows], given, person[rows], seed=seed, replicates=400, chance=chance
    )
