"""Update a task's predictions week by week, on a table or of the clinic: `updating/weeks.py`."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.privacy import admit_table, admit_without_noise, people_of
from euthymia.app.training import writable
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import MissingError
from euthymia.ground.simulated import is_simulated
from euthymia.models.on_tables import table_task
from euthymia.models.task_file import read_task
from euthymia.models.train import Progress, plain
from euthymia.models.updating.page import render
from euthymia.models.updating.weeks import Moment, Updated, update


def update_on_table(
    data: Path,
    *,
    task: str,
    task_file: Path | None,
    patients: Path | None,
    report: Path | None,
    seed: int,
    estimator: str,
    synthetic: bool,
    progress: Progress,
    home: Path | None = None,
    because: str = "",
) -> dict[str, Any]:
    """Judge a task at each of its moments; say of each person of `patients` what follows."""
    if report is not None:
        writable(report)
    asked = table_task(task) if task_file is None else read_task(task_file)
    for table in (data, patients):
        if home is not None and table is not None:
            admit_table(home, table, name=asked.name, person=asked.person or "", because=because)
    synthetic = synthetic or is_simulated(data)
    found = update(asked, data, seed=seed, estimator=estimator, progress=progress)
    advice = () if patients is None else found.advise(patients)
    told = [{**asdict(a), "advice": a.words} for a in advice]
    return _result(found, report, data=data.name, advice=told, synthetic=synthetic)


def update_clinic(
    clinic: Clinic,
    name: str,
    *,
    report: Path | None,
    seed: int,
    estimator: str,
    progress: Progress,
    because: str = "",
) -> dict[str, Any]:
    """Judge a task of the clinic anew at each of its weeks, on a research snapshot of it.

    Raises
    ------
    MissingError
        There is no such task of the store.
    SchemaError
        It is not asked anew in a course, or there are too few people.
    BudgetError
        A budget guards some of the people, and no reason is given.
    """
    from euthymia.app.snapshots import release_snapshot
    from euthymia.models.snapshot import frame_of, unpack
    from euthymia.models.tasks import tasks
    from euthymia.models.updating.weeks import update_cohort

    task = tasks().get(name)
    if task is None or task.renewal is None:
        able = ", ".join(n for n, t in tasks().items() if t.renewal is not None)
        raise MissingError(
            f"no task of the clinic of that name is asked anew in a course: {able} is. A task on"
            " a table needs its table: --data FILE"
        )
    if report is not None:
        writable(report)
    released = release_snapshot(clinic, name, progress)
    members = people_of(clinic, released.people.values())
    admit_without_noise(
        clinic, f"update {name}", members, people=released.manifest.people, because=because
    )
    frame = frame_of(clinic.keyring, unpack(clinic.keyring, released.content))
    found = update_cohort(task, frame, seed=seed, estimator=estimator, progress=progress)
    said: dict[str, str | int | float | bool] = {
        "task": name,
        "snapshot": released.manifest.snapshot,
    }
    entry = Entry(shell_actor(), "judge week by week", Purpose.TRAINING, detail=said)
    told = clinic.ledger.append(entry)
    synthetic = released.manifest.synthetic
    made = _result(found, report, data="the clinic", advice=[], synthetic=synthetic)
    return {**made, "snapshot": released.manifest.snapshot, "ledger_entry": told}


def _result(
    found: Updated,
    report: Path | None,
    *,
    data: str,
    advice: list[dict[str, Any]],
    synthetic: bool,
) -> dict[str, Any]:
    """Write the page where one is asked for, and return what is told."""
    if report is not None:
        report.write_text(render(found, synthetic=synthetic), encoding="utf-8")
    rule = found.task.rule
    result: dict[str, Any] = plain(
        {
            "task": found.task.name,
            "data": data,
            "report": None if report is None else str(report),
            "rule": None if rule is None else rule.title,
            "moments": [_moment(m) for m in found.moments],
            "advice": advice,
            "synthetic": synthetic,
        }
    )
    return result


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "moment": moment.title,
        "day": moment.day,
        "people": moment.people,
        "with_outcome": moment.with_outcome,
        "how": moment.how,
        "externally_tested": moment.external,
        "verdict": moment.signal,
        "figures": {name: asdict(e) for name, e in moment.figures.items()},
        "conformal": moment.uncertainty.audit(),
        "beside_rule": {
            "verdict": moment.beats_rule,
            "rule_unknown": moment.rule_unknown,
            "points": [asdict(p) for p in moment.rule],
        },
    }


def words(result: dict[str, Any]) -> str:
    """Say the result to a person."""
    lines = ["SYNTHETIC DATA: not about any person"] if result["synthetic"] else []
    lines.append(f"{result['task']} on {result['data']}")
    for m in result["moments"]:
        auc, slope = m["figures"]["auc"], m["figures"]["calibration_slope"]
        check = m["conformal"]
        lines += [
            f"{m['moment']}: {m['people']} people, {m['with_outcome']} with the outcome",
            f"  {m['how']}",
            f"  AUC {_said(auc)}, chance {auc['chance']:.3f}: {m['verdict']}",
            f"  calibration slope {_said(slope)}",
            f"  sets cover, with the outcome {_said(check['with_event'])}",
            f"  sets cover, without it {_said(check['without_event'])}",
            f"  definite answers {_said(check['definite'])}",
            f"  {result['rule'] or 'no rule'}: {m['beside_rule']['verdict']}",
        ]
    lines += [
        f"{a['person']}: {a['advice']} (by {a['moment']}, probability {a['probability']:.2f})"
        for a in result["advice"]
    ]
    if result["report"]:
        lines.append(f"report: {result['report']}")
    return "\n".join(lines)


def _said(e: dict[str, float | None]) -> str:
    values = [e["estimate"], e["low"], e["high"]]
    told = ["not defined" if v is None else f"{v:.3f}" for v in values]
    return f"{told[0]} [{told[1]}, {told[2]}]"
