"""What an entry says about a person rests sealed under that person's key.

To erase a person is to destroy their key: the entries stay, the chain holds, and what they said
about the person cannot be read any more. In the clear stay number, instant, role, action, purpose
and pseudonym, and the numbers by which the database and the ledger find each other. The user's name
is sealed under the clinic's key: who copies the disk without the keys learns of no one who works
there. The same name is sealed to the same text, so that one can still tell that two acts are of the
same person. What patients do themselves stands under their pseudonym.
"""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import time
from itertools import count
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from euthymia.ground.audit import Actor
from euthymia.security.ledger_format import Detail, Payload, Seal
from euthymia.security.ledger_keys import use

BOOKKEEPING: Final = frozenset({"change", "entry", "erased"})
"""Stay in the clear: commit numbers and entry ids, which say nothing about the person and must be
read after an erasure too, and that the person was erased."""
KEPT: Final = 10_000  # ciphers at hand; about 1 KiB each

PATIENT: Final = "patient"

ERASED: Final = "erased"
"""Their key is destroyed."""
CLOSED: Final = "sealed"
"""Read without the store that has the keys, or the seal does not hold."""

_USER: Final = "\x1a"
"""Begins a sealed name. No name begins with a control character; entries of old have it plain."""
_USER_DOMAIN: Final = b"euthymia ledger user 1\0"

_BY_SUBJECT: Final = b"\x01"
_BY_CLINIC: Final = b"\x02"
_DOMAIN: Final = b"euthymia ledger detail 1\0"
_NONCE_BYTES: Final = 12
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Detail).decode


def user_is_sealed(said: str) -> bool:
    """Tell whether a user's name stands sealed in an entry."""
    return said.startswith(_USER)


class DetailKeys(Protocol):
    """Who knows the subjects' keys: the store."""

    def of(self, subject: str) -> bytes | None:
        """Return the key for a subject's details (32 bytes); None if unknown or erased."""

    def patient(self, user: str) -> str:
        """Return under which name a patient's own acts are entered: their pseudonym."""


class Nonces:
    """Nonces that nobody can tell from random ones, without a system call for each.

    BLAKE2b, keyed with a secret of this process, over its number, the time and a counter: after a
    fork the number differs, in a copied virtual machine the time. A system call costs a server with
    two threads a change of threads, ten times the price of the hash.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._counter = count()

    def __call__(self) -> bytes:
        """Return the next nonce, 12 bytes."""
        place = b"%d %d %d" % (os.getpid(), time.time_ns(), next(self._counter))
        return hashlib.blake2b(place, key=self._secret, digest_size=_NONCE_BYTES).digest()


class Details:
    """Seals and opens the details of one ledger's entries."""

    def __init__(self, secret: bytes) -> None:
        self._clinic = AESGCM(use(secret, b"details"))
        self._keys: DetailKeys | None = None
        self._ciphers: dict[bytes, AESGCM] = {}
        self._nonce = Nonces()
        self._user_nonce = use(secret, b"users")
        self._sealed_users: dict[str, str] = {}

    def take(self, keys: DetailKeys) -> None:
        """Seal from now on under the keys that `keys` knows."""
        self._keys = keys

    @property
    def sealer(self) -> Seal | None:
        """What seals details, once there are keys to seal under."""
        return None if self._keys is None else self.seal

    def _cipher(self, subject: str) -> AESGCM | None:
        key = None if self._keys is None else self._keys.of(subject)
        if key is None:
            return None
        cipher = self._ciphers.get(key)
        if cipher is None:
            if len(self._ciphers) >= KEPT:
                self._ciphers.clear()
            cipher = self._ciphers[key] = AESGCM(key)
        return cipher

    def seal(self, subject: str | None, detail: Detail) -> tuple[Detail, bytes]:
        """Return what stays in the clear, and the rest, sealed.

        Of nobody, or of somebody who is not known (any more), there is no key: it is sealed under
        the clinic's.
        """
        plain = {name: value for name, value in detail.items() if name in BOOKKEEPING}
        if len(plain) == len(detail):
            return detail, b""
        closed = {name: value for name, value in detail.items() if name not in BOOKKEEPING}
        cipher = None if subject is None else self._cipher(subject)
        kind = _BY_SUBJECT
        if cipher is None:
            cipher, kind = self._clinic, _BY_CLINIC
        nonce = self._nonce()
        about = _DOMAIN + kind + (subject or "").encode()
        return plain, kind + nonce + cipher.encrypt(nonce, _encode(closed), about)

    def name_of(self, actor: Actor) -> str:
        """Return what stands in the ledger for who did something.

        A patient's user name may say who they are, and would outlive their erasure: what they do
        themselves is entered under their pseudonym.
        """
        if actor.role == PATIENT and self._keys is not None:
            return self.seal_user(self._keys.patient(actor.user))
        return self.seal_user(actor.user)

    def seal_user(self, user: str) -> str:
        """Return a user's name as it stands in the ledger: always the same for the same name.

        The nonce is a MAC of the name, so that no two names share one (as in SIV, RFC 5297).
        """
        sealed = self._sealed_users.get(user)
        if sealed is None:
            plain = user.encode()
            nonce = hmac.digest(self._user_nonce, plain, "sha256")[:_NONCE_BYTES]
            raw = nonce + self._clinic.encrypt(nonce, plain, _USER_DOMAIN)
            sealed = _USER + base64.b64encode(raw).decode()
            if len(self._sealed_users) >= KEPT:
                self._sealed_users.clear()
            self._sealed_users[user] = sealed
        return sealed

    def open_user(self, said: str) -> str:
        """Return a user's name from the ledger; `CLOSED` if it is not of this clinic's key."""
        if not user_is_sealed(said):
            return said
        try:
            raw = base64.b64decode(said[len(_USER) :], validate=True)
            nonce, sealed = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
            return self._clinic.decrypt(nonce, sealed, _USER_DOMAIN).decode()
        except (InvalidTag, ValueError, binascii.Error):
            return CLOSED

    def open(self, said: Payload) -> tuple[Detail, str]:
        """Return what can be read of an entry's detail, and why the rest cannot ("": all can)."""
        if not said.sealed:
            return said.detail, ""
        kind, nonce = said.sealed[:1], said.sealed[1 : 1 + _NONCE_BYTES]
        if kind == _BY_CLINIC:
            cipher: AESGCM | None = self._clinic
        elif self._keys is None or said.subject is None:
            return said.detail, CLOSED
        else:
            cipher = self._cipher(said.subject)
        if cipher is None:
            return said.detail, ERASED
        about = _DOMAIN + kind + (said.subject or "").encode()
        try:
            inside = _decode(cipher.decrypt(nonce, said.sealed[1 + _NONCE_BYTES :], about))
        except (InvalidTag, ValueError, msgspec.DecodeError):
            return said.detail, CLOSED
        return said.detail | inside, ""
