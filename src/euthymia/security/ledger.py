"""The ledger: who did what, to whose data, when. Append-only, chained, signed, shared by processes.

An entry that was acknowledged (`append` returned, a future resolved, a callback ran) is on disk and
under the signed head. See docs/ledger.md for what this does and does not protect against.
"""

import hashlib
import os
import secrets
import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from euthymia.ground.audit import Entry
from euthymia.ground.clock import Clock, Micros, to_micros
from euthymia.ground.errors import LedgerError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.security.keys import Keyring
from euthymia.security.ledger_chain import Chain, Tip, Written
from euthymia.security.ledger_details import DetailKeys, Details
from euthymia.security.ledger_disk import Disk
from euthymia.security.ledger_files import LedgerFiles
from euthymia.security.ledger_format import (
    EPOCH,
    FORMAT,
    GENESIS,
    ID_BYTES,
    REPAIR,
    UPGRADE,
    Detail,
    Position,
    encode_entry,
    start_of_chain,
)
from euthymia.security.ledger_head import Slot, both_slots, origin_of, pack_slot
from euthymia.security.ledger_index import Index, sound_frames
from euthymia.security.ledger_keys import EpochKey, MacKeys, pack_key
from euthymia.security.ledger_lines import LedgerLine, damaged, read_line
from euthymia.security.ledger_queue import Writer
from euthymia.security.ledger_state import Found, audit_macs, key_state, look
from euthymia.security.ledger_verify import Audit, AuditKeys, audit
from euthymia.security.merkle import Tree
from euthymia.security.notes import Checkpoint


class Ledger:
    """One clinic's ledger. Safe for several threads and several processes, and across a fork."""

    def __init__(
        self, folder: Path, keyring: Keyring, clock: Clock, disk: Disk | None = None
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._disk = disk
        self._signer = keyring.signer("ledger")
        self._secret = keyring.derive("ledger-mac")
        self._verifier = keyring.verifier("ledger")
        self._details = Details(self._secret)
        self._notes: list[str] = []
        self._forget()
        _LIVE.add(self)

    def _forget(self) -> None:
        """Know nothing and share nothing: the state of a new object, and of one after a fork."""
        self._mutex = threading.Lock()
        self._writer = Writer(self.write)
        self._index = Index()
        self._files = LedgerFiles(self._folder, self._disk)
        self._attached = False
        self._closing = self._closed = False
        self._appended = False
        self._failed: str | None = None
        self._damage: str | None = None
        self._macs: MacKeys | None = None
        self._key_epoch = -1
        self._tip: Tip | None = None
        self._slot: Slot | None = None
        self._raw_head: bytes | None = None
        self._seen_size: int | None = None
        self._to_repair: list[str] = []

    @classmethod
    def open(
        cls, folder: Path, keyring: Keyring, *, clock: Clock, disk: Disk | None = None
    ) -> "Ledger":
        """Open the ledger in `folder`, or begin one.

        Reads the signed head and what lies beyond it; `verify` reads the whole log. A damaged
        ledger opens, so that it can be verified and read; appending to it is refused.
        """
        ledger = cls(folder, keyring, clock, disk)
        with ledger._mutex, ledger._files.locked():
            ledger._refresh()
        return ledger

    def seal_details(self, keys: DetailKeys) -> None:
        """Seal what entries say about a person under that person's key, from now on."""
        self._details.take(keys)

    # -- writing -----------------------------------------------------------------------------
    def append(self, entry: Entry, *, durable: bool = True) -> str:
        """Write one entry and return its id.

        Parameters
        ----------
        entry : Entry
            What happened.
        durable : bool
            True: on disk and signed before this returns. False: it survives this process, but
            power loss may take it, until the next durable entry or `sync`.

        Raises
        ------
        SchemaError
            If the entry's detail is not plain, or too long.
        IntegrityError
            If the ledger is damaged: nothing may be done that cannot be recorded.
        BusyError
            If another process holds the ledger for more than ten seconds.
        LedgerError
            If it could not be written (a full disk). Nothing was recorded.
        """
        return self._commit([self.encode(entry)], durable=durable)[0].id

    def record(self, entry: Entry) -> Written:
        """Write one entry durably, like `append`; what is returned can give its receipt."""
        return self.write([self.encode(entry)])[0]

    def submit(self, entry: Entry) -> Future[str]:
        """Hand an entry to the writer thread; the future gives its id when it is on disk.

        All that is pending goes out in one write with one sync. Raises SchemaError at once; other
        errors come through the future.
        """
        if self._closing:
            raise LedgerError("the ledger is closed: open it again")
        return self._writer.put(self.encode(entry))

    def encode(self, entry: Entry) -> bytes:
        """Return an entry for `write`; SchemaError as in `append`."""
        return encode_entry(entry, self._details.sealer, self._details.name_of)

    def write(self, encoded: Sequence[bytes], *, patient: bool = True) -> list[Written]:
        """Write entries durably, in order, with one write and one sync. Raises as `append`.

        Not `patient`: BusyError if others hold the ledger for longer than a few groups take.
        """
        return self._commit(encoded, patient=patient)

    def sync(self) -> None:
        """Return when everything appended so far is on disk and signed."""
        with self._mutex, self._files.locked():
            self._ready()
            self._seal()

    def checkpoint(self) -> None:
        """Append a signed checkpoint, begin the next epoch of the MAC keys, and sync."""
        self._commit([None])

    def close(self) -> None:
        """Write what is pending, a checkpoint if anything was appended, and close the files."""
        if self._closing:
            return
        self._closing = True
        self._writer.stop()
        try:
            if self._appended and self._failed is None and self._damage is None:
                self.checkpoint()
        finally:
            with self._mutex:
                self._closed = True
                self._files.close()
            self._writer.drain()  # what came in while closing is told that it came too late

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep everybody from appending for the length of a `with` block."""
        with self._mutex, self._files.locked():
            yield

    # -- reading -----------------------------------------------------------------------------
    def head(self) -> tuple[int, str]:
        """Return the number and the hash (hex) of the last entry."""
        with self._mutex, self._files.locked():
            position = self._ready().position
        return position.seq, position.digest.hex()

    @property
    def origin(self) -> str:
        """The ledger's name, as checkpoints and witnesses write it."""
        with self._mutex, self._files.locked():
            self._ready()
            assert self._slot is not None
            return origin_of(self._slot.ledger_id)

    @property
    def verifier(self) -> Ed25519PublicKey:
        """The public key of the ledger's signatures."""
        return self._verifier

    def signed_checkpoint(self) -> bytes:
        """Return the signed checkpoint of everything so far (c2sp.org/tlog-checkpoint), on disk.

        Hand it to a witness outside: with it a roll-back of the whole home can be proved.
        """
        with self._mutex, self._files.locked():
            current = self._ready().epoch is not None
            if current:
                self._seal()
        if not current:
            self.checkpoint()  # a log of format 1 goes on in format 2
        assert self._slot is not None
        return self._slot.note(self._verifier)

    def bodies(self, size: int) -> Iterator[bytes]:
        """Yield the first `size` entries as the tree hashes them; IntegrityError if cut."""
        with self._mutex, self._files.locked():
            end = self._ready().position.size
        with self._files.reader() as log:
            for frame in sound_frames(log, end, None):
                if frame.seq >= size:
                    return
                yield frame.body

    def entries(self) -> Iterator[LedgerLine]:
        """Yield every entry, the ledger's own included, each verified before it is yielded.

        Raises
        ------
        IntegrityError
            At the first entry that is not the one that was written, or at the end if some are
            missing there.
        """
        end, damage, macs = self._to_read()
        last = None
        with self._files.reader() as log:
            for frame in sound_frames(log, end.size, macs):
                last = frame.end
                yield read_line(frame, self._details)
        if damage is not None or last != end:
            raise damaged(damage or "the log does not end where it did a moment ago")

    def about(self, subject: SubjectId) -> list[LedgerLine]:
        """Return a person's entries, verified, oldest first. The log is read once, then its growth.

        Raises
        ------
        IntegrityError
            As `entries`, except that others' entries are not verified at every call.
        """
        end, damage, macs = self._to_read()
        if damage is not None:
            raise damaged(damage)
        with self._files.reader() as log:
            frames = self._index.frames(subject, log, end, macs)
        return [read_line(frame, self._details) for frame in frames]

    def verify(self) -> list[str]:
        """Read the whole ledger; return every problem in words, with its place ([]: none).

        Writes nothing. What this process repaired before (an unfinished write that was cut off, a
        damaged half of the head) is reported as well.
        """
        return self.audit().problems

    def audit(self, witnessed: Sequence[Checkpoint] = (), first_key: bytes | None = None) -> Audit:
        """Read the whole ledger; say its problems, and what was checked.

        Parameters
        ----------
        witnessed : Sequence[Checkpoint]
            What somebody outside saw: the ledger must still begin with each of these trees.
        first_key : bytes, optional
            The first epoch's key as `take_first_key` gave it: then every MAC is checked.
        """
        with self._mutex, self._files.locked():
            self._refresh()
            notes, damage = list(self._notes), self._damage
            size, head = self._files.log_size(), self._files.read_head()
            macs, faults = audit_macs(self._files, self._secret, self._macs, first_key)
            if self._slot is not None and self._slot.epoch is not None:
                faults = [*key_state(self._files, self._secret).faults, *faults]
        keys = AuditKeys(self._verifier, self._secret, macs)
        if size is None:
            found = audit(None, 0, head, keys)
        else:
            with self._files.reader() as log:
                found = audit(log, size, head, keys, witnessed)
        problems = [*faults, *found.problems]
        if not problems and damage is not None:
            problems = [damage]
        return replace(found, problems=[*notes, *problems])

    def take_first_key(self) -> bytes:
        """Return the first epoch's key, to be kept elsewhere, and destroy it here.

        From then on whoever takes this machine's keys cannot forge the MAC of an earlier entry.
        Call `destroy_first_key` once it is safe elsewhere.

        Raises
        ------
        MissingError
            It was taken away before.
        """
        with self._mutex, self._files.locked():
            self._ready()
            if (raw := self._files.read_first()) is None:
                raise MissingError("the ledger's first key is not here: it was taken away before")
            return raw

    def destroy_first_key(self) -> None:
        """Overwrite the first epoch's key in this home and remove its file."""
        with self._mutex, self._files.locked():
            self._ready()
            self._files.drop_first()

    @property
    def first_key_here(self) -> bool:
        """Whether the first epoch's key still lies in this home."""
        return self._files.disk.exists(self._files.first_path)

    def _to_read(self) -> tuple[Position, str | None, MacKeys]:
        """Return where the log ends, what is wrong with it, and the MAC keys that are known."""
        with self._mutex, self._files.locked():
            self._refresh()
            if self._tip is None:
                raise damaged(self._damage)
            macs = audit_macs(self._files, self._secret, self._macs)[0]
            return self._tip.position, self._damage, macs

    # -- one group ---------------------------------------------------------------------------
    def _commit(
        self, payloads: Sequence[bytes | None], *, durable: bool = True, patient: bool = True
    ) -> list[Written]:
        """Write a group (None: a checkpoint)."""
        with self._files.own_turn(self._mutex, patient=patient):
            tip = self._ready()
            at = to_micros(self._clock())
            try:
                chain = self._begin_group(tip, at)
                written = [
                    chain.add_checkpoint(at) if p is None else chain.add(p, at) for p in payloads
                ]
                self._files.write_log(chain.blob(), tip.position.size)
            except OSError as error:
                raise LedgerError(
                    f"the ledger could not be written ({error.strerror}), so nothing was done; "
                    "make room on its disk and try again"
                ) from None
            self._to_repair = []
            self._tip, self._seen_size = chain.tip, chain.position.size
            self._appended = [*payloads] != [None]  # a checkpoint vouches for all before it
            if durable:
                self._seal()
                assert self._slot is not None
                chain.group.seal(self._slot.note(self._verifier))
            return written

    def _begin_group(self, tip: Tip, at: Micros) -> Chain:
        """Begin the next group; what has to be repaired or brought up to date comes first."""
        assert self._slot is not None
        assert self._macs is not None
        ledger_id = self._slot.ledger_id
        if tip.epoch is None:
            self._macs = self._first_keys(ledger_id)
        chain = Chain(tip, keys=self._macs, signer=self._signer, ledger_id=ledger_id)
        if self._to_repair:
            self._repair(chain, tip, at)
        if tip.epoch is None:
            chain.add_own(UPGRADE, {"format": FORMAT, EPOCH: 0}, at)
        return chain

    def _first_keys(self, ledger_id: bytes) -> MacKeys:
        """Make the first epoch's key and put it on disk."""
        first = secrets.token_bytes(32)
        self._files.write_keys_anew(pack_key(EpochKey(ledger_id, 0, first), self._secret))
        self._key_epoch = 0
        return MacKeys(self._secret, 0, first)

    def _repair(self, chain: Chain, tip: Tip, at: Micros) -> None:
        """Cut off an unfinished write, and say in the ledger what was found."""
        end = tip.position.size
        size = self._files.log_size() or 0
        torn = self._files.read_log(end, size - end)
        if torn:
            self._files.cut_log(end)
        if tip.epoch is not None:
            self._files.trim_head()
            self._put_key(tip.epoch)
        found = "; ".join(self._to_repair)
        detail: Detail = {"found": found, "cut_bytes": len(torn)}
        chain.add_own(REPAIR, {**detail, "cut_sha256": hashlib.sha256(torn).hexdigest()}, at)
        self._notes += [note for note in self._to_repair if note not in self._notes]

    def _seal(self) -> None:
        """Put everything up to the tip on disk, sign it, and destroy the keys of past epochs."""
        tip, before = self._tip, self._slot
        assert tip is not None
        assert before is not None
        if before.position == tip.position or tip.epoch is None:
            return
        slot = Slot(
            before.ledger_id,
            before.generation + 1,
            tip.position,
            tip.epoch,
            tuple(tip.tree.frontier),
        )
        slot = replace(slot, signature=self._signer.sign(slot.text()))
        try:
            self._files.sync_log()
            if before.epoch is None:
                self._files.replace_head(both_slots(slot, self._secret))
                slot = replace(slot, generation=slot.generation + 1)
            else:
                self._files.write_head(pack_slot(slot, self._secret), slot.generation)
            if tip.epoch > self._key_epoch:
                self._put_key(tip.epoch)
            self._slot, self._raw_head = slot, self._files.read_head()
        except OSError as error:
            # After a failed sync the kernel may have dropped the bytes: nothing here is sure.
            self._failed = f"the ledger's disk failed ({error.strerror}): check it and start again"
            raise LedgerError(self._failed) from None

    def _put_key(self, epoch: int) -> None:
        """Put an epoch's key on disk and destroy those before it, here and there."""
        assert self._macs is not None
        assert self._slot is not None
        key = self._macs.at(epoch)
        newest = key_state(self._files, self._secret)
        if key is not None and (newest.kept is None or newest.kept.epoch <= epoch):
            kept = EpochKey(self._slot.ledger_id, epoch, key)
            self._files.write_key(pack_key(kept, self._secret), epoch)
        self._macs.forget_before(epoch)
        self._key_epoch = epoch

    # -- what is on disk ---------------------------------------------------------------------
    def _ready(self) -> Tip:
        """Return where the log ends on disk; refuse a ledger that cannot be appended to."""
        if self._failed is not None:
            raise LedgerError(self._failed)
        self._refresh()
        if self._damage is not None or self._tip is None:
            raise damaged(self._damage)
        return self._tip

    def _refresh(self) -> None:
        """Take up what other processes wrote. Call under both locks."""
        if self._closed:
            raise LedgerError("the ledger is closed: open it again")
        if not self._attached:
            if not self._files.attach():
                self._begin()
            self._attached = True
        size, raw = self._files.log_size(), self._files.read_head()
        known = self._tip is not None and self._damage is None and not self._to_repair
        if known and size == self._seen_size and raw == self._raw_head:
            return
        before = Found(self._tip, self._slot, self._macs, key_epoch=self._key_epoch)
        found = look(self._files, size, raw, before, self._verifier, self._secret)
        self._damage = found.damage
        if found.damage is None:
            self._tip, self._slot, self._macs = found.tip, found.slot, found.macs
            self._to_repair, self._key_epoch = found.faults, found.key_epoch
        self._seen_size, self._raw_head = size, raw

    def _begin(self) -> None:
        ledger_id = secrets.token_bytes(ID_BYTES)
        first = EpochKey(ledger_id, 0, secrets.token_bytes(32))
        begin = Tip(start_of_chain(ledger_id), None, Tree())
        macs = MacKeys(self._secret, 0, first.key)
        chain = Chain(begin, keys=macs, signer=self._signer, ledger_id=ledger_id)
        detail: Detail = {"ledger": ledger_id.hex(), "format": FORMAT, EPOCH: 0}
        chain.add_own(GENESIS, detail, to_micros(self._clock()))
        slot = Slot(ledger_id, 0, chain.position, 0, tuple(chain.tree.frontier))
        slot = replace(slot, signature=self._signer.sign(slot.text()))
        self._files.create(
            chain.blob(), both_slots(slot, self._secret), pack_key(first, self._secret)
        )


_LIVE: Final[weakref.WeakSet[Ledger]] = weakref.WeakSet()


def _after_fork() -> None:
    """Give the child its own lock, thread and handles: it must not share its parent's."""
    for ledger in list(_LIVE):
        if not ledger._closed:
            ledger._files.close()
            ledger._forget()


os.register_at_fork(after_in_child=_after_fork)
