"""`euthymia review`: after an event, what was known, said, shown and missing."""

from datetime import UTC, datetime
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table


@click.command(epilog="Example: euthymia review p-abcdefghijklmnop --at 2026-05-04")
@click.argument("subject")
@click.option(
    "--at",
    required=True,
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="When it happened, UTC.",
)
@click.option("--days", default=90, show_default=True, help="How far to look back.")
@everywhere
@click.pass_obj
def review(shell: Shell, subject: str, at: datetime, days: int) -> None:
    """Review an event (relapse, attempt, admission): what could have been known before it.

    For every model that was in use: what it said and to whom, from the ledger, and what it could
    know by then; what was shown to whom; which data was missing, and which came later.
    """
    from euthymia.app.review import review_subject

    with shell.clinic() as clinic:
        found = review_subject(clinic, subject, at.replace(tzinfo=UTC), days)
    shell.emit(found, _words(found))


def _words(found: dict[str, Any]) -> str:
    lines = [f"{found['subject']}, from {found['from']} to {found['at']}", ""]
    for model in found["models"]:
        since = model["released"] or "its training: no entry tells of its release"
        until = f" until {model['replaced']}" if model["replaced"] else ""
        lines += [f"{model['model']}, in use since {since}{until}", *_knew(model)]
        lines += [
            f"  said on {s['at']} to {s['by']} ({s['role']}): {_said(s)}" for s in model["said"]
        ] or ["  was asked by nobody"]
    if not found["models"]:
        lines.append("no model was in use")
    shown = [(s["at"], s["to"], s["role"], s["what"]) for s in found["shown"]]
    lines += ["", table(shown, ("at", "shown to", "role", "what")) if shown else "shown to nobody"]
    missing = [
        (m["stream"], f"{m['days_without']} of {m['of_days']}", m["last_before"] or "never")
        for m in found["missing"]
    ]
    heads = ("stream", "days without", "last data before")
    lines += ["", table(missing, heads) if missing else "no stream on record misses a day"]
    lines += [f"came later: {c['day']} {c['what']} ({c['changes']})" for c in found["came_later"]]
    return "\n".join([*lines, "", found["limits"]])


def _knew(model: dict[str, Any]) -> list[str]:
    could = model["could_know"]
    if "not_computed" in could:
        return [f"  could not be asked again: {could['not_computed']}"]
    if could["probability"] is None:
        return [f"  would have abstained: {could['abstained_because']}"]
    low, high = could["interval"] or (float("nan"), float("nan"))
    raised = [r["feature"] for r in could["reasons"] if r["direction"] == "raises"]
    return [
        (
            f"  could know: {could['probability']:.0%} ({low:.0%} to {high:.0%}), review line "
            f"{could['review_line']:.0%}; {could['features_known']} of "
            f"{could['features_in_all']} features known; raised by {', '.join(raised) or 'nothing'}"
        )
    ]


def _said(said: dict[str, Any]) -> str:
    if said.get("probability") is not None:
        return f"{said['probability']:.0%}"
    return str(said.get("because") or said.get("outcome"))
