"""Taking single records out: corrected, taken back by their source or by hand, moved.

Everything happens in the transaction of its caller: after a crash all of it is there, or nothing.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.gateway.contract import Admitted, Mark
from euthymia.gateway.records import UNHELD
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US
from euthymia.ground.ids import SubjectId
from euthymia.store.blocks import OBSERVATIONS as FACTS
from euthymia.store.blocks import SUMMARY, Blocks, Owner
from euthymia.store.contract import Removed
from euthymia.store.frame import Frame, cut, from_arrow, rows_of, take
from euthymia.store.reading import brought_forward
from euthymia.store.records import BY_HAND as BY_HAND_RECORD
from euthymia.store.records import (
    RECORDS,
    Offered,
    Rows,
    Settled,
    buried,
    digests,
    fold,
    settle,
    unfold,
)

RETRACTED: Final = "retract records"
"""The action under which the ledger is told: by it a restore takes records back again."""
BY_HAND: Final = "retract rows by hand"
"""The action for rows that a file names: a restore can only say that there were some."""
_ENTRY: Final = 500  # records in one entry of the ledger


def day_parts(frame: Frame) -> NDArray[np.int64]:
    """Return the UTC day of each row."""
    days: NDArray[np.int64] = frame["time"].values // DAY_US
    return days


def year_parts(frame: Frame) -> NDArray[np.int64]:
    """Return the UTC year of each row; 0 where there is no time."""
    time = frame["time"]
    years = time.values.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    return years if time.valid is None else np.where(time.valid, years, 0)


def offered(table: pa.Table | None) -> Offered:
    """Return what a batch's observations of one person offer."""
    if table is None:
        none = np.zeros(0, np.int64)
        return Offered(none, none, none)
    frame = from_arrow(table.drop_columns(["row"]))
    rows = table.column("row").to_numpy()
    return Offered(rows, year_parts(frame), digests(frame))


def still_meant(batch: Admitted, subject: SubjectId, held: Rows) -> tuple[Mark, ...]:
    """Return a person's marks in order of rows.

    One that says only that the record is somebody else's now (row 0) counts where the other's
    record gives a fact that this one gave: else two sources use the same id for two records.
    """
    marks = batch.records.get(subject, ())
    meant = [mark for mark in marks if mark.row]
    moved = [mark for mark in marks if not mark.row]
    if moved:
        given = _given_elsewhere(batch, subject, {mark.record for mark in moved})
        pairs = zip(held["record"].tolist(), held["fact"].tolist(), strict=True)
        theirs = {record for record, fact in pairs if fact in given.get(record, ())}
        meant += [mark for mark in moved if mark.record in theirs]
    return tuple(sorted(meant, key=lambda mark: (not mark.row, mark.row)))


def _given_elsewhere(
    batch: Admitted, subject: SubjectId, records: Collection[int]
) -> dict[int, set[int]]:
    """Return the facts that others' records of these hashes give in a batch: one pass over it."""
    found: dict[int, set[int]] = {}
    for other, marks in batch.records.items():
        record_of = {m.row: m.record for m in marks if m.record in records and not m.gone}
        if other != subject and record_of:
            given = offered(batch.observations.get(other))
            for row, fact in zip(given.row.tolist(), given.fact.tolist(), strict=True):
                if row in record_of:
                    found.setdefault(record_of[row], set()).add(fact)
    return found


def told(audit: Entry, marks: Sequence[Mark]) -> Iterator[Entry]:
    """Yield what the ledger is told of records taken back, whoever's: keyed hashes and orders."""
    for first in range(0, len(marks), _ENTRY):
        some = " ".join(f"{mark.record}:{mark.order}" for mark in marks[first : first + _ENTRY])
        yield Entry(audit.actor, RETRACTED, Purpose.CARE, None, {"taken_back": some})


def read_told(text: str) -> dict[int, int]:
    """Return {record: order} of what `told` wrote."""
    pairs = (pair.split(":") for pair in text.split())
    return {int(record): int(order) for record, order in pairs}


@dataclass(frozen=True, slots=True)
class Retraction:
    """Takes records out of one person's blocks, within a transaction that the store holds."""

    blocks: Blocks

    def held(self, owner: Owner) -> Rows:
        """Return what is known of a person's records."""
        return unfold(self.blocks.read(owner, RECORDS))

    def count(self, owner: Owner) -> int:
        """Return how many records and facts of a person were taken back and stayed so."""
        return int(unfold(self.blocks.read(owner, RECORDS, 0, 0))["gone"].sum())

    def keep(self, owner: Owner, settled: Settled) -> int:
        """Write what became of a person's records; return how many facts that removed."""
        if settled.parts:
            self.blocks.write(owner, RECORDS, fold(settled.rows, settled.parts))
        return self._remove_facts(owner, settled.dropped)

    def _remove_facts(self, owner: Owner, gone: Mapping[int, Collection[int]]) -> int:
        """Remove facts by part and digest; return how many there were."""
        removed = 0
        if gone:
            removed = self._remove(owner, FACTS, gone, write=True)
            self.blocks.remove(owner, SUMMARY)
        return removed

    def _remove(
        self, owner: Owner, kind: str, gone: Mapping[int, Collection[int]], *, write: bool
    ) -> int:
        removed, changed = 0, []
        within = (min(gone), max(gone), frozenset(gone))
        for part, stored in self.blocks.read(owner, kind, *within):
            frame = brought_forward(stored) if kind == FACTS else stored
            out = np.isin(digests(frame), list(gone[part]))
            if out.any():
                removed += int(out.sum())
                kept = take(frame, ~out)
                changed.append((part, cut(kept, 0, rows_of(kept))))  # no text stays in a pool
        if write and changed:
            self.blocks.write(owner, kind, changed)
        return removed

    @staticmethod
    def settled(held: Rows, marks: Sequence[Mark]) -> Settled:
        """Return what taking these records back would make of a person's."""
        return settle(held, offered(None), marks, offered(None))

    def by_hand(
        self,
        owner: Owner,
        facts: pa.Table | None,
        samples: Mapping[str, pa.Table],
        *,
        write: bool,
    ) -> Removed:
        """Remove the rows that are equal to these; the facts are never taken in again.

        Without `write` nothing changes: it is counted.
        """
        found, streams = 0, 0
        if facts is not None and facts.num_rows:
            frame = from_arrow(facts.drop_columns(["row"]))
            gone = by_part(frame, year_parts)
            found = self._remove(owner, FACTS, gone, write=write)
            if write and found:
                self._bury(owner, gone)
        for stream, table in samples.items():
            if table.num_rows:
                gone = by_part(from_arrow(table.drop_columns(["row"])), day_parts)
                streams += self._remove(owner, stream, gone, write=write)
        if write and (found or streams):
            self.blocks.remove(owner, SUMMARY)
        return Removed(0, found, streams)

    def _bury(self, owner: Owner, gone: Mapping[int, Collection[int]]) -> None:
        """Note that facts were taken back by hand."""
        rows, parts = buried(self.held(owner), {fact for facts in gone.values() for fact in facts})
        self.blocks.write(owner, RECORDS, fold(rows, parts))


def by_part(
    frame: Frame, parts_of: Callable[[Frame], NDArray[np.int64]]
) -> dict[int, frozenset[int]]:
    """Return the digests of a frame's rows by part."""
    found: dict[int, set[int]] = {}
    for part, digest in zip(parts_of(frame).tolist(), digests(frame).tolist(), strict=True):
        found.setdefault(part, set()).add(digest)
    return {part: frozenset(some) for part, some in found.items()}


def named(held: Rows) -> NDArray[np.int64]:
    """Return each record of a person once, by name: shape (2, n), of names and of records."""
    rows: NDArray[np.int64] = np.unique(np.stack([held["name"], held["record"]]), axis=1)
    return rows[:, (rows[1] != UNHELD) & (rows[1] != BY_HAND_RECORD)]


def matching(records: NDArray[np.int64], names: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield (name, record) of those of `named` that have one of these names, taken back or not."""
    low, high = (np.searchsorted(records[0], names, side) for side in ("left", "right"))
    for i in np.flatnonzero(low < high).tolist():
        for record in records[1, low[i] : high[i]].tolist():
            yield int(names[i]), record


def of_one(records: Mapping[int, int], everybody: Iterable[Rows]) -> dict[int, int]:
    """Return those of the records that no more than one person holds: {record: order}."""
    wanted, count = list(records), Counter[int]()
    for held in everybody:
        mine = held["record"][np.isin(held["record"], wanted) & (held["gone"] == 0)]
        count.update(set(mine.tolist()))
    return {record: order for record, order in records.items() if count[record] < 2}


def marks_of(held: Rows, records: Mapping[int, int]) -> list[Mark]:
    """Return marks that take back what a person has of these records, {record: order}."""
    names = dict(zip(held["record"].tolist(), held["name"].tolist(), strict=True))
    return [Mark(0, r, names[r], order, gone=True) for r, order in records.items() if r in names]


def only_rows(
    batch: Admitted, subject: SubjectId, rows: Collection[int] | None
) -> tuple[pa.Table | None, dict[str, pa.Table]]:
    """Return a person's facts and samples of a batch; of `rows` only, where they are given."""

    def chosen(table: pa.Table) -> pa.Table:
        if rows is None:
            return table
        return table.filter(pa.array(np.isin(table.column("row").to_numpy(), list(rows))))

    facts = batch.observations.get(subject)
    samples = {stream: chosen(t) for (who, stream), t in batch.samples.items() if who == subject}
    return None if facts is None else chosen(facts), samples
