"""Bring the clinic's features up to date: plan, read, compute (on another core too), store.

This process plans, decrypts and stores, a second one computes meanwhile: samples and rows pass
between the two in memory and touch no disk. Little work is done here alone.
"""

import os
from collections import deque
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final

import pyarrow as pa

from euthymia.app.clinic import Clinic
from euthymia.app.shell import Progress
from euthymia.features.catalogue import families
from euthymia.features.contract import Columns
from euthymia.features.rows import (
    Plan,
    as_columns,
    compute_family,
    joined,
    plan,
    segment_digests,
)
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Timeline
from euthymia.ground.errors import ConsentError
from euthymia.ground.ids import SubjectId

JOB: Final = Actor("features job", "job")
SUBJECTS_A_COMMIT: Final = 10  # a commit costs milliseconds; what a crash undoes is computed again
WORTH_A_HELPER: Final = 2000  # rows due: below, starting a process costs more than it saves
AHEAD: Final = 3  # subjects read while others are computed: some megabytes each


@dataclass(frozen=True, slots=True)
class Task:
    """All that is due of one subject, with the samples it takes."""

    who: SubjectId
    timeline: Timeline
    due: tuple[tuple[str, Plan], ...]
    streams: Mapping[str, Columns]


def compute_task(task: Task) -> list[tuple[str, pa.Table]]:
    """Compute the rows of every family that is due. Runs in any process."""
    found = []
    for name, wanted in task.due:
        family = families()[name]
        streams = {s: task.streams[s] for s in family.streams if s in task.streams}
        table = compute_family(
            family,
            streams,
            task.timeline,
            wanted.days,
            subject=task.who,
            digests={},
            inputs=wanted.inputs,
        )
        found.append((name, table))
    return found


@dataclass
class _Helper:
    """Another process to compute in; this one, where there is none or it was lost."""

    pool: ProcessPoolExecutor | None

    def start(self, task: Task) -> "Future[list[tuple[str, pa.Table]]] | None":
        if self.pool is None:
            return None
        try:
            return self.pool.submit(compute_task, task)
        except BrokenProcessPool:
            return None

    @staticmethod
    def finish(
        task: Task, started: "Future[list[tuple[str, pa.Table]]] | None"
    ) -> list[tuple[str, pa.Table]]:
        if started is not None:
            try:
                return started.result()
            except BrokenProcessPool:
                pass  # nothing was stored of it: it is computed here
        return compute_task(task)


@contextmanager
def _helper(rows_due: int) -> Iterator[_Helper]:
    cores = len(os.sched_getaffinity(0))
    if cores < 2 or rows_due < WORTH_A_HELPER:
        yield _Helper(None)
        return
    with ProcessPoolExecutor(cores - 1, mp_context=get_context("spawn")) as pool:
        yield _Helper(pool)


@dataclass
class _Due:
    """What is due of one subject, before a sample is read."""

    who: SubjectId
    timeline: Timeline
    held: Container[str]
    plans: dict[str, Plan] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(int(wanted.days.size) for wanted in self.plans.values())


def _audit(who: SubjectId, family: str) -> Entry:
    return Entry(JOB, "compute features", Purpose.MONITORING, who, {"family": family})


def _planned(clinic: Clinic, who: SubjectId, counts: dict[str, int]) -> _Due:
    """Find out what is due, from digests alone; count the rows that there will be."""
    digests = segment_digests(clinic.monitored_segments(who))
    due = _Due(who, clinic.store.timeline(who), digests)
    for name, family in families().items():
        existing = clinic.store.features(who, name, _audit(who, name))
        wanted = plan(family, due.timeline, digests, existing)
        held = set() if existing is None else set(existing["date"].cast(pa.int32()).to_pylist())
        counts[name] += len(held | set(wanted.days.tolist()))
        if wanted.days.size:
            due.plans[name] = wanted
    return due


def _read(clinic: Clinic, due: _Due) -> Task:
    """Read each stream once for all families that want it: more than a window needs harms none."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for name, wanted in due.plans.items():
        for stream in families()[name].streams:
            if stream in due.held:
                spans.setdefault(stream, []).extend(wanted.spans)
    audit = _audit(due.who, ", ".join(due.plans))
    streams = {s: _samples(clinic, due.who, s, joined(parts), audit) for s, parts in spans.items()}
    return Task(due.who, due.timeline, tuple(due.plans.items()), streams)


def _samples(
    clinic: Clinic,
    who: SubjectId,
    stream: str,
    spans: Sequence[tuple[int, int]],
    audit: Entry,
) -> Columns:
    parts = [clinic.store.samples(who, stream, start, end, audit) for start, end in spans]
    return as_columns(pa.concat_tables(parts))


@dataclass
class _Job:
    """One run over all subjects."""

    clinic: Clinic
    counts: dict[str, int]
    computed: int = 0
    without_consent: int = 0

    def plan(self, who: SubjectId) -> _Due | None:
        try:
            return _planned(self.clinic, who, self.counts)
        except ConsentError:
            self.without_consent += 1
            return None

    def read(self, due: _Due) -> Task | None:
        try:
            return _read(self.clinic, due)
        except ConsentError:  # withdrawn since it was planned
            self.without_consent += 1
            return None

    def store(self, task: Task, rows: Sequence[tuple[str, pa.Table]]) -> None:
        try:
            for name, table in rows:
                self.clinic.store.put_features(task.who, name, table, _audit(task.who, name))
                self.computed += table.num_rows
        except ConsentError:
            self.without_consent += 1


def compute_features(clinic: Clinic, progress: Progress) -> dict[str, Any]:
    """Bring every subject's features up to date; a subject without consent is counted, not read."""
    subjects = clinic.store.subjects(Entry(JOB, "list subjects", Purpose.MONITORING))
    job = _Job(clinic, dict.fromkeys(families(), 0))
    planned = [due for who in subjects if (due := job.plan(who)) is not None and due.plans]
    progress(0, len(planned))
    with _helper(sum(due.rows for due in planned)) as helper:
        _run(job, planned, helper, progress)
    progress(len(planned), len(planned))
    clinic.ledger.sync()
    return {
        "rows": sum(job.counts.values()),
        "families": job.counts,
        "computed": job.computed,
        "subjects": len(subjects),
        "without_consent": job.without_consent,
    }


def _run(job: _Job, planned: Sequence[_Due], helper: _Helper, progress: Progress) -> None:
    """Read ahead of what is computed; store in order, some subjects a commit."""
    waiting: deque[tuple[Task, Future[list[tuple[str, pa.Table]]] | None]] = deque()
    left = deque(planned)
    done = 0
    while left or waiting:
        with job.clinic.store.grouped():
            for _ in range(SUBJECTS_A_COMMIT):
                while left and len(waiting) < AHEAD:
                    task = job.read(left.popleft())
                    if task is not None:
                        waiting.append((task, helper.start(task)))
                if not waiting:
                    break
                task, started = waiting.popleft()
                job.store(task, helper.finish(task, started))
                done += 1
                progress(done, len(planned))
