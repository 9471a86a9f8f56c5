"""A ledger on a disk that fails, run by a seed: the same seed gives the same run, to the byte.

`FakeDisk` is a disk in memory. What is written is seen by every process at once (the kernel has
it), and is on the medium only after a sync; a power cut loses or tears what is not, sector by
sector, in any order. It can also fail a call, fill up, lie about a sync, and rot.

`Scheduler` runs several writers, each in a thread of its own, one system call at a time: who goes
on is drawn from the seed, so the interleaving is part of the run.
"""

import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import EuthymiaError
from euthymia.ground.ids import SubjectId
from euthymia.security import ledger_format
from euthymia.security.ledger import Ledger

SECTOR = 512
FOLDER = Path("/clinic/ledger")


class PowerCutError(BaseException):
    """The machine is off. Nothing that runs afterwards happened."""


@dataclass
class File:
    """A file: its bytes as the kernel has them and as the medium has them, and what is between."""

    live: bytearray = field(default_factory=bytearray)
    safe: bytes = b""
    pending: list = field(default_factory=list)  # ("write", offset, bytes) | ("cut", size)
    named: bool = True


class FakeDisk:
    """See the module. `power` counts down the calls until the cut (None: never)."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.names: dict[Path, File] = {}  # as the kernel has them
        self.safe_names: dict[Path, File] = {}  # as the medium has them
        self.moves: list = []  # renames and creations that are not on the medium yet
        self.handles: dict[int, tuple[File, int]] = {}
        self.locks: dict[int, int] = {}  # file -> handle
        self.count = 0
        self.calls = 0
        self.power: int | None = None
        self.off = False
        self.scheduler = None
        self.fail_share = 0.0  # of calls that fail with EIO
        self.room: int | None = None  # bytes that may be written
        self.lie_share = 0.0  # of syncs that say yes and do nothing
        self.lied = False

    # -- what a ledger calls -------------------------------------------------------------------
    def _step(self, *, may_fail: bool = True) -> None:
        if self.off:
            raise PowerCutError
        if self.scheduler is not None:
            self.scheduler.turn()
        if self.off:
            raise PowerCutError
        self.calls += 1
        if self.power is not None:
            self.power -= 1
            if self.power < 0:
                self.off = True
                raise PowerCutError
        if may_fail and self.fail_share and self.draw.random() < self.fail_share:
            raise OSError(5, "Input/output error")

    def open(self, path, *, create=False, empty=False):
        self._step()
        file = self.names.get(path)
        if file is None:
            if not create:
                raise FileNotFoundError(2, "No such file", str(path))
            file = self.names[path] = File()
            self.moves.append(("name", path, file))
        if empty and file.live:
            file.live.clear()
            file.pending.append(("cut", 0))
        self.count += 1
        self.handles[self.count] = (file, self.count)
        return self.count

    def close(self, handle):
        file, _ = self.handles.pop(handle)
        if self.locks.get(id(file)) == handle:
            del self.locks[id(file)]

    def size(self, handle):
        self._step(may_fail=False)
        file, _ = self.handles[handle]
        return len(file.live) if file.named else None

    def pread(self, handle, size, offset):
        self._step()
        return bytes(self.handles[handle][0].live[offset : offset + size])

    def pwrite(self, handle, data, offset):
        self._step()
        file, _ = self.handles[handle]
        data = bytes(data)
        if self.room is not None:
            if self.room <= 0:
                raise OSError(28, "No space left on device")
            data = data[: self.room]
            self.room -= len(data)
        if self.draw.random() < 0.05:
            data = data[: max(1, len(data) // 2)]  # the kernel may take a part
        if len(file.live) < offset:
            file.live.extend(bytes(offset - len(file.live)))
        file.live[offset : offset + len(data)] = data
        file.pending.append(("write", offset, data))
        if self.power == 0:  # the cut falls into the write itself: a part may be on the medium
            self.off = True
            raise PowerCutError
        return len(data)

    def fdatasync(self, handle):
        self._step()
        file, _ = self.handles[handle]
        if self.lie_share and self.draw.random() < self.lie_share:
            self.lied = True
            return
        file.safe, file.pending = bytes(file.live), []

    def ftruncate(self, handle, size):
        self._step()
        file, _ = self.handles[handle]
        if size < len(file.live):
            del file.live[size:]
        else:
            file.live.extend(bytes(size - len(file.live)))
        file.pending.append(("cut", size))

    def exists(self, path):
        self._step(may_fail=False)
        return path in self.names

    def rename(self, old, new):
        self._step()
        file = self.names.pop(old)
        if new in self.names:
            self.names[new].named = False
        self.names[new] = file
        self.moves.append(("rename", old, new))

    def unlink(self, path):
        self._step()
        self.names.pop(path).named = False
        self.moves.append(("unlink", path))

    def make_folder(self, folder):
        self._step()

    def sync_folder(self, folder):
        self._step()
        for move in self.moves:
            self._apply(move)
        self.moves = []

    def try_lock(self, handle):
        self._step(may_fail=False)
        file, _ = self.handles[handle]
        holder = self.locks.get(id(file))
        if holder is not None and holder != handle:
            return False
        self.locks[id(file)] = handle
        return True

    def unlock(self, handle):
        file, _ = self.handles[handle]
        self.locks.pop(id(file), None)
        if not self.off and self.scheduler is not None:
            self.scheduler.turn()

    def wait(self):
        if self.scheduler is not None:
            self.scheduler.turn()

    # -- what happens to a disk ----------------------------------------------------------------
    def _apply(self, move) -> None:
        kind, path, *rest = move
        if kind == "name":
            self.safe_names[path] = rest[0]
        elif kind == "rename":
            self.safe_names[rest[0]] = self.safe_names.pop(path)
        else:
            self.safe_names.pop(path, None)

    def after_power_cut(self) -> "FakeDisk":
        """Return the disk as it is found when the power is back."""
        for move in self.moves[: self.draw.randint(0, len(self.moves))]:
            self._apply(move)  # names reach the medium in their order
        found = FakeDisk(self.draw)
        found.lied = self.lied
        for path, file in self.safe_names.items():
            raw = self._survives(file)
            found.names[path] = found.safe_names[path] = File(bytearray(raw), raw)
        return found

    def after_kill(self) -> "FakeDisk":
        """Return the disk as it is found when the processes died and the kernel went on."""
        found = FakeDisk(self.draw)
        for path, file in self.names.items():
            kept = File(bytearray(file.live), file.safe, list(file.pending))
            found.names[path] = kept
            found.safe_names[path] = kept
        return found

    def _survives(self, file: File) -> bytes:
        """Each sector of each write that was not synced is on the medium, or is not."""
        raw = bytearray(file.safe)
        how = self.draw.random()  # some cuts take all, some nothing, most a part
        for kind, *what in file.pending:
            if kind == "cut":
                if self.draw.random() < 0.5:
                    size = what[0]
                    raw = raw[:size] + bytes(max(0, size - len(raw)))
                continue
            offset, data = what
            at = offset
            while at < offset + len(data):
                end = min(offset + len(data), (at // SECTOR + 1) * SECTOR)
                if self.draw.random() < how:
                    if len(raw) < at:
                        raw.extend(bytes(at - len(raw)))
                    raw[at:end] = data[at - offset : end - offset]
                at = end
        return bytes(raw)

    def rot(self) -> tuple[Path, int]:
        """Flip one bit somewhere; return where."""
        sizes = {p: f for p, f in sorted(self.names.items()) if f.live}
        path = self.draw.choice(list(sizes))
        bit = self.draw.randrange(8 * len(sizes[path].live))
        sizes[path].live[bit // 8] ^= 1 << bit % 8
        return path, bit

    def copy(self) -> dict[Path, bytes]:
        """Return all files as they are, such as a backup."""
        return {path: bytes(file.live) for path, file in self.names.items()}

    def put_back(self, files: dict[Path, bytes]) -> "FakeDisk":
        """Return a disk with these files."""
        found = FakeDisk(self.draw)
        for path, raw in files.items():
            found.names[path] = found.safe_names[path] = File(bytearray(raw), raw)
        return found


class Scheduler:
    """Lets one of several threads run at a time; at each system call the seed says who is next."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._turns: dict[int, threading.Semaphore] = {}
        self._done = threading.Semaphore(0)

    def run(self, works) -> None:
        threads = []
        for work in works:
            ready = threading.Semaphore(0)
            thread = threading.Thread(target=self._live, args=(work, ready), daemon=True)
            thread.start()
            self._turns[thread.ident] = ready
            threads.append(thread)
        self._order = list(self._turns)
        self._pass_on()
        assert self._done.acquire(timeout=60), "the simulated writers are stuck"
        for thread in threads:
            thread.join(10)

    def turn(self) -> None:
        me = threading.get_ident()
        if me not in self._turns or len(self._order) == 1:
            return
        after = self._draw.choice(self._order)
        if after != me:
            self._turns[after].release()
            self._turns[me].acquire()

    def _live(self, work, ready) -> None:
        ready.acquire()
        try:
            work()
        except PowerCutError:
            pass
        finally:
            self._order.remove(threading.get_ident())
            self._pass_on()

    def _pass_on(self) -> None:
        if self._order:
            self._turns[self._draw.choice(self._order)].release()
        else:
            self._done.release()


class BackwardClock:
    """A clock that mostly goes on, and now and then goes back."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._now = datetime(2026, 6, 3, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        step = self._draw.choice((1, 1, 1, 60, -3600))
        self._now += timedelta(seconds=step)
        return self._now


@dataclass
class Run:
    """What one seed did: what was handed in, what was acknowledged (id by entry number)."""

    seed: int
    disk: FakeDisk
    tried: set = field(default_factory=set)
    acknowledged: dict = field(default_factory=dict)


def entry(number: int) -> Entry:
    return Entry(Actor("ada", "clinician"), "view patient", Purpose.CARE,
                 SubjectId("p-abcdefgh234567ab"), {"n": number})  # fmt: skip


def opened(disk, keyring, draw) -> Ledger:
    return Ledger.open(FOLDER, keyring, clock=BackwardClock(draw), disk=disk)


def writer(run: Run, keyring, draw, numbers) -> None:
    """One process's life: opens, writes in every way there is, and closes; twice."""
    for _ in range(2):
        try:
            ledger = opened(run.disk, keyring, draw)
        except (EuthymiaError, OSError):
            continue
        for _ in range(draw.randint(1, 5)):
            _write(run, ledger, draw, numbers)
        try:
            if draw.random() < 0.7:
                ledger.close()
        except (EuthymiaError, OSError):
            pass


def _write(run: Run, ledger: Ledger, draw, numbers) -> None:
    how = draw.choice(("append", "append", "lazy", "group", "group", "checkpoint", "sync", "read"))
    mine = [next(numbers) for _ in range(draw.randint(1, 4) if how == "group" else 1)]
    try:
        if how == "append":
            run.tried.add(mine[0])
            run.acknowledged[mine[0]] = ledger.append(entry(mine[0]))
        elif how == "lazy":
            run.tried.add(mine[0])
            ledger.append(entry(mine[0]), durable=False)
        elif how == "group":
            run.tried.update(mine)
            group = [ledger.encode(entry(number)) for number in mine]
            written = ledger.write(group, patient=draw.random() < 0.5)
            run.acknowledged.update(zip(mine, (one.id for one in written), strict=True))
        elif how == "checkpoint":
            ledger.checkpoint()
        elif how == "sync":
            ledger.sync()
        else:
            list(ledger.entries())
    except (EuthymiaError, OSError):
        pass


def simulate(seed: int, keyring, *, prepare=None, writers: int = 3) -> Run:
    """Run several writers until they end or the power is cut."""
    draw = random.Random(seed)
    disk = FakeDisk(draw)
    run = Run(seed, disk)
    if prepare is not None:
        prepare(disk, draw)
    numbers = iter(range(10**6))
    disk.scheduler = Scheduler(draw)
    every, ledger_format.CHECKPOINT_EVERY = (
        ledger_format.CHECKPOINT_EVERY,
        draw.choice((4, 7, 1000)),
    )
    try:
        disk.scheduler.run([lambda: writer(run, keyring, draw, numbers) for _ in range(writers)])
    finally:
        ledger_format.CHECKPOINT_EVERY = every
    disk.scheduler = None
    return run


def check(run: Run, found: FakeDisk, keyring, *, may_lose: bool = False) -> None:
    """What must hold of any run once the machine is back. Raises AssertionError with the seed."""
    try:
        _check(run, found, keyring, may_lose=may_lose)
    except (AssertionError, EuthymiaError, OSError) as error:
        raise AssertionError(
            f"seed {run.seed}: {error}; again with `EUTHYMIA_SEED={run.seed} pytest "
            "tests/fault/test_ledger_simulated.py`"
        ) from error


def _check(run: Run, found: FakeDisk, keyring, *, may_lose: bool) -> None:
    draw = random.Random(run.seed)
    if may_lose:
        try:
            ledger = opened(found, keyring, draw)
            ledger.append(entry(10**7))
            lines = _work(ledger)
        except (EuthymiaError, OSError):
            return  # the loss is noticed: nothing is written over it
    else:
        ledger = opened(found, keyring, draw)
        ledger.append(entry(10**7))
        lines = _work(ledger)
        missing = set(run.acknowledged) - {number for number, _ in lines}
        assert not missing, f"{len(missing)} acknowledged entries are lost"
        ids = dict(lines)
        changed = [n for n, name in run.acknowledged.items() if ids[n] != name]
        assert not changed, "an acknowledged entry has another id"
    numbers = [number for number, _ in lines]
    assert len(set(numbers)) == len(numbers), "an entry is there twice"
    assert set(numbers) <= run.tried | {10**7}, "there is an entry that nobody wrote"
    ledger.close()
    if may_lose:
        return  # what a lying disk lost of the files beside the log is reported until restored
    again = opened(found, keyring, draw)
    assert again.verify() == [], f"a repaired ledger does not verify: {again.verify()}"
    again.append(entry(10**7 + 1))
    again.close()
    assert opened(found, keyring, draw).verify() == []


def _work(ledger: Ledger) -> list:
    return [(line.detail["n"], line.id) for line in ledger.entries() if line.purpose != "ledger"]
