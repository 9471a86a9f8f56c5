"""The reference: what a store does, said as plainly as Python can. For tests and for reading.

Nothing is encrypted, nothing is quick, nothing outlives the process. Rows are tuples in dicts, so
that "already there" is a look-up. The other engines must give the same answers.
"""

import copy
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa

from euthymia.gateway.contract import Admitted, BatchConsent, GrantRecord, Holder, Mark
from euthymia.gateway.desk import bare_index
from euthymia.gateway.permits import batch_grants, still_needed
from euthymia.gateway.warrant import vouched
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US, Clock, Micros, Timeline, to_micros
from euthymia.ground.errors import AccessError, ConsentError, SchemaError
from euthymia.ground.ids import SourceId, SubjectId, is_subject_id
from euthymia.ground.records import Directory, Person
from euthymia.ground.schemas import OBSERVATIONS, STREAMS
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.pseudonym import blind_index
from euthymia.store import consent, derived, reading
from euthymia.store import memory_people as own
from euthymia.store.contract import Receipt, RejectedRows, Removed
from euthymia.store.files import BLANK
from euthymia.store.lines import Line, added
from euthymia.store.memory_people import File, Row, State, add, by_time, forget
from euthymia.store.memory_people import Person as Remembered
from euthymia.store.people import require_own, unknown_subject
from euthymia.store.profile import merged
from euthymia.store.retract import of_one, only_rows
from euthymia.store.retract import told as told_of
from euthymia.store.tally import Tally


class MemoryStore:
    """`Store`, `Identities` and `Consents` in dictionaries. See `store.contract`."""

    def __init__(
        self, keyring: Keyring, ledger: Ledger, clock: Clock, default_zone: str = "UTC"
    ) -> None:
        self._ledger, self._clock, self._default_zone = ledger, clock, default_zone
        self._blind_key = keyring.derive("blind")
        self._state = State()
        self._version = 0
        self._grouping = False

    # -- transactions ----------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        before = copy.deepcopy(self._state)
        try:
            yield
        except BaseException:
            self._state = before
            raise
        self._version += 1

    @contextmanager
    def grouped(self) -> Iterator[None]:
        """See `Store.grouped`."""
        with self._writing():
            yield

    def _tell(
        self, audit: Entry, subject: SubjectId | None, detail: reading.Detail, durable: bool = False
    ) -> str:
        told = replace(audit, subject=subject or audit.subject, detail={**audit.detail, **detail})
        return self._ledger.append(told, durable=durable)

    def _need(self, subject: SubjectId) -> Remembered:
        if subject not in self._state.subjects:
            raise unknown_subject()
        return self._state.subjects[subject]

    def _allowed(
        self,
        subject: SubjectId,
        audit: Entry,
        kind: consent.Kind,
        stream: str | None = None,
        *,
        all_streams: bool = False,
    ) -> Remembered:
        known = self._need(reading.same_subject(audit, subject))
        now = to_micros(self._clock())
        consent.require(known.profile.grants, audit, kind, now)
        if stream is not None:
            consent.require_stream(known.profile.grants, audit, stream, now)
        if all_streams:
            consent.require_derived(known.profile.grants, audit, now)
        return known

    # -- writing ---------------------------------------------------------------------------------

    def append(self, batch: Admitted, audit: Entry) -> Receipt:
        """See `Store.append`."""
        if not vouched(batch):
            raise ConsentError("a store takes only what the gateway admitted: use Gateway.admit")
        with self._writing():
            tally = Tally()
            self._pass(batch, tally)
            gone: list[Mark] = []
            removed: dict[SubjectId, int] = {}
            for subject in sorted(batch.subjects):
                marks, count = self._append_subject(batch, subject, tally, audit)
                gone += marks
                removed |= {subject: count} if count else {}
            for entry in told_of(audit, gone):
                self._ledger.append(entry)
            for listed in batch.directory:
                plain = replace(listed, row=0)
                tally.row(listed.row, fresh=plain not in self._state.directory)
                self._state.directory.add(plain)
            counts = tally.count(batch)
            told = reading.of_batch(batch, counts, hashlib.sha256(b"memory").digest())
            facts = sum(removed.values())
            told |= reading.of_removal(len(gone), facts)
            name = self._tell(audit, None, told, durable=True)
            lost = len(gone), facts, frozenset(removed)
            receipt = Receipt(batch.rows_in, *counts[:3], name, counts.feature_only, *lost)
            self._add_file(batch)
        return receipt

    def _pass(self, batch: Admitted, tally: Tally) -> None:
        file = self._newest(batch.file_digest)
        refused = sum(group.rows for group in batch.quarantined)
        used = file is not None and sum(r.rows.rows for r in file.rejects) == refused
        for table in batch.passing.values():
            add({}, table, set(), tally, kept=False, used=used)

    def _newest(self, digest: str) -> File | None:
        """Return the newest file of this digest if nobody in it changed a consent since."""
        file = next((f for f in reversed(self._state.files) if f.digest == digest), None)
        known = self._state.subjects
        if file and any(known[s].consents != count for s, count in file.consents.items()):
            return None
        return file

    def _append_subject(
        self, batch: Admitted, subject: SubjectId, tally: Tally, audit: Entry
    ) -> tuple[tuple[Mark, ...], int]:
        for blind in batch.blind_indexes.get(subject, ()):
            require_own(subject, self._having(blind, bare=False), erased=self.erased(blind))
        known = self._state.subjects.setdefault(subject, Remembered())
        known.exact.update(batch.blind_indexes.get(subject, ()))
        known.bare.update(batch.bare_indexes.get(subject, ()))
        for person in batch.people.get(subject, ()):
            tally.row(person.row, fresh=known.profile.add_persons([person])[0])
        for row, at, zone in batch.zones.get(subject, ()):
            tally.row(row, fresh=known.profile.add_zones([(at, zone)])[0])
        now = to_micros(self._clock())
        before = tuple(known.profile.grants)
        for row, grant in still_needed(batch.grants.get(subject, ()), before, now):
            fresh = known.profile.add_grants([grant])[0]
            tally.row(row, fresh=fresh)
            known.consents += fresh
        self._drop_unfounded(known, before)
        for decision in consent.told_of_file(audit, subject, before, known.profile.grants, now):
            self._ledger.append(decision)
        facts, gone, removed = own.settle_records(known, batch, subject, tally)
        if facts is not None:
            add(known.facts, facts, {"purpose"}, tally)
        for (whose, stream), table in batch.samples.items():
            if whose == subject:
                add(known.samples.setdefault(stream, {}), table, set(), tally)
        return gone, removed

    def _add_file(self, batch: Admitted) -> None:
        at = to_micros(self._clock())
        known = self._state.subjects
        groups = (
            replace(q, subject=q.subject if q.subject in known else None) for q in batch.quarantined
        )
        name = BLANK if reading.about_erased_alone(batch) else batch.file_name
        rejects = tuple(RejectedRows(name, batch.source, at, q) for q in groups)
        whose = tuple(q.subject for q in batch.quarantined)
        consents = {s: known[s].consents for s in batch.subjects}
        file = File(batch.file_digest, batch.rows_in, rejects, whose, consents)
        self._state.files.append(file)

    def seen_file(self, digest: str, consent: BatchConsent | None = None) -> int | None:
        """See `Store.seen_file`."""
        file = self._newest(digest)
        if file is None or file.rejects:
            return None
        now = to_micros(self._clock())
        grants = [self._state.subjects[subject].profile.grants for subject in file.consents]
        return None if any(batch_grants(consent, own, now) for own in grants) else file.rows_in

    def put_features(self, subject: SubjectId, family: str, table: pa.Table, audit: Entry) -> None:
        """See `Store.put_features`. A table with other columns replaces the family's whole."""
        table = derived.checked(subject, family, table)
        with self._writing():
            known = self._allowed(subject, audit, consent.Kind.PASSIVE)
            rows = known.features.get(family, {})
            if rows:
                table = derived.settled(pa.concat_tables(rows.values()), table)
            if any(old.column_names != table.column_names for old in rows.values()):
                rows = {}
            for place, day in enumerate(table.column("date").to_pylist()):
                rows[day] = table.slice(place, 1)
            if rows:
                known.features[family] = rows
            told = {"family": family, "rows": table.num_rows}
            self._tell(audit, subject, told, durable=True)

    def _drop_unfounded(self, known: Remembered, before: Sequence[GrantRecord]) -> None:
        now = to_micros(self._clock())
        if consent.drops_features(before, known.profile.grants, now):
            known.features.clear()

    def put_grant(self, subject: SubjectId, grant: GrantRecord, audit: Entry) -> None:
        """See `Store.put_grant`."""
        with self._writing():
            known = self._need(subject)
            before = tuple(known.profile.grants)
            known.consents += known.profile.add_grants([grant])[0]
            self._drop_unfounded(known, before)
            self._tell(audit, subject, reading.of_grant(grant), durable=True)

    def put_lines(self, subject: SubjectId, name: str, lines: Sequence[Line], audit: Entry) -> int:
        """See `Store.put_lines`."""
        with self._writing():
            held = self._need(reading.for_care(audit, subject)).lines.setdefault(name, [])
            new = added(held, lines)
            held += new
            if new:
                self._tell(audit, subject, {"journal": name, "lines": len(new)}, durable=True)
        return len(new)

    def put_care_team(self, subject: SubjectId, users: Sequence[str], audit: Entry) -> None:
        """See `Store.put_care_team`."""
        with self._writing():
            profile = self._need(subject).profile
            profile.set_care_team(users)
            self._tell(audit, subject, {"members": len(profile.care_team)}, durable=True)

    def erase(self, subject: SubjectId, audit: Entry) -> str:
        """See `Store.erase`."""
        with self._writing():
            self._state.tombstones |= self._need(subject).exact
            del self._state.subjects[subject]
            for file in self._state.files:
                forget(file, subject)
            return self._tell(audit, subject, {"erased": True}, durable=True)

    def take_back(
        self, records: Mapping[int, int], audit: Entry, *, dry_run: bool = False
    ) -> Removed:
        """See `Store.take_back`."""
        before = copy.deepcopy(self._state)
        everybody, asked = self._state.subjects, len(records)
        if audit.subject is None:
            records = of_one(records, (person.records for person in everybody.values()))
        meant = {w: p for w, p in everybody.items() if audit.subject in {None, w}}
        found = {who: own.take_back(person, records) for who, person in meant.items()}
        found = {who: done for who, done in found.items() if done[0]}
        gone = [mark for marks, _ in found.values() for mark in marks]
        facts = sum(count for _, count in found.values())
        if dry_run:
            self._state = before
        elif gone:
            self._version += 1
            for entry in told_of(audit, gone):
                self._ledger.append(entry)
            self._tell(audit, None, reading.of_removal(len(gone), facts), durable=True)
        return Removed(len(gone), facts, 0, tuple(found), asked - len(records))

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
        known = self._need(reading.same_subject(audit, subject))
        found = own.by_hand(known, *only_rows(batch, subject, rows), write=not dry_run)
        if not dry_run and (found.facts or found.samples):
            self._version += 1
            told = {"observations_removed": found.facts, "samples_removed": found.samples}
            self._tell(audit, subject, told, durable=True)
        return found

    def holders(self, names: Collection[int]) -> Mapping[int, tuple[Holder, ...]]:
        """See `Identities.holders`."""
        return own.held_by(self._state.subjects, names)

    def retractions(self, subject: SubjectId) -> int:
        """See `Store.retractions`."""
        known = self._state.subjects.get(subject)
        return 0 if known is None else int(known.records["gone"].sum())

    # -- reading ---------------------------------------------------------------------------------

    def subjects(self, audit: Entry) -> tuple[SubjectId, ...]:
        """See `Store.subjects`."""
        self._tell(audit, None, {"subjects": len(self._state.subjects)})
        return tuple(sorted(self._state.subjects))

    def _having(self, blind: str, *, bare: bool) -> list[SubjectId]:
        everybody = self._state.subjects.items()
        return [s for s, known in everybody if blind in (known.bare if bare else known.exact)]

    def resolve(self, identifier: str) -> SubjectId | None:
        """See `Store.resolve`."""
        if is_subject_id(identifier):
            subject = SubjectId(identifier)
            return subject if subject in self._state.subjects else None
        system, bar, value = identifier.rpartition("|")
        exact = blind_index(self._blind_key, SourceId(system, value))
        found = self._having(exact, bare=False) if bar else []
        bare = bare_index(self._blind_key, identifier)
        return reading.the_one(found or self._having(bare, bare=True))

    def merged(self, subject: SubjectId) -> tuple[SubjectId, ...]:
        """See `Store.merged`."""
        held = sorted(self._state.subjects.items())
        people = ((who, known.profile, known.exact) for who, known in held)
        return merged(people, subject, self._blind_key)

    def find(self, blind_index: str) -> SubjectId | None:
        """See `Identities.find`."""
        return reading.the_one(self._having(blind_index, bare=False))

    def erased(self, blind_index: str) -> bool:
        """See `Identities.erased`."""
        return blind_index in self._state.tombstones

    def birth_date(self, subject: SubjectId) -> date | None:
        """See `Identities.birth_date`."""
        known = self._state.subjects.get(subject)
        return known.profile.birth_date() if known else None

    def birth_year(self, subject: SubjectId) -> int | None:
        """See `Identities.birth_year`."""
        known = self._state.subjects.get(subject)
        return known.profile.birth_year() if known else None

    def person(self, subject: SubjectId, audit: Entry) -> Person:
        """See `Store.person`."""
        if audit.purpose is not Purpose.CARE:
            raise AccessError("who a subject is, is shown for care only")
        person = self._need(reading.same_subject(audit, subject)).profile.person()
        self._tell(audit, subject, {})
        return person

    def attributes(self, subject: SubjectId, audit: Entry) -> Mapping[str, str]:
        """See `Store.attributes`."""
        found = self._allowed(subject, audit, consent.Kind.RECORDS).profile.attributes()
        self._tell(audit, subject, {})
        return found

    def lines(self, subject: SubjectId, name: str, audit: Entry) -> tuple[Line, ...]:
        """See `Store.lines`."""
        known = self._need(reading.for_care(audit, subject))
        found = tuple(sorted(known.lines.get(name, [])))
        self._tell(audit, subject, {"journal": name, "lines": len(found)})
        return found

    def care_team(self, subject: SubjectId) -> frozenset[str]:
        """See `Store.care_team`."""
        known = self._state.subjects.get(subject)
        return frozenset(known.profile.care_team) if known else frozenset()

    def grants(self, subject: SubjectId) -> tuple[GrantRecord, ...]:
        """See `Store.grants`; none for an unknown subject."""
        known = self._state.subjects.get(subject)
        return tuple(known.profile.grants) if known else ()

    def detail_key(self, subject: SubjectId) -> bytes | None:
        """See `Store.detail_key`."""
        known = self._state.subjects.get(subject)
        return known.detail_key if known else None

    def timeline(self, subject: SubjectId) -> Timeline:
        """See `Store.timeline`."""
        return self._need(subject).profile.timeline(self._default_zone)

    def synthetic(self, subject: SubjectId) -> bool:
        """See `Store.synthetic`; no for an unknown subject."""
        known = self._state.subjects.get(subject)
        return known is not None and known.profile.synthetic()

    def observations(self, subject: SubjectId, audit: Entry) -> pa.Table:
        """See `Store.observations`."""
        known = self._allowed(subject, audit, consent.Kind.RECORDS)
        columns = OBSERVATIONS.names[1:]
        rows = [
            {"subject_id": subject, **dict(zip(columns, row, strict=True))}
            for row in known.facts.values()
        ]
        table = by_time(pa.Table.from_pylist(rows, OBSERVATIONS))
        table = reading.without_twins(table)
        now = to_micros(self._clock())
        table = consent.readable(table, known.profile.grants, audit, now)
        self._tell(audit, subject, {"rows": table.num_rows})
        return table

    def samples(
        self, subject: SubjectId, stream: str, start: Micros, end: Micros, audit: Entry
    ) -> pa.Table:
        """See `Store.samples`."""
        if stream not in STREAMS:
            raise SchemaError(f"there is no stream {stream!r}; ground/schemas.py lists them")
        schema = STREAMS[stream].schema
        known = self._allowed(subject, audit, consent.Kind.PASSIVE, stream)
        rows = [
            dict(zip(schema.names, row, strict=True))
            for row in known.samples.get(stream, {}).values()
            if start <= to_micros(row[0]) < end
        ]
        table = by_time(pa.Table.from_pylist(rows, schema))
        self._tell(audit, subject, {"stream": stream, "rows": table.num_rows})
        return table

    def segments(self, subject: SubjectId) -> Mapping[str, Mapping[int, tuple[int, str]]]:
        """See `Store.segments`."""
        found: dict[str, dict[int, tuple[int, str]]] = {}
        for stream, rows in self._need(subject).samples.items():
            days: dict[int, list[Row]] = {}
            for row in rows.values():
                days.setdefault(to_micros(row[0]) // DAY_US, []).append(row)
            found[stream] = {
                day: (len(own), hashlib.sha256(repr(sorted(map(repr, own))).encode()).hexdigest())
                for day, own in sorted(days.items())
            }
        return found

    def features(
        self,
        subject: SubjectId,
        family: str,
        audit: Entry,
        start: date | None = None,
        end: date | None = None,
    ) -> pa.Table | None:
        """See `Store.features`."""
        known = self._allowed(subject, audit, consent.Kind.PASSIVE, all_streams=True)
        rows = known.features.get(family)
        if rows is None:
            return None
        table = pa.concat_tables([rows[day] for day in sorted(rows)])
        kept = [
            (start is None or start <= day) and (end is None or day < end) for day in sorted(rows)
        ]
        return table.filter(pa.array(np.array(kept)))

    def rejects(self, audit: Entry) -> tuple[RejectedRows, ...]:
        """See `Store.rejects`."""
        found = tuple(r for file in reversed(self._state.files) for r in file.rejects)
        self._tell(audit, None, {"groups": len(found)})
        return found

    def directory(self, audit: Entry) -> tuple[Directory, ...]:
        """See `Store.directory`."""
        self._tell(audit, None, {"entries": len(self._state.directory)})
        return tuple(sorted(self._state.directory, key=lambda d: (d.kind, d.name, d.identifier)))

    # -- state -----------------------------------------------------------------------------------

    def version(self) -> int:
        """See `Store.version`."""
        return self._version

    def stamp(self, subject: SubjectId) -> str:
        """See `Store.stamp`."""
        self._need(subject)
        return str(self._version)

    def verify(self) -> list[str]:
        """See `Store.verify`: nothing rests on a disk."""
        return []

    compared = verify

    def close(self) -> None:
        """See `Store.close`: nothing is open."""
