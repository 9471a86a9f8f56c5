"""Calls of one turn ask their model together, and each gets its own answer or the error."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from euthymia.app.http.together import MOST, Together


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


def asked(model: CountingModel, value: float) -> Any:
    return SimpleNamespace(model=model, vector=np.array([value]), known=(None, None))


def test_calls_of_one_turn_share_a_run_and_keep_their_answers() -> None:
    async def run() -> None:
        together, model = Together(), CountingModel()
        calls = [together.ask(asked(model, i)) for i in range(10)]
        assert await asyncio.gather(*calls) == list(map(float, range(10)))
        assert model.runs == [10]
        assert await together.ask(asked(model, 3)) == 3.0
        assert model.runs == [10, 1]

    asyncio.run(run())


def test_two_models_are_asked_apart() -> None:
    async def run() -> None:
        together, one, two = Together(), CountingModel("a"), CountingModel("b")
        calls = [together.ask(asked(one if i % 2 else two, i)) for i in range(6)]
        assert await asyncio.gather(*calls) == list(map(float, range(6)))
        assert (one.runs, two.runs) == ([3], [3])

    asyncio.run(run())


def test_a_long_turn_is_asked_in_parts() -> None:
    async def run() -> None:
        together, model = Together(), CountingModel()
        size = 2 * MOST + 5
        calls = [together.ask(asked(model, i)) for i in range(size)]
        assert await asyncio.gather(*calls) == list(map(float, range(size)))
        assert sorted(model.runs) == [5, MOST, MOST]

    asyncio.run(run())


def test_a_model_that_fails_fails_for_everybody_in_the_turn_and_for_nobody_after() -> None:
    async def run() -> None:
        together, model = Together(), CountingModel(broken=True)
        calls = [together.ask(asked(model, i)) for i in range(4)]
        told = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(told[0], ValueError)
        assert [type(error) for error in told[1:]] == [RuntimeError] * 3
        model.broken = False
        assert await together.ask(asked(model, 7)) == 7.0

    asyncio.run(run())


@pytest.mark.parametrize("leaver", [0, 2])
def test_a_caller_who_leaves_does_not_take_the_others_along(leaver: int) -> None:
    async def run() -> None:
        together, model = Together(), CountingModel()
        tasks = [asyncio.create_task(together.ask(asked(model, i))) for i in range(4)]
        asyncio.get_running_loop().call_soon(tasks[leaver].cancel)
        told = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(told[leaver], asyncio.CancelledError)
        rest = [i for i in range(4) if i != leaver]
        assert [told[i] for i in rest] == list(map(float, rest))

    asyncio.run(run())
