"""What a treatment rule is worth, from data in which each person got one treatment.

Everything rests on doubly robust scores: an unbiased guess, for each row and arm, of the outcome
that the row would have had under that arm (Robins, Rotnitzky & Zhao 1994,
doi:10.1080/01621459.1994.10476818). Higher outcomes are better throughout.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from euthymia.evaluation.estimate import Estimate, Floats, Ints
from euthymia.evaluation.resample import people_of

_HALVES = 200  # half-samples behind a standard error of RATE, as many as grf draws


def aipw_scores(
    y: Floats, arm: Ints, expected: Floats, propensity: Floats, seen: Floats | None = None
) -> Floats:
    """Return the doubly robust score of each row under each arm, shape [..., n, arms].

    Parameters
    ----------
    y : shape [..., n]
        Outcomes, NaN where they are missing.
    arm : shape [..., n]
        The arm received, 0..arms-1.
    expected : shape [..., n, arms]
        Outcomes expected under each arm, from other rows.
    propensity : shape [..., n, arms]
        Probabilities of receiving each arm.
    seen : shape [..., n], optional
        Probability that the outcome of this row under its own arm is seen (inverse probability
        weighting of missing outcomes: missing at random given covariates and arm).

    Examples
    --------
    >>> y, arm = np.array([3.0, 5.0]), np.array([0, 1])
    >>> aipw_scores(y, arm, np.full((2, 2), 4.0), np.full((2, 2), 0.5)).tolist()
    [[2.0, 4.0], [4.0, 6.0]]
    """
    at = arm[..., None]
    own = np.take_along_axis(expected, at, axis=-1)[..., 0]
    weight = 1.0 / np.take_along_axis(propensity, at, axis=-1)[..., 0]
    if seen is not None:
        weight = weight / seen
    surprise = np.where(np.isnan(y), 0.0, y - own)
    scores = np.array(expected, np.float64)
    np.put_along_axis(scores, at, (own + weight * surprise)[..., None], axis=-1)
    return scores


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over rows, its standard error by person, and how many people there are."""

    estimate: float
    error: float
    people: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the t interval; infinite with fewer than two people."""
        if self.people < 2:
            return float("-inf"), float("inf")
        reach = float(stdtrit(self.people - 1, 0.5 + level / 2)) * self.error
        return self.estimate - reach, self.estimate + reach

    def z(self) -> float:
        """Return the estimate in standard errors; 0 where it does not vary at all."""
        return self.estimate / self.error if self.error > 0 else 0.0

    def figure(self, level: float = 0.95) -> Estimate:
        """Return the estimate with its interval; its chance level is 0."""
        low, high = self.interval(level)
        return Estimate(self.estimate, low, high, 0.0)


def mean_by_person(values: Floats, person: Ints) -> Mean:
    """Return the mean over rows with a standard error that takes a person's rows together."""
    code, people = people_of(person)
    middle = float(values.mean())
    if people < 2:
        return Mean(middle, float("inf"), people)
    away = np.bincount(code, weights=values - middle, minlength=people)
    error = float(np.sqrt((away**2).sum() * people / (people - 1))) / values.size
    return Mean(middle, error, people)


_REACH = 1.959963984540054


def people_needed(spread: float, gain: float, *, reach: float = _REACH, power: float = 0.8) -> int:
    """Return how many people it takes to show a gain with an interval above zero.

    Parameters
    ----------
    spread : float
        Standard deviation over people of what the rule gains (of its influence function), in the
        unit of `gain`.
    reach : float
        How many standard errors the interval spans to one side.
    """
    z = reach + float(ndtri(power))
    return int(np.ceil((z * spread / gain) ** 2))


def power_at(people: int, spread: float, gain: float, *, reach: float = _REACH) -> float:
    """Return the chance that so many people show the gain, if it is there."""
    if spread <= 0:
        return 1.0
    return float(ndtr(gain * np.sqrt(people) / spread - reach))


def rate(scores: Floats, priority: Floats, weights: Floats, *, target: str = "AUTOC") -> Floats:
    """Return the rank-weighted average treatment effect for each row of weights, shape [b].

    Yadlowsky et al. 2025, doi:10.1080/01621459.2024.2393466: how much more those put first gain
    than everybody, averaged over how many are put first. AUTOC weighs all shares alike, QINI by
    the share. Equal priorities count as one group, each with its mean score, as in grf.

    Parameters
    ----------
    scores : shape [n]
        Doubly robust scores of the effect.
    priority : shape [n]
        Higher is treated first; must come from other rows than the scores.
    weights : shape [b, n]
        0 leaves a row out.
    """
    order = np.argsort(-priority, kind="stable")
    ranked, weight = priority[order], weights[:, order]
    first = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    size = np.diff(np.r_[first, ranked.size])
    value = scores[order] * weight
    total = np.add.reduceat(weight, first, axis=1)
    inside = np.add.reduceat(value, first, axis=1) / np.where(total > 0, total, 1.0)
    shared = np.repeat(inside, size, axis=1) * weight
    reached = np.cumsum(weight, axis=1)
    everybody = reached[:, -1:]
    curve = np.cumsum(shared, axis=1) / np.where(reached > 0, reached, 1.0)
    curve = curve - value.sum(axis=1, keepdims=True) / everybody
    share = weight if target == "AUTOC" else weight * reached / everybody
    return np.asarray((curve * share).sum(axis=1) / everybody[:, 0])


def half_samples(person: Ints, draws: int, rng: np.random.Generator) -> Floats:
    """Return weights that keep a random half of the people, shape [draws, n].

    The spread of a figure over such halves is its standard error over samples of full size.
    """
    code, people = people_of(person)
    order = np.argsort(rng.random((draws, people)), axis=1)
    return np.asarray((order < people // 2)[:, code], np.float64)


def rate_by_fold(
    scores: Floats,
    priority: Floats,
    fold: Ints,
    person: Ints,
    *,
    rng: np.random.Generator,
    target: str = "AUTOC",
) -> Estimate:
    """Return RATE averaged over cross-fitting folds and repeats, with a half-sample interval.

    Parameters
    ----------
    scores, priority, fold : shape [repeats, n]
        Priorities of different folds come from different models and are not compared.
    person : shape [n]
    """
    weights = np.vstack([np.ones(person.size), half_samples(person, _HALVES, rng)])
    drawn = np.zeros(weights.shape[0])
    for s, p, f in zip(scores, priority, fold, strict=True):
        for part in np.unique(f):
            inside = np.flatnonzero(f == part)
            kept = weights[:, inside]
            found = np.full(weights.shape[0], np.nan)
            usable = kept.sum(axis=1) > 0
            found[usable] = rate(s[inside], p[inside], kept[usable], target=target)
            drawn += np.nan_to_num(found) * inside.size / person.size / scores.shape[0]
    error = float(drawn[1:].std(ddof=1))
    reach = _REACH * error
    return Estimate(float(drawn[0]), float(drawn[0]) - reach, float(drawn[0]) + reach, 0.0)


@dataclass(frozen=True, slots=True)
class BenefitGroup:
    """People of one band of predicted benefit: what was predicted and what was seen."""

    predicted: float
    observed: float
    low: float
    high: float
    rows: int


def benefit_slope(scores: Floats, predicted: Floats, fold: Ints, person: Ints) -> Estimate:
    """Return the slope of the benefit on its prediction: 1 is calibrated, 0 is useless.

    The best linear predictor of Chernozhukov et al. 2018, doi:10.48550/arXiv.1712.04802, within
    folds, with an interval by person. NaN when and only when the predictions do not vary.
    """
    score, guess = scores.astype(float), predicted.astype(float)
    for part in np.unique(fold):
        inside = fold == part
        score = np.where(inside, score - score[inside].mean(), score)
        guess = np.where(inside, guess - guess[inside].mean(), guess)
    square = float((guess**2).sum())
    if square <= 1e-12 * max(1.0, float((predicted**2).sum())):
        return Estimate(float("nan"), float("nan"), float("nan"), 0.0)
    slope = float((guess * score).sum() / square)
    mean = mean_by_person(guess * (score - slope * guess) * score.size / square, person)
    low, high = Mean(slope, mean.error, mean.people).interval()
    return Estimate(slope, low, high, 0.0)


def benefit_groups(
    scores: Floats, predicted: Floats, person: Ints, groups: int = 3
) -> tuple[BenefitGroup, ...]:
    """Return observed against predicted benefit in groups of equal count."""
    edges = np.quantile(predicted, np.linspace(0, 1, groups + 1)[1:-1])
    band = np.searchsorted(edges, predicted, side="left")
    found = []
    for number in np.unique(band):
        rows = np.flatnonzero(band == number)
        mean = mean_by_person(scores[rows], person[rows])
        low, high = mean.interval()
        found.append(
            BenefitGroup(float(predicted[rows].mean()), mean.estimate, low, high, rows.size)
        )
    return tuple(found)
