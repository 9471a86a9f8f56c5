"""What the in-memory reference remembers, and how rows and records come into it and out of it."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from euthymia.gateway.contract import Admitted, Holder, Mark
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Directory
from euthymia.ground.schemas import OBSERVATIONS, STREAMS
from euthymia.store.contract import RejectedRows, Removed
from euthymia.store.files import BLANK
from euthymia.store.frame import from_arrow
from euthymia.store.lines import Line
from euthymia.store.profile import Profile
from euthymia.store.records import NONE, Rows, buried, digests, settle
from euthymia.store.retract import marks_of, offered, still_meant
from euthymia.store.tally import Tally

Row = tuple[Any, ...]


@dataclass(slots=True)
class Person:
    """Everything about one person."""

    profile: Profile = field(default_factory=Profile)
    exact: set[str] = field(default_factory=set)
    bare: set[str] = field(default_factory=set)
    facts: dict[Row, Row] = field(default_factory=dict)
    records: Rows = field(default_factory=NONE.copy)
    samples: dict[str, dict[Row, Row]] = field(default_factory=dict)
    features: dict[str, dict[date, pa.Table]] = field(default_factory=dict)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    consents: int = 0
    detail_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))


@dataclass(slots=True)
class File:
    """What is remembered of a file."""

    digest: str | None
    rows_in: int
    rejects: tuple[RejectedRows, ...]
    whose: tuple[SubjectId | None, ...]
    consents: dict[SubjectId, int]


@dataclass(slots=True)
class State:
    """All that a transaction may have to take back."""

    subjects: dict[SubjectId, Person] = field(default_factory=dict)
    tombstones: set[str] = field(default_factory=set)
    files: list[File] = field(default_factory=list)
    directory: set[Directory] = field(default_factory=set)


def by_time(table: pa.Table) -> pa.Table:
    """Return a table sorted by time, nulls first; equal times in the order they came."""
    times = [(t is not None, t) for t in table.column("time").to_pylist()]
    order = sorted(range(len(times)), key=times.__getitem__)
    return table.take(pa.array(order, pa.int64()))


def add(
    held: dict[Row, Row],
    table: pa.Table,
    ignore: set[str],
    tally: Tally,
    *,
    kept: bool = True,
    used: bool = False,
) -> None:
    """Add the rows of a table that are not there yet; those not `kept` may have been `used`."""
    places = table.column("row").to_pylist()
    plain = table.drop_columns(["row"])
    fresh = []
    for place, record in zip(places, plain.to_pylist(), strict=True):
        key = tuple(value for name, value in record.items() if name not in ignore)
        if key not in held:
            held[key] = tuple(record.values())
            fresh.append(place)
    count = tally.rows if kept else tally.passed
    count(np.array(places, np.int64), np.array([] if used else fresh, np.int64))


def forget(file: File, subject: SubjectId) -> None:
    """Take an erased person out of a file's account."""
    people = {*file.consents, *file.whose} - {None}
    if subject not in people:
        return
    alone = people == {subject}
    file.consents.pop(subject, None)
    file.digest = None
    kept = [(r, w) for r, w in zip(file.rejects, file.whose, strict=True) if w != subject]
    file.rejects = tuple(replace(r, file=BLANK) if alone else r for r, _ in kept)
    file.whose = tuple(w for _, w in kept)


# -- records ---------------------------------------------------------------------------------------


def settle_records(
    person: Person, batch: Admitted, subject: SubjectId, tally: Tally
) -> tuple[pa.Table | None, tuple[Mark, ...], int]:
    """Take out what records do not give any more.

    Returns the facts that are to be stored, what was taken back, how many facts that removed.
    """
    table = batch.observations.get(subject)
    marks = still_meant(batch, subject, person.records)
    said = offered(batch.said.get(subject))
    settled = settle(person.records, offered(table), marks, said)
    removed = drop_facts(person, {f for facts in settled.dropped.values() for f in facts})
    person.records = settled.rows
    for mark in marks:
        if mark.gone:
            tally.row(mark.row, fresh=mark.row in settled.fresh)
    if table is not None:
        refused = table.column("row").to_numpy()[settled.refused]
        tally.rows(refused, refused[:0])
        table = table.filter(pa.array(~settled.refused))
    return table, settled.gone, removed


def drop_facts(person: Person, gone: Collection[int], *, write: bool = True) -> int:
    """Remove the facts of these digests; return how many there were."""
    names = OBSERVATIONS.names[1:]
    rows = [dict(zip(names, row, strict=True)) for row in person.facts.values()]
    table = pa.Table.from_pylist(rows, OBSERVATIONS.remove(0))
    return _drop(person.facts, table, gone, write=write)


def _drop(held: dict[Row, Row], table: pa.Table, gone: Collection[int], *, write: bool) -> int:
    if not held:
        return 0
    found = digests(from_arrow(table)).tolist()
    keys = [key for key, digest in zip(list(held), found, strict=True) if digest in gone]
    for key in keys if write else ():
        del held[key]
    return len(keys)


def take_back(person: Person, records: Mapping[int, int]) -> tuple[tuple[Mark, ...], int]:
    """Take back what is held of these records."""
    marks, none = marks_of(person.records, records), offered(None)
    settled = settle(person.records, none, marks, none)
    removed = drop_facts(person, {f for facts in settled.dropped.values() for f in facts})
    person.records = settled.rows
    return settled.gone, removed


def by_hand(
    person: Person, facts: pa.Table | None, samples: Mapping[str, pa.Table], *, write: bool
) -> Removed:
    """Remove the rows that are equal to these."""
    found = streams = 0
    if facts is not None:
        gone = set(offered(facts).fact.tolist())
        found = drop_facts(person, gone, write=write)
        if write and found:
            person.records = buried(person.records, gone)[0]
    for stream, own in samples.items():
        held, schema = person.samples.get(stream, {}), STREAMS[stream].schema
        rows = [dict(zip(schema.names, row, strict=True)) for row in held.values()]
        gone = set(digests(from_arrow(own.drop_columns(["row"]))).tolist())
        streams += _drop(held, pa.Table.from_pylist(rows, schema), gone, write=write)
    return Removed(0, found, streams)


def held_by(
    people: Mapping[SubjectId, Person], names: Collection[int]
) -> dict[int, tuple[Holder, ...]]:
    """Return who holds a record of these names."""
    found: dict[int, tuple[Holder, ...]] = {}
    for subject, person in people.items():
        pairs = {(int(row["name"]), int(row["record"])) for row in person.records}
        for name, record in sorted(pairs):
            if name in names:
                found[name] = (*found.get(name, ()), Holder(subject, record))
    return found
