"""GET /healthz and /readyz: is the process alive, and can it answer with all checks on."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from euthymia.app.http.exchange import Call, Reply, json_reply
from euthymia.app.http.services import Operation, Services
from euthymia.ground.errors import EuthymiaError

OK: Final = "ok"


class Health(msgspec.Struct, frozen=True):
    """The process is alive."""

    status: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether calls can be answered, and by part: "ok", or what is wrong."""

    ready: bool
    ledger: str
    store: str
    models: str
    released: Annotated[int, Meta(description="How many models are released.")]


async def healthz(_: Call, __: Services) -> Reply:
    """Say that the process is alive."""
    return json_reply(Health("ok"))


async def readyz(_: Call, services: Services) -> Reply:
    """Say whether the ledger, the store and the models can be used."""
    ledger = OK if await services.recorder.can_write() else "cannot be written"
    store = models = OK
    released = 0
    try:
        services.clinic.store.version()
    except EuthymiaError:
        store = "cannot be read"
    try:
        released = len(services.analyzer.shelf.names())
    except EuthymiaError:
        models = "do not verify"
    ready = ledger == store == models == OK
    reply = json_reply(Readiness(ready, ledger, store, models, released))
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
    description="For a load balancer: 503 while the ledger cannot be written, the store cannot "
    "be read or the models do not verify.",
    handle=readyz,
    reply=Readiness,
    statuses={503: "Not ready: the same document says which part."},
)
