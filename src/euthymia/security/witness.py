"""A witness: somebody else who remembers how long the ledger was, and signs what only grows.

The rules are those of c2sp.org/tlog-witness: a checkpoint is cosigned only if the log's key signed
it and a proof shows that it continues the last one that this witness cosigned. So a log that was
set back, or written anew with all its keys, gets no signature again, and the last one that it got
proves it. Pure but for `State`, which is the witness's memory on its own disk.
"""

import base64
import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from euthymia.ground.errors import IntegrityError, MissingError, SchemaError
from euthymia.security.keys import write_private
from euthymia.security.merkle import EMPTY_ROOT, extends
from euthymia.security.notes import (
    LOG_KEY,
    WITNESS_KEY,
    NamedKey,
    Note,
    check_name,
    cosign,
    read_note,
    signed_by,
)

MAX_PROOF: Final = 63
_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,18})")
_KEY_HEAD: Final = "euthymia witness key 1"


class Seen(msgspec.Struct, frozen=True):
    """The newest tree of a log that a witness cosigned."""

    size: int
    root: bytes


NOTHING: Final = Seen(0, EMPTY_ROOT)


class ConflictError(IntegrityError):
    """The log speaks of another last checkpoint than the one this witness cosigned."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"this witness saw {size} entries: a proof must begin there, and if the ledger is "
            "shorter it was set back"
        )
        self.size = size


@dataclass(frozen=True, slots=True)
class Request:
    """A log's request: from how many entries on, the proof, and the new checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: Note
    raw: bytes


def request_text(old: int, proof: list[bytes], note: bytes) -> bytes:
    """Return a request's body."""
    lines = [b"old %d" % old, *(base64.b64encode(node) for node in proof), b""]
    return b"\n".join(lines) + b"\n" + note


def read_request(body: bytes) -> Request:
    """Read a request; IntegrityError if it is none. Nothing is verified yet."""
    head, blank, raw = body.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    old = _OLD.fullmatch(first)
    if not blank or old is None or len(lines) > MAX_PROOF:
        raise IntegrityError("this is not a request to a witness (c2sp.org/tlog-witness)")
    try:
        proof = tuple(base64.b64decode(line, validate=True) for line in lines)
    except ValueError:
        raise IntegrityError("the proof of a request to a witness cannot be read") from None
    return Request(int(old[1]), proof, read_note(raw), raw)


def judge(request: Request, log: Ed25519PublicKey, seen: Seen) -> Seen:
    """Return what the witness has seen after this request; raise if it must not sign.

    Raises
    ------
    ConflictError
        The request does not begin where the witness stands, or has another tree of that size.
    IntegrityError
        The checkpoint is not signed by the log, or does not continue what was seen.
    """
    found = request.note.checkpoint
    if not signed_by(request.note, NamedKey(found.origin, LOG_KEY, log)):
        raise IntegrityError("the checkpoint is not signed by the ledger's key")
    if request.old > found.size:
        raise IntegrityError("the checkpoint is shorter than the one it is said to continue")
    same = request.old == found.size == seen.size
    if request.old != seen.size or (same and found.root != seen.root):
        raise ConflictError(seen.size)
    if not extends(seen.size, seen.root, found.size, found.root, request.proof):
        raise IntegrityError("the checkpoint does not continue the one that this witness saw")
    return Seen(found.size, found.root)


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's own key and name."""

    name: str
    key: Ed25519PrivateKey

    @property
    def public(self) -> NamedKey:
        """The public key, to be put into the clinic's settings."""
        return NamedKey(self.name, WITNESS_KEY, self.key.public_key())

    @classmethod
    def create(cls, path: Path, name: str) -> "WitnessKey":
        """Make a key and write it (0600); never over another."""
        made = cls(check_name(name), Ed25519PrivateKey.generate())
        seed = base64.b64encode(made.key.private_bytes_raw()).decode()
        try:
            write_private(path, f"{_KEY_HEAD}\n{name}\n{seed}\n".encode())
        except FileExistsError:
            raise SchemaError(
                "there is a file of that name already: keep the key it holds"
            ) from None
        return made

    @classmethod
    def read(cls, path: Path) -> "WitnessKey":
        """Read a key file."""
        try:
            head, name, seed = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
            raw = base64.b64decode(seed, validate=True)
        except FileNotFoundError:
            raise MissingError("no witness key there: make one with --init --name NAME") from None
        except (UnicodeDecodeError, ValueError):
            head, name, raw = "", "", b""
        if head != _KEY_HEAD or len(raw) != 32:
            raise SchemaError("this is not a witness's key file")
        return cls(check_name(name), Ed25519PrivateKey.from_private_bytes(raw))


class State:
    """What a witness saw of each log, on its own disk: written before anything is signed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def cosign(self, body: bytes, log: Ed25519PublicKey, own: WitnessKey, at_s: int) -> bytes:
        """Judge a request; return the checkpoint with the witness's signature added.

        Checking and remembering are one step, under a lock, so that two requests at once cannot
        take the witness back.
        """
        request = read_request(body)
        origin = request.note.checkpoint.origin
        with self._locked():
            known = self._read()
            known[origin] = judge(request, log, known.get(origin, NOTHING))
            self._write(known)
        return request.raw + cosign(own.name, own.key, request.note.text, at_s)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _read(self) -> dict[str, Seen]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Seen])
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError:
            raise IntegrityError(
                f"{self._path.name}: what the witness saw cannot be read; restore it from a backup"
            ) from None

    def _write(self, known: dict[str, Seen]) -> None:
        building = self._path.with_suffix(".new")
        handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(known))
            file.flush()
            os.fsync(file.fileno())
        building.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
