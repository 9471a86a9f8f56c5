"""How far a consent reaches within its purpose: which data, which protected kinds, for whom."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Category(StrEnum):
    """Kinds of data that a person may tell apart. Every stream and every observation is of one."""

    RECORDS = "records"
    NOTES = "notes"
    ANSWERS = "answers"
    LOCATION = "location"
    CONTACTS = "contacts"
    PHONE_USE = "phone-use"
    SOUND = "sound"
    MOVEMENT = "movement"
    SLEEP = "sleep"
    BODY = "body"


class Label(StrEnum):
    """Kinds of record that no general consent covers: each needs a grant that names it."""

    PSYCHOTHERAPY = "psychotherapy-notes"
    SUBSTANCE_USE = "substance-use"
    HIV = "hiv"
    SEXUAL_HEALTH = "sexual-health"
    VIOLENCE = "violence"


SECURITY_LABELS: Final = {
    "PSYTHPN": Label.PSYCHOTHERAPY,
    "ETH": Label.SUBSTANCE_USE,
    "SUD": Label.SUBSTANCE_USE,
    "ETHUD": Label.SUBSTANCE_USE,
    "OPIOIDUD": Label.SUBSTANCE_USE,
    "42CFRPart2": Label.SUBSTANCE_USE,
    "HIV": Label.HIV,
    "SEX": Label.SEXUAL_HEALTH,
    "STD": Label.SEXUAL_HEALTH,
    "SDV": Label.VIOLENCE,
    "VIO": Label.VIOLENCE,
}
"""HL7 v3 ActCode (FHIR `meta.security`) whose records are protected: information sensitivity
policies, and the law on records of substance use (42 CFR Part 2)."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The limits of one consent decision; an empty limit is none.

    Attributes
    ----------
    streams, categories : tuple of str
        The data it is about: samples of a stream named, or data of a `Category` named.
    labels : tuple of str
        The protected kinds of record it is about. A permit without labels covers none of these.
    recipients : tuple of str
        For whose use. A permit that names recipients does not cover the clinic's own use.
    """

    streams: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.streams or self.categories or self.labels or self.recipients)


def labels_of(cell: str | None) -> tuple[str, ...]:
    """Return the labels in a cell of the column `sensitivity`."""
    return tuple(cell.split()) if cell else ()
