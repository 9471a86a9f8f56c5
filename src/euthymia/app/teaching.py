"""Start the trainer, hand it one snapshot, take one model back. See `app/trainer.py`."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

import euthymia
from euthymia.app.clinic import Clinic
from euthymia.app.trainer_messages import (
    RESULT,
    RESULT_KEY,
    Done,
    Message,
    Order,
    Ready,
    Refused,
    Step,
    Taught,
    receive,
    send,
)
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import AccessError, EuthymiaError, IntegrityError, SchemaError
from euthymia.models.privacy.contract import Charge, Guarantee
from euthymia.security.envelope import unseal
from euthymia.security.key_tree import RESEARCH, TRAIN

LENT: Final = (RESEARCH, TRAIN)
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_PATIENCE: Final = 10  # seconds to end in, once it was told to


def _environment() -> dict[str, str]:
    """Return what the trainer may know of ours: where code lies, and how to write numbers."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    ours = [str(Path(euthymia.__file__).parents[1])]
    theirs = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {**kept, "PYTHONPATH": os.pathsep.join([*ours, *filter(None, theirs)])}


def _start(clinic: Clinic, keys: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "euthymia.app.trainer", str(keys)]
    user = clinic.config.training.user
    try:
        return subprocess.Popen(  # noqa: S603 - our own code, and no word of anybody's
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=[keys],
            cwd="/",
            env=_environment(),
            user=user,
            group=_group_of(user),
            extra_groups=None if user is None else [],
        )
    except PermissionError as error:
        raise AccessError(
            "training.user is set, and the trainer cannot be started as that user: train as root "
            "(or with CAP_SETUID and CAP_SETGID), and let that user read and run Euthymia's Python"
        ) from error


def _group_of(user: str | None) -> int | None:
    if user is None:
        return None
    import pwd

    try:
        return pwd.getpwnam(user).pw_gid
    except KeyError:
        raise SchemaError("training.user names no user of this machine") from None


class Trainer:
    """A running trainer, which waits for its snapshot."""

    def __init__(self, clinic: Clinic, process: "subprocess.Popen[bytes]") -> None:
        self._clinic = clinic
        self._process = process
        self.charges: tuple[Charge, ...] | None = None
        """What a private run paid, as far as it came to say so."""

    def teach(
        self,
        task: str,
        snapshot: bytes,
        seed: int,
        progress: Callable[[int, int], None],
        *,
        estimator: str = "",
        claim: Guarantee | None = None,
    ) -> Taught:
        """Return the model of a snapshot; under a `claim`, of a private run.

        Raises
        ------
        SchemaError
            There are too few people in it, or it is another task's.
        EuthymiaError
            The trainer stopped.
        """
        clinic = self._clinic
        order = Order(
            task,
            seed,
            to_micros(clinic.clock()),
            _closed(clinic),
            clinic.config.training.closed,
            estimator,
            *((claim.epsilon, claim.delta) if claim is not None else (0.0, 0.0)),
            workload=clinic.config.training.workload,
        )
        source, told = self._pipes()
        try:
            send(source, msgspec.msgpack.encode(order))
            self._until(told, Ready, progress)
            send(source, snapshot)
            done = self._until(told, Done, progress)
        except (BrokenPipeError, IntegrityError) as error:
            raise EuthymiaError(
                "the trainer stopped before it was done (was it killed, or out of memory?); "
                "nothing was registered: train again"
            ) from error
        assert isinstance(done, Done)
        plain = unseal(clinic.keyring.derive(RESULT_KEY), done.sealed, context=RESULT)
        return msgspec.msgpack.decode(plain, type=Taught)

    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        source, told = self._process.stdin, self._process.stdout
        assert source is not None
        assert told is not None
        return source, told  # type: ignore[return-value]

    def _until(
        self, told: BinaryIO, wanted: type[Message], progress: Callable[[int, int], None]
    ) -> Message:
        while True:
            message: Message = msgspec.msgpack.decode(receive(told), type=Message)
            if isinstance(message, Refused):
                self.charges = message.charges
                raise (SchemaError if message.schema else EuthymiaError)(message.why)
            if isinstance(message, Step):
                progress(message.done, message.total)
            elif isinstance(message, wanted):
                return message


def _closed(clinic: Clinic) -> tuple[str, ...]:
    """Return the places that the trainer must not be able to open."""
    home = clinic.home
    places = [home.path, home.keys, home.keys / "tree", home.database, home.ledger, home.models]
    if clinic.config.keys.master:
        places.append(Path(clinic.config.keys.master))
    return tuple(str(place.resolve()) for place in places)


@contextmanager
def trainer(clinic: Clinic) -> Iterator[Trainer]:
    """Start a trainer for the length of a `with` block; it loads while others work."""
    with clinic.keyring.lend(LENT) as keys:
        process = _start(clinic, keys)
    with process:
        try:
            yield Trainer(clinic, process)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
    try:
        process.wait(_PATIENCE if process.poll() is None else 0)
    except subprocess.TimeoutExpired:
        process.kill()
