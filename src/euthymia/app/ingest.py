"""Ingestion: files -> readers -> gateway -> store, with every row accounted for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from euthymia.app.alerts.desk import Alerts
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.consents import purposes_of
from euthymia.app.feature_job import take_out_protected
from euthymia.app.passing import Passing
from euthymia.app.shell import Progress
from euthymia.app.snapshots import sweep
from euthymia.care.alerts.cases import NEWS_DAYS
from euthymia.care.safety import speaks_of_harm
from euthymia.gateway.admit import BatchConsent
from euthymia.gateway.contract import Admitted
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import DAY_US, Micros, to_micros
from euthymia.ground.errors import EuthymiaError, MissingError, SchemaError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.security.pseudonym import contact_hash
from euthymia.sources.open import Reading, readings
from euthymia.store.contract import Receipt

FILES_A_COMMIT = 50  # a commit costs milliseconds; what a crash undoes is read again


@dataclass
class Tally:
    """rows_in == stored + rejected + duplicates, over all files.

    `feature_only` of the stored rows held samples that were used for features and not kept;
    `removed` observations are those that their source has taken back (with `retracted` records), or
    writes otherwise, of those who are `bereft` of any. `heard`
    are those of whom an answer about self-harm was stored that is news and not a no, and who were
    not told to the alerts yet; `unheeded` says why the alerts could not take somebody in. Of those
    who are `protected` a record with a protected label was stored.
    """

    news_from: Micros = 0
    rows_in: int = 0
    stored: int = 0
    rejected: int = 0
    duplicates: int = 0
    feature_only: int = 0
    retracted: int = 0
    removed: int = 0
    files: int = 0
    heard: set[SubjectId] = field(default_factory=set)
    unheeded: str = ""
    protected: set[SubjectId] = field(default_factory=set)
    bereft: set[SubjectId] = field(default_factory=set)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)

    def repeat(self, rows: int) -> None:
        """Count a file that is there already."""
        self.rows_in += rows
        self.duplicates += rows

    def add(self, batch: Admitted, receipt: Receipt) -> None:
        """Count a file that was taken in."""
        if receipt.stored:
            self.heard |= {
                who for who, t in batch.observations.items() if speaks_of_harm(t, self.news_from)
            }
            self.protected |= {
                who
                for who, t in batch.observations.items()
                if t.column("sensitivity").null_count < t.num_rows
            }
        self.rows_in += receipt.rows_in
        self.stored += receipt.stored
        self.rejected += receipt.rejected
        self.duplicates += receipt.duplicates
        self.feature_only += receipt.feature_only
        self.retracted += receipt.retracted
        self.removed += receipt.removed
        self.bereft |= receipt.removed_of
        self.rejects += [
            {"file": batch.file_name, "row": q.row, "rows": q.rows, "reason": q.reason}
            for q in batch.quarantined
        ]

    def told(self) -> dict[str, Any]:
        """Return the account as plain values, the most frequent rejects first."""
        own = {"heard", "news_from", "protected", "bereft"} | (
            set() if self.unheeded else {"unheeded"}
        )
        told = {name: value for name, value in vars(self).items() if name not in own}
        return told | {"rejects": sorted(self.rejects, key=lambda r: -int(r["rows"]))}


def batch_consent(purposes: str | None, because: str | None) -> BatchConsent | None:
    """Read `--consent` and `--because`; a consent without a reason is refused."""
    if purposes is None:
        return None
    if not (because or "").strip():
        raise SchemaError("--consent needs --because: why does this consent hold?")
    return BatchConsent(frozenset(purposes_of(purposes)), str(because).strip())


def nothing_taken(told: Mapping[str, Any]) -> bool:
    """Tell whether rows or files were given and none of them was stored, now or before."""
    given = told["rows_in"] or told["skipped"]
    return bool(given) and not told["stored"] and not told["duplicates"]


def zone_of(clinic: Clinic, who: SourceId) -> str:
    """Return the zone for files that give wall-clock times: the person's, else the clinic's."""
    subject = clinic.store.resolve(f"{who.system}|{who.value}")
    if subject is None:
        return clinic.config.clinic.time_zone
    return clinic.store.timeline(subject).changes[0][1]


def _take(
    clinic: Clinic, reading: Reading, consent: BatchConsent | None, tally: Tally, passing: Passing
) -> None:
    seen = clinic.store.seen_file(reading.digest, consent)
    if seen is None:
        seen = passing.rows_of(reading.digest)
    if seen is not None:
        tally.repeat(seen)
        return
    admitted = clinic.gateway().admit(
        reading.items,
        source=reading.source,
        file_name=reading.file_name,
        file_digest=reading.digest,
        rows_in=None,
        batch_consent=consent,
        synthetic=reading.synthetic,
    )
    detail: dict[str, str | int | float | bool] = {"source": reading.source}
    if consent is not None:
        detail["batch_consent"] = ",".join(sorted(consent.purposes))
    audit = Entry(shell_actor(), "ingest file", Purpose.CARE, detail=detail)
    if admitted.passing:
        for settled in passing.add(admitted, audit):
            _settled(clinic, tally, *settled)
    else:
        _settled(clinic, tally, admitted, clinic.store.append(admitted, audit))


def _settled(clinic: Clinic, tally: Tally, batch: Admitted, receipt: Receipt) -> None:
    """Count a file that was taken in, and tell of each person why its consent holds for them.

    The reason may name them: it stands in an entry of theirs, which nobody can read once they are
    erased, and in none about the file.
    """
    tally.add(batch, receipt)
    for who, pairs in batch.grants.items():
        given = [grant for row, grant in pairs if row == 0]
        if given:
            purposes = ",".join(sorted(grant.purpose for grant in given))
            words = {"because": given[0].because, "purposes": purposes}
            entry = Entry(shell_actor(), "consent with a file", Purpose.CARE, who, words)
            clinic.ledger.append(entry, durable=False)


def _heed(clinic: Clinic, tally: Tally) -> None:
    """Have the alerts take in who was heard; what keeps them from it keeps no file from coming."""
    if tally.heard:
        try:
            Alerts(clinic).heed(sorted(tally.heard))
        except (EuthymiaError, OSError) as error:
            tally.unheeded = str(error) or type(error).__name__
        tally.heard.clear()


def run_ingest(
    clinic: Clinic,
    paths: Sequence[Path],
    consent: BatchConsent | None,
    subject: str | None,
    progress: Progress,
) -> dict[str, Any]:
    """Ingest files and folders; a file that fails is told and the rest goes on.

    Answers about self-harm go to the alerts after each commit: a run may take hours, or be ended.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise MissingError(f"no such file or folder: {', '.join(missing)}")
    news_from = to_micros(clinic.clock()) - NEWS_DAYS * DAY_US
    tally, passing = Tally(news_from), Passing(clinic)
    key = clinic.keyring.derive("contact")
    found = readings(
        paths,
        subject=subject,
        hasher=lambda text: contact_hash(key, text),
        zone_of=lambda who: zone_of(clinic, who),
        skipped=lambda file, reason: tally.skipped.append({"file": file, "reason": reason}),
        progress=progress,
    )
    while (first := next(found, None)) is not None:
        with clinic.store.grouped():
            for reading in chain([first], islice(found, FILES_A_COMMIT - 1)):
                tally.files += reading.files
                _take(clinic, reading, consent, tally, passing)
        _heed(clinic, tally)
    for settled in passing.settle():
        _settled(clinic, tally, *settled)
    _heed(clinic, tally)
    take_out_protected(clinic, sorted(tally.protected | tally.bereft))
    sweep(clinic)
    clinic.ledger.sync()
    return tally.told()
