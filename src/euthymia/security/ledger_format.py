"""The bytes of the ledger's log: entries and their chain. Pure functions, no files.

The log is a row of frames: length of the body (4 bytes) | body | SHA-256(hash before | body). A
body is the entry's number (8 bytes), its instant (8 bytes, microseconds), a msgpack array (user,
role, action, purpose, subject, detail) and a MAC (HMAC-SHA256 over the hash before and all of the
body so far, cut to 16 bytes). The hash before the first entry comes from a random ledger id, which
the first entry holds. A body is also a leaf of the Merkle tree over the whole log.

Format 2 differs from format 1 in the MAC's key alone, which changes with every epoch: an entry of
the ledger's own that names an epoch begins it, and is the first under its key. A log of format 1
goes on in format 2 after an entry that says so.
"""

import hashlib
import hmac
import re
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple

import msgspec

from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.errors import IntegrityError, SchemaError
from euthymia.security.ledger_keys import MacKeys

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
UPGRADE: Final = "begin format 2"
EPOCH: Final = "epoch"
"""In the detail of an entry of the ledger's own: the epoch that begins with it."""

HASH_BYTES: Final = 32
MAC_BYTES: Final = 16
ID_BYTES: Final = 16
FORMAT: Final = 2

_LENGTH: Final = struct.Struct(">I")
_STAMP: Final = struct.Struct(">Qq")
_MIN_BODY_BYTES: Final = _STAMP.size + MAC_BYTES + 1
_CHECKPOINT_DOMAIN: Final = b"euthymia ledger checkpoint 1\0"
_GENESIS_DOMAIN: Final = b"euthymia ledger 1\0"

Detail = dict[str, str | int | float | bool]


class Payload(msgspec.Struct, array_like=True, forbid_unknown_fields=True, frozen=True):
    """What an entry says, without its number, its instant and its MAC.

    `sealed` is the part of the detail that is sealed under the subject's key; a payload without
    such a part has six elements instead of seven.
    """

    user: str
    role: str
    action: str
    purpose: str
    subject: str | None
    detail: Detail
    sealed: bytes = b""


_PLAIN: Final = (str, int, float)
Seal = Callable[[str | None, Detail], tuple[Detail, bytes]]
"""(subject, detail) -> what stays in the clear, and the rest, sealed."""

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


def entry_number(name: str) -> int:
    """Return the number in an entry's name; -1 if it is not the name of one."""
    named = re.fullmatch(r"L-([0-9]{1,18})-[0-9a-f]{8}", name)
    return int(named[1]) if named else -1


def start_of_chain(ledger_id: bytes) -> Position:
    """Return the position before the first entry."""
    return Position(-1, hashlib.sha256(_GENESIS_DOMAIN + ledger_id).digest(), 0)


def encode_entry(
    entry: Entry, seal: Seal | None = None, name: Callable[[Actor], str] | None = None
) -> bytes:
    """Return an entry's payload; `seal` takes what its detail says about the subject out of sight.

    `name` does so with the user's name.

    Raises
    ------
    SchemaError
        If the detail holds anything but text, numbers and yes/no, or is too long.
    """
    if not isinstance(entry.purpose, Purpose):
        raise SchemaError(f"a ledger entry's purpose is one of: {', '.join(Purpose)}")
    detail = dict(entry.detail)
    for value in detail.values():
        if not isinstance(value, _PLAIN):
            raise _not_plain()
    sealed = b""
    actor = entry.actor
    try:
        if seal is not None and detail:
            detail, sealed = seal(entry.subject, detail)
        row: tuple[object, ...] = (
            actor.user if name is None else name(actor),
            actor.role,
            entry.action,
            Purpose(entry.purpose),
            entry.subject,
            detail,
        )
        payload = _encode((*row, sealed) if sealed else row)
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
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise IntegrityError("an entry of the ledger cannot be decoded") from None


def checkpoint_text_1(ledger_id: bytes, before: Position) -> bytes:
    """Return the bytes that a checkpoint of format 1 after `before` signs."""
    seq = (before.seq % 2**64).to_bytes(8, "big")
    return _CHECKPOINT_DOMAIN + ledger_id + seq + before.digest


FOREIGN: Final = "it was not written with this clinic's keys"
_OWN: Final = _encode((SYSTEM_USER, SYSTEM_ROLE))[1:]
"""How an entry of the ledger's own begins, behind the byte that says that it has six parts."""


def build_frame(
    before: bytes, seq: int, at: Micros, payload: bytes, key: bytes
) -> tuple[bytes, bytes]:
    """Return an entry's body and its hash in the chain after the hash `before`."""
    body = _STAMP.pack(seq, at) + payload
    body += hmac.digest(key, before + body, "sha256")[:MAC_BYTES]
    return body, hashlib.sha256(before + body).digest()


def frame_bytes(body: bytes, digest: bytes) -> bytes:
    """Return an entry as it stands in the log."""
    return _LENGTH.pack(len(body)) + body + digest


def frame_size(body: bytes) -> int:
    """Return how many bytes of the log an entry takes."""
    return _LENGTH.size + len(body) + HASH_BYTES


def read_body(body: bytes) -> tuple[int, Micros, Payload]:
    """Return an entry's number, instant and payload; IntegrityError if it is not an entry."""
    if not _MIN_BODY_BYTES <= len(body) <= MAX_BODY_BYTES:
        raise IntegrityError("an entry of the ledger cannot be decoded")
    seq, at = _STAMP.unpack_from(body)
    return seq, at, decode_payload(body[_STAMP.size : -MAC_BYTES])


def epoch_after(payload: bytes, epoch: int | None) -> int | None:
    """Return the epoch of an entry, given the one of the entry before it."""
    if payload[1 : 1 + len(_OWN)] != _OWN:
        return epoch
    try:
        said = decode_payload(payload)
    except IntegrityError:
        return epoch
    due = 0 if epoch is None else epoch + 1
    return due if said.purpose == SYSTEM_PURPOSE and said.detail.get(EPOCH) == due else epoch


class Frame(NamedTuple):
    """One frame as read.

    `seq` is the number it should have, `end` what it says (None: it has no end), `epoch` the one of
    its MAC (None: format 1), `fault` what is wrong with it. `checked` is False where the key of its
    MAC is not known any more: then its hash was checked alone.
    """

    offset: int
    seq: int
    end: Position | None
    at: Micros
    payload: bytes
    fault: str | None
    body: bytes = b""
    epoch: int | None = None
    checked: bool = False


def read_frames(
    log: BinaryIO, after: Position, size: int, keys: MacKeys | None, epoch: int | None = None
) -> Iterator[Frame]:
    """Yield the frames of `log` from a position up to `size`, each checked against the one before.

    Goes on after a frame that was changed, so that every fault is found. A frame whose end cannot
    be found is the last one. Without `keys` no MAC is checked.
    """
    log.seek(after.size)
    _, before, offset = after
    allowed, doubt = {after.seq + 1}, False
    while offset < size:
        head = log.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        end = offset + _LENGTH.size + length + HASH_BYTES
        if not _MIN_BODY_BYTES <= length <= MAX_BODY_BYTES or end > size:
            yield Frame(offset, min(allowed), None, 0, b"", "no whole entry follows")
            return
        body, digest = log.read(length), log.read(HASH_BYTES)
        seq, at = _STAMP.unpack_from(body)
        payload = body[_STAMP.size : -MAC_BYTES]
        epoch = epoch_after(payload, epoch)
        key = None if keys is None else keys.at(epoch)
        fault = _fault(before, body, digest, key)
        if fault == FOREIGN and doubt and keys is not None:
            # the damaged entry may have been the one that began the next epoch
            later = 0 if epoch is None else epoch + 1
            if _fault(before, body, digest, keys.at(later)) is None:
                epoch, fault = later, None
        doubt = doubt or fault is not None
        if fault is None and seq not in allowed:
            fault = f"it says that it is entry {seq}"
        due = seq if fault is None else min(allowed)
        where = Position(seq, digest, end)
        yield Frame(offset, due, where, at, payload, fault, body, epoch, key is not None)
        allowed = {seq + 1, due + 1}  # after a fault, count on or believe: one fault, one problem
        before, offset = digest, end


def read_frame_at(log: BinaryIO, offset: int, digest: bytes) -> Frame:
    """Return the frame at an offset, which was verified before and had this hash in the chain.

    The hash binds it to all before it, so that nothing else need be read again.

    Raises
    ------
    IntegrityError
        It is not the one that stood there.
    """
    log.seek(offset - HASH_BYTES)
    before, head = log.read(HASH_BYTES), log.read(_LENGTH.size)
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    body = log.read(min(length, MAX_BODY_BYTES))
    if hashlib.sha256(before + body).digest() != digest:
        raise IntegrityError(
            f"the ledger is damaged: the entry at offset {offset} was changed since it was last "
            "read. Run `euthymia verify`, and restore the home from a backup"
        )
    seq, at = _STAMP.unpack_from(body)
    end = Position(seq, digest, offset + frame_size(body))
    return Frame(offset, seq, end, at, body[_STAMP.size : -MAC_BYTES], None, body)


def _fault(before: bytes, body: bytes, digest: bytes, key: bytes | None) -> str | None:
    if hashlib.sha256(before + body).digest() != digest:
        return "it was changed, or an entry before it was changed, removed, added or moved"
    if key is None:
        return None
    mac = hmac.digest(key, before + body[:-MAC_BYTES], "sha256")[:MAC_BYTES]
    if not hmac.compare_digest(mac, body[-MAC_BYTES:]):
        return FOREIGN
    return None
