"""`euthymia serve`: the API and the pages on one port, with a one-time sign-in link."""

import socket

import click

from euthymia.app.clinic import Clinic
from euthymia.app.setup import issue
from euthymia.app.shell import Shell
from euthymia.ground.errors import BusyError
from euthymia.security.token import SIGNIN_LIFETIME


def _free_port(host: str, port: int) -> int:
    """Return `port`, or the next free one after it (0: any); BusyError if none of ten is free."""
    for candidate in range(port, port + 10) if port else [0]:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BusyError(f"ports {port} to {port + 9} of {host} are taken; name another with --port")


def serve_clinic(
    clinic: Clinic, shell: Shell, *, host: str | None, port: int | None, user: str
) -> None:
    """Print where and how to sign in, then serve until stopped."""
    from euthymia.app.http.server import serve

    address = host or clinic.config.serve.host
    bound = _free_port(address, clinic.config.serve.port if port is None else port)
    made = issue(clinic, user, "clinician", SIGNIN_LIFETIME, sign_in=True)
    shown = f"[{address}]" if ":" in address else address
    url = f"http://{shown}:{bound}"
    link = f"{url}/signin?code={made['token']}"
    if shell.as_json:
        shell.emit({"url": url, "sign_in": link}, "")
    else:
        minutes = SIGNIN_LIFETIME.total_seconds() / 60
        click.echo(f"\nserving {url}  (API, pages; Ctrl-C ends)")
        click.echo(f"sign in once, within {minutes:.0f} minutes, as {user}:\n  {link}\n")
    serve(clinic, address, bound)
