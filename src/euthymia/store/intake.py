"""Taking a batch in: profiles extended, rows merged into the blocks, every source row counted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.gateway.contract import Admitted, GrantRecord, Mark
from euthymia.gateway.permits import still_needed
from euthymia.ground.audit import Entry
from euthymia.ground.clock import DAY_US, Micros
from euthymia.ground.ids import SubjectId
from euthymia.store.blocks import FEATURES, SUMMARY, Blocks, Owner
from euthymia.store.blocks import OBSERVATIONS as FACTS
from euthymia.store.consent import drops_features, told_of_file
from euthymia.store.files import Files
from euthymia.store.frame import Frame, cut, from_arrow, join, merge
from euthymia.store.people import Known, People
from euthymia.store.reading import brought_forward
from euthymia.store.records import settle
from euthymia.store.retract import Retraction, day_parts, offered, still_meant, told, year_parts
from euthymia.store.tally import Counts, Tally

PURPOSE_ASIDE = frozenset({"purpose"})
"""Observations that differ in nothing but their purpose are the same observation."""

Parts = NDArray[np.int64]


class Taken(NamedTuple):
    """What became of a batch: who is in it, its rows, what else the ledger is to be told.

    `retracted`: how many records were taken back; `removed`: how many facts that, or a correction,
    removed, and `of` whom.
    """

    people: list[Known]
    counts: Counts
    told: list[Entry]
    retracted: int
    removed: int
    of: frozenset[SubjectId]


class Intake:
    """Writes batches within a transaction that the store holds."""

    def __init__(self, people: People, blocks: Blocks, files: Files) -> None:
        self._people = people
        self._blocks = blocks
        self._files = files
        self._retraction = Retraction(blocks)
        self._gone: list[Mark] = []
        self._removed: dict[SubjectId, int] = {}

    def take(self, batch: Admitted, audit: Entry, now: Micros) -> Taken:
        """Store a batch; return what became of it."""
        tally = Tally()
        self._gone, self._removed = [], {}
        before = {who: self._people.get(who) for who in batch.grants}
        self._pass(batch, tally)
        streams: dict[SubjectId, list[str]] = {}
        for subject, stream in batch.samples:
            streams.setdefault(subject, []).append(stream)
        touched = [
            self._take_subject(batch, subject, streams.get(subject, ()), tally, now)
            for subject in sorted(batch.subjects)
        ]
        for entry in batch.directory:
            tally.row(entry.row, fresh=self._files.add_directory(entry))
        decided = [*told(audit, self._gone)]
        for known in touched:
            held = before.get(known.owner.subject)
            if held is not None:
                who, old = known.owner.subject, held.profile.grants
                decided += told_of_file(audit, who, old, known.profile.grants, now)
        removed = sum(self._removed.values())
        people = frozenset(self._removed)
        return Taken(touched, tally.count(batch), decided, len(self._gone), removed, people)

    def _pass(self, batch: Admitted, tally: Tally) -> None:
        """Count the samples that are not kept: used but for repeats and a file used before."""
        refused = sum(group.rows for group in batch.quarantined)
        used = bool(batch.passing) and self._files.seen(batch.file_digest, refused) is not None
        for table in batch.passing.values():
            rows = table.column("row").to_numpy()
            distinct = merge(None, from_arrow(table.drop_columns(["row"]))).origin
            tally.passed(rows, rows[:0] if used else rows[distinct])

    def _take_subject(
        self,
        batch: Admitted,
        subject: SubjectId,
        streams: Sequence[str],
        tally: Tally,
        now: Micros,
    ) -> Known:
        known = self._people.editable(subject)
        exact = batch.blind_indexes.get(subject, ())
        bare = batch.bare_indexes.get(subject, ())
        named = self._people.add_identifiers(known, exact, bare)
        known = self._take_profile(batch, known, tally, now, named=named)
        facts = self._settled(batch, known.owner, tally)
        if facts is not None and facts.num_rows:
            self._merge(known.owner, FACTS, facts, year_parts, PURPOSE_ASIDE, tally)
        for stream in streams:
            for piece in _days_together(batch.samples.pieces((subject, stream))):
                self._merge(known.owner, stream, piece, day_parts, frozenset(), tally)
        return known

    def _settled(self, batch: Admitted, owner: Owner, tally: Tally) -> pa.Table | None:
        """Take out what records do not give any more; return the facts that are to be stored."""
        subject, table = owner.subject, batch.observations.get(owner.subject)
        if table is None and subject not in batch.records:
            return None
        held = self._retraction.held(owner)
        marks = still_meant(batch, subject, held)
        if not marks and not len(held):
            return table
        settled = settle(held, offered(table), marks, offered(batch.said.get(subject)))
        removed = self._retraction.keep(owner, settled)
        self._gone += settled.gone
        if removed:
            self._removed[subject] = removed
        for mark in marks:
            if mark.gone:
                tally.row(mark.row, fresh=mark.row in settled.fresh)
        if table is None or not settled.refused.any():
            return table
        refused = table.column("row").to_numpy()[settled.refused]
        tally.rows(refused, refused[:0])
        return table.filter(pa.array(~settled.refused))

    def _take_profile(
        self, batch: Admitted, known: Known, tally: Tally, now: Micros, *, named: bool
    ) -> Known:
        subject, profile = known.owner.subject, known.profile
        before = tuple(profile.grants)
        persons = batch.people.get(subject, ())
        grants = still_needed(batch.grants.get(subject, ()), profile.grants, now)
        zones = batch.zones.get(subject, ())
        new_persons = profile.add_persons(persons)
        new_grants = profile.add_grants([grant for _, grant in grants])
        new_zones = profile.add_zones([(at, zone) for _, at, zone in zones])
        rows = [p.row for p in persons] + [g[0] for g in grants] + [z[0] for z in zones]
        fresh = [*new_persons, *new_grants, *new_zones]
        for row, new in zip(rows, fresh, strict=True):
            tally.row(row, fresh=new)
        if named or any(fresh):
            known = self._people.save(known, consents_changed=any(new_grants))
        if any(new_grants):
            self.drop_unfounded(known, before, now)
        return known

    def drop_unfounded(self, known: Known, before: Sequence[GrantRecord], now: Micros) -> None:
        """After a consent decision: remove what it may have taken the ground from.

        The summary in any case; derived rows if a consent to monitoring that they rest on is not in
        force now.
        """
        self._blocks.remove(known.owner, SUMMARY)
        if drops_features(before, known.profile.grants, now):
            for name in self._blocks.kind_names().values():
                if name.startswith(FEATURES):
                    self._blocks.remove(known.owner, name)

    def _merge(
        self,
        owner: Owner,
        kind: str,
        table: pa.Table,
        parts_of: Callable[[Frame], Parts],
        ignore: frozenset[str],
        tally: Tally,
    ) -> None:
        rows = table.column("row").to_numpy()
        new = from_arrow(table.drop_columns(["row"]))
        wanted = frozenset(np.unique(parts_of(new)).tolist())
        blocks = self._blocks.read(owner, kind, min(wanted), max(wanted), wanted)
        stored = [brought_forward(frame) if kind == FACTS else frame for _, frame in blocks]
        merged = merge(join(stored) if stored else None, new, ignore)
        fresh = merged.origin >= 0
        tally.rows(rows, rows[merged.origin[fresh]])
        parts = parts_of(merged.frame)
        self._blocks.write(owner, kind, _changed(merged.frame, parts, fresh))


def _days_together(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield samples with the last day of a piece beside the next piece.

    A day is written each time that rows of it come: of samples in order, once.
    """
    held: pa.Table | None = None
    for piece in pieces:
        if held is not None:
            day = held.column("time").cast(pa.int64()).to_numpy() // DAY_US
            last = day == day.max()
            if not last.all():
                yield held.filter(pa.array(~last))
                held = held.filter(pa.array(last))
        held = piece if held is None else pa.concat_tables([held, piece])
    if held is not None:
        yield held


def _changed(frame: Frame, parts: Parts, fresh: NDArray[Any]) -> list[tuple[int, Frame]]:
    """Return the parts that hold a new row; `parts` never falls."""
    starts = np.flatnonzero(np.r_[True, parts[1:] != parts[:-1]])
    ends = np.r_[starts[1:], len(parts)]
    news = np.add.reduceat(fresh.astype(np.int64), starts)
    return [
        (int(parts[start]), cut(frame, int(start), int(end)))
        for start, end, new in zip(starts, ends, news, strict=True)
        if new
    ]
