"""From people to a judged model: cohort, validation, audits, final fit, report."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from euthymia.evaluation.confounds import ConfoundRow, ModelScores, confound_audit, confound_verdict
from euthymia.evaluation.duplicates import held_together, suspected_copies
from euthymia.evaluation.estimate import Estimate
from euthymia.evaluation.membership import Membership
from euthymia.evaluation.resample import bootstrap_weights
from euthymia.evaluation.survival import at_horizon
from euthymia.evaluation.workload import LeadTime
from euthymia.ground.clock import Micros
from euthymia.ground.errors import SchemaError
from euthymia.models.audits.finding import Finding, verdict
from euthymia.models.audits.verdicts import told_alone
from euthymia.models.contract import SubjectData
from euthymia.models.estimators import DEFAULT
from euthymia.models.estimators import estimator as named
from euthymia.models.estimators.contract import EVENT, Fitted, Ints, Model, Sample
from euthymia.models.frame import CohortFrame, cohort
from euthymia.models.further import Further, further
from euthymia.models.further import audits as further_audits
from euthymia.models.membership import attack_model, told
from euthymia.models.sites import MOST_SPLITS, Sites, leave_sites_out
from euthymia.models.tasks.contract import RecordTask, Task
from euthymia.models.uncertainty import Uncertainty, uncertainty
from euthymia.models.validate import (
    Baseline,
    HeldOut,
    Leakage,
    ShuffleTest,
    baseline_verdict,
    baselines,
    c_index,
    cross_validate,
    figures,
    leakage,
    outer_splits,
    shuffle_test,
)
from euthymia.models.wording import elsewhere
from euthymia.models.workload import (
    WORKLOAD,
    checked,
    lead_audit,
    lead_times,
    workload_figures,
)

Progress = Callable[[int, int], None]

MIN_PEOPLE: Final = 30
FEATURES_PER_PERSON: Final = 2
"""With the outcome: a feature set with more is not offered to tuning, which could only be lucky
with it. The smallest set always is."""
MIN_PEOPLE_A_CLASS: Final = 10  # below it five folds hold fewer than two people of a class each


@dataclass(frozen=True, slots=True)
class Results:
    """Everything the report says."""

    task: Task
    frame: CohortFrame
    synthetic: bool
    seed: int
    now: Micros
    held_out: HeldOut
    chosen_sets: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    baselines: tuple[Baseline, ...]
    sites: Sites | None
    uncertainty: Uncertainty
    further: Further
    confounds: tuple[ConfoundRow, ...]
    leakage: Leakage
    shuffle: ShuffleTest
    membership: Membership
    weights: Any
    model: Model
    fitted: Fitted
    workload: float = WORKLOAD
    lead: LeadTime | None = None
    findings: tuple[Finding, ...] | None = None
    verdict: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Trained:
    """A judged model, ready to be sealed into a bundle."""

    task: Task
    fitted: Fitted
    metrics: Mapping[str, Estimate]
    audits: Mapping[str, Mapping[str, Any]]
    report_html: str
    synthetic: bool
    seed: int
    trained_at: Micros
    people: tuple[str, ...]
    frame: CohortFrame
    estimator: str = DEFAULT
    uncertainty: Uncertainty | None = None
    privacy: Mapping[str, Any] = field(default_factory=dict)  # of a private run: see its card


def refuse_too_few(frame: CohortFrame) -> None:
    """Refuse to train where nothing could be learned or judged.

    Raises
    ------
    SchemaError
        Fewer than `MIN_PEOPLE` people, or fewer than `MIN_PEOPLE_A_CLASS` who ever have the event
        or who ever do not.
    """
    people = np.unique(frame.person).size
    having = np.unique(frame.person[frame.y == 1]).size
    free = np.unique(frame.person[frame.y == 0]).size
    if people < MIN_PEOPLE or min(having, free) < MIN_PEOPLE_A_CLASS:
        left = "; ".join(f"{why}: {n} ({who} people)" for why, n, who in frame.flow)
        raise SchemaError(
            f"too few people to train {frame.task}: it needs at least {MIN_PEOPLE}, of whom"
            f" {MIN_PEOPLE_A_CLASS} with and {MIN_PEOPLE_A_CLASS} without the outcome, and has"
            f" {people} ({having} with, {free} without). Where they went: {left}. Ingest more data,"
            " compute features, or record consent to training"
        )


class _Steps:
    """Counts the steps of a run for the progress bar."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def step(self) -> None:
        self.done = min(self.done + 1, self.total)
        self.progress(self.done, self.total)


def _rows_of(task: Task, people: Iterable[SubjectData] | CohortFrame) -> CohortFrame:
    if isinstance(people, CohortFrame):
        return people
    if not isinstance(task, RecordTask):
        raise SchemaError(f"{task.name} is a task on a table: train it with train_table")
    return cohort(task, people)


def _known(frame: CohortFrame, task: Task) -> CohortFrame:
    if frame.names != tuple(spec.name for spec in task.features):
        raise SchemaError(f"the frame's features are not those of {task.name}: build it anew")
    return frame


def train(
    task: Task,
    people: Iterable[SubjectData] | CohortFrame,
    *,
    seed: int,
    synthetic: bool,
    now: Micros,
    estimator: str | None = None,
    findings: Sequence[Finding] | None = None,
    silent: int = 0,
    workload: float = WORKLOAD,
    progress: Progress = lambda _done, _total: None,
) -> Trained:
    """Build the cohort, judge the model on people it has not seen, fit it on all, write the report.

    Parameters
    ----------
    people : iterable of SubjectData, or CohortFrame
        Those who consented to training.
    seed : int
        Of every random draw: the same people, seed and code give the same model.
    synthetic : bool
        The data come from a simulator: the report and the bundle say so everywhere.
    now : Micros
        Goes into the card.
    estimator : str, optional
        One of `models.estimators.estimators()`; the task's own where none is named.
    findings : sequence of Finding, optional
        What the audits of the table found before (see `table_audit`): it goes into the report.
        None: they were not run, as on the declared features of the store.
    silent : int, optional
        How many signs of how a table was collected they asked that told nothing of the outcome.
    workload : float, optional
        How many of 100 index dates the clinic can look at.
    progress : callable
        Called with (steps done, steps in all).

    Raises
    ------
    SchemaError
        There are too few people (see `refuse_too_few`), or the frame is another task's.
    """
    frame = _known(_rows_of(task, people), task)
    model = named(estimator or task.estimator)
    model.ready()
    frame = for_model(task, frame, model)
    refuse_too_few(frame)
    # many small systems are solved: threads inside each would only wait for each other
    with threadpool_limits(limits=1, user_api="blas"):
        results = _judge(
            task,
            frame,
            model,
            seed=seed,
            synthetic=synthetic,
            now=now,
            workload=checked(workload),
            progress=progress,
        )
    asked = None if findings is None else tuple(findings)
    return _told(replace(results, findings=asked, verdict=_verdict(results, silent)))


def _verdict(results: Results, silent: int) -> tuple[str, str]:
    area, p_value = results.metrics["auc"], results.shuffle.p_value
    return confound_verdict(area, results.confounds, shuffled_p=p_value, silent=silent)


def _told(results: Results) -> Trained:
    """Return a judged model with its audits and report."""
    from euthymia.models.card import card
    from euthymia.models.report import render

    trained = Trained(
        task=results.task,
        fitted=results.fitted,
        metrics=results.metrics,
        audits=_audits(results),
        report_html="",
        synthetic=results.synthetic,
        seed=results.seed,
        trained_at=results.now,
        people=tuple(sorted(set(results.frame.person.tolist()))),
        frame=results.frame,
        uncertainty=results.uncertainty,
        estimator=results.model.name,
    )
    return replace(trained, report_html=render(results, card(trained)["self_audit"]))


def affordable(task: Task, frame: CohortFrame) -> list[tuple[str, Ints]]:
    """Return the feature sets that there are enough people with the outcome for."""
    having = np.unique(frame.person[frame.y == 1]).size
    sets = [(name, frame.columns(names)) for name, names in task.feature_sets.items()]
    smallest = min(columns.size for _, columns in sets)
    return [
        (name, columns)
        for name, columns in sets
        if columns.size in {smallest, min(columns.size, having * FEATURES_PER_PERSON)}
    ]


def copies_as_one(frame: CohortFrame, seed: int) -> tuple[CohortFrame, int]:
    """Return the rows with people who look like one under one name, and how many pairs do."""
    copies = suspected_copies(frame.x, frame.person, seed=seed)
    person = held_together(frame.person, copies).astype(np.str_)
    return replace(frame, person=person), len(copies)


def sample_of(task: Task, frame: CohortFrame) -> Sample:
    """Return the rows as what an estimator learns from."""
    if frame.time is None or frame.cause is None:
        return Sample(frame.x, frame.y, frame.person)
    event = (frame.cause == EVENT).astype(np.float64)
    return Sample(frame.x, event, frame.person, frame.time, frame.cause, float(task.horizon_days))


def for_model(task: Task, frame: CohortFrame, model: Model) -> CohortFrame:
    """Return the rows that a model can learn from: a binary one, those not lost too early.

    Raises
    ------
    SchemaError
        It learns times to an event, and the rows have none.
    """
    if model.kind == "survival":
        if frame.time is None or task.horizon_days <= 0:
            raise SchemaError(
                f"{model.name} learns how long it takes to an event, and {task.name} only says"
                " whether it came: train it with --estimator logistic or lightgbm, or declare how"
                " long each row was followed"
            )
        return frame
    if frame.time is None or frame.cause is None:
        return frame
    _, known = at_horizon(frame.time, frame.cause, float(task.horizon_days))
    left = int((~known).sum())
    told = (
        "lost before the horizon, which this estimator cannot use (cox and hazard can)",
        left,
        left,
    )
    return replace(frame.rows(known), time=None, cause=None, flow=(*frame.flow, told))


def _judge(
    task: Task,
    frame: CohortFrame,
    model: Model,
    *,
    seed: int,
    synthetic: bool,
    now: Micros,
    workload: float,
    progress: Progress,
) -> Results:
    alike, copies = copies_as_one(frame, seed)
    sample = sample_of(task, alike)
    sets = affordable(task, alike)
    splits = outer_splits(sample, seed)
    steps = _Steps(progress, len(splits) + min(np.unique(frame.site).size, MOST_SPLITS) + 6)
    found, chosen = cross_validate(model, sample, sets, splits, seed=seed, progress=steps.step)
    sites = leave_sites_out(
        model, sample, sets, frame.site, task.threshold, seed=seed, progress=steps.step
    )
    fitted = model.fit(sample, sets, seed=seed)
    steps.step()
    metrics = figures(found, task.threshold, seed=seed)
    metrics |= workload_figures(found, task.threshold, workload, seed=seed)
    if sites is not None:
        metrics["auc_new_site"] = sites.figures["auc"]
    for name, held in (("c_index", found), ("c_index_new_site", sites.held if sites else None)):
        ordered = c_index(sample, held, seed=seed) if held is not None else None
        if ordered is not None:
            metrics[name] = ordered
    steps.step()
    columns = dict(sets)[fitted.choice.features]
    trivial = {name: frame.columns(names) for name, names in task.baselines.items()}
    beside = baselines(sample, splits, trivial, found, seed=seed)
    steps.step()
    known = sample.by_horizon[1]
    scores = ModelScores((np.cumsum(known) - 1)[found.rows], found.p, found.strata)
    seen = alike.rows(known)
    confounds = confound_audit(seen.metadata, seen.y, seen.person, seed=seed, model=scores)
    steps.step()
    more = further(alike, found, task.threshold, copies=copies, seed=seed)
    steps.step()
    shuffle = shuffle_test(model, sample, columns, fitted.choice, seed=seed)
    steps.step()
    return Results(
        task=task,
        frame=frame,
        synthetic=synthetic,
        seed=seed,
        now=now,
        held_out=found,
        chosen_sets=chosen,
        metrics=metrics,
        baselines=beside,
        sites=sites,
        uncertainty=uncertainty(found, sites, seed=seed),
        further=more,
        confounds=confounds,
        leakage=leakage(model, sample, columns, fitted.choice, seed=seed),
        shuffle=shuffle,
        membership=attack_model(model, sample, columns, fitted.choice, seed=seed),
        weights=bootstrap_weights(found.person, 500, np.random.default_rng(seed)),
        model=model,
        fitted=fitted,
        workload=workload,
        lead=lead_times(alike, found, task.threshold, task.horizon_days, seed=seed),
    )


def plain(value: Any) -> Any:  # noqa: ANN401 - any value that JSON has
    """Return dataclasses as dicts, rounded floats, tuples as lists: ready for JSON."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value


def _leakage_audit(found: Leakage) -> dict[str, Any]:
    if found.rows_per_person < 1.01:
        verdict = "one row a person: rows and people are the same"
    else:
        verdict = (
            f"splitting rows instead of people would have claimed an AUC of {found.by_row:.2f}"
            f" in place of {found.by_person:.2f}: {found.inflation.estimate:+.2f}"
            f" ({found.inflation.low:+.2f} to {found.inflation.high:+.2f})"
        )
    return {"verdict": verdict, **asdict(found)}


def _sites_audit(results: Results) -> dict[str, Any]:
    found = results.sites
    if found is None:
        return {"verdict": "not externally tested: fewer than two sites could be left out"}
    auc = found.figures["auc"]
    verdict = f"AUC {auc.estimate:.2f} ({auc.low:.2f} to {auc.high:.2f}): {found.how}"
    if elsewhere(auc):
        verdict = f"not shown to be better than chance at sites it had not seen: {verdict}"
    if found.pooled is not None:
        low, high = found.pooled.predicted_low, found.pooled.predicted_high
        verdict += f"; a new site may lie at {low:.2f} to {high:.2f}"
    return {
        "verdict": verdict,
        "figures": {name: asdict(e) for name, e in found.figures.items()},
        "sites": [asdict(site) for site in found.sites],
    }


def _alone(results: Results) -> list[Finding]:
    """Return the metadata that tell the outcome alone, where no audit of a table has said it."""
    if any(f.kind == "confound" for f in results.findings or ()):
        return []
    model = results.metrics["auc"]
    said = [f for row in results.confounds for f in told_alone(row, model)]
    return [f for f in said if f.weight == "stop" or f.figures["auc"].low > 0.5]


def _audits(results: Results) -> dict[str, dict[str, Any]]:
    """Return what the command line prints beside the figures."""
    shuffle = results.shuffle
    beside = baseline_verdict(results.metrics["auc"], results.baselines)
    groups = results.further.groups
    hidden = sum(row.people is None for row in groups)
    found = {
        "columns": {
            "verdict": "not asked: the features are declared in code, which looks at nothing later"
            if results.findings is None
            else verdict(results.findings),
            "findings": [asdict(f) for f in results.findings or ()],
        },
        "confounds": {
            "verdict": results.verdict[0],
            "why": results.verdict[1],
            "findings": [asdict(f) for f in _alone(results)],
            "rows": [asdict(row) for row in results.confounds],
        },
        "baselines": {
            "verdict": beside[0],
            "why": beside[1],
            "rows": [asdict(row) for row in results.baselines],
        },
        "shuffled labels": {
            "verdict": (
                f"AUC {shuffle.observed:.2f} with settings chosen on everybody;"
                f" {shuffle.shuffled_mean:.2f} on labels dealt anew"
                f" between people (p = {shuffle.p_value:.2f})"
            ),
            **asdict(shuffle),
        },
        "row split": _leakage_audit(results.leakage),
        "membership": {"verdict": told(results.membership), **asdict(results.membership)},
        "sites": _sites_audit(results),
        "uncertainty": results.uncertainty.audit(),
        "groups": {
            "verdict": f"{len(groups) - hidden} groups shown, {hidden} too small to show",
            "rows": [asdict(row) for row in groups],
        },
        **further_audits(results.further),
    }
    lead = lead_audit(results.lead)
    if lead:
        found["lead time"] = lead
    return {name: plain(audit) for name, audit in found.items()}
