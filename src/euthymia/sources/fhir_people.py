"""FHIR R4: who is who in a bundle. Patients become Persons, consents Grants, references people."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from euthymia.ground.clock import is_zone
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Directory, Person
from euthymia.sources.contract import Context
from euthymia.sources.fhir_values import concept, find
from euthymia.sources.json_tree import (
    Node,
    ShapeError,
    calendar_day,
    node,
    nodes,
    text,
    truth,
)

MRN_SYSTEM: Final = "urn:euthymia:mrn"
USER_SYSTEM: Final = "urn:euthymia:user"
TIME_ZONE: Final = "http://hl7.org/fhir/StructureDefinition/timezone"
_US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_UUID_SYSTEM: Final = "urn:ietf:rfc:4122"
TEST_DATA: Final = ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST")
"""The coding by which FHIR marks a resource that is about nobody."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource of a file: its row, where it stands in words, and its full URL."""

    row: int
    place: str
    resource: Node
    full_url: str | None = None

    @property
    def kind(self) -> str:
        """The resource type; empty if it has none."""
        kind = self.resource.get("resourceType")
        return kind if isinstance(kind, str) else ""

    def names(self) -> Iterable[str]:
        """Return every reference under which other resources may speak of this one."""
        identity = self.resource.get("id")
        if self.full_url:
            yield self.full_url
        if isinstance(identity, str) and identity:
            yield f"{self.kind}/{identity}"
            if _UUID.fullmatch(identity):
                yield f"urn:uuid:{identity}"


@dataclass(slots=True)
class World:
    """What the resources of one file say about each other.

    Filled before the clinical resources are read, because a reference may point forward.
    """

    context: Context
    patients: dict[str, SourceId | None] = field(default_factory=dict)  # None: two have this name
    zones: dict[SourceId, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)  # references of patients that were refused
    others: dict[str, Node] = field(default_factory=dict)

    def note_patient(self, entry: Entry, person: Person, primary: SourceId) -> None:
        """Remember a patient under all its names."""
        for name in entry.names():
            known = self.patients.setdefault(name, primary)
            if known != primary:
                self.patients[name] = None
        if person.time_zone and is_zone(person.time_zone):
            self.zones[primary] = person.time_zone

    def zone(self, who: SourceId) -> str:
        """Return the zone in which dates and wall-clock times of this person are read."""
        return self.zones.get(who) or self.context.zone_for(who)

    def resolve(self, reference: Node, name: str, holder: Node) -> SourceId:
        """Return the person that a reference in the resource `holder` means.

        Raises
        ------
        ShapeError
            If it means nobody in this file and does not name an identifier itself.
        """
        target = text(reference, "reference")
        if target is None:
            return _by_identifier(node(reference, "identifier"), name)
        if target.startswith("#"):
            return _contained(holder, target[1:], name)
        target = target.partition("/_history/")[0]
        if target.startswith("Patient?identifier="):
            system, bar, value = target.partition("=")[2].partition("|")
            if bar and system and value:
                return SourceId(system, value)
        for candidate in _spellings(target):
            if candidate in self.refused:
                raise ShapeError("the patient it belongs to was refused in this file")
            if candidate in self.patients:
                who = self.patients[candidate]
                if who is None:
                    raise ShapeError(f"{name} reference fits two different patients of this file")
                return who
        raise ShapeError(
            f"{name} reference resolves to no Patient in this bundle: send the Patient with it, "
            "or name who it is by an identifier"
        )

    def other(self, reference: Node | None) -> Node | None:
        """Return the practitioner, organisation or medication that a reference means."""
        target = text(reference, "reference") if reference else None
        if target is None:
            return None
        return next((self.others[s] for s in _spellings(target) if s in self.others), None)


def _spellings(target: str) -> list[str]:
    short = re.search(r"([A-Za-z]+/[A-Za-z0-9.-]{1,64})$", target)
    return [target, short.group(1)] if short and "://" in target else [target]


def _contained(holder: Node, identity: str, name: str) -> SourceId:
    """Return the identifier of a Patient held inside the resource that speaks of it.

    Nothing else of it is taken: a person's details come from a Patient of its own.
    """
    inside = next((r for r in nodes(holder, "contained") if text(r, "id") == identity), None)
    if inside is None or text(inside, "resourceType") != "Patient":
        raise ShapeError(f"{name} reference points inside the resource, where no such Patient is")
    try:
        return _identifiers(inside | {"id": None})[1]  # its id means nothing outside
    except ShapeError:
        raise ShapeError(
            f"the contained Patient that {name} means has no identifier with a system and a value: "
            "add its record number, or send the Patient as a resource of its own"
        ) from None


def _by_identifier(identifier: Node | None, name: str) -> SourceId:
    system, value = (
        (text(identifier, "system"), text(identifier, "value")) if identifier else (0, 0)
    )
    if not isinstance(system, str) or not isinstance(value, str):
        raise ShapeError(f"{name} names no patient: it needs a reference or an identifier")
    return SourceId(system, value)


# -- Patient ---------------------------------------------------------------------------------------


def person_of(entry: Entry, world: World) -> tuple[Person, SourceId]:
    """Return a Patient as a Person, and the identifier its facts are filed under."""
    patient = entry.resource
    identifiers, primary, former = _identifiers(patient)
    birth_date = text(patient, "birthDate")
    born = calendar_day(birth_date, "birthDate") if birth_date else None
    extensions = nodes(patient, "extension")
    address = nodes(patient, "address")
    names = _names(nodes(patient, "name"))
    zone = next((e for e in extensions if text(e, "url") == TIME_ZONE), {})
    died = text(patient, "deceasedDateTime")
    person = Person(
        row=entry.row,
        identifiers=identifiers,
        name=names[0] if names else None,
        other_names=names[1:],
        birth_date=born,
        birth_year=int(birth_date[:4]) if birth_date and born is None else None,
        sex=text(patient, "gender"),
        address=_address(address[0]) if address else None,
        telecom=tuple(v for t in nodes(patient, "telecom") if (v := text(t, "value"))),
        language=_language(nodes(patient, "communication")),
        race=_us_core(extensions, "race"),
        ethnicity=_us_core(extensions, "ethnicity"),
        site=_site(node(patient, "managingOrganization"), world),
        time_zone=text(zone, "valueCode") or text(zone, "valueString"),
        deceased=True if died else truth(patient, "deceasedBoolean"),
        deceased_on=calendar_day(died[:10], "deceasedDateTime") if died else None,
        care_team=tuple(
            user for p in nodes(patient, "generalPractitioner") if (user := _user(p, world))
        ),
        synthetic=_is_test_data(node(patient, "meta")),
        former=former,
    )
    return person, primary


def merged_with(patient: Node, world: World) -> tuple[SourceId, ...]:
    """Return whom `Patient.link` calls the same person, as far as this file tells who it is."""
    found: dict[SourceId, None] = {}
    for link in nodes(patient, "link"):
        with suppress(ShapeError):
            found[world.resolve(node(link, "other") or {}, "link.other", patient)] = None
    return tuple(found)


def _is_test_data(meta: Node | None) -> bool:
    labels = [label for name in ("tag", "security") for label in nodes(meta or {}, name)]
    return any((text(label, "system"), text(label, "code")) == TEST_DATA for label in labels)


def _identifiers(patient: Node) -> tuple[tuple[SourceId, ...], SourceId, tuple[SourceId, ...]]:
    """Return all identifiers, the primary one, and those that are out of use.

    Primary is the medical record number, else the first; one out of use if there is no other.
    """
    found: list[tuple[bool, bool, SourceId]] = []
    for identifier in nodes(patient, "identifier"):
        system, value = text(identifier, "system"), text(identifier, "value")
        if system is None or value is None:
            continue
        is_mrn = system == MRN_SYSTEM or "MR" in find(identifier, "type.coding.code")
        found.append((text(identifier, "use") == "old", not is_mrn, SourceId(system, value)))
    identity = text(patient, "id")
    if not found and identity and _UUID.fullmatch(identity):
        found.append((False, True, SourceId(_UUID_SYSTEM, identity.lower())))
    if not found:
        raise ShapeError(
            "Patient has no identifier with a system and a value; add its record number"
        )
    ordered = tuple(dict.fromkeys(who for *_, who in found))
    in_use = {who for old, _, who in found if not old}
    primary = min(found, key=lambda one: one[:2])[2]
    return ordered, primary, tuple(who for who in ordered if who not in in_use)


def _name(name: Node) -> str:
    parts = [p for p in [*find(name, "given"), name.get("family")] if p is not None]
    if not all(isinstance(part, str) for part in parts):
        raise ShapeError("name.given or name.family is not a string")
    return text(name, "text") or " ".join(parts)


def _names(names: list[Node]) -> tuple[str, ...]:
    """Return each name once, the official one first; empty ones are left out."""
    ordered = sorted(names, key=lambda n: n.get("use") != "official")
    return tuple(dict.fromkeys(said for name in ordered if (said := _name(name))))


def _address(address: Node) -> str | None:
    parts = [*find(address, "line")]
    parts += [address.get(key) for key in ("postalCode", "city", "state", "country")]
    if not all(isinstance(part, str) for part in parts if part is not None):
        raise ShapeError("address has a part that is not a string")
    return text(address, "text") or ", ".join(part for part in parts if part) or None


def _language(spoken: list[Node]) -> str | None:
    if not spoken:
        return None
    preferred = min(spoken, key=lambda s: s.get("preferred") is not True)
    codes = [c for c in find(preferred, "language.coding.code") if isinstance(c, str)]
    return codes[0] if codes else text(node(preferred, "language") or {}, "text")


def _us_core(extensions: list[Node], what: str) -> str | None:
    for extension in extensions:
        if text(extension, "url") != _US_CORE + what:
            continue
        inside = nodes(extension, "extension")
        for part in inside:
            if text(part, "url") == "ombCategory":
                return text(node(part, "valueCoding") or {}, "display")
        return next((text(p, "valueString") for p in inside if text(p, "url") == "text"), None)
    return None


def _site(reference: Node | None, world: World) -> str | None:
    if reference is None:
        return None
    organisation = world.other(reference)
    return text(reference, "display") or (text(organisation, "name") if organisation else None)


def _user(reference: Node, world: World) -> str | None:
    """Return the practitioner's user name here, else an identifier of theirs."""
    practitioner = world.other(reference)
    pairs = [
        (text(identifier, "system"), text(identifier, "value"))
        for identifier in nodes(practitioner or reference, "identifier" if practitioner else "_")
    ]
    named = [value for system, value in pairs if system == USER_SYSTEM and value]
    rest = [f"{system}|{value}" for system, value in pairs if system and value]
    return next(iter([*named, *rest]), None)


# -- the clinic ------------------------------------------------------------------------------------


def directory_of(entry: Entry) -> Directory:
    """Return a resource about the clinic, not a patient."""
    resource, kind = entry.resource, entry.kind
    identifiers: Any = resource.get("identifier") or []
    if isinstance(identifiers, dict):
        identifiers = [identifiers]
    pairs = [(i.get("system"), i.get("value")) for i in identifiers if isinstance(i, dict)]
    known = [SourceId(s, v) for s, v in pairs if isinstance(s, str) and isinstance(v, str)]
    identity = text(resource, "id") or entry.full_url or entry.place
    identifier = known[0] if known else SourceId(f"urn:fhir:{kind}", identity)
    return Directory(entry.row, kind, identifier, _directory_name(resource, kind))


def _directory_name(resource: Node, kind: str) -> str:
    """Return the name; not of a `Person` or the like, who may be a patient under another name."""
    if kind == "Practitioner":
        return next(iter(_names(nodes(resource, "name"))), "")
    if kind in {"Organization", "Location", "HealthcareService"}:
        return text(resource, "name") or ""
    if kind in {"Medication", "Substance"}:
        return (concept(resource["code"], "code")[1] or "") if resource.get("code") else ""
    return ""
