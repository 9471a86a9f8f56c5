"""The main promise: one command from nothing to a served page, and again without doubling."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from euthymia.app.demo import next_commands
from whole_clinic import call, run


def _post(url: str, token: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


# the smallest that has relapses enough to train on
SMALL = ("--subjects", "70", "--days", "110", "--seed", "14")


def _made(home: Path, *size: str) -> dict[str, Any]:
    result = run(home, "demo", "--no-serve", *size)
    assert result["verify"] == {"ok": True, "problems": []}
    assert result["train"]["trained"]
    assert result["watch"]["scored"] > 0, "the first list a visitor sees has alerts of the watch"
    auc = result["train"]["metrics"]["auc"]
    assert set(auc) == {"estimate", "low", "high", "chance"}
    assert auc["low"] <= auc["estimate"] <= auc["high"]
    return result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    home = tmp_path_factory.mktemp("demo") / "clinic"
    return home, _made(home, *SMALL)


@pytest.mark.slow
def test_the_demo_of_the_size_that_is_shipped(tmp_path: Path) -> None:
    result = _made(tmp_path / "clinic")
    assert (result["subjects"], result["days"]) == (100, 120)
    assert result["watch"]["scored"] > 50


@pytest.fixture(scope="module")
def demo(made: tuple[Path, dict[str, Any]]) -> Path:
    return made[0]


def test_it_names_somebody_to_ask_about(made: tuple[Path, dict[str, Any]]) -> None:
    demo, result = made
    told = next_commands(demo, "http://127.0.0.1:1", result, served=True)
    asked = re.search(r"analyze (p-[a-z2-7]{16}) --model relapse-30d", told)
    assert asked
    assert f'"patient_id": "{asked[1]}"' in told
    assert run(demo, "analyze", asked[1])["probability"] is not None


@pytest.mark.slow
def test_a_demo_that_stands_keeps_its_size_and_runs_again(tmp_path: Path) -> None:
    home = tmp_path / "clinic"
    first = run(home, "demo", "--no-serve", "--subjects", "30", "--days", "60", "--seed", "5")
    assert first["train"]["model"] is None
    assert "too few people" in first["train"]["refused"]
    assert "analyze" not in next_commands(home, "http://127.0.0.1:1", first, served=True)
    again = run(home, "demo", "--no-serve")
    assert (again["subjects"], again["days"], again["ingest"]["stored"]) == (30, 60, 0)
    same = ["--subjects", "30", "--days", "60", "--seed", "5"]
    assert call(home, "demo", "--no-serve", *same)[0] == 0
    code, result = call(home, "demo", "--no-serve", "--subjects", "40")
    assert code == 1
    assert "30 people and 60 days, seed 5" in result["error"]


def test_a_second_run_doubles_nothing_and_is_served(demo: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "euthymia",
        "--home",
        str(demo),
        "--json",
        "demo",
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            served = json.loads(server.stdout.readline())
            assert served["ingest"]["stored"] == 0
            made_at = (demo / "euthymia.toml").stat().st_mtime
            if time.time() // 3600 == made_at // 3600:  # else somewhere another day has begun
                assert served["features"]["computed"] == 0
            assert not served["train"]["trained"]
            token = run(demo, "token", "--role", "clinician")["token"]
            patient = run(demo, "worklist")["worklist"][0]["subject"]
            call = f"{served['url']}/v1/analyze"
            status, answer = _post(call, token, {"patient_id": patient, "model": "relapse-30d"})
            assert status == 200, answer
            assert answer["patient_id"] == patient
            assert answer["decision"] in {"review", "no action", "abstain"}
            assert _post(call, token + "x", {"patient_id": patient, "model": "m"})[0] == 401
            with urllib.request.urlopen(served["sign_in"], timeout=20) as page:
                assert b"Sign in" in page.read()
        finally:
            server.terminate()


def test_analyze_on_the_shell_is_the_same_call(demo: Path) -> None:
    patient = run(demo, "worklist")["worklist"][0]["subject"]
    answer = run(demo, "analyze", patient)
    keys = ["patient_id", "model", "model_version", "model_digest", "probability", "interval"]
    keys += ["decision", "abstained_because", "reasons", "coverage", "data_age_hours"]
    keys += ["ledger_entry", "receipt"]
    assert set(keys) <= set(answer)
    assert answer["synthetic"] is True  # it was trained on simulated people, and says so


def test_another_task_says_what_it_lacks(demo: Path) -> None:
    code, result = call(demo, "train", "actigraphy-depression")
    assert code == 1
    assert "too few people" in result["error"]
