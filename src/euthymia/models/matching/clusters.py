"""Clusters of people, and what clustering finds where there are none.

k-means splits any cloud, and splits a long cloud the same way each time: stability alone proves
nothing. Each figure is compared with clouds that have no clusters: one Gaussian of the same
covariance (Liu et al. 2008, doi:10.1198/016214508000000454), and a Gaussian copula with the same
marginals and rank correlations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from euthymia.evaluation.estimate import Floats, Ints
from euthymia.kernels.k_means import lloyd

STARTS: Final = 4
ITERATIONS: Final = 60
_CORRECTIONS = 8
HALVES: Final = 8  # splits into halves behind a stability


def k_means(x: Floats, k: int, rng: np.random.Generator) -> tuple[Floats, Ints, float]:
    """Return centres, members and the sum of squares within; the best of several starts.

    Starts by k-means++ (Arthur & Vassilvitskii 2007).
    """
    best: tuple[Floats, Ints, float] | None = None
    for _ in range(STARTS):
        centres = _seeds(x, k, rng)
        member = np.full(x.shape[0], -1, np.int64)
        within = lloyd(x, centres, member, ITERATIONS)
        if best is None or within < best[2]:
            best = (centres, member, within)
    assert best is not None
    return best


def _seeds(x: Floats, k: int, rng: np.random.Generator) -> Floats:
    chosen = [int(rng.integers(x.shape[0]))]
    far = ((x - x[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(k - 1):
        reached = np.cumsum(far)
        place = int(np.searchsorted(reached, rng.random() * reached[-1], side="right"))
        chosen.append(min(place, x.shape[0] - 1))
        far = np.minimum(far, ((x - x[chosen[-1]]) ** 2).sum(axis=1))
    return np.ascontiguousarray(x[chosen])


def nearest(x: Floats, centres: Floats) -> Ints:
    """Return the nearest centre of each row."""
    apart = (centres**2).sum(axis=1) - 2 * x @ centres.T
    return np.asarray(apart.argmin(axis=1), np.int64)


def adjusted_rand(one: Ints, other: Ints) -> float:
    """Return how far two partitions agree: 1 the same, 0 as by chance.

    Hubert & Arabie 1985, doi:10.1007/BF01908075.

    Examples
    --------
    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    pairs = (table * (table - 1) / 2).sum()
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    left = float((rows * (rows - 1) / 2).sum())
    right = float((columns * (columns - 1) / 2).sum())
    whole = one.size * (one.size - 1) / 2
    expected, most = left * right / whole, (left + right) / 2
    return 1.0 if most == expected else float((pairs - expected) / (most - expected))


def separation(x: Floats, k: int, rng: np.random.Generator) -> float:
    """Return the share of the variance that lies between k clusters."""
    total = float(((x - x.mean(axis=0)) ** 2).sum())
    return 1 - k_means(x, k, rng)[2] / total


def stability(x: Floats, k: int, rng: np.random.Generator) -> float:
    """Return how well clusters of one half predict those of the other (mean adjusted Rand index).

    Prediction strength with a chance-corrected index (Tibshirani & Walther 2005,
    doi:10.1198/106186005X59243).
    """
    found = []
    for _ in range(HALVES):
        order = rng.permutation(x.shape[0])
        one, other = (np.ascontiguousarray(h) for h in np.array_split(x[order], 2))
        centres = k_means(one, k, rng)[0]
        found.append(adjusted_rand(nearest(other, centres), k_means(other, k, rng)[1]))
    return float(np.mean(found))


Cloud = Callable[[np.random.Generator], Floats]
"""Draws as many rows as the data have, without clusters."""


def one_gaussian(x: Floats) -> Cloud:
    """Return clouds from one Gaussian of the same mean and covariance."""
    middle, root = x.mean(axis=0), _root(np.atleast_2d(np.cov(x.T)))
    return lambda rng: np.ascontiguousarray(rng.standard_normal(x.shape) @ root.T + middle)


def one_copula(x: Floats, rng: np.random.Generator) -> Cloud:
    """Return clouds from a Gaussian copula with the same marginals and correlations.

    The correlations behind the marginals are found by a few corrections (normal to anything,
    Cario & Nelson 1997): ties and skew would weaken them.
    """
    wanted = np.asarray(np.corrcoef(x.T), np.float64)
    columns = np.sort(x, axis=0)
    hidden = wanted.copy()
    noise = rng.standard_normal((max(4000, x.shape[0]), x.shape[1]))
    fine = np.sort(x[rng.integers(x.shape[0], size=noise.shape[0])], axis=0)
    for _ in range(_CORRECTIONS):
        reached = np.asarray(np.corrcoef(_dressed(noise @ _root(hidden).T, fine).T))
        hidden = np.clip(hidden + wanted - reached, -0.999, 0.999)
        np.fill_diagonal(hidden, 1.0)
    root = _root(hidden)
    return lambda r: _dressed(r.standard_normal(x.shape) @ root.T, columns)


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _dressed(normal: Floats, columns: Floats) -> Floats:
    """Return normal draws with the marginals of the sorted columns, ranks kept."""
    place = np.argsort(np.argsort(normal, axis=0), axis=0)
    return np.ascontiguousarray(np.take_along_axis(columns, place, axis=0))


@dataclass(frozen=True, slots=True)
class AboveNull:
    """A figure, what it is where there are no clusters, and how often it is as high there."""

    observed: float
    null_mean: float
    null_high: float
    p: float


def above_null(observed: float, null: Floats) -> AboveNull:
    """Compare a figure with its null draws (the observed one counted in)."""
    p = (1 + int((null >= observed).sum())) / (1 + null.size)
    return AboveNull(observed, float(null.mean()), float(np.quantile(null, 0.95)), float(p))


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Factors in place of clusters: loadings [columns, factors] and shares of the variance."""

    loadings: Floats
    share: Floats
    scores: Floats


def dimensions(x: Floats, rng: np.random.Generator, draws: int = 100) -> Dimensions:
    """Return as many rotated principal factors as parallel analysis finds, at least one.

    Horn 1965, doi:10.1007/BF02289447: a factor counts where its eigenvalue is above the 95th
    percentile of that of columns shuffled apart; varimax rotation (Kaiser 1958,
    doi:10.1007/BF02289233).
    """
    values, vectors = np.linalg.eigh(np.corrcoef(x.T))
    values, vectors = values[::-1], vectors[:, ::-1]
    null = np.array(
        [np.linalg.eigvalsh(np.corrcoef(rng.permuted(x, axis=0).T))[::-1] for _ in range(draws)]
    )
    above = values > np.quantile(null, 0.95, axis=0)
    count = max(1, int(np.argmin(above)) if not above.all() else above.size)
    loadings = vectors[:, :count] * np.sqrt(values[:count])
    rotated = _varimax(loadings)
    rotated = rotated * np.where(rotated.sum(axis=0) < 0, -1.0, 1.0)
    scores = x @ np.linalg.pinv(np.corrcoef(x.T)) @ rotated
    return Dimensions(rotated, (rotated**2).sum(axis=0) / x.shape[1], scores)


def _varimax(loadings: Floats, sweeps: int = 50) -> Floats:
    """Return loadings turned, two factors at a time, until each column has few large ones."""
    turned, rows = loadings.copy(), loadings.shape[0]
    for _ in range(sweeps):
        most = 0.0
        for i in range(turned.shape[1]):
            for j in range(i + 1, turned.shape[1]):
                a, b = turned[:, i].copy(), turned[:, j].copy()
                u, v = a**2 - b**2, 2 * a * b
                up = 2 * ((u * v).sum() - u.sum() * v.sum() / rows)
                down = (u**2 - v**2).sum() - (u.sum() ** 2 - v.sum() ** 2) / rows
                angle = float(np.arctan2(up, down)) / 4
                turned[:, i] = a * np.cos(angle) + b * np.sin(angle)
                turned[:, j] = b * np.cos(angle) - a * np.sin(angle)
                most = max(most, abs(angle))
        if most < 1e-9:
            break
    return turned
