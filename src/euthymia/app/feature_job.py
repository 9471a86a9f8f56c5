"""Bring the clinic's features up to date: plan, read, compute (on another core too), store.

This process plans, decrypts and stores, the other cores compute meanwhile, and where it would wait
for them it computes too. Samples and rows pass between processes in memory and touch no disk.
Little work is done here alone.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.app.clinic import Clinic
from euthymia.app.facts import facts_of, with_facts
from euthymia.app.shell import Progress
from euthymia.features.catalogue import computed, families
from euthymia.features.contract import WHOLE_FOLLOW_UP, Columns, Family
from euthymia.features.rows import (
    Digests,
    Plan,
    as_columns,
    base_rows,
    compute_family,
    joined,
    plan,
    segment_digests,
    spans,
)
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Micros, Timeline, to_micros
from euthymia.ground.errors import ConsentError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import OBSERVED
from euthymia.security.enclosure import keep_memory_private
from euthymia.store.derived import settled

JOB: Final = Actor("features job", "job")
SUBJECTS_A_COMMIT: Final = 10  # a commit costs milliseconds; what a crash undoes is computed again
WORTH_A_HELPER: Final = 2000  # rows due: below, starting a process costs more than it saves
AHEAD: Final = 4  # subjects read while others are computed: some megabytes each
MOST_SAMPLES: Final = 5_000_000
"""Read at once: two days of raw acceleration at 25 Hz, some 500 MB with what is made of them."""


@dataclass(frozen=True, slots=True)
class Task:
    """All that is due of one subject, with the samples and the kept rows of bases it takes."""

    who: SubjectId
    timeline: Timeline
    due: tuple[tuple[str, Plan], ...]
    streams: Mapping[str, Columns]
    kept: Mapping[str, pa.Table] = field(default_factory=dict)


def compute_task(task: Task) -> list[tuple[str, pa.Table]]:
    """Compute the rows of every family that is due. Runs in any process."""
    found: dict[str, pa.Table] = {}
    for name, wanted in task.due:
        family, streams = computed()[name], task.streams
        if family.base is not None:
            base = family.base
            kept, fresh = task.kept.get(base.name), found.get(base.name)
            if kept is not None and fresh is not None:
                fresh = settled(kept, fresh)
            streams = {**streams, base.name: base_rows(base, kept, fresh)}
        found[name] = compute_family(
            family,
            streams,
            task.timeline,
            wanted.days,
            subject=task.who,
            digests={},
            inputs=wanted.inputs,
        )
    return list(found.items())


Rows = list[tuple[str, pa.Table]]


@dataclass
class _Waiting:
    """A subject that was read: who computes it, or (`started` None) what this process computed.

    `later`: what else is due of them, once this is stored.
    """

    task: Task
    started: Future[Rows] | None = None
    rows: Rows | None = None
    later: "_Due | None" = None

    @property
    def samples(self) -> int:
        """How many samples were read."""
        return sum(len(columns["time"]) for columns in self.task.streams.values())

    def take(self) -> Rows:
        """Return the rows, computed here where nobody else has."""
        if self.started is not None:
            try:
                return self.started.result()
            except BrokenProcessPool:
                pass  # nothing was stored of it
        return compute_task(self.task) if self.rows is None else self.rows


class _Helper:
    """The other cores, started once enough is due; this process works where there is none."""

    def __init__(self, processes: ExitStack) -> None:
        self._processes = processes
        self._others = len(os.sched_getaffinity(0)) - 1
        self._rows_due = 0
        self._pool: ProcessPoolExecutor | None = None

    def expect(self, rows: int) -> None:
        """Get ready for so many more rows."""
        self._rows_due += rows
        if self._pool is None and self._others and self._rows_due >= WORTH_A_HELPER:
            pool = ProcessPoolExecutor(
                self._others, mp_context=get_context("spawn"), initializer=keep_memory_private
            )
            self._pool = self._processes.enter_context(pool)
            for _ in range(self._others):
                self._pool.submit(families)  # they import, while this process plans

    def start(self, task: Task, later: "_Due | None" = None) -> _Waiting:
        """Hand a subject over."""
        waiting = _Waiting(task, later=later)
        if self._pool is not None:
            with suppress(BrokenProcessPool):
                waiting.started = self._pool.submit(compute_task, task)
        return waiting

    @staticmethod
    def first(waiting: deque[_Waiting]) -> tuple[_Waiting, Rows]:
        """Return the first subject; while another process computes it, compute the last here."""
        first = waiting.popleft()
        while first.started is not None and not first.started.done():
            mine = next((w for w in reversed(waiting) if w.started and w.started.cancel()), None)
            if mine is None:
                break
            mine.started, mine.rows = None, compute_task(mine.task)
        return first, first.take()


@dataclass
class _Due:
    """What is due of one subject, before a sample is read.

    `held`: the rows of each stored UTC day by stream; `facts`: the observations it takes; `kept`:
    rows of bases that are there.
    """

    who: SubjectId
    timeline: Timeline
    held: Mapping[str, Mapping[int, int]]
    facts: Mapping[str, Columns]
    plans: dict[str, Plan] = field(default_factory=dict)
    kept: dict[str, pa.Table] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(int(wanted.days.size) for wanted in self.plans.values())

    def in_pieces(self) -> "tuple[_Due, _Due | None]":
        """Return what is due in two: what can be read at once, and the rest, of later dates.

        What looks back on the whole follow-up stays whole: it would be read anew for each piece.
        """
        short = {n: p for n, p in self.plans.items() if not _reads_all(computed()[n])}
        last = self._last_at_once(short)
        if last is None:
            return self, None
        now = {n: _some(n, p, self.timeline, p.days <= last) for n, p in short.items()}
        later = {n: _some(n, p, self.timeline, p.days > last) for n, p in short.items()}
        own = {name: now.get(name, p) for name, p in self.plans.items()}
        return replace(self, plans=_due_of(own)), replace(self, plans=_due_of(later))

    def _last_at_once(self, plans: Mapping[str, Plan]) -> int | None:
        """Return the last date that does not exceed MOST_SAMPLES; None: there is no such need."""
        streams = {stream for name in plans for stream in computed()[name].streams}
        days: set[int] = set()
        days.update(*(wanted.days.tolist() for wanted in plans.values()))
        total, last = 0, None
        for day in sorted(days):
            total += sum(self.held.get(stream, {}).get(day, 0) for stream in streams)
            if total > MOST_SAMPLES and last is not None:
                return last
            last = day
        return None


def _reads_all(family: Family) -> bool:
    return family.lookback_days >= WHOLE_FOLLOW_UP


def _some(name: str, whole: Plan, timeline: Timeline, chosen: NDArray[np.bool_]) -> Plan:
    """Return the part of a plan that is of some of its dates."""
    days = whole.days[chosen]
    inputs = tuple(digest for digest, one in zip(whole.inputs, chosen.tolist(), strict=True) if one)
    return Plan(days, inputs, spans(computed()[name], timeline, days))


def _due_of(plans: Mapping[str, Plan]) -> dict[str, Plan]:
    return {name: wanted for name, wanted in plans.items() if wanted.days.size}


def _audit(who: SubjectId, family: str) -> Entry:
    return Entry(JOB, "compute features", Purpose.MONITORING, who, {"family": family})


def _planned(
    clinic: Clinic, who: SubjectId, counts: dict[str, int], *, there: bool = False
) -> _Due:
    """Find out what is due, without reading a sample; count the rows that there will be.

    `there`: only where answers went into rows that are there already.
    """
    segments, now = clinic.monitored_segments(who), to_micros(clinic.clock())
    digests = segment_digests(segments)
    held_rows = {s: {day: rows for day, (rows, _) in held.items()} for s, held in segments.items()}
    facts = facts_of(clinic, who, _audit(who, OBSERVED.name))
    due = _Due(who, clinic.store.timeline(who), held_rows, facts)
    for name, family in families().items():
        if there and not family.codes:
            continue
        existing = clinic.store.features(who, name, _audit(who, name))
        if there and existing is None:
            continue
        held_by_day = with_facts(family, digests, facts)
        wanted = plan(family, due.timeline, held_by_day, existing, now)
        held = set() if existing is None else set(existing["date"].cast(pa.int32()).to_pylist())
        counts[name] += len(held | set(wanted.days.tolist()))
        if wanted.days.size:
            if family.base is not None:
                _plan_base(clinic, due, family.base, digests, now)
            due.plans[name] = wanted
    return due


def _plan_base(clinic: Clinic, due: _Due, base: Family, digests: Digests, now: Micros) -> None:
    """Take a base's kept rows, and make due what must be made before the family's own rows."""
    kept = clinic.store.features(due.who, base.name, _audit(due.who, base.name))
    if kept is not None:
        due.kept[base.name] = kept
    wanted = plan(base, due.timeline, digests, kept, now)
    if wanted.days.size:
        due.plans[base.name] = wanted


def _looked_back_on(clinic: Clinic, due: _Due) -> _Due:
    """Return what is due with the bases' rows that are there now."""
    bases = [family.base for family in map(computed().get, due.plans) if family and family.base]
    found = {b.name: clinic.store.features(due.who, b.name, _audit(due.who, b.name)) for b in bases}
    return replace(due, kept={name: rows for name, rows in found.items() if rows is not None})


def _read(clinic: Clinic, due: _Due) -> Task:
    """Read each stream once for all families that want it: more than a window needs harms none."""
    wanted_of: dict[str, list[tuple[int, int]]] = {}
    for name, wanted in due.plans.items():
        family = computed()[name]
        for stream in family.streams if family.base is None else ():
            if stream in due.held:
                wanted_of.setdefault(stream, []).extend(wanted.spans)
    audit = _audit(due.who, ", ".join(due.plans))
    streams = {s: _samples(clinic, due.who, s, joined(w), audit) for s, w in wanted_of.items()}
    plans = tuple(due.plans.items())
    return Task(due.who, due.timeline, plans, {**streams, **due.facts}, due.kept)


def _samples(
    clinic: Clinic,
    who: SubjectId,
    stream: str,
    spans: Sequence[tuple[int, int]],
    audit: Entry,
) -> Columns:
    parts = [clinic.store.samples(who, stream, start, end, audit) for start, end in spans]
    return as_columns(pa.concat_tables(parts))


_Made = TypeVar("_Made")


@dataclass
class _Job:
    """One run over all subjects."""

    clinic: Clinic
    counts: dict[str, int]
    computed: int = 0
    without_consent: int = 0

    def plan(self, who: SubjectId, *, there: bool = False) -> _Due | None:
        return self._allowed(lambda: _planned(self.clinic, who, self.counts, there=there))

    def read(self, due: _Due) -> Task | None:
        return self._allowed(lambda: _read(self.clinic, due))

    def again(self, due: _Due) -> _Due | None:
        """Return the next piece of somebody of whom the one before it is stored."""
        return self._allowed(lambda: _looked_back_on(self.clinic, due))

    def store(self, task: Task, rows: Sequence[tuple[str, pa.Table]]) -> bool:
        """Store rows; False where one may not any more."""

        def put() -> bool:
            for name, table in rows:
                self.clinic.store.put_features(task.who, name, table, _audit(task.who, name))
                self.computed += table.num_rows if name in self.counts else 0  # of no base
            return True

        return self._allowed(put) is not None

    def _allowed(self, work: Callable[[], _Made]) -> _Made | None:
        """Do what may be done with a person; None where they said no, or are erased, meanwhile."""
        try:
            return work()
        except ConsentError:
            self.without_consent += 1
        except MissingError:
            pass
        return None


def compute_features(clinic: Clinic, progress: Progress) -> dict[str, Any]:
    """Bring every subject's features up to date; a subject without consent is counted, not read."""
    subjects = clinic.store.subjects(Entry(JOB, "list subjects", Purpose.MONITORING))
    job = _Job(clinic, dict.fromkeys(families(), 0))
    planned: list[_Due] = []
    with ExitStack() as processes:
        helper = _Helper(processes)
        for who in subjects:
            due = job.plan(who)
            if due is not None and due.plans:
                planned.append(due)
                helper.expect(due.rows)
        progress(0, len(planned))
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


def take_out_protected(clinic: Clinic, people: Iterable[SubjectId]) -> None:
    """Compute anew what answers on record went into, of people of whom one may not any more.

    A label that comes later than its record, or a record that is taken back, does not wait for the
    next run of all features: until then a score would be shown and asked of models.
    """
    recompute(clinic, people, answers_only=True)


def recompute(clinic: Clinic, people: Iterable[SubjectId], *, answers_only: bool = False) -> None:
    """Compute the features of some people that are due; `answers_only`: see `_planned`, `there`."""
    job = _Job(clinic, dict.fromkeys(families(), 0))
    for who in people:
        due = job.plan(who, there=answers_only)
        while due is not None and due.plans:
            piece, later = due.in_pieces()
            task = job.read(piece)
            stored = task is not None and job.store(task, compute_task(task))
            due = job.again(later) if stored and later is not None else None


def _run(job: _Job, planned: Sequence[_Due], helper: _Helper, progress: Progress) -> None:
    """Read ahead of what is computed; store in order, some subjects a commit."""
    waiting: deque[_Waiting] = deque()
    left = deque(planned)
    done = 0
    while left or waiting:
        with job.clinic.store.grouped():
            for _ in range(SUBJECTS_A_COMMIT):
                while left and len(waiting) < AHEAD and _room(waiting):
                    piece, later = left.popleft().in_pieces()
                    task = job.read(piece)
                    if task is not None:
                        waiting.append(helper.start(task, later))
                if not waiting:
                    break
                first, rows = helper.first(waiting)
                stored = job.store(first.task, rows)
                following = job.again(first.later) if stored and first.later else None
                if following is not None:
                    left.appendleft(following)
                    continue
                done += 1
                progress(done, len(planned))


def _room(waiting: Iterable[_Waiting]) -> bool:
    return sum(each.samples for each in waiting) < MOST_SAMPLES
