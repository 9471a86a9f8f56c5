"""What the layers of de-identification hand to each other: spans, kinds, languages, the tagger."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, Protocol

Lang = Literal["en", "es"]
LANGS: Final[tuple[Lang, ...]] = ("en", "es")


class Kind(StrEnum):
    """What a span is. The value is the tag that takes its place: `[PERSON]`."""

    PERSON = "PERSON"
    """A given or family name, initials, nickname: of the patient, relatives, staff, anybody."""
    DATE = "DATE"
    """A date in any form that says more than a year alone."""
    AGE = "AGE"
    """An age. Only one over 89 is direct (HIPAA Safe Harbor)."""
    PHONE = "PHONE"
    """A telephone, fax or pager number."""
    EMAIL = "EMAIL"
    URL = "URL"
    IP = "IP"
    """An IPv4, IPv6 or MAC address."""
    ID = "ID"
    """A record, contact, insurance, national, licence or device number."""
    ACCOUNT = "ACCOUNT"
    """A bank account (IBAN) or payment card."""
    USERNAME = "USERNAME"
    """A handle or account name."""
    VEHICLE = "VEHICLE"
    """A vehicle's number plate or chassis number."""
    COORDINATES = "COORDINATES"
    ADDRESS = "ADDRESS"
    """Street, house number, flat; a post-office box."""
    POSTCODE = "POSTCODE"
    LOCATION = "LOCATION"
    """A place smaller than a country: town, district, province, state, region."""
    COUNTRY = "COUNTRY"
    HOSPITAL = "HOSPITAL"
    """A named hospital, ward with a name, clinic or health centre."""
    ORGANISATION = "ORGANISATION"
    """A named employer, school, company, university or institution."""
    PROFESSION = "PROFESSION"
    """What somebody does for a living."""
    PASSAGE = "PASSAGE"
    """Whole sentences in a language that is not read here, whatever they say."""


DIRECT: Final = frozenset(Kind) - {Kind.AGE, Kind.COUNTRY, Kind.PROFESSION}
"""Kinds that name a person or lead straight to one: the eighteen of HIPAA Safe Harbor
(45 CFR 164.514(b)(2)) that text can hold, employers included; ages over 89 join them."""

QUASI: Final = frozenset(Kind) - DIRECT
"""Kinds that narrow a person down only together with others."""

OVER_89: Final = "rule:age-over-89"
"""The source of a span of an age that goes out as the number of a year of birth would."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters [start, end) of the text, what they are, how sure, and which layer says so.

    `confidence` is in [0, 1]; `source` is a short label such as "known", "rule:phone" or "tagger".
    """

    start: int
    end: int
    kind: Kind
    confidence: float = 1.0
    source: str = ""


class Tagger(Protocol):
    """Finds identifiers by context; the neural layer, or nothing at all.

    `spans` returns spans inside the text that do not overlap each other, in order, without white
    space at their ends, with a calibrated confidence. It never raises for any text.
    """

    def spans(self, text: str, lang: Lang) -> list[Span]:
        """Return what looks like an identifier in `text`."""
        ...


class NoTagger:
    """The tagger that finds nothing: rules and dictionaries alone."""

    def spans(self, text: str, lang: Lang) -> list[Span]:  # noqa: ARG002
        """Return no span."""
        return []
