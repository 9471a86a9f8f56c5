"""AWARE's tables whose rows are more than one sample, or another than their columns say."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.clock import from_micros
from euthymia.ground.ids import SourceId, device_id
from euthymia.ground.records import Item, Reject, Samples, Zone
from euthymia.sources.cells import MILLIS_FROM
from euthymia.sources.contract import Context
from euthymia.sources.phone_people import Owner
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk

SYSTEM: Final = device_id("aware", "").system
CHARGING: Final = 2
DISCHARGING: Final = 3
_CONVERSATION: Final = 2  # `datatype` of the StudentLife plug-in; the others are single sounds
_SILENCE, _UNHEARD = 0, 3  # `inference`: 0 silence, 1 noise, 2 voice, 3 unknown
_LONGEST_S: Final = 86400.0


def _of(who: Owner, mask: NDArray[np.bool_]) -> Owner:
    return who if isinstance(who, str) else who.filter(pa.array(mask))


def _name(who: Owner, i: int) -> str:
    return who if isinstance(who, str) else str(who[i].as_py())


def battery_spans(chunk: Chunk, who: Owner) -> Iterator[Samples]:
    """Yield the battery's level at both ends of charging, or of running down."""
    start, end = chunk.floats("start"), chunk.floats("level")
    status = np.where(end >= start, CHARGING, DISCHARGING).astype(np.int8)
    for level, time in ((start, "time"), (end, "end")):
        yield samples(
            *(SYSTEM, "battery", who, chunk.rows, chunk.times(time)), level=level, status=status
        )


def key_presses(chunk: Chunk, who: Owner) -> Iterator[Samples]:
    """Yield key presses; what was typed is compared by its length and forgotten."""
    before, after = (
        pc.fill_null(pc.utf8_length(chunk.columns[name]), 0).to_numpy(zero_copy_only=False)
        for name in ("before", "after")
    )
    more = after - before
    kind = np.select([more == 1, more == -1, more > 1], [1, 2, 3], 4).astype(np.int8)
    yield samples(SYSTEM, "typing", who, chunk.rows, chunk.times("time"), kind=kind)


def conversations(chunk: Chunk, who: Owner) -> Iterator[Item]:
    """Yield conversations (`datatype` 2); the other rows say whether it was silent."""
    talk = chunk.floats("kind") == _CONVERSATION
    start, end = (_seconds(chunk.floats(name)) for name in ("start", "end"))
    with np.errstate(invalid="ignore"):
        sound = (end >= start) & (start > 0)
    good = talk & sound
    if good.any():
        length = np.minimum(end - start, _LONGEST_S)
        time_us = np.rint(start[good] * 1e6).astype(np.int64)
        yield samples(
            *(SYSTEM, "conversation", _of(who, good), chunk.rows[good], time_us),
            duration=length[good],
        )
    if not talk.all():
        heard = chunk.floats("heard")[~talk]
        silent = np.where(heard == _SILENCE, 1.0, 0.0)
        silent[np.isnan(heard) | (heard == _UNHEARD)] = np.nan
        yield samples(
            *(SYSTEM, "audio_level", _of(who, ~talk), chunk.rows[~talk]),
            chunk.times("time")[~talk],
            silent=pa.array(silent, from_pandas=True).cast(pa.int8()),
        )
    for row in chunk.rows[talk & ~sound].tolist():
        yield Reject(row, "a conversation does not end after it starts")


def _seconds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return seconds of seconds or milliseconds."""
    return np.where(np.abs(values) >= MILLIS_FROM, values / 1e3, values)


def zones(chunk: Chunk, who: Owner, _: Context) -> Iterator[Zone]:
    """Yield the zones that the phone was in: from then on its person lives there."""
    names = chunk.columns["zone"].to_pylist()
    for i, (row, time_us) in enumerate(zip(chunk.rows, chunk.times("time"), strict=True)):
        at = from_micros(int(time_us)) if time_us > 0 else datetime(1970, 1, 1, tzinfo=UTC)
        yield Zone(int(row), SourceId(SYSTEM, _name(who, i)), at, names[i])
