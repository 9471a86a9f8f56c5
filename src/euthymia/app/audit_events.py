"""The ledger as FHIR R4 AuditEvents, by the Basic Audit Log Patterns of IHE (ITI BALP 1.1).

One event an entry. Each names a BALP profile where the entry is one of its operations: create,
read, update or delete, of a patient's data or not; entries of the ledger's own (checkpoints) and
refused calls name none, because the patterns are for what succeeded. The patient stands as a
pseudonym, never by name; what an entry says beyond that stays in the ledger.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from euthymia import __version__
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import from_micros
from euthymia.ground.ids import SubjectId
from euthymia.ground.new_file import new_file
from euthymia.security.ledger_format import SYSTEM_PURPOSE
from euthymia.security.ledger_lines import LedgerLine

PROFILES: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
ENTITY_TYPES: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
INTERACTIONS: Final = "http://hl7.org/fhir/restful-interaction"
ENTRY_SYSTEM: Final = "urn:euthymia:ledger"
SUBJECT_SYSTEM: Final = "urn:euthymia:subject"

SOURCE_ROLE: Final = ("110153", "Source Role ID")
DESTINATION_ROLE: Final = ("110152", "Destination Role ID")

_VERBS: Final[Mapping[str, tuple[str, str, str]]] = {
    # the first word of an action: (BALP profile, action, restful interaction)
    "enrol": ("Create", "C", "create"),
    "append": ("Create", "C", "create"),
    "ingest": ("Create", "C", "create"),
    "store": ("Create", "C", "create"),
    "compute": ("Create", "C", "create"),
    "train": ("Create", "C", "create"),
    "release": ("Create", "C", "create"),
    "init": ("Create", "C", "create"),
    "issue": ("Create", "C", "create"),
    "commit": ("Update", "U", "update"),
    "record": ("Update", "U", "update"),
    "change": ("Update", "U", "update"),
    "accept": ("Update", "U", "update"),
    "set": ("Update", "U", "update"),
    "withdraw": ("Update", "U", "update"),
    "take": ("Update", "U", "update"),
    "rotate": ("Update", "U", "update"),
    "erase": ("Delete", "D", "delete"),
}
_READ: Final = ("Read", "R", "read")
_FLOWS: Final = {
    "Read": ((DICOM, *DESTINATION_ROLE), (DICOM, *SOURCE_ROLE)),
    "Delete": (
        (DICOM, "110150", "Application"),
        (TERMS + "provenance-participant-type", "custodian", "Custodian"),
    ),
}
"""What client and server are to each other; where not said, the client is the source."""
_OWN: Final = ("Operation", "E", "operation")
_TAKES_PART: Final[Mapping[str, tuple[str, str]]] = {
    "Read": ("IRCP", "information recipient"),
    "Operation": ("IRCP", "information recipient"),
    "Create": ("AUT", "author (originator)"),
    "Update": ("AUT", "author (originator)"),
    "Delete": ("AUT", "author (originator)"),
}
_PURPOSES: Final[Mapping[str, tuple[str, str]]] = {
    Purpose.CARE: ("TREAT", "treatment"),
    Purpose.MONITORING: ("CAREMGT", "care management"),
    Purpose.RESEARCH: ("HRESCH", "healthcare research"),
    Purpose.TRAINING: ("HRESCH", "healthcare research"),
}
_WELL: Final = {"", "answered", "abstained", "undecided"}


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [_coding(system, code, display)]}


def outcome_of(line: LedgerLine) -> str:
    """Return what an entry says came of it; empty where it was simply done."""
    return str(line.detail.get("outcome", "")) or ("refused" if "refused" in line.detail else "")


def came_about(line: LedgerLine) -> bool:
    """Tell whether what an entry names was done: what was refused has an entry too."""
    return outcome_of(line) in _WELL


def event(line: LedgerLine, ledger: str, clinic: str) -> dict[str, Any]:
    """Return one entry as an AuditEvent of that ledger and that clinic."""
    verb = line.action.split(" ", 1)[0]
    own = line.purpose == SYSTEM_PURPOSE
    profile, action, interaction = _OWN if own else _VERBS.get(verb, _READ)
    outcome = outcome_of(line)
    well = outcome in _WELL
    made: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": line.id,
        "type": _coding(TERMS + "audit-event-type", "rest", "Restful Operation"),
        "subtype": [_coding(INTERACTIONS, interaction, interaction)],
        "action": action,
        "recorded": from_micros(line.at).isoformat(timespec="microseconds"),
        "outcome": "0" if well else "4",
        "agent": _agents(line, clinic, profile),
        "source": {
            "site": clinic,
            "observer": {"display": f"Euthymia {__version__}"},
            "type": [_coding(TERMS + "security-source-type", "4", "Application Server")],
        },
        "entity": _entities(line, ledger),
    }
    if not well:
        made["outcomeDesc"] = outcome
    if well and line.purpose in _PURPOSES:
        patient = "Patient" if line.subject is not None else ""
        made["meta"] = {"profile": [f"{PROFILES}{patient}{profile}"]}
        code, display = _PURPOSES[line.purpose]
        made["purposeOfEvent"] = [_concept(TERMS + "v3-ActReason", code, display)]
    return made


def _agents(line: LedgerLine, clinic: str, profile: str) -> list[dict[str, Any]]:
    """Return client, server and user. What is read flows to the client, all else from it."""
    client, server = _FLOWS.get(profile, ((DICOM, *SOURCE_ROLE), (DICOM, *DESTINATION_ROLE)))
    inside = {"address": "127.0.0.1", "type": "2"}
    via = "command line" if line.role == "shell" else "API or pages"
    return [
        {
            "type": _concept(*client),
            "who": {"display": f"Euthymia, {via}"},
            "requestor": False,
            "network": inside,
        },
        {
            "type": _concept(*server),
            "who": {"display": f"Euthymia at {clinic}"},
            "requestor": False,
            "network": inside,
        },
        {
            "type": _concept(TERMS + "v3-ParticipationType", *_TAKES_PART[profile]),
            "who": {"identifier": {"system": "urn:euthymia:user", "value": line.actor}},
            "role": [{"text": line.role}],
            "requestor": True,
        },
    ]


def _entities(line: LedgerLine, ledger: str) -> list[dict[str, Any]]:
    """Return the entry (and the request, where it is known), the data, and the patient."""
    made: list[dict[str, Any]] = [
        {
            "what": {"identifier": {"system": ENTRY_SYSTEM, "value": f"{ledger}/{line.id}"}},
            "type": _coding(TERMS + "audit-entity-type", "2", "System Object"),
            "role": _coding(TERMS + "object-role", "4", "Domain Resource"),
            "description": line.action,
        }
    ]
    request = line.detail.get("request")
    if request:
        made.append(
            {
                "what": {"identifier": {"value": str(request)}},
                "type": {"system": ENTITY_TYPES, "code": "XrequestId"},
            }
        )
    if line.subject is not None:
        who = {"system": SUBJECT_SYSTEM, "value": str(line.subject)}
        made.append(
            {
                "what": {"type": "Patient", "identifier": who},
                "type": _coding(TERMS + "audit-entity-type", "1", "Person"),
                "role": _coding(TERMS + "object-role", "1", "Patient"),
            }
        )
    return made


def write_events(clinic: Clinic, out: Path, subject: str | None) -> int:
    """Write the entries into a new file, one event a line; the ledger says that it was done.

    Raises
    ------
    SchemaError
        If there is such a file, a link too, or it cannot be written. Nothing was done then.
    """
    who = None if subject is None else SubjectId(clinic.store.resolve(subject) or subject)
    ledger, name, count = clinic.ledger.origin, clinic.config.clinic.name, 0
    with new_file(out, "events") as file:
        clinic.ledger.append(Entry(shell_actor(), "export ledger", Purpose.CARE, who))
        for line in clinic.ledger.entries() if who is None else clinic.ledger.about(who):
            said = json.dumps(event(line, ledger, name), ensure_ascii=False)
            file.write(said.encode() + b"\n")
            count += 1
    return count
