"""Ridge logistic regression, many weightings (or labelings) of the same rows at once, by Newton."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints

SMALL = 8  # up to so many columns the products of columns are formed once for all fits
TOLERANCE = 1e-10
_HALVINGS = 12


def sigmoid(z: Floats) -> Floats:
    """Return 1 / (1 + exp(-z)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def logit(p: Floats) -> Floats:
    """Return log(p / (1 - p)); probabilities are kept off 0 and 1 by 1e-12."""
    sure = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(sure) - np.log1p(-sure))


def fit_logistic(
    x: Floats,
    y: Floats,
    weights: Floats,
    *,
    ridge: float | Floats = 0.0,
    offset: Floats | None = None,
    start: Floats | None = None,
    iterations: int = 40,
    tolerance: float = TOLERANCE,
) -> Floats:
    """Return the coefficients that minimise weighted log loss + ridge / 2 * (sum of squares).

    Newton's method with step halving (le Cessie & van Houwelingen 1992, doi:10.2307/2347628). The
    intercept carries no penalty; `ridge` is 1 / C in the words of scikit-learn.

    Parameters
    ----------
    x : NDArray, shape [n, k]
        Shared by all fits.
    y : NDArray, shape [n] or [b, n]
        0 or 1.
    weights : NDArray, shape [b, n]
        The times that each row counts in each fit; 0 leaves it out.
    ridge : float, or NDArray of shape [b]
        One penalty for all fits, or one each.
    offset : NDArray, shape [n], optional
        Added to every linear predictor.
    start : NDArray, shape [b or 1, k + 1], optional
        Where to begin, intercept first.
    tolerance : float
        A fit ends with the step whose Newton decrement is below this, per unit of weight.

    Returns
    -------
    NDArray, shape [b, k + 1]
        Intercept first. A row is NaN when and only when one class has no weight in its fit.
    """
    design = np.hstack([np.ones((x.shape[0], 1)), x])
    fits = weights.shape[0]
    labels = np.broadcast_to(y, weights.shape)
    shift = np.zeros(x.shape[0]) if offset is None else offset
    penalty = (
        np.broadcast_to(np.asarray(ridge, np.float64), (fits,))[:, None]
        * np.r_[0.0, np.ones(x.shape[1])]
    )
    beta = np.zeros((fits, design.shape[1]))
    if start is not None:
        beta[:] = start
    total = weights.sum(axis=1)
    events = (weights * labels).sum(axis=1)
    undefined = (events <= 0) | (events >= total)
    active = np.flatnonzero(~undefined)
    problem = _Problem(design, _products(design), labels, weights, shift, penalty).at(active)
    state = problem.look(beta[active])
    for _ in range(iterations):
        if active.size == 0:
            break
        state, decrement = _newton_step(problem, state)
        beta[active] = state.beta
        open_still = np.flatnonzero(decrement > tolerance * total[active])
        active, problem = active[open_still], problem.at(open_still)
        state = state.at(open_still)
    beta[undefined] = np.nan
    return beta


@dataclass(frozen=True, slots=True)
class _State:
    """Where the fits are: coefficients, linear predictors, fitted risks and gradients."""

    beta: Floats
    z: Floats
    mu: Floats
    gradient: Floats

    def at(self, rows: Ints) -> "_State":
        if rows.size == self.beta.shape[0]:
            return self
        return _State(self.beta[rows], self.z[rows], self.mu[rows], self.gradient[rows])


@dataclass(frozen=True, slots=True)
class _Problem:
    """The fits that are still open."""

    design: Floats
    products: Floats | None
    y: Floats
    weights: Floats
    shift: Floats
    penalty: Floats

    def at(self, rows: Ints) -> "_Problem":
        if rows.size == self.weights.shape[0]:
            return self
        return replace(self, y=self.y[rows], weights=self.weights[rows], penalty=self.penalty[rows])

    def look(self, beta: Floats, z: Floats | None = None) -> _State:
        predictor = beta @ self.design.T + self.shift if z is None else z
        mu = sigmoid(predictor)
        gradient = (self.weights * (mu - self.y)) @ self.design + self.penalty * beta
        return _State(beta, predictor, mu, gradient)


def _products(design: Floats) -> Floats | None:
    """Return all products of two columns, shape [n, k * k], where that is small."""
    k = design.shape[1]
    if k > SMALL:
        return None
    return (design[:, :, None] * design[:, None, :]).reshape(-1, k * k)


def _newton_step(problem: _Problem, state: _State) -> tuple[_State, Floats]:
    """Return the next state and the Newton decrement of each fit (twice what is left to gain).

    A step is halved while the slope along it is steeper behind it than before it: the loss is
    convex, so such a step has jumped over the minimum.
    """
    curvature = problem.weights * state.mu * (1 - state.mu)
    hessian = _hessian(problem.design, curvature, problem.products)
    diagonal = np.arange(hessian.shape[1])
    hessian[:, diagonal, diagonal] += problem.penalty + 1e-10
    step = np.asarray(np.linalg.solve(hessian, state.gradient[:, :, None])[:, :, 0], np.float64)
    along = step @ problem.design.T
    before = (state.gradient * step).sum(axis=1)
    scale = np.ones((before.size, 1))
    moved = problem.look(state.beta - step, state.z - along)
    for _ in range(_HALVINGS):
        slope = (moved.gradient * step).sum(axis=1)
        over = ~(slope >= -before)
        if not over.any():
            break
        scale[over] /= 2
        moved = problem.look(state.beta - scale * step, state.z - scale * along)
    return moved, before


def _hessian(design: Floats, curvature: Floats, products: Floats | None) -> Floats:
    k = design.shape[1]
    if products is not None:
        return np.asarray((curvature @ products).reshape(-1, k, k))
    found = np.empty((curvature.shape[0], k, k))
    for fit, v in enumerate(curvature):
        used = v > 0
        root = design * np.sqrt(v)[:, None] if used.all() else _rooted(design, v, used)
        found[fit] = root.T @ root
    return found


def _rooted(design: Floats, v: Floats, used: NDArray[np.bool_]) -> Floats:
    return np.asarray(design[used] * np.sqrt(v[used])[:, None])
