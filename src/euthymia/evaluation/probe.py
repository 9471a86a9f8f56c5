"""A plain model to ask a table questions with: is there signal, and does it survive new people.

Not a model for use. Its settings are those that an analyst gets by typing nothing, so that what it
shows is about the data and the split, not about tuning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.confounds import ModelScores
from euthymia.evaluation.discrimination import auc_within
from euthymia.evaluation.estimate import Estimate, Floats, Ints
from euthymia.evaluation.logistic import fit_logistic, sigmoid
from euthymia.evaluation.resample import bca_interval, draw_people, estimates, people_of
from euthymia.evaluation.splits import Split, person_folds, row_folds

RIDGE: Final = 1.0  # scikit-learn's default: 1 / C with C = 1
NEIGHBOURS: Final = 5  # scikit-learn's default
FOLDS: Final = 5
_MIN_MISSING: Final = 0.01  # share of rows, from which "not known" is a column of its own
_LARGEST: Final = 4000  # rows that nearest neighbours are sought among; more are drawn by person


@dataclass(frozen=True, slots=True)
class Columns:
    """What was learned from training rows to make columns without gaps, of mean 0 and spread 1."""

    fill: Floats
    gone: Ints
    mean: Floats
    scale: Floats

    def apply(self, x: Floats) -> Floats:
        """Return [x without gaps, missing or not], standardised, shape [n, k]."""
        filled = np.where(np.isnan(x), self.fill, x)
        both = np.hstack([filled, np.isnan(x[:, self.gone]).astype(np.float64)])
        return np.asarray((both - self.mean) / self.scale)


def learn_columns(x: Floats) -> Columns:
    """Learn medians, missing indicators and scales from training rows, shape [n, p]."""
    missing = np.isnan(x)
    known = np.where(missing.all(axis=0), 0.0, x)
    fill = np.nanmedian(known, axis=0) if x.size else np.zeros(x.shape[1])
    share = missing.mean(axis=0)
    patterns: dict[bytes, int] = {}
    for c in np.flatnonzero((share >= _MIN_MISSING) & (share <= 1 - _MIN_MISSING)):
        patterns.setdefault(missing[:, c].tobytes(), int(c))
    gone = np.array(list(patterns.values()), np.int64)
    raw = Columns(fill, gone, np.zeros(x.shape[1] + gone.size), np.ones(x.shape[1] + gone.size))
    z = raw.apply(x)
    spread = z.std(axis=0)
    return Columns(fill, gone, z.mean(axis=0), np.where(spread > 1e-12, spread, 1.0))


def logistic_probabilities(x: Floats, y: Floats, split: Split) -> Floats:
    """Return the test rows' probabilities under ridge logistic regression of the training rows."""
    learned = learn_columns(x[split.train])
    train, test = learned.apply(x[split.train]), learned.apply(x[split.test])
    if train.shape[1] > train.shape[0]:  # a rotation changes neither the fit nor its penalty
        turn = np.linalg.svd(train, full_matrices=False)[2].T
        train, test = train @ turn, test @ turn
    once = np.ones((1, train.shape[0]))
    beta = fit_logistic(train, y[split.train], once, ridge=RIDGE, tolerance=1e-7)[0]
    return sigmoid(beta[0] + test @ beta[1:])


def neighbour_shares(x: Floats, y: Floats, split: Split) -> Floats:
    """Return the share of events among the five training rows nearest to each test row."""
    learned = learn_columns(x[split.train])
    train, test = learned.apply(x[split.train]), learned.apply(x[split.test])
    far = (train**2).sum(axis=1) - 2 * test @ train.T
    k = min(NEIGHBOURS, train.shape[0])
    near = np.argpartition(far, k - 1, axis=1)[:, :k]
    return np.asarray(y[split.train][near].mean(axis=1))


Probe = Callable[[Floats, Floats, Split], Floats]


def held_out_scores(x: Floats, y: Floats, splits: Sequence[Split], probe: Probe) -> ModelScores:
    """Return the probe's predictions of rows it was not fitted on, split after split."""
    usable = [s for s in splits if 0 < y[s.train].mean() < 1 and s.test.size]
    rows = np.concatenate([s.test for s in usable])
    strata = np.repeat(np.arange(len(usable)), [s.test.size for s in usable])
    return ModelScores(rows, np.concatenate([probe(x, y, s) for s in usable]), strata)


def auc_of(found: ModelScores, y: Floats, person: NDArray[np.generic], *, seed: int) -> Estimate:
    """Return the AUC of held-out predictions over pairs of one fold, interval by person."""
    metrics = {"auc": lambda a, b, w: auc_within(a, b, w, found.strata)}
    return estimates(
        metrics,
        y[found.rows],
        found.p,
        person[found.rows],
        seed=seed,
        replicates=400,
        chance={"auc": 0.5},
    )["auc"]


def within_groups(found: ModelScores, words: NDArray[np.str_]) -> ModelScores:
    """Return predictions of which only those of one fold and one group are compared.

    `words` names the group of each row of the table.
    """
    code = np.unique(words, return_inverse=True)[1].astype(np.int64)
    return replace(found, strata=found.strata * (int(code.max()) + 1) + code[found.rows])


@dataclass(frozen=True, slots=True)
class RowSplit:
    """One model under two splits: people held out, and rows held out."""

    model: str
    by_person: Estimate
    by_row: Estimate
    inflation: Estimate


def _few_enough(person: NDArray[np.generic], seed: int) -> Ints:
    """Return the rows of so many people, drawn at random, that neighbours can be sought."""
    code, people = people_of(person)
    order = np.random.default_rng(seed).permutation(people)
    taken = np.cumsum(np.bincount(code, minlength=people)[order]) <= _LARGEST
    taken[:2] = True
    return np.flatnonzero(np.isin(code, order[taken]))


def _area(found: ModelScores, y: Floats, code: Ints, counts: Floats) -> Floats:
    rows = found.rows
    block = max(1, 4_000_000 // max(1, rows.size))
    parts = [
        auc_within(y[rows], found.p, counts[i : i + block][:, code[rows]], found.strata)
        for i in range(0, counts.shape[0], block)
    ]
    return np.concatenate(parts)


def compare_splits(
    name: str,
    found: tuple[ModelScores, ModelScores],
    y: Floats,
    person: NDArray[np.generic],
    seed: int,
) -> RowSplit:
    """Return the AUC of both splits and their difference, the same people drawn for both."""
    code, people = people_of(person)
    rng = np.random.default_rng(seed)
    drawn = draw_people(people, 400, rng)
    groups = min(people, 200)
    left = (np.arange(people)[None] % groups != np.arange(groups)[:, None]).astype(np.float64)
    whole = np.ones((1, people))
    areas = [[_area(f, y, code, c) for c in (whole, drawn, left)] for f in found]
    made = [Estimate(float(a[0][0]), *bca_interval(float(a[0][0]), a[1], a[2]), 0.5) for a in areas]
    gap = [row - people_held for people_held, row in zip(*areas, strict=True)]
    inflation = Estimate(float(gap[0][0]), *bca_interval(float(gap[0][0]), gap[1], gap[2]), 0.0)
    return RowSplit(name, made[0], made[1], inflation)


def row_split_inflation(
    x: Floats, y: Floats, person: NDArray[np.generic], *, seed: int, repeats: int = 2
) -> tuple[RowSplit, ...]:
    """Return what holding out rows in place of people would have claimed, for two plain models.

    A row of a person in training tells who they are, and so their outcome, without any signal that
    would help with a new person (Saeb et al. 2017, doi:10.1093/gigascience/gix019). Ridge logistic
    regression can only use that where people differ along lines; five nearest neighbours remember
    people, as trees and networks do. Intervals: people drawn with replacement, the same draw for
    both splits.

    Parameters
    ----------
    x : shape [n, p]
        NaN where a value is not known.
    y : shape [n]
        0 or 1.

    Returns
    -------
    tuple of RowSplit
        Empty when and only when each person has one row.
    """
    if people_of(person)[1] == y.size:
        return ()
    found = []
    probes: tuple[tuple[str, Probe], ...] = (
        ("ridge logistic regression", logistic_probabilities),
        ("five nearest neighbours", neighbour_shares),
    )
    few = _few_enough(person, seed)
    for name, probe in probes:
        rows = few if probe is neighbour_shares else np.arange(y.size)
        a, b, who = x[rows], y[rows], person[rows]
        folds = min(FOLDS, people_of(who)[1])
        by_person = person_folds(b, who, folds=folds, repeats=repeats, seed=seed)
        by_row = row_folds(b, folds=folds, repeats=repeats, seed=seed)
        scores = (held_out_scores(a, b, by_person, probe), held_out_scores(a, b, by_row, probe))
        found.append(compare_splits(name, scores, b, who, seed))
    return tuple(found)
