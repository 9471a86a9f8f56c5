"""Time segments other than the day: a parameter, not new code.

A segment says which hours of which local days one row describes. A family that measures any
stretch of time is measured over exactly those; of a family whose definition fixes the time (the
night, the trailing week), a segment of whole days is the mean of its days. A segment may also be
bound by events: the hour before each button press, half an hour after each question.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.rows import with_base
from euthymia.features.windows import day_windows, offsets_around, windows_of
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.ground.errors import SchemaError
from euthymia.ground.schemas import STREAMS
from euthymia.kernels.grouped import expand

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_US: Final = DAY_US // 24
MINUTE_US: Final = HOUR_US // 60
NO_EVENTS: Final = np.zeros(0, np.int64)
EVERY_DAY: Final = tuple(range(7))
LONGEST_DAYS: Final = 366
LONGEST_MIN: Final = 1440
_MONDAY: Final = 4  # day number 4, 1970-01-05, was a Monday


@dataclass(frozen=True, slots=True)
class Segment:
    """Some hours of some days: [`from_h`, `to_h`) of each of the `days` days that end on the date.

    Hours count from the midnight that begins each day; a negative `from_h` lies on the evening
    before. Only days in `weekdays` (0 Monday) count.

    With `events`, a stream's name, it is the time from `before_us` before each of that stream's
    samples to `after_us` after it, as far as it lies in that sample's own local day; where such
    times overlap, they are one.
    """

    name: str
    days: int = 1
    from_h: float = 0.0
    to_h: float = 24.0
    weekdays: tuple[int, ...] = EVERY_DAY
    events: str = ""
    before_us: int = 0
    after_us: int = 0

    @property
    def whole_days(self) -> bool:
        """Whether it takes its days from midnight to midnight."""
        return not self.events and (self.from_h, self.to_h) == (0.0, 24.0)

    def dates(self, day: int) -> Ints:
        """Return the local days that it takes for one date."""
        near = np.arange(day - self.days + 1, day + 1, dtype=np.int64)
        return near[np.isin((near - _MONDAY) % 7, self.weekdays)]

    def windows(self, timeline: Timeline, days: Ints, events: Ints = NO_EVENTS) -> Windows:
        """Return what it measures on each date; `events` are instants [us UTC] in order."""
        if days.size == 0:
            return day_windows(timeline, days)
        if self.events:
            return self._around(day_windows(timeline, days), events)
        parts = [self.dates(day) for day in days.tolist()]
        row = np.repeat(np.arange(days.size), [part.size for part in parts])
        midnight = np.concatenate(parts) * DAY_US
        low, high = (midnight + round(h * HOUR_US) for h in (self.from_h, self.to_h))
        offsets = offsets_around(timeline, days, self.days + 1)
        return windows_of(offsets, days, row, low, high)

    def _around(self, whole: Windows, events: Ints) -> Windows:
        """Return the time around events in each stretch of local days."""
        first = np.searchsorted(events, whole.start_us)
        index, stretch = expand(first, np.searchsorted(events, whole.end_us))
        at, row = events[index], whole.row[stretch]
        start = np.maximum(at - self.before_us, whole.start_us[stretch])
        end = np.minimum(at + self.after_us, whole.end_us[stretch])
        some = start < end
        stretch, row, start, end = stretch[some], row[some], start[some], end[some]
        apart = (stretch[1:] != stretch[:-1]) | (start[1:] > end[:-1])
        begins = np.flatnonzero(np.append(True, apart)[: start.size])
        ends = np.append(begins[1:], start.size)[: begins.size] - 1
        return Windows(whole.day, row[begins], start[begins], end[ends])


NAMED: Final = {
    segment.name: segment
    for segment in (
        Segment("day"),
        Segment("night", from_h=0, to_h=6),
        Segment("morning", from_h=6, to_h=12),
        Segment("afternoon", from_h=12, to_h=18),
        Segment("evening", from_h=18, to_h=24),
        Segment("weekdays", days=7, weekdays=(0, 1, 2, 3, 4)),
        Segment("weekend", days=7, weekdays=(5, 6)),
    )
}
"""The parts of the day are those of RAPIDS (Vega et al. 2021, doi:10.3389/fdgth.2021.769823)."""


def segment(text: str) -> Segment:
    """Return a segment by its name.

    One of `NAMED`, `last_N_days`, hours such as `22:00-06:00` (those that end at or before they
    begin do so on the date; they begin on the evening before), or the minutes before, after or
    around each event of a stream, such as `60_min_before_event_marks`.

    Raises
    ------
    SchemaError
        For any other text.
    """
    if text in NAMED:
        return NAMED[text]
    last = re.fullmatch(r"last_(\d{1,3})_days", text)
    if last and 1 <= int(last[1]) <= LONGEST_DAYS:
        return Segment(text, days=int(last[1]))
    hours = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", text)
    if hours:
        h1, m1, h2, m2 = map(int, hours.groups())
        start, end = h1 + m1 / 60, h2 + m2 / 60
        if end <= 24:
            return Segment(text, from_h=start - 24 if end <= start else start, to_h=end)
    near = re.fullmatch(r"(\d{1,4})_min_(before|after|around)_(\w+)", text)
    if near and 1 <= int(near[1]) <= LONGEST_MIN and near[3] in STREAMS:
        length = int(near[1]) * MINUTE_US
        before, after = (0 if near[2] == side else length for side in ("after", "before"))
        return Segment(text, events=near[3], before_us=before, after_us=after)
    known = ", ".join(NAMED)
    raise SchemaError(
        f"there is no segment {text!r}: use {known}, last_7_days (any number up to "
        f"{LONGEST_DAYS}), hours such as 22:00-06:00, or 60_min_before_event_marks (up to "
        f"{LONGEST_MIN}; before, after or around the samples of any stream)"
    )


def measured(
    family: Family,
    streams: Mapping[str, Columns],
    timeline: Timeline,
    what: Segment,
    days: Ints,
    events: Ints = NO_EVENTS,
) -> Days | None:
    """Return a family's values over a segment; None where its definition does not allow it."""
    if what.name == "day" and family.compute is not None:
        return family.compute(with_base(family, streams, timeline, days), timeline, days)
    if family.measure is not None:
        return family.measure(streams, timeline, what.windows(timeline, days, events))
    if family.compute is None or not what.whole_days:
        return None
    parts = [what.dates(day) for day in days.tolist()]
    wanted = np.unique(np.concatenate([*parts, np.zeros(0, np.int64)]))
    found = family.compute(with_base(family, streams, timeline, wanted), timeline, wanted)
    places = [np.searchsorted(wanted, part) for part in parts]
    known = {
        f.name: np.where(found.coverage > 0, found.values[f.name], np.nan) for f in family.features
    }
    means = {
        f.name: np.array([_mean(f, known[f.name][place]) for place in places])
        for f in family.features
    }
    coverage = np.array([found.coverage[p].mean() if p.size else 0.0 for p in places])
    return Days(means, coverage)


def _mean(feature: Feature, daily: Array) -> float:
    """Return the mean of the days that are known; of what goes round, on the circle."""
    known = daily[~np.isnan(daily)]
    if known.size == 0:
        return float("nan")
    if feature.period is None:
        return float(known.mean())
    turn = 2 * np.pi / feature.period
    middle = np.exp(1j * known * turn).mean()
    if abs(middle) < 1e-9:  # opposite hours have no mean
        return float("nan")
    return float(np.angle(middle) / turn % feature.period)
