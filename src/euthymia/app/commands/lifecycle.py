"""Models after training: shadow, challenge, drift, rollback, model-card, change-plan."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from euthymia.app.commands.model import SIMULATED, figure
from euthymia.app.shell import Shell, everywhere

_FILE = click.Path(dir_okay=False, path_type=Path)


def _marked(result: dict[str, Any], lines: list[str]) -> str:
    mark = [SIMULATED] if result.get("synthetic") else []
    return "\n".join([*mark, *lines])


@click.command(epilog="Example: euthymia rollback relapse-30d --because 'missed two relapses'")
@click.argument("name")
@click.option("--because", required=True, help="Why; it stays in the ledger.")
@everywhere
@click.pass_obj
def rollback(shell: Shell, name: str, because: str) -> None:
    """Put the version of a model that was in use before back into use, at once."""
    from euthymia.app.lifecycle import roll_back

    with shell.clinic() as clinic:
        result = roll_back(clinic, name, because)
    line = f"{result['model']} is in use again, in place of {result['in_place_of']}"
    shell.emit(result, _marked(result, [line]))


@click.command(
    epilog="Example: euthymia shadow relapse-30d@2, then: euthymia shadow relapse-30d --run"
)
@click.argument("model")
@click.option("--run", is_flag=True, help="Ask the model in use and its shadow about everybody.")
@click.option("--because", default="", help="A note for the ledger.")
@everywhere
@click.pass_obj
def shadow(shell: Shell, model: str, run: bool, because: str) -> None:
    """Set a candidate beside the model in use: it is asked too, and shown to nobody."""
    from euthymia.app.lifecycle import run_shadow, set_shadow

    with shell.clinic() as clinic:
        if not run:
            result = set_shadow(clinic, model, because)
            shell.emit(result, _marked(result, [f"{result['model']} is in the shadow"]))
            return
        with shell.progress("shadow") as progress:
            result = run_shadow(clinic, model.partition("@")[0], progress)
    lines = [
        f"{result['model']} and, in its shadow, {result['shadow']}: {result['asked']} people asked",
        f"  answered by both: {result['both_answered']}",
        f"  on the same side of the threshold: {result['same_side']}",
        f"  silent: {result['live_silent']} and {result['shadow_silent']}",
        f"  apart: {result['mean_apart']:.3f} on average, {result['most_apart']:.3f} at most",
    ]
    shell.emit(result, _marked(result, lines))


@click.command(epilog="Example: euthymia challenge relapse-30d --challenger relapse-30d@2")
@click.argument("name")
@click.option("--challenger", default="", help="NAME@VERSION; otherwise the one in the shadow.")
@click.option("--report", type=_FILE, help="Where to write it.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@everywhere
@click.pass_obj
def challenge(shell: Shell, name: str, challenger: str, report: Path | None, seed: int) -> None:
    """Judge another model beside the one in use, on dates that neither was trained on."""
    from euthymia.app.lifecycle import challenge as judge

    with shell.clinic() as clinic, shell.progress("challenge") as progress:
        result = judge(clinic, name, challenger, seed=seed, report=report, progress=progress)
    lines = [f"{result['verdict']}. {result['why']}"]
    for row in result["figures"]:
        ahead = row["ahead"]
        lines.append(
            f"  {row['name']}: {row['champion']['estimate']:.3f} and"
            f" {row['challenger']['estimate']:.3f}, apart {ahead['estimate']:+.3f}"
            f" [{ahead['low']:+.3f}, {ahead['high']:+.3f}]"
        )
    shell.emit(result, _marked(result, lines))


@click.command(epilog="Example: euthymia drift relapse-30d --json")
@click.argument("name")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day of after.  [default: its release]",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@everywhere
@click.pass_obj
def drift(shell: Shell, name: str, since: datetime | None, seed: int) -> None:
    """Say what has moved under the model in use: inputs, outcome, calibration.

    Before: the index dates it was trained on. After: those since its release.
    """
    from euthymia.app.drift import model_drift

    day = None if since is None else since.date()
    with shell.clinic() as clinic, shell.progress("drift") as progress:
        result = model_drift(clinic, name, since=day, seed=seed, progress=progress)
    shell.emit(result, _marked(result, _drift_lines(result)))


def _drift_lines(result: dict[str, Any]) -> list[str]:
    before, after = result["rows"]
    lines = [
        f"{result['model']}: {result['verdict']}",
        f"  index dates: {before} before, {after} since {result['since']}",
    ]
    lines += [f"  {words}" for words in result["found"]]
    for row in result["inputs"][:5]:
        lines.append(
            f"  {row['column']}: PSI {row['psi']:.3f}, chance {row['chance']:.3f},"
            f" p = {row['p_value']:.3f}"
        )
    if result["prevalence"] is not None:
        first, then = result["prevalence"]
        lines.append(f"  the outcome: {first:.1%} before, {then:.1%} since")
    for row in result["figures"]:
        held = "" if row["at_training"] is None else f"; at training {figure(row['at_training'])}"
        lines.append(f"  {row['name']}: {figure(row['now'])}{held}")
    if result["silent"] is not None:
        first, then = result["silent"]
        lines.append(f"  no answer at {first:.1%} of the index dates before, {then:.1%} since")
    asked = result["asked"]
    return [*lines, f"  asked since: {asked['answers']} answers, {asked['silent']} times silent"]


@click.command("model-card", epilog="Example: euthymia model-card relapse-30d@1 --json")
@click.argument("model")
@everywhere
@click.pass_obj
def model_card(shell: Shell, model: str) -> None:
    """Show a model's card, and its TRIPOD+AI and PROBAST+AI self-audit, as they were made."""
    from euthymia.models.challenge import untested
    from euthymia.models.self_audit import summary
    from euthymia.models.wording import NOT_EXTERNAL

    with shell.clinic() as clinic:
        bundle, entry = clinic.registry.load(model, for_use=False)
    card = bundle.card
    items = card.get("self_audit", [])
    lines = [f"{entry.name}@{entry.version}, {entry.state}: {card['title']}", card["estimator"]]
    lines += [f"  {key}: {card[key]}" for key in ("outcome", "population", "intended_use")]
    lines += [f"  not for: {text}" for text in card["not_for"]]
    lines.append(f"  evidence: {card['evidence']}")
    lines += [f"  {NOT_EXTERNAL}"] * untested(card)
    if "differential_privacy" in card:
        claim = card["differential_privacy"]
        lines.append(
            f"  privacy: epsilon {claim['epsilon']:.3g} (delta {claim['delta']:g}) a person"
        )
    lines += [f"  {i['checklist']} {i['number']} {i['asks']}: {i['status']}" for i in items]
    lines += [summary(items)] if items else []
    result = {"model": f"{entry.name}@{entry.version}", "state": entry.state, **card}
    shell.emit(result, _marked(result, lines))


@click.group("change-plan", epilog="Example: euthymia change-plan check plan.toml")
def change_plan() -> None:
    """Declare what may change in a model without asking again, and how it must prove itself."""


@change_plan.command(epilog="Example: euthymia change-plan check plan.toml")
@click.argument("file", type=_FILE)
@everywhere
@click.pass_obj
def check(shell: Shell, file: Path) -> None:
    """Check a plan against its schema; nothing is written."""
    import msgspec

    from euthymia.ground.errors import MissingError
    from euthymia.models.change_plan import read_plan

    if not file.is_file():
        raise MissingError(f"there is no file {file.name}")
    plan = read_plan(file.read_bytes(), where=file.name)
    result = msgspec.to_builtins(plan)
    shell.emit(
        result, f"{file.name}: version {plan.version} of a plan for {plan.task}; it is valid"
    )


@change_plan.command(epilog="Example: euthymia change-plan adopt plan.toml")
@click.argument("file", type=_FILE)
@everywhere
@click.pass_obj
def adopt(shell: Shell, file: Path) -> None:
    """Put a plan into force: from now on `release` holds its task's models against it."""
    from euthymia.app.lifecycle import adopt_plan

    with shell.clinic() as clinic:
        result = adopt_plan(clinic, file)
    shell.emit(result, f"version {result['version']} of the plan for {result['task']} is in force")


@change_plan.command("hold", epilog="Example: euthymia change-plan hold relapse-30d@2")
@click.argument("model")
@everywhere
@click.pass_obj
def hold(shell: Shell, model: str) -> None:
    """Say what a candidate changes, and where it is outside the plan in force."""
    from euthymia.app.lifecycle import held_against_plan

    with shell.clinic() as clinic:
        result = held_against_plan(clinic, model)
    if result["plan"] is None:
        words = f"{result['model']}: no plan is in force for its task"
    elif result["outside"]:
        words = "\n  ".join([f"{result['model']} is outside the plan:", *result["outside"]])
    else:
        words = f"{result['model']} is within version {result['plan']} of the plan"
    shell.emit(result, words)
