"""The bytes of the ledger: entries, their chain, and the signed head. Pure functions, no files.

The log is a row of frames: length of the body (4 bytes) | body | SHA-256(hash before | body). A
body is the entry's number (8 bytes), its instant (8 bytes, microseconds), a msgpack array (user,
role, action, purpose, subject, detail) and a MAC (HMAC-SHA256 over the hash before and all of the
body so far, cut to 16 bytes). The hash before the first entry comes from a random ledger id, which
the first entry holds. The MAC needs the clinic's keys, so nobody without them can write a chain;
the hashes and the signatures can be checked by somebody who has only the public key.

The head is two slots of 512 bytes, each with a generation, a position in the log and a signature.
Generation g rests in slot g mod 2, so that a write never touches the newest whole slot.
"""

import hashlib
import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.errors import IntegrityError, SchemaError

CHECKPOINT_EVERY: Final = 1_000
"""Entries between two signed checkpoints: 0.1 % more bytes, and a bound on what has no signature
should the head be lost."""
MAX_BODY_BYTES: Final = 65_536
"""An entry holds counts, codes and digests; a longer one holds something that does not belong."""

SYSTEM_USER: Final = "ledger"
SYSTEM_ROLE: Final = "system"
GENESIS: Final = "begin ledger"
SYSTEM_PURPOSE: Final = "ledger"
"""Only the ledger itself writes entries with this purpose; it is no `Purpose`."""
CHECKPOINT: Final = "checkpoint"
REPAIR: Final = "repair ledger"

HASH_BYTES: Final = 32
MAC_BYTES: Final = 16
ID_BYTES: Final = 16
SLOT_BYTES: Final = 512
HEAD_BYTES: Final = 2 * SLOT_BYTES

_LENGTH: Final = struct.Struct(">I")
_STAMP: Final = struct.Struct(">Qq")
_SLOT: Final = struct.Struct(">4s16sQQQ32s")
_SLOT_MAGIC: Final = b"EUH1"
_SIGNATURE_BYTES: Final = 64
_MIN_BODY_BYTES: Final = _STAMP.size + MAC_BYTES + 1
_HEAD_DOMAIN: Final = b"euthymia ledger head 1\0"
_CHECKPOINT_DOMAIN: Final = b"euthymia ledger checkpoint 1\0"
_GENESIS_DOMAIN: Final = b"euthymia ledger 1\0"

Detail = dict[str, str | int | float | bool]


class Payload(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """What an entry says, without its number, its instant and its MAC."""

    user: str
    role: str
    action: str
    purpose: str
    subject: str | None
    detail: Detail


_decode_payload: Final = msgspec.msgpack.Decoder(Payload).decode
_encode: Final = msgspec.msgpack.Encoder().encode


class Position(NamedTuple):
    """A place in the chain: the last entry's number and hash, and the length of the log there."""

    seq: int
    digest: bytes
    size: int


def entry_id(seq: int, digest: bytes) -> str:
    """Return the name of an entry: its number and the first 8 hex digits of its hash."""
    return f"L-{seq}-{digest[:4].hex()}"


def start_of_chain(ledger_id: bytes) -> Position:
    """Return the position before the first entry."""
    return Position(-1, hashlib.sha256(_GENESIS_DOMAIN + ledger_id).digest(), 0)


def encode_entry(entry: Entry) -> bytes:
    """Return an entry's payload.

    Raises
    ------
    SchemaError
        If the detail holds anything but text, numbers and yes/no, or is too long.
    """
    if not isinstance(entry.purpose, Purpose):
        raise SchemaError(f"a ledger entry's purpose is one of: {', '.join(Purpose)}")
    detail = dict(entry.detail)
    if not all(isinstance(value, str | int | float) for value in detail.values()):
        raise _not_plain()
    actor = entry.actor
    row: tuple[object, ...] = (
        actor.user,
        actor.role,
        entry.action,
        Purpose(entry.purpose),
        entry.subject,
        detail,
    )
    try:
        payload = _encode(row)
    except (TypeError, ValueError, OverflowError):
        raise _not_plain() from None
    if len(payload) > MAX_BODY_BYTES - _MIN_BODY_BYTES:
        raise SchemaError("a ledger entry is too long (64 KiB): write a count or a digest instead")
    return payload


def _not_plain() -> SchemaError:
    return SchemaError("a ledger entry's detail holds only text, plain numbers and yes/no by name")


def system_payload(action: str, detail: Detail) -> bytes:
    """Return the payload of an entry that the ledger writes about itself."""
    return _encode((SYSTEM_USER, SYSTEM_ROLE, action, SYSTEM_PURPOSE, None, detail))


def decode_payload(payload: bytes) -> Payload:
    """Return what an entry says; IntegrityError if it is not a payload."""
    try:
        return _decode_payload(payload)
    except msgspec.DecodeError:
        raise IntegrityError("an entry of the ledger cannot be decoded") from None


class Chain:
    """Builds the frames of one group of entries after a position."""

    def __init__(
        self, after: Position, *, mac_key: bytes, signer: Ed25519PrivateKey, ledger_id: bytes
    ) -> None:
        self.position = after
        self._mac_key = mac_key
        self._signer = signer
        self._ledger_id = ledger_id
        self._parts: list[bytes] = []

    def add(self, payload: bytes, at: Micros) -> str:
        """Add an entry, and a checkpoint where one is due; return the entry's id."""
        name = self._add(payload, at)
        if (self.position.seq + 1) % CHECKPOINT_EVERY == 0:
            self.add_checkpoint(at)
        return name

    def add_checkpoint(self, at: Micros) -> str:
        """Add an entry that signs everything before it."""
        before = self.position
        signature = self._signer.sign(checkpoint_text(self._ledger_id, before))
        detail: Detail = {"entries": before.seq + 1, "signature": signature.hex()}
        return self._add(system_payload(CHECKPOINT, detail), at)

    def _add(self, payload: bytes, at: Micros) -> str:
        seq, before, size = self.position
        seq += 1
        body = _STAMP.pack(seq, at) + payload
        body += hmac.digest(self._mac_key, before + body, "sha256")[:MAC_BYTES]
        digest = hashlib.sha256(before + body).digest()
        self._parts += (_LENGTH.pack(len(body)), body, digest)
        self.position = Position(seq, digest, size + _LENGTH.size + len(body) + HASH_BYTES)
        return entry_id(seq, digest)

    def blob(self) -> bytes:
        """Return all frames added."""
        return b"".join(self._parts)


def checkpoint_text(ledger_id: bytes, before: Position) -> bytes:
    """Return the bytes that a checkpoint after `before` signs."""
    seq = (before.seq % 2**64).to_bytes(8, "big")
    return _CHECKPOINT_DOMAIN + ledger_id + seq + before.digest


class Frame(NamedTuple):
    """One frame as read.

    `seq` is the number it should have, `end` what it says (None: it has no end), `fault` what is
    wrong with it.
    """

    offset: int
    seq: int
    end: Position | None
    at: Micros
    payload: bytes
    fault: str | None


def read_frames(log: BinaryIO, after: Position, size: int, mac_key: bytes) -> Iterator[Frame]:
    """Yield the frames of `log` from a position up to `size`, each checked against the one before.

    Goes on after a frame that was changed, so that every fault is found. A frame whose end cannot
    be found is the last one.
    """
    log.seek(after.size)
    _, before, offset = after
    allowed = {after.seq + 1}
    while offset < size:
        head = log.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        end = offset + _LENGTH.size + length + HASH_BYTES
        if not _MIN_BODY_BYTES <= length <= MAX_BODY_BYTES or end > size:
            yield Frame(offset, min(allowed), None, 0, b"", "no whole entry follows")
            return
        body, digest = log.read(length), log.read(HASH_BYTES)
        seq, at = _STAMP.unpack_from(body)
        fault = _fault(before, body, digest, mac_key)
        if fault is None and seq not in allowed:
            fault = f"it says that it is entry {seq}"
        due = seq if fault is None else min(allowed)
        payload = body[_STAMP.size : -MAC_BYTES]
        yield Frame(offset, due, Position(seq, digest, end), at, payload, fault)
        allowed = {seq + 1, due + 1}  # after a fault, count on or believe: one fault, one problem
        before, offset = digest, end


def _fault(before: bytes, body: bytes, digest: bytes, mac_key: bytes) -> str | None:
    if hashlib.sha256(before + body).digest() != digest:
        return "it was changed, or an entry before it was changed, removed, added or moved"
    mac = hmac.digest(mac_key, before + body[:-MAC_BYTES], "sha256")[:MAC_BYTES]
    if not hmac.compare_digest(mac, body[-MAC_BYTES:]):
        return "it was not written with this clinic's keys"
    return None


@dataclass(frozen=True, slots=True)
class Slot:
    """One half of the head file: a signed position."""

    ledger_id: bytes
    generation: int
    position: Position


def pack_slot(slot: Slot, signer: Ed25519PrivateKey) -> bytes:
    """Return the 512 bytes of a slot."""
    seq, digest, size = slot.position
    text = _SLOT.pack(_SLOT_MAGIC, slot.ledger_id, slot.generation, seq, size, digest)
    return (text + signer.sign(_HEAD_DOMAIN + text)).ljust(SLOT_BYTES, b"\0")


@dataclass(frozen=True, slots=True)
class Head:
    """What a head file says: its whole slots (at most two), and what is wrong with it."""

    slots: tuple[Slot, ...]
    faults: tuple[str, ...]

    @property
    def newest(self) -> Slot | None:
        """The whole slot that was written last."""
        return max(self.slots, key=lambda slot: slot.generation, default=None)


def read_head(raw: bytes, verifier: Ed25519PublicKey) -> Head:
    """Read and check both slots. One damaged slot is a fault, but the other still counts."""
    faults: list[str] = []
    slots: list[Slot] = []
    if len(raw) != HEAD_BYTES:
        faults.append(f"ledger.head has {len(raw)} bytes instead of {HEAD_BYTES}")
    for index, name in enumerate("AB"):
        slot = _read_slot(raw[index * SLOT_BYTES : (index + 1) * SLOT_BYTES], index, verifier)
        if slot is None:
            faults.append(f"ledger.head: slot {name} is not the one that was signed")
        else:
            slots.append(slot)
    if len(slots) == 2:
        one, two = slots
        if abs(one.generation - two.generation) != 1 or one.ledger_id != two.ledger_id:
            faults.append("ledger.head: the two slots do not follow one another")
    return Head(tuple(slots), tuple(faults))


def _read_slot(raw: bytes, index: int, verifier: Ed25519PublicKey) -> Slot | None:
    text, rest = raw[: _SLOT.size], raw[_SLOT.size :]
    signature, padding = rest[:_SIGNATURE_BYTES], rest[_SIGNATURE_BYTES:]
    if len(raw) != SLOT_BYTES or any(padding):
        return None
    magic, ledger_id, generation, seq, size, digest = _SLOT.unpack(text)
    if magic != _SLOT_MAGIC or generation % 2 != index:
        return None
    try:
        verifier.verify(signature, _HEAD_DOMAIN + text)
    except InvalidSignature:
        return None
    return Slot(ledger_id, generation, Position(seq, digest, size))
