"""Where a clinic is being served: for links that another process prints meanwhile.

The server writes its address into a file of the home, with a keyed digest, and holds a lock on it
for as long as it serves. So an address that somebody else wrote there, or that a killed server left
behind, leads nobody anywhere.
"""

import fcntl
import hmac
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from euthymia.app.home import Home
from euthymia.security.keys import Keyring

_MOST = 4096  # bytes of the file: an address is shorter
_TRIES, _PAUSE_S = 20, 0.01


def _seal_of(keyring: Keyring, url: str) -> str:
    text = b"served at\0" + url.encode()
    return hmac.new(keyring.derive("config"), text, "sha256").hexdigest()


def _taken(handle: int) -> bool:
    """Tell whether we hold the lock now; who only looks (`now`) holds it for microseconds."""
    for _ in range(_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_PAUSE_S)
    return False


@contextmanager
def told(home: Home, keyring: Keyring, url: str) -> Iterator[None]:
    """Say for the length of a `with` block that the clinic is served at `url`.

    Where another server says so already, its address stands.
    """
    handle = os.open(home.served, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if not _taken(handle):
            yield
            return
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{_seal_of(keyring, url)} {url}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def now(home: Home, keyring: Keyring) -> str | None:
    """Return the address at which the clinic is served at this moment; None if none is known."""
    try:
        handle = os.open(home.served, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None  # nobody holds it: nobody serves
        raw = os.pread(handle, _MOST, 0)
    finally:
        os.close(handle)
    digest, _, url = raw.decode("utf-8", "replace").removesuffix("\n").partition(" ")
    return url if hmac.compare_digest(digest.encode(), _seal_of(keyring, url).encode()) else None
