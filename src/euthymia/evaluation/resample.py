"""Intervals and shuffles that respect that a person's rows belong together."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from euthymia.evaluation.estimate import Estimate, Floats, Metric

REPLICATES = 1000
_CELLS = 4_000_000  # the largest [replicates, rows] block held at once
_HELD = 50_000_000  # the largest [replicates, rows] table of weights; bigger data get fewer
_GROUPS = 200  # so many people or groups of people are left out in turn, at most
_USABLE = 0.5  # an interval from fewer replicates than this share would be a guess


def people_of(person: NDArray[np.generic]) -> tuple[NDArray[np.int64], int]:
    """Return each row's person as 0..m-1, and m."""
    names, code = np.unique(person, return_inverse=True)
    return code.astype(np.int64).reshape(-1), names.size


def bootstrap_weights(
    person: NDArray[np.generic], replicates: int, rng: np.random.Generator
) -> Floats:
    """Return how often each row counts when people are drawn with replacement, shape [b, n].

    All rows of a person come and go together (cluster bootstrap; Field & Welsh 2007,
    doi:10.1111/j.1467-9868.2007.00593.x).
    """
    code, people = people_of(person)
    replicates = max(min(replicates, _HELD // max(1, code.size)), min(replicates, 200))
    return draw_people(people, replicates, rng)[:, code]


def draw_people(people: int, replicates: int, rng: np.random.Generator) -> Floats:
    """Return how often each of so many people is drawn, with replacement, shape [b, people]."""
    drawn = rng.integers(0, people, (replicates, people))
    drawn += (np.arange(replicates) * people)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=replicates * people)
    return np.asarray(counts.reshape(replicates, people), np.float64)


def jackknife_weights(person: NDArray[np.generic]) -> Floats:
    """Return weights that leave one person out each, shape [people, n]; many people in groups."""
    code, people = people_of(person)
    groups = min(people, _GROUPS)
    return np.asarray(code[None, :] % groups != np.arange(groups)[:, None], np.float64)


def permuted_labels(
    y: Floats, person: NDArray[np.generic], draws: int, rng: np.random.Generator
) -> Floats:
    """Return labels dealt anew between people, shape [draws, n].

    Each person's run of labels stays together, so the clustering of events in people is kept and
    only their tie to the predictions is cut.
    """
    code, people = people_of(person)
    order = np.argsort(code, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(code[order])) + 1)
    dealt = np.empty((draws, y.size))
    for draw in range(draws):
        rows = np.concatenate([runs[who] for who in rng.permutation(people)])
        dealt[draw, order] = y[rows]
    return dealt


def apply_metric(metric: Metric, y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the metric for each row of weights, in blocks that fit into memory."""
    block = max(1, _CELLS // max(1, p.size))
    parts = []
    for start in range(0, weights.shape[0], block):
        labels = y[start : start + block] if y.ndim == 2 else y
        parts.append(metric(labels, p, weights[start : start + block]))
    return np.concatenate(parts)


def bca_interval(estimate: float, drawn: Floats, left_out: Floats) -> tuple[float, float]:
    """Return the bias-corrected and accelerated 95 % interval (Efron 1987, doi:10.2307/2289144).

    Where the estimate lies outside the middle 80 % of its replicates (as a figure that cannot go
    below zero does) the correction is not to be trusted and the percentile interval is returned.
    It always holds the estimate: replicates of a distance lean upwards, all of them at times. NaN
    when and only when fewer than half of the replicates are defined.
    """
    usable = drawn[np.isfinite(drawn)]
    if usable.size < _USABLE * drawn.size or not np.isfinite(estimate):
        return float("nan"), float("nan")
    below = float(((usable < estimate).sum() + 0.5 * (usable == estimate).sum()) / usable.size)
    levels = np.array([0.025, 0.975])
    if 0.1 < below < 0.9:
        away = left_out[np.isfinite(left_out)]
        away = away.mean() - away if away.size else away
        spread = float((away**2).sum()) ** 1.5
        pull = float((away**3).sum()) / (6 * spread) if spread > 0 else 0.0
        shift = float(ndtri(below))
        z = shift + ndtri(levels)
        levels = ndtr(shift + z / (1 - pull * z))
    low, high = np.percentile(usable, 100 * levels)
    return min(float(low), estimate), max(float(high), estimate)


def estimates(
    metrics: Mapping[str, Metric],
    y: Floats,
    p: Floats,
    person: NDArray[np.generic],
    *,
    seed: int,
    replicates: int = REPLICATES,
    chance: Mapping[str, float] | None = None,
    together: Mapping[tuple[str, ...], Metric] | None = None,
) -> dict[str, Estimate]:
    """Return every metric with its interval and chance level.

    The interval says how much the figure depends on which people happened to be in the sample,
    the predictions given. Rows may repeat a person's row (repeated cross-validation): they move
    together.

    Parameters
    ----------
    y, p, person : shape [n]
    chance : mapping, optional
        Metric -> its level without any signal (see `chance_levels`); any other has None.
    together : mapping, optional
        Names -> what gives all of them at once, a column each.
    """
    levels = chance or {}
    weights = bootstrap_weights(person, replicates, np.random.default_rng(seed))
    left_out = jackknife_weights(person)
    once = np.ones((1, y.size))
    found = {}
    asked = {(name,): metric for name, metric in metrics.items()} | dict(together or {})
    for names, metric in asked.items():
        each = (apply_metric(metric, y, p, rows) for rows in (once, weights, left_out))
        values, drawn, left = (part.reshape(part.shape[0], len(names)) for part in each)
        for i, name in enumerate(names):
            value = float(values[0, i])
            low, high = bca_interval(value, drawn[:, i], left[:, i])
            found[name] = Estimate(value, low, high, levels.get(name))
    return found


def difference(
    first: Metric,
    p_first: Floats,
    second: Metric,
    p_second: Floats,
    y: Floats,
    person: NDArray[np.generic],
    *,
    seed: int,
    replicates: int = REPLICATES,
) -> Estimate:
    """Return first minus second on the same people, with a paired person-bootstrap interval."""
    rng = np.random.default_rng(seed)
    weights = bootstrap_weights(person, replicates, rng)
    once = np.ones((1, y.size))

    def gap(rows: Floats) -> Floats:
        return apply_metric(first, y, p_first, rows) - apply_metric(second, y, p_second, rows)

    value = float(gap(once)[0])
    low, high = bca_interval(value, gap(weights), gap(jackknife_weights(person)))
    return Estimate(value, low, high, 0.0)
