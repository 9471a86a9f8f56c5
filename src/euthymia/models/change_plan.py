"""A predetermined change-control plan: what may change in a model without asking again.

After the FDA's guidance on predetermined change control plans (2025) and its counterpart of Health
Canada and the MHRA: a description of the changes, the protocol by which each must prove itself, and
what is done when one does not. The plan is a TOML file, adopted (and written into the ledger)
before a change is made; `release` holds a candidate against the one in force.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

import msgspec

from euthymia.ground.errors import SchemaError
from euthymia.models.bundle import Bundle

CHANGES: Final = ("data", "features", "estimator", "threshold", "population")
"""data: trained anew on newer people of the same population; features: another vector, or families
of another version; estimator; threshold; population: who is asked about, or what is predicted."""
_EXAMPLE: Final = "docs/releases.md shows one"


class Allowed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which kinds of change may be released under the plan."""

    data: bool = True
    features: bool = False
    estimator: bool = False
    threshold: bool = False
    population: bool = False


class Protocol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a changed model must show. A limit that is left out is not looked at.

    `auc_low`: the lower end of its interval is at least this. `auc_loss`: its AUC is at most this
    much below that of the model in use (at left-out sites where both have it). `slope`: the range
    its calibration slope lies in; `in_the_large`: and the most that its calibration in the large
    may be off. `external`: it was tested at sites left out. `evidence`: no audit calls its figures
    "not evidence".
    """

    least_people: int = 0
    least_with_outcome: int = 0
    auc_low: float | None = None
    auc_loss: float | None = None
    slope: tuple[float, float] | None = None
    in_the_large: float | None = None
    external: bool = False
    evidence: bool = True


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan for one task."""

    task: str
    version: int
    purpose: str
    approved_by: str
    approved_on: date
    review_by: date
    if_not_met: str
    monitoring: str
    allowed: Allowed
    protocol: Protocol


def read_plan(content: bytes, *, where: str) -> Plan:
    """Return the plan in a TOML file.

    Raises
    ------
    SchemaError
        It is no TOML, a key is missing, unknown or of another kind, or it contradicts itself.
    """
    try:
        plan = msgspec.convert(tomllib.loads(content.decode("utf-8")), Plan)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SchemaError(f"{where}: not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise SchemaError(f"{where}: {error}; {_EXAMPLE}") from error
    problem = _contradiction(plan)
    if problem:
        raise SchemaError(f"{where}: {problem}; {_EXAMPLE}")
    return plan


def _contradiction(plan: Plan) -> str:
    rules = plan.protocol
    low, loss, large = rules.auc_low, rules.auc_loss, rules.in_the_large
    first, last = rules.slope or (1.0, 1.0)
    texts = ("task", "purpose", "approved_by", "if_not_met", "monitoring")
    wrong = {f"{name} is empty": not getattr(plan, name).strip() for name in texts} | {
        "version counts from 1": plan.version < 1,
        "review_by lies after approved_on": plan.review_by <= plan.approved_on,
        "protocol.slope is a range around 1, as in [0.8, 1.2]": not 0 < first <= 1 <= last,
        "protocol.auc_low lies between 0.5 and 1": low is not None and not 0.5 <= low < 1,
        "protocol.auc_loss lies between 0 and 0.5": loss is not None and not 0 <= loss < 0.5,
        "protocol.in_the_large is above 0": large is not None and not large > 0,
        "a least number is not below 0": min(rules.least_people, rules.least_with_outcome) < 0,
    }
    return next((what for what, is_so in wrong.items() if is_so), "")


def changes(candidate: Bundle, champion: Bundle | None) -> tuple[str, ...]:
    """Return what kinds of change lie between the model in use and a candidate."""
    if champion is None:
        return ()
    held, new = champion.card, candidate.card
    asked = ("outcome", "population", "horizon_days", "intended_use", "index_dates")
    found = {
        "data": candidate.trained_on != champion.trained_on,
        "features": candidate.schema_digest != champion.schema_digest,
        "estimator": candidate.estimator != champion.estimator,
        "threshold": candidate.threshold != champion.threshold,
        "population": any(held.get(key) != new.get(key) for key in asked),
    }
    return tuple(name for name in CHANGES if found[name])


def violations(
    plan: Plan, candidate: Bundle, champion: Bundle | None, *, adopted_at: datetime, now: datetime
) -> tuple[str, ...]:
    """Return where a candidate is outside a plan, in words; nothing where it is inside."""
    found = []
    if candidate.task != plan.task:
        found.append(f"the plan is for {plan.task}")
    if datetime.fromisoformat(candidate.trained_at) < adopted_at:
        found.append("the plan was adopted after the model was trained: it is not predetermined")
    if now.date() > plan.review_by:
        found.append(f"the plan was to be reviewed by {plan.review_by.isoformat()}")
    made = changes(candidate, champion)
    found += [f"a change of {k} is not in the plan" for k in made if not getattr(plan.allowed, k)]
    if champion is not None and candidate.synthetic and not champion.synthetic:
        found.append("it was trained on synthetic data, and the model in use was not")
    return (*found, *_unmet(plan.protocol, candidate, champion))


def _unmet(rules: Protocol, candidate: Bundle, champion: Bundle | None) -> list[str]:
    card, found = candidate.card, []
    for key, least, what in (
        ("people", rules.least_people, "people"),
        ("rows_with_outcome", rules.least_with_outcome, "rows with the outcome"),
    ):
        if int(card.get(key, 0)) < least:
            found.append(f"{card.get(key, 0)} {what}, and the plan asks for {least}")
    slope, large = _figure(card, "calibration_slope"), _figure(card, "calibration_in_the_large")
    if rules.auc_low is not None and not _figure(card, "auc", "low") >= rules.auc_low:
        found.append(f"the lower end of its AUC is below {rules.auc_low:g}")
    if rules.slope is not None and not rules.slope[0] <= slope <= rules.slope[1]:
        found.append(f"its calibration slope is not within {rules.slope[0]:g}-{rules.slope[1]:g}")
    if rules.in_the_large is not None and not abs(large) <= rules.in_the_large:
        found.append(f"its calibration in the large is off by more than {rules.in_the_large:g}")
    if rules.external and "auc_new_site" not in card.get("metrics", {}):
        found.append("it was not tested at sites left out")
    if rules.evidence and "not evidence" in candidate.evidence:
        found.append(f"its audits say {candidate.evidence}")
    if rules.auc_loss is not None and champion is not None:
        found += _behind(rules.auc_loss, card, champion.card)
    return found


def _behind(most: float, card: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
    both = "auc_new_site" in card["metrics"] and "auc_new_site" in held["metrics"]
    name = "auc_new_site" if both else "auc"
    loss = _figure(held, name) - _figure(card, name)
    if loss <= most:
        return []
    return [f"its AUC is more than {most:g} below that of the model in use"]


def _figure(card: Mapping[str, Any], name: str, part: str = "estimate") -> float:
    """Return a figure of a card; NaN where it is not there, which meets no rule."""
    value = card.get("metrics", {}).get(name, {}).get(part)
    return float("nan") if value is None else float(value)
