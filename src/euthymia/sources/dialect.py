"""Tables as spreadsheets save them, put into the one form that the readers know.

A European spreadsheet separates cells by `;`, writes 3,14 and 31.12.2024, and may put `sep=;` on
the first line; "Unicode text" has tabs and is UTF-16; and names of columns come back in other
letters. Only a file that no source knows as it is comes here, and it stays refused unless a source
knows it afterwards. What could be read in two ways is not read: of 03/04/2024 another date of the
same file must tell the order, and 1.234 is a number only where another one has a decimal point, and
none a decimal comma.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
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
_DOTTED: Final = re.compile(
    r"(\d\d?)\.(\d\d?)\.(\d{4})(?:,? (\d\d?:\d\d(?::\d\d)?)([.,]\d{1,6})?)?"
)
_SLASHED: Final = re.compile(r"(\d\d?)/(\d\d?)/(\d{4})(?:,? (\d\d?:\d\d(?::\d\d)?)([.,]\d{1,6})?)?")


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
        if self.mark == ",":
            return ahead + data
        if b'"' in data or b"," in data or self.commas or b"." in data or b"/" in data:
            lines = data.decode("utf-8", "surrogateescape").split("\n")
            ends = lines.pop()
            done = [self._line(line.removesuffix("\r")) for line in lines]
            return ahead + b"".join(done) + (self._line(ends)[:-1] if ends else b"")
        return ahead + data.replace(self.mark.encode(), b",")

    def _line(self, text: str) -> bytes:
        cells = [cell.strip() for cell in _split(text, self.mark)]
        whose = self.whose
        return _joined([c if i in whose else self._cell(c) for i, c in enumerate(cells)])

    def _cell(self, cell: str) -> str:
        marked = "." in cell or "," in cell or "/" in cell
        if not marked or cell[-1] not in "0123456789":
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
        one, two, year, clock, part = found.groups()
        day, month = (one, two) if day_first else (two, one)
        try:
            _ = datetime(int(year), int(month), int(day))  # noqa: DTZ001  (only whether it is one)
        except ValueError:
            return cell
        date = f"{year}-{int(month):02d}-{int(day):02d}"
        if clock is None:
            return date
        hour, _, rest = clock.partition(":")
        return f"{date} {int(hour):02d}:{rest}{(part or '').replace(',', '.')}"


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
                yield replace(base, names=tuple(names), whose=whose)


def _plain(head: bytes) -> bytes:
    """Return the beginning as UTF-8 without its byte-order mark; nothing if it is no text."""
    if head.startswith(_UTF16):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode()
    return b"" if b"\0" in head else head.removeprefix(BOM)


def _judged(dialect: Dialect, body: bytes) -> Dialect:
    """Return a dialect with what its first lines tell of numbers and days."""
    if dialect.mark == ",":
        return dialect
    lines = body.decode("utf-8", "replace").rpartition("\n")[0].split("\n")  # the last may be cut
    cells = [cell.strip(' "\r') for line in lines for cell in line.split(dialect.mark)]
    days = [found.groups() for found in map(_SLASHED.fullmatch, cells) if found]
    day, month = (any(int(parts[i]) > 12 for parts in days) for i in (0, 1))
    grouped = map(_THOUSANDS.fullmatch, cells)
    commas = any(found.group(2) for found in grouped if found) or any(
        _COMMA.fullmatch(cell) and not _GROUPED.fullmatch(cell) for cell in cells
    )
    points = any(_POINT.fullmatch(cell) or _ENGLISH.fullmatch(cell) for cell in cells)
    told = day if day != month else None
    return replace(dialect, commas=commas, points=points, day_first=told)
