"""Training on a table, without a clinic: a task by name, by file, or made of a column."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from euthymia.app.clinic import wall_clock
from euthymia.app.training import writable
from euthymia.ground.clock import to_micros
from euthymia.models.plain_task import Left, plain_task
from euthymia.models.tables import read_frame
from euthymia.models.tasks.table import TableTask
from euthymia.models.train import Progress, plain
from euthymia.models.train_table import describe_rows, table_task, train_table


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
    asked: Asked, *, seed: int, report: Path | None, synthetic: bool, progress: Progress
) -> dict[str, Any]:
    """Judge, audit and fit a model on a table; write its report where one is asked for."""
    if report is not None:
        writable(report)
    task, left = _task(asked)
    trained = train_table(
        task,
        asked.data,
        seed=seed,
        synthetic=synthetic,
        now=to_micros(wall_clock()),
        estimator=asked.estimator,
        progress=progress,
    )
    if report is not None:
        report.write_text(trained.report_html, encoding="utf-8")
    metrics = {
        name: {"estimate": e.estimate, "low": e.low, "high": e.high, "chance": e.chance}
        for name, e in trained.metrics.items()
    }
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
            "metrics": metrics,
            "audits": dict(trained.audits),
            "baselines": [
                {"name": row["name"], "auc": row["auc"], "ahead": row["ahead"]} for row in baselines
            ],
            "synthetic": synthetic,
        }
    )
    return result
