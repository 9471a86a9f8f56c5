"""`euthymia serve`: the API and the pages on one port, with a one-time sign-in link."""

import socket
import sys
from dataclasses import dataclass

from euthymia.app.clinic import Clinic
from euthymia.app.http.server import serve
from euthymia.app.setup import issue
from euthymia.app.workers import serve_from_workers, workers_wanted
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


@dataclass(frozen=True, slots=True)
class Address:
    """Where a clinic is served, and the link that signs one person in once."""

    host: str
    port: int
    url: str
    sign_in: str
    user: str

    def words(self) -> str:
        """Say both, for a person."""
        minutes = SIGNIN_LIFETIME.total_seconds() / 60
        return (
            f"serving {self.url}  (API, pages; Ctrl-C ends)\n"
            f"sign in once, within {minutes:.0f} minutes, as {self.user}:\n  {self.sign_in}\n"
        )


def address_of(clinic: Clinic, *, host: str | None, port: int | None, user: str) -> Address:
    """Find a free port and issue a sign-in link for `user`.

    Raises
    ------
    BusyError
        The port and the nine after it are taken.
    """
    at = host or clinic.config.serve.host
    bound = _free_port(at, clinic.config.serve.port if port is None else port)
    made = issue(clinic, user, "clinician", SIGNIN_LIFETIME, sign_in=True)
    url = f"http://[{at}]:{bound}" if ":" in at else f"http://{at}:{bound}"
    return Address(at, bound, url, f"{url}/signin?code={made['token']}", user)


def serve_clinic(clinic: Clinic, address: Address, workers: int | None = None) -> None:
    """Serve until stopped, from as many processes as asked for or configured."""
    sys.stdout.flush()  # whoever reads our output through a pipe needs the link now
    crew = workers_wanted(clinic.config.serve.workers if workers is None else workers)
    if crew == 1:
        serve(clinic, address.host, address.port)
    else:
        serve_from_workers(clinic.home.path, address.host, address.port, crew)
