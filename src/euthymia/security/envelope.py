"""Sealed bytes: compressed, encrypted, authenticated, and tied to the place where they belong."""

import secrets
from collections.abc import Sequence
from itertools import accumulate
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
    body = _opened(_cipher(key), sealed, context)
    return _decompress(body) if sealed[0] == ZSTD else body


def unseal_all(
    key: bytes, sealed: Sequence[bytes], contexts: Sequence[bytes]
) -> tuple[bytes, list[int]]:
    """Return the plaintexts of many envelopes of one key, one after the other, and their edges.

    Equal to `unseal` of each: plaintext k is ``data[edges[k]:edges[k + 1]]``. Their zstd frames are
    decompressed in one call, because a call costs more than a day of most streams.

    Raises
    ------
    IntegrityError
        As `unseal`, for the first that does not open.
    """
    cipher = _cipher(key)
    bodies = [_opened(cipher, s, c) for s, c in zip(sealed, contexts, strict=True)]
    if not sealed or any(envelope[0] != ZSTD for envelope in sealed):
        plain = [_decompress(b) if s[0] == ZSTD else b for s, b in zip(sealed, bodies, strict=True)]
        return b"".join(plain), [0, *accumulate(map(len, plain))]
    sizes = [int.from_bytes(body[:_LENGTH_BYTES], "big") for body in bodies]
    frames = b"".join([memoryview(body)[_LENGTH_BYTES:] for body in bodies])
    del bodies
    return _decompressed(frames, sum(sizes)), [0, *accumulate(sizes)]


def _opened(cipher: AESGCM, sealed: bytes, context: bytes) -> bytes:
    """Return what an envelope holds, deciphered and authenticated."""
    if len(sealed) < _SMALLEST or sealed[0] not in (ZSTD, PLAIN):
        raise IntegrityError("this is not a sealed envelope: it was cut or overwritten")
    head, nonce = sealed[:1], sealed[1 : 1 + NONCE_BYTES]
    try:
        return cipher.decrypt(nonce, sealed[1 + NONCE_BYTES :], head + context)
    except InvalidTag:
        raise IntegrityError(
            "sealed bytes do not open: they were changed, moved from their place, or sealed under "
            "another key; restore them from a backup"
        ) from None


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError("an envelope key has 32 bytes")
    return AESGCM(key)


def _compress(plaintext: bytes) -> bytes:
    import pyarrow as pa

    packed: bytes = pa.Codec("zstd", ZSTD_LEVEL).compress(plaintext, asbytes=True)
    return packed


def _decompress(body: bytes) -> bytes:
    size = int.from_bytes(body[:_LENGTH_BYTES], "big")
    return _decompressed(memoryview(body)[_LENGTH_BYTES:], size)  # not another copy


def _decompressed(frames: bytes | memoryview, size: int) -> bytes:
    # The length and the frames are authenticated: only a holder of the key can have written them.
    import pyarrow as pa

    unpacked: bytes = pa.Codec("zstd").decompress(frames, size, asbytes=True)
    return unpacked
