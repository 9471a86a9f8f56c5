"""What is in force in a home, beside what the ledger says was put into force last.

A keyed digest says of a text that it was accepted once. That nothing was accepted since, only the
ledger says: so an earlier text that is put back with the digest of its time, or a file that is
taken away with its digest, is found here, by `euthymia verify`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from euthymia.app import published
from euthymia.app.config import Config
from euthymia.app.home import Home
from euthymia.security.ledger_lines import LedgerLine

SETTINGS: Final = "settings_sha256"
POLICIES: Final = "policies_sha256"
ALERTS: Final = "alerts_sha256"
WATCH: Final = "watch_sha256"
EVIDENCE: Final = "evidence_sha256"
ALERTS_BEGUN: Final = "begin alerts"

_BY: Final = {
    SETTINGS: ("euthymia.toml", "accept it with `euthymia init`"),
    POLICIES: ("policies.cedar", "accept it with `euthymia policy accept`"),
    ALERTS: ("alerts.yaml", "accept it with `euthymia alerts accept`"),
    WATCH: ("watch.sealed", "set norms and lines anew with `euthymia watch --recalibrate`"),
    EVIDENCE: ("the published evidence", "accept it with `euthymia init`"),
}
_BOOK: Final = frozenset({ALERTS_BEGUN, "tell alerts"})
"""After one of these there is a book of alerts."""


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file (hex); of nothing where there is none."""
    return hashlib.sha256(file.read_bytes() if file.is_file() else b"").hexdigest()


def newest(lines: Iterable[LedgerLine]) -> Mapping[str, str]:
    """Return what the ledger told last of each: its digest by name, and whether alerts began."""
    found: dict[str, str] = {}
    for line in lines:
        found |= {name: str(line.detail[name]) for name in _BY if name in line.detail}
        if line.action in _BOOK:
            found[ALERTS_BEGUN] = line.id
    return found


def problems(home: Home, config: Config, told: Mapping[str, str]) -> list[str]:
    """Compare what is in force with what was `told`; return what is wrong, in words."""
    there = {
        SETTINGS: digest_of(home.config_file),
        POLICIES: digest_of(home.policies.file),
        ALERTS: digest_of(home.alert_policy.file),
        WATCH: digest_of(home.watch),
        EVIDENCE: published.digest_there(home, config),
    }
    found = [
        f"{_BY[name][0]} is not what the ledger says was put into force last: an earlier one was "
        f"put back, or it was removed; restore it, or {_BY[name][1]}"
        for name, digest in there.items()
        if told.get(name, digest) != digest
    ]
    if ALERTS_BEGUN in told and not home.alert_book.exists():
        found.append(
            f"{home.alert_book.name} is missing, so no alert is shown: restore it, or run "
            "`euthymia alerts run`, which begins anew and shows all that stands"
        )
    return found
