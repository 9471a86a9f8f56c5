"""A learned rule in words that a clinician can check."""

import numpy as np

from euthymia.evaluation.estimate import Floats
from euthymia.kernels.policy_tree import NO_SPLIT
from euthymia.models.matching.certificate import Leaf
from euthymia.models.matching.learners import TREES, Part, grow, learn_all
from euthymia.models.matching.trial_table import TrialTable

_SPOKEN = 5  # columns of a linear score that are told


def rule_in_words(read: TrialTable, part: Part, scores: Floats, learner: str) -> tuple[Leaf, ...]:
    """Return who gets which arm under the rule that all rows together teach."""
    if learner not in TREES:
        rule = learn_all(read.trial, part, scores[None])[learner]
        score = rule(part.rows)[0]
        arm = score.argmax(axis=1)
        return tuple(
            Leaf(_linear(read, score, a), name, float((arm == a).mean()))
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


def _linear(read: TrialTable, score: Floats, arm: int) -> str:
    """Say a linear score of an arm: what speaks most, a standard deviation each.

    Of two arms by how much it is above the other's; of more, each has its own and the highest wins.
    """
    two = score.shape[1] == 2
    own = score[:, arm] - score[:, 1 - arm] if two else score[:, arm]
    design = np.column_stack([np.ones(len(score)), read.trial.x])
    slopes = np.linalg.lstsq(design, own, rcond=None)[0]
    most = np.argsort(-np.abs(slopes[1:]))[:_SPOKEN]
    told = [f"{slopes[0]:+.2g}", *(f"{slopes[1 + c]:+.2g} {read.columns[c]}" for c in most)]
    more = ", the largest" if read.trial.x.shape[1] > _SPOKEN else ""
    whose = "a linear score favours it" if two else "its linear score is the highest of all arms'"
    return f"those for whom {whose}: {' '.join(told)} (per SD from the mean{more})"


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
