"""What can be predicted: one file a task, one constant `TASK`."""

from functools import cache
from typing import Final

from euthymia.ground.errors import SchemaError
from euthymia.ground.plugins import discover
from euthymia.models.tasks.contract import RecordTask, Task
from euthymia.models.tasks.table import TableTask

LEAST_REASON: Final = 20  # characters


@cache
def _all() -> dict[str, Task]:
    found: dict[str, Task] = {}
    for module, task in discover("euthymia.models.tasks", "TASK").items():
        if not isinstance(task, RecordTask | TableTask):
            raise SchemaError(
                f"{module}.TASK is neither a RecordTask nor a TableTask; see models/tasks"
            )
        if task.name in found:
            raise SchemaError(f"two tasks are called {task.name}; rename one")
        found[task.name] = task
    return found


def refuse_switched_off(task: Task, reason: str) -> None:
    """Refuse a task that is off by default where no reason is given for switching it on.

    Raises
    ------
    SchemaError
        `off_because` says something, and `reason` is shorter than a sentence.
    """
    if task.off_because and len(reason.strip()) < LEAST_REASON:
        raise SchemaError(
            f"{task.name} is off: {task.off_because}. To switch it on say so in the setting"
            " training.population_risk, or of a table with --because"
        )


@cache
def tasks() -> dict[str, RecordTask]:
    """Return every task on records by its name.

    Raises
    ------
    SchemaError
        A `TASK` is no task, or two have the same name.
    """
    return {name: task for name, task in _all().items() if isinstance(task, RecordTask)}


@cache
def table_tasks() -> dict[str, TableTask]:
    """Return every task on a plain table by its name; raises as `tasks`."""
    return {name: task for name, task in _all().items() if isinstance(task, TableTask)}
