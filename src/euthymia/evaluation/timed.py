"""How good is a prediction of when: concordance, and figures at a horizon, under censoring.

Censored people are not left out and not taken for free of the event: those who were followed stand
in for those who were not (inverse probability of censoring weights), which holds where censoring
has nothing to do with the event. For many weightings at once, as every metric here; one cause of
the event (`survival` knows competing ones).
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.discrimination import auc
from euthymia.evaluation.estimate import Estimate, Floats, Metric
from euthymia.evaluation.resample import estimates

C_CHANCE: Final = 0.5  # of any score that has nothing to do with time
_BLOCK: Final = 8_000_000  # pairs held at once
_LEAST: Final = 1e-8

TimeMetric = Callable[[Floats, Floats, Floats, Floats], Floats]
"""(time, event, score, weights) -> one value a row of weights [b]."""


def _check(time: Floats, event: Floats) -> None:
    if time.shape != event.shape:
        raise ValueError("time and event must be of one length")
    if not np.isfinite(time).all() or np.any(time < 0):
        raise ValueError("times must be known and not below 0")
    if not np.isin(event, (0.0, 1.0)).all():
        raise ValueError("event is 1 where it was seen and 0 where follow-up ended before it")


def kaplan_meier(
    time: Floats, event: Floats, weights: Floats, at: Floats, *, before: bool = False
) -> Floats:
    """Return the share without the event at each time of `at`, shape [b, len(at)].

    Parameters
    ----------
    event : shape [n]
        1 where the event was seen at `time`, 0 where follow-up ended there.
    before : bool
        Just before each time in place of just after it.
    """
    return _curve(time, weights * event, weights * (1 - event), at, before=before, first=True)


def _curve(
    time: Floats, falls: Floats, others: Floats, at: Floats, *, before: bool, first: bool
) -> Floats:
    """Return the product-limit curve; where `first`, falls come before the others at a tie."""
    order = np.argsort(time, kind="stable")
    moments, starts = np.unique(time[order], return_index=True)
    down = np.add.reduceat(falls[:, order], starts, axis=1)
    aside = np.add.reduceat(others[:, order], starts, axis=1)
    at_risk = np.cumsum((down + aside)[:, ::-1], axis=1)[:, ::-1]
    if not first:
        at_risk = at_risk - aside
    rate = np.divide(down, at_risk, out=np.zeros_like(down), where=at_risk > 0)
    curve = np.hstack([np.ones((falls.shape[0], 1)), np.cumprod(1 - rate, axis=1)])
    return np.asarray(curve[:, np.searchsorted(moments, at, side="left" if before else "right")])


def followed(
    time: Floats, event: Floats, weights: Floats, at: Floats, *, before: bool = True
) -> Floats:
    """Return the probability to be followed until just before each time, [b, len(at)].

    Who has the event and who leaves at the same time: the event came first.
    """
    leaving, having = weights * (1 - event), weights * event
    found = _curve(time, leaving, having, at, before=before, first=False)
    return np.maximum(found, _LEAST)


def _concordance(
    time: Floats, event: Floats, risk: Floats, first: Floats, second: Floats
) -> Floats:
    """Return concordant weight over comparable weight; `first` weighs who has the event first."""
    size = time.size
    right, total = np.zeros(second.shape[0]), np.zeros(second.shape[0])
    seen = np.flatnonzero(event == 1)
    for start in range(0, seen.size, max(1, _BLOCK // size)):
        i = seen[start : start + max(1, _BLOCK // size)]
        later = time[None] > time[i, None]
        later |= (time[None] == time[i, None]) & (event[None] == 0)
        order = np.where(risk[i, None] > risk[None], 1.0, 0.5 * (risk[i, None] == risk[None]))
        right += ((first[:, i] @ (later * order)) * second).sum(axis=1)
        total += ((first[:, i] @ later.astype(np.float64)) * second).sum(axis=1)
    return np.divide(right, total, out=np.full_like(right, np.nan), where=total > 0)


def harrell_c(time: Floats, event: Floats, risk: Floats, weights: Floats) -> Floats:
    """Return the share of comparable pairs in which who has the event first has the higher risk.

    Harrell et al. 1996, doi:10.1002/(SICI)1097-0258(19960229)15:4<361::AID-SIM168>3.0.CO;2-4. A
    pair is comparable where the earlier time is an event; ties of risk count half. It depends on
    the censoring: with much of it prefer `uno_c`.

    Parameters
    ----------
    time, event, risk : shape [n]
        `risk` is higher where the event is thought to come sooner.
    weights : shape [b, n]

    Returns
    -------
    NDArray, shape [b]
        NaN when and only when no pair is comparable.
    """
    _check(time, event)
    return _concordance(time, event, risk, weights, weights)


def uno_c(
    time: Floats, event: Floats, risk: Floats, weights: Floats, until: float | None = None
) -> Floats:
    """Return the concordance that would be seen without censoring, of events before `until`.

    Uno et al. 2011, doi:10.1002/sim.4154: pairs weighted by 1 / G(t-)^2, G the Kaplan-Meier curve
    of censoring. Give `until` where few are still followed, else single people weigh very much.
    """
    _check(time, event)
    counted = event if until is None else event * (time < until)
    follow = followed(time, event, weights, time)
    return _concordance(time, counted, risk, weights / follow**2, weights)


def censoring_weights(time: Floats, event: Floats, horizon: float, weights: Floats) -> Floats:
    """Return what each row counts for at a horizon: 0 where it is not known what happened by then.

    1 / G(t-) for an event before the horizon, 1 / G(horizon) for those followed beyond it.
    """
    _check(time, event)
    seen = (time <= horizon) & (event == 1)
    beyond = time > horizon
    upto = followed(time, event, weights, np.array([horizon]), before=False)
    return np.asarray(weights * (seen / followed(time, event, weights, time) + beyond / upto))


def by_horizon(time: Floats, event: Floats, horizon: float) -> Floats:
    """Return 1 where the event was seen by the horizon, else 0."""
    return np.asarray((time <= horizon) & (event == 1), np.float64)


def at_horizon(metric: Metric, time: Floats, event: Floats, horizon: float) -> Metric:
    """Return a figure of a probability by a horizon, corrected for censoring.

    Any figure of the other modules: AUC (then it is the cumulative/dynamic AUC of Uno et al. 2007,
    doi:10.1198/016214507000000149), calibration in the large and slope, net benefit.
    """
    y = by_horizon(time, event, horizon)

    def found(_: Floats, p: Floats, weights: Floats) -> Floats:
        return metric(y, p, censoring_weights(time, event, horizon, weights))

    return found


def time_dependent_auc(
    time: Floats, event: Floats, risk: Floats, weights: Floats, horizon: float
) -> Floats:
    """Return the AUC for having the event by `horizon`; NaN where nobody or everybody has."""
    y = by_horizon(time, event, horizon)
    return auc(y, risk, censoring_weights(time, event, horizon, weights))


def brier_at(time: Floats, event: Floats, p: Floats, weights: Floats, horizon: float) -> Floats:
    """Return the squared error of the probability `p` of the event by `horizon` (Graf et al. 1999).

    doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5.
    """
    y = by_horizon(time, event, horizon)
    counted = censoring_weights(time, event, horizon, weights)
    return np.asarray((counted * (y - p) ** 2).sum(axis=1) / weights.sum(axis=1))


def integrated_brier(
    time: Floats, event: Floats, p: Floats, weights: Floats, horizons: Floats
) -> Floats:
    """Return the mean over time of the Brier score, by the trapezoid rule.

    Parameters
    ----------
    p : shape [n, len(horizons)]
        Probability of the event by each horizon.
    """
    if horizons.size < 2 or np.any(np.diff(horizons) <= 0):
        raise ValueError("give two horizons or more, in ascending order")
    scores = np.column_stack(
        [brier_at(time, event, p[:, i], weights, float(h)) for i, h in enumerate(horizons)]
    )
    return np.asarray(np.trapezoid(scores, horizons, axis=1) / (horizons[-1] - horizons[0]))


def without_a_model(time: Floats, event: Floats, weights: Floats, horizons: Floats) -> Floats:
    """Return the chance level of the Brier scores: everybody gets the Kaplan-Meier risk."""
    once = np.ones((1, time.size))
    risk = 1 - kaplan_meier(time, event, once, horizons)[0]
    flat = np.repeat(risk[None], time.size, axis=0)
    return np.column_stack(
        [brier_at(time, event, flat[:, i], weights, float(h)) for i, h in enumerate(horizons)]
    )


def survival_figures(
    time: Floats,
    event: Floats,
    risk: Floats,
    person: NDArray[np.generic],
    *,
    seed: int,
    horizons: Floats | None = None,
    p: Floats | None = None,
    replicates: int = 400,
) -> dict[str, Estimate]:
    """Return concordance, and AUC and Brier score at each horizon, with intervals by person.

    Parameters
    ----------
    risk : shape [n]
        Higher where the event is thought to come sooner.
    horizons : optional
        Times to look at; Uno's C counts events before the last of them.
    p : shape [n, len(horizons)], optional
        Probability of the event by each horizon, for the Brier scores.
    """
    moments = np.array([]) if horizons is None else np.asarray(horizons, np.float64)
    until = float(moments[-1]) if moments.size else None

    def of(metric: TimeMetric) -> Metric:
        return lambda _, score, weights: metric(time, event, score, weights)

    metrics: dict[str, Metric] = {
        "harrell_c": of(harrell_c),
        "uno_c": of(lambda t, e, r, w: uno_c(t, e, r, w, until)),
    }
    for h in moments.tolist():
        metrics[f"auc_at_{h:g}"] = of(
            lambda t, e, r, w, h=h: time_dependent_auc(t, e, r, w, h)  # type: ignore[misc]
        )
    chance = dict.fromkeys(metrics, C_CHANCE)
    y = event.astype(np.float64)
    found = estimates(metrics, y, risk, person, seed=seed, replicates=replicates, chance=chance)
    if p is None or not moments.size:
        return found
    flat = without_a_model(time, event, np.ones((1, time.size)), moments)[0]
    for i, h in enumerate(moments.tolist()):
        name = f"brier_at_{h:g}"
        made: dict[str, Metric] = {
            name: lambda _, q, w, h=h: brier_at(time, event, q, w, h)  # type: ignore[misc]
        }
        found |= estimates(
            made,
            y,
            p[:, i],
            person,
            seed=seed,
            replicates=replicates,
            chance={name: float(flat[i])},
        )
    return found
