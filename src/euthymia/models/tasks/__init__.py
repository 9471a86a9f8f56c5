"""What can be predicted: one file a task, one constant `TASK`."""

from functools import cache

from euthymia.ground.errors import SchemaError
from euthymia.ground.plugins import discover
from euthymia.models.tasks.contract import RecordTask, Task
from euthymia.models.tasks.table import TableTask


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
