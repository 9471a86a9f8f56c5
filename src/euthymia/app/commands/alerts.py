"""`euthymia alerts`: what stands, what it rests on, what to do with it; the policy; its trial."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table
from euthymia.care.alerts.lifecycle import BY_PEOPLE, REASONS, Move


@click.group(invoke_without_command=True, epilog="Example: euthymia alerts --user dr-lind")
@click.option("--user", help="Whose patients. Default: everybody's.")
@click.option("--held", is_flag=True, help="Also what is held back, and why.")
@everywhere
@click.pass_context
def alerts(context: click.Context, user: str | None, held: bool) -> None:
    """List the alerts that stand, the most urgent first.

    `euthymia alerts run` brings them up to date (every hour, and after each `euthymia watch`).
    """
    if context.invoked_subcommand is not None:
        return
    from euthymia.app.alerts.desk import Alerts
    from euthymia.app.alerts.plain import desk_plain

    shell = context.ensure_object(Shell)
    with shell.clinic() as clinic:
        role = "clinician" if user else "shell"
        found = desk_plain(Alerts(clinic).desk(user or "", role))
    shell.emit(found, _desk_words(found, with_held=held))


def _desk_words(found: dict[str, Any], *, with_held: bool) -> str:
    if not found["started"]:
        return "no alert was ever raised here: run `euthymia alerts run`"
    lines = [f"CLINIC: {', '.join(notice['words'])}" for notice in found["notices"]]
    rows = [
        (
            r["subject"],
            r["id"],
            r["tier"],
            r["state"],
            r["since"],
            r["headline"],
            r["owner"],
            r["due"],
        )
        for r in [*found["lines"], *(found["held"] if with_held else [])]
    ]
    header = ("subject", "alert", "tier", "state", "since", "why", "whose", "due")
    lines.append(table(rows, header))
    lines.append(
        f"{len(found['lines'])} stand, {len(found['digest'])} in the digest, "
        f"{len(found['held'])} held back; policy {found['policy']}"
    )
    return "\n".join(lines)


@alerts.command(epilog="Example: euthymia alerts run --json")
@everywhere
@click.pass_obj
def run(shell: Shell) -> None:
    """Bring alerts up to date: take in what is new, show, hold back, escalate, and say so."""
    from euthymia.app.alerts.desk import Alerts

    with shell.clinic() as clinic:
        found = Alerts(clinic).run()
    words = (
        f"{found['open']} alerts stand ({found['by_tier']['now']} now, "
        f"{found['by_tier']['worklist']} worklist, {found['by_tier']['digest']} digest), "
        f"{found['held']} held back; since the last run {found['shown']} shown, "
        f"{found['escalated']} escalated, {found['cleared']} cleared"
    )
    if found["pipeline"]:
        words += "\nNOTHING WAS SCORED for longer than the policy allows: see `euthymia watch`"
    if found["altered"]:
        words += "\n".join(["\nTHE STORED DATA WERE CHANGED FROM OUTSIDE:", *found["altered"]])
        shell.exit_code = 1
    shell.emit(found, ("simulated data: " if found["simulated"] else "") + words)


@alerts.command(epilog="Example: euthymia alerts show p-abcdefghijklmnop worsening-20012")
@click.argument("subject")
@click.argument("alert")
@everywhere
@click.pass_obj
def show(shell: Shell, subject: str, alert: str) -> None:
    """Show all that an alert carries: what changed, on what data, what clears it, what next."""
    from euthymia.app.alerts.desk import Alerts
    from euthymia.app.alerts.plain import card_plain
    from euthymia.app.clinic import shell_actor

    with shell.clinic() as clinic:
        card = Alerts(clinic).card(shell_actor().user, "shell", subject, alert)
        found = card_plain(card)
    shell.emit(found, _card_words(found))


def _card_words(found: dict[str, Any]) -> str:
    step = found["next_step"]
    lines = [
        "simulated data" if found["simulated"] else "",
        f"{found['headline']} since {found['since_on']} ({found['state']})",
        *(f"  {change['words']}" for change in found["changes"]),
        f"seen: {found['seen']}",
        f"not seen: {found['unseen']}",
        *(f"evidence: {said}" for said in found["evidence"]),
        f"clears: {found['clears']}",
        f"next: {step['step']}",
        *(f"  known of it: {said}" for said in step["evidence"]),
        f"after: {found['after']['words']}",
        f"you can: {', '.join(found['actions'])}",
    ]
    lines += [
        f"{s['at']}  {s['move']:<12} {s['by'] or s['to']}  {s['reason']}" for s in found["history"]
    ]
    return "\n".join(line for line in lines if line)


_DO_HELP = "\n\n".join(
    [
        "Acknowledge, snooze, silence, hand on or resolve an alert, with a reason.",
        "Acknowledging is not resolving: it stays yours until you say what came of it.",
        *(
            "\n".join(["\b", f"Reasons to {move}:", *(f"  {k:<20}{v}" for k, v in told.items())])
            for move, told in REASONS.items()
        ),
    ]
)


@alerts.command(
    name="do",
    help=_DO_HELP,
    epilog="Example: euthymia alerts do p-abcdefghijklmnop worsening-20012 acknowledge "
    "--reason will-contact --as dr-lind",
)
@click.argument("subject")
@click.argument("alert")
@click.argument("move", type=click.Choice([move.value for move in BY_PEOPLE]))
@click.option("--reason", required=True, help="One of those that the move has, listed above.")
@click.option("--words", default="", help="In words of your own; needed for the reason other.")
@click.option("--days", type=click.FloatRange(0.01, 366), help="Of a snooze or a silence.")
@click.option("--to", default="", help="Whom it is handed to.")
@click.option("--step", default="", help="At a resolution: the intervention that was done.")
@click.option("--felt", default="", help="At a resolution: they feel better, same or worse.")
@click.option("--as", "user", help="The named person who does it. Default: your login name.")
@click.option("--id", "ident", default="", help="Given twice, it is done once.")
@everywhere
@click.pass_obj
def do(
    shell: Shell,
    subject: str,
    alert: str,
    move: str,
    reason: str,
    words: str,
    days: float | None,
    to: str,
    step: str,
    felt: str,
    user: str | None,
    ident: str,
) -> None:
    """Make a move with an alert; `_DO_HELP` is what the shell is told."""
    from euthymia.app.alerts.desk import Alerts
    from euthymia.app.alerts.plain import alert_plain
    from euthymia.app.alerts.wanted import Wanted
    from euthymia.app.clinic import shell_actor
    from euthymia.ground.clock import to_micros

    with shell.clinic() as clinic:
        until = None if days is None else to_micros(clinic.clock() + timedelta(days=days))
        who = clinic.resolve(subject)
        wanted = Wanted(who, alert, Move(move), reason, words, until, to, step, felt, ident)
        role = "clinician" if user else "shell"
        done = Alerts(clinic).act(user or shell_actor().user, role, wanted)
        found = alert_plain(done)
    shell.emit(found, f"{found['id']} is {found['state']}; whose: {found['owner'] or 'nobody'}")


@alerts.command(epilog="Example: euthymia alerts audit --from 2026-01-01")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="Raised from this day on.")
@everywhere
@click.pass_obj
def audit(shell: Shell, first: datetime | None) -> None:
    """List the sample of alerts that were never shown, with the reason: somebody should look."""
    from euthymia.app.alerts.plain import audit_sample

    with shell.clinic() as clinic:
        found = audit_sample(clinic, first.date() if first else None)
    rows = [(r["subject"], r["id"], r["since"], ", ".join(r["held_for"])) for r in found["sample"]]
    words = table(rows, ("subject", "alert", "since", "held back for"))
    shell.emit(
        found, f"{words}\n{len(rows)} of {found['never_shown']} that were never shown are sampled"
    )


_FILE = click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))


@alerts.command(epilog="Example: euthymia alerts check alerts.yaml")
@_FILE
@everywhere
@click.pass_obj
def check(shell: Shell, file: Path | None) -> None:
    """Check an alert policy (YAML). Default: the home's alerts.yaml, else the shipped one.

    Exit code 1 if it may not be used. Who may do what is another thing: `euthymia policy`.
    """
    from euthymia.app.alerts.policy_file import check as check_file

    found = check_file(shell.path(), file)
    shell.exit_code = 0 if found["ok"] else 1
    said = [f"problem: {problem}" for problem in found["problems"]]
    if found["ok"]:
        said = [f"{found['name']} {found['version']}, digest {found['digest'][:16]}: may be used"]
    shell.emit(found, "\n".join([f"alert policy: {found['file']}", *said]))


@alerts.command(epilog="Example: euthymia alerts accept alerts.yaml")
@_FILE
@click.option("--shipped", is_flag=True, help="Go back to the shipped policy.")
@everywhere
@click.pass_obj
def accept(shell: Shell, file: Path | None, shipped: bool) -> None:
    """Take an alert policy into force from now on. Replay it first: `euthymia policy replay`.

    FILE is copied into the home. Without FILE the home's alerts.yaml is accepted as it is now.
    """
    from euthymia.app.accepted import read_text
    from euthymia.app.alerts.policy_file import accept as accept_text

    if shipped and file is not None:
        raise click.UsageError("name FILE, or --shipped")
    with shell.clinic() as clinic:
        text = None if shipped else read_text(file or clinic.home.alert_policy.file)
        found = accept_text(clinic, text)
    shell.emit(found, f"in force: {found['name']} {found['version']}")


@alerts.command(name="policy", epilog="Example: euthymia alerts policy > alerts.yaml")
@everywhere
@click.pass_obj
def policy_text(shell: Shell) -> None:
    """Print the shipped alert policy, to write one's own from."""
    from euthymia.care.alerts.policy import shipped_text

    shell.emit({"policy": shipped_text()}, shipped_text())


@alerts.command(
    epilog="Example: euthymia alerts evaluate --seeds 1,2,3 --subjects 300 --policy alerts.yaml"
)
@click.option("--policy", "file", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
@click.option("--seeds", default="1", show_default=True, help="A cohort each, such as 1,2,3.")
@click.option("--subjects", default=200, show_default=True, type=click.IntRange(20, 20_000))
@click.option("--days", default=330, show_default=True, type=click.IntRange(150, 3660))
@click.option("--missing", default=0.4, show_default=True, type=click.FloatRange(0, 0.9))
@click.option("--informative/--not-informative", default=True, show_default=True)
@click.option("--drift", default=0.3, show_default=True, type=click.FloatRange(0, 5))
@click.option("--autocorrelation", default=0.4, show_default=True, type=click.FloatRange(0, 0.9))
@click.option("--effect", default=1.0, show_default=True, type=click.FloatRange(0, 10))
@click.option("--budget-days", default=90.0, show_default=True, type=click.FloatRange(7, 3650))
@everywhere
@click.pass_obj
def evaluate(
    shell: Shell,
    file: Path | None,
    seeds: str,
    subjects: int,
    days: int,
    missing: float,
    informative: bool,
    drift: float,
    autocorrelation: float,
    effect: float,
    budget_days: float,
) -> None:
    """Compare a policy with plain snoozing on simulated cohorts whose relapses are known."""
    from euthymia.app.accepted import read_text
    from euthymia.care.alerts.policy import parse, shipped
    from euthymia.care.alerts.trial import over_seeds
    from euthymia.simulate.watched import Asked

    try:
        numbers = [int(seed) for seed in seeds.split(",")]
    except ValueError:
        raise click.UsageError("--seeds are whole numbers, such as 1,2,3") from None
    policy = parse(read_text(file), file.name) if file else shipped()
    asked = Asked(subjects, days, missing, informative, drift, autocorrelation, effect)
    found = over_seeds(asked, numbers, budget_days, policy)
    shell.emit(found, _trial_words(found))


def _trial_words(found: dict[str, Any]) -> str:
    rows = [
        (
            str(cohort["seed"]),
            row["name"],
            str(row["alerts"]),
            f"{row['per_100_patient_days']:.2f}",
            f"{row['caught_28d']:.1%}",
            f"{row['chance_28d']:.1%}",
        )
        for cohort in found["cohorts"]
        for row in cohort["rows"]
    ]
    header = ("seed", "policy", "alerts", "per 100 days", "caught in 28 d", "by chance")
    fewer, points = found["fewer_alerts"], found["recall_points"]
    said = (
        ""
        if fewer is None or points is None
        else f"{fewer:.1%} fewer alerts, {points:+.1f} points of recall"
    )
    return f"simulated data\n{table(rows, header)}\nagainst {found['against']}: {said}"
