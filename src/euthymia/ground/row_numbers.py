"""A set of a file's row numbers, in a byte a row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class RowNumbers:
    """Row numbers of one file, each counted once however often it is added.

    A reader counts the rows of a file from 1 on, so that a mask as long as the file holds any set.
    """

    def __init__(self) -> None:
        self._held = np.zeros(0, np.bool_)

    def add(self, rows: NDArray[Any]) -> None:
        """Add rows, shape (n,), of any integer type; none of them below 0."""
        if not len(rows):
            return
        top = int(rows.max()) + 1
        if top > len(self._held):
            longer = np.zeros(max(top, 2 * len(self._held)), np.bool_)
            longer[: len(self._held)] = self._held
            self._held = longer
        self._held[rows] = True

    def __len__(self) -> int:
        """Return how many there are."""
        return int(np.count_nonzero(self._held))

    def holds(self, rows: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell for each of `rows` whether it is among them."""
        found = np.zeros(len(rows), np.bool_)
        if not len(self._held):
            return found
        within = np.asarray(rows) < len(self._held)
        found[within] = self._held[rows[within]]
        return found
