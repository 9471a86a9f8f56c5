"""Counting rows: every row of a file is stored, rejected or a duplicate, exactly once."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.gateway.contract import Admitted
from euthymia.gateway.quarantine import distinct
from euthymia.ground.errors import SchemaError


@dataclass(slots=True)
class Tally:
    """Gathers the source rows behind what was offered, and behind what was new."""

    _named: list[NDArray[Any]] = field(default_factory=list)
    _fresh: list[NDArray[Any]] = field(default_factory=list)

    def rows(self, rows: NDArray[Any], fresh: NDArray[Any]) -> None:
        """Take in a table: the source row of each of its rows, and those rows that were new."""
        self._named.append(rows)
        self._fresh.append(fresh)

    def row(self, row: int, *, fresh: bool) -> None:
        """Take in one row that stands by itself; row 0 is none of the file's."""
        if row > 0:
            self.rows(np.array([row]), np.array([row] if fresh else [], np.int64))

    def count(self, batch: Admitted) -> tuple[int, int, int]:
        """Return (stored, rejected, duplicates); refuse a batch that they do not add up to."""
        named = distinct(self._named)
        stored = distinct(self._fresh)
        rejected = sum(group.rows for group in batch.quarantined)
        if named + rejected != batch.rows_in:
            raise SchemaError("the rows of this batch do not add up: it is not stored")
        return stored, rejected, named - stored
