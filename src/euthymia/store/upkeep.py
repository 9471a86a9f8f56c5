"""What a store does beside reading and writing: erasures, new keys, copies."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

from euthymia.ground.audit import Entry
from euthymia.ground.errors import BusyError
from euthymia.ground.ids import SubjectId
from euthymia.security.key_tree import LEDGER, LIVE, RESEARCH, TRAIN
from euthymia.security.keys import Keyring
from euthymia.store.blocks import Blocks
from euthymia.store.connection import Database
from euthymia.store.files import Files
from euthymia.store.journal import Journal
from euthymia.store.people import People
from euthymia.store.rekey import Progress, Rekeying, Rotated
from euthymia.store.tables import Tables


class Upkeep(ABC):
    """The part of `SealedStore` that destroys and renews keys."""

    _db: Database
    _keyring: Keyring
    _lock: threading.RLock
    _tables: Tables
    _people: People
    _blocks: Blocks
    _files: Files
    _journal: Journal
    _rekeying: Rekeying
    _grouping: bool
    _to_finish: dict[str, int]

    @abstractmethod
    def _reading(self) -> AbstractContextManager[None]:
        """Hold one state of the database for the length of a read."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[None]:
        """Make one write."""

    def erase(self, subject: SubjectId, audit: Entry) -> str:
        """See `Store.erase`. Old pages are overwritten and the write-ahead log is cut to nothing.

        Raises
        ------
        BusyError
            The person is erased, but another program still reads the log that holds old pages:
            it is cut when the last program closes the database, or by the next erasure.
        """
        with self._reading():
            self._people.need(subject)
        with self._writing():
            owner = self._people.need(subject).owner
            # while nobody else writes: or another's erasure or rotation might wrap their key in it
            begun = {zone: self._rekeying.begin(zone) for zone in self._rekeying.zones()}
            self._blocks.remove(owner)
            self._files.forget(owner)
            self._people.erase(owner)
            for zone, number in begun.items():
                self._rekeying.wrap_all(zone, number)
            entry = self._journal.announce(replace(audit, subject=subject), {"erased": True})
        self._to_finish |= begun
        if not self._grouping:
            self._finish_erasures()
        return entry

    def _finish_erasures(self) -> None:
        """Destroy the epochs that an erased person's keys were wrapped in; cut the log."""
        begun, self._to_finish = self._to_finish, {}
        with self._lock, self._db.translated():
            for zone, number in begun.items():
                self._rekeying.finish(zone, number)
            self._db.scrub()

    def finish_erasures(self) -> None:
        """Do what erasures that were killed left undone: destroy epochs, cut the log.

        An epoch that a key is still wrapped in stays: a rotation is under way, or was stopped.
        """
        with self._lock, self._db.translated():
            for zone in (LIVE, RESEARCH, TRAIN, LEDGER):
                known = self._rekeying.keyring.epochs(zone)
                if len(known) > 1:
                    self._rekeying.finish_if_done(zone, known[-1])
            with suppress(BusyError):  # somebody reads the log: it is cut when they close it
                self._db.scrub()

    def tombstones(self) -> tuple[str, ...]:
        """Return the blind indexes of everybody who was erased, sorted."""
        with self._reading():
            rows = self._db.all("SELECT blind FROM tombstone ORDER BY blind")
        return tuple(blind for (blind,) in rows)

    def bury(self, blinds: Sequence[str], audit: Entry) -> list[SubjectId]:
        """Erase whoever has one of these blind indexes; take none of them in again."""
        gone = []
        for blind in blinds:
            with self._reading():
                found = self._people.find(blind)
            gone += found
            for subject in found:
                self.erase(subject, audit)
        with self._writing():
            new = [b for b in blinds if self._tables.insert("tombstone", "blind", (b,))]
            if new:
                self._journal.announce(replace(audit, subject=None), {"tombstones": len(new)})
        return gone

    def rotate(self, zone: str, audit: Entry, progress: Progress) -> Rotated:
        """Bring a zone under a new epoch: new data keys, blocks sealed anew, the old key destroyed.

        Readers and writers go on meanwhile. After a crash the next call goes on where it was.
        """
        with self._db.translated():
            made = self._rekeying.rotate(zone, audit, progress)
        with self._lock, self._db.translated():
            self._db.scrub()
        return made

    def census(self) -> Mapping[str, Mapping[int, tuple[int, int]]]:
        """Return {zone: {epoch: (subjects whose key is wrapped in it, their blocks)}}."""
        with self._reading():
            return self._rekeying.census()

    def copy_to(self, path: Path, while_nobody_commits: Callable[[], None]) -> None:
        """Write a copy of the database as an encrypted file; call back while nobody can commit."""
        with self._lock:
            self._db.copy_to(path, self._keyring, while_nobody_commits)
