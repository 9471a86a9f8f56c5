"""The watch: score everybody now, try the detectors on a cohort, or watch one series."""

from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table


@click.group(epilog="Example: euthymia watch evaluate --subjects 300 --days 330 --seed 7")
def watch() -> None:
    """Watch people's days against their own baseline: who changed, since when, on what data."""


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
) -> None:
    """Say how many relapses are caught at a budget of false alarms, on a simulated cohort.

    Lines are set on the relapse-free days of other people than those judged (five folds). The
    false alarms that came of it stand beside the promise, chance at the same burden below.
    """
    from euthymia.care.monitor.trials import simulated
    from euthymia.care.monitor.trials import table as figures
    from euthymia.simulate.watched import Asked

    asked = Asked(subjects, days, missing, informative, drift, autocorrelation, effect, seed)
    found = figures(simulated(asked), budget_days, seed)
    shell.emit(found, _words(found))


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
