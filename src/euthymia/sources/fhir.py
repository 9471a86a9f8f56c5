"""FHIR R4: bundles (JSON) and bulk exports (NDJSON), each resource one row."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Final

import msgspec
import pyarrow as pa

from euthymia.ground.clock import from_micros
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Item, Person, Reject, Retracted, Zone
from euthymia.sources.blob import MiB
from euthymia.sources.contract import IDENTITIES_FIRST, Opened, Source
from euthymia.sources.fhir_consent import grants_of
from euthymia.sources.fhir_facts import add_facts, patient_reference
from euthymia.sources.fhir_people import Entry, World, directory_of, merged_with, person_of
from euthymia.sources.fhir_types import R4_TYPES
from euthymia.sources.fhir_values import find, time_us
from euthymia.sources.fhir_writing import KEEPS_NO_RECORD, deleted, in_error, taken_back
from euthymia.sources.json_tree import Node, ShapeError, decode, text
from euthymia.sources.lines import Gap, blocks
from euthymia.sources.shapes import FLUSH_AT, Facts

MAX_BUNDLE: Final = 512 * MiB
_SCHEMA_WORD: Final = re.compile(r"[A-Za-z]{1,40}")
_BUNDLE: Final = b'"Bundle"'
_TYPE_IN_LINE: Final = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]+)"')
_REFERRED_TO: Final = {
    *("Patient", "Practitioner", "Organization", "Medication", "MedicationRequest"),
}
_ZONE_CODE: Final = ("urn:euthymia:code", "time-zone")


@dataclass(frozen=True, slots=True)
class _Bad:
    """An entry that holds no resource, and why."""

    row: int
    reason: str


def _is_lines(path: PurePath) -> bool:
    return path.suffix.lower() in {".ndjson", ".jsonl"}


def _recognise(_path: PurePath, head: bytes) -> float:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    begins = re.match(rb"(\[\s*)?\{", start)
    return 0.9 if begins and b'"resourceType"' in start[:4096] else 0.0


def _group(path: PurePath) -> str | None:
    """Take the NDJSON files of a folder together: a bulk export's files refer to each other."""
    return str(path.parent) if _is_lines(path) else None


def _read(opened: Opened) -> Iterator[Item]:
    if _is_lines(opened.path):
        first = _lines(opened, only_referred=True)
        yield from _items(opened, list(first), _lines(opened))
    else:
        entries = list(_bundle(opened))
        yield from _items(opened, entries, iter(entries))


# -- entries ---------------------------------------------------------------------------------------


def _bundle(opened: Opened) -> Iterator[Entry | Retracted | _Bad]:
    data = opened.blob.whole(MAX_BUNDLE)
    top = decode(data)
    if isinstance(top, list):  # resources without a Bundle around them
        top = {"resourceType": "Bundle", "entry": [{"resource": item} for item in top]}
    if not isinstance(top, dict):
        raise SourceError("the file is not a FHIR resource: it does not begin with an object")
    if top.get("resourceType") == "Parameters":
        top = _answered(top)
    if top.get("resourceType") != "Bundle":
        yield Entry(1, "the resource", top)
        return
    entries = top.get("entry", [])
    if not isinstance(entries, list):
        raise SourceError("Bundle.entry is not a list; nothing of this file was stored")
    for row, given in enumerate(entries, 1):
        entry = given if isinstance(given, dict) else {}
        resource = entry.get("resource")
        if _deletes(entry):
            yield _deleted(row, f"entry {row}", entry)
            continue
        if not isinstance(resource, dict):
            yield _Bad(row, f"entry {row}: it holds no resource")
            continue
        url = entry.get("fullUrl")
        yield Entry(row, f"entry {row}", resource, url if isinstance(url, str) else None)


def _deletes(entry: Node) -> bool:
    request = entry.get("request")
    return isinstance(request, dict) and request.get("method") == "DELETE"


def _deleted(row: int, place: str, entry: Node) -> Retracted | _Bad:
    asks = f"{place}: it asks for a deletion; use `euthymia erase`"
    return deleted(row, entry) or _Bad(row, asks)


def _answered(top: Node) -> Node:
    """Return the answer of an operation as a Bundle of what it holds; as it is if it holds none."""
    found: list[object] = []
    for part in find(top, "parameter"):
        resource = part.get("resource") if isinstance(part, dict) else None
        if resource is None:
            continue
        held = resource if isinstance(resource, dict) else {}
        inside = held.get("entry") if held.get("resourceType") == "Bundle" else None
        if isinstance(inside, list):
            found += inside
        else:
            found.append({"resource": resource})
    return {"resourceType": "Bundle", "entry": found} if found else top


def _lines(opened: Opened, *, only_referred: bool = False) -> Iterator[Entry | Retracted | _Bad]:
    """Yield each line as an Entry or _Bad; with `only_referred`, those that others point to.

    A line of a bulk export's `deleted` files is a Bundle of deletions: each of them is a row.
    """
    row = 0
    for part in opened.parts:
        label = f"{part.path.name}: " if len(opened.parts) > 1 else ""
        try:
            for found in blocks(part.blob):
                if isinstance(found, Gap):
                    row += 1
                    if not only_referred:
                        yield _Bad(row, label + found.reason)
                    continue
                for line, raw in enumerate(found.data.split(b"\n")[:-1], found.line):
                    if not raw.strip():
                        continue
                    gone = _deletions(raw) if _BUNDLE in raw else []
                    if gone:
                        where = f"{label}line {line}"
                        if not only_referred:
                            yield from (_deleted(row + n, where, e) for n, e in enumerate(gone, 1))
                        row += len(gone)
                        continue
                    row += 1
                    if not only_referred or _is_referred(raw):
                        yield _line(row, f"{label}line {line}", raw)
        except SourceError as problem:
            row += 1
            if not only_referred:
                yield _Bad(row, f"{label}{problem}")


def _deletions(raw: bytes) -> list[Node]:
    """Return the entries of a Bundle that holds nothing but deletions; none of any other."""
    try:
        held = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    entries = held.get("entry") if isinstance(held, dict) else None
    if not isinstance(entries, list) or held.get("resourceType") != "Bundle":
        return []
    good = [entry for entry in entries if isinstance(entry, dict) and _deletes(entry)]
    return good if len(good) == len(entries) else []


def _is_referred(raw: bytes) -> bool:
    return any(kind.decode() in _REFERRED_TO for kind in _TYPE_IN_LINE.findall(raw))


def _line(row: int, place: str, raw: bytes) -> Entry | _Bad:
    try:
        resource = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Bad(row, f"{place}: it is not one JSON object")
    if not isinstance(resource, dict):
        return _Bad(row, f"{place}: it is not one JSON object")
    return Entry(row, place, resource)


# -- items -----------------------------------------------------------------------------------------


def _items(
    opened: Opened,
    first: Sequence[Entry | Retracted | _Bad],
    entries: Iterator[Entry | Retracted | _Bad],
) -> Iterator[Item]:
    world = World(opened.context)
    referred = [e for e in first if isinstance(e, Entry) and e.kind in _REFERRED_TO]
    for other in referred:
        if other.kind != "Patient":
            world.others.update((name, other.resource) for name in other.names())
    patients = [e for e in referred if e.kind == "Patient"]
    read = [_person(e, world) for e in patients]
    pairs = zip(patients, read, strict=True)
    persons = {e.row: _linked(e, person, world) for e, person in pairs}
    facts = Facts(SOURCE.name)
    for entry in entries:
        if isinstance(entry, _Bad):
            yield Reject(entry.row, entry.reason)
        elif isinstance(entry, Retracted):
            yield entry
        elif entry.row in persons:
            yield persons.pop(entry.row)
        else:
            yield from _item(entry, world, facts)
        if len(facts) >= FLUSH_AT:
            yield from facts.take()
    yield from facts.take()


def _person(entry: Entry, world: World) -> Item:
    try:
        person, primary = person_of(entry, world)
    except ShapeError as problem:
        world.refused.update(entry.names())
        return Reject(entry.row, f"{entry.place}: {problem}")
    world.note_patient(entry, person, primary)
    return person


def _linked(entry: Entry, person: Item, world: World) -> Item:
    """Note with whom a patient was merged, which a patient further on in the file may be."""
    if not isinstance(person, Person) or not entry.resource.get("link"):
        return person
    return replace(person, merged=merged_with(entry.resource, world))


def _item(entry: Entry, world: World, facts: Facts) -> Iterator[Item]:
    """Yield the item of one resource, or add its observations to `facts`."""
    who = None
    try:
        _check_type(entry)
        if in_error(entry.resource) and entry.kind not in KEEPS_NO_RECORD:
            yield _taken_back(entry, world)
            return
        reference = patient_reference(entry)
        if reference is None:
            yield directory_of(entry)
            return
        name = "patient" if "patient" in entry.resource else "subject"
        who = world.resolve(reference, name, entry.resource)
        if entry.kind == "Consent":
            yield from grants_of(entry, who, world.zone(who))
        elif entry.kind == "Observation" and _is_zone(entry.resource):
            yield _zone(entry, who, world)
        else:
            add_facts(entry, who, world, facts)
    except ShapeError as problem:
        yield Reject(entry.row, f"{entry.place}: {problem}", who=who)


def _taken_back(entry: Entry, world: World) -> Item:
    """Return that a record is taken back; one that a resource without a patient is goes on."""
    if _is_zone(entry.resource):
        raise ShapeError("a time zone is not taken back: state the right one from the same instant")
    try:
        reference = patient_reference(entry)
    except ShapeError:  # it is found by its id
        reference = None
    found = taken_back(entry, reference, world)
    if found is None:
        raise ShapeError(
            "it says of itself that it was entered in error, and without an id not which record it "
            "takes back: nothing was removed"
        )
    return found if found.who is None else replace(found, said=_said(entry, found.who, world))


def _said(entry: Entry, who: SourceId, world: World) -> pa.Table | None:
    """Return what a record that never held once gave, as far as it still says so."""
    facts = Facts(SOURCE.name)
    try:
        add_facts(entry, who, world, facts)
    except ShapeError:
        return None
    return next((item.table for item in facts.take()), None)


def _check_type(entry: Entry) -> None:
    kind = entry.kind
    if kind == "Bundle":
        raise ShapeError("a Bundle inside a Bundle is not opened; ingest it as its own file")
    if kind not in R4_TYPES:
        shown = f"{kind} " if _SCHEMA_WORD.fullmatch(kind) else ""
        raise ShapeError(f"resource type {shown}is not in FHIR R4")


def _is_zone(resource: Node) -> bool:
    code = resource.get("code")
    codings = find(resource, "code.coding") if isinstance(code, dict) else []
    return any(
        isinstance(c, dict) and (c.get("system"), c.get("code")) == _ZONE_CODE for c in codings
    )


def _zone(entry: Entry, who: SourceId, world: World) -> Zone:
    zone, at = text(entry.resource, "valueString"), text(entry.resource, "effectiveDateTime")
    if zone is None or at is None:
        raise ShapeError("a time zone needs valueString and effectiveDateTime")
    return Zone(
        entry.row, who, from_micros(time_us(at, "effectiveDateTime", world.zone(who))), zone
    )


def _example(folder: Path) -> None:
    subject = {"reference": "Patient/p1"}
    loinc = {"system": "http://loinc.org", "code": "44261-6", "display": "PHQ-9 total"}
    purpose = [{"system": "urn:euthymia:purpose", "code": "monitoring"}]
    resources: list[Node] = [
        {
            "resourceType": "Patient",
            "id": "p1",
            "identifier": [{"system": "urn:euthymia:mrn", "value": "E-1001"}],
            "birthDate": "1980-02-03",
            "gender": "female",
        },
        {"resourceType": "Organization", "id": "o1", "name": "Example clinic"},
        {
            "resourceType": "Observation",
            "status": "final",
            "subject": subject,
            "code": {"coding": [loinc]},
            "effectiveDateTime": "2024-05-01T10:00:00+02:00",
            "valueInteger": 12,
        },
        {
            "resourceType": "Consent",
            "status": "active",
            "patient": subject,
            "dateTime": "2024-05-01",
            "provision": {"type": "permit", "purpose": purpose},
        },
    ]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }
    (folder / "bundle.json").write_bytes(msgspec.json.format(msgspec.json.encode(bundle)))
    lines = b"\n".join(map(msgspec.json.encode, resources))
    export = folder / "export"
    export.mkdir(parents=True)
    (export / "all.ndjson").write_bytes(lines + b"\n")


SOURCE = Source(
    name="fhir",
    title="FHIR R4",
    formats=("*.json (a Bundle, or resources)", "*.ndjson (a bulk export)"),
    recognise=_recognise,
    read=_read,
    example=_example,
    group=_group,
    order=IDENTITIES_FIRST,
)
