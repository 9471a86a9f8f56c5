"""From costs to claims: mu2 (see `contract`) <-> (epsilon, delta).

Every release is an integer vector plus the discrete Gaussian (`lattice`). With a scale of at least
`lattice.STEPS` units that noise differs in total variation by less than 1 / (12 scale^2) a
coordinate from the rounded continuous Gaussian, and integers plus that are a function of the
Gaussian mechanism's output. So the composition of all releases is Gaussian DP with the sum of mu2,
but for `SLACK`, which is taken off delta. `certified` asks Google's dp-accounting for the same
number, from discretised privacy loss distributions rounded against the claim.
"""

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from scipy.special import log_ndtr

SLACK: Final = 1e-15
"""Of delta, for the lattice: 10^7 coordinates of noise at a scale of 2^36 use 2e-16."""
ROUNDING: Final = 1e-9
"""Relative: every number is rounded against the claim by this much."""
MOST_EPSILON: Final = 20.0
LEAST_DELTA: Final = 1e-11


def delta_of(epsilon: float, mu2: float) -> float:
    """Return the delta of Gaussian DP at an epsilon (Balle & Wang 2018, theorem 8).

    Phi(-e/mu + mu/2) - exp(e) Phi(-e/mu - mu/2), and `SLACK` times (1 + exp(e)) on top.
    """
    if mu2 <= 0:
        return 0.0
    mu = math.sqrt(mu2)
    upper = float(log_ndtr(-epsilon / mu + mu / 2))
    lower = epsilon + float(log_ndtr(-epsilon / mu - mu / 2))
    found = math.exp(upper) * -math.expm1(min(lower - upper, 0.0))
    return min(1.0, found + SLACK * (1 + math.exp(epsilon)))


def epsilon_of(mu2: float, delta: float) -> float:
    """Return the smallest epsilon that a cost keeps at a delta, rounded up.

    Infinite where not even `MOST_EPSILON` is kept.
    """
    if mu2 <= 0:
        return 0.0
    low, high = 0.0, _most_epsilon(delta)
    if delta_of(high, mu2) > delta:
        return math.inf
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if delta_of(middle, mu2) <= delta else (middle, high)
    return high * (1 + ROUNDING)


def _most_epsilon(delta: float) -> float:
    """Return the largest epsilon to speak of: there the lattice takes half of delta at most."""
    return min(MOST_EPSILON, math.log(delta / (2 * SLACK)))


def mu2_of(epsilon: float, delta: float) -> float:
    """Return the largest cost that (epsilon, delta) allows, rounded down.

    Raises
    ------
    ValueError
        `epsilon` is not in (0, `MOST_EPSILON`], or `delta` not in [`LEAST_DELTA`, 0.1].
    """
    if not (0 < epsilon <= MOST_EPSILON and LEAST_DELTA <= delta <= 0.1):
        raise ValueError(
            f"epsilon must be above 0 and at most {MOST_EPSILON:g}, delta from {LEAST_DELTA:g} to"
            " 0.1"
        )
    if epsilon > _most_epsilon(delta):
        raise ValueError("delta is too small for so large an epsilon: raise delta")
    low, high = 0.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(epsilon, middle) <= delta else (low, middle)
    return low * (1 - ROUNDING)


def total(costs: Iterable[float]) -> float:
    """Return the sum of costs, rounded up."""
    return math.fsum(costs) * (1 + 1e-15)


@lru_cache(maxsize=64)
def certified(mu2: float, delta: float) -> float:
    """Return epsilon for a total cost by dp-accounting's privacy loss distributions."""
    from dp_accounting import GaussianDpEvent
    from dp_accounting.pld import PLDAccountant

    if mu2 <= 0:
        return 0.0
    accountant = PLDAccountant()
    accountant.compose(GaussianDpEvent(1 / math.sqrt(mu2)))
    return float(accountant.get_epsilon(delta - SLACK))
