"""Training on a table, without a clinic: a task by name, by file, or made of a column."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from euthymia.app.clinic import Clinic, wall_clock
from euthymia.app.privacy import (
    admit_table,
    people_of,
    rows_of,
    set_aside,
    settled,
    stopped_settled,
    table_members,
)
from euthymia.app.training import writable
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import SchemaError
from euthymia.ground.simulated import is_simulated
from euthymia.models.frame import CohortFrame
from euthymia.models.on_tables import describe_rows, table_task, train_table
from euthymia.models.plain_task import Left, plain_task
from euthymia.models.privacy.contract import Guarantee
from euthymia.models.table_frame import table_frame
from euthymia.models.tables import read_frame
from euthymia.models.tasks.table import TableTask
from euthymia.models.train import Progress, Trained, plain
from euthymia.models.workload import WORKLOAD


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of a table: a task, or an outcome and what the columns are."""

    data: Path
    task: str = ""
    task_file: Path | None = None
    outcome: str = ""
    person: str = ""
    site: str = ""
    time: str = ""
    features: tuple[str, ...] = ()
    positive: str = ""
    estimator: str = ""
    because: str = ""
    workload: float | None = None


def _task(asked: Asked) -> tuple[TableTask, tuple[Left, ...]]:
    if asked.task_file is not None:
        from euthymia.models.task_file import read_task

        return read_task(asked.task_file), ()
    if asked.task:
        return table_task(asked.task), ()
    keep = [name for name in (asked.person, asked.site) if name]
    return plain_task(
        read_frame(asked.data, as_text=keep),
        outcome=asked.outcome,
        person=asked.person,
        site=asked.site,
        time=asked.time,
        features=asked.features,
        positive=asked.positive,
        where=asked.data.name,
    )


def train_on_table(
    asked: Asked,
    *,
    seed: int,
    report: Path | None,
    synthetic: bool,
    progress: Progress,
    home: Path | None = None,
) -> dict[str, Any]:
    """Judge, audit and fit a model on a table; write its report where one is asked for.

    Parameters
    ----------
    home : Path, optional
        Of a clinic, whose privacy budgets may guard people of the table.

    Raises
    ------
    BudgetError
        One does, and no reason is given.
    """
    if report is not None:
        writable(report)
    task, left = _task(asked)
    if home is not None:
        admit_table(
            home, asked.data, name=task.name, person=task.person or "", because=asked.because
        )
    trained = train_table(
        task,
        asked.data,
        seed=seed,
        synthetic=synthetic,
        now=to_micros(wall_clock()),
        estimator=asked.estimator,
        because=asked.because,
        workload=WORKLOAD if asked.workload is None else asked.workload,
        progress=progress,
    )
    if report is not None:
        report.write_text(trained.report_html, encoding="utf-8")
    baselines = trained.audits.get("baselines", {}).get("rows", ())
    result: dict[str, Any] = plain(
        {
            "task": task.name,
            "data": asked.data.name,
            "estimator": trained.estimator,
            "report": None if report is None else str(report),
            **describe_rows(trained),
            "left_out": [{"column": c.column, "why": c.why} for c in left],
            "flow": [{"what": w, "rows": n, "people": m} for w, n, m in trained.frame.flow],
            "metrics": _metrics(trained),
            "audits": dict(trained.audits),
            "baselines": [
                {"name": row["name"], "auc": row["auc"], "ahead": row["ahead"]} for row in baselines
            ],
            "synthetic": trained.synthetic,
        }
    )
    return result


def _metrics(trained: Trained) -> dict[str, dict[str, float | None]]:
    return {
        name: {"estimate": e.estimate, "low": e.low, "high": e.high, "chance": e.chance}
        for name, e in trained.metrics.items()
    }


def train_privately(
    clinic: Clinic,
    asked: Asked,
    claim: Guarantee,
    *,
    seed: int,
    report: Path | None,
    synthetic: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Train with differential privacy on a table, from the budget that the clinic keeps for it.

    The people of a table are known by their identifiers and by what the table says of them: the
    same rows under other identifiers, or the same identifiers with other rows, share one budget.

    Raises
    ------
    SchemaError
        The task is made up of the table itself, whose columns would then give it away.
    BudgetError
        The budget does not hold the claim.
    """
    from euthymia.models.privacy.training import allowance, private_train

    if asked.outcome:
        raise SchemaError(
            "a private run needs a declared task (TASK or --task-file): ranges, levels and columns"
            " that are read off the table would give it away"
        )
    if report is not None:
        writable(report)
    task, _ = _task(asked)
    synthetic = synthetic or is_simulated(asked.data)
    frame = table_frame(task, asked.data)
    account = allowance(claim)
    people = sorted(set(frame.person.tolist()))
    members = people_of(clinic, people, "table") | rows_of(clinic, _said(frame))
    members |= table_members(clinic, asked.data)
    held = set_aside(clinic, task.name, members, people=len(people), claim=claim)
    now = to_micros(clinic.clock())
    with stopped_settled(clinic, held, account):
        trained = private_train(
            task, frame, account, seed=seed, synthetic=synthetic, now=now, progress=progress
        )
    kept = settled(clinic, held, account.charges, f"{task.name} (table)")
    if report is not None:
        report.write_text(trained.report_html, encoding="utf-8")
    result: dict[str, Any] = plain(
        {
            "task": task.name,
            "data": asked.data.name,
            "report": None if report is None else str(report),
            "people": trained.privacy["people"],
            "with_outcome": trained.privacy["people_with_outcome"],
            "features": len(trained.fitted.sources),
            "left_out": [],
            "metrics": _metrics(trained),
            "audits": dict(trained.audits),
            "baselines": [],
            "data_set": held.data_set,
            "epsilon": kept.epsilon,
            "delta": kept.delta,
            "synthetic": synthetic,
        }
    )
    return result


def _said(frame: CohortFrame) -> Iterator[bytes]:
    """Yield what the table says of each person, in one order whatever the order of its rows."""
    for who in np.unique(frame.person):
        own = frame.person == who
        rows = sorted(
            np.append(x, y).astype("<f8").tobytes()
            for x, y in zip(frame.x[own], frame.y[own], strict=True)
        )
        yield b"".join(rows)
