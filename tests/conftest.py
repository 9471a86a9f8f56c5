"""Fixtures that several kinds of tests share."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from euthymia.store.postgresql import Server
from postgres import running, server_in
from whole_clinic import build, run

# `make check` draws the same examples at every run, so that what it says of a change is about the
# change; `make check-all` draws new ones. No deadline: how long an example takes says how busy the
# machine is
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("new", deadline=None)
settings.load_profile("new" if "EUTHYMIA_EXAMPLES" in os.environ else "same")


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small simulated clinic, ingested and with features. Copy it before changing it."""
    own = tmp_path_factory.getbasetemp()
    # of the folder of each of pytest's workers the parent is the same: the first one builds
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "built"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            build(folder / "clinic")
            (folder / "done").touch()
    return folder / "clinic"


@pytest.fixture
def home(built_home: Path, tmp_path: Path) -> Path:
    """Return a clinic of one's own: a copy of the built one."""
    mine = tmp_path / "clinic"
    shutil.copytree(built_home, mine)
    assert run(mine, "verify")["ok"]
    return mine


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """Run a PostgreSQL server for the session; skip where none is installed."""
    with running() as folder:
        yield folder


@pytest.fixture
def postgres(postgres_folder: Path) -> Server:
    """Return a schema of one's own on the session's server."""
    return server_in(postgres_folder)
