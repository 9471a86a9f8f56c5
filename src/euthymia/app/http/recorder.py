"""Before an answer is sent its ledger entry is durable: many answers share one write and one sync.

All answers of a turn of the event loop are written together, by the loop itself. A writer thread
would cost more than it gives: it shares the interpreter with the loop, and has to win it back after
each of the twenty system calls of a write. Only when somebody else holds the ledger (a backup, say)
is the write left to a thread, so that the loop goes on; what comes in meanwhile waits for its end.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from euthymia.app.problems import RefusalError
from euthymia.ground.audit import Entry
from euthymia.ground.errors import BusyError, EuthymiaError
from euthymia.security.ledger_chain import Written

UNWRITTEN: Final = (
    "nothing is answered without a durable ledger entry, and the ledger cannot be written now: "
    "its disk may be full or away, or `euthymia verify` may say more"
)

Waiter = asyncio.Future[Written]
Turn = list[tuple[bytes, Waiter]]
Outcome = list[Written] | BaseException


class GroupedLedger(Protocol):
    """What the recorder needs of the ledger."""

    def encode(self, entry: Entry) -> bytes:
        """Return an entry as `write` takes it."""

    def write(self, encoded: Sequence[bytes], *, patient: bool = True) -> list[Written]:
        """Write entries durably, at once; BusyError soon if not `patient`."""

    def checkpoint(self) -> None:
        """Write an entry of its own that signs everything so far, durably."""


class Recorder:
    """Writes entries for the answers of one event loop. Not for use by several loops at once."""

    def __init__(self, ledger: GroupedLedger) -> None:
        self._ledger = ledger
        self._turn: Turn = []
        self._left_to_thread: Turn = []
        self.up = True

    @property
    def waiting(self) -> int:
        """How many entries are not on disk yet."""
        return len(self._turn) + len(self._left_to_thread)

    async def record(self, entry: Entry) -> Written:
        """Return the entry's id and receipt once it is durable; RefusalError as `end`."""
        return await self.end(self.begin(entry))

    def begin(self, entry: Entry) -> Waiter:
        """Take an entry that is written with the others of this turn; `end` waits for it."""
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        try:
            encoded = self._ledger.encode(entry)
        except EuthymiaError as error:
            waiter.set_exception(error)
            return waiter
        if not self._turn:
            loop.call_soon(self.write_now)
        self._turn.append((encoded, waiter))
        return waiter

    async def end(self, begun: Waiter) -> Written:
        """Return the entry's id and receipt once it is durable.

        Raises
        ------
        RefusalError
            The ledger cannot be written ("ledger"). Nothing may be answered then.
        """
        try:
            found = await begun
        except (OSError, EuthymiaError) as error:
            self.up = False
            raise RefusalError("ledger", UNWRITTEN) from error
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

    def write_now(self) -> None:
        """Write what was begun, without waiting for the end of the turn."""
        if not self._turn or self._left_to_thread:
            return
        turn, self._turn = self._turn, []
        outcome: Outcome | None = EuthymiaError("the ledger could not be written")
        try:
            outcome = self._ledger.write([encoded for encoded, _ in turn], patient=False)
        except BusyError:
            outcome = None
        except (OSError, EuthymiaError) as error:
            outcome = error
        finally:  # whatever happened, nobody is left waiting
            if outcome is None:
                self._leave_to_thread(turn)
            else:
                _tell(turn, outcome)

    def _leave_to_thread(self, turn: Turn) -> None:
        """Write with the patience that a loop may not have."""
        self._left_to_thread = turn
        write = asyncio.get_running_loop().run_in_executor(
            None, self._ledger.write, [encoded for encoded, _ in turn]
        )
        write.add_done_callback(lambda done: self._thread_wrote(turn, done))

    def _thread_wrote(self, turn: Turn, done: "asyncio.Future[list[Written]]") -> None:
        self._left_to_thread = []
        if done.cancelled():
            _tell(turn, EuthymiaError("the write was given up"))
        else:
            _tell(turn, done.exception() or done.result())
        self.write_now()


def _tell(turn: Turn, outcome: Outcome) -> None:
    for place, (_, waiter) in enumerate(turn):
        if waiter.done():
            continue  # the caller went away; the entry stands
        if isinstance(outcome, BaseException):
            waiter.set_exception(outcome)
        else:
            waiter.set_result(outcome[place])
