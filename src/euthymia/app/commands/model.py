"""Models: train, models, release, analyze."""

from pathlib import Path
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table


def _figure(metric: dict[str, Any]) -> str:
    text = f"{metric['estimate']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"
    chance = metric.get("chance")
    return text if chance is None else f"{text}, chance {chance:.3f}"


@click.command(epilog="Example: euthymia train relapse-30d --report relapse.html")
@click.argument("task")
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--estimator", default="", help="How it learns; otherwise as the task says.")
@everywhere
@click.pass_obj
def train(shell: Shell, task: str, report: Path | None, seed: int, estimator: str) -> None:
    """Train a task's model on those who consented to training, audit it, write its report."""
    from euthymia.app.training import beside_words, run_training

    with shell.clinic() as clinic, shell.progress("train") as progress:
        result = run_training(
            clinic, task, seed=seed, report=report, progress=progress, estimator=estimator
        )
    lines = [f"{result['model']} trained; report: {result['report']}"]
    lines.append(f"  from snapshot {result['snapshot']}; trainer: {result['isolation']}")
    lines += [f"  {name}: {_figure(metric)}" for name, metric in result["metrics"].items()]
    lines += [f"  {line}" for line in beside_words(result)]
    rest = {k: v for k, v in result["audits"].items() if k not in {"baselines", "confounds"}}
    lines += [f"  audit {name}: {audit['verdict']}" for name, audit in rest.items()]
    shell.emit(result, "\n".join(lines))


@click.command("release-snapshot", epilog="Example: euthymia release-snapshot relapse-30d")
@click.argument("task", required=False)
@everywhere
@click.pass_obj
def snapshot(shell: Shell, task: str | None) -> None:
    """Write a task's research snapshot: the rows that training may see, under other names.

    The one way from the live data towards training; it takes only those who consented to it, goes
    into the ledger, and is what `train` does first. Without TASK: list the snapshots.
    """
    from euthymia.app.snapshots import list_snapshots, release_snapshot, result_of, sweep

    with shell.clinic() as clinic:
        if task is None:
            sweep(clinic)
            found = [result_of(m, clinic.home.snapshots) for m in list_snapshots(clinic)]
            rows = [(m["snapshot"], str(m["people"]), str(m["rows"]), m["task"]) for m in found]
            text = table(rows, ("snapshot", "people", "rows", "task")) if rows else "none"
            shell.emit({"snapshots": found}, text)
            return
        with shell.progress("release snapshot") as progress:
            released = release_snapshot(clinic, task, progress)
        result = result_of(released.manifest, clinic.home.snapshots)
    shell.emit(result, _snapshot_words(result))


def _snapshot_words(result: dict[str, Any]) -> str:
    return (
        f"snapshot {result['snapshot']}: {result['people']} people, {result['rows']} rows, "
        f"{result['features']} features; {result['without_consent']} people without consent left "
        f"out; ledger entry {result['ledger_entry']}"
    )


@click.command(epilog="Example: euthymia models --json")
@everywhere
@click.pass_obj
def models(shell: Shell) -> None:
    """List the models of this clinic: candidates, released, superseded."""
    from euthymia.app.training import list_models

    with shell.clinic() as clinic:
        found = list_models(clinic)
    rows = [
        (m["model"], m["state"], m["task"], m["digest"][:12], m["trained_at"][:10]) for m in found
    ]
    text = table(rows, ("model", "state", "task", "digest", "trained"))
    text += "".join(f"\n{m['model']}: {m['outdated']}" for m in found if m["outdated"])
    shell.emit({"models": found}, text)


@click.command(epilog="Example: euthymia release relapse-30d")
@click.argument("model")
@click.option("--because", default="", help="Needed where its audits say: not evidence.")
@everywhere
@click.pass_obj
def release(shell: Shell, model: str, because: str) -> None:
    """Release a trained model (NAME or NAME@VERSION) for use by the API and the worklist."""
    from euthymia.app.training import release_model

    with shell.clinic() as clinic:
        result = release_model(clinic, model, because)
    shell.emit(result, f"{result['model']} is released; digest {result['digest'][:12]}")


@click.command(epilog="Example: euthymia analyze p-abcdefghijklmnop --model relapse-30d")
@click.argument("subject")
@click.option("--model", default="relapse-30d", show_default=True)
@click.option(
    "--vector", help="The features in the model's order: 0.12,0.45,-0.01 (empty: missing)."
)
@click.option("--feature", "features", multiple=True, help="One feature by name: NAME=VALUE.")
@click.option("--user", default="clinician", show_default=True, help="The clinician who asks.")
@everywhere
@click.pass_obj
def analyze(
    shell: Shell,
    subject: str,
    model: str,
    vector: str | None,
    features: tuple[str, ...],
    user: str,
) -> None:
    """Ask a model about one person: the API's call, with its checks, from the shell."""
    from euthymia.app.ask import ask

    with shell.clinic() as clinic:
        answer = ask(clinic, subject, model, user, vector, features)
    shell.emit(answer, _answer_words(answer))


def _answer_words(answer: dict[str, Any]) -> str:
    """Say an answer to a person: the estimate or why there is none, and on what it rests."""
    digest = answer["model_digest"][:12]
    lines = [
        f"patient       {answer['patient_id']}",
        f"model         {answer['model']} {answer['model_version']}, digest {digest}",
        f"estimate      {_estimate(answer)}",
        f"decision      {answer['decision']}",
    ]
    for number, reason in enumerate(answer["reasons"]):
        known = reason["value"] is not None
        value = f": {reason['value']:.3g} {reason['unit'].strip('[]{}')}" if known else ""
        lead = "reasons" if not number else ""
        lines.append(f"{lead:<13} {reason['direction']:<6} {reason['title']}{value}")
    age = answer["data_age_hours"]
    newest = "" if age is None else f", the newest {age:,.0f} h old"
    lines.append(f"data          {answer['coverage']:.0%} known{newest}")
    lines.append(f"ledger entry  {answer['ledger_entry']}")
    return "\n".join(lines)


def _estimate(answer: dict[str, Any]) -> str:
    if answer["probability"] is None:
        return f"none: {answer['abstained_because']}"
    low, high = answer["interval"]
    return f"{answer['probability']:.1%} (95 % interval {low:.1%} to {high:.1%})"
