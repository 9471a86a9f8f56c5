"""From a plain table to the rows of a task: who was asked, what happened, who was left out."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.errors import SchemaError
from euthymia.models.expressions import Rows, Visit, number, text
from euthymia.models.frame import CohortFrame
from euthymia.models.tables import Frame, is_number, numbers, read_frame, texts
from euthymia.models.tasks.table import TableTask

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.str_]


@dataclass(frozen=True)
class PlainRows:
    """A table of one row an index date."""

    table: pa.Table
    where: str

    def number(self, column: str, visit: Visit) -> Floats:
        """Return a column as numbers."""
        _no_visit(visit, column)
        return numbers(self.table, column, where=self.where)

    def text(self, column: str, visit: Visit) -> Texts:
        """Return a column as texts."""
        _no_visit(visit, column)
        return texts(self.table, column, where=self.where)


def _no_visit(visit: Visit, column: str) -> None:
    if visit is not None:
        raise SchemaError(f"{column} @ ...: this task's table has no column of visits")


@dataclass(frozen=True)
class VisitRows:
    """A table of one row a visit: one row to be for each person."""

    table: pa.Table
    person: str
    visit: str
    where: str

    @cached_property
    def people(self) -> Texts:
        """The people, in order."""
        return np.unique(texts(self.table, self.person, where=self.where))

    @cached_property
    def _row_of(self) -> dict[tuple[str, Visit], int]:
        who = texts(self.table, self.person, where=self.where).tolist()
        if is_number(self.table, self.visit):
            when: list[float | str] = list(numbers(self.table, self.visit).tolist())
        else:
            when = list(texts(self.table, self.visit, where=self.where).tolist())
        found: dict[tuple[str, Visit], int] = {}
        for row, key in enumerate(zip(who, when, strict=True)):
            if key in found:
                raise SchemaError(
                    f"{self.where}: rows {found[key] + 1} and {row + 1} are one person's at one"
                    f" visit ({self.visit}): keep one of them"
                )
            found[key] = row
        return found

    @cached_property
    def _first(self) -> Ints:
        earliest: dict[str, tuple[float | str, int]] = {}
        for (who, when), row in self._row_of.items():
            assert when is not None
            if who not in earliest or (str(type(when)), when) < (
                str(type(earliest[who][0])),
                earliest[who][0],
            ):
                earliest[who] = (when, row)
        return np.array([earliest[who][1] for who in self.people.tolist()], np.int64)

    def _rows(self, column: str, visit: Visit) -> Ints:
        if visit is None:
            self._must_stay(column)
            return self._first
        return np.array([self._row_of.get((who, visit), -1) for who in self.people.tolist()])

    def _must_stay(self, column: str) -> None:
        """Refuse a column that changes between a person's visits where no visit is named."""
        values = texts(self.table, column, where=self.where)
        who = texts(self.table, self.person, where=self.where)
        known = values != ""
        pairs = np.unique(np.column_stack([who[known], values[known]]), axis=0)
        if np.unique(pairs[:, 0]).size < pairs.shape[0]:
            raise SchemaError(
                f"{self.where}, column {column}: differs between visits of a person; say at which"
                f" visit, as in {column} @ 0"
            )

    def number(self, column: str, visit: Visit) -> Floats:
        """Return a column at a visit as numbers, one a person."""
        rows = self._rows(column, visit)
        return np.where(rows < 0, np.nan, numbers(self.table, column, where=self.where)[rows])

    def text(self, column: str, visit: Visit) -> Texts:
        """Return a column at a visit as texts, one a person."""
        rows = self._rows(column, visit)
        return np.where(rows < 0, "", texts(self.table, column, where=self.where)[rows])


def rows_of(task: TableTask, table: pa.Table, where: str) -> PlainRows | VisitRows:
    """Return the rows that a task's formulas are evaluated on."""
    if not task.visit:
        return PlainRows(table, where)
    if not task.person:
        raise SchemaError(f"{task.name}: a table of visits needs a column that says whose they are")
    return VisitRows(table, task.person, task.visit, where)


def _whose(task: TableTask, rows: PlainRows | VisitRows) -> Texts:
    if isinstance(rows, VisitRows):
        return rows.people
    if not task.person:
        return np.array([f"row {i + 1}" for i in range(rows.table.num_rows)], np.str_)
    who = rows.text(task.person, None)
    if np.any(who == ""):
        row = int(np.flatnonzero(who == "")[0]) + 1
        raise SchemaError(f"{rows.where}, column {task.person}, row {row}: says of nobody")
    return who


def _metadata(rows: Rows, formula: str, where: str, title: str) -> NDArray[np.generic]:
    """Return a metadata variable, as numbers where it is some."""
    try:
        return np.asarray(number(formula, rows))
    except SchemaError:
        pass
    try:
        return np.asarray(text(formula, rows))
    except SchemaError as error:
        raise SchemaError(f"{where}: metadata {title}: {error}") from error


def table_frame(task: TableTask, source: Path | str | Frame, *, where: str = "") -> CohortFrame:
    """Return the rows of a task on a table, and the flow of people and index dates into it.

    Parameters
    ----------
    source : path or frame
        As `read_frame` takes it.

    Raises
    ------
    SchemaError, SourceError, MissingError
        The table cannot be read, or lacks a column; the place is named.
    """
    rows, name = _opened(task, source, where)
    person = _whose(task, rows)
    time, cause = _ends(task, rows, name) if task.follow_up else (None, None)
    y = _label(task, rows, time, cause)
    if np.any(~np.isnan(y) & (y != 0) & (y != 1)):
        row = int(np.flatnonzero(~np.isnan(y) & (y != 0) & (y != 1))[0]) + 1
        raise SchemaError(f"{name}, row {row}: the outcome {task.label} is neither 0 nor 1")
    inside = _inside(task, rows, person.size)
    kept = inside & ~np.isnan(y)
    x = _x(task, rows, person.size)
    site = rows.text(task.site, None) if task.site else np.full(person.size, "not known")
    frame = CohortFrame(
        task=task.name,
        names=tuple(spec.name for spec in task.features),
        x=x,
        y=y,
        person=person,
        site=np.where(site == "", "not known", site).astype(np.str_),
        at=np.full(person.size, int(task.index_day), np.int64),
        coverage=(~np.isnan(x)).mean(axis=1),
        data_age_hours=np.zeros(person.size),
        groups={title: text(formula, rows) for title, formula in task.groups.items()},
        metadata={
            title: _metadata(rows, formula, name, title) for title, formula in task.metadata.items()
        },
        flow=_flow(person, inside, y) + _lost(task, kept, time, cause),
        seen_until=0,
        time=time,
        cause=cause,
        rule=None if task.rule is None else number(task.rule.formula, rows),
    )
    return frame.rows(kept)


def source_rows(task: TableTask, source: Path | str | Frame, *, where: str = "") -> pa.Table:
    """Return the rows of a plain table that `table_frame` takes, with all its columns.

    Raises
    ------
    SchemaError
        It is a table of visits, whose rows are not those of the frame.
    """
    rows, name = _opened(task, source, where)
    if isinstance(rows, VisitRows):
        raise SchemaError(f"{name}: rows of visits are not rows of {task.name}")
    time, cause = _ends(task, rows, name) if task.follow_up else (None, None)
    y = _label(task, rows, time, cause)
    return rows.table.filter(pa.array(_inside(task, rows, y.size) & ~np.isnan(y)))


def _inside(task: TableTask, rows: Rows, size: int) -> NDArray[np.bool_]:
    """Return which rows are of the task's population."""
    return number(task.among, rows) == 1 if task.among else np.ones(size, bool)


def _ends(task: TableTask, rows: Rows, where: str) -> tuple[Floats, Ints]:
    """Return how long each row was followed and how that ended; NaN days where not known."""
    time, ended = number(task.follow_up, rows), number(task.ended_by, rows)
    known = ~np.isnan(time) & ~np.isnan(ended)
    bad = known & ((time <= 0) | (ended < 0) | (ended != np.round(ended)))
    if np.any(bad):
        row = int(np.flatnonzero(bad)[0]) + 1
        raise SchemaError(
            f"{where}, row {row}: a follow-up lasts longer than 0 days and ends with 0 (no event),"
            " 1 (the event) or another whole number (an event that rules it out)"
        )
    return np.where(known, time, np.nan), np.where(known, ended, 0).astype(np.int64)


def _label(task: TableTask, rows: Rows, time: Floats | None, cause: Ints | None) -> Floats:
    """Return the outcome: 1, 0 or not known."""
    if time is None or cause is None:
        return number(task.label, rows)
    came = (cause == 1) & (time <= task.horizon_days)
    return np.where(np.isnan(time), np.nan, came.astype(np.float64))


def _lost(
    task: TableTask, kept: NDArray[np.bool_], time: Floats | None, cause: Ints | None
) -> tuple[tuple[str, int, int], ...]:
    """Say how many of those in the analysis were lost before the horizon."""
    if time is None or cause is None:
        return ()
    lost = int((kept & (cause == 0) & (time < task.horizon_days)).sum())
    return (
        (f"of them followed for less than {task.horizon_days} days, no event seen", lost, lost),
    )


def predictors_of(
    task: TableTask, source: Path | str | Frame, *, where: str = ""
) -> tuple[Texts, Floats]:
    """Return (person, x) of a table that need not hold outcomes: for a prediction."""
    rows, _ = _opened(task, source, where)
    person = _whose(task, rows)
    return person, _x(task, rows, person.size)


def _opened(
    task: TableTask, source: Path | str | Frame, where: str
) -> tuple[PlainRows | VisitRows, str]:
    keep = [name for name in (task.person, task.site) if name]
    name = where or (Path(source).name if isinstance(source, str | Path) else "the frame")
    return rows_of(task, read_frame(source, where=where, as_text=keep), name), name


def _x(task: TableTask, rows: Rows, size: int) -> Floats:
    columns = [np.broadcast_to(number(spec.formula, rows), (size,)) for spec in task.predictors]
    return np.column_stack(columns).astype(np.float64)


def _flow(person: Texts, inside: NDArray[np.bool_], y: Floats) -> tuple[tuple[str, int, int], ...]:
    def count(rows: NDArray[np.bool_]) -> tuple[int, int]:
        return int(rows.sum()), int(np.unique(person[rows]).size)

    everybody = np.ones(person.size, bool)
    unknown = inside & np.isnan(y)
    return (
        ("in the table", *count(everybody)),
        ("not in the population", *count(~inside)),
        ("censored: not seen: the outcome is not known", *count(unknown)),
        ("in the analysis", *count(inside & ~unknown)),
    )
