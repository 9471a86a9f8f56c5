"""Go on or change: how an antidepressant goes, by the rule and by the clinic's own model.

The rule needs no model: less than 20 % better after two weeks predicts that the drug will not be
enough (Szegedi et al. 2009, doi:10.4088/JCP.07m03780). The model is the clinic's release of
`antidepressant-response-weekly`; without one, or where it is not for this person, the page says so.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from euthymia.app.estimates import estimate
from euthymia.app.shelf import Model
from euthymia.app.web.reader import NO_ESTIMATE_ROLE
from euthymia.care.words import count_words, percent_words
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.clock import Micros
from euthymia.models.contract import Prediction, SubjectData
from euthymia.models.tasks import tasks

TASK: Final = "antidepressant-response-weekly"
RULE_DAY: Final = 14
RULE: Final = "Szegedi et al. 2009, doi:10.4088/JCP.07m03780"
NO_MODEL: Final = (
    f"No model for this question is released here; `euthymia train {TASK}` makes one to be judged"
)


@dataclass(frozen=True, slots=True)
class Going:
    """What is said of the present course. `rule` is empty where no course is in its first weeks."""

    course: str
    rule: str = ""
    model: str = ""
    simulated: bool = False


def going(
    data: SubjectData,
    model: Model | None,
    grants: tuple[GrantRecord, ...],
    now: Micros,
    *,
    may_ask: bool,
) -> Going:
    """Return how the antidepressant goes that a person began in the last four weeks."""
    task = tasks()[TASK]
    outside = task.outside_population(data, now)
    if outside:
        return Going(f"Nothing is updated week by week: {outside}")
    vector, _, _ = task.vector(data, now)
    place = {spec.name: k for k, spec in enumerate(task.features)}
    days, start, change = (
        float(vector[place[f"course.{name}"]]) for name in ("days", "start", "change")
    )
    since = f"Day {days:.0f} of the antidepressant; PHQ-9 {start:.0f} before it"
    if np.isnan(change):
        return Going(
            f"{since}, none since",
            "The rule needs a PHQ-9 since the start: ask for one",
            _model_words(model, data, grants, now, may_ask=may_ask),
            bool(model and model.synthetic),
        )
    return Going(
        f"{since}, {start + change:.0f} now",
        _rule_words(days, start, change),
        _model_words(model, data, grants, now, may_ask=may_ask),
        bool(model and model.synthetic),
    )


def _rule_words(days: float, start: float, change: float) -> str:
    better = change <= -0.2 * start
    found = "at least 20 % better" if better else "less than 20 % better"
    if days < RULE_DAY:
        left = count_words(int(np.ceil(RULE_DAY - days)), "day")
        return f"{found.capitalize()} so far; the rule is asked after two weeks, in {left}"
    if better:
        return f"{found.capitalize()}: the rule says to go on"
    return f"{found.capitalize()} after two weeks: the rule says to talk about a change"


def _model_words(
    model: Model | None,
    data: SubjectData,
    grants: tuple[GrantRecord, ...],
    now: Micros,
    *,
    may_ask: bool,
) -> str:
    if not may_ask:
        return NO_ESTIMATE_ROLE.rstrip(".")
    found = estimate(model, data, grants, now)
    if model is None or found is None:
        return NO_MODEL
    if found.probability is None or found.abstained_because is not None:
        return f"The model gives no estimate: {found.abstained_because or 'it gave none'}"
    return f"{_chance(found)}: {_advice(found)} ({model.name} {model.version})"


def _chance(found: Prediction) -> str:
    assert found.probability is not None
    words = (
        f"Half the score or less by weeks 5 to 12 estimated at {percent_words(found.probability)}"
    )
    if found.interval is None:
        return words
    low, high = (percent_words(p) for p in found.interval)
    return f"{words} ({low} to {high})"


def _advice(found: Prediction) -> str:
    """Say what follows: something only where one outcome alone is left."""
    if found.outcomes == (1,):
        return "go on"
    return "talk about a change" if found.outcomes == (0,) else "no definite answer"
