"""The keys of the entries' MACs: each is made from the one before, which is then destroyed.

Epoch 0 has a random key, and the key of epoch i + 1 is a one-way function of that of epoch i. The
ledger begins a new epoch with every checkpoint and keeps the newest key alone: whoever takes the
keys of this machine later cannot compute the MAC of an earlier entry. Whoever has the key of epoch
0, which is to be kept elsewhere, can check every MAC.
"""

import hmac
import struct
from dataclasses import dataclass
from typing import Final

from euthymia.ground.errors import IntegrityError
from euthymia.security.envelope import KEY_BYTES, context, seal, unseal

KEY_SLOT_BYTES: Final = 512
KEYS_BYTES: Final = 2 * KEY_SLOT_BYTES
_MAGIC: Final = b"EUK2"
_HEAD: Final = struct.Struct(">4s16sQB")


def next_key(key: bytes) -> bytes:
    """Return the key of the next epoch. There is no way back."""
    return hmac.digest(key, b"euthymia ledger: the next epoch's key\0", "sha256")


def use(secret: bytes, label: bytes) -> bytes:
    """Return the key for one use within the ledger, from the clinic's `ledger-mac` key."""
    return hmac.digest(secret, b"euthymia ledger 2: " + label + b"\0", "sha256")


class MacKeys:
    """The MAC keys that are known: that of format 1, and those from some epoch on."""

    __slots__ = ("_base", "_epoch", "_first", "_key", "_legacy")

    def __init__(self, legacy: bytes, epoch: int = 0, key: bytes | None = None) -> None:
        self._legacy = legacy
        self._first, self._base = epoch, key
        self._epoch, self._key = epoch, key

    @property
    def first(self) -> int:
        """The oldest epoch whose key is known."""
        return self._first

    def at(self, epoch: int | None) -> bytes | None:
        """Return the key of an epoch (None: of format 1); None if it is not known any more."""
        if epoch is None:
            return self._legacy
        if self._base is None or epoch < self._first:
            return None
        assert self._key is not None
        if epoch < self._epoch:
            self._epoch, self._key = self._first, self._base
        while self._epoch < epoch:
            self._epoch, self._key = self._epoch + 1, next_key(self._key)
        return self._key

    def forget_before(self, epoch: int) -> None:
        """Drop the keys of earlier epochs from memory."""
        key = self.at(epoch)
        if key is not None:
            self._first, self._base = epoch, key

    def fresh(self) -> "MacKeys":
        """Return the same keys for a reading of its own."""
        return MacKeys(self._legacy, self._first, self._base)


@dataclass(frozen=True, slots=True)
class EpochKey:
    """One epoch's key, of one ledger."""

    ledger_id: bytes
    epoch: int
    key: bytes


def pack_key(kept: EpochKey, secret: bytes) -> bytes:
    """Return the 512 bytes of a key slot: the key sealed under the clinic's ledger key."""
    where = context("ledger mac key", kept.ledger_id, kept.epoch)
    sealed = seal(use(secret, b"mac keys"), kept.key, context=where, compress=False)
    head = _HEAD.pack(_MAGIC, kept.ledger_id, kept.epoch, len(sealed))
    return (head + sealed).ljust(KEY_SLOT_BYTES, b"\0")


def unpack_key(raw: bytes, secret: bytes) -> EpochKey | None:
    """Return the key of a slot; None if the slot is not one that was written."""
    if len(raw) != KEY_SLOT_BYTES:
        return None
    magic, ledger_id, epoch, size = _HEAD.unpack_from(raw)
    sealed, padding = raw[_HEAD.size : _HEAD.size + size], raw[_HEAD.size + size :]
    if magic != _MAGIC or any(padding):
        return None
    where = context("ledger mac key", ledger_id, epoch)
    try:
        key = unseal(use(secret, b"mac keys"), sealed, context=where)
    except IntegrityError:
        return None
    return EpochKey(ledger_id, epoch, key) if len(key) == KEY_BYTES else None


def newest_key(raw: bytes, secret: bytes) -> tuple[EpochKey | None, list[str]]:
    """Return the newest key of the key file, and what is wrong with the file.

    Epoch e rests in slot e mod 2; the other slot is overwritten with zeros once that is on disk, so
    a crash in between leaves two good slots.
    """
    faults, found = [], []
    if len(raw) != KEYS_BYTES:
        faults.append(f"ledger.keys has {len(raw)} bytes instead of {KEYS_BYTES}")
    for index, name in enumerate("AB"):
        slot = raw[index * KEY_SLOT_BYTES : (index + 1) * KEY_SLOT_BYTES]
        if len(slot) == KEY_SLOT_BYTES and not any(slot):
            continue
        kept = unpack_key(slot, secret)
        if kept is None or kept.epoch % 2 != index:
            faults.append(f"ledger.keys: slot {name} is not one that was written")
        else:
            found.append(kept)
    return max(found, key=lambda kept: kept.epoch, default=None), faults
