"""Nested cross-fitting: rules are learned, and chosen between, without the rows that judge them."""

from dataclasses import dataclass

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.policy_value import aipw_scores
from euthymia.models.matching.learners import LEARNERS, Part, Rule
from euthymia.models.matching.trial import (
    Trial,
    chances_of_outcome,
    chances_of_treatment,
    expected_outcomes,
    inner_parts,
    people_parts,
)

INNER = 3  # parts inside a training set, between which nuisances and the choice are cross-fitted


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to learn on and rows to judge on, prepared for many fits."""

    test: Ints
    whole: Part
    inner: tuple[tuple[Part, Ints], ...]

    @classmethod
    def of(cls, trial: Trial, train: Ints, test: Ints, rng: np.random.Generator) -> "Split":
        """Prepare a split; the inner parts keep people together."""
        part = people_parts(trial.person[train], INNER, rng)
        pairs = inner_parts(train, part)
        inner = tuple((Part.of(trial, learn), judge) for learn, judge in pairs)
        return cls(test, Part.of(trial, train), inner)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one split says of its test rows.

    Attributes
    ----------
    gain : shape [m]
        Score under the rule minus score under the arm that was best in training.
    effect, priority : shape [m]
        Score of the arm that the rule would choose if not the best one, against the best one, and
        what the rule expects of that.
    chosen, best : the rule's arm a row, and the training set's best arm
    learner : which learner was chosen in training
    by_learner : each learner's gain a row, for comparison only
    """

    rows: Ints
    gain: Floats
    effect: Floats
    priority: Floats
    chosen: Ints
    best: int
    learner: str
    by_learner: dict[str, Floats]


def scores_of(trial: Trial, train: Ints, rows: Ints) -> Floats:
    """Return doubly robust scores of rows, the nuisances learned on `train`."""
    return aipw_scores(
        trial.y[rows],
        trial.arm[rows],
        expected_outcomes(trial, train, rows),
        chances_of_treatment(trial, train, rows),
        chances_of_outcome(trial, train, rows),
    )


def learn(trial: Trial, split: Split) -> tuple[str, Rule, int, Floats]:
    """Return the chosen learner, its rule, the best arm and the training scores.

    Each learner is judged on inner parts it has not seen; the one with the highest value is fitted
    again on the whole training set.
    """
    scores = np.empty((trial.y.size, trial.arms))
    for part, judge in split.inner:
        scores[judge] = scores_of(trial, part.rows, judge)
    value = dict.fromkeys(LEARNERS, 0.0)
    for part, judge in split.inner:
        for name, learner in LEARNERS.items():
            arm = learner(trial, part, scores[part.rows])(judge).argmax(axis=1)
            value[name] += float(scores[judge, arm].sum())
    name = max(value, key=lambda k: value[k])
    train = split.whole.rows
    best = int(scores[train].mean(axis=0).argmax())
    return name, LEARNERS[name](trial, split.whole, scores[train]), best, scores[train]


def judge(trial: Trial, split: Split, *, compare: bool = False) -> Judged:
    """Learn on the training rows of a split, and score its test rows."""
    name, rule, best, training = learn(trial, split)
    rows, at = split.test, np.arange(split.test.size)
    scores = scores_of(trial, split.whole.rows, rows)
    expects = rule(rows)
    chosen = expects.argmax(axis=1)
    others = expects.copy()
    others[:, best] = -np.inf
    second = others.argmax(axis=1)
    compared = {}
    if compare:
        for other, learner in LEARNERS.items():
            arm = learner(trial, split.whole, training)(rows).argmax(axis=1)
            compared[other] = scores[at, arm] - scores[:, best]
    return Judged(
        rows=rows,
        gain=scores[at, chosen] - scores[:, best],
        effect=scores[at, second] - scores[:, best],
        priority=expects[at, second] - expects[:, best],
        chosen=chosen,
        best=best,
        learner=name,
        by_learner=compared,
    )


def fold_splits(trial: Trial, folds: int, seed: int) -> tuple[Split, ...]:
    """Return the splits of one cross-fitting round; people are in one fold each."""
    rng = np.random.default_rng(seed)
    part = people_parts(trial.person, folds, rng)
    return tuple(
        Split.of(trial, np.flatnonzero(part != k), np.flatnonzero(part == k), rng)
        for k in range(folds)
    )


def site_splits(trial: Trial, site: Ints, seed: int) -> tuple[Split, ...]:
    """Return one split a site (or group of sites): learned elsewhere, judged there.

    A person seen at two sites is left out of the training rows of both.
    """
    rng = np.random.default_rng(seed)
    found = []
    for name in np.unique(site):
        inside = site == name
        train = np.flatnonzero(~np.isin(trial.person, trial.person[inside]))
        if np.unique(trial.arm[train]).size == trial.arms:
            found.append(Split.of(trial, train, np.flatnonzero(inside), rng))
    return tuple(found)


def gains(trial: Trial, splits: tuple[Split, ...]) -> Floats:
    """Return the gain of each row that some split judges; NaN elsewhere."""
    gain = np.full(trial.y.size, np.nan)
    for split in splits:
        gain[split.test] = judge(trial, split).gain
    return gain
