"""Ridge regression with its penalty chosen in the training rows, one decomposition for many fits.

The certificate fits thousands of times on the same rows; a `Design` is decomposed once.
"""

from dataclasses import dataclass

import numpy as np

from euthymia.evaluation.estimate import Floats

PENALTIES = np.array([1e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0])
"""Per row, on standardised columns: from hardly any to nothing but the mean. Fixed beforehand."""


@dataclass(frozen=True, slots=True)
class Design:
    """Centred columns of some rows and the eigenvectors of their cross-product."""

    rows: int
    middle: Floats
    centred: Floats
    values: Floats
    vectors: Floats

    @classmethod
    def of(cls, x: Floats) -> "Design":
        """Decompose the columns of some rows, shape [n, k]."""
        middle = x.mean(axis=0)
        centred = x - middle
        values, vectors = np.linalg.eigh(centred.T @ centred)
        return cls(x.shape[0], middle, centred, np.maximum(values, 0.0), vectors)

    def fit(self, y: Floats) -> tuple[Floats, Floats]:
        """Return intercepts [draws, m] and slopes [draws, k, m] for outcomes [draws, n, m].

        One penalty for the m outcomes of a draw, by generalised cross-validation (Golub, Heath &
        Wahba 1979, doi:10.1080/00401706.1979.10489751).
        """
        mean = y.mean(axis=1)
        away = y - mean[:, None, :]
        along = (self.centred @ self.vectors).T @ away
        shrunk = self.values[None, :] + self.rows * PENALTIES[:, None]
        taken = (self.values / shrunk).sum(axis=1)
        squares = (along**2).sum(axis=2)
        left = (away**2).sum(axis=(1, 2))[:, None] - 2 * squares @ (1 / shrunk).T
        left = left + squares @ (self.values / shrunk**2).T
        free = self.rows - 1 - taken
        score = np.where(free > 1, left / np.maximum(free, 1e-9) ** 2, np.inf)
        best = np.argmin(score, axis=1)
        slopes = self.vectors @ (along / shrunk[best][:, :, None])
        return mean - self.middle @ slopes, slopes


def predicted(x: Floats, fitted: tuple[Floats, Floats]) -> Floats:
    """Return the expected outcomes, shape [draws, n, m]."""
    return np.asarray(fitted[0][:, None, :] + x @ fitted[1])
