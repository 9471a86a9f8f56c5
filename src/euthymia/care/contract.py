"""What the care team is shown, and why."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from euthymia.ground.clock import Micros
from euthymia.ground.ids import SubjectId


class Urgency(StrEnum):
    """How soon somebody should act. The order of the worklist."""

    NOW = "now"  # an answer that speaks of self-harm: today, by a person
    SOON = "soon"  # a model or a score says worsening
    LOOK = "look"  # the person has fallen silent
    NONE = "none"


@dataclass(frozen=True, slots=True)
class WorklistItem:
    """One row of the worklist: who, why now, since when, on what data, what to do, whose it is."""

    subject: SubjectId
    urgency: Urgency
    why: str
    since: Micros | None
    data_seen: str
    next_step: str
    owner: str | None
    evidence: tuple[str, ...] = field(default_factory=tuple)
    probability: float | None = None
    interval: tuple[float, float] | None = None
    intervention: str | None = None  # the file of care/interventions that `next_step` is from
    since_on: date | None = None  # `since` as the patient's own local date
    alert: str | None = None  # the alert that stands and is the reason, where one is
    state: str | None = None  # "open", or "acknowledged": somebody has it
