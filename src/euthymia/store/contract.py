"""The Store: what every engine must do, in the words of the in-memory reference.

The same contract tests run on every engine (`tests/contract/test_store.py`).
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, Protocol

import pyarrow as pa

from euthymia.gateway.contract import Admitted, BatchConsent, GrantRecord, Quarantined
from euthymia.ground.audit import Entry
from euthymia.ground.clock import Micros, Timeline
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Directory, Person
from euthymia.store.lines import Line

EXPORT: Final = "export subject"
"""The `Entry.action` under which a person's own data is read for that person: everybody may have
their own data, whatever they consented to (GDPR articles 15 and 20)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one file: rows_in == stored + rejected + duplicates, always.

    `feature_only` of the stored rows held samples that are for features alone and were not kept.
    `retracted`: records that were taken back; `removed`: facts that went with them, or that a later
    writing of their record does not tell any more; `removed_of`: whose.
    """

    rows_in: int
    stored: int
    rejected: int
    duplicates: int
    ledger_entry: str
    feature_only: int = 0
    retracted: int = 0
    removed: int = 0
    removed_of: frozenset[SubjectId] = frozenset()


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """A line of `euthymia rejects`."""

    file: str
    source: str
    at: Micros
    rows: Quarantined


class Removed(NamedTuple):
    """How many records were taken back, what was removed with them, and of whom.

    `left`: records that several people hold, so that nobody can say whose was meant.
    """

    records: int = 0
    facts: int = 0
    samples: int = 0
    people: tuple[SubjectId, ...] = ()
    left: int = 0


class Store(Protocol):
    """Encrypted records and sample segments. A person's data is never touched without an Entry.

    Reading for a purpose other than care needs a consent in force for it now. Reading samples or
    features, for whatever purpose, needs the consent to monitoring that they rest on as well;
    observations that came in for monitoring are left out without it. `EXPORT` for care needs none.
    Without them: ConsentError. An unknown or erased subject: MissingError.

    Every method may be called from any thread; calls take turns.
    """

    # -- writing -----------------------------------------------------------------------------
    def append(self, batch: Admitted, audit: Entry) -> Receipt:
        """Store a batch in one transaction, or nothing of it. What is already there is counted.

        Of `batch.passing` nothing is kept. Its rows count as stored, and under `feature_only`;
        those of a file that is stored already as it is now, with as many rejects, as duplicates.
        """

    def grouped(self) -> AbstractContextManager[None]:
        """Make the writes of a `with` block one transaction: for many small files.

        A write that fails inside takes back itself alone. Nothing is durable before the block
        ends; a crash or an exception that leaves the block takes back all of it.
        """

    def seen_file(self, digest: str, consent: BatchConsent | None = None) -> int | None:
        """Return the rows of a file that is stored already as it is now; None if not.

        It was stored without a reject, nobody in it was erased or changed a consent since, and
        `consent` would add nothing to theirs: its rows may be counted as duplicates without
        reading it.
        """

    def take_back(
        self, records: Mapping[int, int], audit: Entry, *, dry_run: bool = False
    ) -> Removed:
        """Take records back by hash, {record: order}, as their source would.

        Those of `audit.subject`, or of the one who holds them where it names nobody. One that
        nobody holds changes nothing. With `dry_run` nothing changes: it is counted.
        """

    def remove(
        self,
        subject: SubjectId,
        batch: Admitted,
        audit: Entry,
        *,
        rows: Collection[int] | None = None,
        dry_run: bool = False,
    ) -> Removed:
        """Remove what is stored of the subject that is equal to a row of the batch.

        Only to `rows` of its file, where they are given. Facts are never taken in again, from
        whatever record or file. Nothing of the batch is stored. With `dry_run` nothing changes.
        """

    def retractions(self, subject: SubjectId) -> int:
        """Return how many records and facts of a person were taken back; 0 for somebody unknown."""

    def put_features(self, subject: SubjectId, family: str, table: pa.Table, audit: Entry) -> None:
        """Replace the rows of these dates in one family's derived table.

        A row made from samples that were never kept (`ground.made_from`) stays unless the new one
        has a higher coverage, also where the family's definition has changed since.
        """

    def put_lines(self, subject: SubjectId, name: str, lines: Sequence[Line], audit: Entry) -> int:
        """Add lines to a journal about a person, for care; return how many were new.

        A line whose id the journal has already changes nothing. Where none is new nothing is
        written, and the ledger is told nothing.
        """

    def put_grant(self, subject: SubjectId, grant: GrantRecord, audit: Entry) -> None:
        """Record a consent decision; a withdrawal drops derived rows that rested on it."""

    def put_care_team(self, subject: SubjectId, users: Sequence[str], audit: Entry) -> None:
        """Set who is in a care relationship with the subject.

        Who is taken off the team stays off it, and who is added stays on it, whatever team a later
        person record names; of those who are neither, the newest record that names a team decides.
        """

    def erase(self, subject: SubjectId, audit: Entry) -> str:
        """Destroy the subject's key and every row about them; leave a tombstone.

        Returns the id of the ledger entry that says so.
        """

    # -- reading -----------------------------------------------------------------------------
    def subjects(self, audit: Entry) -> tuple[SubjectId, ...]:
        """Return all pseudonyms, sorted."""

    def resolve(self, identifier: str) -> SubjectId | None:
        """Return the subject for a pseudonym or any identifier a source gave; None if unknown.

        `system|value` names one identifier; a bare value is looked up in all systems, and is a
        MissingError if it means several people.
        """

    def merged(self, subject: SubjectId) -> tuple[SubjectId, ...]:
        """Return whom a source says to be this person too: two subjects here, until one is erased.

        It looks at everybody.
        """

    def person(self, subject: SubjectId, audit: Entry) -> Person:
        """Return who the subject is: identified, for care only."""

    def attributes(self, subject: SubjectId, audit: Entry) -> Mapping[str, str]:
        """Return what a model may know of who the subject is, never who it is.

        Keys, where known: sex, birth_year, site, language, race, ethnicity; of somebody who has
        died deceased_on (a date, or "unknown"); of somebody made up, synthetic ("yes").
        """

    def synthetic(self, subject: SubjectId) -> bool:
        """Tell whether a source said that the subject is nobody: a simulation, a test patient."""

    def care_team(self, subject: SubjectId) -> frozenset[str]:
        """Return the users in a care relationship."""

    def grants(self, subject: SubjectId) -> tuple[GrantRecord, ...]:
        """Return every consent decision, oldest first."""

    def detail_key(self, subject: SubjectId) -> bytes | None:
        """Return the key (32 bytes) under which the ledger seals what it tells of a subject.

        It follows from the subject's data key, so an erasure takes it too. None for somebody who
        is unknown or erased.
        """

    def timeline(self, subject: SubjectId) -> Timeline:
        """Return the subject's time zones over time."""

    def observations(self, subject: SubjectId, audit: Entry) -> pa.Table:
        """Return all observations in `schemas.OBSERVATIONS`, sorted by time (nulls first)."""

    def samples(
        self, subject: SubjectId, stream: str, start: Micros, end: Micros, audit: Entry
    ) -> pa.Table:
        """Return the samples of [start, end) in the stream's schema, sorted by time."""

    def segments(self, subject: SubjectId) -> Mapping[str, Mapping[int, tuple[int, str]]]:
        """Return {stream: {UTC day number: (rows, content digest)}}, without any value."""

    def features(
        self,
        subject: SubjectId,
        family: str,
        audit: Entry,
        start: date | None = None,
        end: date | None = None,
    ) -> pa.Table | None:
        """Return one family's derived rows of [start, end), by date; None if never computed."""

    def lines(self, subject: SubjectId, name: str, audit: Entry) -> tuple[Line, ...]:
        """Return a journal's lines by time and id; none if nothing was ever written."""

    def rejects(self, audit: Entry) -> tuple[RejectedRows, ...]:
        """Return everything that was quarantined, newest file first."""

    def directory(self, audit: Entry) -> tuple[Directory, ...]:
        """Return the clinic's organisations, practitioners and devices, by kind and name."""

    # -- state -------------------------------------------------------------------------------
    def version(self) -> int:
        """Return a number that changes with every commit, of this or any other process."""

    def stamp(self, subject: SubjectId) -> str:
        """Return a text that changes when anything stored about the person does; no value is read.

        It may change without that as well.
        """

    def verify(self) -> list[str]:
        """Read and authenticate every stored byte; return the problems found, in words."""

    def compared(self) -> list[str]:
        """Compare the rows that there are with those that the ledger tells of; return what differs.

        A part of `verify` that opens nothing: some microseconds a row.
        """

    def close(self) -> None:
        """Flush and close."""
