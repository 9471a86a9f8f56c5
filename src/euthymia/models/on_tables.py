"""Training on a plain table: of a declared task, or of any column of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from euthymia.ground.clock import Micros
from euthymia.ground.errors import MissingError
from euthymia.ground.simulated import is_simulated
from euthymia.models.plain_task import plain_task
from euthymia.models.table_audit import table_findings
from euthymia.models.table_frame import table_frame
from euthymia.models.tables import Frame, read_frame
from euthymia.models.tasks import refuse_switched_off, table_tasks, tasks
from euthymia.models.tasks.contract import RecordTask, Task
from euthymia.models.tasks.table import Predictor, TableTask
from euthymia.models.train import Progress, Trained, refuse_too_few, train
from euthymia.models.workload import WORKLOAD


def train_table(
    task: Task | str,
    frame: Path | str | Frame,
    *,
    seed: int = 1,
    synthetic: bool = False,
    now: Micros = 0,
    estimator: str = "",
    because: str = "",
    workload: float = WORKLOAD,
    progress: Progress = lambda _done, _total: None,
) -> Trained:
    """Judge, audit and fit a model of a task on a plain table.

    Parameters
    ----------
    task : Task or str
        A task or its name; any task of the store runs on a table too (`as_table`).
    frame : path or frame
        A CSV or Parquet file, or a pandas, Polars or Arrow frame (see `read_frame`).
    seed : int
        Of every random draw.
    synthetic : bool
        The data come from a simulator: the report says so everywhere. A file in a folder that
        `euthymia simulate` wrote is known as such.
    now : Micros
        Goes into the card.
    estimator : str, optional
        In place of the task's own.
    workload : float, optional
        How many of 100 index dates the clinic can look at.
    because : str, optional
        Why a task that is off by default (risk in a population that is well) may be trained.

    Raises
    ------
    MissingError
        There is no such task or file.
    SchemaError, SourceError
        The table does not hold what the task declares, or too few people.
    """
    asked = table_task(task)
    refuse_switched_off(asked, because)
    rows = table_frame(asked, frame)
    refuse_too_few(rows)
    found = table_findings(asked, rows, frame, seed=seed)
    return train(
        asked,
        replace(rows, metadata={**found.signs, **rows.metadata}),
        findings=found.findings,
        silent=found.silent,
        seed=seed,
        synthetic=synthetic or _is_simulated(frame),
        now=now,
        estimator=estimator or None,
        workload=workload,
        progress=progress,
    )


def train_outcome(
    frame: Path | str | Frame,
    *,
    outcome: str,
    person: str = "",
    site: str = "",
    time: str = "",
    features: Sequence[str] = (),
    positive: str = "",
    seed: int = 1,
    synthetic: bool = False,
    now: Micros = 0,
    estimator: str = "",
    workload: float = WORKLOAD,
    because: str = "",
) -> Trained:
    """Judge, audit and fit a model of one column of a table: `euthymia train --data --outcome`.

    Parameters
    ----------
    outcome : str
        A column of 0 and 1 (or two words that say no and yes), or a formula.
    person, site, time : str, optional
        Columns: whose row it is, where (otherwise the one called so) and when.
    features : sequence of str, optional
        The predictors; otherwise every other column that can be one.
    positive : str, optional
        The value of the outcome that counts as 1.

    Others as in `train_table`.

    Raises
    ------
    MissingError
        There is no such file or estimator.
    SchemaError, SourceError
        The table cannot be read, has no such column, or too few people.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=150)
    >>> table = {"x": x, "noise": rng.normal(size=150), "ill": (x + rng.normal(size=150) > 0) * 1}
    >>> train_outcome(table, outcome="ill").metrics["auc"].beats_chance()
    True
    """
    where = Path(frame).name if isinstance(frame, str | Path) else "the table"
    table = read_frame(frame, where=where, as_text=[name for name in (person, site) if name])
    task, _ = plain_task(
        table,
        outcome=outcome,
        person=person,
        site=site,
        time=time,
        features=features,
        positive=positive,
        where=where,
    )
    return train_table(
        task,
        table,
        seed=seed,
        synthetic=synthetic or _is_simulated(frame),
        now=now,
        estimator=estimator,
        workload=workload,
        because=because,
    )


def _is_simulated(source: object) -> bool:
    return isinstance(source, str | Path) and is_simulated(Path(source))


def table_task(task: Task | str) -> TableTask:
    """Return a task as one on a table.

    Raises
    ------
    MissingError
        There is no task of that name.
    """
    if isinstance(task, str):
        known: dict[str, Task] = {**tasks(), **table_tasks()}
        if task not in known:
            raise MissingError(f"no such task; tasks are {', '.join(sorted(known))}")
        task = known[task]
    if isinstance(task, TableTask):
        return task
    assert isinstance(task, RecordTask)
    return as_table(task)


def as_table(task: RecordTask) -> TableTask:
    """Return a task of the store as one on a table: `person`, `site`, `outcome`, one a feature.

    The table is what `release-snapshot` makes of the store, or an extract with the same columns:
    one row an index date, `site` where it is known. Groups and metadata are those that the table
    has by their names; see `table_frame`. Of a time to an event there are `days` and `ended_by` (0
    not by any event, 1 the event, 2 death) in place of `outcome`.
    """
    return TableTask(
        **{
            name: getattr(task, name)
            for name in Task.__dataclass_fields__
            if name not in {"features", "min_coverage", "max_data_age_hours"}
        },
        features=tuple(Predictor(s.name, s.title, s.unit, s.low, s.high) for s in task.features),
        person="person",
        site="site",
        label="" if task.timed else "outcome",
        follow_up="days" if task.timed else "",
        ended_by="ended_by" if task.timed else "",
    )


def describe_rows(trained: Trained) -> dict[str, int]:
    """Return how many rows, people, people with the outcome and sites a model was judged on."""
    frame = trained.frame
    return {
        "rows": int(frame.y.size),
        "people": int(np.unique(frame.person).size),
        "with_outcome": int(np.unique(frame.person[frame.y == 1]).size),
        "sites": int(np.unique(frame.site).size),
        "features": len(frame.names),
    }
