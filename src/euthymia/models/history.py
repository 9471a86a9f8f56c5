"""One person's record as arrays, made once; everything a task computes is read off it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.features.contract import Family
from euthymia.ground.clock import DAY_US, SECOND_US, Micros
from euthymia.ground.errors import SchemaError
from euthymia.models import clinical
from euthymia.models.contract import SubjectData

if TYPE_CHECKING:
    from euthymia.models.chart import Chart  # it reads a History

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
_HALF_DAY = DAY_US // 2  # the latest zone on Earth is 12 h behind UTC


@dataclass(frozen=True, slots=True)
class DayTable:
    """One family's values on consecutive local days from `first` on; NaN and 0 where none."""

    first: int
    coverage: Floats  # [days], 0 where the day has no row
    values: Floats  # [days, features]

    def window(self, start: int, end: int) -> tuple[Floats, Floats]:
        """Return (coverage, values) of the local days [start, end), padded where unknown."""
        length = end - start
        coverage, values = np.zeros(length), np.full((length, self.values.shape[1]), np.nan)
        low, high = max(start, self.first), min(end, self.first + self.coverage.size)
        if low < high:
            inside = slice(low - self.first, high - self.first)
            coverage[low - start : high - start] = self.coverage[inside]
            values[low - start : high - start] = self.values[inside]
        return coverage, values

    def last_known_day(self, until: int) -> int | None:
        """Return the last local day up to `until` with any data."""
        known = np.flatnonzero(self.coverage[: max(0, until + 1 - self.first)] > 0)
        return int(known[-1]) + self.first if known.size else None


def day_table(family: Family, table: pa.Table) -> DayTable:
    """Return a FEATURES table as a `DayTable`.

    Raises
    ------
    SchemaError
        The table lacks a column of the family.
    """
    names = [feature.name for feature in family.features]
    absent = [name for name in ("date", "coverage", *names) if name not in table.column_names]
    if absent:
        raise SchemaError(f"the table of {family.name} lacks {absent}: compute the features anew")
    if table.num_rows == 0:
        return DayTable(0, np.zeros(0), np.zeros((0, len(names))))
    day = np.asarray(table["date"].cast(pa.int32()).to_numpy(), np.int64)
    first, size = int(day.min()), int(day.max() - day.min()) + 1
    coverage, values = np.zeros(size), np.full((size, len(names)), np.nan)
    coverage[day - first] = table["coverage"].to_numpy()
    for place, name in enumerate(names):
        values[day - first, place] = table[name].cast(pa.float64()).to_numpy()
    values[coverage <= 0] = np.nan
    return DayTable(first, coverage, values)


@dataclass(frozen=True)
class History:
    """What is known of one person, in order of time. A task must cut it at its index date."""

    data: SubjectData
    families: Mapping[str, Family]

    @cached_property
    def _timed(self) -> pa.Table:
        return clinical.timed(self.data.observations)

    @cached_property
    def phq9(self) -> tuple[Times, Floats]:
        """When a PHQ-9 was filled in, and its total."""
        return clinical.phq9_totals(self._timed)

    @cached_property
    def stays(self) -> Times:
        """When psychiatric in-patient stays began."""
        return clinical.admissions(self._timed)

    @cached_property
    def contacts(self) -> Times:
        """Every moment at which the clinic saw or heard the person: encounters and PHQ-9s."""
        return np.union1d(clinical.encounters(self._timed), self.phq9[0])

    @cached_property
    def chart(self) -> "Chart":
        """Diagnoses, prescriptions and answers, dated."""
        from euthymia.models.chart import chart

        return chart(self)

    @cached_property
    def days(self) -> dict[str, DayTable]:
        """The daily features of each family that the person has."""
        return {
            name: day_table(family, self.data.features[name])
            for name, family in self.families.items()
            if name in self.data.features
        }

    def last_complete_day(self, at: Micros) -> int:
        """Return the last local date that is over at `at`: later rows may hold later samples."""
        zones = self.data.timeline
        if zones is None:
            return (at - _HALF_DAY) // DAY_US - 1
        return int(zones.local_day(np.array([at], np.int64))[0]) - 1

    def end_of_day(self, day: int, at: Micros) -> Micros:
        """Return when a local date ended, by the zone in force at `at`."""
        zones = self.data.timeline
        offset = 0 if zones is None else int(zones.offset_s(np.array([at], np.int64))[0])
        return (day + 1) * DAY_US - offset * SECOND_US

    def number(self, code: str) -> float | None:
        """Return the last recorded number under a code, time or none."""
        rows = self._under(code)
        found = [v for v in rows["numeric_value"].to_pylist() if v is not None]
        return float(found[-1]) if found else None

    def text(self, code: str) -> str:
        """Return the last recorded text under a code; empty where there is none."""
        found = [v for v in self._under(code)["text_value"].to_pylist() if v]
        return str(found[-1]) if found else ""

    def _under(self, code: str) -> pa.Table:
        table = self.data.observations
        return table.filter(pa.compute.equal(table["code"], code))
