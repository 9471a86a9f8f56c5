"""Consent from the command line: shown, granted, withdrawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Final

import msgspec

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.snapshots import RESTED_ON, withdraw_person
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import from_micros, to_micros
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.ground.ids import SourceId, SubjectId, device_id
from euthymia.ground.new_file import new_file
from euthymia.ground.records import Grant
from euthymia.ground.schemas import STREAMS
from euthymia.ground.scope import Category, Label, Scope
from euthymia.sources.fhir_consent import consent_resource
from euthymia.sources.open import sources
from euthymia.store.consent import told_as

PSEUDONYM_SYSTEM: Final = "urn:euthymia:pseudonym"
ELSEWHERE: Final = (
    "not withdrawn: what is held under another record, which the health record says is of the same "
    "person; it has consents of its own"
)
NOBODY = "no such subject; to enrol somebody new grant under SOURCE:ID, such as beiwe:abc123"


def purposes_of(text: str | None) -> tuple[Purpose, ...]:
    """Read `care,monitoring,...`; SchemaError names the allowed words."""
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    try:
        return tuple(dict.fromkeys(Purpose(word) for word in words))
    except ValueError:
        allowed = ", ".join(purpose.value for purpose in Purpose)
        raise SchemaError(f"a consent names purposes among: {allowed}") from None


def _enrol(clinic: Clinic, source: str, value: str, asked: "Asked") -> SubjectId:
    """Take a consent under the id that a device's files use, before any data has come."""
    now = clinic.clock()
    grant = Grant(
        1,
        device_id(source, value),
        purposes_of(asked.grant),
        permit=True,
        at=now,
        until=None if asked.until is None else _end_of(asked.until),
        because=asked.because,
        scope=asked.scope or None,
        version=asked.version,
    )
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


@dataclass(frozen=True, slots=True)
class Asked:
    """One change of consent as it was asked for."""

    grant: str | None = None
    withdraw: str | None = None
    because: str = ""
    scope: Scope | None = None
    until: date | None = None
    version: str = ""

    def decisions(self) -> list[tuple[Purpose, bool]]:
        """Return (purpose, permit); SchemaError if one purpose is both or limits have none."""
        found = [(p, True) for p in purposes_of(self.grant)]
        found += [(p, False) for p in purposes_of(self.withdraw)]
        if len({purpose for purpose, _ in found}) < len(found):
            raise SchemaError("a purpose is either granted or withdrawn, not both at once")
        if not found and (self.scope or self.until or self.version):
            raise SchemaError("limits need a decision: --grant PURPOSES or --withdraw PURPOSES")
        return found


def scope_of(
    streams: str | None, categories: str | None, labels: str | None, recipients: str | None
) -> Scope:
    """Read the limits of a decision; SchemaError names the allowed words."""
    return Scope(
        _words("streams", streams, STREAMS),
        _words("categories", categories, tuple(Category)),
        _words("labels", labels, tuple(Label)),
        _words("recipients", recipients, None),
    )


def _words(name: str, text: str | None, allowed: Iterable[str] | None) -> tuple[str, ...]:
    words = {word.strip() for word in (text or "").split(",") if word.strip()}
    if allowed is not None and not words <= set(allowed):
        raise SchemaError(f"--{name} are among: {', '.join(allowed)}")
    return tuple(sorted(words))


def change_consent(
    clinic: Clinic, subject: str, asked: Asked, actor: Actor | None = None
) -> dict[str, Any]:
    """Record decisions and return those in force; without a decision only show them.

    `actor`: the signed-in user who records it; None: whoever sits at the shell.

    What a withdrawal does at once and what it cannot undo is said under `effects`.
    """
    decisions = asked.decisions()
    now = clinic.clock()
    until = None if asked.until is None else to_micros(_end_of(asked.until))
    if until is not None and until <= to_micros(now):
        raise SchemaError("--until is not in the future: name the last day on which it holds")
    who = _known(clinic, subject)
    if who is None:
        source, _, value = subject.partition(":")
        if not value or not asked.grant or asked.withdraw or source not in sources():
            raise MissingError(NOBODY)
        who = _enrol(clinic, source, value, asked)
        return {"subject": who, "consents": consents_of(clinic, who), "effects": []}
    before = clinic.monitored(who)
    for purpose, permit in decisions:
        told = (asked.because, asked.scope or None, asked.version)
        record = GrantRecord(purpose, permit, to_micros(now), until, *told)
        by = actor or shell_actor()
        audit = Entry(by, told_as(record), purpose, who, {"purpose": purpose.value})
        clinic.store.put_grant(who, record, audit)
    withdrawn = [purpose for purpose, permit in decisions if not permit]
    effects = _effects(clinic, who, withdrawn, before)
    return {"subject": who, "consents": consents_of(clinic, who), "effects": effects}


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time.max, UTC)


def _effects(
    clinic: Clinic, who: SubjectId, withdrawn: Sequence[Purpose], before: frozenset[str]
) -> list[str]:
    """Say what a withdrawal stops, and what it cannot take back."""
    if not withdrawn:
        return []
    said = []
    silenced = sorted(before - clinic.monitored(who))
    if silenced:
        held = set(clinic.store.segments(who))
        said.append(f"refused from now on: {', '.join(silenced)}")
        said.append("features that rested on them are removed; `euthymia features` computes anew")
        kept = [stream for stream in silenced if stream in held]
        if kept:
            said.append(
                f"kept, and read by nobody but the person: {', '.join(kept)}; "
                "`euthymia erase` removes the whole person"
            )
    if RESTED_ON & set(withdrawn):
        gone = withdraw_person(clinic, who, "a person in it withdrew")
        said += [f"destroyed: the research snapshot {name}, which held them" for name in gone]
    models = clinic.registry.trained_with(who)
    if models and RESTED_ON & set(withdrawn):
        said.append(
            f"cannot be undone: trained with this person's data are {', '.join(models)}; the next "
            "training leaves it out"
        )
    if clinic.store.merged(who):
        said.append(ELSEWHERE)
    if not said:
        said.append("nothing rested on it")
    return said


def grants_of_subject(clinic: Clinic, subject: SubjectId) -> list[Grant]:
    """Return every decision on record as the sources write and read it."""
    who = SourceId(PSEUDONYM_SYSTEM, subject)
    return [
        Grant(
            row=number,
            who=who,
            purposes=(record.purpose,),
            permit=record.permit,
            at=from_micros(record.since),
            told=from_micros(record.told) if record.told else None,
            until=None if record.until is None else from_micros(record.until),
            because=record.because,
            scope=record.scope,
            version=record.version,
        )
        for number, record in enumerate(clinic.store.grants(subject), 1)
    ]


def consents_bundle(clinic: Clinic, subject: SubjectId) -> dict[str, Any]:
    """Return every decision as a FHIR R4 Bundle of Consents."""
    entries = [{"resource": consent_resource(g)} for g in grants_of_subject(clinic, subject)]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def refuse_to_replace(path: Path) -> None:
    """Raise SchemaError where there is a file: a form that is to be read in may bear that name."""
    if path.exists():
        raise SchemaError(
            "there is a file of that name, and consents are written into a new one: name another; "
            "to read consents in: `euthymia ingest FILE`"
        )


def write_bundle(clinic: Clinic, subject: SubjectId, path: Path) -> Path:
    """Write every decision as FHIR R4, for its owner alone to read.

    Raises
    ------
    SchemaError
        If there is such a file, or it cannot be written.
    """
    encoded = msgspec.json.format(msgspec.json.encode(consents_bundle(clinic, subject)), indent=2)
    refuse_to_replace(path)
    with new_file(path, "consents") as out:
        out.write(encoded + b"\n")
    return path


def consents_of(clinic: Clinic, subject: SubjectId) -> list[dict[str, Any]]:
    """Return every consent decision on record, oldest first."""
    return [_told(record) for record in clinic.store.grants(subject)]


def _told(record: GrantRecord) -> dict[str, Any]:
    scope = record.scope or Scope()
    return {
        "purpose": record.purpose.value,
        "permit": record.permit,
        "decided": from_micros(record.told or record.since).isoformat(timespec="seconds"),
        "since": from_micros(record.since).isoformat(timespec="seconds"),
        "until": from_micros(record.until).isoformat(timespec="seconds")
        if record.until is not None
        else None,
        "because": record.because,
        "streams": list(scope.streams),
        "categories": list(scope.categories),
        "labels": list(scope.labels),
        "recipients": list(scope.recipients),
        "version": record.version,
    }
