"""`euthymia analyze`: the API's call from the shell, with the same checks and the same ledger."""

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from euthymia.app.analyze import Analyzer
from euthymia.app.clinic import Clinic
from euthymia.app.problems import TYPE_PREFIX, Problem
from euthymia.app.question import AnalyzeRequest
from euthymia.ground.errors import AccessError, SchemaError
from euthymia.security.token import Claims

CARE_TEAM: Final = (
    "; from the shell: `euthymia care-team SUBJECT --add USER`, then --user USER here"
)


def _number(text: str) -> float | None:
    """Read one number; an empty one is not known."""
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise SchemaError("a feature's value is not a number") from None
    if not math.isfinite(value):
        raise SchemaError("a feature's value is not finite; leave it empty where it is not known")
    return value


def _named(features: Sequence[str]) -> dict[str, float | None] | None:
    pairs = [feature.partition("=") for feature in features]
    if any(not sign for _, sign, _ in pairs):
        raise SchemaError("a feature is given as NAME=VALUE")
    return {name.strip(): _number(value) for name, _, value in pairs} or None


def ask(
    clinic: Clinic,
    subject: str,
    model: str,
    user: str,
    vector: str | None,
    features: Sequence[str],
) -> dict[str, Any]:
    """Ask a model about one person, as a clinician `user`; return the API's answer.

    Raises
    ------
    AccessError
        With the API's own words, where a check refuses.
    """
    if vector is not None and features:
        raise SchemaError("give either --vector or --feature, not both")
    request = AnalyzeRequest(
        patient_id=subject,
        model=model,
        feature_vector=None if vector is None else [_number(v) for v in vector.split(",")],
        features=_named(features),
    )
    expires = int(clinic.clock().timestamp()) + 60
    said = Analyzer(clinic).ask(request, Claims(user, "clinician", expires, "shell"))
    if isinstance(said, Problem):
        at_hand = said.type == TYPE_PREFIX + "care-relationship"
        raise AccessError(said.detail + (CARE_TEAM if at_hand else ""))
    answer: dict[str, Any] = msgspec.to_builtins(said)
    return answer
