"""What is fuzzed: every parser of bytes that somebody else wrote, and what each may do with them.

A target takes bytes and returns, or refuses with one of our errors. Anything else is a finding.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from euthymia.app.config import parse
from euthymia.app.problems import RefusalError
from euthymia.app.question import read_question
from euthymia.ground.errors import EuthymiaError
from euthymia.models.tables import read_frame
from euthymia.security import dpop, notes, receipt
from euthymia.security.envelope import unseal
from euthymia.security.keys import Keyring
from euthymia.security.token import Tokens
from euthymia.sources.open import sources
from euthymia.store import chunk
from reading import assert_accounted, read

NOW = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """One parser: what it is tried with, and inputs to begin from."""

    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]


@contextmanager
def _folder() -> Iterator[Path]:
    shared = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shared if shared.is_dir() else None))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@cache
def _example(name: str) -> tuple[tuple[str, bytes], ...]:
    """Return the files of a source's own example: (path, content)."""
    with _folder() as folder:
        sources()[name].example(folder)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return tuple((p.relative_to(folder).as_posix(), p.read_bytes()) for p in files)


def _source(name: str) -> Target:
    """Take the first byte for which file of the example is replaced by the rest."""

    def run(data: bytes) -> None:
        files = _example(name)
        chosen = data[0] % len(files) if data else 0
        with _folder() as folder:
            path = folder / files[chosen][0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data[1:])
            for reading, items in read(folder):
                assert_accounted(reading, items)

    def seeds() -> list[bytes]:
        return [bytes([n]) + content for n, (_, content) in enumerate(_example(name)) if n < 256]

    return Target(run, seeds)


@cache
def _keyring() -> Keyring:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-keys-")) / "keys"
    return Keyring.create(folder)


@cache
def _tokens() -> Tokens:
    return Tokens(_keyring(), issuer="clinic", audience="api")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _token(data: bytes) -> None:
    _tokens().verify(_text(data), now=NOW)
    raise AssertionError("a token that nobody issued was taken")


def _table(data: bytes) -> None:
    with _folder() as folder:
        path = folder / "table.csv"
        path.write_bytes(data)
        read_frame(path)


def _proof(data: bytes) -> None:
    dpop.check(_text(data), method="POST", url="http://a/", token="t", key="k", second=1)
    raise AssertionError("a proof that nobody made was taken")


def _verifier() -> object:
    return Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()


def _sealed(data: bytes) -> None:
    unseal(bytes(32), data, context=b"here")
    raise AssertionError("bytes that nobody sealed were opened")


_OTHERS: dict[str, Target] = {
    "token": Target(_token, lambda: [b"eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.e30.AAAA"]),
    "proof": Target(_proof, lambda: [b"eyJ0eXAiOiJkcG9wK2p3dCJ9.e30.AAAA"]),
    "question": Target(
        read_question,
        lambda: [json.dumps({"patient_id": "p-a", "model": "m", "features": {"x": 1}}).encode()],
    ),
    "settings": Target(
        lambda data: parse(data, "euthymia.toml"),
        lambda: [b'[clinic]\nname = "x"\n', b"[serve]\nport = 1\n"],
    ),
    "table": Target(_table, lambda: [b"a,b,c\n1,2,x\n3,,y\n", b'"a";"b"\n1,5;2\n']),
    "receipt": Target(
        lambda data: receipt.open_receipt(_text(data), _verifier()),
        lambda: [b"c2sp.org/tlog-proof@v1\nextra AA==\nindex 0\n\no\n1\nAA==\n\n- o AA==\n"],
    ),
    "checkpoint": Target(
        notes.read_note, lambda: [b"origin\n1\nAAAA\n\n\xe2\x80\x94 origin AAAA\n"]
    ),
    "block": Target(
        chunk.decode, lambda: [b"EUC1\x00\x00\x00\x00", b"EUC1\x03\x00\x00\x00\x92\x00\x90"]
    ),
    "sealed": Target(_sealed, lambda: [bytes(40), b"\x01" + bytes(60)]),
}


def targets() -> dict[str, Target]:
    """Return every target by its name; a new source is one without being listed."""
    return {f"source-{name}": _source(name) for name in sources()} | _OTHERS


def tried(target: Target, data: bytes) -> None:
    """Run a target; our own refusals are what it is meant to do."""
    try:
        target.run(data)
    except (EuthymiaError, RefusalError):
        return
