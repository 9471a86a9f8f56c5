"""What can be predicted: one file a task, one constant `TASK`."""

from functools import cache

from euthymia.ground.errors import SchemaError
from euthymia.ground.plugins import discover
from euthymia.models.tasks.contract import Task


@cache
def tasks() -> dict[str, Task]:
    """Return every task by its name.

    Raises
    ------
    SchemaError
        A `TASK` is not a `Task`, or two have the same name.
    """
    found: dict[str, Task] = {}
    for module, task in discover("euthymia.models.tasks", "TASK").items():
        if not isinstance(task, Task):
            raise SchemaError(f"{module}.TASK is not a Task; see models/tasks/contract.py")
        if task.name in found:
            raise SchemaError(f"two tasks are called {task.name}; rename one")
        found[task.name] = task
    return found
