"""Several workers on one port: one server to whoever calls, whatever becomes of a worker."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from euthymia.app.clinic import Clinic, wall_clock
from euthymia.app.http.counters import Counters
from euthymia.app.http.tally import Tally
from euthymia.app.verify import verify_home
from euthymia.app.workers import MOST, workers_wanted
from small_clinic import DOCTOR, MINE, TASK, decide_consent, give_features, make_clinic

CALLS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("workers") / "home"
    clinic = make_clinic(home, clock=lambda: datetime.now(UTC))
    give_features(clinic, MINE)
    token = clinic.tokens.issue(
        DOCTOR, "clinician", now=wall_clock(), lifetime=timedelta(minutes=10)
    )
    clinic.close()
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = "import sys; from euthymia.app.cli import main; sys.exit(main())"
    options = ["--home", str(home), "serve", "--port", "0", "--workers", "2", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-c", command, *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    url = json.loads(process.stdout.readline())["url"]
    try:
        _wait_for(url)
        yield url, token, home, process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def _wait_for(url):
    until = time.monotonic() + 240
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


def _ask(server):
    url, token, _, _ = server
    body, headers = {"patient_id": MINE, "model": TASK}, {"Authorization": f"Bearer {token}"}
    for _ in range(20):  # a worker that was killed takes its connection with it
        try:
            return httpx.post(f"{url}/v1/analyze", json=body, headers=headers, timeout=60)
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("no worker answers")


def _children(pid):
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    names = {int(c): Path(f"/proc/{c}/cmdline").read_bytes() for c in found}
    return sorted(c for c, line in names.items() if b"spawn_main" in line)


def _counted(url):
    text = httpx.get(f"{url}/metrics").text
    line = 'euthymia_http_requests_total{route="/v1/analyze",method="POST",status="200"} (\\d+)'
    return int(re.search(line, text)[1])


def test_workers_answer_as_one_and_count_together(server):
    url, _, home, _ = server
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _ask(server), range(CALLS)))
    assert {answer.status_code for answer in answers} == {200}
    entries = {answer.json()["ledger_entry"] for answer in answers}
    assert len(entries) == CALLS
    prefixes = {answer.headers["x-request-id"].split("-")[0] for answer in answers}
    assert len(prefixes) == 2, "both workers answered"
    time.sleep(0.5)  # a worker tells its counts within a quarter of a second
    assert _counted(url) == _counted(url) == CALLS
    with Clinic.opened(home) as clinic:
        held = {line.id for line in clinic.ledger.entries()}
    assert entries <= held


def test_a_withdrawal_holds_in_every_worker_from_the_next_call(server):
    _, _, home, _ = server
    with Clinic.opened(home) as clinic:
        decide_consent(clinic, MINE, permit=False)
    assert {_ask(server).status_code for _ in range(12)} == {403}
    with Clinic.opened(home) as clinic:
        decide_consent(clinic, MINE, permit=True)
    assert {_ask(server).status_code for _ in range(12)} == {200}


def test_a_killed_worker_is_replaced_and_the_end_is_orderly(server):
    _, _, home, process = server
    before = _children(process.pid)
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    assert {_ask(server).status_code for _ in range(12)} == {200}
    until = time.monotonic() + 120
    while len(set(_children(process.pid)) - {before[0]}) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    after = _children(process.pid)
    assert len(after) == 2
    assert before[0] not in after
    _wait_for(server[0])
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    assert [pid for pid in after if Path(f"/proc/{pid}").exists()] == []
    assert verify_home(home, lambda _done, _total: None) == []


def test_counts_go_on_where_a_lost_worker_left_them(tmp_path):
    mine, other = Tally(tmp_path, 0), Tally(tmp_path, 1)
    counters = Counters()
    counters.count("/v1/analyze", "POST", 200, "answered", 0.004)
    mine.write(counters)
    other.write(counters)
    again = mine.begin()
    assert again == counters
    again.count("/v1/analyze", "POST", 200, "answered", 0.004)
    assert mine.whole(again).requests["/v1/analyze", "POST", 200] == 3
    assert mine.whole(again).seconds["/v1/analyze"] == pytest.approx(0.012)


def test_workers_are_as_configured_or_one_a_core():
    assert workers_wanted(3) == 3
    assert workers_wanted(99) == MOST
    assert 1 <= workers_wanted(0) <= MOST
