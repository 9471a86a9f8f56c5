"""A file's samples while they are on their way in: compressed in memory where there are many.

A phone's export holds millions of samples, and a file is stored whole or not at all. In memory they
take a tenth of the room, and nothing of a patient's is put on a disk unencrypted.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from euthymia.ground.ids import SubjectId

PIECE_ROWS: Final = 1 << 18
"""Of fewer rows nothing is compressed: they take some megabytes."""

_RISING: Final = {"row": pa.int64(), "time": pa.timestamp("us", tz="UTC")}
_STEPS: Final = b"steps"

Key = tuple[SubjectId, str]


class Pieces:
    """Tables with the same columns, in the order in which they came."""

    def __init__(self) -> None:
        self.rows = 0
        self._packed: list[pa.Buffer] = []
        self._loose: list[pa.Table] = []
        self._loose_rows = 0

    def add(self, table: pa.Table) -> None:
        """Add a table; what has come together is compressed once it is much."""
        if not table.num_rows:
            return
        if self._loose and table.schema != self._loose[0].schema:  # a text, once as a dictionary
            self._pack()
        self.rows += table.num_rows
        self._loose_rows += table.num_rows
        self._loose.append(table)
        if self._loose_rows >= PIECE_ROWS:
            self._pack()

    def _pack(self) -> None:
        self._packed.append(_packed(self._joined()))
        self._loose, self._loose_rows = [], 0

    def _joined(self) -> pa.Table:
        return pa.concat_tables(self._loose) if len(self._loose) > 1 else self._loose[0]

    def __iter__(self) -> Iterator[pa.Table]:
        """Yield the rows, some hundred thousand at a time."""
        for buffer in self._packed:
            yield _unpacked(buffer)
        if self._loose:
            yield self._joined()

    def emptied(self) -> Iterator[pa.Table]:
        """Yield the rows and forget them, so that they are not held twice."""
        self._packed.reverse()
        while self._packed:
            yield _unpacked(self._packed.pop())
        if self._loose:
            last = self._joined()
            self._loose, self._loose_rows = [], 0
            yield last
        self.rows = 0

    def whole(self) -> pa.Table:
        """Return all rows as one table; there must be any."""
        return pa.concat_tables(list(self))


def _packed(table: pa.Table) -> pa.Buffer:
    """Compress a table; of what rises from row to row, the steps: they repeat."""
    table = table.combine_chunks()
    rising = [name for name in _RISING if table.column(name).null_count == 0]
    for name in rising:
        values = table.column(name).chunk(0).view(pa.int64()).to_numpy()
        table = _with(table, name, pa.array(np.diff(values, prepend=np.int64(0))))
    table = table.replace_schema_metadata({_STEPS: ",".join(rising)})
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _unpacked(buffer: pa.Buffer) -> pa.Table:
    with pa.ipc.open_stream(buffer) as reader:
        table = reader.read_all().combine_chunks()
    rising = table.schema.metadata[_STEPS].decode()
    for name in rising.split(",") if rising else ():
        values = pa.array(np.cumsum(table.column(name).to_numpy()))
        table = _with(table, name, values.view(_RISING[name]))
    return table.replace_schema_metadata()


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    field = table.schema.field(name).with_type(values.type)
    return table.set_column(table.column_names.index(name), field, values)


class HeldSamples(Mapping[Key, pa.Table]):
    """Samples by person and stream; each look-up makes a table anew, so look once."""

    def __init__(self, held: Mapping[Key, Pieces]) -> None:
        self._held = held

    def __getitem__(self, key: Key) -> pa.Table:
        """Return all rows of somebody's stream."""
        return self._held[key].whole()

    def __iter__(self) -> Iterator[Key]:
        """Yield whose they are, and of which stream."""
        return iter(self._held)

    def __len__(self) -> int:
        """Return of how many streams of how many people there are any."""
        return len(self._held)

    def pieces(self, key: Key) -> Iterator[pa.Table]:
        """Yield the rows of somebody's stream, some hundred thousand at a time."""
        return iter(self._held[key])
