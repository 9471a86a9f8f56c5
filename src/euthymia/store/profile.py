"""What is known of one person apart from observations and samples: one sealed value."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Final

import msgspec

from euthymia.gateway.contract import GrantRecord
from euthymia.gateway.permits import standing
from euthymia.ground.clock import Micros, Timeline
from euthymia.ground.errors import IntegrityError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Person
from euthymia.security.pseudonym import blind_index

_DETAILS: Final = tuple(
    f.name
    for f in fields(Person)
    if f.name
    not in {"row", "identifiers", "care_team", "telecom", "synthetic", "merged", "other_names"}
)
_EMPTY: Final = Person(row=0, identifiers=())


@dataclass(slots=True)
class Profile:
    """Who a person is, who cares for them, what they allowed, where they lived.

    `persons` holds every distinct record that came in (with `row` 0), oldest first. `care_team` is
    the team of the newest record that names one, with those `added` here and without those
    `removed` here: what a person decided by hand outlives every export of the health record.
    `known_as` (blind indexes, sorted) and `number` say what the tables say outside the seal: which
    identifiers lead here, under which number the rows lie. Empty and 0: of before they were kept.
    """

    persons: list[Person] = field(default_factory=list)
    care_team: list[str] = field(default_factory=list)
    grants: list[GrantRecord] = field(default_factory=list)
    zones: list[tuple[Micros, str]] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    known_as: list[str] = field(default_factory=list)
    number: int = 0

    def copy(self) -> "Profile":
        """Return a profile of its own to change. The entries, which nobody changes, are shared."""
        held: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        own = {name: held[name][:] for name in held if isinstance(held[name], list)}
        return Profile(**{**held, **own})

    def _recorded_team(self) -> set[str]:
        """Return the care team of the newest record that names one."""
        return set(next((p.care_team for p in reversed(self.persons) if p.care_team), ()))

    def _keep_decisions(self) -> None:
        """Note who is on the team, or off it, by hand. Profiles of old do not say so."""
        named = {user for person in self.persons for user in person.care_team}
        self.added = sorted({*self.added, *(set(self.care_team) - named)})
        self.removed = sorted({*self.removed, *(self._recorded_team() - set(self.care_team))})

    def set_care_team(self, users: Iterable[str]) -> None:
        """Set the team by hand; who is taken off it stays off until added by hand again."""
        self._keep_decisions()
        before, after = set(self.care_team), set(users)
        self.added = sorted((set(self.added) | (after - before)) & after)
        self.removed = sorted((set(self.removed) | (before - after)) - after)
        self.care_team = sorted(after)

    def add_known_as(self, blinds: Iterable[str]) -> bool:
        """Add identifiers that lead here; tell whether any was new."""
        before = len(self.known_as)
        self.known_as = sorted({*self.known_as, *blinds})
        return len(self.known_as) > before

    def add_persons(self, persons: Iterable[Person]) -> list[bool]:
        """Add records; tell for each whether it was new. A new one may bring another care team."""
        fresh = []
        for person in persons:
            record = replace(person, row=0)
            fresh.append(record not in self.persons)
            if fresh[-1]:
                self._keep_decisions()
                self.persons.append(record)
                team = self._recorded_team() | set(self.added)
                self.care_team = sorted(team - set(self.removed))
        return fresh

    def add_grants(self, grants: Iterable[GrantRecord]) -> list[bool]:
        """Add decisions; tell for each whether it changed what stands."""
        fresh = []
        for grant in grants:
            before = self.grants
            self.grants = standing([*before, grant])
            fresh.append(self.grants != before)
        return fresh

    def add_zones(self, zones: Iterable[tuple[Micros, str]]) -> list[bool]:
        """Add changes of time zone; tell for each whether it was new."""
        fresh = []
        for zone in zones:
            fresh.append(zone not in self.zones)
            if fresh[-1]:
                self.zones.append(zone)
        self.zones.sort()
        return fresh

    def said_to_be(self) -> set[SourceId]:
        """Return the identifiers that records call this person's, and that others may bear."""
        return {who for person in self.persons for who in (*person.former, *person.merged)}

    def birth_date(self) -> date | None:
        """Return the date of birth that any record gives."""
        return next((p.birth_date for p in reversed(self.persons) if p.birth_date), None)

    def birth_year(self) -> int | None:
        """Return the year of the date of birth; without one, the year that any record gives."""
        born = self.birth_date()
        years = (p.birth_year for p in reversed(self.persons) if p.birth_year)
        return born.year if born else next(years, None)

    def person(self) -> Person:
        """Return one record: each detail as the newest record that has it says."""
        details: dict[str, Any] = {
            name: next((v for p in reversed(self.persons) if (v := getattr(p, name))), None)
            for name in _DETAILS
        }
        identifiers = dict.fromkeys(i for p in self.persons for i in p.identifiers)
        telecom = next((p.telecom for p in reversed(self.persons) if p.telecom), ())
        said = next((p for p in reversed(self.persons) if p.deceased is not None), _EMPTY)
        details |= {"deceased": said.deceased, "deceased_on": said.deceased_on}
        details["former"] = details["former"] or ()
        return replace(
            _EMPTY,
            **details,
            identifiers=tuple(identifiers),
            other_names=self._other_names(details["name"]),
            telecom=telecom,
            care_team=tuple(self.care_team),
            synthetic=self.synthetic(),
        )

    def _other_names(self, name: str | None) -> tuple[str, ...]:
        """Return what any record calls the person, but for the name that holds now."""
        named = (n for p in self.persons for n in (p.name, *p.other_names) if n and n != name)
        return tuple(dict.fromkeys(named))

    def synthetic(self) -> bool:
        """Tell whether any record says that this is nobody: no later one makes somebody of them."""
        return any(p.synthetic for p in self.persons)

    def attributes(self) -> Mapping[str, str]:
        """Return what a model may know of the person; only what is on record."""
        person = self.person()
        known = {
            "sex": person.sex,
            "birth_year": str(year) if (year := self.birth_year()) else None,
            "site": person.site,
            "language": person.language,
            "race": person.race,
            "ethnicity": person.ethnicity,
            "deceased_on": str(person.deceased_on or "unknown") if person.deceased else None,
            "synthetic": "yes" if person.synthetic else None,
        }
        return {name: value for name, value in known.items() if value}

    def timeline(self, default: str) -> Timeline:
        """Return the time zones over time; `default` where no record names one."""
        base = self.person().time_zone
        changes = dict(self.zones)  # of two zones at one instant the last by name holds
        if base is not None or not changes:
            first = min([0, *(at - 1 for at in changes)])
            changes = {first: base or default, **changes}
        return Timeline(tuple(sorted(changes.items())))


def merged(
    people: Iterable[tuple[SubjectId, Profile, Collection[str]]], subject: SubjectId, key: bytes
) -> tuple[SubjectId, ...]:
    """Return who, by a record of theirs or of the subject's, is the subject too.

    `people`: with the blind indexes that each is known by, which `key` makes.
    """

    def named(profile: Profile) -> set[str]:
        return {blind_index(key, who) for who in profile.said_to_be()}

    everybody = {who: (named(profile), set(known_as)) for who, profile, known_as in people}
    called, known = everybody.pop(subject, (set(), set()))
    return tuple(who for who, (names, own) in everybody.items() if names & known or own & called)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Profile).decode


def pack(profile: Profile) -> bytes:
    """Return a profile as bytes."""
    return _encode(profile)


def unpack(data: bytes) -> Profile:
    """Return the profile in `data`; IntegrityError if it holds anything else."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise IntegrityError("a stored profile is not readable; restore a backup") from error
