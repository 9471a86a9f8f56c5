"""A task on a table as a TOML file: a new trial without a line of Python."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from euthymia.ground.errors import MissingError, SchemaError, SourceError
from euthymia.models.tasks.table import Predictor, Rule, TableTask

_TEXTS: Final = {
    "outcome": "As its formula says.",
    "population": "Everybody in the table.",
    "index_dates": "One a row.",
    "censoring": "Rows whose outcome is not known are left out and counted.",
    "intended_use": "To judge what can be predicted in this table. Not for any patient.",
}
_KEYS: Final = frozenset(
    {f.name for f in fields(TableTask)} - {"families", "purposes", "ceilings", "min_coverage"}
)


def read_task(path: Path) -> TableTask:
    """Return the task that a file declares.

    The keys are the fields of `TableTask`; `features` is a list of tables with `name` and, where
    they differ, `value`, `title`, `unit`, `low`, `high`; `rule` a table with `title`, `formula`.
    Needed are `name`, `features`, and `label` (or, of a time to an event,
    `follow_up`, `ended_by` and `horizon_days`).

    Raises
    ------
    MissingError, SourceError
        There is no such file, or it is no TOML.
    SchemaError
        A key is not known or missing, or the task looks ahead.
    """
    if not path.is_file():
        raise MissingError(f"there is no task file {path.name}")
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{path.name}: {error}") from error
    return task_of(said, where=path.name)


def task_of(said: dict[str, Any], *, where: str) -> TableTask:
    """Return the task that a mapping declares; as `read_task`."""
    unknown = sorted(set(said) - _KEYS)
    if unknown:
        raise SchemaError(f"{where}: {unknown[0]} is no key of a task: see models/tasks/table.py")
    asked = "follow_up" if said.get("follow_up") else "label"
    for key in ("name", asked, "features"):
        if not said.get(key):
            raise SchemaError(f"{where}: a task needs {key}")
    if not isinstance(said.get("threshold", 0.5), int | float):
        raise SchemaError(f"{where}: threshold is no number; it lies between 0 and 1")
    features = tuple(_predictor(row, where) for row in said["features"])
    names = tuple(spec.name for spec in features)
    sets = {n: tuple(fs) for n, fs in said.get("feature_sets", {"all": names}).items()}
    baselines = {n: tuple(fs) for n, fs in said.get("baselines", {}).items()}
    for title, chosen in [*sets.items(), *baselines.items()]:
        strange = sorted(set(chosen) - set(names))
        if strange or not chosen:
            raise SchemaError(f"{where}: set {title} names no feature, or an unknown one")
    given = {
        **_TEXTS,
        "title": said["name"],
        "lookback_days": 0,
        "horizon_days": 0,
        "threshold": 0.5,
        "threshold_rule": f"{said['threshold']}, as the task file says."
        if "threshold" in said
        else "0.50, as none was declared.",
        **said,
        "not_for": tuple(said.get("not_for", ("any patient",))),
        "features": features,
        "feature_sets": sets,
        "baselines": baselines,
    }
    if "rule" in said:
        given["rule"] = _made(Rule, said["rule"], where, "rule")
    if "rule_thresholds" in said:
        low, high = said["rule_thresholds"]
        given["rule_thresholds"] = (float(low), float(high))
    task = _made(TableTask, given, where, "task")
    assert isinstance(task, TableTask)
    if not 0 < task.threshold < 1:
        raise SchemaError(f"{where}: threshold lies between 0 and 1")
    return task


def _predictor(row: Any, where: str) -> Predictor:  # noqa: ANN401 - whatever the TOML holds
    if isinstance(row, str):
        return Predictor(row, row, "1")
    if not isinstance(row, dict) or "name" not in row:
        raise SchemaError(f"{where}: each of features is a name, or a table with name")
    made = _made(Predictor, {"title": row["name"], "unit": "1", **row}, where, "feature")
    assert isinstance(made, Predictor)
    return made


def _made(kind: type, given: Any, where: str, what: str) -> object:  # noqa: ANN401
    try:
        return kind(**given)
    except TypeError as error:
        raise SchemaError(f"{where}: a {what} has other keys: {error}") from error
