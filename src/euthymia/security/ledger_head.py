"""The signed head of the ledger: where the log ends, and the tree over it. Pure functions.

Two slots of 2,048 bytes, each with a generation, a position in the log, the epoch of the MAC keys,
the frontier of the Merkle tree, the log's signature on the checkpoint of that tree
(c2sp.org/tlog-checkpoint), and a MAC over all of it. Generation g rests in slot g mod 2, so that a
write never touches the newest whole slot. Format 1 had slots of 512 bytes with a position and a
signature alone; they are read and never written any more.
"""

import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from euthymia.security.ledger_format import HASH_BYTES, Position
from euthymia.security.ledger_keys import use
from euthymia.security.merkle import Tree
from euthymia.security.notes import LOG_KEY, checkpoint_text, key_id, signature_line

SLOT_BYTES: Final = 2048
HEAD_BYTES: Final = 2 * SLOT_BYTES
OLD_SLOT_BYTES: Final = 512
_OLD_SLOT: Final = struct.Struct(">4s16sQQQ32s")
_OLD_MAGIC: Final = b"EUH1"
_OLD_DOMAIN: Final = b"euthymia ledger head 1\0"
_SLOT: Final = struct.Struct(">4s16sQQQ32sQ64sB")
_MAGIC: Final = b"EUH2"
_SIGNATURE_BYTES: Final = 64
_LABEL: Final = b"head"


def origin_of(ledger_id: bytes) -> str:
    """Return the name of a ledger as logs are named: it is the same for ever."""
    return f"euthymia/ledger/{ledger_id.hex()}"


@dataclass(frozen=True, slots=True)
class Slot:
    """One half of the head file. `epoch` is None and the tree unknown in one of format 1."""

    ledger_id: bytes
    generation: int
    position: Position
    epoch: int | None = None
    frontier: tuple[bytes, ...] = ()
    signature: bytes = field(default=b"", compare=False)

    @property
    def tree(self) -> Tree:
        """The tree over all entries up to the position (format 2)."""
        return Tree(self.position.seq + 1, self.frontier)

    def text(self) -> bytes:
        """Return the checkpoint that the slot signs (format 2)."""
        return checkpoint_text(origin_of(self.ledger_id), self.position.seq + 1, self.tree.root())

    def note(self, verifier: Ed25519PublicKey) -> bytes:
        """Return the checkpoint as a signed note (format 2)."""
        origin = origin_of(self.ledger_id)
        ident = key_id(origin, LOG_KEY, verifier.public_bytes_raw())
        return self.text() + b"\n" + signature_line(origin, ident + self.signature)


def pack_slot(slot: Slot, secret: bytes) -> bytes:
    """Return the 2,048 bytes of a slot that holds its signature. `secret`: the ledger's MAC key."""
    seq, digest, size = slot.position
    assert slot.epoch is not None
    parts = (_MAGIC, slot.ledger_id, slot.generation, seq, size, digest, slot.epoch)
    head = _SLOT.pack(*parts, slot.signature, len(slot.frontier))
    body = (head + b"".join(slot.frontier)).ljust(SLOT_BYTES - HASH_BYTES, b"\0")
    return body + hmac.digest(use(secret, _LABEL), body, "sha256")


def both_slots(slot: Slot, secret: bytes) -> bytes:
    """Return a whole head whose slots both say the same; the second is the newer one."""
    slots = sorted((slot, replace(slot, generation=slot.generation + 1)), key=_parity)
    return b"".join(pack_slot(each, secret) for each in slots)


def _parity(slot: Slot) -> int:
    return slot.generation % 2


@dataclass(frozen=True, slots=True)
class Head:
    """What a head file says: its whole slots (at most two), and what is wrong with it."""

    slots: tuple[Slot, ...]
    faults: tuple[str, ...]
    old: bool = False  # of format 1

    @property
    def newest(self) -> Slot | None:
        """The whole slot that was written last."""
        return max(self.slots, key=lambda slot: slot.generation, default=None)


def read_head(
    raw: bytes, verifier: Ed25519PublicKey, secret: bytes | None, *, signed: bool = True
) -> Head:
    """Read and check both slots. One damaged slot is a fault, but the other still counts.

    Without `secret` (somebody outside, with the public key alone) the slots' MAC is not checked.
    With `signed` false the MAC alone is: enough to take up what another process of this home has
    just written, for whoever has the MAC's key has the signature's too, at a tenth of the price.
    """
    old = len(raw) < HEAD_BYTES and _OLD_MAGIC in (raw[:4], raw[512:516])
    width = OLD_SLOT_BYTES if old else SLOT_BYTES

    def read(raw: bytes, index: int) -> Slot | None:
        if old:
            return _read_old(raw, index, verifier)
        return _read_slot(raw, index, verifier if signed or secret is None else None, secret)

    return _read_both(raw, width, read, old=old)


def _read_both(
    raw: bytes, width: int, read: Callable[[bytes, int], Slot | None], *, old: bool
) -> Head:
    faults: list[str] = []
    slots: list[Slot] = []
    if len(raw) != 2 * width:
        faults.append(f"ledger.head has {len(raw)} bytes instead of {2 * width}")
    for index, name in enumerate("AB"):
        slot = read(raw[index * width : (index + 1) * width], index)
        if slot is None:
            faults.append(f"ledger.head: slot {name} is not the one that was signed")
        else:
            slots.append(slot)
    if len(slots) == 2:
        one, two = slots
        if abs(one.generation - two.generation) != 1 or one.ledger_id != two.ledger_id:
            faults.append("ledger.head: the two slots do not follow one another")
    return Head(tuple(slots), tuple(faults), old)


def _read_slot(
    raw: bytes, index: int, verifier: Ed25519PublicKey | None, secret: bytes | None
) -> Slot | None:
    if len(raw) != SLOT_BYTES or raw[:4] != _MAGIC:
        return None
    body, mac = raw[:-HASH_BYTES], raw[-HASH_BYTES:]
    if secret is not None:
        due = hmac.digest(use(secret, _LABEL), body, "sha256")
        if not hmac.compare_digest(due, mac):
            return None
    _, ledger_id, generation, seq, size, digest, epoch, signature, count = _SLOT.unpack_from(body)
    frontier = body[_SLOT.size : _SLOT.size + count * HASH_BYTES]
    whole = len(frontier) == count * HASH_BYTES and count == (seq + 1).bit_count()
    if not whole or generation % 2 != index or any(body[_SLOT.size + len(frontier) :]):
        return None
    hashes = tuple(frontier[i : i + HASH_BYTES] for i in range(0, len(frontier), HASH_BYTES))
    slot = Slot(ledger_id, generation, Position(seq, digest, size), epoch, hashes, signature)
    return slot if verifier is None or _holds(verifier, signature, slot.text()) else None


def _read_old(raw: bytes, index: int, verifier: Ed25519PublicKey) -> Slot | None:
    text, rest = raw[: _OLD_SLOT.size], raw[_OLD_SLOT.size :]
    signature, padding = rest[:_SIGNATURE_BYTES], rest[_SIGNATURE_BYTES:]
    if len(raw) != OLD_SLOT_BYTES or any(padding):
        return None
    magic, ledger_id, generation, seq, size, digest = _OLD_SLOT.unpack(text)
    if magic != _OLD_MAGIC or generation % 2 != index:
        return None
    if not _holds(verifier, signature, _OLD_DOMAIN + text):
        return None
    return Slot(ledger_id, generation, Position(seq, digest, size))


def _holds(verifier: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        verifier.verify(signature, message)
    except InvalidSignature:
        return False
    return True
