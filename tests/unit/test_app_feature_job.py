"""Who computes a subject: another process, or this one where it would only wait."""

from collections import deque
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from typing import Any

import pytest

from euthymia.app import feature_job
from euthymia.app.feature_job import Task, _Helper, _Waiting
from euthymia.ground.clock import Timeline
from euthymia.ground.ids import SubjectId


def _task(name: str) -> Task:
    return Task(SubjectId(name), Timeline(((0, "UTC"),)), (), {})


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whom this process computed."""
    found: list[str] = []

    def compute(task: Task) -> list[Any]:
        found.append(task.who)
        return [(task.who, "here")]

    monkeypatch.setattr(feature_job, "compute_task", compute)
    return found


def _running(rows: object = None) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    if rows is not None:
        future.set_result(rows)
    return future


def test_what_is_done_elsewhere_is_taken_and_nothing_is_computed_twice(here: list[str]) -> None:
    waiting = deque([_Waiting(_task("a"), _running(["there"])), _Waiting(_task("b"), Future())])
    task, rows = _Helper.first(waiting)
    assert (task.who, rows, here) == ("a", ["there"], [])
    assert [one.task.who for one in waiting] == ["b"]


def test_while_the_first_is_computed_elsewhere_the_last_is_computed_here(here: list[str]) -> None:
    first, idle = _running(), Future[Any]()
    busy = _running()
    waiting = deque(
        [_Waiting(_task(n), f) for n, f in zip("abc", (first, busy, idle), strict=True)]
    )
    real, asked = first.done, []

    def done_once_something_was_computed() -> bool:
        asked.append(1)
        if here and not real():
            first.set_result(["there"])
        return real()

    first.done = done_once_something_was_computed  # type: ignore[method-assign]
    task, rows = _Helper.first(waiting)
    assert (task.who, rows) == ("a", ["there"])
    assert here == ["c"]
    assert [(one.task.who, one.rows) for one in waiting] == [("b", None), ("c", [("c", "here")])]
    busy.set_result(["there too"])
    assert _Helper.first(waiting) == (_task("b"), ["there too"])
    assert _Helper.first(waiting)[1] == [("c", "here")]
    assert here == ["c"]  # not again


def test_a_process_that_died_costs_nothing_but_time(here: list[str]) -> None:
    lost: Future[Any] = Future()
    lost.set_exception(BrokenProcessPool())
    assert _Helper.first(deque([_Waiting(_task("a"), lost)]))[1] == [("a", "here")]


def test_little_work_starts_no_process(here: list[str]) -> None:
    with ExitStack() as processes:
        helper = _Helper(processes)
        helper.expect(feature_job.WORTH_A_HELPER - 1)
        waiting = deque([helper.start(_task("a"))])
        assert helper._pool is None
        assert helper.first(waiting)[1] == [("a", "here")]
