"""What gains look like when treatment has one effect for everybody.

Re-randomisation under the null of no effect modification (Ding, Feller & Miratrix 2016,
doi:10.1111/rssb.12124): the average effect is taken off each outcome, treatment is dealt anew by
the trial's own chances, the effect is put back on. Main effects of covariates, the outcome's
distribution and who is missing stay as they are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.evaluation.policy_value import mean_by_person
from euthymia.evaluation.resample import people_of
from euthymia.models.matching.crossfit import fold_splits, gains, scores_of
from euthymia.models.matching.trial import Trial, chances_of_treatment

_BLOCK_CELLS = 4_000_000  # draws x rows x arms that are worked on at once


@dataclass(frozen=True, slots=True)
class Null:
    """Gains in standard errors, under re-randomisation."""

    z: Floats

    def p(self, z: float) -> float:
        """Return the share of re-randomisations that reach so high, this one counted in."""
        return float((1 + (self.z >= z).sum()) / (1 + self.z.size))

    def reach(self, level: float) -> float:
        """Return how many standard errors the middle of the null spans to one side.

        From its root mean square, which few draws tell better than they tell a far quantile.
        """
        spread = float(np.sqrt((self.z**2).mean()))
        return float(ndtri(1 - level / 2)) * max(1.0, spread)


def effect_null(trial: Trial, site: Ints | None, *, draws: int, folds: int, seed: int) -> Null:
    """Return the null distribution of the gain in standard errors."""
    rng = np.random.default_rng([seed, 1])
    splits = fold_splits(trial, folds, seed)
    rows = np.arange(trial.rows)
    effect = scores_of(trial, rows, rows)[0].mean(axis=0)
    bare = trial.y[0] - effect[trial.arm[0]]
    chance = None if trial.propensity is not None else chances_of_treatment(trial, rows, rows)[0]
    arm = np.stack([_deal(trial, site, chance, rng) for _ in range(draws)])
    block = max(1, _BLOCK_CELLS // (trial.rows * trial.arms))
    z = np.empty(draws)
    for start in range(0, draws, block):
        dealt = arm[start : start + block]
        found = gains(trial.with_arms(dealt, bare + effect[dealt]), splits)
        z[start : start + block] = [mean_by_person(g, trial.person).z() for g in found]
    return Null(z)


def _deal(trial: Trial, site: Ints | None, chance: Floats | None, rng: np.random.Generator) -> Ints:
    """Return arms dealt anew: shuffled, or drawn by their chances where those differ.

    Between the people of a site; for who had several arms, between their own rows.
    """
    code, people = people_of(trial.person)
    first, arm = np.unique(code, return_index=True)[1], trial.arm[0]
    several = np.bincount(code, weights=arm != arm[first][code]) > 0
    known = trial.propensity
    if known is not None and bool(np.all(known == known[0])):
        block = np.zeros(people, np.int64) if site is None else site[first]
        dealt = np.empty(people, np.int64)
        for name in np.unique(block[~several]):
            inside = np.flatnonzero((block == name) & ~several)
            dealt[inside] = rng.permutation(arm[first][inside])
        return _own_rows(dealt[code], arm, code, several[code], rng)
    p = np.asarray(known if known is not None else chance)
    draw = rng.random(people)[code]
    draw[several[code]] = rng.random(int(several[code].sum()))
    return np.asarray((draw[:, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1), np.int64)


def _own_rows(
    dealt: Ints, arm: Ints, code: Ints, chosen: NDArray[np.bool_], rng: np.random.Generator
) -> Ints:
    """Return arms with those of the chosen rows shuffled between the rows of each person."""
    rows = np.flatnonzero(chosen)
    shuffled = np.lexsort((rng.random(rows.size), code[rows]))
    dealt[rows[np.argsort(code[rows], kind="stable")]] = arm[rows[shuffled]]
    return dealt
