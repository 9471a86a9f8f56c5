"""What a sealed store answers and does about single records that are taken back."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from euthymia.gateway.contract import Admitted, Holder, Mark
from euthymia.gateway.warrant import vouched
from euthymia.ground.audit import Entry
from euthymia.ground.errors import ConsentError
from euthymia.ground.ids import SubjectId
from euthymia.store import reading
from euthymia.store.contract import Removed
from euthymia.store.people import Known
from euthymia.store.records import RECORDS, Rows
from euthymia.store.retract import Retraction, marks_of, matching, named, of_one, only_rows, told
from euthymia.store.summaries import Summaries


class Retractions(Summaries):
    """The part of `SealedStore` that takes records back."""

    _retraction: Retraction
    _names: dict[SubjectId, tuple[int, NDArray[np.int64]]]
    """What `holders` read of each person; a commit that was taken back makes it void."""

    def _everybody(self) -> Iterator[tuple[Known, Rows]]:
        """Yield everybody of whom a record is known, and what is known of them."""
        if self._blocks.known_kind(RECORDS) is None:
            return
        for who in self._pseudonyms():
            known = self._people.need(who)
            rows = self._retraction.held(known.owner)
            if len(rows):
                yield known, rows

    def holders(self, names: Collection[int]) -> Mapping[int, tuple[Holder, ...]]:
        """See `Identities.holders`. What was read of a person is kept until they change."""
        wanted = np.array(sorted(names), np.int64)
        found: dict[int, list[Holder]] = {}
        with self._reading():
            held = {}
            for who in self._pseudonyms() if self._blocks.known_kind(RECORDS) is not None else ():
                held[who] = stamped = self._names_of(who)
                for name, record in matching(stamped[1], wanted):
                    found.setdefault(name, []).append(Holder(who, record))
            self._names = held
        return {name: tuple(holders) for name, holders in found.items()}

    def _names_of(self, who: SubjectId) -> tuple[int, NDArray[np.int64]]:
        """Return a person's last commit, and the names and hashes of their records by name."""
        owner = self._people.need(who).owner
        stamp = self._blocks.stamp(owner)
        kept = self._names.get(who)
        if kept is None or kept[0] != stamp:
            kept = stamp, named(self._retraction.held(owner))
        return kept

    def _pseudonyms(self) -> list[SubjectId]:
        found = self._db.all("SELECT pseudonym FROM subject ORDER BY id")
        return [SubjectId(pseudonym) for (pseudonym,) in found]

    def retractions(self, subject: SubjectId) -> int:
        """See `Store.retractions`."""
        with self._reading():
            known = self._people.get(subject)
            return 0 if known is None else self._retraction.count(known.owner)

    def take_back(
        self, records: Mapping[int, int], audit: Entry, *, dry_run: bool = False
    ) -> Removed:
        """See `Store.take_back`."""
        gone: list[Mark] = []
        facts: dict[SubjectId, int] = {}
        with self._reading() if dry_run else self._writing():
            meant = dict(records)
            if audit.subject is None and meant:
                meant = of_one(records, (held for _, held in self._everybody()))
            for known, held in self._everybody():
                who = known.owner
                if audit.subject in {None, who.subject}:
                    settled = self._retraction.settled(held, marks_of(held, meant))
                    if settled.gone:
                        lost = sum(map(len, settled.dropped.values()))
                        kept = lost if dry_run else self._retraction.keep(who, settled)
                        facts[who.subject] = kept
                    gone += settled.gone
            if gone and not dry_run:
                for entry in told(audit, gone):
                    self._ledger.append(entry, durable=False)
                self._journal.announce(audit, reading.of_removal(len(gone), sum(facts.values())))
        left = len(records) - len(meant)
        return Removed(len(gone), sum(facts.values()), 0, tuple(facts), left)

    def remove(
        self,
        subject: SubjectId,
        batch: Admitted,
        audit: Entry,
        *,
        rows: Collection[int] | None = None,
        dry_run: bool = False,
    ) -> Removed:
        """See `Store.remove`."""
        if not vouched(batch):
            raise ConsentError("a store takes only what the gateway admitted: use Gateway.admit")
        facts, samples = only_rows(batch, subject, rows)
        with self._reading() if dry_run else self._writing():
            owner = self._people.need(reading.same_subject(audit, subject)).owner
            found = self._retraction.by_hand(owner, facts, samples, write=not dry_run)
            if not dry_run and (found.facts or found.samples):
                detail = {"observations_removed": found.facts, "samples_removed": found.samples}
                self._journal.announce(replace(audit, subject=subject), detail)
        return found
