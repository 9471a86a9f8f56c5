"""The clinic's keys: root -> a key a zone and epoch -> a key a subject; and the signing keys.

Files in the folder (0700; each file 0600): `tree` (everything, sealed under the root), `<role>.pub`
(PEM, for whoever checks a signature without our keys), and, where the root is a key file that is
kept here, `master.key`. Every byte of every file is covered: a flipped bit is noticed on opening.
See docs/adr/0010-key-tree.md.
"""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from euthymia.ground.errors import AccessError, EuthymiaError, IntegrityError, MissingError
from euthymia.security.envelope import KEY_BYTES, context, seal, unseal
from euthymia.security.key_files import sync_folder, write_private
from euthymia.security.key_home import MASTER_NAME, KeyHome, Root
from euthymia.security.key_tree import (
    LIVE,
    ROLES,
    ZONES,
    Epoch,
    Tree,
    Zone,
    derived,
    new_zone,
    zone_of,
    zone_of_role,
)
from euthymia.security.roots import OpenVault, Vault, local_vault

__all__ = ["MASTER_NAME", "ROLES", "ZONES", "Keyring", "write_private"]

_WRAPPED: Final = 3
"""First byte of a wrapped key; the epoch's number (4 bytes) and an envelope follow."""


class Keyring:
    """All keys of one clinic, or those of some zones. Holds secrets in memory: never log it."""

    def __init__(self, tree: Tree, home: KeyHome | None = None, root: Root | None = None) -> None:
        self._tree = tree
        self._home = home
        self._root = root

    # -- making and opening ----------------------------------------------------------------------

    @classmethod
    def create(
        cls, folder: Path, master: Path | None = None, vault: Vault | None = None
    ) -> "Keyring":
        """Make a new set of keys in `folder`; the folder appears whole or not at all.

        Parameters
        ----------
        folder : Path
            Must not exist, or be empty.
        master : Path, optional
            Where the key file rests instead of `folder/master.key` (another disk, a mounted
            secret). One that is already there is used and never overwritten.
        vault : Vault, optional
            What keeps the root secret instead of a key file.

        Raises
        ------
        EuthymiaError
            If there are keys already: nothing is ever overwritten.
        """
        if folder.is_dir() and any(folder.iterdir()):
            raise EuthymiaError(f"there are keys in {folder} already: open them, or name another")
        folder.parent.mkdir(parents=True, exist_ok=True)
        building = folder.parent / f".{folder.name}-{secrets.token_hex(4)}"
        building.mkdir(mode=0o700)
        try:
            home = KeyHome(building, master)
            root = home.new_root(vault)
            home.write(_new_tree(), root)
            building.rename(folder)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        sync_folder(folder.parent)
        moved = KeyHome(folder, master)
        return cls(moved.tree(root), moved, root)

    @classmethod
    def open(
        cls, folder: Path, master: Path | None = None, vaults: OpenVault = local_vault
    ) -> "Keyring":
        """Read and check every key file; keys of an older form are brought forward first.

        Parameters
        ----------
        folder, master : Path
            As they were given to `create`.
        vaults : callable
            Opens the vault that the root secret rests in, where it is not a key file.

        Raises
        ------
        MissingError
            If a file is not there.
        IntegrityError
            If any bit of any key file is not the one that was written.
        AccessError, BusyError
            If the vault refuses, or does not answer: then nothing is opened.
        """
        if not folder.is_dir():
            raise MissingError(f"no keys at {folder}: run `euthymia init`, or name the right home")
        home = KeyHome(folder, master)
        home.bring_forward()
        root = home.root(vaults)
        return cls(home.add_roles(home.tree(root), root), home, root)

    def verify(self) -> list[str]:
        """Check the files on disk again, and that they still hold the keys in memory."""
        if self._home is None or self._root is None:
            return []
        problems, tree = self._home.check(self._root)
        if tree is not None and not problems and not _continues(self._tree, tree):
            problems.append("keys: the files hold other keys than those this process runs on")
        return problems

    def reload(self) -> None:
        """Take up the epochs that another process has begun or destroyed."""
        if self._home is None or self._root is None:
            raise AccessError("keys that were lent cannot be read anew: start this process again")
        root = self._home.refreshed(self._root)
        tree = self._home.tree(root)
        if not _continues(self._tree, tree):
            raise IntegrityError("the key files hold other keys than those this process runs on")
        self._tree, self._root = tree, root

    # -- lending ---------------------------------------------------------------------------------

    @contextmanager
    def lend(self, zones: Iterable[str]) -> Iterator[int]:
        """Give a child process the keys of some zones and of no other.

        Yields the descriptor of a pipe that holds them: pass it on (`Popen(pass_fds=[fd])`), and
        have the child call `Keyring.borrowed(fd)`. What is in a pipe is on no disk, and is gone
        once it is read. Spawn the child; a forked one has the whole of this process's memory.
        """
        loan = msgspec.msgpack.encode(self._part(zones))
        end, start = os.pipe()
        try:
            with os.fdopen(start, "wb") as pipe:  # a few KiB: they fit into the pipe
                pipe.write(loan)
            yield end
        finally:
            os.close(end)

    @classmethod
    def borrowed(cls, descriptor: int) -> "Keyring":
        """Take the keys that a parent process lends (see `lend`), once."""
        with os.fdopen(descriptor, "rb") as pipe:
            loan = pipe.read()
        try:
            return cls(msgspec.msgpack.decode(loan, type=Tree))
        except msgspec.DecodeError:
            raise MissingError("no keys were lent to this process, or they were taken") from None

    def _part(self, zones: Iterable[str]) -> Tree:
        wanted = frozenset(zones)
        for zone in wanted:
            self._zone(zone)
        tree = self._tree
        return Tree(
            tree.generation,
            {name: zone for name, zone in tree.zones.items() if name in wanted},
            {role: key for role, key in tree.signing.items() if zone_of_role(role) in wanted},
        )

    # -- using -----------------------------------------------------------------------------------

    @property
    def zones(self) -> frozenset[str]:
        """The zones that this keyring has keys of."""
        return frozenset(self._tree.zones)

    def derive(self, label: str) -> bytes:
        """Return the 32-byte key for one use (HKDF-SHA256 of a zone's seed, RFC 5869).

        Different labels give unrelated keys. A label whose first word is a zone ("ledger-mac",
        "model", "train split") belongs to that zone, any other to `live` ("page", "pseudonym",
        "blind", "contact", "session", "digest"). These keys stay when a new epoch begins: by them
        things are found again.

        Raises
        ------
        AccessError
            The keys of that zone were not lent to this process.
        """
        zone = self._zone(zone_of(label))
        carried = zone.labels.get(label)
        return carried if carried is not None else derived(zone.seed, 2, "use", label)

    def new_data_key(self) -> bytes:
        """Return 32 random bytes: the key of one subject's data."""
        return secrets.token_bytes(KEY_BYTES)

    def wrap(self, data_key: bytes, *, context: bytes, zone: str = LIVE) -> bytes:
        """Seal a data key under the zone's epoch in use, tied to `context` (whose key it is)."""
        if len(data_key) != KEY_BYTES:
            raise ValueError("a data key has 32 bytes")
        epoch = self._zone(zone).current
        head = bytes([_WRAPPED]) + epoch.number.to_bytes(4, "big")
        place = _place(head, zone, context)
        return head + seal(epoch.key, data_key, context=place, compress=False)

    def unwrap(self, wrapped: bytes, *, context: bytes, zone: str = LIVE) -> bytes:
        """Return the data key; IntegrityError if it was changed or is somebody else's."""
        epoch = self._epoch(zone, self.epoch_of(wrapped))
        if wrapped[0] != _WRAPPED:
            return unseal(epoch.key, wrapped, context=context)
        head, sealed = wrapped[:5], wrapped[5:]
        return unseal(epoch.key, sealed, context=_place(head, zone, context))

    @staticmethod
    def epoch_of(wrapped: bytes) -> int:
        """Return the number of the epoch that wraps a key; of the oldest form: 1."""
        if wrapped[:1] != bytes([_WRAPPED]):
            return 1
        return int.from_bytes(wrapped[1:5], "big")

    def signer(self, role: str) -> Ed25519PrivateKey:
        """Return the signing key of a role in `ROLES`."""
        return self._signers[role]

    def verifier(self, role: str) -> Ed25519PublicKey:
        """Return the public key of a role in `ROLES`."""
        return self._signers[role].public_key()

    @cached_property
    def _signers(self) -> Mapping[str, Ed25519PrivateKey]:
        keys = self._tree.signing.items()
        return {role: Ed25519PrivateKey.from_private_bytes(key) for role, key in keys}

    def _zone(self, name: str) -> Zone:
        zone = self._tree.zones.get(name)
        if zone is None:
            held = ", ".join(sorted(self._tree.zones)) or "no zone"
            raise AccessError(
                f"this process was lent the keys of {held}, and not those of {name!r}"
            )
        return zone

    def _epoch(self, zone: str, number: int) -> Epoch:
        found = _find(self._zone(zone), number)
        if found is None and self._home is not None:
            self.reload()
            found = _find(self._zone(zone), number)
        if found is None:
            raise IntegrityError(
                f"a key was wrapped in epoch {number} of {zone}, whose key is destroyed or not in "
                "keys/tree; restore keys and data from the same backup"
            )
        return found

    # -- epochs and roots ------------------------------------------------------------------------

    @property
    def root_kind(self) -> str:
        """What the root rests in: `key-file`, or a vault's kind; `lent` without a root."""
        return "lent" if self._root is None else self._root.header.kind

    @property
    def root_secret(self) -> bytes | None:
        """What opens the keys without their vault, for workers of this process; None if lent."""
        return None if self._root is None else self._root.secret

    @property
    def root_settings(self) -> Mapping[str, str | int]:
        """Where the root rests, in the words of its kind."""
        return {} if self._root is None else self._root.header.settings

    def epochs(self, zone: str = LIVE) -> tuple[int, ...]:
        """Return the numbers of a zone's epochs whose keys exist; the last one is in use."""
        return tuple(epoch.number for epoch in self._zone(zone).epochs)

    def from_root_alone(self, zone: str = LIVE) -> bool:
        """Tell whether the root key alone gives an epoch's key: in homes of the oldest form."""
        return any(epoch.first for epoch in self._zone(zone).epochs)

    def begin_epoch(self, zone: str = LIVE) -> int:
        """Begin a new epoch, on disk before this returns; the ones before it stay readable."""
        with self._changing() as tree:
            now = tree.zones[zone]
            number = now.current.number + 1
            epochs = (*now.epochs, Epoch(number, secrets.token_bytes(KEY_BYTES)))
            self._save(tree, zone, epochs)
        return number

    def destroy_epochs(self, zone: str, before: int) -> int:
        """Destroy the keys of epochs before a number; what they wrap is lost for ever.

        Returns how many were destroyed. The epoch in use always stays.
        """
        with self._changing() as tree:
            now = tree.zones[zone]
            kept = tuple(e for e in now.epochs if e.number >= before) or (now.current,)
            gone = len(now.epochs) - len(kept)
            if gone:
                self._save(tree, zone, kept)
        return gone

    def change_root(self, vault: Vault | None = None) -> None:
        """Put everything under a new root secret, in a vault or a key file.

        The old root opens nothing from then on: make a new backup, and keep the new root.
        """
        with self._changing() as tree:
            assert self._home is not None
            self._root = self._home.change_root(self._advanced(tree), vault)
            self._tree = self._home.tree(self._root)

    @contextmanager
    def _changing(self) -> Iterator[Tree]:
        """Hold the folder against other processes and yield the tree as it is on disk."""
        if self._home is None or self._root is None:
            raise AccessError("keys that were lent cannot be changed")
        with self._home.held():
            self.reload()
            yield self._tree

    def _save(self, tree: Tree, zone: str, epochs: tuple[Epoch, ...]) -> None:
        assert self._home is not None
        assert self._root is not None
        changed = msgspec.structs.replace(tree.zones[zone], epochs=epochs)
        tree = msgspec.structs.replace(tree, zones={**tree.zones, zone: changed})
        self._home.write(self._advanced(tree), self._root)
        self._tree = self._home.tree(self._root)

    @staticmethod
    def _advanced(tree: Tree) -> Tree:
        return msgspec.structs.replace(tree, generation=tree.generation + 1)


def _new_tree() -> Tree:
    signing = {role: Ed25519PrivateKey.generate().private_bytes_raw() for role in ROLES}
    return Tree(1, {zone: new_zone() for zone in ZONES}, signing)


def _find(zone: Zone, number: int) -> Epoch | None:
    return next((epoch for epoch in zone.epochs if epoch.number == number), None)


def _place(head: bytes, zone: str, whose: bytes) -> bytes:
    return context("wrapped key", head, zone, whose)


def _continues(old: Tree, new: Tree) -> bool:
    """Tell whether one tree is the same keys as another, or those some epochs later."""
    same = {name: zone.seed for name, zone in new.zones.items()}
    known = all(same.get(name) == zone.seed for name, zone in old.zones.items())
    signed = all(new.signing.get(role) == key for role, key in old.signing.items())
    return known and signed and new.generation >= old.generation
