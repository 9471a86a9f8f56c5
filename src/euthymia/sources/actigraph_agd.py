"""ActiGraph's `.agd`: an SQLite database of counts an epoch; see `actigraph` for the rules.

Where it has steps and light [lx] they are kept beside the counts of the vertical axis.

Its times are .NET ticks (100 ns since the year 1) of the clock on the wall.
"""

import math
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.errors import SourceError
from euthymia.sources.actigraphy_clock import epoch_of
from euthymia.sources.blob import Blob
from euthymia.sources.contract import Context
from euthymia.sources.database import is_database, opened_database, rows_of
from euthymia.sources.gather import Fields, Gather
from euthymia.sources.wall_clock import to_instants

TICKS_1970: Final = 621_355_968_000_000_000
_LATEST: Final = TICKS_1970 + 2**32 * 10_000_000  # the year 2106
MOST_STEPS: Final = 100_000  # in an epoch
_BESIDE: Final = ("steps", "lux")
_BAD: Final = "dataTimestamp is no time, or axis1 no count"


def is_agd(head: bytes) -> bool:
    """Tell whether a file is ActiGraph's database."""
    return is_database(head) and b"dataTimestamp" in head and b"settingName" in head


def read_agd(blob: Blob, gather: Gather, context: Context) -> Iterator[None]:
    """Read the counts of the vertical axis, the steps and the light.

    Raises
    ------
    SourceError
        If the database is damaged, or has no counts.
    """
    wall, values = list[int](), list[list[float]]()
    said: float | None = None
    with opened_database(blob) as (database, tables):
        if not {"dataTimestamp", "axis1"} <= set(tables.get("data", ())):
            raise SourceError("the table data lacks dataTimestamp or axis1; export it as CSV")
        if {"settingName", "settingValue"} <= set(tables.get("settings", ())):
            for name, value in rows_of(database, "settings", ("settingName", "settingValue")):
                if name == "epochlength" and str(value).isdecimal() and 0 < int(value) <= 3600:
                    said = float(value)
        also = [name for name in _BESIDE if name in tables["data"]]
        columns = ("dataTimestamp", "axis1", *also)
        rows = rows_of(database, "data", columns, "dataTimestamp")
        for row, (ticks, count, *beside) in enumerate(rows, 1):
            timed = isinstance(ticks, int) and TICKS_1970 <= ticks < _LATEST
            if timed and isinstance(count, int | float) and count >= 0:
                wall.append((ticks - TICKS_1970) // 10)
                values.append([_number(cell) for cell in (count, *beside)])
            else:
                gather.refuse(_BAD, f"row {row} of the table data")
    clock = np.array(wall, np.int64)
    if not clock.size:
        return
    epoch = said or epoch_of(clock)
    if said and clock.size > 1 and int(np.diff(clock).min()) < round(said * SECOND_US):
        raise SourceError("its epochs are shorter than its epochlength says; export it as CSV")
    time_us = to_instants(clock, context.zone_for(gather.subject))
    found = dict(zip(("counts", *also), np.array(values).T, strict=True))
    epochs = np.full(clock.size, epoch, np.float32)
    streams: dict[str, tuple[NDArray[np.bool_], Fields]] = {
        "activity_counts": (
            np.ones(clock.size, np.bool_),
            {"counts": found["counts"], "epoch": epochs},
        )
    }
    if "steps" in found:
        steps = found["steps"]
        whole = (steps >= 0) & (steps <= MOST_STEPS) & (steps == np.rint(steps))
        streams["steps"] = (whole, {"steps": steps, "period": epochs})
    if "lux" in found:
        streams["light"] = (found["lux"] >= 0, {"level": found["lux"]})
    gather.several(time_us, streams)
    yield


def _number(cell: object) -> float:
    """Return a cell's number, NaN where it holds none."""
    return float(cell) if isinstance(cell, int | float) else math.nan
