"""What the server counts while it runs, and its log: routes, statuses and times, never a person."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Upper edges of the latency histogram [s]; 20 ms is the goal for the slowest in a hundred."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


@dataclass(slots=True)
class Counters:
    """Counts since the start. Labels come from our own tables: none can hold what a caller sent."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    buckets: dict[str, list[int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def count(self, route: str, method: str, status: int, outcome: str, seconds: float) -> None:
        """Count one answered request."""
        method = method if method in _METHODS else "other"
        self.requests[route, method, status] += 1
        self.outcomes[route, outcome] += 1
        buckets = self.buckets.get(route)
        if buckets is None:
            buckets = self.buckets[route] = [0] * (len(BUCKETS_S) + 1)
            self.seconds[route] = 0.0
        buckets[bisect_left(BUCKETS_S, seconds)] += 1
        self.seconds[route] += seconds

    def lines(self) -> Iterator[str]:
        """Yield the counts in the Prometheus text format (0.0.4)."""
        yield from _head("euthymia_http_requests_total", "counter", "Answered HTTP requests.")
        for (route, method, status), n in sorted(self.requests.items()):
            labels = f'route="{route}",method="{method}",status="{status}"'
            yield f"euthymia_http_requests_total{{{labels}}} {n}"
        yield from _head("euthymia_http_outcomes_total", "counter", "Answers by what came out.")
        for (route, outcome), n in sorted(self.outcomes.items()):
            yield f'euthymia_http_outcomes_total{{route="{route}",outcome="{outcome}"}} {n}'
        yield from _head("euthymia_http_request_seconds", "histogram", "Time to the answer.")
        for route, buckets in sorted(self.buckets.items()):
            yield from self._histogram(route, buckets)

    def _histogram(self, route: str, buckets: list[int]) -> Iterator[str]:
        name, total = "euthymia_http_request_seconds", 0
        for edge, n in zip((*map(str, BUCKETS_S), "+Inf"), buckets, strict=True):
            total += n
            yield f'{name}_bucket{{route="{route}",le="{edge}"}} {total}'
        yield f'{name}_sum{{route="{route}"}} {self.seconds[route]:.6f}'
        yield f'{name}_count{{route="{route}"}} {total}'


def gauge(name: str, help_text: str, value: float) -> Iterator[str]:
    """Yield one gauge in the Prometheus text format."""
    yield from _head(name.partition("{")[0], "gauge", help_text)
    yield f"{name} {value}"


def _head(name: str, kind: str, help_text: str) -> Iterable[str]:
    return (f"# HELP {name} {help_text}", f"# TYPE {name} {kind}")


@dataclass(slots=True)
class AccessLog:
    """Our own log line: an allow-list of facts that tell nothing about a caller or a person.

    Lines are gathered and handed to `write` together, so that logging costs no call a request.
    """

    write: Callable[[str], object]
    lines: list[str] = field(default_factory=list)

    def add(self, request: str, route: str, method: str, status: int, seconds: float) -> None:
        """Keep one line: the request's own number, our name of the route, method, status, time."""
        method = method if method in _METHODS else "other"
        self.lines.append(f"{request} {method} {route} {status} {seconds * 1000:.1f}ms\n")

    def flush(self) -> None:
        """Write what was gathered."""
        if self.lines:
            lines, self.lines = self.lines, []
            self.write("".join(lines))
