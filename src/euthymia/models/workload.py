"""What acting on a model costs and catches: at its threshold, and at the clinic's workload."""

from typing import Any, Final

import numpy as np

from euthymia.evaluation.estimate import Estimate, Floats, Metric
from euthymia.evaluation.fairness import acted_on
from euthymia.evaluation.groups import SMALL_CELL
from euthymia.evaluation.resample import estimates
from euthymia.evaluation.workload import LeadTime, lead_time, most_at_risk, ppv, sensitivity
from euthymia.ground.clock import DAY_US
from euthymia.ground.errors import SchemaError
from euthymia.models.estimators.contract import EVENT
from euthymia.models.frame import CohortFrame
from euthymia.models.validate import HeldOut

WORKLOAD: Final = 10.0
"""Of 100 index dates, how many are looked at where the clinic does not say."""
_LEAST: Final = 10  # events, below which a median of lead times says nothing


def checked(workload: float) -> float:
    """Return a workload, or refuse what is none.

    Raises
    ------
    SchemaError
        It is not above 0 and at most 100.
    """
    if not 0 < workload <= 100:
        raise SchemaError("a workload is how many of 100 index dates are looked at: above 0 to 100")
    return workload


def _rounds(found: HeldOut) -> tuple[Floats, int]:
    """Return which occurrence of its row each prediction is, and how many rows there are."""
    order = np.lexsort((found.strata, found.rows))
    rows = found.rows[order]
    first = np.r_[True, np.diff(rows) != 0]
    start = np.maximum.accumulate(np.where(first, np.arange(rows.size), 0))
    place = np.empty(rows.size)
    place[order] = np.arange(rows.size) - start
    return place, int(first.sum())


def workload_figures(
    found: HeldOut, threshold: float, workload: float, *, seed: int
) -> dict[str, Estimate]:
    """Return PPV, sensitivity and number needed to evaluate of held-out predictions.

    At the threshold, and (`..._at_workload`) of the `workload` highest of 100 predictions, one list
    a round of the cross-validation. The number needed to evaluate is 1 / PPV, with its interval;
    left out where that has no end, as are all where fewer than ten people would be acted on.
    """
    place, rows = _rounds(found)
    listed = most_at_risk(found.p, max(1, round(rows * checked(workload) / 100)), place)
    metrics: dict[str, Metric] = {}
    chance: dict[str, float] = {}
    for ending, acted in (("", acted_on(found.p, threshold)), ("_at_workload", listed)):
        if np.unique(found.person[acted == 1]).size < SMALL_CELL:
            continue
        metrics |= {
            f"ppv{ending}": _of(ppv, acted),
            f"sensitivity{ending}": _of(sensitivity, acted),
        }
        chance |= {f"ppv{ending}": float(found.y.mean())}
        chance |= {f"sensitivity{ending}": float(acted.mean())}
    if not metrics:
        return {}
    told = estimates(
        found.weighted(metrics), found.y, found.p, found.person, seed=seed, chance=chance
    )
    made: dict[str, Estimate] = {}
    for name, figure in told.items():
        if not np.isfinite([figure.estimate, figure.low, figure.high]).all():
            continue  # nobody had the outcome in too many of the draws
        made[name] = figure
        if name.startswith("ppv") and figure.low > 0 and figure.chance:
            ends = (1 / figure.estimate, 1 / figure.high, 1 / figure.low, 1 / figure.chance)
            made[name.replace("ppv", "number_needed_to_evaluate")] = Estimate(*ends)
    return made


def _of(metric: Metric, acted: Floats) -> Metric:
    return lambda y, _, weights: metric(y, acted, weights)


def lead_times(
    frame: CohortFrame, found: HeldOut, threshold: float, horizon_days: int, *, seed: int
) -> LeadTime | None:
    """Return how many events were warned of and how many days before; None without their times.

    Of the first round of the cross-validation. An event that several index dates look ahead to
    counts once, with the first of them that warned.
    """
    if frame.time is None or frame.cause is None or found.every is None:
        return None
    rows, p, _ = found.every
    _, first = np.unique(rows, return_index=True)
    rows, p = rows[first], p[first]
    at = frame.at[rows] / DAY_US
    happened = (frame.cause[rows] == EVENT) & (frame.time[rows] <= horizon_days)
    when = np.round(at[happened] + frame.time[rows][happened], 1)
    whose, codes = np.unique(frame.person[rows][happened], return_inverse=True)
    events = np.unique(np.column_stack([codes.reshape(-1), when]), axis=0)
    if len(events) < _LEAST:
        return None
    return lead_time(
        at,
        acted_on(p, threshold),
        frame.person[rows],
        events[:, 1],
        whose[events[:, 0].astype(np.int64)],
        window=float(horizon_days) + 0.1,
        seed=seed,
    )


def lead_audit(found: LeadTime | None) -> dict[str, Any]:
    """Return what the command line prints of the lead time."""
    if found is None:
        return {}
    early, share = found.median, found.warned
    if not np.isfinite(early.estimate):
        return {"verdict": f"none of {found.events} events was warned of"}
    return {
        "verdict": (
            f"{share.estimate:.0%} ({share.low:.0%} to {share.high:.0%}; by chance"
            f" {share.chance or 0:.0%}) of {found.events} events were warned of, half of them"
            f" {early.estimate:.0f} days before or more ({early.low:.0f} to {early.high:.0f};"
            f" by chance {early.chance or float('nan'):.0f})"
        ),
        "events": found.events,
        "warned": share,
        "median_days": early,
    }
