"""One connection on the wire: what it may send before it is cut, and for how long.

Requests that come as a whole, as almost all do, cost a comparison or two here. Timers are only
started for one that is not complete with the bytes that came.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from euthymia.app.config import ServeConfig
from euthymia.app.http.limits import caller_of

HEAD_LIMIT: Final = 32 * 1024  # address and headers; a token has 400 characters, a proof 600
HEAD_TIMEOUT_S: Final = 10.0  # also for the first byte, and for the TLS handshake
MESSAGE_TIMEOUT_S: Final = 30.0  # head and body; all our bodies are under 64 KiB
HELD_MOST: Final = 64 * 1024  # bytes kept to the end of a turn: more is on its way at once
_TEXT: Final = {
    408: b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"connection: close\r\ncontent-length: 0\r\n\r\n",
}


@dataclass(slots=True)
class Doorman:
    """Who may hold connections here: a proxy alone where there is one; so many of one address."""

    serve: ServeConfig
    held: Counter[str] = field(default_factory=Counter)

    def admits(self, address: str) -> bool:
        """Count a connection of an address; False if it must be closed (and is not counted)."""
        if self.serve.behind_proxy:
            return address in self.serve.proxies
        if self.held[address] >= self.serve.connections_per_address:
            return False
        self.held[address] += 1
        return True

    def leaves(self, address: str) -> None:
        """Count a connection that ended."""
        self.held[address] -= 1
        if self.held[address] <= 0:
            del self.held[address]


class Corked(asyncio.Transport):
    """A transport on which what is written in one turn of the event loop leaves together.

    The head and the body of an answer are two writes: two system calls here, and two wake-ups of
    the caller, of which the first is for nothing.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep for the end of the turn, unless it is much."""
        if not self._held:
            self._loop.call_soon(self._let_go)
        self._held.append(bytes(data))
        self._size += len(data)
        if self._size >= HELD_MOST:
            self._let_go()

    def _let_go(self) -> None:
        whole = b"".join(self._held)
        self._held.clear()
        self._size = 0
        if whole and not self._transport.is_closing():  # the caller may have gone in this turn
            self._transport.write(whole)

    def close(self) -> None:
        """Write what is kept, then close."""
        self._let_go()
        self._transport.close()

    def abort(self) -> None:
        """Close at once: what is kept finds the transport closing, and is dropped."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closed or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> object:
        """Return what the transport beneath knows."""
        return self._transport.get_extra_info(name, default)


class Wire(HttpToolsProtocol):
    """One connection, which is cut if it sends too much, too slowly, or should not be here."""

    def __init__(
        self, config: uvicorn.Config, state: ServerState, app_state: dict[str, object], at: Doorman
    ) -> None:
        super().__init__(config=config, server_state=state, app_state=app_state)
        self._door = at
        self._held_for: str | None = None
        self._in_head = self._in_body = False
        self._piece = self._began_with = self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, or hang up at once."""
        super().connection_made(transport)
        self.transport = Corked(transport, self.loop)
        address = caller_of(self.client[0]) if self.client else ""
        if not self._door.admits(address):
            transport.abort()
            return
        self._held_for = address
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, whoever ended it."""
        self._calm()
        if self._held_for is not None:
            self._door.leaves(self._held_for)
            self._held_for = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and see to it that a message does not take for ever."""
        if self._held_for is None:
            return
        self._piece = len(data)
        if self._in_head:
            self._head_bytes += self._piece
        super().data_received(data)
        if not (self._in_head or self._in_body):
            if self._timer is not None and self.cycle is not None:
                self._calm()
        elif self._in_head and self._head_bytes > HEAD_LIMIT:
            self._cut(431)
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._late)

    def on_message_begin(self) -> None:
        """Begin a message."""
        super().on_message_begin()
        self._in_head, self._in_body = True, False
        self._began_with, self._head_bytes = self._piece, 0

    def on_headers_complete(self) -> None:
        """Give the request to the application, unless its head is too large."""
        self._in_head, self._in_body = False, True
        if self._began_with + self._head_bytes > HEAD_LIMIT:
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > HEAD_LIMIT:
                self._cut(431)
                raise ValueError("the head is too large")  # ends the parser's work
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a message."""
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, unless something was said already."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _late(self) -> None:
        self._timer = None
        if self._in_body:  # the head came in time
            wait = MESSAGE_TIMEOUT_S - HEAD_TIMEOUT_S
            self._timer = self.loop.call_later(wait, self._cut, 408)
        else:
            self._cut(408)

    def _cut(self, status: int) -> None:
        self._calm()
        if self.transport.is_closing():
            return
        if self._in_head or status == 431:  # nothing was answered to this message yet
            self.transport.write(_TEXT[status])
        self.transport.close()

    def _calm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
