"""Gather records that tell several things about several people, under the numbers they have.

A record is one row however many samples it makes: a change of the screen that tells the battery's
level too is one row in two streams. A record that cannot be read is refused under its own number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from euthymia.ground import schemas
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject, Samples
from euthymia.sources.shapes import samples

FLUSH_AT: Final = 100_000
Made = tuple[str, int, tuple[float | str | None, ...]]
"""What a record says: the stream, the instant [us], and values in the order of its fields."""
Adjust = Callable[[pa.Table], pa.Table]


@dataclass(slots=True)
class Recorded:
    """The records of one file.

    Attributes
    ----------
    source : str
        The source's name.
    place : str
        What a record is called in messages ("event").
    adjust : mapping
        By stream, what is done to a stretch of one person (units that only many samples tell).
    row : int
        The number of the record last taken.
    """

    source: str
    place: str
    adjust: Mapping[str, Adjust] = field(default_factory=dict)
    row: int = 0
    _samples: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    _refused: list[tuple[int, str]] = field(default_factory=list)
    _waiting: int = 0

    def take(self, who: str, made: Iterable[Made]) -> None:
        """Take one record that says what is `made`."""
        self.row += 1
        told = False
        for stream, time_us, values in made:
            self._samples.setdefault(stream, []).append((who, self.row, time_us, *values))
            told = True
            self._waiting += 1
        if not told:
            self._refused.append((self.row, "it says nothing that is kept"))

    def refuse(self, rule: str) -> None:
        """Refuse one record. `rule` holds no value of a person."""
        self.row += 1
        self._waiting += 1
        self._refused.append((self.row, rule))

    @property
    def full(self) -> bool:
        """Whether much has come together."""
        return self._waiting >= FLUSH_AT

    def flush(self) -> Iterator[Item]:
        """Yield what was gathered, and begin anew."""
        waiting, self._samples = self._samples, {}
        refused, self._refused = self._refused, []
        self._waiting = 0
        for stream, rows in waiting.items():
            yield from self._tables(stream, rows)
        start = 0
        for i, (row, rule) in enumerate(refused):
            if i + 1 < len(refused) and refused[i + 1] == (row + 1, rule):
                continue
            first = refused[start][0]
            where = f"{self.place} {first}" if i == start else f"{self.place}s {first} to {row}"
            yield Reject(first, f"{where}: {rule}", row - first + 1)
            start = i + 1

    def _tables(self, stream: str, rows: list[tuple[Any, ...]]) -> Iterator[Samples]:
        who, row, time_us, *columns = zip(*rows, strict=True)
        spec = schemas.STREAMS[stream].fields
        fields = {
            f.name: pa.array(column, f.type, from_pandas=True)
            for f, column in zip(spec, columns, strict=True)
        }
        system = device_id(self.source, "").system
        made = samples(
            *(system, stream, pa.array(who, pa.string())),
            *(np.array(row, np.int64), np.array(time_us, np.int64)),
            **fields,
        )
        adjust = self.adjust.get(stream)
        if adjust is None:
            yield made
            return
        names = made.table.column("subject_id")
        for name in names.unique().to_pylist():
            own = made.table.filter(pc.equal(names, name))
            yield Samples(system, stream, adjust(own))
