"""Long work on a clinic: simulate, features, rejects."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from euthymia.app.clinic import Clinic, wall_clock
from euthymia.app.shell import Progress
from euthymia.features.catalogue import families
from euthymia.features.contract import Columns, Family
from euthymia.features.rows import (
    Digests,
    as_columns,
    compute_family,
    plan,
    segment_digests,
)
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Timeline, from_micros
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


def _read(
    clinic: Clinic,
    who: SubjectId,
    stream: str,
    spans: Sequence[tuple[int, int]],
    audit: Entry,
) -> Columns:
    parts = [clinic.store.samples(who, stream, start, end, audit) for start, end in spans]
    return as_columns(pa.concat_tables(parts))


def _bring_up_to_date(
    clinic: Clinic, who: SubjectId, family: Family, timeline: Timeline, digests: Digests
) -> tuple[int, int]:
    """Compute what is due of one family of one subject; return (rows in all, computed now)."""
    audit = Entry(JOB, "compute features", Purpose.MONITORING, who, {"family": family.name})
    existing = clinic.store.features(who, family.name, audit)
    due = plan(family, timeline, digests, existing)
    rows = set() if existing is None else set(existing["date"].cast(pa.int32()).to_pylist())
    if due.days.size:
        streams = {s: _read(clinic, who, s, due.spans, audit) for s in family.streams}
        table = compute_family(family, streams, timeline, due.days, subject=who, digests=digests)
        clinic.store.put_features(who, family.name, table, audit)
        rows |= set(due.days.tolist())
    return len(rows), int(due.days.size)


def _all_families(clinic: Clinic, who: SubjectId, counts: dict[str, int]) -> int:
    """Bring every family of one subject up to date; return how many rows were computed now."""
    timeline = clinic.store.timeline(who)
    digests = segment_digests(clinic.store.segments(who))
    computed = 0
    for name, family in families().items():
        rows, fresh = _bring_up_to_date(clinic, who, family, timeline, digests)
        counts[name] += rows
        computed += fresh
    return computed


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
