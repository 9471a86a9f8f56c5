"""Logistic regression by clipped full-batch gradients, each released through the lattice.

Every number here that is not a release is a constant. They were chosen on simulated logistic models
(Gaussian and skewed features with correlation 0 and 0.4, 6 to 20 of them, 254 to 2,000 people), not
on any data that a figure is reported of; `benchmarks/privacy.py` has the study.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from euthymia.models.privacy.contract import Budget
from euthymia.models.privacy.lattice import Floats, Noise, exact_noise, noisy_sum
from euthymia.models.privacy.rows import People

STEPS: Final = 100
"""The noise of all steps together does not depend on it; more are more exact and take longer."""
CLIP: Final = 0.5
"""Of sqrt(columns): a person of whom the model knows nothing yet has about this gradient."""
REACH: Final = 1.0
"""Descent ends after REACH / (noise of all steps) of time: a direction in which the data pull less
than the noise pushes is left where it began, as under a prior of this width."""
CROWDING: Final = 4.0
"""The largest eigenvalue of the features' second moments that a step is safe for."""
TAIL: Final = 0.5
"""The share of the steps, counted from the end, whose mean is the answer."""
COUNTING: Final = 0.05
"""Share of the cost for the number of people and of people with the outcome."""
PEOPLE_A_COLUMN: Final = 16.0
"""A column is affordable for every so many people, times mu: in the study the AUC lost is then
0.01."""
LEAST_PEOPLE: Final = 100


@dataclass(frozen=True, slots=True)
class Counted:
    """Noisy numbers of people, and of people (weighted rows) with the outcome."""

    people: float
    events: float

    @property
    def start(self) -> float:
        """The log-odds of the outcome, kept within 2 and 98 %."""
        share = min(max(self.events / self.people, 0.02), 0.98)
        return math.log(share / (1 - share))


def count(
    people: People, mu2: float, *, pay: Budget, part: str, noise: Noise = exact_noise
) -> Counted:
    """Release the number of people and of those with the outcome, for a cost of mu2."""
    ones = np.ones((people.y.size, 2))
    ones[:, 1] = people.y
    found = noisy_sum(
        people.summed(ones),
        math.sqrt(2),
        mu2,
        pay=pay,
        kind="statistic",
        what="number of people, and of people with the outcome",
        part=part,
        noise=noise,
    )
    return Counted(max(float(found[0]), 1.0), float(found[1]))


def affordable(counted: Counted, mu2: float) -> int:
    """Return how many columns so many people can carry at a cost of mu2 without much loss."""
    return int(math.sqrt(mu2) * counted.people / PEOPLE_A_COLUMN)


def descend(
    people: People,
    counted: Counted,
    mu2: float,
    *,
    pay: Budget,
    part: str,
    noise: Noise = exact_noise,
) -> Floats:
    """Return coefficients, intercept first, for a cost of mu2.

    Parameters
    ----------
    people : People
        `z` of about unit spread: a feature's scale decides how far descent moves it.
    counted : Counted
        What `count` released.
    """
    columns = people.z.shape[1] + 1
    limit = CLIP * math.sqrt(columns)
    pushed = limit / math.sqrt(mu2)  # standard deviation of the noise of all steps together
    step = min(REACH / pushed / STEPS, 1 / (0.25 * counted.people * CROWDING))
    beta = np.zeros(columns)
    beta[0] = counted.start
    mean, kept = np.zeros(columns), 0
    for number in range(STEPS):
        gradient = noisy_sum(
            people.gradients(beta, limit),
            limit,
            mu2 / STEPS,
            pay=pay,
            kind="fit",
            what="gradient of the log loss",
            part=part,
            noise=noise,
        )
        beta = beta - step * gradient
        if number >= STEPS * (1 - TAIL):
            mean, kept = mean + beta, kept + 1
    return np.asarray(mean / kept)
