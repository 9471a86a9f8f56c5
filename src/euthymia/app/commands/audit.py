"""`euthymia audit`: is what a table seems to foretell evidence at all."""

from pathlib import Path

import click

from euthymia.app.shell import Shell, everywhere


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(n.strip() for n in (value or "").split(",") if n.strip())


@click.command(epilog="Example: euthymia audit days.csv --outcome depressed --person id --json")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--outcome", required=True, help="The column to be predicted.")
@click.option("--person", help="The column that says whose row it is; without it each row is one.")
@click.option("--site", help="The column of sites; found by its name where not given.")
@click.option("--treatment", help="The column of treatments.")
@click.option("--groups", callback=_names, help="Columns to judge fairness by: A,B.")
@click.option("--index-date", help="The column of index dates: later dates are look-ahead.")
@click.option("--score", help="A column of your own model's probabilities, to judge in place.")
@click.option("--threshold", type=float, help="Act from this probability on.  [prevalence]")
@click.option("--against", type=click.Path(path_type=Path), help="A later table, for drift.")
@click.option("--features", callback=_names, help="Look at these columns only: A,B.")
@click.option("--ignore", callback=_names, help="Leave these columns out: A,B.")
@click.option("--positive", help="The outcome's value that counts as the event.")
@click.option("--because", default="", help="Needed for people whom a privacy budget guards.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@everywhere
@click.pass_obj
def audit(
    shell: Shell,
    file: Path,
    outcome: str,
    person: str | None,
    site: str | None,
    treatment: str | None,
    groups: tuple[str, ...],
    index_date: str | None,
    score: str | None,
    threshold: float | None,
    against: Path | None,
    features: tuple[str, ...],
    ignore: tuple[str, ...],
    positive: str | None,
    because: str,
    seed: int,
) -> None:
    """Audit any table (CSV or Parquet): confounds, leaks, copies of people, look-ahead.

    Asks how the data were collected (lengths, dates, gaps, order, names), each alone; which columns
    hold the outcome; who is there twice; what a split by rows would claim; how groups fare; what
    differs between sites, treatments and times.
    """
    from euthymia.app.privacy import admit_table
    from euthymia.models.audits import audit as run_audit

    for data in (file, *([against] if against else [])):
        admit_table(shell.path(), data, name="audit", person=person or "", because=because)
    found = run_audit(
        file,
        outcome=outcome,
        person=person,
        site=site,
        treatment=treatment,
        groups=groups or None,
        index_date=index_date,
        score=score,
        threshold=threshold,
        against=against,
        features=features,
        ignore=ignore,
        positive=positive,
        seed=seed,
    )
    shell.emit(found.to_json(), found.words())
