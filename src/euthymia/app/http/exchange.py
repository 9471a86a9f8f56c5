"""One HTTP exchange: what an API is given, what it gives back, and how both touch the wire."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from euthymia.app.problems import MEDIA_TYPE, Problem, RefusalError, request_urn

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

BODY_LIMIT: Final = 64 * 1024  # a vector of 2,000 numbers is 40 KiB; more is a mistake or an attack
BODY_TIMEOUT_S: Final = 10.0  # a body that arrives slower than this holds a connection for nothing

SAFE_HEADERS: Final[Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
)
"""On every answer of the API. The page of `/docs` puts its own policy in place of the third."""

_JSON: Final = (b"content-type", b"application/json")
_PROBLEM: Final = (b"content-type", MEDIA_TYPE.encode())
_CHALLENGE: Final = (
    b"www-authenticate",
    b'Bearer realm="euthymia", error="invalid_token", DPoP algs="EdDSA ES256"',
)
_RETRY: Final = (b"retry-after", b"1")
_CLOSE: Final = (b"connection", b"close")
TLS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_encoder: Final = msgspec.json.Encoder()


@dataclass(slots=True)
class Reply:
    """An answer: `outcome` is a word for metrics and log, never a value of a person."""

    status: int
    body: bytes
    headers: Headers = SAFE_HEADERS
    outcome: str = "ok"


@dataclass(slots=True)
class Call:
    """What an API is handed: the ASGI exchange and the request's own number."""

    scope: Scope
    receive: Receive
    request: str

    def header(self, name: bytes) -> bytes | None:
        """Return the first header of that (lower-case) name."""
        for key, value in self.scope["headers"]:
            if key == name:
                return bytes(value)
        return None

    def authorization(self) -> tuple[str, str | None]:
        """Return scheme ("bearer" or "dpop") and token of the `Authorization` header, if any."""
        value = self.header(b"authorization")
        if value is None:
            return "", None
        scheme, _, token = value.partition(b" ")
        scheme = scheme.lower()
        if scheme not in {b"bearer", b"dpop"}:
            return "", None
        try:
            return scheme.decode(), token.strip().decode("ascii") or None
        except UnicodeDecodeError:
            return "", None

    def url(self, public: str | None) -> str:
        """Return the address of this call as the caller sees it, without its query."""
        path = str(self.scope["path"])
        if public:
            return public.rstrip("/") + path
        host = (self.header(b"host") or b"").decode("ascii", "replace")
        return f"{self.scope.get('scheme', 'http')}://{host}{path}"

    def from_this_machine(self) -> bool:
        """Tell whether the caller is on the loopback and not behind a proxy."""
        client = self.scope.get("client")
        proxied = any(
            key in {b"forwarded", b"x-forwarded-for", b"x-real-ip"}
            for key, _ in self.scope["headers"]
        )
        return not proxied and client is not None and client[0] in {"127.0.0.1", "::1"}

    async def body(self) -> bytes:
        """Return the whole JSON body.

        Raises
        ------
        RefusalError
            Not JSON by its content type, larger than `BODY_LIMIT`, or too slow.
        """
        _require_json(self.header(b"content-type"))
        length = self.header(b"content-length")
        if length is not None and (not length.isdigit() or int(length) > BODY_LIMIT):
            raise _too_large()
        return await self._read_in_time()

    async def _read_in_time(self) -> bytes:
        """Do as `asyncio.timeout` around `_read`, in a fifth of its time on every call."""
        task = asyncio.current_task()
        assert task is not None
        late = False

        def give_up() -> None:
            nonlocal late
            late = True
            task.cancel()

        timer = asyncio.get_running_loop().call_later(BODY_TIMEOUT_S, give_up)
        try:
            return await self._read()
        except asyncio.CancelledError as error:
            if not late or task.uncancel() > 0:
                raise
            detail = f"the body must arrive within {BODY_TIMEOUT_S:g} s"
            raise RefusalError("timeout", detail) from error
        finally:
            timer.cancel()

    async def _read(self) -> bytes:
        message = await self.receive()
        parts = bytes(message.get("body", b""))
        while len(parts) <= BODY_LIMIT:
            if not message.get("more_body", False):
                return parts
            message = await self.receive()
            parts += message.get("body", b"")
        raise _too_large()


def _require_json(content_type: bytes | None) -> None:
    if content_type == b"application/json":
        return
    kind, _, parameters = (content_type or b"").partition(b";")
    charset = parameters.strip().lower().replace(b'"', b"")
    if kind.strip().lower() != b"application/json" or charset not in {b"", b"charset=utf-8"}:
        raise RefusalError(
            "media-type", "send the body with Content-Type: application/json, in UTF-8"
        )


def _too_large() -> RefusalError:
    return RefusalError("too-large", f"the body may have at most {BODY_LIMIT} bytes")


def json_reply(value: object, outcome: str = "ok") -> Reply:
    """Return a 200 answer with `value` as JSON."""
    return Reply(200, _encoder.encode(value), (_JSON, *SAFE_HEADERS), outcome)


def problem_reply(problem: Problem, more: Headers = ()) -> Reply:
    """Return a problem as its answer, with the headers its status calls for."""
    headers: Headers = (_PROBLEM, *SAFE_HEADERS, *more)
    if problem.status == 401:
        headers = (*headers, _CHALLENGE)
    if problem.status == 503:
        headers = (*headers, _RETRY)
    if problem.status in {408, 413}:
        headers = (*headers, _CLOSE)  # the rest of the body is not waited for
    return Reply(problem.status, _encoder.encode(problem), headers, problem.type.rpartition(":")[2])


def refused(refusal: RefusalError, request: str, more: Headers = ()) -> Reply:
    """Return the answer for a refusal that is not in the ledger."""
    return problem_reply(refusal.problem(request_urn(request)), more)


async def send_reply(
    send: Send, reply: Reply, request: str, *, head: bool = False, tls: bool = False
) -> None:
    """Send an answer under the request's number; for HEAD its headers alone."""
    headers = [*reply.headers, (b"x-request-id", request.encode())]
    if tls:
        headers.append(TLS_ONLY)
    if reply.status != 204:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})
