"""Calls of one turn of the event loop ask their model together: one run for all of them.

Most of a run's cost is getting to it and back (the interpreter, the runtime, cold caches), not
its arithmetic. A call that comes alone is asked alone and waits for nobody.
"""

import asyncio
from typing import Final

from euthymia.app.analyze import Prepared
from euthymia.app.shelf import Model
from euthymia.models.contract import Prediction

MOST: Final = 64  # rows a run: some milliseconds, and more would gain nothing

Turn = list[tuple[Prepared, "asyncio.Future[Prediction]"]]


class Together:
    """Gathers the questions of a turn by model. For one event loop."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    async def ask(self, prepared: Prepared) -> Prediction:
        """Return what the model says; whoever comes first in a turn asks for all."""
        waiter: asyncio.Future[Prediction] = asyncio.get_running_loop().create_future()
        key = prepared.model.digest
        turn = self._turns.get(key)
        if turn is not None:
            turn.append((prepared, waiter))
            if len(turn) >= MOST:
                del self._turns[key]
            return await waiter
        turn = self._turns[key] = [(prepared, waiter)]
        try:
            await asyncio.sleep(0)  # the other calls of this turn come in
        finally:
            if self._turns.get(key) is turn:
                del self._turns[key]
            _answer(prepared.model, turn)
        return await waiter


def _answer(model: Model, turn: Turn) -> None:
    told = False
    try:
        vectors = [prepared.vector for prepared, _ in turn]
        said = model.predict_many(vectors, [prepared.known for prepared, _ in turn])
        for (_, waiter), prediction in zip(turn, said, strict=True):
            if not waiter.done():
                waiter.set_result(prediction)
        told = True
    finally:
        if not told:  # nobody is left waiting; the first caller has the error itself
            for _, waiter in turn[1:]:
                if not waiter.done():
                    waiter.set_exception(RuntimeError("the model failed for this turn"))
