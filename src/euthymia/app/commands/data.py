"""Data in: simulate, ingest, rejects."""

from datetime import datetime
from pathlib import Path

import click

from euthymia.app.shell import Shell, accounts, everywhere, table, words


@click.command(
    epilog="Example: euthymia simulate --subjects 100 --days 180 --seed 7 --out incoming"
)
@click.option("--subjects", type=click.IntRange(1, 1_000_000), required=True)
@click.option("--days", type=click.IntRange(14, 3660), required=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--end",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day after the last. Default: today; in a folder with a simulation, as it stands.",
)
@click.option(
    "--profile",
    type=click.Choice(["demo", "cohort", "full"]),
    default="full",
    show_default=True,
    help="How much is recorded of each person; cohort: for thousands of people.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@everywhere
@click.pass_obj
def simulate(
    shell: Shell,
    subjects: int,
    days: int,
    seed: int,
    out: Path,
    end: datetime | None,
    profile: str,
) -> None:
    """Write a clinic with a known truth, in the formats that `ingest` reads."""
    from euthymia.app.jobs import run_simulation

    with shell.progress("simulate") as progress:
        summary = run_simulation(
            subjects, days, seed, out, progress, end=end.date() if end else None, profile=profile
        )
    shell.emit(summary, words(summary))


@click.command(epilog="Example: euthymia ingest incoming --consent monitoring --because 'study 12'")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--consent", "purposes", help="Purposes everybody in this batch agreed to: a,b,c.")
@click.option("--because", help="Why that consent holds; goes into the ledger.")
@click.option("--subject", help="Whose data it is, for files that name no person.")
@everywhere
@click.pass_obj
def ingest(
    shell: Shell,
    paths: tuple[Path, ...],
    purposes: str | None,
    because: str | None,
    subject: str | None,
) -> None:
    """Read files and folders through the gateway: detects formats, recurses, reads .gz and .zip.

    Every row is stored, rejected or a duplicate. Rows of streams that the settings name as
    `gateway.feature_only` are used for features and not kept: they count as stored, and again
    under `feature_only`. A FHIR record that is entered in error, deleted or corrected takes back
    what it once gave (`retracted`, `removed`). The exit code is 1 where nothing of what was given
    could be taken in, or the alerts could not be told of an answer about self-harm.
    """
    from euthymia.app.ingest import batch_consent, nothing_taken, run_ingest

    consent = batch_consent(purposes, because)
    with shell.clinic() as clinic, shell.progress("ingest") as progress:
        report = run_ingest(clinic, paths, consent, subject, progress)
    lines = [f"{accounts(report)}, from {report['files']:,} files"]
    lines += [f"  {r['rows']} x {r['file']}: {r['reason']}" for r in report["rejects"][:10]]
    if len(report["rejects"]) > 10:
        lines.append(f"  and {len(report['rejects']) - 10} more kinds: `euthymia rejects`")
    lines += [f"  skipped {s['file']}: {s['reason']}" for s in report["skipped"][:10]]
    unheeded, nothing = report.get("unheeded", ""), nothing_taken(report)
    shell.exit_code = 1 if unheeded or nothing else 0
    if unheeded:
        lines.append(
            "ANSWERS ABOUT SELF-HARM were stored that raise no alert before the next `euthymia "
            f"alerts run`: {unheeded}"
        )
    if nothing:
        lines.append("nothing was taken in: every row was refused, or there was none to read")
    shell.emit(report, "\n".join(lines))


@click.command(epilog="Example: euthymia rejects --json")
@click.option("--limit", type=click.IntRange(1), help="Default: 50; with --json all.")
@everywhere
@click.pass_obj
def rejects(shell: Shell, limit: int | None) -> None:
    """List what was quarantined and why."""
    from euthymia.app.jobs import list_rejects

    with shell.clinic() as clinic:
        found = list_rejects(clinic)
    shown = found[: limit or 50]
    rows = [(str(r["rows"]), str(r["file"]), f"row {r['row']}", r["reason"]) for r in shown]
    text = table(rows, ("rows", "file", "first", "why"))
    if len(found) > len(shown):
        text += f"\nand {len(found) - len(shown)} more: --limit {len(found)}"
    told = found[:limit]
    shell.emit({"rejects": told, "rows": sum(int(r["rows"]) for r in found)}, text)
