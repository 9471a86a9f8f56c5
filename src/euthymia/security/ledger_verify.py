"""Read a whole ledger and say everything that is wrong with it. Writes nothing."""

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
    Head,
    Payload,
    Position,
    checkpoint_text,
    decode_payload,
    read_frames,
    read_head,
    start_of_chain,
)

MAX_PROBLEMS: Final = 100
"""Enough to see what happened; a log that was overwritten has as many problems as entries."""


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """What is needed to check a ledger."""

    mac: bytes
    verifier: Ed25519PublicKey


def audit(log: BinaryIO | None, size: int, head: bytes | None, keys: AuditKeys) -> list[str]:
    """Return every problem of a log (its first `size` bytes) and a head, in words; [] if none.

    Each names an entry's number and its offset in the file.
    """
    if log is None or head is None:
        missing = [n for n, part in (("ledger.log", log), ("ledger.head", head)) if part is None]
        return [f"{name} is missing: restore it from a backup" for name in missing]
    state = read_head(head, keys.verifier)
    walk = _Walk(state, keys)
    begin = genesis_start(log, size)
    if begin is None:
        return [*state.faults, "entry 0 at offset 0: the beginning of the ledger cannot be read"]
    ledger_id, start = begin
    newest = state.newest
    if newest is not None and newest.ledger_id != ledger_id:
        walk.say("entry 0 at offset 0: it begins another ledger than the one the head signs")
    walk.run(log, start, size, ledger_id)
    problems = [*state.faults, *walk.problems]
    if len(problems) > MAX_PROBLEMS:
        more = len(problems) - MAX_PROBLEMS
        problems = [*problems[:MAX_PROBLEMS], f"and {more} more problems of the ledger"]
    return problems


def genesis_start(log: BinaryIO, size: int) -> tuple[bytes, Position] | None:
    """Return the ledger's id and the position before its first entry; None if unreadable."""
    blank = Position(-1, bytes(HASH_BYTES), 0)
    for frame in read_frames(log, blank, size, b""):
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

    def __init__(self, head: Head, keys: AuditKeys) -> None:
        self.problems: list[str] = []
        self._keys = keys
        self._wanted = {slot.position.size: slot.position for slot in head.slots}
        self._signed = max(self._wanted, default=0)

    def say(self, problem: str) -> None:
        self.problems.append(problem)

    def run(self, log: BinaryIO, start: Position, size: int, ledger_id: bytes) -> None:
        before = start
        for frame in read_frames(log, start, size, self._keys.mac):
            if frame.end is None:
                self._say_cut(frame, size)
                break
            if frame.fault is not None:
                self.say(f"entry {frame.seq} at offset {frame.offset}: {frame.fault}")
            else:
                self._look(frame, before, ledger_id)
            wanted = self._wanted.pop(frame.end.size, None)
            if wanted is not None and wanted != frame.end:
                self.say(f"entry {frame.seq} is not the one that the head signs at its place")
            before = frame.end
        for wanted in self._wanted.values():
            self.say(
                f"the head signs entry {wanted.seq} at offset {wanted.size}, and the log has no "
                "entry that ends there: entries were removed, or the log was cut"
            )

    def _say_cut(self, frame: Frame, size: int) -> None:
        place = f"entry {frame.seq} at offset {frame.offset}"
        if frame.offset >= self._signed:
            left = size - frame.offset
            self.say(f"{place}: {left} bytes of a write that never finished; cut on next append")
        else:
            self.say(f"{place}: {frame.fault}; nothing after it can be read")

    def _look(self, frame: Frame, before: Position, ledger_id: bytes) -> None:
        place = f"entry {frame.seq} at offset {frame.offset}"
        try:
            payload = decode_payload(frame.payload)
        except IntegrityError:
            self.say(f"{place}: it cannot be decoded")
            return
        if payload.purpose != SYSTEM_PURPOSE:
            return
        if payload.action == CHECKPOINT:
            signed = before._replace(seq=frame.seq - 1)
            if not self._signature_holds(payload, signed, ledger_id):
                self.say(f"{place}: the checkpoint's signature does not hold")
        elif payload.action == GENESIS and frame.seq != 0:
            self.say(f"{place}: a ledger begins in the middle")

    def _signature_holds(self, payload: Payload, before: Position, ledger_id: bytes) -> bool:
        try:
            signature = bytes.fromhex(str(payload.detail.get("signature", "")))
            self._keys.verifier.verify(signature, checkpoint_text(ledger_id, before))
        except (ValueError, InvalidSignature):
            return False
        return True
