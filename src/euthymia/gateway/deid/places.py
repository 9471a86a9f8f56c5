"""Stretches of a text, asked many times whether they meet another: each answer by bisection."""

from bisect import bisect_left
from collections.abc import Iterable


class Places:
    """Stretches [start, end) of a text; those that overlap count as one."""

    def __init__(self, places: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(places):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(end, self._ends[-1])
            else:
                self._starts.append(start)
                self._ends.append(end)

    def meets(self, start: int, end: int) -> bool:
        """Tell whether a character of [start, end) is in one of the stretches."""
        at = bisect_left(self._starts, end) - 1
        return at >= 0 and self._ends[at] > start

    def holds(self, start: int, end: int) -> bool:
        """Tell whether [start, end) lies in one of the stretches."""
        at = bisect_left(self._starts, start + 1) - 1
        return at >= 0 and self._starts[at] <= start and end <= self._ends[at]
