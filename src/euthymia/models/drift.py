"""Has the world moved under a released model: inputs, outcome, calibration, and what it was asked.

Before are the index dates it was trained on, after are those since its release: described anew
from the records, as in training. Inputs are compared on every index date since; calibration and
prevalence on those whose outcome is known by now, none of which training has seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.evaluation.calibration import calibration_in_the_large, calibration_slope
from euthymia.evaluation.chance import chance_levels
from euthymia.evaluation.discrimination import auc, brier
from euthymia.evaluation.drifts import (
    InputDrift,
    input_drift,
    prevalence_change,
    sure,
    two_sample_test,
)
from euthymia.evaluation.estimate import Estimate, Metric
from euthymia.evaluation.groups import SMALL_CELL
from euthymia.evaluation.resample import estimates
from euthymia.ground.clock import DAY_US, Micros
from euthymia.models.audits.run import plain
from euthymia.models.challenge import LEAST_EVENTS
from euthymia.models.contract import SubjectData
from euthymia.models.frame import CohortFrame
from euthymia.models.serve import Served
from euthymia.models.tasks.contract import RecordTask

Floats = NDArray[np.float64]
LEAST_ROWS: Final = 30  # before and after, below which inputs are not compared
_LEVEL: Final = 0.05
_FIGURES: Final[Mapping[str, Metric]] = {
    "auc": auc,
    "brier": brier,
    "calibration_in_the_large": calibration_in_the_large,
    "calibration_slope": calibration_slope,
}


@dataclass(frozen=True, slots=True)
class Moments:
    """Described index dates: x [n, p], whose, and the outcome (NaN: not known yet)."""

    x: Floats
    y: Floats
    person: NDArray[np.str_]
    coverage: Floats
    data_age_hours: Floats


@dataclass(frozen=True, slots=True)
class ModelDrift:
    """What moved. `figures`: name -> (at training, on people held out; now), None where not known.

    `silent`: the share of index dates at which it abstains, before and after; `prevalence` alike.
    """

    model: str
    rows: tuple[int, int]
    people: tuple[int, int]
    with_outcome: int
    inputs: tuple[InputDrift, ...]
    told_apart: Estimate | None
    told_apart_p: float | None
    silent: tuple[float, float] | None
    prevalence: tuple[float, float] | None
    prevalence_change: Estimate | None
    figures: Mapping[str, tuple[Mapping[str, Any] | None, Estimate]]
    found: tuple[str, ...]
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return it as one object that JSON has; counts of few people are left out."""
        told: dict[str, Any] = {
            name: plain(getattr(self, name))
            for name in self.__dataclass_fields__
            if name not in {"figures", "people", "with_outcome"}
        }
        told["people"] = [n if not 0 < n < SMALL_CELL else None for n in self.people]
        told["with_outcome"] = self.with_outcome if not 0 < self.with_outcome < SMALL_CELL else None
        told["figures"] = [
            {"name": name, "at_training": plain(then), "now": plain(now)}
            for name, (then, now) in self.figures.items()
        ]
        return told


def not_yet_known(
    task: RecordTask, people: Iterable[SubjectData], since: Micros, until: Micros
) -> Moments:
    """Return the index dates from `since` on whose outcome is not known (yet).

    Too little or too old data stay in: at such dates the model is asked, and abstains.
    """
    x: list[Floats] = []
    about: list[tuple[str, float, float]] = []
    for data in people:
        history = task.history(replace(data, seen_until=min(data.seen_until, until)))
        for mark in task.landmarks(history):
            if since <= mark.at <= until and mark.label is None:
                if not mark.excluded.startswith("censored"):
                    continue
                found = task.describe(history, mark.at)
                x.append(found.x)
                about.append((data.subject, found.coverage, found.data_age_hours))
    return Moments(
        np.array(x, np.float64).reshape(len(x), len(task.features)),
        np.full(len(x), np.nan),
        np.array([who for who, _, _ in about], np.str_),
        np.array([coverage for _, coverage, _ in about], np.float64),
        np.array([age for _, _, age in about], np.float64),
    )


def _moments(frame: CohortFrame, rows: NDArray[np.bool_]) -> Moments:
    part = frame.rows(rows)
    return Moments(part.x, part.y, part.person, part.coverage, part.data_age_hours)


def _joined(first: Moments, second: Moments) -> Moments:
    each = ((getattr(first, n), getattr(second, n)) for n in Moments.__dataclass_fields__)
    return Moments(*(np.concatenate(pair) for pair in each))


def drifted(
    served: Served,
    frame: CohortFrame,
    open_still: Moments,
    *,
    trained_at: Micros,
    since: Micros,
    seed: int,
) -> ModelDrift:
    """Return what moved under a model between its training and now.

    Parameters
    ----------
    frame : CohortFrame
        The task's index dates whose outcome is known, of before and after.
    open_still : Moments
        Those since the release whose outcome is not (see `not_yet_known`).
    trained_at, since : Micros
        Of the index dates before `since` those count whose outcome was over at training; of those
        from `since` on, those whose outcome was not.
    """
    over = trained_at - served.bundle.horizon_days * DAY_US
    before = _moments(frame, frame.at <= over)
    known = _moments(frame, (frame.at >= since) & (frame.at > over))
    after = _joined(known, open_still)
    enough = min(before.y.size, after.y.size) >= LEAST_ROWS
    having, free = (np.unique(known.person[known.y == v]).size for v in (1, 0))
    judged = min(having, free) >= LEAST_EVENTS
    inputs, told, silent = _inputs(served, before, after, seed) if enough else ((), None, None)
    change = _prevalence(before, known, seed) if judged and before.y.size else None
    figures = _figures(served, known, seed) if judged else {}
    found = tuple(_words(inputs, told, change, figures))
    return ModelDrift(
        model=f"{served.bundle.name}@{served.version}",
        rows=(before.y.size, after.y.size),
        people=(np.unique(before.person).size, np.unique(after.person).size),
        with_outcome=having,
        inputs=inputs,
        told_apart=told[0] if told else None,
        told_apart_p=told[1] if told else None,
        silent=silent,
        prevalence=(float(before.y.mean()), float(known.y.mean())) if change else None,
        prevalence_change=change,
        figures=figures,
        found=found,
        verdict=_verdict(found, enough, judged),
    )


def _verdict(found: tuple[str, ...], enough: bool, judged: bool) -> str:
    if found:
        return "it has moved"
    if not enough:
        return "too early to say"
    return "nothing moved" if judged else "inputs have not moved; too early to say of the rest"


def _inputs(
    served: Served, before: Moments, after: Moments, seed: int
) -> tuple[tuple[InputDrift, ...], tuple[Estimate, float], tuple[float, float]]:
    """Return the drift of the inputs that the model uses, and how often it is silent."""
    both = _joined(before, after)
    later = np.r_[np.zeros(before.y.size, bool), np.ones(after.y.size, bool)]
    x = both.x[:, served.used]
    names = tuple(served.names[i] for i in served.used)
    moved = input_drift(x, later, both.person, names, seed=seed)
    told = two_sample_test(x, later, both.person, seed=seed)
    said = served.predict_many(both.x, both.coverage.tolist(), both.data_age_hours.tolist())
    none = np.array([one.probability is None for one in said])
    return moved, told, (float(none[~later].mean()), float(none[later].mean()))


def _prevalence(before: Moments, known: Moments, seed: int) -> Estimate:
    both = _joined(before, known)
    later = np.r_[np.zeros(before.y.size, bool), np.ones(known.y.size, bool)]
    return prevalence_change(both.y, later, both.person, seed)


def _figures(
    served: Served, known: Moments, seed: int
) -> dict[str, tuple[Mapping[str, Any] | None, Estimate]]:
    """Return how the model does since, beside what its card says of people held out."""
    said = served.predict_many(known.x, known.coverage.tolist(), known.data_age_hours.tolist())
    p = np.array([np.nan if one.probability is None else one.probability for one in said])
    kept = ~np.isnan(p)
    y, person = known.y[kept], known.person[kept]
    if min(np.unique(person[y == v]).size for v in (0, 1)) < LEAST_EVENTS:
        return {}
    now = estimates(_FIGURES, y, p[kept], person, seed=seed, chance=chance_levels(y))
    then = served.bundle.card.get("metrics", {})
    return {name: (then.get(name), one) for name, one in now.items()}


def _words(
    inputs: tuple[InputDrift, ...],
    told: tuple[Estimate, float] | None,
    change: Estimate | None,
    figures: Mapping[str, tuple[Mapping[str, Any] | None, Estimate]],
) -> Iterable[str]:
    """Yield what moved, in words."""
    moved = [d for d in inputs if d.size != "little"]
    if moved:
        said = ", ".join(f"{d.column} (PSI {d.psi:.2f}, {d.size})" for d in moved[:5])
        yield f"Inputs moved: {said}."
    elif told is not None and told[1] <= _LEVEL / 2 and told[0].low > 0.5:
        yield (
            f"All inputs together tell before from after (AUC {told[0].estimate:.2f}, p ="
            f" {told[1]:.3f}) though none does alone."
        )
    if change is not None and sure(change):
        yield f"The outcome has become {_more(change)}."
    large = figures.get("calibration_in_the_large")
    if large is not None and sure(large[1]):
        way = "low" if large[1].estimate > 0 else "high"
        yield (
            f"It predicts too {way}: calibration in the large {large[1].estimate:+.2f} log-odds"
            f" ({large[1].low:+.2f} to {large[1].high:+.2f})."
        )
    slope = figures.get("calibration_slope")
    if slope is not None and sure(slope[1], 1.0):
        way = "are too extreme" if slope[1].estimate < 1 else "differ too little"
        yield (
            f"Its predictions {way}: calibration slope {slope[1].estimate:.2f}"
            f" ({slope[1].low:.2f} to {slope[1].high:.2f})."
        )
    area = figures.get("auc")
    held = None if area is None or area[0] is None else area[0].get("low")
    if area is not None and held is not None and area[1].high < held:
        yield (
            f"It tells people apart less well: AUC {area[1].estimate:.2f} ({area[1].low:.2f} to"
            f" {area[1].high:.2f}); at training at least {held:.2f}."
        )


def _more(change: Estimate) -> str:
    way = "commoner" if change.estimate > 0 else "rarer"
    return f"{way} by {abs(change.estimate):.1%} ({change.low:+.1%} to {change.high:+.1%})"
