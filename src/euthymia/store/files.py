"""Which files came in, what became of their rows, and what was refused."""

import hmac
from collections.abc import Iterable
from typing import Final

import msgspec

from euthymia.gateway.contract import Admitted, Quarantined
from euthymia.ground.clock import Micros
from euthymia.ground.errors import IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Directory
from euthymia.security.envelope import context, seal, unseal
from euthymia.security.keys import Keyring
from euthymia.store.blocks import Owner
from euthymia.store.contract import RejectedRows
from euthymia.store.people import Known
from euthymia.store.reading import about_erased_alone
from euthymia.store.tables import Tables
from euthymia.store.tally import Counts

BLANK: Final = "(erased)"
_NAME_PLACE: Final = context("file name")
_DIRECTORY_PLACE: Final = context("directory")
_decode: Final = msgspec.msgpack.Decoder(Directory).decode

_THEIRS: Final = (
    "id IN (SELECT file FROM file_subject WHERE subject = ? "
    "UNION SELECT file FROM reject WHERE subject = ? OR whose = ?)"
)
_THEIRS_ALONE: Final = (
    f"{_THEIRS} "  # noqa: S608 - constants
    "AND NOT EXISTS (SELECT 1 FROM file_subject WHERE file = file.id AND subject <> ?) "
    "AND NOT EXISTS (SELECT 1 FROM reject WHERE file = file.id AND whose <> ?)"
)


class Files:
    """Reads and writes the accounts of files, and the clinic's directory, over one connection."""

    def __init__(self, tables: Tables, keyring: Keyring) -> None:
        self._tables, self._db = tables, tables.db
        self._digest_key = keyring.derive("file digest")
        self._name_key = keyring.derive("file name")

    def digest(self, digest: str) -> bytes:
        """Return the keyed form of a file's digest."""
        return hmac.digest(self._digest_key, digest.encode(), "sha256")

    def add(self, batch: Admitted, counts: Counts, at: Micros, subjects: Iterable[Known]) -> int:
        """Record a file, whom it was about, and what of it was refused; return its number."""
        sealed = None
        if not about_erased_alone(batch):
            sealed = seal(self._name_key, batch.file_name.encode(), context=_NAME_PLACE)
        file = self._tables.insert_numbered(
            "file",
            "digest, source, name, at, rows_in, stored, rejected, duplicates, entry",
            (
                self.digest(batch.file_digest),
                batch.source,
                sealed,
                at,
                batch.rows_in,
                *counts[:3],
                "",
            ),
        )
        for known in subjects:
            about = (file, known.owner.number, known.consents)
            self._tables.insert("file_subject", "file, subject, consents", about)
        for q in batch.quarantined:
            found = self._db.one("SELECT id FROM subject WHERE pseudonym = ?", (q.subject,))
            self._tables.insert_numbered(
                "reject",
                "file, row, rows, reason, subject, whose",
                (file, q.row, q.rows, q.reason, found[0] if found else None, q.subject),
            )
        return file

    def announced(self, file: int, entry: str) -> None:
        """Note the ledger entry that tells of a file."""
        self._db.run("UPDATE file SET entry = ? WHERE id = ?", (entry, file))

    def seen(self, digest: str, rejected: int = 0) -> tuple[int, list[SubjectId]] | None:
        """Return rows and subjects of the newest file of this digest if it stands; else None.

        It stands if `rejected` rows of it were refused and nobody in it changed a consent since.
        """
        row = self._db.one(
            "SELECT id, rows_in, rejected FROM file WHERE digest = ? ORDER BY id DESC LIMIT 1",
            (self.digest(digest),),
        )
        if row is None or row[2] != rejected:
            return None
        people = self._db.all(
            "SELECT pseudonym, subject.consents <> file_subject.consents FROM file_subject "
            "JOIN subject ON subject.id = file_subject.subject WHERE file = ?",
            (row[0],),
        )
        if any(changed for _, changed in people):
            return None
        return int(row[1]), [SubjectId(pseudonym) for pseudonym, _ in people]

    def rejects(self) -> tuple[RejectedRows, ...]:
        """Return what was quarantined, newest file first."""
        rows = self._db.all(
            "SELECT file.name, source, at, row, rows, reason, pseudonym FROM reject "
            "JOIN file ON file.id = reject.file "
            "LEFT JOIN subject ON subject.id = reject.subject ORDER BY file.id DESC, row, reject.id"
        )
        return tuple(
            RejectedRows(
                self.name(name),
                source,
                at,
                Quarantined(row, count, reason, SubjectId(subject) if subject else None),
            )
            for name, source, at, row, count, reason, subject in rows
        )

    def name(self, sealed: bytes | None) -> str:
        """Return a file's name as it was given, or that it is gone."""
        if sealed is None:
            return BLANK
        return unseal(self._name_key, sealed, context=_NAME_PLACE).decode()

    def forget(self, owner: Owner) -> None:
        """Prepare the erasure of a subject: blank names of files about that person alone.

        No file that spoke of the person, in rows stored or refused, is skipped again: what it says
        of them must be refused.
        """
        theirs = (owner.number, owner.number, owner.subject)
        self._tables.update("file", "digest = NULL", (), _THEIRS, theirs)
        alone = (*theirs, owner.number, owner.subject)
        self._tables.update("file", "name = NULL", (), _THEIRS_ALONE, alone)
        self._tables.delete("reject", "whose = ?", (owner.subject,))

    # -- the directory ---------------------------------------------------------------------------

    def add_directory(self, entry: Directory) -> bool:
        """Record an organisation, a practitioner or a device; tell whether it was new."""
        plain = msgspec.msgpack.encode(
            Directory(row=0, kind=entry.kind, identifier=entry.identifier, name=entry.name)
        )
        key = hmac.digest(self._digest_key, plain, "sha256")
        sealed = seal(self._name_key, plain, context=_DIRECTORY_PLACE)
        return self._tables.insert("directory", "digest, sealed", (key, sealed)) is not None

    def directory(self) -> tuple[Directory, ...]:
        """Return the directory by kind, name and identifier."""
        sealed = [row[0] for row in self._db.all("SELECT sealed FROM directory")]
        try:
            found = [_decode(unseal(self._name_key, s, context=_DIRECTORY_PLACE)) for s in sealed]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise IntegrityError("the directory is not readable; restore a backup") from error
        return tuple(sorted(found, key=lambda d: (d.kind, d.name, d.identifier)))
