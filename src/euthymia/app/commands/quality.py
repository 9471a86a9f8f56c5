"""`euthymia quality`: burden and benefit of the alerts, measured."""

from datetime import datetime
from typing import Any, Final

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

    Figures have 95 % intervals by person; of a clinic of fewer than ten people little is told.
    """
    from euthymia.app.alerts.quality import quality as measure

    days = (first.date() if first else None, last.date() if last else None)
    with shell.clinic() as clinic:
        found = measure(clinic, *days)
    shell.emit(found, _words(found))


TOO_FEW: Final = "too few people to tell"


def _told(value: dict[str, Any] | None, form: str = ".1%") -> str:
    """Return a figure with its interval and what it is of."""
    if value is None:
        return TOO_FEW
    if value["estimate"] is None:
        return "none to judge"
    low, high = value["low"], value["high"]
    text = f"{value['estimate']:{form}}"
    if low is None and high is None:
        return f"{text} (no interval), of {value['of']:,}"
    ends = [
        f"{low:{form}}" if low is not None else "?",
        f"{high:{form}}" if high is not None else "?",
    ]
    return f"{text} ({ends[0]} to {ends[1]}), of {value['of']:,}"


def _hours(name: str, told: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"hours to {name}, of the {told['done']:,} of {told['of']:,} that had it", ""),
        ("  median", _told(told["median"], ".1f")),
        ("  90th percentile", _told(told["p90"], ".1f")),
    ]


def _words(found: dict[str, Any]) -> str:
    times = found["times_h"]
    contact = found["contact"]
    halves = [half["with_contact"] for half in contact["halves"]]
    rows = [
        ("alerts per 100 patient-days", _told(found["alerts_per_100_patient_days"], ".2f")),
        *((f"  {tier}", _told(v, ".2f")) for tier, v in found["by_tier"].items()),
        ("PPV", _told(found["ppv"])),
        ("needed to evaluate", _told(found["number_needed_to_evaluate"], ".1f")),
        ("worsenings caught", _told(found["caught"])),
        ("  by chance at this burden", _told(found["caught_by_chance"])),
        ("  days before, median", _told(found["median_lead_days"], ".1f")),
        ("silent misses", _told(found["silent_misses"])),
        *(row for name, t in times.items() for row in _hours(name, t)),
        ("overridden", _told(found["overrides"]["share"])),
        ("alerts per episode", _told(found["alerts_per_episode"], ".2f")),
        ("with a contact", str(contact["with_contact"])),
        ("  of the first half's", _told(halves[0])),
        ("  of the second half's", _told(halves[1])),
        ("with a measured change", str(contact["with_measured_change"])),
        ("  mean change", _told(contact["mean_change"], "+.1f")),
        ("feel better since", _told(contact["felt"]["better"])),
    ]
    people = "too few" if found["people"] is None else found["people"]
    head = f"{found['from']} to {found['to']}, {people} people, policy {found['policy']}"
    lines = [f"simulated data: {head}" if found["simulated"] else head]
    if not found["recorded"]:
        lines.append("nothing is on record yet: what the policy would have shown (alerts run)")
    told = [(name, text) for name, text in rows if text != TOO_FEW]
    few = [name.strip() for name, text in rows if text == TOO_FEW]
    if few:  # once, and not on every line
        lines.append(f"{TOO_FEW}: {', '.join(dict.fromkeys(few))}")
    return "\n".join([*lines, table(told, ("", "figure (95 % interval)"))])
