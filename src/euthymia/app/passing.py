"""Feature-only streams: samples that give features in the run that reads them and are kept nowhere.

Files with such samples wait in memory until the run has read all of them (or holds very many), so
that a day in two files is seen whole. Then, person by person, one transaction stores what else the
files hold, notes the files as read, and writes the features: a crash leaves none or all of it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from euthymia.app.clinic import Clinic
from euthymia.app.facts import facts_of, with_facts
from euthymia.features.catalogue import families
from euthymia.features.contract import Columns, Family, Ints
from euthymia.features.rows import (
    as_columns,
    base_rows,
    compute_family,
    input_digests,
    local_days,
    segment_digests,
    spans,
)
from euthymia.gateway.contract import Admitted
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Timeline
from euthymia.ground.errors import ConsentError
from euthymia.ground.ids import SubjectId
from euthymia.ground.made_from import from_dropped
from euthymia.ground.schemas import STREAMS
from euthymia.store import chunk
from euthymia.store.contract import Receipt
from euthymia.store.frame import from_arrow, merge, to_arrow

JOB: Final = Actor("features job", "job")
MOST_ROWS: Final = 10_000_000  # held at once: half a gigabyte of location fixes

Waiting = tuple[Admitted, Entry]
Settled = tuple[Admitted, Receipt]


@dataclass
class Passing:
    """The files of one run whose samples are used and not kept, until they are settled."""

    clinic: Clinic
    most_rows: int = MOST_ROWS
    waiting: list[Waiting] = field(default_factory=list)

    def rows_of(self, digest: str) -> int | None:
        """Return the rows of a file that waits already under another name; None if it does not."""
        found = (b for b, _ in self.waiting if b.file_digest == digest and not b.quarantined)
        return next((batch.rows_in for batch in found), None)

    def add(self, batch: Admitted, audit: Entry) -> Iterator[Settled]:
        """Let a file wait; yield the files that are settled because of it."""
        self.waiting.append((batch, audit))
        if _says_who_is_who(batch):  # files read later depend on that
            yield from self.settle()
        elif sum(_samples(b) for b, _ in self.waiting) > self.most_rows:
            yield from self.settle(but=batch.subjects)

    def settle(self, but: frozenset[SubjectId] = frozenset()) -> Iterator[Settled]:
        """Store and use all that waits; the people in `but` wait on if somebody else waits too."""
        groups = _together([batch for batch, _ in self.waiting])
        audits = {id(batch): audit for batch, audit in self.waiting}
        later = [g for g in groups if any(batch.subjects & but for batch in g)]
        if len(later) == len(groups):
            later = []
        for group in groups:
            if group not in later:
                yield from self._settle_one([(batch, audits[id(batch)]) for batch in group])
        kept = {id(batch) for group in later for batch in group}
        self.waiting = [pair for pair in self.waiting if id(pair[0]) in kept]

    def _settle_one(self, group: Sequence[Waiting]) -> list[Settled]:
        """Store, and compute from memory, what some people's files hold: all of it or nothing."""
        store = self.clinic.store
        with store.grouped():
            done = [(batch, store.append(batch, audit)) for batch, audit in group]
            used = [batch for batch, receipt in done if receipt.feature_only]
            for who in sorted({subject for batch in used for subject, _ in batch.passing}):
                with suppress(ConsentError):  # withdrawn by a later file: nothing may be derived
                    _use(self.clinic, who, used)
        return done


def _says_who_is_who(batch: Admitted) -> bool:
    decided = any(row > 0 for grants in batch.grants.values() for row, _ in grants)
    named = any(person.row > 0 for people in batch.people.values() for person in people)
    return bool(batch.zones) or decided or named


def _samples(batch: Admitted) -> int:
    return sum(table.num_rows for table in batch.passing.values())


def _together(batches: Sequence[Admitted]) -> list[list[Admitted]]:
    """Return the batches in groups that have no person in common, in order."""
    of: dict[SubjectId, list[Admitted]] = {}
    for batch in batches:
        met = list({id(of[who]): of[who] for who in sorted(batch.subjects) if who in of}.values())
        group = met[0] if met else []
        for other in met[1:]:
            group += other
            of.update(dict.fromkeys((who for b in other for who in b.subjects), group))
        group.append(batch)
        of.update(dict.fromkeys(batch.subjects, group))
    return list({id(group): group for group in of.values()}.values())


# -- one person ----------------------------------------------------------------------------------


def _merged(who: SubjectId, batches: Sequence[Admitted]) -> dict[str, pa.Table]:
    """Return a person's passing samples by stream: in order, each once."""
    found = {}
    for stream in sorted(
        {s for batch in batches for subject, s in batch.passing if subject == who}
    ):
        parts = [b.passing[who, stream] for b in batches if (who, stream) in b.passing]
        whole = pa.concat_tables([part.drop_columns(["row"]) for part in parts])
        schema = STREAMS[stream].schema
        found[stream] = to_arrow(merge(None, from_arrow(whole)).frame, schema)
    return found


def _digest(clinic: Clinic, passed: Mapping[str, pa.Table]) -> str:
    """Return a keyed digest of samples: it says that two rows came from the same, and no more."""
    running = hashlib.blake2b(key=clinic.keyring.derive("feature-only"), digest_size=16)
    for stream, table in passed.items():
        running.update(stream.encode() + b"\n" + chunk.encode(from_arrow(table)))
    return running.hexdigest()


@dataclass
class _Sight:
    """What is known of one person while their samples pass: those, and what is stored."""

    clinic: Clinic
    who: SubjectId
    passed: Mapping[str, pa.Table]
    timeline: Timeline
    digests: Mapping[str, Mapping[int, str]]
    facts: dict[str, Columns] = field(default_factory=dict)

    def concerns(self, family: Family) -> bool:
        """Tell whether samples that pass have something to say in a family."""
        held = {*self.passed, *(stream for stream, days in self.digests.items() if days)}
        return bool(set(family.streams) & set(self.passed)) and (
            not family.needs or bool(set(family.needs) & held)
        )

    def streams(self, family: Family, days: Ints, audit: Entry) -> dict[str, Columns]:
        """Return a family's samples: those that pass, and the stored ones of the days' windows."""
        if family.base is not None:
            kept = self.clinic.store.features(self.who, family.base.name, audit)
            return {family.base.name: base_rows(family.base, kept, None)}
        read: dict[str, Columns] = dict(self.facts)
        for stream in family.streams:
            if stream in self.facts:
                continue
            table = self.passed.get(stream)
            for start, end in spans(family, self.timeline, days) if stream in self.digests else ():
                stored = self.clinic.store.samples(self.who, stream, start, end, audit)
                table = stored if table is None else _both(stream, table, stored)
            if table is not None:
                read[stream] = as_columns(table)
        return read

    def write(self, family: Family) -> None:
        """Compute one family's rows for the days on which samples pass, and store them.

        Those of its base come first: what they kept of earlier runs is looked back on.
        """
        if family.base is not None:
            self.write(family.base)
        own = {stream: self.passed[stream] for stream in family.streams if stream in self.passed}
        columns = {stream: as_columns(table) for stream, table in own.items()}
        days = local_days(family, columns, self.timeline)
        digests = with_facts(family, self.digests, self.facts)
        stored = input_digests(family, self.timeline, digests, days)
        used = _digest(self.clinic, own)
        audit = _audit(self.who, family, own)
        table = compute_family(
            family,
            self.streams(family, days, audit),
            self.timeline,
            days,
            subject=self.who,
            digests=digests,
            inputs=[from_dropped(digest, used) for digest in stored],
        )
        self.clinic.store.put_features(self.who, family.name, table, audit)


def _both(stream: str, one: pa.Table, other: pa.Table) -> pa.Table:
    return to_arrow(merge(from_arrow(one), from_arrow(other)).frame, STREAMS[stream].schema)


def _audit(who: SubjectId, family: Family, passed: Mapping[str, pa.Table]) -> Entry:
    detail: dict[str, str | int | float | bool] = {
        "family": family.name,
        "feature_only": ",".join(passed),
        "samples": sum(table.num_rows for table in passed.values()),
    }
    if family.lookback_days > 1 and family.base is None:  # a base's rows of earlier runs are kept
        detail["limit"] = "what came before this run is not known: places and habits start anew"
    return Entry(JOB, "compute features", Purpose.MONITORING, who, detail)


def _use(clinic: Clinic, who: SubjectId, batches: Sequence[Admitted]) -> None:
    """Write the features of one person's passing samples."""
    store = clinic.store
    digests = segment_digests(clinic.monitored_segments(who))
    sight = _Sight(clinic, who, _merged(who, batches), store.timeline(who), digests)
    for family in families().values():
        if sight.concerns(family):
            if family.codes and not sight.facts:
                audit = Entry(JOB, "compute features", Purpose.MONITORING, who, {})
                sight.facts.update(facts_of(clinic, who, audit))
            sight.write(family)
