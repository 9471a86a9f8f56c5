"""Find out where a ledger on disk stands: its last entry, keys, what is wrong. Reads only."""

from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from euthymia.security.ledger_chain import Tip
from euthymia.security.ledger_files import LedgerFiles
from euthymia.security.ledger_format import HASH_BYTES, read_frames, start_of_chain
from euthymia.security.ledger_head import Slot, read_head
from euthymia.security.ledger_keys import EpochKey, MacKeys, newest_key, unpack_key
from euthymia.security.ledger_verify import genesis_start
from euthymia.security.merkle import Tree, leaf_hash

SET_BACK: Final = (
    "the keys are of a later epoch than the log's end: entries were removed, or the log was set "
    "back to an older copy"
)
NO_KEY: Final = (
    "ledger.keys holds no key that was written: restore it from a backup; an older copy will do"
)


@dataclass(slots=True)
class Found:
    """What is known of a ledger on disk. `damage` says why nothing may be appended."""

    tip: Tip | None = None
    slot: Slot | None = None
    macs: MacKeys | None = None
    faults: list[str] = field(default_factory=list)
    damage: str | None = None
    key_epoch: int = -1


@dataclass(frozen=True, slots=True)
class KeyState:
    """What the key file says: the newest epoch's key, and what is wrong with the file."""

    kept: EpochKey | None
    faults: list[str]


def key_state(files: LedgerFiles, secret: bytes) -> KeyState:
    """Read the key file."""
    raw = files.read_keys()
    if raw is None:
        return KeyState(None, ["ledger.keys is missing: restore it from a backup"])
    kept, faults = newest_key(raw, secret)
    if kept is None and not faults:
        faults = [NO_KEY]
    return KeyState(kept, faults)


def audit_macs(
    files: LedgerFiles, secret: bytes, live: MacKeys | None, given: bytes | None = None
) -> tuple[MacKeys, list[str]]:
    """Return the MAC keys from the earliest epoch that is known, and what is wrong with them."""
    faults: list[str] = []
    raw = files.read_first() if given is None else given
    if raw is not None:
        kept = unpack_key(raw, secret)
        if kept is not None and kept.epoch == 0:
            return MacKeys(secret, 0, kept.key), faults
        name = "ledger.first" if given is None else "the first key given"
        faults.append(f"{name} is not the one that was written")
    if live is not None:
        return live.fresh(), faults
    newest = key_state(files, secret).kept
    keys = MacKeys(secret) if newest is None else MacKeys(secret, newest.epoch, newest.key)
    return keys, faults


def look(
    files: LedgerFiles,
    size: int | None,
    raw: bytes | None,
    known: Found,
    verifier: Ed25519PublicKey,
    secret: bytes,
) -> Found:
    """Find the last entry, starting from the signed head, or from what was `known` before."""
    if size is None or raw is None:
        name = "ledger.log" if size is None else "ledger.head"
        return Found(damage=f"{name} is missing: restore it from a backup")
    head = read_head(raw, verifier, secret, signed=known.slot is None)
    faults, newest = list(head.faults), head.newest
    if known.slot is not None and (newest is None or newest.generation < known.slot.generation):
        faults.append("ledger.head was changed or set back while the ledger was open")
        newest = known.slot  # we know better
    if newest is None:
        newest = _rebuilt(files, size)
        faults.append("neither half of ledger.head holds: the end was found by chain and MAC")
    if newest is None:
        return Found(damage="neither half of ledger.head is one that was signed")
    found = Found(slot=newest, faults=faults, key_epoch=known.key_epoch)
    _find_keys(files, known, found, newest, secret)
    if found.damage is None:
        _find_end(files, known, found, size)
    return found


def _rebuilt(files: LedgerFiles, size: int) -> Slot | None:
    """Return the place before the first entry, to find the end without a head; None if unreadable.

    A power cut can tear both halves at once: they are not synced on their own. All that was
    acknowledged is in the log, and its chain, its MACs and the epoch of the key file say so. What
    somebody gains who damages both halves is what an older copy of log and head gives anyway: no
    more than a witness tells.
    """
    with files.reader() as log:
        begin = genesis_start(log, size)
    if begin is None:
        return None
    return Slot(begin[0], 0, begin[1], 0)


def _find_keys(files: LedgerFiles, known: Found, found: Found, newest: Slot, secret: bytes) -> None:
    """Take the MAC keys that are known, or those on disk."""
    if known.macs is not None:
        found.macs = known.macs
        return
    state = key_state(files, secret)
    kept, faults = state.kept, state.faults
    if kept is None:
        raw = files.read_first()
        kept = None if raw is None else unpack_key(raw, secret)
    ours = kept is not None and kept.ledger_id == newest.ledger_id
    if kept is not None and ours:
        found.macs, found.key_epoch = MacKeys(secret, kept.epoch, kept.key), kept.epoch
    else:
        found.macs = MacKeys(secret)
        if newest.epoch is not None:
            found.damage = NO_KEY
    if newest.epoch is not None:
        found.faults += faults


def _find_end(files: LedgerFiles, known: Found, found: Found, size: int) -> None:
    """Follow the chain from the last place that is sure, as far as it holds."""
    assert found.slot is not None
    start = _start(files, known, found.slot, size)
    if isinstance(start, str):
        found.damage = start
        return
    where = start.position
    if where.seq >= 0 and size < where.size:
        found.damage = f"the log has {size} bytes, and {where.size} were acknowledged: it was cut"
        return
    if where.seq >= 0 and (files.read_log(where.size - HASH_BYTES, HASH_BYTES) != where.digest):
        found.damage = f"entry {where.seq} is not the one that was acknowledged"
        return
    assert found.macs is not None
    tip, loose = _last_whole(files, start, size, found.macs)
    epoch = -1 if tip.epoch is None else tip.epoch
    if loose or found.macs.first > max(epoch, 0):
        found.damage = SET_BACK
        return
    if found.slot.position.seq < 0:
        if tip.epoch is None:
            found.damage = "neither half of ledger.head is one that was signed"
            return
        # as many generations as entries at most were written: this one is newer than any of them
        found.slot = replace(found.slot, generation=2 * tip.position.seq + 4, epoch=None)
    found.tip = tip
    if tip.position.size < size:
        left = size - tip.position.size
        place = f"after entry {tip.position.seq} at offset {tip.position.size}"
        found.faults.append(f"{left} bytes of a write that never finished {place}")


def _start(files: LedgerFiles, known: Found, newest: Slot, size: int) -> Tip | str:
    """Return the last place that is sure: the signed one, or what this process wrote itself."""
    if known.tip is not None and known.tip.position.size >= newest.position.size:
        return known.tip
    if newest.position.seq < 0:
        return Tip(newest.position, None, Tree())
    if newest.epoch is not None:
        return Tip(newest.position, newest.epoch, newest.tree)
    tree, last = Tree(), None  # format 1: the tree is not in the head
    with files.reader() as log:
        begin = start_of_chain(newest.ledger_id)
        for frame in read_frames(log, begin, min(size, newest.position.size), None):
            tree.push(leaf_hash(frame.body))
            last = frame.end
    if last != newest.position:
        return f"entry {newest.position.seq} is not the one that was acknowledged: it was cut"
    return Tip(newest.position, None, tree)


def _last_whole(files: LedgerFiles, start: Tip, size: int, macs: MacKeys) -> tuple[Tip, bool]:
    """Follow the chain beyond `start` as far as it holds.

    An entry whose key is destroyed counts once a later one, whose MAC vouches for the hash before
    it, holds. If none does (True is returned) the log was set back behind its keys.
    """
    if size == start.position.size:
        return start, False
    tip, tree, loose = start, start.tree.copy(), False
    with files.reader() as log:
        for frame in read_frames(log, start.position, size, macs, start.epoch):
            if frame.fault is not None or frame.end is None:
                break
            tree.push(leaf_hash(frame.body))
            loose = not frame.checked
            if frame.checked:
                tip = Tip(frame.end, frame.epoch, tree.copy())
    return tip, loose
