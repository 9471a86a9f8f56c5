"""What a FHIR resource says of itself before it says anything of a person."""

import json
from pathlib import Path
from typing import Any

import pytest

from reading import facts_of, items_of, rejects

NOTE: dict[str, Any] = {
    "resourceType": "Observation",
    "subject": {"identifier": {"system": "s", "value": "v"}},
    "code": {"text": "drinks"},
    "valueString": "stopped in May",
}


def read(tmp_path: Path, **more: Any) -> list[Any]:
    (tmp_path / "note.json").write_text(json.dumps(NOTE | more))
    return items_of(tmp_path / "note.json")


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("PSYTHPN", "psychotherapy-notes"),
        ("SUD", "substance-use"),
        ("42CFRPart2", "substance-use"),
        ("STD", "sexual-health"),
        ("HIV", "hiv"),
        ("SDV", "violence"),
        ("N", None),
    ],
)
def test_a_record_is_protected_by_its_label(tmp_path: Path, code: str, label: str | None) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    items = read(tmp_path, meta={"security": [{"system": system, "code": code}]})
    assert [fact["sensitivity"] for fact in facts_of(items)] == [label]


def test_a_record_whose_meaning_an_unknown_extension_changes_is_refused(tmp_path: Path) -> None:
    """It may say that this is about somebody else of the family."""
    items = read(tmp_path, modifierExtension=[{"url": "urn:hospital:of-the-mother"}])
    assert facts_of(items) == []
    [reason] = rejects(items)
    assert "modifierExtension changes what it says" in reason
