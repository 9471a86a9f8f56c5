"""Nested cross-fitting: rules are learned, and chosen between, without the rows that judge them."""

from dataclasses import dataclass

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.policy_value import aipw_scores
from euthymia.models.matching.learners import LEARNERS, Part, Rule, learn_all
from euthymia.models.matching.trial import (
    Trial,
    chances_of_outcome,
    chances_of_treatment,
    expected_outcomes,
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
        inner = tuple(
            (Part.of(trial, train[part != k]), train[part == k]) for k in range(int(part.max()) + 1)
        )
        return cls(test, Part.of(trial, train), inner)


@dataclass(frozen=True, slots=True)
class Judged:
    """What one split says of its test rows; the first axis is the draw.

    Attributes
    ----------
    gain : shape [draws, m]
        Score under the rule minus score under the arm that was best in training.
    effect, priority : shape [draws, m]
        Score of the arm that the rule would choose if not the best one, against the best one, and
        what the rule expects of that.
    departs : shape [draws, m]
        Whether the rule departs from the best arm.
    learner : shape [draws]
        Which learner was chosen in training.
    by_learner : each learner's gain a row, for comparison only
    """

    rows: Ints
    gain: Floats
    effect: Floats
    priority: Floats
    departs: Floats
    learner: Ints
    by_learner: dict[str, Floats]


def scores_of(trial: Trial, train: Ints, rows: Ints) -> Floats:
    """Return doubly robust scores of rows [draws, rows, arms], the nuisances from `train`."""
    expected = expected_outcomes(trial, train, rows)
    chance = chances_of_treatment(trial, train, rows)
    seen = chances_of_outcome(trial, train, rows)
    return aipw_scores(trial.y[:, rows], trial.arm[:, rows], expected, chance, seen)


def learn(trial: Trial, split: Split) -> tuple[Ints, dict[str, Rule], Ints]:
    """Return each draw's chosen learner, all rules on the whole training set, and best arms.

    Each learner is judged on inner parts it has not seen; the one with the highest value is used.
    """
    scores = np.zeros((trial.draws, trial.rows, trial.arms))
    for part, rows in split.inner:
        scores[:, rows] = scores_of(trial, part.rows, rows)
    value = np.zeros((trial.draws, len(LEARNERS)))
    for part, rows in split.inner:
        rules = learn_all(trial, part, scores[:, part.rows])
        for k, name in enumerate(LEARNERS):
            value[:, k] += _take(scores[:, rows], rules[name](rows).argmax(axis=2)).sum(axis=1)
    training = scores[:, split.whole.rows]
    best = training.mean(axis=1).argmax(axis=1)
    return value.argmax(axis=1), learn_all(trial, split.whole, training), best


def _take(scores: Floats, arm: Ints) -> Floats:
    """Return each row's score under an arm a row; [draws, rows]."""
    return np.asarray(np.take_along_axis(scores, arm[:, :, None], axis=2)[:, :, 0])


def judge(trial: Trial, split: Split, *, compare: bool = False) -> Judged:
    """Learn on the training rows of a split, and score its test rows."""
    chosen, rules, best = learn(trial, split)
    rows, draw = split.test, np.arange(trial.draws)
    scores = scores_of(trial, split.whole.rows, rows)
    every = np.stack([rules[name](rows) for name in LEARNERS])
    expects = every[chosen, draw]
    usual = np.broadcast_to(best[:, None], scores.shape[:2])
    arm = expects.argmax(axis=2)
    others = expects.copy()
    np.put_along_axis(others, usual[:, :, None], -np.inf, axis=2)
    second = others.argmax(axis=2)
    under_usual = _take(scores, usual)
    compared = {}
    if compare:
        compared = {
            name: _take(scores, every[k].argmax(axis=2)) - under_usual
            for k, name in enumerate(LEARNERS)
        }
    return Judged(
        rows=rows,
        gain=_take(scores, arm) - under_usual,
        effect=_take(scores, second) - under_usual,
        priority=_take(expects, second) - _take(expects, usual),
        departs=(arm != usual).astype(np.float64),
        learner=chosen,
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

    A person seen at two sites is left out of the training rows of both. Sites without which some
    arm was hardly given are passed over.
    """
    rng = np.random.default_rng(seed)
    found = []
    for name in np.unique(site):
        inside = site == name
        train = np.flatnonzero(~np.isin(trial.person, trial.person[inside]))
        given = np.bincount(trial.arm[0, train], minlength=trial.arms)
        if given.min() >= 2 * INNER:
            found.append(Split.of(trial, train, np.flatnonzero(inside), rng))
    return tuple(found)


def gains(trial: Trial, splits: tuple[Split, ...]) -> Floats:
    """Return the gain of each row that some split judges, [draws, n]; NaN elsewhere."""
    gain = np.full(trial.y.shape, np.nan)
    for split in splits:
        gain[:, split.test] = judge(trial, split).gain
    return gain
