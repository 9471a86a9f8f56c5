"""Training and release: from consented people to a signed bundle and its report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.privacy import Held, admit_without_noise, people_of, set_aside, settled, with_cost
from euthymia.app.reports import keep
from euthymia.app.shelf import Model
from euthymia.app.shell import Progress
from euthymia.app.snapshots import Released, release_snapshot, still_consenting
from euthymia.app.trainer_messages import Taught
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import (
    BusyError,
    EuthymiaError,
    IntegrityError,
    MissingError,
    SchemaError,
)
from euthymia.models.estimators import estimator as named
from euthymia.models.privacy.contract import Guarantee
from euthymia.models.registry import Registered
from euthymia.models.snapshot import Manifest
from euthymia.models.tasks import refuse_switched_off, tasks


def writable(report: Path) -> None:
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


def learn(
    clinic: Clinic,
    name: str,
    *,
    seed: int,
    progress: Progress,
    estimator: str = "",
    claim: Guarantee | None = None,
    because: str = "",
) -> tuple[Taught, Released, Held | None]:
    """Release a task's snapshot and have the trainer learn from it, in a process of its own.

    The bundle names the people by their live pseudonyms: by them an erasure finds who was in it.
    Under a `claim` its whole cost is set aside before the trainer sees anybody. Without one, people
    whom a privacy budget guards are only shown for the reason `because`.
    """
    from euthymia.app.teaching import trainer

    with trainer(clinic) as ours:  # it loads while the snapshot is made
        released = release_snapshot(clinic, name, lambda n, of: progress(n, 2 * of))
        held = _set_aside(clinic, name, released, claim, because)
        try:
            taught = ours.teach(
                name,
                released.content,
                seed,
                lambda n, of: progress(int(of + n), 2 * of),
                estimator=estimator,
                claim=claim,
            )
        except EuthymiaError as error:
            if held is None or ours.charges is None:
                raise
            raise with_cost(error, settled(clinic, held, ours.charges, "")) from error
    bundle, people = taught.bundle, released.people
    wanted = (name, released.manifest.schema_digest, tuple(sorted(people)))
    if (bundle.task, bundle.schema_digest, bundle.people) != wanted or bundle.name != name:
        raise IntegrityError("the trainer gave back a model of something else: train again")
    known = tuple(sorted(people[who] for who in bundle.people))
    named = msgspec.structs.replace(bundle, people=known)
    return msgspec.structs.replace(taught, bundle=named), released, held


def _set_aside(
    clinic: Clinic, name: str, released: Released, claim: Guarantee | None, because: str
) -> Held | None:
    members, people = people_of(clinic, released.people.values()), released.manifest.people
    if claim is None:
        admit_without_noise(clinic, name, members, people=people, because=because)
        return None
    from euthymia.models.privacy.training import allowance

    allowance(claim)  # refuses what nobody can keep
    return set_aside(clinic, name, members, people=people, claim=claim)


def run_training(
    clinic: Clinic,
    name: str,
    *,
    seed: int,
    report: Path | None,
    progress: Progress,
    estimator: str = "",
    claim: Guarantee | None = None,
    because: str = "",
) -> dict[str, Any]:
    """Train, audit and register a task's model; write its report.

    Parameters
    ----------
    claim : Guarantee, optional
        Train with differential privacy, from the budget of the people who are in it.
    because : str, optional
        Why people whom a privacy budget guards are trained on without noise.
    """
    if name not in tasks():
        raise MissingError(f"no such task; tasks are {', '.join(tasks())}")
    refuse_switched_off(tasks()[name], clinic.config.training.population_risk)
    if estimator:
        named(estimator).ready()
    if report is not None:
        writable(report)
    renew_registry(clinic)
    trained, released, held = learn(
        clinic,
        name,
        seed=seed,
        progress=progress,
        estimator=estimator,
        claim=claim,
        because=because,
    )
    manifest = released.manifest
    added = _added(clinic, trained, released.ended, held)
    paid = {} if held is None else _paid(clinic, held, trained, f"{added.name}@{added.version}")
    html = trained.report.encode()
    kept = clinic.home.reports / f"{added.name}-{added.version}.html"
    detail: dict[str, str | int | float | bool] = {
        "task": name,
        "model": f"{added.name}@{added.version}",
        "digest": added.digest,
        "registry_counter": clinic.registry.counter,
        "people": manifest.offered,
        "without_consent": manifest.without_consent,
        "seed": seed,
        "estimator": trained.bundle.estimator,
        "snapshot": manifest.snapshot,
        "isolation": trained.isolation,
        "report": kept.name,
        **paid,
    }
    if tasks()[name].off_because:
        detail["because"] = clinic.config.training.population_risk

    def vouch(digest: str) -> None:
        said = {**detail, "report_sha256": digest}
        clinic.ledger.append(Entry(shell_actor(), "train model", Purpose.TRAINING, detail=said))

    keep(kept, html, vouch, clinic.ledger.entries)
    if report is not None:
        report.write_bytes(html)
    progress(1, 1)
    told = {"model": f"{added.name}@{added.version}", "task": name, "report": report or kept}
    return {**told, **_result(trained, manifest), **paid}


def _added(
    clinic: Clinic, trained: Taught, ended: Mapping[str, int], held: Held | None
) -> Registered:
    """Register a model, unless somebody in it has said no since their data was read."""
    try:
        with still_consenting(clinic, ended):
            return clinic.registry.add_bundle(trained.bundle)
    except BusyError:  # the trainer has looked at them all the same
        if held is not None:
            settled(clinic, held, trained.charges, "")
        raise


def _result(trained: Taught, manifest: Manifest) -> dict[str, Any]:
    return {
        "estimator": trained.bundle.estimator,
        "synthetic": trained.bundle.synthetic,
        "metrics": trained.metrics,
        "audits": trained.audits,
        "baselines": [
            {"name": row["name"], "auc": row["auc"], "ahead": row["ahead"]}
            for row in trained.audits.get("baselines", {}).get("rows", ())
        ],
        "people": manifest.offered,
        "without_consent": manifest.without_consent,
        "snapshot": manifest.snapshot,
        "isolation": trained.isolation,
    }


def _paid(clinic: Clinic, held: Held, trained: Taught, model: str) -> dict[str, str | float]:
    kept = settled(clinic, held, trained.charges, model)
    return {"data_set": held.data_set, "epsilon": round(kept.epsilon, 6), "delta": kept.delta}


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


def renew_registry(clinic: Clinic) -> None:
    """Vouch for the registry anew before that runs out, after a comparison with the ledger."""
    if clinic.registry.due():
        told = (line.detail.get("registry_counter", 0) for line in clinic.ledger.entries())
        clinic.registry.renew(least_counter=max((int(n) for n in told), default=0))


def list_models(clinic: Clinic) -> list[dict[str, Any]]:
    """Return every registered model and its state."""
    renew_registry(clinic)
    return [
        {
            "model": f"{m.name}@{m.version}",
            "task": m.task,
            "state": m.state,
            "digest": m.digest,
            "trained_at": m.trained_at,
            "outdated": _outdated(clinic, m),
            "synthetic": m.synthetic,
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
    from euthymia.app.lifecycle import refuse_outside_plan

    renew_registry(clinic)
    held = refuse_outside_plan(clinic, name, because)
    released = clinic.registry.release(name, because=because)
    detail: dict[str, str | int | float | bool] = {
        "model": f"{released.name}@{released.version}",
        "digest": released.digest,
        "evidence": released.evidence,
        "because": because,
    }
    if held["plan"] is not None:
        detail["plan"] = held["plan"]
        detail["outside_plan"] = "; ".join(held["outside"])
    counted = {**detail, "registry_counter": clinic.registry.counter}
    clinic.ledger.append(Entry(shell_actor(), "release model", Purpose.CARE, detail=counted))
    return {**detail, "state": released.state, "synthetic": released.synthetic}
