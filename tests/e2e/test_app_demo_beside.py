"""The process that scores and checks beside a demo: its keys, its end, and whose home it is."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from euthymia.app import vaults
from euthymia.app.clinic import Clinic
from euthymia.app.demo import _beside, _check
from euthymia.app.outbound import OutboundError
from euthymia.ground.errors import BusyError
from whole_clinic import call, run

ORPHAN = """
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from euthymia.app.workers import begin_beside
pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=begin_beside)
pool.submit(os.getpid).result()
os._exit(7)
"""


def test_nobody_is_asked_again_for_the_secret_of_the_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "clinic"
    vaults._from_descriptor.cache_clear()  # another test's pipe may have had the same number
    end, start = os.pipe()
    os.write(start, b"a sentence that nobody knows\n")
    os.close(start)
    monkeypatch.setenv("EUTHYMIA_KEY_SECRET_FD", str(end))
    run(home, "init", "--root", "passphrase")
    with Clinic.opened(home) as clinic:
        monkeypatch.delenv("EUTHYMIA_KEY_SECRET_FD")
        with _beside(clinic) as beside:
            assert beside.submit(_check, home).result() == []


def test_it_is_guarded_as_the_process_that_started_it(tmp_path: Path) -> None:
    run(tmp_path / "clinic", "init")
    with (
        Clinic.opened(tmp_path / "clinic") as clinic,
        _beside(clinic) as beside,
        pytest.raises(OutboundError, match="nothing leaves this machine"),
    ):
        # nothing of this file: the other process could not import it
        beside.submit(socket.create_connection, ("192.0.2.1", 9), 5).result()


def test_a_process_that_was_killed_is_a_refusal_in_words(tmp_path: Path) -> None:
    run(tmp_path / "clinic", "init")
    with (
        Clinic.opened(tmp_path / "clinic") as clinic,
        pytest.raises(BusyError, match="run the command again"),
        _beside(clinic) as beside,
    ):
        beside.submit(os._exit, 9).result()


def test_it_ends_with_the_process_that_started_it() -> None:
    # the child holds the pipe as well: reading it to its end waits for both
    ended = subprocess.run(
        [sys.executable, "-c", ORPHAN], check=False, stdout=subprocess.PIPE, timeout=60
    )
    assert ended.returncode == 7


def test_simulated_people_enter_no_clinic_that_is_not_a_demo(tmp_path: Path) -> None:
    home = tmp_path / "clinic"
    run(home, "init")
    code, told = call(home, "demo", "--no-serve", "--subjects", "30", "--days", "60")
    assert code == 1
    assert "is not a demo" in told["error"]
    assert not (tmp_path / "clinic-incoming").exists()
    assert run(home, "show")["subjects"] == []
