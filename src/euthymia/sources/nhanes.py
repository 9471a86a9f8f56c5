"""NHANES depression screener (DPQ): PHQ-9 item responses in a SAS transport file (XPORT v5).

Format: SAS technical support document TS-140, "The record layout of a SAS version 5 or 6 data set
in SAS transport (XPORT) format". Numbers are IBM floating point.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from euthymia.ground.audit import Purpose
from euthymia.ground.codes import PHQ9_DIFFICULTY, PHQ9_ITEMS
from euthymia.ground.errors import SourceError
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Observations, Reject
from euthymia.sources.blob import MiB
from euthymia.sources.contract import Opened, Source
from euthymia.sources.shapes import OBSERVATION_ROWS

SYSTEM: Final = device_id("nhanes", "").system
MAX_BYTES: Final = 256 * MiB
_CARD: Final = 80
_LIBRARY: Final = b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!"
_MEMBER: Final = b"HEADER RECORD*******MEMBER  HEADER RECORD!!!!!!!"
_NAMES: Final = b"HEADER RECORD*******NAMESTR HEADER RECORD!!!!!!!"
_ROWS: Final = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!"

_ITEMS: Final = {
    **{f"DPQ0{i}0": code for i, code in enumerate(PHQ9_ITEMS, 1)},
    "DPQ100": PHQ9_DIFFICULTY,
}
_REFUSED, _UNKNOWN, _HIGHEST = 7, 9, 3


@dataclass(frozen=True, slots=True)
class _Variable:
    """A column of the file: where in a row it stands."""

    name: str
    numeric: bool
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows as bytes, and the numeric variables by name."""

    rows: NDArray[np.uint8]  # shape (rows, bytes of a row)
    variables: dict[str, _Variable]
    cut: bool

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Return a numeric column; NaN where SAS has a missing value."""
        variable = self.variables[name]
        return ibm_floats(self.rows[:, variable.start : variable.start + variable.length])


def ibm_floats(cells: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return IBM floating-point numbers as float64; NaN for SAS missing values.

    Parameters
    ----------
    cells : ndarray of uint8, shape (n, 2 to 8)
        Sign bit, 7 bits of exponent to base 16 (excess 64), then the mantissa. A zero mantissa
        under a first byte of ``.``, ``_`` or ``A`` to ``Z`` is a missing value, else zero.
    """
    padded = np.zeros((cells.shape[0], 8), np.uint8)
    padded[:, : cells.shape[1]] = cells
    bits = padded.view(">u8").ravel().astype(np.uint64)
    mantissa = bits & np.uint64((1 << 56) - 1)
    first = padded[:, 0]
    power = (first & 0x7F).astype(np.int32) - 64 - 14
    value = np.ldexp(mantissa.astype(np.float64), 4 * power)
    value[first >= 0x80] *= -1
    letter = (first >= 0x41) & (first <= 0x5A)
    value[(mantissa == 0) & (letter | (first == 0x2E) | (first == 0x5F))] = np.nan
    return value


def _recognise(_path: PurePath, head: bytes) -> float:
    return 0.9 if head.startswith(_LIBRARY) and b"DPQ010" in head else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    data = opened.blob.whole(MAX_BYTES, even_if_cut=True)
    try:
        table = _parse(data)
    except (ValueError, IndexError) as problem:
        raise SourceError("the SAS transport file's header is damaged; copy it again") from problem
    missing = sorted({"SEQN", *_ITEMS} - {"DPQ100"} - set(table.variables))
    if missing:
        raise SourceError(
            f"the variable(s) {', '.join(missing)} are missing from the file, or no numbers"
        )
    seqn = table.numbers("SEQN")
    named = np.isfinite(seqn) & (seqn > 0) & (seqn == np.floor(seqn))
    rows = np.arange(1, seqn.size + 1, dtype=np.int64)
    yield from (Reject(int(row), f"respondent {row}: SEQN is missing") for row in rows[~named])
    yield from _answers(table, rows, seqn, named)
    if opened.blob.cut or table.cut:
        yield Reject(
            seqn.size + 1,
            f"the file ends early, inside the record after respondent {seqn.size}; copy it again",
        )


def _answers(
    table: _Table, rows: NDArray[np.int64], seqn: NDArray[np.float64], named: NDArray[np.bool_]
) -> Iterator[Item]:
    answers = {n: table.numbers(n) for n in _ITEMS if n in table.variables}
    odd = np.zeros(rows.size, np.bool_)
    for values in answers.values():
        known = np.isin(values, [0, 1, 2, _HIGHEST, _REFUSED, _UNKNOWN]) | np.isnan(values)
        odd |= ~known
    yield from (
        Reject(int(row), f"respondent {row}: an answer is none of 0 to 3, 7 and 9")
        for row in rows[named & odd]
    )
    good = named & ~odd
    if good.any():
        subjects = pa.array(seqn[good].astype(np.int64)).cast(pa.string())
        tables = [
            _item_table(_ITEMS[name], subjects, rows[good], values[good])
            for name, values in answers.items()
        ]
        yield Observations(SYSTEM, pa.concat_tables(tables).combine_chunks())


def _item_table(
    code: str, subjects: pa.Array, rows: NDArray[np.int64], values: NDArray[np.float64]
) -> pa.Table:
    """Refusals and don't-knows are missing answers: their number is null, their word is kept."""
    size = rows.size
    answered = values <= _HIGHEST
    words = np.full(size, None, dtype=object)
    words[values == _REFUSED] = "refused"
    words[values == _UNKNOWN] = "don't know"
    words[np.isnan(values)] = "not asked or not answered"
    columns = {
        "subject_id": subjects,
        "time": pa.nulls(size, OBSERVATION_ROWS.field("time").type),
        "code": pa.repeat(pa.scalar(code), size),
        "numeric_value": pa.array(np.where(answered, values, np.nan), from_pandas=True),
        "text_value": pa.array(words, pa.string()),
        "unit": pa.repeat(pa.scalar("{score}"), size),
        "purpose": pa.repeat(pa.scalar(Purpose.CARE.value), size),
        "source": pa.repeat(pa.scalar("nhanes"), size),
        "sensitivity": pa.nulls(size, pa.string()),
        "row": pa.array(rows),
    }
    return pa.Table.from_arrays(
        [columns[n] for n in OBSERVATION_ROWS.names], schema=OBSERVATION_ROWS
    )


# -- the format ------------------------------------------------------------------------------------


def _parse(data: bytes) -> _Table:
    member = data.index(_MEMBER)
    size_of_name = int(data[member + 74 : member + 78])
    names = data.index(_NAMES, member)
    count = int(data[names + 54 : names + 58])
    if not 0 < count <= 10_000 or size_of_name not in {136, 140}:
        raise ValueError("not a plausible number of variables")
    at = names + _CARD
    variables = [
        _variable(data[at + i * size_of_name : at + (i + 1) * size_of_name]) for i in range(count)
    ]
    begin = data.index(_ROWS, at) + _CARD
    width = max(v.start + v.length for v in variables)
    if not 0 < width <= 1 << 20:
        raise ValueError("not a plausible length of a row")
    body = data[begin:]
    whole = len(body) // width
    rows = np.frombuffer(body, np.uint8, whole * width).reshape(whole, width)
    rest = body[whole * width :].strip(b" ")
    # the last card is filled up with blanks, which can look like whole empty rows
    while whole and (rows[whole - 1] == 0x20).all() and len(body) - (whole - 1) * width < _CARD:
        whole -= 1
    numbers = {v.name: v for v in variables if v.numeric}
    return _Table(rows[:whole], numbers, cut=bool(rest))


def _variable(record: bytes) -> _Variable:
    if len(record) < 136:
        raise ValueError("the list of variables is cut")
    kind, length = int.from_bytes(record[0:2], "big"), int.from_bytes(record[4:6], "big")
    start = int.from_bytes(record[84:88], "big")
    name = record[8:16].decode("ascii", "replace").strip()
    numeric = kind == 1
    if numeric and not 2 <= length <= 8:
        raise ValueError("a number has 2 to 8 bytes")
    return _Variable(name, numeric, start, length)


def _example(folder: Path) -> None:
    names = ["SEQN", *_ITEMS]
    rows: list[list[int | None]] = [
        [1, *[0] * 9, None],
        [2, 3, 2, 1, 0, 7, 9, 0, 1, 0, 1],
        [3, *[None] * 10],
    ]
    (folder / "DPQ_X.xpt").write_bytes(_written(names, rows))


def _written(names: list[str], rows: list[list[int | None]]) -> bytes:
    """Write a transport file of small whole numbers."""

    def card(text: bytes) -> bytes:
        return text.ljust(_CARD)

    def name_record(i: int, name: str) -> bytes:
        head = b"".join(n.to_bytes(2, "big") for n in (1, 0, 8, i + 1)) + name.encode().ljust(8)
        return (head.ljust(84, b" ") + (8 * i).to_bytes(4, "big")).ljust(140, b"\0")

    def cell(value: int | None) -> bytes:
        if value is None:
            return b"." + bytes(7)
        return bytes(8) if value == 0 else bytes([66, value]) + bytes(6)

    zeros = b"0" * 30
    out = card(_LIBRARY + zeros) + card(b"SAS     SAS     SASLIB  9.4") + card(b"01JAN24:00:00:00")
    out += card(_MEMBER + b"000000000000000001600000000140")
    out += card(b"HEADER RECORD*******DSCRPTR HEADER RECORD!!!!!!!" + zeros)
    out += card(b"SAS     DPQ_X   SASDATA 9.4") + card(b"01JAN24:00:00:00")
    out += card(_NAMES + f"000000{len(names):04d}00000000000000000000".encode())
    records = b"".join(name_record(i, name) for i, name in enumerate(names))
    out += records.ljust(-(-len(records) // _CARD) * _CARD)
    out += card(_ROWS + zeros)
    body = b"".join(cell(value) for row in rows for value in row)
    return out + body.ljust(-(-len(body) // _CARD) * _CARD)


SOURCE = Source(
    name="nhanes",
    title="NHANES depression screener",
    formats=("DPQ_*.xpt",),
    recognise=_recognise,
    read=_read,
    example=_example,
)
