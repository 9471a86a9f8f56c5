"""Nothing leaves this machine unless the settings name where to: a guard of the whole process.

An audit hook sees every connection, datagram and name look-up that Python code makes, whichever
library asks. Once set it cannot be taken off. Allowed are this machine, Unix sockets, and hosts
that were named by the clinic: the provider of its sign-in, its OpenBao, its PostgreSQL server, its
Dask scheduler. Code in C that makes system calls by itself is not seen: that is what the firewall
and the service's own network rules are for.
"""

import socket
import sys
from ipaddress import ip_address
from threading import Lock
from typing import Any, Final

from euthymia.ground.errors import AccessError

_WATCHED: Final = frozenset(
    {
        "socket.connect",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
    }
)
_allowed: Final[set[str]] = set()
_found: Final[set[str]] = set()  # addresses that the allowed names had when they were looked up
_lock: Final = Lock()
_begun: Final[list[bool]] = []


class OutboundError(AccessError, ConnectionRefusedError):
    """A connection to somewhere that the settings do not name; to libraries, one that failed."""


def allow(host: str | None) -> None:
    """Let this process connect to a host that the settings, or the operator, named."""
    if host:
        with _lock:
            _allowed.add(host.lower().strip("[]"))


def guard() -> None:
    """Begin to refuse, for the rest of this process."""
    if not guarded():
        sys.addaudithook(_hook)
        _begun.append(True)


def guarded() -> bool:
    """Tell whether this process is guarded."""
    return bool(_begun)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _WATCHED:
        _check(event, arguments)


def _check(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        line, target = arguments[0], arguments[1]
        if line.family not in {socket.AF_INET, socket.AF_INET6} or target is None:
            return
        host = str(target[0])
    else:
        first = arguments[0]
        host = str(first[0] if isinstance(first, tuple) else _text(first))
    if not may_reach(host):
        raise OutboundError(
            "a connection that the settings do not name was refused: nothing leaves this machine"
        )


def _text(host: object) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")


def may_reach(host: str) -> bool:
    """Tell whether a host's name or address is this machine, or one that was allowed."""
    host = host.lower()
    if host in {"", "localhost", "none"} or host in _allowed or host in _found:
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified or _has_allowed_name(host)


def _has_allowed_name(address: str) -> bool:
    """Look the allowed names up (which the hook lets pass) and compare."""
    for name in list(_allowed):
        try:
            found = {str(entry[4][0]) for entry in socket.getaddrinfo(name, None)}
        except OSError:
            continue
        with _lock:
            _found.update(found)
    return address in _found
