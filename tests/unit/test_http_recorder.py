"""The recorder: nothing is told before it is durable, and one wake serves a whole group."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from euthymia.app.http.recorder import Outcomes, Recorder
from euthymia.app.problems import RefusalError
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import EuthymiaError

ENTRY = Entry(Actor("dr-a", "clinician"), "analyze patient", Purpose.CARE)


class HeldLedger:
    """A ledger whose groups are written when the test says so."""

    def __init__(self) -> None:
        self.held: list[tuple[object, Callable[[Outcomes], None]]] = []
        self.broken: Exception | None = None

    def submit_to(self, entry: Entry, tag: object, sink: Callable[[Outcomes], None]) -> None:
        if self.broken is not None and not self.held:
            raise self.broken
        self.held.append((tag, sink))

    def checkpoint(self) -> None:
        if self.broken is not None:
            raise self.broken

    def write(self, outcome: Callable[[int], str | BaseException]) -> None:
        group, self.held = self.held, []
        told = [(tag, outcome(i)) for i, (tag, _) in enumerate(group)]
        thread = threading.Thread(target=group[0][1], args=(told,))
        thread.start()
        thread.join()


def test_nobody_is_told_before_the_group_is_durable() -> None:
    async def run() -> None:
        ledger = HeldLedger()
        recorder = Recorder(ledger)
        tasks = [asyncio.create_task(recorder.record(ENTRY)) for _ in range(50)]
        await asyncio.sleep(0.01)
        assert recorder.waiting == 50
        assert not any(task.done() for task in tasks)
        assert len({sink for _, sink in ledger.held}) == 1
        ledger.write(lambda i: f"L-{i}")
        assert await asyncio.gather(*tasks) == [f"L-{i}" for i in range(50)]
        assert recorder.waiting == 0

    asyncio.run(run())


@pytest.mark.parametrize("error", [OSError(28, "No space left"), EuthymiaError("damaged")])
def test_a_ledger_that_fails_later_refuses_and_is_told_as_down(error: Exception) -> None:
    async def run() -> None:
        ledger = HeldLedger()
        recorder = Recorder(ledger)
        task = asyncio.create_task(recorder.record(ENTRY))
        await asyncio.sleep(0.01)
        ledger.broken = error
        ledger.write(lambda _: error)
        with pytest.raises(RefusalError) as refusal:
            await task
        assert refusal.value.kind.status == 503
        assert not recorder.up
        assert not await recorder.can_write()
        ledger.broken = None
        assert await recorder.can_write()
        assert recorder.up

    asyncio.run(run())


def test_a_ledger_that_fails_at_once_refuses() -> None:
    async def run() -> None:
        ledger = HeldLedger()
        ledger.broken = EuthymiaError("the ledger is closed")
        recorder = Recorder(ledger)
        with pytest.raises(RefusalError):
            await recorder.record(ENTRY)
        assert recorder.waiting == 0

    asyncio.run(run())


def test_a_caller_who_went_away_does_not_keep_the_others_waiting() -> None:
    async def run() -> None:
        ledger = HeldLedger()
        recorder = Recorder(ledger)
        gone = asyncio.create_task(recorder.record(ENTRY))
        stays = asyncio.create_task(recorder.record(ENTRY))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0.01)
        ledger.write(lambda i: f"L-{i}")
        assert await stays == "L-1"
        assert recorder.waiting == 0

    asyncio.run(run())
