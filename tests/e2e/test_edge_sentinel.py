"""A mark planted in every field of requests and records is in no log, metric, error or message."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_server import clinic_in, environment, served

MARK = "zqSentinelQuimby1931"


def _run(home: Path, *command: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "euthymia", "--home", str(home), *command],
        env=environment(),
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    place = tmp_path_factory.mktemp("sentinel")
    token = clinic_in(place / "home")
    with served(place / "home", token, 2, None) as up:
        yield up


def _calls(client, token):
    bearer = {"Authorization": f"Bearer {token}"}
    yield client.get(f"/v1/{MARK}", headers=bearer)
    yield client.get(f"/v1/models?{MARK}={MARK}", headers=bearer | {MARK: MARK, "cookie": MARK})
    yield client.get("/v1/models", headers={"Authorization": f"Bearer {MARK}"})
    yield client.get("/v1/models", headers={"Authorization": f"DPoP {MARK}", "DPoP": MARK})
    yield client.request(MARK[:8].upper(), "/v1/models", headers=bearer)
    bodies: list[object] = [
        {"patient_id": MARK, "model": "relapse-30d"},
        {"patient_id": "p-x", "model": MARK},
        {"patient_id": "p-x", "model": "relapse-30d", MARK: MARK},
        {"patient_id": "p-x", "model": "relapse-30d", "features": {MARK: 1.0}},
        {"patient_id": "p-x", "model": "relapse-30d", "feature_vector": [MARK]},
        MARK,
        [{MARK: MARK}],
    ]
    for body in bodies:
        yield client.post("/v1/analyze", json=body, headers=bearer)
    headers = bearer | {"content-type": f"text/{MARK}"}
    yield client.post("/v1/analyze", content=MARK, headers=headers)
    broken = bearer | {"content-type": "application/json"}
    yield client.post("/v1/analyze", content='{"' + MARK, headers=broken)
    same = {"sec-fetch-site": "same-origin"}
    for path in (f"/{MARK}", f"/patients/{MARK}", f"/signin?code={MARK}x", f"/enrol?code={MARK}"):
        yield client.get(path, headers={"cookie": f"euthymia={MARK}"})
    for path in ("/signin", "/signin/password", "/signin/passkey", "/enrol", "/signout"):
        fields = {"code": MARK, "user": MARK, "password": MARK, "otp": MARK, "ticket": MARK}
        yield client.post(path, data=fields | {"answer": MARK}, headers=same)


def test_nothing_of_a_request_is_in_log_metric_or_error(edge):
    with edge.client() as client:
        answers = list(_calls(client, edge.token))
        assert all(answer.status_code >= 200 for answer in answers)
        refusals = [a for a in answers if "problem" in a.headers.get("content-type", "")]
        assert len(refusals) >= 10
        assert not [a.text for a in refusals if MARK in a.text]
        assert not [a for a in answers if MARK in str(a.headers)]
        assert not [a.url for a in answers if a.status_code >= 500]
        metrics = client.get("/metrics").text
    import socket

    with socket.create_connection(("127.0.0.1", edge.port)) as caller:  # no HTTP at all
        caller.sendall(f"{MARK} {MARK}\r\n{MARK}\r\n\r\n".encode())
        assert MARK.encode() not in caller.recv(4096)
    assert "euthymia_http_requests_total" in metrics
    assert MARK.lower() not in metrics.lower()


def test_the_log_has_lines_and_not_the_mark(edge):
    import time

    with edge.client() as client:
        list(_calls(client, edge.token))
    until = time.monotonic() + 60
    while "/v1/models" not in edge.errors.read_text() and time.monotonic() < until:
        time.sleep(0.1)
    told = edge.errors.read_text()
    assert "/v1/models" in told
    assert MARK.lower() not in told.lower()


def _records(folder: Path) -> None:
    """Write files with the mark in every value, some of them broken in different ways."""
    folder.mkdir()
    patient = {
        "resourceType": "Patient",
        "id": MARK,
        "identifier": [{"system": "urn:euthymia:mrn", "value": MARK}],
        "name": [{"family": MARK, "given": [MARK]}],
        "birthDate": MARK,
        "telecom": [{"system": "phone", "value": MARK}],
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/timezone",
                "valueCode": MARK,
            }
        ],
    }
    observation = {
        "resourceType": "Observation",
        "id": MARK,
        "subject": {"reference": f"Patient/{MARK}"},
        "code": {"coding": [{"system": MARK, "code": MARK}]},
        "effectiveDateTime": MARK,
        "valueString": MARK,
    }
    entries = [{"resource": patient}, {"resource": observation}]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    (folder / "whole.json").write_text(json.dumps(bundle))
    (folder / "cut.json").write_text(json.dumps(bundle)[:-40])
    (folder / "lines.ndjson").write_text(json.dumps(patient) + "\n{" + MARK + "\n")
    (folder / "activity.csv").write_text(f"timestamp,activity\n{MARK},{MARK}\n2026-01-01,{MARK}\n")
    (folder / "other.csv").write_text(f"{MARK},{MARK}\n{MARK},{MARK}\n")
    (folder / "junk.xpt").write_bytes(MARK.encode() * 20)


def test_nothing_of_a_record_is_said_by_any_command(tmp_path):
    home = tmp_path / "home"
    assert _run(home, "init").returncode == 0
    _records(tmp_path / "incoming")
    said = b""
    commands = [
        ("ingest", str(tmp_path / "incoming")),
        ("ingest", str(tmp_path / "incoming"), "--json"),
        ("features",),
        ("rejects",),
        ("train", "relapse-30d"),
        ("worklist",),
        ("verify",),
    ]
    for command in commands:
        done = _run(home, *command)
        said += done.stdout + done.stderr
    assert b"rejected" in said
    assert MARK.encode().lower() not in said.lower()
    text = (home / "ledger" / "ledger.log").read_bytes()
    assert MARK.encode() not in text
