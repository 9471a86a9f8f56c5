"""Who was in the training data, guessed from a model: what a release gives away, measured.

The attack is LiRA (Carlini et al. 2022, doi:10.1109/SP46214.2022.9833649): many models, each
trained on a random half of the people, say for each person how a model answers that saw them and
how one that did not; a target model's answer is compared with both.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln, xlog1py, xlogy

from euthymia.evaluation.estimate import Estimate, Floats

Members = NDArray[np.bool_]

RATES: Final = (0.01, 0.001)
"""False positive rates at which true positives are told: an attack on few is an attack."""
_LEAST_SD: Final = 1e-6
_LEVEL: Final = 0.95
_HALF: Final = 1 - (1 - _LEVEL) / 2  # of two bounds, the larger of which is told
_GUESSED: Final = 0.1  # of the people, at each end of the score


@dataclass(frozen=True, slots=True)
class Membership:
    """How well an attacker tells who was in the training data.

    Attributes
    ----------
    auc : Estimate
        0.5 for guessing.
    tpr : tuple of (false positive rate, Estimate)
        True positives at each of `RATES`; chance is the rate itself.
    epsilon : float
        What the attack proves: no (epsilon, delta) below it can be true, with 95 % confidence.
        0 where it proves nothing. The larger of two bounds, each at 97.5 %: by the counts of
        Clopper and Pearson, and by the guesses on one model (Steinke et al.).
    models, people : int
        How many models were attacked, and of how many people each.
    """

    auc: Estimate
    tpr: tuple[tuple[float, Estimate], ...]
    epsilon: float
    models: int
    people: int


def deal_members(models: int, people: int, rng: np.random.Generator) -> Members:
    """Return who is in which model's training data: a coin for each person and model.

    Coins that know nothing of each other, or the bounds on epsilon would not hold.

    Raises
    ------
    ValueError
        Fewer than six models: too few people would be in and out of two others of each.
    """
    if models < 6:
        raise ValueError("an attack needs at least six models")
    return np.asarray(rng.random((models, people)) < 0.5)


def likelihood_ratios(confidence: Floats, member: Members) -> Floats:
    """Return LiRA's score of each model and person, each target left out of its own reference.

    Parameters
    ----------
    confidence : NDArray, shape [models, people]
        The log-odds that a model gives to what was true of a person.
    member : NDArray of bool, shape [models, people]
        Whether the person was in the model's training data.

    Returns
    -------
    NDArray, shape [models, people]
        log N(confidence; mean and spread of models that saw the person) - the same of those that
        did not. One spread for each side, over all people (few models a person). NaN when and only
        when fewer than two other models saw the person, or did not.
    """
    sides = []
    for inside in (member, ~member):
        count = inside.sum(axis=0) - inside
        total = np.where(inside, confidence, 0.0).sum(axis=0) - np.where(inside, confidence, 0.0)
        mean = np.where(count >= 2, total / np.maximum(count, 1), np.nan)
        centred = np.where(inside, confidence - _mean(confidence, inside), 0.0)
        free = np.maximum(inside.sum() - inside.any(axis=0).sum(), 1)
        spread = max(math.sqrt(float((centred**2).sum() / free)), _LEAST_SD)
        sides.append(-0.5 * ((confidence - mean) / spread) ** 2 - math.log(spread))
    return np.asarray(sides[0] - sides[1])


def _mean(confidence: Floats, inside: Members) -> Floats:
    count = np.maximum(inside.sum(axis=0), 1)
    return np.asarray(np.where(inside, confidence, 0.0).sum(axis=0) / count)


def _rate_at(scores: Floats, member: Members, rate: float) -> float:
    """Return the true positives at a false positive rate, ties shared out as a coin would."""
    outside = np.sort(scores[~member])[::-1]
    allowed = rate * outside.size
    threshold = outside[min(int(allowed), outside.size - 1)]
    inside = scores[member]
    above, at = float((inside > threshold).mean()), float((inside == threshold).mean())
    left = allowed - float((outside > threshold).sum())
    ties = float((outside == threshold).sum())
    return above + at * min(1.0, max(0.0, left / ties))


def _auc(scores: Floats, member: Members) -> float:
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # who is level shares the mean rank
    inside, outside = int(member.sum()), int((~member).sum())
    return float((ranks[member].sum() - inside * (inside + 1) / 2) / (inside * outside))


def epsilon_lower_bound(
    hits: int, inside: int, false: int, outside: int, *, delta: float, level: float = _LEVEL
) -> float:
    """Return the smallest epsilon that an attack's counts leave possible, at a level.

    Any (epsilon, delta) mechanism has TPR <= exp(epsilon) FPR + delta (Kairouz et al. 2015,
    arXiv:1311.0776). Both rates by Clopper-Pearson, each at half of what may go wrong.
    """
    side = (1 - level) / 2
    low = float(betaincinv(hits, inside - hits + 1, side)) if hits else 0.0
    missed = outside - false
    high = float(betaincinv(false + 1, missed, 1 - side)) if missed else 1.0
    return max(0.0, math.log((low - delta) / high)) if low > delta else 0.0


def one_run_bound(
    canaries: int, guesses: int, right: int, *, delta: float, level: float = _LEVEL
) -> float:
    """Return the epsilon that one run with canaries proves, at a level.

    Steinke, Nasr & Jagielski 2023 (arXiv:2305.08846), theorem 5.2: of `canaries` people, each in or
    out by a coin, an attacker guessed on `guesses`, of which `right` were right.
    """

    def possible(epsilon: float) -> bool:
        return _one_run_p(canaries, guesses, right, epsilon, delta) >= 1 - level

    if possible(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while not possible(high) and high < 64:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if possible(middle) else (middle, high)
    return low


def _one_run_p(canaries: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    chance = 1 / (1 + math.exp(-epsilon))
    tail = float(betainc(right, guesses - right + 1, chance)) if right else 1.0  # so many or more
    mass = np.cumsum(_binomial(right - np.arange(1, right + 1), guesses, chance))
    dearest = float((mass / np.arange(1, right + 1)).max()) if right else 0.0
    return min(1.0, tail + 2 * canaries * delta * dearest)


def _binomial(hits: NDArray[np.int64], of: int, chance: float) -> Floats:
    """Return the chance of exactly so many hits."""
    ways = -math.log1p(of) - betaln(of - hits + 1, hits + 1)
    return np.asarray(np.exp(ways + xlogy(hits, chance) + xlog1py(of - hits, -chance)))


def attack(
    confidence: Floats, member: Members, *, delta: float, seed: int, replicates: int = 200
) -> Membership:
    """Run LiRA on models whose training people are known, with intervals by person.

    Parameters
    ----------
    confidence, member
        See `likelihood_ratios`.
    delta : float
        Of the claim that `epsilon` is compared with.
    replicates : int
        Bootstrap samples of people.
    """
    scores = likelihood_ratios(confidence, member)
    usable = np.isfinite(scores).all(axis=0)
    scores, inside = scores[:, usable], member[:, usable]
    models, people = scores.shape
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(0, people, people) for _ in range(replicates)]

    def with_interval(figure: Callable[[Floats, Members], float], chance: float) -> Estimate:
        value = figure(scores.ravel(), inside.ravel())
        again = [figure(scores[:, who].ravel(), inside[:, who].ravel()) for who in drawn]
        low, high = np.percentile(again, (2.5, 97.5))
        return Estimate(value, float(low), float(high), chance)

    return Membership(
        auc=with_interval(_auc, 0.5),
        tpr=tuple((rate, with_interval(partial(_rate_at, rate=rate), rate)) for rate in RATES),
        epsilon=max(_proved(scores, inside, delta, rng), _in_one_run(scores, inside, delta)),
        models=models,
        people=people,
    )


def _proved(scores: Floats, member: Members, delta: float, rng: np.random.Generator) -> float:
    """Return the epsilon proved: threshold and side from half of the people, counts from the rest.

    One answer a person is counted (of one model each), so the counts are of independent people.
    """
    models, people = scores.shape
    which = rng.integers(0, models, people)
    one, inside = scores[which, np.arange(people)], member[which, np.arange(people)]
    first = rng.permutation(people) < people // 2
    best, threshold, side = -1.0, 0.0, 1
    for at in np.quantile(one[first], np.linspace(0.02, 0.98, 49)):
        for sign in (1, -1):
            found = _bound_at(sign * one[first], inside[first], sign * float(at), delta)
            if found > best:
                best, threshold, side = found, float(at), sign
    return _bound_at(side * one[~first], inside[~first], side * threshold, delta)


def _in_one_run(scores: Floats, member: Members, delta: float) -> float:
    """Return the epsilon proved on the first model alone, from the people at the ends of it."""
    people = scores.shape[1]
    order, ends = np.argsort(scores[0], kind="stable"), max(1, int(_GUESSED * people))
    right = int((~member[0][order[:ends]]).sum() + member[0][order[-ends:]].sum())
    return one_run_bound(people, 2 * ends, right, delta=delta, level=_HALF)


def _bound_at(scores: Floats, member: Members, threshold: float, delta: float) -> float:
    says = scores > threshold
    positive, negative = member, ~member
    if scores.size and says.mean() > 0.5:  # the other answer: "was not in"
        says, positive, negative = ~says, ~member, member
    return epsilon_lower_bound(
        int((says & positive).sum()),
        int(positive.sum()),
        int((says & negative).sum()),
        int(negative.sum()),
        delta=delta,
        level=_HALF,
    )
