"""What all workers counted together: each leaves its counts in a file, whoever is asked adds up."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from euthymia.app.http.counters import Counters


class _Counts(msgspec.Struct):
    """Counters as they are written down."""

    requests: list[tuple[str, str, int, int]]
    outcomes: list[tuple[str, str, int]]
    buckets: dict[str, list[int]]
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of the workers of one server, in a folder of theirs; ours are those of `place`."""

    folder: Path
    place: int

    def begin(self) -> Counters:
        """Return the counters to go on with: those of the worker whose place this one takes."""
        counters = Counters()
        self._add(self._path(self.place), counters)
        return counters

    def write(self, counters: Counters) -> None:
        """Leave our counts for the others."""
        told = _Counts(
            [(*key, n) for key, n in counters.requests.items()],
            [(*key, n) for key, n in counters.outcomes.items()],
            counters.buckets,
            counters.seconds,
        )
        part = self._path(self.place).with_suffix(".part")
        part.write_bytes(msgspec.json.encode(told))
        part.replace(self._path(self.place))

    def whole(self, counters: Counters) -> Counters:
        """Return our counts as of now and the others' as of their last second, added up."""
        total = Counters()
        self._sum(total, counters.requests, counters.outcomes, counters.buckets, counters.seconds)
        for path in self.folder.glob("*.json"):
            if path != self._path(self.place):
                self._add(path, total)
        return total

    def _path(self, place: int) -> Path:
        return self.folder / f"{place}.json"

    def _add(self, path: Path, total: Counters) -> None:
        try:
            told = msgspec.json.decode(path.read_bytes(), type=_Counts)
        except FileNotFoundError:
            return
        requests = {(route, method, status): n for route, method, status, n in told.requests}
        outcomes = {(route, outcome): n for route, outcome, n in told.outcomes}
        self._sum(total, requests, outcomes, told.buckets, told.seconds)

    @staticmethod
    def _sum(
        total: Counters,
        requests: dict[tuple[str, str, int], int],
        outcomes: dict[tuple[str, str], int],
        buckets: dict[str, list[int]],
        seconds: dict[str, float],
    ) -> None:
        total.requests.update(requests)
        total.outcomes.update(outcomes)
        for route, counts in buckets.items():
            old = total.buckets.get(route, [0] * len(counts))
            total.buckets[route] = [a + b for a, b in zip(old, counts, strict=True)]
            total.seconds[route] = total.seconds.get(route, 0.0) + seconds[route]
