"""Find the files under some paths: in folders, in zip archives, and what is left out and why."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path, PurePath
from typing import IO, Final

from euthymia.ground.errors import MissingError
from euthymia.ground.simulated import MARK, holds_mark
from euthymia.sources.blob import MAX_RATIO, RATIO_FROM, MiB

TRUTH_MARK: Final = ".euthymia-truth"
"""A folder that holds a file of this name is the simulator's truth: never ingested."""
MAX_MEMBERS: Final = 2_000_000  # files in one zip archive: its list alone takes 1 GiB of memory

_NOT_DATA: Final = ("readme", "license", "licence", "copying", "changelog", "upstream_readme")
_SOUNDS: Final = (".wav", ".mp3", ".mp4", ".m4a", ".aac", ".3gp", ".amr", ".ogg", ".flac")
_CLUTTER: Final = {"thumbs.db", "desktop.ini", "info.txt", "__macosx"}

Group = tuple[str, str]
"""The source that reads a file together with others, and the key that they share."""
Skipped = Callable[[str, str], None]
"""(file, reason): told of every file that is left out on purpose."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to be read. `path` is absolute, without `.gz`, an archive counting as a folder."""

    path: PurePath
    label: str
    packed_size: int
    opener: Callable[[], IO[bytes]]
    problem: str | None = None
    group: Group | None = None
    synthetic: bool = False


def printable(name: str) -> str:
    """Return a file name without control characters, for messages."""
    if name.isprintable():
        return name
    return "".join(letter if letter.isprintable() else "?" for letter in name)


@lru_cache(maxsize=4096)  # hourly files of many people have the same names
def left_out(name: str) -> str | None:
    """Return why a file or folder of this name is not data; None if it may be."""
    lower = name.lower()
    if name == MARK:
        return "not data (it says that what lies beside it is simulated)"
    if name.startswith("."):
        return "hidden"
    if lower in _CLUTTER or lower.split(".", 1)[0] in _NOT_DATA:
        return "not data (a description, a licence or clutter of the system)"
    if lower.startswith("schema-") and lower.endswith(".json"):
        return "not data (the description of a topic)"
    if lower.endswith(_SOUNDS):
        return "not data that is kept: a recording of a voice names people"
    return None


class Walk:
    """Finds files; keeps archives open until it is closed."""

    def __init__(self, skipped: Skipped, group_of: Callable[[PurePath], Group | None]) -> None:
        self._skipped = skipped
        self._group_of = group_of
        self._archives: list[zipfile.ZipFile] = []
        self._inside = Path()
        self._simulated: dict[PurePath, bool] = {}

    def close(self) -> None:
        """Close the archives."""
        for archive in self._archives:
            archive.close()

    def find(self, paths: Sequence[Path]) -> Iterator[Found]:
        """Yield every file under `paths`, in order of name.

        Raises
        ------
        MissingError
            If a path does not exist.
        """
        for path in paths:
            if not path.exists():
                raise MissingError(f"{printable(str(path))} does not exist; check the path")
        for path in paths:
            base = Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow links)
            self._inside = path.resolve()
            files = (
                self._folder(base, base.name)
                if base.is_dir()
                else self._file(base, printable(base.name))
            )
            for found in files:
                marked = self._in_simulated(found.path.parent)
                yield replace(found, synthetic=True) if marked else found

    def _in_simulated(self, folder: PurePath) -> bool:
        """Tell whether a folder, or one that it lies in, holds the mark of a simulation."""
        known = self._simulated.get(folder)
        if known is None:
            known = holds_mark(folder)
            known = known or (folder != folder.parent and self._in_simulated(folder.parent))
            self._simulated[folder] = known
        return known

    def _folder(self, folder: Path, label: str) -> Iterator[Found]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as problem:
            yield _unreadable(folder, printable(label), type(problem).__name__)
            return
        if any(entry.name == TRUTH_MARK for entry in entries):
            self._skipped(printable(label), "a simulation's truth, which is never ingested")
            return
        for entry in entries:
            name = printable(f"{label}/{entry.name}")
            reason = left_out(entry.name)
            if reason:
                self._skipped(name, reason)
            elif entry.is_dir(follow_symlinks=False):
                yield from self._folder(folder / entry.name, name)
            elif entry.is_dir():
                self._skipped(name, "a link to a folder; name that folder to ingest it")
            elif entry.is_symlink() and not self._stays(folder / entry.name):
                self._skipped(name, "a link out of the folder; name the file itself to ingest it")
            else:
                yield from self._file(folder / entry.name, name, entry)

    def _stays(self, link: Path) -> bool:
        """Tell whether a link leads to a file of the folder that was named."""
        try:
            return link.resolve(strict=True).is_relative_to(self._inside)
        except (OSError, RuntimeError):  # it leads nowhere, or in circles
            return False

    def _file(
        self, path: Path, label: str, entry: os.DirEntry[str] | None = None
    ) -> Iterator[Found]:
        try:
            info = entry.stat() if entry else path.stat()
            if not stat.S_ISREG(info.st_mode):
                self._skipped(label, "not a regular file")
                return
            logical = _logical(path)
            group = self._group_of(logical)  # known by name to be text: no archive
            if group is None and _is_archive(path):
                yield from self._archive(path, label, info.st_size)
                return
        except OSError as problem:
            yield _unreadable(path, label, type(problem).__name__)
            return
        yield Found(logical, label, info.st_size, partial(_opened, path), None, group)

    def _archive(self, path: Path, label: str, size: int) -> Iterator[Found]:
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError):
            yield _refused(path, label, "the zip archive is cut or damaged; copy it again")
            return
        self._archives.append(archive)
        members = [m for m in archive.infolist() if not m.is_dir()]
        names = {m.filename for m in members}
        if "[Content_Types].xml" in names:
            yield Found(_logical(path), label, size, lambda: path.open("rb"))
            return
        expanded = sum(m.file_size for m in members)
        if len(members) > MAX_MEMBERS or (
            expanded > RATIO_FROM and expanded > MAX_RATIO * max(size, 1)
        ):
            yield _refused(
                path,
                label,
                f"the zip archive claims {expanded // MiB} MiB in {len(members)} files from "
                f"{size // 1024} KiB, as a decompression bomb does; nothing of it was read; if it "
                "is real, unpack it and ingest the folder",
            )
            return
        inside = path.with_name(path.name.removesuffix(".zip") or "archive")
        truths: set[tuple[str, ...]] = set()
        for *above, last in filter(None, map(_parts, names)):
            if last == MARK:
                self._simulated[inside.joinpath(*above)] = True
            elif last == TRUTH_MARK:
                truths.add(tuple(above))
        for member in sorted(members, key=lambda m: m.filename):
            yield from self._member(archive, member, inside, label, truths)

    def _member(
        self,
        archive: zipfile.ZipFile,
        member: zipfile.ZipInfo,
        folder: Path,
        label: str,
        truths: set[tuple[str, ...]],
    ) -> Iterator[Found]:
        parts = _parts(member.filename)
        name = printable("/".join([label, *parts]))
        if any(tuple(parts[: len(truth)]) == truth for truth in truths):
            self._skipped(name, "a simulation's truth, which is never ingested")
            return
        reason = next((r for r in map(left_out, parts) if r), None)
        if reason or not parts:
            self._skipped(name, reason or "no name")
            return
        inside = folder.joinpath(*parts)
        if member.flag_bits & 1:
            yield _refused(
                inside, name, "it is encrypted with a password; unpack the archive first"
            )
            return
        logical = _logical(inside)
        group = self._group_of(logical)
        yield Found(logical, name, member.compress_size, lambda: archive.open(member), None, group)


def _parts(name: str) -> list[str]:
    """Split the name of a member of an archive, so that it stays inside whatever it says."""
    return [part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."}]


def _opened(path: Path) -> IO[bytes]:
    """Open a file that is read in large steps: a buffer between would only be one copy more."""
    return open(path, "rb", buffering=0)  # noqa: PTH123  (a third of the time of path.open)


def _logical(path: Path) -> PurePath:
    return path.with_name(path.name[:-3]) if path.name.lower().endswith(".gz") else path


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in {b"PK\x03\x04", b"PK\x05\x06"}


def _nothing() -> IO[bytes]:
    raise FileNotFoundError


def _refused(path: Path, label: str, reason: str) -> Found:
    return Found(path, label, 0, _nothing, reason)


def _unreadable(path: Path, label: str, what: str) -> Found:
    return _refused(path, label, f"it cannot be opened ({what}); check its permissions")
