"""The one place where noise is made: integer vectors, and OpenDP's exact discrete Gaussian.

A number with floating-point Gaussian noise gives its true value away: only some floats can come out
of a given truth (Mironov 2012, doi:10.1145/2382196.2382264). Here a person's contribution is
clipped and rounded to a grid first, contributions are summed as integers, and the noise is drawn
from the integers themselves (Canonne, Kamath & Steinke 2020, arXiv:2004.00010): every integer can
come out of every truth, with the probability that the claim is about.

What is added up must be computed for each row alone, by elementwise IEEE operations: in a matrix
product the rounding of one person's row may depend on who else is there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.models.privacy.contract import Budget, Charge

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEPS: Final = 2**36
"""Grid steps in one standard deviation of the noise."""
MOST_PEOPLE: Final = 2**22  # so many contributions of up to 4 deviations each fit into 63 bits
_MARGIN: Final = 2.0**-20
"""The clip is tighter by this share, for the rounding of floats, and by half a grid step in each
coordinate, for the grid's: no row comes out longer than the sensitivity."""

Noise = Callable[[Integers, int], Integers]
"""(integers, scale) -> integers + discrete Gaussian noise of that scale."""


@lru_cache(maxsize=256)
def _measurement(size: int, scale: int) -> Any:  # noqa: ANN401 - OpenDP's own type
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64"), size=size), dp.l2_distance(T="f64")
    return dp.m.make_gaussian(*space, scale=float(scale))


def exact_noise(values: Integers, scale: int) -> Integers:
    """Return values + independent discrete Gaussian noise; randomness is the machine's, unseeded.

    A seed would be the key to every release made with it.
    """
    released = _measurement(values.size, scale)(values.ravel().tolist())
    return np.array(released, np.int64).reshape(values.shape)


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each person adds to a sum, as integers of at most `sensitivity` in L2 norm."""

    integers: Integers  # [people, d]
    sensitivity: float  # in grid steps
    step: float  # the value of one grid step


def norms(values: Floats) -> Floats:
    """Return the L2 norm of each row, each computed alone."""
    squares = np.zeros(values.shape[0])
    for column in range(values.shape[1]):
        squares = squares + values[:, column] * values[:, column]
    return np.asarray(np.sqrt(squares))


def clipped(values: Floats, limit: float) -> Floats:
    """Return the rows, those longer than `limit` shortened to it; NaN counts as 0."""
    known = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    long = norms(known)
    shorter = np.minimum(1.0, limit / np.where(long > 0, long, 1.0))
    return np.asarray(known * shorter[:, None])


def contributions(values: Floats, limit: float, mu2: float) -> Contributions:
    """Return rows (one a person) clipped to an L2 norm of `limit`, on the grid for a cost of mu2.

    Noise of one standard deviation is `STEPS` grid steps and limit / sqrt(mu2) in value.
    """
    step = limit / math.sqrt(mu2) / STEPS
    longest = limit * (1 - _MARGIN) - step * math.sqrt(values.shape[1]) / 2
    if longest <= 0:
        raise ValueError("so small a cost leaves nothing to be released: pay more, or ask for less")
    short = clipped(values, longest)
    integers = np.rint(short / step).astype(np.int64)
    return Contributions(integers, limit / step, step)


def noisy_sum(
    values: Floats,
    limit: float,
    mu2: float,
    *,
    pay: Budget,
    kind: str,
    what: str,
    part: str = "",
    noise: Noise = exact_noise,
) -> Floats:
    """Release the sum of people's rows: clip, round to the grid, add up, add noise.

    Parameters
    ----------
    values : NDArray, shape [people, d]
        One row a person: whoever has many records has one row here all the same.
    limit : float
        No row counts with a larger L2 norm.
    mu2 : float
        What it costs; paid before anything is added up.
    part : str
        The disjoint part of the people that `values` holds; "" for all of them.
    noise : callable
        Another one only in tests and simulations.

    Raises
    ------
    BudgetError
        The budget does not hold `mu2`.
    ValueError
        Too many people, or a cost so small that the grid is too coarse for it.
    """
    if values.shape[0] > MOST_PEOPLE:
        raise ValueError(f"at most {MOST_PEOPLE} people in one release")
    pay.spend(Charge(kind, what, mu2, part))
    made = contributions(values, limit, mu2)
    summed = made.integers.sum(axis=0)
    return np.asarray(noise(summed, STEPS) * made.step)
