"""What `store.origins` does, over plain rows in plain Python: the reference for it."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from euthymia.ground.schemas import OBSERVATIONS, WRITTEN
from euthymia.store.tally import Tally

Row = tuple[Any, ...]
_NAMES = tuple(OBSERVATIONS.names[1:])
_SAID = tuple(name for name in _NAMES if name not in {"purpose", "sensitivity"})


@dataclass(slots=True)
class Writing:
    """A record as it was last written: when, whether it never held, what it says."""

    revised: int
    void: bool = False
    says: set[Row] = field(default_factory=set)


def take_back(
    held: dict[int, Writing], facts: dict[Row, Row], table: pa.Table, tally: Tally
) -> pa.Table:
    """Return the observations to be taken in; remove from `facts` what no record says any more."""
    if WRITTEN[0].name not in table.column_names:
        return table
    rows = table.to_pylist()
    brought: dict[int, Writing] = {}
    for row in rows:
        if row["record"] is not None:
            now = brought.get(row["record"])
            if now is None or row["revised"] > now.revised:
                now = brought[row["record"]] = Writing(row["revised"])
            if row["revised"] == now.revised:
                now.void |= bool(row["void"])
                now.says.add(tuple(row[name] for name in _SAID))
    void = {record for record, now in brought.items() if now.void}
    counting, news, candidates = set(), set(), set()
    for record, now in brought.items():
        before = held.get(record)
        if before is not None and not _outdoes(now, before):
            continue
        counting.add(record)
        candidates |= before.says if before is not None else now.says if now.void else set()
        if now.void and not (before is not None and before.void):
            news.add(record)
        held[record] = Writing(now.revised, now.void, set() if now.void else now.says)
    gone = candidates - {said for writing in held.values() for said in writing.says}
    for key in [k for k, row in facts.items() if _said(row) in gone]:
        del facts[key]
        tally.removed += 1
    last = [r["record"] is None or r["revised"] == brought[r["record"]].revised for r in rows]
    stored = [
        row["record"] is None or (now and row["record"] in counting - void)
        for row, now in zip(rows, last, strict=True)
    ]
    others = [(r, now) for r, now, kept in zip(rows, last, stored, strict=True) if not kept]
    named = np.array([row["row"] for row, _ in others], np.int64)
    fresh = np.array([r["row"] for r, now in others if now and r["record"] in news], np.int64)
    tally.rows(named, fresh)
    plain = table.drop_columns([column.name for column in WRITTEN])
    return plain.filter(pa.array(stored, pa.bool_()))


def _outdoes(now: Writing, before: Writing) -> bool:
    if now.revised == before.revised:
        return now.void or not before.void
    return now.revised > before.revised


def _said(row: Row) -> Row:
    named = dict(zip(_NAMES, row, strict=True))
    return tuple(named[name] for name in _SAID)
