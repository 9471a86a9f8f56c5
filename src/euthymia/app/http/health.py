"""GET /healthz and /readyz: is the process alive, and can it answer with all checks on."""

import msgspec

from euthymia.app.http.exchange import Call, Reply, json_reply
from euthymia.app.http.services import Operation, Services
from euthymia.ground.errors import EuthymiaError


class Health(msgspec.Struct, frozen=True):
    """The process is alive."""

    status: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether calls can be answered, and by part: "ok", or what is wrong."""

    ready: bool
    ledger: str
    store: str
    models: int


async def healthz(_: Call, __: Services) -> Reply:
    """Say that the process is alive."""
    return json_reply(Health("ok"))


async def readyz(_: Call, services: Services) -> Reply:
    """Say whether the ledger and the store can be used, and how many models are released."""
    ledger = "ok" if await services.recorder.can_write() else "cannot be written"
    try:
        services.clinic.store.version()
        store = "ok"
    except EuthymiaError:
        store = "cannot be read"
    ready = ledger == "ok" and store == "ok"
    reply = json_reply(Readiness(ready, ledger, store, len(services.analyzer.models())))
    reply.status = 200 if ready else 503
    return reply


HEALTH = Operation(
    path="/healthz",
    method="GET",
    name="health",
    summary="Is the process alive?",
    description="For a supervisor's liveness probe. Needs no token and touches no data.",
    handle=healthz,
    reply=Health,
)
READY = Operation(
    path="/readyz",
    method="GET",
    name="ready",
    summary="Can calls be answered?",
    description="For a load balancer: 503 while the ledger cannot be written or the store cannot "
    "be read. `models` is how many models are released.",
    handle=readyz,
    reply=Readiness,
    statuses={503: "Not ready: the same document says which part."},
)
