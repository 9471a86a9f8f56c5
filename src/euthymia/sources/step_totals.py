"""Running totals of a pedometer, which begins again each day, as steps between two readings.

What stands before the first reading of a file may stand in an earlier file as well, and is not
counted. A day's first reading counts from midnight, unless nobody takes so many steps since then:
then the pedometer began again at another hour (its zone is another one), and it goes on.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from euthymia.ground.clock import SECOND_US, Timeline
from euthymia.ground.ids import device_id
from euthymia.ground.records import Reject, Samples
from euthymia.sources.contract import Context
from euthymia.sources.json_tree import ShapeError, number
from euthymia.sources.recorded import Recorded
from euthymia.sources.shapes import samples

MAX_STEPS: Final = 200_000  # a day; the longest walks on record have about 150,000
FASTEST: Final = 4.0  # steps a second, of a sprinter
_BEFORE: Final = (
    "the first running total of the file: an earlier file may count the same steps, so they are "
    "not kept"
)


class Totals:
    """The readings of one file. They may stand in any order: each is compared by its time.

    Parameters
    ----------
    out : Recorded
        Counts the rows.
    context : Context
        Knows the zone in which a person's day begins.
    """

    def __init__(self, out: Recorded, context: Context) -> None:
        self._out = out
        self._context = context
        self._read: dict[str, list[tuple[int, int, int]]] = {}

    @staticmethod
    def takes(data: Mapping[str, Any]) -> bool:
        """Tell whether a mindLAMP step event is a running total: it then names no source."""
        kind = data.get("type")
        return "source" in data and data["source"] is None and kind in {None, "step_count"}

    def take(self, who: str, time_us: int, data: dict[str, Any]) -> None:
        """Take a reading."""
        value = number(data, "value")
        if value is None or not 0 <= value <= MAX_STEPS:
            raise ShapeError("its value is no number of steps of a day")
        self._out.row += 1
        self._read.setdefault(who, []).append((time_us, round(value), self._out.row))

    def finish(self) -> Iterator[Samples | Reject]:
        """Yield the steps between readings, and since a day's beginning."""
        system = device_id(self._out.source, "").system
        for who, readings in self._read.items():
            time_us, total, row = (
                np.array(c, np.int64) for c in zip(*sorted(readings), strict=True)
            )
            zone = Timeline(((0, self._context.zone_for(device_id(self._out.source, who))),))
            day = zone.local_day(time_us)
            start, before = time_us[:-1].copy(), total[:-1].copy()
            for i in np.flatnonzero(np.diff(day)).tolist():
                midnight = zone.start_of_day(int(day[i + 1]))
                possible = FASTEST * (time_us[i + 1] - midnight) / SECOND_US
                if total[i + 1] < total[i] or total[i + 1] <= possible:
                    start[i], before[i] = midnight, 0
            before[np.diff(total) < 0] = 0
            yield Reject(int(row[0]), f"{self._out.place} {row[0]}: {_BEFORE}")
            if row.size > 1:
                yield samples(
                    *(system, "steps", who, row[1:], start),
                    steps=(total[1:] - before).astype(np.int32),
                    period=(time_us[1:] - start) / SECOND_US,
                )
        self._read = {}
