"""Actiwatch's `.AWD`: seven lines about the recording, then one line an epoch.

The lines are: who, the day (14-Nov-2015), the time (13:10), a code for the epoch's length, age,
serial number, sex. A line of data is a count, maybe with a second channel, which is not kept, and
with an M where the button was pressed.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import numpy as np

from euthymia.ground.clock import SECOND_US, to_micros
from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob
from euthymia.sources.contract import Context
from euthymia.sources.gather import Fields, Gather
from euthymia.sources.lines import Gap, blocks
from euthymia.sources.wall_clock import to_instants

_AHEAD: Final = 7
_MONTHS: Final = (  # as the computer's language abbreviates them
    *("jan ene gen", "feb fév fev", "mar mär mrz mrt", "apr avr abr", "may mai mei mag"),
    *("jun juin giu", "jul juil lug", "aug aoû ago", "sep set sept", "oct okt ott out"),
    *("nov", "dec dez déc dic"),
)
_EPOCHS: Final = {
    "1": 15.0,
    "2": 30.0,
    "4": 60.0,
    "8": 120.0,
    "20": 300.0,
    "81": 2.0,
    "C1": 5.0,
    "C2": 10.0,
}
"""What the codes mean [s]."""
_DAY: Final = re.compile(r"(\d{1,2})-([^\W\d_]{3,4})\.?-(\d{4})")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
_COUNT: Final = re.compile(r"(\d{1,7})(?:[\s,].*?)?(\bM)?", re.ASCII)


def is_awd(head: bytes) -> bool:
    """Tell whether a file begins as an AWD: its second line is a day, its third a time."""
    lines = [_text(line) for line in head[:1024].split(b"\n")[:4]]
    return (
        len(lines) == 4
        and _DAY.fullmatch(lines[1].strip()) is not None
        and _CLOCK.fullmatch(lines[2].strip()) is not None
    )


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def read_awd(blob: Blob, gather: Gather, context: Context) -> Iterator[None]:
    """Read the counts.

    Raises
    ------
    SourceError
        If its start or its epoch cannot be told.
    """
    ahead, counts, pressed = list[str](), list[float](), list[bool]()
    for block in blocks(blob):
        if isinstance(block, Gap):
            raise SourceError(block.reason)  # what comes after it would be at a wrong time
        for line, raw in enumerate(block.data.split(b"\n")[:-1], block.line):
            text = _text(raw).strip()
            if len(ahead) < _AHEAD:
                ahead.append(text)
            elif text:
                found = _COUNT.fullmatch(text)
                if not found:
                    gather.refuse("it does not begin with a count", f"line {line}")
                counts.append(float(found.group(1)) if found else np.nan)
                pressed.append(found is not None and found.group(2) is not None)
        yield
    start_us, epoch_s = _start(ahead)
    steps = np.arange(len(counts), dtype=np.int64) * round(epoch_s * SECOND_US)
    values = np.array(counts, np.float64)
    time_us = to_instants(start_us + steps, context.zone_for(gather.subject))
    epoch = np.full(values.size, epoch_s, np.float32)
    counted: Fields = {"counts": values, "epoch": epoch}
    gather.several(
        time_us,
        {
            "activity_counts": (~np.isnan(values), counted),
            "event_marks": (np.array(pressed, np.bool_), {}),
        },
    )
    yield


def _start(ahead: list[str]) -> tuple[int, float]:
    """Return when the recording starts [us, by the wall] and its epoch [s]."""
    if len(ahead) < _AHEAD or ahead[3].upper() not in _EPOCHS:
        codes = ", ".join(_EPOCHS)
        raise SourceError(f"line 4: the code of the epoch's length is none of {codes}")
    day, clock = _DAY.fullmatch(ahead[1]), _CLOCK.fullmatch(ahead[2])
    name = day.group(2).lower() if day else ""
    month = next((i for i, known in enumerate(_MONTHS, 1) if name in known.split()), None)
    if not day or not clock or month is None:
        raise SourceError("lines 2 and 3: the start is not like 14-Nov-2015 and 13:10")
    hour, minute, second = (int(part or 0) for part in clock.groups())
    try:
        start = datetime(
            int(day.group(3)), month, int(day.group(1)), hour, minute, second, tzinfo=UTC
        )
    except ValueError as problem:
        raise SourceError("lines 2 and 3: the start is no date of the calendar") from problem
    return to_micros(start), _EPOCHS[ahead[3].upper()]
