"""A model's estimate about one person now, where consent and the model's scope allow one."""

from collections.abc import Sequence
from typing import Final

from euthymia.app.problems import RefusalError
from euthymia.app.shelf import Model
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.clock import Micros
from euthymia.models.contract import Prediction, SubjectData
from euthymia.security.consent import consent_covers

WORKLIST_MODEL: Final = "relapse-30d"  # the model whose question is who needs a call soon


def estimate(
    model: Model | None, data: SubjectData, grants: Sequence[GrantRecord], now: Micros
) -> Prediction | None:
    """Ask the model, where consent covers all that it rests on and the person is in scope."""
    if model is None:
        return None
    lacking = [need for need in model.purposes if not consent_covers(grants, need, now)]
    if lacking:
        return model.silent(f"no consent in force to {', '.join(lacking)}")
    try:
        vector, coverage, age = model.describe(data, now)
    except RefusalError as refusal:
        return model.silent(str(refusal))
    outside = model.outside(data, now)
    if outside:
        return model.silent(outside)
    return model.predict(vector, coverage, age)
