"""A trial as arrays: what each person had, was given, and came to. Higher outcomes are better."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.logistic import fit_logistic, sigmoid
from euthymia.models.matching.least_squares import Design, predicted

BINS = 8  # a question of a tree asks for one of the seven octiles of a column
SMALLEST_CHANCE = 0.02  # an estimated chance of treatment below this is taken as this
_PENALTY = 1.0  # of the logistic models of treatment and of missing outcomes, standardised columns
_NO_ONE = 3  # an arm with so few known outcomes in a training part is given the mean of all


@dataclass(frozen=True, slots=True)
class Trial:
    """The arrays of a trial.

    Attributes
    ----------
    x : shape [n, k]
        Standardised covariates.
    binned, bins : shapes [n, c] and [c]
        The covariates that a tree may ask about, in bins.
    y : shape [n]
        NaN where missing.
    arm : shape [n]
    arms : int
    person : shape [n]
    propensity : shape [n, arms], or None
        None where the chances of treatment have to be estimated.
    """

    x: Floats
    binned: Ints
    bins: Ints
    y: Floats
    arm: Ints
    arms: int
    person: Ints
    propensity: Floats | None

    @property
    def missing(self) -> bool:
        """Whether any outcome is missing."""
        return bool(np.isnan(self.y).any())

    def with_arms(self, arm: Ints, y: Floats) -> "Trial":
        """Return the trial as it would have been under another assignment."""
        return replace(self, arm=arm, y=y)


def people_parts(person: Ints, parts: int, rng: np.random.Generator) -> Ints:
    """Return a part for each row; all rows of a person are in one."""
    names, code = np.unique(person, return_inverse=True)
    dealt = rng.permutation(np.arange(names.size) % parts)
    return np.asarray(dealt[code.reshape(-1)], np.int64)


def expected_outcomes(trial: Trial, train: Ints, rows: Ints) -> Floats:
    """Return the outcome expected under each arm, shape [rows, arms], learned on `train`."""
    known = train[~np.isnan(trial.y[train])]
    found = np.empty((rows.size, trial.arms))
    for a in range(trial.arms):
        own = known[trial.arm[known] == a]
        if own.size <= _NO_ONE:
            found[:, a] = trial.y[known].mean()
            continue
        fitted = Design.of(trial.x[own]).fit(trial.y[own][:, None])
        found[:, a] = predicted(trial.x[rows], fitted)[:, 0]
    return found


def chances_of_treatment(trial: Trial, train: Ints, rows: Ints) -> Floats:
    """Return the probability of each arm, shape [rows, arms]: known, or learned on `train`."""
    if trial.propensity is not None:
        return trial.propensity[rows]
    labels = np.stack([trial.arm[train] == a for a in range(trial.arms)]).astype(np.float64)
    beta = np.nan_to_num(
        fit_logistic(trial.x[train], labels, np.ones_like(labels), ridge=_PENALTY, iterations=25)
    )
    chance = sigmoid(beta[:, :1] + beta[:, 1:] @ trial.x[rows].T).T
    if trial.arms > 2:
        chance = chance / chance.sum(axis=1, keepdims=True)
    chance = np.maximum(chance, SMALLEST_CHANCE)
    return np.asarray(chance / chance.sum(axis=1, keepdims=True))


def chances_of_outcome(trial: Trial, train: Ints, rows: Ints) -> Floats | None:
    """Return how likely each row's outcome was to be seen, given covariates and arm."""
    if not trial.missing:
        return None
    given = np.eye(trial.arms)[trial.arm][:, 1:]
    design = np.hstack([trial.x, given])
    label = (~np.isnan(trial.y[train])).astype(np.float64)
    if label.min() == label.max():
        return np.full(rows.size, max(float(label.mean()), SMALLEST_CHANCE))
    beta = fit_logistic(
        design[train], label, np.ones((1, train.size)), ridge=_PENALTY, iterations=25
    )[0]
    seen = sigmoid(beta[0] + design[rows] @ beta[1:])
    return np.asarray(np.maximum(seen, 0.05))


def inner_parts(train: Ints, part: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield (learn on, judge on) rows of a training set, people apart."""
    for number in range(int(part.max()) + 1):
        yield train[part != number], train[part == number]
