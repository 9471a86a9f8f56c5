"""The training reports of a home: each whole, and vouched for by the ledger, whenever one looks.

A report is written to a part file, its digest goes into the ledger, and then it takes its name. So
whatever the moment of a crash, a report under its name is in the ledger; one that is in the ledger
is there under its name or, whole, as its part file; and any other part file is what the crash left.
"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from euthymia.security.ledger_lines import LedgerLine

_PART: Final = ".part"


def _part_of(report: Path) -> Path:
    return report.with_name(f".{report.name}{_PART}")


def _is_part(file: Path) -> bool:
    return file.name.startswith(".") and file.name.endswith(f".html{_PART}")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def held(folder: Path, *, alone: bool) -> Iterator[None]:
    """Hold the folder: `alone` to write, together with others to look at it and the ledger."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def told(lines: Iterable[LedgerLine]) -> dict[str, str]:
    """Return the digest of each report (by file name) that the ledger holds."""
    return {
        str(line.detail["report"]): str(line.detail["report_sha256"])
        for line in lines
        if "report_sha256" in line.detail
    }


def _finish(folder: Path, ledger: Callable[[], Iterable[LedgerLine]]) -> None:
    """Name the reports that a crash left unnamed; remove what it left half done."""
    parts = [file for file in folder.iterdir() if _is_part(file)]
    digests = told(ledger()) if parts else {}
    for part in parts:
        name = part.name[1 : -len(_PART)]
        if digests.get(name) == _digest(part) and not (folder / name).exists():
            part.replace(folder / name)
        else:
            part.unlink()


def keep(
    report: Path,
    content: bytes,
    vouch: Callable[[str], object],
    ledger: Callable[[], Iterable[LedgerLine]],
) -> None:
    """Write a report so that a crash at any moment leaves nothing that `problems` would name.

    Parameters
    ----------
    vouch : callable
        Writes the digest (SHA-256, hex) it is given into the ledger; on return it is durable.
    ledger : callable
        Returns the entries of the ledger.
    """
    with held(report.parent, alone=True):
        _finish(report.parent, ledger)
        part = _part_of(report)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(report.parent)
        vouch(hashlib.sha256(content).hexdigest())
        part.replace(report)
        _sync_folder(report.parent)


def problems(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """Compare each report with the digest that the ledger holds of it; call it with `held`."""
    found = []
    for file in sorted(folder.iterdir()):
        if _is_part(file):
            continue
        if file.name not in digests:
            found.append(f"{file.name} was not written by a training run: remove it")
        elif digests[file.name] != _digest(file):
            found.append(f"{file.name} is not as it was written")
    for name, digest in digests.items():
        report = folder / name
        if not report.exists() and _digest(_part_of(report)) != digest:
            found.append(f"{name} is missing")
    return found
