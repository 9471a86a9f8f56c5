"""Signed notes and checkpoints as other logs and witnesses write them (C2SP).

A checkpoint is three lines: the log's name (its origin), how many entries it has, and the root of
the Merkle tree over them. A note is such a text, a blank line, and signature lines. The log signs
the text (c2sp.org/tlog-checkpoint, Ed25519, type 0x01); a witness signs the text and when it saw it
(c2sp.org/tlog-cosignature, "cosignature/v1", type 0x04). Pure functions.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from euthymia.ground.errors import IntegrityError, SchemaError

LOG_KEY: Final = b"\x01"
WITNESS_KEY: Final = b"\x04"
MAX_NOTE_BYTES: Final = 16_384  # a checkpoint with some sixty witnesses; more is no checkpoint

_DASH: Final = "\N{EM DASH} "
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME: Final = re.compile(r"[^\s+]{1,200}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's size and root, of the log with that origin."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Return what is signed."""
        return checkpoint_text(self.origin, self.size, self.root)


def checkpoint_text(origin: str, size: int, root: bytes) -> bytes:
    """Return the three lines that are signed."""
    return b"%s\n%d\n%s\n" % (origin.encode(), size, binascii.b2a_base64(root, newline=False))


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint as read, with its signatures: (name, key id and signature)."""

    checkpoint: Checkpoint
    text: bytes
    signatures: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A public key with the name it signs under. `kind` is LOG_KEY or WITNESS_KEY."""

    name: str
    kind: bytes
    key: Ed25519PublicKey

    @property
    def id(self) -> bytes:
        """Return the four bytes that say which key a signature is from."""
        return key_id(self.name, self.kind, self.key.public_bytes_raw())

    def words(self) -> str:
        """Return the key as one word, to be put into settings: name+id+key."""
        raw = base64.b64encode(self.kind + self.key.public_bytes_raw()).decode()
        return f"{self.name}+{self.id.hex()}+{raw}"


def key_id(name: str, kind: bytes, public: bytes) -> bytes:
    """Return the first bytes of the digest of a name and a key, as signed notes have it."""
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def read_key(words: str) -> NamedKey:
    """Read a key written as name+id+key.

    Raises
    ------
    SchemaError
        If it is not such a word, or the id is not that of name and key.
    """
    name, _, rest = words.strip().partition("+")
    hint, _, encoded = rest.partition("+")
    raw = _unbase64(encoded)
    if raw is None or len(raw) != 33 or raw[:1] not in (LOG_KEY, WITNESS_KEY):
        raise SchemaError("a witness's key is one word: name+8 hex digits+base64 of an Ed25519 key")
    key = NamedKey(check_name(name), raw[:1], Ed25519PublicKey.from_public_bytes(raw[1:]))
    if key.id.hex() != hint:
        raise SchemaError("a witness's key does not fit its name: copy the whole word again")
    return key


def check_name(name: str) -> str:
    """Return a name that can stand in a signature line; SchemaError if it cannot."""
    if not _NAME.fullmatch(name):
        raise SchemaError("a witness's name has no space and no plus, and at most 200 characters")
    return name


def sign(name: str, signer: Ed25519PrivateKey, text: bytes) -> bytes:
    """Return the log's signature line on a text."""
    ident = key_id(name, LOG_KEY, signer.public_key().public_bytes_raw())
    return signature_line(name, ident + signer.sign(text))


def signature_line(name: str, signature: bytes) -> bytes:
    """Return one signature line, with its newline."""
    return f"{_DASH}{name} {base64.b64encode(signature).decode()}\n".encode()


def cosign(name: str, signer: Ed25519PrivateKey, text: bytes, at_s: int) -> bytes:
    """Return a witness's signature line on a checkpoint that it saw at `at_s` (seconds)."""
    ident = key_id(name, WITNESS_KEY, signer.public_key().public_bytes_raw())
    signature = signer.sign(_cosigned(text, at_s))
    return signature_line(name, ident + at_s.to_bytes(8, "big") + signature)


def _cosigned(text: bytes, at_s: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % at_s + text


def read_note(raw: bytes) -> Note:
    """Read a note; nothing of it is verified yet.

    Raises
    ------
    IntegrityError
        If it is not a checkpoint with signature lines.
    """
    text, blank, lines = raw.partition(b"\n\n")
    text += b"\n"
    if not blank or len(raw) > MAX_NOTE_BYTES or not lines.endswith(b"\n"):
        raise _no_note()
    try:
        origin, size, root, *_ = text.decode("utf-8").split("\n")
        signatures = tuple(_signature(line) for line in lines.decode("utf-8").split("\n")[:-1])
    except (UnicodeDecodeError, ValueError):
        raise _no_note() from None
    digest = _unbase64(root)
    if not origin or not _NUMBER.fullmatch(size) or digest is None or len(digest) != 32:
        raise _no_note()
    return Note(Checkpoint(origin, int(size), digest), text, signatures)


def _signature(line: str) -> tuple[str, bytes]:
    if not line.startswith(_DASH):
        raise ValueError
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    raw = _unbase64(encoded)
    if raw is None or len(raw) < 5 or not _NAME.fullmatch(name):
        raise ValueError
    return name, raw


def _unbase64(text: str) -> bytes | None:
    """Decode base64 in its one canonical form; None if it is not."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def signed_by(note: Note, key: NamedKey) -> bool:
    """Tell whether the note holds a signature by the log's key that verifies."""
    return any(_holds(key.key, raw[4:], note.text) for raw in _by(note, key))


def seen_by(note: Note, key: NamedKey) -> int | None:
    """Return when (seconds) the witness saw the checkpoint; None if it did not sign it."""
    for raw in _by(note, key):
        at_s = int.from_bytes(raw[4:12], "big")
        if (
            len(raw) == 76
            and at_s < 2**63
            and _holds(key.key, raw[12:], _cosigned(note.text, at_s))
        ):
            return at_s
    return None


def _by(note: Note, key: NamedKey) -> list[bytes]:
    return [raw for name, raw in note.signatures if name == key.name and raw[:4] == key.id]


def _holds(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _no_note() -> IntegrityError:
    return IntegrityError("this is not a signed checkpoint (c2sp.org/tlog-checkpoint)")
