"""What a feature family is: which streams, which window, which numbers, from which paper."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import Timeline

Columns = Mapping[str, NDArray[np.generic]]
"""One stream's samples: `time` as int64 microseconds UTC, sorted, and its fields by name."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One number a day, defined once.

    `unit` is UCUM. `low` and `high` bound what the definition can yield: a value outside becomes
    NaN and a warning (an error in tests). `paper` holds a doi. `worse` says in which direction a
    worsening usually moves it: +1 up, -1 down, 0 either.
    """

    name: str
    title: str
    unit: str
    definition: str
    paper: str
    low: float | None = None
    high: float | None = None
    worse: int = 0


@dataclass(frozen=True, slots=True)
class Days:
    """What a family returns: a value per feature and date (NaN: not known), and coverage 0..1."""

    values: Mapping[str, NDArray[np.float64]]
    coverage: NDArray[np.float64]


Compute = Callable[[Mapping[str, Columns], Timeline, NDArray[np.int64]], Days]
"""(samples by stream, the person's zones, local day numbers) -> one row a day number.

A stream without samples may be absent. For a day `d` only samples from the start of local day
`d - lookback_days + 1` to the end of local day `d` may matter: nothing later (no look-ahead),
nothing earlier (so incremental = batch). A sample belongs to the local day on which its `time`
falls by the subject's zones.
"""


@dataclass(frozen=True, slots=True)
class Family:
    """A feature family: one file, one constant `FAMILY`.

    A change of any definition needs a new `version`: stored rows of the old one are then stale.
    `coverage` says in words which share of what time the coverage of a row is.
    """

    name: str
    version: str
    title: str
    streams: tuple[str, ...]
    lookback_days: int
    features: tuple[Feature, ...]
    compute: Compute
    coverage: str = "share of the window with data"
