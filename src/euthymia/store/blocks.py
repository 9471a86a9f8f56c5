"""Sealed blocks: one a person, kind and part (a UTC day of a stream, a year of observations).

A block's key is one integer, so that a person's days lie side by side and a range is one scan::

    subject (23 bits) | kind (12 bits) | part (20 bits)
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final

import numpy as np

from euthymia.ground.errors import IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.security.envelope import context, seal, unseal, unseal_all
from euthymia.security.key_tree import LIVE
from euthymia.store import chunk
from euthymia.store.chunks import Joined
from euthymia.store.frame import Column, Frame, kinds_of, rows_of
from euthymia.store.tables import COLUMNS, Tables

OBSERVATIONS: Final = "observations"
FEATURES: Final = "features/"
"""What stands before a family's name in the kind of its derived rows."""

MARK: Final = "mark"
"""The kind of the one block a person that says which commit changed anything of theirs last."""
SUMMARY: Final = "summary"
"""The kind of what was made of a person's record and holds while nothing of it changes."""

PART_BITS: Final = 20
KIND_BITS: Final = 12
SUBJECT_BITS: Final = 23
LAST_PART: Final = (1 << PART_BITS) - 1
_DIGEST_BYTES: Final = 16
_SHAPE_BYTES: Final = 6
_FORMAT: Final = 2
_AT_HAND: Final = 1 << 24

STORED: Final = "key, rows, sequence, shape, digest, sealed"
"""The columns of a block, as they are read and written."""

_PUT: Final = (
    f"INSERT INTO block({STORED}) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO UPDATE SET "
    "rows = excluded.rows, sequence = excluded.sequence, shape = excluded.shape, "
    "digest = excluded.digest, sealed = excluded.sealed"
)


OTHER_ROWS: Final = "a stored block has another number of rows than on record"
OTHER_SHAPE: Final = "a stored block has other columns than on record"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose blocks: the row number, the pseudonym, the data key, the epoch it was made in.

    `made` is 0 for keys that were made before there were epochs.
    """

    number: int
    subject: SubjectId
    key: bytes
    made: int


def block_key(number: int, kind: int, part: int) -> int:
    """Return the key of a block; the ranges are far beyond any clinic."""
    if not (0 <= number >> SUBJECT_BITS == 0 and 0 <= kind >> KIND_BITS == 0):
        raise OverflowError("more subjects or kinds than a block key can hold")
    if not 0 <= part <= LAST_PART:
        raise OverflowError("a date that a block key cannot hold")
    # int: SQLite would take a NumPy integer for a blob
    return int((((number << KIND_BITS) | kind) << PART_BITS) | part)


def split_key(key: int) -> tuple[int, int, int]:
    """Return (subject number, kind, part) of a block's key."""
    kind = (key >> PART_BITS) & ((1 << KIND_BITS) - 1)
    return key >> (PART_BITS + KIND_BITS), kind, key & LAST_PART


def named(names: Mapping[int, str], kind: int) -> str:
    """Return the name of a kind that a block is of; IntegrityError if nothing names it."""
    name = names.get(kind)
    if name is None:
        raise IntegrityError("blocks are of a kind that has no name any more; restore a backup")
    return name


def shape_of(kinds: Mapping[str, str]) -> int:
    """Return a number that stands for a frame's columns: their names, kinds and order."""
    columns = "\n".join(f"{name} {kind}" for name, kind in kinds.items())
    return _number_of(columns)


@cache
def _number_of(columns: str) -> int:
    return int.from_bytes(hashlib.blake2b(columns.encode(), digest_size=_SHAPE_BYTES).digest())


def _agree(shape: int, count: int, kinds: Mapping[str, str], rows: int) -> None:
    """Refuse a block that is not as its row in the table says; 0 is a shape of before shapes."""
    if shape not in {0, shape_of(kinds)}:
        raise IntegrityError(OTHER_SHAPE)
    if rows != count:
        raise IntegrityError(OTHER_ROWS)


def _place(owner: Owner, kind: str, part: int, sequence: int, shape: int) -> bytes:
    """Return what a block is bound to.

    Its format; the zone and epoch of its key; whose it is, of what stream, which part; the commit
    that wrote it; its columns. A key that was made before there were epochs has bound less.
    """
    if owner.made:
        key = (LIVE, owner.made)
        return context("block", _FORMAT, *key, owner.subject, kind, part, sequence, shape)
    if not sequence:
        return context("block", owner.subject, kind, part)
    return context("block", owner.subject, kind, part, sequence)


def _batches(found: Sequence[Sequence[Any]]) -> Iterator[Sequence[Sequence[Any]]]:
    """Cut rows of `STORED` into runs of so many sealed bytes that what they hold stays at hand."""
    first, size = 0, 0
    for nth, (*_, sealed) in enumerate(found):
        if size > _AT_HAND:
            yield found[first:nth]
            first, size = nth, 0
        size += len(sealed)
    yield found[first:]


class Blocks:
    """Reads and writes sealed blocks over one connection."""

    def __init__(self, tables: Tables, digest_key: bytes) -> None:
        self._tables, self._db = tables, tables.db
        self._digest_key = digest_key
        self._kinds: dict[str, int] = {}

    def forget(self) -> None:
        """Drop what was remembered: a transaction that named a new kind was taken back."""
        self._kinds.clear()

    def kind(self, name: str) -> int:
        """Return the number of a kind, giving it one if it has none (within a transaction)."""
        found = self.known_kind(name)
        if found is None:
            found = self._tables.insert_numbered("kind", "name", (name,))
            self._kinds[name] = found
        return found

    def known_kind(self, name: str) -> int | None:
        """Return the number of a kind; None if nothing of it was ever stored."""
        if name not in self._kinds:
            row = self._db.one("SELECT id FROM kind WHERE name = ?", (name,))
            if row is None:
                return None
            self._kinds[name] = row[0]
        return self._kinds[name]

    def kind_names(self) -> dict[int, str]:
        """Return every kind by its number."""
        return dict(self._db.all("SELECT id, name FROM kind"))

    def read(
        self,
        owner: Owner,
        kind: str,
        first: int = 0,
        last: int = LAST_PART,
        only: frozenset[int] | None = None,
    ) -> Iterator[tuple[int, dict[str, Column]]]:
        """Yield (part, rows) of the blocks from part `first` to `last`, or of `only` some."""
        for key, *stored in self._between(owner, kind, first, last):
            part = key & LAST_PART
            if only is None or part in only:
                yield part, self.open(owner, kind, part, *stored)

    def read_joined(
        self, owner: Owner, kind: str, first: int = 0, last: int = LAST_PART
    ) -> dict[str, Column] | None:
        """Return the rows of the blocks from part `first` to `last` as one; None without any."""
        found = list(self._between(owner, kind, first, last))
        if not found:
            return None
        whole = Joined(sum(row[1] for row in found))
        for some in _batches(found):
            places = [_place(owner, kind, row[0] & LAST_PART, row[2], row[3]) for row in some]
            data, edges = unseal_all(owner.key, [row[5] for row in some], places)
            view = memoryview(data)
            for (low, high), row in zip(pairwise(edges), some, strict=True):
                self._recognise(view[low:high], row[4])
            if not whole.add(data, edges, [row[1] for row in some]):
                raise IntegrityError(OTHER_ROWS)
        frame = whole.frame()
        if not {row[3] for row in found} <= {0, shape_of(kinds_of(frame))}:
            raise IntegrityError(OTHER_SHAPE)
        return frame

    def _between(self, owner: Owner, kind: str, first: int, last: int) -> Iterable[Sequence[Any]]:
        number = self.known_kind(kind)
        if number is None or first > last:
            return []
        ends = tuple(block_key(owner.number, number, p) for p in (max(first, 0), last))
        found = self._db.all(
            f"SELECT {STORED} FROM block WHERE key BETWEEN ? AND ? ORDER BY key",  # noqa: S608
            ends,
        )
        if len({row[0] for row in found}) < len(found):  # a server's tables can lose their keys
            raise IntegrityError("a stored block is there twice; restore a backup")
        return found

    def open(
        self,
        owner: Owner,
        kind: str,
        part: int,
        count: int,
        sequence: int,
        shape: int,
        digest: bytes,
        sealed: bytes,
    ) -> dict[str, Column]:
        """Unseal one block and check it against its row (`STORED`, from `rows` on).

        Raises
        ------
        IntegrityError
            If it is not the block that was written at this place.
        """
        opened = self._unsealed(owner, kind, part, sequence, shape, digest, sealed)
        frame = chunk.decode(opened)
        _agree(shape, count, kinds_of(frame), rows_of(frame))
        return frame

    def outline(
        self,
        owner: Owner,
        kind: str,
        part: int,
        count: int,
        sequence: int,
        shape: int,
        digest: bytes,
        sealed: bytes,
    ) -> dict[str, str]:
        """Do as `open`, every byte authenticated and no value decoded; return kinds of columns."""
        opened = self._unsealed(owner, kind, part, sequence, shape, digest, sealed)
        rows, kinds = chunk.outline(opened)
        _agree(shape, count, kinds, rows)
        return kinds

    def _unsealed(
        self,
        owner: Owner,
        kind: str,
        part: int,
        sequence: int,
        shape: int,
        digest: bytes,
        sealed: bytes,
    ) -> bytes:
        data = unseal(owner.key, sealed, context=_place(owner, kind, part, sequence, shape))
        self._recognise(data, digest)
        return data

    def write(self, owner: Owner, kind: str, parts: Sequence[tuple[int, Frame]]) -> None:
        """Write blocks in place of those at the same parts; a frame without rows removes one."""
        number, sequence = self.kind(kind), self._tables.upcoming()
        kept: list[tuple[int, int, int, int, bytes, bytes]] = []
        for part, frame in parts:
            key = block_key(owner.number, number, part)
            if not rows_of(frame):
                self._tables.delete("block", "key = ?", (key,))
                continue
            data, shape = chunk.encode(frame), shape_of(kinds_of(frame))
            place = _place(owner, kind, part, sequence, shape)
            sealed = seal(owner.key, data, context=place)
            kept.append((key, rows_of(frame), sequence, shape, self._digest(data), sealed))
        if kept:
            self._put(kept)
        if parts:
            self._mark(owner, kind)

    def _mark(self, owner: Owner, kind: str) -> None:
        """Note that the commit in the making changes something of a person."""
        if kind not in {MARK, SUMMARY}:
            changed = Column("i8", np.array([self._tables.upcoming()], np.int64))
            self.write(owner, MARK, [(0, {"changed": changed})])

    def _put(self, blocks: Sequence[tuple[int, int, int, int, bytes, bytes]]) -> None:
        keys = {block[0] for block in blocks}
        before = self._db.all(
            f"SELECT {COLUMNS['block']} FROM block WHERE key BETWEEN ? AND ?",  # noqa: S608
            (min(keys), max(keys)),
        )
        self._tables.removed("block", [row for row in before if row[0] in keys])
        counted = [(key, rows, sequence, digest) for key, rows, sequence, _, digest, _ in blocks]
        self._tables.added("block", counted)
        self._db.run_many(_PUT, blocks)

    def reseal(self, old: Owner, new: Owner) -> int:
        """Seal a person's blocks under another key, their content untouched; return how many."""
        ends = (block_key(old.number, 0, 0), block_key(old.number, (1 << KIND_BITS) - 1, LAST_PART))
        names = self.kind_names()
        changed = []
        found = self._db.all(
            f"SELECT {STORED} FROM block WHERE key BETWEEN ? AND ?",  # noqa: S608
            ends,
        )
        for key, _, sequence, shape, digest, sealed in found:
            _, number, part = split_key(key)
            kind = named(names, number)
            data = unseal(old.key, sealed, context=_place(old, kind, part, sequence, shape))
            self._recognise(data, digest)
            shown = shape or shape_of(chunk.outline(data)[1])
            again = seal(new.key, data, context=_place(new, kind, part, sequence, shown))
            changed.append((again, shown, key))
        self._db.run_many("UPDATE block SET sealed = ?, shape = ? WHERE key = ?", changed)
        return len(changed)

    def remove(self, owner: Owner, kind: str | None = None) -> None:
        """Remove all blocks of a person, or all of one kind."""
        low, high = 0, (1 << KIND_BITS) - 1
        if kind is not None:
            number = self.known_kind(kind)
            if number is None:
                return
            low = high = number
        ends = (block_key(owner.number, low, 0), block_key(owner.number, high, LAST_PART))
        if self._tables.delete("block", "key BETWEEN ? AND ?", ends) and kind is not None:
            self._mark(owner, kind)

    def list(self, owner: Owner) -> list[tuple[int, int, int, str]]:
        """Return (kind, part, rows, digest) of every block of a person; no value is read."""
        top = block_key(owner.number, (1 << KIND_BITS) - 1, LAST_PART)
        found = self._db.all(
            "SELECT key, rows, digest FROM block WHERE key BETWEEN ? AND ? ORDER BY key",
            (block_key(owner.number, 0, 0), top),
        )
        return [(*split_key(key)[1:], rows, digest.hex()) for key, rows, digest in found]

    def stamp(self, owner: Owner) -> int:
        """Return the commit that wrote or removed a block of a person last; 0 if it is not known.

        One row is read: a person's blocks are many pages, each to be deciphered. It is not opened:
        who can change the number can as well put the older row back, which no read would notice.
        `verify` and the hourly run of the alerts find either.
        """
        number = self.known_kind(MARK)
        if number is None:
            return 0
        key = block_key(owner.number, number, 0)
        row = self._db.one("SELECT sequence FROM block WHERE key = ?", (key,))
        return 0 if row is None else int(row[0])

    def _recognise(self, data: bytes | memoryview, digest: bytes) -> None:
        if self._digest(data) != digest:
            raise IntegrityError("a stored block is not the one on record; restore a backup")

    def _digest(self, data: bytes | memoryview) -> bytes:
        return hashlib.blake2b(data, digest_size=_DIGEST_BYTES, key=self._digest_key).digest()
