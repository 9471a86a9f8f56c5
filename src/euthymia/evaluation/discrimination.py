"""How well predictions put those who have the event above those who do not, and their error."""

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints

_TINY = 1e-15


def _ties(score: Floats) -> tuple[Ints, Ints]:
    """Return the ascending order of the scores and where each group of equal scores starts."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    return order, np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])


def pairs(y: Floats, score: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the weight of concordant pairs (ties count half) and of all pairs."""
    order, starts = _ties(score)
    events, others = (weights * y)[:, order], (weights * (1 - y))[:, order]
    if starts.size < order.size:
        events = np.add.reduceat(events, starts, axis=1)
        others = np.add.reduceat(others, starts, axis=1)
    below = np.cumsum(others, axis=1) - others / 2
    return (events * below).sum(axis=1), events.sum(axis=1) * others.sum(axis=1)


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
    concordant = np.zeros(weights.shape[0])
    total = np.zeros(weights.shape[0])
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        inside = pairs(y[..., rows], score[rows], weights[:, rows])
        concordant += inside[0]
        total += inside[1]
    return _ratio(concordant, total)


def auprc(y: Floats, score: Floats, weights: Floats) -> Floats:
    """Return the average precision: the area under the precision-recall steps.

    Chance is the prevalence, not 0.5 (Davis & Goadrich 2006, doi:10.1145/1143844.1143874).
    """
    order, starts = _ties(-score)
    events = np.add.reduceat((weights * y)[:, order], starts, axis=1)
    called = np.cumsum(np.add.reduceat(weights[:, order], starts, axis=1), axis=1)
    precision = np.divide(
        np.cumsum(events, axis=1), called, out=np.zeros_like(events), where=called > 0
    )
    return _ratio((precision * events).sum(axis=1), events.sum(axis=1))


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
    order, starts = _ties(-score)
    events = np.cumsum(np.add.reduceat((weights * y)[:, order], starts, axis=1), axis=1)
    others = np.cumsum(np.add.reduceat((weights * (1 - y))[:, order], starts, axis=1), axis=1)
    curves = np.full((weights.shape[0], at.size), np.nan)
    for row, (hit, false) in enumerate(zip(events, others, strict=True)):
        if hit[-1] > 0 and false[-1] > 0:
            curves[row] = np.interp(at, np.r_[0, false / false[-1]], np.r_[0, hit / hit[-1]])
    return curves
