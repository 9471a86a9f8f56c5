"""Ridge Cox regression with Efron's ties, weighted rows, by Newton; Breslow's baseline."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints

TOLERANCE = 1e-10
_ITERATIONS = 40
_HALVINGS = 12
_LARGEST = 30.0  # of a linear predictor: e^30 is more than any hazard ratio between two people


@dataclass(frozen=True, slots=True)
class _Order:
    """The rows from the latest to the earliest, and where the events of each time lie."""

    rows: Ints
    x: Floats
    weights: Floats
    event: NDArray[np.bool_]
    last: Ints  # of each event time: how many rows are still at risk
    group: Ints  # of each row with the event: the number of its event time
    group_of: Ints  # of each row: how many event times are later than it ended
    ties: Floats  # rows with the event at each event time


def _ordered(x: Floats, time: Floats, event: NDArray[np.bool_], weights: Floats) -> _Order:
    used = np.flatnonzero(weights > 0)
    rows = used[np.argsort(-time[used], kind="stable")]
    ends, happened = time[rows], event[rows]
    times = np.unique(ends[happened])[::-1]
    last = np.searchsorted(-ends, -times, side="right")
    group = np.searchsorted(-times, -ends[happened])
    later = np.searchsorted(-times, -ends, side="left")
    ties = np.bincount(group, minlength=times.size).astype(np.float64)
    return _Order(rows, x[rows], weights[rows], happened, last, group, later, ties)


@dataclass(frozen=True, slots=True)
class _Look:
    """The penalised loss at some coefficients, its gradient, and its curvature when asked for."""

    loss: float
    gradient: Floats
    hessian: Floats


def _look(order: _Order, beta: Floats, ridge: float) -> _Look:
    """Return loss, gradient and Hessian (Efron 1977, doi:10.1080/01621459.1977.10480613).

    The Hessian is a weighted sum over rows less one rank-one term an event: nothing of the size
    [rows, columns, columns] is formed.
    """
    eta = np.minimum(order.x @ beta, _LARGEST)
    risk = order.weights * np.exp(eta)
    moved = risk[:, None] * order.x
    s0, s1 = np.cumsum(risk)[order.last - 1], np.cumsum(moved, axis=0)[order.last - 1]
    dead = order.event
    count = order.ties.size
    d0 = np.bincount(order.group, weights=risk[dead], minlength=count)
    d1 = np.zeros((count, order.x.shape[1]))
    np.add.at(d1, order.group, moved[dead])
    held = np.bincount(order.group, weights=order.weights[dead], minlength=count)
    each = np.repeat(np.arange(count), order.ties.astype(np.int64))
    starts = np.cumsum(order.ties) - order.ties
    part = (np.arange(each.size) - starts[each]) / order.ties[each]  # l / d of Efron
    mean_weight = (held / order.ties)[each]
    left = s0[each] - part * d0[each]
    centre = (s1[each] - part[:, None] * d1[each]) / left[:, None]
    share = mean_weight / left
    told = order.weights[dead] @ eta[dead]
    loss = float(mean_weight @ np.log(left) - told) + 0.5 * ridge * float(beta @ beta)
    gradient = mean_weight @ centre - order.weights[dead] @ order.x[dead] + ridge * beta
    hazard = np.bincount(each, weights=share, minlength=count)
    reached = np.cumsum(hazard[::-1])[::-1]  # of each event time: the hazard up to it
    up_to = np.r_[reached, 0.0][order.group_of]
    up_to[dead] -= np.bincount(each, weights=share * part, minlength=count)[order.group]
    inner = (order.x * (risk * up_to)[:, None]).T @ order.x
    hessian = inner - (centre * mean_weight[:, None]).T @ centre
    hessian[np.diag_indices(beta.size)] += ridge + 1e-10
    return _Look(loss, gradient, hessian)


def fit_cox(
    x: Floats,
    time: Floats,
    event: NDArray[np.bool_],
    weights: Floats,
    *,
    ridge: float = 0.0,
    start: Floats | None = None,
    tolerance: float = TOLERANCE,
) -> Floats:
    """Return the coefficients that minimise the negative partial likelihood + ridge / 2 * squares.

    Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x. A weight counts a row so many times; where
    weighted rows are tied each counts with the mean weight of the tie.

    Parameters
    ----------
    x : NDArray, shape [n, k]
    time : NDArray, shape [n]
    event : NDArray of bool, shape [n]
        False: censored at `time`.
    weights : NDArray, shape [n]

    Returns
    -------
    NDArray, shape [k]
        NaN when and only when no row of weight has the event.
    """
    if not np.any(event & (weights > 0)):
        return np.full(x.shape[1], np.nan)
    order = _ordered(x, time, event, weights)
    beta = np.zeros(x.shape[1]) if start is None else start.copy()
    look = _look(order, beta, ridge)
    enough = tolerance * float(weights.sum())
    for _ in range(_ITERATIONS):
        step = np.linalg.solve(look.hessian, look.gradient)
        decrement = float(look.gradient @ step)
        scale, moved = 1.0, _look(order, beta - step, ridge)
        for _ in range(_HALVINGS):
            if moved.loss <= look.loss + 1e-12 * abs(look.loss):
                break
            scale /= 2
            moved = _look(order, beta - scale * step, ridge)
        beta, look = beta - scale * step, moved
        if decrement <= enough:
            break
    return beta


def partial_loss(time: Floats, event: NDArray[np.bool_], eta: Floats) -> float:
    """Return the negative log partial likelihood of given linear predictors."""
    if not event.any():
        return 0.0
    once = np.ones(time.size)
    return _look(_ordered(eta[:, None], time, event, once), np.ones(1), 0.0).loss


def breslow(
    time: Floats, event: NDArray[np.bool_], eta: Floats, weights: Floats, ends: Floats
) -> Floats:
    """Return the increments of the cumulative baseline hazard in the pieces that end at `ends`.

    Breslow 1972, doi:10.1111/j.2517-6161.1972.tb00900.x: events over the summed hazard ratios of
    those at risk. What happens after the last end is left out.
    """
    order = np.argsort(-time, kind="stable")
    risk = np.cumsum((weights * np.exp(np.minimum(eta, _LARGEST)))[order])
    at_risk = risk[np.searchsorted(-time[order], -time, side="right") - 1]
    rows = np.flatnonzero(event & (weights > 0) & (time <= ends[-1]))
    piece = np.searchsorted(ends, time[rows], side="left")
    found = np.bincount(piece, weights=weights[rows] / at_risk[rows], minlength=ends.size)
    return np.asarray(found, np.float64)
