"""Fixtures that several kinds of tests share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from euthymia.store.postgresql import Server
from postgres import running, server_in
from whole_clinic import build, run

# the same examples at every run of CI; a developer's runs draw new ones
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a small simulated clinic, ingested and with features. Copy it before changing it."""
    home = tmp_path_factory.mktemp("built") / "clinic"
    build(home)
    yield home
    shutil.rmtree(home.parent, ignore_errors=True)


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
