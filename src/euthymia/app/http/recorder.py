"""Before an answer is sent its ledger entry is durable: many answers share one write and one sync.

Entries go to the ledger's own writer thread, which groups what has come in meanwhile. The two
threads share one interpreter, and every hand-over between them costs more than a model's answer.
So a turn of the event loop hands over all its entries at once, and answers that became durable
together wake the loop once.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from euthymia.app.problems import RefusalError
from euthymia.ground.audit import Entry
from euthymia.ground.errors import EuthymiaError
from euthymia.security.ledger_chain import Written

UNWRITTEN: Final = (
    "nothing is answered without a durable ledger entry, and the ledger cannot be written now: "
    "its disk may be full or away, or `euthymia verify` may say more"
)

Outcomes = list[tuple[Any, Written | BaseException]]


class GroupedLedger(Protocol):
    """What the recorder needs of the ledger."""

    def submit_to(self, entry: Entry, tag: object, sink: Callable[[Outcomes], None]) -> None:
        """Write the entry with its neighbours; tell `sink` once a group, from another thread."""

    def checkpoint(self) -> None:
        """Write an entry of its own that signs everything so far, durably."""


class Recorder:
    """Writes entries for the answers of one event loop. Not for use by several loops at once."""

    def __init__(self, ledger: GroupedLedger) -> None:
        self._ledger = ledger
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sink = self._written  # one object, so that the ledger tells a whole group at once
        self._turn: list[tuple[Entry, asyncio.Future[Written]]] = []
        self.up = True
        self.waiting = 0

    async def record(self, entry: Entry) -> Written:
        """Return the entry's id and receipt once it is durable.

        Raises
        ------
        RefusalError
            The ledger cannot be written ("ledger"). Nothing may be answered then.
        """
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Written] = loop.create_future()
        self.waiting += 1
        try:
            if not self._turn:
                loop.call_soon(self._hand_over)
            self._turn.append((entry, waiter))
            found = await waiter
        except (OSError, EuthymiaError) as error:
            self.up = False
            raise RefusalError("ledger", UNWRITTEN) from error
        finally:
            self.waiting -= 1
        self.up = True
        return found

    async def can_write(self) -> bool:
        """Tell whether the ledger can be written; after a failure by trying."""
        if self.up:
            return True
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._ledger.checkpoint)
        except (OSError, EuthymiaError):
            return False
        self.up = True
        return True

    def _hand_over(self) -> None:
        turn, self._turn = self._turn, []
        for entry, waiter in turn:
            try:
                self._ledger.submit_to(entry, waiter, self._sink)
            except (OSError, EuthymiaError) as error:
                if not waiter.done():
                    waiter.set_exception(error)

    def _written(self, outcomes: Outcomes) -> None:
        """Wake the loop once for a whole group. Runs on the ledger's thread."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_deliver, outcomes)


def _deliver(outcomes: Outcomes) -> None:
    for waiter, outcome in outcomes:
        if waiter.done():
            continue  # the caller went away; the entry stands
        if isinstance(outcome, BaseException):
            waiter.set_exception(outcome)
        else:
            waiter.set_result(outcome)
