"""Tables as spreadsheets save them, put into the one form that the readers know.

A European spreadsheet separates cells by `;`, writes 3,14 and 31.12.2024, and may put `sep=;` on
the first line; "Unicode text" has tabs and is UTF-16; and names of columns come back in other
letters; the date and the time of day may stand in two columns. Only a file that no source knows as
it is comes here, and it stays refused unless a source knows it afterwards; of one that is known,
only 12/31/2024 (or 12-31-2024) is rewritten. What could be read in two ways is not read: of
03/04/2024 the other dates of the same file must tell the order (one above 12, or days that follow
each other), and 1.234 is a number only where another one has a decimal point, and none a decimal
comma.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from euthymia.sources.lines import BOM, MAX_LINE

_SEP: Final = re.compile(rb"sep=([;,\t|])\r?\n", re.IGNORECASE)
_MARKS: Final = (b"------------ Data File Created By ActiGraph", b"Epoch-by-Epoch", b"Actiware")
"""Of these the columns come after a preamble, and the file is known in any dialect."""
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COMMA: Final = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS: Final = re.compile(r"([+-]?\d{1,3}(?:\.\d{3})+)(,\d+)?", re.ASCII)
_GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
"""Between tabs, or beside 72.5, 1,234 may be a thousand: a number only where another cell tells."""
_POINT: Final = re.compile(r"[+-]?(?:\d{4,}\.\d+|\d+\.(?!\d{3}$)\d+|0\.\d+)", re.ASCII)
_ENGLISH: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:(?:,\d{3})+\.\d+|(?:,\d{3}){2,})", re.ASCII)
_WHOSE: Final = re.compile(
    r"(?i:(?:.*[^a-z])?(?:[pu]?id|user|device|subject|participant|patient))|.*[a-z]Id"
)
"""Names of columns that tell whose a row is: 101.001 is left there as it is written."""
_HALF: Final = r"(?: ?([AaPp])\.?[Mm]\.?)?"
_DOTTED: Final = re.compile(
    rf"(\d\d?)\.(\d\d?)\.(\d{{4}})(?:,? (\d\d?:\d\d(?::\d\d)?)([.,]\d{{1,6}})?{_HALF})?"
)
_SLASHED: Final = re.compile(
    rf"(\d\d?)[/-](\d\d?)[/-](\d{{4}})(?:,? (\d\d?:\d\d(?::\d\d)?)([.,]\d{{1,6}})?{_HALF})?"
)
_YEAR_LAST: Final = re.compile(rb"(?:^|[,;\t\"])\d\d?[/-]\d\d?[/-]\d{4}")
_CLOCK: Final = re.compile(rf"(\d\d?:\d\d(?::\d\d)?)([.,]\d{{1,6}})?{_HALF}")
ROWS_A_DAY: Final = 12  # what has so many is a recording: its days follow each other
_DATE_TIME: Final = ("date", "time")
"""Names, in small letters, of two columns that tell one moment."""
_MOMENT: Final = "timestamp"  # the name by which the sources know it


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written.

    `commas`, `points`: some of its numbers surely have a decimal comma, a decimal point. `whose`:
    the places of columns that are never numbers. `day_first`: what 03/04/2024 means, where the file
    tells. `names` is what its line of names becomes; None where a preamble stands before it.
    """

    mark: str = ","
    utf16: bool = False
    told: bool = False
    commas: bool = False
    points: bool = False
    whose: frozenset[int] = frozenset()
    day_first: bool | None = None
    names: tuple[str, ...] | None = None
    moment: tuple[int, int] | None = None

    @property
    def first_line(self) -> int:
        """Return which line of the file is the first that readers see."""
        return 2 if self.told else 1

    def recode(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the content as the readers know it, line for line."""
        if self.utf16:
            decode = codecs.getincrementaldecoder("utf-16")("replace")
            chunks = (decode.decode(chunk).encode() for chunk in chunks)
        first, tail = True, b""
        for chunk in chunks:
            tail += chunk
            end = tail.rfind(b"\n") + 1
            if not end and len(tail) > MAX_LINE:
                end = len(tail)  # too long for any reader: they say so
            if end:
                yield self._lines(tail[:end], first=first)
                first, tail = False, tail[end:]
        if tail:
            yield self._lines(tail, first=first)

    def _lines(self, data: bytes, *, first: bool) -> bytes:
        ahead = b""
        if first:
            data = data.removeprefix(BOM)
            if self.told:
                data = data.partition(b"\n")[2]
            if self.names is not None:
                ahead, data = _joined(list(self.names)), data.partition(b"\n")[2]
        if self.mark == "," and not self.moment and self.day_first is None:
            return ahead + data
        if (
            self.moment
            or b'"' in data
            or b"," in data
            or self.commas
            or b"." in data
            or self.day_first is not None
        ):
            lines = data.decode("utf-8", "surrogateescape").split("\n")
            ends = lines.pop()
            done = [self._line(line.removesuffix("\r")) for line in lines]
            return ahead + b"".join(done) + (self._line(ends)[:-1] if ends else b"")
        return ahead + data.replace(self.mark.encode(), b",")

    def _line(self, text: str) -> bytes:
        cells = [cell.strip() for cell in _split(text, self.mark)]
        if self.mark == ",":  # its numbers are as readers know them
            cells = [self._day(c) if _may_be_day(c) else c for c in cells]
        else:
            whose = self.whose
            cells = [c if i in whose else self._cell(c) for i, c in enumerate(cells)]
        if self.moment and len(cells) > max(self.moment):
            day, clock = (cells[i] for i in self.moment)
            if found := _CLOCK.fullmatch(clock):
                cells[self.moment[0]] = f"{day} {_of_24_hours(*found.groups())}"
        return _joined(cells)

    def _cell(self, cell: str) -> str:
        marked = "." in cell or "," in cell or _may_be_day(cell)
        if not marked or cell[-1] not in "0123456789mM.":
            return cell
        decimal = self.commas or (self.mark == ";" and not self.points)
        if _COMMA.fullmatch(cell) and (decimal or not _GROUPED.fullmatch(cell)):
            return cell.replace(",", ".")
        if found := _THOUSANDS.fullmatch(cell):
            whole, part = found.groups()
            if part is not None:
                return whole.replace(".", "") + "." + part[1:]
            if not self.commas and (self.points or whole.lstrip("+-").startswith("0")):
                return cell
            return whole.replace(".", "'")  # 1.234 may be either: no reader takes it
        return self._day(cell)

    def _day(self, cell: str) -> str:
        found, day_first = _DOTTED.fullmatch(cell), True
        if not found and self.day_first is not None:
            found, day_first = _SLASHED.fullmatch(cell), self.day_first
        if not found:
            return cell
        one, two, year, clock, part, half = found.groups()
        day, month = (one, two) if day_first else (two, one)
        try:
            _ = datetime(int(year), int(month), int(day))  # noqa: DTZ001  (only whether it is one)
        except ValueError:
            return cell
        written = f"{year}-{int(month):02d}-{int(day):02d}"
        return written if clock is None else f"{written} {_of_24_hours(clock, part, half)}"


def _may_be_day(cell: str) -> bool:
    return "/" in cell[1:3] or "-" in cell[1:3]


def _of_24_hours(clock: str, part: str | None, half: str | None) -> str:
    """Return 1:05:00 PM as 13:05:00; what is no time of day is left for the reader to refuse."""
    hour, _, rest = clock.partition(":")
    hours = int(hour)
    if half:
        hours = hours % 12 + (12 if half in "Pp" else 0) if 1 <= hours <= 12 else 99
    return f"{hours:02d}:{rest}{(part or '').replace(',', '.')}"


def _split(text: str, mark: str) -> list[str]:
    if '"' not in text:
        return text.split(mark) if text else []
    try:
        return next(csv.reader([text], delimiter=mark), [])
    except csv.Error:  # no table's line: left as it is, for its reader to refuse
        return [text]


def _joined(cells: list[str]) -> bytes:
    if not any("," in cell or '"' in cell for cell in cells):
        return (",".join(cells) + "\n").encode("utf-8", "surrogateescape")
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().encode("utf-8", "surrogateescape")


def after_preamble(head: bytes) -> Dialect | None:
    """Return how an actigraph's export with a preamble is written, if not with commas."""
    if not any(mark in head[:8192] for mark in _MARKS):
        return None
    plain = _plain(head)
    lines = plain.split(b"\n")[:400]
    cut = {m: sum(m in line for line in lines) for m in (b",", b";", b"\t")}
    mark = max(cut, key=lambda m: cut[m])
    return None if mark == b"," else _judged(Dialect(mark=mark.decode()), plain)


def with_slashes(head: bytes) -> Dialect | None:
    """Return the dialect of a table that is written as sources know it but for 12/31/2024."""
    lines = head.removeprefix(BOM).split(b"\n", 2)
    if len(lines) < 3 or b"," not in lines[0] or not _YEAR_LAST.search(lines[1]):
        return None
    judged = _judged(Dialect(), _plain(head))
    return judged if judged.day_first is not None else None


def dialects(head: bytes, spelling: Mapping[str, str]) -> Iterator[Dialect]:
    """Yield how a table that no source knows might be written; its names are then those of sources.

    Parameters
    ----------
    head : bytes
        The beginning of the file.
    spelling : mapping
        Names of columns in small letters -> as the sources know them.
    """
    plain = _plain(head)
    if not plain or plain.lstrip()[:1] in {b"{", b"[", b"<"}:
        return
    told = _SEP.match(plain)
    body = plain[told.end() :] if told else plain
    first = body.partition(b"\n")[0].decode("utf-8", "replace").strip("\r")
    if "\r" in first:
        return
    marks = [told.group(1).decode()] if told else []
    marks += [m for m in ",;\t|" if m in first and m not in marks]
    for mark in sorted(marks, key=first.count, reverse=True):
        cells = _split(first, mark)
        base = Dialect(mark=mark, utf16=head.startswith(_UTF16), told=told is not None)
        base = _judged(base, body)
        as_is = [cell.strip() for cell in cells]
        low = [spelling.get(cell.lower(), cell.lower()) for cell in as_is]
        joined = [cell.replace(" ", "_") for cell in low]
        tried: list[list[str]] = []
        for names in (as_is, low, [spelling.get(cell, cell) for cell in joined]):
            if names not in tried:
                tried.append(names)
                whose = frozenset(i for i, name in enumerate(names) if _WHOSE.fullmatch(name))
                yield from _with_moment(replace(base, names=tuple(names), whose=whose))


def _with_moment(dialect: Dialect) -> Iterator[Dialect]:
    """Yield a dialect, and after it the one that puts a date and its time of day together."""
    yield dialect
    names = list(dialect.names or ())
    small = [name.lower() for name in names]
    if all(small.count(name) == 1 for name in _DATE_TIME) and _MOMENT not in names:
        day, clock = (small.index(name) for name in _DATE_TIME)
        names[day], names[clock] = _MOMENT, "time_of_day"
        yield replace(dialect, names=tuple(names), moment=(day, clock))


def _plain(head: bytes) -> bytes:
    """Return the beginning as UTF-8 without its byte-order mark; nothing if it is no text."""
    if head.startswith(_UTF16):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    return b"" if b"\0" in head else head.removeprefix(BOM)


def _judged(dialect: Dialect, body: bytes) -> Dialect:
    """Return a dialect with what its first lines tell of numbers and days."""
    lines = body.decode("utf-8", "replace").rpartition("\n")[0].split("\n")  # the last may be cut
    cells = [cell.strip(' "\r') for line in lines for cell in line.split(dialect.mark)]
    days = [found.groups() for found in map(_SLASHED.fullmatch, cells) if found]
    told = _day_first([(int(one), int(two), int(year)) for one, two, year, *_ in days])
    if dialect.mark == ",":
        return replace(dialect, day_first=told)
    grouped = map(_THOUSANDS.fullmatch, cells)
    commas = any(found.group(2) for found in grouped if found) or any(
        _COMMA.fullmatch(cell) and not _GROUPED.fullmatch(cell) for cell in cells
    )
    points = any(_POINT.fullmatch(cell) or _ENGLISH.fullmatch(cell) for cell in cells)
    return replace(dialect, commas=commas, points=points, day_first=told)


def _day_first(days: list[tuple[int, int, int]]) -> bool | None:
    """Tell whether 03/04/2024 is in April: by a number above 12, or by days that follow on."""
    first, second = (any(day[i] > 12 for day in days) for i in (0, 1))
    if first != second:
        return first
    if first:
        return None
    apart = [(one, two) for one, two in pairwise(days) if one != two]
    if len(days) < ROWS_A_DAY * (len(apart) + 1):
        return None  # visits, not a recording: the first of each month follows on as well
    one_on = [all(_next(*pair, day_first=order) for pair in apart) for order in (True, False)]
    return one_on[0] if apart and one_on[0] != one_on[1] else None


def _next(one: tuple[int, int, int], two: tuple[int, int, int], *, day_first: bool) -> bool:
    """Tell whether the second date is the day after the first."""
    month, day = (1, 0) if day_first else (0, 1)
    try:
        before, after = (date(d[2], d[month], d[day]) for d in (one, two))
    except ValueError:
        return False
    return after - before == timedelta(days=1)
