"""Ridge logistic regression, many weightings (or labelings) of the same rows at once, by Newton."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.estimate import Floats, Ints

_SEVERAL = 8  # so many weightings of one sample begin where their mean ends
SMALL = 8  # up to so many columns the products of columns are formed once for all fits
TOLERANCE = 1e-10
_HALVINGS = 12


def sigmoid(z: Floats) -> Floats:
    """Return 1 / (1 + exp(-z)) without overflow."""
    risk = np.tanh(0.5 * z)
    risk += 1.0
    risk *= 0.5
    return np.asarray(risk)


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
    if _one_sample(fits, y, start, ridge) and problem.products is not None and active.size:
        middle = weights[active].mean(axis=0, keepdims=True)
        beta[:] = fit_logistic(x, y, middle, ridge=ridge, offset=offset, tolerance=tolerance)
        state = problem.look_from_one(beta[active])
    else:
        state = problem.look(beta[active])
    _descend(problem, state, beta, active, tolerance * total, iterations)
    beta[undefined] = np.nan
    return beta


def _descend(
    problem: "_Problem", state: "_State", beta: Floats, active: Ints, enough: Floats, steps: int
) -> None:
    """Step each open fit to its optimum, and write where it ended into `beta`."""
    for _ in range(steps):
        if active.size == 0:
            break
        step, decrement = _newton_step(problem, state)
        open_still = decrement > enough[active]
        done = ~open_still
        beta[active[done]] = state.beta[done] - step[done]
        kept = np.flatnonzero(open_still)
        active, problem = active[kept], problem.at(kept)
        state = _moved(problem, state.at(kept), step[kept], decrement[kept])
        beta[active] = state.beta


def _one_sample(fits: int, y: Floats, start: Floats | None, ridge: float | Floats) -> bool:
    """Tell whether the fits differ in their weights alone, as those of a bootstrap do."""
    return fits >= _SEVERAL and y.ndim == 1 and start is None and np.ndim(ridge) == 0


@dataclass(frozen=True, slots=True)
class _State:
    """Where the fits are: coefficients, linear predictors, fitted risks, gradients, curvatures.

    `hessian` (without the penalty) is given where all fits are at one point, where it costs little.
    """

    beta: Floats
    z: Floats
    mu: Floats
    gradient: Floats
    hessian: Floats | None = None

    def at(self, rows: Ints) -> "_State":
        if rows.size == self.beta.shape[0]:
            return self
        hessian = None if self.hessian is None else self.hessian[rows]
        return _State(self.beta[rows], self.z[rows], self.mu[rows], self.gradient[rows], hessian)


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
        off = mu - self.y
        off *= self.weights
        gradient = off @ self.design + self.penalty * beta
        return _State(beta, predictor, mu, gradient)

    def look_from_one(self, beta: Floats) -> _State:
        """Look from fits that are all at the first row of `beta`: sums over rows are products."""
        assert self.products is not None
        size = (self.weights.shape[0], self.weights.shape[1])
        z = self.design @ beta[0] + self.shift
        mu = sigmoid(z)
        gradient = self.weights @ (self.design * (mu - self.y[0])[:, None]) + self.penalty * beta
        curved = self.weights @ (self.products * (mu * (1 - mu))[:, None])
        wide = (np.broadcast_to(z, size), np.broadcast_to(mu, size))
        k = self.design.shape[1]
        return _State(beta, *wide, gradient, curved.reshape(-1, k, k))


def _products(design: Floats) -> Floats | None:
    """Return all products of two columns, shape [n, k * k], where that is small."""
    k = design.shape[1]
    if k > SMALL:
        return None
    return (design[:, :, None] * design[:, None, :]).reshape(-1, k * k)


def _newton_step(problem: _Problem, state: _State) -> tuple[Floats, Floats]:
    """Return Newton's step and its decrement in each fit (twice what is left to gain)."""
    hessian = state.hessian
    if hessian is None:
        curvature = 1 - state.mu
        curvature *= state.mu
        curvature *= problem.weights
        hessian = _hessian(problem.design, curvature, problem.products)
    diagonal = np.arange(hessian.shape[1])
    hessian[:, diagonal, diagonal] += problem.penalty + 1e-10
    step = np.asarray(np.linalg.solve(hessian, state.gradient[:, :, None])[:, :, 0], np.float64)
    return step, (state.gradient * step).sum(axis=1)


def _moved(problem: _Problem, state: _State, step: Floats, before: Floats) -> _State:
    """Return the fits after a step.

    It is halved while the slope along it is steeper behind it than before it: the loss is convex,
    so such a step has jumped over the minimum.
    """
    if before.size == 0:
        return state
    along = step @ problem.design.T
    scale = np.ones((before.size, 1))
    moved = problem.look(state.beta - step, state.z - along)
    for _ in range(_HALVINGS):
        slope = (moved.gradient * step).sum(axis=1)
        over = ~(slope >= -before)
        if not over.any():
            break
        scale[over] /= 2
        moved = problem.look(state.beta - scale * step, state.z - scale * along)
    return moved


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
