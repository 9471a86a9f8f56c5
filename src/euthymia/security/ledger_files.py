"""The ledger's files: log, head and lock, and what each write promises."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from euthymia.ground.errors import AccessError, BusyError
from euthymia.security.ledger_format import HEAD_BYTES, SLOT_BYTES

LOG_NAME: Final = "ledger.log"
HEAD_NAME: Final = "ledger.head"
LOCK_NAME: Final = "ledger.lock"
_WAIT_S: Final = 0.002
_WAITS: Final = (
    5_000  # ten seconds: a group takes milliseconds, so a longer wait is a stuck process
)


class LedgerFiles:
    """Open handles on one ledger's folder. A missing log or head is left missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: int | None = None
        self.log: int | None = None
        self.head: int | None = None

    @property
    def log_path(self) -> Path:
        """Where the entries are."""
        return self.folder / LOG_NAME

    @property
    def head_path(self) -> Path:
        """Where the signed position is."""
        return self.folder / HEAD_NAME

    @property
    def _new_log(self) -> Path:
        return self.folder / (LOG_NAME + ".new")

    @property
    def _new_head(self) -> Path:
        return self.folder / (HEAD_NAME + ".new")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out; BusyError after ten seconds of waiting."""
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _open(self.folder / LOCK_NAME, os.O_CREAT)
        lock = self._lock
        for attempt in range(_WAITS + 1):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == _WAITS:
                    raise BusyError(
                        "another process has held the ledger for ten seconds: is one suspended?"
                    ) from None
                time.sleep(_WAIT_S)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    def attach(self) -> bool:
        """Open log and head; finish a creation that was cut off. False if there is no ledger yet.

        Call under the lock.
        """
        if self.log_path.exists() and not self.head_path.exists() and self._new_head.exists():
            self._new_head.rename(self.head_path)
            _sync_folder(self.folder)
        self.log = _open(self.log_path) if self.log_path.exists() else None
        self.head = _open(self.head_path) if self.head_path.exists() else None
        return self.log is not None or self.head is not None

    def create(self, log: bytes, head: bytes) -> None:
        """Make log and head. After a crash there is either no ledger or a whole one.

        The head is on disk under another name before the log appears, so that `attach` can tell a
        creation that was cut off from a head that was taken away. Call under the lock.
        """
        for path, data in ((self._new_log, log), (self._new_head, head)):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                _write_all(handle, data, 0)
                os.fsync(handle)
            finally:
                os.close(handle)
        _sync_folder(self.folder)
        self._new_log.rename(self.log_path)
        _sync_folder(self.folder)
        self.attach()

    def log_size(self) -> int | None:
        """Return the length of the log; None if it was taken away or replaced."""
        return _size(self.log)

    def read_head(self) -> bytes | None:
        """Return the head's bytes; None if it was taken away or replaced."""
        if self.head is None or _size(self.head) is None:
            return None
        return os.pread(self.head, HEAD_BYTES + 1, 0)

    def read_log(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of the log."""
        return b"" if self.log is None else os.pread(self.log, size, offset)

    def write_log(self, data: bytes, offset: int) -> None:
        """Write at the end of the log. After an error the log is as long as before."""
        assert self.log is not None
        try:
            _write_all(self.log, data, offset)
        except OSError:
            os.ftruncate(self.log, offset)
            raise

    def cut_log(self, size: int) -> None:
        """Drop what lies beyond `size`: bytes of a write that never finished."""
        assert self.log is not None
        os.ftruncate(self.log, size)

    def sync_log(self) -> None:
        """Return when all of the log is on disk."""
        assert self.log is not None
        os.fdatasync(self.log)

    def write_head(self, slot: bytes, generation: int) -> None:
        """Write one slot. Not synced on its own.

        The head is written after the log is on disk and before anybody is told. A process that dies
        afterwards loses nothing (the bytes are the kernel's). After power loss the head on disk may
        be older than the log, never newer; the entries beyond it are then taken up by their chain
        and MAC. Syncing it as well would double the cost of a group and save nothing that was
        acknowledged.
        """
        assert self.head is not None
        _write_all(self.head, slot, generation % 2 * SLOT_BYTES)

    def trim_head(self) -> None:
        """Give the head file its proper length."""
        assert self.head is not None
        os.ftruncate(self.head, HEAD_BYTES)

    def close(self) -> None:
        """Close all handles."""
        for handle in (self.log, self.head, self._lock):
            if handle is not None:
                os.close(handle)
        self.log = self.head = self._lock = None


def _open(path: Path, flags: int = 0) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
    except PermissionError:
        raise AccessError(
            f"{path.name} may not be opened: only the user who runs the clinic may use its ledger"
        ) from None


def _size(handle: int | None) -> int | None:
    if handle is None:
        return None
    state = os.fstat(handle)
    return state.st_size if state.st_nlink else None


def _write_all(handle: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(handle, view, offset)
        view, offset = view[written:], offset + written


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
