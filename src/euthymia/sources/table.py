"""CSV files as typed columns: one fast parse, and a slow one for the lines that it refuses."""

import csv
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as pacsv

from euthymia.ground.errors import SourceError
from euthymia.ground.records import Reject
from euthymia.kernels.csv_numbers import POWERS, read_lines
from euthymia.sources.blob import MiB
from euthymia.sources.cells import (
    MAX_US,
    MILLIS_FROM,
    NULLS,
    BadCellError,
    Column,
    Kind,
    arrow_type,
    read_cell,
)
from euthymia.sources.contract import Opened, Part
from euthymia.sources.lines import BOM, Gap, blocks

BATCH: Final = 16 * MiB
MAX_HEADER: Final = 128 * 1024  # bytes of a line of column names
PIECE: Final = 128 * 1024  # when a batch has a bad line, only pieces of this size are read slowly


_ProblemOf = Callable[[tuple[str, ...]], str | None]
"""Why a header cannot be used; None if it can."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that were read: their numbers, counted from 1 over the whole logical file, and cells."""

    rows: NDArray[np.int64]
    columns: dict[str, pa.Array]

    def floats(self, name: str) -> NDArray[np.float64]:
        """Return a number column; NaN where the cell is empty."""
        return np.asarray(self.columns[name].to_numpy(zero_copy_only=False), dtype=np.float64)

    def of(self, mask: NDArray[np.bool_]) -> "Chunk":
        """Return some of the rows."""
        chosen = pa.array(mask)
        cells = {name: column.filter(chosen) for name, column in self.columns.items()}
        return Chunk(self.rows[mask], cells)

    def times(self, name: str) -> NDArray[np.int64]:
        """Return a time column as microseconds; it has no empty cells."""
        return np.asarray(self.columns[name].to_numpy(zero_copy_only=False), dtype=np.int64)


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Return chunks of one table as one."""
    columns = {
        name: pa.chunked_array([chunk.columns[name] for chunk in chunks]).combine_chunks()
        for name in chunks[0].columns
    }
    return Chunk(np.concatenate([chunk.rows for chunk in chunks]), columns)


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that a reader needs of a CSV file.

    The first `skip_lines` lines hold no data. With `positional`, no line names the columns: they
    are taken by their place.
    """

    columns: tuple[Column, ...]
    positional: bool = False
    skip_lines: int = 0

    def missing(self, header: Sequence[str]) -> list[str]:
        """Return the required columns that a header lacks, by their first known name."""
        return [
            c.aliases[0] or "(the unnamed index column)"
            for c in self.columns
            if c.required and not set(c.aliases) & set(header)
        ]

    def required(self) -> tuple[tuple[str, ...], ...]:
        """Return the names that each required column may go by."""
        return tuple(c.aliases for c in self.columns if c.required)

    def places(self, header: Sequence[str]) -> dict[int, Column]:
        """Return where in a line each column we need stands."""
        if self.positional:
            return dict(enumerate(self.columns))
        found = {}
        for column in self.columns:
            name = next((a for a in column.aliases if a in header), None)
            if name is not None:
                found[list(header).index(name)] = column
        return found


@dataclass(frozen=True, slots=True)
class _Segment:
    """Whole data lines of one part under one header, and the number of the first.

    They begin at `start` of `text`: a copy without the header would cost a tenth of the reading.
    """

    label: str
    header: tuple[str, ...]
    text: bytes
    line: int
    start: int = 0

    @property
    def data(self) -> bytes:
        """The lines alone."""
        return self.text[self.start :] if self.start else self.text


@dataclass(frozen=True, slots=True)
class _Refused:
    """Rows that cannot be read at all."""

    reason: str
    rows: int = 1


def split_line(text: str) -> list[str]:
    """Split one CSV line into its cells; nothing where that is not possible."""
    try:
        return next(csv.reader([text]), [])
    except csv.Error:
        return []


def header_of(head: bytes, skip_lines: int = 0) -> tuple[str, ...]:
    """Return the column names on a line of `head`, without a byte-order mark."""
    at = len(BOM) if head.startswith(BOM) else 0
    for _ in range(skip_lines):
        at = head.find(b"\n", at) + 1
        if not at:
            return ()
    end = head.find(b"\n", at, at + MAX_HEADER)
    return _names(head[at : end if end >= 0 else at + MAX_HEADER])


@lru_cache(maxsize=256)
def _names(line: bytes) -> tuple[str, ...]:
    text = line.decode("utf-8", "replace").strip("\r")
    return tuple(cell.strip() for cell in split_line(text))


def fits(layout: Layout, head: bytes) -> bool:
    """Tell whether the header in `head` has every column that a layout requires."""
    header = header_of(head, layout.skip_lines)
    return bool(header) and not layout.missing(header)


def count_rows(data: bytes) -> int:
    """Return how many lines are not empty; each line ends with a newline."""
    lines = _line_ends(data)
    if b"\n\n" in data or b"\n\r\n" in data or data.startswith((b"\n", b"\r\n")):
        lines -= sum(line in {b"", b"\r"} for line in data.split(b"\n")[:-1])
    return lines


def rows_of(opened: Opened) -> int:
    """Return how many rows a table has that is not read: at least one."""
    lines = sum(
        1 if isinstance(found, Gap) else count_rows(found.data)
        for part in opened.parts
        for found in blocks(part.blob)
    )
    return max(lines - len(opened.parts), 1)


def read_table(opened: Opened, layout: Layout) -> Iterator[Chunk | Reject]:
    """Yield the rows of all parts, in order; bad lines as rejects that name line and column.

    Parts with the same header are joined and parsed in one go: hourly files read one by one cost
    twelve times as much. A part without the needed columns is refused; the other parts are read.
    """
    row, size = 1, 0
    waiting: list[_Segment] = []
    problem_of = cache(partial(_header_problem, layout))
    for part in opened.parts:
        for found in _tolerant(part, layout, problem_of, named=len(opened.parts) > 1):
            header = found.header if isinstance(found, _Segment) and size < BATCH else None
            if waiting and header != waiting[0].header:
                row = yield from _parse(waiting, layout, row)
                waiting, size = [], 0
            if isinstance(found, _Refused):
                yield Reject(row, found.reason, found.rows)
                row += found.rows
            else:
                waiting.append(found)
                size += len(found.text) - found.start
    if waiting:
        yield from _parse(waiting, layout, row)


def _tolerant(
    part: Part, layout: Layout, problem_of: _ProblemOf, *, named: bool
) -> Iterator[_Segment | _Refused]:
    """Yield segments; of many parts, one that cannot be read does not take the others with it."""
    try:
        yield from _segments(part, layout, problem_of, named=named)
    except SourceError as problem:
        if not named:
            raise
        yield _Refused(f"{part.path.name}: {problem}")


def _segments(
    part: Part, layout: Layout, problem_of: _ProblemOf, *, named: bool
) -> Iterator[_Segment | _Refused]:
    label = f"{part.path.name}: " if named else ""
    header: tuple[str, ...] | None = None
    problem, refused = None, 0
    for found in blocks(part.blob):
        if isinstance(found, Gap):
            if header is None:
                header, problem = (), "the line of column names cannot be read"
            yield _Refused(label + found.reason)
            continue
        data, line, start = found.data, found.line, 0
        if header is None:
            header, start, ahead = _take_header(data, layout)
            line += ahead
            problem = problem_of(header)
        if problem:
            refused += count_rows(data[start:])
        elif start < len(data):
            yield _Segment(label, header, data, line, start)
    if header is None:
        yield _Refused(label + "the file is empty")
    elif problem and (refused or header):
        yield _Refused(label + problem, max(refused, 1))


def _take_header(data: bytes, layout: Layout) -> tuple[tuple[str, ...], int, int]:
    """Return the column names, where the lines after them begin, and how many come before."""
    ahead = layout.skip_lines + (not layout.positional)
    header = ("",) * len(layout.columns)
    if not layout.positional:
        header = header_of(data, layout.skip_lines)
    at = 0
    for _ in range(ahead):
        at = data.find(b"\n", at) + 1 or len(data)
    return header, at, ahead


def _header_problem(layout: Layout, header: tuple[str, ...]) -> str | None:
    if layout.positional:
        return None
    missing = layout.missing(header)
    known = {alias for column in layout.columns for alias in column.aliases}
    if missing:
        unknown = [str(i) for i, name in enumerate(header, 1) if name not in known]
        also = f"; not known: the column(s) at place {', '.join(unknown[:20])}" if unknown else ""
        return f"the column(s) {', '.join(missing)} are missing{also}; rename or export them again"
    doubled = sorted(name for name in known if header.count(name) > 1)
    return f"the column(s) {', '.join(doubled)} appear twice; remove one" if doubled else None


def _parse(
    segments: list[_Segment], layout: Layout, row: int
) -> Generator[Chunk | Reject, None, int]:
    """Yield the rows of segments under one header; return the number of the row after them."""
    header = segments[0].header
    places = layout.places(header)
    views = [memoryview(s.text)[s.start :] for s in segments]
    pieces = [_Segment("", header, b"".join(views), 0)]
    fast = _whole(pieces[0], places)
    if fast is None:
        pieces = [piece for segment in segments for piece in _pieces(segment)]
    for piece in pieces:
        columns = fast if fast is not None else _whole(piece, places)
        if columns is None:
            yield from _slow(piece, places, row)
            row += count_rows(piece.data)
            continue
        rows = len(next(iter(columns.values())))
        if rows:
            yield Chunk(np.arange(row, row + rows, dtype=np.int64), columns)
        row += rows
    return row


def _whole(piece: _Segment, places: dict[int, Column]) -> dict[str, pa.Array] | None:
    """Parse fast; None too if the parser did not see a row in each line (a quoted line end)."""
    if any(c.kind is Kind.EPOCH for c in places.values()) and _may_be_cut(piece.data):
        return None
    columns = _plain(piece.data, places, len(piece.header))
    if columns is not None:
        return columns
    columns = _fast(piece.data, places, len(piece.header))
    if columns is None:
        return None
    rows = len(next(iter(columns.values())))
    simple = b"\r" not in piece.data and rows == _line_ends(piece.data)
    return columns if simple or rows == count_rows(piece.data) else None


def _may_be_cut(data: bytes) -> bool:
    """Tell whether a time may have lost its last digits ("1.7E+12"): only its text tells.

    One byte is looked for first: that is ten times as fast as two, and most sensors write no plus.
    """
    return b"+" in data and (b"E+" in data or b"e+" in data)


def _line_ends(data: bytes) -> int:
    return int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n")))


def _pieces(segment: _Segment) -> Iterator[_Segment]:
    text = segment.text
    at, line = segment.start, segment.line
    while at < len(text):
        end = text.find(b"\n", at + PIECE) + 1 or len(text)
        data = text[at:end]
        yield _Segment(segment.label, segment.header, data, line)
        at, line = end, line + data.count(b"\n")


# -- fast ------------------------------------------------------------------------------------------

MANY: Final = 4 * MiB  # from here on loading compiled code pays
_NUMBERS: Final = (Kind.NUMBER, Kind.WHOLE, Kind.EPOCH)
_PLAIN: Final = re.compile(rb"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_ARROW: Final = {Kind.WALL: pa.timestamp("us"), Kind.INSTANT: pa.timestamp("us", tz="UTC")}


def _fast(data: bytes, places: dict[int, Column], width: int) -> dict[str, pa.Array] | None:
    """Parse all lines at once; None if any cell breaks a rule (the slow way says which)."""
    types = {
        str(i): _ARROW.get(c.kind)
        or (pa.string() if c.kind in {Kind.TEXT, Kind.CHOICE} else pa.float64())
        for i, c in places.items()
    }
    try:
        table = pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(column_names=[str(i) for i in range(width)]),
            # looking for quotes costs a fifth of the parsing; most sensors write none
            parse_options=pacsv.ParseOptions(quote_char='"' if b'"' in data else False),
            convert_options=pacsv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=list(NULLS),
                strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    columns = {}
    for i, column in places.items():
        good = _checked(table.column(str(i)).combine_chunks(), column)
        if good is None:
            return None
        columns[column.name] = good
    return columns


def _plain(data: bytes, places: dict[int, Column], width: int) -> dict[str, pa.Array] | None:
    """Parse long tables of which only plain numbers are wanted; None for any other.

    Four times as fast as Arrow, and the same numbers to the last bit.
    """
    wanted = list(places.values())
    if len(data) < MANY or width < 2 or any(c.kind not in _NUMBERS for c in wanted):
        return None
    if data.find(b'"') >= 0 or data.find(b"\r") >= 0 or not data.endswith(b"\n"):
        return None
    place = np.full(width, -1, np.int64)
    place[list(places)] = np.arange(len(wanted))
    room = len(data) // (width + len(wanted)) + 1  # lines: a wanted cell is not empty
    out, hard = np.empty((len(wanted), room)), np.empty((room, 4), np.int64)
    seen, left = read_lines(np.frombuffer(data, np.uint8), place, POWERS, out, hard)
    if seen < 0:
        return None
    for row, line, start, end in hard[:left].tolist():
        cell = data[start:end]
        if not _PLAIN.fullmatch(cell):
            return None
        out[row, line] = float(cell)
    columns = {}
    for values, column in zip(out, wanted, strict=True):
        good = _checked(pa.array(values[:seen]), column)
        if good is None:
            return None
        columns[column.name] = good
    return columns


def _checked(cells: pa.Array, column: Column) -> pa.Array | None:
    """Return the cells as the column's kind has them; None if one breaks its rule."""
    if cells.null_count and not column.nullable:
        return None
    if column.kind in {Kind.TEXT, Kind.CHOICE}:
        return _checked_words(cells, column)
    if column.kind in {Kind.WALL, Kind.INSTANT}:
        return cells.cast(pa.int64())
    values = cells.to_numpy(zero_copy_only=False)
    there = values if not cells.null_count else values[cells.is_valid().to_numpy(False)]
    if not np.isfinite(there).all():
        return None
    if column.kind is Kind.EPOCH:
        return _epochs(values)
    return cells if _inside(there, column) else None


def _epochs(values: NDArray[np.float64]) -> pa.Array | None:
    """Return seconds or milliseconds as microseconds; None if one is no time."""
    if not (np.abs(values) < MAX_US).all():  # before the product, which could overflow
        return None
    micros = values * np.where(np.abs(values) >= MILLIS_FROM, 1e3, 1e6)
    inside = bool((np.abs(micros) < MAX_US).all())
    return pa.array(np.rint(micros).astype(np.int64)) if inside else None


def _inside(values: NDArray[np.float64], column: Column) -> bool:
    if not values.size:
        return True
    whole = column.kind is not Kind.WHOLE or bool((values == np.floor(values)).all())
    return whole and bool(column.low <= values.min() and values.max() <= column.high)


def _checked_words(cells: pa.Array, column: Column) -> pa.Array | None:
    encoded = cells.dictionary_encode()
    try:
        words = [read_cell(column, word) for word in encoded.dictionary.to_pylist()]
    except BadCellError:
        return None
    return pa.array(words, pa.string()).take(encoded.indices)


# -- slow ------------------------------------------------------------------------------------------


def _slow(piece: _Segment, places: dict[int, Column], row: int) -> Iterator[Chunk | Reject]:
    """Read line by line; consecutive lines that break the same rule make one reject."""
    good_rows: list[int] = []
    good: list[list[float | int | str | None]] = []
    bad: list[tuple[int, int, str]] = []
    for line, raw in enumerate(piece.data.split(b"\n")[:-1], piece.line):
        text = raw.decode("utf-8", "surrogateescape").removesuffix("\r")
        if not text:
            continue
        try:
            good.append(_read_line(text, places, piece.header))
            good_rows.append(row)
        except BadCellError as problem:
            bad.append((row, line, str(problem)))
        row += 1
    if good:
        columns = {
            column.name: pa.array([cells[i] for cells in good], arrow_type(column.kind))
            for i, column in enumerate(places.values())
        }
        yield Chunk(np.array(good_rows, np.int64), columns)
    yield from _merged(bad, piece.label)


def _read_line(
    text: str, places: dict[int, Column], header: tuple[str, ...]
) -> list[float | int | str | None]:
    cells = split_line(text)
    if len(cells) != len(header):
        raise BadCellError(f"{len(cells)} cells where the header has {len(header)}")
    read = []
    for place, column in places.items():
        try:
            read.append(read_cell(column, cells[place]))
        except BadCellError as problem:
            name = header[place] or column.aliases[0] or "the index"
            raise BadCellError(f"{name} {problem}") from None
    return read


def _merged(bad: list[tuple[int, int, str]], label: str) -> Iterator[Reject]:
    start = 0
    for i, (row, line, rule) in enumerate(bad):
        following = bad[i + 1] if i + 1 < len(bad) else None
        if following and following[2] == rule and following[0] == row + 1:
            continue
        first = bad[start]
        where = f"line {line}" if i == start else f"lines {first[1]}-{line}"
        yield Reject(first[0], f"{label}{where}: {rule}", row - first[0] + 1)
        start = i + 1
