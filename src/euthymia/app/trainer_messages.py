"""What the trainer and the process that starts it say to each other."""

from typing import Any, BinaryIO, Final

import msgspec

from euthymia.ground.errors import IntegrityError
from euthymia.models.bundle import Bundle
from euthymia.models.privacy.contract import Charge
from euthymia.security.envelope import context

RESULT: Final = context("trained model", 1)
RESULT_KEY: Final = "train result"
MAX_MESSAGE: Final = 1 << 30


class Order(msgspec.Struct, frozen=True):
    """What to train. `closed` are places that must not be readable from here."""

    task: str
    seed: int
    now: int
    closed: tuple[str, ...]
    must_be_closed: bool
    estimator: str = ""
    epsilon: float = 0.0  # above 0: a private run
    delta: float = 0.0
    workload: float = 10.0


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The trainer has its keys and is enclosed."""

    isolation: str


class Step(msgspec.Struct, frozen=True, tag=True):
    """How far it is."""

    done: int
    total: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """It cannot train, and why; without a value of anybody."""

    why: str
    schema: bool
    charges: tuple[Charge, ...] | None = None  # what a private run had paid by then


class Done(msgspec.Struct, frozen=True, tag=True):
    """A `Taught`, sealed."""

    sealed: bytes


class Taught(msgspec.Struct, frozen=True):
    """What comes back. The bundle has no version yet, and the names of the snapshot."""

    bundle: Bundle
    metrics: dict[str, Any]
    audits: dict[str, Any]
    report: str
    isolation: str
    charges: tuple[Charge, ...] = ()


Message = Ready | Step | Refused | Done


def send(stream: BinaryIO, content: bytes) -> None:
    """Write one message with its length before it."""
    stream.write(len(content).to_bytes(8, "big") + content)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Read one message; IntegrityError where there is none."""
    size = int.from_bytes(stream.read(8), "big")
    content = stream.read(size) if 0 < size <= MAX_MESSAGE else b""
    if not content:
        raise IntegrityError("the process at the other end stopped")
    return content
