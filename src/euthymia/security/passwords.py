"""Passwords: which ones are taken, and how they rest (Argon2id, RFC 9106)."""

import base64
import gzip
import re
import secrets
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

LEAST_CHARACTERS: Final = 12
MOST_CHARACTERS: Final = 256  # a longer one is work for us and no more safety for anybody
LEAST_DIFFERENT: Final = 5
LEAST_BESIDE: Final = 8  # letters beside words that whoever knows the clinic would try
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one guess costs. The defaults are RFC 9106's for less memory, on one lane."""

    memory_kib: int = 64 * 1024
    passes: int = 3

    def hash(self, password: str) -> str:
        """Return the password's hash as a PHC string, with a salt of its own."""
        kdf = Argon2id(
            salt=secrets.token_bytes(SALT_BYTES),
            length=HASH_BYTES,
            iterations=self.passes,
            lanes=1,
            memory_cost=self.memory_kib,
        )
        return kdf.derive_phc_encoded(password.encode())

    def decoy(self) -> str:
        """Return what looks like a hash and is no password's, for a user who does not exist."""
        salt, digest = (
            base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
            for size in (SALT_BYTES, HASH_BYTES)
        )
        return f"$argon2id$v=19$m={self.memory_kib},t={self.passes},p=1${salt}${digest}"


def matches(password: str, phc: str) -> bool:
    """Tell whether a password is the one that was hashed. Takes as long either way."""
    raw = password[: 2 * MOST_CHARACTERS].encode("utf-8", "replace")
    try:
        Argon2id.verify_phc_encoded(raw, phc)
    except InvalidKey:
        return False
    return True


@cache
def common() -> frozenset[str]:
    """Return the passwords that are tried first, folded (`training/common_passwords.py`)."""
    packed = (files("euthymia.security") / "common_passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n"))


def folded(password: str) -> str:
    """Return a password without case and spaces, as the rules compare it."""
    return "".join(password.casefold().split())


def weakness(password: str, user: str, place: str = "") -> str | None:
    """Return why a password is not taken, and what to do; None if it is.

    `place` holds words that whoever knows the clinic would try: its name, the product, its own.
    """
    if len(password) < LEAST_CHARACTERS:
        return f"it has fewer than {LEAST_CHARACTERS} characters: four words in a row are good"
    if len(password) > MOST_CHARACTERS:
        return f"it has more than {MOST_CHARACTERS} characters"
    plain = folded(password)
    if plain in common() or _stem(plain) in common():
        return "it is one of those tried first: four words that do not belong together are good"
    if one_pattern(plain):
        return "it is one pattern, repeated or in a row: four words are good"
    return _known_here(plain, user, place)


def _known_here(plain: str, user: str, place: str) -> str | None:
    """Return why whoever knows the user or the clinic would try this first; None if not."""
    if len(user) > 3 and user.casefold() in plain:
        return "your name is in it: whoever knows you would try that first"
    left = plain
    for word in sorted(re.findall(r"\w{4,}", place.casefold()), key=len, reverse=True):
        left = left.replace(word, "")
    if left != plain and len(_stem(left)) < LEAST_BESIDE:
        return "it is little more than words of this place: whoever knows it would try that first"
    return None


def one_pattern(plain: str) -> bool:
    """Tell whether a folded password is few characters, one piece repeated, or a row of keys."""
    return len(set(plain)) < LEAST_DIFFERENT or _repeats(plain) or _walks(plain)


def _stem(plain: str) -> str:
    return plain.strip("0123456789!?.,-_*#")


def _repeats(plain: str) -> bool:
    """Tell whether one short piece, repeated, is the whole."""
    return any(
        plain == (plain[:size] * (len(plain) // size + 1))[: len(plain)] for size in range(1, 5)
    )


def _walks(plain: str) -> bool:
    """Tell whether it walks along the alphabet, the digits or a row of keys."""
    rows = (*_ROWS, *(row[::-1] for row in _ROWS))
    steps = {pair for row in rows for pair in pairwise(row)}
    walked = sum(pair in steps for pair in pairwise(plain))
    return walked >= 0.8 * (len(plain) - 1)
