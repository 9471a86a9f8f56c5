"""Tables written with bars or tabs: what a column holds is told by the words above it."""

# ruff: noqa: E501, RUF001, PLR0911 - patterns hold the signs that people write

import re
from collections.abc import Iterator, Sequence
from typing import Final

from euthymia.gateway.deid.clinical import medical
from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import drugs
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.vocabulary import LABEL_WORDS, NEVER_NAMES

_HEADS: Final = {
    Kind.PERSON: words("table_people"),
    Kind.DATE: words("table_dates"),
    Kind.ID: words("table_ids"),
    Kind.PHONE: words("table_phones"),
    Kind.LOCATION: words("table_places"),
    Kind.ADDRESS: words("table_addresses"),
}
_DATE: Final = re.compile(r"(?:0?[1-9]|[12]\d|3[01])[/.-](?:0?[1-9]|1[0-2])(?:[/.-]\d{2,4})?")
_NAME: Final = re.compile(r"[^\W\d_][\w'’.,-]*(?: [^\W\d_(][\w'’.,-]*){0,4}")
_LETTERS_ONLY: Final = re.compile(r"[A-ZÁÉÍÓÚÑ]{2,3}")
_NO_INITIALS: Final = frozenset({"PO", "IM", "IV", "SC", "BD", "OD", "NA", "NO", "SI", "OK", "PRN", "RN", "MD", "VO"})  # fmt: skip
_LEAST: Final = 2
"""Columns of a table, and headings that tell it from a form whose labels stand at the left."""


def table_spans(text: str) -> list[Span]:
    """Return the cells of tables that their column's heading calls a name, a date or a number."""
    out: list[Span] = []
    kinds: list[Kind | None] = []
    at = 0
    for line in text.split("\n"):
        cells = _cells(line)
        if len(cells) < _LEAST:
            kinds = []
        elif not kinds:
            heads = [_kind(line[a:b]) for a, b in cells]
            kinds = heads if sum(head is not None for head in heads) >= _LEAST else []
        elif len(cells) == len(kinds):
            for (a, b), kind in zip(cells, kinds, strict=True):
                if kind is not None and _holds(line[a:b], kind):
                    out.append(Span(at + a, at + b, kind, 0.75, "rule:table"))
        at += len(line) + 1
    return out


def _cells(line: str) -> Sequence[tuple[int, int]]:
    """Return where the cells of a line are, without the blanks around them; empty: no table."""
    if "|" not in line and "\t" not in line:
        return ()
    return list(_trimmed(line))


def _trimmed(line: str) -> Iterator[tuple[int, int]]:
    whole = line.strip(" \t")
    bars = "|" in whole
    for match in re.finditer(r"[^|]+" if bars else r"[^\t]+", line):
        own = match.group()
        start = match.start() + len(own) - len(own.lstrip())
        end = match.end() - len(own) + len(own.rstrip())
        if end > start:
            yield start, end
        elif bars and match.start() > 0 and match.end() < len(line):
            yield match.start(), match.start()


def _kind(heading: str) -> Kind | None:
    own = folded(heading).strip(" .:*#")
    return next((kind for kind, heads in _HEADS.items() if own in heads), None)


def _holds(cell: str, kind: Kind) -> bool:
    """Tell whether a cell is written as its kind is, and no drug, heading or remark."""
    if _kind(cell) is not None or folded(cell) in LABEL_WORDS:
        return False
    if kind is Kind.DATE:
        return _DATE.fullmatch(cell) is not None
    if kind in {Kind.ID, Kind.PHONE}:
        return sum(map(str.isdigit, cell)) > 2 and len(cell) < 30
    if kind is Kind.ADDRESS:
        return any(map(str.isdigit, cell)) and any(map(str.isalpha, cell))
    if _LETTERS_ONLY.fullmatch(cell):
        return kind is Kind.PERSON and cell not in _NO_INITIALS
    if _NAME.fullmatch(cell) is None or not cell[0].isupper():
        return False
    low = [folded(w) for w in re.findall(r"[^\W\d_]+", cell)]
    return not any(w in NEVER_NAMES or medical(w) or w in drugs() for w in low)
