"""The writer thread: everything that waits goes out in one write with one sync (group commit)."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Final

from euthymia.ground.errors import EuthymiaError, LedgerError
from euthymia.security.ledger_chain import Written

GROUP_LIMIT: Final = 4_096  # entries in one write: about 1 MB, and tens of milliseconds at most

Outcome = Written | BaseException
"""What became of an entry: it was written, or why it could not be."""
Queued = tuple[bytes, "Future[str]"]
Commit = Callable[[list[bytes]], list[Written]]


class Writer:
    """Takes payloads from any thread and writes them in groups, in order."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._mutex = threading.Lock()
        self._queue: SimpleQueue[Queued | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, payload: bytes) -> "Future[str]":
        """Hand over one entry; the future gives its id, or why it has none."""
        future: Future[str] = Future()
        self._queue.put((payload, future))
        if self._thread is None or not self._thread.is_alive():
            self._start()
        return future

    def stop(self) -> None:
        """Write what is pending and end the thread."""
        while self._thread is not None and self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self.drain()

    def drain(self) -> None:
        """Write what is pending, in the caller's thread, one by one."""
        while not self._queue.empty():
            self.write([item for item in [self._queue.get()] if item is not None])

    def write(self, group: list[Queued]) -> None:
        """Write one group and tell who waits for it."""
        if not group:
            return
        outcomes: list[Outcome] = [LedgerError("the ledger could not be written")] * len(group)
        try:
            outcomes = [*self._commit([payload for payload, _ in group])]
        except (EuthymiaError, OSError) as error:
            outcomes = [error] * len(group)
        finally:  # whatever happened, nobody is left waiting
            for (_, future), outcome in zip(group, outcomes, strict=True):
                _resolve(future, outcome)

    def _start(self) -> None:
        with self._mutex:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._write_groups, name="ledger", daemon=True)
                self._thread = thread
                thread.start()

    def _write_groups(self) -> None:
        """Write group after group until told to stop. What is unforeseen ends only this thread."""
        stop = False
        try:
            while not stop:
                group = [self._queue.get()]
                waiting = min(self._queue.qsize(), GROUP_LIMIT - 1)
                group += [self._queue.get() for _ in range(waiting)]
                stop = None in group
                self.write([item for item in group if item is not None])
        finally:
            if not stop:
                self._thread = None
                self._start()


def _resolve(future: "Future[str]", outcome: Outcome) -> None:
    if not future.set_running_or_notify_cancel():
        return  # nobody waits any more; the entry stands
    if isinstance(outcome, Written):
        future.set_result(outcome.id)
    else:
        future.set_exception(outcome)
