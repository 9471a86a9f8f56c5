"""The header of EDF, EDF+ and BDF files; and writing one, for examples and tests."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.ground.clock import to_micros
from euthymia.ground.errors import SourceError
from euthymia.sources.blob import MiB
from euthymia.sources.cells import BadCellError, number

MAX_SIGNALS: Final = 1024
MAX_RECORD: Final = 64 * MiB
_WIDTHS: Final = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
_MONTHS: Final = {
    "JAN": 1,
    "FEB": 2,
    "MAR": 3,
    "APR": 4,
    "MAY": 5,
    "JUN": 6,
    "JUL": 7,
    "AUG": 8,
    "SEP": 9,
    "OCT": 10,
    "NOV": 11,
    "DEC": 12,
}
_STARTDATE: Final = re.compile(r"Startdate (\d\d)-([A-Z]{3})-(\d{4})(?: |$)")


@dataclass(frozen=True, slots=True)
class Signal:
    """One channel: `physical = digital * gain + base`; `problem` says why it cannot be scaled."""

    label: str
    unit: str
    samples: int
    gain: float
    base: float
    annotations: bool
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """The header. `start_us` is a clock on the wall; `records` is -1 where it is not known."""

    start_us: int
    patient: str | None
    records: int
    record_s: float
    width: int
    signals: tuple[Signal, ...]

    @property
    def record_bytes(self) -> int:
        """Bytes in a data record."""
        return sum(signal.samples for signal in self.signals) * self.width


def _text(data: bytes) -> str:
    return data.decode("latin-1").strip("\0 ")


def _number(data: bytes, name: str) -> float:
    try:
        return number(_text(data))
    except BadCellError:
        raise SourceError(f"the header's {name} is not a number; export the file again") from None


def header_size(head: bytes) -> int:
    """Return the bytes of the whole header, from its first 256."""
    if len(head) < 256:
        raise SourceError("the file ends early, within its header; copy it again")
    signals = _number(head[252:256], "number of signals")
    if not 1 <= signals <= MAX_SIGNALS or not signals.is_integer():
        raise SourceError(f"the header's number of signals is not from 1 to {MAX_SIGNALS}")
    return 256 * (1 + int(signals))


def decode_header(data: bytes) -> Header:
    """Return the header.

    Raises
    ------
    SourceError
        Naming the part that is not what it must be.
    """
    if len(data) < header_size(data):
        raise SourceError("the file ends early, within its header; copy it again")
    bdf = data[0] == 0xFF
    reserved = _text(data[192:236])
    plus = reserved.startswith(("EDF+", "BDF+"))
    records, record_s = (
        _number(data[236:244], "number of records"),
        _number(data[244:252], "duration of a record"),
    )
    signals = _signals(data[256:], (len(data) - 256) // 256)
    header = Header(
        _start(data, plus=plus),
        _patient(data) if plus else None,
        int(records),
        record_s,
        3 if bdf else 2,
        signals,
    )
    if not 0 < header.record_bytes <= MAX_RECORD:
        raise SourceError("a data record has no bytes or more than 64 MiB")
    only = all(signal.annotations for signal in signals)
    if not (0 <= record_s <= 86_400) or (record_s == 0 and not only):
        raise SourceError("the duration of a data record is not between 0 s and a day")
    return header


def _patient(data: bytes) -> str | None:
    """Return the code by which the patient is known; None where EDF+ leaves it open."""
    code = _text(data[8:88]).split(" ", 1)[0]
    return None if code in {"", "X", "x", "Unknown", "anonymous", "Anonymous"} else code


def _start(data: bytes, *, plus: bool) -> int:
    day = re.fullmatch(r"(\d\d)[.\-/:](\d\d)[.\-/:](\d\d)", _text(data[168:176]))
    clock = re.fullmatch(r"(\d\d)[.\-/:](\d\d)[.\-/:](\d\d)", _text(data[176:184]))
    if not day or not clock:
        raise SourceError("the header's start is not dd.mm.yy and hh.mm.ss")
    on, month, short = map(int, day.groups())
    year = short + (1900 if short >= 85 else 2000)
    written = _STARTDATE.match(_text(data[88:168])) if plus else None
    if written:
        on, year = int(written.group(1)), int(written.group(3))
        month = _MONTHS.get(written.group(2), month)
    elif "/" in day.group() and on != month and max(on, month) <= 12:
        raise SourceError(
            "the header's start has slashes, so its day and month could be either; write it as "
            "dd.mm.yy, as EDF has it"
        )
    try:
        hour, minute, second = map(int, clock.groups())
        start = datetime(year, month, on, hour, minute, second, tzinfo=UTC)
    except ValueError as problem:
        raise SourceError("the header's start is no date of the calendar") from problem
    return to_micros(start)


def _signals(data: bytes, count: int) -> tuple[Signal, ...]:
    columns, at = [], 0
    for width in _WIDTHS:
        columns.append([data[at + i * width : at + (i + 1) * width] for i in range(count)])
        at += width * count
    return tuple(_signal([column[i] for column in columns]) for i in range(count))


def _signal(cells: list[bytes]) -> Signal:
    label, unit = _text(cells[0]), _text(cells[2])
    samples = _number(cells[8], "samples in a record")
    if not 0 <= samples <= MAX_RECORD or not samples.is_integer():
        raise SourceError("the header's samples in a record are not a whole number")
    annotations = label in {"EDF Annotations", "BDF Annotations"}
    gain = base = 0.0
    problem = None
    if not annotations:
        try:
            low, high, dig_low, dig_high = (number(_text(cell)) for cell in cells[3:7])
            gain = (high - low) / (dig_high - dig_low)
            base = low - gain * dig_low
        except (BadCellError, ZeroDivisionError):
            problem = "a channel whose physical or digital range is not two numbers that differ"
    if samples == 0 and not annotations:
        problem = "a channel without samples"
    return Signal(label, unit, int(samples), gain, base, annotations, problem)


# -- writing ---------------------------------------------------------------------------------------

Written = tuple[str, str, int, NDArray[np.float64]]
"""Label, unit, samples in a second, and the values."""


def _field(value: object, width: int) -> bytes:
    return str(value).encode("latin-1")[:width].ljust(width)


def write_edf(
    path: Path,
    signals: Sequence[Written],
    *,
    annotations: Sequence[tuple[float, float, str]] = (),
    start: str = "01.05.2422.30.00",
    patient: str = "X X X X",
    gaps: Sequence[float] | None = None,
    bdf: bool = False,
) -> None:
    """Write an EDF+ (or BDF+) file of one-second data records.

    Parameters
    ----------
    annotations : sequence of (onset [s], duration [s], text)
    gaps : sequence of float, optional
        When each record starts [s] (EDF+D).
    """
    top = (1 << 23) - 1 if bdf else 32767
    count = max(len(values) // rate for _, _, rate, values in signals)
    onsets = list(gaps) if gaps is not None else [float(i) for i in range(count)]
    width = 3 if bdf else 2
    kind = "BDF" if bdf else "EDF"
    names = [*((label, unit) for label, unit, _, _ in signals), (f"{kind} Annotations", "")]
    limits = [float(np.abs(values).max()) or 1.0 for *_, values in signals] + [1.0]
    rates = [*(rate for _, _, rate, _ in signals), 60]
    head = b"\xffBIOSEMI" if bdf else _field("0", 8)
    head += _field(patient, 80) + _field("Startdate X X X X", 80) + start.encode("ascii")
    head += _field(256 * (1 + len(names)), 8)
    head += _field(f"{kind}+{'D' if gaps is not None else 'C'}", 44)
    head += _field(count, 8) + _field(1, 8) + _field(len(names), 4)
    columns: list[list[object]] = [
        [label for label, _ in names],
        ["" for _ in names],
        [unit for _, unit in names],
        [f"{-limit:.6g}" for limit in limits],
        [f"{limit:.6g}" for limit in limits],
        [-top for _ in names],
        [top for _ in names],
        ["" for _ in names],
        list(rates),
        ["" for _ in names],
    ]
    for column, size in zip(columns, _WIDTHS, strict=True):
        head += b"".join(_field(value, size) for value in column)
    body = b"".join(
        _record(signals, limits, top, width, i)
        + _tal(onset, annotations if i == 0 else (), rates[-1] * width)
        for i, onset in enumerate(onsets)
    )
    path.write_bytes(head + body)


def _record(signals: Sequence[Written], limits: list[float], top: int, width: int, i: int) -> bytes:
    parts = []
    for (_, _, rate, values), limit in zip(signals, limits, strict=False):
        scaled = np.rint(values[i * rate : (i + 1) * rate] / limit * top).astype("<i4")
        parts.append(np.ascontiguousarray(scaled.view(np.uint8).reshape(-1, 4)[:, :width]))
    return b"".join(part.tobytes() for part in parts)


def _tal(onset: float, annotations: Sequence[tuple[float, float, str]], size: int) -> bytes:
    data = f"+{onset:g}\x14\x14\0".encode()
    for at, length, text in annotations:
        data += f"+{at:g}\x15{length:g}\x14{text}\x14\0".encode()
    return data.ljust(size, b"\0")
