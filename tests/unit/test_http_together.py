"""Calls that came together are judged and written together; each gets its own answer or error."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from euthymia.app.analyze import Verdict
from euthymia.app.http.recorder import Recorder
from euthymia.app.http.together import MOST, Together
from euthymia.app.problems import RefusalError
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import EuthymiaError
from euthymia.security.ledger_chain import Group, Written
from euthymia.security.merkle import Tree

ENTRY = Entry(Actor("dr-a", "clinician"), "analyze patient", Purpose.CARE)


class CountingLedger:
    """A ledger that counts its groups."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.broken = False

    def encode(self, entry: Entry) -> bytes:
        return b"entry"

    def write(self, encoded: Sequence[bytes], *, patient: bool = True) -> list[Written]:
        if self.broken:
            raise EuthymiaError("the disk is full")
        self.groups.append(len(encoded))
        return [Written(f"L-{i}", Group(Tree()), i) for i in range(len(encoded))]

    def checkpoint(self) -> None:
        raise NotImplementedError


@dataclass
class CountingModel:
    """A model that says the first number of each vector, and counts its runs."""

    digest: str = "a"
    runs: list[int] = field(default_factory=list)
    broken: bool = False

    def predict_many(self, vectors: list[Any], known: list[Any]) -> list[Any]:
        assert len(vectors) == len(known)
        self.runs.append(len(vectors))
        if self.broken:
            raise ValueError("broken")
        return [float(vector[0]) for vector in vectors]


def verdict(said: Any) -> Any:
    return Verdict(ENTRY, said, None)


class Room:
    """What the calls of a test share."""

    def __init__(self) -> None:
        self.ledger = CountingLedger()
        self.recorder = Recorder(self.ledger)
        self.together = Together(self.recorder)

    async def ask(self, model: CountingModel, value: float) -> Any:
        prepared: Any = SimpleNamespace(
            model=model, vector=np.array([value]), known=(None, None), verdict=verdict
        )
        return await self.told(lambda: prepared)

    async def told(self, judge: Any) -> Any:
        found, recorded = await self.together.judge(judge)
        await self.recorder.end(recorded)
        return found.answer


def test_calls_of_one_turn_share_a_run_and_a_write_and_keep_their_answers() -> None:
    async def run() -> None:
        room, model = Room(), CountingModel()
        calls = [room.ask(model, i) for i in range(10)]
        assert await asyncio.gather(*calls) == list(map(float, range(10)))
        assert (model.runs, room.ledger.groups) == ([10], [10])
        assert await room.ask(model, 3) == 3.0
        assert (model.runs, room.ledger.groups) == ([10, 1], [10, 1])

    asyncio.run(run())


def test_who_comes_while_a_round_is_about_to_begin_joins_it() -> None:
    async def run() -> None:
        room, model = Room(), CountingModel()

        async def a_turn_later() -> Any:
            await asyncio.sleep(0)
            return await room.ask(model, 2)

        told = await asyncio.gather(room.ask(model, 1), a_turn_later())
        assert list(told) == [1.0, 2.0]
        assert (model.runs, room.ledger.groups) == ([2], [2])

    asyncio.run(run())


def test_two_models_are_asked_apart_and_written_together() -> None:
    async def run() -> None:
        room, one, two = Room(), CountingModel("a"), CountingModel("b")
        calls = [room.ask(one if i % 2 else two, i) for i in range(6)]
        assert await asyncio.gather(*calls) == list(map(float, range(6)))
        assert (one.runs, two.runs, room.ledger.groups) == ([3], [3], [6])

    asyncio.run(run())


def test_a_long_round_is_held_in_parts() -> None:
    async def run() -> None:
        room, model = Room(), CountingModel()
        size = 2 * MOST + 5
        calls = [room.ask(model, i) for i in range(size)]
        assert await asyncio.gather(*calls) == list(map(float, range(size)))
        assert model.runs == room.ledger.groups == [MOST, MOST, 5]

    asyncio.run(run())


def test_a_model_that_fails_fails_for_everybody_in_the_round_and_for_nobody_after() -> None:
    async def run() -> None:
        room, model, other = Room(), CountingModel(broken=True), CountingModel("b")
        calls = [room.ask(model, i) for i in range(4)]
        told = await asyncio.gather(*calls, room.ask(other, 9), return_exceptions=True)
        assert [type(error) for error in told] == [ValueError] * 4 + [float]
        model.broken = False
        assert await room.ask(model, 7) == 7.0

    asyncio.run(run())


def test_a_call_whose_checks_fail_fails_alone() -> None:
    async def run() -> None:
        room, model = Room(), CountingModel()

        def fails() -> Any:
            raise LookupError("a fault in our code")

        told = await asyncio.gather(
            room.ask(model, 1), room.told(fails), room.ask(model, 2), return_exceptions=True
        )
        assert [told[0], type(told[1]), told[2]] == [1.0, LookupError, 2.0]
        assert room.ledger.groups == [2]

    asyncio.run(run())


def test_nobody_is_told_what_the_ledger_does_not_have() -> None:
    async def run() -> None:
        room, model = Room(), CountingModel()
        room.ledger.broken = True
        calls = [room.ask(model, 1), room.told(lambda: verdict("refused before the model"))]
        told = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(error) for error in told] == [RefusalError] * 2
        assert not room.recorder.up

    asyncio.run(run())


@pytest.mark.parametrize("leaver", [0, 2])
def test_a_caller_who_leaves_does_not_take_the_others_along(leaver: int) -> None:
    async def run() -> None:
        room, model = Room(), CountingModel()
        tasks = [asyncio.create_task(room.ask(model, i)) for i in range(4)]
        asyncio.get_running_loop().call_soon(tasks[leaver].cancel)
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(told[leaver], asyncio.CancelledError)
        rest = [i for i in range(4) if i != leaver]
        assert [told[i] for i in rest] == list(map(float, rest))

    asyncio.run(run())
