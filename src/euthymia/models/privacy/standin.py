"""What a private model's report may say without paying: computed on people who do not exist.

The released coefficients make up a stand-in population of the released size. What epsilon costs in
discrimination, how far the coefficients may lie off, and what an attacker would learn of members
are found there, by the same descent. None of it looks at the data again, so none of it costs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.logistic import fit_logistic, sigmoid
from euthymia.evaluation.membership import (
    Membership,
    attack,
    deal_members,
    epsilon_lower_bound,
)
from euthymia.models.privacy.accountant import mu2_of
from euthymia.models.privacy.allowance import Allowance
from euthymia.models.privacy.contract import Guarantee
from euthymia.models.privacy.descent import COUNTING, count, descend
from euthymia.models.privacy.lattice import STEPS, Floats, Integers, Noise, exact_noise
from euthymia.models.privacy.rows import People

CURVE: Final = (0.1, 0.3, 1.0, 3.0, 10.0)
MOST_PEOPLE: Final = 2000  # of a stand-in: with more the loss is nearer to none
FRESH: Final = 4000
_KEPT: Final = 1 - 1e-9  # of what is left: sums of costs are rounded up


@dataclass(frozen=True, slots=True)
class Effort:
    """How many fits each answer rests on."""

    curve: int = 5
    heads: int = 40
    attacked: int = 20
    canaries: int = 120


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The AUC lost at an epsilon, against the same fit without noise: mean and spread of fits."""

    epsilon: float
    lost: Estimate


@dataclass(frozen=True, slots=True)
class StandIn:
    """What the report says of a claim."""

    people: int
    curve: tuple[CurvePoint, ...]
    heads: Floats  # [columns, fits]: coefficients' errors
    membership: Membership
    canary_epsilon: float
    canary_runs: int


def rounded_noise(rng: np.random.Generator) -> Noise:
    """Return a fast stand-in for the exact noise, for simulations alone: seeded, and no secret."""

    def noise(values: Integers, scale: int) -> Integers:
        return values + np.rint(rng.normal(0, scale, values.shape)).astype(np.int64)

    return noise


def pooled_noise(size: int = 20_000) -> Noise:
    """Return the exact noise, drawn many at once: the same numbers, in less time for many fits."""
    held: list[Integers] = [np.array([], np.int64)]

    def noise(values: Integers, scale: int) -> Integers:
        if scale != STEPS:
            return exact_noise(values, scale)
        if held[0].size < values.size:
            held[0] = exact_noise(np.zeros(max(size, values.size), np.int64), STEPS)
        taken, held[0] = held[0][: values.size], held[0][values.size :]
        return values + taken.reshape(values.shape)

    return noise


def fitted(people: People, claim: Guarantee, noise: Noise = exact_noise) -> Floats:
    """Return coefficients of one whole private fit at a claim."""
    account = Allowance(claim.epsilon, claim.delta)
    counted = count(people, account.mu2 * COUNTING, pay=account, part="", noise=noise)
    return descend(people, counted, account.left * _KEPT, pay=account, part="", noise=noise)


def drawn(beta: Floats, people: int, rng: np.random.Generator) -> People:
    """Return people whose features are independent and whose outcome follows the model."""
    z = np.clip(rng.normal(size=(people, beta.size - 1)), -3, 3)
    y = (rng.random(people) < sigmoid(beta[0] + z @ beta[1:])).astype(np.float64)
    return People.of(z, y, np.arange(people))


def _auc(score: Floats, y: Floats) -> float:
    ranks = np.empty(y.size)
    ranks[np.argsort(score, kind="stable")] = np.arange(1, y.size + 1)
    having = y.sum()
    whole = having * (y.size - having)
    return float((ranks[y == 1].sum() - having * (having + 1) / 2) / whole) if whole else math.nan


def curve(
    beta: Floats, people: int, claim: Guarantee, fits: int, seed: int
) -> tuple[CurvePoint, ...]:
    """Return the AUC lost against epsilon, at the claim's delta."""
    epsilons = sorted({*CURVE, claim.epsilon})
    lost: dict[float, list[float]] = {epsilon: [] for epsilon in epsilons}
    for number in range(fits):
        rng = np.random.default_rng([seed, number])
        teach, fresh = drawn(beta, people, rng), drawn(beta, FRESH, rng)
        plain = fit_logistic(teach.z, teach.y, np.ones((1, people)), ridge=1.0)[0]
        best = _auc(fresh.z @ plain[1:], fresh.y)
        for epsilon in epsilons:
            found = fitted(teach, Guarantee(epsilon, claim.delta), rounded_noise(rng))
            lost[epsilon].append(best - _auc(fresh.z @ found[1:], fresh.y))
    return tuple(CurvePoint(epsilon, _spread(lost[epsilon])) for epsilon in epsilons)


def _spread(values: Sequence[float]) -> Estimate:
    held = np.array([value for value in values if np.isfinite(value)])
    if held.size < 2:
        return Estimate(math.nan, math.nan, math.nan, 0.0)
    half = 1.96 * float(held.std(ddof=1)) / math.sqrt(held.size)
    return Estimate(float(held.mean()), float(held.mean()) - half, float(held.mean()) + half, 0.0)


def errors(beta: Floats, people: int, claim: Guarantee, fits: int, seed: int) -> Floats:
    """Return how far the coefficients of whole private fits lie off, shape [columns, fits]."""
    found = np.empty((beta.size, fits))
    for number in range(fits):
        rng = np.random.default_rng([seed, 1, number])
        found[:, number] = fitted(drawn(beta, people, rng), claim, rounded_noise(rng)) - beta
    return found


def attacked(beta: Floats, people: int, claim: Guarantee, models: int, seed: int) -> Membership:
    """Run LiRA on private fits to random halves of a stand-in population, with the exact noise."""
    rng = np.random.default_rng([seed, 2])
    every = drawn(beta, people, rng)
    sign = 2 * every.y - 1
    member = deal_members(models, people, rng)
    confidence, noise = np.empty(member.shape), pooled_noise()
    for number, inside in enumerate(member):
        half = People.of(every.z[inside], every.y[inside], np.flatnonzero(inside))
        found = fitted(half, claim, noise)
        confidence[number] = sign * (found[0] + every.z @ found[1:])
    return attack(confidence, member, delta=claim.delta, seed=seed)


def canary(beta: Floats, claim: Guarantee, runs: int, seed: int) -> float:
    """Return the epsilon that the worst person we can think of proves, with the exact noise.

    That person's every feature is at its end and the outcome contradicts the model; few others are
    there. Half of the runs hold the person. The threshold comes from half of the runs, the proof
    from the others.
    """
    rng = np.random.default_rng([seed, 3])
    others = drawn(beta, 100, rng)
    way = np.where(beta[1:] >= 0, 3.0, -3.0)
    z, y = np.vstack([others.z, way]), np.append(others.y, 0.0)
    there = np.arange(runs) % 2 == 0
    score, noise = np.empty(runs), pooled_noise()
    for number in range(runs):
        last = z.shape[0] if there[number] else z.shape[0] - 1
        everybody = People.of(z[:last], y[:last], np.arange(last))
        score[number] = -float(way @ fitted(everybody, claim, noise)[1:])
    first = np.arange(runs) < runs // 2
    cuts = np.unique(score[first])
    bounds = [_proved(score[first] >= cut, there[first], claim.delta) for cut in cuts]
    cut = cuts[int(np.argmax(bounds))]
    return _proved(score[~first] >= cut, there[~first], claim.delta)


def _proved(says: NDArray[np.bool_], there: NDArray[np.bool_], delta: float) -> float:
    inside, outside = int(there.sum()), int((~there).sum())
    hits, false = int((says & there).sum()), int((says & ~there).sum())
    as_in = epsilon_lower_bound(hits, inside, false, outside, delta=delta)
    as_out = epsilon_lower_bound(outside - false, outside, inside - hits, inside, delta=delta)
    return max(as_in, as_out)


def stand_in(
    beta: Floats, people: float, claim: Guarantee, *, seed: int, effort: Effort = Effort()
) -> StandIn:
    """Return what a report says of a claim, from the released numbers alone.

    Parameters
    ----------
    beta : NDArray
        The released coefficients, intercept first.
    people : float
        The released number of people.
    """
    size = int(min(max(people, 50), MOST_PEOPLE))
    mu2_of(claim.epsilon, claim.delta)
    return StandIn(
        people=size,
        curve=curve(beta, size, claim, effort.curve, seed),
        heads=errors(beta, size, claim, effort.heads, seed),
        membership=attacked(beta, size, claim, effort.attacked, seed),
        canary_epsilon=canary(beta, claim, effort.canaries, seed),
        canary_runs=effort.canaries,
    )
