"""Tests that an installed clinic makes of itself, on scratch keys: nothing of it is touched."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from tempfile import TemporaryDirectory
from typing import Final

from euthymia.app.http.exchange import SAFE_HEADERS
from euthymia.app.logs import AllowList
from euthymia.app.web.guard import HEADERS
from euthymia.ground.errors import EuthymiaError
from euthymia.security.envelope import context, seal, unseal
from euthymia.security.keys import Keyring
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
    """Check that a token changed anywhere, too old, of another kind or key is refused."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with TemporaryDirectory(prefix="euthymia-scratch-") as folder:
        mine, other = (Keyring.create(Path(folder) / name) for name in ("a", "b"))
        ours = Tokens(mine, issuer="self-test", audience="self-test")
        theirs = Tokens(other, issuer="self-test", audience="self-test")
        token = ours.issue("u", "it", now=now, lifetime=_HOUR)
        sign_in = ours.issue("u", "it", now=now, lifetime=_HOUR, kind=Kind.SIGNIN)
        tries = [(_other_letter(token, i), now) for i in range(len(token))]
        tries += [(sign_in, now), (token, now + 2 * _HOUR), (token, now - 2 * _HOUR)]
        tries.append((theirs.issue("u", "it", now=now, lifetime=_HOUR), now))
        taken = sum(_holds(ours, changed, at) for changed, at in tries)
        if not _holds(ours, token, now):
            return "a good token is refused"
    return f"{taken} of {len(tries)} wrong tokens were accepted" if taken else ""


def _other_letter(token: str, place: int) -> str:
    return token[:place] + ("A" if token[place] != "A" else "Q") + token[place + 1 :]


def _holds(tokens: Tokens, token: str, now: datetime) -> bool:
    try:
        tokens.verify(token, now=now)
    except EuthymiaError:
        return False
    return True


def logs() -> str:
    """Check that no message of a library and no text of its error gets into a log."""
    mark = "self-test-mark"
    error = ValueError(mark)
    told = (type(error), error, None)
    lines = [
        AllowList().format(logging.LogRecord(name, logging.ERROR, "", 0, mark, None, told))
        for name in ("asyncio", "uvicorn.error", "py.warnings")
    ]
    return "a library's message came through" if any(mark in line for line in lines) else ""


def headers() -> str:
    """Check that answers of API and pages carry the strict headers."""
    wanted = {
        "content-security-policy",
        "x-content-type-options",
        "referrer-policy",
        "permissions-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
    }
    api, pages = {name.decode() for name, _ in SAFE_HEADERS}, {name for name, _ in HEADERS}
    missing = sorted((wanted - api) | (wanted - pages))
    framed = [v for n, v in HEADERS if n == "content-security-policy" and "frame-ancestors" in v]
    return f"missing: {', '.join(missing)}" if missing or not framed else ""
