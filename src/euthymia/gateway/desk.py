"""The reception desk: which person an identifier means, and whom it cannot tell."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from euthymia.gateway.contract import Identities
from euthymia.gateway.quarantine import Quarantine
from euthymia.ground.clock import is_zone
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Person
from euthymia.security.pseudonym import blind_index, pseudonym

ERASED: Final = "this person was erased on request: their data is not taken in again"
NO_IDENTIFIER: Final = "the patient identifier is missing: every row must say whose it is"
OTHER_BIRTH_DATE: Final = (
    "the patient identifier is in use with another date of birth: correct the date or the "
    "identifier; until then nothing of this file about that person is taken in"
)
TWO_PEOPLE: Final = (
    "the identifiers of this record belong to two different people on record: correct them, or say "
    "which are out of use (Identifier.use old). If it is one person whose devices were read before "
    "this record, leave one device's identifier out: that device's data stays a subject of its "
    "own. Erase neither, for an erased identifier is refused for ever. Until then nothing of this "
    "file about either is taken in"
)
BAD_BIRTH_DATE: Final = "birth_date is outside 1880 .. today: correct it in the source"
BAD_ZONE: Final = "time_zone is not in the IANA list: write it like Europe/Madrid"
_OLDEST: Final = date(1880, 1, 1)


@dataclass(slots=True)
class _Card:
    """What this file says about one person so far."""

    birth_date: date | None
    birth_year: int | None
    identifiers: dict[SourceId, None] = field(default_factory=dict)
    persons: list[Person] = field(default_factory=list)


class Desk:
    """Knows everybody whom one file speaks of. Persons are enrolled before rows are matched."""

    def __init__(
        self, identities: Identities, *, pseudonym_key: bytes, blind_key: bytes, today: date
    ) -> None:
        self._identities = identities
        self._pseudonym_key = pseudonym_key
        self._blind_key = blind_key
        self._latest = today + timedelta(days=1)  # born today, east of here
        self._cards: dict[SubjectId, _Card] = {}
        self._subjects: dict[SourceId, SubjectId] = {}
        self._refused: dict[SourceId, str] = {}

    # -- enrolment -------------------------------------------------------------------------------

    def enrol(self, persons: Iterable[Person], quarantine: Quarantine) -> None:
        """Match each person record; one that cannot be matched takes all its identifiers along."""
        for given in persons:
            person = self._without_former(given)
            reason = self._wrong_with(person)
            if reason is None:
                self._accept(person)
            else:
                self._refuse(person, reason)
                quarantine.refuse([person.row], reason)
        for card in list(self._cards.values()):
            reason = next((self._refused[i] for i in card.identifiers if i in self._refused), None)
            if reason is not None:
                self._refused.update(dict.fromkeys(card.identifiers, reason))
                quarantine.refuse([p.row for p in card.persons], reason)
                card.persons.clear()

    def _without_former(self, person: Person) -> Person:
        """Leave out identifiers out of use that somebody else on record bears.

        So a record goes on that took another in: the two stay two people here.
        """
        former = set(person.former)
        ordered = sorted(person.identifiers, key=lambda who: who in former)
        bearer = next((s for who in ordered if (s := self._known(who)) is not None), None)
        kept = tuple(
            who for who in person.identifiers if who not in former or self._bears(bearer, who)
        )
        return person if len(kept) == len(person.identifiers) else replace(person, identifiers=kept)

    def _bears(self, bearer: SubjectId | None, who: SourceId) -> bool:
        """Tell whether an identifier is that person's, or nobody's here."""
        return self._known(who) in {None, bearer}

    def _refuse(self, person: Person, reason: str) -> None:
        for identifier in person.identifiers:
            self._refused.setdefault(identifier, reason)

    def _wrong_with(self, person: Person) -> str | None:
        """Return why a record cannot be taken in; None if it can."""
        if not person.identifiers or not all(i.value.strip() for i in person.identifiers):
            return NO_IDENTIFIER
        if person.time_zone is not None and not is_zone(person.time_zone):
            return BAD_ZONE
        if any(self._is_erased(identifier) for identifier in person.identifiers):
            return ERASED
        known = {s for i in person.identifiers if (s := self._known(i)) is not None}
        if len(known) > 1:
            return TWO_PEOPLE
        reason = self._wrong_birth_date(person, known)
        refused = (self._refused[i] for i in person.identifiers if i in self._refused)
        return reason or next(refused, None)

    def _wrong_birth_date(self, person: Person, known: Iterable[SubjectId]) -> str | None:
        born, year = person.birth_date, _year(person)
        if born is not None and not _OLDEST <= born <= self._latest:
            return BAD_BIRTH_DATE
        if year is not None and not _OLDEST.year <= year <= self._latest.year:
            return BAD_BIRTH_DATE
        for card in map(self._card, known):
            if born is not None and card.birth_date not in {None, born}:
                return OTHER_BIRTH_DATE
            if year is not None and card.birth_year not in {None, year}:
                return OTHER_BIRTH_DATE
        return None

    def _accept(self, person: Person) -> None:
        found = (self._known(identifier) for identifier in person.identifiers)
        subject = next((s for s in found if s is not None), None)
        if subject is None:
            subject = pseudonym(self._pseudonym_key, person.identifiers[0])
        card = self._card(subject)
        card.birth_date = card.birth_date or person.birth_date
        card.birth_year = card.birth_year or _year(person)
        card.persons.append(person)
        for identifier in person.identifiers:
            card.identifiers[identifier] = None
            self._subjects[identifier] = subject

    # -- matching --------------------------------------------------------------------------------

    def match(self, who: SourceId) -> tuple[SubjectId | None, str]:
        """Return the subject an identifier means, or None and why its rows are refused."""
        if not who.value.strip():
            return None, NO_IDENTIFIER
        if who in self._refused:
            return None, self._refused[who]
        subject = self._known(who)
        if subject is None:
            if self._is_erased(who):
                self._refused[who] = ERASED
                return None, ERASED
            subject = pseudonym(self._pseudonym_key, who)
        self._card(subject).identifiers[who] = None
        self._subjects[who] = subject
        return subject, ""

    def meet(self, subject: SubjectId) -> None:
        """Take note of somebody on record whom this file tells of without naming them."""
        self._card(subject)

    def persons(self) -> dict[SubjectId, tuple[Person, ...]]:
        """Return the accepted person records, their identifiers complete for this file."""
        return {s: tuple(card.persons) for s, card in self._cards.items() if card.persons}

    def indexes(self, subject: SubjectId) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the blind indexes of all identifiers of a subject, and those of their values."""
        identifiers = self._cards[subject].identifiers
        exact = tuple(self._blind(identifier) for identifier in identifiers)
        bare = (bare_index(self._blind_key, identifier.value) for identifier in identifiers)
        return exact, tuple(dict.fromkeys(bare))

    # -- asking the store ------------------------------------------------------------------------

    def _card(self, subject: SubjectId) -> _Card:
        if subject not in self._cards:
            ask = self._identities
            self._cards[subject] = _Card(ask.birth_date(subject), ask.birth_year(subject))
        return self._cards[subject]

    def _blind(self, who: SourceId) -> str:
        return blind_index(self._blind_key, who)

    def _is_erased(self, who: SourceId) -> bool:
        return self._identities.erased(self._blind(who))

    def _known(self, who: SourceId) -> SubjectId | None:
        return self._subjects.get(who) or self._identities.find(self._blind(who))


def _year(person: Person) -> int | None:
    return person.birth_date.year if person.birth_date else person.birth_year


def bare_index(key: bytes, value: str) -> str:
    """Return the keyed hash of an identifier's value alone: `euthymia show VALUE` looks for it."""
    return blind_index(key, SourceId("", value))
