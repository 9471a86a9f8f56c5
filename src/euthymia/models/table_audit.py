"""The audits of a table, run unasked on the rows that a task makes of it."""

import numpy as np
import pyarrow as pa

from euthymia.models.audits.finding import Finding
from euthymia.models.audits.run import audit
from euthymia.models.frame import CohortFrame
from euthymia.models.sites import UNKNOWN

PERSON, SITE, OUTCOME = "(person)", "(site)", "(outcome)"
_TOLD_ELSEWHERE = {"confound", "row_split", "duplicates", "constant_outcome", "fairness"}
"""Kinds that training asks of the model itself."""


def table_findings(frame: CohortFrame, *, seed: int) -> tuple[Finding, ...]:
    """Return what the predictors give away: one that tells the outcome alone, or was derived of it.

    Raises
    ------
    SchemaError
        There are too few people.
    """
    columns: dict[str, pa.Array] = {
        PERSON: pa.array(frame.person.tolist()),
        OUTCOME: pa.array(frame.y),
        **{name: pa.array(frame.x[:, i], from_pandas=True) for i, name in enumerate(frame.names)},
    }
    if np.unique(frame.site[frame.site != UNKNOWN]).size > 1:
        columns[SITE] = pa.array(frame.site.tolist())
    found = audit(
        pa.table(columns),
        outcome=OUTCOME,
        person=PERSON,
        site=SITE if SITE in columns else None,
        features=frame.names,
        seed=seed,
    )
    return tuple(f for f in found.findings if f.kind not in _TOLD_ELSEWHERE)
