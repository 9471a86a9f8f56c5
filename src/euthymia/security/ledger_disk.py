"""What the ledger asks of a disk: one narrow door, so that a test can put a bad disk behind it."""

import fcntl
import io
import os
import time
from pathlib import Path
from typing import Final, Protocol

from euthymia.ground.errors import AccessError

WAIT_S: Final = 0.0002


class Disk(Protocol):
    """The calls; all may raise OSError."""

    def open(self, path: Path, *, create: bool = False, empty: bool = False) -> int:
        """Return a handle for reading and writing; `empty` cuts the file to nothing."""

    def close(self, handle: int) -> None:
        """Give a handle back."""

    def size(self, handle: int) -> int | None:
        """Return the file's length; None if it has no name any more."""

    def pread(self, handle: int, size: int, offset: int) -> bytes:
        """Read up to `size` bytes."""

    def pwrite(self, handle: int, data: bytes | memoryview, offset: int) -> int:
        """Write; return how many bytes were taken."""

    def fdatasync(self, handle: int) -> None:
        """Return when the file's bytes and length are on disk."""

    def ftruncate(self, handle: int, size: int) -> None:
        """Give the file another length."""

    def exists(self, path: Path) -> bool:
        """Tell whether there is such a file."""

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in place of a file that has it."""

    def unlink(self, path: Path) -> None:
        """Take a file's name away."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder for its owner alone, if it is not there."""

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in a folder are on disk."""

    def try_lock(self, handle: int) -> bool:
        """Take the lock; False if another process has it."""

    def unlock(self, handle: int) -> None:
        """Give the lock back."""

    def wait(self) -> None:
        """Let others go on for a moment."""


class OsDisk:
    """The machine's own disk."""

    def open(self, path: Path, *, create: bool = False, empty: bool = False) -> int:
        """See `Disk.open`; AccessError if the file is another user's."""
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_CREAT * create | os.O_TRUNC * empty
        try:
            return os.open(path, flags, 0o600)
        except PermissionError:
            raise AccessError(
                f"{path.name} may not be opened: only the user who runs the clinic may use its "
                "ledger"
            ) from None

    def close(self, handle: int) -> None:
        """See `Disk.close`."""
        os.close(handle)

    def size(self, handle: int) -> int | None:
        """See `Disk.size`."""
        state = os.fstat(handle)
        return state.st_size if state.st_nlink else None

    def pread(self, handle: int, size: int, offset: int) -> bytes:
        """See `Disk.pread`."""
        return os.pread(handle, size, offset)

    def pwrite(self, handle: int, data: bytes | memoryview, offset: int) -> int:
        """See `Disk.pwrite`."""
        return os.pwrite(handle, data, offset)

    def fdatasync(self, handle: int) -> None:
        """See `Disk.fdatasync`."""
        os.fdatasync(handle)

    def ftruncate(self, handle: int, size: int) -> None:
        """See `Disk.ftruncate`."""
        os.ftruncate(handle, size)

    def exists(self, path: Path) -> bool:
        """See `Disk.exists`."""
        return path.exists()

    def rename(self, old: Path, new: Path) -> None:
        """See `Disk.rename`."""
        old.rename(new)

    def unlink(self, path: Path) -> None:
        """See `Disk.unlink`."""
        path.unlink()

    def make_folder(self, folder: Path) -> None:
        """See `Disk.make_folder`."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def sync_folder(self, folder: Path) -> None:
        """See `Disk.sync_folder`."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def try_lock(self, handle: int) -> bool:
        """See `Disk.try_lock`."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self, handle: int) -> None:
        """See `Disk.unlock`."""
        fcntl.flock(handle, fcntl.LOCK_UN)

    def wait(self) -> None:
        """See `Disk.wait`."""
        time.sleep(WAIT_S)


class _Handle(io.RawIOBase):
    """A file of a disk as a stream to read from."""

    def __init__(self, disk: Disk, handle: int) -> None:
        self._disk, self._handle, self._at = disk, handle, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        assert whence == io.SEEK_SET
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        raw = self._disk.pread(self._handle, len(buffer), self._at)
        buffer[: len(raw)] = raw
        self._at += len(raw)
        return len(raw)


def reader(disk: Disk, path: Path) -> io.BufferedReader:
    """Open a file of a disk as a buffered stream to read from. It has its own handle."""
    stream = _Closing(disk, disk.open(path))
    return io.BufferedReader(stream, 1 << 18)


class _Closing(_Handle):
    def close(self) -> None:
        if not self.closed:
            self._disk.close(self._handle)
        super().close()
