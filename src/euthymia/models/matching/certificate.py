"""What a certificate says, and its words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.policy_value import BenefitGroup
from euthymia.ground.errors import SchemaError


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold, and whether it does."""

    name: str
    met: bool
    said: str


@dataclass(frozen=True, slots=True)
class SiteGain:
    """What the rule learned at the other sites gained at one site."""

    site: str
    people: int
    gain: Estimate


@dataclass(frozen=True, slots=True)
class Arm:
    """The value of giving everybody one arm, in the outcome's own unit."""

    name: str
    people: int
    value: Estimate


@dataclass(frozen=True, slots=True)
class Leaf:
    """What the rule says to some people: who, which arm."""

    who: str
    arm: str
    share: float


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whether an individual treatment rule has earned its use, and on what evidence.

    All gains are in the outcome's unit and positive where the rule is better than giving everybody
    the best single arm.
    """

    certified: bool
    honest_gain: Estimate
    apparent_gain: float
    best_arm: str
    needed_n: int
    why: str
    conditions: tuple[Condition, ...]
    permutation_p: float
    permutations: int
    leave_site_out: Estimate | None
    sites: tuple[SiteGain, ...]
    autoc: Estimate
    qini: Estimate
    calibration_slope: Estimate
    calibration: tuple[BenefitGroup, ...]
    learner: str
    learners: Mapping[str, float]
    forest: Estimate | None
    rule: tuple[Leaf, ...]
    arms: tuple[Arm, ...]
    departs: float
    people: int
    rows: int
    outcome: str
    outcome_sd: float
    worthwhile: float
    covariates: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: the answer first, then all it rests on."""
        whole = asdict(self)
        top = ("certified", "honest_gain", "apparent_gain", "best_arm", "needed_n", "why")
        answer = {key: whole.pop(key) for key in top}
        answer["honest_gain"].pop("chance")
        answer["detail"] = whole
        return finite(answer)  # type: ignore[no-any-return]


class Gain(msgspec.Struct, frozen=True):
    """An estimate with its interval."""

    estimate: float
    low: float
    high: float


class _Detail(msgspec.Struct, frozen=True):
    conditions: tuple[Condition, ...]


class Printed(msgspec.Struct, frozen=True):
    """A certificate as `euthymia certify --json` printed it: as much of it as a page shows."""

    certified: bool
    honest_gain: Gain
    best_arm: str
    why: str
    detail: _Detail

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What had to hold, and whether it did."""
        return self.detail.conditions


def read_certificate(path: Path) -> Printed:
    """Read what `euthymia certify --json` printed into a file; SchemaError if it is not that."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Printed)
    except msgspec.DecodeError:
        raise SchemaError(
            f"{path.name} is not what `euthymia certify --json` prints: write it anew"
        ) from None


def finite(value: object) -> Any:  # noqa: ANN401 - a tree of plain values
    """Return the value with numbers that JSON does not know as None."""
    if isinstance(value, Mapping):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def said(figure: Estimate, digits: int = 3) -> str:
    """Say an estimate with its interval."""
    return f"{figure.estimate:.{digits}g} [{figure.low:.{digits}g}, {figure.high:.{digits}g}]"
