"""`euthymia user`: who may sign in to the pages."""

from typing import Any

import click

from euthymia.app.shell import Shell, everywhere, table


@click.group(epilog="Example: euthymia user add dr-lee --role clinician")
def user() -> None:
    """Accounts for the pages: add, list, disable, enable, end, reset."""


_NAME = click.argument("name")


def _told(shell: Shell, made: dict[str, Any]) -> None:
    words = f"{made['enrol']}\nholds once, until {made['expires_at']}: give it to {made['user']}"
    shell.emit(made, f"{words} in person, or by a way that only they read")


@user.command(epilog="Example: euthymia user add dr-lee --role clinician")
@_NAME
@click.option(
    "--role", required=True, help="clinician, coordinator, supervisor, scientist, it or patient."
)
@click.option("--patient", help="Of a patient's account: the pseudonym or record number.")
@everywhere
@click.pass_obj
def add(shell: Shell, name: str, role: str, patient: str | None) -> None:
    """Make an account and print the link with which its user chooses how to sign in."""
    from euthymia.app.users import add_user

    with shell.clinic() as clinic:
        made = add_user(clinic, name, role, patient)
    _told(shell, made)


@user.command("list", epilog="Example: euthymia user list --json")
@everywhere
@click.pass_obj
def list_(shell: Shell) -> None:
    """List the accounts."""
    from euthymia.app.users import list_users

    with shell.clinic() as clinic:
        users = list_users(clinic)
    rows = [
        (u["user"], u["role"], u["state"], "yes" if u["password"] else "no", str(u["passkeys"]))
        for u in users
    ]
    shell.emit({"users": users}, table(rows, ("user", "role", "state", "password", "passkeys")))


@user.command(epilog="Example: euthymia user disable dr-lee")
@_NAME
@everywhere
@click.pass_obj
def disable(shell: Shell, name: str) -> None:
    """Let a user in no more; their sessions and tokens end at once."""
    from euthymia.app.clinic import shell_actor

    with shell.clinic() as clinic:
        clinic.accounts.disable(name, shell_actor())
    shell.emit({"user": name, "disabled": True}, f"{name} is disabled")


@user.command(epilog="Example: euthymia user enable dr-lee")
@_NAME
@everywhere
@click.pass_obj
def enable(shell: Shell, name: str) -> None:
    """Let a disabled user in again."""
    from euthymia.app.clinic import shell_actor

    with shell.clinic() as clinic:
        clinic.accounts.disable(name, shell_actor(), disabled=False)
    shell.emit({"user": name, "disabled": False}, f"{name} may sign in again")


@user.command(epilog="Example: euthymia user end ward-system")
@_NAME
@everywhere
@click.pass_obj
def end(shell: Shell, name: str) -> None:
    """End every session and token that was issued under a name up to now, account or none."""
    from euthymia.app.clinic import shell_actor

    with shell.clinic() as clinic:
        clinic.accounts.end_everywhere(name, shell_actor())
    shell.emit({"user": name, "ended": True}, f"what was issued to {name} until now has ended")


@user.command(epilog="Example: euthymia user reset dr-lee")
@_NAME
@everywhere
@click.pass_obj
def reset(shell: Shell, name: str) -> None:
    """Take a user's password, codes, passkeys and sessions away; print a new link."""
    from euthymia.app.users import reset_user

    with shell.clinic() as clinic:
        made = reset_user(clinic, name)
    _told(shell, made)
