"""A simulated cohort for private runs: a declared task, known truth, no real person."""

import numpy as np

from euthymia.models.frame import CohortFrame
from euthymia.models.tasks import table_tasks

TASK = table_tasks()["trial-help-suicidal-thoughts"]
PUSHES = {"thoughts": 1.6, "attempt": 0.8, "cesd": 0.9, "mcs": -0.6}


def cohort(people: int, seed: int = 0, rows: int = 1) -> CohortFrame:
    """People with one row each (or several), whose outcome follows a logistic model."""
    rng = np.random.default_rng(seed)
    n = people * rows
    x = np.empty((n, len(TASK.features)))
    score = np.full(n, -0.4)
    for place, spec in enumerate(TASK.features):
        low, high = spec.low, spec.high
        if (low, high) == (0, 1):
            x[:, place] = rng.random(n) < 0.4
            score += PUSHES.get(spec.name, 0.0) * (x[:, place] - 0.4)
        else:
            drawn = rng.normal(0, 1, n)
            x[:, place] = np.clip((low + high) / 2 + drawn * (high - low) / 5, low, high)
            score += PUSHES.get(spec.name, 0.0) * drawn
    x[rng.random(x.shape) < 0.02] = np.nan
    y = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(np.float64)
    person = np.repeat([f"s{i:05d}" for i in range(people)], rows).astype(np.str_)
    return CohortFrame(
        task=TASK.name,
        names=tuple(spec.name for spec in TASK.features),
        x=x,
        y=y,
        person=person,
        site=np.full(n, "one"),
        at=np.zeros(n, np.int64),
        coverage=np.ones(n),
        data_age_hours=np.zeros(n),
        groups={
            "sex": np.where(rng.random(n) < 0.5, "women", "men"),
            "rare": np.where(np.arange(n) == 0, "the only one", "all others"),
        },
        metadata={},
        flow=(("in the analysis", n, people),),
        seen_until=0,
    )
