"""The recorder: nothing is told before it is durable, and one write serves a whole turn."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from euthymia.app.http.recorder import Recorder
from euthymia.app.problems import RefusalError
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import BusyError, EuthymiaError, SchemaError
from euthymia.security.ledger_chain import Group, Written
from euthymia.security.merkle import Tree

ENTRY = Entry(Actor("dr-a", "clinician"), "analyze patient", Purpose.CARE)


class ScriptedLedger:
    """A ledger that writes groups, or does as the test says."""

    def __init__(self) -> None:
        self.groups: list[tuple[int, bool]] = []
        self.broken: Exception | None = None
        self.let_go = threading.Event()
        self.held = False
        self.count = 0

    def encode(self, entry: Entry) -> bytes:
        if entry.action == "nonsense":
            raise SchemaError("a ledger entry is too long")
        return b"entry"

    def write(self, encoded: Sequence[bytes], *, patient: bool = True) -> list[Written]:
        if self.held and not patient:
            raise BusyError("another process holds the ledger")
        if self.held:
            assert self.let_go.wait(30)
        if self.broken is not None:
            raise self.broken
        self.groups.append((len(encoded), patient))
        first, self.count = self.count, self.count + len(encoded)
        return [Written(f"L-{first + i}", Group(Tree()), i) for i in range(len(encoded))]

    def checkpoint(self) -> None:
        if self.broken is not None:
            raise self.broken


def ids(found: Sequence[Written]) -> list[str]:
    return [one.id for one in found]


def test_one_write_serves_a_whole_turn() -> None:
    async def run() -> None:
        ledger = ScriptedLedger()
        recorder = Recorder(ledger)
        found = await asyncio.gather(*(recorder.record(ENTRY) for _ in range(50)))
        assert ids(found) == [f"L-{i}" for i in range(50)]
        assert ledger.groups == [(50, False)]
        assert recorder.waiting == 0

    asyncio.run(run())


def test_the_loop_goes_on_while_others_hold_the_ledger_and_nobody_is_told_before() -> None:
    async def run() -> None:
        ledger = ScriptedLedger()
        ledger.held = True
        recorder = Recorder(ledger)
        first = [asyncio.create_task(recorder.record(ENTRY)) for _ in range(3)]
        await asyncio.sleep(0.01)  # the loop turns though a thread waits for the ledger
        later = [asyncio.create_task(recorder.record(ENTRY)) for _ in range(5)]
        await asyncio.sleep(0.01)
        assert recorder.waiting == 8
        assert not any(task.done() for task in [*first, *later])
        ledger.held = False
        ledger.let_go.set()
        assert ids(await asyncio.gather(*first, *later)) == [f"L-{i}" for i in range(8)]
        assert ledger.groups == [(3, True), (5, False)]
        assert recorder.waiting == 0

    asyncio.run(run())


@pytest.mark.parametrize("held", [False, True], ids=["by the loop", "by a thread"])
@pytest.mark.parametrize("error", [OSError(28, "No space left"), EuthymiaError("damaged")])
def test_a_ledger_that_fails_refuses_and_is_told_as_down(error: Exception, held: bool) -> None:
    async def run() -> None:
        ledger = ScriptedLedger()
        ledger.broken, ledger.held = error, held
        ledger.let_go.set()
        recorder = Recorder(ledger)
        with pytest.raises(RefusalError) as refusal:
            await recorder.record(ENTRY)
        assert refusal.value.kind.status == 503
        assert recorder.waiting == 0
        assert not recorder.up
        assert not await recorder.can_write()
        ledger.broken, ledger.held = None, False
        assert await recorder.can_write()
        assert recorder.up
        assert (await recorder.record(ENTRY)).id == "L-0"

    asyncio.run(run())


def test_an_entry_that_cannot_be_written_harms_no_other() -> None:
    async def run() -> None:
        recorder = Recorder(ScriptedLedger())
        nonsense = Entry(ENTRY.actor, "nonsense", Purpose.CARE)
        good, bad = await asyncio.gather(
            recorder.record(ENTRY), recorder.record(nonsense), return_exceptions=True
        )
        assert isinstance(good, Written)
        assert isinstance(bad, RefusalError)

    asyncio.run(run())


def test_what_nobody_foresaw_leaves_nobody_waiting() -> None:
    async def run() -> None:
        ledger = ScriptedLedger()
        ledger.broken = LookupError("a fault in our code")
        heard: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, said: heard.append(said))
        with pytest.raises(RefusalError):
            await Recorder(ledger).record(ENTRY)
        assert len(heard) == 1

    asyncio.run(run())


def test_a_caller_who_went_away_does_not_keep_the_others_waiting() -> None:
    async def run() -> None:
        ledger = ScriptedLedger()
        ledger.held = True
        recorder = Recorder(ledger)
        gone = asyncio.create_task(recorder.record(ENTRY))
        stays = asyncio.create_task(recorder.record(ENTRY))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0.01)
        ledger.let_go.set()
        assert (await stays).id == "L-1"
        assert recorder.waiting == 0

    asyncio.run(run())
