"""Two patients that a health record has merged: which of their numbers are out of use."""

import json
from pathlib import Path
from typing import Any

from euthymia.ground.ids import SourceId
from euthymia.ground.records import Person
from reading import facts_of, items_of, rejects

FORMER, KEPT = SourceId("urn:mrn", "111"), SourceId("urn:mrn", "222")
MERGED: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "B",
    "identifier": [
        {"use": "old", "system": FORMER.system, "value": FORMER.value},
        {"use": "usual", "system": KEPT.system, "value": KEPT.value},
    ],
}
SEEN = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "subject": {"reference": "Patient/B"},
    "code": {"text": "x"},
}


def _person(folder: Path, patient: dict[str, Any]) -> tuple[Person, str]:
    bundle = {
        "resourceType": "Bundle",
        "entry": [{"resource": patient}, {"resource": SEEN}],
    }
    (folder / "b.json").write_text(json.dumps(bundle), encoding="utf-8")
    items = items_of(folder / "b.json")
    assert rejects(items) == []
    (person,) = (item for item in items if isinstance(item, Person))
    return person, facts_of(items)[0]["subject_id"]


def test_a_number_out_of_use_is_former_and_facts_go_by_one_in_use(tmp_path: Path) -> None:
    person, whose = _person(tmp_path, MERGED)
    assert set(person.identifiers) == {FORMER, KEPT}
    assert (person.former, whose) == ((FORMER,), KEPT.value)


def test_the_only_number_stands_though_it_is_out_of_use(tmp_path: Path) -> None:
    person, whose = _person(tmp_path, {**MERGED, "identifier": MERGED["identifier"][:1]})
    assert (person.identifiers, person.former, whose) == ((FORMER,), (FORMER,), FORMER.value)
    both = [MERGED["identifier"][0], {**MERGED["identifier"][0], "use": "usual"}]
    assert _person(tmp_path, {**MERGED, "identifier": both})[0].former == ()
