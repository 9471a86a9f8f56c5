"""Codes of an authenticator app: six digits, a new one every 30 seconds (RFC 6238, HMAC-SHA-1)."""

import base64
import hmac
import re
import secrets
from datetime import datetime
from typing import Final

SECRET_BYTES: Final = 20
STEP_SECONDS: Final = 30
DIGITS: Final = 6
DRIFT: Final = 1  # steps that the clock of a telephone may be off, either way
_CODE: Final = re.compile(r"[0-9]{6}")


def new_secret() -> bytes:
    """Return a random secret."""
    return secrets.token_bytes(SECRET_BYTES)


def code_at(secret: bytes, step: int) -> str:
    """Return the code of one step (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(now: datetime) -> int:
    """Return the number of the step that an instant is in."""
    return int(now.timestamp()) // STEP_SECONDS


def matching_step(secret: bytes, code: str, now: datetime, *, after: int = -1) -> int | None:
    """Return the step whose code this is; None if it is none that may be used now.

    Only steps later than `after`, the last one used, count: a code works once.
    """
    plain = "".join(code.split())
    if not _CODE.fullmatch(plain):
        plain = "!" * DIGITS
    found = None
    for step in range(step_of(now) - DRIFT, step_of(now) + DRIFT + 1):
        if hmac.compare_digest(code_at(secret, step), plain) and step > after:
            found = step
    return found


def base32(secret: bytes) -> str:
    """Return the secret as authenticator apps take it by hand."""
    return base64.b32encode(secret).decode().rstrip("=")


def _quoted(text: str) -> str:
    """Write text as a part of an address (RFC 3986)."""
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in text.encode())


def enrolment_uri(secret: bytes, user: str, clinic: str) -> str:
    """Return the text of the QR code that authenticator apps read."""
    label = f"{_quoted(clinic)}:{_quoted(user)}"
    return (
        f"otpauth://totp/{label}?secret={base32(secret)}&issuer={_quoted(clinic)}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    )
