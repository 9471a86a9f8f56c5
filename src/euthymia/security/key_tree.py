"""The tree of keys below the root: zones, their epochs, the signing keys; and its one file.

    keys/tree:  magic | length of the header (4) | header | sealed tree | SHA-256 of all before

The header says what kind of root opens the file, and holds the root secret as that root sealed it.
The tree is sealed under the root secret, with everything before it as associated data.
See docs/adr/0010-key-tree.md.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from euthymia.ground.errors import IntegrityError
from euthymia.security.envelope import KEY_BYTES, context, seal, unseal

LIVE: Final = "live"
RESEARCH: Final = "research"
TRAIN: Final = "train"
MODEL: Final = "model"
LEDGER: Final = "ledger"
ZONES: Final = (LIVE, RESEARCH, TRAIN, MODEL, LEDGER)
"""Where keys may be used. Each has keys of its own; none can be computed from another's."""

ROLES: Final = ("token", "ledger", "model")
"""What is signed: access tokens; the ledger's head and checkpoints; released models."""

ROLE_ZONES: Final[Mapping[str, str]] = {"ledger": LEDGER, "model": MODEL}
"""The zone of a signing key; those not named here belong to `live`."""

KEY_FILE: Final = "key-file"
"""The kind of root that is 32 bytes in a file of its own."""

_MAGIC: Final = b"euthymia keys 2\n"
_SUM_BYTES: Final = 32


class Epoch(msgspec.Struct, frozen=True):
    """One key of a zone in its time. `first`: of a home made before there were epochs."""

    number: int
    key: bytes
    first: bool = False


class Zone(msgspec.Struct, frozen=True):
    """The keys of one zone.

    `seed` gives the keys by which things are found again (pseudonyms, blind indexes, pages); it
    stays. `epochs` wrap the subjects' keys; the last one is in use, and the ones before it are
    there until nothing needs them. `labels` holds keys that older homes derived in another way.
    """

    seed: bytes
    epochs: tuple[Epoch, ...]
    labels: dict[str, bytes] = {}

    @property
    def current(self) -> Epoch:
        """Return the epoch in use."""
        return self.epochs[-1]


class Tree(msgspec.Struct, frozen=True):
    """Everything below the root. `generation` counts the changes."""

    generation: int
    zones: dict[str, Zone]
    signing: dict[str, bytes]


class Header(msgspec.Struct, frozen=True):
    """How the root secret is found: the root's kind, its settings, and what it sealed."""

    kind: str
    settings: dict[str, str | int]
    sealed: bytes
    root_id: bytes


def new_zone() -> Zone:
    """Return a zone with fresh keys, in its first epoch."""
    epoch = Epoch(1, secrets.token_bytes(KEY_BYTES))
    return Zone(secrets.token_bytes(KEY_BYTES), (epoch,))


def zone_of(label: str) -> str:
    """Return the zone that a label of `Keyring.derive` belongs to: its first word's, or `live`."""
    first = label.replace("/", "-").replace(" ", "-").split("-", 1)[0]
    return first if first in ZONES else LIVE


def zone_of_role(role: str) -> str:
    """Return the zone that a signing key belongs to."""
    return ROLE_ZONES.get(role, LIVE)


def derived(secret: bytes, *label: str | int) -> bytes:
    """Return 32 bytes for one use (HKDF-SHA256, RFC 5869)."""
    info = context("euthymia", *label)
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(secret)


def root_id(secret: bytes) -> bytes:
    """Return bytes that tell one root secret from another and say nothing about it."""
    return derived(secret, 2, "root id")[:16]


def pack(header: Header, tree: Tree, secret: bytes) -> bytes:
    """Return the file's bytes."""
    encoded = msgspec.msgpack.encode(header, order="sorted")
    head = _MAGIC + len(encoded).to_bytes(4, "big") + encoded
    plain = msgspec.msgpack.encode(tree, order="sorted")
    body = head + seal(derived(secret, 2, "tree"), plain, context=head, compress=False)
    return body + hashlib.sha256(body).digest()


def read_header(raw: bytes) -> Header:
    """Return the header of a whole file; nobody is asked for a secret because of a broken one.

    Raises
    ------
    IntegrityError
        If any bit is not the one that was written.
    """
    body, total = raw[:-_SUM_BYTES], raw[-_SUM_BYTES:]
    whole = raw.startswith(_MAGIC) and hmac.compare_digest(hashlib.sha256(body).digest(), total)
    start = len(_MAGIC) + 4
    if not whole or len(body) < start:
        raise _changed()
    size = int.from_bytes(body[len(_MAGIC) : start], "big")
    try:
        return msgspec.msgpack.decode(body[start : start + size], type=Header)
    except msgspec.DecodeError:
        raise _changed() from None


def unpack(raw: bytes, secret: bytes) -> Tree:
    """Return the tree in a file that `read_header` has read.

    Raises
    ------
    IntegrityError
        If the secret is not the one it was sealed under, or something was changed.
    """
    start = len(_MAGIC) + 4
    end = start + int.from_bytes(raw[len(_MAGIC) : start], "big")
    try:
        plain = unseal(derived(secret, 2, "tree"), raw[end:-_SUM_BYTES], context=raw[:end])
        return msgspec.msgpack.decode(plain, type=Tree)
    except (IntegrityError, msgspec.DecodeError):
        raise IntegrityError(
            "keys/tree does not open: it was changed, or it belongs to another root key; restore "
            "both from the same backup"
        ) from None


def _changed() -> IntegrityError:
    return IntegrityError(
        "keys/tree is not the file that was written (a bit was changed or it was cut); restore it "
        "from a backup"
    )
