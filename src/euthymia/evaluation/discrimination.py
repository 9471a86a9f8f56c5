"""How well predictions put those who have the event above those who do not, and their error."""

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints

_TINY = 1e-15


def ties(score: Floats) -> tuple[Ints, Ints]:
    """Return the ascending order of the scores and where each group of equal scores starts."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    return order, np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])


def pairs(y: Floats, score: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weight of concordant pairs (ties count half) and of all pairs."""
    order, starts = ties(score)
    held = weights[:, order]
    events = held * y[..., order]
    return concordant(events, held - events, starts)


def concordant(events: Floats, others: Floats, starts: Ints) -> tuple[Floats, Floats]:
    """Return the weight of concordant and of all pairs of columns in order of their score.

    Parameters
    ----------
    events, others : NDArray, shape [b, n]
        The weight of those with and without the event; `others` is used up.
    starts : NDArray of int
        Where each group of equal scores begins.
    """
    if starts.size < events.shape[1]:
        events = np.add.reduceat(events, starts, axis=1)
        others = np.add.reduceat(others, starts, axis=1)
    total = events.sum(axis=1) * others.sum(axis=1)
    below = np.cumsum(others, axis=1)
    others *= 0.5
    below -= others
    return np.einsum("bn,bn->b", events, below), total


def _ratio(part: Floats, whole: Floats) -> Floats:
    out: Floats = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def auc(y: Floats, score: Floats, weights: Floats) -> Floats:
    """Return the area under the ROC curve: the share of pairs put in the right order.

    The Mann-Whitney form with ties counted half (Hanley & McNeil 1982,
    doi:10.1148/radiology.143.1.7063747), for many weightings of the rows at once.

    Parameters
    ----------
    y, score, weights
        As in `Metric`; `score` need not be a probability.

    Returns
    -------
    NDArray, shape [b], [1]
        NaN when and only when events or non-events have no weight.
    """
    return _ratio(*pairs(y, score, weights))


def auc_within(y: Floats, score: Floats, weights: Floats, strata: Ints) -> Floats:
    """Return the AUC over pairs of the same stratum only, each pair counting alike.

    Predictions of different cross-validation folds come from different models, and a fold whose
    training set had more events predicts higher for fewer events left: comparing rows across folds
    is biased downwards (Parker, Gunter & Bedo 2007, doi:10.1186/1471-2105-8-326). Within folds (or
    sites) it is not.

    Parameters
    ----------
    strata : NDArray of int, shape [n]
        The fold (or the site) that each row was predicted in.
    """
    order = np.lexsort((score, strata))
    held = weights[:, order]
    events = held * y[..., order]
    held -= events
    ranked, part = score[order], strata[order]
    cuts = np.flatnonzero(np.r_[True, part[1:] != part[:-1]])
    right, total = np.zeros(weights.shape[0]), np.zeros(weights.shape[0])
    for first, last in zip(cuts, np.r_[cuts[1:], part.size], strict=True):
        one = ranked[first:last]
        starts = np.flatnonzero(np.r_[True, one[1:] != one[:-1]])
        inside = concordant(events[:, first:last], held[:, first:last], starts)
        right += inside[0]
        total += inside[1]
    return _ratio(right, total)


def auprc(y: Floats, score: Floats, weights: Floats) -> Floats:
    """Return the average precision: the area under the precision-recall steps.

    Chance is the prevalence, not 0.5 (Davis & Goadrich 2006, doi:10.1145/1143844.1143874).
    """
    order, starts = ties(-score)
    called = weights[:, order]
    events = called * y[..., order]
    if starts.size < order.size:
        events = np.add.reduceat(events, starts, axis=1)
        called = np.add.reduceat(called, starts, axis=1)
    called = np.cumsum(called, axis=1)
    hits = np.cumsum(events, axis=1)
    total = events.sum(axis=1)
    precision = np.divide(hits, called, out=hits, where=called > 0)
    return _ratio(np.einsum("bn,bn->b", precision, events), total)


def _mean(values: Floats, weights: Floats) -> Floats:
    return _ratio((weights * values).sum(axis=1), weights.sum(axis=1))


def brier(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the mean squared error of the probabilities (Brier 1950)."""
    return _mean((p - y) ** 2, weights)


def log_loss(y: Floats, p: Floats, weights: Floats) -> Floats:
    """Return the mean negative log-likelihood [nat], probabilities kept off 0 and 1 by 1e-15."""
    sure = np.clip(p, _TINY, 1 - _TINY)
    return _mean(-(y * np.log(sure) + (1 - y) * np.log1p(-sure)), weights)


def roc_curve(y: Floats, score: Floats, weights: Floats, at: Floats) -> Floats:
    """Return the sensitivity at each false positive rate of `at`, shape [b, len(at)].

    The curve joins the points of distinct scores by straight lines, so its area is `auc`.
    """
    order, starts = ties(-score)
    events = np.cumsum(np.add.reduceat((weights * y)[:, order], starts, axis=1), axis=1)
    others = np.cumsum(np.add.reduceat((weights * (1 - y))[:, order], starts, axis=1), axis=1)
    curves = np.full((weights.shape[0], at.size), np.nan)
    for row, (hit, false) in enumerate(zip(events, others, strict=True)):
        if hit[-1] > 0 and false[-1] > 0:
            curves[row] = np.interp(at, np.r_[0, false / false[-1]], np.r_[0, hit / hit[-1]])
    return curves


def roc_curve_within(y: Floats, score: Floats, weights: Floats, strata: Ints, at: Floats) -> Floats:
    """Return the mean of the strata's ROC curves, each by its pairs; its area is `auc_within`.

    Parameters
    ----------
    strata : NDArray of int, shape [n]
        The fold (or the site) that each row was predicted in.
    at : NDArray
        The false positive rates at which the curves are averaged (Fawcett 2006,
        doi:10.1016/j.patrec.2005.10.010).

    Returns
    -------
    NDArray, shape [b, len(at)], [1]
        NaN when and only when no stratum has both events and non-events of any weight.
    """
    whole = np.zeros((weights.shape[0], at.size))
    pairs_of_all = np.zeros((weights.shape[0], 1))
    for stratum in np.unique(strata):
        inside = strata == stratum
        held, seen = weights[:, inside], y[inside]
        count = ((held * seen).sum(axis=1) * (held * (1 - seen)).sum(axis=1))[:, None]
        curves = roc_curve(seen, score[inside], held, at)
        whole += np.where(count > 0, count * curves, 0.0)
        pairs_of_all += count
    return _ratio(whole, np.broadcast_to(pairs_of_all, whole.shape))
