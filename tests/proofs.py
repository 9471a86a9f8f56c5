"""A caller with a key of its own, for tests of bound tokens."""

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from euthymia.security.dpop import read_jwk, thumbprint


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Holder:
    """Holds a key and signs proofs with it."""

    def __init__(self, kind: str = "EdDSA") -> None:
        self.alg = kind
        self.key: Any
        if kind == "EdDSA":
            self.key = ed25519.Ed25519PrivateKey.generate()
            x = self.key.public_key().public_bytes_raw()
            self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(x)}
        else:
            self.key = ec.generate_private_key(ec.SECP256R1())
            numbers = self.key.public_key().public_numbers()
            x, y = (n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
            self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)}

    @property
    def raw(self) -> bytes:
        return json.dumps(self.jwk).encode()

    @property
    def thumbprint(self) -> str:
        return thumbprint(read_jwk(self.raw))

    def sign(self, signed: bytes) -> bytes:
        if self.alg == "EdDSA":
            return self.key.sign(signed)
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def proof(self, token: str, method: str, url: str, second: int, **changed: Any) -> str:
        """Return a proof; `header` and `payload` replace members (None: leave one out)."""
        header = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.jwk} | changed.get("header", {})
        ath = b64(hashlib.sha256(token.encode()).digest())
        payload = {
            "jti": secrets.token_hex(8),
            "htm": method,
            "htu": url,
            "iat": second,
            "ath": ath,
        }
        payload |= changed.get("payload", {})
        parts = [
            b64(json.dumps({k: v for k, v in part.items() if v is not None}).encode())
            for part in (header, payload)
        ]
        signed = ".".join(parts)
        return f"{signed}.{b64(self.sign(signed.encode()))}"
