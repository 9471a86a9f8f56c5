"""Key files on disk: written whole or not at all, readable by their owner alone, shredded."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from euthymia.ground.errors import AccessError


def write_private(path: Path, data: bytes) -> None:
    """Write a file (0600) so that after a crash it is there whole or not at all; never overwrite.

    Raises
    ------
    FileExistsError
        If `path` is there already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    building = _built(path, data)
    try:
        os.link(building, path)  # unlike a rename, a link never replaces what is there
    finally:
        building.unlink()
    sync_folder(path.parent)


def replace_private(path: Path, data: bytes) -> None:
    """Put a file in the place of another: after a crash there is the old or the new, whole.

    The bytes of the old one are overwritten on disk, as far as the disk overwrites in place.
    """
    old = os.open(path, os.O_WRONLY) if path.exists() else None
    try:
        _built(path, data).replace(path)
        sync_folder(path.parent)
        if old is not None:
            _overwrite(old)
    finally:
        if old is not None:
            os.close(old)


def shred(path: Path) -> None:
    """Overwrite a file's bytes, then remove it. One that is not there is no error."""
    with contextlib.suppress(FileNotFoundError):
        handle = os.open(path, os.O_WRONLY)
        try:
            _overwrite(handle)
        finally:
            os.close(handle)
        path.unlink()
        sync_folder(path.parent)


def _overwrite(handle: int) -> None:
    os.pwrite(handle, bytes(os.fstat(handle).st_size), 0)
    os.fsync(handle)


def _built(path: Path, data: bytes) -> Path:
    building = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return building


def is_unfinished(path: Path) -> bool:
    """Tell whether a crash left this file half done (see `write_private`)."""
    return path.name.startswith(".")


def remove_unfinished(folder: Path) -> None:
    """Shred what crashes left half done. Call with the folder `held`."""
    for path in folder.iterdir():
        if is_unfinished(path) and path.is_file():
            shred(path)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the folder's files for the length of a `with` block."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read(path: Path) -> bytes:
    """Return a file's bytes; AccessError where another user asks."""
    try:
        return path.read_bytes()
    except PermissionError:
        raise AccessError(
            f"{path.name} may not be read: only the user who runs the clinic may use its keys"
        ) from None


def open_to_all(path: Path) -> list[str]:
    """Return a problem, in words, if users other than the owner's may use a file."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_mode & 0o007:
            return [f"{path.name}: every user of this machine may use it: run `chmod o= {path}`"]
    return []
