"""Ways to learn a treatment rule from doubly robust scores. Several are tried, one is chosen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.kernels.policy_tree import FIELDS, NO_SPLIT, best_tree
from euthymia.models.matching.least_squares import Design, predicted
from euthymia.models.matching.trial import Trial

TREE_COLUMNS: Final = 20  # a tree looks at those most tied to the effect; its cost is their square
LEAF_SHARE: Final = 0.05  # of the training rows that each leaf must hold
LEAF_ROWS: Final = 10


@dataclass(frozen=True, slots=True)
class Part:
    """Training rows with what does not change between fits on them."""

    rows: Ints
    design: Design
    binned: Ints

    @classmethod
    def of(cls, trial: Trial, rows: Ints) -> "Part":
        """Prepare some rows of a trial."""
        return cls(rows, Design.of(trial.x[rows]), np.ascontiguousarray(trial.binned[rows]))


Rule = Callable[[Ints], Floats]
"""Row numbers -> what each arm is expected to bring there, up to a constant; [rows, arms]."""

Learner = Callable[[Trial, Part, Floats], Rule]
"""(trial, training part, doubly robust scores of its rows) -> a rule."""


def ridge(trial: Trial, part: Part, scores: Floats) -> Rule:
    """Learn effects that are linear in the covariates: the DR-learner with a ridge penalty.

    Kennedy 2023, doi:10.1214/23-EJS2157; the pseudo-outcome is each arm's score against the mean
    of all arms.
    """
    contrast = scores - scores.mean(axis=1, keepdims=True)
    fitted = part.design.fit(contrast)
    return lambda rows: predicted(trial.x[rows], fitted)


@dataclass(frozen=True, slots=True)
class Tree:
    """A policy tree: its questions (column, bin) and what each leaf's arms bring."""

    fields: Ints
    columns: Ints
    brings: Floats

    def leaves(self, binned: Ints) -> Ints:
        """Return the leaf, 0 to 3, of rows given all their binned columns."""
        root, cut = self.fields[0], self.fields[1]
        if root == NO_SPLIT:
            return np.zeros(binned.shape[0], np.int64)
        right = binned[:, self.columns[root]] > cut
        leaf = 2 * right.astype(np.int64)
        for side, place in ((False, 2), (True, 4)):
            column, below = self.fields[place], self.fields[place + 1]
            if column != NO_SPLIT:
                leaf += (right == side) & (binned[:, self.columns[column]] > below)
        return np.asarray(leaf, np.int64)

    def __call__(self, binned: Ints) -> Floats:
        """Return what each arm brings to these rows."""
        return np.asarray(self.brings[self.leaves(binned)])


def grow(trial: Trial, part: Part, scores: Floats, depth: int) -> Tree:
    """Return the policy tree that collects most of the scores, all trees over the cuts compared."""
    contrast = scores - scores.mean(axis=1, keepdims=True)
    columns = _columns(part, contrast)
    binned = np.ascontiguousarray(part.binned[:, columns])
    leaf = max(LEAF_ROWS, int(np.ceil(LEAF_SHARE * part.rows.size)))
    fields = np.zeros(FIELDS, np.int64)
    best_tree(binned, trial.bins[columns], np.ascontiguousarray(contrast), depth, leaf, fields)
    bare = Tree(fields, columns, np.zeros((4, trial.arms)))
    where = bare.leaves(part.binned)
    brings = np.zeros((4, trial.arms))
    for number in np.unique(where):
        brings[number] = contrast[where == number].mean(axis=0)
    return Tree(fields, columns, brings)


def tree(trial: Trial, part: Part, scores: Floats, *, depth: int) -> Rule:
    """Learn a policy tree."""
    grown = grow(trial, part, scores, depth)
    return lambda rows: grown(trial.binned[rows])


def _columns(part: Part, contrast: Floats) -> Ints:
    """Return the columns that a tree may ask about: those most tied to the contrasts."""
    width = part.binned.shape[1]
    if width <= TREE_COLUMNS:
        return np.arange(width)
    away = part.binned - part.binned.mean(axis=0)
    spread = np.sqrt((away**2).sum(axis=0))
    tie = np.abs(away.T @ contrast).max(axis=1) / np.where(spread > 0, spread, np.inf)
    return np.sort(np.argsort(-tie, kind="stable")[:TREE_COLUMNS])


LEARNERS: Final[Mapping[str, Learner]] = {
    "ridge": ridge,
    "tree of depth 1": partial(tree, depth=1),
    "tree of depth 2": partial(tree, depth=2),
}
"""What is tried. One is chosen inside each training set, so that it is one decision."""
