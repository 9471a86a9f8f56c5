"""What is written in one turn of the loop leaves together, in order, and nothing is kept back."""

import asyncio

from euthymia.app.http.wire import HELD_MOST, Corked


class Beneath(asyncio.Transport):
    """A transport that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bytes | str] = []
        self.gone = False

    def is_closing(self) -> bool:
        return self.gone

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.told.append(bytes(data))

    def close(self) -> None:
        self.told.append("close")
        self.gone = True

    def abort(self) -> None:
        self.told.append("abort")
        self.gone = True


def test_head_and_body_leave_in_one_write() -> None:
    async def run() -> None:
        beneath = Beneath()
        corked = Corked(beneath, asyncio.get_running_loop())
        corked.write(b"head")
        corked.write(bytearray(b"body"))
        assert beneath.told == []
        await asyncio.sleep(0)
        corked.write(b"next")
        await asyncio.sleep(0)
        assert beneath.told == [b"headbody", b"next"]

    asyncio.run(run())


def test_much_is_on_its_way_at_once() -> None:
    async def run() -> None:
        beneath = Beneath()
        corked = Corked(beneath, asyncio.get_running_loop())
        corked.write(b"a")
        corked.write(b"b" * HELD_MOST)
        assert beneath.told == [b"a" + b"b" * HELD_MOST]
        corked.write(b"c")
        await asyncio.sleep(0)
        assert beneath.told[1:] == [b"c"]

    asyncio.run(run())


def test_closing_comes_after_what_was_written_and_aborting_before() -> None:
    async def run() -> None:
        for end, told in (("close", [b"bye", "close"]), ("abort", ["abort"])):
            beneath = Beneath()
            corked = Corked(beneath, asyncio.get_running_loop())
            corked.write(b"bye")
            getattr(corked, end)()
            await asyncio.sleep(0)
            assert beneath.told == told

    asyncio.run(run())


def test_nothing_is_written_to_a_caller_who_went_away_in_this_turn() -> None:
    async def run() -> None:
        beneath = Beneath()
        corked = Corked(beneath, asyncio.get_running_loop())
        corked.write(b"answer")
        beneath.gone = True  # an uvloop transport raises on a write from now on
        await asyncio.sleep(0)
        assert beneath.told == []

    asyncio.run(run())
