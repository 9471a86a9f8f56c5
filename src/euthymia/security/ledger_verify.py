"""Read a whole ledger and say everything that is wrong with it. Writes nothing."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from euthymia.ground.errors import IntegrityError
from euthymia.security.ledger_format import (
    CHECKPOINT,
    GENESIS,
    HASH_BYTES,
    ID_BYTES,
    SYSTEM_PURPOSE,
    Frame,
    Payload,
    Position,
    checkpoint_text_1,
    decode_payload,
    read_frames,
    start_of_chain,
)
from euthymia.security.ledger_head import Head, Slot, origin_of, read_head
from euthymia.security.ledger_keys import MacKeys
from euthymia.security.merkle import Tree, leaf_hash
from euthymia.security.notes import Checkpoint, checkpoint_text

MAX_PROBLEMS: Final = 100
"""Enough to see what happened; a log that was overwritten has as many problems as entries."""


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """What is needed to check a ledger.

    With the public key alone (`secret` and `macs` None) the chain, the tree and all signatures are
    checked. `secret` is the clinic's `ledger-mac` key; `macs` checks entries from its first epoch.
    """

    verifier: Ed25519PublicKey
    secret: bytes | None = None
    macs: MacKeys | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """What a reading found: the problems ([]: none), and what was and was not checked.

    `entries` were read; the MACs of `unchecked` of them rest on keys that are destroyed by design
    (their hashes and signatures were checked).
    """

    problems: list[str]
    entries: int = 0
    unchecked: int = 0


def audit(
    log: BinaryIO | None,
    size: int,
    head: bytes | None,
    keys: AuditKeys,
    witnessed: Sequence[Checkpoint] = (),
) -> Audit:
    """Say every problem of a log (its first `size` bytes) and a head, in words.

    Each names an entry's number and its offset in the file. `witnessed` are checkpoints that
    somebody outside vouches for: the log must begin with each of their trees.
    """
    if log is None or head is None:
        missing = [n for n, part in (("ledger.log", log), ("ledger.head", head)) if part is None]
        return Audit([f"{name} is missing: restore it from a backup" for name in missing])
    state = read_head(head, keys.verifier, keys.secret)
    begin = genesis_start(log, size)
    if begin is None:
        fault = "entry 0 at offset 0: the beginning of the ledger cannot be read"
        return Audit([*state.faults, fault])
    ledger_id, start = begin
    walk = _Walk(state, keys, ledger_id, witnessed)
    newest = state.newest
    if newest is not None and newest.ledger_id != ledger_id:
        walk.say("entry 0 at offset 0: it begins another ledger than the one the head signs")
    walk.run(log, start, size)
    problems = [*state.faults, *walk.problems]
    if len(problems) > MAX_PROBLEMS:
        more = len(problems) - MAX_PROBLEMS
        problems = [*problems[:MAX_PROBLEMS], f"and {more} more problems of the ledger"]
    return Audit(problems, walk.tree.size, walk.unchecked)


def genesis_start(log: BinaryIO, size: int) -> tuple[bytes, Position] | None:
    """Return the ledger's id and the position before its first entry; None if unreadable."""
    blank = Position(-1, bytes(HASH_BYTES), 0)
    for frame in read_frames(log, blank, size, None):
        if frame.end is None:
            return None
        try:
            payload = decode_payload(frame.payload)
            ledger_id = bytes.fromhex(str(payload.detail.get("ledger", "")))
        except (IntegrityError, ValueError):
            return None
        if payload.action != GENESIS or len(ledger_id) != ID_BYTES:
            return None
        return ledger_id, start_of_chain(ledger_id)
    return None


class _Walk:
    """One reading from the first entry to the last."""

    def __init__(
        self, head: Head, keys: AuditKeys, ledger_id: bytes, witnessed: Sequence[Checkpoint]
    ) -> None:
        self.problems: list[str] = []
        self.unchecked = 0
        self.tree = Tree()
        self._whole = True  # after a changed entry the tree is another one: said once is enough
        self._keys = keys
        self._ledger_id = ledger_id
        self._wanted = {slot.position.size: slot for slot in head.slots}
        self._signed = max(self._wanted, default=0)
        self._witnessed: dict[int, list[Checkpoint]] = {}
        for seen in witnessed:
            if seen.origin != origin_of(ledger_id):
                self.say("a witness saw another ledger than this one")
            elif seen.size:
                self._witnessed.setdefault(seen.size, []).append(seen)

    def say(self, problem: str) -> None:
        self.problems.append(problem)

    def run(self, log: BinaryIO, start: Position, size: int) -> None:
        before = start
        macs = None if self._keys.macs is None else self._keys.macs.fresh()
        for frame in read_frames(log, start, size, macs):
            if frame.end is None:
                self._say_cut(frame, size)
                break
            if frame.fault is not None:
                self.say(f"entry {frame.seq} at offset {frame.offset}: {frame.fault}")
                self._whole = False
            else:
                self._look(frame, before)
            self.unchecked += not frame.checked
            self.tree.push(leaf_hash(frame.body))
            self._compare(frame, frame.end)
            before = frame.end
        for wanted in self._wanted.values():
            self.say(
                f"the head signs entry {wanted.position.seq} at offset {wanted.position.size}, and "
                "the log has no entry that ends there: entries were removed, or the log was cut"
            )
        for size_seen in self._witnessed:
            self.say(
                f"a witness saw {size_seen} entries, and the ledger has {self.tree.size}: it was "
                "set back to an older state, or cut"
            )

    def _compare(self, frame: Frame, end: Position) -> None:
        """Compare with what the head signs at this place, and with what witnesses saw."""
        wanted = self._wanted.pop(end.size, None)
        if wanted is not None and not self._agrees(wanted, end, frame.epoch):
            self.say(f"entry {frame.seq} is not the one that the head signs at its place")
        for seen in self._witnessed.pop(self.tree.size, ()):
            if self._whole and seen.root != self.tree.root():
                self.say(
                    f"the first {seen.size} entries are not those that a witness saw: the ledger "
                    "was set back and written anew, or changed with its keys"
                )

    def _agrees(self, wanted: Slot, end: Position, epoch: int | None) -> bool:
        if wanted.position != end:
            return False
        return (
            wanted.epoch is None
            or not self._whole
            or (wanted.epoch == epoch and list(wanted.frontier) == self.tree.frontier)
        )

    def _say_cut(self, frame: Frame, size: int) -> None:
        place = f"entry {frame.seq} at offset {frame.offset}"
        if frame.offset >= self._signed:
            left = size - frame.offset
            self.say(f"{place}: {left} bytes of a write that never finished; cut on next append")
        else:
            self.say(f"{place}: {frame.fault}; nothing after it can be read")

    def _look(self, frame: Frame, before: Position) -> None:
        place = f"entry {frame.seq} at offset {frame.offset}"
        try:
            payload = decode_payload(frame.payload)
        except IntegrityError:
            self.say(f"{place}: it cannot be decoded")
            return
        if payload.purpose != SYSTEM_PURPOSE:
            return
        if payload.action == CHECKPOINT:
            if self._whole and not self._signature_holds(
                payload, before._replace(seq=frame.seq - 1)
            ):
                self.say(f"{place}: the checkpoint's signature does not hold")
        elif payload.action == GENESIS and frame.seq != 0:
            self.say(f"{place}: a ledger begins in the middle")

    def _signature_holds(self, payload: Payload, before: Position) -> bool:
        said = str(payload.detail.get("signature", ""))
        try:
            if "root" in payload.detail:
                text = checkpoint_text(origin_of(self._ledger_id), self.tree.size, self.tree.root())
                signature = base64.b64decode(said, validate=True)
            else:
                text = checkpoint_text_1(self._ledger_id, before)
                signature = bytes.fromhex(said)
            self._keys.verifier.verify(signature, text)
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True
