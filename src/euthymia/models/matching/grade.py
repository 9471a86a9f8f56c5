"""How much to trust an estimate of a network: six domains, as in CINeMA.

Nikolakopoulou et al. 2020, doi:10.1371/journal.pmed.1003082. What can be computed is computed;
what needs a person's judgement says so, and a grade without it is at most moderate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.special import stdtr

from euthymia.evaluation.network import Agreement, Side, Study

Level = Literal["none", "some", "major", "not judged"]
GRADES: Final = ("high", "moderate", "low", "very low")
IMPORTANT: Final = {"log odds ratio": float(np.log(1.25)), "standardised difference": 0.2}
"""The smallest effect that matters, on each scale: CINeMA's own default, and Cohen's small one."""
_FEWEST_FUNNEL: Final = 10  # trials below which asymmetry says nothing


@dataclass(frozen=True, slots=True)
class Domain:
    """One domain's level, and why."""

    name: str
    level: Level
    said: str


@dataclass(frozen=True, slots=True)
class Grade:
    """The grade of one treatment's effect against the reference."""

    grade: str
    domains: tuple[Domain, ...]


def grade(
    treatment: int,
    mean: tuple[float, float],
    new: tuple[float, float],
    sides: Sequence[Side],
    agree: Agreement,
    bias: Sequence[str],
    scale: str,
    asymmetry: float,
) -> Grade:
    """Return the grade of a treatment against treatment 0.

    Parameters
    ----------
    mean, new : (low, high)
        The 95 % interval of its mean effect, as it is shown, and that of what a new trial finds.
    bias : sequence of "low", "some", "high"
        Of the trials with this treatment; empty where the evidence does not say.
    asymmetry : float
        P of small trials differing from large ones as much (see `funnel_p`).
    """
    own = next((s for s in sides if (s.first, s.second) == (0, treatment)), None)
    limit = IMPORTANT[scale]
    domains = (
        _bias(bias),
        _reporting(asymmetry),
        Domain("indirectness", "none", f"{own.studies} trials compare the two directly")
        if own
        else Domain("indirectness", "some", "no trial compares the two directly"),
        _imprecision(*mean, limit),
        _heterogeneity(mean, new, limit),
        _incoherence(own, agree),
    )
    steps = sum({"some": 1, "major": 2}.get(d.level, 0) for d in domains)
    if domains[0].level == "not judged":
        steps = max(steps, 1)
    return Grade(GRADES[min(steps, 3)], domains)


def _bias(levels: Sequence[str]) -> Domain:
    if not levels:
        return Domain("risk of bias", "not judged", "the evidence file does not rate its trials")
    high = levels.count("high") / len(levels)
    low = levels.count("low") / len(levels)
    level: Level = "major" if high > 0.5 else "none" if low > 0.5 and high < 0.2 else "some"
    return Domain("risk of bias", level, f"{low:.0%} of trials at low risk, {high:.0%} at high")


def _reporting(asymmetry: float) -> Domain:
    if np.isnan(asymmetry):
        why = "too few trials with the reference to see asymmetry"
        return Domain("reporting bias", "not judged", why)
    level: Level = "some" if asymmetry < 0.1 else "none"
    return Domain(
        "reporting bias", level, f"small trials differ from large ones: p {asymmetry:.2g}"
    )


def _imprecision(low: float, high: float, limit: float) -> Domain:
    if low < -limit and high > limit:
        return Domain("imprecision", "major", "the interval holds benefit and harm that matter")
    if low < 0 < high:
        return Domain("imprecision", "some", "the interval holds no effect")
    return Domain("imprecision", "none", "the interval lies on one side of no effect")


def _heterogeneity(mean: tuple[float, float], new: tuple[float, float], limit: float) -> Domain:
    crosses = (mean[0] < 0 < mean[1], new[0] < 0 < new[1])
    if not crosses[0] and new[0] < -limit < limit < new[1]:
        return Domain("heterogeneity", "major", "a new trial may find benefit or harm that matters")
    if crosses[0] != crosses[1]:
        return Domain("heterogeneity", "some", "a new trial may find no effect")
    return Domain("heterogeneity", "none", "a new trial is expected to say the same")


def _incoherence(own: Side | None, agree: Agreement) -> Domain:
    if own is not None and np.isfinite(own.indirect):
        p, what = own.p, "direct against indirect evidence"
    elif agree.between_freedom == 0:
        return Domain("incoherence", "not judged", "no pair has both direct and indirect evidence")
    else:
        p, what = agree.random_p, "designs against each other"
    level: Level = "major" if p < 0.01 else "some" if p < 0.1 else "none"
    return Domain("incoherence", level, f"{what}: p {p:.2g}")


def funnel_p(studies: Sequence[Study]) -> float:
    """Return the p of small trials showing other effects against the reference than large ones.

    The comparison-adjusted regression test (Egger et al. 1997, doi:10.1136/bmj.315.7109.629;
    Chaimani & Salanti 2012, doi:10.1002/jrsm.57): effects centred at the mean of their pair. NaN
    with fewer than ten trials.
    """
    pairs: dict[int, list[tuple[float, float]]] = {}
    for study in studies:
        if study.arms[0] == 0 or 0 in study.arms:
            whole = np.r_[0.0, study.effect] - np.r_[0.0, study.effect][study.arms.index(0)]
            base = study.arms.index(0)
            spread = np.zeros((len(study.arms),) * 2)
            spread[1:, 1:] = study.covariance
            for k, arm in enumerate(study.arms):
                if arm != 0:
                    variance = spread[k, k] + spread[base, base] - 2 * spread[k, base]
                    pairs.setdefault(arm, []).append((float(whole[k]), float(variance)))
    y, error = [], []
    for members in pairs.values():
        weight = np.array([1 / v for _, v in members])
        mean = float((weight * [e for e, _ in members]).sum() / weight.sum())
        if len(members) > 1:
            y += [e - mean for e, _ in members]
            error += [v**0.5 for _, v in members]
    if len(y) < _FEWEST_FUNNEL:
        return float("nan")
    x, z = np.column_stack([1 / np.array(error), np.ones(len(y))]), np.array(y) / np.array(error)
    beta, _, _, _ = np.linalg.lstsq(x, z, rcond=None)
    left = z - x @ beta
    free = len(y) - 2
    spread = float((left**2).sum()) / free * np.linalg.inv(x.T @ x)[1, 1]
    return float(2 * stdtr(free, -abs(beta[1]) / np.sqrt(spread)))
