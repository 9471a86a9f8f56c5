"""Features: of the clinic, of a bare folder, of a cohort in shards; and what each of them means."""

from pathlib import Path
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table

_FOLDER = click.Path(path_type=Path)


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(part.strip() for part in value.split(",") if part.strip())
    if not names:
        raise click.BadParameter("it names nothing: give names such as a,b, or leave it out")
    return names


@click.command(
    epilog="Example: euthymia features --json · euthymia features --input study/beiwe "
    "--out features.parquet --tz Europe/Oslo --segments day,night"
)
@click.option("--input", "folder", type=_FOLDER, help="A folder of any known format; no clinic.")
@click.option("--out", type=_FOLDER, help="With --input: FILE.parquet or FILE.csv.")
@click.option("--families", callback=_names, help="Only these: a,b.")
@click.option("--tz", default="UTC", show_default=True, help="Zone of people whose data says none.")
@click.option(
    "--segments",
    callback=_names,
    default="day",
    show_default=True,
    help="day, night, morning, afternoon, evening, weekdays, weekend, last_7_days, 22:00-06:00, "
    "60_min_before_event_marks (before, after, around; any stream).",
)
@click.option("--plot", "subject", help="Draw one subject's data and features (--out FILE.html).")
@everywhere
@click.pass_obj
def features(
    shell: Shell,
    folder: Path | None,
    out: Path | None,
    families: tuple[str, ...] | None,
    tz: str,
    segments: tuple[str, ...],
    subject: str | None,
) -> None:
    """Compute daily features: of the clinic, or of a bare folder into one file.

    Of the clinic, only what new data touched is computed again. The exit code is 1 where a folder
    gave no row.
    """
    if subject is not None:
        if folder or families or tz != "UTC" or segments != ("day",):
            raise click.UsageError(
                "--plot draws what is stored: leave out --input, --families, --tz and --segments"
            )
        _plot(shell, subject, out or Path(f"{subject}.html"))
        return
    if (folder is None) != (out is None):
        raise click.UsageError("--input and --out go together")
    if folder is None or out is None:
        if families or tz != "UTC" or segments != ("day",):
            raise click.UsageError("--families, --tz and --segments go with --input and --out")
        _of_the_clinic(shell)
        return
    from euthymia.app.phenotypes import Wanted, features_of_folder

    with shell.progress("read") as progress:
        report = features_of_folder(folder, out, Wanted(families, segments, tz), progress)
    lines = [f"{report['rows']} rows of {report['subjects']} people in {out}"]
    lines += [f"  {name}: {n}" for name, n in report["families"].items() if n]
    lines += _refusals(report)
    if not report["rows"]:
        shell.exit_code = 1
        lines.append("no features: nothing that was read is what these families look at")
    shell.emit(report, "\n".join(lines))


def _plot(shell: Shell, subject: str, out: Path) -> None:
    from euthymia.app.plot import plot_subject

    with shell.clinic() as clinic:
        report = plot_subject(clinic, subject, out)
    shell.emit(report, f"{report['streams']} streams and {report['features']} features in {out}")


def _refusals(report: dict[str, Any]) -> list[str]:
    found = report["rejects"]
    lines = [f"{report['rows_in']:,} rows in, {report['rejected']:,} of them refused"]
    lines += [f"  {r['rows']} x {r['file']}: {r['reason']}" for r in found[:10]]
    lines += [f"  and {len(found) - 10} more kinds: --json"] if len(found) > 10 else []
    return lines + [f"check the unit of {words}" for words in report["doubtful_units"]]


def _of_the_clinic(shell: Shell) -> None:
    from euthymia.app.feature_job import compute_features

    with shell.clinic() as clinic, shell.progress("features") as progress:
        report = compute_features(clinic, progress)
    lines = [f"{report['rows']} rows; {report['computed']} computed now"]
    lines += [f"  {name}: {n}" for name, n in report["families"].items()]
    shell.emit(report, "\n".join(lines))


@click.command(epilog="Example: euthymia shards study/beiwe --out shards --people 50")
@click.argument("folder", type=_FOLDER)
@click.option("--out", type=_FOLDER, required=True, help="A new folder.")
@click.option("--people", type=click.IntRange(1), default=50, show_default=True, help="A shard.")
@click.option("--tz", default="UTC", show_default=True, help="Zone of people whose data says none.")
@everywhere
@click.pass_obj
def shards(shell: Shell, folder: Path, out: Path, people: int, tz: str) -> None:
    """Write a folder's recordings as shards, each with all samples of some people."""
    from euthymia.app.phenotypes import Wanted, make_shards

    with shell.progress("read") as progress:
        report = make_shards(folder, out, people, Wanted(None, ("day",), tz), progress)
    lines = [f"{report['shards']} shards of {report['subjects']} people in {out}"]
    shell.emit(report, "\n".join(lines + _refusals(report)))


@click.command(
    epilog="Example: euthymia compute-shards shards --out features --executor pool --workers 4"
)
@click.argument("folder", type=_FOLDER)
@click.option("--out", type=_FOLDER, required=True, help="A folder: one Parquet file a shard.")
@click.option("--families", callback=_names, help="Only these: a,b.")
@click.option("--segments", callback=_names, default="day", show_default=True)
@click.option(
    "--executor",
    "kind",
    type=click.Choice(["inline", "pool", "dask"]),
    default="inline",
    show_default=True,
    help="In this process, in several, or on a Dask cluster over mutual TLS.",
)
@click.option("--workers", type=click.IntRange(1, 1024), default=2, show_default=True)
@click.option("--scheduler", help="A running Dask scheduler: tls://HOST:PORT.")
@click.option("--certificates", type=_FOLDER, help="The folder that `certificates` wrote.")
@everywhere
@click.pass_obj
def compute_shards(
    shell: Shell,
    folder: Path,
    out: Path,
    families: tuple[str, ...] | None,
    segments: tuple[str, ...],
    kind: str,
    workers: int,
    scheduler: str | None,
    certificates: Path | None,
) -> None:
    """Compute the features of a folder of shards, on as many processes or machines as there are."""
    from euthymia.app.phenotypes import Wanted, executor, features_of_shards

    if kind != "dask" and (scheduler or certificates):
        raise click.UsageError("--scheduler and --certificates go with --executor dask")
    if scheduler and not certificates:
        raise click.UsageError("--scheduler needs --certificates")
    wanted = Wanted(families, segments, "UTC")
    with (
        executor(kind, workers, scheduler, certificates) as run_on,
        shell.progress("features") as progress,
    ):
        report = features_of_shards(folder, out, wanted, run_on, progress)
    words = (
        f"{report['rows']} rows of {report['shards']} shards in {out}; digest {report['digest']}"
    )
    shell.emit(report, words)


@click.command(epilog="Example: euthymia certificates --server clinic.lan clinic-certificates")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--server",
    "names",
    multiple=True,
    metavar="NAME",
    help="For `serve` in a closed network: what browsers call this machine. May be repeated.",
)
@everywhere
@click.pass_obj
def certificates(shell: Shell, folder: Path, names: tuple[str, ...]) -> None:
    """Make certificates: of a Dask cluster's machines, or with --server of the pages and API."""
    from euthymia.app.clinic import wall_clock
    from euthymia.security import certificates as made

    if not names:
        made.make_certificates(folder, now=wall_clock())
        words = f"certificates for a year in {folder}: copy them to each machine over a safe way"
        shell.emit({"folder": folder}, words)
        return
    before = (folder / made.AUTHORITY).exists()
    made.make_server_certificates(folder, names, now=wall_clock())
    paths = [(folder / name).resolve() for name in (made.SERVER, made.SERVER_KEY, made.AUTHORITY)]
    shell.emit(
        dict(zip(("certificate", "key", "authority"), paths, strict=True)),
        f"certificates for a year; under [serve] of euthymia.toml write\n"
        f'  certificate = "{paths[0]}"\n  key = "{paths[1]}"\n'
        f"then `euthymia init` to accept it. Have the clinic's browsers trust {paths[2]}."
        + ("\nthe set that was there is replaced: its authority vouches no more" * before),
    )


@click.command(epilog="Example: euthymia catalogue --families mobility,hrv --json")
@click.option("--families", callback=_names, help="Only these: a,b.")
@click.option("--out", type=_FOLDER, help="Write it as a page: FILE.md.")
@everywhere
@click.pass_obj
def catalogue(shell: Shell, families: tuple[str, ...] | None, out: Path | None) -> None:
    """List every feature with its definition, unit, paper and limits."""
    from euthymia.app.phenotypes import catalogue as described
    from euthymia.app.phenotypes import catalogue_page

    found = described(families)
    if out is not None:
        out.write_text(catalogue_page(families), encoding="utf-8")
        shell.emit({"features": found, "out": out}, f"{len(found)} features in {out}")
        return
    rows = [(r["family"], r["name"], r["unit"], r["title"]) for r in found]
    shell.emit({"features": found}, table(rows, ("family", "feature", "unit", "what it is")))
