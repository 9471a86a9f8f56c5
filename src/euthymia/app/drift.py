"""Drift of a released model, from the records and the ledger of the clinic."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.review import RELEASES
from euthymia.app.shelf import NO_TASK, Model
from euthymia.app.shell import Progress
from euthymia.app.training import renew_registry
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US, Micros, from_micros, to_micros
from euthymia.ground.errors import EuthymiaError, SchemaError
from euthymia.security.ledger_lines import LedgerLine

_EPOCH: Final = date(1970, 1, 1)


def model_drift(
    clinic: Clinic, name: str, *, since: date | None, seed: int, progress: Progress
) -> dict[str, Any]:
    """Return what has moved under the model in use since its release (or another day).

    Index dates are described anew from the records of those who consented to training, as in
    training; what the model was asked since stands in the ledger.

    Raises
    ------
    MissingError
        None is released under the name.
    EuthymiaError
        Its task has changed since it was trained, or is not installed.
    SchemaError
        `since` lies in the future.
    """
    from euthymia.app.snapshots import consenting
    from euthymia.models.drift import drifted, not_yet_known
    from euthymia.models.frame import cohort
    from euthymia.models.tasks import tasks

    renew_registry(clinic)
    _, entry = clinic.registry.load_released(name.partition("@")[0])
    model = Model(*clinic.registry.load(f"{entry.name}@{entry.version}"))
    task = tasks().get(model.bundle.task)
    if task is None or model.outdated():
        raise EuthymiaError(model.outdated() or NO_TASK)
    named = f"{entry.name}@{entry.version}"
    lines = list(clinic.ledger.entries())
    trained_at = to_micros(datetime.fromisoformat(model.bundle.trained_at))
    begin = _begin(lines, named, trained_at) if since is None else (since - _EPOCH).days * DAY_US
    if begin > to_micros(clinic.clock()):
        raise SchemaError("--since lies in the future: give a day of the past, or leave it out")
    people = consenting(clinic, task.name, progress).people
    frame = cohort(task, people)
    open_still = not_yet_known(task, people, begin, frame.seen_until)
    found = drifted(model.served, frame, open_still, trained_at=trained_at, since=begin, seed=seed)
    detail: dict[str, str | int | float | bool] = {"model": named, "verdict": found.verdict}
    told = clinic.ledger.append(
        Entry(shell_actor(), "look for drift", Purpose.TRAINING, detail=detail)
    )
    progress(1, 1)
    return {
        **found.to_json(),
        "since": from_micros(begin).date().isoformat(),
        "asked": _asked(lines, named, begin, model.threshold),
        "synthetic": model.synthetic,
        "ledger_entry": told,
    }


def _begin(lines: Iterable[LedgerLine], named: str, trained_at: Micros) -> Micros:
    """Return when a model was put into use last; when it was trained where no entry says so."""
    told = [x.at for x in lines if x.action in RELEASES and x.detail.get("model") == named]
    return max(told, default=trained_at)


def _asked(
    lines: Iterable[LedgerLine], named: str, begin: Micros, threshold: float
) -> dict[str, Any]:
    """Return what the ledger says was asked of a model: how often, and what it said."""
    own = [x.detail for x in lines if x.at >= begin and x.detail.get("model") == named]
    said = [float(d["probability"]) for d in own if "probability" in d]
    return {
        "answers": len(said),
        "silent": sum("because" in d and "outcome" in d for d in own),
        "mean_probability": sum(said) / len(said) if said else None,
        "put_forward": sum(p >= threshold for p in said),
    }
