"""Rows that are refused: each counted once, gathered by reason, without their content."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from euthymia.gateway.contract import Quarantined
from euthymia.ground.ids import SubjectId
from euthymia.ground.row_numbers import RowNumbers


class Quarantine:
    """Collects the refused rows of one file. A row that breaks two rules counts for the first."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, SubjectId | None], list[int]] = {}
        self._refused = RowNumbers()
        self._counted = 0

    def refuse(
        self, rows: NDArray[np.int64] | list[int], reason: str, subject: SubjectId | None = None
    ) -> None:
        """Refuse rows for `reason`, which names the field, the rule and the fix."""
        fresh = np.unique(np.asarray(rows, np.int64))
        fresh = fresh[~self._refused.holds(fresh)]
        if fresh.size:
            self._refused.add(fresh)
            self._note(reason, subject, int(fresh[0]), int(fresh.size))

    def count(self, row: int, rows: int, reason: str, subject: SubjectId | None = None) -> None:
        """Take over what a reader refused already; no table holds these rows."""
        self._counted += rows
        self._note(reason, subject, row, rows)

    def _note(self, reason: str, subject: SubjectId | None, row: int, rows: int) -> None:
        group = self._groups.setdefault((reason, subject), [row, 0])
        group[0] = min(group[0], row)
        group[1] += rows

    def holds(self, rows: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell for each row whether it is refused."""
        return self._refused.holds(rows)

    def holds_row(self, row: int) -> bool:
        """Tell whether one row is refused."""
        return bool(self._refused.holds(np.array([row]))[0])

    @property
    def total(self) -> int:
        """How many rows are refused."""
        return self._counted + len(self._refused)

    def groups(self) -> tuple[Quarantined, ...]:
        """Return what was refused, by first row."""
        found = [Quarantined(g[0], g[1], reason, s) for (reason, s), g in self._groups.items()]
        return tuple(sorted(found, key=lambda q: (q.row, q.reason, q.subject or "")))
