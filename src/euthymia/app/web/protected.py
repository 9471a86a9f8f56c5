"""Records of a protected kind on the pages: for whom the policies open them, and for nobody else.

The store hands them out under the patient's own grant alone. Beyond that they are no part of what
is summarised, counted or put to a model, which more roles see.
"""

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground.audit import Purpose
from euthymia.ground.scope import labels_of
from euthymia.security.policy import Action, Policies

NOT_YOUR_ROLE: Final = (
    "There are records of a protected kind that the patient has opened to clinicians only: they "
    "are not shown here."
)


def open_to(
    policies: Policies, role: str, table: pa.Table, *, related: bool, second_factor: bool
) -> tuple[pa.Table, list[str]]:
    """Return the observations that a role may see of those read, and what to say of the others."""
    cells = table.column("sensitivity")
    shut = []
    for cell in cells.drop_null().unique().to_pylist():
        ruling = policies.decide(
            role=role,
            action=Action.VIEW_PATIENT,
            purpose=Purpose.CARE,
            related=related,
            sensitivity=labels_of(cell),
            released=labels_of(cell),
            second_factor=second_factor,
        )
        if not ruling.allowed:
            shut.append(cell)
    if not shut:
        return table, []
    held = pc.is_in(cells, value_set=pa.array(shut))
    return table.filter(pc.invert(held)), [NOT_YOUR_ROLE]
