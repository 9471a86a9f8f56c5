"""Tokens: who is asking, in which role, until when. EdDSA-signed JWTs of three kinds.

Kinds: access (`at+jwt`, RFC 9068), session (the browser's cookie) and sign-in (a one-time link).
Each kind has one exact header, which the signature covers, so that no kind can pass for another
and there is no algorithm to choose (RFC 8725). A header that differs in one character is refused.
"""

import base64
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from threading import Lock
from typing import Final, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature

from euthymia.ground.errors import AccessError
from euthymia.security.keys import Keyring
from euthymia.security.policy import ROLES

MAX_TOKEN_CHARS: Final = 2048  # ours have about 400; a longer one is not worth a look
MAX_LIFETIME: Final = timedelta(days=366)
SIGNIN_LIFETIME: Final = timedelta(minutes=10)  # long enough to open a link, too short to leak
CACHED_TOKENS: Final = 10_000  # one clinic's users; 5 MB at most
_USER: Final = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]+")
_SIGNATURE_BYTES: Final = 64


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    if not _SEGMENT.fullmatch(text):
        raise _malformed()
    padded = text + "=" * (-len(text) % 4)
    try:
        raw = base64.urlsafe_b64decode(padded)
    except ValueError:
        raise _malformed() from None
    if _b64(raw) != text:  # unused bits set: the same bytes under a second name
        raise _malformed()
    return raw


class Kind(Enum):
    """What a token is good for."""

    ACCESS = "at+jwt"
    SESSION = "session+jwt"
    SIGNIN = "signin+jwt"
    ENROL = "enrol+jwt"
    CHALLENGE = "challenge+jwt"

    def __init__(self, typ: str) -> None:
        self.prefix = _b64(msgspec.json.encode({"alg": "EdDSA", "typ": typ})) + "."


@dataclass(frozen=True, slots=True)
class Claims:
    """Who holds a valid token. Times are in seconds since 1970 UTC.

    `began`: when the user proved who they are (0: it is not a session). `proofs`: how, in the
    words of RFC 8176 ("pwd", "otp", "hwk", ...). `key`: the SHA-256 thumbprint of the key that
    must come along (RFC 9449); "" where the token alone is enough. `once`: it holds one call.
    """

    user: str
    role: str
    expires_at: int
    token_id: str
    issued_at: int = 0
    began: int = 0
    proofs: tuple[str, ...] = ()
    key: str = ""
    once: bool = False


_REVOCABLE: Final = frozenset({Kind.ACCESS, Kind.SESSION, Kind.SIGNIN})


class Redeemed(Protocol):
    """Remembers which sign-in codes were used. Must outlive the process."""

    def redeem(self, token_id: str, expires_at: int) -> bool:
        """Mark a code as used, atomically; False if it was used before."""


class _Confirmation(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    jkt: str


class _Payload(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    iss: str
    aud: str
    sub: str
    role: str
    iat: int
    nbf: int
    exp: int
    jti: str
    auth_time: int = 0
    amr: tuple[str, ...] = ()
    cnf: _Confirmation | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class More:
    """What else a token may say: see `Claims`. `token_id`: of the session it carries on."""

    token_id: str = ""
    began: int = 0
    proofs: tuple[str, ...] = ()
    key: str = ""
    once: bool = False


_NOTHING_MORE: Final = More()
_decode: Final = msgspec.json.Decoder(_Payload).decode


class Tokens:
    """Issues and checks the tokens of one clinic.

    Parameters
    ----------
    keyring : Keyring
        Its "token" key signs.
    issuer, audience : str
        Both are in every token and must match exactly.
    revoked : callable, optional
        Given a token's claims, tells whether it was withdrawn. Asked on every check.
    """

    def __init__(
        self,
        keyring: Keyring,
        *,
        issuer: str,
        audience: str,
        revoked: Callable[[Claims], bool] | None = None,
    ) -> None:
        self._signer = keyring.signer("token")
        self._verifier = keyring.verifier("token")
        self._issuer = issuer
        self._audience = audience
        self._revoked = revoked
        self._known: dict[str, tuple[Claims, int]] = {}
        self._lock = Lock()

    def issue(
        self,
        user: str,
        role: str,
        *,
        now: datetime,
        lifetime: timedelta,
        kind: Kind = Kind.ACCESS,
        more: More = _NOTHING_MORE,
    ) -> str:
        """Return a signed token, valid from `now` for `lifetime` (whole seconds, rounded down).

        Raises
        ------
        AccessError
            If the role, the user name or the lifetime is not one we give tokens for.
        """
        if role not in ROLES:
            raise AccessError(f"no such role: choose one of {', '.join(sorted(ROLES))}")
        if not _USER.fullmatch(user):
            raise AccessError(
                "a user name has 1 to 128 characters, none of them control characters"
            )
        seconds = int(lifetime.total_seconds())
        if seconds < 1 or lifetime > MAX_LIFETIME:
            raise AccessError("a token lives between 1 second and 366 days")
        start = _second(now)
        payload = _Payload(
            iss=self._issuer,
            aud=self._audience,
            sub=user,
            role=role,
            iat=start,
            nbf=start,
            exp=start + seconds,
            jti=more.token_id or secrets.token_hex(16),
            auth_time=more.began,
            amr=more.proofs,
            cnf=_Confirmation(more.key) if more.key else None,
            once=more.once,
        )
        signed = kind.prefix + _b64(msgspec.json.encode(payload))
        return signed + "." + _b64(self._signer.sign(signed.encode("ascii")))

    def verify(self, token: str, *, now: datetime, kind: Kind = Kind.ACCESS) -> Claims:
        """Return who holds `token`.

        The signature of a token is checked once and remembered under its exact characters; its
        time limits and its revocation are checked every time.

        Raises
        ------
        AccessError
            If the token is malformed, of another kind, not ours, not yet or no longer valid.
        """
        if kind is Kind.SIGNIN:
            raise ValueError("a sign-in code is redeemed, never only looked at: use `redeem`")
        return self._check(token, now, kind)

    def redeem(self, code: str, *, now: datetime, redeemed: Redeemed) -> Claims:
        """Return who a one-time sign-in code is for, and use it up.

        Raises
        ------
        AccessError
            If the code is not a valid sign-in code or was used before.
        """
        claims = self._check(code, now, Kind.SIGNIN)
        if not redeemed.redeem(claims.token_id, claims.expires_at):
            raise AccessError("this sign-in link was used before: ask for a new one")
        return claims

    def _check(self, token: str, now: datetime, kind: Kind) -> Claims:
        if not token.startswith(kind.prefix):
            raise AccessError("this is not a token of the kind that is needed here")
        known = self._known.get(token)
        claims, not_before = known if known is not None else self._first_look(token, kind)
        second = _second(now)
        if second < not_before:
            raise AccessError("the token is not valid yet: check the clock of the issuing machine")
        if second >= claims.expires_at:
            raise AccessError("the token has expired: ask for a new one")
        if kind in _REVOCABLE and self._revoked is not None and self._revoked(claims):
            raise AccessError("the token was withdrawn: ask for a new one")
        return claims

    def _first_look(self, token: str, kind: Kind) -> tuple[Claims, int]:
        if len(token) > MAX_TOKEN_CHARS:
            raise AccessError("the token is too long to be one of ours")
        body, dot, tail = token[len(kind.prefix) :].partition(".")
        if not dot:
            raise _malformed()
        raw, signature = _unb64(body), _unb64(tail)
        if len(signature) != _SIGNATURE_BYTES:
            raise _malformed()
        try:
            self._verifier.verify(signature, token[: -len(tail) - 1].encode("ascii"))
        except InvalidSignature:
            raise AccessError("the token's signature is not this clinic's") from None
        found = self._read(raw)
        self._remember(token, found)
        return found

    def _read(self, raw: bytes) -> tuple[Claims, int]:
        try:
            payload = _decode(raw)
        except msgspec.DecodeError:
            raise AccessError("the token's claims are not those this clinic writes") from None
        if payload.iss != self._issuer or payload.aud != self._audience:
            raise AccessError("the token was issued by or for another system")
        if payload.role not in ROLES or not _USER.fullmatch(payload.sub) or not payload.jti:
            raise AccessError("the token's claims are not those this clinic writes")
        claims = Claims(
            payload.sub,
            payload.role,
            payload.exp,
            payload.jti,
            payload.iat,
            payload.auth_time,
            payload.amr,
            payload.cnf.jkt if payload.cnf else "",
            payload.once,
        )
        return claims, payload.nbf

    def _remember(self, token: str, found: tuple[Claims, int]) -> None:
        with self._lock:
            while len(self._known) >= CACHED_TOKENS:
                del self._known[next(iter(self._known))]
            self._known[token] = found


def _second(now: datetime) -> int:
    if now.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return int(now.timestamp() // 1)


def _malformed() -> AccessError:
    return AccessError("the token is malformed: send it exactly as it was issued")
