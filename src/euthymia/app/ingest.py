"""Ingestion: files -> readers -> gateway -> store, with every row accounted for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.consents import purposes_of
from euthymia.app.shell import Progress
from euthymia.gateway.admit import BatchConsent
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import MissingError, SchemaError
from euthymia.ground.ids import SourceId
from euthymia.security.pseudonym import contact_hash
from euthymia.sources.open import Reading, readings

FILES_A_COMMIT = 50  # a commit costs milliseconds; what a crash undoes is read again


@dataclass
class Tally:
    """rows_in == stored + rejected + duplicates, over all files."""

    rows_in: int = 0
    stored: int = 0
    rejected: int = 0
    duplicates: int = 0
    files: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)


def batch_consent(purposes: str | None, because: str | None) -> BatchConsent | None:
    """Read `--consent` and `--because`; a consent without a reason is refused."""
    if purposes is None:
        return None
    if not (because or "").strip():
        raise SchemaError("--consent needs --because: why does this consent hold?")
    return BatchConsent(frozenset(purposes_of(purposes)), str(because).strip())


def _zone_of(clinic: Clinic, who: SourceId) -> str:
    """Return the zone for files that give wall-clock times: the person's, else the clinic's."""
    subject = clinic.store.resolve(f"{who.system}|{who.value}")
    if subject is None:
        return clinic.config.clinic.time_zone
    return clinic.store.timeline(subject).changes[0][1]


def _take(clinic: Clinic, reading: Reading, consent: BatchConsent | None, tally: Tally) -> None:
    seen = clinic.store.seen_file(reading.digest, consent)
    if seen is not None:
        tally.rows_in += seen
        tally.duplicates += seen
        return
    admitted = clinic.gateway().admit(
        reading.items,
        source=reading.source,
        file_name=reading.file_name,
        file_digest=reading.digest,
        rows_in=None,
        batch_consent=consent,
    )
    detail: dict[str, str | int | float | bool] = {"source": reading.source}
    if consent is not None:
        detail["batch_consent"] = ",".join(sorted(consent.purposes))
        detail["because"] = consent.because
    receipt = clinic.store.append(
        admitted, Entry(shell_actor(), "ingest file", Purpose.CARE, detail=detail)
    )
    tally.rows_in += receipt.rows_in
    tally.stored += receipt.stored
    tally.rejected += receipt.rejected
    tally.duplicates += receipt.duplicates
    tally.rejects += [
        {"file": reading.file_name, "row": q.row, "rows": q.rows, "reason": q.reason}
        for q in admitted.quarantined
    ]


def run_ingest(
    clinic: Clinic,
    paths: Sequence[Path],
    consent: BatchConsent | None,
    subject: str | None,
    progress: Progress,
) -> dict[str, Any]:
    """Ingest files and folders; a file that fails is told and the rest goes on."""
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise MissingError(f"no such file or folder: {', '.join(missing)}")
    tally = Tally()
    key = clinic.keyring.derive("contact")
    found = readings(
        paths,
        subject=subject,
        hasher=lambda text: contact_hash(key, text),
        zone_of=lambda who: _zone_of(clinic, who),
        skipped=lambda file, reason: tally.skipped.append({"file": file, "reason": reason}),
        progress=progress,
    )
    while (first := next(found, None)) is not None:
        with clinic.store.grouped():
            for reading in chain([first], islice(found, FILES_A_COMMIT - 1)):
                tally.files += 1
                _take(clinic, reading, consent, tally)
    clinic.ledger.sync()
    return {
        "rows_in": tally.rows_in,
        "stored": tally.stored,
        "rejected": tally.rejected,
        "duplicates": tally.duplicates,
        "files": tally.files,
        "rejects": _by_reason(tally.rejects),
        "skipped": tally.skipped,
    }


def _by_reason(rejects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rejects, key=lambda r: -int(r["rows"]))
