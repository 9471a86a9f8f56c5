"""Where independent pieces of work run: in this process, or in several on this machine.

An executor may run a piece more than once (a worker was lost), so a piece must leave the same
behind however often it runs: write to a temporary name, then rename.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final, Protocol, TypeVar

from euthymia.ground.errors import BusyError

T = TypeVar("T")
R = TypeVar("R")

ATTEMPTS: Final = 4  # a piece that takes four workers with it is at fault itself


class Executor(Protocol):
    """Runs a task for every item. `task` is a function of a module, or a partial of one."""

    def map(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield the results as they come, in any order, each once."""


@dataclass(frozen=True, slots=True)
class Inline:
    """Runs one after the other, here."""

    def map(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield the results in order."""
        yield from map(task, items)


@dataclass(frozen=True, slots=True)
class Pool:
    """Runs in some processes of this machine; what a lost process was at is done again."""

    workers: int

    def map(self, task: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield the results as they come.

        Raises
        ------
        BusyError
            If processes end again and again (the machine is out of memory, most likely).
        """
        left = dict(enumerate(items))
        for _ in range(ATTEMPTS):
            if not left:
                return
            # spawned, not forked: a fork copies the locks of threads that do not exist in it
            with ProcessPoolExecutor(self.workers, mp_context=get_context("spawn")) as pool:
                waiting = {pool.submit(task, item): place for place, item in left.items()}
                try:
                    for done in as_completed(waiting):
                        result = done.result()
                        del left[waiting[done]]
                        yield result
                except BrokenProcessPool:
                    continue
        if left:
            raise BusyError(
                f"{len(left)} pieces of work ended their process {ATTEMPTS} times: give each more "
                "memory (fewer workers, fewer people a shard)"
            )
