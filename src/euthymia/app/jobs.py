"""Long work on a clinic: simulate, features, rejects."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from euthymia.app.clinic import Clinic, wall_clock
from euthymia.app.shell import Progress
from euthymia.features.catalogue import families
from euthymia.features.contract import Columns, Family
from euthymia.features.rows import (
    Plan,
    as_columns,
    compute_family,
    joined,
    plan,
    segment_digests,
)
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import from_micros
from euthymia.ground.errors import ConsentError
from euthymia.ground.ids import SubjectId

JOB = Actor("features job", "job")
SUBJECTS_A_COMMIT = 10  # a commit costs milliseconds; what a crash undoes is computed again


def run_simulation(
    subjects: int,
    days: int,
    seed: int,
    out: Path,
    progress: Progress,
    *,
    end: date | None,
    profile: str,
) -> dict[str, Any]:
    """Write a simulated clinic into `out`; `profile`: demo, cohort or full.

    `end`: the day after the last one. By default today, or what it was in a folder that holds a
    simulation, so that the same call on another day finds the same clinic.
    """
    from euthymia.simulate.clinic import simulate, standing_start
    from euthymia.simulate.profile import PROFILES

    start = None if end else standing_start(out)
    if start is None:
        start = (end or wall_clock().date()) - timedelta(days=days)
    summary = simulate(
        subjects=subjects,
        days=days,
        seed=seed,
        out=out,
        start=start,
        progress=progress,
        profile=PROFILES[profile],
    )
    return {"out": out, "start": start.isoformat(), **summary.as_dict()}


def list_rejects(clinic: Clinic) -> list[dict[str, Any]]:
    """Return everything quarantined, newest first."""
    found = clinic.store.rejects(Entry(Actor("rejects", "job"), "list rejects", Purpose.CARE))
    return [
        {
            "file": line.file,
            "source": line.source,
            "at": from_micros(line.at).isoformat(timespec="seconds"),
            "row": line.rows.row,
            "rows": line.rows.rows,
            "reason": line.rows.reason,
            "subject": line.rows.subject,
        }
        for line in found
    ]


@dataclass
class _Samples:
    """One subject's samples: each stream is read once for all families that want it."""

    clinic: Clinic
    who: SubjectId
    held: Container[str]
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    read: dict[str, Columns] = field(default_factory=dict)

    def want(self, family: Family, spans: Sequence[tuple[int, int]]) -> None:
        for stream in family.streams:
            if stream in self.held:
                self.spans.setdefault(stream, []).extend(spans)

    def of(self, family: Family, audit: Entry) -> dict[str, Columns]:
        """Return the samples of a family's streams; more than its windows need does no harm."""
        return {s: self._stream(s, audit) for s in family.streams if s in self.spans}

    def _stream(self, stream: str, audit: Entry) -> Columns:
        if stream not in self.read:
            parts = [
                self.clinic.store.samples(self.who, stream, start, end, audit)
                for start, end in joined(self.spans[stream])
            ]
            self.read[stream] = as_columns(pa.concat_tables(parts))
        return self.read[stream]


def _audit(who: SubjectId, family: Family) -> Entry:
    return Entry(JOB, "compute features", Purpose.MONITORING, who, {"family": family.name})


def _all_families(clinic: Clinic, who: SubjectId, counts: dict[str, int]) -> int:
    """Bring every family of one subject up to date; return how many rows were computed now."""
    timeline = clinic.store.timeline(who)
    digests = segment_digests(clinic.store.segments(who))
    samples = _Samples(clinic, who, digests)
    due: list[tuple[Family, Plan]] = []
    for name, family in families().items():
        existing = clinic.store.features(who, name, _audit(who, family))
        wanted = plan(family, timeline, digests, existing)
        held = set() if existing is None else set(existing["date"].cast(pa.int32()).to_pylist())
        counts[name] += len(held | set(wanted.days.tolist()))
        if wanted.days.size:
            due.append((family, wanted))
            samples.want(family, wanted.spans)
    for family, wanted in due:
        audit = _audit(who, family)
        table = compute_family(
            family,
            samples.of(family, audit),
            timeline,
            wanted.days,
            subject=who,
            digests=digests,
            inputs=wanted.inputs,
        )
        clinic.store.put_features(who, family.name, table, audit)
    return sum(int(wanted.days.size) for _, wanted in due)


def compute_features(clinic: Clinic, progress: Progress) -> dict[str, Any]:
    """Bring every subject's features up to date; a subject without consent is counted, not read."""
    subjects = clinic.store.subjects(Entry(JOB, "list subjects", Purpose.MONITORING))
    counts = dict.fromkeys(families(), 0)
    computed = without_consent = 0
    for start in range(0, len(subjects), SUBJECTS_A_COMMIT):
        progress(start, len(subjects))
        with clinic.store.grouped():
            for who in subjects[start : start + SUBJECTS_A_COMMIT]:
                try:
                    computed += _all_families(clinic, who, counts)
                except ConsentError:
                    without_consent += 1
    progress(len(subjects), len(subjects))
    clinic.ledger.sync()
    return {
        "rows": sum(counts.values()),
        "families": counts,
        "computed": computed,
        "subjects": len(subjects),
        "without_consent": without_consent,
    }
