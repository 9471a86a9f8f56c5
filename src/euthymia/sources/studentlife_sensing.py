"""StudentLife's `sensing` folder: one CSV a stream and student, times in seconds since 1970.

Wang, Chen, Chen, Li et al. 2014, "StudentLife", UbiComp. Places of a network have no altitude and
no speed (they are written as 0). Of locks and of darkness the study told only those of an hour or
more: what a phone did in between is not to be known from them, so they are no record of its screen.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Context, Opened
from euthymia.sources.shapes import hashed, samples
from euthymia.sources.table import Chunk, Layout, fits, read_table, split_line

SYSTEM: Final = device_id("studentlife", "").system
_NAMED: Final = re.compile(r"(?P<stream>[a-z_]+)_(?P<who>u\d\d)")
_NOT_KEPT: Final = "nothing is kept of this stream"
_PARTIAL: Final = "told only of an hour or more: no record of what the phone did"
_BACKWARDS: Final = "it does not end after it starts"
_CHARGING, _DISCHARGING = 2, 3

Make = Callable[[Chunk, str, Context], Iterator[Item]]


@dataclass(frozen=True, slots=True)
class _Stream:
    """The columns of a stream's files and what rows become, or why nothing is kept of them."""

    columns: tuple[Column, ...]
    make: Make | str


def _activity(chunk: Chunk, who: str, _: Context) -> Iterator[Item]:
    yield samples(
        *(SYSTEM, "activity_class", who, chunk.rows, chunk.times("time")),
        activity=chunk.columns["code"],
    )


def _audio(chunk: Chunk, who: str, _: Context) -> Iterator[Item]:
    """Yield silence (0), voices and noise (1, 2); 3 is unknown."""
    code = chunk.floats("code")
    silent = np.where(code == 0, 1.0, np.where(code < 3, 0.0, np.nan))
    yield samples(
        *(SYSTEM, "audio_level", who, chunk.rows, chunk.times("time")),
        silent=pa.array(silent, from_pandas=True).cast(pa.int8()),
    )


def _spans(chunk: Chunk) -> tuple[Chunk, NDArray[np.float64], list[Reject]]:
    """Return the rows that end after they start, their lengths [s], and the others."""
    length = (chunk.times("end") - chunk.times("time")) / 1e6
    good = length >= 0
    bad = [Reject(row, _BACKWARDS) for row in chunk.rows[~good].tolist()]
    return chunk.of(good), length[good], bad


def _conversation(chunk: Chunk, who: str, _: Context) -> Iterator[Item]:
    good, length, bad = _spans(chunk)
    yield from bad
    if len(good.rows):
        yield samples(
            *(SYSTEM, "conversation", who, good.rows, good.times("time")),
            duration=np.minimum(length, 86_400),
        )


def _charge(chunk: Chunk, who: str, _: Context) -> Iterator[Item]:
    good, _length, bad = _spans(chunk)
    yield from bad
    for name, code in (("time", _CHARGING), ("end", _DISCHARGING)):
        if len(good.rows):
            yield samples(
                *(SYSTEM, "battery", who, good.rows, good.times(name)),
                status=np.full(len(good.rows), code, np.int8),
            )


def _location(chunk: Chunk, who: str, _: Context) -> Iterator[Item]:
    measured = pc.equal(chunk.columns["provider"], "gps").to_numpy(zero_copy_only=False)
    yield samples(
        *(SYSTEM, "location", who, chunk.rows, chunk.times("time")),
        latitude=chunk.columns["latitude"],
        longitude=chunk.columns["longitude"],
        accuracy=chunk.columns["accuracy"],
        altitude=np.where(measured, chunk.floats("altitude"), np.nan),
        speed=np.where(measured, chunk.floats("speed"), np.nan),
    )


def _nearby(kind: int) -> Make:
    def make(chunk: Chunk, who: str, context: Context) -> Iterator[Item]:
        yield samples(
            *(SYSTEM, "proximity", who, chunk.rows, chunk.times("time")),
            kind=np.full(len(chunk.rows), kind, np.int8),
            device=hashed(chunk.columns["device"], context.hasher),
            strength=chunk.columns["strength"],
        )

    return make


def _time(name: str, field: str = "time") -> Column:
    return Column(field, (name,), Kind.EPOCH)


def _text(name: str) -> Column:
    return Column(name, (name,), Kind.TEXT, nullable=True)


def _number(name: str) -> Column:
    return Column(name, (name,), nullable=True)


def _code(name: str) -> Column:
    return Column("code", (name,), Kind.WHOLE, low=0, high=3)


_SPAN: Final = (_time("start"), _time("end", "end"))
_SCANNED: Final = Column("strength", ("level",), nullable=True)
_GPS: Final = (
    *(_time("time"), _text("provider"), _text("network_type"), _number("accuracy")),
    *(Column(name, (name,)) for name in ("latitude", "longitude")),
    *(_number(name) for name in ("altitude", "bearing", "speed")),
    _text("travelstate"),
)
_STREAMS: Final[dict[str, _Stream]] = {
    "activity": _Stream((_time("timestamp"), _code("activity inference")), _activity),
    "audio": _Stream((_time("timestamp"), _code("audio inference")), _audio),
    "conversation": _Stream(
        (_time("start_timestamp"), _time("end_timestamp", "end")), _conversation
    ),
    "gps": _Stream(_GPS, _location),
    "bt": _Stream((_time("time"), Column("device", ("MAC",), Kind.TEXT), _SCANNED), _nearby(1)),
    "wifi": _Stream((_time("time"), Column("device", ("BSSID",), Kind.TEXT), _SCANNED), _nearby(2)),
    "phonecharge": _Stream(_SPAN, _charge),
    "phonelock": _Stream(_SPAN, _PARTIAL),
    "dark": _Stream(_SPAN, _PARTIAL),
    "wifi_location": _Stream((_time("time"), _text("location")), _NOT_KEPT),
}


def _found(path: PurePath) -> tuple[_Stream, str] | None:
    named = _NAMED.fullmatch(path.stem)
    stream = _STREAMS.get(named["stream"]) if named else None
    return (stream, named["who"]) if named and stream else None


def is_sensing(path: PurePath, head: bytes) -> bool:
    """Tell whether a file is of the study's own folder, by its name and its columns."""
    found = _found(path)
    return found is not None and fits(Layout(found[0].columns), head)


def _layout(columns: tuple[Column, ...], head: bytes) -> Layout:
    """Return how to read a file: the study's places end with a comma that their header lacks."""
    lines = head.split(b"\n", 2)
    names, cells = (
        split_line(line.decode("utf-8", "replace").strip("\r")) for line in (*lines, b"")[:2]
    )
    if columns is not _GPS or len(names) != len(_GPS) or len(cells) != len(_GPS) + 1:
        return Layout(columns)
    return Layout((*_GPS, _text("rest")), positional=True, skip_lines=1)


def read_sensing(opened: Opened) -> Iterator[Item]:
    """Yield what a file of the `sensing` folder holds."""
    found = _found(opened.path)
    if found is None:
        return
    stream, named = found
    who = opened.context.subject or named
    make: Any = stream.make
    for chunk in read_table(opened, _layout(stream.columns, opened.blob.head())):
        if isinstance(chunk, Reject):
            yield chunk
        elif isinstance(make, str):
            yield Reject(int(chunk.rows[0]), make, len(chunk.rows))
        else:
            yield from make(chunk, who, opened.context)
