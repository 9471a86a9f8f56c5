"""Counting rows: every row of a file is stored, rejected or a duplicate, exactly once.

A row whose samples were used and not kept counts as stored, and is told apart besides.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.gateway.contract import Admitted
from euthymia.ground.errors import SchemaError
from euthymia.ground.row_numbers import RowNumbers


class Counts(NamedTuple):
    """What became of a file's rows.

    `feature_only`: how many of the stored rows held samples that were used and not kept.
    """

    stored: int
    rejected: int
    duplicates: int
    feature_only: int


@dataclass(slots=True)
class Tally:
    """Gathers the source rows behind what was offered, and behind what was new."""

    _named: RowNumbers = field(default_factory=RowNumbers)
    _stored: RowNumbers = field(default_factory=RowNumbers)
    _passed: RowNumbers = field(default_factory=RowNumbers)

    def rows(self, rows: NDArray[Any], fresh: NDArray[Any]) -> None:
        """Take in a table: the source row of each of its rows, and those rows that were new."""
        self._named.add(rows)
        self._stored.add(fresh)

    def passed(self, rows: NDArray[Any], fresh: NDArray[Any]) -> None:
        """Take in a table of which nothing is kept: its source rows, and those to be used."""
        self.rows(rows, fresh)
        self._passed.add(fresh)

    def row(self, row: int, *, fresh: bool) -> None:
        """Take in one row that stands by itself; row 0 is none of the file's."""
        if row > 0:
            self.rows(np.array([row]), np.array([row] if fresh else [], np.int64))

    def count(self, batch: Admitted) -> Counts:
        """Return what became of the rows; refuse a batch that they do not add up to."""
        named, stored = len(self._named), len(self._stored)
        rejected = sum(group.rows for group in batch.quarantined)
        if named + rejected != batch.rows_in:
            raise SchemaError("the rows of this batch do not add up: it is not stored")
        return Counts(stored, rejected, named - stored, len(self._passed))
