"""`euthymia policy`: who may do what, as text; and a replay of who is told of what."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table


@click.group(epilog="Example: euthymia policy check policies.cedar")
def policy() -> None:
    """Who may do what: check, accept or show the policies (Cedar).

    Who is told of what and when is the alert policy (YAML): `euthymia alerts check` and `accept`
    are about that one, and `euthymia policy replay` tries one on what the clinic has seen.
    """


_FILE = click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))


def _words(result: dict[str, Any]) -> str:
    lines = [f"policies: {result['file']}", *result["notes"]]
    lines += [f"problem: {problem}" for problem in result["problems"]]
    if "changes" not in result:
        return "\n".join(lines)
    rows = [
        (c["role"], c["action"], c["now"], str(c["situations"]), c["example"])
        for c in result["changes"]
    ]
    lines.append(f"{result['situations']:,} situations compared with the present policies")
    header = ("role", "action", "becomes", "situations", "such as")
    lines.append(table(rows, header) if rows else "no decision changes")
    return "\n".join(lines)


@policy.command(epilog="Example: euthymia policy check policies.cedar --json")
@_FILE
@everywhere
@click.pass_obj
def check(shell: Shell, file: Path | None) -> None:
    """Validate policies, run the matrix, and print which decisions would change.

    FILE is a clinic's own policies, which come on top of those shipped. Default: the home's
    policies.cedar, else the shipped ones. Exit code 1 if they may not be used.
    """
    from euthymia.app.policies import check_policies

    result = check_policies(shell.path(), file)
    shell.exit_code = 0 if result["ok"] else 1
    shell.emit(result, _words(result))


@policy.command(epilog="Example: euthymia policy accept policies.cedar")
@_FILE
@everywhere
@click.pass_obj
def accept(shell: Shell, file: Path | None) -> None:
    """Check policies and take them into force; a running server takes them when it restarts.

    FILE is copied into the home. Without FILE the home's policies.cedar is accepted as it is now
    (or, if you removed it, that there is none).
    """
    from euthymia.app.policies import accept as accept_file

    result = accept_file(shell.path(), file)
    shell.emit(result, _words(result) + "\naccepted")


@policy.command(epilog="Example: euthymia policy show")
@everywhere
@click.pass_obj
def show(shell: Shell) -> None:
    """Print the shipped policies, and what one may look at (as comments).

    A clinic's own come on top of them: write down what is to be added, and nothing else.
    """
    from euthymia.security.policy_text import shipped

    schema, text = shipped("clinic.cedarschema"), shipped("clinic.cedar")
    told = "".join(f"// {line.removeprefix('// ')}".rstrip() + "\n" for line in schema.splitlines())
    shell.emit({"schema": schema, "policies": text}, f"{told}\n{text}")


_DAY = click.DateTime(["%Y-%m-%d"])


@policy.command(
    epilog="Example: euthymia policy replay alerts-quieter.yaml --from 2026-01-01 --to 2026-03-31"
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--from", "first", type=_DAY, help="First local day. Default: 92 days to --to.")
@click.option("--to", "last", type=_DAY, help="Last local day. Default: today.")
@everywhere
@click.pass_obj
def replay(shell: Shell, file: Path, first: datetime | None, last: datetime | None) -> None:
    """Try an alert policy (YAML) on what the clinic has seen, beside the one in force.

    Prints for both how many alerts there would have been, how many worsenings on record they came
    before, how many they missed, and how early. Nothing is changed.
    """
    from euthymia.app.alerts.replay import replay_file

    days = (first.date() if first else None, last.date() if last else None)
    with shell.clinic() as clinic:
        found = replay_file(clinic, file, *days)
    shell.emit(found, _replay_words(found))


_ROWS = (
    ("alerts", "alerts"),
    ("episodes", "of episodes"),
    ("escalations", "escalations"),
    ("per_100_patient_days", "per 100 patient-days"),
    ("events", "worsenings on record"),
    ("caught", "caught"),
    ("missed", "missed"),
    ("caught_share", "share caught"),
    ("caught_by_chance", "by chance at this burden"),
    ("median_lead_days", "days before, median"),
    ("ppv", "PPV"),
    ("number_needed_to_evaluate", "needed to evaluate"),
)


def _replay_words(found: dict[str, Any]) -> str:
    live, other = found["live"], found["replayed"]

    def cell(value: object) -> str:
        return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

    rows = [(title, cell(live[key]), cell(other[key])) for key, title in _ROWS]
    lines = ["simulated data"] if found["simulated"] else []
    lines.append(
        f"{found['from']} to {found['to']}, {found['people']} people, "
        f"{live['patient_days']:,} patient-days; a worsening: {found['outcome']}"
    )
    lines.append(table(rows, ("", f"in force: {live['policy']}", f"replayed: {other['policy']}")))
    same = found["live_as_it_was"]
    if same is not None:
        lines.append(
            f"the policy in force came out as it was told then for {same['identical']} of "
            f"{same['people']} people"
        )
    return "\n".join([*lines, *(f"assumed: {words}" for words in found["assumed"])])
