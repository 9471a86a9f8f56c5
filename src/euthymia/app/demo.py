"""`euthymia demo`: a whole simulated clinic, from its files to the served page."""

import shlex
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from euthymia.app.clinic import Clinic
from euthymia.app.config import ClinicConfig, Config, load
from euthymia.app.feature_job import compute_features
from euthymia.app.home import Home
from euthymia.app.ingest import run_ingest
from euthymia.app.jobs import run_simulation
from euthymia.app.setup import make_clinic
from euthymia.app.shell import Shell, accounts
from euthymia.app.training import beside_words, list_models, release_model, run_training
from euthymia.app.verify import verify_home
from euthymia.app.workers import begin_beside, secret_to_lend
from euthymia.ground.errors import BusyError, SchemaError

SEED = 1
SUBJECTS, DAYS = 100, 120  # enough relapses in each of three sites for a leave-site-out figure
TASK = "relapse-30d"
USER = "clinician"
TEAM = (USER, "coordinator")  # as `euthymia token --role` names whom it is for
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
    """Make the demo's clinic, or take the one that stands; people made up enter no other."""
    home = Home(place.home)
    if home.exists():
        if not load(home.config_file)[0].clinic.simulated:
            raise SchemaError(
                f"the clinic at {place.home} is not a demo, and simulated people do not belong "
                "among its own: name another folder with --home"
            )
        return
    config = Config(
        clinic=ClinicConfig(
            name="Demo clinic (simulated)", everyone_on_care_team=TEAM, simulated=True
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


def _load() -> None:
    """Load the code of `_score`, while only one core is at work. In a process of its own."""
    import_module("euthymia.app.watch")


def _score(home: Path) -> int:
    """Have the watch score everybody; return of how many people. In a process of its own."""
    from euthymia.app.watch import watch

    with Clinic.opened(home) as clinic:
        scored: int = watch(clinic, lambda *_: None, keep=False)["scored"]
        return scored


def _check(home: Path) -> list[str]:
    """Return what `verify` finds. In a process of its own."""
    return verify_home(home, lambda *_: None)


@contextmanager
def _beside(clinic: Clinic) -> Iterator[ProcessPoolExecutor]:
    """Yield another process for the same home, whose keys nobody is asked for again."""
    with ProcessPoolExecutor(
        1,
        mp_context=get_context("spawn"),
        initializer=begin_beside,
        initargs=(secret_to_lend(clinic),),
    ) as pool:
        try:
            yield pool
        except BrokenProcessPool:
            raise BusyError(
                "the process that scores and checks beside this one was ended (is memory short?); "
                "what was stored stays, run the command again"
            ) from None


def _raised(clinic: Clinic, scoring: Future[int]) -> dict[str, Any]:
    """Raise the alerts, everybody being scored; `refused` where there are too few people."""
    from euthymia.app.alerts.desk import Alerts

    try:
        scored = scoring.result()
    except SchemaError as refusal:  # the rest of the clinic works without
        return {"refused": str(refusal)}
    return {"scored": scored, **Alerts(clinic).run()}


def _run(shell: Shell, place: Place, seed: int) -> dict[str, Any]:
    """Make the clinic work, and check it: what can be done beside it is done on another core."""
    with Clinic.opened(place.home) as clinic, _beside(clinic) as beside:
        beside.submit(_load)
        with shell.progress("ingest through the gateway") as progress:
            taken = run_ingest(clinic, [place.incoming], None, None, progress)
        with shell.progress("compute features") as progress:
            computed = compute_features(clinic, progress)
        scoring = beside.submit(_score, place.home)
        fresh = bool(taken["stored"] or computed["computed"])
        model = _model(shell, clinic, seed, fresh=fresh)
        with shell.progress("watch, and raise alerts") as progress:
            wait([scoring])
            checking = beside.submit(_check, place.home)
            raised = _raised(clinic, scoring)
            progress(1, 1)
        patient = _somebody(clinic)
        with shell.progress("verify every byte") as progress:
            problems = checking.result()
            progress(1, 1)
    return {
        "ingest": {k: v for k, v in taken.items() if k not in {"rejects", "skipped"}},
        "features": computed,
        "train": model,
        "watch": raised,
        "patient": patient,
        "verify": {"ok": not problems, "problems": problems},
    }


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
    seen = result["watch"]
    if "refused" in seen:
        lines.append(f"watch      none: {seen['refused']}")
    else:
        by_tier = seen["by_tier"]
        lines.append(
            f"watch      {seen['scored']} people scored; {seen['open']} alerts stand "
            f"({by_tier['now']} now), {seen['held']} held back"
        )
    found = "every byte stored before the alerts is as written"
    lines.append(f"verify     {found if result['verify']['ok'] else 'PROBLEMS'}")
    lines.append(f"took       {result['seconds']:.0f} s")
    return "\n".join(lines)


def next_commands(home: Path, url: str, result: dict[str, Any], *, served: bool) -> str:
    """Return the commands worth trying next, about somebody there is something to say of."""
    command = f"euthymia --home {shlex.quote(str(home))}"
    patient, asked = result["patient"], result["patient"] and result["train"]["model"]
    hourly = "watch && " + f"{command} alerts run    # each night, and each hour"
    lines = [f"{command} {name}" for name in ("worklist", "alerts", hourly, "models", "verify")]
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
    """Simulate, ingest, compute, train, release, watch, check; serve unless told not to.

    The watch scores on another core while the model is trained, so its first scores know no
    estimate; the check reads there what was stored, while the alerts are raised.
    """
    started = time.monotonic()
    if serve and port is not None:  # a port that is taken is told before the minutes of work
        from euthymia.app.serving import free_port

        free_port(HOST, port, PORT)
    place = _place(shell)
    shell.home = place.home
    people, length, seed = _size(place, subjects, days, seed)
    _make(place)
    with shell.progress("simulate a clinic") as progress:
        made = run_simulation(
            people, length, seed, place.incoming, progress, end=None, profile="demo"
        )
    result = {
        "home": place.home,
        "subjects": made["subjects"],
        "days": made["days"],
        **_run(shell, place, seed),
        "seconds": round(time.monotonic() - started, 1),
    }
    shell.exit_code = 0 if result["verify"]["ok"] else 1
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
