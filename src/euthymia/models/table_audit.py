"""The audits of a table, run unasked on the rows that a task makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.evaluation.confounds import LEVEL
from euthymia.models.audits.finding import Finding
from euthymia.models.audits.read import GROUPS, NAMES
from euthymia.models.audits.run import Audit, audit
from euthymia.models.expressions import reads
from euthymia.models.frame import CohortFrame
from euthymia.models.sites import UNKNOWN
from euthymia.models.table_frame import source_rows
from euthymia.models.tables import Frame
from euthymia.models.tasks.table import PLAIN, TableTask

PERSON, SITE, OUTCOME = "(person)", "(site)", "(outcome)"
_TOLD_ELSEWHERE = frozenset({"row_split", "duplicates", "constant_outcome", "fairness"})
"""Kinds that training asks of the model itself."""
_DECLARED = frozenset({"confound"})
"""A declared task says what its metadata are: training asks those."""
_NO_SIGN = frozenset({"order", "who people are", "site"})
"""The order of a file is no column, age may foretell honestly, and sites are asked as such."""


@dataclass(frozen=True, slots=True)
class TableFound:
    """What the audits found, and the signs of how the data were collected that tell the outcome.

    `signs` (title -> each row's value) are for training to set beside its own model; `silent` is
    how many more were asked and told nothing.
    """

    findings: tuple[Finding, ...]
    signs: Mapping[str, NDArray[np.generic]]
    silent: int


def table_findings(
    task: TableTask, frame: CohortFrame, source: Path | str | Frame, *, seed: int
) -> TableFound:
    """Return what a table gives away: a column that tells the outcome alone, or was derived of it.

    Where the task was made up of the table itself nobody declared how the data were collected: then
    every column is looked at for that, used or not (dates, gaps, names, devices).

    Raises
    ------
    SchemaError
        There are too few people.
    """
    plain = task.name == PLAIN
    columns, chosen = _whole(task, source) if plain else _predictors(frame)
    columns |= {PERSON: pa.array(frame.person.tolist()), OUTCOME: pa.array(frame.y)}
    if np.unique(frame.site[frame.site != UNKNOWN]).size > 1:
        columns[SITE] = pa.array(frame.site.tolist())
    found = audit(
        pa.table(columns),
        outcome=OUTCOME,
        person=PERSON,
        site=SITE if SITE in columns else None,
        groups=(),  # training asks those of its own model
        features=chosen,
        seed=seed,
    )
    dropped = _TOLD_ELSEWHERE if plain else _TOLD_ELSEWHERE | _DECLARED
    kept = tuple(
        replace(f, words=_plainly(f.words)) for f in found.findings if f.kind not in dropped
    )
    signs = _signs(found) if plain else {}
    asked = sum(a.row.p_value is not None for a in found.confounds) if plain else 0
    return TableFound(kept, signs, asked - len(signs))


def _plainly(words: str) -> str:
    """Return what is said of a made-up column without the marks that keep its name apart."""
    for name in (PERSON, SITE, OUTCOME):
        plain = name.strip("()")
        words = words.replace(f"{name} {name}", plain).replace(name, plain)
    return words


def _predictors(frame: CohortFrame) -> tuple[dict[str, Any], tuple[str, ...]]:
    named = enumerate(frame.names)
    return {n: pa.array(frame.x[:, i], from_pandas=True) for i, n in named}, frame.names


def _whole(task: TableTask, source: Path | str | Frame) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the table's own columns, and which of them are measurements."""
    kept = source_rows(task, source)
    used = {read.column for spec in task.predictors for read in reads(spec.formula)}
    apart = {task.person, task.site, *(read.column for read in reads(task.label))}
    columns = {
        name: kept[name]
        for name in kept.column_names
        if name not in apart and (name in used or not GROUPS.match(name))
    }
    measured = tuple(name for name in columns if name in used and not NAMES.search(name))
    return columns, measured or tuple(name for name in columns if name in used)


def _signs(found: Audit) -> dict[str, NDArray[np.generic]]:
    """Return the signs that tell the outcome alone, at the level of all of them together."""
    return {
        _plainly(a.sign.name): a.sign.values
        for a in found.confounds
        if a.sign.kind not in _NO_SIGN and a.row.p_value is not None and a.row.p_value <= LEVEL
    }
