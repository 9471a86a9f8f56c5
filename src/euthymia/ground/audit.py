"""What the ledger is told. A store call that reads or changes a person's data takes an Entry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from euthymia.ground.ids import SubjectId


class Purpose(StrEnum):
    """Why data is used. Consent is given per purpose."""

    CARE = "care"
    MONITORING = "monitoring"
    RESEARCH = "research"
    TRAINING = "training"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a named user in a role, or a job of the clinic's own."""

    user: str
    role: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger, before it is chained and signed.

    `action` is a verb and a noun ("view patient", "append samples"). `detail` holds counts, codes
    and digests: never a name, a note, a coordinate or any other value of a person.
    """

    actor: Actor
    action: str
    purpose: Purpose
    subject: SubjectId | None = None
    detail: Mapping[str, str | int | float | bool] = field(default_factory=dict)
