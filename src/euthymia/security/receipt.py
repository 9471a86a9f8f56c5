"""Receipts: the proof that an entry is in the ledger, to be checked by anybody, without the ledger.

A receipt is a proof by c2sp.org/tlog-proof: the entry's number, the hashes that lead from it to the
root of the Merkle tree, and the signed checkpoint of that tree. Its line `extra` holds the entry
itself, whose hash is the leaf. The public key `keys/ledger.pub` is all that is needed to check it;
what the entry says about the subject stays sealed.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from euthymia.ground.clock import Micros
from euthymia.ground.errors import IntegrityError
from euthymia.security.ledger_format import Payload, read_body
from euthymia.security.merkle import includes, leaf_hash
from euthymia.security.notes import LOG_KEY, Checkpoint, NamedKey, read_note, signed_by

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_RECEIPT_BYTES: Final = 131_072
_HEADER: Final = HEADER.encode()
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")


def receipt_text(body: bytes, index: int, path: Sequence[bytes], note: bytes) -> str:
    """Return the receipt of an entry."""
    extra = binascii.b2a_base64(body, newline=False)
    hashes = b"".join([binascii.b2a_base64(node) for node in path])
    text = b"%s\nextra %s\nindex %d\n%s\n%s" % (_HEADER, extra, index, hashes, note)
    return text.decode()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose proof and signature hold: the entry, and the checkpoint it is under."""

    seq: int
    at: Micros
    entry: Payload
    checkpoint: Checkpoint
    note: bytes


def open_receipt(text: str, verifier: Ed25519PublicKey) -> Receipt:
    """Check a receipt with the log's public key.

    Raises
    ------
    IntegrityError
        If it is not a receipt, the proof does not hold, or the checkpoint is not signed by the key.
    """
    body, index, path, raw_note = _read(text)
    note = read_note(raw_note)
    found = note.checkpoint
    if not signed_by(note, NamedKey(found.origin, LOG_KEY, verifier)):
        raise IntegrityError("the receipt's checkpoint is not signed by this ledger's key")
    seq, at, entry = read_body(body)
    if seq != index or not includes(leaf_hash(body), index, found.size, path, found.root):
        raise IntegrityError("the receipt's entry is not in the ledger that its checkpoint signs")
    return Receipt(seq, at, entry, found, raw_note)


def _read(text: str) -> tuple[bytes, int, list[bytes], bytes]:
    proof, blank, note = text.partition("\n\n")
    lines = proof.split("\n")
    if not blank or len(text) > MAX_RECEIPT_BYTES or len(lines) < 3 or lines[0] != HEADER:
        raise _no_receipt()
    index = _INDEX.fullmatch(lines[2])
    if not lines[1].startswith("extra ") or index is None or len(lines) > 3 + 64:
        raise _no_receipt()
    path = [_unbase64(line) for line in lines[3:]]
    if any(len(node) != 32 for node in path):
        raise _no_receipt()
    return _unbase64(lines[1].removeprefix("extra ")), int(index[1]), path, note.encode()


def _unbase64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _no_receipt() from None
    if base64.b64encode(raw).decode() != text:
        raise _no_receipt()
    return raw


def _no_receipt() -> IntegrityError:
    return IntegrityError("this is not a receipt of a ledger (c2sp.org/tlog-proof)")
