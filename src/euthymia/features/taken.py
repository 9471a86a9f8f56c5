"""The samples that fall into windows, laid out so that all rows are measured at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Windows
from euthymia.features.windows import bounds_us, wall_clock
from euthymia.ground.clock import DAY_US, Timeline
from euthymia.kernels import grouped
from euthymia.kernels.presence import close_between

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

HOUR_US = DAY_US // 24
NO_TIMES: Ints = np.zeros(0, np.int64)


SILENT_US = 4 * HOUR_US  # a phone that says nothing for longer is not seen to be recorded
SIGNS = ("screen", "battery")  # streams that show a phone is recorded when nothing is done with it


@dataclass(frozen=True, slots=True)
class Taken:
    """Samples by the row that measures them: `index` into the stream, sorted by `row`, then time.

    A sample appears once for every row whose window it lies in; `stretch` says in which of the
    windows' stretches. Methods take a column of the
    whole stream and give one number a row; see `kernels/grouped.py` for what they do with rows
    that have no sample.
    """

    rows: int
    row: Ints
    index: Ints
    stretch: Ints

    def where(self, keep: Mask) -> "Taken":
        """Return only the samples for which the stream's mask `keep` is true."""
        return self.only(keep[self.index])

    def only(self, chosen: Mask) -> "Taken":
        """Return only the samples that `chosen`, shape of `row`, is true for."""
        return Taken(self.rows, self.row[chosen], self.index[chosen], self.stretch[chosen])

    def count(self) -> Array:
        """Return how many samples each row has."""
        return grouped.count(self.row, self.rows)

    def total(self, column: Array) -> Array:
        """Return the sum of a column."""
        return grouped.total(self.row, column[self.index], self.rows)

    def mean(self, column: Array) -> Array:
        """Return the mean of a column."""
        return grouped.mean(self.row, column[self.index], self.rows)

    def spread(self, column: Array) -> Array:
        """Return the standard deviation of a column."""
        return grouped.spread(self.row, column[self.index], self.rows)

    def lowest(self, column: Array) -> Array:
        """Return the least value of a column."""
        return grouped.lowest(self.row, column[self.index], self.rows)

    def highest(self, column: Array) -> Array:
        """Return the greatest value of a column."""
        return grouped.highest(self.row, column[self.index], self.rows)

    def quantiles(self, column: Array, *shares: float) -> Array:
        """Return quantiles of a column, shape (rows, len(shares))."""
        return grouped.quantiles(self.row, column[self.index], self.rows, shares)

    def distinct(self, labels: Ints) -> Array:
        """Return how many different labels each row has."""
        return grouped.distinct(self.row, labels[self.index], self.rows)

    def top_share(self, labels: Ints) -> Array:
        """Return the share of a row's samples with its most frequent label."""
        return grouped.top_share(self.row, labels[self.index], self.rows)

    def evenness(self, labels: Ints) -> Array:
        """Return the normalised entropy of the labels of each row."""
        return grouped.evenness(self.row, labels[self.index], self.rows)

    def joined(self) -> Mask:
        """Tell which samples directly follow, in the stream, the one before them in their row."""
        follows = (self.row[1:] == self.row[:-1]) & (self.index[1:] == self.index[:-1] + 1)
        return np.append(False, follows)[: self.row.size]


def take(time: Ints, windows: Windows) -> Taken:
    """Return the samples of a stream that lie in each row's stretches."""
    low = np.searchsorted(time, windows.start_us)
    high = np.searchsorted(time, windows.end_us)
    index, which = grouped.expand(low, np.maximum(low, high))
    return Taken(windows.day.size, windows.row[which], index, which)


def times(streams: Mapping[str, Columns], name: str) -> Ints:
    """Return the sample times of a stream; none where it is absent."""
    stream = streams.get(name)
    return NO_TIMES if stream is None else np.ascontiguousarray(stream["time"], np.int64)


def numbers(stream: Columns, column: str) -> Array:
    """Return a column as float64, NaN where it is null; all NaN where the source has none."""
    if column not in stream:
        return np.full(stream["time"].shape, np.nan)
    return np.ascontiguousarray(stream[column], np.float64)


def labels(stream: Columns, column: str) -> Ints:
    """Return a column of names as numbers 0, 1, ... in order of first appearance; null: -1."""
    if column not in stream:
        return np.full(stream["time"].shape, -1, np.int64)
    coded = pa.array(stream[column], from_pandas=True).dictionary_encode()
    found = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.ascontiguousarray(found, np.int64)


def hours(timeline: Timeline, time: Ints) -> Array:
    """Return the hour of the wall clock, 0 to 24, of instants in order of time."""
    return np.asarray(wall_clock(timeline, time) % DAY_US / HOUR_US, np.float64)


def held_us(taken: Taken, time: Ints, windows: Windows, longest_us: int) -> Array:
    """Return for how long each taken sample holds [us], shape of `taken.row`.

    Until the next sample of the stream, `longest_us`, or the end of its stretch.
    """
    until = np.append(time[1:], np.iinfo(np.int64).max)[: time.size][taken.index]
    at = time[taken.index]
    end = np.minimum(until, windows.end_us[taken.stretch])
    return np.asarray(np.minimum(end - at, longest_us), np.float64)


def seen_us(windows: Windows, time: Ints, silent_us: int, least_us: int = 0) -> Array:
    """Return for how much of each row a stream's samples follow each other closely [us].

    Counted is the time between successive samples that lie in the same stretch and are at most
    `silent_us` apart, and `least_us` for the last of each such series, never beyond the end of
    the stretch.
    """
    found = np.zeros(windows.day.size)
    if time.size == 0 or windows.start_us.size == 0:
        return found
    low = np.searchsorted(time, windows.start_us)
    high = np.searchsorted(time, windows.end_us)
    between = np.empty(low.size, np.int64)
    close_between(time, low, high, silent_us, least_us, between)
    some = low < high
    tail = np.minimum(windows.end_us[some] - time[high[some] - 1], least_us)
    np.add.at(found, windows.row[some], between[some] + tail)
    return found


def coverage(windows: Windows, seen: Array) -> Array:
    """Return time seen [us] as a share of each row's length."""
    length = windows.lengths_us()
    return np.asarray(np.clip(seen / np.maximum(length, 1), 0.0, 1.0), np.float64)


MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Minutes:
    """The minutes of UTC in which a stream has samples, and what was made of each.

    `start` is when each begins [us], sorted; `first` and `stop` bound its samples in the stream.
    """

    start: Ints
    first: Ints
    stop: Ints

    def mean(self, column: Array) -> Array:
        """Return each minute's mean of a column of the stream."""
        if self.first.size == 0:
            return np.zeros(0)
        return np.asarray(np.add.reduceat(column, self.first) / (self.stop - self.first))

    def taken(self, windows: Windows) -> Taken:
        """Return the minutes that lie in each row's stretches from beginning to end.

        A minute cut by an edge is left out: what its other part holds must not matter.
        """
        low = np.searchsorted(self.start, windows.start_us)
        high = np.searchsorted(self.start, windows.end_us - MINUTE_US, side="right")
        index, which = grouped.expand(low, np.maximum(low, high))
        return Taken(windows.day.size, windows.row[which], index, which)


def minutes_of(time: Ints) -> Minutes:
    """Return the minutes in which samples lie."""
    own = time // MINUTE_US
    first = np.flatnonzero(np.append(True, own[1:] != own[:-1])[: own.size])
    return Minutes(own[first] * MINUTE_US, first, np.append(first[1:], own.size)[: first.size])


def ends_us(windows: Windows) -> tuple[Ints, Ints]:
    """Return when each row's first stretch begins and its last ends; both 0 where it has none."""
    begin, end = np.zeros((2, windows.day.size), np.int64)
    begin[windows.row[::-1]] = windows.start_us[::-1]
    end[windows.row] = windows.end_us
    return begin, end


def logged(time: Ints, windows: Windows, timeline: Timeline, lookback_days: int) -> Mask:
    """Tell for which rows a stream is known to be recorded: it has a sample in their lookback.

    From the start of the lookback to the end of the row. A log of events is empty both on a quiet
    day and when it is not kept; only where it had entries lately is a quiet day a zero.
    """
    start, _ = bounds_us(timeline, windows.day, lookback_days)
    end = ends_us(windows)[1]
    return np.asarray(np.searchsorted(time, end) > np.searchsorted(time, start), np.bool_)


def phone_seen_us(streams: Mapping[str, Columns], names: Sequence[str], windows: Windows) -> Array:
    """Return for how long each row's phone is seen to be recorded [us].

    By the one of the streams, the screen's and the battery's included, that tells most: its
    events are at most four hours apart, and one without another counts for a minute.
    """
    arrays = [times(streams, name) for name in (*names, *SIGNS)]
    seen = [seen_us(windows, array, SILENT_US, MINUTE_US) for array in arrays]
    return np.asarray(np.max(seen, axis=0, initial=0.0), np.float64)
