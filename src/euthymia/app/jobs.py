"""Long work on a clinic: simulate, features, rejects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from euthymia.app.clinic import Clinic
from euthymia.app.shell import Progress
from euthymia.features.catalogue import families
from euthymia.features.compute import (
    compute_family,
    days_with_data,
    input_digests,
    stale,
    window_utc,
)
from euthymia.features.contract import Columns, Family
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Timeline, from_micros
from euthymia.ground.errors import ConsentError
from euthymia.ground.ids import SubjectId

JOB = Actor("features job", "job")


def run_simulation(
    subjects: int, days: int, seed: int, out: Path, progress: Progress, *, small: bool
) -> dict[str, Any]:
    """Write a simulated clinic into `out`; `small`: the demo's volume of recordings."""
    from euthymia.simulate.clinic import simulate
    from euthymia.simulate.profile import DEMO, FULL

    summary = simulate(
        subjects=subjects,
        days=days,
        seed=seed,
        out=out,
        progress=progress,
        profile=DEMO if small else FULL,
    )
    return {"out": out, **summary.as_dict()}


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


def columns_of(samples: pa.Table) -> Columns:
    """Return one stream's Arrow table as NumPy columns, time as int64 microseconds UTC."""
    out: dict[str, Any] = {}
    for name in samples.column_names:
        column = samples.column(name)
        if name == "time":
            column = column.cast(pa.int64())
        out[name] = column.to_numpy()
    return out


def _spans(windows: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join overlapping windows, so that no sample is read twice."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted(windows):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _read(
    clinic: Clinic, who: SubjectId, stream: str, spans: list[tuple[int, int]], audit: Entry
) -> Columns:
    parts = [clinic.store.samples(who, stream, start, end, audit) for start, end in spans]
    return columns_of(pa.concat_tables(parts))


def _family_days(
    clinic: Clinic, who: SubjectId, family: Family, timeline: Timeline
) -> tuple[int, int]:
    """Bring one family of one subject up to date; return (rows in all, rows computed now)."""
    segments = clinic.store.segments(who)
    digests: Mapping[str, Mapping[int, str]] = {
        stream: {day: digest for day, (_, digest) in segments.get(stream, {}).items()}
        for stream in family.streams
    }
    days = days_with_data(family, timeline, digests)
    if days.size == 0:
        return 0, 0
    audit = Entry(JOB, "compute features", Purpose.MONITORING, who, {"family": family.name})
    existing = clinic.store.features(who, family.name, audit)
    todo = stale(existing, input_digests(family, timeline, digests, days), days)
    if todo.size:
        spans = _spans([window_utc(family, timeline, int(day)) for day in todo])
        streams = {stream: _read(clinic, who, stream, spans, audit) for stream in family.streams}
        table = compute_family(family, streams, timeline, todo, subject=who, digests=digests)
        clinic.store.put_features(who, family.name, table, audit)
    return int(days.size), int(todo.size)


def compute_features(clinic: Clinic, progress: Progress) -> dict[str, Any]:
    """Bring every subject's features up to date; a subject without consent is counted, not read."""
    subjects = clinic.store.subjects(Entry(JOB, "list subjects", Purpose.MONITORING))
    counts = dict.fromkeys(families(), 0)
    computed = without_consent = 0
    for done, who in enumerate(subjects):
        progress(done, len(subjects))
        timeline = clinic.store.timeline(who)
        try:
            for name, family in families().items():
                rows, fresh = _family_days(clinic, who, family, timeline)
                counts[name] += rows
                computed += fresh
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
