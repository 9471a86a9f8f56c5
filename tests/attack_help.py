"""What an attacker brings: forged tokens, sentinels and a stopwatch."""

import base64
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from euthymia.app.clinic import Clinic
from euthymia.security.token import Kind, More
from proofs import b64

FORM = "application/x-www-form-urlencoded"


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def parts_of(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return header, payload and signature of a token that was taken."""
    head, body, tail = token.split(".")
    return json.loads(unb64(head)), json.loads(unb64(body)), unb64(tail)


def forged(
    header: Mapping[str, Any], payload: Mapping[str, Any], sign: Callable[[bytes], bytes]
) -> str:
    """Return a token of any header and payload under any signature."""
    signed = ".".join(
        b64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload)
    )
    return f"{signed}.{b64(sign(signed.encode()))}"


def session_cookie(clinic: Clinic, user: str, role: str = "clinician") -> dict[str, str]:
    """Return the cookie of somebody who is signed in with a link."""
    now = clinic.clock()
    more = More(began=int(now.timestamp()), proofs=("link",))
    life = timedelta(minutes=15)
    made = clinic.tokens.issue(user, role, now=now, lifetime=life, kind=Kind.SESSION, more=more)
    return {"cookie": f"euthymia={made}"}


def disguises(secret: str) -> list[bytes]:
    """Return how a text may rest in a file: raw, UTF-16, hexadecimal, base64 at any offset."""
    raw = secret.encode()
    found = [raw, secret.encode("utf-16-le"), secret.encode("utf-16-be")]
    found += [raw.hex().encode(), raw.hex().upper().encode()]
    for offset in range(3):
        text = base64.b64encode(b"\0" * offset + raw)
        start = (offset * 8 + 5) // 6
        found.append(text[start : start + (len(raw) * 8 - 8) // 6])
    return found


def leaks(folder: Path, secrets: Iterable[str]) -> list[tuple[str, str]]:
    """Return (file, secret) for every secret that a byte search of a folder finds."""
    wanted = [(secret, form) for secret in secrets for form in disguises(secret)]
    found = []
    for path in sorted(folder.rglob("*")):
        content = str(path.relative_to(folder)).encode()
        if path.is_file() and not path.is_symlink():
            content += b"\0" + path.read_bytes()
        found += [(path.name, secret) for secret, form in wanted if form in content]
    return found


def hangs(call: Callable[[], Any], seconds: float) -> bool:
    """Tell whether a call takes more processor time than that, three times in a row.

    For what ends in moments or practically never: the limit is to be many times what it takes. One
    time is not enough: the garbage collector's pauses are as long as all that other tests left.
    """
    for _ in range(3):
        start = time.process_time()
        call()
        if time.process_time() - start <= seconds:
            return False
    return True


def steps(call: Callable[[], Any]) -> int:
    """Return how many Python functions a call enters on this thread: its length, on any machine."""
    entered = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal entered
        entered += event == "call"

    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered
