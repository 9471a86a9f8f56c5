"""FHIR R4: which writing of a record a resource is, and whether it is taken back."""

import re
from typing import Any, Final

from euthymia.ground.records import Retracted, Writing
from euthymia.sources.fhir_people import Entry, World
from euthymia.sources.fhir_types import R4_TYPES
from euthymia.sources.fhir_values import find, time_us
from euthymia.sources.json_tree import Node, ShapeError

KEEPS_NO_RECORD: Final = {"Patient", "Consent"}
"""Types whose resources are not kept record by record: a person's, and a consent's, own ways."""
CHANGED: Final = {"amended", "corrected", "appended"}
_ERROR: Final = "entered-in-error"
_VERSION: Final = re.compile(r"[0-9]{1,9}")
_URL: Final = re.compile(r"(?:[^?#]*/)?([A-Za-z]{1,40})/([A-Za-z0-9.\-]{1,64})")


def writing_of(resource: Node) -> Writing:
    """Return which record it is by type and id, and the order of this writing of it.

    The order is `meta.lastUpdated`, else `meta.versionId` where that is a number, else 1 for a
    status that says it was changed, else 0: not known.
    """
    version, status = _meta(resource, "versionId"), resource.get("status")
    number = int(version) if _VERSION.fullmatch(version) else 0
    changed = number > 1 or (isinstance(status, str) and status in CHANGED)
    order = _instant(_meta(resource, "lastUpdated")) or number or int(changed)
    server = _meta(resource, "source").partition("#")[0]
    return Writing(_name(resource.get("resourceType"), resource.get("id")), order, changed, server)


def _name(kind: object, identity: object) -> str:
    given = isinstance(kind, str) and isinstance(identity, str) and identity.strip()
    return f"{kind}/{identity}" if given else ""


def _meta(resource: Node, name: str) -> str:
    meta = resource.get("meta")
    found = meta.get(name) if isinstance(meta, dict) else None
    return found if isinstance(found, str) else ""


def _instant(told: object) -> int:
    try:
        return max(time_us(told, "lastUpdated", "UTC"), 0)
    except (ShapeError, OverflowError):
        return 0


def in_error(resource: Node) -> bool:
    """Tell whether a resource says of itself that it was entered in error."""
    return _ERROR in [resource.get("status"), *find(resource, "verificationStatus.coding.code")]


def taken_back(entry: Entry, reference: Node | None, world: World) -> Retracted | None:
    """Return what a resource that was entered in error takes back; None if it has no id.

    Whom it names may be nobody that this file knows: it is found by its id then.
    """
    record = writing_of(entry.resource)
    if not record.name:
        return None
    order = _instant(_meta(entry.resource, "lastUpdated"))
    try:
        name = "patient" if "patient" in entry.resource else "subject"
        who = None if reference is None else world.resolve(reference, name, entry.resource)
    except ShapeError:
        who = None
    return Retracted(entry.row, Writing(record.name, order, server=record.server), who)


def deleted(row: int, entry: dict[str, Any]) -> Retracted | None:
    """Return the record that an entry of a bundle has deleted; None if it is no such record's."""
    request, response = entry.get("request"), entry.get("response")
    url = request.get("url") if isinstance(request, dict) else None
    found = _URL.fullmatch(url) if isinstance(url, str) else None
    if found is None or found[1] not in R4_TYPES or found[1] in KEEPS_NO_RECORD:
        return None
    at = response.get("lastModified") if isinstance(response, dict) else None
    return Retracted(row, Writing(_name(found[1], found[2]), _instant(at)))
