"""Counts and log lines: right, and unable to hold what a caller sent."""

from hypothesis import given
from hypothesis import strategies as st

from euthymia.app.http.counters import BUCKETS_S, AccessLog, Counters, gauge


def numbers(counters: Counters) -> dict[str, float]:
    lines = [line for line in counters.lines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@given(st.lists(st.floats(0, 20), min_size=1, max_size=50))
def test_the_histogram_is_cumulative_and_complete(times: list[float]) -> None:
    counters = Counters()
    for seconds in times:
        counters.count("/v1/analyze", "POST", 200, "review", seconds)
    found = numbers(counters)
    name = "euthymia_http_request_seconds"
    for edge in BUCKETS_S:
        told = found[f'{name}_bucket{{route="/v1/analyze",le="{edge}"}}']
        assert told == sum(t <= edge for t in times)
    assert found[f'{name}_bucket{{route="/v1/analyze",le="+Inf"}}'] == len(times)
    assert found[f'{name}_count{{route="/v1/analyze"}}'] == len(times)
    assert abs(found[f'{name}_sum{{route="/v1/analyze"}}'] - sum(times)) < 1e-5


def test_counts_by_route_method_status_and_outcome() -> None:
    counters = Counters()
    counters.count("/v1/analyze", "POST", 200, "review", 0.1)
    counters.count("/v1/analyze", "POST", 200, "abstain", 0.1)
    counters.count("/v1/analyze", "POST", 403, "role", 0.1)
    found = numbers(counters)
    name = "euthymia_http_requests_total"
    assert found[f'{name}{{route="/v1/analyze",method="POST",status="200"}}'] == 2
    assert found[f'{name}{{route="/v1/analyze",method="POST",status="403"}}'] == 1
    assert found['euthymia_http_outcomes_total{route="/v1/analyze",outcome="abstain"}'] == 1


def test_a_made_up_method_is_neither_a_label_nor_in_the_log() -> None:
    written: list[str] = []
    counters, log = Counters(), AccessLog(written.append)
    counters.count("none", 'X"}\nMARY', 405, "method", 0.0)
    log.add("r-1", "none", "MARY", 405, 0.0012)
    log.flush()
    log.flush()
    assert "MARY" not in "\n".join(counters.lines())
    assert written == ["r-1 other none 405 1.2ms\n"]


def test_a_gauge_has_its_help_and_type() -> None:
    assert list(gauge('a_b{c="d"}', "What it is.", 1)) == [
        "# HELP a_b What it is.",
        "# TYPE a_b gauge",
        'a_b{c="d"} 1',
    ]
