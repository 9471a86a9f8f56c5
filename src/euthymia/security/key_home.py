"""The folder of the keys: its files, how they change, and how an older form is brought forward."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
from euthymia.security import key_files, key_tree
from euthymia.security.envelope import KEY_BYTES, context, unseal
from euthymia.security.key_tree import KEY_FILE, ROLES, Epoch, Header, Tree, Zone, derived, new_zone
from euthymia.security.roots import OpenVault, Vault, pack_key_file, read_key_file

MASTER_NAME: Final = "master.key"
TREE_NAME: Final = "tree"
_NEXT: Final = ".next"


@dataclass(frozen=True, slots=True)
class Root:
    """A root, opened: its secret, and what the tree's file says of it."""

    secret: bytes
    header: Header


@dataclass(frozen=True, slots=True)
class KeyHome:
    """The folder; `master` is where the key file rests if it is not in there."""

    folder: Path
    master: Path | None = None

    @property
    def key_file(self) -> Path:
        """Where the root secret rests, where the root is a key file."""
        return self.master if self.master is not None else self.folder / MASTER_NAME

    @property
    def tree_file(self) -> Path:
        """Where everything below the root rests."""
        return self.folder / TREE_NAME

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from changing the keys."""
        with key_files.held(self.folder):
            key_files.remove_unfinished(self.folder)
            yield

    # -- roots -----------------------------------------------------------------------------------

    def new_root(self, vault: Vault | None) -> Root:
        """Return the first root of a new home; a key file that is there already is used."""
        if vault is not None:
            return _sealed(secrets.token_bytes(KEY_BYTES), vault)
        if not self.key_file.exists():
            fresh = secrets.token_bytes(KEY_BYTES)
            key_files.write_private(self.key_file, pack_key_file(fresh))
        return _unsealed(read_key_file(self.key_file))

    def root(self, vaults: OpenVault) -> Root:
        """Open the root of the tree on disk. Nothing is asked of a vault for a damaged file."""
        header = self.header()
        if header.kind == KEY_FILE:
            return Root(self._from_key_file(header), header)
        vault = vaults(header.kind, header.settings)
        secret = vault.unseal(header.sealed, context=_root_place(vault))
        if key_tree.root_id(secret) != header.root_id:
            raise IntegrityError("keys/tree: the vault gave another root key than it was given")
        return Root(secret, header)

    @property
    def _waiting(self) -> Path:
        """Where the next key file is until the tree is sealed under it."""
        return self.key_file.with_name(self.key_file.name + _NEXT)

    def _from_key_file(self, header: Header) -> bytes:
        """Return the secret that the header speaks of, from the key file or the one to come."""
        if self._waiting.exists():
            secret = read_key_file(self._waiting)
            if key_tree.root_id(secret) == header.root_id:
                return secret
        secret = read_key_file(self.key_file)
        if key_tree.root_id(secret) != header.root_id:
            raise IntegrityError(
                f"{self.key_file.name} is not the key of this home: another key file was put in "
                "its place; restore the one that belongs to keys/tree"
            )
        return secret

    def refreshed(self, root: Root) -> Root:
        """Return the root of the tree on disk, where another process may have changed it."""
        header = self.header()
        if header.root_id == root.header.root_id:
            return root
        if header.kind != KEY_FILE:
            raise IntegrityError("the root key was changed: start this process again")
        return Root(self._from_key_file(header), header)

    def tidy(self) -> None:
        """Finish a change of root that was cut off. Call with the folder `held`."""
        header = self.header()
        if header.kind != KEY_FILE:
            if self.master is None:
                key_files.shred(self.key_file)
            return
        if self._waiting.exists():
            if key_tree.root_id(read_key_file(self._waiting)) == header.root_id:
                key_files.shred(self.key_file)
                self._waiting.replace(self.key_file)
                key_files.sync_folder(self.key_file.parent)
            else:
                key_files.shred(self._waiting)

    def change_root(self, tree: Tree, vault: Vault | None) -> Root:
        """Seal a tree under a new root; a crash leaves the old root or the new one in force.

        Call with the folder `held`.
        """
        was = self.header().kind
        fresh = secrets.token_bytes(KEY_BYTES)
        if vault is None:
            key_files.shred(self._waiting)
            key_files.write_private(self._waiting, pack_key_file(fresh))
        root = _unsealed(fresh) if vault is None else _sealed(fresh, vault)
        self.write(tree, root)
        if vault is not None and was == KEY_FILE:
            key_files.shred(self.key_file)
        self.tidy()
        return root

    # -- the tree --------------------------------------------------------------------------------

    def _tree_bytes(self) -> bytes:
        try:
            return key_files.read(self.tree_file)
        except FileNotFoundError:
            raise MissingError("keys/tree is not there: restore it from a backup") from None

    def header(self) -> Header:
        """Return what the tree's file says of its root."""
        return key_tree.read_header(self._tree_bytes())

    def tree(self, root: Root) -> Tree:
        """Read and check the tree and the public halves beside it."""
        raw = self._tree_bytes()
        key_tree.read_header(raw)
        tree = key_tree.unpack(raw, root.secret)
        for role, key in tree.signing.items():
            self._check_public(role, key)
        return tree

    def _check_public(self, role: str, key: bytes) -> None:
        try:
            public = key_files.read(self.folder / f"{role}.pub")
        except FileNotFoundError:
            raise MissingError(f"keys/{role}.pub is not there: restore it from a backup") from None
        if public != pem(key):
            raise IntegrityError(
                f"keys/{role}.pub is not the public half of the {role} key: it was changed; "
                "restore it from a backup"
            )

    def write(self, tree: Tree, root: Root) -> None:
        """Put a tree in the place of the one on disk; public halves that are missing are added."""
        for role, key in tree.signing.items():
            path = self.folder / f"{role}.pub"
            if not path.exists():
                key_files.write_private(path, pem(key))
        key_files.replace_private(self.tree_file, key_tree.pack(root.header, tree, root.secret))

    # -- checking --------------------------------------------------------------------------------

    def check(self, root: Root) -> tuple[list[str], Tree | None]:
        """Check every file; return the problems in words ([]: none), and the tree if it opens."""
        if not self.folder.is_dir():
            return [f"no keys at {self.folder}"], None
        known = {TREE_NAME, *(f"{role}.pub" for role in ROLES)}
        if root.header.kind == KEY_FILE and self.master is None:
            known |= {MASTER_NAME, MASTER_NAME + _NEXT}
        problems = [
            f"keys/{path.name}: not a file of the keyring, so nothing vouches for it: remove it"
            for path in sorted(self.folder.iterdir())
            if path.name not in known and not key_files.is_unfinished(path)
        ]
        private = [self.folder, self.tree_file]
        private += [self.key_file] if root.header.kind == KEY_FILE else []
        for path in private:
            problems += key_files.open_to_all(path)
        try:
            header = self.header()
            secret = root.secret
            if header.kind == KEY_FILE:  # the file may have changed since it was opened
                secret = self._from_key_file(header)
            return problems, self.tree(Root(secret, header))
        except EuthymiaError as error:
            return [*problems, str(error)], None

    # -- older forms -----------------------------------------------------------------------------

    def bring_forward(self) -> None:
        """Turn keys of the first form (all derived from one master key) into a tree.

        And finish what a crash left half done.

        The master key stays the root. A crash on the way leaves the first form, or the tree beside
        files that are removed at the next opening.
        """
        if not any((self.folder / f"{role}.key").exists() for role in ROLES):
            self._tidy_if_needed()
            return
        with self.held():
            if not self.tree_file.exists():
                secret = read_key_file(self.key_file)
                signing = {role: self._first_signing_key(secret, role) for role in ROLES}
                self.write(_first_tree(secret, signing), _unsealed(secret))
            for role in ROLES:
                key_files.shred(self.folder / f"{role}.key")

    def _tidy_if_needed(self) -> None:
        stray = self.master is None and self.key_file.exists()
        if self._waiting.exists() or (stray and self.header().kind != KEY_FILE):
            with self.held():
                self.tidy()

    def add_roles(self, tree: Tree, root: Root) -> Tree:
        """Give keys to the signing roles that a tree of an older version has none of."""
        missing = [role for role in ROLES if role not in tree.signing]
        if not missing:
            return tree
        with self.held():
            tree = self.tree(root)
            new = {r: Ed25519PrivateKey.generate().private_bytes_raw() for r in missing}
            generation = tree.generation + 1
            signing = {**new, **tree.signing}
            tree = msgspec.structs.replace(tree, generation=generation, signing=signing)
            self.write(tree, root)
        return tree

    def _first_signing_key(self, secret: bytes, role: str) -> bytes:
        try:
            sealed = key_files.read(self.folder / f"{role}.key")
        except FileNotFoundError:
            raise MissingError(f"keys/{role}.key is not there: restore it from a backup") from None
        try:
            raw = unseal(
                derived(secret, 1, "signing", role), sealed, context=context("signing key", role)
            )
        except IntegrityError:
            raise IntegrityError(
                f"keys/{role}.key does not open: it was changed, or it belongs to another master "
                "key; restore both from the same backup"
            ) from None
        self._check_public(role, raw)
        return raw


_FIRST_LABELS: Final = (
    *("page", "pseudonym", "blind", "contact", "session", "digest", "file digest", "file name"),
    *("config", "feature-only", "ledger-mac", "model", "research"),
)
"""What the first form derived from its master key."""


def _first_tree(secret: bytes, signing: dict[str, bytes]) -> Tree:
    zones: dict[str, Zone] = {}
    for name in key_tree.ZONES:
        labels = {
            label: derived(secret, 1, "use", label)
            for label in _FIRST_LABELS
            if key_tree.zone_of(label) == name
        }
        zones[name] = msgspec.structs.replace(new_zone(), labels=labels)
    first = Epoch(1, derived(secret, 1, "wrap"), first=True)
    zones[key_tree.LIVE] = msgspec.structs.replace(zones[key_tree.LIVE], epochs=(first,))
    return Tree(1, zones, signing)


def pem(key: bytes) -> bytes:
    """Return the public half of a signing key as a PEM file."""
    public = Ed25519PrivateKey.from_private_bytes(key).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _unsealed(secret: bytes) -> Root:
    return Root(secret, Header(KEY_FILE, {}, b"", key_tree.root_id(secret)))


def _sealed(secret: bytes, vault: Vault) -> Root:
    sealed = vault.seal(secret, context=_root_place(vault))
    return Root(secret, Header(vault.kind, vault.settings, sealed, key_tree.root_id(secret)))


def _root_place(vault: Vault) -> bytes:
    """Return what a sealed root is tied to: that it is one, its kind, and the vault's settings."""
    settings = sorted((name, str(value)) for name, value in vault.settings.items())
    return context("root key", vault.kind, *(part for pair in settings for part in pair))
