"""What the root key rests in: a file, a passphrase, a token, a key service.

The root secret is 32 random bytes, new for each root. A `Vault` seals it for keeping and gives it
back; a key file holds it as it is. Vaults that need a network live in `app`.
"""

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from euthymia.ground.errors import AccessError, EuthymiaError, IntegrityError, MissingError
from euthymia.security.envelope import KEY_BYTES, seal, unseal
from euthymia.security.key_files import read

PASSPHRASE: Final = "passphrase"  # noqa: S105 - the name of the kind
LEAST_CHARACTERS: Final = 12  # a passphrase is guessed offline by whoever has a copy of the disk

Settings = Mapping[str, str | int]
NEW_PHRASE: Final = "a new passphrase for the clinic's keys"
OLD_PHRASE: Final = "the passphrase of the clinic's keys"
Ask = Callable[[str], bytes]
"""Asks whoever starts the process for a secret, in these words."""


class Vault(Protocol):
    """Keeps a root secret. `settings` say where; they are stored in the open."""

    kind: str
    settings: dict[str, str | int]

    def seal(self, secret: bytes, *, context: bytes) -> bytes:
        """Return the secret as only this vault can open it."""

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """Return the secret.

        Raises
        ------
        AccessError
            Who asks may not (a wrong passphrase, PIN or token).
        BusyError
            The vault does not answer; nothing is opened until it does.
        IntegrityError
            It is not what the vault sealed.
        """


OpenVault = Callable[[str, Settings], Vault]
"""Returns the vault of a kind with its settings."""


class Passphrase:
    """A root secret sealed under a passphrase (Argon2id, RFC 9106)."""

    kind = PASSPHRASE
    # RFC 9106's second recommended choice; about 0.1 s and 64 MiB each time a home is opened
    COST: Final[Settings] = {"memory_kib": 65536, "iterations": 3, "lanes": 4}
    MOST: Final[Settings] = {"memory_kib": 4_194_304, "iterations": 64, "lanes": 64}

    def __init__(self, ask: Ask, settings: Settings | None = None) -> None:
        self._ask = ask
        fresh = {**self.COST, "salt": secrets.token_hex(16)}
        self.settings: dict[str, str | int] = dict(settings) if settings else fresh

    def seal(self, secret: bytes, *, context: bytes) -> bytes:
        """See `Vault.seal`; a passphrase that is too short is refused."""
        phrase = self._phrase(NEW_PHRASE)
        if len(phrase.decode()) < LEAST_CHARACTERS:
            raise AccessError(
                f"the passphrase has fewer than {LEAST_CHARACTERS} characters: use a sentence"
            )
        return seal(self._stretched(phrase), secret, context=context, compress=False)

    def unseal(self, sealed: bytes, *, context: bytes) -> bytes:
        """See `Vault.unseal`."""
        key = self._stretched(self._phrase(OLD_PHRASE))
        try:
            return unseal(key, sealed, context=context)
        except IntegrityError:
            raise AccessError("the passphrase does not open the clinic's keys") from None

    def _phrase(self, words: str) -> bytes:
        raw = self._ask(words).rstrip(b"\r\n")
        try:
            return unicodedata.normalize("NFC", raw.decode()).encode()
        except UnicodeDecodeError:
            raise AccessError("the passphrase is not UTF-8 text") from None

    def _stretched(self, phrase: bytes) -> bytes:
        cost = {name: self.settings.get(name) for name in self.COST}
        salt = self.settings.get("salt")
        for name, value in cost.items():
            if not isinstance(value, int) or not 1 <= value <= int(self.MOST[name]):
                raise IntegrityError(f"keys/tree: {name} is not one that was written")
        if not isinstance(salt, str):
            raise IntegrityError("keys/tree: the salt is not one that was written")
        made = Argon2id(
            salt=bytes.fromhex(salt),
            length=KEY_BYTES,
            iterations=int(cost["iterations"] or 0),
            lanes=int(cost["lanes"] or 0),
            memory_cost=int(cost["memory_kib"] or 0),
        )
        return made.derive(phrase)


def no_secret(words: str) -> bytes:
    """Refuse: nobody is there to be asked."""
    raise MissingError(
        f"{words} is needed and there is nobody to ask: name a file that holds it with "
        "EUTHYMIA_KEY_SECRET_FILE, or an open descriptor with EUTHYMIA_KEY_SECRET_FD"
    )


def local_vault(kind: str, settings: Settings, ask: Ask = no_secret) -> Vault:
    """Return the vault of a kind that needs no network."""
    if kind == PASSPHRASE:
        return Passphrase(ask, settings)
    if kind == "pkcs11":
        from euthymia.security.hsm import Token

        return Token(ask, settings)
    raise EuthymiaError(f"keys/tree: the root is a {kind!r}, which this process cannot open")


# -- the key file --------------------------------------------------------------------------------

_MAGIC: Final = b"euthymia master key 1\n"
_SUM_BYTES: Final = 32


def pack_key_file(secret: bytes) -> bytes:
    """Return the bytes of a key file."""
    return _MAGIC + secret + hashlib.sha256(_MAGIC + secret).digest()


def read_key_file(path: Path) -> bytes:
    """Return the root secret in a key file.

    Raises
    ------
    MissingError, IntegrityError
        It is not there; it is not the one that was written.
    """
    try:
        raw = read(path)
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
