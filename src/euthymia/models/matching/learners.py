"""Ways to learn a treatment rule from doubly robust scores. Several are tried, one is chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.kernels.policy_tree import FIELDS, NO_SPLIT, best_trees, count_pairs
from euthymia.models.matching.least_squares import Design, predicted
from euthymia.models.matching.trial import BINS, Trial

TREE_COLUMNS: Final = 12  # a tree looks at those most tied to the effect; its cost is their square
LEAF_SHARE: Final = 0.05  # of the training rows that each leaf must hold
LEAF_ROWS: Final = 10
RIDGE: Final = "ridge"
TREES: Final = ("tree of depth 1", "tree of depth 2")
LEARNERS: Final = (RIDGE, *TREES)
"""What is tried. One is chosen inside each training set, so that it is one decision."""


@dataclass(frozen=True, slots=True)
class Part:
    """Training rows with what does not change between fits on them."""

    rows: Ints
    design: Design
    binned: Ints
    counts: Ints

    @classmethod
    def of(cls, trial: Trial, rows: Ints) -> "Part":
        """Prepare some rows of a trial."""
        binned = np.ascontiguousarray(trial.binned[rows])
        width = binned.shape[1]
        counts = np.zeros((width, BINS, width, BINS), np.int64)
        count_pairs(binned, counts)
        return cls(rows, Design.of(trial.x[rows]), binned, counts)


Rule = Callable[[Ints], Floats]
"""Row numbers -> what each arm is expected to bring there, up to a constant; [draws, rows, arms].
"""


def learn_all(trial: Trial, part: Part, scores: Floats) -> dict[str, Rule]:
    """Return the rule of each learner, from doubly robust scores [draws, rows, arms] of a part."""
    contrast = scores - scores.mean(axis=2, keepdims=True)
    rules = {RIDGE: _ridge(trial, part, contrast)}
    grown = grow(trial, part, contrast)
    for depth, name in enumerate(TREES):
        rules[name] = _forest(trial, [pair[depth] for pair in grown])
    return rules


def _ridge(trial: Trial, part: Part, contrast: Floats) -> Rule:
    """Learn effects that are linear in the covariates: the DR-learner with a ridge penalty.

    Kennedy 2023, doi:10.1214/23-EJS2157; the pseudo-outcome is each arm's score against the mean
    of all arms.
    """
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


def _forest(trial: Trial, trees: list[Tree]) -> Rule:
    """Return the rule of one tree a draw."""
    return lambda rows: np.stack([tree(trial.binned[rows]) for tree in trees])


def grow(trial: Trial, part: Part, contrast: Floats) -> list[tuple[Tree, Tree]]:
    """Return, for each draw, the trees of depth one and two that collect most of the scores."""
    columns = _columns(part, contrast)
    least = max(LEAF_ROWS, int(np.ceil(LEAF_SHARE * part.rows.size)))
    against_first = np.ascontiguousarray(contrast[:, :, 1:] - contrast[:, :, :1])
    found = []
    for draw in range(contrast.shape[0]):
        fields = np.zeros((2, FIELDS), np.int64)
        best_trees(
            part.binned,
            trial.bins,
            part.counts,
            columns[draw],
            against_first[draw],
            least,
            fields,
        )
        one, two = (_filled(part, f, columns[draw], contrast[draw]) for f in fields)
        found.append((one, two))
    return found


def _filled(part: Part, fields: Ints, columns: Ints, contrast: Floats) -> Tree:
    """Return a tree with what each arm brought to each of its leaves."""
    brings = np.zeros((4, contrast.shape[1]))
    where = Tree(fields, columns, brings).leaves(part.binned)
    size = np.maximum(np.bincount(where, minlength=4), 1)
    for arm in range(contrast.shape[1]):
        brings[:, arm] = np.bincount(where, weights=contrast[:, arm], minlength=4) / size
    return Tree(fields, columns, brings)


def _columns(part: Part, contrast: Floats) -> Ints:
    """Return the columns that each draw's tree may ask about: those most tied to the contrasts."""
    width = part.binned.shape[1]
    if width <= TREE_COLUMNS:
        return np.tile(np.arange(width), (contrast.shape[0], 1))
    away = part.binned - part.binned.mean(axis=0)
    spread = np.sqrt((away**2).sum(axis=0))
    tie = np.abs(away.T @ contrast).max(axis=2) / np.where(spread > 0, spread, np.inf)
    return np.sort(np.argsort(-tie, axis=1, kind="stable")[:, :TREE_COLUMNS], axis=1)
