"""FHIR R4 Consent, in and out: what a person allowed, with its exceptions.

A Consent is read as one decision for its root provision and one for each nested provision, which
is an exception to the one above it: it was decided a microsecond later, so that it overrules it.
No permit outlasts what it is an exception to. What a decision cannot hold is refused whole: half of
a consent would be another consent. One that is inactive or was entered in error is a refusal of the
same instant, which outdoes the permit that the same Consent was before. With `meta.lastUpdated` the
decisions carry which writing of which Consent they are, so that one that is narrowed where it
stands takes the rest back.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from euthymia.ground.audit import Purpose
from euthymia.ground.clock import DAY_US, from_micros
from euthymia.ground.codes import (
    CATEGORY_SYSTEM,
    LABEL_SYSTEM,
    PURPOSE_SYSTEM,
    STREAM_SYSTEM,
)
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Grant
from euthymia.ground.schemas import STREAMS
from euthymia.ground.scope import SECURITY_LABELS, Category, Label, Scope
from euthymia.sources.fhir_people import Entry
from euthymia.sources.fhir_values import time_us
from euthymia.sources.json_tree import Node, ShapeError, day_of, node, nodes, text

DEEPEST: Final = 3  # exceptions to exceptions; deeper ones nobody could explain to the person
UNKNOWN: Final = "not on record"
"""What is written where R4 asks for a text and we know of none."""
OUR_OWN: Final = "CST"
"""The actor role "custodian": the clinic itself, which is no recipient."""

_HL7_PURPOSES: Final = {"TREAT": Purpose.CARE, "HRESCH": Purpose.RESEARCH}
_RESOURCE_TYPES: Final = "http://hl7.org/fhir/resource-types"
_OF_TYPE: Final = {
    "DocumentReference": Category.NOTES,
    "QuestionnaireResponse": Category.ANSWERS,
    **dict.fromkeys(
        ("Observation", "Condition", "MedicationRequest", "Encounter", "Procedure"),
        Category.RECORDS,
    ),
}
_NOT_HELD: Final = ("action", "code", "data", "dataPeriod", "modifierExtension")
_OVER: Final = frozenset({"inactive", "entered-in-error"})
"""Taken back, or never meant: it permits nothing from its beginning on, and without an end."""
_UNCONFIDENTIAL: Final = frozenset({"U", "L", "M", "N", "R", "V"})
"""HL7 v3 Confidentiality codes: how secret, not of what kind; nothing more is asked for them."""


def grants_of(entry: Entry, who: SourceId, zone: str) -> Iterator[Grant]:
    """Yield the decisions of a Consent.

    Raises
    ------
    ShapeError
        If it is not of its shape, or says more than decisions can hold. Nothing is then taken.
    """
    consent = entry.resource
    status = text(consent, "status")
    if status not in {"active", "rejected", *_OVER}:
        raise ShapeError(
            "Consent.status is neither active, rejected, inactive nor entered-in-error: it is not "
            "in force yet"
        )
    for place in ("implicitRules", "modifierExtension"):
        if consent.get(place):
            raise ShapeError(f"Consent.{place} changes what it says, and is not understood")
    root = node(consent, "provision") or {}
    decided = time_us(_dated(consent, root), "Consent.dateTime", zone)
    said = text(node(consent, "sourceReference") or {}, "display") or "FHIR Consent"
    because = "" if said == UNKNOWN else said
    version, (form, revised) = _version(consent), _writing(consent, who, zone)
    found = []
    for depth, provision, purposes, (at, ends) in _provisions(consent, root, zone):
        permit = text(provision, "type") == "permit" and status == "active"
        if permit and depth and ends is not None and ends <= at:
            continue  # an exception of another time than what it is an exception to
        last = None if ends is None or status in _OVER else from_micros(ends)
        decision = Grant(entry.row, who, purposes, permit, from_micros(at), last, because)
        decision = replace(decision, scope=_scope(provision), version=version)
        told = None if at == decided + depth else from_micros(decided + depth)
        found.append(replace(decision, form=form, revised=revised, told=told))
    yield from found


class _Over(NamedTuple):
    """What holds for a provision that does not say: purposes and time of the one above it."""

    purposes: tuple[Purpose, ...]
    begins: int
    ends: int | None


def _provisions(
    consent: Node, provision: Node, zone: str, above: _Over | None = None, depth: int = 0
) -> Iterator[tuple[int, Node, tuple[Purpose, ...], tuple[int, int | None]]]:
    """Yield (depth, provision, purposes, time in force), what is above before what is under it.

    A provision without purposes or period has those above it. It begins no earlier than the one
    above, and a permit ends no later.
    """
    if text(provision, "type") not in {"permit", "deny"}:
        raise ShapeError("Consent.provision.type is neither permit nor deny")
    limited = [name for name in _NOT_HELD if provision.get(name)]
    if limited:
        raise ShapeError(
            f"Consent.provision is limited by {', '.join(limited)}, which is not understood: "
            "nothing of it was taken; state it by purpose, class, securityLabel, actor and period"
        )
    if depth > DEEPEST:
        raise ShapeError(f"Consent.provision is nested more than {DEEPEST} deep")
    codings = nodes(provision, "purpose")
    purposes = above.purposes if above and not codings else _purposes(codings)
    if above is None or node(provision, "period"):
        begins, ends = _in_force(consent, provision, zone)
    else:
        begins, ends = above.begins, above.ends
    most = ends
    if above is not None:
        begins = max(begins, above.begins + 1)
        if above.ends is not None:
            most = above.ends if ends is None else min(ends, above.ends)
        if ends is not None and ends <= begins:
            return  # it was over before what it is an exception to begins, with all under it
    permit = text(provision, "type") == "permit"
    yield depth, provision, purposes, (begins, most if permit else ends)
    for exception in nodes(provision, "provision"):
        own = _Over(purposes, begins, most)
        yield from _provisions(consent, exception, zone, own, depth + 1)


def _purposes(codings: list[Node]) -> tuple[Purpose, ...]:
    found: list[Purpose] = []
    for coding in codings:
        code = text(coding, "code") or ""
        if text(coding, "system") == PURPOSE_SYSTEM and code in set(Purpose):
            found.append(Purpose(code))
        elif code in _HL7_PURPOSES:
            found.append(_HL7_PURPOSES[code])
    if not found or len(found) < len(codings):
        raise ShapeError(
            "Consent.provision.purpose is not made of care, monitoring, research and training "
            f"({PURPOSE_SYSTEM})"
        )
    return tuple(dict.fromkeys(found))


def _in_force(consent: Node, provision: Node, zone: str) -> tuple[int, int | None]:
    """Return from when to when; a period that ends with a date includes that day."""
    period = node(provision, "period") or {}
    since = text(period, "start") or _dated(consent, provision)
    end = text(period, "end")
    until = None
    if end is not None:
        whole_day = day_of(end) is not None and len(end) == 10
        until = time_us(end, "Consent.provision.period.end", zone) + (DAY_US if whole_day else 0)
    return time_us(since, "Consent.dateTime", zone), until


def _dated(consent: Node, provision: Node) -> str:
    """Return when it was decided: dateTime, or without one when it begins."""
    said = text(consent, "dateTime") or text(node(provision, "period") or {}, "start")
    if said is None:
        raise ShapeError("Consent.dateTime is missing")
    return said


def _writing(consent: Node, who: SourceId, zone: str) -> tuple[str, datetime | None]:
    """Return which Consent this is and when it was written so; both or neither."""
    name, at = text(consent, "id"), text(node(consent, "meta") or {}, "lastUpdated")
    if name is None or at is None:
        return "", None
    at_us = time_us(at, "Consent.meta.lastUpdated", zone)
    return f"{who.system} {name}", from_micros(at_us)


def _version(consent: Node) -> str:
    """Return which text was agreed to, as far as the resource says."""
    rule = text(node(consent, "policyRule") or {}, "text") or ""
    uris = [uri for policy in nodes(consent, "policy") if (uri := text(policy, "uri"))]
    return ("" if rule == UNKNOWN else rule) or " ".join(uris)


def _scope(provision: Node) -> Scope | None:
    streams, categories = _data(nodes(provision, "class"))
    scope = Scope(
        streams,
        categories,
        _labels(nodes(provision, "securityLabel")),
        _recipients(nodes(provision, "actor")),
    )
    return scope or None


def _data(codings: list[Node]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    streams, categories = set(), set()
    for coding in codings:
        system, code = text(coding, "system"), text(coding, "code") or ""
        if system == STREAM_SYSTEM and code in STREAMS:
            streams.add(code)
        elif system == CATEGORY_SYSTEM and code in set(Category):
            categories.add(code)
        elif system == _RESOURCE_TYPES and code in _OF_TYPE:
            categories.add(_OF_TYPE[code].value)
        else:
            raise ShapeError(
                "Consent.provision.class names neither a stream nor a category of ours "
                f"({STREAM_SYSTEM}, {CATEGORY_SYSTEM}: {', '.join(Category)})"
            )
    return tuple(sorted(streams)), tuple(sorted(categories))


def _labels(codings: list[Node]) -> tuple[str, ...]:
    found = set()
    for coding in codings:
        system, code = text(coding, "system"), text(coding, "code") or ""
        if system == LABEL_SYSTEM and code in set(Label):
            found.add(code)
        elif code in SECURITY_LABELS:
            found.add(SECURITY_LABELS[code].value)
        elif code not in _UNCONFIDENTIAL:
            raise ShapeError(
                "Consent.provision.securityLabel is none that is protected here "
                f"({LABEL_SYSTEM}: {', '.join(Label)})"
            )
    return tuple(sorted(found))


def _recipients(actors: list[Node]) -> tuple[str, ...]:
    found = set()
    for actor in actors:
        roles = [text(c, "code") for c in nodes(node(actor, "role") or {}, "coding")]
        if OUR_OWN in roles:
            continue
        reference = node(actor, "reference") or {}
        name = text(reference, "display") or text(reference, "reference")
        if name is None:
            raise ShapeError("Consent.provision.actor names nobody")
        found.add(name)
    return tuple(sorted(found))


# -- out -------------------------------------------------------------------------------------------


def consent_resource(grant: Grant) -> dict[str, Any]:
    """Return a decision as an R4 Consent, which reads back as the same decision."""
    scope = grant.scope or Scope()
    at, told = _instant(grant.at), _instant(grant.told or grant.at)
    period = {"start": at} | ({} if grant.until is None else {"end": _instant(grant.until)})
    purpose = [{"system": PURPOSE_SYSTEM, "code": purpose.value} for purpose in grant.purposes]
    provision: dict[str, Any] = {"type": "permit" if grant.permit else "deny", "period": period}
    provision |= _actors(scope) | {"purpose": purpose} | _limits(scope)
    return {
        "resourceType": "Consent",
        "id": f"consent-{grant.row}",
        "status": "active",
        "scope": _coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [_coded("http://loinc.org", "59284-0")],
        "patient": {"identifier": {"system": grant.who.system, "value": grant.who.value}},
        "dateTime": told,
        "policyRule": {"text": grant.version or UNKNOWN},
        "sourceReference": {"display": grant.because or UNKNOWN},
        "provision": provision,
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _actors(scope: Scope) -> dict[str, Any]:
    role = _coded("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PRCP")
    actors = [{"role": role, "reference": {"display": name}} for name in scope.recipients]
    return {"actor": actors} if actors else {}


def _limits(scope: Scope) -> dict[str, Any]:
    data = [{"system": STREAM_SYSTEM, "code": code} for code in scope.streams]
    data += [{"system": CATEGORY_SYSTEM, "code": code} for code in scope.categories]
    labels = [{"system": LABEL_SYSTEM, "code": code} for code in scope.labels]
    return ({"securityLabel": labels} if labels else {}) | ({"class": data} if data else {})
