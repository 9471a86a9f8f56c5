"""The ledger: who did what, to whose data, when. Append-only, chained, signed, shared by processes.

An entry that was acknowledged (`append` returned, a future resolved, a callback ran) is on disk and
under the signed head. See docs/adr/0002-ledger.md for what this does and does not protect against.
"""

import hashlib
import os
import secrets
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from euthymia.ground.audit import Entry
from euthymia.ground.clock import Clock, Micros, to_micros
from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.security.keys import Keyring
from euthymia.security.ledger_files import LedgerFiles
from euthymia.security.ledger_format import (
    GENESIS,
    HASH_BYTES,
    ID_BYTES,
    REPAIR,
    Chain,
    Position,
    Slot,
    decode_payload,
    encode_entry,
    entry_id,
    pack_slot,
    read_frames,
    read_head,
    start_of_chain,
    system_payload,
)
from euthymia.security.ledger_verify import AuditKeys, audit, genesis_start

GROUP_LIMIT: Final = 4_096  # entries in one write: about 1 MB, and tens of milliseconds at most

Outcome = str | BaseException
"""What became of an entry: its id, or why it could not be written."""
Sink = Callable[[list[tuple[Any, Outcome]]], None]
"""Told once per group, by the writer thread, about its own entries: (tag, outcome), in order."""
_Queued = tuple[bytes, Any, Sink]


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One entry as read back. The ledger's own entries have the purpose "ledger"."""

    seq: int
    at: Micros
    actor: str
    role: str
    action: str
    purpose: str
    subject: SubjectId | None
    detail: dict[str, str | int | float | bool]
    id: str


class Ledger:
    """One clinic's ledger. Safe for several threads and several processes, and across a fork."""

    def __init__(self, folder: Path, keyring: Keyring, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._signer = keyring.signer("ledger")
        self._keys = AuditKeys(keyring.derive("ledger-mac"), keyring.verifier("ledger"))
        self._notes: list[str] = []
        self._forget()
        _LIVE.add(self)

    def _forget(self) -> None:
        """Know nothing and share nothing: the state of a new object, and of one after a fork."""
        self._mutex = threading.Lock()
        self._queue: SimpleQueue[_Queued | None] = SimpleQueue()
        self._writer: threading.Thread | None = None
        self._files = LedgerFiles(self._folder)
        self._attached = False
        self._closing = self._closed = False
        self._appended = False
        self._failed: str | None = None
        self._damage: str | None = None
        self._position: Position | None = None
        self._slot: Slot | None = None
        self._raw_head: bytes | None = None
        self._seen_size: int | None = None
        self._to_repair: list[str] = []

    @classmethod
    def open(cls, folder: Path, keyring: Keyring, *, clock: Clock) -> "Ledger":
        """Open the ledger in `folder`, or begin one.

        Reads the signed head and what lies beyond it, not the whole log: use `verify` for that. A
        damaged ledger opens, so that it can be verified and read; appending to it is refused.
        """
        ledger = cls(folder, keyring, clock)
        with ledger._mutex, ledger._files.locked():
            ledger._refresh()
        return ledger

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
        EuthymiaError
            If it could not be written (a full disk). Nothing was recorded.
        """
        return self._commit([encode_entry(entry)], durable=durable)[0]

    def submit(self, entry: Entry) -> Future[str]:
        """Hand an entry to the writer thread; the future gives its id when it is on disk.

        All that is pending goes out in one write with one sync. Raises SchemaError at once; other
        errors come through the future.
        """
        future: Future[str] = Future()
        self.submit_to(entry, future, _resolve)
        return future

    def submit_to(self, entry: Entry, tag: object, sink: Sink) -> None:
        """Like `submit`, with one call per group: `sink([(tag, id or error), ...])`.

        The cheapest form for an event loop: pass the same `sink` each time, and let it do one
        `call_soon_threadsafe` for the whole group.
        """
        self._enqueue((encode_entry(entry), tag, sink))

    def sync(self) -> None:
        """Return when everything appended so far is on disk and signed."""
        with self._mutex, self._files.locked():
            self._ready()
            self._seal()

    def checkpoint(self) -> None:
        """Append a signed checkpoint and sync."""
        self._commit([None], durable=True)

    def close(self) -> None:
        """Write what is pending, a checkpoint if anything was appended, and close the files."""
        if self._closing:
            return
        self._closing = True
        self._stop_writer()
        try:
            if self._appended and self._failed is None and self._damage is None:
                self.checkpoint()
        finally:
            with self._mutex:
                self._closed = True
                self._files.close()
            self._drain()  # what came in while we were closing is told that it came too late

    # -- reading -----------------------------------------------------------------------------
    def head(self) -> tuple[int, str]:
        """Return the number and the hash (hex) of the last entry.

        Hand them to a witness outside (a printer, another site): with them, a roll-back of the
        whole home can be proved.
        """
        with self._mutex, self._files.locked():
            position = self._ready()
        return position.seq, position.digest.hex()

    def entries(self) -> Iterator[LedgerLine]:
        """Yield every entry, the ledger's own included, each verified before it is yielded.

        Raises
        ------
        IntegrityError
            At the first entry that is not the one that was written, or at the end if some are
            missing there.
        """
        with self._mutex, self._files.locked():
            self._refresh()
            position, damage = self._position, self._damage
        if position is None:
            raise _damaged(damage)
        last: Position | None = None
        with self._files.log_path.open("rb") as log:
            begin = genesis_start(log, position.size)
            if begin is None:
                raise _damaged("the beginning of the ledger cannot be read")
            for frame in read_frames(log, begin[1], position.size, self._keys.mac):
                if frame.fault is not None or frame.end is None:
                    raise _damaged(f"entry {frame.seq} at offset {frame.offset}: {frame.fault}")
                payload = decode_payload(frame.payload)
                last = frame.end
                yield LedgerLine(
                    seq=frame.seq,
                    at=frame.at,
                    actor=payload.user,
                    role=payload.role,
                    action=payload.action,
                    purpose=payload.purpose,
                    subject=None if payload.subject is None else SubjectId(payload.subject),
                    detail=payload.detail,
                    id=entry_id(frame.seq, last.digest),
                )
        if damage is not None or last != position:
            raise _damaged(damage or "the log does not end where it did a moment ago")

    def verify(self) -> list[str]:
        """Read the whole ledger; return every problem in words, with its place ([]: none).

        Writes nothing. What this process repaired before (an unfinished write that was cut off, a
        damaged half of the head) is reported as well.
        """
        with self._mutex, self._files.locked():
            self._refresh()
            notes, damage = list(self._notes), self._damage
            size, head = self._files.log_size(), self._files.read_head()
        if size is None:
            return [*notes, *audit(None, 0, head, self._keys)]
        with self._files.log_path.open("rb") as log:
            problems = audit(log, size, head, self._keys)
        if not problems and damage is not None:
            problems = [damage]
        return [*notes, *problems]

    # -- one group ---------------------------------------------------------------------------
    def _commit(self, payloads: list[bytes | None], *, durable: bool) -> list[str]:
        """Write a group (None: a checkpoint) and return the ids."""
        with self._mutex, self._files.locked():
            after = self._ready()
            at = to_micros(self._clock())
            chain = self._chain(after)
            if self._to_repair:
                self._repair(chain, after, at)
            ids = [chain.add_checkpoint(at) if p is None else chain.add(p, at) for p in payloads]
            try:
                self._files.write_log(chain.blob(), after.size)
            except OSError as error:
                raise EuthymiaError(
                    f"the ledger could not be written ({error.strerror}), so nothing was done; "
                    "make room on its disk and try again"
                ) from None
            self._position, self._seen_size = chain.position, chain.position.size
            self._appended = payloads != [None]  # a checkpoint vouches for all before it
            if durable:
                self._seal()
            return ids

    def _chain(self, after: Position) -> Chain:
        assert self._slot is not None
        return Chain(
            after,
            mac_key=self._keys.mac,
            signer=self._signer,
            ledger_id=self._slot.ledger_id,
        )

    def _repair(self, chain: Chain, after: Position, at: Micros) -> None:
        """Cut off an unfinished write, and say in the ledger what was found."""
        size = self._files.log_size() or 0
        torn = self._files.read_log(after.size, size - after.size)
        if torn:
            self._files.cut_log(after.size)
        self._files.trim_head()
        found = "; ".join(self._to_repair)
        digest = hashlib.sha256(torn).hexdigest()
        detail: dict[str, str | int | float | bool] = {"found": found, "cut_bytes": len(torn)}
        chain.add(system_payload(REPAIR, {**detail, "cut_sha256": digest}), at)
        self._notes += self._to_repair
        self._to_repair = []

    def _seal(self) -> None:
        """Put everything up to the position on disk, then sign it."""
        assert self._position is not None
        assert self._slot is not None
        if self._slot.position == self._position:
            return
        slot = Slot(self._slot.ledger_id, self._slot.generation + 1, self._position)
        try:
            self._files.sync_log()
            self._files.write_head(pack_slot(slot, self._signer), slot.generation)
        except OSError as error:
            # After a failed sync the kernel may have dropped the bytes: nothing here is sure.
            self._failed = f"the ledger's disk failed ({error.strerror}): check it and start again"
            raise EuthymiaError(self._failed) from None
        self._slot, self._raw_head = slot, self._files.read_head()

    # -- what is on disk ---------------------------------------------------------------------
    def _ready(self) -> Position:
        """Return where the chain stands on disk; refuse a ledger that cannot be appended to."""
        if self._failed is not None:
            raise EuthymiaError(self._failed)
        self._refresh()
        if self._damage is not None or self._position is None:
            raise _damaged(self._damage)
        return self._position

    def _refresh(self) -> None:
        """Take up what other processes wrote. Call under both locks."""
        if self._closed:
            raise EuthymiaError("the ledger is closed: open it again")
        if not self._attached:
            if not self._files.attach():
                self._begin()
            self._attached = True
        size, raw = self._files.log_size(), self._files.read_head()
        known = self._position is not None and self._damage is None and not self._to_repair
        if known and size == self._seen_size and raw == self._raw_head:
            return
        self._damage = self._look(size, raw)
        self._seen_size, self._raw_head = size, raw

    def _begin(self) -> None:
        ledger_id = secrets.token_bytes(ID_BYTES)
        chain = Chain(
            start_of_chain(ledger_id),
            mac_key=self._keys.mac,
            signer=self._signer,
            ledger_id=ledger_id,
        )
        at = to_micros(self._clock())
        chain.add(system_payload(GENESIS, {"ledger": ledger_id.hex(), "format": 1}), at)
        slots = [Slot(ledger_id, generation, chain.position) for generation in (0, 1)]
        self._files.create(chain.blob(), b"".join(pack_slot(s, self._signer) for s in slots))

    def _look(self, size: int | None, raw: bytes | None) -> str | None:
        """Find the last entry, starting from the signed head; return the damage, if any."""
        if size is None or raw is None:
            name = "ledger.log" if size is None else "ledger.head"
            return f"{name} is missing: restore it from a backup"
        head = read_head(raw, self._keys.verifier)
        faults, newest = list(head.faults), head.newest
        if self._slot is not None and (newest is None or newest.generation < self._slot.generation):
            faults.append("ledger.head was changed or set back while the ledger was open")
            newest = self._slot  # we know better
        if newest is None:
            return "neither half of ledger.head is one that was signed"
        signed = newest.position
        start = signed
        if self._position is not None and self._position.size > signed.size:
            start = self._position
        if size < start.size:
            return f"the log has {size} bytes, and {start.size} were acknowledged: it was cut"
        if self._files.read_log(start.size - HASH_BYTES, HASH_BYTES) != start.digest:
            return f"entry {start.seq} is not the one that was acknowledged"
        self._slot = newest
        self._position = self._last_whole(start, size)
        self._to_repair = faults
        if self._position.size < size:
            left = size - self._position.size
            where = f"after entry {self._position.seq} at offset {self._position.size}"
            self._to_repair.append(f"{left} bytes of a write that never finished {where}")
        return None

    def _last_whole(self, start: Position, size: int) -> Position:
        """Follow the chain beyond `start` as far as it holds."""
        if size == start.size:
            return start
        last = start
        with self._files.log_path.open("rb") as log:
            for frame in read_frames(log, start, size, self._keys.mac):
                if frame.fault is not None or frame.end is None:
                    break
                last = frame.end
        return last

    # -- the writer thread -------------------------------------------------------------------
    def _enqueue(self, item: _Queued) -> None:
        if self._closing:
            raise EuthymiaError("the ledger is closed: open it again")
        self._queue.put(item)
        if self._writer is None or not self._writer.is_alive():
            self._start_writer()

    def _start_writer(self) -> None:
        with self._mutex:
            if self._writer is None or not self._writer.is_alive():
                thread = threading.Thread(target=self._write_groups, name="ledger", daemon=True)
                self._writer = thread
                thread.start()

    def _stop_writer(self) -> None:
        while self._writer is not None and self._writer.is_alive():
            self._queue.put(None)
            self._writer.join()
        self._drain()

    def _drain(self) -> None:
        while not self._queue.empty():
            self._write_group([item for item in [self._queue.get()] if item is not None])

    def _write_groups(self) -> None:
        """Write group after group until told to stop. A sink that raises ends only this thread."""
        stop = False
        try:
            while not stop:
                group = [self._queue.get()]
                waiting = min(self._queue.qsize(), GROUP_LIMIT - 1)
                group += [self._queue.get() for _ in range(waiting)]
                stop = None in group
                self._write_group([item for item in group if item is not None])
        finally:
            if not stop:
                self._writer = None
                self._start_writer()

    def _write_group(self, group: list[_Queued]) -> None:
        if not group:
            return
        outcomes: list[Outcome] = [EuthymiaError("the ledger could not be written")] * len(group)
        try:
            outcomes = [*self._commit([payload for payload, _, _ in group], durable=True)]
        except (EuthymiaError, OSError) as error:
            outcomes = [error] * len(group)
        finally:  # whatever happened, nobody is left waiting
            _tell(group, outcomes)


def _tell(group: list[_Queued], outcomes: list[Outcome]) -> None:
    told: dict[Sink, list[tuple[Any, Outcome]]] = {}
    for (_, tag, sink), outcome in zip(group, outcomes, strict=True):
        told.setdefault(sink, []).append((tag, outcome))
    with ExitStack() as stack:  # one sink that raises does not keep the others waiting
        for sink, results in reversed(told.items()):
            stack.callback(sink, results)


def _resolve(results: list[tuple[Future[str], Outcome]]) -> None:
    for future, outcome in results:
        if not future.set_running_or_notify_cancel():
            continue  # nobody waits any more; the entry stands
        if isinstance(outcome, str):
            future.set_result(outcome)
        else:
            future.set_exception(outcome)


def _damaged(what: str | None) -> IntegrityError:
    return IntegrityError(
        f"the ledger is damaged ({what}): nothing may be done that cannot be recorded. Run "
        "`euthymia verify`, keep the damaged files, and restore the home from a backup"
    )


_LIVE: Final[weakref.WeakSet[Ledger]] = weakref.WeakSet()


def _after_fork() -> None:
    """Give the child its own lock, thread and handles: it must not share its parent's."""
    for ledger in list(_LIVE):
        if not ledger._closed:
            ledger._files.close()
            ledger._forget()


os.register_at_fork(after_in_child=_after_fork)
