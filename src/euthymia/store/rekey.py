"""New epochs in the database: keys wrapped anew, blocks sealed anew, old epochs destroyed.

Whatever the moment of a crash, each key is wrapped in an epoch whose key exists: an epoch is begun
on disk before anything is wrapped in it, the database then says that nothing may be wrapped in an
older one (`epoch`), and older ones are destroyed when nothing is.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from euthymia.ground.audit import Entry
from euthymia.ground.errors import IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.security.key_tree import LEDGER, LIVE
from euthymia.security.keys import Keyring
from euthymia.store.blocks import KIND_BITS, PART_BITS, Blocks
from euthymia.store.journal import Journal
from euthymia.store.people import People, key_place
from euthymia.store.tables import Tables

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rotated:
    """A new epoch: its number, how many subjects' keys came under it, how many blocks."""

    epoch: int
    subjects: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Rekeying:
    """Works within the store's writes (`writing` opens one)."""

    tables: Tables
    keyring: Keyring
    people: People
    blocks: Blocks
    journal: Journal
    writing: Callable[[], AbstractContextManager[None]]

    def zones(self) -> tuple[str, ...]:
        """Return the zones that subjects have keys in."""
        found = self.tables.db.all("SELECT DISTINCT zone FROM subject_key")
        return tuple(sorted({LIVE, *(zone for (zone,) in found)}))

    # -- new data keys ---------------------------------------------------------------------------

    def rotate(self, zone: str, audit: Entry, progress: Progress) -> Rotated:
        """Bring a zone under a new epoch; goes on with one that was begun and not finished."""
        self.keyring.reload()
        number = self._stopped(zone) or self.keyring.begin_epoch(zone)
        with self.writing():
            self._fence(zone, number)
            self.journal.announce(replace(audit, subject=None), {"epoch": number})
            waiting = self._older(number) if zone == LIVE else []
        blocks = 0
        for done, subject in enumerate(waiting):
            progress(done, len(waiting))
            with self.writing():
                blocks += self._renew(subject, number, audit)
        with self.writing():
            wrapped = self._wrap_anew(zone)
        self.finish(zone, number)
        if zone == LIVE:
            progress(len(waiting), len(waiting))
        return Rotated(number, len(waiting) or wrapped, blocks)

    def _stopped(self, zone: str) -> int | None:
        """Return the epoch of a rotation that was begun and not finished; None if there is none.

        An epoch that the database does not tell of (`_fence`) is left of an erasure that failed:
        it may be old, and keys that were made in it would not be renewed.
        """
        known = self.keyring.epochs(zone)
        with self.writing():
            row = self.tables.db.one("SELECT number FROM epoch WHERE zone = ?", (zone,))
        return known[-1] if len(known) > 1 and row == (known[-1],) else None

    def _older(self, number: int) -> list[SubjectId]:
        rows = self.tables.db.all(
            "SELECT pseudonym FROM subject WHERE made < ? ORDER BY id", (number,)
        )
        return [SubjectId(pseudonym) for (pseudonym,) in rows]

    def _renew(self, subject: SubjectId, number: int, audit: Entry) -> int:
        """Give one subject a new data key; return how many blocks were sealed anew."""
        known = self.people.get(subject)
        if known is None or known.owner.made >= number:  # erased meanwhile, or done by another
            return 0
        known = self.people.editable(subject)
        self.people.learn_identifiers(known)
        old = known.owner
        if self.people.zone_key(old, LEDGER) is None:  # the ledger's details stay readable
            detail = self.people.detail_key(subject)
            assert detail is not None
            self.people.put_zone_key(old, LEDGER, detail)
        new = replace(old, key=self.keyring.new_data_key(), made=number)
        blocks = self.blocks.reseal(old, new)
        wrapped = self.keyring.wrap(new.key, context=key_place(subject, number))
        self.tables.update(
            "subject",
            "wrapped = ?, made = ?, profile = ?",
            (wrapped, number, self.people.sealed(new, known.profile)),
            "id = ?",
            (new.number,),
        )
        self.people.forget(subject)
        self.journal.announce(replace(audit, subject=subject), {"epoch": number, "blocks": blocks})
        return blocks

    # -- wrapping anew ---------------------------------------------------------------------------

    def begin(self, zone: str) -> int:
        """Begin an epoch for `wrap_all`; what is wrapped in any before it will be unreadable."""
        return self.keyring.begin_epoch(zone)

    def wrap_all(self, zone: str, number: int) -> int:
        """Wrap every key of a zone in the newest epoch, within a write."""
        self.keyring.reload()
        self._fence(zone, number)
        return self._wrap_anew(zone)

    def _fence(self, zone: str, number: int) -> None:
        row = self.tables.db.one("SELECT number FROM epoch WHERE zone = ?", (zone,))
        if row is None or row[0] < number:
            self.tables.delete("epoch", "zone = ?", (zone,))
            self.tables.insert("epoch", "zone, number", (zone, number))

    def _wrap_anew(self, zone: str) -> int:
        current = self.keyring.epochs(zone)[-1]
        changed = []
        for number, pseudonym, made, wrapped in self._wrapped(zone):
            if self.keyring.epoch_of(wrapped) != current:
                place = key_place(SubjectId(pseudonym), made)
                key = self.keyring.unwrap(wrapped, context=place, zone=zone)
                changed.append((self.keyring.wrap(key, context=place, zone=zone), number))
        if zone == LIVE:
            self.tables.db.run_many("UPDATE subject SET wrapped = ? WHERE id = ?", changed)
        else:
            self.tables.db.run_many(
                "UPDATE subject_key SET wrapped = ? WHERE subject = ? AND zone = ?",
                [(*row, zone) for row in changed],
            )
        return len(changed)

    def _wrapped(self, zone: str) -> list[tuple[int, str, int, bytes]]:
        """Return (number, pseudonym, made, wrapped) of every key of a zone."""
        if zone == LIVE:
            return self.tables.db.all("SELECT id, pseudonym, made, wrapped FROM subject")
        return self.tables.db.all(
            "SELECT id, pseudonym, 0, subject_key.wrapped FROM subject_key "
            "JOIN subject ON subject.id = subject_key.subject WHERE zone = ?",
            (zone,),
        )

    def finish(self, zone: str, number: int) -> None:
        """Destroy the epochs before a number, if nothing is wrapped in them.

        Raises
        ------
        IntegrityError
            Something still is.
        """
        left = self.finish_if_done(zone, number)
        if left:
            raise IntegrityError(f"{left} keys are still wrapped in an old epoch: rotate again")

    def finish_if_done(self, zone: str, number: int) -> int:
        """Destroy the epochs before a number, unless something is wrapped in them: how many are."""
        with self.writing():
            left = sum(self.keyring.epoch_of(row[3]) < number for row in self._wrapped(zone))
        if not left:
            self.keyring.destroy_epochs(zone, number)
        return left

    # -- counting --------------------------------------------------------------------------------

    def census(self) -> Mapping[str, Mapping[int, tuple[int, int]]]:
        """Return {zone: {epoch: (subjects whose key is wrapped in it, their blocks)}}."""
        shift = 1 << (PART_BITS + KIND_BITS)
        rows = self.tables.db.all(f"SELECT key / {shift}, count(*) FROM block GROUP BY 1")  # noqa: S608
        blocks: dict[int, int] = dict(rows)
        found: dict[str, dict[int, tuple[int, int]]] = {}
        for zone in self.zones():
            subjects: Counter[int] = Counter()
            theirs: Counter[int] = Counter()
            for number, _, _, wrapped in self._wrapped(zone):
                epoch = self.keyring.epoch_of(wrapped)
                subjects[epoch] += 1
                theirs[epoch] += blocks.get(number, 0) if zone == LIVE else 0
            found[zone] = {epoch: (subjects[epoch], theirs[epoch]) for epoch in subjects}
        return found
