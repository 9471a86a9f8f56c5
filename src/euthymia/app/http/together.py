"""Calls that came together are judged together: one run of the model, one write to the ledger.

What a call costs by itself is less than what it costs to get to the model and to the disk and back
(the interpreter, the runtime, cold caches, a signature, a sync), so a round takes along all that
have arrived. Before it begins the event loop turns once more: the answers of the round before are
on their way first, and who has come meanwhile joins. A call that comes alone waits for nobody.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from euthymia.app.analyze import Prepared, Verdict
from euthymia.app.http.recorder import Recorder, Waiter

MOST: Final = 64  # calls a round: some milliseconds, and more would gain nothing

Judge = Callable[[], Verdict | Prepared]
"""Runs the checks of one call; it does not wait for anything."""
Judged = tuple[Verdict, Waiter]
"""What came out, and the promise that the ledger has it: `Recorder.end` waits for that."""
Question = tuple[Prepared, "asyncio.Future[Judged]"]


class Together:
    """Judges the calls of one event loop, in rounds."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._waiting: list[tuple[Judge, asyncio.Future[Judged]]] = []

    async def judge(self, judge: Judge) -> Judged:
        """Return the verdict of the next round on a call; what `judge` raises is raised here."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Judged] = loop.create_future()
        self._waiting.append((judge, waiter))
        if len(self._waiting) == 1:
            loop.call_soon(self._turn_once_more)
        return await waiter

    def _turn_once_more(self) -> None:
        asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        round_, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        if self._waiting:
            self._turn_once_more()
        asked: dict[str, list[Question]] = {}
        for judge, waiter in round_:
            if waiter.done():
                continue  # the caller went away
            try:
                found = judge()
            except Exception as error:  # noqa: BLE001 - the call's own: its top reports it
                waiter.set_exception(error)
                continue
            if isinstance(found, Verdict):
                self._promise(found, waiter)
            else:
                asked.setdefault(found.model.digest, []).append((found, waiter))
        for questions in asked.values():
            self._ask(questions)
        self._recorder.write_now()

    def _ask(self, questions: list[Question]) -> None:
        """Ask one model all that it is asked in this round."""
        model = questions[0][0].model
        try:
            vectors = [prepared.vector for prepared, _ in questions]
            said = model.predict_many(vectors, [prepared.known for prepared, _ in questions])
            verdicts = [q.verdict(one) for (q, _), one in zip(questions, said, strict=True)]
        except Exception as error:  # noqa: BLE001 - as above: nobody is left waiting
            for _, waiter in questions:
                waiter.set_exception(error)
            return
        for verdict, (_, waiter) in zip(verdicts, questions, strict=True):
            self._promise(verdict, waiter)

    def _promise(self, verdict: Verdict, waiter: "asyncio.Future[Judged]") -> None:
        waiter.set_result((verdict, self._recorder.begin(verdict.entry)))
