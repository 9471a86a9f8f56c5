"""What may not be seen: names, notes and coordinates in the home; values in messages."""

import gzip
import json
import re
from pathlib import Path

import pytest

from euthymia.app.clinic import Clinic
from whole_clinic import call, run


def _secrets(incoming: Path) -> set[bytes]:
    """Collect names, phone numbers, note lines and coordinates of the simulated people."""
    found: set[bytes] = set()
    for file in sorted((incoming / "fhir").glob("*.json.gz")):
        for entry in json.loads(gzip.decompress(file.read_bytes()))["entry"]:
            resource = entry["resource"]
            if resource["resourceType"] == "Patient":
                name = resource["name"][0]
                found |= {name["family"].encode(), resource["birthDate"].encode()}
                found |= {i["value"].encode() for i in resource["identifier"]}
                found |= {t["value"].encode() for t in resource.get("telecom", [])}
    for note in incoming.glob("notes/*/*.txt"):
        found |= {line[:40].encode() for line in note.read_text().splitlines() if len(line) > 20}
    for gps in incoming.glob("beiwe/*/gps/*.csv"):
        found |= {row.split(",")[2].encode() for row in gps.read_text().splitlines()[1:]}
    return {secret for secret in found if len(secret) >= 5}


def test_no_secret_is_readable_in_the_home(built_home: Path) -> None:
    secrets = _secrets(built_home.parent / "incoming")
    assert len(secrets) > 50
    for path in built_home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert [s for s in secrets if s in content] == [], path.name


def test_an_erased_person_is_gone_from_every_command(home: Path) -> None:
    subject = run(home, "show")["subjects"][0]
    before = run(home, "show", subject)
    assert before["observations"] > 0
    erased = run(home, "erase", subject, "--yes")
    assert re.fullmatch(r"L-\d+-[0-9a-f]{8}", erased["ledger_entry"])
    with Clinic.opened(home) as clinic:
        told = [e.action for e in clinic.ledger.entries() if e.id == erased["ledger_entry"]]
    assert told == ["erase subject"]
    for command in (["show", subject], ["export", subject], ["consent", subject]):
        code, result = call(home, *command)
        assert code == 1
        assert "no such subject" in result["error"]
    assert subject not in run(home, "show")["subjects"]
    assert run(home, "verify")["ok"]


def test_an_erased_person_does_not_come_back_with_their_old_files(
    built_home: Path, home: Path
) -> None:
    subject = run(home, "show")["subjects"][0]
    run(home, "erase", subject, "--yes")
    again = run(home, "ingest", str(built_home.parent / "incoming"))
    assert again["rejected"] > 0
    assert any("erased" in reject["reason"] for reject in again["rejects"])
    assert subject not in run(home, "show")["subjects"]


@pytest.mark.parametrize(
    "command", [["show", "nobody"], ["analyze", "nobody"], ["erase", "Smith", "--yes"]]
)
def test_a_refusal_does_not_repeat_what_was_asked(home: Path, command: list[str]) -> None:
    code, result = call(home, *command)
    assert code == 1
    assert command[1] not in json.dumps(result)


def test_withdrawn_monitoring_removes_features_and_stops_new_rows(
    built_home: Path, home: Path
) -> None:
    subjects = run(home, "show")["subjects"]
    watched = next(s for s in subjects if "activity_counts" in run(home, "show", s)["streams"])
    rows = run(home, "features")["rows"]
    run(home, "consent", watched, "--withdraw", "monitoring", "--because", "asked by phone")
    after = run(home, "features")
    assert after["rows"] < rows
    assert after["without_consent"] >= 1
    again = run(home, "ingest", str(built_home.parent / "incoming"))
    assert again["rejected"] > 0
