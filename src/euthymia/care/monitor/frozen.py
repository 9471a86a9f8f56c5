"""The baseline that a clinician freezes ("well since March"): a derived row, as scores are."""

import hashlib
from datetime import date
from typing import Final, Protocol

import pyarrow as pa

from euthymia.ground.audit import Entry
from euthymia.ground.clock import day_number
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import FEATURE_KEYS

FROZEN_FAMILY: Final = "monitor_frozen"
SHORTEST_DAYS: Final = 28  # each weekday four times: fewer days are a mood, and no baseline


class Derived(Protocol):
    """What reads derived rows: the store."""

    def features(self, subject: SubjectId, family: str, audit: Entry) -> pa.Table | None:
        """Return a family's rows; None if there are none."""


def frozen_row(subject: SubjectId, on: date, since: date | None, until: date) -> pa.Table:
    """Return the row that says: from `on`, the days [since, until) are this person's usual.

    Without `since` it says that there is no frozen baseline any more.

    Raises
    ------
    SchemaError
        If the days are fewer than four weeks, or end after `on`.
    """
    first, end = (float("nan"),) * 2 if since is None else (day_number(since), day_number(until))
    if since is not None and (until - since).days < SHORTEST_DAYS:
        raise SchemaError(
            f"a frozen baseline takes {SHORTEST_DAYS} days or more; name an earlier day"
        )
    if since is not None and until > on:
        raise SchemaError("a frozen baseline ends today or before; leave --until out")
    digest = hashlib.sha256(f"{first} {end}".encode()).hexdigest()
    keys = [[subject], [on], [FROZEN_FAMILY], ["1"], [digest], [1.0]]
    columns = dict(zip(FEATURE_KEYS.names, keys, strict=True))
    own = [pa.field(name, pa.float64()) for name in ("first", "end")]
    return pa.table(
        {**columns, "first": [float(first)], "end": [float(end)]},
        schema=pa.schema([*FEATURE_KEYS, *own]),
    )


def frozen_of(store: Derived, subject: SubjectId, audit: Entry) -> tuple[int, int] | None:
    """Return the frozen baseline [first, end) that was set last; None without one."""
    table = store.features(subject, FROZEN_FAMILY, audit)
    if table is None or not table.num_rows:
        return None
    first, end = (table[name][-1].as_py() for name in ("first", "end"))
    return None if first is None or first != first else (int(first), int(end))  # noqa: PLR0124
