"""Connections dealt to workers: one process accepts, and hands each to who has the fewest open.

Left to themselves, processes that listen on one port get connections by chance (SO_REUSEPORT: by a
hash), and a call on the fuller of two waits twice as long as one on the other. Here the parent
accepts, and an open socket travels to its worker over a pair of Unix sockets. A worker sends a byte
back for every connection that ended, so that the parent knows how many each holds.
"""

import asyncio
import contextlib
import errno
import socket
from threading import Lock
from time import sleep
from typing import Final

import uvicorn

from euthymia.app.http.wire import HEAD_TIMEOUT_S, Doorman, Wire

ACCEPT_BACKLOG: Final = 2048
_DEALT: Final = b"c"
_ENDED: Final = b"e"
_PASSING: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED}
_BREATHER_S: Final = 0.05
_AT_ONCE: Final = 64  # sockets, or ends, taken from a channel in one go
_UNREAD_MS: Final = 30_000  # an answer that the caller does not take in is given up
_GOODBYE_S: Final = 5.0


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; OSError if the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # connections have it from their listener
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MS)
        listener.bind((host, port))
        listener.listen(ACCEPT_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class Hands:
    """The parent's side: what each worker (by its place) holds, and how to give it one more.

    `most`: connections that all of them hold together; one more is closed as it comes.
    """

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._channels: dict[int, socket.socket] = {}
        self._open: dict[int, int] = {}
        self._lock = Lock()

    def add(self, place: int) -> socket.socket:
        """Return the worker's end of a new channel for a place; the former one is closed."""
        ours, theirs = socket.socketpair()
        with self._lock:
            before = self._channels.pop(place, None)
            self._channels[place], self._open[place] = ours, 0
        if before is not None:
            before.close()
        return theirs

    def deal(self, connection: socket.socket) -> None:
        """Give a connection away, and forget it here; with no worker alive it is closed."""
        with connection, self._lock:
            held = {place: self._held(place) for place in self._channels}
            if sum(held.values()) >= self._most:
                return
            for place in sorted(held, key=held.__getitem__):
                try:
                    socket.send_fds(self._channels[place], [_DEALT], [connection.fileno()])
                except OSError:  # that worker has just ended; another takes its place soon
                    continue
                self._open[place] += 1
                return

    def _held(self, place: int) -> int:
        """Return how many connections a worker holds, having read which ended."""
        channel = self._channels[place]
        with contextlib.suppress(OSError):
            while told := channel.recv(_AT_ONCE, socket.MSG_DONTWAIT):
                self._open[place] -= len(told)
        return self._open[place]

    def close(self) -> None:
        """Close all channels."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()


def accept_into(hands: Hands, listener: socket.socket) -> None:
    """Accept and deal until the listener is closed or shut down."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno in _PASSING:  # no more open files allowed, or the caller hung up
                sleep(_BREATHER_S)
                continue
            return
        hands.deal(connection)


class DealtServer(uvicorn.Server):
    """A uvicorn server whose connections come over a channel, not from a port of its own."""

    def __init__(self, config: uvicorn.Config, channel: socket.socket, door: Doorman) -> None:
        super().__init__(config)
        self._channel = channel
        self.door = door
        self._opening: set[asyncio.Task[None]] = set()
        channel.setblocking(False)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take connections from the channel."""
        await super().startup(sockets=[*(sockets or [])])
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._take)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more; let those that are open end."""
        asyncio.get_running_loop().remove_reader(self._channel.fileno())
        await super().shutdown(sockets=sockets)

    def _take(self) -> None:
        try:
            told, handles, _, _ = socket.recv_fds(self._channel, _AT_ONCE, _AT_ONCE)
        except BlockingIOError:
            return
        if not told:  # the parent is gone
            asyncio.get_running_loop().remove_reader(self._channel.fileno())
        for handle in handles:
            task = asyncio.get_running_loop().create_task(self._open(socket.socket(fileno=handle)))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        try:
            tls = self.config.ssl
            waits = {"ssl_handshake_timeout": HEAD_TIMEOUT_S, "ssl_shutdown_timeout": _GOODBYE_S}
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, connection, ssl=tls, **(waits if tls else {})
            )
        except OSError:  # the caller has gone, or spoke no TLS
            connection.close()
            self.ended()

    def _protocol(self) -> asyncio.Protocol:
        return _Told(self)

    def ended(self) -> None:
        """Tell the parent that a connection is no more."""
        with contextlib.suppress(OSError):  # it will know: it is gone itself
            self._channel.send(_ENDED)


class _Told(Wire):
    """One connection, whose end is told."""

    def __init__(self, server: DealtServer) -> None:
        super().__init__(server.config, server.server_state, server.lifespan.state, server.door)
        self._dealt_by = server

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._dealt_by.ended()
