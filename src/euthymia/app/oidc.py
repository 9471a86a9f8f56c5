"""Signing in through the hospital's own provider (OpenID Connect, authorization code with PKCE).

Everything is fetched from the configured issuer's own origin, over https (http on this machine
only), without following redirects. State, nonce and PKCE verifier come from one signed ticket in
the browser's cookie, which is used up by the answer.
"""

import base64
import hashlib
import hmac
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from euthymia.app.config import OidcConfig
from euthymia.app.id_token import Key, read_keys, verified_claims
from euthymia.app.once import Once
from euthymia.app.outbound import allow
from euthymia.ground.clock import Clock
from euthymia.ground.errors import AccessError, BusyError, SchemaError
from euthymia.ground.ids import is_subject_id
from euthymia.security.policy import ROLES
from euthymia.security.token import Kind, Tokens

SIGN_IN_WITHIN: Final = timedelta(minutes=10)
FETCHED_FOR_S: Final = 3600
AGAIN_AFTER_S: Final = 60  # a key we do not know is looked for once a minute, not at every try
TIMEOUT_S: Final = 10
MOST_BYTES: Final = 256 * 1024
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ABOUT: Final = "provider sign-in"
_DENIED: Final = "the provider did not sign you in: try again, or ask whoever runs it"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who the provider says it is, in the clinic's terms."""

    user: str
    role: str
    proofs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Fetched:
    at: int
    document: Mapping[str, Any]
    keys: tuple[Key, ...]


def origin(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port; SchemaError unless https, or http to this machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise SchemaError("an address of the provider is an https address") from None
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise SchemaError("an address of the provider is an https address")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise SchemaError("the provider is reached over https (http on this machine only)")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


@dataclass
class Oidc:
    """The relying party of one clinic."""

    config: OidcConfig
    tokens: Tokens
    once: Once
    key: bytes
    clock: Clock
    _fetched: _Fetched | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def name(self) -> str:
        """Return the provider's host, for the button."""
        return origin(self.config.issuer or "")[1]

    # -- there and back --------------------------------------------------------------------------
    def begin(self, redirect: str) -> tuple[str, str]:
        """Return (ticket for the cookie, address to send the browser to)."""
        now = self.clock()
        kind, life = Kind.CHALLENGE, SIGN_IN_WITHIN
        ticket = self.tokens.issue(_ABOUT, "it", now=now, lifetime=life, kind=kind)
        verifier = self._secret("verifier", ticket)
        query = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect,
            "scope": " ".join(("openid", *self.config.scopes)),
            "state": self._secret("state", ticket),
            "nonce": self._secret("nonce", ticket),
            "code_challenge": _b64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        address = self._endpoint("authorization_endpoint")
        return ticket, f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    def finish(self, ticket: str, answer: Mapping[str, str], redirect: str) -> SignedIn:
        """Return who signed in.

        Raises
        ------
        AccessError
            State, code, ID token or role do not hold.
        """
        claims = self.tokens.verify(ticket, now=self.clock(), kind=Kind.CHALLENGE)
        state = self._secret("state", ticket)
        if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
            raise AccessError("the answer belongs to another sign-in: begin again")
        if claims.user != _ABOUT or not self.once.redeem(claims.token_id, claims.expires_at):
            raise AccessError("this answer was used before: begin again")
        if "code" not in answer or answer.get("iss", self.config.issuer) != self.config.issuer:
            raise AccessError(_DENIED)
        said = self._exchange(answer["code"], redirect, self._secret("verifier", ticket))
        found = self._claims(str(said.get("id_token", "")), self._secret("nonce", ticket))
        return self._who(found)

    def sign_out_address(self, back: str) -> str | None:
        """Return where a user ends the provider's own session too, if the provider says where."""
        if "end_session_endpoint" not in self._now().document:
            return None
        query = {"client_id": self.config.client_id, "post_logout_redirect_uri": back}
        return f"{self._endpoint('end_session_endpoint')}?{urlencode(query)}"

    # -- what the provider says --------------------------------------------------------------------
    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        second = int(self.clock().timestamp())
        expected = {"issuer": self.config.issuer or "", "client": self.config.client_id}
        known = self._now()
        try:
            return verified_claims(token, known.keys, nonce=nonce, second=second, **expected)
        except LookupError:  # a key that is newer than our copy
            if second - known.at < AGAIN_AFTER_S:
                raise AccessError(_DENIED) from None
        fresh = self._fetch_all(second)
        try:
            return verified_claims(token, fresh.keys, nonce=nonce, second=second, **expected)
        except LookupError:
            raise AccessError(_DENIED) from None

    def _who(self, claims: Mapping[str, Any]) -> SignedIn:
        user, said = claims.get(self.config.user_claim), claims.get(self.config.role_claim)
        if not isinstance(user, str) or not user:
            raise AccessError("the provider does not say who you are: tell your administrator")
        if is_subject_id(user):  # it opens a record here, and a provider may let people choose
            raise AccessError("the provider's name for you is a patient's pseudonym here")
        held = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        for value, role in self.config.role_of():
            if value in held and role in ROLES:
                proofs = claims.get("amr", [])
                how = [p for p in proofs if isinstance(p, str)] if isinstance(proofs, list) else []
                return SignedIn(user, role, ("sso", *how[:8]))
        raise AccessError("the provider gives you no role that this clinic knows")

    def _exchange(self, code: str, redirect: str, verifier: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self.config.client_secret_file:
            secret = Path(self.config.client_secret_file).read_text(encoding="utf-8").strip()
            pair = f"{quote(self.config.client_id, safe='')}:{quote(secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form["client_id"] = self.config.client_id
        return self._fetch(self._endpoint("token_endpoint"), urlencode(form), headers)

    # -- fetching ----------------------------------------------------------------------------------
    def _now(self) -> _Fetched:
        second = int(self.clock().timestamp())
        kept = self._fetched
        if kept is not None and 0 <= second - kept.at < FETCHED_FOR_S:
            return kept
        return self._fetch_all(second)

    def _fetch_all(self, second: int) -> _Fetched:
        with self._lock:
            issuer = self.config.issuer or ""
            document = self._fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
            if document.get("issuer") != issuer:
                raise AccessError("the provider's description is another issuer's")
            keys = read_keys(self._fetch(self._own(document.get("jwks_uri"))))
            self._fetched = _Fetched(second, document, keys)
            return self._fetched

    def _endpoint(self, name: str) -> str:
        return self._own(self._now().document.get(name))

    def _own(self, url: object) -> str:
        """Return an address that the provider named, if it is at the issuer's own origin."""
        try:
            if isinstance(url, str) and origin(url) == origin(self.config.issuer or ""):
                return url
        except SchemaError:
            pass
        raise AccessError("the provider names an address that is not at its own origin")

    def _fetch(
        self, url: str, form: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """Return a JSON object; whatever is not a plain 200 is refused, a redirect too."""
        scheme, host, port = origin(url)
        allow(host)
        line: http.client.HTTPConnection
        if scheme == "https":
            safe = ssl.create_default_context()
            line = http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=safe)
        else:
            line = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            said = {"accept": "application/json", **(headers or {})}
            line.request("GET" if form is None else "POST", path, form, said)
            answer = line.getresponse()
            raw = answer.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise BusyError("the provider cannot be reached: try again, or another way") from error
        finally:
            line.close()
        if answer.status != 200 or len(raw) > MOST_BYTES:
            raise AccessError(_DENIED)
        try:
            return msgspec.json.decode(raw, type=dict[str, Any])
        except msgspec.DecodeError:
            raise AccessError(_DENIED) from None

    def _secret(self, use: str, ticket: str) -> str:
        return _b64(hmac.digest(self.key, f"oidc {use}:{ticket}".encode(), "sha256"))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
