"""A PostgreSQL server of the tests' own: started once, in a temporary folder, thrown away."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from euthymia.store.postgresql import OFF, Server

SETTINGS = {
    "fsync": "off",  # these servers die with the tests
    "full_page_writes": "off",
    "listen_addresses": "''",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "autovacuum": "off",
}
_schemas = count()


@cache
def binaries() -> Path | None:
    """Return the folder of the server's programs: Debian puts them beside the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    where = shutil.which("initdb")
    return found[-1].parent if found else Path(where).parent if where else None


def _as_user() -> list[str]:
    """Return what stands before a command, for the server refuses to run as root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [*_as_user(), *map(str, command)], capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stderr[-2000:]}")


@contextmanager
def running(settings: dict[str, str] | None = None, auth: str = "trust") -> Iterator[Path]:
    """Run a server; yield its folder, which holds its socket as well."""
    found = binaries()
    if found is None:
        pytest.skip("no PostgreSQL here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody", "nogroup")
        folder.chmod(0o755)
        data = folder / "data"
        _run(
            found / "initdb",
            "-D",
            data,
            "-U",
            "euthymia",
            f"--auth={auth}",
            "--no-sync",
            "-E",
            "UTF8",
        )
        wanted = {**SETTINGS, "unix_socket_directories": f"'{folder}'", **(settings or {})}
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in wanted.items())
        _run(found / "pg_ctl", "-D", data, "-w", "-t", "60", "-l", folder / "log", "start")
        try:
            yield folder
        finally:
            _run(found / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def server_in(folder: Path) -> Server:
    """Return a schema of its own on the server in `folder`."""
    schema = f"t{os.getpid()}_{next(_schemas)}_{time.time_ns() % 10**9}"
    return Server(host=str(folder), database="postgres", schema=schema, tls=OFF)
