"""What becomes of a model after training: shadow, challenge, roll-back, the plan for changes."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.shelf import Model
from euthymia.app.shell import Progress
from euthymia.app.training import renew_registry
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros, from_micros, to_micros
from euthymia.ground.errors import ConsentError, EuthymiaError, MissingError, SchemaError
from euthymia.models.bundle import Bundle
from euthymia.models.change_plan import Plan, changes, read_plan, violations
from euthymia.models.contract import Prediction, SubjectData
from euthymia.models.registry import Registered

ADOPTED: Final = "adopt change plan"
MAX_PLAN_BYTES: Final = 32 << 10  # it goes into one entry of the ledger
SHADOW_RUN: Final = "shadow run"
Detail = dict[str, str | int | float | bool]


def _named(entry: Registered) -> str:
    return f"{entry.name}@{entry.version}"


def _note(clinic: Clinic, action: str, purpose: Purpose, detail: Detail) -> str:
    counted = {**detail, "registry_counter": clinic.registry.counter}
    return clinic.ledger.append(Entry(shell_actor(), action, purpose, detail=counted))


# -- roll-back and shadow --------------------------------------------------------------------------
def roll_back(clinic: Clinic, name: str, because: str) -> dict[str, Any]:
    """Put the version that was in use before back into use; the ledger says who did, and why."""
    renew_registry(clinic)
    name = name.partition("@")[0]
    before = clinic.registry.load_released(name)[1]
    released = clinic.registry.rollback(name, because=because)
    detail: Detail = {
        "model": _named(released),
        "in_place_of": _named(before),
        "digest": released.digest,
        "because": because,
    }
    _note(clinic, "roll back model", Purpose.CARE, detail)
    return {**detail, "state": released.state, "synthetic": released.synthetic}


def set_shadow(clinic: Clinic, model: str, because: str) -> dict[str, Any]:
    """Set a candidate beside the model in use; the ledger says who did."""
    renew_registry(clinic)
    hidden = clinic.registry.shadow(model, because=because)
    detail: Detail = {"model": _named(hidden), "digest": hidden.digest, "because": because}
    _note(clinic, "shadow model", Purpose.CARE, detail)
    return {**detail, "state": hidden.state, "synthetic": hidden.synthetic}


def _opened(clinic: Clinic, entry: Registered) -> Model:
    return Model(*clinic.registry.load(_named(entry)))


def _pair(clinic: Clinic, name: str) -> tuple[Model, Model]:
    """Return (the model in use, the one in its shadow)."""
    _, live = clinic.registry.load_released(name)
    hidden = clinic.registry.shadow_of(name)
    if hidden is None:
        raise MissingError(
            f"no model is in the shadow of {_named(live)}: `euthymia shadow NAME@VERSION` sets one"
        )
    return _opened(clinic, live), _opened(clinic, hidden)


def _ask(model: Model, data: SubjectData, now: Micros) -> Prediction | None:
    """Return what a model says of a person now; None where it is not for them."""
    if model.outdated() or model.outside(data, now):
        return None
    return model.predict(*model.describe(data, now))


def run_shadow(clinic: Clinic, name: str, progress: Progress) -> dict[str, Any]:
    """Ask the model in use and its shadow about everybody who is monitored, and keep the counts.

    Nothing that the shadow says is shown to anybody, or kept of a person: what both would have said
    can be had again from the records at any time, which is how `challenge` judges them.
    """
    renew_registry(clinic)
    live, hidden = _pair(clinic, name)
    listed = clinic.store.subjects(Entry(shell_actor(), "list subjects", Purpose.MONITORING))
    asked, apart, same, silent = 0, [], 0, [0, 0]
    for done, who in enumerate(listed):
        progress(done, len(listed))
        audit = Entry(
            shell_actor(), "ask in the shadow", Purpose.MONITORING, who, {"model": hidden.digest}
        )
        try:
            data = clinic.subject_data(who, audit)
        except (ConsentError, MissingError):  # that is, or erased meanwhile
            continue
        said = [_ask(model, data, to_micros(clinic.clock())) for model in (live, hidden)]
        asked += 1
        p = [None if one is None else one.probability for one in said]
        silent = [count + (one is None) for count, one in zip(silent, p, strict=True)]
        if p[0] is not None and p[1] is not None:
            apart.append(abs(p[0] - p[1]))
            same += (p[0] >= live.threshold) == (p[1] >= live.threshold)
    detail: Detail = {
        "model": f"{live.name}@{live.version}",
        "shadow": f"{hidden.name}@{hidden.version}",
        "asked": asked,
        "both_answered": len(apart),
        "same_side": same,
        "live_silent": silent[0],
        "shadow_silent": silent[1],
        "mean_apart": round(sum(apart) / len(apart), 4) if apart else 0.0,
        "most_apart": round(max(apart), 4) if apart else 0.0,
    }
    told = _note(clinic, SHADOW_RUN, Purpose.MONITORING, detail)
    progress(1, 1)
    synthetic = live.bundle.synthetic or hidden.bundle.synthetic
    return {**detail, "synthetic": synthetic, "ledger_entry": told}


def _runs(clinic: Clinic, hidden: str) -> list[str]:
    """Return what the runs in the shadow said, oldest first."""
    return [
        f"{_day(line.at)}: {line.detail['both_answered']} answered by both, of whom"
        f" {line.detail['same_side']} on the same side of the threshold; on average"
        f" {line.detail['mean_apart']} apart, at most {line.detail['most_apart']}"
        for line in clinic.ledger.entries()
        if line.action == SHADOW_RUN and line.detail.get("shadow") == hidden
    ]


def _day(at: Micros) -> str:
    return from_micros(at).date().isoformat()


# -- champion and challenger -----------------------------------------------------------------------
def challenge(
    clinic: Clinic,
    name: str,
    challenger: str,
    *,
    seed: int,
    report: Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """Judge a challenger beside the model in use, on what neither was trained on.

    Raises
    ------
    MissingError
        None is released under the name, or there is no challenger.
    EuthymiaError
        The two are not asked with the same vector.
    """
    from euthymia.app.snapshots import consenting
    from euthymia.models.challenge import compare, plain_comparison, render, unseen
    from euthymia.models.frame import cohort
    from euthymia.models.tasks import tasks

    renew_registry(clinic)
    live = _opened(clinic, clinic.registry.load_released(name)[1])
    entry = clinic.registry.find(challenger) if challenger else clinic.registry.shadow_of(name)
    if entry is None:
        raise MissingError(f"nothing is in the shadow of {name}: name one with --challenger")
    other = _opened(clinic, entry)
    task = tasks().get(live.bundle.task)
    if task is None or not all(m.served.matches(task) for m in (live, other)):
        raise EuthymiaError(
            "the two cannot be asked the same: the task's features changed since one of them was"
            " trained; train it anew"
        )
    people = consenting(clinic, task.name, progress).people
    trained = [to_micros(datetime.fromisoformat(m.bundle.trained_at)) for m in (live, other)]
    frame = unseen(cohort(task, people), task.horizon_days, trained)
    found = compare(live.served, other.served, frame, seed=seed)
    made_at = clinic.clock().isoformat(timespec="minutes")
    html = render(found, title=task.title, made_at=made_at, history=_runs(clinic, _named(entry)))
    if report is not None:
        report.write_text(html, encoding="utf-8")
    detail: Detail = {
        "model": found.champion.model,
        "challenger": found.challenger.model,
        "rows": found.rows,
        "verdict": found.verdict,
    }
    told = _note(clinic, "compare models", Purpose.TRAINING, detail)
    progress(1, 1)
    return {**plain_comparison(found), "report": report, "ledger_entry": told}


# -- the plan for changes --------------------------------------------------------------------------
def adopt_plan(clinic: Clinic, file: Path) -> dict[str, Any]:
    """Check a plan and write it into the ledger, from where `release` takes it.

    Raises
    ------
    MissingError, SchemaError
        There is no such file, or it is no plan; the key is named.
    EuthymiaError
        A plan of that version, or a later one, is in force for the task.
    """
    if not file.is_file():
        raise MissingError(f"there is no file {file.name}")
    content = file.read_bytes()
    if len(content) > MAX_PLAN_BYTES:
        raise SchemaError(f"{file.name} is longer than a plan may be ({MAX_PLAN_BYTES >> 10} KiB)")
    plan = read_plan(content, where=file.name)
    held = plan_in_force(clinic, plan.task)
    if held is not None and held[0].version >= plan.version:
        raise EuthymiaError(
            f"version {held[0].version} of the plan for {plan.task} is in force: a new one has a"
            " higher version"
        )
    detail: Detail = {
        "task": plan.task,
        "version": plan.version,
        "adopted_at": clinic.clock().isoformat(timespec="seconds"),
        "plan": content.decode("utf-8"),
    }
    told = _note(clinic, ADOPTED, Purpose.CARE, detail)
    return {
        "task": plan.task,
        "version": plan.version,
        "review_by": plan.review_by.isoformat(),
        "ledger_entry": told,
    }


def plan_in_force(clinic: Clinic, task: str) -> tuple[Plan, datetime] | None:
    """Return the newest plan that was adopted for a task and when, from the ledger."""
    newest: Mapping[str, Any] | None = None
    for detail in _adopted(clinic):
        if detail["task"] == task:
            newest = detail
    if newest is None:
        return None
    plan = read_plan(str(newest["plan"]).encode(), where="the plan in the ledger")
    return plan, datetime.fromisoformat(str(newest["adopted_at"]))


def _adopted(clinic: Clinic) -> Iterator[Mapping[str, Any]]:
    return (line.detail for line in clinic.ledger.entries() if line.action == ADOPTED)


def held_against_plan(clinic: Clinic, model: str) -> dict[str, Any]:
    """Say what a candidate changes, and where it is outside the plan in force."""
    candidate, entry = clinic.registry.load(model, for_use=False)
    champion: Bundle | None = None
    try:
        champion, _ = clinic.registry.load_released(entry.name)
    except MissingError:
        champion = None
    if champion is not None and champion.version == candidate.version:
        champion = None
    found = plan_in_force(clinic, candidate.task)
    told: dict[str, Any] = {
        "model": _named(entry),
        "changes": list(changes(candidate, champion)),
        "plan": None,
        "outside": [],
    }
    if found is not None:
        plan, adopted = found
        told["plan"] = plan.version
        told["if_not_met"] = plan.if_not_met
        told["outside"] = list(
            violations(plan, candidate, champion, adopted_at=adopted, now=clinic.clock())
        )
    return told


def refuse_outside_plan(clinic: Clinic, model: str, because: str) -> dict[str, Any]:
    """Refuse to release what is outside the plan in force, unless a reason is given.

    Raises
    ------
    EuthymiaError
        It is outside, and no reason is given.
    """
    told = held_against_plan(clinic, model)
    if told["outside"] and not because.strip():
        raise EuthymiaError(
            f"{told['model']} is outside version {told['plan']} of the change-control plan:"
            f" {'; '.join(told['outside'])}. The plan says: {told['if_not_met']} It is not released"
            " without a reason of its own (--because)"
        )
    return told
