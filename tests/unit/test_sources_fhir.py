"""What each kind of FHIR resource becomes."""

import base64
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from euthymia.ground.audit import Purpose
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Directory, Grant, Item, Person, Reject, Zone
from euthymia.sources.fhir_types import R4_TYPES
from euthymia.sources.fhir_values import is_loinc
from reading import facts_of, items_of, rejects

MRN = SourceId("urn:euthymia:mrn", "M-1")
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-11-2222"},
        {
            "type": {"coding": [{"code": "MR"}]},
            "system": MRN.system,
            "value": MRN.value,
        },
        {"system": "urn:euthymia:source:beiwe", "value": "bw1"},
        {"value": "without a system"},
    ],
    "name": [
        {"use": "nickname", "text": "Annie"},
        {"use": "official", "given": ["Anna"], "family": "Ek"},
    ],
    "birthDate": "1980-02-03",
    "gender": "female",
    "address": [{"line": ["Storgatan 1"], "city": "Lund"}],
    "telecom": [{"system": "phone", "value": "+46 1"}],
    "communication": [{"language": {"coding": [{"code": "sv"}]}, "preferred": True}],
    "managingOrganization": {"reference": "Organization/o1"},
    "generalPractitioner": [{"reference": "Practitioner/d1"}],
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/timezone",
            "valueCode": "Europe/Stockholm",
        },
        {
            "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
            "extension": [
                {"url": "ombCategory", "valueCoding": {"code": "2106-3", "display": "White"}},
                {"url": "text", "valueString": "White"},
            ],
        },
    ],
}
CLINIC = [
    {"resourceType": "Organization", "id": "o1", "name": "North clinic"},
    {
        "resourceType": "Practitioner",
        "id": "d1",
        "name": [{"family": "Berg"}],
        "identifier": [{"system": "urn:euthymia:user", "value": "dr.berg"}],
    },
]
SUBJECT = {"reference": "Patient/p1"}


def _coded(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _read(folder: Path, *resources: dict[str, Any]) -> list[Item]:
    entries = [{"resource": r} for r in (PATIENT, *CLINIC, *resources)]
    path = folder / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    return items_of(path)


def _facts(folder: Path, resource: dict[str, Any]) -> list[tuple[Any, ...]]:
    items = _read(folder, resource)
    assert rejects(items) == []
    return [
        (f["code"], f["numeric_value"], f["text_value"], f["unit"], f["time"])
        for f in facts_of(items)
    ]


def test_a_patient_with_everything(tmp_path: Path) -> None:
    person = next(item for item in _read(tmp_path) if isinstance(item, Person))
    assert MRN in person.identifiers
    assert SourceId("urn:euthymia:source:beiwe", "bw1") in person.identifiers
    assert len(person.identifiers) == 3
    assert person.name == "Anna Ek"
    assert person.other_names == ("Annie",)
    assert person.birth_date == date(1980, 2, 3)
    assert person.address == "Storgatan 1, Lund"
    assert (person.telecom, person.language, person.race) == (("+46 1",), "sv", "White")
    assert (person.site, person.care_team) == ("North clinic", ("dr.berg",))
    assert person.time_zone == "Europe/Stockholm"


@pytest.mark.parametrize("born", ["1970", "1970-05"])
def test_a_partial_date_of_birth_keeps_its_year(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, born: str
) -> None:
    monkeypatch.setitem(PATIENT, "birthDate", born)
    person = next(item for item in _read(tmp_path) if isinstance(item, Person))
    assert (person.birth_date, person.birth_year) == (None, 1970)


@pytest.mark.parametrize(
    ("says", "deceased", "on"),
    [
        ({}, None, None),
        ({"deceasedBoolean": False}, False, None),
        ({"deceasedBoolean": True}, True, None),
        ({"deceasedDateTime": "2026-01-05"}, True, date(2026, 1, 5)),
        ({"deceasedDateTime": "2026-01-05T23:30:00-05:00"}, True, date(2026, 1, 5)),
        ({"deceasedDateTime": "2026-01"}, True, None),
    ],
)
def test_a_death_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    says: dict[str, Any],
    deceased: bool | None,
    on: date | None,
) -> None:
    for name, value in says.items():
        monkeypatch.setitem(PATIENT, name, value)
    person = next(item for item in _read(tmp_path) if isinstance(item, Person))
    assert (person.deceased, person.deceased_on) == (deceased, on)


_HTEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


@pytest.mark.parametrize(
    ("meta", "synthetic"),
    [
        ({"tag": [_HTEST]}, True),
        ({"security": [{"code": "R"}, _HTEST]}, True),
        ({"tag": [{"system": "urn:other", "code": "HTEST"}, {}]}, False),
        ({}, False),
    ],
)
def test_a_test_patient_is_known_by_fhirs_own_tag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meta: dict[str, Any], *, synthetic: bool
) -> None:
    monkeypatch.setitem(PATIENT, "meta", meta)
    person = next(item for item in _read(tmp_path) if isinstance(item, Person))
    assert person.synthetic is synthetic


@pytest.mark.parametrize(
    "meta", ["HTEST", {"tag": _HTEST}, {"tag": ["HTEST"]}, {"tag": [{"code": 1}]}]
)
def test_a_broken_tag_refuses_the_patient_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meta: object
) -> None:
    monkeypatch.setitem(PATIENT, "meta", meta)
    refused = [item for item in _read(tmp_path) if isinstance(item, Reject)]
    assert any(word in refused[0].reason for word in ("meta", "tag", "code"))


def test_rows_about_the_clinic_go_into_the_directory(tmp_path: Path) -> None:
    found = [item for item in _read(tmp_path) if isinstance(item, Directory)]
    assert [(d.kind, d.name) for d in found] == [
        ("Organization", "North clinic"),
        ("Practitioner", "Berg"),
    ]


def test_an_observation_is_filed_under_the_record_number(tmp_path: Path) -> None:
    quantity = {
        "value": 4.2,
        "unit": "mmol",
        "system": "http://unitsofmeasure.org",
        "code": "mmol/L",
    }
    items = _read(
        tmp_path,
        {
            "resourceType": "Observation",
            "subject": SUBJECT,
            "code": {
                "coding": [
                    {"system": "urn:local", "code": "K"},
                    {"system": "http://loinc.org", "code": "2823-3", "display": "Potassium"},
                ]
            },
            "effectiveDateTime": "2024-05-01T12:00:00+02:00",
            "valueQuantity": quantity,
        },
    )
    [fact] = facts_of(items)
    assert fact == {
        "subject_id": MRN.value,
        "time": datetime(2024, 5, 1, 10, tzinfo=UTC),
        "code": "LOINC/2823-3",
        "numeric_value": 4.2,
        "text_value": None,
        "unit": "mmol/L",
        "purpose": "care",
        "source": "fhir",
        "row": 4,
        "sensitivity": None,
    }


def test_a_date_is_the_start_of_that_day_where_the_patient_lives(tmp_path: Path) -> None:
    condition = {
        "resourceType": "Condition",
        "subject": SUBJECT,
        "code": _coded("http://snomed.info/sct", "370143000", "Major depressive disorder"),
        "onsetDateTime": "2024-07-01",
        "abatementDateTime": "2024-09",
    }
    first, ended = _facts(tmp_path, condition)
    assert first[0] == "SNOMED/370143000"
    assert first[4] == datetime(2024, 6, 30, 22, tzinfo=UTC)
    assert ended[0] == "EUTHYMIA/fhir.ended"
    assert ended[4] == datetime(2024, 8, 31, 22, tzinfo=UTC)


def test_components_share_the_row(tmp_path: Path) -> None:
    parts = [
        {
            "code": _coded("http://loinc.org", "8480-6"),
            "valueQuantity": {"value": 120, "unit": "mm[Hg]"},
        },
        {
            "code": _coded("http://loinc.org", "8462-4"),
            "valueQuantity": {"value": 80, "unit": "mm[Hg]"},
        },
    ]
    panel = {
        "resourceType": "Observation",
        "subject": SUBJECT,
        "code": _coded("http://loinc.org", "85354-9", "Blood pressure"),
        "component": parts,
    }
    facts = _facts(tmp_path, panel)
    assert [(code, number) for code, number, *_ in facts] == [
        ("LOINC/85354-9", None),
        ("LOINC/8480-6", 120.0),
        ("LOINC/8462-4", 80.0),
    ]


def test_an_admission_has_its_length_and_its_reason(tmp_path: Path) -> None:
    stay = {
        "resourceType": "Encounter",
        "status": "finished",
        "subject": SUBJECT,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "period": {"start": "2024-05-01T00:00:00Z", "end": "2024-05-03T12:00:00Z"},
        "reasonCode": [_coded("http://snomed.info/sct", "370143000", "Depression")],
    }
    admission, reason = _facts(tmp_path, stay)
    assert admission[:4] == ("ActCode/IMP", 2.5, None, "d")
    assert reason[:3] == ("SNOMED/370143000", None, "reason: Depression")


def test_a_planned_admission_is_not_an_admission(tmp_path: Path) -> None:
    plan = {
        "resourceType": "Encounter",
        "status": "planned",
        "subject": SUBJECT,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "period": {"start": "2024-05-01T00:00:00Z"},
    }
    assert [code for code, *_ in _facts(tmp_path, plan)] == ["EUTHYMIA/fhir.not-done"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({}, "RxNorm/321988", "Escitalopram"),
        ({"status": "not-taken"}, "EUTHYMIA/fhir.not-done", "RxNorm/321988 Escitalopram"),
    ],
)
def test_medication(change: dict[str, Any], code: str, words: str, tmp_path: Path) -> None:
    drug = _coded("http://www.nlm.nih.gov/research/umls/rxnorm", "321988", "Escitalopram")
    taken = {"resourceType": "MedicationStatement", "subject": SUBJECT, **change}
    inside = {
        "contained": [{"resourceType": "Medication", "id": "m", "code": drug}],
        "medicationReference": {"reference": "#m"},
    }
    for form in ({"medicationCodeableConcept": drug}, inside):
        [fact] = _facts(tmp_path, {**taken, **form})
        assert fact[:3] == (code, None, words)


def test_a_dose_is_kept_with_its_unit(tmp_path: Path) -> None:
    dose = {"doseQuantity": {"value": 10, "code": "mg"}}
    order = {
        "resourceType": "MedicationRequest",
        "subject": SUBJECT,
        "authoredOn": "2024-05-01",
        "medicationCodeableConcept": {"text": "escitalopram"},
        "dosageInstruction": [{"doseAndRate": [dose]}],
    }
    [fact] = _facts(tmp_path, order)
    assert fact[:4] == ("EUTHYMIA/fhir.MedicationRequest", 10.0, "escitalopram", "mg")


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "ServiceRequest", "code": _coded("http://snomed.info/sct", "1", "ECT")},
        {
            "resourceType": "AllergyIntolerance",
            "code": _coded("http://snomed.info/sct", "1", "ECT"),
        },
        {
            "resourceType": "FamilyMemberHistory",
            "condition": [{"code": _coded("http://snomed.info/sct", "1", "ECT")}],
        },
    ],
)
def test_a_plan_or_a_relatives_illness_is_not_the_patients(
    resource: dict[str, Any], tmp_path: Path
) -> None:
    [fact] = _facts(tmp_path, {"subject": SUBJECT, **resource})
    assert fact[0] == f"EUTHYMIA/fhir.{resource['resourceType']}"
    assert fact[2] == "SNOMED/1 ECT"


def test_phq9_answers_by_loinc_item(tmp_path: Path) -> None:
    ordinal = {"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 2}
    coded = {"display": "More than half the days", "extension": [ordinal]}
    items = [
        {"linkId": "/44250-9", "answer": [{"valueCoding": coded}]},
        {"linkId": "/44255-8", "answer": [{"valueCoding": {"code": "LA6571-9"}}]},
        {"linkId": "/44259-0", "answer": [{"valueInteger": 1}]},
        {"linkId": "group", "item": [{"linkId": "why?", "answer": [{"valueString": "tired"}]}]},
        {"linkId": "/44254-1"},
    ]
    form = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "http://loinc.org/q/44249-1",
        "subject": SUBJECT,
        "authored": "2024-05-01T10:00:00Z",
        "item": items,
    }
    assert [fact[:3] for fact in _facts(tmp_path, form)] == [
        ("LOINC/44250-9", 2.0, "More than half the days"),
        ("LOINC/44255-8", 3.0, "LA6571-9"),
        ("LOINC/44259-0", 1.0, None),
        ("EUTHYMIA/question.why_", None, "tired"),
    ]


def test_a_note_is_unpacked(tmp_path: Path) -> None:
    data = base64.b64encode("Schläft besser.".encode()).decode()
    note = {
        "resourceType": "DocumentReference",
        "subject": SUBJECT,
        "date": "2024-05-01T10:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": data}}],
    }
    [fact] = _facts(tmp_path, note)
    assert fact[:3] == ("EUTHYMIA/note", None, "Schläft besser.")


@pytest.mark.parametrize(
    ("value", "number", "words"),
    [
        ({"valueQuantity": {"value": 5, "comparator": "<", "code": "mg/L"}}, None, "< 5 mg/L"),
        ({"valueBoolean": True}, 1.0, "true"),
        ({"valueString": "red"}, None, "red"),
        ({"valueCodeableConcept": {"text": "Never smoker"}}, None, "Never smoker"),
        ({"dataAbsentReason": {"text": "refused"}}, None, "absent: refused"),
        ({"valueRange": {"low": {"value": 1}, "high": {"value": 2}}}, None, "1 to 2"),
        ({}, None, "Thing"),
    ],
)
def test_values(value: dict[str, Any], number: float | None, words: str, tmp_path: Path) -> None:
    code = _coded("http://loinc.org", "1", "Thing")
    base = {"resourceType": "Observation", "subject": SUBJECT, "code": code}
    [fact] = _facts(tmp_path, {**base, **value})
    assert fact[1:3] == (number, words)


def _consent(**provision: Any) -> dict[str, Any]:
    purpose = [{"system": "urn:euthymia:purpose", "code": "research"}]
    return {
        "resourceType": "Consent",
        "status": "active",
        "patient": SUBJECT,
        "dateTime": "2024-05-01T10:00:00Z",
        "provision": {"type": "permit", "purpose": purpose, **provision},
    }


def test_consent_is_a_grant(tmp_path: Path) -> None:
    items = _read(tmp_path, _consent(period={"end": "2024-06-01"}), _consent(type="deny"))
    first, second = (item for item in items if isinstance(item, Grant))
    assert (first.who, first.purposes, first.permit) == (MRN, (Purpose.RESEARCH,), True)
    assert first.at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert first.until == datetime(2024, 6, 1, 22, tzinfo=UTC)  # that day included, in Stockholm
    assert not second.permit


@pytest.mark.parametrize(
    ("consent", "rule"),
    [
        (_consent(actor=[{"role": {}}]), "actor names nobody"),
        (_consent(provision=[{"type": "deny", "data": [{}]}]), "limited by data"),
        (_consent(purpose=[{"code": "MARKETING"}]), "care, monitoring, research and training"),
        (_consent(type=None), "neither permit nor deny"),
        ({**_consent(), "status": "draft"}, "neither active, rejected"),
        ({**_consent(), "dateTime": None}, "dateTime is missing"),
    ],
)
def test_a_consent_that_is_not_understood_grants_nothing(
    consent: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    items = _read(tmp_path, consent)
    assert not any(isinstance(item, Grant) for item in items)
    [reason] = rejects(items)
    assert reason.startswith("entry 4: ")
    assert rule in reason


def test_a_move_is_a_zone(tmp_path: Path) -> None:
    move = {
        "resourceType": "Observation",
        "subject": SUBJECT,
        "code": _coded("urn:euthymia:code", "time-zone"),
        "effectiveDateTime": "2024-05-01T10:00:00Z",
        "valueString": "Asia/Tokyo",
    }
    [zone] = [item for item in _read(tmp_path, move) if isinstance(item, Zone)]
    assert (zone.who, zone.zone) == (MRN, "Asia/Tokyo")


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "urn:uuid:0c6d3f4e-0000-4000-8000-00000000aaaa"},
        {"reference": "https://ehr.example/fhir/Patient/p9"},
        {"reference": "Patient/p9/_history/3"},
        {"identifier": {"system": "s", "value": "v"}},
        {"reference": "Patient?identifier=s|v"},
    ],
)
def test_every_way_to_point_at_a_patient(reference: dict[str, Any], tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p9", "identifier": [{"system": "s", "value": "v"}]}
    seen = {"resourceType": "Observation", "subject": reference, "code": {"text": "x"}}
    url = "urn:uuid:0c6d3f4e-0000-4000-8000-00000000aaaa"
    entries = [{"resource": seen}, {"fullUrl": url, "resource": patient}]  # points forward
    (tmp_path / "b.json").write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    items = items_of(tmp_path / "b.json")
    assert rejects(items) == []
    assert facts_of(items)[0]["subject_id"] == "v"


def test_a_contained_patient_is_known_by_its_record_number(tmp_path: Path) -> None:
    inside = {**PATIENT, "id": "inside"}
    seen = {
        "resourceType": "Observation",
        "contained": [{"resourceType": "Device", "id": "d"}, inside],
        "subject": {"reference": "#inside"},
        "code": {"text": "x"},
    }
    nobody = {"resourceType": "Patient", "id": "inside", "name": [{"family": "Ek"}]}
    uuid = {"resourceType": "Patient", "id": "0c6d3f4e-0000-4000-8000-00000000aaaa"}
    others = [
        {**seen, "contained": [nobody]},
        {**seen, "contained": [uuid], "subject": {"reference": f"#{uuid['id']}"}},
        {**seen, "subject": {"reference": "#d"}},
        {**seen, "subject": {"reference": "#gone"}},
    ]
    items = _read(tmp_path, PATIENT, seen, *others)
    assert [fact["subject_id"] for fact in facts_of(items)] == [MRN.value]
    reasons = rejects(items)
    assert all("has no identifier with a system and a value: add its" in r for r in reasons[:2])
    assert all("inside the resource, where no such Patient is" in r for r in reasons[2:])
    assert len(reasons) == 4
    assert "Ek" not in " ".join(reasons)


def test_two_patients_under_one_name_are_not_mixed(tmp_path: Path) -> None:
    twin = {**PATIENT, "identifier": [{"system": "other", "value": "M-2"}]}
    seen = {"resourceType": "Observation", "subject": SUBJECT, "code": {"text": "x"}}
    assert rejects(_read(tmp_path, twin, seen)) == [
        "entry 5: subject reference fits two different patients of this file"
    ]


def test_resource_types_and_loinc_codes() -> None:
    assert len(R4_TYPES) == 146  # and the two abstract ones, Resource and DomainResource
    assert is_loinc("44250-9")
    assert is_loinc("44261-6")
    assert not is_loinc("44250-8")
    assert not is_loinc("1.2-3")
