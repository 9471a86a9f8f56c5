"""Step counts an hour (or another fixed period) by the wall clock, as niimpy exports them."""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.shapes import samples
from euthymia.sources.table import Chunk, Layout, fits, read_table
from euthymia.sources.wall_clock import DOUBTFUL, resolve

SYSTEM: Final = device_id("steps", "").system
DEFAULT_PERIOD_S: Final = 3600.0
_LAYOUT: Final = Layout(
    (
        Column("time", ("", "timestamp"), Kind.WALL),
        Column("who", ("user",), Kind.TEXT),
        Column("steps", ("steps",), Kind.WHOLE, low=0, high=2**31 - 1),
    )
)


def _recognise(_path: PurePath, head: bytes) -> float:
    return 0.9 if fits(_LAYOUT, head) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    chunks: list[Chunk] = []
    for found in read_table(opened, _LAYOUT):
        if isinstance(found, Reject):
            yield found
        else:
            chunks.append(found)
    if not chunks:
        return
    people = pa.chunked_array([chunk.columns["who"] for chunk in chunks]).combine_chunks()
    if opened.context.subject:
        people = pa.repeat(pa.scalar(opened.context.subject), len(people))
    rows = np.concatenate([chunk.rows for chunk in chunks])
    wall_us = np.concatenate([chunk.times("time") for chunk in chunks])
    steps = np.concatenate([chunk.floats("steps") for chunk in chunks]).astype(np.int32)
    for who in pc.unique(people).to_pylist():
        mine = pc.equal(people, who).to_numpy(zero_copy_only=False)
        found_at = resolve(wall_us[mine], opened.context.zone_for(device_id(SOURCE.name, who)))
        sure, own = ~found_at.doubtful, rows[mine]
        yield from (Reject(row, DOUBTFUL) for row in own[~sure].tolist())
        if sure.any():
            at, counted = found_at.time_us[sure], steps[mine][sure]
            period = np.full(at.size, _period(wall_us[mine]), np.float32)
            yield samples(SYSTEM, "steps", who, own[sure], at, steps=counted, period=period)


def _period(wall_us: NDArray[np.int64]) -> float:
    """Return the commonest step between one person's rows [s]."""
    steps = np.diff(np.sort(wall_us))
    steps = steps[steps > 0]
    if not steps.size:
        return DEFAULT_PERIOD_S
    values, times = np.unique(steps, return_counts=True)
    return min(float(values[np.argmax(times)]) / SECOND_US, 86400.0)


def _example(folder: Path) -> None:
    rows = [
        f"2021-07-01 {hour:02d}:00:00,wiam,2021-07-01,{hour:02d}:00:00.000,{hour * 31 % 100}"
        for hour in range(24)
    ]
    text = ",user,date,time,steps\n" + "\n".join(rows) + "\n"
    (folder / "step_summary.csv").write_text(text, encoding="utf-8")


SOURCE = Source(
    name="steps",
    title="Step counts",
    formats=("*.csv with an index column of local times, and user, steps",),
    recognise=_recognise,
    read=_read,
    example=_example,
    headers=(("user", "date", "time", "steps"),),
)
