"""Simulate; list what was refused."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from euthymia.app.clinic import Clinic, wall_clock
from euthymia.app.shell import Progress
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import from_micros


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
