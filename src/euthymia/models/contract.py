"""What passes between the models and the care team."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec
import pyarrow as pa
from msgspec import Meta

from euthymia.ground.clock import Micros, Timeline
from euthymia.ground.ids import SubjectId


class Reason(msgspec.Struct, frozen=True):
    """One feature's push on the probability, against the population."""

    feature: str
    title: str
    value: float | None
    unit: str
    direction: Annotated[Literal["raises", "lowers"], Meta(description="Which way it pushes.")]
    contribution: Annotated[float, Meta(description="In log-odds.")]


class Prediction(msgspec.Struct, frozen=True):
    """A model's answer about one person at one moment, or its reason for giving none.

    `outcomes`: which outcomes (0, 1) its conformal set holds; one is a definite answer, both or
    none is none. None where it abstains, or has no sets.
    """

    model: str
    model_version: str
    model_digest: str
    horizon_days: int
    probability: float | None
    interval: tuple[float, float] | None
    abstained_because: str | None
    reasons: tuple[Reason, ...]
    coverage: float | None
    data_age_hours: float | None
    outcomes: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class SubjectData:
    """All that a task may look at to describe one person: assembled by `app`, by pseudonym."""

    subject: SubjectId
    observations: pa.Table
    features: Mapping[str, pa.Table]  # family -> FEATURES rows
    attributes: Mapping[str, str]  # sex, birth_year, site, language, race ... where known
    seen_until: Micros  # the moment up to which data could have arrived
    # the person's zones; None: a local date is taken as over when it is over everywhere on Earth
    timeline: Timeline | None = None
    # stream -> UTC day number -> (rows, digest), as `Store.segments` gives it
    segments: Mapping[str, Mapping[int, tuple[int, str]]] = field(default_factory=dict)
