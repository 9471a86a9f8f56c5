"""`euthymia quality`: burden and benefit of the alerts, measured."""

from datetime import datetime
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command(epilog="Example: euthymia quality --from 2026-01-01 --to 2026-03-31 --json")
@click.option("--from", "first", type=_DAY, help="First local day. Default: 92 days to --to.")
@click.option("--to", "last", type=_DAY, help="Last local day. Default: today.")
@everywhere
@click.pass_obj
def quality(shell: Shell, first: datetime | None, last: datetime | None) -> None:
    """Say what the alerts cost, what they caught, how soon people acted and what came of it.

    Figures have 95 % intervals by person; of fewer than ten people nothing is told.
    """
    from euthymia.app.alerts.quality import quality as measure

    days = (first.date() if first else None, last.date() if last else None)
    with shell.clinic() as clinic:
        found = measure(clinic, *days)
    shell.emit(found, _words(found))


def _share(value: dict[str, Any] | None, *, percent: bool = True) -> str:
    if value is None:
        return "too few people to tell"
    if value["estimate"] is None:
        return "none to judge"
    numbers = (value["estimate"], value["low"], value["high"])
    a, low, high = (f"{n:.1%}" if percent else f"{n:.2f}" for n in numbers)
    return f"{a} ({low} to {high}), of {value['of']:,}"


def _chance(share: float | None) -> str:
    return "too few people to tell" if share is None else f"{share:.1%}"


def _hours(told: dict[str, Any]) -> str:
    if not told["done"]:
        return f"none of {told['of']}"
    return f"{told['median']} (90th {told['p90']}), {told['done']} of {told['of']}"


def _words(found: dict[str, Any]) -> str:
    times = found["times_h"]
    rows = [
        (
            "alerts per 100 patient-days",
            _share(found["alerts_per_100_patient_days"], percent=False),
        ),
        *((f"  {tier}", _share(v, percent=False)) for tier, v in found["by_tier"].items()),
        ("PPV", _share(found["ppv"])),
        ("needed to evaluate", str(found["number_needed_to_evaluate"] or "none")),
        ("worsenings caught", _share(found["caught"])),
        ("  by chance at this burden", _chance(found["caught_by_chance"])),
        ("  days before, median", str(found["median_lead_days"] or "none")),
        ("silent misses", _share(found["silent_misses"])),
        *((f"hours to {name}", _hours(t)) for name, t in times.items()),
        ("overridden", f"{found['overrides']['overridden']} of {found['overrides']['resolved']}"),
        ("alerts per episode", _share(found["alerts_per_episode"], percent=False)),
        ("with a contact", str(found["contact"]["with_contact"])),
        ("with a measured change", str(found["contact"]["with_measured_change"])),
    ]
    people = "too few" if found["people"] is None else found["people"]
    head = f"{found['from']} to {found['to']}, {people} people, policy {found['policy']}"
    lines = [f"simulated data: {head}" if found["simulated"] else head]
    if not found["recorded"]:
        lines.append("nothing is on record yet: what the policy would have shown (alerts run)")
    return "\n".join([*lines, table(rows, ("", "figure (95 % interval)"))])
