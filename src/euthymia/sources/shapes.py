"""Put what a reader has read into the tables of `ground.schemas`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground import schemas
from euthymia.ground.audit import Purpose
from euthymia.ground.records import Observations, Samples, Writing

OBSERVATION_ROWS: Final = pa.schema([*schemas.OBSERVATIONS, schemas.ROW])
FLUSH_AT: Final = 100_000


def samples(
    system: str,
    stream: str,
    subject: str | pa.Array,
    rows: NDArray[np.int64],
    time_us: NDArray[np.int64],
    /,
    **fields: Any,  # noqa: ANN401  (NumPy or Arrow arrays, or None)
) -> Samples:
    """Return one stretch of a stream.

    Parameters
    ----------
    subject : str or pyarrow.StringArray
        The source's own identifier: of all rows, or of each.
    rows, time_us : ndarray
        Row numbers; instants in microseconds UTC.
    **fields
        The stream's fields: arrays, or None where a nullable one is not in the source. NaN in a
        float array means empty.
    """
    schema = schemas.STREAMS[stream].border_schema
    size = len(rows)
    if stream == "location":
        fields["speed"] = _speed(fields.get("speed"))
    who = pa.repeat(pa.scalar(subject), size) if isinstance(subject, str) else subject
    given: dict[str, Any] = {"subject_id": who, "row": rows, "time": time_us, **fields}
    columns = [_column(given.get(f.name), f.type, size) for f in schema]
    return Samples(system, stream, pa.Table.from_arrays(columns, schema=schema))


def wearing(on: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """Return the fields of `recording_state` of a device that is on the wrist, or not."""
    return {
        "stream": np.full(on.size, "wristband", object),
        "on": on.astype(np.int8),
        "reason": np.array([None if worn else "not_worn" for worn in on.tolist()], object),
    }


def changes_of_wearing(off: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which epochs tell of wearing: those off the wrist, and the first that is on again."""
    before: NDArray[np.bool_] = np.append(False, off[:-1])
    return off | before


def _speed(
    values: NDArray[np.generic] | pa.Array | None,
) -> NDArray[np.generic] | pa.Array | None:
    """Return a speed, empty where it is negative: iOS writes -1 for one that it cannot tell."""
    if values is None or not len(values):
        return values
    given = values if isinstance(values, np.ndarray) else values.to_numpy(zero_copy_only=False)
    speed = np.asarray(given, np.float64)
    unknown = speed < 0
    return np.where(unknown, np.nan, speed) if unknown.any() else values


def _column(
    values: NDArray[np.generic] | pa.Array | None, kind: pa.DataType, size: int
) -> pa.Array:
    if values is None:
        return pa.nulls(size, kind)
    if isinstance(values, np.ndarray):
        return pa.array(values, from_pandas=values.dtype.kind == "f").cast(kind)
    return values if values.type == kind else values.cast(kind)


@dataclass(slots=True)
class Facts:
    """Observations gathered one by one, and made into tables by identifier system."""

    source: str
    purpose: Purpose = Purpose.CARE
    _rows: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    _written: dict[str, dict[int, Writing]] = field(default_factory=dict)

    def add(
        self,
        row: int,
        who: tuple[str, str],
        code: str,
        *,
        time_us: int | None = None,
        number: float | None = None,
        text: str | None = None,
        unit: str | None = None,
        labels: str | None = None,
        written: Writing | None = None,
    ) -> None:
        """Add one observation about the person `who` (system, value)."""
        system, value = who
        if written is not None:
            self._written.setdefault(system, {})[row] = written
        came = (self.purpose.value, self.source, labels, row)
        fact = (value, time_us, code, number, text, unit, *came)
        self._rows.setdefault(system, []).append(fact)

    def __len__(self) -> int:
        """Return how many observations wait."""
        return sum(map(len, self._rows.values()))

    def take(self) -> Iterator[Observations]:
        """Yield what was gathered, and begin anew."""
        waiting, self._rows = self._rows, {}
        written, self._written = self._written, {}
        for system, facts in sorted(waiting.items()):
            yield Observations(system, observations_table(facts), written.get(system, {}))


def observations_table(facts: Iterable[tuple[Any, ...]]) -> pa.Table:
    """Return tuples in the order of `OBSERVATION_ROWS` as a table."""
    columns = list(zip(*facts, strict=True)) or [()] * len(OBSERVATION_ROWS)
    arrays = [pa.array(column, f.type) for column, f in zip(columns, OBSERVATION_ROWS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=OBSERVATION_ROWS)


def hashed(words: pa.Array, hasher: Callable[[str], str]) -> pa.Array:
    """Return the keyed hash of each word; each different word is hashed once."""
    encoded = words.dictionary_encode()
    return pa.array(map(hasher, encoded.dictionary.to_pylist()), pa.string()).take(encoded.indices)


def codes(words: pa.Array, table: Mapping[str, int]) -> pa.Array:
    """Return the int8 code of each word; every word is in `table`."""
    places = pc.index_in(words, pa.array(list(table)))
    return pa.array(list(table.values()), pa.int8()).take(places)
