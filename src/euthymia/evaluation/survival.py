"""Time to an event, with censoring and competing events: incidence, weights, concordance.

`cause` is 0 where the follow-up ended without any event, 1 for the event asked about, 2 and above
for an event that rules it out.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Estimate, Floats, Ints
from euthymia.evaluation.resample import bca_interval, bootstrap_weights, jackknife_weights

EVENT: Final = 1
_PAIRS: Final = 4_000_000_000  # pairs x replicates looked at for one interval
_LEAST: Final = 100
_MOST: Final = 1000


def incidence(time: Floats, cause: Ints, at: Floats, weights: Floats | None = None) -> Floats:
    """Return the cumulative incidence of cause 1 at each of `at`.

    The Aalen-Johansen estimator (Aalen & Johansen 1978, Scand J Stat 5:141); one less Kaplan-Meier
    where no other cause occurs.
    """
    times, counts = _counts(time, cause, np.ones(time.size) if weights is None else weights)
    risk, event, other = counts
    left = np.cumprod(1 - (event + other) / risk)
    before = np.r_[1.0, left[:-1]]
    reached = np.r_[0.0, np.cumsum(before * event / risk)]
    return np.asarray(reached[np.searchsorted(times, at, side="right")])


def _counts(time: Floats, cause: Ints, weights: Floats) -> tuple[Floats, tuple[Floats, ...]]:
    """Return the times, and at each: at risk, with the event, with another event."""
    times, place = np.unique(time, return_inverse=True)

    def total(rows: NDArray[np.bool_]) -> Floats:
        found = np.bincount(place[rows], weights=weights[rows], minlength=times.size)
        return np.asarray(found, np.float64)

    leaving = total(np.ones(time.size, bool))
    risk = np.cumsum(leaving[::-1])[::-1]
    risk = np.where(risk > 0, risk, 1.0)  # nobody of weight is left: nothing happens either
    return times, (risk, total(cause == EVENT), total(cause > EVENT))


def at_horizon(time: Floats, cause: Ints, horizon: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Return whether the event came by the horizon, and for whom that is known."""
    label = (cause == EVENT) & (time <= horizon)
    known = (cause != 0) | (time >= horizon)
    return label.astype(np.float64), known


def censoring_weights(time: Floats, cause: Ints, horizon: float) -> Floats:
    """Return inverse-probability-of-censoring weights at a horizon; 0 where it is not known.

    1 / G(min(time, horizon) -), G the Kaplan-Meier estimate of not yet being censored (Graf et al.
    1999; for competing events Schoop et al. 2011, doi:10.1002/bimj.201000073). Assumes that being
    censored has nothing to do with the risk.
    """
    _, known = at_horizon(time, cause, horizon)
    times, place = np.unique(time, return_inverse=True)
    lost = np.bincount(place[cause == 0], minlength=times.size).astype(np.float64)
    gone = np.bincount(place, minlength=times.size).astype(np.float64)
    risk = np.cumsum(gone[::-1])[::-1]
    # an event at the same time came first: it is no longer at risk of being censored
    staying = np.cumprod(1 - lost / np.maximum(risk - (gone - lost), 1.0))
    before = np.searchsorted(times, np.minimum(time, horizon), side="left")
    chance = np.r_[1.0, staying][before]
    return np.where(known, 1 / np.maximum(chance, 0.05), 0.0)


def concordance(time: Floats, cause: Ints, score: Floats, weights: Floats, strata: Ints) -> Floats:
    """Return Harrell's C over pairs of the same stratum, for many weightings at once, shape [b].

    A pair counts where one has the event while the other is still under observation without any
    event, or has had a competing one, which rules the event out for ever (Wolbers et al. 2009,
    doi:10.1097/EDE.0b013e3181a39056). Equal scores count half. Pairs across folds are left out:
    their scores come from different models.

    Parameters
    ----------
    weights : NDArray, shape [b, n]

    Returns
    -------
    NaN when and only when no pair has weight.
    """
    right, total = np.zeros(weights.shape[0]), np.zeros(weights.shape[0])
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        ends = np.where(cause[rows] > EVENT, np.inf, time[rows])
        first = (cause[rows] == EVENT)[:, None] & (
            (ends[:, None] < ends) | ((ends[:, None] == ends) & (cause[rows] != EVENT))
        )
        apart = score[rows][:, None] - score[rows]
        better = first * (0.5 * (np.sign(apart) + 1))
        w = weights[:, rows]
        right += ((w @ better) * w).sum(axis=1)
        total += ((w @ first.astype(np.float64)) * w).sum(axis=1)
    out: Floats = np.full(right.shape, np.nan)
    np.divide(right, total, out=out, where=total > 0)
    return out


def concordance_estimate(
    time: Floats,
    cause: Ints,
    score: Floats,
    person: NDArray[np.generic],
    strata: Ints,
    *,
    seed: int,
) -> Estimate:
    """Return Harrell's C with a person-bootstrap interval; chance is 0.5."""
    sizes = np.unique(strata, return_counts=True)[1].astype(np.float64)
    replicates = int(np.clip(_PAIRS / max(1.0, float((sizes**2).sum())), _LEAST, _MOST))
    weights = bootstrap_weights(person, replicates, np.random.default_rng(seed))
    value = float(concordance(time, cause, score, np.ones((1, time.size)), strata)[0])
    drawn = concordance(time, cause, score, weights, strata)
    left_out = concordance(time, cause, score, jackknife_weights(person), strata)
    low, high = bca_interval(value, drawn, left_out)
    return Estimate(value, low, high, 0.5)
