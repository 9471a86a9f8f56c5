"""What the gateway lets through, and what it must ask of a higher room (the store)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pyarrow as pa

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Directory, Person


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """A consent decision in force from `since` until `until` (None: open), for one purpose."""

    purpose: Purpose
    permit: bool
    since: Micros
    until: Micros | None
    because: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Rows that were refused: where, how many and why. Their content is not kept."""

    row: int
    rows: int
    reason: str
    subject: SubjectId | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """One file's worth of checked data, by pseudonym. Only `gateway.admit` makes one.

    Tables keep the border's `row` column so that the store can count rows; it is dropped on disk.
    """

    source: str
    file_digest: str
    file_name: str
    rows_in: int
    people: Mapping[SubjectId, tuple[Person, ...]]
    blind_indexes: Mapping[SubjectId, tuple[str, ...]]
    grants: Mapping[SubjectId, tuple[tuple[int, GrantRecord], ...]]
    zones: Mapping[SubjectId, tuple[tuple[int, Micros, str], ...]]
    observations: Mapping[SubjectId, pa.Table]
    samples: Mapping[tuple[SubjectId, str], pa.Table]
    directory: tuple[Directory, ...]
    quarantined: tuple[Quarantined, ...]
    warrant: object  # a token only the gateway holds: an Admitted made elsewhere is refused


class Identities(Protocol):
    """What the gateway must know of people already stored. The store answers."""

    def find(self, blind_index: str) -> SubjectId | None:
        """Return the subject that a keyed identifier hash belongs to."""

    def birth_date(self, subject: SubjectId) -> date | None:
        """Return the stored birth date, to notice one identifier used for two people."""

    def erased(self, blind_index: str) -> bool:
        """Tell whether this identifier belongs to somebody who was erased."""


class Consents(Protocol):
    """Who allowed what. The store answers."""

    def grants(self, subject: SubjectId) -> tuple[GrantRecord, ...]:
        """Return every decision on record for the subject."""
