"""The subjects' rows: data keys, sealed profiles, blind identifiers, tombstones."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from euthymia.ground.errors import BusyError, ConsentError, IntegrityError, MissingError
from euthymia.ground.ids import SubjectId
from euthymia.security.envelope import KEY_BYTES, context, seal, unseal
from euthymia.security.key_tree import LEDGER, LIVE
from euthymia.security.keys import Keyring
from euthymia.store.blocks import Owner
from euthymia.store.profile import Profile, merged, pack, unpack
from euthymia.store.tables import Tables

STORED: Final = "id, wrapped, made, profile, consents"
"""The columns of a subject's row, as `People.open` takes them."""

MOVED: Final = (
    "a row of the database leads to another person than the one it was written for: it was changed "
    "from outside; restore a backup"
)
KEY_GONE: Final = (
    "a person's key for what the ledger tells of them is not in the database: it was changed from "
    "outside; restore a backup"
)


@dataclass(frozen=True, slots=True)
class Known:
    """One subject, opened. The profile is shared with readers: change a copy."""

    owner: Owner
    profile: Profile
    consents: int


def require_own(subject: SubjectId, holders: Iterable[SubjectId], *, erased: bool) -> None:
    """Refuse an identifier of somebody erased, or that another person holds (`holders`)."""
    if erased:
        raise ConsentError("this person was erased on request: their data is not taken in")
    if any(found != subject for found in holders):
        raise BusyError("another program has changed whose identifier this is; try again")


def unknown_subject() -> MissingError:
    """Return the error for a pseudonym that nobody has (any more)."""
    return MissingError("no such subject: it was never stored here, or was erased")


def detail_key(data_key: bytes) -> bytes:
    """Derive the key of a subject's ledger details: it goes when the data key goes."""
    info = context("euthymia", 1, "ledger detail")
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(data_key)


def key_place(subject: SubjectId, made: int = 0) -> bytes:
    """Return what a wrapped key is bound to: whose it is, and in which epoch it was made."""
    return context("data key", subject, made) if made else context("data key", subject)


def profile_place(owner: Owner) -> bytes:
    """Return what a profile is bound to; one under a key of before the epochs has bound less."""
    if owner.made:
        return context("profile", 2, LIVE, owner.made, owner.subject)
    return context("profile", owner.subject)


class People:
    """Reads and writes subjects over one connection, remembering those it opened."""

    def __init__(self, tables: Tables, keyring: Keyring) -> None:
        self._tables, self._db = tables, tables.db
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
                f"SELECT {STORED} FROM subject WHERE pseudonym = ?",  # noqa: S608 - a constant
                (subject,),
            )
            if row is None:
                return None
            known = self._opened[subject] = self.open(subject, *row)
        return known

    def open(
        self,
        subject: SubjectId,
        number: int,
        wrapped: bytes,
        made: int,
        profile: bytes,
        consents: int,
    ) -> Known:
        """Open one row of `subject` (`STORED`); IntegrityError if it is not what was written."""
        key = self._keyring.unwrap(wrapped, context=key_place(subject, made))
        owner = Owner(number, subject, key, made)
        content = unpack(unseal(key, profile, context=profile_place(owner)))
        if content.number not in {0, number}:
            raise IntegrityError(MOVED)
        return Known(owner, content, consents)

    def sealed_profile(self, subject: SubjectId) -> bytes:
        """Return the profile as it rests: other bytes after each change."""
        row = self._db.one("SELECT profile FROM subject WHERE pseudonym = ?", (subject,))
        if row is None:
            raise unknown_subject()
        return bytes(row[0])

    def merged(self, subject: SubjectId, blind_key: bytes) -> tuple[SubjectId, ...]:
        """See `Store.merged`."""
        rows = self._db.all("SELECT pseudonym FROM subject ORDER BY pseudonym")
        people = [(one, self.need(one).profile) for (name,) in rows if (one := SubjectId(name))]
        return merged(((one, held, held.known_as) for one, held in people), subject, blind_key)

    def need(self, subject: SubjectId) -> Known:
        """Return a subject; MissingError if there is none of that pseudonym."""
        known = self.get(subject)
        if known is None:
            raise unknown_subject()
        return known

    def remembered_detail_key(self, subject: SubjectId) -> bytes | None:
        """Return what `detail_key` found since `forget`; None if it was not asked."""
        return self._detail_keys.get(subject)

    def detail_key(self, subject: SubjectId) -> bytes | None:
        """Return the key of what the ledger tells of a subject; None if there is none of them."""
        key = self._detail_keys.get(subject)
        if key is None:
            known = self.get(subject)
            if known is None:
                return None
            key = self.zone_key(known.owner, LEDGER)
            if key is None and known.owner.made:
                raise IntegrityError(KEY_GONE)
            key = key or detail_key(known.owner.key)  # of before there were epochs
            self._detail_keys[subject] = key
        return key

    def zone_key(self, owner: Owner, zone: str) -> bytes | None:
        """Return a subject's key in a zone other than `live`; None if there is none yet."""
        row = self._db.one(
            "SELECT wrapped FROM subject_key WHERE subject = ? AND zone = ?", (owner.number, zone)
        )
        if row is None:
            return None
        return self._keyring.unwrap(row[0], context=key_place(owner.subject), zone=zone)

    def put_zone_key(self, owner: Owner, zone: str, key: bytes) -> None:
        """Store a subject's key in a zone other than `live`, where there is none yet."""
        self._within_epoch(zone)
        wrapped = self._keyring.wrap(key, context=key_place(owner.subject), zone=zone)
        self._tables.insert("subject_key", "subject, zone, wrapped", (owner.number, zone, wrapped))

    def _within_epoch(self, zone: str) -> None:
        """See to it that no key is wrapped in an epoch that another process is about to destroy."""
        row = self._db.one("SELECT number FROM epoch WHERE zone = ?", (zone,))
        if row is not None and self._keyring.epochs(zone)[-1] < row[0]:
            self._keyring.reload()

    def editable(self, subject: SubjectId) -> Known:
        """Return a subject with a profile of its own to change; a new one if there is none."""
        known = self.get(subject) or self._create(subject)
        return replace(known, profile=known.profile.copy())

    def _create(self, subject: SubjectId) -> Known:
        self._within_epoch(LIVE)
        key, made = self._keyring.new_data_key(), self._keyring.epochs(LIVE)[-1]
        wrapped = self._keyring.wrap(key, context=key_place(subject, made))
        profile = Profile()
        owner = Owner(0, subject, key, made)
        number = self._tables.insert_numbered(
            "subject",
            "pseudonym, wrapped, made, profile, consents",
            (subject, wrapped, made, self.sealed(owner, profile), 0),
        )
        owner = replace(owner, number=number)
        self.put_zone_key(owner, LEDGER, self._keyring.new_data_key())
        return Known(owner, profile, 0)

    @staticmethod
    def sealed(owner: Owner, profile: Profile) -> bytes:
        """Return a profile as it is stored."""
        return seal(owner.key, pack(profile), context=profile_place(owner))

    def save(self, known: Known, *, consents_changed: bool = False) -> Known:
        """Write a changed profile; count up if a consent decision came in."""
        saved = replace(known, consents=known.consents + consents_changed)
        owner = known.owner
        sealed = self.sealed(owner, known.profile)
        self._tables.update(
            "subject",
            "profile = ?, consents = ?",
            (sealed, saved.consents),
            "id = ?",
            (owner.number,),
        )
        self._opened[owner.subject] = saved
        return saved

    # -- identifiers -----------------------------------------------------------------------------

    def find(self, blind: str, *, bare: bool = False) -> list[SubjectId]:
        """Return the subjects of a blind index: one at most unless it is of a bare value.

        Raises
        ------
        IntegrityError
            If it is not the identifier of whom the table says: rows were put together from two.
        """
        rows = self._db.all(
            "SELECT pseudonym FROM identifier JOIN subject ON subject.id = identifier.subject "
            "WHERE blind = ? AND bare = ?",
            (blind, int(bare)),
        )
        found = [SubjectId(pseudonym) for (pseudonym,) in rows]
        for subject in found:
            known_as = self.need(subject).profile.known_as
            if known_as and blind not in known_as:
                raise IntegrityError(MOVED)
        return found

    def erased(self, blind: str) -> bool:
        """Tell whether an identifier belongs to somebody who was erased."""
        return self._db.one("SELECT 1 FROM tombstone WHERE blind = ?", (blind,)) is not None

    def add_identifiers(self, known: Known, exact: Iterable[str], bare: Iterable[str]) -> bool:
        """Record a subject's identifiers; tell whether the profile, one's own, learnt of any.

        Raises
        ------
        ConsentError, BusyError
            If between the gateway's check and now the person was erased, or somebody else came to
            hold the identifier.
        """
        owner, exact, bare = known.owner, list(exact), list(bare)
        for blind in exact:
            require_own(owner.subject, self.find(blind), erased=self.erased(blind))
        rows = [(blind, owner.number, 0) for blind in exact]
        rows += [(blind, owner.number, 1) for blind in bare]
        for row in rows:
            self._tables.insert("identifier", "blind, subject, bare", row)
        return self.learn_identifiers(known) or known.profile.add_known_as([*exact, *bare])

    def learn_identifiers(self, known: Known) -> bool:
        """Have a profile of before it knew so note what identifiers lead to it, and its number."""
        if known.profile.known_as:
            return False
        known.profile.number = known.owner.number
        held = self._db.all("SELECT blind FROM identifier WHERE subject = ?", (known.owner.number,))
        return known.profile.add_known_as(blind for (blind,) in held)

    def erase(self, owner: Owner) -> None:
        """Remove a subject's row and data key; what hangs on it goes too. Tombstones remain."""
        own = (owner.number,)
        exact = self._db.all("SELECT blind FROM identifier WHERE subject = ? AND bare = 0", own)
        for blind in exact:
            self._tables.insert("tombstone", "blind", blind)
        for table in ("identifier", "file_subject", "reject", "subject_key"):
            self._tables.delete(table, "subject = ?", own)
        self._tables.delete("subject", "id = ?", own)
        self.forget(owner.subject)
