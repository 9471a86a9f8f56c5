"""A person's rows as what is summed over people: bounded, computed for each row alone."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.models.privacy.lattice import Floats, clipped

Ints = NDArray[np.int64]

_REACH: Final = 16.0  # beyond log-odds of 16 a probability is 0 or 1
_PLACES: Final = 1024  # of the table, per unit of log-odds
_TABLE: Final = 1 / (1 + np.exp(-np.arange(-_REACH, _REACH + 0.5 / _PLACES, 1 / _PLACES)))


def probability(log_odds: Floats) -> Floats:
    """Return the logistic function to 3e-4, from a table.

    A library's vectorised exponential may round the same number differently at different places of
    an array; a table does not.
    """
    place = np.rint((np.clip(log_odds, -_REACH, _REACH) + _REACH) * _PLACES).astype(np.int64)
    return np.asarray(_TABLE[place])


def predictor(z: Floats, beta: Floats) -> Floats:
    """Return beta[0] + z @ beta[1:], each row computed alone."""
    found = np.full(z.shape[0], beta[0])
    for column in range(z.shape[1]):
        found = found + z[:, column] * beta[column + 1]
    return found


@dataclass(frozen=True, slots=True)
class People:
    """Rows grouped by person. A person's rows weigh 1 together, however many there are.

    Attributes
    ----------
    z : NDArray, shape [n, k]
    y : NDArray, shape [n]
    first : NDArray of int, shape [people]
        Where each person's rows begin.
    weight : NDArray, shape [n]
        1 / (rows of the person).
    """

    z: Floats
    y: Floats
    first: Ints
    weight: Floats

    @classmethod
    def of(cls, z: Floats, y: Floats, person: NDArray[np.generic]) -> "People":
        """Return rows sorted by person, in their own order within each."""
        order = np.argsort(person, kind="stable")
        _, first, count = np.unique(person[order], return_index=True, return_counts=True)
        weight = np.repeat(1.0 / count, count)
        return cls(z[order], y[order], first.astype(np.int64), weight)

    @property
    def count(self) -> int:
        """How many people there are: not to be told without noise."""
        return int(self.first.size)

    def summed(self, rows: Floats) -> Floats:
        """Return the weighted sum of each person's rows, shape [people, d]."""
        if not self.count:
            return np.zeros((0, rows.shape[1]))
        return np.asarray(np.add.reduceat(rows * self.weight[:, None], self.first, axis=0))

    def gradients(self, beta: Floats, limit: float) -> Floats:
        """Return each person's gradient of the log loss, its rows clipped to `limit` in L2 norm."""
        residual = probability(predictor(self.z, beta)) - self.y
        rows = np.empty((self.z.shape[0], beta.size))
        rows[:, 0] = residual
        rows[:, 1:] = self.z * residual[:, None]
        return self.summed(clipped(rows, limit))
