"""The watch: score everybody now, try the detectors on a cohort, or watch one series."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table


@click.group(
    invoke_without_command=True,
    epilog="Example: euthymia watch --json",
)
@click.option(
    "--budget-days", type=click.FloatRange(7, 3650),
    help="Relapse-free patient-days to one false alarm, where lines are set. Default: 90.",
)  # fmt: skip
@click.option("--recalibrate", is_flag=True, help="Set norms and lines anew from here on.")
@everywhere
@click.pass_context
def watch(context: click.Context, budget_days: float | None, recalibrate: bool) -> None:
    """Score everybody's days against their own baseline: who changed, since when.

    The first run sets what is usual and where the lines are, on relapse-free days, for each person
    on other people; they stay until --recalibrate. Days that were judged stay as they were judged.
    """
    if context.invoked_subcommand is not None:
        return
    from euthymia.app.watch import watch as run

    shell = context.ensure_object(Shell)
    with shell.clinic() as clinic, shell.progress("watch") as progress:
        found = run(clinic, progress, budget_days, anew=recalibrate)
    shell.emit(found, _run_words(found))


def _run_words(found: dict[str, Any]) -> str:
    made = found["calibration"]
    real = made["found_days_to_an_alarm"]
    kind = "simulated data: " if found["simulated"] else ""
    return (
        f"{kind}{found['scored']} of {found['subjects']} people scored, {found['rows']:,} new "
        f"days; without consent {found['without_consent']}, without data {found['without_data']}, "
        f"died {found['died']}\n"
        f"{found['open']} open episodes; {found['opened']} opened on the new days; "
        f"{found['unseen']} people not seen for a week or more\n"
        f"lines of {made['made_on']} ({made['people']} people, {made['relapse_free_days']:,} "
        f"relapse-free days): one false alarm in {made['promised_days_to_an_alarm']:g} "
        f"patient-days promised, {'none' if real is None else f'one in {real:.0f}'} found on "
        "people left out\nwho they are: euthymia worklist"
    )


@watch.command(epilog="Example: euthymia watch baseline p-abcdefghijklmnop --since 2026-03-01")
@click.argument("subject")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Well since this day.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Up to this day. Default: today.")
@click.option("--clear", is_flag=True, help="Have no frozen baseline any more.")
@everywhere
@click.pass_obj
def baseline(
    shell: Shell, subject: str, since: datetime | None, until: datetime | None, clear: bool
) -> None:
    """Freeze a person's baseline: "well since March". It is watched beside the rolling one."""
    from euthymia.app.watch import set_frozen

    if (since is None) != clear:
        raise click.UsageError("name --since DATE, or --clear")
    with shell.clinic() as clinic:
        found = set_frozen(
            clinic, subject, since.date() if since else None, until.date() if until else None
        )
    words = (
        f"{found['subject']}: usual are the days from {found['since']} to {found['until']}"
        if found["since"]
        else f"{found['subject']} has no frozen baseline"
    )
    shell.emit(found, f"{words}; the next `euthymia watch` goes by it")


@watch.command(
    epilog="Example: euthymia watch evaluate --subjects 300 --days 330 --missing 0.4 --informative "
    "--effect 1.0 --seed 7 --budget-days 90 --json"
)
@click.option("--subjects", default=300, show_default=True, type=click.IntRange(20, 20_000))
@click.option("--days", default=330, show_default=True, type=click.IntRange(150, 3660))
@click.option(
    "--missing", default=0.4, show_default=True, type=click.FloatRange(0, 0.9),
    help="Share of feature-days without a value.",
)  # fmt: skip
@click.option(
    "--informative/--not-informative", default=True, show_default=True,
    help="Bad days and relapses are missing more often.",
)  # fmt: skip
@click.option(
    "--drift", default=0.3, show_default=True, type=click.FloatRange(0, 5),
    help="Slow wandering of each feature: SD in 100 days.",
)  # fmt: skip
@click.option(
    "--autocorrelation", default=0.4, show_default=True, type=click.FloatRange(0, 0.9),
    help="Correlation of a day with the day before.",
)  # fmt: skip
@click.option(
    "--effect", default=1.0, show_default=True, type=click.FloatRange(0, 10),
    help="SD by which an affected feature moves in a full relapse.",
)  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=int)
@click.option(
    "--budget-days", default=90.0, show_default=True, type=click.FloatRange(7, 3650),
    help="Relapse-free patient-days to one false alarm.",
)  # fmt: skip
@click.option("--cohort", type=click.Path(path_type=Path), help="Your own days: CSV or Parquet.")
@click.option("--relapses", type=click.Path(path_type=Path), help="Their relapses.")
@click.option("--worse", default="", help="Features of which a rise is worse: a,b.")
@click.option("--better", default="", help="Features of which a rise is better.")
@everywhere
@click.pass_obj
def evaluate(
    shell: Shell,
    subjects: int,
    days: int,
    missing: float,
    informative: bool,
    drift: float,
    autocorrelation: float,
    effect: float,
    seed: int,
    budget_days: float,
    cohort: Path | None,
    relapses: Path | None,
    worse: str,
    better: str,
) -> None:
    """Say how many relapses are caught at a budget of false alarms, on a simulated cohort.

    Or on one of your own: --cohort (a row a person and day: subject, day, a column a feature) with
    --relapses (subject, onset, end), and the features of which a rise is worse or better.

    Lines are set on the relapse-free days of other people than those judged (five folds). The
    false alarms that came of it stand beside the promise, chance at the same burden below.
    """
    from euthymia.care.monitor.trials import read_trial, simulated
    from euthymia.care.monitor.trials import table as figures
    from euthymia.simulate.watched import Asked

    if (cohort is None) != (relapses is None):
        raise click.UsageError("--cohort and --relapses go together")
    if cohort is not None:
        trial = read_trial(cohort, relapses, _names(worse), _names(better))
    else:
        asked = Asked(subjects, days, missing, informative, drift, autocorrelation, effect, seed)
        trial = simulated(asked)
    found = figures(trial, budget_days, seed)
    shell.emit(found, _words(found))


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())


def _words(found: dict[str, Any]) -> str:
    rows = [
        (
            row["name"],
            *(f"{row[f'caught_{h}d']:.0%}" for h in (14, 28, 42)),
            "" if row["median_delay_days"] is None else f"{row['median_delay_days']:.0f}",
            f"{row['alarms_per_budget']:.2f}",
            f"{row['seconds']:.2f}",
        )
        for row in found["detectors"]
    ]
    chance = found["chance"]
    rows.append(("chance, same burden", *(f"{v:.0%}" for v in chance.values()), "", "", ""))
    header = ("detector", "14 d", "28 d", "42 d", "delay", "alarms/budget", "seconds")
    kind = "simulated data: " if found["simulated"] else ""
    return (
        f"{kind}{found['relapses']} relapses, {found['patient_days']:,} relapse-free patient-days; "
        f"one false alarm promised in {found['budget_days']:g} of them\n"
        f"{table(rows, header)}"
    )


@watch.command(
    epilog="Example: euthymia watch series diary.csv --time date --columns down,calm,tired "
    "--worse down,tired --better calm --baseline-days 28 --json"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--time", required=True, help="The column of dates or times, or of day numbers.")
@click.option("--columns", required=True, help="What is watched: a,b,c.")
@click.option("--worse", default="", help="Columns of which a rise is worse: a,b.")
@click.option("--better", default="", help="Columns of which a rise is better.")
@click.option(
    "--baseline-days", default=28, show_default=True, type=click.IntRange(14, 365),
    help="The first days, taken to be as usual.",
)  # fmt: skip
@click.option(
    "--budget-days", default=365.0, show_default=True, type=click.FloatRange(14, 3650),
    help="Days to one false alarm.",
)  # fmt: skip
@click.option("--seed", default=1, show_default=True, type=int, help="Of the made series.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw it to this file (.svg).")
@everywhere
@click.pass_obj
def series(
    shell: Shell,
    file: Path,
    time: str,
    columns: str,
    worse: str,
    better: str,
    baseline_days: int,
    budget_days: float,
    seed: int,
    plot: Path | None,
) -> None:
    """Watch one person's series alone: when did it leave its own usual, and what changed.

    Rows may come several a day and at any times; days are watched by their means. Lines come from
    the baseline days: series made of them, without a change, pass them once in --budget-days.
    Without --worse and --better a change either way counts.
    """
    from euthymia.app.watch_series import watch_file

    found = watch_file(
        file,
        time,
        _names(columns),
        _names(worse),
        _names(better),
        baseline_days,
        budget_days,
        seed,
        plot,
    )
    shell.emit(found, _series_words(found))


def _series_words(found: dict[str, Any]) -> str:
    rows = [
        (
            str(e["opened"]),
            str(e["last"]) if e["closed"] is not None else "open",
            f"{e['times_line']:.1f}",
            ", ".join(f"{c['column']} {c['sd']:+.1f}" for c in e["changes"][:4]),
        )
        for e in found["episodes"]
    ]
    text = table(rows, ("opened", "last over the line", "times line", "what changed (SD)"))
    said = [*found["words"], *(f"look at this: {note}" for note in found["notes"])]
    said += [f"not seen: {a} to {b}" for a, b in found["not_seen"]]
    said += [f"drawn: {found['plot']}"] if "plot" in found else []
    more = "".join(f"\n{line}" for line in said)
    return (
        f"{found['days']} days, {found['days_with_values']} with values; usual: the first "
        f"{found['baseline']['days']} days (to {found['baseline']['last']}); one false alarm in "
        f"{found['budget_days']:g} days promised\n{text if rows else 'no episode'}{more}"
    )
