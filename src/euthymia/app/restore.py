"""`euthymia restore`: a backup becomes a home, after everything in it was verified.

Nothing is in place before all of it holds; whoever was erased since the backup is erased from it
before anybody can open it.
"""

import glob
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature

from euthymia.app import tombstones
from euthymia.app.backup import CONTENT, MAGIC, SIGNATURE_BYTES, Manifest, listed
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.config import Config, StoreConfig, load, render
from euthymia.app.copies import LIST, MANIFEST
from euthymia.app.database import drop_from_server, to_server
from euthymia.app.feature_job import recompute
from euthymia.app.home import Home, accept_config, is_accepted, open_keys, require_accepted
from euthymia.app.in_force import SETTINGS, digest_of
from euthymia.app.shell import Progress
from euthymia.app.since_backup import (
    Newer,
    newer,
    take_newer_accounts,
    take_newer_marks,
    withdraw_again,
)
from euthymia.app.unfinished import building as under_way
from euthymia.app.verify import verify_home
from euthymia.app.witnesses import vouched
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
from euthymia.security.key_files import sync_folder
from euthymia.security.key_home import MASTER_NAME
from euthymia.security.keys import Keyring
from euthymia.store.retract import RETRACTED

ASIDE: Final = ".before-restore-"
_STEPS: Final = 4


@dataclass(frozen=True, slots=True)
class Wish:
    """What `restore` was asked: which lists of erased people, which root key, over what.

    `store`: the server to put the data on; None leaves it in a file of the home.
    """

    lists: Sequence[Path] = ()
    master: Path | None = None
    replace: bool = False
    store: StoreConfig | None = None


def restore(source: Path, target: Path, wish: Wish, progress: Progress) -> dict[str, Any]:
    """Make the home `target` from a backup.

    Raises
    ------
    IntegrityError
        The backup was changed, or its keys are not those it was signed with.
    EuthymiaError
        There is a home at `target` already, and it is not to be replaced.
    """
    manifest, signed = read_manifest(source)
    around = _around(Home(target), manifest)
    if target.exists() and any(target.iterdir()) and not wish.replace:
        raise EuthymiaError(
            "there is something at that place already: name a new home, or add --replace "
            "(what is there now is kept beside it)"
        )
    with under_way(target, "restoring") as building:
        _require_plain(source / CONTENT)
        shutil.copytree(source / CONTENT, building, symlinks=True, dirs_exist_ok=True)
        progress(1, _STEPS)
        _require_unchanged(building, manifest)
        keyring = _open(building, around, wish.master, signed)
        progress(2, _STEPS)
        moved = _settle(Home(building), keyring, StoreConfig())
        _require_sound(building)
        same = [home for home in around if _same_clinic(home, Home(building))]
        beside = [source / LIST] if (source / LIST).is_file() else []
        lists = _lists(same, [*wish.lists, *beside], keyring)
        progress(3, _STEPS)
        since = newer(same, keyring, manifest.ledger_seq, building / "newer-ledger")
        accounts = take_newer_accounts(same, Home(building), keyring)
        take_newer_marks(same, Home(building))
        said = _bury(building, manifest, lists, since)
        if wish.store is not None:
            _move(building, wish.store, keyring)
        aside = _put_in_place(building, target)
    progress(_STEPS, _STEPS)
    engine = wish.store.engine if wish.store else StoreConfig().engine
    about = {"home": target, "made_at": manifest.made_at, "store": engine}
    said |= {
        "accounts_kept": accounts,
        "newer_home": bool(same),
        "newer_ledger": bool(same) and since.whole,
    }
    from_server = moved and wish.store is None
    return {**about, **said, "from_server_to_file": from_server, "kept_beside": aside}


def _settle(home: Home, keyring: Keyring, store: StoreConfig) -> bool:
    """Have the settings say where the data rests; tell whether they said something else.

    In a backup it is a file, whatever they say.
    """
    config, raw = load(home.config_file)
    require_accepted(accepted=is_accepted(home, keyring, raw))
    if config.store == store:
        return False
    home.config_file.write_text(render(replace(config, store=store)), encoding="utf-8")
    accept_config(home, keyring)
    return True


def _move(building: Path, store: StoreConfig, keyring: Keyring) -> None:
    """Put the data on a server, where it has to verify as it did in the file."""
    to_server(Home(building), store, keyring)
    try:
        _settle(Home(building), keyring, store)
        _require_sound(building)
        with Clinic.opened(building) as clinic:
            detail = {SETTINGS: digest_of(clinic.home.config_file)}
            entry = Entry(shell_actor(), "accept settings", Purpose.CARE, detail=detail)
            clinic.ledger.append(entry)
    except BaseException:
        drop_from_server(store)
        raise


def _around(target: Home, manifest: Manifest) -> list[Home]:
    """Return the homes that may know more than the backup: the one there, the one it is of.

    Where there is none any more, those that a restore put aside: it may have been killed then.
    """
    found: dict[Path, Home] = {}
    for place in (target.path, Path(manifest.home)):
        aside = (
            []
            if place.exists()
            else sorted(place.parent.glob(f"{glob.escape(place.name)}{ASIDE}*"))
        )
        found |= {path.resolve(): Home(path) for path in (place, *aside)}
    return list(found.values())


def _same_clinic(home: Home, restored: Home) -> bool:
    """Tell whether a home is there that signs with the same key."""
    ours, theirs = (folder.keys / "ledger.pub" for folder in (restored, home))
    try:
        return theirs.read_bytes() == ours.read_bytes()
    except OSError:
        return False


def read_manifest(source: Path) -> tuple[Manifest, bytes]:
    """Return a backup's manifest, and its signed bytes; the signature is not checked yet."""
    try:
        raw = (source / MANIFEST).read_bytes()
    except FileNotFoundError:
        raise MissingError(
            "there is no backup here, or one that was stopped before its end: name the folder "
            "that `euthymia backup` wrote"
        ) from None
    try:
        manifest = msgspec.json.decode(raw[len(MAGIC) + SIGNATURE_BYTES :], type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _altered() from None
    if not raw.startswith(MAGIC) or manifest.format != 1:
        raise _altered()
    return manifest, raw


def _altered() -> IntegrityError:
    return IntegrityError("the backup was changed since it was written: take another one")


def _require_plain(content: Path) -> None:
    """Refuse what is no file or folder before it is opened: a link to a device never ends."""
    for path in content.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise _altered()


def _require_unchanged(building: Path, manifest: Manifest) -> None:
    """Compare the copy, and not the backup, with the manifest: what was checked is what is used."""
    if dict(listed(building)) != manifest.files:
        raise _altered()


def _open(building: Path, around: list[Home], master: Path | None, signed: bytes) -> Keyring:
    home = Home(building)
    config, _ = load(home.config_file)
    _place_root(home, around, config, master)
    keyring = open_keys(home, config)
    require_signed(keyring, signed)
    return keyring


def require_signed(keyring: Keyring, signed: bytes) -> None:
    """Compare a manifest with its signature; IntegrityError if the clinic's key did not make it."""
    start = len(MAGIC) + SIGNATURE_BYTES
    try:
        keyring.verifier("ledger").verify(signed[len(MAGIC) : start], MAGIC + signed[start:])
    except InvalidSignature:
        raise IntegrityError(
            "the backup is not signed with the keys in it: it was put together from several, or "
            "changed; take another one"
        ) from None


def _place_root(home: Home, around: list[Home], config: Config, master: Path | None) -> None:
    """Put the key file where the settings look for it, if the root is one."""
    inside = home.keys / MASTER_NAME
    wanted = Path(config.keys.master) if config.keys.master else inside
    same = [other for other in around if _same_clinic(other, home)]
    beside = [inside] if config.keys.master else [other.keys / MASTER_NAME for other in same]
    for found in ([master] if master else []) + beside:
        if not wanted.exists() and found.is_file():
            wanted.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found, wanted)
            wanted.chmod(0o600)
    if config.keys.master and inside.is_file():
        inside.unlink()  # the settings keep it elsewhere


def _require_sound(building: Path) -> None:
    found = verify_home(building, lambda _done, _of: None, witnessed=False)  # it is of before
    if found:
        raise IntegrityError(f"the backup does not verify: {'; '.join(found[:3])}")


def _lists(
    same: Sequence[Home], given: Sequence[Path], keyring: Keyring
) -> list[tombstones.Tombstones]:
    """Read the lists that were given, and those of homes of this clinic."""
    files = [*given, *(home.tombstones for home in same if home.tombstones.is_file())]
    return [tombstones.read(file, keyring) for file in files]


def _bury(
    building: Path,
    manifest: Manifest,
    lists: list[tombstones.Tombstones],
    since: Newer,
) -> dict[str, Any]:
    """Erase, withdraw and take back again what was since the backup; tell the ledger all of it."""
    blinds = sorted({blind for listed_ in lists for blind in listed_.blinds})
    with Clinic.opened(building) as clinic:
        seen, _ = vouched(clinic.ledger, clinic.config.ledger)
        told = [*(one.ledger_seq for one in lists), *(one.size for one in seen)]
        rolled_back = max(max([since.last, *told]) - manifest.ledger_seq, 0)
        audit = Entry(shell_actor(), "erase subject", Purpose.CARE)
        gone = clinic.store.bury(blinds, audit)
        clinic.finish_erasures()  # accounts and emergencies of theirs
        again = withdraw_again(clinic, since)
        retracted = Entry(shell_actor(), RETRACTED, Purpose.CARE)
        removed = clinic.store.take_back(since.records, retracted)
        recompute(clinic, removed.people, answers_only=True)
        detail: dict[str, str | int | float | bool] = {
            "backup_of": manifest.made_at,
            "ledger_seq": manifest.ledger_seq,
            "erased_again": len(gone),
            "entries_rolled_back": rolled_back,
            "withdrawn_again": again,
            "retracted_again": removed.records,
            SETTINGS: digest_of(clinic.home.config_file),
        }
        entry = clinic.ledger.append(Entry(shell_actor(), "restore", Purpose.CARE, detail=detail))
    return {
        "ledger_entry": entry,
        "ledger_seq": manifest.ledger_seq,
        "entries_rolled_back": rolled_back,
        "erased_again": len(gone),
        "withdrawn_again": again,
        "retracted_again": removed.records,
        "retracted_by_hand": since.by_hand,
        "retracted_of_several": removed.left,
    }


def _put_in_place(building: Path, target: Path) -> Path | None:
    aside = None
    if target.exists():
        if any(target.iterdir()):
            aside = target.with_name(f"{target.name}{ASIDE}{secrets.token_hex(4)}")
            target.rename(aside)
        else:
            target.rmdir()
    building.rename(target)
    sync_folder(target.parent)
    return aside
