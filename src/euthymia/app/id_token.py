"""ID tokens of an OpenID provider: its keys, and what must hold of a token (Core 1.0, 3.1.3.7)."""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from euthymia.ground.errors import AccessError

MAX_TOKEN_CHARS: Final = 16 * 1024
SKEW_S: Final = 60
LEAST_RSA_BITS: Final = 2048
MOST_KEYS: Final = 32
_WRONG: Final = "the provider's token does not hold"
Public = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of the provider, and the one algorithm it is taken for."""

    name: str
    algorithm: str
    public: Public


def _raw(text: object) -> bytes:
    if not isinstance(text, str):
        raise AccessError(_WRONG)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise AccessError(_WRONG) from None


def _number(text: object) -> int:
    return int.from_bytes(_raw(text), "big")


def _key(jwk: Mapping[str, Any]) -> Key | None:
    """Return a key for signatures; None for one that we have no use for."""
    kind, name = jwk.get("kty"), jwk.get("kid", "")
    if jwk.get("use", "sig") != "sig" or not isinstance(name, str):
        return None
    try:
        if kind == "RSA":
            public = rsa.RSAPublicNumbers(_number(jwk.get("e")), _number(jwk.get("n"))).public_key()
            return Key(name, "RS256", public) if public.key_size >= LEAST_RSA_BITS else None
        if kind == "EC" and jwk.get("crv") == "P-256":
            x, y = _number(jwk.get("x")), _number(jwk.get("y"))
            point = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
            return Key(name, "ES256", point)
        if kind == "OKP" and jwk.get("crv") == "Ed25519":
            raw = _raw(jwk.get("x"))
            return Key(name, "EdDSA", ed25519.Ed25519PublicKey.from_public_bytes(raw))
    except (ValueError, AccessError):
        return None
    return None


def read_keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Return the keys of a JWKS that sign tokens."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        return ()
    found = (_key(jwk) for jwk in listed[:MOST_KEYS] if isinstance(jwk, dict))
    return tuple(key for key in found if key is not None)


def verified_claims(
    token: str, keys: Sequence[Key], *, issuer: str, client: str, nonce: str, second: int
) -> Mapping[str, Any]:
    """Return the claims of an ID token that holds.

    Raises
    ------
    LookupError
        It names a key that is not among `keys`: there may be newer ones.
    AccessError
        It does not hold.
    """
    if len(token) > MAX_TOKEN_CHARS or token.count(".") != 2:
        raise AccessError(_WRONG)
    head, body, tail = token.split(".")
    header, claims = _object(head), _object(body)
    fitting = [key for key in keys if key.algorithm == header.get("alg")]
    if "crit" in header or header.get("alg") not in ("RS256", "ES256", "EdDSA"):
        raise AccessError(_WRONG)
    if "kid" in header:
        fitting = [key for key in fitting if key.name == header["kid"]]
    if not fitting:
        raise LookupError
    if not any(_signed(key, f"{head}.{body}".encode(), _raw(tail)) for key in fitting):
        raise AccessError(_WRONG)
    _require_claims(claims, issuer=issuer, client=client, nonce=nonce, second=second)
    return claims


def _object(text: str) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(_raw(text), type=dict[str, Any])
    except msgspec.DecodeError:
        raise AccessError(_WRONG) from None


def _signed(key: Key, signed: bytes, signature: bytes) -> bool:
    public = key.public
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(signature, signed, padding.PKCS1v15(), SHA256())
        elif isinstance(public, ec.EllipticCurvePublicKey):
            if len(signature) != 64:
                return False
            r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
            public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA256()))
        else:
            public.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _require_claims(
    claims: Mapping[str, Any], *, issuer: str, client: str, nonce: str, second: int
) -> None:
    said = claims.get("aud")
    audience = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    times = [claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)]
    if not all(isinstance(t, int | float) and not isinstance(t, bool) for t in times):
        raise AccessError(_WRONG)
    issued, ends, begins = (float(t) for t in times if t is not None)
    holds = (
        claims.get("iss") == issuer
        and client in audience
        and (len(audience) == 1 or claims.get("azp") == client)
        and claims.get("azp", client) == client
        and issued <= second + SKEW_S
        and begins <= second + SKEW_S
        and second < ends + SKEW_S
        and isinstance(claims.get("nonce"), str)
        and hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode())
        and isinstance(claims.get("sub"), str)
    )
    if not holds:
        raise AccessError(_WRONG)
