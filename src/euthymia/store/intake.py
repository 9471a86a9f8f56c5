"""Taking a batch in: profiles extended, rows merged into the blocks, every source row counted."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.gateway.contract import Admitted, GrantRecord
from euthymia.gateway.permits import still_needed
from euthymia.ground.audit import Entry
from euthymia.ground.clock import DAY_US, Micros
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import WRITTEN
from euthymia.store.blocks import FEATURES, SUMMARY, Blocks, Owner
from euthymia.store.blocks import OBSERVATIONS as FACTS
from euthymia.store.consent import drops_features, told_of_file
from euthymia.store.files import Files
from euthymia.store.frame import Frame, cut, from_arrow, join, merge, take
from euthymia.store.origins import ORIGINS, Origins, digests, settle
from euthymia.store.people import Known, People
from euthymia.store.reading import brought_forward
from euthymia.store.tally import Counts, Tally

PURPOSE_ASIDE = frozenset({"purpose"})
"""Observations that differ in nothing but their purpose are the same observation."""

Parts = NDArray[np.int64]


def day_parts(frame: Frame) -> Parts:
    """Return the UTC day of each row."""
    days: Parts = frame["time"].values // DAY_US
    return days


def year_parts(frame: Frame) -> Parts:
    """Return the UTC year of each row; 0 where there is no time."""
    time = frame["time"]
    years = time.values.view("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    return years if time.valid is None else np.where(time.valid, years, 0)


class Intake:
    """Writes batches within a transaction that the store holds."""

    def __init__(self, people: People, blocks: Blocks, files: Files) -> None:
        self._people = people
        self._blocks = blocks
        self._files = files

    def take(
        self, batch: Admitted, audit: Entry, now: Micros
    ) -> tuple[list[Known], Counts, list[Entry]]:
        """Store a batch; return everybody in it, what became of the rows, what else to tell."""
        tally = Tally()
        before = {who: self._people.get(who) for who in batch.grants}
        self._pass(batch, tally)
        streams: dict[SubjectId, dict[str, pa.Table]] = {}
        for (subject, stream), table in batch.samples.items():
            streams.setdefault(subject, {})[stream] = table
        touched = [
            self._take_subject(batch, subject, streams.get(subject, {}), tally, now)
            for subject in sorted(batch.subjects)
        ]
        for entry in batch.directory:
            tally.row(entry.row, fresh=self._files.add_directory(entry))
        told = []
        for known in touched:
            held = before.get(known.owner.subject)
            if held is not None:
                who, old = known.owner.subject, held.profile.grants
                told += told_of_file(audit, who, old, known.profile.grants, now)
        return touched, tally.count(batch), told

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
        streams: Mapping[str, pa.Table],
        tally: Tally,
        now: Micros,
    ) -> Known:
        known = self._people.editable(subject)
        exact = batch.blind_indexes.get(subject, ())
        bare = batch.bare_indexes.get(subject, ())
        named = self._people.add_identifiers(known, exact, bare)
        known = self._take_profile(batch, known, tally, now, named=named)
        facts = batch.observations.get(subject)
        if facts is not None:
            facts = self._settled(known.owner, facts, tally)
        if facts is not None and facts.num_rows:
            self._merge(known.owner, FACTS, facts, year_parts, PURPOSE_ASIDE, tally)
        for stream, table in streams.items():
            self._merge(known.owner, stream, table, day_parts, frozenset(), tally)
        return known

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

    def _settled(self, owner: Owner, table: pa.Table, tally: Tally) -> pa.Table:
        """Return the observations to be taken in, without those that no record says any more.

        What was said and no longer holds is removed from what is stored.
        """
        if WRITTEN[0].name not in table.column_names:
            return table
        plain = table.drop_columns([field.name for field in WRITTEN])
        blocks = dict(self._blocks.read(owner, ORIGINS))
        facts = digests(from_arrow(plain.drop_columns(["row"])))
        settled = settle(Origins.of(blocks.get(0)), table, facts)
        rows = table.column("row").to_numpy()
        tally.rows(rows[~settled.stored], rows[settled.news])
        if settled.origins is not None:
            self._blocks.write(owner, ORIGINS, [(0, settled.origins.frame())])
        if settled.gone.size:
            tally.removed += self._remove(owner, settled.gone)
        return plain if settled.stored.all() else plain.filter(pa.array(settled.stored))

    def _remove(self, owner: Owner, gone: NDArray[np.int64]) -> int:
        """Remove observations by their digests; return how many there were."""
        left, count = [], 0
        for part, held in self._blocks.read(owner, FACTS):
            frame = brought_forward(held)
            stay = ~np.isin(digests(frame), gone)
            if not stay.all():
                left.append((part, take(frame, stay)))
                count += int(np.count_nonzero(~stay))
        self._blocks.write(owner, FACTS, left)
        return count

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
