"""XML of any size, element by element, in the memory of a few pieces.

A document type that declares entities is refused ("billion laughs", files of the host); one that
only declares elements and attributes, as Apple writes it, is skipped unread: it says nothing about
the data, and some exports carry one that is not well formed.
"""

import re
from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob, MiB

MAX_PROLOGUE: Final = MiB  # before the root element
MAX_TAG: Final = 4 * MiB  # between two tags: no record of a person is as long
MAX_DEPTH: Final = 64
PIECE: Final = 256 * 1024

Attributes = dict[str, str]
_ROOT: Final = re.compile(rb"<(?![!?])")
_ENTITY: Final = re.compile(rb"<!ENTITY", re.IGNORECASE)
_CUT: Final = (
    "gzip stream ends early; what came before the cut was kept; copy the file again and re-ingest"
)


class Elements:
    """Calls back for each element; see `feed`.

    Override `begin` (with the depth of the element: the root is at 1), `end` and, where text is
    wanted, `text`. `slip`: a tag that a maker is known to have written wrong, and what is read in
    its place.
    """

    slip: tuple[re.Pattern[bytes], bytes] | None = None

    def __init__(self, *, text: bool = False) -> None:
        self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser.EntityDeclHandler = _refuse_entity
        self._parser.XmlDeclHandler = _known_encoding
        if text:
            self._parser.CharacterDataHandler = self.text

    @property
    def line(self) -> int:
        """The number of the line that is being read."""
        return self._parser.CurrentLineNumber

    def begin(self, depth: int, name: str, attributes: Attributes) -> None:
        """Take the beginning of an element."""

    def end(self, depth: int, name: str) -> None:
        """Take the end of an element."""

    def text(self, data: str) -> None:
        """Take text within an element, in any number of pieces."""

    def feed(self, blob: Blob) -> Iterator[None]:
        """Read the whole file, yielding after each piece.

        Raises
        ------
        SourceError
            Where the XML is not well formed, hostile or cut; what came before was called back.
        """
        fed = 0
        try:
            for piece in self._mended(_pieces(blob)):
                self._parser.Parse(piece, False)
                fed += len(piece)
                if fed - self._parser.CurrentByteIndex > MAX_TAG:
                    raise SourceError(
                        f"line {self.line}: a tag is longer than {MAX_TAG // MiB} MiB"
                    )
                yield
            if blob.cut:
                raise SourceError(_CUT)
            self._parser.Parse(b"", True)
        except expat.ExpatError as problem:
            if blob.cut:
                raise SourceError(_CUT) from problem
            raise SourceError(_where(problem)) from problem

    def _mended(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces with the maker's slip put right, each up to where a tag begins."""
        if self.slip is None:
            yield from pieces
            return
        wrong, right = self.slip
        held = b""
        for piece in pieces:
            whole = held + piece
            cut = whole.rfind(b"<")
            if cut <= 0 and len(whole) > MAX_TAG:  # no tag is as long: `feed` refuses it
                cut = len(whole)
            held = whole[max(cut, 0) :]
            yield wrong.sub(right, whole[: max(cut, 0)])
        yield wrong.sub(right, held)

    def _begin(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SourceError(f"line {self.line}: the XML is nested more than {MAX_DEPTH} deep")
        self.begin(self._depth, name, attributes)

    def _end(self, name: str) -> None:
        self.end(self._depth, name)
        self._depth -= 1


def _where(problem: expat.ExpatError) -> str:
    words = expat.errors.messages.get(problem.code, "not well formed")
    if problem.code in _EARLY:
        return f"line {problem.lineno}: the XML ends early: the file is cut; copy it again"
    return (
        f"line {problem.lineno}, column {problem.offset + 1}: the XML is not well formed "
        f"({words}); what came before was kept; export the file again"
    )


_EARLY: Final = frozenset(
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
)


_ENCODINGS: Final = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1"})


def _known_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    """Refuse what expat does not read by itself; it would look for it among Python's codecs."""
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise SourceError("the XML is in an encoding that is not read here; export it as UTF-8")


def _refuse_doctype(*_: object) -> None:
    raise SourceError("the XML has a second document type: nothing but harm is made so")


def _refuse_entity(*_: object) -> None:
    raise SourceError(_HARM)


_HARM: Final = (
    "the XML declares entities, as an attack on its reader does (no health export needs them); "
    "nothing of it was read"
)


def _pieces(blob: Blob) -> Iterator[bytes]:
    """Yield the file without its document type; its line ends stay, so that places are right."""
    chunks = _small(blob)
    start = b""
    for chunk in chunks:
        start += chunk
        if (root := _root(start)) is not None:
            yield _plain_prologue(start[:root]) + start[root:]
            yield from chunks
            return
        if len(start) > MAX_PROLOGUE:
            raise SourceError(f"no element starts within {MAX_PROLOGUE // MiB} MiB")
    yield _plain_prologue(start)


def _small(blob: Blob) -> Iterator[bytes]:
    for chunk in blob.chunks():
        for at in range(0, len(chunk), PIECE):
            yield chunk[at : at + PIECE]


def _root(start: bytes) -> int | None:
    """Return where the root element begins; None if it is not there yet."""
    doctype = start.find(b"<!DOCTYPE")
    after = 0
    if doctype >= 0:
        bracket, close = start.find(b"[", doctype), start.find(b">", doctype)
        if close < 0:
            return None
        after = close + 1
        if 0 <= bracket < close:
            closing = re.search(rb"\]\s*>", start[bracket:])
            if not closing:
                return None
            after = bracket + closing.end()
    found = _ROOT.search(start, after)
    return found.start() if found else None


def _plain_prologue(prologue: bytes) -> bytes:
    at = prologue.find(b"<!DOCTYPE")
    if at < 0:
        return prologue
    if _ENTITY.search(prologue, at):
        raise SourceError(_HARM)
    return prologue[:at] + b"\n" * prologue.count(b"\n", at)
