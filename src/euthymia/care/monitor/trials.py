"""Cohorts with known relapses, for `judge`: simulated, or read from files of one's own."""

from typing import Any

import numpy as np

from euthymia.care.monitor.evaluate import Relapse, Result, Trial, days_of, hybrid, judge, trial
from euthymia.care.monitor.panel import Features, Panel
from euthymia.simulate.watched import Asked, cohort


def simulated(asked: Asked) -> Trial:
    """Return a simulated cohort; see `simulate/watched.py` for what is in it."""
    made = cohort(asked)
    device = np.array([name.startswith("watch.") for name in made.names], np.int64)
    people = tuple(
        days_of(values, int(first), away)
        for values, first, away in zip(made.values, made.first, made.away, strict=True)
    )
    everything = np.ones(asked.days, np.bool_)
    panel = Panel(Features(made.names, made.worse, device), people, (everything,) * len(people))
    relapses = tuple(Relapse(r.person, r.onset, r.end, r.shape) for r in made.relapses)
    return trial(panel, relapses)


def table(asked: Trial, budget_days: float, seed: int) -> dict[str, Any]:
    """Return the figures of the watch and its peers on a cohort, and chance at the same burden."""
    from euthymia.care.monitor.peers import PEERS

    rows = [judge(d, asked, (budget_days,), seed)[0] for d in (hybrid(), *PEERS)]
    first: Result = rows[0]
    return {
        "budget_days": budget_days,
        "detectors": [row.plain() for row in rows],
        "chance": {f"caught_{h}d": round(v, 4) for h, v in first.chance.items()},
        "relapses": first.relapses,
        "patient_days": first.patient_days,
        "simulated": asked.simulated,
    }
