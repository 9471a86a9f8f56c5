"""Instants, local dates, and a person's time zones over time. Only `app` asks what time it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Clock = Callable[[], datetime]
"""Returns an aware UTC instant. Handed in by `app`."""

Micros = int
"""An instant as microseconds since 1970-01-01 UTC."""

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
MANY_YEARS: Final = 200  # one mistyped year must not cost all the years up to it
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_micros(at: datetime) -> Micros:
    """Return an aware instant as microseconds since 1970 UTC."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_micros(time_us: Micros) -> datetime:
    """Return the aware UTC instant of `time_us`."""
    return _EPOCH + timedelta(microseconds=int(time_us))


def day_number(on: date) -> int:
    """Return a local date as days since 1970-01-01."""
    return on.toordinal() - _EPOCH.toordinal()


def day_date(day: int) -> date:
    """Return the date of a day number."""
    return date.fromordinal(int(day) + _EPOCH.toordinal())


def _offset_s(zone: str, second: int) -> int:
    offset = (_EPOCH + timedelta(seconds=second)).astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


@lru_cache(maxsize=4096)
def _transitions(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """Return (from second, offset in s) steps of `zone` that cover the UTC year."""
    start = int((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    end = int((datetime(year + 1, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
    steps = [(start, _offset_s(zone, start))]
    for day in range(start, end, 86_400):
        low, high = day, min(day + 86_400, end)
        if _offset_s(zone, high) == steps[-1][1]:
            continue
        while high - low > 1:  # bisect to the second of the change
            middle = (low + high) // 2
            if _offset_s(zone, middle) == steps[-1][1]:
                low = middle
            else:
                high = middle
        steps.append((high, _offset_s(zone, high)))
    return tuple(steps)


@lru_cache(maxsize=1024)
def is_zone(name: str) -> bool:
    """Tell whether there is an IANA time zone of this name."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):  # ZoneInfoNotFoundError is a KeyError
        return False
    return True


@dataclass(frozen=True, slots=True)
class Timeline:
    """The time zones a person lived in: (since, IANA zone), in order of time.

    The first zone also holds before its instant. All arrays are int64; times in microseconds UTC.
    """

    changes: tuple[tuple[Micros, str], ...] = ((0, "UTC"),)

    def __post_init__(self) -> None:
        """Refuse an empty or unordered timeline and a zone that does not exist."""
        if not self.changes or list(self.changes) != sorted(self.changes):
            raise ValueError("a timeline needs at least one zone, in order of time")
        for _, zone in self.changes:
            ZoneInfo(zone)

    def _steps(
        self, first_s: int, last_s: int, only: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the instants [s] of steps and their offsets; of the years of `only` alone."""
        starts: list[int] = []
        offsets: list[int] = []
        bounds = [c[0] // SECOND_US for c in self.changes[1:]]
        lows = [first_s, *bounds]
        highs = [*bounds, last_s + 1]
        for (_, zone), since, before in zip(self.changes, lows, highs, strict=True):
            low, high = max(since, first_s), min(before, last_s + 1)
            if low >= high:
                continue
            years: Sequence[int] = range(_year(low), _year(high - 1) + 1)
            if only is not None and len(years) > MANY_YEARS:
                years = _years(only[(only >= low) & (only < high)])
            steps = [step for year in years for step in _transitions(zone, year)]
            inside = [s for s in steps if low < s[0] < high]
            starts += [low, *(s[0] for s in inside)]
            offsets += [_offset_s(zone, low), *(s[1] for s in inside)]
        return np.array(starts, np.int64), np.array(offsets, np.int64)

    def steps(
        self, start_us: Micros, end_us: Micros
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the instants [us] from which a new offset from UTC [us] holds in [start, end).

        The first instant is `start_us` (to the second); offsets belong to the instants.
        """
        starts, offsets = self._steps(start_us // SECOND_US, (end_us - 1) // SECOND_US)
        return starts * SECOND_US, offsets * SECOND_US

    def offset_s(self, time_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the offset from UTC [s] at each instant, daylight saving and travel included."""
        if time_us.size == 0:
            return np.zeros(0, np.int64)
        seconds = time_us // SECOND_US
        starts, offsets = self._steps(int(seconds.min()), int(seconds.max()), seconds)
        return offsets[np.searchsorted(starts, seconds, side="right") - 1]

    def local_us(self, time_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return local wall-clock microseconds (as if the wall clock were UTC)."""
        return time_us + self.offset_s(time_us) * SECOND_US

    def local_day(self, time_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the local date of each instant as days since 1970-01-01."""
        return self.local_us(time_us) // DAY_US

    def start_of_day(self, day: int) -> Micros:
        """Return the first instant whose local date is `day` or later (DST and travel included)."""
        return int(self.starts_of_days(np.array([day], np.int64))[0])

    def starts_of_days(self, days: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return `start_of_day` of many days at once."""
        low = (days - 2) * (DAY_US // SECOND_US)
        high = (days + 2) * (DAY_US // SECOND_US)
        while (high - low > 1).any():
            middle = (low + high) // 2
            begun = self.local_day(middle * SECOND_US) >= days
            low, high = np.where(begun, low, middle), np.where(begun, middle, high)
        return high * SECOND_US


def _years(seconds: NDArray[np.int64]) -> list[int]:
    """Return the UTC years that hold these instants, in order."""
    years = seconds.astype("datetime64[s]").astype("datetime64[Y]").astype(np.int64) + 1970
    return [int(year) for year in np.unique(years)]


def _year(second: int) -> int:
    return (_EPOCH + timedelta(seconds=second)).year
