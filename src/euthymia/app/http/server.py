"""The server: a bare ASGI application over one clinic, and uvicorn to run it.

The API answers here. Every other path goes to the pages, a Starlette application. A server loads
them before it takes calls; who makes the application without serving it, at the first page.
"""

import asyncio
import gc
import logging
import secrets
import socket
import sys
import traceback
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from functools import cached_property
from itertools import count
from threading import Thread
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Final

from euthymia.app.analyze import Analyzer
from euthymia.app.http.counters import AccessLog, Counters
from euthymia.app.http.exchange import (
    SAFE_HEADERS,
    Asgi,
    Call,
    Headers,
    Receive,
    Reply,
    Scope,
    Send,
    refused,
    send_reply,
)
from euthymia.app.http.gate import Gate
from euthymia.app.http.recorder import Recorder
from euthymia.app.http.routes import ROUTES
from euthymia.app.http.services import Operation, Services
from euthymia.app.http.tally import Tally
from euthymia.app.http.tls import tls_context
from euthymia.app.http.together import Together
from euthymia.app.once import Once
from euthymia.app.problems import RefusalError
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import EuthymiaError

if TYPE_CHECKING:
    from euthymia.app.clinic import Clinic
    from euthymia.app.web.backend import ClinicBackend

LOG_EVERY_S: Final = 0.25  # how long a log line may wait to be written with its neighbours
KEEP_ALIVE_S: Final = 30
_errors: Final = logging.getLogger("euthymia.http")


class Server:
    """The ASGI application. One instance serves one clinic on one event loop."""

    def __init__(
        self, clinic: "Clinic", log: AccessLog | None = None, tally: Tally | None = None
    ) -> None:
        recorder = Recorder(clinic.ledger)
        self.services = Services(
            clinic=clinic,
            analyzer=Analyzer(clinic),
            recorder=recorder,
            together=Together(recorder),
            counters=tally.begin() if tally else Counters(),
            log=log or AccessLog(lambda _: None),
            tally=tally,
            used=Once(clinic.home.redeemed),
            proofs=Once(clinic.home.proofs, timedelta(0)),
            routes=ROUTES,
        )
        self._clinic = clinic
        self._pages: Asgi | None = None
        self._boot = secrets.token_hex(4)
        self._numbers = count(1)
        self._log_due = False
        self._gate = Gate(clinic.config.serve)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._lifespan(receive, send)
            return
        path = scope["path"]
        operations = ROUTES.get(path)
        stopped = self._gate.enter(scope, monotonic())
        if stopped is not None:
            await self._stop(scope, send, *stopped)
            return
        if operations is None and path != "/v1" and not path.startswith("/v1/"):
            await self._page(scope, receive, send)
            return
        start = perf_counter()
        request = f"{self._boot}-{next(self._numbers)}"
        call = Call(scope, receive, request)
        method = scope["method"]
        reply = await self._answer(call, operations or {}, method)
        route = path if operations is not None else "none"
        tls = scope["scheme"] == "https"
        await send_reply(send, reply, request, head=method == "HEAD", tls=tls)
        self._note(request, route, method, reply, perf_counter() - start)

    async def _stop(
        self, scope: Scope, send: Send, refusal: RefusalError, headers: Headers
    ) -> None:
        """Answer who is not let in: at the smallest cost to us."""
        request, method = f"{self._boot}-{next(self._numbers)}", scope["method"]
        reply = refused(refusal, request, headers)
        tls = scope["scheme"] == "https"
        await send_reply(send, reply, request, head=method == "HEAD", tls=tls)
        self._note(request, "stopped", method, reply, 0.0)

    async def _answer(self, call: Call, operations: Mapping[str, Operation], method: str) -> Reply:
        operation = operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            return _not_routed(call, operations, method)
        try:
            return await operation.handle(call, self.services)
        except RefusalError as refusal:
            return refused(refusal, call.request)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - the top: whatever fails, a person gets an answer
            return await self._failed(error, call, operation)

    async def _failed(self, error: Exception, call: Call, operation: Operation) -> Reply:
        _report(error, call.request)
        if operation.bearer == "required":
            entry = Entry(
                Actor("unknown", "unknown"),
                operation.name,
                Purpose.CARE,
                detail={"outcome": "internal", "request": call.request},
            )
            try:
                await self.services.recorder.record(entry)
            except RefusalError as refusal:
                return refused(refusal, call.request)
        detail = "an error of ours; the log of the server has it under this instance"
        return refused(RefusalError("internal", detail), call.request)

    def warm(self) -> None:
        """Load what the first callers would wait for: the released models, and the pages."""
        with suppress(EuthymiaError):  # what does not verify is told by `/readyz`
            self.services.analyzer.shelf.all()
        self._site()

    def _site(self) -> Asgi:
        if self._pages is None:
            from euthymia.app.web.pages import build_site

            self._pages = build_site(self._backend)
        return self._pages

    @cached_property
    def _backend(self) -> "ClinicBackend":
        from euthymia.app.web.backend import ClinicBackend

        return ClinicBackend.of(self._clinic)

    def reading_ahead(self) -> AbstractContextManager[None]:
        """Read for the pages what has changed, before anybody asks, for a `with` block."""
        from euthymia.app.web.ahead import Ahead

        return Ahead(self._backend).running()

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._site()(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.services.log.flush()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _note(self, request: str, route: str, method: str, reply: Reply, seconds: float) -> None:
        self.services.counters.count(route, method, reply.status, reply.outcome, seconds)
        self.services.log.add(request, route, method, reply.status, seconds)
        if not self._log_due:
            self._log_due = True
            asyncio.get_running_loop().call_later(LOG_EVERY_S, self._write_log)

    def _write_log(self) -> None:
        self._log_due = False
        self.services.log.flush()
        if self.services.tally is not None:
            self.services.tally.write(self.services.counters)


def _not_routed(call: Call, operations: Mapping[str, Operation], method: str) -> Reply:
    if not operations:
        detail = "the API's addresses are listed at /docs"
        return refused(RefusalError("not-found", detail), call.request)
    allowed = {*operations, "OPTIONS"} | ({"HEAD"} if "GET" in operations else set())
    allow = (b"allow", ", ".join(sorted(allowed)).encode())
    if method == "OPTIONS":
        return Reply(204, b"", (allow, *SAFE_HEADERS))
    detail = f"this address takes {allow[1].decode()}"
    return refused(RefusalError("method", detail), call.request, (allow,))


def _report(error: Exception, request: str) -> None:
    """Log where it failed and with what kind of error, but no message: it might hold a value."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames[-6:]))
    said = str(error) if isinstance(error, EuthymiaError) else ""
    _errors.error("%s failed: %s at %s %s", request, type(error).__name__, where, said)


def create_app(
    clinic: "Clinic", log: AccessLog | None = None, tally: Tally | None = None
) -> Server:
    """Return the ASGI application that serves `clinic`."""
    return Server(clinic, log, tally)


def serve(
    clinic: "Clinic",
    host: str,
    port: int,
    tally: Tally | None = None,
    channel: socket.socket | None = None,
) -> None:
    """Serve `clinic` until the process is told to stop. Log lines go to standard error.

    Parameters
    ----------
    clinic : Clinic
        An open clinic; the caller closes it afterwards.
    host, port : str, int
        Where to listen. Beyond loopback only TLS is spoken, or with the settings' proxy.
    tally, channel : Tally, socket, optional
        Where this process is one of several workers: what they count together, and where its
        connections come from (see `app.dealing`).

    Raises
    ------
    AccessError, MissingError, SchemaError
        Others than this machine would be spoken to without TLS; or its files are not in order.
    """
    import uvicorn

    from euthymia.app.dealing import DealtServer, Hands, accept_into, listen
    from euthymia.app.http.wire import Doorman

    settings = clinic.config.serve
    tls = tls_context(settings, host)
    app = create_app(clinic, AccessLog(sys.stderr.write), tally)
    app.warm()
    gc.collect()
    gc.freeze()  # what is loaded by now stays: the collector need not walk it again and again
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        log_config=None,  # the process's own allow-list: see `app.logs`
        server_header=False,
        date_header=True,
        proxy_headers=False,
        limit_concurrency=settings.connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=10,
        ssl_context_factory=(lambda _config, _default: tls) if tls else None,
    )
    if channel is not None:
        with app.reading_ahead():
            DealtServer(config, channel, Doorman(settings)).run()
        return
    hands = Hands(settings.connections)
    with listen(host, port) as listener, hands.add(0) as alone:
        dealer = Thread(target=accept_into, args=(hands, listener), daemon=True)
        dealer.start()
        try:
            with app.reading_ahead():
                DealtServer(config, alone, Doorman(settings)).run()
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            dealer.join()
            hands.close()
