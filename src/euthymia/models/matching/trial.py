"""A trial as arrays: what each person had, was given, and came to. Higher outcomes are better.

Outcomes and arms have a leading axis of draws: the trial itself is one draw, its re-randomisations
are many, and all are worked on at once.
"""

from dataclasses import dataclass, replace

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.logistic import fit_logistic, sigmoid

BINS = 8  # a question of a tree asks for one of the seven octiles of a column
SMALLEST_CHANCE = 0.02  # an estimated chance of treatment below this is taken as this
SMALLEST_SEEN = 0.05  # the same for the chance that an outcome is seen
_PENALTY = 1.0  # of the logistic models of treatment and of missing outcomes, standardised columns
_CELLS = 20_000_000  # products of columns are held for all rows up to this size


@dataclass(frozen=True, slots=True)
class Trial:
    """The arrays of a trial.

    Attributes
    ----------
    x : shape [n, k]
        Standardised covariates.
    binned, bins : shapes [n, k] and [k]
        The same covariates in the bins that a tree may ask about.
    y, arm : shape [draws, n]
        Outcomes (NaN where missing) and arms received, 0..arms-1.
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
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.x.shape[0])

    @property
    def draws(self) -> int:
        """How many assignments are worked on at once."""
        return int(self.y.shape[0])

    @property
    def missing(self) -> bool:
        """Whether any outcome is missing."""
        return bool(np.isnan(self.y).any())

    def with_arms(self, arm: Ints, y: Floats) -> "Trial":
        """Return the trial as it would have been under other assignments."""
        return replace(self, arm=arm, y=y)


def people_parts(person: Ints, parts: int, rng: np.random.Generator) -> Ints:
    """Return a part for each row; all rows of a person are in one."""
    names, code = np.unique(person, return_inverse=True)
    dealt = rng.permutation(np.arange(names.size) % parts)
    return np.asarray(dealt[code.reshape(-1)], np.int64)


def expected_outcomes(trial: Trial, train: Ints, rows: Ints) -> Floats:
    """Return the outcome expected under each arm, shape [draws, rows, arms], from `train`.

    Ridge regression in each arm with a penalty of one row a column (standardised columns that
    explain half of the variance between them): doubly robust scores are unbiased whatever it is
    where the chances of treatment are known, and a fixed one is quick.
    """
    design = np.hstack([np.ones((train.size, 1)), trial.x[train]])
    new = np.hstack([np.ones((rows.size, 1)), trial.x[rows]])
    y, arm = trial.y[:, train], trial.arm[:, train]
    known = ~np.isnan(y)
    filled = np.where(known, y, 0.0)
    middle = filled.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    away = np.where(known, y - middle, 0.0)
    width = design.shape[1]
    ridge = np.diag(np.r_[1e-6, np.full(width - 1, float(max(1, width - 1)))])
    found = np.empty((trial.draws, rows.size, trial.arms))
    for a in range(trial.arms):
        own = (known & (arm == a)).astype(np.float64)
        gram = _grams(design, own) + ridge
        slopes = np.linalg.solve(gram, ((own * away) @ design)[:, :, None])[:, :, 0]
        found[:, :, a] = middle + slopes @ new.T
    return found


def _grams(design: Floats, weights: Floats) -> Floats:
    """Return the weighted cross-products for each row of weights, shape [draws, k, k]."""
    n, k = design.shape
    if n * k * k > _CELLS:
        return np.stack([(design * w[:, None]).T @ design for w in weights])
    products = (design[:, :, None] * design[:, None, :]).reshape(n, k * k)
    return np.asarray((weights @ products).reshape(-1, k, k))


def chances_of_treatment(trial: Trial, train: Ints, rows: Ints) -> Floats:
    """Return the probability of each arm, shape [draws, rows, arms]: known, or from `train`."""
    if trial.propensity is not None:
        known = trial.propensity[rows]
        return np.broadcast_to(known, (trial.draws, *known.shape))
    labels = np.concatenate([trial.arm[:, train] == a for a in range(trial.arms)])
    chance = _logistic(trial.x, train, rows, labels.astype(np.float64), np.ones(labels.shape))
    chance = chance.reshape(trial.arms, trial.draws, rows.size).transpose(1, 2, 0)
    chance = np.maximum(chance / chance.sum(axis=2, keepdims=True), SMALLEST_CHANCE)
    return np.asarray(chance / chance.sum(axis=2, keepdims=True))


def chances_of_outcome(trial: Trial, train: Ints, rows: Ints) -> Floats | None:
    """Return how likely each outcome was to be seen under the arm received; [draws, rows]."""
    if not trial.missing:
        return None
    seen = (~np.isnan(trial.y[:, train])).astype(np.float64)
    found = np.ones((trial.draws, rows.size))
    for a in range(trial.arms):
        own = (trial.arm[:, train] == a).astype(np.float64)
        share = (own * seen).sum(axis=1) / np.maximum(own.sum(axis=1), 1.0)
        chance = _logistic(trial.x, train, rows, seen, own)
        chance = np.where(np.isnan(chance), share[:, None], chance)
        found = np.where(trial.arm[:, rows] == a, chance, found)
    return np.asarray(np.maximum(found, SMALLEST_SEEN))


def _logistic(x: Floats, train: Ints, rows: Ints, labels: Floats, weights: Floats) -> Floats:
    beta = fit_logistic(x[train], labels, weights, ridge=_PENALTY, iterations=25, tolerance=1e-6)
    return np.asarray(sigmoid(beta[:, :1] + beta[:, 1:] @ x[rows].T))
