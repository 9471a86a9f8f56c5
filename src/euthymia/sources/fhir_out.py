"""What a clinic holds of one person as FHIR R4 resources, for the person and for other programs.

A record is written as an Observation with its code, value, UCUM unit and time, whatever resource
it once came from (only these are kept); a note as a DocumentReference. Read back by `fhir`, codes,
times, numbers, units and words alone are the same.
"""

import base64
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, Final

import pyarrow as pa

from euthymia.ground.codes import CODE_SYSTEMS, LABEL_SYSTEM, NOTE
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Grant, Person
from euthymia.ground.scope import labels_of
from euthymia.sources.fhir_consent import consent_resource
from euthymia.sources.fhir_people import TEST_DATA, TIME_ZONE

Resource = dict[str, Any]

_URLS: Final = {prefix: url for url, prefix in CODE_SYSTEMS.items()}
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_UCUM: Final = "http://unitsofmeasure.org"
_GENDERS: Final = {"female", "male", "other", "unknown"}


def record_resources(
    who: SubjectId, person: Person, grants: Iterable[Grant], facts: pa.Table
) -> Iterator[Resource]:
    """Yield the person as a Patient, the consents, every observation of `schemas.OBSERVATIONS`."""
    yield patient_resource(who, person)
    subject = {"reference": f"Patient/{who}"}
    for grant in grants:
        yield consent_resource(grant) | {"patient": subject}
    for number, fact in enumerate(facts.to_pylist(), 1):
        yield _fact(fact, subject, number)


def patient_resource(who: SubjectId, person: Person) -> Resource:
    """Return who somebody is as a Patient, with what is on record."""
    parts: Resource = {
        "identifier": [{"system": i.system, "value": i.value} for i in person.identifiers],
        "name": [{"text": person.name}] if person.name else None,
        "telecom": [{"value": value} for value in person.telecom],
        "gender": person.sex if person.sex in _GENDERS else None,
        "birthDate": _born(person),
        "address": [{"text": person.address}] if person.address else None,
        "communication": _language(person),
        "managingOrganization": {"display": person.site} if person.site else None,
        "extension": _zone(person),
        **_death(person),
    }
    kept = {name: value for name, value in parts.items() if value not in (None, [])}
    label = {"system": TEST_DATA[0], "code": TEST_DATA[1]}
    meta = {"meta": {"tag": [label]}} if person.synthetic else {}
    return {"resourceType": "Patient", "id": who, **meta, **kept}


def _born(person: Person) -> str | None:
    if person.birth_date is not None:
        return person.birth_date.isoformat()
    return None if person.birth_year is None else str(person.birth_year)


def _language(person: Person) -> list[Resource] | None:
    if person.language is None:
        return None
    return [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": person.language}]}}]


def _zone(person: Person) -> list[Resource] | None:
    return [{"url": TIME_ZONE, "valueCode": person.time_zone}] if person.time_zone else None


def _death(person: Person) -> Resource:
    on: date | None = person.deceased_on
    if on is not None:
        return {"deceasedDateTime": on.isoformat()}
    return {} if person.deceased is None else {"deceasedBoolean": person.deceased}


def _fact(fact: Resource, subject: Resource, number: int) -> Resource:
    labels = labels_of(fact["sensitivity"])
    security = [{"system": LABEL_SYSTEM, "code": label} for label in labels]
    meta: Resource = {"meta": {"security": security}} if security else {}
    if fact["code"] == NOTE:
        return _document(fact, subject, number) | meta
    when = {} if fact["time"] is None else {"effectiveDateTime": _instant(fact["time"])}
    return {
        "resourceType": "Observation",
        "id": f"observation-{number}",
        **meta,
        "status": "final",
        "code": {"coding": [_coding(fact["code"])]},
        "subject": subject,
        **when,
        **_value(fact),
    }


def _document(fact: Resource, subject: Resource, number: int) -> Resource:
    data = base64.b64encode((fact["text_value"] or "").encode()).decode("ascii")
    when = {} if fact["time"] is None else {"date": _instant(fact["time"])}
    return {
        "resourceType": "DocumentReference",
        "id": f"note-{number}",
        "status": "current",
        "subject": subject,
        **when,
        "content": [{"attachment": {"contentType": "text/plain;charset=utf-8", "data": data}}],
    }


def _coding(code: str) -> Resource:
    """Return "SYSTEM/code" or "system|code" as a coding: the inverse of `fhir_values.code_of`."""
    system, bar, value = code.rpartition("|")
    if bar:
        return {"system": system, "code": value}
    prefix, _, value = code.partition("/")
    return {"system": _URLS.get(f"{prefix}/", _HL7 + prefix), "code": value}


def _value(fact: Resource) -> Resource:
    number, words, unit = fact["numeric_value"], fact["text_value"], fact["unit"]
    if number is None:
        return {"valueString": words} if words else {}
    quantity = {"value": number} | ({"system": _UCUM, "code": unit} if unit else {})
    return {"valueQuantity": quantity} | ({"note": [{"text": words}]} if words else {})


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
