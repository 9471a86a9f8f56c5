"""The only door in: validation, identity, consent, pseudonyms; what cannot enter is quarantined."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.gateway.checks import (
    FACT_CATEGORIES,
    FACTS_BORDER,
    category_of,
    fact_faults,
    numbers,
    plain,
    sample_faults,
    stream_named,
)
from euthymia.gateway.contract import Admitted, BatchConsent, Consents, Identities
from euthymia.gateway.desk import ERASED, NO_IDENTIFIER, Desk
from euthymia.gateway.held import HeldSamples, Key, Pieces
from euthymia.gateway.intake import Intake
from euthymia.gateway.permits import Permits
from euthymia.gateway.quarantine import Quarantine
from euthymia.gateway.records import Registrar
from euthymia.gateway.warrant import vouch
from euthymia.ground.audit import Purpose
from euthymia.ground.clock import Clock, to_micros
from euthymia.ground.errors import SchemaError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import (
    Item,
    Observations,
    Person,
)
from euthymia.ground.row_numbers import RowNumbers
from euthymia.ground.schemas import Stream
from euthymia.ground.scope import Category
from euthymia.security.consent import Use
from euthymia.security.keys import Keyring
from euthymia.security.pseudonym import contact_hash

__all__ = ["BatchConsent", "Gateway"]

NOT_HANDED_OVER: Final = (
    "the reader counted these rows but did not hand them over: report this file"
)

_IDENTITY: Final = Use(Purpose.CARE, category=Category.RECORDS)
_HASHED: Final = re.compile(r"c-[a-z2-7]{16}")
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:#-]{0,63}")
"""What a label may look like; a longer or freer text may name somebody, and is hashed."""


class Gateway:
    """Checks what sources read; only what it admits can be stored.

    Parameters
    ----------
    keyring : Keyring
        For pseudonyms, blind indexes and contact hashes.
    identities, consents
        What is on record; the store answers.
    clock : Clock
        For "not in the future" and "in force now".
    clinical_basis : bool
        Clinical records enter for care without a consent on record (most clinics' legal basis).
    feature_only : collection of str
        Streams whose samples are used and not kept: they go to `Admitted.passing`, and need a
        consent that is in force now.
    """

    def __init__(
        self,
        *,
        keyring: Keyring,
        identities: Identities,
        consents: Consents,
        clock: Clock,
        clinical_basis: bool = True,
        feature_only: Collection[str] = (),
    ) -> None:
        self._pseudonym_key = keyring.derive("pseudonym")
        self._blind_key = keyring.derive("blind")
        self._contact_key = keyring.derive("contact")
        self._identities = identities
        self._consents = consents
        self._clock = clock
        self._clinical_basis = clinical_basis
        self._feature_only = frozenset(feature_only)

    def admit(
        self,
        items: Iterable[Item],
        *,
        source: str,
        file_name: str,
        file_digest: str,
        rows_in: int | None = None,
        batch_consent: BatchConsent | None = None,
        synthetic: bool = False,
    ) -> Admitted:
        """Check one file and return what may be stored, by pseudonym, and what may not and why.

        Parameters
        ----------
        items : iterable of Item
            What the source read. Persons, grants and zones count wherever they stand.
        rows_in : int, optional
            The rows of the file, where the source counts them on its own; else those it names.
        synthetic : bool
            The file is about nobody: everybody in it is marked so.

        Raises
        ------
        SchemaError
            If the reader hands over tables without the agreed columns, or more rows than it read.
        """
        now = self._clock()
        desk = Desk(
            self._identities,
            pseudonym_key=self._pseudonym_key,
            blind_key=self._blind_key,
            today=now.date(),
        )
        intake = Intake(desk, Quarantine(), to_micros(now))
        intake.sort(items)
        desk.enrol(intake.persons, intake.quarantine)
        intake.take_rejects()
        intake.take_grants()
        intake.take_zones()
        brought = {s: tuple(g for _, g in grants) for s, grants in intake.granted.items()}
        permits = Permits(
            self._consents,
            brought,
            batch=batch_consent,
            clinical_basis=self._clinical_basis,
            now=intake.now,
        )
        registrar = Registrar(self._blind_key, self._identities, desk, intake.now)
        tables = _Tables(intake, permits, registrar, self._contact_key, self._feature_only)
        tables.take_persons()
        for facts in intake.observations:
            tables.take_facts(facts)
        for (system, stream), pieces in intake.samples.items():
            for table in pieces.emptied():
                tables.take_samples(system, stream, table)
        registrar.take_back(intake.retracted, intake.quarantine)
        admitted = _assemble(tables, source, file_name, file_digest, rows_in)
        return vouch(_marked(admitted) if synthetic else admitted)


class _Tables:
    """The rows of one file on their way in: checked, split by subject, asked for consent."""

    def __init__(
        self,
        intake: Intake,
        permits: Permits,
        registrar: Registrar,
        contact_key: bytes,
        feature_only: frozenset[str],
    ) -> None:
        self.intake = intake
        self.permits = permits
        self.registrar = registrar
        self.facts: dict[SubjectId, list[pa.Table]] = {}
        self.samples: dict[Key, Pieces] = {}
        self.persons = intake.desk.persons()
        self.feature_only = feature_only
        self._contact_key = contact_key

    def take_persons(self) -> None:
        """Refuse identities where even clinical records need a consent that is not there."""
        at = np.array([self.intake.now])
        for subject, persons in list(self.persons.items()):
            refusal = self.permits.refusal(subject, _IDENTITY, at)
            if refusal is not None:
                rows = [person.row for person in persons]
                self.intake.quarantine.refuse(rows, refusal[1], subject)

    def take_facts(self, item: Observations) -> None:
        """Check observations and sort them by subject."""
        table = plain(item.table, FACTS_BORDER, "observations")
        table = self._sound(item.system, table, fact_faults(table, self.intake.now))
        purposes = [Purpose(text) for text in table.column("purpose").unique().to_pylist()]
        marks = self.registrar.note(item.system, item)
        for subject, own in self._by_subject(item.system, table):
            kept = own
            for purpose, category in product(purposes, FACT_CATEGORIES):
                use = Use(purpose, category=category)
                kept = self._permitted(subject, use, kept, category_of)
            self.facts.setdefault(subject, []).append(kept)
            if marks:
                self.registrar.take(subject, marks, kept.column("row").to_pylist())

    def take_samples(self, system: str, name: str, table: pa.Table) -> None:
        """Check samples of a stream and sort them by subject."""
        stream = stream_named(name)
        table = self._sound(system, table, sample_faults(stream, table, self.intake.now))
        table = self._hash_texts(stream, table)
        for subject, own in self._by_subject(system, table):
            use = Use(Purpose.MONITORING, stream=stream.name, category=stream.category)
            used_now = stream.name in self.feature_only
            kept = self._permitted(subject, use, own, used_now=used_now)
            self.samples.setdefault((subject, name), Pieces()).add(kept)

    def _sound(
        self, system: str, table: pa.Table, faults: Iterable[tuple[NDArray[np.bool_], str]]
    ) -> pa.Table:
        """Refuse rows that break a rule, each under its person; return the others."""
        bad = np.zeros(table.num_rows, np.bool_)
        for mask, reason in faults:
            wrong = table.select(["subject_id", "row"]).filter(pa.array(mask))
            names = wrong.column("subject_id")
            for value in names.unique().to_pylist():
                own = pc.is_null(names) if value is None else pc.equal(names, value)
                subject, why = self.intake.desk.match(SourceId(system, value or ""))
                told = ERASED if why == ERASED else reason
                rows = numbers(wrong.filter(own).column("row"))
                self.intake.quarantine.refuse(rows, told, subject)
            bad |= mask
        return table.filter(pa.array(~bad)) if bad.any() else table

    def _refuse(
        self,
        table: pa.Table,
        faults: Iterable[tuple[NDArray[np.bool_], str]],
        subject: SubjectId | None = None,
    ) -> pa.Table:
        bad = np.zeros(table.num_rows, np.bool_)
        for mask, reason in faults:
            self.intake.quarantine.refuse(numbers(table.column("row"))[mask], reason, subject)
            bad |= mask
        return table.filter(pa.array(~bad)) if bad.any() else table

    def _permitted(
        self,
        subject: SubjectId,
        use: Use,
        table: pa.Table,
        category_of: Callable[[pa.Table], pa.Array] | None = None,
        *,
        used_now: bool = False,
    ) -> pa.Table:
        """Refuse the rows of `use` that no consent covers; of facts, those of its category."""
        times = numbers(table.column("time"))  # a fact without a time: 1970, before any consent
        refusal = self.permits.refusal(subject, use, times, used_now=used_now)
        if refusal is None:
            return table
        bad, reason = refusal
        if category_of is not None:
            bad &= np.asarray(pc.equal(table.column("purpose"), use.purpose.value))
            bad &= np.asarray(pc.equal(category_of(table), use.category))
        return self._refuse(table, [(bad, reason)], subject)

    def _by_subject(self, system: str, table: pa.Table) -> Iterator[tuple[SubjectId, pa.Table]]:
        """Yield each subject's rows; refuse those of people who cannot be told or may not enter."""
        if not table.num_rows:
            return
        names = table.column("subject_id").combine_chunks()
        if not pa.types.is_dictionary(names.type):
            names = names.dictionary_encode()
        table = table.drop_columns(["subject_id"])
        codes = names.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        values = names.dictionary.to_pylist()
        if names.null_count:
            table = self._refuse(table, [(codes < 0, NO_IDENTIFIER)])
            codes = codes[codes >= 0]
        for code, own in _split(table, codes):
            subject, reason = self.intake.desk.match(SourceId(system, values[code]))
            if subject is None:
                self.intake.quarantine.refuse(numbers(own.column("row")), reason)
            else:
                yield subject, own

    def _hash_texts(self, stream: Stream, table: pa.Table) -> pa.Table:
        """Replace texts (a contact, an app) that are neither keyed hashes nor labels."""
        for spec in stream.fields:
            if spec.type != pa.string() or not table.num_rows:
                continue
            column = table.column(spec.name).combine_chunks()
            if not pa.types.is_dictionary(column.type):
                column = column.dictionary_encode()
            plain_text = _LABEL if spec.label else _HASHED
            hashed = [
                text if plain_text.fullmatch(text) else contact_hash(self._contact_key, text)
                for text in column.dictionary.to_pylist()
            ]
            texts = pa.array(hashed, pa.string()).take(column.indices)
            table = table.set_column(table.column_names.index(spec.name), spec.name, texts)
        return table


def _split(table: pa.Table, codes: NDArray[Any]) -> Iterator[tuple[int, pa.Table]]:
    """Yield (code, its rows in order) for each code."""
    if not len(codes):
        return
    if bool(np.all(codes == codes[0])):
        yield int(codes[0]), table
        return
    order = np.argsort(codes, kind="stable")
    ordered, ranked = table.take(pa.array(order)), codes[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    for start, end in zip(starts, [*starts[1:], len(ranked)], strict=True):
        yield int(ranked[start]), ordered.slice(start, end - start)


_Key = TypeVar("_Key")
_Entry = TypeVar("_Entry")


def _sound_parts(
    tables: Mapping[_Key, Iterable[pa.Table]], quarantine: Quarantine, named: RowNumbers
) -> Iterator[tuple[_Key, pa.Table]]:
    """Yield each one's tables without the rows of which another part was refused.

    What is left is noted in `named`.
    """
    for key, parts in tables.items():
        for part in parts:
            rows = numbers(part.column("row"))
            bad = quarantine.holds(rows)
            table = part.filter(pa.array(~bad)) if bad.any() else part
            named.add(rows[~bad])
            if table.num_rows:
                yield key, table


def _whole(
    tables: Mapping[_Key, Iterable[pa.Table]], quarantine: Quarantine, named: RowNumbers
) -> dict[_Key, pa.Table]:
    """Join what `_sound_parts` yields."""
    parts: dict[_Key, list[pa.Table]] = {}
    for key, table in _sound_parts(tables, quarantine, named):
        parts.setdefault(key, []).append(table)
    return {key: pa.concat_tables(own) for key, own in parts.items()}


def _held(
    samples: Mapping[Key, Pieces], quarantine: Quarantine, named: RowNumbers
) -> dict[Key, Pieces]:
    """Do as `_whole` with what is held in pieces, emptying those it came in."""
    kept: dict[Key, Pieces] = {}
    emptied = {key: pieces.emptied() for key, pieces in samples.items()}
    for key, table in _sound_parts(emptied, quarantine, named):
        kept.setdefault(key, Pieces()).add(table)
    return kept


def _kept(
    by_subject: Mapping[SubjectId, Iterable[_Entry]],
    row_of: Callable[[_Entry], int],
    quarantine: Quarantine,
) -> dict[SubjectId, tuple[_Entry, ...]]:
    kept = {
        subject: tuple(item for item in items if not quarantine.holds_row(row_of(item)))
        for subject, items in by_subject.items()
    }
    return {subject: items for subject, items in kept.items() if items}


def _assemble(
    tables: _Tables, source: str, file_name: str, file_digest: str, rows_in: int | None
) -> Admitted:
    intake, quarantine, feature_only = tables.intake, tables.intake.quarantine, tables.feature_only
    named = RowNumbers()
    facts = _whole(tables.facts, quarantine, named)
    samples = _held(tables.samples, quarantine, named)
    persons = _kept(tables.persons, lambda person: person.row, quarantine)
    grants = _kept(intake.granted, lambda pair: pair[0], quarantine)
    zones = _kept(intake.moved, lambda change: change[0], quarantine)
    directory = tuple(d for d in intake.directory if not quarantine.holds_row(d.row))
    records = tables.registrar.kept(quarantine)
    present = {*facts, *persons, *grants, *zones, *(subject for subject, _ in samples)}
    told_of = {*present, *records}  # who only loses a record agrees to nothing
    indexes = {subject: intake.desk.indexes(subject) for subject in sorted(told_of)}
    for subject in present:
        batch = tuple((0, grant) for grant in tables.permits.from_batch(subject))
        if batch:
            grants[subject] = (*grants.get(subject, ()), *batch)
    single = [p.row for people in persons.values() for p in people]
    single += [row for decisions in grants.values() for row, _ in decisions]
    single += [row for changes in zones.values() for row, _, _ in changes]
    single += [d.row for d in directory]
    single += [mark.row for marks in records.values() for mark in marks if mark.gone]
    named.add(np.array([row for row in single if row > 0], np.int64))
    total = len(named) + quarantine.total
    if rows_in is not None and rows_in < total:
        raise SchemaError("the reader handed over more rows than it counted: report this file")
    if rows_in is not None and rows_in > total:
        quarantine.count(0, rows_in - total, NOT_HANDED_OVER)
    return Admitted(
        source=source,
        file_digest=file_digest,
        file_name=file_name,
        rows_in=total if rows_in is None else rows_in,
        people=persons,
        blind_indexes={subject: pair[0] for subject, pair in indexes.items()},
        bare_indexes={subject: pair[1] for subject, pair in indexes.items()},
        grants=grants,
        zones=zones,
        observations=facts,
        samples=HeldSamples({k: own for k, own in samples.items() if k[1] not in feature_only}),
        directory=directory,
        quarantined=quarantine.groups(),
        passing={k: own.whole() for k, own in samples.items() if k[1] in feature_only},
        records=records,
        said={who: pa.concat_tables(told) for who, told in tables.registrar.said.items()},
    )


def _marked(batch: Admitted) -> Admitted:
    """Return a batch in which a record of everybody says that they are made up (row 0: no row)."""
    mark = Person(row=0, identifiers=(), synthetic=True)
    marked = {
        subject: tuple(replace(p, synthetic=True) for p in batch.people.get(subject, (mark,)))
        for subject in sorted(batch.subjects)
        if batch.blind_indexes[subject]  # who only loses a record is not in the file
    }
    return replace(batch, people=marked)
