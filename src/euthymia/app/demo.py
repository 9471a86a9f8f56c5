"""`euthymia demo`: a whole simulated clinic, from its files to the served page."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from euthymia.app.clinic import Clinic
from euthymia.app.config import ClinicConfig, Config
from euthymia.app.feature_job import compute_features
from euthymia.app.home import Home
from euthymia.app.ingest import run_ingest
from euthymia.app.jobs import run_simulation
from euthymia.app.setup import make_clinic
from euthymia.app.shell import Shell, accounts
from euthymia.app.training import beside_words, list_models, release_model, run_training
from euthymia.app.verify import verify_home
from euthymia.ground.errors import SchemaError

SEED = 1
SUBJECTS, DAYS = 100, 120  # enough relapses in each of three sites for a leave-site-out figure
TASK = "relapse-30d"
USER = "clinician"
HOST, PORT = "127.0.0.1", 8080
DEMO_REASON = "simulated clinic: it shows that the chain works and is evidence of nothing"
FOLDER = Path("demo-home")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo lives: the simulated files and the clinic made from them."""

    incoming: Path
    home: Path


def _place(shell: Shell) -> Place:
    home = shell.home or FOLDER / "clinic"
    return Place(home.parent / (home.name + "-incoming"), home)


def _make(place: Place) -> None:
    if Home(place.home).exists():
        return
    config = Config(
        clinic=ClinicConfig(
            name="Demo clinic (simulated)", everyone_on_care_team=(USER,), simulated=True
        )
    )
    make_clinic(place.home, config)


def _model(shell: Shell, clinic: Clinic, seed: int, *, fresh: bool) -> dict[str, Any]:
    """Train and release, unless a model is released and nothing new has come since."""
    released = [m for m in list_models(clinic) if m["task"] == TASK and m["state"] == "released"]
    if released and not fresh:
        return {"model": released[0]["model"], "trained": False}
    try:
        with shell.progress(f"train {TASK}, with audits") as progress:
            result = run_training(clinic, TASK, seed=seed, report=None, progress=progress)
    except SchemaError as refusal:  # too few people: the rest of the clinic works without a model
        return {"model": None, "trained": False, "refused": str(refusal)}
    release_model(clinic, result["model"], DEMO_REASON)
    return {**result, "trained": True}


def _somebody(clinic: Clinic) -> str | None:
    """Return somebody worth looking at: first of the worklist with an estimate, else first."""
    from euthymia.app.web.backend import worklist_items

    items = worklist_items(clinic, USER)
    estimated = [item for item in items if item.probability is not None]
    return next((str(item.subject) for item in estimated + items), None)


def _run(
    shell: Shell, clinic: Clinic, place: Place, seed: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    with shell.progress("ingest through the gateway") as progress:
        taken = run_ingest(clinic, [place.incoming], None, None, progress)
    with shell.progress("compute features") as progress:
        computed = compute_features(clinic, progress)
    model = _model(shell, clinic, seed, fresh=bool(taken["stored"] or computed["computed"]))
    return taken, computed, model


def _words(result: dict[str, Any]) -> str:
    taken, computed, model = result["ingest"], result["features"], result["train"]
    state = "trained and released" if model["trained"] else "as released before"
    if not model["model"]:
        state = f"none: {model['refused']}"
    lines = [
        "",
        f"simulated  {result['subjects']} people, {result['days']} days, three sites",
        f"ingested   {accounts(taken)}",
        f"features   {computed['rows']:,} rows, {computed['computed']:,} computed now",
        f"model      {' '.join(filter(None, (model['model'], state)))}",
    ]
    for name, metric in model.get("metrics", {}).items():
        chance = metric["chance"]
        beside = "" if chance is None else f" (chance {chance:.2f})"
        lines.append(
            f"           {name}: {metric['estimate']:.3f}, 95 % interval "
            f"{metric['low']:.3f} to {metric['high']:.3f}{beside}"
        )
    if model["trained"]:
        lines += [f"           {line}" for line in beside_words(model)]
    lines.append(f"verify     {'every byte as written' if result['verify']['ok'] else 'PROBLEMS'}")
    lines.append(f"took       {result['seconds']:.0f} s")
    return "\n".join(lines)


def next_commands(home: Path, url: str, result: dict[str, Any], *, served: bool) -> str:
    """Return the commands worth trying next, about somebody there is something to say of."""
    command = f"euthymia --home {shlex.quote(str(home))}"
    patient, asked = result["patient"], result["patient"] and result["train"]["model"]
    changed = "alerts run    # who changed against their own usual; then the worklist has them"
    lines = [f"{command} {name}" for name in ("watch", changed, "worklist", "models", "verify")]
    if patient:
        lines.append(f"{command} show {patient}")
    if asked:
        lines.append(f"{command} analyze {patient} --model {TASK}")
    lines.append(f"{command} train {TASK} --report relapse.html")
    if not served:
        lines.append(f"{command} serve    # then, in another terminal:")
    lines.append(f"TOKEN=$({command} token --role clinician)")
    lines.append(f'curl {url}/v1/models -H "Authorization: Bearer $TOKEN"')
    if asked:
        body = f'{{"patient_id": "{patient}", "model": "{TASK}"}}'
        lines += [
            f'curl -X POST {url}/v1/analyze -H "Content-Type: application/json" \\',
            f"  -H \"Authorization: Bearer $TOKEN\" -d '{body}'",
        ]
    title = "next commands to try (put .venv/bin on your PATH, or write it in front):"
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _size(
    place: Place, subjects: int | None, days: int | None, seed: int | None
) -> tuple[int, int, int]:
    """Return how many people and days, and the seed; a demo that stands already keeps its own."""
    from euthymia.simulate.clinic import standing

    held = standing(place.incoming)
    if held is None:
        return subjects or SUBJECTS, days or DAYS, SEED if seed is None else seed
    asked = {"subjects": subjects, "days": days, "seed": seed}
    if any(value is not None and value != held[name] for name, value in asked.items()):
        raise SchemaError(
            f"a demo of {held['subjects']} people and {held['days']} days, seed {held['seed']}, "
            f"stands already; to change it remove {place.home} and {place.incoming}"
        )
    return held["subjects"], held["days"], held["seed"]


def run_demo(
    shell: Shell,
    *,
    serve: bool,
    port: int | None,
    subjects: int | None,
    days: int | None,
    seed: int | None,
) -> None:
    """Simulate, ingest, compute, train, release, check; then serve unless told not to."""
    started = time.monotonic()
    if serve and port is not None:  # a port that is taken is told before the minutes of work
        from euthymia.app.serving import free_port

        free_port(HOST, port, PORT)
    place = _place(shell)
    shell.home = place.home
    people, length, seed = _size(place, subjects, days, seed)
    with shell.progress("simulate a clinic") as progress:
        made = run_simulation(
            people, length, seed, place.incoming, progress, end=None, profile="demo"
        )
    _make(place)
    with Clinic.opened(place.home) as clinic:
        taken, computed, model = _run(shell, clinic, place, seed)
        patient = _somebody(clinic)
    with shell.progress("verify every byte") as progress:
        problems = verify_home(place.home, progress)
    result = {
        "home": place.home,
        "subjects": made["subjects"],
        "days": made["days"],
        "ingest": {k: v for k, v in taken.items() if k not in {"rejects", "skipped"}},
        "features": computed,
        "train": model,
        "patient": patient,
        "verify": {"ok": not problems, "problems": problems},
        "seconds": round(time.monotonic() - started, 1),
    }
    shell.exit_code = 1 if problems else 0
    if serve:
        _serve(shell, place, port, result)
    else:
        url = f"http://{HOST}:{PORT if port is None else port}"
        shell.emit(
            result, f"{_words(result)}\n\n{next_commands(place.home, url, result, served=False)}"
        )


def _serve(shell: Shell, place: Place, port: int | None, result: dict[str, Any]) -> None:
    from euthymia.app.serving import address_of, serve_clinic

    with Clinic.opened(place.home) as clinic:
        address = address_of(clinic, host=HOST, port=port, user=USER)
        following = next_commands(place.home, address.url, result, served=True)
        words = f"{_words(result)}\n\n{following}\n\n"
        shell.emit(
            {**result, "url": address.url, "sign_in": address.sign_in}, words + address.words()
        )
        serve_clinic(clinic, address)
