"""What names a person in a note is found and replaced before the note serves anything but care."""

from euthymia.gateway.deid.contract import Kind, Lang, Span, Tagger
from euthymia.gateway.deid.known import Known
from euthymia.gateway.deid.notes import Deidentified, deidentify

__all__ = ["Deidentified", "Kind", "Known", "Lang", "Span", "Tagger", "deidentify"]
