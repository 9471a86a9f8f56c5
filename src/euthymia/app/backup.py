"""`euthymia backup`: one consistent copy of a home, encrypted as it rests, with a signed manifest.

The server may go on: the state of the database is fixed, and the ledger copied, while nobody can
commit; the rest is copied from that state. Without the root key nobody can read a backup, so the
key file stays out of it unless it is asked for.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from euthymia import __version__
from euthymia.app import copies, tombstones
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.copies import MANIFEST
from euthymia.app.home import Home
from euthymia.app.published import FOLDER as EVIDENCE
from euthymia.app.reports import held as reports_held
from euthymia.app.shell import Progress
from euthymia.app.unfinished import building
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.security.key_files import held, sync_folder
from euthymia.security.key_home import MASTER_NAME
from euthymia.security.keys import Keyring
from euthymia.security.ledger_files import LOCK_NAME, TURN_NAME

CONTENT: Final = "home"
MAGIC: Final = b"EUTHBAK1"
SIGNATURE_BYTES: Final = 64
_CHUNK: Final = 1 << 20
_STEPS: Final = 4


class File(msgspec.Struct, frozen=True):
    """One file of a backup."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds, signed with the clinic's ledger key. `home`: where it was taken."""

    format: int
    home: str
    version: str
    made_at: str
    ledger_seq: int
    ledger_digest: str
    root_kind: str
    with_root: bool
    files: dict[str, File]


def back_up(clinic: Clinic, target: Path, *, with_root: bool, progress: Progress) -> dict[str, Any]:
    """Write a backup into a new folder; it appears whole or not at all.

    Raises
    ------
    EuthymiaError
        There are files at `target` already, or it lies in the home.
    """
    _require_elsewhere(clinic.home, target)
    if with_root and clinic.keyring.root_kind != "key-file":
        raise EuthymiaError("the root is not a file, so --with-root has nothing to copy")
    clinic.ledger.append(
        Entry(shell_actor(), "back up", Purpose.CARE, detail={"with_root": with_root})
    )
    copies.remember(clinic.home, clinic.keyring, target)  # who is erased meanwhile: it is named
    with building(target, "unfinished") as folder:
        (folder / CONTENT).mkdir(mode=0o700)
        head = _copy(clinic, folder / CONTENT, with_root=with_root, progress=progress)
        manifest = Manifest(
            format=1,
            home=str(clinic.home.path.resolve()),
            version=__version__,
            made_at=clinic.clock().isoformat(timespec="seconds"),
            ledger_seq=head[0],
            ledger_digest=head[1],
            root_kind=clinic.keyring.root_kind,
            with_root=with_root,
            files=dict(listed(folder / CONTENT)),
        )
        _write_manifest(folder, manifest, clinic.keyring)
        folder.rename(target)
        sync_folder(target.parent)
    copies.remember(clinic.home, clinic.keyring, target)  # another backup may have dropped it
    clinic.write_tombstones()  # of somebody erased after the copy was taken, beside it
    progress(_STEPS, _STEPS)
    return {
        "backup": target,
        "made_at": manifest.made_at,
        "files": len(manifest.files),
        "bytes": sum(file.size for file in manifest.files.values()),
        "ledger_seq": manifest.ledger_seq,
        "with_root": with_root,
    }


def _require_elsewhere(home: Home, target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise EuthymiaError("there are files at that place already: name a new folder")
    if target.resolve().is_relative_to(home.path.resolve()):
        raise EuthymiaError("a backup inside the home is lost with it: name another place")
    if target.exists():
        target.rmdir()


def _copy(clinic: Clinic, into: Path, *, with_root: bool, progress: Progress) -> tuple[int, str]:
    home = clinic.home
    head: list[tuple[int, str]] = []
    blinds: list[str] = []

    def while_nobody_commits() -> None:
        clinic.ledger.sync()
        head.append(clinic.ledger.head())
        with clinic.ledger.held():
            _copy_folder(home.ledger, into / home.ledger.name, without=(LOCK_NAME, TURN_NAME))
            _copy_files(home, into)  # what is in force is what this ledger was told last
        with held(home.keys):  # an erasure or a rotation a moment later destroys those of now
            _copy_folder(home.keys, into / home.keys.name, without=out)
        blinds.extend(clinic.store.tombstones())
        progress(1, _STEPS)

    out = () if with_root and not clinic.config.keys.master else (MASTER_NAME,)
    with reports_held(home.reports, alone=False):  # one of later is foreign to that ledger
        clinic.store.copy_to(into / home.database.name, while_nobody_commits)
        _copy_folder(home.reports, into / home.reports.name)
    progress(2, _STEPS)
    if with_root and clinic.config.keys.master:
        _copy_file(Path(clinic.config.keys.master), into / home.keys.name / MASTER_NAME)
    with clinic.registry.held():
        _copy_folder(home.models, into / home.models.name, without=("lock",))
        if home.models_seen.is_file():
            _copy_file(home.models_seen, into / home.models_seen.name)
    _copy_folder(home.redeemed, into / home.redeemed.name)
    if blinds:
        tombstones.write(into / home.tombstones.name, clinic.keyring, clinic.ledger, blinds)
    progress(3, _STEPS)
    return head[0]


def _copy_files(home: Home, into: Path) -> None:
    """Copy the files at the top of a home, and the published evidence."""
    # the copy knows of no copies; what was seen of the models goes with them; the list of erased
    # people is that of the copied database
    own = (home.database, home.copies, home.models_seen, home.tombstones, home.served)
    ours = (*(path.name for path in own), ".")
    for file in sorted(home.path.iterdir()):
        if file.is_file() and not file.name.startswith(ours):
            _copy_file(file, into / file.name)
    if (home.path / EVIDENCE).is_dir():
        _copy_folder(home.path / EVIDENCE, into / EVIDENCE)


def _copy_folder(source: Path, target: Path, without: tuple[str, ...] = ()) -> None:
    target.mkdir(mode=0o700, exist_ok=True)
    if not source.is_dir():
        return
    for file in sorted(source.rglob("*")):
        name = file.relative_to(source)
        if file.is_dir():
            (target / name).mkdir(mode=0o700, exist_ok=True)
        elif file.is_file() and str(name) not in without and not file.name.startswith("."):
            _copy_file(file, target / name)


def _copy_file(source: Path, target: Path) -> None:
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as out, source.open("rb") as file:
        shutil.copyfileobj(file, out, _CHUNK)
        out.flush()
        os.fsync(out.fileno())


def listed(folder: Path) -> Iterator[tuple[str, File]]:
    """Yield the name, size and digest of every file in a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise IntegrityError("a backup holds files and folders, and nothing else")
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            yield path.relative_to(folder).as_posix(), File(path.stat().st_size, digest)


def _write_manifest(folder: Path, manifest: Manifest, keyring: Keyring) -> None:
    body = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=1)
    signed = MAGIC + keyring.signer("ledger").sign(MAGIC + body) + body
    handle = os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(signed)
        file.flush()
        os.fsync(file.fileno())
