"""Which record of its source a row is: the same record written anew, taken back, or moved."""

import hmac
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from euthymia.gateway.checks import FACTS_BORDER, plain
from euthymia.gateway.contract import Holder, Identities, Mark
from euthymia.gateway.desk import Desk
from euthymia.gateway.quarantine import Quarantine
from euthymia.ground.clock import Micros
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Observations, Retracted, Writing
from euthymia.security.envelope import context

NEVER_HELD: Final = (
    "its source takes it back (entered in error, or deleted), and nothing of it is stored here"
)
HELD_OF_SEVERAL: Final = (
    "its source takes it back (entered in error, or deleted) and names no patient, and records of "
    "that id are stored of several: take it back by hand (euthymia retract SUBJECT --record ID)"
)
UNHELD: Final = 0
"""The hash of the record that a row is whose source does not name it."""


def record_hash(key: bytes, name: str, system: str = "", server: str = "") -> int:
    """Return the keyed hash (64 bits, never 0) of a record's name, among those of a system."""
    digest = hmac.digest(key, context("record", system, server, name), "sha256")
    return int.from_bytes(digest[:8], signed=True) or 1


@dataclass(slots=True)
class Registrar:
    """Gathers the marks of one file by subject; what is taken back is looked for."""

    key: bytes
    identities: Identities
    desk: Desk
    now: Micros
    marks: dict[SubjectId, list[Mark]] = field(default_factory=dict)
    said: dict[SubjectId, list[pa.Table]] = field(default_factory=dict)

    def note(self, system: str, item: Observations) -> Mapping[int, Mark]:
        """Return the mark of each row that an item says a record of."""
        return {row: self._mark(row, system, told) for row, told in item.written.items()}

    def _mark(self, row: int, system: str, told: Writing) -> Mark:
        if not told.name:
            return Mark(row, UNHELD, UNHELD, 0)
        record = record_hash(self.key, told.name, system, told.server)
        name = record_hash(self.key, told.name)
        return Mark(row, record, name, min(told.order, self.now), told.changed)

    def take(self, subject: SubjectId, marks: Mapping[int, Mark], rows: Iterable[int]) -> None:
        """Keep the marks of a subject's rows."""
        own = self.marks.setdefault(subject, [])
        own += [marks[row] for row in dict.fromkeys(rows) if row in marks]

    def take_back(self, items: Collection[Retracted], quarantine: Quarantine) -> None:
        """Find whose each record is that is taken back, and where one was moved from.

        One that names its patient is noted though it never came: an older writing may come yet.
        """
        names = {record_hash(self.key, item.record.name) for item in items}
        moved = {m.name for own in self.marks.values() for m in own if m.changed and m.name}
        held = self.identities.holders(names | moved) if names or moved else {}
        all_held = {name: set(held.get(name, ())) for name in names}
        for subject, own in self.marks.items():
            for mark in own:
                if mark.name in names and not mark.gone:
                    all_held[mark.name].add(Holder(subject, mark.record))
        for item in items:
            self._take_back(item, all_held, quarantine)
        self._take_from_others(held)

    def _take_back(
        self, item: Retracted, held: Mapping[int, Collection[Holder]], quarantine: Quarantine
    ) -> None:
        name = record_hash(self.key, item.record.name)
        found = sorted(held[name])
        subject, reason = (None, NEVER_HELD) if item.who is None else self.desk.match(item.who)
        if item.who is not None:
            if subject is None:  # erased, or refused: another's record of that id is not meant
                quarantine.refuse([item.row], reason)
                return
            named = item.record.name, item.who.system, item.record.server
            own = Holder(subject, record_hash(self.key, *named))
            theirs = [holder for holder in found if holder.subject == subject]
            same = [holder for holder in found if holder.record == own.record]
            found = [own] if own in found else theirs or same or [own]
        if len(found) != 1:
            quarantine.refuse([item.row], HELD_OF_SEVERAL if found else reason, subject)
            return
        order = min(item.record.order or self.now, self.now)
        mark = Mark(item.row, found[0].record, name, order, gone=True)
        self.desk.meet(found[0].subject)
        self.marks.setdefault(found[0].subject, []).append(mark)
        if item.said is not None and found[0].subject == subject:
            told = plain(item.said, FACTS_BORDER, "observations").drop_columns(["subject_id"])
            self.said.setdefault(subject, []).append(told)

    def _take_from_others(self, held: Mapping[int, tuple[Holder, ...]]) -> None:
        """Have whoever held a record that is somebody else's now lose it (the store decides)."""
        came = [(who, m) for who, own in self.marks.items() for m in own if m.changed]
        for subject, mark in came:
            for holder in held.get(mark.name, ()):
                if holder.subject != subject and holder.record == mark.record:
                    self.desk.meet(holder.subject)
                    lost = mark._replace(row=0, gone=True)
                    self.marks.setdefault(holder.subject, []).append(lost)

    def kept(self, quarantine: Quarantine) -> dict[SubjectId, tuple[Mark, ...]]:
        """Return the marks of rows that were not refused."""
        found = {
            subject: tuple(m for m in own if not (m.row and quarantine.holds_row(m.row)))
            for subject, own in self.marks.items()
        }
        return {subject: own for subject, own in found.items() if own}
