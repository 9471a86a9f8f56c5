"""Lines about a person that are added and never changed: what people did, and when it was known.

Each line has an id of its writer's choice; a line whose id is there already changes nothing, so
that it may be delivered twice. Lines rest sealed under the person's key, a block a year; a consent
that is withdrawn does not remove them (they say what people did), an erasure does.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from euthymia.ground.clock import Micros
from euthymia.store.frame import Frame, from_arrow, texts

LINES: Final = "lines/"
"""What stands before a journal's name in the kind of its blocks."""

SCHEMA: Final = pa.schema(
    [
        pa.field("time", pa.timestamp("us", tz="UTC")),
        pa.field("id", pa.string()),
        pa.field("text", pa.string()),
    ]
)


class Line(NamedTuple):
    """An instant, an id that only this line of the journal has, and what it says."""

    at: Micros
    id: str
    text: str


def unfold(frames: Iterable[Frame]) -> tuple[Line, ...]:
    """Return the lines of stored frames, by time and id."""
    found: list[Line] = []
    for frame in frames:
        times = frame["time"].values.tolist()
        found += map(Line, times, texts(frame["id"]), texts(frame["text"]))
    return tuple(sorted(found))


def fold(lines: Sequence[Line]) -> list[tuple[int, Frame]]:
    """Return lines as (year, frame), in order."""
    years = np.array([line.at for line in lines], "datetime64[us]").astype("datetime64[Y]")
    parts: dict[int, list[Line]] = {}
    for line, year in zip(lines, (years.astype(np.int64) + 1970).tolist(), strict=True):
        parts.setdefault(year, []).append(line)
    return [(year, _frame(sorted(own))) for year, own in sorted(parts.items())]


def _frame(lines: Sequence[Line]) -> Frame:
    columns = [list(column) for column in zip(*lines, strict=True)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return from_arrow(pa.table(arrays, schema=SCHEMA))


def added(held: Sequence[Line], new: Iterable[Line]) -> list[Line]:
    """Return those of the new lines whose id is not there yet, each id once."""
    known = {line.id for line in held}
    found = []
    for line in new:
        if line.id not in known:
            known.add(line.id)
            found.append(line)
    return found
