"""Pseudonyms and the identifiers that sources use."""

import re
from typing import NamedTuple, NewType

SubjectId = NewType("SubjectId", str)
"""A pseudonym: `p-` and 16 base32 letters. The only name of a person outside the gateway."""

_PSEUDONYM = re.compile(r"p-[a-z2-7]{16}")


class SourceId(NamedTuple):
    """A person's identifier as a source gives it: who issued it, and its value."""

    system: str
    value: str


DEVICE_SYSTEM = "urn:euthymia:source:"
"""A FHIR Patient.identifier with the system `urn:euthymia:source:beiwe` says under which id the
Beiwe files know this person; likewise for every other source by its name."""


def device_id(source: str, value: str) -> SourceId:
    """Return the identifier under which files of `source` know a person."""
    return SourceId(DEVICE_SYSTEM + source, value)


def is_subject_id(text: str) -> bool:
    """Tell whether `text` has the form of a pseudonym."""
    return _PSEUDONYM.fullmatch(text) is not None
