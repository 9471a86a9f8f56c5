"""A learned rule in words that a clinician can check."""

import numpy as np

from euthymia.evaluation.estimate import Floats
from euthymia.kernels.policy_tree import NO_SPLIT
from euthymia.models.matching.certificate import Leaf
from euthymia.models.matching.learners import TREES, Part, grow, learn_all
from euthymia.models.matching.trial_table import TrialTable


def rule_in_words(read: TrialTable, part: Part, scores: Floats, learner: str) -> tuple[Leaf, ...]:
    """Return who gets which arm under the rule that all rows together teach."""
    if learner not in TREES:
        rule = learn_all(read.trial, part, scores[None])[learner]
        arm = rule(part.rows)[0].argmax(axis=1)
        return tuple(
            Leaf("those for whom a linear score favours it", name, float((arm == a).mean()))
            for a, name in enumerate(read.arms)
        )
    contrast = scores[None] - scores[None].mean(axis=2, keepdims=True)
    tree = grow(read.trial, part, contrast)[0][TREES.index(learner)]
    where = tree.leaves(read.trial.binned)
    found = []
    for leaf in np.unique(where):
        arm = read.arms[int(tree.brings[leaf].argmax())]
        found.append(
            Leaf(
                _path(read, tree.fields, tree.columns, int(leaf)),
                arm,
                float((where == leaf).mean()),
            )
        )
    return tuple(found)


def _path(read: TrialTable, fields: np.ndarray, columns: np.ndarray, leaf: int) -> str:
    if fields[0] == NO_SPLIT:
        return "everybody"
    right, second = leaf >= 2, leaf % 2 == 1
    parts = [_question(read, int(columns[fields[0]]), int(fields[1]), right)]
    place = 4 if right else 2
    if fields[place] != NO_SPLIT:
        if fields[place] == fields[0] and second == right:
            parts.clear()  # the second question holds the first
        parts.append(_question(read, int(columns[fields[place]]), int(fields[place + 1]), second))
    return " and ".join(parts)


def _question(read: TrialTable, column: int, cut: int, above: bool) -> str:
    name = read.columns[column]
    if " is " in name and read.cuts[column].size == 1:
        return name if above else name.replace(" is ", " is not ", 1)
    value = read.cuts[column][cut]
    return f"{name} > {value:g}" if above else f"{name} <= {value:g}"
