"""How a refusal is told: RFC 9457 problems, each kind once, with its status and what to do.

A problem says which rule was broken and how to mend the call. It says nothing about a person: the
answer about a patient who is not in the caller's care is the answer about one who does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from euthymia.ground.errors import EuthymiaError

TYPE_PREFIX: Final = "urn:euthymia:problem:"
MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of refusal: `slug` ends its `type`, `meaning` is its line in the documentation."""

    slug: str
    status: int
    title: str
    meaning: str


_KINDS = (
    Kind("bad-request", 400, "The request cannot be read", "The body is not JSON."),
    Kind("token", 401, "A valid token is needed", "No bearer token, or one that does not hold."),
    Kind("role", 403, "Your role does not allow this", "The token's role has no such right."),
    Kind(
        "care-relationship",
        403,
        "No patient of yours has this identifier",
        "The patient is not in your care, or does not exist: the answer is the same.",
    ),
    Kind(
        "consent",
        403,
        "There is no consent for this use",
        "A purpose that the model needs is not covered by a consent in force.",
    ),
    Kind("not-found", 404, "There is nothing at this address", "No such path."),
    Kind("model-not-found", 404, "No such model is released", "`GET /v1/models` lists them."),
    Kind("method", 405, "This address does not take that method", "See the `Allow` header."),
    Kind("timeout", 408, "The request took too long to arrive", "The body came too slowly."),
    Kind("too-large", 413, "The request is too large", "The body is larger than 64 KiB."),
    Kind("media-type", 415, "The body must be JSON", "Send `Content-Type: application/json`."),
    Kind("schema", 422, "The request does not fit the schema", "A field is missing or wrong."),
    Kind(
        "features",
        422,
        "The features do not fit the model",
        "Wrong length, or names that the model does not know.",
    ),
    Kind("address", 414, "The address is too long", "It has more than 8,192 bytes."),
    Kind(
        "rate",
        429,
        "Too many requests",
        "More calls than the settings allow an address or a token: wait for `Retry-After`.",
    ),
    Kind("internal", 500, "The server failed", "An error of ours. It is in the server's log."),
    Kind(
        "ledger",
        503,
        "The ledger cannot be written",
        "There is no answer without a ledger entry. Try again, then tell your administrator.",
    ),
    Kind(
        "integrity", 503, "Stored data do not verify", "Run `euthymia verify`; nothing is served."
    ),
    Kind("busy", 503, "The server is busy", "Try again in a moment."),
)

KINDS: Final[Mapping[str, Kind]] = {kind.slug: kind for kind in _KINDS}


class Problem(msgspec.Struct, frozen=True):
    """An RFC 9457 problem. `instance` is the ledger entry, or the request where there is none."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class RefusalError(EuthymiaError):
    """A call is refused: the kind, and a detail that helps the caller and names nobody."""

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = KINDS[slug]
        self.detail = detail

    def problem(self, instance: str) -> Problem:
        """Return the problem document; `instance` is a ledger entry's or a request's urn."""
        kind = self.kind
        return Problem(TYPE_PREFIX + kind.slug, kind.title, kind.status, self.detail, instance)


def entry_urn(entry: str) -> str:
    """Return the `instance` of a problem that is in the ledger."""
    return "urn:euthymia:ledger:" + entry


def request_urn(request: str) -> str:
    """Return the `instance` of a problem that is not in the ledger."""
    return "urn:euthymia:request:" + request
