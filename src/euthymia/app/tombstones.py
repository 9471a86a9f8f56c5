"""Whom a clinic has erased, as a signed list that outlives every backup.

    EUTHTMB1 | Ed25519 signature of the ledger key (64) | JSON

The list holds keyed digests of the erased people's identifiers (which only this clinic's keys can
make), and how far the ledger was. `restore` is given it, so that an old backup brings nobody back.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature

from euthymia.ground.errors import IntegrityError
from euthymia.security.key_files import replace_private
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger

_MAGIC: Final = b"EUTHTMB1"
_SIGNATURE_BYTES: Final = 64


class Tombstones(msgspec.Struct, frozen=True):
    """The list. `ledger_seq` is the number of the ledger's last entry when it was written."""

    blinds: tuple[str, ...] = ()
    ledger_seq: int = 0


def read(path: Path, keyring: Keyring) -> Tombstones:
    """Return a list.

    Raises
    ------
    IntegrityError
        It was changed, or it is another clinic's.
    """
    raw = path.read_bytes()
    start = len(_MAGIC) + _SIGNATURE_BYTES
    signature, body = raw[len(_MAGIC) : start], raw[start:]
    try:
        keyring.verifier("ledger").verify(signature, _MAGIC + body)
        listed = msgspec.json.decode(body, type=Tombstones)
    except (InvalidSignature, msgspec.DecodeError):
        raise _not_ours() from None
    if not raw.startswith(_MAGIC):
        raise _not_ours()
    return listed


def _not_ours() -> IntegrityError:
    return IntegrityError(
        "the list of erased people is not one that this clinic signed: it was changed, or it is "
        "another clinic's"
    )


def write(path: Path, keyring: Keyring, ledger: Ledger, blinds: Iterable[str]) -> None:
    """Put a list in the place of the one at `path`. Nobody whom that one names is left out."""
    with suppress(IntegrityError):  # it is no list of ours, and makes room for one
        blinds = {*blinds, *_listed(path, keyring)}
    listed = Tombstones(tuple(sorted(set(blinds))), ledger.head()[0])
    body = msgspec.json.encode(listed)
    replace_private(path, _MAGIC + keyring.signer("ledger").sign(_MAGIC + body) + body)


def is_behind(path: Path, keyring: Keyring, stored: Iterable[str]) -> bool:
    """Tell whether a list lacks some of the erased people whom the database knows, and no more.

    A crash between an erasure and its list leaves it so. A list that is damaged, or knows of people
    whom the database does not, is not behind: `problems` says what it is.
    """
    try:
        return set(_listed(path, keyring)) < set(stored)
    except IntegrityError:
        return False


AHEAD: Final = (
    "the list of erased people names some whom the database does not know to be erased: it was "
    "changed, or replaced by an older copy, and nothing is taken in that could bring them back; "
    "restore a backup with `--tombstones`"
)


def is_ahead(path: Path, keyring: Keyring, stored: Callable[[], Iterable[str]]) -> bool:
    """Tell whether a list names somebody whom the database does not know to be erased.

    The database is asked after the list is read: an erasure beside this one tells it first.
    """
    try:
        listed = set(_listed(path, keyring))
    except IntegrityError:
        return False
    return not listed <= set(stored())


def problems(path: Path, keyring: Keyring, stored: Callable[[], Iterable[str]]) -> list[str]:
    """Compare the list with the tombstones in the database; return what is wrong, in words.

    The database is asked last, as in `is_ahead`.
    """
    try:
        listed = set(_listed(path, keyring))
    except IntegrityError as error:
        return [str(error)]
    known = set(stored())
    if not listed <= known:
        return [AHEAD]
    if listed < known:
        problem = (
            "the list of erased people lacks some whom the database knows to be erased: a crash, "
            "or an older copy was put in its place; any other command on this clinic mends it"
        )
        return [problem]
    return []


def _listed(path: Path, keyring: Keyring) -> tuple[str, ...]:
    return read(path, keyring).blinds if os.path.lexists(path) else ()
