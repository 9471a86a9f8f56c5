"""What a figure means to those who must answer for it: whom to call, how many in vain, how soon."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Estimate, Floats, Ints, Metric
from euthymia.evaluation.resample import estimates


def most_at_risk(p: Floats, k: int, period: NDArray[np.generic] | None = None) -> Floats:
    """Return 1 for the k highest predictions of each period, else 0; shape [n].

    Ties at the k-th place are broken by the order of the rows, as a list on a screen does.
    """
    if k < 1:
        raise ValueError("the workload is at least one a period")
    when = (
        np.zeros(p.size, np.int64) if period is None else np.unique(period, return_inverse=True)[1]
    )
    order = np.lexsort((np.arange(p.size), -p, when.reshape(-1)))
    ranked = when.reshape(-1)[order]
    first = np.r_[0, np.flatnonzero(np.diff(ranked)) + 1]
    place = np.arange(p.size) - np.repeat(first, np.diff(np.r_[first, p.size]))
    chosen = np.zeros(p.size)
    chosen[order[place < k]] = 1.0
    return chosen


def _ratio(part: Floats, whole: Floats) -> Floats:
    out: Floats = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def ppv(y: Floats, acted: Floats, weights: Floats) -> Floats:
    """Return the share of those acted on who have the event; NaN where nobody was acted on."""
    called = (weights * acted).sum(axis=1)
    hit = (weights * acted * y).sum(axis=1)
    return _ratio(hit, called)


def sensitivity(y: Floats, acted: Floats, weights: Floats) -> Floats:
    """Return the share of those with the event who were acted on; NaN without any event."""
    having = (weights * y).sum(axis=1)
    hit = (weights * acted * y).sum(axis=1)
    return _ratio(hit, having)


def false_negative_rate(y: Floats, acted: Floats, weights: Floats) -> Floats:
    """Return the share of those with the event who were missed; NaN without any event."""
    return np.asarray(1 - sensitivity(y, acted, weights))


def false_positive_rate(y: Floats, acted: Floats, weights: Floats) -> Floats:
    """Return the share of those without the event who were acted on; NaN without any."""
    return sensitivity(1 - y, acted, weights)


def number_needed_to_evaluate(y: Floats, acted: Floats, weights: Floats) -> Floats:
    """Return how many are acted on for each who has the event: 1 / PPV; infinite without a hit."""
    share = ppv(y, acted, weights)
    found: Floats = np.full(share.shape, np.inf)
    np.divide(1.0, share, out=found, where=share > 0)
    return found


def workload_figures(
    y: Floats,
    p: Floats,
    person: NDArray[np.generic],
    *,
    k: int,
    period: NDArray[np.generic] | None = None,
    seed: int,
    replicates: int = 1000,
) -> dict[str, Estimate]:
    """Return PPV, sensitivity and number needed to evaluate when k a period are seen.

    The list is the one that was made; which people happened to be in the sample is what the
    intervals are about. Chance: the prevalence for PPV, the share seen for sensitivity.

    Parameters
    ----------
    k : int
        How many the clinic can see a period.
    period : shape [n], optional
        The week (or day) of each row; without it all rows are one list.
    """
    acted = most_at_risk(p, k, period)
    rate, seen = float(y.mean()), float(acted.mean())
    metrics: dict[str, Metric] = {
        "ppv": ppv,
        "sensitivity": sensitivity,
        "number_needed_to_evaluate": number_needed_to_evaluate,
    }
    chance = {"ppv": rate, "sensitivity": seen}
    if rate > 0:
        chance["number_needed_to_evaluate"] = 1 / rate
    return estimates(metrics, y, acted, person, seed=seed, replicates=replicates, chance=chance)


@dataclass(frozen=True, slots=True)
class LeadTime:
    """How long before the event the first warning came, of the events that were warned of.

    `warned` is the share of events with a warning in the window, `median` the median time from the
    first of them to the event, in the unit of the times given; chance levels from warnings dealt
    anew between rows.
    """

    events: int
    warned: Estimate
    median: Estimate


def _first_warnings(
    at: Floats, acted: Floats, person: Ints, event_at: Floats, event_of: Ints, window: float
) -> Floats:
    """Return each event's time since the first warning in its window; NaN without one."""
    found = np.full(event_at.size, np.nan)
    order = np.lexsort((at, person))
    rows = order[acted[order] > 0]
    who, when = person[rows], at[rows]
    start = np.searchsorted(who, event_of, side="left")
    end = np.searchsorted(who, event_of, side="right")
    for i, (a, b) in enumerate(zip(start, end, strict=True)):
        before = event_at[i] - when[a:b]
        inside = before[(before > 0) & (before <= window)]
        if inside.size:
            found[i] = inside.max()
    return found


def lead_time(
    at: Floats,
    acted: Floats,
    person: NDArray[np.generic],
    event_at: Floats,
    event_person: NDArray[np.generic],
    *,
    window: float,
    seed: int,
    replicates: int = 400,
) -> LeadTime:
    """Return how many events were warned of and how early, with intervals by person.

    Parameters
    ----------
    at, acted, person : shape [n]
        Time of each prediction, whether it warned (1 or 0), whose it is.
    event_at, event_person : shape [m]
        When events were, and whose.
    window : float
        A warning counts for an event that comes within this time after it.
    """
    names, code = np.unique(
        np.r_[person.astype(str), event_person.astype(str)], return_inverse=True
    )
    who, whose = code[: at.size].astype(np.int64), code[at.size :].astype(np.int64)
    lead = _first_warnings(at, acted, who, event_at, whose, window)
    warned = (~np.isnan(lead)).astype(np.float64)
    rng = np.random.default_rng(seed)
    dealt = [
        _first_warnings(at, rng.permutation(acted), who, event_at, whose, window) for _ in range(50)
    ]
    shares = float(np.mean([np.mean(~np.isnan(d)) for d in dealt]))
    usual = [float(np.median(d[~np.isnan(d)])) for d in dealt if not np.isnan(d).all()]
    metrics: dict[str, Metric] = {
        "warned": lambda _, v, w: _ratio((w * v).sum(axis=1), w.sum(axis=1)),
        "median": lambda _, __, w: _weighted_median(lead, w),
    }
    chance = {"warned": shares} | ({"median": float(np.mean(usual))} if usual else {})
    found = estimates(
        metrics,
        warned,
        warned,
        names[whose],
        seed=seed,
        replicates=replicates,
        chance=chance,
    )
    return LeadTime(event_at.size, found["warned"], found["median"])


def _weighted_median(values: Floats, weights: Floats) -> Floats:
    known = np.flatnonzero(~np.isnan(values))
    if known.size == 0:
        return np.full(weights.shape[0], np.nan)
    order = known[np.argsort(values[known], kind="stable")]
    total = np.cumsum(weights[:, order], axis=1)
    half = total[:, -1:] / 2
    low = (total < half).sum(axis=1).clip(max=order.size - 1)
    high = (total <= half).sum(axis=1).clip(max=order.size - 1)
    middle = (values[order[low]] + values[order[high]]) / 2
    return np.where(total[:, -1] > 0, middle, np.nan)
