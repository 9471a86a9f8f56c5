"""Many blocks of the same columns at once: numbers go straight from their bytes to their place."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.errors import SchemaError
from euthymia.kernels import unpack
from euthymia.store.chunk import (
    DECIMAL,
    DELTA,
    MASK64,
    POWERS,
    RAW,
    UNSOUND,
    Effort,
    Header,
    Spec,
    damaged,
    decode_column,
    read_header,
    sound,
    values_of,
)
from euthymia.store.frame import DTYPES, OTHER_COLUMNS, TEXT, Column, join

Ints = NDArray[np.int64]

bytes_decoded: Final = Effort(1 << 20)
_FAST: Final = frozenset({"t", "i8", "f8", "f4"})


class _Batch(NamedTuple):
    """One column of some blocks: how it is written, and where in `data` its bytes begin."""

    specs: Sequence[Spec]
    data: bytes
    at: Ints
    rows: Ints

    def apart(self) -> list[Column]:
        """Return the column of each block."""
        parts = zip(self.specs, self.at.tolist(), self.rows.tolist(), strict=True)
        return [decode_column(s, self.data[low : low + s.size], n) for s, low, n in parts]


class _Numbers:
    """A column of numbers that grows to a length that is known."""

    def __init__(self, kind: str, size: int) -> None:
        self._kind, self._filled = kind, 0
        self._values = np.empty(size, DTYPES[kind])
        self._valid: NDArray[np.bool_] | None = None

    def add(self, batch: _Batch) -> None:
        first = self._filled
        self._filled += int(batch.rows.sum())
        out = self._values[first : self._filled]
        if any(spec.nulls for spec in batch.specs):
            self._add_apart(batch.apart(), first)
        elif not (self._kind in _FAST and _fill(batch, out)):
            parts = zip(batch.specs, batch.at.tolist(), batch.rows.tolist(), strict=True)
            values = [values_of(s, batch.data[low : low + s.size], n) for s, low, n in parts]
            np.concatenate(values, out=out)

    def _add_apart(self, parts: Sequence[Column], first: int) -> None:
        if self._valid is None:
            self._valid = np.ones(self._values.size, np.bool_)
        for part in parts:
            last = first + len(part)
            self._values[first:last] = part.values
            if part.valid is not None:
                self._valid[first:last] = part.valid
            first = last

    def column(self) -> Column:
        return Column(self._kind, self._values, self._valid)


class _Texts:
    """A column of texts: each block has a pool of its own."""

    def __init__(self) -> None:
        self._parts: list[Column] = []

    def add(self, batch: _Batch) -> None:
        self._parts += batch.apart()

    def column(self) -> Column:
        return join([{"": part} for part in self._parts])[""]


class Joined:
    """The rows of blocks of the same columns, one after the other.

    Blocks are added some at a time, so that what is decoded is read while it is still in the
    processor's cache, and the memory it lay in is used again.

    Parameters
    ----------
    rows : int
        How many rows all blocks have.
    """

    def __init__(self, rows: int) -> None:
        self._size, self._left = rows, rows
        self._shape: list[tuple[str, str]] | None = None
        self._columns: dict[str, _Numbers | _Texts] = {}

    def add(self, data: bytes, edges: Sequence[int], rows: Sequence[int] | None = None) -> bool:
        """Add blocks: block k is the bytes `edges[k]` to `edges[k + 1]` of `data`.

        Returns
        -------
        bool
            False, and nothing is added, if they do not have as many rows as `rows` says, or
            together more than there is room for.

        Raises
        ------
        IntegrityError
            If anything is not as `encode` writes it.
        SchemaError
            If the columns of two blocks are not the same.
        """
        view = memoryview(data)
        read = [read_header(view[low:high]) for low, high in pairwise(edges)]
        headers = [header for header, _ in read]
        told = [header.rows for header in headers]
        if (rows is not None and told != list(rows)) or sum(told) > self._left:
            return False
        self._left -= sum(told)
        shape = self._shaped(headers)
        at = np.array([start for _, start in read], np.int64) + np.array(edges[:-1], np.int64)
        count = np.array(told, np.int64)
        for place, (name, _) in enumerate(shape):
            specs = [header.columns[place] for header in headers]
            if not all(sound(spec, n) for spec, n in zip(specs, told, strict=True)):
                raise damaged(UNSOUND)
            if name not in self._columns:
                kind = specs[0].kind
                self._columns[name] = _Texts() if kind == TEXT else _Numbers(kind, self._size)
            self._columns[name].add(_Batch(specs, data, at, count))
            at = at + np.array([spec.size for spec in specs], np.int64)
        return True

    def _shaped(self, headers: Sequence[Header]) -> list[tuple[str, str]]:
        """Return (name, kind) of each column, the same in all blocks so far."""
        shape = self._shape or [(spec.name, spec.kind) for spec in headers[0].columns]
        for header in headers:
            if [(spec.name, spec.kind) for spec in header.columns] != shape:
                raise SchemaError(OTHER_COLUMNS)
        self._shape = shape
        return shape

    def frame(self) -> dict[str, Column]:
        """Return the rows of all blocks, of which there was at least one."""
        return {name: self._columns[name].column() for name, _ in self._shape or []}


def _fill(batch: _Batch, out: NDArray[Any]) -> bool:
    """Put numbers without nulls into `out`; False, and nothing is done, if they must be looked at.

    One by one they are looked at where a block has no rows or not the bytes of its rows, and in a
    process that has decoded less than a megabyte: loading compiled code would take longer.
    """
    specs, data, at, rows = batch
    if bytes_decoded.still_small(sum(spec.size for spec in specs)):
        return False
    coding = np.array([spec.coding for spec in specs], np.int64)
    width = np.array([spec.width for spec in specs], np.int64)
    size = np.array([spec.size for spec in specs], np.int64)
    if not bool(np.all((rows > 0) & (size == width * (rows - (coding == DELTA))))):
        return False
    # a raw column has neither step nor base, whatever is written there
    step = np.array([1 if s.coding == RAW else s.step for s in specs], np.uint64)
    base = np.array([0 if s.coding == RAW else s.base & MASK64 for s in specs], np.uint64)
    how = np.frombuffer(data, np.uint8), at, rows, width, step, base
    if specs[0].kind in {"t", "i8"}:
        first = np.array([spec.scale & MASK64 for spec in specs], np.uint64)
        unpack.whole_blocks(*how, coding == DELTA, first, out.view(np.uint64))
        return True
    power = np.array([POWERS[s.scale] if s.coding == DECIMAL else 0.0 for s in specs])
    blocks = unpack.real_blocks if specs[0].kind == "f8" else unpack.single_blocks
    if not blocks(*how, power, out):
        raise damaged("a number is out of range")
    return True
