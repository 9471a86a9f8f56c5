"""The ledger's files: log, head, keys and lock, and what each write promises."""

import contextlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from threading import Lock
from typing import Final

from euthymia.ground.errors import BusyError
from euthymia.security.ledger_disk import Disk, OsDisk, reader
from euthymia.security.ledger_head import HEAD_BYTES, SLOT_BYTES
from euthymia.security.ledger_keys import KEY_SLOT_BYTES, KEYS_BYTES

LOG_NAME: Final = "ledger.log"
HEAD_NAME: Final = "ledger.head"
KEYS_NAME: Final = "ledger.keys"
FIRST_NAME: Final = "ledger.first"
LOCK_NAME: Final = "ledger.lock"
TURN_NAME: Final = "ledger.turn"
"""Held by whoever is next. Without it a busy process takes the lock back before a waiting one has
woken, group after group: with two at work the slowest in a hundred answers waited for seconds."""
_WAITS: Final = (
    50_000  # over ten seconds: a group takes milliseconds, so a longer wait is a stuck process
)
_FEW_WAITS: Final = 100
_BRIEFLY_S: Final = 0.02


class LedgerFiles:
    """Open handles on one ledger's folder. A missing log or head is left missing."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self.disk: Disk = OsDisk() if disk is None else disk
        self._lock: int | None = None
        self._turn: int | None = None
        self.log: int | None = None
        self.head: int | None = None
        self.keys: int | None = None

    @property
    def log_path(self) -> Path:
        """Where the entries are."""
        return self.folder / LOG_NAME

    @property
    def head_path(self) -> Path:
        """Where the signed position is."""
        return self.folder / HEAD_NAME

    @property
    def keys_path(self) -> Path:
        """Where the newest epoch's key is."""
        return self.folder / KEYS_NAME

    @property
    def first_path(self) -> Path:
        """Where the first epoch's key is, until somebody takes it away."""
        return self.folder / FIRST_NAME

    @property
    def _new_head(self) -> Path:
        return self.folder / (HEAD_NAME + ".new")

    @contextlib.contextmanager
    def own_turn(self, mutex: Lock, *, patient: bool) -> Iterator[None]:
        """Keep other threads and processes out; BusyError after 20 ms for each if not `patient`."""
        if not mutex.acquire(timeout=-1 if patient else _BRIEFLY_S):
            raise BusyError("another thread holds the ledger")
        try:
            with self.locked(_WAITS if patient else _FEW_WAITS):
                yield
        finally:
            mutex.release()

    @contextlib.contextmanager
    def locked(self, waits: int = _WAITS) -> Iterator[None]:
        """Keep other processes out, each in its turn; BusyError after ten seconds of waiting."""
        if self._lock is None or self._turn is None:
            self.disk.make_folder(self.folder)
            self._turn = self.disk.open(self.folder / TURN_NAME, create=True)
            self._lock = self.disk.open(self.folder / LOCK_NAME, create=True)
        lock, turn = self._lock, self._turn
        left = self._take(turn, waits)
        try:
            self._take(lock, left)
        finally:
            self.disk.unlock(turn)
        try:
            yield
        finally:
            self.disk.unlock(lock)

    def _take(self, lock: int, waits: int) -> int:
        """Wait for a lock; return how many more waits are allowed."""
        while not self.disk.try_lock(lock):
            if not waits:
                raise BusyError(
                    "another process has held the ledger for too long (ten seconds where nothing "
                    "else waits): is one suspended?"
                )
            waits -= 1
            self.disk.wait()
        return waits

    def attach(self) -> bool:
        """Open log, head and keys; finish a creation that was cut off. False if there is no ledger.

        Call under the lock.
        """
        disk = self.disk
        whole = disk.exists(self.log_path)
        if whole and not disk.exists(self.head_path) and disk.exists(self._new_head):
            disk.rename(self._new_head, self.head_path)
            disk.sync_folder(self.folder)
        self.log = disk.open(self.log_path) if whole else None
        self.head = self._open(self.head_path)
        self.keys = self._open(self.keys_path)
        return self.log is not None or self.head is not None

    def _open(self, path: Path) -> int | None:
        return self.disk.open(path) if self.disk.exists(path) else None

    def create(self, log: bytes, head: bytes, key: bytes) -> None:
        """Make all files. After a crash there is either no ledger or a whole one.

        The head is on disk under another name before the log appears, so that `attach` can tell a
        creation that was cut off from a head that was taken away. Call under the lock.
        """
        new_log = self.folder / (LOG_NAME + ".new")
        self.write_keys_anew(key)
        self._write_new(new_log, log)
        self._write_new(self._new_head, head)
        self.disk.sync_folder(self.folder)
        self.disk.rename(new_log, self.log_path)
        self.disk.sync_folder(self.folder)
        self.attach()

    def write_keys_anew(self, key: bytes) -> None:
        """Write the first epoch's key, into the key file and beside it; both are then on disk."""
        self._write_new(self.keys_path, key + bytes(KEY_SLOT_BYTES))
        self._write_new(self.first_path, key)
        self.disk.sync_folder(self.folder)
        if self.keys is not None:
            self.disk.close(self.keys)
        self.keys = self.disk.open(self.keys_path)

    def _write_new(self, path: Path, data: bytes) -> None:
        handle = self.disk.open(path, create=True, empty=True)
        try:
            self._write_all(handle, data, 0)
            self.disk.fdatasync(handle)
        finally:
            self.disk.close(handle)

    def replace_head(self, head: bytes) -> None:
        """Put a head of the newer format in place of the older one, at once and on disk."""
        self._write_new(self._new_head, head)
        self.disk.rename(self._new_head, self.head_path)
        self.disk.sync_folder(self.folder)
        if self.head is not None:
            self.disk.close(self.head)
        self.head = self.disk.open(self.head_path)

    def log_size(self) -> int | None:
        """Return the length of the log; None if it was taken away or replaced."""
        return None if self.log is None else self.disk.size(self.log)

    def read_head(self) -> bytes | None:
        """Return the head's bytes; None if it was taken away."""
        if self.head is not None and self.disk.size(self.head) is None:
            self.disk.close(self.head)  # another process put a newer format in its place
            self.head = self._open(self.head_path)
        return None if self.head is None else self.disk.pread(self.head, HEAD_BYTES + 1, 0)

    def read_keys(self) -> bytes | None:
        """Return the key file's bytes; None if there is none."""
        if self.keys is None or self.disk.size(self.keys) is None:
            self.keys = self._open(self.keys_path)
        return None if self.keys is None else self.disk.pread(self.keys, KEYS_BYTES + 1, 0)

    def read_first(self) -> bytes | None:
        """Return the first epoch's key slot; None if it was taken away."""
        handle = self._open(self.first_path)
        if handle is None:
            return None
        try:
            return self.disk.pread(handle, KEY_SLOT_BYTES + 1, 0)
        finally:
            self.disk.close(handle)

    def drop_first(self) -> None:
        """Overwrite the first epoch's key and take its file away."""
        handle = self.disk.open(self.first_path)
        try:
            self._write_all(handle, bytes(KEY_SLOT_BYTES), 0)
            self.disk.fdatasync(handle)
        finally:
            self.disk.close(handle)
        self.disk.unlink(self.first_path)
        self.disk.sync_folder(self.folder)

    def write_key(self, slot: bytes, epoch: int) -> None:
        """Put an epoch's key on disk, then destroy the one before.

        The head that is signed in this epoch is put on disk first: the key file never knows a later
        epoch than log and head, or a log that was cut could not be told from one that never grew.
        """
        assert self.head is not None
        assert self.keys is not None
        self.disk.fdatasync(self.head)
        self._write_all(self.keys, slot, epoch % 2 * KEY_SLOT_BYTES)
        self.disk.fdatasync(self.keys)
        self._write_all(self.keys, bytes(KEY_SLOT_BYTES), (epoch + 1) % 2 * KEY_SLOT_BYTES)
        self.disk.fdatasync(self.keys)

    def read_log(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of the log."""
        return b"" if self.log is None else self.disk.pread(self.log, size, offset)

    def reader(self) -> BufferedReader:
        """Return the log as a stream to read from; close it after use."""
        return reader(self.disk, self.log_path)

    def write_log(self, data: bytes, offset: int) -> None:
        """Write at the end of the log. After an error the log is as long as before."""
        assert self.log is not None
        try:
            self._write_all(self.log, data, offset)
        except OSError:
            self.disk.ftruncate(self.log, offset)
            raise

    def cut_log(self, size: int) -> None:
        """Drop what lies beyond `size`: bytes of a write that never finished."""
        assert self.log is not None
        self.disk.ftruncate(self.log, size)

    def sync_log(self) -> None:
        """Return when all of the log is on disk."""
        assert self.log is not None
        self.disk.fdatasync(self.log)

    def write_head(self, slot: bytes, generation: int) -> None:
        """Write one slot. Not synced on its own.

        The head is written after the log is on disk and before anybody is told. A process that dies
        afterwards loses nothing (the bytes are the kernel's). After power loss the head on disk may
        be older than the log, never newer; the entries beyond it are then taken up by their chain
        and MAC. Syncing it as well would double the cost of a group and save nothing that was
        acknowledged.
        """
        assert self.head is not None
        self._write_all(self.head, slot, generation % 2 * SLOT_BYTES)

    def trim_head(self) -> None:
        """Give the head file its proper length."""
        assert self.head is not None
        if self.disk.size(self.head) != HEAD_BYTES:
            self.disk.ftruncate(self.head, HEAD_BYTES)

    def close(self) -> None:
        """Close all handles."""
        for handle in (self.log, self.head, self.keys, self._lock, self._turn):
            if handle is not None:
                self.disk.close(handle)
        self.log = self.head = self.keys = self._lock = self._turn = None

    def _write_all(self, handle: int, data: bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = self.disk.pwrite(handle, view, offset)
            view, offset = view[written:], offset + written
