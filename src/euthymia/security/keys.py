"""The clinic's keys: one master key, and signing keys that rest sealed under it.

Files in the folder (0700; each file 0600): `master.key` (or another path, such as a mounted
secret), and per signing role `<role>.key` (sealed) and `<role>.pub` (PEM, for whoever checks a
signature without our keys). Every byte of every file is covered: a flipped bit is noticed on
opening. See docs/adr/0003-keys-and-envelopes.md.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from euthymia.ground.errors import AccessError, EuthymiaError, IntegrityError, MissingError
from euthymia.security.envelope import KEY_BYTES, context, seal, unseal

ROLES: Final = ("token", "ledger", "model")
"""What is signed: access tokens; the ledger's head and checkpoints; released models."""

MASTER_NAME: Final = "master.key"
_MAGIC: Final = b"euthymia master key 1\n"
_SUM_BYTES: Final = 32


class Keyring:
    """All keys of one clinic. Holds secrets in memory: never log it, never send it anywhere."""

    def __init__(
        self,
        secret: bytes,
        signing: Mapping[str, Ed25519PrivateKey],
        folder: Path,
        master: Path | None = None,
    ) -> None:
        self._master = secret
        self._signing = signing
        self._folder = folder
        self._master_path = master

    @classmethod
    def create(cls, folder: Path, master: Path | None = None) -> "Keyring":
        """Make a new set of keys in `folder`; the folder appears whole or not at all.

        Parameters
        ----------
        folder : Path
            Must not exist, or be empty.
        master : Path, optional
            Where the master key rests instead of `folder/master.key` (another disk, a mounted
            secret). One that is already there is used and never overwritten.

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
            master_path = master if master is not None else building / MASTER_NAME
            if not master_path.exists():
                write_private(master_path, _pack_master(secrets.token_bytes(KEY_BYTES)))
            secret = _unpack_master(master_path)
            for role in ROLES:
                _write_signing_key(building, secret, role)
            building.rename(folder)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        _sync_folder(folder.parent)
        return cls.open(folder, master)

    @classmethod
    def open(cls, folder: Path, master: Path | None = None) -> "Keyring":
        """Read and check every key file.

        Raises
        ------
        MissingError
            If a file is not there.
        IntegrityError
            If any bit of any key file is not the one that was written.
        """
        if not folder.is_dir():
            raise MissingError(f"no keys at {folder}: run `euthymia init`, or name the right home")
        secret = _unpack_master(master if master is not None else folder / MASTER_NAME)
        signing = {role: _read_signing_key(folder, secret, role) for role in ROLES}
        return cls(secret, signing, folder, master)

    def verify(self) -> list[str]:
        """Check the files on disk again, and that they still hold the keys in memory."""
        problems = self.check(self._folder, self._master_path)
        if not problems and Keyring.open(self._folder, self._master_path)._master != self._master:
            problems.append("keys: the files hold other keys than those this process runs on")
        return problems

    @staticmethod
    def check(folder: Path, master: Path | None = None) -> list[str]:
        """Check every key file, one by one; return the problems in words ([]: none)."""
        master_path = master if master is not None else folder / MASTER_NAME
        if not folder.is_dir():
            return [f"no keys at {folder}"]
        known = {MASTER_NAME, *(role + end for role in ROLES for end in (".key", ".pub"))}
        problems = [
            f"keys/{path.name}: not a file of the keyring, so nothing vouches for it: remove it"
            for path in sorted(folder.iterdir())
            if path.name not in known
        ]
        problems += _open_to_all(folder, master_path)
        try:
            secret = _unpack_master(master_path)
        except EuthymiaError as error:
            return [*problems, str(error)]
        for role in ROLES:
            try:
                _read_signing_key(folder, secret, role)
            except EuthymiaError as error:
                problems.append(str(error))
        return problems

    def derive(self, label: str) -> bytes:
        """Return the 32-byte key for one use (HKDF-SHA256 of the master key, RFC 5869).

        Different labels give unrelated keys: "page", "pseudonym", "blind", "contact", "research",
        "model", "ledger-mac", "session" and so on.
        """
        return _derive(self._master, "use", label)

    def new_data_key(self) -> bytes:
        """Return 32 random bytes: the key of one subject's data."""
        return secrets.token_bytes(KEY_BYTES)

    def wrap(self, data_key: bytes, *, context: bytes) -> bytes:
        """Seal a data key under the master key, tied to `context` (whose key it is)."""
        if len(data_key) != KEY_BYTES:
            raise ValueError("a data key has 32 bytes")
        return seal(_derive(self._master, "wrap"), data_key, context=context, compress=False)

    def unwrap(self, wrapped: bytes, *, context: bytes) -> bytes:
        """Return the data key; IntegrityError if it was changed or is somebody else's."""
        return unseal(_derive(self._master, "wrap"), wrapped, context=context)

    def signer(self, role: str) -> Ed25519PrivateKey:
        """Return the signing key of a role in `ROLES`."""
        return self._signing[role]

    def verifier(self, role: str) -> Ed25519PublicKey:
        """Return the public key of a role in `ROLES`."""
        return self._signing[role].public_key()


def write_private(path: Path, data: bytes) -> None:
    """Write a file (0600) so that after a crash it is there whole or not at all; never overwrite.

    Raises
    ------
    FileExistsError
        If `path` is there already.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(building, path)  # unlike a rename, a link never replaces what is there
    finally:
        building.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _derive(master: bytes, *label: str) -> bytes:
    info = context("euthymia", 1, *label)
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=info).derive(master)


def _pack_master(secret: bytes) -> bytes:
    return _MAGIC + secret + hashlib.sha256(_MAGIC + secret).digest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except PermissionError:
        raise AccessError(
            f"{path.name} may not be read: only the user who runs the clinic may use its keys"
        ) from None


def _unpack_master(path: Path) -> bytes:
    try:
        raw = _read(path)
    except FileNotFoundError:
        raise MissingError(
            f"the master key is not at {path}: without it nothing in this home can be read; "
            "restore it from where you keep it"
        ) from None
    body, total = raw[:-_SUM_BYTES], raw[-_SUM_BYTES:]
    whole = len(raw) == len(_MAGIC) + KEY_BYTES + _SUM_BYTES and raw.startswith(_MAGIC)
    if not (whole and hmac.compare_digest(hashlib.sha256(body).digest(), total)):
        raise IntegrityError(
            f"{path.name}: the master key is not the one that was written (a bit was changed or "
            "the file was cut); restore it from where you keep it"
        )
    return body[len(_MAGIC) :]


def _signing_context(role: str) -> bytes:
    return context("signing key", role)


def _write_signing_key(folder: Path, secret: bytes, role: str) -> None:
    key = Ed25519PrivateKey.generate()
    sealed = seal(
        _derive(secret, "signing", role),
        key.private_bytes_raw(),
        context=_signing_context(role),
        compress=False,
    )
    write_private(folder / f"{role}.key", sealed)
    write_private(folder / f"{role}.pub", _pem(key))


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _read_signing_key(folder: Path, secret: bytes, role: str) -> Ed25519PrivateKey:
    try:
        sealed = _read(folder / f"{role}.key")
        public = _read(folder / f"{role}.pub")
    except FileNotFoundError as error:
        name = Path(str(error.filename)).name
        raise MissingError(f"keys/{name} is not there: restore it from a backup") from None
    try:
        raw = unseal(_derive(secret, "signing", role), sealed, context=_signing_context(role))
    except IntegrityError:
        raise IntegrityError(
            f"keys/{role}.key does not open: it was changed, or it belongs to another master key; "
            "restore both from the same backup"
        ) from None
    key = Ed25519PrivateKey.from_private_bytes(raw)
    if public != _pem(key):
        raise IntegrityError(
            f"keys/{role}.pub is not the public half of keys/{role}.key: it was changed; "
            "restore it from a backup"
        )
    return key


def _open_to_all(folder: Path, master: Path) -> list[str]:
    problems = []
    for path in (folder, master, *(folder / f"{role}.key" for role in ROLES)):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mode & 0o007:
                problems.append(
                    f"{path.name}: every user of this machine may use it: run `chmod o= {path}`"
                )
    return problems
