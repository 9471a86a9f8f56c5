"""Where a person stays and goes: home, ways, places and their rhythm, from location fixes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import WHOLE_FOLLOW_UP, Columns, Days, Family, Windows
from euthymia.features.mobility_listing import FEATURES
from euthymia.features.windows import (
    Offsets,
    first_at_or_after,
    offsets_around,
    wall_clock,
    windows_of,
)
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels.mobility_fixes import BIN_US
from euthymia.kernels.mobility_fold import CARRY, UNIT_COLUMNS, fold
from euthymia.kernels.mobility_follow import (
    HOME,
    KNOWN,
    NIGHTS,
    RHYTHM_SUMS,
    ROUTINE_DAYS,
    SLOTS,
    TALLY,
)
from euthymia.kernels.mobility_history import SLOT_PIECES
from euthymia.kernels.mobility_pieces import PIECE_COLUMNS
from euthymia.kernels.mobility_rows import NAMES, describe
from euthymia.kernels.mobility_stays import PLACE_COLUMNS

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_US: Final = DAY_US // 24
NIGHT_TO_H: Final = 6
MOST_PLACES: Final = 20_000


def _days(offsets: Offsets | None, days: Ints) -> Windows:
    """Return local days as windows."""
    if offsets is None or days.size == 0:
        none = np.zeros(0, np.int64)
        return Windows(none, none, none, none)
    midnight = days * DAY_US
    return windows_of(offsets, days, np.arange(days.size), midnight, midnight + DAY_US)


@dataclass(frozen=True, slots=True)
class _Fixes:
    """A person's fixes in order of local day, then of time; those of days[k] from first[k] on."""

    time: Ints
    latitude: Array
    longitude: Array
    accuracy: Array  # float32
    days: Ints
    first: Ints
    own: Windows
    offsets: Offsets | None  # None where there is no fix

    @classmethod
    def of(cls, stream: Columns, timeline: Timeline, before_us: int) -> "_Fixes":
        """Take the fixes before an instant, by local day."""
        time = np.ascontiguousarray(stream["time"], np.int64)
        time = time[: int(np.searchsorted(time, before_us))]
        accuracy = stream.get("accuracy")
        if accuracy is None:
            accuracy = np.full(time.size, np.nan, np.float32)
        ends = wall_clock(timeline, time[[0, -1]] if time.size else time) // DAY_US
        days = np.arange(ends[0] - 1, ends[1] + 2) if time.size else ends
        offsets = offsets_around(timeline, days, 1) if time.size else None
        own = _days(offsets, days)
        low, high = np.searchsorted(time, own.start_us), np.searchsorted(time, own.end_us)
        number = np.zeros(days.size, np.int64)
        np.add.at(number, own.row, high - low)
        days = days[number > 0]
        columns: tuple[Array, ...] = tuple(
            np.asarray(values, np.float64 if nth < 2 else np.float32)
            for nth, values in enumerate((stream["latitude"], stream["longitude"], accuracy))
        )
        some = np.flatnonzero(high > low)
        if bool(np.any(low[some][1:] < high[some][:-1])):
            # flew west over midnight: a date came in two parts, with some of the next between
            parts = [np.arange(low[k], high[k]) for k in some.tolist()]
            order = np.concatenate(parts)
            time, columns = time[order], tuple(column[order] for column in columns)
        latitude, longitude, worst = (np.ascontiguousarray(c[: time.size]) for c in columns)
        first = np.append(0, np.cumsum(number[number > 0]))
        return cls(time, latitude, longitude, worst, days, first, _days(offsets, days), offsets)


@dataclass(frozen=True, slots=True)
class _Units:
    """What is folded, in order: each local day, cut short where a row ends within it."""

    day: Ints
    main: NDArray[np.bool_]
    low: Ints
    high: Ints
    span: Array

    @classmethod
    def of(cls, fixes: _Fixes, upto: int, cut_day: Ints, cut_us: Ints) -> "_Units":
        """Return the units of the first `upto` days, and one for each (cut_day, cut_us)."""
        days, own = fixes.days[:upto], fixes.own
        start = np.full(fixes.days.size, np.iinfo(np.int64).max)
        end = np.zeros(fixes.days.size, np.int64)
        np.minimum.at(start, own.row, own.start_us)
        np.maximum.at(end, own.row, own.end_us)
        low, high = fixes.first[:-1], fixes.first[1:]
        at = np.searchsorted(days, cut_day)
        parts = [
            int(np.searchsorted(fixes.time[a:b], until) + a)
            for a, b, until in zip(low[at], high[at], cut_us, strict=True)
        ]
        day = np.concatenate([days, cut_day])
        until = np.concatenate([end[:upto], cut_us])
        main = np.arange(day.size) < days.size
        order = np.lexsort((until, main, day))
        highs = np.concatenate([high[:upto], np.array(parts, np.int64)])[order]
        lows = np.concatenate([low[:upto], low[at]])[order]
        starts = np.concatenate([start[:upto], start[at]])[order]
        span = np.stack([starts, until[order]], axis=1).astype(np.float64)
        return cls(day[order], main[order], lows, highs, span)


@dataclass(frozen=True, slots=True)
class Folded:
    """A follow-up laid out: positions, pieces of time, what is known of each unit, places."""

    units: _Units
    at_us: Array
    first: Ints
    piece: Array
    first_piece: Ints
    known: Array
    place: Array
    night_us: Array


def _fold(fixes: _Fixes, units: _Units, offsets: Offsets) -> Folded:
    size = units.day.size
    minutes = ((units.span[:, 1] - units.span[:, 0]) // BIN_US).astype(np.int64) + 4
    most = int(np.minimum(units.high - units.low, minutes).sum()) + 1
    at_us, first = np.empty(most), np.zeros(size + 1, np.int64)
    midnight = units.day * DAY_US
    night_us = np.stack(
        [first_at_or_after(offsets, midnight + h * HOUR_US) for h in (0, NIGHT_TO_H)], axis=1
    ).astype(np.float64)
    slot = ((np.arange(SLOTS) + 0.5) * (DAY_US / SLOTS)).astype(np.int64)
    slot_us = first_at_or_after(offsets, (midnight[:, None] + slot).ravel())
    offset_us = midnight + 12 * HOUR_US - first_at_or_after(offsets, midnight + 12 * HOUR_US)
    tally, place = np.zeros(TALLY), np.zeros((min(most, MOST_PLACES), PLACE_COLUMNS))
    tally[HOME] = -1
    room = 4 * (most + (CARRY + 2) * size) + SLOT_PIECES * size  # at most 4 a position
    piece = np.empty((room, PIECE_COLUMNS))
    first_piece, known = np.zeros(size + 1, np.int64), np.empty((size, UNIT_COLUMNS))
    fold(
        fixes.time,
        fixes.latitude,
        fixes.longitude,
        fixes.accuracy,
        units.low,
        units.high,
        at_us,
        first,
        units.day,
        units.main,
        units.span,
        night_us,
        offset_us.astype(np.float64),
        slot_us.reshape(size, SLOTS).astype(np.float64),
        place,
        tally,
        np.zeros(NIGHTS, np.int64),
        np.zeros((CARRY + 1, 4)),
        np.zeros((ROUTINE_DAYS, SLOTS), np.int64),
        np.full((ROUTINE_DAYS, SLOTS), -3, np.int64),
        np.zeros(ROUTINE_DAYS, np.int64),
        np.zeros((ROUTINE_DAYS, RHYTHM_SUMS)),
        piece,
        first_piece,
        known,
    )
    return Folded(
        units, at_us, first, piece, first_piece, known, place[: int(tally[KNOWN])], night_us
    )


def _ends(windows: Windows) -> Ints:
    """Return the end of each row; 0 for a row without stretches."""
    end = np.zeros(windows.day.size, np.int64)
    np.maximum.at(end, windows.row, windows.end_us)
    return end


def _meet(windows: Windows, own: Windows) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (row, local day's index, start, end) of each part of a row within a local day."""
    order = np.argsort(own.start_us, kind="stable")
    start, end, day = own.start_us[order], own.end_us[order], own.row[order]
    low = np.searchsorted(end, windows.start_us, "right")
    high = np.searchsorted(start, windows.end_us, "left")
    number = np.maximum(high - low, 0)
    stretch = np.repeat(np.arange(windows.row.size), number)
    before = np.repeat(np.cumsum(number) - number, number)
    at = np.repeat(low, number) + np.arange(stretch.size) - before
    return (
        windows.row[stretch],
        day[at],
        np.maximum(start[at], windows.start_us[stretch]),
        np.minimum(end[at], windows.end_us[stretch]),
    )


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe where a person was in each row, in the light of the follow-up so far."""
    rows = windows.day.size
    table, coverage = np.full((rows, len(NAMES)), np.nan), np.zeros(rows)
    stream = streams.get("location")
    if stream is not None and rows and windows.row.size and stream["time"].size:
        fixes = _Fixes.of(stream, timeline, int(windows.end_us.max()))
        _measure(fixes, timeline, windows, table, coverage)
    values = {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(NAMES)}
    return Days({f.name: values[f.name] for f in FAMILY.features}, coverage)


def _measure(
    fixes: _Fixes, timeline: Timeline, windows: Windows, table: Array, coverage: Array
) -> None:
    end = _ends(windows)
    asked = np.flatnonzero(end > 0)
    final = wall_clock(timeline, np.sort(end[asked] - 1)) // DAY_US
    last_day = np.zeros(end.size, np.int64)
    last_day[asked[np.argsort(end[asked], kind="stable")]] = final
    days, own = fixes.days, fixes.own
    upto_day = int(np.searchsorted(days, last_day.max(), "right"))
    if upto_day == 0 or fixes.offsets is None:
        return
    whole_end = np.zeros(days.size, np.int64)
    np.maximum.at(whole_end, own.row, own.end_us)
    at = np.minimum(np.searchsorted(days, last_day), days.size - 1)
    held = (days[at] == last_day) & (end > 0)
    short = held & (end < whole_end[at])
    pairs = np.unique(np.stack([last_day[short], end[short]], axis=1), axis=0)
    units = _Units.of(fixes, upto_day, pairs[:, 0], pairs[:, 1])
    folded = _fold(fixes, units, fixes.offsets)

    whole = np.flatnonzero(units.main)  # unit of each day
    last_unit = np.full(end.size, -1, np.int64)
    upto = np.searchsorted(days, last_day, "right") - 1
    last_unit[(end > 0) & (upto >= 0)] = whole[upto[(end > 0) & (upto >= 0)]]
    cut_unit = np.flatnonzero(~units.main)
    for nth in np.flatnonzero(short).tolist():
        same = (units.day[cut_unit] == last_day[nth]) & (units.span[cut_unit, 1] == end[nth])
        last_unit[nth] = cut_unit[same][0]
    row, day, start, until = _meet(windows, own)
    told = day < upto_day
    row, day, start, until = row[told], day[told], start[told], until[told]
    unit = whole[day]
    cut_here = short[row] & (days[day] == last_day[row])
    unit[cut_here] = last_unit[row[cut_here]]
    describe(
        folded.at_us,
        folded.first,
        folded.piece,
        folded.first_piece,
        folded.known,
        folded.place.shape[0],
        np.searchsorted(row, np.arange(end.size + 1)),
        last_unit,
        np.ascontiguousarray(unit),
        start.astype(np.float64),
        until.astype(np.float64),
        folded.night_us,
        windows.lengths_us().astype(np.float64),
        fixes.offsets.start,
        fixes.offsets.offset,
        table,
        coverage,
    )


FAMILY = Family(
    name="mobility",
    version="10",
    title="Mobility",
    streams=("location",),
    lookback_days=WHOLE_FOLLOW_UP,
    measure=measure,
    coverage="share of the window within half an hour after a usable fix, up to the last fix",
    features=FEATURES,
)
