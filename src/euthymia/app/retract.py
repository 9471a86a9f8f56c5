"""`euthymia retract`: single records of a person out of the store, by hand; nobody is erased."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.feature_job import recompute
from euthymia.app.ingest import zone_of
from euthymia.app.shell import Progress
from euthymia.app.snapshots import withdraw_person
from euthymia.gateway.admit import Gateway
from euthymia.gateway.contract import Admitted, GrantRecord
from euthymia.gateway.records import record_hash
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.ground.ids import SubjectId
from euthymia.security.pseudonym import contact_hash
from euthymia.sources.open import readings
from euthymia.store.contract import Removed
from euthymia.store.retract import BY_HAND, RETRACTED

_BECAUSE: Final = "a record in it was taken back"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to go: records by their source's type and id, and what files give of the person.

    `rows` of the one file alone; none: all. `given_as`: as `ingest --subject` was told.
    """

    records: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    rows: frozenset[int] = frozenset()
    given_as: str | None = None
    because: str = ""


class _Everybody:
    """Consents for reading a file of which nothing is stored: what is to go needs none."""

    def grants(self, _subject: SubjectId) -> tuple[GrantRecord, ...]:
        """Return a consent to every purpose."""
        return tuple(GrantRecord(purpose, True, 0, None, "") for purpose in Purpose)


def retract(
    clinic: Clinic, subject: str, asked: Asked, progress: Progress, *, dry_run: bool
) -> dict[str, Any]:
    """Take records of a person out of the store, and out of all that was made of them.

    Raises
    ------
    MissingError
        No such person; or nothing of what is asked for is stored of them.
    SchemaError
        It does not say what is to go.
    """
    if not asked.records and not asked.files:
        raise SchemaError("say what is to go: --record TYPE/ID or --file PATH")
    if not dry_run and not asked.because.strip():
        raise SchemaError("--because is missing: why is it taken back?")
    who = clinic.resolve(subject)
    records = _records(clinic, who, asked.records)
    batches = list(_batches(clinic, asked, progress)) if asked.files else []
    if asked.rows and len(batches) != 1:
        raise SchemaError("--row counts the rows of one file: name just one")
    done = _removed(clinic, who, records, batches, asked, dry_run=True)
    if not any(done[:3]):
        raise MissingError("nothing of that is stored of this person")
    snapshots: list[str] = []
    if not dry_run:
        snapshots += withdraw_person(clinic, who, _BECAUSE)  # first: a kill leaves none of it there
        done = _removed(clinic, who, records, batches, asked, dry_run=False)
    told = {"subject": who, "dry_run": dry_run, **dict(zip(done._fields[:3], done, strict=False))}
    if dry_run:
        return told
    snapshots += withdraw_person(clinic, who, _BECAUSE)  # one made in these moments
    recompute(clinic, [who], answers_only=not done.samples)
    clinic.ledger.sync()
    return {**told, "snapshots": snapshots, "models": list(clinic.registry.trained_with(who))}


def _records(clinic: Clinic, who: SubjectId, names: Sequence[str]) -> dict[int, int]:
    """Return {record: order} of records that are held of a person; one that is not is an error."""
    key, now = clinic.keyring.derive("blind"), to_micros(clinic.clock())
    found: dict[int, int] = {}
    for name in names:
        hashed = record_hash(key, name)
        held = clinic.store.holders([hashed]).get(hashed, ())
        own = [holder.record for holder in held if holder.subject == who]
        if not own:
            raise MissingError(
                "no such record is known of this person: write it like Observation/17; what came "
                "before records were kept apart goes with --file"
            )
        found |= dict.fromkeys(own, now)
    return found


def _batches(clinic: Clinic, asked: Asked, progress: Progress) -> Iterator[Admitted]:
    """Yield what each file gives, as `ingest` would take it in; nothing of it is stored."""
    missing = [str(path) for path in asked.files if not path.exists()]
    if missing:
        raise MissingError(f"no such file or folder: {', '.join(missing)}")
    key = clinic.keyring.derive("contact")
    gateway = Gateway(
        keyring=clinic.keyring,
        identities=clinic.store,
        consents=_Everybody(),
        clock=clinic.clock,
    )
    for reading in readings(
        asked.files,
        subject=asked.given_as,
        hasher=lambda text: contact_hash(key, text),
        zone_of=lambda who: zone_of(clinic, who),
        progress=progress,
    ):
        yield gateway.admit(
            reading.items,
            source=reading.source,
            file_name=reading.file_name,
            file_digest=reading.digest,
        )


def _removed(
    clinic: Clinic,
    who: SubjectId,
    records: dict[int, int],
    batches: Collection[Admitted],
    asked: Asked,
    *,
    dry_run: bool,
) -> Removed:
    """Remove it all, in one transaction; return what went."""
    detail: dict[str, str | int | float | bool] = {"because": asked.because.strip()}
    audits = [Entry(shell_actor(), a, Purpose.CARE, who, detail) for a in (RETRACTED, BY_HAND)]
    rows = asked.rows or None
    done = [Removed()]
    with clinic.store.grouped():
        if records:
            done.append(clinic.store.take_back(records, audits[0], dry_run=dry_run))
        done += [
            clinic.store.remove(who, batch, audits[1], rows=rows, dry_run=dry_run)
            for batch in batches
        ]
    return Removed(
        sum(one.records for one in done),
        sum(one.facts for one in done),
        sum(one.samples for one in done),
    )
