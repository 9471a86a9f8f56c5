"""Refuse what a clock that was not set has written, whichever source it comes from."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.ground.records import Item, Reject, Samples
from euthymia.sources.wall_clock import CLOCK_OFF, FAR_US, MANY, clock_was_off


def on_time(item: Item, told: set[int]) -> Iterator[Item]:
    """Yield an item without the rows whose clock was off, and those as rejects.

    Parameters
    ----------
    told : set of int
        The rows refused so far: a row that is in several streams is refused once.
    """
    if not isinstance(item, Samples) or item.table.num_rows < MANY:
        yield item
        return
    time_us = item.table.column("time").cast(pa.int64()).to_numpy()
    if int(time_us.max()) - int(time_us.min()) <= FAR_US:
        yield item
        return
    off = _off(item.table, time_us)
    if not off.any():
        yield item
        return
    yield Samples(item.system, item.stream, item.table.filter(pa.array(~off)))
    rows = np.unique(item.table.column("row").to_numpy()[off])
    fresh = np.array([row for row in rows.tolist() if row not in told], np.int64)
    told.update(fresh.tolist())
    for run in np.split(fresh, np.flatnonzero(np.diff(fresh) > 1) + 1):
        if run.size:
            yield Reject(int(run[0]), CLOCK_OFF, int(run.size))


def _off(table: pa.Table, time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Judge each person's rows by themselves: people may be measured years apart."""
    people = pc.dictionary_encode(table.column("subject_id")).combine_chunks()
    names = people.indices.to_numpy(zero_copy_only=False)
    off = np.zeros(time_us.size, np.bool_)
    for name in range(len(people.dictionary)):
        mine = np.flatnonzero(names == name)
        off[mine] = clock_was_off(time_us[mine])
    return off
