"""What treatments do to whom. The effect differs by person; only the truth file knows it.

Sizes are assumptions in the range of the literature, not estimates: the average antidepressant
beats placebo by about 0.3 standard deviations (Cipriani et al. 2018,
doi:10.1016/S0140-6736(17)32802-7), more so in severe episodes (Fournier et al. 2010,
doi:10.1001/jama.2009.1943); here the whole course under a treatment, placebo response included,
is set against no treatment. Who responds to what partly follows measured covariates, as Fournier et
al. 2009 (doi:10.1037/a0015401) found for cognitive therapy against medication.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np


@dataclass(frozen=True, slots=True)
class Drug:
    """A drug: RxNorm ingredient code, usual daily dose [mg], and its class here."""

    name: str
    rxnorm: str
    dose_mg: int
    kind: str


DRUGS: Final = (
    Drug("sertraline", "36437", 100, "ssri"),
    Drug("escitalopram", "321988", 10, "ssri"),
    Drug("fluoxetine", "4493", 20, "ssri"),
    Drug("citalopram", "2556", 20, "ssri"),
    Drug("paroxetine", "32937", 20, "ssri"),
    Drug("venlafaxine", "39786", 150, "snri"),
    Drug("duloxetine", "72625", 60, "snri"),
    Drug("mirtazapine", "15996", 30, "mirtazapine"),
    Drug("bupropion", "42347", 300, "bupropion"),
    Drug("quetiapine", "51272", 150, "augmentation"),
    Drug("lithium", "6448", 900, "augmentation"),
)

KINDS: Final = ("ssri", "snri", "mirtazapine", "bupropion", "augmentation", "cbt")
ONSET_DAYS: Final = 18.0
"""Time constant of the effect; half of it shows in two weeks (Taylor et al. 2006,
doi:10.1001/archpsyc.63.11.1217)."""


@dataclass(frozen=True, slots=True)
class Covariates:
    """What a clinic knows of a person and what partly decides who responds to what."""

    age: float
    anxiety: bool
    insomnia: bool
    adversity: bool
    prior_episodes: int
    severity: float


@dataclass(frozen=True, slots=True)
class Treatment:
    """A course of treatment over study days [start, end)."""

    kind: str
    drug: Drug | None
    start: int
    end: int


def true_effects(rng: np.random.Generator, who: Covariates) -> dict[str, float]:
    """Return the fall in PHQ-9 points that each kind of treatment brings to this person.

    That is in a full episode, once the treatment has taken hold; negative: it makes things worse.
    """
    severe = (who.severity - 11) / 2
    old = (who.age - 40) / 15
    chronic = min(who.prior_episodes, 6) - 2
    means = {
        "ssri": 3.0 + 0.5 * who.anxiety - 0.2 * chronic,
        "snri": 3.0 + 0.7 * severe + 0.2 * who.anxiety,
        "mirtazapine": 2.3 + 1.8 * who.insomnia + 0.4 * old,
        "bupropion": 3.1 - 1.6 * who.anxiety - 0.4 * who.insomnia,
        "augmentation": 2.6 + 0.8 * severe + 0.2 * chronic,
        "cbt": 3.0 + 1.3 * who.adversity - 0.5 * severe - 0.5 * old,
    }
    shared = rng.normal(0, 0.8)  # some people respond to anything, some to nothing
    return {k: round(float(m + shared + rng.normal(0, 1.0)), 3) for k, m in means.items()}


def choose(rng: np.random.Generator, who: Covariates, tried: list[str]) -> str:
    """Return what the clinician picks: by habit and by what the chart says (confounding)."""
    wish = {
        "ssri": 3.0,
        "snri": 1.2 + 0.8 * (who.severity > 11),
        "mirtazapine": 0.6 + 1.2 * who.insomnia,
        "bupropion": 0.9 * (0.4 if who.anxiety else 1.0),
        "augmentation": 0.05 + 1.2 * (len(set(tried)) >= 2),
        "cbt": 1.0 + 0.8 * (who.age < 35),
    }
    weights = np.array([wish[k] * (0.1 if k in tried else 1.0) for k in KINDS])
    return KINDS[int(rng.choice(len(KINDS), p=weights / weights.sum()))]


def drug_of(rng: np.random.Generator, kind: str) -> Drug | None:
    """Return a drug of the kind; none for a psychotherapy."""
    options = [drug for drug in DRUGS if drug.kind == kind]
    return options[int(rng.integers(len(options)))] if options else None


def hold(days_since_start: int) -> float:
    """Return how much of its effect a treatment has after so many days, 0 to 1."""
    return float(1 - np.exp(-max(days_since_start, 0) / ONSET_DAYS))
