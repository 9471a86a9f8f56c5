"""What a cell of a CSV table may hold, and the slow, plain way to read one.

The fast way (Arrow, in `table`) must accept the same cells: a property test holds them together.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import pyarrow as pa

from euthymia.ground.clock import to_micros

NULLS: Final = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
ANY: Final = 3e38
"""Of a column without limits: what 32 bits hold."""


class Kind(Enum):
    """How a cell is read."""

    NUMBER = "a number"
    WHOLE = "a whole number"
    TEXT = "UTF-8 text"
    CHOICE = "one of the known words"
    EPOCH = "a time in seconds or milliseconds since 1970"
    WALL = "a date and time without a zone (YYYY-MM-DD HH:MM:SS)"
    INSTANT = "a date and time with its offset from UTC (YYYY-MM-DD HH:MM:SS+00:00)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column we need: its name for us, the names it has in files, and what its cells hold.

    A column that is not `required` may be missing from the file; a `nullable` one may have empty
    cells. NUMBER and WHOLE become float64, TEXT and CHOICE strings, times int64 microseconds.
    """

    name: str
    aliases: tuple[str, ...]
    kind: Kind = Kind.NUMBER
    required: bool = True
    nullable: bool = False
    low: float = -ANY
    high: float = ANY
    choices: Mapping[str, int] = field(default_factory=dict)

    @property
    def rule(self) -> str:
        """What a cell must be, in words."""
        if self.kind is Kind.CHOICE:
            return "one of " + ", ".join(sorted(self.choices))
        if self.kind is Kind.WHOLE:
            return f"a whole number from {self.low:.0f} to {self.high:.0f}"
        if self.kind is Kind.NUMBER and self.high < ANY:
            return f"a number from {self.low:g} to {self.high:g}"
        if self.kind is Kind.NUMBER and self.low > -ANY:
            return f"a number of at least {self.low:g}"
        return str(self.kind.value)


class BadCellError(ValueError):
    """A cell that breaks its column's rule. The text is the rule, not the cell."""


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d([ T]\d\d(:?\d\d(:?\d\d(\.\d{1,9})?)?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII
)
_OFFSET = re.compile(r"(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)
MAX_US: Final = 253_402_300_799_000_000  # the end of the year 9999
MILLIS_FROM: Final = 1e11
"""Seconds reach this in the year 5138, milliseconds in 1973: an epoch above it is milliseconds."""


def number(text: str) -> float:
    """Read a decimal number; infinities and anything else are refused."""
    if not _NUMBER.fullmatch(text):
        raise BadCellError
    value = float(text)
    if not math.isfinite(value):
        raise BadCellError
    return value


def epoch_micros(value: float) -> int:
    """Return seconds or milliseconds since 1970 as microseconds."""
    micros = value * (1e3 if abs(value) >= MILLIS_FROM else 1e6)
    if not abs(micros) < MAX_US:
        raise BadCellError
    return round(micros)


def epoch(text: str) -> int:
    """Return an epoch's microseconds; one that a spreadsheet cut to 1.71456E+12 is refused.

    Spreadsheets write the plus; programs that write 1.71456E12 (Java) leave out only zeros.
    """
    micros = epoch_micros(number(text))
    digits, mark, exponent = text.lower().partition("e+")
    last = int(exponent) - len(digits.partition(".")[2]) if mark else 0
    if last > (3 if abs(float(text)) >= MILLIS_FROM else 0):
        raise BadCellError("was cut to a few digits (1.7E+12), as spreadsheets do: export it again")
    return micros


def moment(text: str, *, zoned: bool) -> int:
    """Return a date and time as microseconds: of UTC if `zoned`, else of the wall clock."""
    if not _MOMENT.fullmatch(text) or bool(_OFFSET.search(text, 11)) != zoned:
        raise BadCellError
    try:
        when = datetime.fromisoformat(text)
        return to_micros(when if zoned else when.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as problem:
        raise BadCellError from problem


def read_cell(column: Column, raw: str) -> float | int | str | None:
    """Read one cell the plain way; raise `BadCellError` if it breaks the column's rule."""
    text = raw.strip(" \t")
    if text in NULLS:
        if column.nullable:
            return None
        raise BadCellError("is empty")
    try:
        return _read(column, text)
    except BadCellError as problem:
        raise BadCellError(str(problem) or f"is not {column.rule}") from None


def _read(column: Column, text: str) -> float | int | str:
    match column.kind:
        case Kind.NUMBER | Kind.WHOLE:
            value = number(text)
            whole = column.kind is Kind.NUMBER or value.is_integer()
            if not whole or not column.low <= value <= column.high:
                raise BadCellError
            return value
        case Kind.EPOCH:
            return epoch(text)
        case Kind.WALL | Kind.INSTANT:
            return moment(text, zoned=column.kind is Kind.INSTANT)
        case _:
            if column.kind is Kind.CHOICE and text not in column.choices:
                raise BadCellError
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise BadCellError
            return text


def arrow_type(kind: Kind) -> pa.DataType:
    """Return the type of a column after it was read."""
    if kind in {Kind.NUMBER, Kind.WHOLE}:
        return pa.float64()
    return pa.string() if kind in {Kind.TEXT, Kind.CHOICE} else pa.int64()
