"""Go on or change: predictions made anew each week, beside the clinical rule."""

from pathlib import Path

import click

from euthymia.app.shell import Shell, everywhere

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    epilog="Example: euthymia update trial-panss-response --data schizophrenia_panss.csv, or of the"
    " clinic: euthymia update antidepressant-response-weekly --report weeks.html"
)
@click.argument("task", required=False)
@click.option("--data", type=_FILE, help="A CSV or Parquet table; without it, the clinic's own.")
@click.option("--task-file", type=_FILE, help="A task of your own, with moments (TOML).")
@click.option("--patients", type=_FILE, help="A table like it: say of each what follows.")
@click.option("--report", type=_FILE, help="Where to write the page.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--estimator", default="", help="How it learns; otherwise as the task says.")
@click.option("--because", default="", help="Needed for people whom a privacy budget guards.")
@click.option("--synthetic", is_flag=True, help="The table holds no real people: say so.")
@everywhere
@click.pass_obj
def update(
    shell: Shell,
    task: str | None,
    data: Path | None,
    task_file: Path | None,
    patients: Path | None,
    report: Path | None,
    seed: int,
    estimator: str,
    because: str,
    synthetic: bool,
) -> None:
    """Predict a response again at each week, with sets that say when there is no answer.

    Each week is judged at sites left out, and compared in net benefit with the clinical rule.
    """
    from euthymia.app.table_update import update_clinic, update_on_table, words

    if data is None:
        if task is None or task_file is not None or patients is not None or synthetic:
            raise click.UsageError("name a TASK of the clinic, or give a table with --data")
        with shell.clinic() as clinic, shell.progress("update") as progress:
            result = update_clinic(
                clinic,
                task,
                report=report,
                seed=seed,
                estimator=estimator,
                progress=progress,
                because=because,
            )
        shell.emit(result, words(result))
        return
    if (task is None) == (task_file is None):
        raise click.UsageError("give one of TASK and --task-file")
    with shell.progress("update") as progress:
        result = update_on_table(
            data,
            task=task or "",
            task_file=task_file,
            patients=patients,
            report=report,
            seed=seed,
            estimator=estimator,
            synthetic=synthetic,
            progress=progress,
            home=shell.path(),
            because=because,
        )
    shell.emit(result, words(result))
