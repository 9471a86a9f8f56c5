"""Tests that an installed clinic makes of itself, on scratch keys: nothing of it is touched."""

import base64
import hmac
import logging
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request
from starlette.responses import Response

from euthymia.app.http.exchange import SAFE_HEADERS, TLS_ONLY
from euthymia.app.http.openapi import DOCS_HEADERS
from euthymia.app.logs import AllowList
from euthymia.app.web.crisis import style_policy
from euthymia.app.web.guard import HEADERS, PAGES_TLS_ONLY, put_cookie
from euthymia.ground.errors import EuthymiaError
from euthymia.security.envelope import context, seal, unseal
from euthymia.security.keys import Keyring
from euthymia.security.passwords import LEAST_CHARACTERS, common, one_pattern, weakness
from euthymia.security.token import Kind, Tokens

_HOUR: Final = timedelta(hours=1)


def envelope() -> str:
    """Check that a sealed block with a flipped bit, cut, or in another place is refused."""
    key, place = token_bytes(32), context("self-test", 1)
    sealed = seal(key, b"a person's record", context=place)
    if unseal(key, sealed, context=place) != b"a person's record":
        return "a sealed block does not open to what was sealed"
    tries = [(_flipped(sealed, bit), place) for bit in range(len(sealed) * 8)]
    tries += [(sealed[:length], place) for length in range(len(sealed))]
    tries.append((sealed, context("self-test", 2)))
    opened = sum(_opens(key, changed, where) for changed, where in tries)
    return f"{opened} of {len(tries)} changed blocks were opened" if opened else ""


def _flipped(sealed: bytes, bit: int) -> bytes:
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _opens(key: bytes, sealed: bytes, place: bytes) -> bool:
    try:
        unseal(key, sealed, context=place)
    except EuthymiaError:
        return False
    return True


def tokens() -> str:
    """Check that a token changed anywhere, out of time, of another kind, key or use is refused.

    Among them: no algorithm, HMAC with the public key as its secret, a key that the header brings.
    """
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with TemporaryDirectory(prefix="euthymia-scratch-") as folder:
        mine, other = (Keyring.create(Path(folder) / name) for name in ("a", "b"))
        ours = Tokens(mine, issuer="self-test", audience="self-test")
        token = ours.issue("u", "it", now=now, lifetime=_HOUR)
        tries = [(_other_letter(token, i), now) for i in range(len(token))]
        tries += [(token, now + 2 * _HOUR), (token, now - 2 * _HOUR)]
        foreign = [
            ours.issue("u", "it", now=now, lifetime=_HOUR, kind=Kind.SIGNIN),
            Tokens(other, issuer="self-test", audience="self-test").issue(
                "u", "it", now=now, lifetime=_HOUR
            ),
            Tokens(mine, issuer="self-test", audience="elsewhere").issue(
                "u", "it", now=now, lifetime=_HOUR
            ),
            Tokens(mine, issuer="elsewhere", audience="self-test").issue(
                "u", "it", now=now, lifetime=_HOUR
            ),
            *_forged(token, mine),
        ]
        tries += [(one, now) for one in foreign]
        taken = sum(_holds(ours, changed, at) for changed, at in tries)
        if not _holds(ours, token, now):
            return "a good token is refused"
    return f"{taken} of {len(tries)} wrong tokens were accepted" if taken else ""


def _forged(token: str, keyring: Keyring) -> list[str]:
    """Return the token under headers that choose another algorithm or bring a key along."""
    payload = token.split(".")[1]
    public = keyring.verifier("token").public_bytes(Encoding.Raw, PublicFormat.Raw)
    own = Ed25519PrivateKey.generate()
    brought = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key = f'"jwk":{{"kty":"OKP","crv":"Ed25519","x":"{_b64(brought)}"}}'
    none, hmac256, jwk = (
        _b64(f'{{"alg":"{alg}","typ":"at+jwt"{more}}}'.encode()) + "." + payload
        for alg, more in (("none", ""), ("HS256", ""), ("EdDSA", "," + key))
    )
    return [
        none + ".",
        hmac256 + "." + _b64(hmac.digest(public, hmac256.encode(), "sha256")),
        jwk + "." + _b64(own.sign(jwk.encode())),
    ]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _other_letter(token: str, place: int) -> str:
    return token[:place] + ("A" if token[place] != "A" else "Q") + token[place + 1 :]


def _holds(tokens: Tokens, token: str, now: datetime) -> bool:
    try:
        tokens.verify(token, now=now)
    except EuthymiaError:
        return False
    return True


def logs() -> str:
    """Check that no message of a library and no text of its error gets into a log, nor a line."""
    mark = "self-test-mark"
    error = ValueError(mark)
    told = (type(error), error, None)
    lines = [
        AllowList().format(logging.LogRecord(name, logging.ERROR, "", 0, mark, None, told))
        for name in ("asyncio", "uvicorn.error", "py.warnings")
    ]
    if any(mark in line for line in lines):
        return "a library's message came through"
    broken = "one\ntwo\r\x1b[2J\u2028three"
    ours = AllowList().format(
        logging.LogRecord("euthymia.self", logging.ERROR, "", 0, broken, None, None)
    )
    return "" if ours.isprintable() else "a message of ours made a second line"


def passwords() -> str:
    """Check that the commonest passwords which the other rules would take are here, and refused."""
    long = [word for word in common() if len(word) >= LEAST_CHARACTERS and not one_pattern(word)]
    if len(long) < _COMMONEST:
        return f"{len(long)} common passwords are known, not {_COMMONEST}"
    taken = sum(weakness(typed, "") is None for word in long for typed in (word, word.upper()))
    return f"{taken} of the commonest passwords are taken" if taken else ""


_COMMONEST: Final = 3000  # OWASP ASVS 5.0, 6.2.4
_WANTED: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_POLICY: Final = ("default-src 'none'", "object-src 'none'", "base-uri 'none'")
_FRAMES: Final = "frame-ancestors 'none'"


def _sent() -> dict[str, dict[str, str]]:
    api = {name.decode(): value.decode() for name, value in SAFE_HEADERS}
    described = {name.decode(): value.decode() for name, value in DOCS_HEADERS}
    crisis = dict(HEADERS) | {"content-security-policy": style_policy()}
    return {"API": api, "API's page": described, "pages": dict(HEADERS), "crisis page": crisis}


def headers() -> str:
    """Check that answers of API and pages carry the strict headers, each with its value."""
    wrong = []
    for what, sent in _sent().items():
        wrong += [f"{what}: {name}" for name, value in _WANTED.items() if sent.get(name) != value]
        policy = sent.get("content-security-policy", "").split("; ")
        wrong += [f"{what}: {part}" for part in (*_POLICY, _FRAMES) if part not in policy]
        scripts = [p for p in policy if p.startswith("script-src") and "'unsafe" in p]
        wrong += [f"{what}: {part}" for part in scripts]
    return f"missing: {', '.join(wrong)}" if wrong else ""


def hsts() -> str:
    """Check what is said over TLS: TLS alone for a year at least, of every name below ours too."""
    said = {"API": TLS_ONLY[1].decode(), "pages": PAGES_TLS_ONLY[1]}
    wrong = []
    for what, value in said.items():
        parts = [part.strip().lower() for part in value.split(";")]
        ages = [int(found[1]) for p in parts if (found := re.fullmatch(r"max-age=(\d+)", p))]
        if not ages or ages[0] < _YEAR or "includesubdomains" not in parts:
            wrong.append(what)
    return f"not for a year and all names below: {', '.join(wrong)}" if wrong else ""


_YEAR: Final = 31_536_000


def cookies() -> str:
    """Check what a browser is told of each cookie over TLS."""
    scope = {"type": "http", "scheme": "https", "server": ("localhost", 443), "path": "/"}
    request = Request(scope | {"headers": [], "query_string": b""})
    for samesite in ("strict", "lax"):
        response = Response()
        put_cookie(request, response, "self-test", "x", 60, samesite)
        name, *rest = (part.strip().lower() for part in response.headers["set-cookie"].split(";"))
        wanted = {"secure", "httponly", "path=/", f"samesite={samesite}"}
        loose = wanted - set(rest) or [part for part in rest if part.startswith("domain")]
        if loose or not name.startswith("__host-self-test="):
            return "a cookie is not bound to this host, to TLS, or is open to scripts"
    return ""
