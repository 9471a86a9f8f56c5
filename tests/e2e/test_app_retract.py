"""A record under the wrong person, from the file that brings it to the one that takes it back."""

import json
from pathlib import Path
from typing import Any

import pytest

from euthymia.app.backup import back_up
from euthymia.app.clinic import Clinic
from euthymia.app.feature_job import compute_features
from euthymia.app.restore import Wish, restore
from euthymia.app.verify import verify_home
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.ids import SubjectId
from whole_clinic import call, run

HOME = Path("home")
PHQ9 = {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]}
SECRET = "tells of a quarrel at the harbour"
LOOK = Entry(Actor("test", "shell"), "look", Purpose.CARE)
PURPOSE = {"system": "urn:euthymia:purpose", "code": "monitoring"}


def quiet(_done: int, _of: int) -> None:
    pass


def patient(name: str) -> dict[str, Any]:
    identifier = [{"system": "urn:euthymia:mrn", "value": name}]
    return {"resourceType": "Patient", "id": name, "identifier": identifier}


def consent(name: str) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "patient": {"reference": f"Patient/{name}"},
        "dateTime": "2024-01-01",
        "provision": {"type": "permit", "purpose": [PURPOSE]},
    }


def score(name: str, value: int, at: str, who: str = "P1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "subject": {"reference": f"Patient/{who}"},
        "code": PHQ9,
        "effectiveDateTime": f"{at}T10:00:00Z",
        "valueInteger": value,
        **more,
    }


def note(name: str, text: bytes, who: str = "P1") -> dict[str, Any]:
    import base64

    data = base64.b64encode(text).decode()
    return {
        "resourceType": "DocumentReference",
        "id": name,
        "status": "current",
        "subject": {"reference": f"Patient/{who}"},
        "date": "2024-05-03T10:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
    }


def ingest(folder: Path, home: Path, *resources: dict[str, Any], **entry: Any) -> dict[str, Any]:
    entries: list[dict[str, Any]] = [{"resource": resource} for resource in resources]
    entries += [entry] if entry else []
    count = len(list(folder.glob("*.json")))
    path = folder / f"export-{count}.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    return run(home, "ingest", str(path))


def subject(home: Path, name: str = "P1") -> SubjectId:
    with Clinic.opened(home) as clinic:
        return clinic.resolve(name)


def facts(home: Path, name: str = "P1") -> list[object]:
    with Clinic.opened(home) as clinic:
        rows = clinic.store.observations(clinic.resolve(name), LOOK).to_pylist()
    return sorted(str(row["text_value"] or row["numeric_value"]) for row in rows)


def last_score(home: Path, name: str = "P1") -> float | None:
    with Clinic.opened(home) as clinic:
        table = clinic.store.features(clinic.resolve(name), "instrument_scores", LOOK)
    assert table is not None
    found: float | None = table.sort_by("date").column("phq9_total").to_pylist()[-1]
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    run(home, "init", "--name", "Test clinic")
    people = [patient("P1"), patient("P2"), consent("P1"), consent("P2")]
    right = [
        score("1", 4, "2024-05-01"),
        note("n1", b"slept well"),
        score("9", 2, "2024-05-01", "P2"),
    ]
    wrong = [score("2", 21, "2024-05-02"), note("n2", SECRET.encode())]
    told = ingest(tmp_path, home, *people, *right, *wrong)
    assert (told["stored"], told["rejected"], told["retracted"]) == (9, 0, 0)
    return home


def bare(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": name, "status": "entered-in-error", **more}


def test_what_the_health_record_takes_back_is_gone_everywhere(home: Path, tmp_path: Path) -> None:
    with Clinic.opened(home) as clinic:
        compute_features(clinic, quiet)
    assert last_score(home) == 21
    whole = {**score("2", 21, "2024-05-02"), "status": "entered-in-error"}
    told = ingest(tmp_path, home, patient("P1"), whole, bare("DocumentReference", "n2"))
    assert (told["retracted"], told["removed"], told["rejected"]) == (2, 2, 0)
    assert facts(home) == ["4.0", "slept well"]
    assert last_score(home) == 4, "the features were computed anew"
    assert facts(home, "P2") == ["2.0"]
    old = ingest(
        tmp_path, home, patient("P1"), score("2", 21, "2024-05-02"), score("1", 4, "2024-05-01")
    )
    assert (old["stored"], old["duplicates"]) == (0, 3)
    assert facts(home) == ["4.0", "slept well"]
    assert verify_home(home, quiet) == []
    never = ingest(tmp_path, home, patient("P1"), bare("Observation", "never-heard-of"))
    assert never["rejected"] == 1


def test_a_deletion_and_a_correction(home: Path, tmp_path: Path) -> None:
    gone = {"method": "DELETE", "url": "https://ehr.example/fhir/DocumentReference/n2"}
    told = ingest(tmp_path, home, request=gone)
    assert (told["rows_in"], told["retracted"], told["removed"]) == (1, 1, 1)
    right = score("2", 12, "2024-05-02", status="corrected", meta={"versionId": "2"})
    told = ingest(tmp_path, home, patient("P1"), right)
    assert (told["retracted"], told["removed"]) == (0, 1)
    assert facts(home) == ["12.0", "4.0", "slept well"]
    erase = {"resource": patient("P1"), "request": {"method": "DELETE", "url": "Patient/P1"}}
    assert ingest(tmp_path, home, patient("P1"), **erase)["rejected"] == 1, "that is no record"


def test_the_deletions_of_a_bulk_export(home: Path, tmp_path: Path) -> None:
    def line(*urls: str) -> str:
        asked = [{"request": {"method": "DELETE", "url": url}} for url in urls]
        return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": asked})

    lines = [
        line("DocumentReference/n2", "Patient/P1"),
        line("Observation/2"),
        line("Observation/7"),
    ]
    file = tmp_path / "deleted" / "deleted.ndjson"
    file.parent.mkdir()
    file.write_text("\n".join([*lines, json.dumps(score("3", 7, "2024-05-03", "P2"))]) + "\n")
    told = run(home, "ingest", str(file.parent))
    assert (told["rows_in"], told["retracted"], told["removed"]) == (5, 2, 2)
    assert facts(home) == ["4.0", "slept well"]
    reasons = sorted((reject["row"], reject["reason"]) for reject in told["rejects"])
    assert [row for row, _ in reasons] == [2, 4, 5]
    assert reasons[0][1] == "line 1: it asks for a deletion; use `euthymia erase`"


def test_a_record_that_was_moved_to_its_own_patient(home: Path, tmp_path: Path) -> None:
    moved = score("2", 21, "2024-05-02", "P2", meta={"versionId": "2"})
    told = ingest(tmp_path, home, patient("P2"), moved)
    assert (told["retracted"], told["removed"]) == (1, 1)
    assert facts(home) == ["4.0", "slept well", SECRET]
    assert facts(home, "P2") == ["2.0", "21.0"]


def test_by_hand_with_a_dry_run_first(home: Path, tmp_path: Path) -> None:
    who = subject(home)
    asked = ["retract", who, "--record", "DocumentReference/n2"]
    would = run(home, *asked, "--dry-run")
    assert (would["dry_run"], would["records"], would["facts"]) == (True, 1, 1)
    assert SECRET in facts(home)
    assert call(home, *asked, "--because", "the wrong person")[0] == 1, "a script has to say --yes"
    assert call(home, *asked, "--yes")[0] == 1, "the ledger has to know why"
    done = run(home, *asked, "--yes", "--because", "the wrong person")
    assert (done["records"], done["facts"], done["subject"]) == (1, 1, who)
    assert SECRET not in facts(home)
    assert call(home, *asked, "--dry-run")[0] == 1, "nothing of it is left to go"
    assert call(home, "retract", who, "--record", "Observation/9", "--dry-run")[0] == 1, "another's"
    notes = tmp_path / "in" / "A1"
    notes.mkdir(parents=True)
    (notes / "2024-05-01.txt").write_text("seen in the ward")
    (notes / "2024-05-02.txt").write_text(SECRET)
    run(home, "ingest", str(tmp_path / "in"))
    one = ["retract", str(subject(home, "A1")), "--file", str(notes / "2024-05-02.txt")]
    lost = ["--given-as", "A1", "--yes", "--because", "the wrong folder"]
    assert run(home, *one, *lost)["facts"] == 1
    assert facts(home, "A1") == ["seen in the ward"]
    assert verify_home(home, quiet) == []


def test_a_backup_of_before_does_not_bring_it_back(home: Path, tmp_path: Path) -> None:
    with Clinic.opened(home) as clinic:
        back_up(clinic, tmp_path / "backup", with_root=True, progress=quiet)
    ingest(tmp_path, home, patient("P1"), bare("DocumentReference", "n2"))
    notes = tmp_path / "export-0.json"
    hand = ["--file", str(notes), "--row", "8", "--yes", "--because", "wrong"]
    assert run(home, "retract", subject(home), *hand)["facts"] == 1
    assert facts(home) == ["4.0", "slept well"]
    told = restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert (told["retracted_again"], told["retracted_by_hand"]) == (1, 1)
    assert facts(tmp_path / "new") == ["21.0", "4.0", "slept well"]
    assert verify_home(tmp_path / "new", quiet) == []
