"""Ridge logistic regression, many weightings (or labelings) of the same rows at once, by Newton."""

import numpy as np

from euthymia.evaluation.estimate import Floats

SMALL = 8  # up to so many columns the products of columns are formed once for all fits
TOLERANCE = 1e-9
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
    events = (weights * labels).sum(axis=1)
    undefined = (events <= 0) | (events >= weights.sum(axis=1))
    active = np.flatnonzero(~undefined)
    products = _products(design)
    for _ in range(iterations):
        if active.size == 0:
            break
        problem = (design, labels[active], weights[active], shift, penalty[active])
        moved, gain = _newton_step(beta[active], problem, products)
        beta[active] = moved
        active = active[gain > TOLERANCE]
    beta[undefined] = np.nan
    return beta


_Problem = tuple[Floats, Floats, Floats, Floats, Floats]


def _products(design: Floats) -> Floats | None:
    """Return all products of two columns, shape [n, k * k], where that is small."""
    k = design.shape[1]
    if k > SMALL:
        return None
    return (design[:, :, None] * design[:, None, :]).reshape(-1, k * k)


def _objective(beta: Floats, problem: _Problem) -> Floats:
    design, y, weights, shift, penalty = problem
    z = beta @ design.T + shift
    loss = np.logaddexp(0.0, z) - y * z
    return np.asarray((weights * loss).sum(axis=1) + 0.5 * (penalty * beta**2).sum(axis=1))


def _newton_step(beta: Floats, problem: _Problem, products: Floats | None) -> tuple[Floats, Floats]:
    """Return the next coefficients and the relative gain of each fit."""
    design, y, weights, shift, penalty = problem
    mu = sigmoid(beta @ design.T + shift)
    gradient = (weights * (mu - y)) @ design + penalty * beta
    hessian = _hessian(design, weights * mu * (1 - mu), products)
    diagonal = np.arange(beta.shape[1])
    hessian[:, diagonal, diagonal] += penalty + 1e-10
    step = np.asarray(np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0], np.float64)
    before = _objective(beta, problem)
    scale = np.ones(beta.shape[0])
    after = _objective(beta - step, problem)
    for _ in range(_HALVINGS):
        worse = np.flatnonzero(~(after <= before + 1e-12 * (1 + np.abs(before))))
        if worse.size == 0:
            break
        scale[worse] /= 2
        part = (design, y[worse], weights[worse], shift, penalty[worse])
        after[worse] = _objective(beta[worse] - scale[worse, None] * step[worse], part)
    moved = beta - scale[:, None] * step
    return moved, np.abs(before - after) / (1 + np.abs(before)) + _far(step, scale)


def _far(step: Floats, scale: Floats) -> Floats:
    """Return 0 where the step no longer matters, so that flat directions end as well."""
    return np.where(np.abs(step).max(axis=1) * scale > 1e-7, 2 * TOLERANCE, 0.0)


def _hessian(design: Floats, curvature: Floats, products: Floats | None) -> Floats:
    k = design.shape[1]
    if products is not None:
        return np.asarray((curvature @ products).reshape(-1, k, k))
    found = np.empty((curvature.shape[0], k, k))
    for fit, v in enumerate(curvature):
        rows = design if v.all() else design[v > 0]
        root = rows * np.sqrt(v if v.all() else v[v > 0])[:, None]
        found[fit] = root.T @ root
    return found
