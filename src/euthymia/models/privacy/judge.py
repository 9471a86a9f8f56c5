"""What a private run may say of its model: figures from noisy counts of people it has not seen.

One release: how many people of each outcome have a score in each of ten bins, and for each group
how many of each outcome were put forward. Everything else is computed from those counts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.logistic import fit_logistic, sigmoid
from euthymia.models.frame import Texts
from euthymia.models.privacy.contract import Budget
from euthymia.models.privacy.lattice import Floats, Noise, exact_noise, noisy_sum
from euthymia.models.privacy.rows import People

MOST_BINS: Final = 10
LEAST_BINS: Final = 4
PEOPLE_A_BIN: Final = 10.0
"""Divided by mu: fewer judges have fewer bins, so that the counts stand above the noise."""
GROUP_SHARE: Final = 0.3
"""Of the cost, for the group audit."""
SURE: Final = 6.2
"""Standard deviations of the noise: a group that one person alone makes up is told with
probability 3e-10, which `GROUP_DELTA` pays for."""
GROUP_DELTA: Final = 1e-8  # for up to thirty groups of a person
MOST_GROUPS: Final = 30
LEAST_SHOWN: Final = 20.0  # people; a figure of fewer would mostly be noise
_DRAWS: Final = 400
_SLOPES: Final = (0.25, 2.0)


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """A group's noisy figures; None where too few people make them up."""

    variable: str
    group: str
    people: float
    prevalence: float | None
    missed: float | None  # of those with the outcome, not put forward
    right: float | None  # of those put forward, with the outcome


@dataclass(frozen=True, slots=True)
class Judged:
    """What the noisy counts say."""

    counts: Floats  # [bins, 2]: people without and with the outcome
    noise_sd: float
    auc: Estimate
    level: float
    slope: float
    figures: Mapping[str, Estimate]
    groups: tuple[GroupFigures, ...]


def bin_edges(intercept: float, width: float, people: float, mu2: float) -> Floats:
    """Return where the bins of a linear predictor end, from released numbers alone.

    Parameters
    ----------
    intercept, width : float
        The middle and the spread of the predictor, as the coefficients say.
    people : float
        About how many people judge.
    mu2 : float
        What the counts will cost.
    """
    bins = int(np.clip(people * math.sqrt(mu2) / PEOPLE_A_BIN, LEAST_BINS, MOST_BINS))
    return np.asarray(intercept + max(width, 1e-3) * ndtri(np.arange(1, bins) / bins))


def _one_hot(place: Floats, size: int) -> Floats:
    found = np.zeros((place.size, size))
    found[np.arange(place.size), place.astype(np.int64)] = 1.0
    return found


def judge(
    people: People,
    score: Floats,
    edges: Floats,
    groups: Mapping[str, Texts],
    threshold: float,
    mu2: float,
    *,
    pay: Budget,
    part: str,
    seed: int,
    noise: Noise = exact_noise,
) -> Judged:
    """Release the counts, and compute the figures.

    Parameters
    ----------
    people : People
        Those whom the model has not seen.
    score : NDArray
        The linear predictor of each of their rows, in the order of `people`.
    edges : NDArray
        Of the bins; must not depend on these people.
    groups : mapping
        Variable -> the group of each row.
    threshold : float
        On the recalibrated log-odds: from here on somebody is put forward.
    """
    asked = dict(list(groups.items())[:MOST_GROUPS])
    share = GROUP_SHARE if asked else 0.0
    bins = edges.size + 1
    place = np.digitize(score, edges) * 2 + people.y
    whole = noisy_sum(
        people.summed(_one_hot(place, 2 * bins)),
        1.0,
        mu2 * (1 - share),
        pay=pay,
        kind="evaluation",
        what=f"people in {bins} bins of the score, by outcome: discrimination, calibration",
        part=part,
        noise=noise,
    ).reshape(bins, 2)
    sd = 1 / math.sqrt(mu2 * (1 - share))
    level, slope = _recalibration(whole, edges)
    cut = (threshold - level) / slope  # on the score as it is
    figures = _figures(whole, edges, cut)
    audited = (
        _groups(people, score >= cut, asked, mu2 * share, pay=pay, part=part, noise=noise)
        if asked
        else ()
    )
    return Judged(whole, sd, _auc(whole, sd, seed), level, slope, figures, audited)


def area(counts: Floats) -> float:
    """Return the AUC of binned scores: the counts may be negative, as noise makes them."""
    free, having = counts[:, 0], counts[:, 1]
    below = np.concatenate([[0.0], np.cumsum(free)[:-1]])
    whole = free.sum() * having.sum()
    return float((having * (below + free / 2)).sum() / whole) if whole > 0 else math.nan


def _auc(counts: Floats, sd: float, seed: int) -> Estimate:
    """Return the AUC with an interval for both who the people were and what the noise was."""
    rng = np.random.default_rng(seed)
    value = area(counts)
    certain = np.maximum(counts, 0).ravel()
    total = round(certain.sum())
    if not np.isfinite(value) or total < LEAST_SHOWN:
        return Estimate(math.nan, math.nan, math.nan, 0.5)
    again = rng.multinomial(total, certain / certain.sum(), _DRAWS).astype(np.float64)
    again += rng.normal(0, sd, again.shape)
    drawn = np.array([area(one.reshape(-1, 2)) for one in again])
    drawn = drawn[np.isfinite(drawn)]
    if drawn.size < _DRAWS / 2:
        return Estimate(math.nan, math.nan, math.nan, 0.5)
    off = np.percentile(drawn, (2.5, 97.5)) - area(certain.reshape(-1, 2))
    low, high = max(0.0, value - float(off[1])), min(1.0, value - float(off[0]))
    return Estimate(min(max(value, 0.0), 1.0), low, high, 0.5)


def _middles(edges: Floats) -> Floats:
    ends = np.concatenate([[2 * edges[0] - edges[1]], edges, [2 * edges[-1] - edges[-2]]])
    return np.asarray((ends[:-1] + ends[1:]) / 2)


def _recalibration(counts: Floats, edges: Floats) -> tuple[float, float]:
    """Return (level, slope) on the score that the noisy counts ask for; a weak prior for (0, 1)."""
    certain = np.maximum(counts, 0)
    middle = _middles(edges)
    z = np.concatenate([middle, middle])[:, None]
    y = np.repeat([0.0, 1.0], middle.size)
    weights = np.concatenate([certain[:, 0], certain[:, 1]])[None]
    found = fit_logistic(z, y, weights, ridge=1.0, offset=z[:, 0])[0]
    if not np.isfinite(found).all():
        return 0.0, 1.0
    return float(np.clip(found[0], -2, 2)), float(np.clip(1 + found[1], *_SLOPES))


def _figures(counts: Floats, edges: Floats, threshold: float) -> dict[str, Estimate]:
    certain = np.maximum(counts, 0)
    total, having = certain.sum(), certain[:, 1].sum()
    if total < LEAST_SHOWN:
        return {}
    expected = float((sigmoid(_middles(edges))[:, None] * certain).sum() / total)
    forward = _middles(edges) >= threshold
    chosen = certain[forward].sum()
    found = {
        "prevalence": _share(having, total),
        "expected": Estimate(expected, math.nan, math.nan, None),
    }
    if chosen >= LEAST_SHOWN:
        found["ppv"] = _share(certain[forward, 1].sum(), chosen)
    if having >= LEAST_SHOWN:
        found["sensitivity"] = _share(certain[forward, 1].sum(), having)
    return found


def _share(part: float, whole: float) -> Estimate:
    """Return a share with Wilson's interval; of people only, the noise comes on top."""
    p = min(max(float(part / whole), 0.0), 1.0)
    z2 = 1.96**2
    centre = (p + z2 / (2 * whole)) / (1 + z2 / whole)
    half = math.sqrt(p * (1 - p) / whole + z2 / (4 * whole**2)) * 1.96 / (1 + z2 / whole)
    return Estimate(p, float(centre - half), float(centre + half), None)


def _groups(
    people: People,
    forward: NDArray[np.bool_],
    groups: Mapping[str, Texts],
    mu2: float,
    *,
    pay: Budget,
    part: str,
    noise: Noise,
) -> tuple[GroupFigures, ...]:
    """Return each group's figures; a group of few people is not told to exist."""
    names: list[tuple[str, str]] = []
    cells = []
    for variable, values in groups.items():
        for group in np.unique(values):
            names.append((variable, str(group)))
            inside = values == group
            place = people.y * 2 + forward
            cells.append(people.summed(_one_hot(place, 4) * inside[:, None]))
    limit = math.sqrt(len(groups))
    found = noisy_sum(
        np.hstack(cells),
        limit,
        mu2,
        pay=pay,
        kind="group audit",
        what=f"people by outcome and whether put forward, in groups of {len(groups)} variables",
        part=part,
        noise=noise,
    ).reshape(len(names), 4)
    sd = limit / math.sqrt(mu2)
    told = 1 + SURE * 2 * sd  # the sum of four counts has twice the noise of one
    return tuple(
        _group(variable, group, row)
        for (variable, group), row in zip(names, found, strict=True)
        if row.sum() > max(told, LEAST_SHOWN)
    )


def _group(variable: str, group: str, row: Floats) -> GroupFigures:
    certain = np.maximum(row, 0)
    total, having, forward = certain.sum(), certain[2:].sum(), certain[[1, 3]].sum()

    def share(part: float, whole: float) -> float | None:
        return float(part / whole) if whole >= LEAST_SHOWN else None

    return GroupFigures(
        variable,
        group,
        float(row.sum()),
        share(having, total),
        share(certain[2], having),
        share(certain[3], forward),
    )
