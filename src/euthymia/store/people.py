"""The subjects' rows: data keys, sealed profiles, blind identifiers, tombstones."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from euthymia.ground.errors import BusyError, ConsentError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.security.envelope import KEY_BYTES, context, seal, unseal
from euthymia.security.keys import Keyring
from euthymia.store.blocks import Owner
from euthymia.store.connection import Connection
from euthymia.store.profile import Profile, pack, unpack


@dataclass(frozen=True, slots=True)
class Known:
    """One subject, opened. The profile is shared with readers: change a copy."""

    owner: Owner
    profile: Profile
    consents: int


def unknown_subject() -> MissingError:
    """Return the error for a pseudonym that nobody has (any more)."""
    return MissingError("no such subject: it was never stored here, or was erased")


def detail_key(data_key: bytes) -> bytes:
    """Derive the key of a subject's ledger details: it goes when the data key goes."""
    info = context("euthymia", 1, "ledger detail")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(data_key)


class People:
    """Reads and writes subjects over one connection, remembering those it opened."""

    def __init__(self, db: Connection, keyring: Keyring) -> None:
        self._db = db
        self._keyring = keyring
        self._opened: dict[SubjectId, Known] = {}
        self._detail_keys: dict[SubjectId, bytes] = {}

    def forget(self, subject: SubjectId | None = None) -> None:
        """Drop what is remembered of one subject, or of all: it may have changed."""
        if subject is None:
            self._opened.clear()
            self._detail_keys.clear()
        else:
            self._opened.pop(subject, None)
            self._detail_keys.pop(subject, None)

    def get(self, subject: SubjectId) -> Known | None:
        """Return a subject; None if there is none of that pseudonym."""
        known = self._opened.get(subject)
        if known is None:
            row = self._db.one(
                "SELECT id, wrapped, profile, consents FROM subject WHERE pseudonym = ?", (subject,)
            )
            if row is None:
                return None
            known = self._opened[subject] = self.open(subject, *row)
        return known

    def open(
        self, subject: SubjectId, number: int, wrapped: bytes, profile: bytes, consents: int
    ) -> Known:
        """Open one row of `subject`; IntegrityError if it is not what was written."""
        key = self._keyring.unwrap(wrapped, context=context("data key", subject))
        content = unpack(unseal(key, profile, context=context("profile", subject)))
        return Known(Owner(number, subject, key), content, consents)

    def need(self, subject: SubjectId) -> Known:
        """Return a subject; MissingError if there is none of that pseudonym."""
        known = self.get(subject)
        if known is None:
            raise unknown_subject()
        return known

    def detail_key(self, subject: SubjectId) -> bytes | None:
        """Return the key of what the ledger tells of a subject; None if there is none of them."""
        key = self._detail_keys.get(subject)
        if key is None:
            known = self.get(subject)
            if known is None:
                return None
            key = self._detail_keys[subject] = detail_key(known.owner.key)
        return key

    def editable(self, subject: SubjectId) -> Known:
        """Return a subject with a profile of its own to change; a new one if there is none."""
        known = self.get(subject) or self._create(subject)
        return replace(known, profile=known.profile.copy())

    def _create(self, subject: SubjectId) -> Known:
        key = self._keyring.new_data_key()
        wrapped = self._keyring.wrap(key, context=context("data key", subject))
        profile = Profile()
        row = self._db.one(
            "INSERT INTO subject(pseudonym, wrapped, profile, consents) VALUES(?, ?, ?, 0) "
            "RETURNING id",
            (subject, wrapped, self._sealed(key, subject, profile)),
        )
        assert row is not None
        return Known(Owner(int(row[0]), subject, key), profile, 0)

    def _sealed(self, key: bytes, subject: SubjectId, profile: Profile) -> bytes:
        return seal(key, pack(profile), context=context("profile", subject))

    def save(self, known: Known, *, consents_changed: bool = False) -> Known:
        """Write a changed profile; count up if a consent decision came in."""
        saved = replace(known, consents=known.consents + consents_changed)
        owner = known.owner
        self._db.run(
            "UPDATE subject SET profile = ?, consents = ? WHERE id = ?",
            (self._sealed(owner.key, owner.subject, known.profile), saved.consents, owner.number),
        )
        self._opened[owner.subject] = saved
        return saved

    # -- identifiers -----------------------------------------------------------------------------

    def find(self, blind: str, *, bare: bool = False) -> list[SubjectId]:
        """Return the subjects of a blind index: one at most unless it is of a bare value."""
        rows = self._db.all(
            "SELECT pseudonym FROM identifier JOIN subject ON subject.id = identifier.subject "
            "WHERE blind = ? AND bare = ?",
            (blind, int(bare)),
        )
        return [SubjectId(pseudonym) for (pseudonym,) in rows]

    def erased(self, blind: str) -> bool:
        """Tell whether an identifier belongs to somebody who was erased."""
        return self._db.one("SELECT 1 FROM tombstone WHERE blind = ?", (blind,)) is not None

    def add_identifiers(self, owner: Owner, exact: Iterable[str], bare: Iterable[str]) -> None:
        """Record a subject's identifiers.

        Raises
        ------
        ConsentError, BusyError
            If between the gateway's check and now the person was erased, or somebody else came to
            hold the identifier.
        """
        exact = list(exact)
        for blind in exact:
            if self.erased(blind):
                raise ConsentError("this person was erased on request: their data is not taken in")
            if any(found != owner.subject for found in self.find(blind)):
                raise BusyError("another program has changed whose identifier this is; try again")
        rows = [(blind, owner.number, 0) for blind in exact]
        rows += [(blind, owner.number, 1) for blind in bare]
        self._db.run_many(
            "INSERT INTO identifier(blind, subject, bare) VALUES(?, ?, ?) ON CONFLICT DO NOTHING",
            rows,
        )

    def erase(self, owner: Owner) -> None:
        """Remove a subject's row and data key; what hangs on it goes too. Tombstones remain."""
        self._db.run(
            "INSERT INTO tombstone(blind) SELECT blind FROM identifier WHERE subject = ? "
            "AND bare = 0 ON CONFLICT DO NOTHING",
            (owner.number,),
        )
        self._db.run("DELETE FROM subject WHERE id = ?", (owner.number,))
        self.forget(owner.subject)
