"""People's summaries for the worklist: made of their records, and kept with them.

To read a record for one row of the worklist costs ten times what the row does. So the jobs that
change records keep what they come to (`keep`), and whoever shows the list reads that (`kept`). The
store gives a summary back only while nothing of the record has changed; it is not used under
another model, other settings or another version of this software either. It holds to the end of
the person's own day at most, because the days that an estimate and a silence are counted in are
local days; the estimate in it is of the instant that it names.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from euthymia import __version__
from euthymia.app.clinic import Clinic
from euthymia.app.estimates import WORKLIST_MODEL, estimate
from euthymia.app.on_demand import OnDemand
from euthymia.app.passed import with_passed
from euthymia.app.shelf import Model, Shelf
from euthymia.care.monitor.note import stored_note
from euthymia.care.summary import SubjectSummary, summarise
from euthymia.features.catalogue import families
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import SECOND_US, Micros, Timeline, to_micros
from euthymia.ground.errors import MissingError
from euthymia.ground.ids import SubjectId
from euthymia.models.contract import SubjectData
from euthymia.security.consent import consent_covers
from euthymia.store.consent import next_edge, unlabelled
from euthymia.store.summaries import Summary

VERSION: Final = (
    "2"  # a change of what a summary holds, or of how anything in it is found, needs a new one
)
PEOPLE_A_COMMIT: Final = 50
_HOUR_US: Final = 3600 * SECOND_US


@dataclass(frozen=True, slots=True)
class Dated:
    """A summary, of what instant it is, and until when it holds if nothing changes."""

    summary: SubjectSummary
    at: Micros
    until: Micros


class Summaries:
    """Makes summaries, keeps them, and finds those that are kept."""

    def __init__(self, clinic: Clinic, shelf: Shelf) -> None:
        self.clinic, self.shelf = clinic, shelf

    @classmethod
    def of(cls, clinic: Clinic) -> "Summaries":
        """Return those of a clinic, with its released models."""
        return cls(clinic, Shelf(clinic.registry, clinic.home.models))

    def model(self) -> Model | None:
        """Return the released model whose estimates are in them."""
        return self.shelf.get(WORKLIST_MODEL)

    def record(self, subject: SubjectId, audit: Entry) -> SubjectData:
        """Return a person's record now; without consent to monitoring, the clinical part alone."""
        store, now = self.clinic.store, to_micros(self.clinic.clock())
        monitored = consent_covers(store.grants(subject), Purpose.MONITORING, now)
        names = tuple(families()) if monitored else ()
        return SubjectData(
            subject=subject,
            observations=store.observations(subject, audit),
            features=OnDemand(names, lambda name: store.features(subject, name, audit)),
            attributes=store.attributes(subject, audit),
            seen_until=now,
            timeline=store.timeline(subject),
            segments=self.clinic.monitored_segments(subject) if monitored else {},
        )

    def make(self, data: SubjectData, audit: Entry) -> Dated:
        """Return the summary of a record at the instant that it was read (`data.seen_until`)."""
        store, subject, now = self.clinic.store, data.subject, data.seen_until
        grants, zones, model = store.grants(subject), store.timeline(subject), self.model()
        plain = replace(data, observations=unlabelled(data.observations))
        watched = self._watched() and consent_covers(grants, Purpose.MONITORING, now)
        found = estimate(model, plain, grants, now)
        summary = summarise(
            subject,
            observations=plain.observations,
            segments=with_passed(
                data.segments, data.features, self.clinic.config.gateway.feature_only
            ),
            zones=zones,
            prediction=found,
            predicted_at=now,
            threshold=model.threshold if model else None,
            doubt=model.doubt if model else "",
            died=data.attributes.get("deceased_on"),
            changed=stored_note(store, subject, audit, zones, now) if watched else None,
        )
        edges = [*_edges(data.observations, grants, zones, now)]
        if model and found and found.probability is not None and found.data_age_hours is not None:
            left = model.bundle.max_data_age_hours - found.data_age_hours
            edges.append(now + int(left * _HOUR_US) + 1)
        return Dated(summary, now, min(edges))

    def kept(self, subjects: Iterable[SubjectId], audit: Entry) -> dict[SubjectId, Dated]:
        """Return what is kept of these people and holds now."""
        made_by, found = self._made_by(), dict[SubjectId, Dated]()
        for subject, text in self.clinic.store.summaries(subjects, audit).items():
            by, _, body = text.partition(" ")
            if by != made_by:
                continue
            dated = _decode(b64decode(body))
            with suppress(MissingError):  # erased meanwhile
                zones = self.clinic.store.timeline(subject)
                found[subject] = replace(dated, summary=replace(dated.summary, zones=zones))
        return found

    def keep(self, actor: Actor) -> int:
        """Make and keep what is not kept of everybody; return of how many people."""
        store, audit = self.clinic.store, Entry(actor, "summarise", Purpose.CARE)
        everybody = store.subjects(audit)
        there = self.kept(everybody, audit)
        waiting = [subject for subject in everybody if subject not in there]
        done = 0
        for first in range(0, len(waiting), PEOPLE_A_COMMIT):
            made = {}
            for who in waiting[first : first + PEOPLE_A_COMMIT]:
                with suppress(MissingError):  # erased meanwhile
                    made[who] = self._to_keep(who, audit)
            done += store.put_summaries(made, audit)
        return done

    def _to_keep(self, subject: SubjectId, audit: Entry) -> Summary:
        stamp = self.clinic.store.stamp(subject)  # before anything is read
        audit = replace(audit, subject=subject)
        dated = self.make(self.record(subject, audit), audit)
        plain = replace(dated, summary=replace(dated.summary, zones=Timeline()))
        text = f"{self._made_by()} {b64encode(_encode(plain)).decode()}"
        return Summary(stamp, dated.at, dated.until, text)

    def _watched(self) -> bool:
        return self.clinic.home.watch.exists()

    def _made_by(self) -> str:
        """Return a digest of what summaries of everybody rest on, beside their records."""
        model = self.model()
        used = (
            *(__version__, VERSION, model.digest if model else "", str(self._watched())),
            *(self.clinic.config.clinic.time_zone, *self.clinic.config.gateway.feature_only),
        )
        return hashlib.blake2b(repr(used).encode(), digest_size=16).hexdigest()


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Dated).decode


def _edges(
    observations: pa.Table, grants: Iterable[GrantRecord], zones: Timeline, now: Micros
) -> Iterable[Micros]:
    """Yield the instants from which something may be said otherwise though nothing is stored.

    The person's day is over; a consent begins or ends; an observation that is dated ahead is due.
    """
    yield zones.start_of_day(int(zones.local_day(np.array([now], np.int64))[0]) + 1)
    edge = next_edge(grants, now)
    if edge is not None:
        yield edge
    times = observations["time"].drop_null().cast(pa.int64()).to_numpy()
    yield from times[times > now].tolist()
