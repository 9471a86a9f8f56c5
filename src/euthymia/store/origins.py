"""Which record of its source an observation stands on.

A record that its source writes anew takes the observations of its older writing with it, unless
they still stand on it or on another record; one that never held (FHIR's `entered-in-error`) takes
them all. Of the writings of one record the newest counts, in whatever order they come; of two of
one instant, the later one to come, and above it the one that says that it never held. Observations
of sources that do not name their records stand on none, and stay.

One block a person holds it: a row says that an observation stands on a record as written at an
instant; observation 0 is none, so that what was taken back is not taken in again.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.schemas import WRITTEN
from euthymia.store.frame import TEXT, Column, Frame, rows_of

ORIGINS: Final = "origins"
"""The kind of the block."""
COLUMNS: Final = {"record": "i8", "revised": "i8", "fact": "i8"}
NO_FACT: Final = 0

Ints = NDArray[np.int64]
Marks = NDArray[np.bool_]
_ASIDE: Final = frozenset({"purpose", "sensitivity"})
"""Why an observation came in, and that it once came with a label, make no other one of it."""
_NEVER: Final = np.iinfo(np.int64).min
_MULTIPLY: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFT: Final = tuple(map(np.uint64, (30, 27, 31)))


def digests(frame: Frame) -> Ints:
    """Return a number of each row's content; equal rows have the same in any frame.

    Splitmix64 over the columns (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195), a text
    standing for its BLAKE2b. `NO_FACT` is nobody's.
    """
    found = np.ones(rows_of(frame), np.uint64)
    for name, column in frame.items():
        if name not in _ASIDE:
            found = _mixed(found ^ _bits(column))
    told = found.view(np.int64)
    told[told == NO_FACT] = 1
    return told


def _bits(column: Column) -> NDArray[np.uint64]:
    if column.kind == TEXT:
        pool = np.array([_of_text(text) for text in column.pool] or [0], np.uint64)
        bits = pool[column.values]
    elif column.kind == "f8":
        bits = (column.values + 0.0).view(np.uint64)
    else:
        bits = column.values.astype(np.int64).view(np.uint64)
    bits = bits + np.uint64(2)
    return bits if column.valid is None else np.where(column.valid, bits, np.uint64(1))


@lru_cache(maxsize=4096)
def _of_text(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for multiply, shift in zip(_MULTIPLY, _SHIFT, strict=False):
        bits = (bits ^ (bits >> shift)) * multiply
    return bits ^ (bits >> _SHIFT[-1])


@dataclass(frozen=True, slots=True)
class Origins:
    """What stands on what: arrays of one length."""

    record: Ints
    revised: Ints
    fact: Ints

    @classmethod
    def of(cls, frame: Frame | None) -> "Origins":
        """Return what a block holds."""
        nothing = np.zeros(0, np.int64)
        return cls(*(nothing if frame is None else frame[name].values for name in COLUMNS))

    def frame(self) -> dict[str, Column]:
        """Return it as a block is written."""
        columns = {"record": self.record, "revised": self.revised, "fact": self.fact}
        return {name: Column(kind, columns[name]) for name, kind in COLUMNS.items()}

    def take(self, places: Marks) -> "Origins":
        """Return some of its rows."""
        return Origins(self.record[places], self.revised[places], self.fact[places])

    def joined(self, other: "Origins") -> "Origins":
        """Return both, each row once, in order."""
        rows = np.unique(
            np.stack(
                [
                    np.concatenate([self.record, other.record]),
                    np.concatenate([self.revised, other.revised]),
                    np.concatenate([self.fact, other.fact]),
                ]
            ),
            axis=1,
        )
        return Origins(*rows)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a file's observations come to.

    `stored`: which of them are taken in; `news`: which of the others changed something; `origins`:
    what stands on what from now on, None: as before; `gone`: digests of observations to be removed.
    """

    stored: Marks
    news: Marks
    origins: Origins | None
    gone: Ints


def written(table: pa.Table) -> tuple[Marks, Ints, Ints, Marks]:
    """Return of each observation whether its record is named, which, when written, whether void."""
    record, revised, void = (table.column(field.name).combine_chunks() for field in WRITTEN)
    named = record.is_valid().to_numpy(zero_copy_only=False)
    numbers = (column.fill_null(0).to_numpy() for column in (record, revised))
    return named, *numbers, void.fill_null(False).to_numpy(zero_copy_only=False)


def settle(held: Origins, table: pa.Table, facts: Ints) -> Settled:
    """Settle a file's observations, whose digests are `facts`, with what is held."""
    named, record, revised, void = written(table)
    if not named.any():
        return Settled(~named, np.zeros(named.size, np.bool_), None, facts[:0])
    known, place = np.unique(record[named], return_inverse=True)
    last = np.full(known.size, _NEVER)
    np.maximum.at(last, place, revised[named])
    newest = np.zeros(named.size, np.bool_)
    newest[named] = revised[named] == last[place]
    void_now = np.isin(known, record[newest & void])
    counting = _counting(held, known, last, void_now)
    counts = newest & np.isin(record, known[counting])
    taken_back = np.isin(record, known[void_now])
    void_at_last = counts & taken_back
    stands = counts & ~taken_back
    kept = held.take(~np.isin(held.record, known[counting]))
    fact = np.where(void_at_last, NO_FACT, facts)
    after = kept.joined(Origins(record[counts], revised[counts], fact[counts]))
    unknown = void_at_last & ~np.isin(record, held.record)  # of before it was told what stands
    candidates = np.concatenate([held.fact, facts[unknown]])
    gone = np.setdiff1d(candidates[candidates != NO_FACT], after.fact)
    same = all(
        np.array_equal(getattr(after, name), getattr(held, name)) for name in COLUMNS
    )  # both are in order
    already = held.take((held.fact == NO_FACT) & np.isin(held.record, record[void_at_last])).record
    news = void_at_last & ~np.isin(record, already)
    return Settled(stands | ~named, news, None if same else after, gone)


def _counting(held: Origins, records: Ints, last: Ints, void: Marks) -> Marks:
    """Tell which records are now as a file has them, written at `last`, and not as held."""
    before = _last_of(held, records)
    void_before = np.isin(records, held.record[held.fact == NO_FACT])
    counting: Marks = (last > before) | ((last == before) & (void | ~void_before))
    return counting


def _last_of(held: Origins, records: Ints) -> Ints:
    """Return when each record was last written as far as it is held."""
    known, place = np.unique(held.record, return_inverse=True)
    if not known.size:
        return np.full(records.size, _NEVER)
    last = np.full(known.size, _NEVER)
    np.maximum.at(last, place, held.revised)
    found = np.minimum(np.searchsorted(known, records), known.size - 1)
    return np.where(known[found] == records, last[found], _NEVER)
