"""Folders under way: what is built beside its place, and appears there whole or not at all.

A process that was killed leaves its folder behind, with all that was copied so far. The next run to
the same place removes it; that of a process which is still at work is held, and left alone.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def building(target: Path, what: str) -> Iterator[Path]:
    """Make an empty folder beside `target`, for its owner alone; it is removed if the block fails.

    Parameters
    ----------
    target : Path
        What the folder is to become.
    what : str
        A word for the folder's name: `.TARGET-WHAT-12345678`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target, what)
    folder = target.parent / f".{target.name}-{what}-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def _sweep(target: Path, what: str) -> None:
    """Remove what killed processes left of the same target."""
    begin = f".{target.name}-{what}-"
    for folder in [p for p in target.parent.iterdir() if p.name.startswith(begin)]:
        if folder.is_symlink() or not folder.is_dir():
            continue
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        except BlockingIOError:  # somebody is at work in it
            continue
        finally:
            os.close(handle)
