"""`euthymia serve`: the API and the pages on one port, with a one-time sign-in link."""

import socket
import sys
from dataclasses import dataclass
from typing import Final

from euthymia.app import served_at
from euthymia.app.clinic import Clinic
from euthymia.app.http.server import serve
from euthymia.app.http.tls import address_at, tls_context
from euthymia.app.setup import issue
from euthymia.app.training import renew_registry
from euthymia.app.workers import secret_to_lend, serve_from_workers, workers_wanted
from euthymia.ground.errors import BusyError
from euthymia.security.token import SIGNIN_LIFETIME

MOVES: Final = 10  # so many ports are tried where nobody asked for one


def free_port(host: str, wanted: int | None, default: int) -> int:
    """Return a port to listen on: the one asked for (0: any), else the default or one after it.

    Raises
    ------
    BusyError
        The port asked for is taken; or nobody asked, and the default and the nine after it are.
    """
    first = default if wanted is None else wanted
    moves = MOVES if wanted is None and first else 1
    for candidate in range(first, min(first + moves, 65536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    if wanted is None:
        raise BusyError(
            f"ports {first} to {first + MOVES - 1} of {host} are taken; name another with --port"
        )
    raise BusyError(
        f"port {wanted} of {host} is taken, or not open to you; end what listens there, name "
        "another port, or leave --port out to take the next free one"
    )


@dataclass(frozen=True, slots=True)
class Address:
    """Where a clinic is served, and the link that signs one person in once."""

    host: str
    port: int
    url: str
    sign_in: str
    user: str
    moved_from: int | None = None  # the default port, where it was taken

    def words(self) -> str:
        """Say both, for a person."""
        minutes = SIGNIN_LIFETIME.total_seconds() / 60
        moved = f"port {self.moved_from} is taken; the next free one is {self.port}\n"
        return (
            f"{moved if self.moved_from else ''}"
            f"serving {self.url}  (API, pages; Ctrl-C ends)\n"
            f"sign in once, within {minutes:.0f} minutes, as {self.user}:\n  {self.sign_in}\n"
        )


def address_of(clinic: Clinic, *, host: str | None, port: int | None, user: str) -> Address:
    """Find the port and issue a sign-in link for `user`.

    Raises
    ------
    BusyError
        The port asked for is taken; or none was asked for, and the settings' and the nine after
        it are.
    AccessError, MissingError, SchemaError
        Others than this machine would be spoken to without TLS; or its files are not in order.
    """
    settings = clinic.config.serve
    at, default = host or settings.host, settings.port
    tls_context(settings, at)  # or there is no serving at all
    bound = free_port(at, port, default)
    moved = default if port is None and default not in {0, bound} else None
    made = issue(clinic, user, "clinician", SIGNIN_LIFETIME, sign_in=True)
    url = address_at(settings, at, bound)
    if settings.behind_proxy and settings.public_url:
        url = settings.public_url.rstrip("/")
    return Address(at, bound, url, f"{url}/signin#code={made['token']}", user, moved)


def serve_clinic(clinic: Clinic, address: Address, workers: int | None = None) -> None:
    """Serve until stopped, from as many processes as asked for or configured."""
    renew_registry(clinic)
    sys.stdout.flush()  # whoever reads our output through a pipe needs the link now
    crew = workers_wanted(clinic.config.serve.workers if workers is None else workers)
    with served_at.told(clinic.home, clinic.keyring, address.url):
        if crew == 1:
            serve(clinic, address.host, address.port)
        else:
            root = secret_to_lend(clinic)  # nobody is asked again in each worker
            most = clinic.config.serve.connections
            serve_from_workers(clinic.home.path, address.host, address.port, crew, root, most)
