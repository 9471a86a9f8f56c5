"""Training and release: from consented people to a signed bundle and its report."""

from pathlib import Path
from typing import Any

import msgspec

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.reports import keep
from euthymia.app.shelf import Model
from euthymia.app.shell import Progress
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import ConsentError, MissingError, SchemaError
from euthymia.models.contract import SubjectData
from euthymia.models.registry import Registered
from euthymia.models.tasks import tasks


def _snapshot(clinic: Clinic, task: str, progress: Progress) -> tuple[list[SubjectData], int]:
    """Return the people who consented to training, and how many did not.

    The store checks the consent: an entry with the purpose `training` reads nobody else.
    """
    listed = clinic.store.subjects(Entry(shell_actor(), "list subjects", Purpose.TRAINING))
    people: list[SubjectData] = []
    for done, who in enumerate(listed):
        progress(done, len(listed) * 2)
        audit = Entry(shell_actor(), "release to training", Purpose.TRAINING, who, {"task": task})
        try:
            people.append(clinic.subject_data(who, audit))
        except ConsentError:
            continue
    return people, len(listed) - len(people)


def _writable(report: Path) -> None:
    """Refuse a place where no report can be written, before the long work and not after it."""
    new = not report.exists()
    try:
        report.open("ab").close()
    except OSError as error:
        raise SchemaError(
            f"cannot write the report there: {error.strerror}; nothing was trained, name another "
            "file with --report"
        ) from error
    if new:
        report.unlink()


def run_training(
    clinic: Clinic, name: str, *, seed: int, report: Path | None, progress: Progress
) -> dict[str, Any]:
    """Train, audit and register a task's model; write its report."""
    from euthymia.models.train import train

    if name not in tasks():
        raise MissingError(f"no such task; tasks are {', '.join(tasks())}")
    if report is not None:
        _writable(report)
    people, without_consent = _snapshot(clinic, name, progress)
    count = len(people)
    trained = train(
        tasks()[name],
        people,
        seed=seed,
        synthetic=clinic.config.clinic.simulated,
        now=to_micros(clinic.clock()),
        progress=lambda done, total: progress(int(total + done), 2 * total),
    )
    added = clinic.registry.add(trained)
    html = trained.report_html.encode()
    kept = clinic.home.reports / f"{added.name}-{added.version}.html"
    detail: dict[str, str | int | float | bool] = {
        "task": name,
        "model": f"{added.name}@{added.version}",
        "digest": added.digest,
        "registry_counter": clinic.registry.counter,
        "people": count,
        "without_consent": without_consent,
        "seed": seed,
        "report": kept.name,
    }

    def vouch(digest: str) -> None:
        held = {**detail, "report_sha256": digest}
        clinic.ledger.append(Entry(shell_actor(), "train model", Purpose.TRAINING, detail=held))

    keep(kept, html, vouch, clinic.ledger.entries)
    if report is not None:
        report.write_bytes(html)
    progress(1, 1)
    return {
        "model": f"{added.name}@{added.version}",
        "task": name,
        "report": report or kept,
        "metrics": {key: msgspec.to_builtins(value) for key, value in trained.metrics.items()},
        "audits": trained.audits,
        "baselines": [
            {"name": row["name"], "auc": row["auc"], "ahead": row["ahead"]}
            for row in trained.audits.get("baselines", {}).get("rows", ())
        ],
        "people": count,
        "without_consent": without_consent,
    }


def beside_words(result: dict[str, Any]) -> list[str]:
    """Return what stands beside a trained model's AUC: the best trivial model, and the verdicts."""
    lines = []
    if result["baselines"]:
        best = max(result["baselines"], key=lambda row: row["auc"]["estimate"] or 0.0)
        low, high = best["auc"]["low"], best["auc"]["high"]
        span = "" if low is None or high is None else f", 95 % interval {low:.3f} to {high:.3f}"
        lines.append(f"best trivial model, {best['name']}: AUC {best['auc']['estimate']:.3f}{span}")
    audits = {n: result["audits"][n] for n in ("baselines", "confounds") if n in result["audits"]}
    return lines + [f"audit {name}: {audit['verdict']}" for name, audit in audits.items()]


def list_models(clinic: Clinic) -> list[dict[str, Any]]:
    """Return every registered model and its state."""
    return [
        {
            "model": f"{m.name}@{m.version}",
            "task": m.task,
            "state": m.state,
            "digest": m.digest,
            "trained_at": m.trained_at,
            "outdated": _outdated(clinic, m),
        }
        for m in clinic.registry.list()
    ]


def _outdated(clinic: Clinic, listed: Registered) -> str:
    """Return why a released model gives no estimate, and what to run; empty if it does."""
    if listed.state != "released":
        return ""
    return Model(*clinic.registry.load(f"{listed.name}@{listed.version}")).outdated()


def release_model(clinic: Clinic, name: str, because: str = "") -> dict[str, Any]:
    """Release a model; the ledger says who did, and why if its audit spoke against it."""
    released = clinic.registry.release(name, because=because)
    detail: dict[str, str | int | float | bool] = {
        "model": f"{released.name}@{released.version}",
        "digest": released.digest,
        "evidence": released.evidence,
        "because": because,
    }
    counted = {**detail, "registry_counter": clinic.registry.counter}
    clinic.ledger.append(Entry(shell_actor(), "release model", Purpose.CARE, detail=counted))
    return {**detail, "state": released.state}
