"""GET /metrics: counts for Prometheus. From this machine, or with a token of the role `it`."""

from collections.abc import Iterator

from euthymia import __version__
from euthymia.app.http.caller import authenticate
from euthymia.app.http.counters import gauge
from euthymia.app.http.exchange import SAFE_HEADERS, Call, Reply
from euthymia.app.http.services import Operation, Services
from euthymia.ground.errors import EuthymiaError
from euthymia.security.policy import Action

_TEXT = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


async def metrics(call: Call, services: Services) -> Reply:
    """Return the counts; refused from afar without a token of the role `it`."""
    if not call.from_this_machine():
        claims = authenticate(call, services)
        services.analyzer.require_role(claims, Action.VIEW_METRICS)
    body = "\n".join((*_lines(services), "")).encode()
    return Reply(200, body, (_TEXT, *SAFE_HEADERS))


def _lines(services: Services) -> Iterator[str]:
    counters, tally = services.counters, services.tally
    yield from (tally.whole(counters) if tally else counters).lines()
    recorder = services.recorder
    yield from gauge(
        "euthymia_ledger_up",
        "1 while the last ledger group was written, by this worker.",
        float(recorder.up),
    )
    yield from gauge(
        "euthymia_ledger_waiting",
        "Answers of this worker that wait for the ledger.",
        recorder.waiting,
    )
    try:
        released = len(services.analyzer.shelf.names())
    except EuthymiaError:
        released = -1
    yield from gauge(
        "euthymia_models_released", "Released models; -1: they do not verify.", released
    )
    yield from gauge(f'euthymia_build_info{{version="{__version__}"}}', "The version.", 1)


METRICS = Operation(
    path="/metrics",
    method="GET",
    name="metrics",
    summary="Counts for Prometheus",
    description="Requests by route, method and status, outcomes, latencies and the ledger's state. "
    "No label holds anything about a person. Open to callers on this machine that do not come "
    "through a proxy; from elsewhere it takes a token of the role `it`.",
    handle=metrics,
    reply=None,
    media="text/plain",
    problems=("token", "role"),
    bearer="optional",
)
