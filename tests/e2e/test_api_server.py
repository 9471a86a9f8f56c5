"""The server as a process of its own: real sockets, the issued call, other processes beside it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from api_calls import slug
from euthymia.app.clinic import Clinic, wall_clock
from small_clinic import (
    DOCTOR,
    MINE,
    TASK,
    TEST,
    decide_consent,
    give_features,
    make_clinic,
    subject_of,
)

SERVE = (
    "import sys; from pathlib import Path\n"
    "from euthymia.app.clinic import Clinic; from euthymia.app.http.server import serve\n"
    "with Clinic.opened(Path(sys.argv[1])) as clinic: serve(clinic, '127.0.0.1', int(sys.argv[2]))"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    url: str
    port: int
    token: str
    home: Path
    process: "subprocess.Popen[str]"

    def ask(self, **body: object) -> httpx.Response:
        asked = {"patient_id": MINE, "model": TASK} | body
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.post(f"{self.url}/v1/analyze", json=asked, headers=headers)


@contextmanager
def served(home: Path) -> Iterator[Served]:
    clinic = make_clinic(home, clock=lambda: datetime.now(UTC))
    give_features(clinic, MINE)
    lifetime = timedelta(minutes=10)
    token = clinic.tokens.issue(DOCTOR, "clinician", now=wall_clock(), lifetime=lifetime)
    clinic.close()
    port = free_port()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home), str(port)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_up(url, process)
        yield Served(url, port, token, home, process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def _await_up(url: str, process: "subprocess.Popen[str]") -> None:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served") / "home") as up:
        yield up


def test_the_issued_call_works_as_it_is_written(server: Served) -> None:
    features = httpx.get(
        f"{server.url}/v1/models", headers={"Authorization": f"Bearer {server.token}"}
    ).json()["models"][0]["features"]
    vector = [0.5] * len(features)
    command = [
        *("curl", "-s", "-X", "POST", f"{server.url}/v1/analyze"),
        *("-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {server.token}"),
        *("-d", json.dumps({"patient_id": MINE, "feature_vector": vector, "model": TASK})),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("no curl on this machine")
    assert json.loads(done.stdout)["decision"] in {"review", "no action", "abstain"}


def test_headers_say_nothing_of_the_server_and_keep_nothing(server: Served) -> None:
    pages = ("/v1/models", "/healthz", "/metrics", "/docs", "/openapi.json", "/v1/none")
    for path in pages:
        headers = httpx.get(server.url + path).headers
        assert "server" not in headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert not [name for name in headers if name.startswith("access-control")]


def test_a_withdrawal_by_another_process_holds_from_the_next_call(server: Served) -> None:
    assert server.ask().status_code == 200
    with Clinic.opened(server.home) as beside:
        decide_consent(beside, MINE, permit=False)
    assert slug(server.ask()) == "consent"
    with Clinic.opened(server.home) as beside:
        decide_consent(beside, MINE, permit=True)
    assert server.ask().status_code == 200


def test_an_erasure_by_another_process_holds_from_the_next_call(server: Served) -> None:
    from euthymia.ground.audit import Entry, Purpose

    assert server.ask(patient_id="MRN-4").status_code == 200
    with Clinic.opened(server.home) as beside:
        who = subject_of(beside, "MRN-4")
        beside.store.erase(who, Entry(TEST, "erase subject", Purpose.CARE, who))
    assert slug(server.ask(patient_id="MRN-4")) == "care-relationship"


def test_calls_on_many_connections_have_an_entry_each(server: Served) -> None:
    async def run() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=32)
        headers = {"Authorization": f"Bearer {server.token}"}
        async with httpx.AsyncClient(limits=limits, headers=headers, timeout=30) as client:
            body = {"patient_id": MINE, "model": TASK, "features": {"phq9.last": 9}}
            calls = [client.post(f"{server.url}/v1/analyze", json=body) for _ in range(100)]
            return list(await asyncio.gather(*calls))

    told = asyncio.run(run())
    assert {r.status_code for r in told} == {200}
    ids = {r.json()["ledger_entry"] for r in told}
    assert len(ids) == 100
    with Clinic.opened(server.home) as beside:
        assert ids <= {line.id for line in beside.ledger.entries()}
        assert beside.ledger.verify() == []


def raw(server: Served, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(request)
        answer = b""
        while chunk := line.recv(65536):
            answer += chunk
        return answer


def test_a_chunked_body_without_end_is_cut_off(server: Served) -> None:
    head = (
        "POST /v1/analyze HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {server.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    answer = raw(server, head + chunk * 8)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"urn:euthymia:problem:too-large" in answer
    assert server.ask().status_code in {200, 403}


def test_a_kept_connection_goes_on_after_a_refusal(server: Served) -> None:
    with httpx.Client(headers={"Authorization": f"Bearer {server.token}"}) as client:
        for _ in range(3):
            assert client.post(f"{server.url}/v1/analyze", content=b"{").status_code == 415
            assert client.get(f"{server.url}/v1/models").status_code == 200


def test_an_acknowledged_answer_survives_kill_9(tmp_path: Path) -> None:
    with served(tmp_path / "home") as up:
        entries = [up.ask(features={}).json()["ledger_entry"] for _ in range(5)]
        up.process.kill()
        up.process.wait(10)
    with Clinic.opened(tmp_path / "home") as after:
        assert set(entries) <= {line.id for line in after.ledger.entries()}


def test_the_pages_are_behind_the_same_port(server: Served) -> None:
    page = httpx.get(f"{server.url}/", follow_redirects=True)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
