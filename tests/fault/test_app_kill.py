"""kill -9 during ingest, then ingest again: nothing lost, nothing twice."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from whole_clinic import run


def _held(home: Path) -> list[dict[str, Any]]:
    """Say what is held of everybody: counts of rows by stream, observations, zones."""
    subjects = run(home, "show")["subjects"]
    return [run(home, "show", subject) for subject in subjects]


def _without_times(held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: s[key] for key in ("attributes", "observations", "streams")} for s in held]


@pytest.fixture(scope="module")
def whole(built_home: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Say what a clinic holds whose ingest nobody killed."""
    home = tmp_path_factory.mktemp("whole") / "clinic"
    shutil.copytree(built_home, home)  # who is shown is written into the ledger
    return sorted(map(str, _without_times(_held(home))))


@pytest.mark.parametrize("after_s", [0.7, 1.1, 1.6, 2.4])
def test_killed_ingest_resumes(
    built_home: Path, whole: list[str], tmp_path: Path, after_s: float
) -> None:
    incoming = built_home.parent / "incoming"
    home = tmp_path / "clinic"
    run(home, "init")
    command = [
        sys.executable,
        "-m",
        "euthymia",
        "--home",
        str(home),
        "--json",
        "ingest",
        str(incoming),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()
    again = run(home, "ingest", str(incoming))
    assert again["rows_in"] == again["stored"] + again["rejected"] + again["duplicates"]
    assert run(home, "verify") == {"ok": True, "problems": []}
    # pseudonyms differ, as each home has its own keys: compare what is held, not under which name
    assert sorted(map(str, _without_times(_held(home)))) == whole
    third = run(home, "ingest", str(incoming))
    assert third["stored"] == 0
    shutil.rmtree(home)
