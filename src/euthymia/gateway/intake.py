"""The items of one file, sorted by what they are."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from euthymia.gateway.checks import plain, stream_named
from euthymia.gateway.contract import GrantRecord
from euthymia.gateway.desk import BAD_ZONE, ERASED, Desk
from euthymia.gateway.held import Pieces
from euthymia.gateway.quarantine import Quarantine
from euthymia.ground.clock import Micros, is_zone, to_micros
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import (
    Directory,
    Grant,
    Item,
    Observations,
    Person,
    Reject,
    Retracted,
    Samples,
    Zone,
)

NOT_YET_GIVEN: Final = (
    "the consent is dated in the future: read it in once it was given, or correct its dateTime"
)
_AHEAD_US: Final = 3_600_000_000  # an hour: clocks differ
BAD_PERIOD: Final = "the consent ends before it begins: correct its period"
NO_OFFSET: Final = "the time has no offset from UTC: write it like 2025-03-01T12:00:00+01:00"
_Dated = TypeVar("_Dated", Grant, Zone)


@dataclass(slots=True)
class Intake:
    """The items of one file by what they are, and who is who in it."""

    desk: Desk
    quarantine: Quarantine
    now: Micros
    persons: list[Person] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    zones: list[Zone] = field(default_factory=list)
    observations: list[Observations] = field(default_factory=list)
    samples: dict[tuple[str, str], Pieces] = field(default_factory=dict)
    directory: list[Directory] = field(default_factory=list)
    retracted: list[Retracted] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    granted: dict[SubjectId, list[tuple[int, GrantRecord]]] = field(default_factory=dict)
    moved: dict[SubjectId, list[tuple[int, Micros, str]]] = field(default_factory=dict)

    def sort(self, items: Iterable[Item]) -> None:
        """Read all items. Persons, grants and zones must be known before the tables."""
        shelves: dict[type, list[Any]] = {
            Person: self.persons,
            Grant: self.grants,
            Zone: self.zones,
            Observations: self.observations,
            Directory: self.directory,
            Retracted: self.retracted,
            Reject: self.rejects,
        }
        for item in items:
            if isinstance(item, Samples):
                border = stream_named(item.stream).border_schema
                table = plain(item.table, border, f"stream {item.stream}")
                self.samples.setdefault((item.system, item.stream), Pieces()).add(table)
            else:
                shelves[type(item)].append(item)

    def take_rejects(self) -> None:
        """Count what the reader refused, under the person it is about where the reader says so."""
        for item in self.rejects:
            subject, why = (None, "") if item.who is None else self.desk.match(item.who)
            reason = ERASED if why == ERASED else item.reason
            self.quarantine.count(item.row, item.rows, reason, subject)

    def matched(self, items: Sequence[_Dated]) -> Iterator[tuple[SubjectId, Micros, _Dated]]:
        """Yield the items whose subject and instant are known; refuse the others."""
        for item in items:
            subject, reason = self.desk.match(item.who)
            if subject is not None and item.at.tzinfo is None:
                subject, reason = None, NO_OFFSET
            if subject is None:
                self.quarantine.refuse([item.row], reason)
            else:
                yield subject, to_micros(item.at), item

    def take_grants(self) -> None:
        """Turn consents into decisions by subject and purpose."""
        for subject, begins, grant in self.matched(self.grants):
            since = begins
            if any(at is not None and at.tzinfo is None for at in (grant.until, grant.told)):
                self.quarantine.refuse([grant.row], NO_OFFSET, subject)
                continue
            until = None if grant.until is None else to_micros(grant.until)
            if until is not None and until <= since:
                self.quarantine.refuse([grant.row], BAD_PERIOD, subject)
                continue
            form, revised = "", 0
            if grant.revised is not None and grant.revised.tzinfo is not None:
                form, revised = grant.form, min(to_micros(grant.revised), self.now)
            told = since if grant.told is None else to_micros(grant.told)
            if told > self.now + _AHEAD_US:
                if grant.permit:
                    self.quarantine.refuse([grant.row], NOT_YET_GIVEN, subject)
                    continue
                # a slip of the pen: the refusal holds, and outlasts nothing that is said later
                told = since = min(since, revised or self.now)
            limits = (grant.permit, since, until, grant.because, grant.scope or None, grant.version)
            decided = 0 if told == since else told
            self.granted.setdefault(subject, []).extend(
                (grant.row, GrantRecord(purpose, *limits, form, revised, decided))
                for purpose in grant.purposes
            )

    def take_zones(self) -> None:
        """Turn moves between time zones into changes by subject."""
        for subject, at, zone in self.matched(self.zones):
            if is_zone(zone.zone):
                self.moved.setdefault(subject, []).append((zone.row, at, zone.zone))
            else:
                self.quarantine.refuse([zone.row], BAD_ZONE, subject)
