"""Models: train, models, release, analyze."""

import re
from collections.abc import Callable
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from euthymia.app.shell import Shell, everywhere, table

if TYPE_CHECKING:
    from euthymia.models.privacy.contract import Guarantee

_MARKS: Final = {"stop": "STOP", "warn": "LOOK"}
SIMULATED: Final = "SIMULATED DATA: not about any patient"
F = TypeVar("F", bound=Callable[..., Any])


def figure(metric: dict[str, Any]) -> str:
    """Return a figure with its interval and level of chance."""
    estimate, low, high = (metric[part] for part in ("estimate", "low", "high"))
    if estimate is None or isnan(estimate):
        return "not defined"
    known = low is not None and high is not None and not isnan(low) and not isnan(high)
    text = f"{estimate:.3f} [{low:.3f}, {high:.3f}]" if known else f"{estimate:.3f}"
    chance = metric.get("chance")
    return text if chance is None else f"{text}, chance {chance:.3f}"


_COLUMNS = (
    click.option(
        "--data", type=click.Path(dir_okay=False, path_type=Path), help="A CSV or Parquet table."
    ),
    click.option(
        "--task-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="A task of your own on the table (TOML).",
    ),
    click.option("--outcome", default="", help="The column (or formula) to predict."),
    click.option("--positive", default="", help="The value of the outcome that counts as 1."),
    click.option("--person", default="", help="The column that says whose row it is."),
    click.option(
        "--site",
        default="",
        help="The column that says where: each is left out once.  [one called so]",
    ),
    click.option("--features", default="", help="The columns to predict from: A,B."),
    click.option("--time", default="", help="The column that says when; never a predictor."),
    click.option(
        "--because",
        default="",
        help="Needed for a task that is off by default; for people whom a privacy budget guards.",
    ),
    click.option("--workload", type=float, help="Of 100 rows the clinic can look at so many. [10]"),
    click.option("--synthetic", is_flag=True, help="The table holds no real people: say so."),
)


def _columns(function: F) -> F:
    """Give a command the options of a table."""
    for option in reversed(_COLUMNS):
        function = option(function)
    return function


@click.command(
    epilog="Example: euthymia train relapse-30d --report relapse.html, or without a clinic: "
    "euthymia train --data trial.csv --outcome response --person id --site centre"
)
@click.argument("task", required=False)
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--estimator", default="", help="How it learns; otherwise as the task says.")
@click.option("--private", is_flag=True, help="With differential privacy: docs/privacy.md.")
@click.option("--epsilon", type=float, help="With --private: what this run may spend.")
@click.option("--delta", type=float, default=1e-5, show_default=True, help="With --private.")
@_columns
@everywhere
@click.pass_obj
def train(
    shell: Shell,
    /,
    task: str | None,
    report: Path | None,
    seed: int,
    estimator: str,
    private: bool,
    epsilon: float | None,
    delta: float,
    **of: Any,  # noqa: ANN401
) -> None:
    """Train a task's model, audit it, write its report.

    Of a clinic: on those who consented to training; the model can then be released. With --data: on
    any table, without a clinic, with the same audits and report.
    """
    claim = _claim(private, epsilon, delta, estimator)
    if of["data"] is not None:
        _train_on_table(shell, task or "", report, seed, estimator, of, claim)
        return
    because = of.pop("because")
    if task is None or any(of.values()):
        raise click.UsageError("name a TASK, or give a table with --data and what is asked of it")
    from euthymia.app.training import beside_words, run_training

    with shell.clinic() as clinic, shell.progress("train") as progress:
        result = run_training(
            clinic,
            task,
            seed=seed,
            report=report,
            progress=progress,
            estimator=estimator,
            claim=claim,
            because=because,
        )
    lines = [SIMULATED] if result["synthetic"] else []
    lines.append(f"{result['model']} trained; report: {result['report']}")
    lines.append(f"  from snapshot {result['snapshot']}; trainer: {result['isolation']}")
    shell.emit(result, "\n".join([*lines, *_judged(result, beside_words(result))]))


def _claim(
    private: bool, epsilon: float | None, delta: float, estimator: str
) -> "Guarantee | None":
    from euthymia.models.privacy.contract import Guarantee

    if private != (epsilon is not None):
        raise click.UsageError("a private run names its cost: --private --epsilon E [--delta D]")
    if private and estimator:
        raise click.UsageError("a private run has an estimator of its own: leave --estimator out")
    return None if epsilon is None else Guarantee(epsilon, delta)


def _judged(result: dict[str, Any], beside: list[str]) -> list[str]:
    lines = [f"  {name}: {figure(metric)}" for name, metric in result["metrics"].items()]
    lines += [f"  {line}" for line in beside]
    rest = {k: v for k, v in result["audits"].items() if k not in {"baselines", "confounds"}}
    lines += [f"  audit {name}: {audit['verdict']}" for name, audit in rest.items()]
    asked = [result["audits"].get(name, {}) for name in ("columns", "confounds")]
    found = [f for a in asked for f in a.get("findings", ()) if f["weight"] in _MARKS]
    return lines + [f"    {_MARKS[f['weight']]}  {f['words']}" for f in found]


def _train_on_table(
    shell: Shell,
    task: str,
    report: Path | None,
    seed: int,
    estimator: str,
    of: dict[str, Any],
    claim: "Guarantee | None",
) -> None:
    from euthymia.app.table_training import Asked, train_on_table, train_privately
    from euthymia.app.training import beside_words

    said = [bool(task), of["task_file"] is not None, bool(of["outcome"])]
    if sum(said) != 1:
        raise click.UsageError("with --data give one of TASK, --task-file and --outcome")
    features = tuple(name.strip() for name in of.pop("features").split(",") if name.strip())
    synthetic = of.pop("synthetic")
    asked = Asked(task=task, estimator=estimator, features=features, **of)
    if claim is not None:
        with shell.clinic() as clinic, shell.progress("train") as progress:
            result = train_privately(
                clinic,
                asked,
                claim,
                seed=seed,
                report=report,
                synthetic=synthetic,
                progress=progress,
            )
    else:
        with shell.progress("train") as progress:
            result = train_on_table(
                asked,
                seed=seed,
                report=report,
                synthetic=synthetic,
                progress=progress,
                home=shell.path(),
            )
    lines = ["SYNTHETIC DATA: not about any person"] if result["synthetic"] else []
    lines.append(
        f"{result['task']} on {result['data']}: {result['people']} people,"
        f" {result['with_outcome']} with the outcome, {result['features']} features"
    )
    lines += [f"  left aside: {row['column']} ({row['why']})" for row in result["left_out"]]
    lines += [
        f"  {row['rows']} rows: {row['what']}"
        for row in result.get("flow", ())  # a private run tells no exact count
        if row["rows"] and not row["what"].startswith("in the ")
    ]
    lines += _judged(result, beside_words(result))
    if report is not None:
        lines.append(f"report: {report}")
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
    """List the models of this clinic: candidates, released, in the shadow, superseded."""
    from euthymia.app.training import list_models

    with shell.clinic() as clinic:
        found = list_models(clinic)
    rows = [
        (
            m["model"],
            m["state"],
            m["task"],
            m["digest"][:12],
            m["trained_at"][:10],
            "SIMULATED" if m["synthetic"] else "people",
        )
        for m in found
    ]
    text = table(rows, ("model", "state", "task", "digest", "trained", "on"))
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
    marked = f" ({SIMULATED})" if result["synthetic"] else ""
    shell.emit(result, f"{result['model']} is released; digest {result['digest'][:12]}{marked}")


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
    lines = [SIMULATED] if answer["synthetic"] else []
    lines += [
        f"patient       {answer['patient_id']}",
        f"model         {answer['model']} {answer['model_version']}, digest {digest}",
        f"estimate      {_estimate(answer)}",
        f"possible      {_possible(answer['outcomes'])}",
        f"decision      {answer['decision']}",
    ]
    for number, reason in enumerate(answer["reasons"]):
        known = reason["value"] is not None
        unit = re.sub(r"[\[\]{}]", "", reason["unit"])
        value = f": {reason['value']:.3g} {unit}" if known else ""
        lead = "reasons" if not number else ""
        lines.append(f"{lead:<13} {reason['direction']:<6} {reason['title']}{value}")
    age = answer["data_age_hours"]
    newest = "" if age is None else f", the newest {age:,.0f} h old"
    lines.append(f"data          {answer['coverage']:.0%} known{newest}")
    lines.append(f"ledger entry  {answer['ledger_entry']}")
    return "\n".join(lines)


def _possible(outcomes: list[int] | None) -> str:
    """Say which outcomes a conformal set leaves."""
    if outcomes is None:
        return "not said"
    if len(outcomes) == 1:
        return "only that it happens" if outcomes[0] else "only that it does not"
    return "both: no definite answer" if outcomes else "neither: unlike anybody seen"


def _estimate(answer: dict[str, Any]) -> str:
    if answer["probability"] is None:
        return f"none: {answer['abstained_because']}"
    low, high = answer["interval"]
    return f"{answer['probability']:.1%} (95 % interval {low:.1%} to {high:.1%})"
