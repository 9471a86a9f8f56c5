"""A look at what may change is shared by the calls of one turn, and by nobody else."""

import asyncio

from euthymia.app.turn import OncePerTurn


class Changing:
    def __init__(self) -> None:
        self.reads = 0
        self.value = "before"

    def __call__(self) -> str:
        self.reads += 1
        return self.value


def test_without_a_loop_each_call_reads():
    source = Changing()
    look = OncePerTurn(source)
    assert [look(), look()] == ["before"] * 2
    assert source.reads == 2


def test_calls_of_one_turn_share_a_read_and_the_next_turn_reads_anew():
    source = Changing()
    look = OncePerTurn(source)

    async def call() -> str:
        return look()

    async def run() -> list[str]:
        together = await asyncio.gather(*(call() for _ in range(20)))
        assert source.reads == 1
        source.value = "after"
        return [*together, await asyncio.create_task(call())]

    assert asyncio.run(run()) == ["before"] * 20 + ["after"]
    assert source.reads == 2


def test_a_loop_does_not_use_what_another_read():
    source = Changing()
    look = OncePerTurn(source)

    async def once() -> str:
        return look()

    asyncio.run(once())
    source.value = "after"
    assert asyncio.run(once()) == "after"
    assert look() == "after"


def test_forget_reads_anew_within_a_turn():
    source = Changing()
    look = OncePerTurn(source)

    async def run() -> str:
        look()
        source.value = "after"
        look.forget()
        return look()

    assert asyncio.run(run()) == "after"
