"""What a fitted model gives away about who was in its training data, by attacking its like."""

from typing import Final

import numpy as np

from euthymia.evaluation.membership import Membership, attack, deal_members
from euthymia.models.estimators.contract import Choice, Ints, Model, Sample

MODELS: Final = 10
MOST_ATTACKED: Final = 2000  # people; the others are trained on and not asked about
REPLICATES: Final = 60
_DELTA: Final = 1e-5


def attack_model(
    model: Model, sample: Sample, columns: Ints, choice: Choice, *, seed: int
) -> Membership:
    """Run LiRA on refits (as tuned, not recalibrated) to random halves of the people.

    A person's answer is the mean over their rows of the score's support for what was true. Figures
    of people who are in the clinic's data: for inside it.
    """
    rng = np.random.default_rng(seed)
    names, whose = np.unique(sample.person, return_inverse=True)
    member = deal_members(MODELS, names.size, rng)
    asked = np.sort(rng.permutation(names.size)[:MOST_ATTACKED])
    held = np.flatnonzero(np.isin(whose, asked))
    sign, place = 2 * sample.y[held] - 1, np.searchsorted(asked, whose[held])
    weight = np.bincount(place, minlength=asked.size)
    answers = np.empty((MODELS, asked.size))
    for number, inside in enumerate(member):
        rows = np.flatnonzero(inside[whose])
        score = model.refit(sample, rows, columns, choice, rows[None], held)[0]
        answers[number] = np.bincount(place, sign * score, asked.size) / weight
    return attack(answers, member[:, asked], delta=_DELTA, seed=seed, replicates=REPLICATES)


def told(found: Membership) -> str:
    """Return the verdict in words."""
    rate, tpr = found.tpr[0]
    return (
        f"an attack finds {tpr.estimate:.1%} ({tpr.low:.1%} to {tpr.high:.1%}) of the people it was"
        f" trained on at {rate:.0%} false positives; chance is {rate:.0%}"
    )
