"""Go on or change: a task's prediction made anew at each of its moments, beside the clinical rule.

At each moment the model is built on what is known by then, judged where it has seen no site (or
person), and its conformal sets say for whom there is a definite answer: "go on" where only the
outcome is left, "change" where only its absence is. Net benefit is compared with the rule that
clinicians go by (less than 20 % better at week 2), for going on and for changing alike, at every
threshold of a range fixed beforehand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from euthymia.evaluation import calibration, discrimination
from euthymia.evaluation.chance import chance_levels
from euthymia.evaluation.estimate import Estimate, Metric
from euthymia.evaluation.net_benefit import net_benefit
from euthymia.evaluation.resample import difference, estimates
from euthymia.ground.errors import SchemaError
from euthymia.models.estimators import estimator as named
from euthymia.models.estimators.contract import Fitted
from euthymia.models.expressions import column_formula
from euthymia.models.frame import CohortFrame
from euthymia.models.on_tables import as_table, table_task
from euthymia.models.sites import leave_sites_out
from euthymia.models.table_frame import predictors_of, table_frame
from euthymia.models.tables import Frame
from euthymia.models.tasks.contract import RecordTask, Task
from euthymia.models.tasks.table import Rule, TableTask
from euthymia.models.train import (
    affordable,
    copies_as_one,
    for_model,
    refuse_too_few,
    sample_of,
)
from euthymia.models.uncertainty import Uncertainty, uncertainty
from euthymia.models.validate import HeldOut, cross_validate, outer_splits

Floats = NDArray[np.float64]
Texts = NDArray[np.str_]
Progress = Callable[[int, int], None]

STEP: Final = 0.05
_SAME_DAY: Final = 3.5  # days: a row belongs to the moment whose week it is in
_Z: Final = 1.6448536269514722  # one side: only a gain can put the model in the place of the rule
GO_ON, CHANGE, OPEN, STRANGE = "go on", "change", "no definite answer", "unlike anybody seen"


@dataclass(frozen=True, slots=True)
class RulePoint:
    """One threshold: net benefit of the model, the rule, everybody, and of the policy.

    In the outcome's terms, "go on" acts on those likely to respond, "change" on those who are not.
    The rule is what clinicians do, so the model takes its place only where it has earned it: the
    policy goes by the model where its gain on the rule, among the other groups, is above zero with
    95 % confidence, and by the rule otherwise. It is chosen on people whom it is not judged on.
    `by`: what it is in the end, from all groups. `gain`, `model_gain`: policy and model against the
    rule.
    """

    action: str
    threshold: float
    model: float
    rule: float
    everybody: float
    policy: float
    by: str
    gain: Estimate
    model_gain: Estimate


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of prediction, judged on sites (or people) the model has not seen."""

    title: str
    day: float
    task: TableTask
    frame: CohortFrame
    people: int
    with_outcome: int
    held: HeldOut
    cluster: Texts
    how: str
    external: bool
    figures: Mapping[str, Estimate]
    uncertainty: Uncertainty
    rule: tuple[RulePoint, ...]
    rule_unknown: int
    fitted: Fitted

    @property
    def signal(self) -> str:
        """Say whether anything is predicted at all."""
        auc = self.figures["auc"]
        return "predicts" if auc.beats_chance() else "no signal shown"

    def sets(self, x: Floats, p: Floats) -> NDArray[np.bool_]:
        """Return the conformal set of each row, shape [n, 2].

        Both outcomes where the model was not shown to predict; none where a value cannot be true,
        or more than two (and a tenth) lie beyond anything seen in training.
        """
        if not self.figures["auc"].beats_chance():
            return np.ones((p.size, 2), bool)
        found = self.uncertainty.cutoffs.sets(p)
        specs = self.task.features
        low = np.array([-np.inf if s.low is None else s.low for s in specs])
        high = np.array([np.inf if s.high is None else s.high for s in specs])
        known = np.where(np.isnan(self.frame.x), np.inf, self.frame.x).min(axis=0)
        most = np.where(np.isnan(self.frame.x), -np.inf, self.frame.x).max(axis=0)
        beyond = ((x < known) | (x > most)).sum(axis=1)
        strange = beyond > np.maximum(2, 0.1 * (~np.isnan(x)).sum(axis=1))
        found[strange | ((x < low) | (x > high)).any(axis=1)] = False
        return found

    @property
    def beats_rule(self) -> str:
        """Say how the model does beside the rule, over all thresholds."""
        if not self.rule:
            return "no rule can be applied yet"
        by_rule = [p for p in self.rule if p.by == "rule"]
        worse = [p for p in self.rule if p.policy < p.rule]
        kept = f"by the rule at {len(by_rule)} of {len(self.rule)} points, else by the model"
        if not worse:
            return f"at least the rule's net benefit at every threshold ({kept})"
        return f"below the rule's net benefit at {len(worse)} of {len(self.rule)} points ({kept})"


@dataclass(frozen=True, slots=True)
class Advice:
    """What is said of one person at a moment."""

    person: str
    moment: str
    probability: float
    outcomes: tuple[int, ...]

    @property
    def words(self) -> str:
        """Go on, change, or no definite answer."""
        if len(self.outcomes) == 1:
            return GO_ON if self.outcomes[0] else CHANGE
        return OPEN if self.outcomes else STRANGE


@dataclass(frozen=True, slots=True)
class Updated:
    """A task at all its moments."""

    task: TableTask
    moments: tuple[Moment, ...]

    def advise(self, frame: Path | str | Frame) -> tuple[Advice, ...]:
        """Return what is said of people of another table, at the last moment known of each.

        Somebody of whom nothing is known that was measured at a moment is told by an earlier one.
        """
        told: dict[str, Advice] = {}
        for moment in self.moments:
            person, x = predictors_of(moment.task, frame)
            new = np.array(
                [moment.task.measured(f) > _before(self, moment) for f in moment.task.features]
            )
            here = ~np.isnan(x[:, new]).all(axis=1) if new.any() else np.ones(person.size, bool)
            p = moment.fitted.predict(x)
            sets = moment.sets(x, p)
            for row in np.flatnonzero(here).tolist():
                held = tuple(np.flatnonzero(sets[row]).tolist())
                who = str(person[row])
                told[who] = Advice(who, moment.title, float(p[row]), held)
        return tuple(told.values())


def _before(updated: "Updated", moment: Moment) -> float:
    """Return the day of the moment before, -inf at the first."""
    days = [m.day for m in updated.moments if m.day < moment.day]
    return max(days, default=float("-inf"))


def update(
    task: Task | str,
    frame: Path | str | Frame,
    *,
    seed: int = 1,
    estimator: str = "",
    progress: Progress = lambda _done, _total: None,
) -> Updated:
    """Judge a task at each of its moments, and beside its rule.

    Parameters
    ----------
    task : Task or str
        A task on a table with `moments`, or its name.
    frame : path or frame
        See `read_frame`.

    Raises
    ------
    SchemaError
        The task has no moments, the table not what it declares, or too few people.
    """
    asked = table_task(task)
    if not asked.moments:
        raise SchemaError(f"{asked.name} has no moments: nothing is declared to be updated")
    ordered = sorted(asked.moments.items(), key=lambda item: item[1])
    found = []
    for number, (title, day) in enumerate(ordered):
        found.append(_moment(asked.at(day, title), title, frame, seed, estimator))
        progress(number + 1, len(ordered))
    return Updated(asked, tuple(found))


def update_cohort(
    task: RecordTask,
    frame: CohortFrame,
    *,
    seed: int = 1,
    estimator: str = "",
    progress: Progress = lambda _done, _total: None,
) -> Updated:
    """Judge a task of the store at each moment of its `renewal`, on the rows of a snapshot.

    Raises
    ------
    SchemaError
        The task is not asked anew, or there are too few people at a moment.
    """
    renewal = task.renewal
    if renewal is None:
        raise SchemaError(
            f"{task.name} is not asked anew in a course: nothing is declared to be updated"
        )
    rule = Rule(renewal.rule_title, column_formula(renewal.rule), renewal.source)
    asked = replace(as_table(task), moments=renewal.moments, rule=rule)
    day_of, says = (frame.x[:, frame.columns((n,))[0]] for n in (renewal.days, renewal.rule))
    ordered = sorted(renewal.moments.items(), key=lambda item: item[1])
    found = []
    for number, (title, day) in enumerate(ordered):
        one = asked.at(day, title)
        part = replace(frame, task=one.name, rule=says).rows(np.abs(day_of - day) < _SAME_DAY)
        found.append(_judged(one, part, title, seed, estimator))
        progress(number + 1, len(ordered))
    return Updated(asked, tuple(found))


def _moment(
    task: TableTask, title: str, source: Path | str | Frame, seed: int, estimator: str
) -> Moment:
    return _judged(task, table_frame(task, source), title, seed, estimator)


def _judged(task: TableTask, rows: CohortFrame, title: str, seed: int, estimator: str) -> Moment:
    model = named(estimator or task.estimator)
    model.ready()
    frame = for_model(task, rows, model)
    refuse_too_few(frame)
    sample = sample_of(task, copies_as_one(frame, seed)[0])
    sets = affordable(task, frame)
    with threadpool_limits(limits=1, user_api="blas"):
        sites = leave_sites_out(model, sample, sets, frame.site, task.threshold, seed=seed)
        if sites is not None:
            held, cluster, how = sites.held, sites.cluster, sites.how
            by_person = held
        else:
            by_person, _ = cross_validate(
                model, sample, sets, outer_splits(sample, seed), seed=seed
            )
            held, cluster = by_person, by_person.person
            how = "five folds by person, twice; not externally tested"
        fitted = model.fit(sample, sets, seed=seed)
    return Moment(
        title=title,
        day=task.index_day,
        task=task,
        frame=frame,
        people=int(np.unique(frame.person).size),
        with_outcome=int(np.unique(frame.person[frame.y == 1]).size),
        held=held,
        cluster=cluster,
        how=how,
        external=sites is not None,
        figures=_figures(held, cluster, seed),
        uncertainty=uncertainty(by_person, sites, seed=seed),
        rule=_beside_rule(task, frame, held, cluster, seed),
        rule_unknown=0 if frame.rule is None else int(np.isnan(frame.rule).sum()),
        fitted=fitted,
    )


def _figures(held: HeldOut, cluster: Texts, seed: int) -> dict[str, Estimate]:
    metrics: Mapping[str, Metric] = {
        "auc": held.auc,
        "brier": discrimination.brier,
        "calibration_in_the_large": calibration.calibration_in_the_large,
        "calibration_slope": calibration.calibration_slope,
        "ici": calibration.integrated_calibration_index,
    }
    return estimates(metrics, held.y, held.p, cluster, seed=seed, chance=chance_levels(held.y))


def thresholds(task: TableTask) -> Floats:
    """Return the thresholds at which a task's model is compared with its rule."""
    low, high = task.rule_thresholds
    return np.round(np.arange(low, high + STEP / 2, STEP), 10)


def _beside_rule(
    task: TableTask, frame: CohortFrame, held: HeldOut, cluster: Texts, seed: int
) -> tuple[RulePoint, ...]:
    """Return net benefit of model and rule, for acting on the outcome and on its absence.

    Where the rule cannot be told it says no.
    """
    if frame.rule is None:
        return ()
    yes = np.nan_to_num(frame.rule[held.rows])
    points = []
    for action, y, p, rule in (
        (GO_ON, held.y, held.p, yes),
        (CHANGE, 1 - held.y, 1 - held.p, 1 - yes),
    ):
        points += [
            _point(action, threshold, held, (y, p, rule), cluster, seed)
            for threshold in thresholds(task).tolist()
        ]
    return tuple(points)


def _point(
    action: str,
    at: float,
    held: HeldOut,
    said: tuple[Floats, Floats, Floats],
    cluster: Texts,
    seed: int,
) -> RulePoint:
    y, p, rule = said
    model = (p >= at).astype(np.float64)

    def gained(labels: Floats, acted: Floats, weights: Floats) -> Floats:
        return net_benefit(labels, acted, weights, at)

    def good(acted: Floats, rows: NDArray[np.bool_]) -> float:
        return float(gained(y[rows], acted[rows], np.ones((1, int(rows.sum()))))[0])

    everyone = np.ones(y.size, bool)
    policy = rule.copy()
    for part in np.unique(held.strata):
        inside = held.strata == part
        others = ~np.isin(held.person, held.person[inside])
        if others.any() and _earned(y, model - rule, at, cluster, others):
            policy[inside] = model[inside]

    def ahead(acted: Floats) -> Estimate:
        return difference(gained, acted, gained, rule, y, cluster, seed=seed, replicates=300)

    return RulePoint(
        action=action,
        threshold=at,
        model=good(model, everyone),
        rule=good(rule, everyone),
        everybody=good(np.ones(y.size), everyone),
        policy=good(policy, everyone),
        by="model" if _earned(y, model - rule, at, cluster, everyone) else "rule",
        gain=ahead(policy),
        model_gain=ahead(model),
    )


def _earned(y: Floats, more: Floats, at: float, cluster: Texts, rows: NDArray[np.bool_]) -> bool:
    """Tell whether acting `more` (model less rule) gains net benefit beyond doubt.

    The mean of each row's gain, with a standard error clustered by site or person.
    """
    gained = (more * (y - at / (1 - at) * (1 - y)))[rows]
    mean = float(gained.mean())
    _, code = np.unique(cluster[rows], return_inverse=True)
    sums = np.bincount(code.reshape(-1), weights=gained - mean)
    return mean - _Z * float(np.sqrt((sums**2).sum())) / gained.size > 0
