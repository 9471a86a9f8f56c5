"""What the patient wants, as weights on what trials count, and the score that comes of it.

A wish enters the score only where it can be set against the benefit in the same unit; all others
are handed back with the reason, and change nothing.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np

from euthymia.evaluation.estimate import Floats
from euthymia.ground.errors import SchemaError
from euthymia.models.matching.evidence import GOOD, ODDS, Evidence, Outcome
from euthymia.models.matching.evidence_layouts import outcome_name
from euthymia.models.matching.ranking import Effect, Network, Unmet

HARMS: Final = ("dropout_adverse_events", "dropout")
HARM_WEIGHT: Final = 0.5
"""Stopping for side effects counts half as much as responding: another treatment can be tried."""
AVOID_WEIGHT: Final = 1.0
"""A side effect that the patient wants to avoid counts as much as responding, unless told else."""
MOST_WEIGHT: Final = 100.0
JUDGED_STEP: Final = 15.0
"""How many in 100 have a side effect that reviews only call more frequent. A judgement."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the patient wants to avoid or prefers, and what the clinician rules out."""

    avoid: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    contraindicated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pooled:
    """One outcome's network: which treatments, draws of their risks, and how trials agree."""

    outcome: Outcome
    used: tuple[int, ...]
    effect: Floats
    per_100: Floats | None
    network: Network
    effects: Mapping[int, Effect]


@dataclass(frozen=True, slots=True)
class ByReviews:
    """A wish that reviews speak to in words: its weight, a step a treatment, and the source."""

    weight: float
    steps: Mapping[int, float]
    source: str


@dataclass(slots=True)
class Counted:
    """What each outcome counts (what is good: below 0), and what became of the wishes."""

    weights: dict[str, float] = field(default_factory=dict)
    unmet: list[Unmet] = field(default_factory=list)
    judged: dict[str, ByReviews] = field(default_factory=dict)

    def add(self, pooled: Mapping[str, Pooled], benefit: str, name: str, weight: float) -> None:
        """Count an outcome, if it can be set against the benefit."""
        if takes_off(pooled[name], pooled[benefit]) is None:
            self.unmet.append(Unmet(name, _apart(pooled[name], pooled[benefit])))
        else:
            self.weights[name] = self.weights.get(name, 0.0) + weight


def counted_wishes(
    wishes: Wishes, pooled: Mapping[str, Pooled], benefit: str, evidence: Evidence
) -> Counted:
    """Return the weight of each outcome that counts, wishes nothing speaks to, and judged ones.

    Raises
    ------
    SchemaError
        What is good is to be avoided, what is bad preferred, or a weight is no number.
    """
    found = Counted()
    harm = next((h for h in HARMS if h in pooled), None)
    if harm is not None:
        found.add(pooled, benefit, harm, HARM_WEIGHT)
    for wish in wishes.avoid:
        name, weight = _wish(wish)
        if name in GOOD:
            raise SchemaError(f"--avoid {name}: more of it is good; did you mean --prefer?")
        if name in pooled:
            found.add(pooled, benefit, name, weight)
        else:
            _by_reviews(found, name, weight, evidence)
    liked = {t.lower() for t in evidence.treatments}
    for wish in wishes.prefer:
        if wish.lower() in liked:
            continue
        name, weight = _wish(wish)
        if name in pooled and name not in GOOD:
            raise SchemaError(f"--prefer {name}: less of it is good; did you mean --avoid?")
        if name in pooled:
            found.add(pooled, benefit, name, -weight)
        else:
            why = "it is neither an outcome nor a treatment of this evidence"
            found.unmet.append(Unmet(name, why))
    return found


@cache
def by_reviews() -> Mapping[str, Any]:
    """Return the side effects that reviews tell in words: which have more of it, and the source."""
    path = files(__package__) / "side_effects.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _by_reviews(found: Counted, name: str, weight: float, evidence: Evidence) -> None:
    told = by_reviews()
    if name not in told:
        why = "no trial counts it; the order does not take it into account"
        found.unmet.append(Unmet(name, why))
        return
    steps = _steps(told[name], evidence)
    if len(set(steps.values())) > 1:
        found.judged[name] = ByReviews(weight, steps, str(told[name]["source"]))
    else:
        found.unmet.append(Unmet(name, "the reviews known here do not tell these options apart"))


def takes_off(harm: Pooled, benefit: Pooled) -> float | None:
    """Return what one unit of an outcome takes off a score; None where they cannot be compared."""
    if harm.per_100 is not None and benefit.per_100 is not None:
        return 1.0
    if harm.per_100 is None and benefit.per_100 is None:
        return 1.0 if harm.outcome.scale == benefit.outcome.scale else None
    if benefit.per_100 is None and benefit.outcome.scale != ODDS:
        return 0.01
    return None


def _apart(harm: Pooled, benefit: Pooled) -> str:
    """Say why an outcome cannot be set against the benefit."""
    if harm.per_100 is None and harm.outcome.scale == ODDS:
        what = "no trial counts it under the reference, so that it is not known how many have it"
    else:
        what = f"it is told as {harm.outcome.scale}"
    return f"{what}, and cannot be set against {benefit.outcome.name}; not in the order"


def told_weights(counted: Counted, benefit: str) -> dict[str, float]:
    """Return what each outcome counts: what is good for, what is to be avoided against."""
    told = {benefit: 1.0}
    for name, weight in counted.weights.items():
        told[name] = told.get(name, 0.0) - weight if name in GOOD else weight
    return told


def _wish(text: str) -> tuple[str, float]:
    name, _, weight = text.partition("=")
    try:
        value = float(weight) if weight else AVOID_WEIGHT
    except ValueError:
        value = float("nan")
    if not 0 < value <= MOST_WEIGHT:
        raise SchemaError(
            f"a weight is a number above 0 and up to {MOST_WEIGHT:g}, such as weight_gain=2"
        )
    return outcome_name(name), value


def _steps(told: Mapping[str, Any], evidence: Evidence) -> dict[int, float]:
    """Return 1 where reviews say more, 0 where not more, and one half where nothing is known."""
    more, less = ({str(t).lower() for t in told[key]} for key in ("more", "not_more"))
    return {
        k: 1.0 if t.lower() in more else 0.0 if t.lower() in less else 0.5
        for k, t in enumerate(evidence.treatments)
        if not evidence.comparator(k)
    }


def scored(
    pooled: Mapping[str, Pooled], benefit: str, counted: Counted, options: Sequence[int]
) -> Floats:
    """Return draws of each option's score: benefit less harms, each against the reference.

    An outcome that no trial of an option reports counts as the mean of the other options.
    """
    score = _against_reference(pooled[benefit], options)
    for name, weight in counted.weights.items():
        each = takes_off(pooled[name], pooled[benefit]) or 0.0
        score = score - each * weight * _against_reference(pooled[name], options)
    unit = 1.0 if pooled[benefit].per_100 is not None else 0.01
    for judged in counted.judged.values():
        steps = np.array([judged.steps[t] for t in options])
        score = score - unit * judged.weight * JUDGED_STEP * steps
    return np.asarray(score)


def _against_reference(pooled: Pooled, options: Sequence[int]) -> Floats:
    values = pooled.effect if pooled.per_100 is None else pooled.per_100
    known = {t: values[:, k] - values[:, 0] for k, t in enumerate(pooled.used)}
    there = [known[t] for t in options if t in known]
    middle = np.mean(there, axis=0) if there else np.zeros(values.shape[0])
    return np.column_stack([known.get(t, middle) for t in options])
