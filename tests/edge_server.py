"""A clinic served by the command line, in a process of its own, with settings of the test's."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from euthymia.app.clinic import wall_clock
from euthymia.app.config import Config, load, render
from euthymia.app.home import Home
from euthymia.security.certificates import make_server_certificates
from small_clinic import DOCTOR, MINE, TASK, give_features, make_clinic


@dataclass
class Edge:
    url: str
    port: int
    sign_in: str
    token: str
    home: Path
    errors: Path
    tls: ssl.SSLContext | None
    process: "subprocess.Popen[str]"

    def client(self, address: str = "127.0.0.1", **options: object) -> httpx.Client:
        """A client that calls from one of this machine's addresses."""
        verify = self.tls if self.tls is not None else False
        transport = httpx.HTTPTransport(local_address=address, verify=verify)
        return httpx.Client(transport=transport, base_url=self.url, timeout=30, **options)

    def ask(self, client: httpx.Client, **more: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        body = {"patient_id": MINE, "model": TASK} | more
        return client.post("/v1/analyze", json=body, headers=headers)


def settle(home: Path, **serve: object) -> None:
    """Change [serve] of a clinic's settings and accept them."""
    place = Home(home)
    config, _ = load(place.path / "euthymia.toml")
    changed: Config = replace(config, serve=replace(config.serve, **serve))
    (place.path / "euthymia.toml").write_text(render(changed), encoding="utf-8")
    with_keys = subprocess.run(
        [sys.executable, "-m", "euthymia", "--home", str(home), "init"],
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert with_keys.returncode == 0, with_keys.stderr


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}


def clinic_in(home: Path) -> str:
    """Make a clinic with a released model; return a clinician's token."""
    clinic = make_clinic(home, clock=lambda: datetime.now(UTC))
    give_features(clinic, MINE)
    life = timedelta(minutes=10)
    token = clinic.tokens.issue(DOCTOR, "clinician", now=wall_clock(), lifetime=life)
    clinic.close()
    return token


@contextmanager
def served(home: Path, token: str, workers: int, tls: ssl.SSLContext | None) -> Iterator[Edge]:
    command = [sys.executable, "-m", "euthymia", "--home", str(home), "serve", "--port", "0"]
    errors = home.parent / "errors.txt"
    with errors.open("w") as told:
        process = subprocess.Popen(
            [*command, "--workers", str(workers), "--user", DOCTOR, "--json"],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            start_new_session=True,
        )
        try:
            line = process.stdout.readline()
            assert line, errors.read_text()
            said = json.loads(line)
            port = int(said["url"].rpartition(":")[2])
            up = Edge(said["url"], port, said["sign_in"], token, home, errors, tls, process)
            _await(up)
            yield up
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.communicate(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()


def _await(up: Edge) -> None:
    until = time.monotonic() + 240  # a loaded machine starts three processes slowly
    while time.monotonic() < until:
        assert up.process.poll() is None, up.errors.read_text()
        with up.client() as client:
            try:
                if client.get("/readyz", headers={"x-forwarded-for": "192.0.2.1"}).status_code:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
    raise AssertionError(up.errors.read_text())


def trusting(folder: Path, *names: str) -> tuple[ssl.SSLContext, dict[str, object]]:
    """Make certificates; return a client's context that trusts them, and the settings."""
    make_server_certificates(folder, names or ("localhost", "127.0.0.1"), now=wall_clock())
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    paths = {"certificate": str(folder / "server.pem"), "key": str(folder / "server.key")}
    return context, paths
