"""Consent from the command line: shown, granted, withdrawn."""

from typing import Any

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import from_micros, to_micros
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.ground.ids import SubjectId, device_id
from euthymia.ground.records import Grant
from euthymia.sources.open import sources

NOBODY = "no such subject; to enrol somebody new grant under SOURCE:ID, such as beiwe:abc123"


def purposes_of(text: str | None) -> tuple[Purpose, ...]:
    """Read `care,monitoring,...`; SchemaError names the allowed words."""
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    try:
        return tuple(dict.fromkeys(Purpose(word) for word in words))
    except ValueError:
        allowed = ", ".join(purpose.value for purpose in Purpose)
        raise SchemaError(f"a consent names purposes among: {allowed}") from None


def _enrol(
    clinic: Clinic, source: str, value: str, purposes: tuple[Purpose, ...], because: str
) -> SubjectId:
    """Take a consent under the id that a device's files use, before any data has come."""
    now = clinic.clock()
    grant = Grant(1, device_id(source, value), purposes, permit=True, at=now, because=because)
    admitted = clinic.gateway().admit(
        [grant],
        source="consent",
        file_name="command line",
        file_digest=f"consent {to_micros(now)}",
        rows_in=1,
    )
    clinic.store.append(admitted, Entry(shell_actor(), "enrol subject", Purpose.CARE))
    found = clinic.store.resolve(value)
    if found is None:
        raise MissingError("the subject could not be enrolled; was this person erased?")
    return found


def _known(clinic: Clinic, subject: str) -> SubjectId | None:
    _, _, value = subject.partition(":")
    return clinic.store.resolve(subject) or (clinic.store.resolve(value) if value else None)


def change_consent(
    clinic: Clinic, subject: str, grant: str | None, withdraw: str | None, because: str
) -> dict[str, Any]:
    """Record decisions and return those in force; without a decision only show them."""
    decisions = [(p, True) for p in purposes_of(grant)] + [
        (p, False) for p in purposes_of(withdraw)
    ]
    if len({purpose for purpose, _ in decisions}) < len(decisions):
        raise SchemaError("a purpose is either granted or withdrawn, not both at once")
    who = _known(clinic, subject)
    if who is None:
        source, _, value = subject.partition(":")
        if not value or not grant or withdraw or source not in sources():
            raise MissingError(NOBODY)
        who = _enrol(clinic, source, value, purposes_of(grant), because)
        return {"subject": who, "consents": consents_of(clinic, who)}
    now = to_micros(clinic.clock())
    for purpose, permit in decisions:
        record = GrantRecord(purpose, permit=permit, since=now, until=None, because=because)
        action = "grant consent" if permit else "withdraw consent"
        audit = Entry(shell_actor(), action, purpose, who, {"purpose": purpose.value})
        clinic.store.put_grant(who, record, audit)
    return {"subject": who, "consents": consents_of(clinic, who)}


def consents_of(clinic: Clinic, subject: SubjectId) -> list[dict[str, Any]]:
    """Return every consent decision on record, oldest first."""
    return [
        {
            "purpose": record.purpose.value,
            "permit": record.permit,
            "since": from_micros(record.since).isoformat(timespec="seconds"),
            "until": from_micros(record.until).isoformat(timespec="seconds")
            if record.until is not None
            else None,
            "because": record.because,
        }
        for record in clinic.store.grants(subject)
    ]
