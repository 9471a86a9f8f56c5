"""Names that tell nothing: keyed hashes of identifiers. Without the key none can be computed."""

import base64
import hmac
from typing import Final

from euthymia.ground.ids import SourceId, SubjectId
from euthymia.security.envelope import context

PSEUDONYM_BYTES: Final = 10  # 80 bits: among 10 million people a collision has odds of 1 in 10^10
CONTACT_BYTES: Final = 10


def pseudonym(key: bytes, who: SourceId) -> SubjectId:
    """Return the pseudonym for an identifier: `p-` and 16 base32 letters (80 bits of HMAC).

    Parameters
    ----------
    key : bytes
        ``keyring.derive("pseudonym")``: another clinic's key gives another pseudonym.
    who : SourceId
        The identifier under which the person is first met. Taken to the letter: trim and fold
        case before, if the source's rules say so.
    """
    digest = _keyed(key, context("pseudonym", who.system, who.value))
    return SubjectId("p-" + _base32(digest[:PSEUDONYM_BYTES]))


def blind_index(key: bytes, who: SourceId) -> str:
    """Return the keyed hash (64 hex digits) under which an identifier can be found again.

    The database holds this in place of the identifier. Use ``keyring.derive("blind")``.
    """
    return _keyed(key, context("blind index", who.system, who.value)).hex()


def contact_hash(key: bytes, text: str) -> str:
    """Return `c-` and 16 base32 letters for a phone number, a contact or an app.

    The same text always gives the same hash, which is all that a count of distinct contacts needs.
    Use ``keyring.derive("contact")``.
    """
    return "c-" + _base32(_keyed(key, context("contact", text))[:CONTACT_BYTES])


def _keyed(key: bytes, message: bytes) -> bytes:
    if len(key) < 32:
        raise ValueError("a pseudonym key has at least 32 bytes")
    return hmac.digest(key, message, "sha256")


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").lower()
