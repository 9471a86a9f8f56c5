"""Proofs that a caller holds the key its token is bound to (DPoP, RFC 9449). Pure: no memory.

The caller signs a small JWT for each call, over method, address, time and the token. A stolen token
is worth nothing without the key; a copied proof is worth one call at most, and whoever keeps the
ids that were used makes it none.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from msgspec import Meta

from euthymia.ground.errors import AccessError

MAX_PROOF_CHARS: Final = 2048
FRESH_S: Final = 60  # how old a proof may be
AHEAD_S: Final = 5  # how far a caller's clock may run ahead
ALGORITHMS: Final = ("EdDSA", "ES256")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")
_ADDRESS: Final = re.compile(
    r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[^?#]*)?(?:[?#].*)?"
)
_PORTS: Final = {"http": 80, "https": 443}


class Jwk(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A public key. A member that is not here (a private part, an address) is refused."""

    crv: str
    kty: str
    x: str
    y: str = ""


class _Header(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    typ: str
    alg: str
    jwk: Jwk


class _Payload(msgspec.Struct, frozen=True):
    jti: Annotated[str, Meta(min_length=8, max_length=128)]
    htm: str
    htu: str
    iat: int
    ath: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds: `used` names it for whoever remembers, until `expires_at`."""

    used: str
    expires_at: int


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    if not _SEGMENT.fullmatch(text):
        raise _malformed()
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise _malformed() from None
    if _b64(raw) != text:
        raise _malformed()
    return raw


def read_jwk(raw: bytes) -> Jwk:
    """Read a public key (Ed25519 or P-256, no private part); AccessError if it is none."""
    try:
        key = msgspec.json.decode(raw, type=Jwk)
    except msgspec.DecodeError:
        raise AccessError(
            "not a public JWK with the members kty, crv, x (and y) alone: take the private part "
            "and all else out"
        ) from None
    _verifier(key, ALGORITHMS[0] if key.kty == "OKP" else ALGORITHMS[1])
    return key


def thumbprint(key: Jwk) -> str:
    """Return the key's SHA-256 thumbprint (RFC 7638)."""
    members = {"crv": key.crv, "kty": key.kty, "x": key.x} | ({"y": key.y} if key.y else {})
    return _b64(hashlib.sha256(msgspec.json.encode(members, order="sorted")).digest())


def check(proof: str, *, method: str, url: str, token: str, key: str, second: int) -> Proof:
    """Return what a proof proves.

    Parameters
    ----------
    proof : str
        The one `DPoP` header.
    method, url : str
        Of this call, as the caller sees it.
    token : str
        The access token that came along.
    key : str
        The thumbprint that the token is bound to.
    second : int
        Now, in seconds since 1970 UTC.

    Raises
    ------
    AccessError
        It is malformed, not signed by that key, or made for another call, token or time.
    """
    if len(proof) > MAX_PROOF_CHARS or proof.count(".") != 2:
        raise _malformed()
    head, body, tail = proof.split(".")
    try:
        header = msgspec.json.decode(_unb64(head), type=_Header)
        payload = msgspec.json.decode(_unb64(body), type=_Payload)
    except msgspec.DecodeError:
        raise _malformed() from None
    if header.typ != "dpop+jwt" or header.alg not in ALGORITHMS:
        raise AccessError("the proof is not of type dpop+jwt, signed with EdDSA or ES256")
    if not hmac.compare_digest(thumbprint(header.jwk), key):
        raise AccessError("the proof is signed by another key than the token is bound to")
    _require_signed(header, f"{head}.{body}".encode("ascii"), _unb64(tail))
    if payload.htm != method or _place(payload.htu) != _place(url):
        raise AccessError("the proof was made for another call: sign one for each")
    if not second - FRESH_S <= payload.iat <= second + AHEAD_S:
        raise AccessError("the proof is too old, or from the future: sign one for each call")
    if not hmac.compare_digest(payload.ath, _b64(hashlib.sha256(token.encode()).digest())):
        raise AccessError("the proof was made for another token")
    used = hashlib.sha256(f"{key}\0{payload.jti}".encode()).hexdigest()
    return Proof(used, payload.iat + FRESH_S + AHEAD_S)


def _place(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and path: query and fragment do not count (RFC 9449, 4.3)."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        raise AccessError("the proof's address is not an http address")
    scheme, host, port, path = found.groups()
    return scheme, host.lower(), int(port) if port else _PORTS[scheme], path or "/"


def _require_signed(header: _Header, signed: bytes, signature: bytes) -> None:
    verify = _verifier(header.jwk, header.alg)
    if len(signature) != 64:
        raise _malformed()
    try:
        if isinstance(verify, Ed25519PublicKey):
            verify.verify(signature, signed)
        else:
            r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
            verify.public_key().verify(encode_dss_signature(r, s), signed, ECDSA(SHA256()))
    except InvalidSignature:
        raise AccessError("the proof's signature does not hold") from None


def _verifier(key: Jwk, algorithm: str) -> Ed25519PublicKey | EllipticCurvePublicNumbers:
    """Return the key; the algorithm must be the one of its kind."""
    try:
        if (algorithm, key.kty, key.crv, key.y) == ("EdDSA", "OKP", "Ed25519", ""):
            return Ed25519PublicKey.from_public_bytes(_unb64(key.x))
        if (algorithm, key.kty, key.crv) == ("ES256", "EC", "P-256"):
            x, y = (int.from_bytes(_unb64(part), "big") for part in (key.x, key.y))
            numbers = EllipticCurvePublicNumbers(x, y, SECP256R1())
            numbers.public_key()  # on the curve, or ValueError
            return numbers
    except ValueError:
        raise _malformed() from None
    raise AccessError("a key is Ed25519 with EdDSA, or P-256 with ES256")


def _malformed() -> AccessError:
    return AccessError("the proof or its key is malformed: see RFC 9449")
