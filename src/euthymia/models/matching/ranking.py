"""What a ranking says: plain values for the command line, the API and the patient page."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from euthymia.evaluation.estimate import Estimate
from euthymia.models.matching.certificate import finite
from euthymia.models.matching.grade import Domain


@dataclass(frozen=True, slots=True)
class Effect:
    """One treatment's effect on one outcome, against the reference."""

    outcome: str
    scale: str
    effect: Estimate
    p_score: float
    per_100: Estimate | None
    trials: int
    grade: str
    domains: tuple[Domain, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One treatment's place, with the interval in which its place lies with 95 % probability."""

    rank: int
    treatment: str
    score: Estimate
    rank_low: int
    rank_high: int
    sucra: float
    best: float
    grade: str
    effects: Mapping[str, Effect]
    not_reported: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Network:
    """One outcome's trials, and how well they agree."""

    trials: int
    people: int
    treatments: int
    tau2: float
    tau_median: float
    i2: float
    heterogeneity_q: float
    heterogeneity_p: float
    inconsistency_q: float
    inconsistency_p: float
    small_trials_p: float | None
    disagreeing_pairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unmet:
    """A wish that could not be taken into account, and why."""

    wish: str
    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A wish that was taken into account by what reviews say in words, not by counts."""

    wish: str
    weight: float
    in_100: float
    source: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Ranked treatments of one body of evidence, and what the order rests on."""

    source: str
    citation: str
    condition: str
    reference: str
    benefit: str
    unit: str
    options: tuple[Option, ...]
    excluded: tuple[str, ...]
    weights: Mapping[str, float]
    unmet: tuple[Unmet, ...]
    judged: tuple[Judged, ...]
    networks: Mapping[str, Network]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return finite(asdict(self))  # type: ignore[no-any-return]
