"""kill -9 in the middle of appends, and several processes at once: nothing lost, nothing twice."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from euthymia.ground.errors import BusyError
from euthymia.security import ledger_files
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from ledgers import entry, stepping_clock

TESTS = Path(__file__).parents[1]

WRITER = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from ledgers import entry, stepping_clock
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger

home, label, how, total = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
ledger = Ledger.open(home / "ledger", Keyring.open(home / "keys"), clock=stepping_clock())
say = lambda text: os.write(1, (text + "\\n").encode())
say("ready")
sys.stdin.readline()
pending = []
for n in range(total):
    one = entry(n, by=label)
    if how == "append":
        say(ledger.append(one))
    elif how == "lazy":
        say(ledger.append(one, durable=False))
    else:
        pending.append(ledger.submit(one))
        if len(pending) == 25:
            for future in pending:
                say(future.result())
            pending = []
for future in pending:
    say(future.result())
ledger.close()
"""


@pytest.fixture
def home(tmp_path):
    Keyring.create(tmp_path / "keys")
    return tmp_path


def start(home, label, how, total):
    code = textwrap.dedent(WRITER.format(tests=str(TESTS)))
    args = [sys.executable, "-c", code, str(home), label, how, str(total)]
    env = {**os.environ, "PYTHONPATH": str(TESTS.parent / "src")}
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    assert process.stdout.readline() == b"ready\n"
    return process


def go(*processes):
    for process in processes:
        process.stdin.write(b"go\n")
        process.stdin.flush()


def said(output):
    """The whole lines only: the last one may be cut."""
    return output.decode().split("\n")[:-1]


def read(home):
    ledger = Ledger.open(home / "ledger", Keyring.open(home / "keys"), clock=stepping_clock())
    lines = [line for line in ledger.entries() if line.purpose != "ledger"]
    return ledger, lines


@pytest.mark.parametrize("how", ["append", "lazy", "submit"])
def test_killed_in_the_middle(home, how):
    acknowledged = []
    for number in range(3):
        process = start(home, f"round {number}", how, 10**9)
        go(process)
        first = [process.stdout.readline() for _ in range(20 + 35 * number)]
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        acknowledged += said(b"".join(first) + output)
    ledger, lines = read(home)
    ids = [line.id for line in lines]
    assert len(acknowledged) >= 20 + 55 + 90
    assert len(set(ids)) == len(ids)
    assert set(acknowledged) <= set(ids)
    assert [i for i in ids if i in set(acknowledged)] == acknowledged
    for number in range(3):  # what was written is a beginning of what was handed in: no hole
        numbers = [line.detail["n"] for line in lines if line.detail["by"] == f"round {number}"]
        assert numbers == list(range(len(numbers)))
    assert ledger.verify() == []
    assert ledger.append(entry())
    assert ledger.verify() == []
    ledger.close()


def test_three_processes_at_once(home):
    hows = ["append", "submit", "lazy"]
    processes = [start(home, how, how, 300) for how in hows]
    go(*processes)
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    ledger, lines = read(home)
    assert ledger.verify() == []
    for how, output in zip(hows, outputs, strict=True):
        mine = [line for line in lines if line.detail["by"] == how]
        assert [line.id for line in mine] == said(output)
        assert [line.detail["n"] for line in mine] == list(range(300))
    assert len(lines) == 900
    turns = sum(a.detail["by"] != b.detail["by"] for a, b in pairwise(lines))
    assert turns > 2  # they really did mix


def test_a_forked_child_has_its_own_hands(home):
    ledger = Ledger.open(home / "ledger", Keyring.open(home / "keys"), clock=stepping_clock())
    assert ledger.submit(entry(0, by="parent")).result(10)  # the writer thread is alive
    child = os.fork()
    if child == 0:
        ok = 1
        try:
            for n in range(100):
                ledger.append(entry(n, by="child"))
                ledger.submit(entry(n, by="child")).result(10)
            ledger.close()
            ok = 0
        finally:
            os._exit(ok)
    for n in range(100):
        ledger.append(entry(n, by="parent"))
        ledger.submit(entry(n, by="parent")).result(10)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert ledger.verify() == []
    lines = [line for line in ledger.entries() if line.purpose != "ledger"]
    assert sum(line.detail["by"] == "child" for line in lines) == 200
    assert sum(line.detail["by"] == "parent" for line in lines) == 201
    assert len({line.id for line in lines}) == 401
    ledger.close()


def test_a_stuck_process_is_named(home, monkeypatch):
    monkeypatch.setattr(ledger_files, "_WAITS", 3)
    ledger = Ledger.open(home / "ledger", Keyring.open(home / "keys"), clock=stepping_clock())
    other = Ledger.open(home / "ledger", Keyring.open(home / "keys"), clock=stepping_clock())
    with other._files.locked(), pytest.raises(BusyError, match="another process"):
        ledger.append(entry())
    assert ledger.append(entry())


def test_a_busy_process_does_not_keep_a_waiting_one_out(tmp_path):
    groups = {"busy": 0, "waiting": 0}
    begun, done = threading.Event(), threading.Event()

    def write(name: str) -> None:
        files = ledger_files.LedgerFiles(tmp_path)
        while not done.is_set():
            with files.locked():
                groups[name] += 1
                time.sleep(0.001)  # a group's write and sync
                begun.set()
            if groups["waiting"] == 20 or groups["busy"] == 2_000:
                done.set()
        files.close()

    busy = threading.Thread(target=write, args=("busy",))
    busy.start()
    assert begun.wait(10)
    write("waiting")
    busy.join(10)
    assert groups["waiting"] >= 20
    assert groups["busy"] < 80  # a turn each; without turns it would be hundreds
