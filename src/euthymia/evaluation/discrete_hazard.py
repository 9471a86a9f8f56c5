"""Discrete-time hazard: ridge logistic regression with one free intercept a period, by Newton."""

from dataclasses import dataclass

import numpy as np

from euthymia.evaluation.estimate import Floats
from euthymia.evaluation.logistic import sigmoid

TOLERANCE = 1e-10
_ITERATIONS = 60
_HALVINGS = 12
_LEVEL_RIDGE = 1e-3  # keeps the intercept of a period without any event finite


@dataclass(frozen=True, slots=True)
class _Look:
    loss: float
    gradient: Floats
    hessian: Floats


def _look(
    x: Floats, risk: Floats, event: Floats, weights: Floats, beta: Floats, penalty: Floats
) -> _Look:
    """Return loss, gradient and Hessian.

    A row's x is the same in all periods: nothing of the size [rows x periods, columns] is formed.
    """
    periods = risk.shape[1]
    eta = beta[:periods] + (x @ beta[periods:])[:, None]
    mu = sigmoid(eta)
    held = risk * weights[:, None]
    loss = float((held * (np.logaddexp(0, eta) - event * eta)).sum())
    apart = held * (mu - event)
    curved = held * mu * (1 - mu)
    gradient = np.r_[apart.sum(axis=0), x.T @ apart.sum(axis=1)] + penalty * beta
    hessian = np.empty((beta.size, beta.size))
    hessian[:periods, :periods] = np.diag(curved.sum(axis=0))
    hessian[periods:, :periods] = x.T @ curved
    hessian[:periods, periods:] = hessian[periods:, :periods].T
    hessian[periods:, periods:] = (x * curved.sum(axis=1)[:, None]).T @ x
    hessian[np.diag_indices(beta.size)] += penalty + 1e-10
    return _Look(loss + 0.5 * float(penalty @ beta**2), gradient, hessian)


def fit_hazard(
    x: Floats,
    risk: Floats,
    event: Floats,
    weights: Floats,
    *,
    ridge: float = 0.0,
    start: Floats | None = None,
    tolerance: float = TOLERANCE,
) -> Floats:
    """Return one intercept a period, then the coefficients: logit of the hazard of a period.

    The likelihood is that of a logistic regression on one row a person and period (Singer & Willett
    1993, doi:10.3102/10769986018002155). Intercepts carry next to no penalty.

    Parameters
    ----------
    x : NDArray, shape [n, k]
    risk : NDArray, shape [n, periods]
        1 where the row was under observation through the period, or had the event in it.
    event : NDArray, shape [n, periods]
        1 where the event came.

    Returns
    -------
    NDArray, shape [periods + k]
        NaN when and only when no row of weight has the event.
    """
    periods = risk.shape[1]
    if not np.any((weights[:, None] * event) > 0):
        return np.full(periods + x.shape[1], np.nan)
    penalty = np.r_[np.full(periods, _LEVEL_RIDGE), np.full(x.shape[1], ridge)]
    beta = np.zeros(penalty.size) if start is None else start.copy()
    if start is None:
        happened = weights @ event + 0.5
        beta[:periods] = np.log(happened / (weights @ risk - weights @ event + 0.5))
    look = _look(x, risk, event, weights, beta, penalty)
    enough = tolerance * float(weights.sum())
    for _ in range(_ITERATIONS):
        step = np.linalg.solve(look.hessian, look.gradient)
        decrement = float(look.gradient @ step)
        scale, moved = 1.0, _look(x, risk, event, weights, beta - step, penalty)
        for _ in range(_HALVINGS):
            if moved.loss <= look.loss + 1e-12 * abs(look.loss):
                break
            scale /= 2
            moved = _look(x, risk, event, weights, beta - scale * step, penalty)
        beta, look = beta - scale * step, moved
        if decrement <= enough:
            break
    return beta


def periods_of(
    time: Floats, happened: Floats, ended: Floats, ends: Floats
) -> tuple[Floats, Floats]:
    """Return (risk, event) by row and period, for `fit_hazard`.

    A row censored within a period says nothing of it; one that another event ended neither.

    Parameters
    ----------
    happened, ended : NDArray of 0 and 1, shape [n]
        The event came at `time`; the follow-up was ended by it or by another event.
    ends : NDArray, shape [periods]
        The last day of each period.
    """
    starts = np.r_[0.0, ends[:-1]]
    through = time[:, None] >= ends
    within = (time[:, None] > starts) & (time[:, None] <= ends)
    event = within & (happened[:, None] == 1)
    risk = (through & ~(within & (ended[:, None] == 1))) | event
    return risk.astype(np.float64), event.astype(np.float64)
