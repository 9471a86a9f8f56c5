"""What a feature family is: which streams, which window, which numbers, from which paper."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import Timeline

Ints = NDArray[np.int64]

WHOLE_FOLLOW_UP: Final = 3653  # days, ten years: the lookback of what learns a person's places

Columns = Mapping[str, NDArray[np.generic]]
"""One stream's samples: `time` as int64 microseconds UTC, sorted, and its fields by name."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number a day, defined once.

    `unit` is UCUM. `low` and `high` bound what the definition can yield: a value outside becomes
    NaN and a warning (an error in tests). `paper` holds a doi. `worse` says in which direction a
    worsening usually moves it: +1 up, -1 down, 0 either. `period` is that of a number that goes
    round (24 for a clock hour), so that means of it are taken on the circle. `limits` says in
    words what is known to make it wrong.
    """

    name: str
    title: str
    unit: str
    definition: str
    paper: str
    low: float | None = None
    high: float | None = None
    worse: int = 0
    period: float | None = None
    limits: str = ""


@dataclass(frozen=True, slots=True)
class Days:
    """What a family returns: a value per feature and row (NaN: not known), and coverage 0..1."""

    values: Mapping[str, NDArray[np.float64]]
    coverage: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Windows:
    """What is to be measured: n rows, each of one or more stretches of time.

    `day`, shape (n,): the local day number a row is filed under. Stretch i, one of m, is
    [`start_us`[i], `end_us`[i]) in microseconds UTC and belongs to row `row`[i]. Stretches are in
    order of row, then of time; those of one row do not overlap and do not touch. A row may have
    none (a date that the date line skipped).
    """

    day: Ints
    row: Ints
    start_us: Ints
    end_us: Ints

    def lengths_us(self) -> Ints:
        """Return how long each row is in all, shape (n,)."""
        total = np.zeros(self.day.size, np.int64)
        np.add.at(total, self.row, self.end_us - self.start_us)
        return total


Compute = Callable[[Mapping[str, Columns], Timeline, Ints], Days]
"""(samples by stream, the person's zones, local day numbers) -> one row a day number.

A stream without samples may be absent. For a day `d` only samples from the start of local day
`d - lookback_days + 1` to the end of local day `d` may matter: nothing later (no look-ahead),
nothing earlier (so incremental = batch). A sample belongs to the local day on which its `time`
falls by the subject's zones.
"""

Measure = Callable[[Mapping[str, Columns], Timeline, Windows], Days]
"""(samples by stream, the person's zones, windows) -> one row a row of the windows.

For what can be measured over any stretch of time. Only samples in a row's stretches are measured;
those before them, back to the start of local day `day - lookback_days + 1`, may say in which state
a stretch begins (the screen was on already). Nothing later than a row's last stretch may matter.
"""


@dataclass(frozen=True, slots=True)
class Family:
    """A feature family: one file, one constant `FAMILY`.

    It gives `measure`, and is then known for every time segment (the day, the night, the last
    week); or `compute`, where the definition itself fixes the time (the night that ends on the
    date, the trailing week). With both, `compute` gives the rows of days and `measure` those of
    other segments. A change of any definition needs a new `version`: stored rows of the old one
    are then stale. `needs` are the streams without which there is nothing to say, where others only
    tell whether the device was on: a person without a sample of any of them has no rows (empty:
    any of `streams`). `coverage` says in words which share of what time the coverage of a row is.

    The stream ``observations`` is the clinical record's answers and scores; `codes` names those
    that the family looks at, and it is handed no other. `carry_days`: what a sample says goes on
    to be said for so many dates after it, which get rows too, as far as anything of the person
    is recorded. Of 0, only dates with a sample have one.

    `base`, for samples too many to be read anew for each date that looks back on them (raw
    acceleration): another family, of the same streams and a short lookback, that says of each date
    what `compute` needs to know of it. Its rows are kept beside the features and are due as theirs
    are; `compute` is handed no sample, but those rows (`day`, `coverage` and the base's columns,
    sorted by day) under the base's name. It is in no catalogue.
    """

    name: str
    version: str
    title: str
    streams: tuple[str, ...]
    lookback_days: int
    features: tuple[Feature, ...]
    compute: Compute | None = None
    measure: Measure | None = None
    needs: tuple[str, ...] = ()
    coverage: str = "share of the window with data"
    codes: tuple[str, ...] = ()
    carry_days: int = 0
    base: "Family | None" = None
