"""The clinic's store, on any SQL engine: a sealed block a person, stream and day."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa

from euthymia.gateway.contract import Admitted, BatchConsent, GrantRecord
from euthymia.gateway.desk import bare_index
from euthymia.gateway.permits import batch_grants
from euthymia.gateway.warrant import vouched
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US, Clock, Micros, Timeline, to_micros
from euthymia.ground.errors import AccessError, ConsentError, SchemaError
from euthymia.ground.ids import SourceId, SubjectId, is_subject_id
from euthymia.ground.made_from import is_from_dropped
from euthymia.ground.records import Directory, Person
from euthymia.ground.schemas import STREAMS
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.pseudonym import blind_index
from euthymia.store import consent, derived, reading, verify
from euthymia.store.blocks import FEATURES, LAST_PART, Blocks, named
from euthymia.store.blocks import OBSERVATIONS as FACTS
from euthymia.store.connection import Database
from euthymia.store.contract import Receipt, RejectedRows
from euthymia.store.files import Files
from euthymia.store.frame import from_arrow, join, to_arrow
from euthymia.store.intake import Intake
from euthymia.store.journal import Journal
from euthymia.store.lines import LINES, Line, added, fold, unfold
from euthymia.store.people import Known, People
from euthymia.store.rekey import Rekeying
from euthymia.store.retract import Retraction
from euthymia.store.retractions import Retractions
from euthymia.store.tables import FRESHNESS, Tables


class SealedStore(Retractions):
    """`Store`, `Identities` and `Consents` over a database. See `store.contract`.

    Parameters
    ----------
    database : Database
        Opened, with its tables brought forward: `store.sqlite` and `store.postgresql` do that.
    keyring, ledger, clock
        The clinic's keys, where every access is told, and what time it is (for consents).
    default_zone : str
        The time zone of people of whom no source names one.

    Notes
    -----
    Any thread may call; calls take turns. Several processes may have the database open: one writes
    at a time, the others wait up to 30 s and then get a BusyError.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        ledger: Ledger,
        clock: Clock,
        default_zone: str = "UTC",
    ) -> None:
        self._keyring, self._ledger, self._clock = keyring, ledger, clock
        self._default_zone = default_zone
        self._blind_key = keyring.derive("blind")
        self._lock = threading.RLock()
        self._grouping = False
        self._commits = 0
        self._seen = -1
        self._db = database
        self._tables = Tables(self._db, keyring.derive(FRESHNESS))
        self._people = People(self._tables, keyring)
        self._blocks = Blocks(self._tables, keyring.derive("digest"))
        self._files = Files(self._tables, keyring)
        self._retraction, self._names = Retraction(self._blocks), {}
        self._journal = Journal(self._tables, ledger)
        self._intake = Intake(self._people, self._blocks, self._files)
        self._rekeying = Rekeying(
            self._tables, keyring, self._people, self._blocks, self._journal, self._writing
        )
        self._to_finish: dict[str, int] = {}

    # -- transactions ----------------------------------------------------------------------------

    def _refresh(self, stamp: int) -> None:
        """Forget what was remembered if another process has committed since."""
        if stamp != self._seen:
            self._forget()
            self._seen = stamp

    def _forget(self) -> None:
        self._people.forget()
        self._blocks.forget()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Hold one state of the file for the length of a read."""
        with self._lock, self._db.translated():
            if self._db.in_transaction:
                yield
                return
            try:
                self._refresh(self._db.begin_reading())
                yield
            finally:
                self._db.roll_back()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Make one write: a transaction, or a part of the group's."""
        with self._lock, self._db.translated():
            if not self._grouping:
                with self._transaction():
                    yield
                return
            mark = self._journal.mark()
            self._db.savepoint()
            try:
                yield
            except BaseException:
                self._db.back_to_savepoint()
                self._journal.forget(mark)
                self._forget()
                self._names.clear()
                raise
            self._db.release()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._refresh(self._db.begin_writing())
            self._tables.forget()
            yield
            self._journal.before_commit()
            stamp = self._db.stamp()
            self._db.commit()
        except BaseException:
            self._db.roll_back()
            self._journal.forget()
            self._forget()
            self._names.clear()
            raise
        self._seen = stamp
        self._commits += 1
        self._journal.after_commit()
        self._db.tidy()

    @contextmanager
    def grouped(self) -> Iterator[None]:
        """See `Store.grouped`. Other threads wait until the group is done."""
        with self._lock, self._db.translated():
            if self._grouping:
                yield
                return
            with self._transaction():
                self._grouping = True
                try:
                    yield
                finally:
                    self._grouping = False
            if self._to_finish:
                self._finish_erasures()

    # -- writing ---------------------------------------------------------------------------------

    def append(self, batch: Admitted, audit: Entry) -> Receipt:
        """See `Store.append`."""
        if not vouched(batch):
            raise ConsentError("a store takes only what the gateway admitted: use Gateway.admit")
        now = to_micros(self._clock())
        with self._writing():
            taken = self._intake.take(batch, audit, now)
            for decision in taken.told:
                self._ledger.append(decision, durable=False)
            counts = taken.counts
            file = self._files.add(batch, counts, now, taken.people)
            told = reading.of_batch(batch, counts, self._files.digest(batch.file_digest))
            told |= reading.of_removal(taken.retracted, taken.removed)
            entry = self._journal.announce(audit, told)
            self._files.announced(file, entry)
        gone = taken.retracted, taken.removed, taken.of
        return Receipt(batch.rows_in, *counts[:3], entry, counts.feature_only, *gone)

    def seen_file(self, digest: str, consent: BatchConsent | None = None) -> int | None:
        """See `Store.seen_file`."""
        now = to_micros(self._clock())
        with self._reading():
            rows, people = self._files.seen(digest) or (None, [])
            for subject in people if consent is not None else ():
                if batch_grants(consent, self._people.need(subject).profile.grants, now):
                    return None
            return rows

    def put_features(self, subject: SubjectId, family: str, table: pa.Table, audit: Entry) -> None:
        """See `Store.put_features`. A table with other columns replaces the family's whole."""
        table = derived.checked(subject, family, table)
        kind = FEATURES + family
        with self._writing():
            known = self._allowed(subject, audit, consent.Kind.PASSIVE)
            stored = dict(self._blocks.read(known.owner, kind))
            for old in stored.values():
                if any(is_from_dropped(digest) for digest in old["input_digest"].pool):
                    rows = to_arrow(old, derived.schema_for(list(old)))
                    table = derived.settled(rows, table)
            new = from_arrow(table.sort_by("date"))
            if any(not derived.same_definition(old, new) for old in stored.values()):
                self._blocks.remove(known.owner, kind)
                stored = {}
            parts, years = [], derived.years(new)
            for year in np.unique(years).tolist():
                own = {name: column.take(years == year) for name, column in new.items()}
                parts.append((year, derived.replaced(stored.get(year), own)))
            self._blocks.write(known.owner, kind, parts)
            told = replace(audit, subject=subject)
            self._journal.announce(told, {"family": family, "rows": table.num_rows})

    def put_lines(self, subject: SubjectId, name: str, lines: Sequence[Line], audit: Entry) -> int:
        """See `Store.put_lines`."""
        kind = LINES + name
        with self._writing():
            owner = self._people.need(reading.for_care(audit, subject)).owner
            held = unfold(frame for _, frame in self._blocks.read(owner, kind))
            new = added(held, lines)
            if new:
                years = {year for year, _ in fold(new)}
                parts = [p for p in fold([*held, *new]) if p[0] in years]
                self._blocks.write(owner, kind, parts)
                told = replace(audit, subject=subject)
                self._journal.announce(told, {"journal": name, "lines": len(new)})
        return len(new)

    def put_grant(self, subject: SubjectId, grant: GrantRecord, audit: Entry) -> None:
        """See `Store.put_grant`."""
        with self._writing():
            known = self._people.editable(self._people.need(subject).owner.subject)
            before = tuple(known.profile.grants)
            if any(known.profile.add_grants([grant])):
                self._people.save(known, consents_changed=True)
            self._intake.drop_unfounded(known, before, to_micros(self._clock()))
            self._journal.announce(replace(audit, subject=subject), reading.of_grant(grant))

    def put_care_team(self, subject: SubjectId, users: Sequence[str], audit: Entry) -> None:
        """See `Store.put_care_team`."""
        with self._writing():
            known = self._people.editable(self._people.need(subject).owner.subject)
            known.profile.set_care_team(users)
            self._people.save(known)
            told = replace(audit, subject=subject)
            self._journal.announce(told, {"members": len(known.profile.care_team)})

    # -- reading ---------------------------------------------------------------------------------

    def _allowed(
        self,
        subject: SubjectId,
        audit: Entry,
        kind: consent.Kind,
        stream: str | None = None,
        *,
        all_streams: bool = False,
    ) -> Known:
        """Return the subject if `audit` may use this kind of their data now; tell if it may not."""
        known = self._people.need(reading.same_subject(audit, subject))
        now = to_micros(self._clock())
        try:
            consent.require(known.profile.grants, audit, kind, now)
            if stream is not None:
                consent.require_stream(known.profile.grants, audit, stream, now)
            if all_streams:
                consent.require_derived(known.profile.grants, audit, now)
        except ConsentError:
            self._tell(audit, subject, {"refused": "consent"})
            raise
        return known

    def _tell(
        self, audit: Entry, subject: SubjectId | None, detail: Mapping[str, str | int]
    ) -> None:
        told = replace(audit, subject=subject or audit.subject, detail={**audit.detail, **detail})
        self._ledger.append(told, durable=False)

    def subjects(self, audit: Entry) -> tuple[SubjectId, ...]:
        """See `Store.subjects`."""
        with self._reading():
            rows = self._db.all("SELECT pseudonym FROM subject ORDER BY pseudonym")
        self._tell(audit, None, {"subjects": len(rows)})
        return tuple(SubjectId(pseudonym) for (pseudonym,) in rows)

    def resolve(self, identifier: str) -> SubjectId | None:
        """See `Store.resolve`."""
        with self._reading():
            if is_subject_id(identifier):
                known = self._people.get(SubjectId(identifier))
                return None if known is None else known.owner.subject
            system, bar, value = identifier.rpartition("|")
            found: list[SubjectId] = []
            if bar:
                who = SourceId(system, value)
                found = self._people.find(blind_index(self._blind_key, who))
            bare = bare_index(self._blind_key, identifier)
            return reading.the_one(found or self._people.find(bare, bare=True))

    def merged(self, subject: SubjectId) -> tuple[SubjectId, ...]:
        """See `Store.merged`."""
        with self._reading():
            return self._people.merged(subject, self._blind_key)

    def find(self, blind_index: str) -> SubjectId | None:
        """See `Identities.find`."""
        with self._reading():
            return reading.the_one(self._people.find(blind_index))

    def erased(self, blind_index: str) -> bool:
        """See `Identities.erased`."""
        with self._reading():
            return self._people.erased(blind_index)

    def birth_date(self, subject: SubjectId) -> date | None:
        """See `Identities.birth_date`."""
        with self._reading():
            known = self._people.get(subject)
            return None if known is None else known.profile.birth_date()

    def birth_year(self, subject: SubjectId) -> int | None:
        """See `Identities.birth_year`."""
        with self._reading():
            known = self._people.get(subject)
            return None if known is None else known.profile.birth_year()

    def person(self, subject: SubjectId, audit: Entry) -> Person:
        """See `Store.person`."""
        if audit.purpose is not Purpose.CARE:
            raise AccessError("who a subject is, is shown for care only")
        with self._reading():
            person = self._people.need(reading.same_subject(audit, subject)).profile.person()
        self._tell(audit, subject, {})
        return person

    def attributes(self, subject: SubjectId, audit: Entry) -> Mapping[str, str]:
        """See `Store.attributes`."""
        with self._reading():
            found = self._allowed(subject, audit, consent.Kind.RECORDS).profile.attributes()
        self._tell(audit, subject, {})
        return found

    def _now_known(self, subject: SubjectId) -> Known | None:
        with self._lock, self._db.translated():
            self._refresh(self._db.stamp())
            return self._people.get(subject)

    def detail_key(self, subject: SubjectId) -> bytes | None:
        """See `Store.detail_key`.

        A key found before is given without a look at the database: `version` and every read forget
        it if anybody has committed since, and what is sealed under a key that was destroyed a
        moment ago is as unreadable as it should be.
        """
        with self._lock, self._db.translated():
            key = self._people.remembered_detail_key(subject)
            if key is None:
                self._refresh(self._db.stamp())
                key = self._people.detail_key(subject)
            return key

    def care_team(self, subject: SubjectId) -> frozenset[str]:
        """See `Store.care_team`."""
        known = self._now_known(subject)
        return frozenset() if known is None else frozenset(known.profile.care_team)

    def grants(self, subject: SubjectId) -> tuple[GrantRecord, ...]:
        """See `Store.grants`; none for an unknown subject."""
        known = self._now_known(subject)
        return () if known is None else tuple(known.profile.grants)

    def timeline(self, subject: SubjectId) -> Timeline:
        """See `Store.timeline`."""
        with self._reading():
            return self._people.need(subject).profile.timeline(self._default_zone)

    def synthetic(self, subject: SubjectId) -> bool:
        """See `Store.synthetic`; no for an unknown subject."""
        known = self._now_known(subject)
        return known is not None and known.profile.synthetic()

    def observations(self, subject: SubjectId, audit: Entry) -> pa.Table:
        """See `Store.observations`."""
        with self._reading():
            known = self._allowed(subject, audit, consent.Kind.RECORDS)
            frames = [frame for _, frame in self._blocks.read(known.owner, FACTS)]
        table = reading.observations(frames, subject)
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
        with self._reading():
            known = self._allowed(subject, audit, consent.Kind.PASSIVE, stream)
            last = min((end - 1) // DAY_US, LAST_PART)
            held = self._blocks.read_joined(known.owner, stream, start // DAY_US, last)
        table = schema.empty_table()
        if held is not None:
            table = to_arrow(reading.within(held, start, end), schema)
        self._tell(audit, subject, {"stream": stream, "rows": table.num_rows})
        return table

    def segments(self, subject: SubjectId) -> Mapping[str, Mapping[int, tuple[int, str]]]:
        """See `Store.segments`."""
        found: dict[str, dict[int, tuple[int, str]]] = {}
        with self._reading():
            names = self._blocks.kind_names()
            for kind, part, rows, digest in self._blocks.list(self._people.need(subject).owner):
                name = named(names, kind)
                if name in STREAMS:
                    found.setdefault(name, {})[part] = (rows, digest)
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
        first = 0 if start is None else start.year
        last = LAST_PART if end is None else end.year
        with self._reading():
            known = self._allowed(subject, audit, consent.Kind.PASSIVE, all_streams=True)
            kind = FEATURES + family
            frames = [frame for _, frame in self._blocks.read(known.owner, kind, first, last)]
            if not frames:  # none in these years, or none at all
                frames = [f for _, f in self._blocks.read(known.owner, kind)][:1]
        table = None
        if frames:
            whole = join(frames)
            table = derived.between(to_arrow(whole, derived.schema_for(list(whole))), start, end)
        rows = 0 if table is None else table.num_rows
        self._tell(audit, subject, {"family": family, "rows": rows})
        return table

    def lines(self, subject: SubjectId, name: str, audit: Entry) -> tuple[Line, ...]:
        """See `Store.lines`."""
        with self._reading():
            owner = self._people.need(reading.for_care(audit, subject)).owner
            found = unfold(frame for _, frame in self._blocks.read(owner, LINES + name))
        self._tell(audit, subject, {"journal": name, "lines": len(found)})
        return found

    def rejects(self, audit: Entry) -> tuple[RejectedRows, ...]:
        """See `Store.rejects`."""
        with self._reading():
            found = self._files.rejects()
        self._tell(audit, None, {"groups": len(found)})
        return found

    def directory(self, audit: Entry) -> tuple[Directory, ...]:
        """See `Store.directory`."""
        with self._reading():
            found = self._files.directory()
        self._tell(audit, None, {"entries": len(found)})
        return found

    # -- state -----------------------------------------------------------------------------------

    def version(self) -> int:
        """See `Store.version`."""
        with self._lock, self._db.translated():
            stamp = self._db.stamp()
            self._refresh(stamp)
            return (stamp << 32) + self._commits

    def verify(self) -> list[str]:
        """See `Store.verify`. Reads through a connection of its own, nothing cached."""
        with self._lock:
            return verify.problems(self._db, self._keyring, self._ledger, self._tables.sums)

    def compared(self) -> list[str]:
        """See `Store.compared`."""
        with self._lock:
            return verify.compared(self._db, self._ledger, self._tables.sums)

    def close(self) -> None:
        """See `Store.close`."""
        with self._lock:
            self._db.close()
