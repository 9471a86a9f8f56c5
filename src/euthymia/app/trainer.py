"""The trainer: a process of its own that is given one research snapshot and gives back one model.

`app/teaching.py` starts it. It takes the keys of the zones `research` and `train` from one pipe,
encloses itself (`security/enclosure.py`), and then reads one order and one snapshot from standard
input. It imports neither store nor gateway nor ledger, opens no home, and writes no file: the
model, its audits and its report go back over standard output, sealed under a key of `train`.
"""

import os
import sys
import traceback
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

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
from euthymia.ground.errors import EuthymiaError, SchemaError
from euthymia.models.bundle import make_bundle
from euthymia.models.frame import CohortFrame
from euthymia.models.privacy.allowance import Allowance
from euthymia.models.privacy.contract import Guarantee
from euthymia.models.privacy.training import allowance, private_train
from euthymia.models.report import render as _loaded  # noqa: F401 - nothing is read later on
from euthymia.models.snapshot import frame_of, unpack
from euthymia.models.tasks import tasks
from euthymia.models.tasks.contract import Task
from euthymia.models.train import Progress, Trained, train
from euthymia.security.enclosure import enclose
from euthymia.security.envelope import seal
from euthymia.security.keys import Keyring

ENCLOSED: Final = "own process, two zones' keys, Landlock"
OTHER_USER: Final = "own process, two zones' keys, own user"
APART: Final = "own process, two zones' keys"

_SYSTEM: Final = (
    "/usr",
    "/lib",
    "/lib64",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system",
)


def _readable() -> list[Path]:
    """Return where Python and the libraries lie; nothing of a clinic does."""
    code = {sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(None, sys.path)}
    return [Path(place) for place in (*sorted(code), *_SYSTEM)]


def _open_places(closed: tuple[str, ...]) -> list[str]:
    """Try to read what must be closed; return what could be read."""
    read = []
    for place in closed:
        try:
            os.close(os.open(place, os.O_RDONLY))
        except OSError:
            continue
        read.append(place)
    return read


def _isolation(order: Order, *, enclosed: bool) -> str:
    readable = _open_places(order.closed)
    if not readable:
        return ENCLOSED if enclosed else OTHER_USER
    if order.must_be_closed:
        raise SchemaError(
            "the trainer could open the clinic's home, which training.closed forbids: let it run "
            "as its own user (training.user), or on a kernel that has Landlock"
        )
    return APART


def work(keys: Keyring, source: BinaryIO, tell: BinaryIO, *, enclosed: bool) -> None:
    """Take one order and one snapshot, and give back one model."""

    def say(message: Message) -> None:
        send(tell, msgspec.msgpack.encode(message))

    order = msgspec.msgpack.decode(receive(source), type=Order)
    isolation = _isolation(order, enclosed=enclosed)
    say(Ready(isolation))
    opened = unpack(keys, receive(source))
    task = tasks().get(order.task)
    manifest = opened.manifest
    if task is None or (manifest.task, manifest.schema_digest) != (task.name, task.schema_digest):
        raise SchemaError("the snapshot was made for another task, or for other features of it")
    account = allowance(Guarantee(order.epsilon, order.delta)) if order.epsilon else None
    frame = frame_of(keys, opened)

    def step(done: int, total: int) -> None:
        say(Step(done, total))

    try:
        trained = _trained(task, frame, order, account, step, synthetic=manifest.synthetic)
    except EuthymiaError as error:
        charges = None if account is None else tuple(account.charges)
        say(Refused(str(error), isinstance(error, SchemaError), charges))
        return
    taught = Taught(
        make_bundle(trained, 0),
        {name: msgspec.to_builtins(value) for name, value in trained.metrics.items()},
        msgspec.to_builtins(trained.audits),
        trained.report_html,
        isolation,
        () if account is None else tuple(account.charges),
    )
    plain = msgspec.msgpack.encode(taught)
    say(Done(seal(keys.derive(RESULT_KEY), plain, context=RESULT)))


def _trained(
    task: Task,
    frame: CohortFrame,
    order: Order,
    account: Allowance | None,
    step: Progress,
    *,
    synthetic: bool,
) -> Trained:
    if account is not None:
        return private_train(
            task,
            frame,
            account,
            seed=order.seed,
            synthetic=synthetic,
            now=order.now,
            progress=step,
        )
    return train(
        task,
        frame,
        seed=order.seed,
        synthetic=synthetic,
        now=order.now,
        estimator=order.estimator or None,
        workload=order.workload,
        progress=step,
    )


def _places(error: BaseException) -> str:
    """Name a bug by its places: its message or variables may hold a person's data."""
    found = traceback.extract_tb(error.__traceback__)[-4:]
    return " > ".join(f"{Path(place.filename).name}:{place.lineno}" for place in found)


def main() -> int:
    """Run as `python -m euthymia.app.trainer DESCRIPTOR`."""
    tell = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no message
    try:
        tasks()
        keys = Keyring.borrowed(int(sys.argv[1]))
        enclosed = enclose(_readable())
        work(keys, sys.stdin.buffer, tell, enclosed=enclosed)
    except EuthymiaError as error:
        refused = Refused(str(error), isinstance(error, SchemaError))
    except Exception as error:  # noqa: BLE001 - the top of this process
        why = f"a bug in training: {type(error).__name__} at {_places(error)}; nothing was lost"
        refused = Refused(why, schema=False)
    else:
        return 0
    send(tell, msgspec.msgpack.encode(refused))
    return 1


if __name__ == "__main__":
    sys.exit(main())
