"""The ledger: entries a CPU-second, with many callers waiting, and what each promise costs.

The peer is an append-only table of SQLite (WAL, synchronous=FULL: a commit is on disk before it is
told), the same entries as msgpack, in commits of as many entries as our groups: what somebody would
write who wants durable log lines and nothing else. It has no chain, no MAC, no tree, no signature
and no receipt; the second claim gives the peer a SHA-256 chain and an HMAC a row, in Python, so
that both can tell a changed row. CPU seconds are those of the whole process, writer thread and
system calls included.
"""

import hashlib
import hmac
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.ids import SubjectId
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.ledger_queue import GROUP_LIMIT

ENTRIES = 40_000
GOAL = 20_000  # group-committed entries a CPU-second
NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)
KEY = b"k" * 32


class OneKey:
    """The store's answer, without the store: what sealing itself costs."""

    def of(self, _: str) -> bytes | None:
        return KEY


def entry(number: int) -> Entry:
    detail = {"outcome": "answered", "model": "relapse-30d@3", "features": "stored", "n": number}
    who = SubjectId("p-abcdefgh234567ab")
    return Entry(Actor("dr-lind", "clinician"), "analyze patient", Purpose.CARE, who, detail)


def ours(folder: Path, keyring: Keyring, *, sealed: bool, receipts: bool) -> float:
    """Return entries a CPU-second."""
    ledger = Ledger.open(folder, keyring, clock=lambda: NOW)
    if sealed:
        ledger.seal_details(OneKey())
    entries = [entry(n) for n in range(ENTRIES)]
    start = time.process_time()
    for first in range(0, ENTRIES, GROUP_LIMIT):
        group = [ledger.encode(one) for one in entries[first : first + GROUP_LIMIT]]
        for written in ledger.write(group):
            if receipts:
                written.receipt()
    spent = time.process_time() - start
    assert ledger.verify() == []
    ledger.close()
    return ENTRIES / spent


def sqlite(path: Path, *, chained: bool) -> float:
    """Return entries a CPU-second of a table of SQLite, committed in groups as large as ours."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE log(seq INTEGER PRIMARY KEY, at INTEGER, body BLOB, hash BLOB)")
    encode, before = msgspec.msgpack.Encoder().encode, bytes(32)
    entries = [entry(n) for n in range(ENTRIES)]
    start = time.process_time()
    for first in range(0, ENTRIES, GROUP_LIMIT):
        rows = []
        for seq, one in enumerate(entries[first : first + GROUP_LIMIT], first):
            actor = one.actor
            said = (actor.user, actor.role, one.action, one.purpose, one.subject, one.detail)
            body = encode(said)
            if chained:
                body += hmac.digest(KEY, before + body, "sha256")[:16]
                before = hashlib.sha256(before + body).digest()
            rows.append((seq, int(NOW.timestamp() * 1e6), body, before))
        db.execute("BEGIN")
        db.executemany("INSERT INTO log VALUES(?, ?, ?, ?)", rows)
        db.execute("COMMIT")
    spent = time.process_time() - start
    db.close()
    return ENTRIES / spent


def run() -> Iterator[dict]:
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        keyring = Keyring.create(home / "keys")
        unit = "entries/CPU-second"
        full = ours(home / "full", keyring, sealed=True, receipts=True)
        yield claim("ledger, all promises, against the goal", full, GOAL, "the goal", unit, 1.0)
        plain = ours(home / "plain", keyring, sealed=False, receipts=False)
        table = sqlite(home / "plain.db", chained=False)
        yield claim(
            "ledger without sealed details and receipts",
            plain,
            table,
            "SQLite WAL FULL",
            unit,
            None,
        )
        chained = sqlite(home / "chained.db", chained=True)
        yield claim(
            "ledger, all promises",
            full,
            chained,
            "SQLite WAL FULL, SHA-256 chain, HMAC",
            unit,
            None,
        )


def claim(
    name: str, ours: float, peer: float, peer_name: str, unit: str, goal: float | None
) -> dict:
    return {
        "name": name,
        "ours": round(ours),
        "peer": round(peer),
        "peer_name": peer_name,
        "unit": unit,
        "ratio": ours / peer,
        "goal": goal,
    }
