"""An OSCAL assessment-results document (NIST, version 1.1.3): what was checked and found."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from euthymia import __version__
from euthymia.app.evidence.checks import Outcome
from euthymia.app.evidence.items import Framework, Stand, frameworks

VERSION: Final = "1.1.3"
_REASON: Final = {
    "satisfied": ("satisfied", "pass"),
    "not-satisfied": ("not-satisfied", "fail"),
    "tested": ("not-satisfied", "other"),
    "attested": ("not-satisfied", "other"),
    "unattested": ("not-satisfied", "other"),
}
"""What no machine checked here and now is never "satisfied", whoever vouches for it."""
_NAMES: Final = "urn:euthymia:evidence"


def document(
    clinic: str, outcomes: Mapping[str, Outcome], stands: Sequence[Stand], now: datetime
) -> dict[str, Any]:
    """Return the document as plain values."""
    second = now.isoformat(timespec="seconds")
    plan = str(uuid4())
    seen = {name: str(uuid4()) for name in outcomes}
    return {
        "assessment-results": {
            "uuid": str(uuid4()),
            "metadata": {
                "title": f"Euthymia at {clinic}: what a machine can check",
                "last-modified": second,
                "version": __version__,
                "oscal-version": VERSION,
            },
            "import-ap": {"href": f"#{plan}"},
            "results": [
                {
                    "uuid": str(uuid4()),
                    "title": "euthymia evidence",
                    "description": "Checks of an installed clinic by the product itself. An item "
                    "that people must vouch for is never shown as satisfied.",
                    "start": second,
                    "end": second,
                    "reviewed-controls": {"control-selections": [{"include-all": {}}]},
                    "observations": [_seen(seen[n], o, second) for n, o in outcomes.items()],
                    "findings": [_finding(stand, seen) for stand in stands],
                }
            ],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": "The checks of `euthymia evidence`",
                        "description": "Listed in docs/evidence.md; the plan of this assessment.",
                    },
                    *(_source(one) for one in frameworks()),
                ]
            },
        }
    }


def _seen(uuid: str, outcome: Outcome, second: str) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "title": outcome.check,
        "description": f"{outcome.scope}: {outcome.problem or 'nothing found'}",
        "methods": ["TEST"],
        "types": ["control-objective"],
        "collected": second,
    }


def _source(framework: Framework) -> dict[str, str]:
    return {
        "uuid": str(uuid5(NAMESPACE_URL, f"urn:euthymia:{_token(framework.name)}")),
        "title": f"{framework.name}: {framework.source}",
        "description": f"Ids and wording of its items were read against: {framework.checked}",
    }


def _finding(stand: Stand, seen: Mapping[str, str]) -> dict[str, Any]:
    state, reason = _REASON[stand.state]
    item = stand.item
    target = _token(f"{item.framework} {item.id}")
    found: dict[str, Any] = {
        "uuid": str(uuid4()),
        "title": f"{item.framework} {item.id}: {item.title}",
        "description": stand.words,
        "target": {
            "type": "objective-id",
            "target-id": target,
            "title": item.title,
            "status": {"state": state, "reason": reason, "remarks": stand.state},
        },
        "implementation-statement-uuid": str(uuid5(NAMESPACE_URL, f"urn:euthymia:{target}")),
    }
    if item.level:
        found["props"] = [{"name": "level", "ns": _NAMES, "value": str(item.level)}]
    if item.checks:
        found["related-observations"] = [{"observation-uuid": seen[name]} for name in item.checks]
    return found


def _token(text: str) -> str:
    """Return a name that OSCAL takes for an id."""
    return re.sub(r"[^A-Za-z0-9.]+", "_", text).strip("_")
