"""Discrete-time hazard: a logistic regression of the event in each period among those still there.

Singer & Willett 1993, doi:10.3102/10769986018002155; competing causes each against no event (Begg &
Gray 1984, doi:10.1093/biomet/71.1.11), joined into a cumulative incidence.

Defaults, fixed before any data were looked at: the penalties of the logistic estimator; periods as
the pieces of the Cox estimator, so that the two can be compared.
"""

from functools import partial
from typing import Final

import numpy as np

from euthymia.evaluation.discrete_hazard import fit_hazard, periods_of
from euthymia.models.estimators.contract import (
    EVENT,
    Floats,
    Model,
    Sample,
)
from euthymia.models.estimators.logistic import INTERVAL, ROUGH
from euthymia.models.estimators.survival import (
    LIMITS,
    SLOPES,
    Method,
    fit_survival,
    follow_up,
    piece_ends,
    refit_survival,
)


def _periods(sample: Sample, cause: int, ends: Floats) -> tuple[Floats, Floats]:
    time, ended = follow_up(sample)
    happened, over = (ended == cause).astype(float), (ended > 0).astype(float)
    return periods_of(time, happened, over, ends)


class _Hazard(Method):
    title = "discrete-time hazard regression"
    discrete = True

    def coefficients(
        self,
        z: Floats,
        sample: Sample,
        cause: int,
        ridge: float,
        weights: Floats,
        start: Floats | None = None,
        *,
        rough: bool = False,
    ) -> Floats:
        time, ended = follow_up(sample)
        ends = piece_ends(time, ended, sample.horizon)
        risk, event = _periods(sample, cause, ends)
        near = ROUGH if rough else 1e-10
        begin = None
        if start is not None and np.isfinite(start).all():
            none = np.zeros((z.shape[0], 0))
            begin = np.r_[fit_hazard(none, risk, event, weights, tolerance=ROUGH), start]
            begin = begin if np.isfinite(begin).all() else None
        found = fit_hazard(z, risk, event, weights, ridge=ridge, start=begin, tolerance=near)
        return found[ends.size :]

    def levels(
        self, score: Floats, sample: Sample, cause: int, weights: Floats, ends: Floats
    ) -> tuple[Floats, float]:
        risk, event = _periods(sample, cause, ends)
        slope = 1.0
        if float(np.ptp(score)) > 0:
            found = fit_hazard(score[:, None], risk, event, weights, ridge=1e-6)
            slope = float(np.clip(found[-1], *SLOPES)) if np.isfinite(found[-1]) else 1.0
        level = _levels(slope * score, risk, event, weights)
        return np.clip(np.nan_to_num(level, nan=LIMITS[0]), *LIMITS), slope

    def loss(self, score: Floats, sample: Sample) -> float:
        time, ended = follow_up(sample)
        risk, event = _periods(sample, EVENT, piece_ends(time, ended, sample.horizon))
        once = np.ones(score.size)
        eta = _levels(score, risk, event, once) + score[:, None]
        eta = np.where(risk > 0, eta, 0.0)
        return float((risk * (np.logaddexp(0, eta) - event * eta)).sum())


def _levels(offset: Floats, risk: Floats, event: Floats, weights: Floats) -> Floats:
    """Return the intercept of each period given each row's offset, by Newton on each alone."""
    held = risk * weights[:, None]
    happened = (held * event).sum(axis=0)
    level = np.log((happened + 0.5) / (held.sum(axis=0) - happened + 0.5))
    for _ in range(30):
        mu = 0.5 * (1 + np.tanh(0.5 * (level + offset[:, None])))
        gradient = (held * mu).sum(axis=0) - happened + 1e-3 * level
        step = gradient / ((held * mu * (1 - mu)).sum(axis=0) + 1e-3)
        level = level - np.clip(step, -2.0, 2.0)
        if np.abs(step).max(initial=0.0) < 1e-10:
            break
    return np.asarray(level, np.float64)


_METHOD: Final = _Hazard()

MODEL = Model(
    name="hazard",
    title="discrete-time hazard regression of each cause, recalibrated on held-out predictions",
    kind="survival",
    methods=(
        (
            "Features outside the 1st to 99th percentile of the training rows are clipped, missing"
            " ones replaced by the median with an indicator, all standardised."
        ),
        (
            "Discrete-time hazard (Singer & Willett 1993, doi:10.3102/10769986018002155): ridge"
            " logistic regression of the event in each period among those still at risk, with an"
            " intercept a period; penalty and feature set by held-out log loss in four inner folds"
            " by person; slope and intercepts from the inner held-out predictions. The risk by the"
            " horizon is the cumulative incidence, from one hazard a cause where events compete."
        ),
    ),
    interval=INTERVAL,
    fit=partial(fit_survival, _METHOD),
    refit=partial(refit_survival, _METHOD),
    push="log-odds of the hazard",
)
