"""What a source hands to the gateway: the items a reader yields, checked once at the border.

A *row* is one record in the source's own terms: a CSV line, a FHIR resource, an item response set.
Every row that a reader meets is named by exactly one item (by its `row` number, counted from 1 in
its file), so that rows in = stored + rejected + duplicates can be proved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import pyarrow as pa

from euthymia.ground.audit import Purpose
from euthymia.ground.ids import SourceId
from euthymia.ground.scope import Scope


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is: the identified part, which only the gateway and the identity store hold.

    `identifiers` holds every identifier the source gives; any of them finds the person again.
    `former` are those of them that the source calls out of use: after two records of a person were
    merged, somebody else here may still bear one. `merged` are identifiers of the records that the
    source says are of the same person. `other_names` they bore before, or bear beside `name`.
    `care_team` holds user names (or the practitioners' identifiers) in a care relationship.
    `synthetic`: the source says that this is nobody: made up, for a test or by a simulation.
    """

    row: int
    identifiers: tuple[SourceId, ...]
    name: str | None = None
    birth_date: date | None = None
    birth_year: int | None = None  # where the source gives no whole date
    sex: str | None = None
    address: str | None = None
    telecom: tuple[str, ...] = ()
    language: str | None = None
    race: str | None = None
    ethnicity: str | None = None
    site: str | None = None
    time_zone: str | None = None
    deceased: bool | None = None  # None: the source does not say
    deceased_on: date | None = None
    care_team: tuple[str, ...] = ()
    synthetic: bool = False
    former: tuple[SourceId, ...] = ()
    merged: tuple[SourceId, ...] = ()
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent given (`permit`) or withdrawn for some purposes, from `at` until `until`.

    Several may share one `row`: a consent form with exceptions. `form` names the form in its
    source and `revised` when that was last written: what an older writing permitted ends there.
    `told` is when the person decided so, where that is another instant than `at`.
    """

    row: int
    who: SourceId
    purposes: tuple[Purpose, ...]
    permit: bool
    at: datetime
    until: datetime | None = None
    because: str = ""
    scope: Scope | None = None
    version: str = ""
    form: str = ""
    revised: datetime | None = None
    told: datetime | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """From `at` on, the person lives in the IANA time zone `zone` (travel, a move)."""

    row: int
    who: SourceId
    at: datetime
    zone: str


class Writing(NamedTuple):
    """Which record of its source a row is, and which writing of it.

    `name` is what the source calls it, in all its writings ("Observation/17"); empty: the source
    does not say. A later writing has a greater `order`: the instant of writing [us since 1970], or
    a version's number where that is all there is; 0: not known. `changed`: it is not the first.
    `server` issued the name, where the source says which one did.
    """

    name: str
    order: int = 0
    changed: bool = False
    server: str = ""


@dataclass(frozen=True, slots=True)
class Observations:
    """Clinical facts: `table` has the columns of `schemas.OBSERVATIONS` plus `row`.

    `subject_id` is the source's own value; with `system` it makes a `SourceId`. Several
    observations may share one `row` (a FHIR resource with components). `written` says of a row
    which record of its source it is; of a row that is not in it nothing is known.
    """

    system: str
    table: pa.Table
    written: Mapping[int, Writing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retracted:
    """The source takes a record back: it was entered in error, or was deleted.

    `who` is whose it was, where the source still says so, and `said` the observations that it once
    gave, as far as it still does: in the columns of `Observations.table`. An `order` of 0: taken
    back now.
    """

    row: int
    record: Writing
    who: SourceId | None = None
    said: pa.Table | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """A stretch of one stream: `table` has the stream's columns plus `row` and `subject_id`."""

    system: str
    stream: str
    table: pa.Table


@dataclass(frozen=True, slots=True)
class Directory:
    """A row about the clinic, not a patient: an organisation, a practitioner, a device."""

    row: int
    kind: str
    identifier: SourceId
    name: str


@dataclass(frozen=True, slots=True)
class Reject:
    """`rows` rows from `row` on are refused. `reason` names the place, the rule and the fix."""

    row: int
    reason: str
    rows: int = 1
    who: SourceId | None = None


Item = Person | Grant | Zone | Observations | Samples | Directory | Retracted | Reject
