"""Sealed bytes: compressed, encrypted, authenticated, and tied to the place where they belong."""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from euthymia.ground.errors import IntegrityError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
ZSTD: Final = 1
"""First byte of an envelope whose plaintext is an 8-byte length and a zstd frame."""
PLAIN: Final = 2
"""First byte of an envelope whose plaintext is stored as it is (keys, very short values)."""

ZSTD_LEVEL: Final = 3  # columns of floats: higher levels cost 5x the time for 3 % of the size
_LENGTH_BYTES: Final = 8
_SMALLEST: Final = 1 + NONCE_BYTES + TAG_BYTES


def context(*parts: str | bytes | int) -> bytes:
    """Return one unambiguous encoding of `parts`, to be used as associated data.

    Each part is written as a type letter, its length (4 bytes) and its bytes, so that no two
    different tuples have the same encoding: ``context("ab", "c") != context("a", "bc")``.

    Raises
    ------
    TypeError
        If a part is neither text, bytes nor a whole number.
    """
    out = bytearray()
    for part in parts:
        if isinstance(part, str):
            kind, raw = b"s", part.encode("utf-8", "surrogatepass")
        elif isinstance(part, bytes):
            kind, raw = b"b", part
        elif type(part) is int:  # not a bool, which would pass for 0 or 1
            kind, raw = b"i", str(part).encode("ascii")
        else:
            raise TypeError("a context is made of text, bytes and whole numbers")
        out += kind + len(raw).to_bytes(4, "big") + raw
    return bytes(out)


def seal(key: bytes, plaintext: bytes, *, context: bytes, compress: bool = True) -> bytes:
    """Compress (zstd), encrypt (AES-256-GCM, random nonce) and authenticate `plaintext`.

    Parameters
    ----------
    key : bytes
        32 bytes. Seal fewer than 2^32 envelopes under one key (random 96-bit nonces).
    plaintext : bytes
        Anything. Its compressed length shows from outside.
    context : bytes
        Where the envelope belongs (see `context`). It is not stored, and the same bytes are needed
        to open it: an envelope that is moved to another row, day or person does not open.
    compress : bool
        False for random bytes such as keys.

    Returns
    -------
    bytes
        Format byte, nonce (12), ciphertext, tag (16).
    """
    cipher = _cipher(key)
    nonce = secrets.token_bytes(NONCE_BYTES)
    if compress:
        head = bytes([ZSTD])
        body = len(plaintext).to_bytes(_LENGTH_BYTES, "big") + _compress(plaintext)
    else:
        head, body = bytes([PLAIN]), plaintext
    return head + nonce + cipher.encrypt(nonce, body, head + context)


def unseal(key: bytes, sealed: bytes, *, context: bytes) -> bytes:
    """Return the plaintext of an envelope.

    Raises
    ------
    IntegrityError
        If any bit differs from what was sealed, if the envelope belongs to another context, or if
        the key is not the one it was sealed under. The three cannot be told apart.
    """
    cipher = _cipher(key)
    if len(sealed) < _SMALLEST or sealed[0] not in (ZSTD, PLAIN):
        raise IntegrityError("this is not a sealed envelope: it was cut or overwritten")
    head, nonce = sealed[:1], sealed[1 : 1 + NONCE_BYTES]
    try:
        body = cipher.decrypt(nonce, sealed[1 + NONCE_BYTES :], head + context)
    except InvalidTag:
        raise IntegrityError(
            "sealed bytes do not open: they were changed, moved from their place, or sealed under "
            "another key; restore them from a backup"
        ) from None
    return _decompress(body) if head[0] == ZSTD else body


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError("an envelope key has 32 bytes")
    return AESGCM(key)


def _compress(plaintext: bytes) -> bytes:
    import pyarrow as pa

    packed: bytes = pa.Codec("zstd", ZSTD_LEVEL).compress(plaintext, asbytes=True)
    return packed


def _decompress(body: bytes) -> bytes:
    # The length and the frame are authenticated: only a holder of the key can have written them.
    import pyarrow as pa

    size = int.from_bytes(body[:_LENGTH_BYTES], "big")
    packed = memoryview(body)[_LENGTH_BYTES:]  # not another copy
    unpacked: bytes = pa.Codec("zstd").decompress(packed, size, asbytes=True)
    return unpacked
