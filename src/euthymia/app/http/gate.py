"""What is asked of every request before anybody looks at it: whence, how long, how often."""

from math import ceil
from typing import Final

from euthymia.app.config import ServeConfig
from euthymia.app.http.exchange import Headers, Scope
from euthymia.app.http.limits import Rate, caller_of
from euthymia.app.problems import RefusalError

ADDRESS_LIMIT: Final = 8192  # path and query; the longest of ours is a sign-in at a provider
_HERE: Final = frozenset({"127.0.0.1", "::1"})


class Gate:
    """The limits of one process, and what a proxy in front is believed."""

    def __init__(self, serve: ServeConfig) -> None:
        self._proxied = serve.behind_proxy
        self._by_address = Rate(serve.rate_per_address) if serve.rate_per_address else None
        self._by_token = Rate(serve.rate_per_token) if serve.rate_per_token else None

    def enter(self, scope: Scope, now: float) -> tuple[RefusalError, Headers] | None:
        """Return why a request is not let in, with headers of the answer; None if it is.

        Behind a proxy the scope gets the caller's address, and the scheme that the caller speaks.

        Parameters
        ----------
        scope : Scope
            The ASGI scope of an HTTP request; may be changed.
        now : float
            Seconds of a clock that never goes back.
        """
        if self._proxied:
            _believe(scope)
        if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_LIMIT:
            return RefusalError("address", f"an address has at most {ADDRESS_LIMIT} bytes"), ()
        client = scope["client"]
        address = client[0] if client else "unknown"
        if (
            address in _HERE
        ):  # programs of this machine; what a proxy passes on comes from elsewhere
            return None
        wait = self._wait(scope, caller_of(address), now)
        if wait <= 0.0:
            return None
        seconds = str(ceil(wait))
        detail = f"too many requests from this address or with this token: wait {seconds} s"
        return RefusalError("rate", detail), ((b"retry-after", seconds.encode()),)

    def _wait(self, scope: Scope, address: str, now: float) -> float:
        wait = self._by_address.wait(address, now) if self._by_address else 0.0
        if wait > 0.0 or self._by_token is None:
            return wait
        for name, value in scope["headers"]:
            if name == b"authorization":
                return self._by_token.wait(hash(value), now)  # the token itself is not kept
        return 0.0


def _believe(scope: Scope) -> None:
    """Take the caller from the last entry of `X-Forwarded-For`: the one that our proxy wrote."""
    scope["scheme"] = "https"
    named = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    last = named[-1].rpartition(b",")[2].strip() if named else b""
    address = last.decode("ascii", "replace")[:64]
    # "unknown" is nobody's address: who comes without one is not taken for this machine
    scope["client"] = (address if address and address not in _HERE else "unknown", 0)
