"""A file that no source knows: what it is like, what is missing, and what to do with it."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePath
from typing import Final

from euthymia.ground.errors import SourceError
from euthymia.ground.records import Item, Reject
from euthymia.sources.contract import Opened, Source
from euthymia.sources.lines import Gap, blocks
from euthymia.sources.table import count_rows, header_of

_MAGIC: Final = (
    (b"\xff\xfe", "it is UTF-16 text: save it as UTF-8"),
    (b"\xfe\xff", "it is UTF-16 text: save it as UTF-8"),
    (
        b"PK\x03\x04",
        "it is a zip archive inside an archive, or an Office file: unpack or export it",
    ),
    (b"\xd0\xcf\x11\xe0", "it is an old Office file: save its sheets as CSV"),
    (b"%PDF", "it is a PDF: ingest the data it was made from"),
    (b"SQLite format 3", "it is a database: export its tables as CSV"),
    (b"\x89HDF", "it is HDF5: export it as CSV"),
    (b"MSH|", "it is an HL7 v2 message: export FHIR as JSON"),
    (b"<", "it is XML or HTML: export FHIR as JSON"),
)
_PACKED: Final = (
    (b"BZh", "it is packed with bzip2: unpack it, or pack it with gzip"),
    (b"\xfd7zXZ", "it is packed with xz: unpack it, or pack it with gzip"),
    (b"7z\xbc\xaf", "it is a 7z archive: unpack it, or pack it as zip"),
    (b"Rar!", "it is a RAR archive: unpack it, or pack it as zip"),
)
_CLOCKS: Final = {"timestamp", "time", "date", "UTC time"}
"""Columns that nearly every table has: alone they say nothing about which table it is."""
_CLOCK_WORDS: Final = {name.lower() for name in _CLOCKS}
_ALIKE: Final = 0.75


def unknown(opened: Opened, known: Mapping[str, Source]) -> Iterator[Item]:
    """Yield the rejection of a file that none of the sources in `known` can read.

    Raises
    ------
    SourceError
        If it is empty, or cannot be read at all.
    """
    if opened.blob.problem:
        raise SourceError(opened.blob.problem)
    head = opened.blob.head()
    if not head:
        raise SourceError("the file is empty")
    header = () if packed(head) else header_of(head)
    near = _lacks(opened.path, header, known) or _nearest(opened.path, header, known)
    if near:
        rows = sum(
            1 if isinstance(found, Gap) else count_rows(found.data) for found in blocks(opened.blob)
        )
        yield Reject(1, f"no reader knows this table: {near}", max(rows - 1, 1))
        return
    hint = _hint(head)
    if not hint and header and {cell.lower() for cell in header} <= _CLOCK_WORDS:
        hint = f"its columns ({', '.join(header)}) are times alone: what was measured is missing"
    names = ", ".join(known)
    yield Reject(1, f"no reader knows this format{hint and ': ' + hint}; known: {names}")


def packed(head: bytes) -> str:
    """Return what to do with an archive that is not unpacked here, else nothing.

    What follows an archive's own header may look like a table of one person.
    """
    if head[257:262] == b"ustar":
        return "it is a tar archive: unpack it"
    return next((hint for start, hint in _PACKED if head.startswith(start)), "")


def _hint(head: bytes) -> str:
    magic = next((hint for start, hint in _MAGIC if head.startswith(start)), None)
    return packed(head) or magic or _layout(head)


def _layout(head: bytes) -> str:
    """Say what keeps text from being a comma-separated table with line ends."""
    if b"\0" in head:
        return ""
    if b"\r" in head and b"\n" not in head:
        return "its lines end in a bare CR: save it with LF or CRLF"
    return ""


def _lacks(path: PurePath, header: Sequence[str], known: Mapping[str, Source]) -> str:
    """Say what a file lacks of the table that its name, or its folder's, says it is."""
    found = []
    for name, source in known.items():
        table = source.table_of(path) if source.table_of else None
        missing = table.missing(header) if table and len(header) > 1 else []
        if table and missing and len(missing) < len(table.columns):
            lost = ", ".join(missing)
            found.append(
                f"it looks like {name}'s table {table.name} but lacks the column(s) {lost}"
            )
    if not found:
        return ""
    return f"{'; or '.join(found)}: export the table whole, or give its columns these names"


def _nearest(path: PurePath, header: Sequence[str], known: Mapping[str, Source]) -> str:
    """Say which known tables have about these columns, and what is missing."""
    have = {*header, *({"timestamp"} if "time" in header else ())}
    near = []
    for name, source in known.items():
        for wanted in source.headers:
            missing = [column for column in wanted if column not in have]
            alike = [c for c in missing if get_close_matches(c, header, cutoff=_ALIKE)]
            telling = [c for c in wanted if c not in _CLOCKS and (c in have or c in alike)]
            share = 1 - len(missing) / len(wanted)
            named = name in str(path).lower()
            if missing and (telling or named) and share >= 0.5:
                text = f"{name} ({', '.join(wanted)}), missing: {', '.join(missing)}"
                near.append((not alike, not named, -share, text))
    return "; or ".join(f"nearest is {text}" for *_, text in sorted(near)[:2])
