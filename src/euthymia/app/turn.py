"""One look at what may change, for all calls that an event loop serves in one turn."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OncePerTurn(Generic[T]):
    """What `read` returns, read at most once in a turn of the event loop that asks.

    A call that a turn serves had arrived before the turn began, so what is read within it is as new
    as that call can ask for: a withdrawal that was complete before the call was sent is seen. Each
    read costs a system call, and in a server with a second thread a change of threads with it.
    Without a running loop (the command line, a worker thread) it is read every time.

    Parameters
    ----------
    read : callable
        May be called by any thread.
    """

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._held: tuple[asyncio.AbstractEventLoop, T] | None = None

    def __call__(self) -> T:
        """Return what was read in this turn."""
        loop = asyncio._get_running_loop()
        if loop is None:
            return self._read()
        held = self._held
        if held is not None and held[0] is loop:
            return held[1]
        value = self._read()
        self._held = (loop, value)
        loop.call_soon(self.forget)  # runs before whatever comes in from now on
        return value

    def forget(self) -> None:
        """Read anew at the next call."""
        self._held = None
