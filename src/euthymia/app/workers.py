"""Serve a clinic from several processes: a worker a core, and a parent that keeps them alive.

One Python process uses one core. Workers share nothing but what is on disk, which every part of
the product already shares between processes: the store's version, the ledger's lock, the signed
registry, used sign-in links. Connections are dealt out among them: see `app.dealing`.
"""

import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from euthymia.app.dealing import Hands, accept_into, listen
from euthymia.ground.errors import BusyError

if TYPE_CHECKING:
    from euthymia.app.clinic import Clinic

MOST: Final = 8  # beyond, the ledger's disk and not the processor is what calls wait for
SHORT_LIFE_S: Final = 5.0
SHORT_LIVES: Final = 5  # so many workers in a row that ended so soon: it will not get better
GOODBYE_S: Final = 15.0  # for answers under way; uvicorn itself waits 10 s


def workers_wanted(configured: int) -> int:
    """Return how many workers to start: as configured, or (0) one a core, up to `MOST`."""
    return min(configured or len(os.sched_getaffinity(0)), MOST)


def serve_from_workers(
    home: Path,
    host: str,
    port: int,
    workers: int,
    root: bytes | None = None,
    connections: int = 1024,
) -> None:
    """Serve the clinic at `home` until this process is told to stop.

    A worker that ends is started anew. `root`: the secret of the root key, which workers get over
    a pipe, so that nobody is asked for it again; without it each worker opens the keys by itself.
    `connections`: how many may be open at a time.

    Raises
    ------
    BusyError
        Workers end as soon as they are started; their log lines say why.
    """
    with TemporaryDirectory(prefix="euthymia-counts-") as counts, listen(host, port) as listener:
        crew = _Crew(home, host, port, Path(counts), listener, root)
        crew.hands = Hands(connections)
        for place in range(workers):
            crew.start(place)
        Thread(target=accept_into, args=(crew.hands, listener), daemon=True).start()
        try:
            crew.watch()
        finally:
            crew.hands.close()


@dataclass
class _Crew:
    """The workers, by their place."""

    home: Path
    host: str
    port: int
    counts: Path
    listener: socket.socket
    root: bytes | None = field(default=None, repr=False)
    stopping: bool = False
    hands: Hands = field(default_factory=Hands)
    members: dict[int, SpawnProcess] = field(default_factory=dict)
    started: dict[int, float] = field(default_factory=dict)
    short: deque[bool] = field(default_factory=lambda: deque(maxlen=SHORT_LIVES))

    def start(self, place: int) -> None:
        # spawned, not forked: nothing of this process is handed on but what is in the pipe
        end, pipe = connection.Pipe(duplex=False)
        with end, pipe, self.hands.add(place) as channel:
            pipe.send_bytes(self.root or b"")
            where = (self.home, self.host, self.port, self.counts, place, channel, end)
            member = get_context("spawn").Process(target=_work, args=where)
            member.start()
        self.members[place], self.started[place] = member, monotonic()

    def watch(self) -> None:
        """Start anew who ends, until told to stop; then let all finish their answers."""
        wake_read, wake_write = os.pipe()
        before = {s: signal.signal(s, self._stop(wake_write)) for s in _ENDING}
        try:
            while not self.stopping:
                ended = connection.wait([wake_read, *(m.sentinel for m in self.members.values())])
                if not self.stopping:
                    self._replace(ended)
        finally:
            for which, handler in before.items():
                signal.signal(which, handler)
            os.close(wake_read)
            os.close(wake_write)
            self._dismiss()

    def _stop(self, wake: int) -> Callable[[int, object], None]:
        def handler(_signal: int, _frame: object) -> None:
            self.stopping = True
            os.write(wake, b"x")

        return handler

    def _replace(self, ended: Sequence[object]) -> None:
        for place, member in list(self.members.items()):
            if member.sentinel not in ended:
                continue
            member.join()
            self.short.append(monotonic() - self.started[place] < SHORT_LIFE_S)
            sys.stderr.write(f"worker {place} ended ({member.exitcode}); starting another\n")
            if len(self.short) == SHORT_LIVES and all(self.short):
                raise BusyError("the server's workers end as soon as they start: see the log above")
            self.start(place)

    def _dismiss(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # nobody new is let in
        for member in self.members.values():
            if member.is_alive():
                member.terminate()
        until = monotonic() + GOODBYE_S
        for member in self.members.values():
            member.join(max(until - monotonic(), 0.1))
            if member.is_alive():
                member.kill()
                member.join()


_ENDING: Final = (signal.SIGTERM, signal.SIGINT)


def _work(
    home: Path,
    host: str,
    port: int,
    counts: Path,
    place: int,
    channel: socket.socket,
    end: "connection.Connection[None, bytes]",
) -> None:
    """Serve, as one of the workers, until told to stop or left without a parent."""
    from euthymia.app.clinic import Clinic
    from euthymia.app.http.server import serve
    from euthymia.app.http.tally import Tally
    from euthymia.app.vaults import entrust

    begin_beside()
    root = end.recv_bytes()
    end.close()
    if root:
        entrust(root)
    with Clinic.opened(home) as clinic:
        serve(clinic, host, port, Tally(counts, place), channel)


def begin_beside(root: bytes | None = None) -> None:
    """Begin a process that another one started: guarded as that one is, and ended with it.

    `root`: the secret that opened the clinic's keys there, so that nobody is asked for it again.
    """
    from euthymia.app.logs import keep_to_allow_list
    from euthymia.app.outbound import guard
    from euthymia.app.vaults import entrust
    from euthymia.security.enclosure import keep_memory_private

    keep_memory_private()
    keep_to_allow_list()
    guard()
    Thread(target=_end_with_parent, daemon=True).start()
    if root:
        entrust(root)


def secret_to_lend(clinic: "Clinic") -> bytes | None:
    """Return what `begin_beside` needs; None where a key file opens the keys by itself."""
    return None if clinic.keyring.root_kind == "key-file" else clinic.keyring.root_secret


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
