"""What the gateway lets through, and what it must ask of a higher room (the store)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Protocol

import pyarrow as pa

from euthymia.gateway.held import HeldSamples
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Directory, Person
from euthymia.ground.scope import Scope


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A consent decision in force from `since` until `until` (None: open), for one purpose.

    `scope` limits it to some data, protected kinds or recipients; `version` names the text that the
    person agreed to. `form` names the form that it stands on, as it was written at `revised`; empty
    and 0: of a source that does not say. `told` is when it was decided; 0: at `since`.
    """

    purpose: Purpose
    permit: bool
    since: Micros
    until: Micros | None
    because: str
    scope: Scope | None = None
    version: str = ""
    form: str = ""
    revised: Micros = 0
    told: Micros = 0


class Mark(NamedTuple):
    """Which record of its source a row is, by keyed hash; 0: of a source that does not say.

    Attributes
    ----------
    row : int
        The row of the file; 0: no row, but what another one tells of somebody else's record.
    record, name : int
        The hash of the record's name among those of one identifier system, and of its name alone.
    order : int
        Of its writings: see `ground.records.Writing`.
    changed : bool
        It is not the first writing.
    gone : bool
        The source takes the record back.
    """

    row: int
    record: int
    name: int
    order: int
    changed: bool = False
    gone: bool = False


class Holder(NamedTuple):
    """Of whom a record is held, and under which hash (see `Mark`)."""

    subject: SubjectId
    record: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Rows that were refused: where, how many and why. Their content is not kept."""

    row: int
    rows: int
    reason: str
    subject: SubjectId | None = None


@dataclass(frozen=True, slots=True)
class BatchConsent:
    """A consent for everybody in a batch (`ingest --consent ... --because ...`).

    It never overrules a withdrawal: a person's "no" beats a batch's "yes".
    """

    purposes: frozenset[Purpose]
    because: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Admitted:
    """One file's worth of checked data, by pseudonym. Only `gateway.admit` makes one.

    A store takes it only if `gateway.warrant.vouched` knows this very object: one made elsewhere,
    or a changed copy, is refused.

    Tables have no `subject_id` (the key says whose they are) and keep the border's `row` column so
    that the store can count rows; it is dropped on disk. A row number may occur in several places
    (a FHIR resource with components); it is stored if any part of it is new, and is a duplicate
    if none is. `rows_in` = the distinct rows named here + those quarantined.

    Attributes
    ----------
    blind_indexes, bare_indexes : mapping
        Keyed hashes of each identifier, and of its value alone (which two people may share).
    people : mapping
        Row 0: not a row of the file, but a mark that it is about nobody.
    grants : mapping
        (row, decision) per subject; row 0: a batch consent, not a row of the file.
    passing : mapping
        Samples of feature-only streams: features may be made of them now, and no store keeps them.
    records : mapping
        Which record of its source each row of observations is, where that is told; and which
        records are taken back.
    said : mapping
        What records that are taken back still say, in the columns of observations: of one that is
        not known by its hash it is removed.
    """

    source: str
    file_digest: str
    file_name: str
    rows_in: int
    people: Mapping[SubjectId, tuple[Person, ...]]
    blind_indexes: Mapping[SubjectId, tuple[str, ...]]
    bare_indexes: Mapping[SubjectId, tuple[str, ...]]
    grants: Mapping[SubjectId, tuple[tuple[int, GrantRecord], ...]]
    zones: Mapping[SubjectId, tuple[tuple[int, Micros, str], ...]]
    observations: Mapping[SubjectId, pa.Table]
    samples: HeldSamples
    directory: tuple[Directory, ...]
    quarantined: tuple[Quarantined, ...]
    passing: Mapping[tuple[SubjectId, str], pa.Table] = field(default_factory=dict)
    records: Mapping[SubjectId, tuple[Mark, ...]] = field(default_factory=dict)
    said: Mapping[SubjectId, pa.Table] = field(default_factory=dict)

    @property
    def subjects(self) -> frozenset[SubjectId]:
        """Everybody this file says something about."""
        return frozenset(
            {*self.blind_indexes, *self.people, *self.grants, *self.zones, *self.observations}
            | {subject for subject, _ in (*self.samples, *self.passing)}
        )


class Identities(Protocol):
    """What the gateway must know of people already stored. The store answers."""

    def find(self, blind_index: str) -> SubjectId | None:
        """Return the subject that a keyed identifier hash belongs to."""

    def birth_date(self, subject: SubjectId) -> date | None:
        """Return the stored birth date, to notice one identifier used for two people.

        None if the subject is unknown or has none.
        """

    def birth_year(self, subject: SubjectId) -> int | None:
        """Return the stored year of birth, of the date or alone; None if none is stored."""

    def erased(self, blind_index: str) -> bool:
        """Tell whether this identifier belongs to somebody who was erased."""

    def holders(self, names: Collection[int]) -> Mapping[int, tuple[Holder, ...]]:
        """Return who holds a record of these names (`Mark.name`), and of none that nobody holds.

        It looks at everybody: the first time a millisecond a person of 1,000 records, then 20 us.
        """


class Consents(Protocol):
    """Who allowed what. The store answers."""

    def grants(self, subject: SubjectId) -> tuple[GrantRecord, ...]:
        """Return every decision on record for the subject; none if the subject is unknown."""
