"""`euthymia policy`: who may do what, as text."""

from pathlib import Path
from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table


@click.group(epilog="Example: euthymia policy check policies.cedar")
def policy() -> None:
    """Who may do what: check, accept or show the policies."""


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
    header = ("role", "action", "now", "situations", "such as")
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
    """Print the schema and the shipped policies, to write one's own from."""
    from euthymia.security.policy_text import shipped

    schema, text = shipped("clinic.cedarschema"), shipped("clinic.cedar")
    shell.emit({"schema": schema, "policies": text}, f"{schema}\n{text}")
