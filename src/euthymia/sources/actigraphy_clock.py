"""The clock of an actigraph: where a recording starts, and how long its epochs are."""

import re
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import SECOND_US
from euthymia.ground.errors import SourceError

PREAMBLE: Final = (
    b"------------ Data File Created By ActiGraph",
    b"------------ Data Table File Created By Actigraph",
    b"------------ Data Table File Created By ActiGraph",
)
DEFAULT_EPOCH_S: Final = 60.0
LACKS: Final = (
    "the ActiGraph preamble lacks Start Time, Start Date or Epoch Period; export it again with its "
    "header"
)
_CLOCK: Final = re.compile(  # a narrow space of UTF-8 may have been read as Latin-1
    r"Start Time (\d{1,2})[:.](\d\d)[:.](\d\d)"
    r'(?:(?:\s|\xc2\xa0|\xe2\x80\xaf)?([AaPp])\.? ?[Mm]\.?)?[\s,;"]*$',
    re.MULTILINE,
)
_DAY: Final = re.compile(r"Start Date (\d{1,4})\D{1,2}(\d{1,2})\D{1,2}(\d{4}|\d{1,2})\b")
_DAY_FIRST: Final = re.compile(r"date format d+\W{1,2}m+", re.IGNORECASE)


def epoch_of(time_us: NDArray[np.int64]) -> float:
    """Return the commonest step between rows [s]: the device's epoch."""
    steps = np.diff(time_us)
    steps = steps[steps > 0]
    if not steps.size:
        return DEFAULT_EPOCH_S
    values, times = np.unique(steps, return_counts=True)
    return min(float(values[np.argmax(times)]) / SECOND_US, 3600.0)


def start_of(text: str) -> datetime:
    """Return the start that an ActiGraph preamble names: a clock on the wall, as if it were UTC.

    Raises
    ------
    SourceError
        If it names none.
    """
    clock, day = _CLOCK.search(text), _DAY.search(text)
    if not (clock and day):
        raise SourceError(LACKS)
    one, two, three = map(int, day.groups())
    written_dmy = _DAY_FIRST.search(text) or "." in day.group()
    try:
        month, on = (two, one) if written_dmy else (one, two)
        year = three if three > 99 else 2000 + three
        if one > 31:
            year, month, on = one, two, three
        hour, minute, second = map(int, clock.groups()[:3])
        if half := clock.group(4):
            if not 1 <= hour <= 12:
                raise SourceError(LACKS)
            hour = hour % 12 + (12 if half in "Pp" else 0)
        return datetime(year, month, on, hour, minute, second, tzinfo=UTC)
    except ValueError as problem:
        raise SourceError("the ActiGraph preamble's Start Date or Time is no date") from problem
