"""Small samples whose truth is known, for any estimator, and a bundle made of a fit."""

from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

from euthymia.evaluation.estimate import Estimate
from euthymia.models.bundle import Bundle, make_bundle
from euthymia.models.estimators import estimator
from euthymia.models.estimators.contract import Fitted, Model, Sample
from euthymia.models.frame import CohortFrame
from euthymia.models.tasks import tasks
from euthymia.models.train import Trained

HORIZON = 90.0
TASK = "actigraphy-depression"
FEATURES = len(tasks()[TASK].features)


def sample(model: Model, seed: int = 0, *, people: int = 120, rows: int = 3, signal: float = 1.0):
    """Return rows whose risk rises with the first feature and falls with the second."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(people), rows)
    x = rng.normal(size=(who.size, FEATURES)) + 0.5 * rng.normal(size=(people, FEATURES))[who]
    eta = signal * (1.2 * x[:, 0] - 0.8 * x[:, 1])
    x[rng.random(x.shape) < 0.08] = np.nan
    x = np.exp(x / 3)  # all that can be true is above 0
    person = np.array([f"p-{i:016d}" for i in who])
    if model.kind == "binary":
        y = (rng.random(who.size) < 1 / (1 + np.exp(0.7 - eta))).astype(float)
        return Sample(x, y, person)
    to_event = rng.exponential(150 * np.exp(-eta))
    to_other, to_end = rng.exponential(600, who.size), rng.uniform(20, 300, who.size)
    ends = np.column_stack([to_event, to_other, to_end])
    cause = np.array([1, 2, 0])[np.argmin(ends, axis=1)]
    time = np.maximum(np.ceil(ends.min(axis=1)), 1.0)
    return Sample(x, (cause == 1).astype(float), person, time, cause, HORIZON)


@cache
def fitted(name: str, seed: int = 0) -> Fitted:
    """Return an estimator's model of `sample`."""
    model = estimator(name)
    with threadpool_limits(limits=1):
        return model.fit(sample(model, seed), [("all", np.arange(FEATURES))], seed=1, heads=30)


def bundle(name: str) -> Bundle:
    """Return the bundle of `fitted`."""
    rows = sample(estimator(name))
    task, n = tasks()[TASK], rows.y.size
    text = np.full(n, "A")
    frame = CohortFrame(
        task=TASK,
        names=tuple(f.name for f in task.features),
        x=rows.x,
        y=rows.y,
        person=rows.person,
        site=text,
        at=np.zeros(n, np.int64),
        coverage=np.ones(n),
        data_age_hours=np.zeros(n),
        groups={},
        metadata={},
        flow=(),
        seen_until=0,
    )
    trained = Trained(
        task=task,
        fitted=fitted(name),
        metrics={"auc": Estimate(0.7, 0.6, 0.8, 0.5)},
        audits={"confounds": {"verdict": "not confounded", "why": "made up"}},
        report_html="",
        synthetic=True,
        seed=1,
        trained_at=0,
        people=tuple(sorted(set(rows.person.tolist()))),
        frame=frame,
        estimator=name,
    )
    return make_bundle(trained, 1)
