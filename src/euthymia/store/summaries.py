"""What was made of people's records and is kept beside them, for as long as it still holds.

One sealed text a person, under their own key: an erasure takes it with the rest, and so does any
decision about a consent. It is given back only where nothing of the record has changed since
(`stamp`), within the stretch that whoever made it named, and not past the next instant at which a
consent begins or ends. So whoever reads it reads what they would make of the record now.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Clock, Micros, to_micros
from euthymia.ground.errors import AccessError
from euthymia.ground.ids import SubjectId
from euthymia.security.ledger import Ledger
from euthymia.store.blocks import SUMMARY
from euthymia.store.consent import next_edge
from euthymia.store.frame import TEXT, Column, Frame
from euthymia.store.people import Known
from euthymia.store.upkeep import Upkeep


class Summary(NamedTuple):
    """A text made of one state of a record (`stamp`); it holds where `since` <= now < `until`."""

    stamp: str
    since: Micros
    until: Micros
    text: str


class Summaries(Upkeep):
    """The part of `SealedStore` that keeps summaries."""

    _ledger: Ledger
    _clock: Clock

    def stamp(self, subject: SubjectId) -> str:
        """See `Store.stamp`."""
        with self._reading():
            return self._stamp(self._people.need(subject))

    def _stamp(self, known: Known) -> str:
        changed = self._blocks.stamp(known.owner).to_bytes(8)
        profile = self._people.sealed_profile(known.owner.subject)
        return hashlib.blake2b(changed + profile, digest_size=16).hexdigest()

    def put_summaries(self, made: Mapping[SubjectId, Summary], audit: Entry) -> int:
        """Keep what was made of some people's records, in one commit; return of how many.

        Whoever's record is not as it was then any more, or was erased, is left out.
        """
        kept = 0
        with self._writing():
            for subject, summary in made.items():
                known = self._people.get(subject)
                if known is None or self._stamp(known) != summary.stamp:
                    continue
                edge = next_edge(known.profile.grants, summary.since)
                until = summary.until if edge is None else min(edge, summary.until)
                frame = _frame(summary._replace(until=until))
                self._blocks.write(known.owner, SUMMARY, [(0, frame)])
                kept += 1
            if kept:
                self._journal.announce(replace(audit, subject=None), {"summaries": kept})
        return kept

    def summaries(self, subjects: Iterable[SubjectId], audit: Entry) -> dict[SubjectId, str]:
        """Return what is kept of each of these people and still holds. For care alone."""
        if audit.purpose is not Purpose.CARE:
            raise AccessError("summaries are read for care only")
        now, found = to_micros(self._clock()), dict[SubjectId, str]()
        with self._reading():
            for subject in subjects:
                known = self._people.get(subject)
                if known is None:
                    continue
                for _, frame in self._blocks.read(known.owner, SUMMARY):
                    held = _summary(frame)
                    if held.since <= now < held.until and held.stamp == self._stamp(known):
                        found[subject] = held.text
        detail = {**audit.detail, "summary": True}
        told = [replace(audit, subject=subject, detail=detail) for subject in found]
        if told:
            self._ledger.write([self._ledger.encode(entry) for entry in told])
        return found


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Summary).decode


def _frame(summary: Summary) -> Frame:
    text = _encode(summary).decode()
    return {"summary": Column(TEXT, np.zeros(1, np.int32), None, (text,))}


def _summary(frame: Frame) -> Summary:
    return _decode(frame["summary"].pool[0])
