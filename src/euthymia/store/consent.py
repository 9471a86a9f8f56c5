"""Whether a person's data may be read for a purpose now: the one place that decides, in any engine.

A withdrawal stops use at once: the decision is taken anew at every read.
"""

from collections.abc import Iterable
from enum import Enum

from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.errors import ConsentError
from euthymia.security.policy import consent_covers
from euthymia.store.contract import EXPORT


class Kind(Enum):
    """What is read."""

    RECORDS = "clinical records"
    PASSIVE = "samples and features"


def needed(audit: Entry, kind: Kind) -> tuple[Purpose, ...]:
    """Return the purposes that must all be consented to; none if no consent is asked for.

    Passive data is here because of the consent to monitoring: whatever it is read for, it may be
    read as long as that consent is in force.
    """
    if audit.action == EXPORT and audit.purpose is Purpose.CARE:
        return ()
    asked = () if audit.purpose is Purpose.CARE else (audit.purpose,)
    if kind is Kind.PASSIVE and Purpose.MONITORING not in asked:
        return (*asked, Purpose.MONITORING)
    return asked


def require(grants: Iterable[GrantRecord], audit: Entry, kind: Kind, now: Micros) -> None:
    """Refuse with a ConsentError unless all that is `needed` is consented to now."""
    known = tuple(grants)
    for purpose in needed(audit, kind):
        if not consent_covers(known, purpose, now):
            raise ConsentError(
                f"no consent in force for {purpose}: reading {kind.value} needs one "
                f"(euthymia consent SUBJECT --grant {purpose})"
            )


def drops_features(grants: Iterable[GrantRecord], now: Micros) -> bool:
    """Tell whether derived rows have lost the consent to monitoring that they rested on."""
    return not consent_covers(tuple(grants), Purpose.MONITORING, now)


def hidden(grants: Iterable[GrantRecord], audit: Entry, now: Micros) -> frozenset[str]:
    """Return the purposes whose observations may not be read now.

    They came in for a purpose other than care, and no consent to it is in force any more.
    """
    if audit.action == EXPORT and audit.purpose is Purpose.CARE:
        return frozenset()
    known = tuple(grants)
    asked = (p for p in Purpose if p is not Purpose.CARE)
    return frozenset(p.value for p in asked if not consent_covers(known, p, now))
