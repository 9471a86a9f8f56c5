"""Daily numbers of many people side by side, and what is known about the days themselves."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

HALF_YEAR_AND_MORE = 300  # days of the calendar that must be seen before a season is estimated


@dataclass(frozen=True, slots=True)
class Days:
    """One person's days: consecutive local days from `first` on.

    values : (days, features), NaN where nothing was seen.
    away : days whose values say little of how the person is (another time zone, an admission):
        they are neither scored nor part of a baseline.
    excused : days whose absence says nothing (all of `away`, and outages of the clinic's feed).
    """

    first: int
    values: Floats
    away: Mask
    excused: Mask

    @property
    def day(self) -> Ints:
        """The local day numbers."""
        return np.arange(self.first, self.first + len(self.values), dtype=np.int64)

    def forgiven(self, outage: frozenset[int]) -> "Days":
        """Return the days with those excused on which the clinic's own feed stood still."""
        stood = np.isin(self.day, np.array(sorted(outage), np.int64))
        return Days(self.first, self.values, self.away, self.excused | stood)

    def until(self, count: int) -> "Days":
        """Return the first days alone."""
        return Days(self.first, self.values[:count], self.away[:count], self.excused[:count])


@dataclass(frozen=True, slots=True)
class Features:
    """What is watched: names, the direction of a worsening (+1, -1, 0), and whose device it is."""

    names: tuple[str, ...]
    worse: Ints
    device: Ints

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return int(self.device.max()) + 1

    def gone(self, values: Floats) -> Mask:
        """Return (days, devices): True where a device has no value at all."""
        known = np.isfinite(values)
        parts = [~known[:, self.device == g].any(axis=1) for g in range(self.devices)]
        return np.ascontiguousarray(np.stack(parts, axis=1))


@dataclass(frozen=True, slots=True)
class Panel:
    """People's days on the same features. `well` marks days that are known to be relapse-free."""

    features: Features
    people: tuple[Days, ...]
    well: tuple[Mask, ...]

    def some(self, chosen: Ints) -> "Panel":
        """Return the people at these places."""
        return Panel(
            self.features,
            tuple(self.people[i] for i in chosen),
            tuple(self.well[i] for i in chosen),
        )

    def __iter__(self) -> Iterator[tuple[Days, Mask]]:
        """Yield each person's days with the mask of well ones."""
        return zip(self.people, self.well, strict=True)


def weekday(day: Ints) -> Ints:
    """Return 0 (Monday) to 6 of local day numbers."""
    return (day + 3) % 7


def harmonics(day: Ints) -> Floats:
    """Return cosine and sine of the time of year, shape (days, 2)."""
    angle = 2 * np.pi * day / 365.25
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)
