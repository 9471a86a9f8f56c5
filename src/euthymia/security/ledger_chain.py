"""One group of entries, built after the end of the log, and the receipts that it can give."""

import base64
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from euthymia.ground.clock import Micros
from euthymia.ground.errors import EuthymiaError
from euthymia.security import ledger_format
from euthymia.security.ledger_format import (
    CHECKPOINT,
    EPOCH,
    Detail,
    Position,
    build_frame,
    entry_id,
    epoch_after,
    frame_bytes,
    frame_size,
    system_payload,
)
from euthymia.security.ledger_head import origin_of
from euthymia.security.ledger_keys import MacKeys
from euthymia.security.merkle import Growth, Tree, leaf_hash
from euthymia.security.notes import checkpoint_text
from euthymia.security.receipt import receipt_text

NOT_YET: Final = "an entry has a receipt only once it is on disk and signed"


@dataclass(slots=True)
class Tip:
    """Where the log ends: the last entry, the epoch of its MAC (None: format 1), the tree."""

    position: Position
    epoch: int | None
    tree: Tree


class Group:
    """Entries that were written together: their bodies, and the tree before them."""

    __slots__ = ("_before", "_bodies", "_growth", "_leaves", "_note")

    def __init__(self, before: Tree) -> None:
        self._before = before
        self._bodies: list[bytes] = []
        self._leaves: list[bytes] = []
        self._growth: Growth | None = None
        self._note = b""

    def add(self, body: bytes, leaf: bytes) -> int:
        """Take an entry; return its number in the group."""
        self._bodies.append(body)
        self._leaves.append(leaf)
        return len(self._leaves) - 1

    def seal(self, note: bytes) -> None:
        """Take the signed checkpoint of the tree with the whole group: receipts can be given."""
        self._note = note

    def receipt(self, number: int) -> str:
        """Return the receipt of the `number`-th entry of the group."""
        if not self._note:
            raise EuthymiaError(NOT_YET)
        if self._growth is None:
            self._growth = Growth(self._before, self._leaves)
        index = self._before.size + number
        return receipt_text(self._bodies[number], index, self._growth.path(number), self._note)


class Written:
    """An entry that was written: its id, and its receipt for whoever asks for it."""

    __slots__ = ("_group", "_number", "id")

    def __init__(self, name: str, group: Group, number: int) -> None:
        self.id = name
        self._group = group
        self._number = number

    def receipt(self) -> str:
        """Return the proof that the entry is in the ledger; see `security/receipt.py`.

        Raises
        ------
        EuthymiaError
            If the entry was written without waiting for the disk.
        """
        return self._group.receipt(self._number)


class Chain:
    """Builds the frames of one group of entries after the end of the log."""

    def __init__(
        self, after: Tip, *, keys: MacKeys, signer: Ed25519PrivateKey, ledger_id: bytes
    ) -> None:
        self.position, self.epoch = after.position, after.epoch
        self.tree = after.tree.copy()
        self.group = Group(after.tree)
        self._keys = keys
        self._signer = signer
        self._ledger_id = ledger_id
        self._parts: list[bytes] = []

    @property
    def tip(self) -> Tip:
        """Where the log ends once the group is written."""
        return Tip(self.position, self.epoch, self.tree)

    def add(self, payload: bytes, at: Micros) -> Written:
        """Add an entry, and a checkpoint where one is due."""
        written = self._add(payload, at)
        if (self.position.seq + 1) % ledger_format.CHECKPOINT_EVERY == 0:
            self.add_checkpoint(at)
        return written

    def add_own(self, action: str, detail: Detail, at: Micros) -> Written:
        """Add an entry of the ledger's own; one that names an epoch begins it."""
        payload = system_payload(action, detail)
        self.epoch = epoch_after(payload, self.epoch)
        return self._add(payload, at)

    def add_checkpoint(self, at: Micros) -> Written:
        """Add an entry that signs everything before it and begins the next epoch."""
        size, root = self.tree.size, self.tree.root()
        signature = self._signer.sign(checkpoint_text(origin_of(self._ledger_id), size, root))
        epoch = 0 if self.epoch is None else self.epoch + 1
        detail: Detail = {
            "entries": size,
            "root": base64.b64encode(root).decode(),
            "signature": base64.b64encode(signature).decode(),
            EPOCH: epoch,
        }
        return self.add_own(CHECKPOINT, detail, at)

    def _add(self, payload: bytes, at: Micros) -> Written:
        seq, before, size = self.position
        key = self._keys.at(self.epoch)
        if key is None:
            raise EuthymiaError("the key of the ledger's present epoch is not known")
        seq += 1
        body, digest = build_frame(before, seq, at, payload, key)
        self._parts.append(frame_bytes(body, digest))
        leaf = leaf_hash(body)
        self.tree.push(leaf)
        number = self.group.add(body, leaf)
        self.position = Position(seq, digest, size + frame_size(body))
        return Written(entry_id(seq, digest), self.group, number)

    def blob(self) -> bytes:
        """Return all frames added."""
        return b"".join(self._parts)
