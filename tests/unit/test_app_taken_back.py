"""A health record that is corrected, or was never true: what was taken in of it follows."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from euthymia.app.alerts.desk import Alerts
from euthymia.app.clinic import Clinic
from euthymia.app.ingest import run_ingest
from euthymia.app.shell import accounts
from euthymia.app.verify import verify_home
from euthymia.app.web.retold import retold
from euthymia.care.alerts.card import TAKEN_BACK
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.codes import LOINC
from small_clinic import DOCTOR, MRN, TEST, Hands, copied_clinic, subject_of

SECRET = "the neighbour's marriage"
SCORE = LOINC + "44261-6"


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, Hands()) as made:
        yield made


def take(clinic: Clinic, folder: Path, *resources: dict[str, Any]) -> dict[str, Any]:
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": MRN, "value": "MRN-1"}],
    }
    lines = [patient, *({"subject": {"reference": "Patient/p"}, **r} for r in resources)]
    path = folder / "export.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run_ingest(clinic, [path], None, None, lambda _done, _of: None)


def note(version: str, **more: Any) -> dict[str, Any]:
    data = base64.b64encode(SECRET.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": "n1",
        "meta": {"lastUpdated": f"2026-01-{version}T09:00:00Z"},
        "status": "current",
        "date": "2026-01-02T08:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
        **more,
    }


def score(version: str, value: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"lastUpdated": f"2026-01-{version}T09:00:00Z", "source": f"http://ehr#{value}"},
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
        "effectiveDateTime": "2026-01-02T08:00:00Z",
        "valueQuantity": {"value": value, "unit": "{score}"},
        **more,
    }


def held(clinic: Clinic) -> tuple[bool, list[float]]:
    """Return whether the note is there, and the scores of that day."""
    who = subject_of(clinic, "MRN-1")
    rows = clinic.store.observations(who, Entry(TEST, "read", Purpose.CARE, who)).to_pylist()
    day = [row for row in rows if row["time"] and row["time"].strftime("%F") == "2026-01-02"]
    values = [row["numeric_value"] for row in day if row["code"] == SCORE]
    return any(SECRET in (row["text_value"] or "") for row in day), values


def test_a_note_of_another_person_is_removed_by_its_id_alone(
    clinic: Clinic, tmp_path: Path
) -> None:
    take(clinic, tmp_path, note("03"), score("03", 14))
    assert held(clinic) == (True, [14])
    void = {k: v for k, v in note("04").items() if k in {"resourceType", "id", "meta"}}
    told = take(clinic, tmp_path, void | {"status": "entered-in-error"})
    assert (told["removed"], told["rejected"]) == (1, 0)
    assert "1 observations removed" in accounts(told)
    assert held(clinic) == (False, [14])
    assert take(clinic, tmp_path, note("03"))["stored"] == 0  # an older export
    assert held(clinic) == (False, [14])
    lines = [e.detail.get("observations_removed") for e in clinic.ledger.entries()]
    assert [n for n in lines if n] == [1]
    assert verify_home(clinic.home.path, lambda _done, _of: None) == []


def test_a_corrected_score_takes_the_place_of_the_wrong_one(clinic: Clinic, tmp_path: Path) -> None:
    take(clinic, tmp_path, score("03", 24))
    told = take(clinic, tmp_path, score("05", 14, status="corrected"))
    assert (told["removed"], held(clinic)[1]) == (1, [14])
    take(clinic, tmp_path, score("06", 14, status="entered-in-error"))
    assert held(clinic)[1] == []


def test_an_alert_for_an_answer_that_was_taken_back_stays_and_says_so(tmp_path: Path) -> None:
    hands = Hands()
    with copied_clinic(tmp_path, hands) as clinic:
        Alerts(clinic).run()
        at = hands()
        code = {"coding": [{"system": "http://loinc.org", "code": "44260-8"}]}
        said = {"resourceType": "Observation", "id": "q9", "code": code, "valueInteger": 2}
        said |= {"effectiveDateTime": at.isoformat(), "status": "final"}
        for hour, status in enumerate(("final", "entered-in-error", "final")):
            meta = {"lastUpdated": (at + timedelta(hours=hour)).isoformat()}
            hands.turn(timedelta(hours=1))
            take(clinic, tmp_path, said | {"meta": meta, "status": status})
            (line,) = Alerts(clinic).desk(DOCTOR, "clinician").lines
            card = Alerts(clinic).card(DOCTOR, "clinician", line.alert.subject, line.alert.id)
            assert (TAKEN_BACK in card.why) == (status == "entered-in-error")
    assert retold(TAKEN_BACK, "es") is not None


def test_what_does_not_say_which_record_it_takes_back_removes_nothing(
    clinic: Clinic, tmp_path: Path
) -> None:
    take(clinic, tmp_path, score("03", 24))
    void = {k: v for k, v in score("05", 24).items() if k != "id"}
    told = take(clinic, tmp_path, void | {"status": "entered-in-error"})
    (reject,) = told["rejects"]
    assert "which record it takes back" in reject["reason"]
    assert held(clinic)[1] == [24]
