"""FHIR R4: every resource about a patient as observations. A new resource type is one line here."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from euthymia.ground.clock import DAY_US
from euthymia.ground.codes import LOINC, NOTE, OWN
from euthymia.ground.ids import SourceId
from euthymia.ground.scope import SECURITY_LABELS, Label
from euthymia.sources.fhir_people import Entry, World
from euthymia.sources.fhir_values import (
    Value,
    code_of,
    concept,
    find,
    is_loinc,
    time_us,
    value_of,
)
from euthymia.sources.fhir_writing import writing_of
from euthymia.sources.json_tree import Node, ShapeError, node, nodes, text
from euthymia.sources.shapes import Facts

MAX_DEPTH: Final = 40  # of questions inside questions
PATIENT_FIELDS: Final = ("subject", "patient", "beneficiary", "individual", "for")
NOT_DONE: Final = OWN + "fhir.not-done"
REFUTED: Final = OWN + "fhir.refuted"
ENDED: Final = OWN + "fhir.ended"


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a resource type keeps what we want.

    `code` and `when` are dotted paths, the first that is there counts. With `fact`, the resource
    says that something was so, and its own code is stored; else it is a plan, a bill or somebody
    else's history, and it is stored as `EUTHYMIA/fhir.<type>` with the code in words, so that
    nobody takes an order for a deed.
    """

    code: tuple[str, ...] = ("code", "type", "category")
    when: tuple[str, ...] = (
        *("effectiveDateTime", "occurrenceDateTime", "performedDateTime", "authoredOn", "authored"),
        *("date", "dateTime", "created", "recordedDate", "recorded", "issued", "started", "sent"),
        *("start", "period.start", "servicedPeriod.start", "occurrencePeriod.start"),
    )
    fact: bool = False
    words: str | None = None
    also: tuple[str, ...] = ()  # plain values that tell such resources of one visit apart


_MEDICATION: Final = ("medicationCodeableConcept", "medicationReference")
_EFFECTIVE: Final = (
    *("effectiveDateTime", "effectiveInstant", "effectivePeriod.start", "effectivePeriod.end"),
    *("effectiveTiming.event", "issued"),
)
_BILL: Final = (("item.productOrService", "type"), ("billablePeriod.start", "created"))
_BILLED: Final = ("type.coding.code", "total.value", "total.amount.value")

SHAPES: Final[dict[str, Shape]] = {
    "Observation": Shape(("code",), _EFFECTIVE, fact=True),
    "DiagnosticReport": Shape(("code",), _EFFECTIVE, fact=True, words="conclusion"),
    "Condition": Shape(
        ("code",), ("onsetDateTime", "onsetPeriod.start", "recordedDate"), fact=True
    ),
    "Procedure": Shape(("code",), ("performedDateTime", "performedPeriod.start"), fact=True),
    "Immunization": Shape(("vaccineCode",), ("occurrenceDateTime", "recorded"), fact=True),
    "MedicationRequest": Shape(_MEDICATION, ("authoredOn",), fact=True),
    "MedicationStatement": Shape(
        _MEDICATION, ("effectiveDateTime", "effectivePeriod.start", "dateAsserted"), fact=True
    ),
    "MedicationAdministration": Shape(
        _MEDICATION, ("effectiveDateTime", "effectivePeriod.start"), fact=True
    ),
    "MedicationDispense": Shape(_MEDICATION, ("whenHandedOver", "whenPrepared"), fact=True),
    "Encounter": Shape(("class",), ("period.start",), fact=True),
    "CarePlan": Shape(("category",), ("period.start", "created"), fact=True),
    "ImagingStudy": Shape(
        ("procedureCode", "modality", "series.modality"), ("started",), fact=True
    ),
    "EpisodeOfCare": Shape(("type",), ("period.start",), fact=True),
    "AdverseEvent": Shape(("event",), ("date", "detected", "recordedDate"), fact=True),
    "Goal": Shape(("description",), ("startDate", "statusDate"), words="description.text"),
    "Claim": Shape(*_BILL, also=_BILLED),
    "ExplanationOfBenefit": Shape(*_BILL, also=_BILLED),
    "AllergyIntolerance": Shape(("code",), ("onsetDateTime", "recordedDate")),
    "FamilyMemberHistory": Shape(("condition.code", "relationship"), ("date",)),
    "ServiceRequest": Shape(("code", "category"), ("authoredOn", "occurrenceDateTime")),
    "Specimen": Shape(("type",), ("collection.collectedDateTime", "receivedTime")),
    "Coverage": Shape(("type",), ("period.start",)),
    "RelatedPerson": Shape(("relationship",), ("period.start",)),
    "ResearchSubject": Shape((), ("period.start",)),
    "Appointment": Shape(("serviceType", "appointmentType"), ("start", "created")),
}
"""Types that are not listed and have a patient are read with `Shape()`."""
_WITH_PATIENT: Final = {"QuestionnaireResponse", "DocumentReference", "Consent"}


def patient_reference(entry: Entry) -> Node | None:
    """Return a resource's reference to its patient, if it has one.

    Raises
    ------
    ShapeError
        If it has none and its type must have one.
    """
    for name in PATIENT_FIELDS:
        found = entry.resource.get(name)
        if isinstance(found, list):
            found = found[0] if found else None
        if found is not None:
            if not isinstance(found, dict):
                raise ShapeError(f"{name} is not a reference")
            return found
    actors = find(entry.resource, "participant.actor") if entry.kind == "Appointment" else []
    patients = [a for a in actors if isinstance(a, dict) and "Patient" in str(a.get("reference"))]
    if not patients and (entry.kind in SHAPES or entry.kind in _WITH_PATIENT):
        raise ShapeError(f"{entry.kind} names no patient")
    return patients[0] if patients else None


def add_facts(entry: Entry, who: SourceId, world: World, facts: Facts) -> None:
    """Add what one resource says about a patient: at least one observation.

    Raises
    ------
    ShapeError
        If it is not of its shape. Nothing is then added.
    """
    if entry.resource.get("modifierExtension"):
        raise ShapeError("its modifierExtension changes what it says, and is not understood")
    found = list(_facts(entry, who, world))
    labels, written = _labels(entry.resource), writing_of(entry.resource)
    for at, code, value in found:
        facts.add(
            *(entry.row, who, code),
            time_us=at,
            number=value.number,
            text=value.text,
            unit=value.unit,
            labels=labels,
            written=written,
        )


def _labels(resource: Node) -> str | None:
    """Return the protected kinds that a resource says it is of (`meta.security` and the like)."""
    codings = [*find(resource, "meta.security"), *find(resource, "securityLabel.coding")]
    known = {**SECURITY_LABELS, **{label.value: label for label in Label}}
    codes = (text(coding, "code") or "" for coding in codings if isinstance(coding, dict))
    found = {known[code] for code in codes if code in known}
    return " ".join(sorted(found)) or None


Fact = tuple[int | None, str, Value]


def _facts(entry: Entry, who: SourceId, world: World) -> Iterator[Fact]:
    shape = SHAPES.get(entry.kind, Shape())
    zone = world.zone(who)
    at = _when(entry.resource, shape, zone)
    if entry.kind == "QuestionnaireResponse":
        yield from _answers(entry.resource, at)
        return
    if entry.kind == "DocumentReference":
        yield from _documents(entry.resource, at, zone)
        return
    code, words = _code(entry, shape, world)
    if entry.kind == "Encounter":
        length = _length_of_stay(entry.resource, zone)
        yield at, code, Value(length, words, None if length is None else "d")
        yield from _reasons(entry.resource, at)
        return
    yield at, code, _value(entry.resource, shape, words)
    if entry.kind == "Observation":
        yield from _components(entry.resource, at)
    elif entry.kind == "DiagnosticReport":
        yield from _notes(nodes(entry.resource, "presentedForm"), at)
    elif entry.kind == "Condition" and (end := text(entry.resource, "abatementDateTime")):
        yield time_us(end, "abatementDateTime", zone), ENDED, Value(text=f"{code} {words or ''}")


def _when(resource: Node, shape: Shape, zone: str) -> int | None:
    for path in shape.when:
        found = find(resource, path)
        if found:
            return time_us(found[0], path, zone)
    return None


def _code(entry: Entry, shape: Shape, world: World) -> tuple[str, str | None]:
    code, words = _coded(entry, shape, world)
    if entry.kind in {"Observation", "Condition"} and code is None and words is None:
        raise ShapeError(f"{entry.kind}.code is missing")
    own = f"{OWN}fhir.{entry.kind}"
    denied = _denied(entry.resource)
    if denied or not shape.fact:
        told = [part for part in (code, words) if part] + _also(entry.resource, shape, world)
        return denied or own, " ".join(told) or None
    return code or own, words


def _also(resource: Node, shape: Shape, world: World) -> list[str]:
    found = [value for path in shape.also for value in find(resource, path)]
    told = [str(value) for value in found if isinstance(value, str | int | float)]
    for reference in find(resource, "prescription") if shape.also else []:
        order = world.other(reference) if isinstance(reference, dict) else None
        if order and order.get("medicationCodeableConcept"):
            told += filter(None, concept(order["medicationCodeableConcept"], "prescription"))
    return told


def _coded(entry: Entry, shape: Shape, world: World) -> tuple[str | None, str | None]:
    for path in shape.code:
        found = find(entry.resource, path)
        if not found:
            continue
        first = found[0]
        if not isinstance(first, dict):
            raise ShapeError(f"{path} is not an object")
        if path.endswith("Reference"):
            medication = _medication(entry, first, world)
            return medication if medication[1] else (medication[0], text(first, "display"))
        if "code" in first and "coding" not in first:  # a Coding where others have a concept
            return code_of(first), text(first, "display")
        return concept(first, path)
    return None, None


def _medication(entry: Entry, reference: Node, world: World) -> tuple[str | None, str | None]:
    target = text(reference, "reference") or ""
    medication = world.other(reference)
    if target.startswith("#"):
        inside = nodes(entry.resource, "contained")
        medication = next((c for c in inside if c.get("id") == target[1:]), None)
    if medication is None or "code" not in medication:
        if not text(reference, "display"):
            raise ShapeError("medicationReference resolves to no Medication in this bundle")
        return None, None
    return concept(medication["code"], "Medication.code")


def _denied(resource: Node) -> str | None:
    """Return the code under which something that did not happen is kept."""
    if text(resource, "status") in {"not-done", "not-taken", "cancelled", "noshow", "planned"}:
        return NOT_DONE
    if resource.get("doNotPerform") is True:
        return NOT_DONE
    return REFUTED if "refuted" in find(resource, "verificationStatus.coding.code") else None


def _value(resource: Node, shape: Shape, words: str | None) -> Value:
    value = value_of(resource) if shape.fact else None
    if value is not None:
        return value
    said = find(resource, shape.words) if shape.words else []
    if said and not isinstance(said[0], str):
        raise ShapeError(f"{shape.words} is not a string")
    dose = find(resource, "dosageInstruction.doseAndRate.doseQuantity")[:1]
    amount = value_of({"valueQuantity": dose[0]}) if dose else None
    if amount is not None:
        return Value(amount.number, words, amount.unit)
    return Value(text=said[0] if said else words)


def _components(resource: Node, at: int | None) -> Iterator[Fact]:
    for part in nodes(resource, "component"):
        if not part.get("code"):
            raise ShapeError("component.code is missing")
        code, words = concept(part["code"], "component.code")
        value = value_of(part)
        yield at, code or OWN + "fhir.component", value or Value(text=words)


def _reasons(resource: Node, at: int | None) -> Iterator[Fact]:
    """Yield what kind of visit it was and why: the reason in words that are not a diagnosis's."""
    for path in ("type", "reasonCode"):
        for item in find(resource, path):
            code, words = concept(item, path)
            if code or words:
                told = f"reason: {words or code}" if path == "reasonCode" else words
                yield at, code or f"{OWN}fhir.{path}", Value(text=told)


def _answers(resource: Node, at: int | None) -> Iterator[Fact]:
    form = text(resource, "questionnaire")
    answered = list(_questions(nodes(resource, "item"), 0))
    for code, value in answered:
        yield at, code, value
    if not answered:
        yield at, OWN + "fhir.QuestionnaireResponse", Value(text=form)


def _questions(items: list[Node], depth: int) -> Iterator[tuple[str, Value]]:
    if depth > MAX_DEPTH:
        raise ShapeError(f"questions are nested deeper than {MAX_DEPTH}")
    for item in items:
        code = _question_code(item)
        for answer in nodes(item, "answer"):
            value = value_of(answer)
            if value is not None:
                yield code, value
            yield from _questions(nodes(answer, "item"), depth + 1)
        yield from _questions(nodes(item, "item"), depth + 1)


def _question_code(item: Node) -> str:
    """LOINC's own forms have the item's code at the end of the link id: "/44250-9"."""
    link = text(item, "linkId")
    if link is None:
        raise ShapeError("an item has no linkId")
    last = link.rpartition("/")[2]
    if is_loinc(last):
        return LOINC + last
    return OWN + "question." + re.sub(r"[^A-Za-z0-9._-]", "_", link)[:80]


def _documents(resource: Node, at: int | None, zone: str) -> Iterator[Fact]:
    if at is None:
        found = find(resource, "context.period.start")
        at = time_us(found[0], "context.period.start", zone) if found else None
    notes = list(_notes(find(resource, "content.attachment"), at))
    if notes:
        yield from notes
        return
    code, words = concept(resource["type"], "type") if resource.get("type") else (None, None)
    told = " ".join(part for part in (code, words) if part)
    yield at, OWN + "fhir.DocumentReference", Value(text=f"{told} (no text inside)".strip())


def _notes(attachments: list[Any], at: int | None) -> Iterator[Fact]:
    for attachment in attachments:
        if not isinstance(attachment, dict):
            raise ShapeError("attachment is not an object")
        data, kind = text(attachment, "data"), text(attachment, "contentType") or "text/plain"
        if data is None or not kind.startswith("text/"):
            continue
        charset = re.search(r"charset=([\w-]+)", kind, re.IGNORECASE)
        try:
            raw = base64.b64decode(data, validate=True)
            words = raw.decode(charset.group(1) if charset else "utf-8")
        except (binascii.Error, ValueError, LookupError):
            raise ShapeError("attachment.data is not text in base64 of the given charset") from None
        if words.strip():
            yield at, NOTE, Value(text=words.strip())


def _length_of_stay(resource: Node, zone: str) -> float | None:
    """Return how long an encounter lasted [d]; None if it has not ended."""
    period = node(resource, "period") or {}
    start, end = text(period, "start"), text(period, "end")
    if start is None or end is None:
        return None
    first, last = (time_us(t, "period", zone) for t in (start, end))
    if last < first:
        raise ShapeError("period ends before it starts")
    return (last - first) / DAY_US
